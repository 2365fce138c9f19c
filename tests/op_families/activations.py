"""Activation functions."""
from __future__ import annotations

import math

import numpy as np

from op_families.elementwise import erf, sigmoid
from op_families.spec import FLOATS, INTS, UNARY_SHAPES, Bad, Case, Sample, T

NO_INT = [Bad((T(2, dtype="int64"),), RuntimeError, "(?i)int64|long|float")]


def softplus(x, beta=1.0, threshold=20.0):
    return np.where(x * beta > threshold, x, np.log1p(np.exp(beta * x)) / beta)


def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(x))


def selu(x):
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def hardsigmoid(x):
    return np.clip(x / 6 + 0.5, 0, 1)


def prelu(x, w):
    return np.where(x > 0, x, x * (w.reshape(-1, *(1,) * (x.ndim - 2)) if w.size != 1 else w))


def glu(x, dim=-1):
    a, b = np.split(x, 2, dim)
    return a * sigmoid(b)


def softmax(x, dim):
    return np.exp(x) / np.exp(x).sum(dim, keepdims=True)


def activation(name, numpy, *more, **options):
    """A function of nn.functional; integers are refused."""
    return Case("nn.functional." + name, numpy, [*UNARY_SHAPES, *more], **{
        "dtypes": FLOATS, "method": False, "errors": NO_INT, **options})


CASES = [
    activation("relu", lambda x: np.maximum(x, 0), errors=[]),
    activation("relu6", lambda x: np.clip(x, 0, 6), dtypes=(*FLOATS, *INTS), errors=[]),
    activation("sigmoid", sigmoid, errors=[]),
    activation("tanh", np.tanh, errors=[]),
    activation("gelu", gelu, Sample(T(3, 4), approximate="tanh"),
               Sample(T(), approximate="tanh"), covers=("gelu_tanh",), errors=[
                   *NO_INT, Bad((T(2),), RuntimeError, "approximate", {"approximate": "other"})]),
    activation("silu", lambda x: x * sigmoid(x)),
    activation("mish", lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    activation("softplus", softplus, Sample(T(3, 4), beta=2.0),
               Sample(T(3, 4), beta=3.0, threshold=4.0)),
    activation("logsigmoid", lambda x: -np.log1p(np.exp(-x)), covers=("log_sigmoid",)),
    activation("leaky_relu", lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
               Sample(T(3, 4), negative_slope=0.3), Sample(T(3, 4), 0.2)),
    activation("elu", elu, Sample(T(3, 4), alpha=0.5)),
    activation("celu", lambda x, alpha=1.0: elu(x / alpha, 1.0) * alpha,
               Sample(T(3, 4), alpha=0.5), Sample(T(3), 2.0),
               errors=[*NO_INT, Bad((T(2), 0.0), RuntimeError, "alpha cannot be 0")]),
    activation("selu", selu),
    activation("hardtanh", lambda x, min_val=-1, max_val=1: np.clip(x, min_val, max_val),
               Sample(T(3, 4), -0.5, 1.5), dtypes=FLOATS,
               errors=[Bad((T(2), 1.0, -1.0), ValueError, "min_val")]),
    # In float64 too PyTorch's slope is the float32 number nearest to 1/6.
    activation("hardsigmoid", hardsigmoid, torch=False),
    activation("hardswish", lambda x: x * hardsigmoid(x)),
    activation("hardshrink", lambda x, lambd=0.5: np.where(np.abs(x) > lambd, x, 0),
               Sample(T(3, 4), 1.0)),
    activation("softshrink", lambda x, lambd=0.5: np.sign(x) * np.maximum(np.abs(x) - lambd, 0),
               Sample(T(3, 4), 1.0),
               errors=[*NO_INT, Bad((T(2), -1.0), RuntimeError, "lambda must be")]),
    activation("tanhshrink", lambda x: x - np.tanh(x), errors=[]),
    activation("softsign", lambda x: x / (1 + np.abs(x)), errors=[]),
    Case("nn.functional.threshold", lambda x, limit, value: np.where(x > limit, x, value).astype(
        x.dtype), [Sample(T(3, 4), 0.5, 2.0), Sample(T(), -1.0, 1.0), Sample(T(0, 2), 0.0, 1.0)],
        dtypes=FLOATS, method=False),
    activation("rrelu", lambda x, lower=1 / 8, upper=1 / 3: np.where(
        x > 0, x, x * (lower + upper) / 2), Sample(T(3, 4), 0.1, 0.2),
        errors=[*NO_INT, Bad((T(2), 0.5, 0.2), RuntimeError, "(?i)lower")]),
    Case("prelu", prelu, [Sample(T(3, 4), T(4)), Sample(T(3, 4), T(1)), Sample(T(2, 3, 2), T(3)),
                          Sample(T(), T()), Sample(T(3), T(1)), Sample(T(0, 3), T(3))],
         dtypes=FLOATS, errors=[
             Bad((T(2, 3), T(2)), RuntimeError, "prelu.*2.*3"),
             Bad((T(2, 3), T(1, 3)), RuntimeError, "prelu.*ndim = 2"),
             Bad((T(2, 3), T(3, dtype="float64")), RuntimeError, "prelu.*float")]),
    Case("nn.functional.glu", glu, [Sample(T(3, 4)), Sample(T(4, 3), 0), Sample(T(2, 4, 3), dim=1)],
         dtypes=FLOATS, method=False, errors=[
             Bad((T(3, 3),), RuntimeError, "even"), Bad((T(),), RuntimeError, "0-dim")]),
    Case("nn.functional.softmin", lambda x, dim: softmax(-x, dim), [
        Sample(T(3, 4), 1), Sample(T(3, 4), dim=0)], dtypes=FLOATS, method=False),
]

ALIASES = {
    "celu": "nn.functional.celu", "hardshrink": "nn.functional.hardshrink",
    "nn.functional.prelu": "prelu", "rrelu": "nn.functional.rrelu",
    "selu": "nn.functional.selu", "silu": "nn.functional.silu",
    "threshold": "nn.functional.threshold",
}

_IN_PLACE = "an in-place form: test_activations.py"
ELSEWHERE = dict.fromkeys(("celu_", "rrelu_", "selu_", "threshold_"), _IN_PLACE)
