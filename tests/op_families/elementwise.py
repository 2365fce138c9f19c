"""Elementwise operations of one, two and three tensors."""
from __future__ import annotations

import math

import numpy as np

from cgrad._composite import inplace
from op_families.spec import (
    BINARY_SHAPES,
    EVERY,
    FLOATS,
    INTS,
    NUMBERS,
    UNARY_SHAPES,
    Bad,
    Case,
    Sample,
    T,
    binary,
    unary,
)

BITS = (*INTS, "bool")
erf = np.vectorize(math.erf, otypes=[float])
erfc = np.vectorize(math.erfc, otypes=[float])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def floating(name, numpy, domain="real", **options):
    """A function with a floating result: integers become float32."""
    return unary(name, numpy, **{"domain": domain, "dtypes": EVERY, "result": "float", **options})


def rounding(name, numpy, **options):
    # The derivative is 0 everywhere but at the jumps, which the domain avoids.
    return unary(name, numpy, **options)


def predicate(name, numpy, **options):
    return unary(name, numpy, **{"dtypes": EVERY, "result": "bool", "grad": False,
                                 "inplace": False, **options})


def compare(name, numpy):
    return binary(name, numpy, dtypes=EVERY, result="bool", grad=False,
                  more=[Sample(T(3, 4), 1), Sample(T(2), 0.5)])


def bits(name, numpy, **options):
    return binary(name, numpy, **{
        "dtypes": BITS, "grad": False,
        "errors": [Bad((T(2), T(2)), RuntimeError, name)], **options})


def clip(x, min=None, max=None):
    return np.clip(x, min, max)


NO_BOOL = [Bad((T(2, dtype="bool"),), RuntimeError, "(?i)bool")]

UNARY = [
    unary("abs", np.abs, errors=NO_BOOL),
    unary("neg", np.negative, errors=NO_BOOL),
    unary("positive", np.positive, inplace=False, errors=NO_BOOL),
    unary("sign", np.sign),
    unary("square", np.square),
    unary("relu", lambda x: np.maximum(x, 0), errors=NO_BOOL),
    unary("clone", np.copy, dtypes=EVERY, inplace=False),
    rounding("floor", np.floor, errors=NO_BOOL),
    rounding("ceil", np.ceil, errors=NO_BOOL),
    rounding("round", np.round, errors=NO_BOOL),
    rounding("trunc", np.trunc, errors=NO_BOOL),
    Case("round:decimals", lambda x, decimals: np.round(x, decimals), [
        Sample(T(3, 4), decimals=1), Sample(T(), decimals=0), Sample(T(2), decimals=-1)],
        dtypes=("float64",), inplace=True, grad=False),
    floating("reciprocal", np.reciprocal, "nonzero"),
    floating("sqrt", np.sqrt, "positive"),
    floating("rsqrt", lambda x: 1 / np.sqrt(x), "positive"),
    floating("exp", np.exp),
    floating("exp2", np.exp2),
    floating("expm1", np.expm1),
    floating("log", np.log, "positive"),
    floating("log2", np.log2, "positive"),
    floating("log10", np.log10, "positive"),
    floating("log1p", np.log1p, "positive"),
    floating("sin", np.sin),
    floating("cos", np.cos),
    floating("tan", np.tan, "unit"),
    floating("asin", np.arcsin, "unit"),
    floating("acos", np.arccos, "unit"),
    floating("atan", np.arctan),
    floating("sinh", np.sinh),
    floating("cosh", np.cosh),
    floating("tanh", np.tanh),
    floating("sigmoid", sigmoid),
    floating("erf", erf),
    floating("erfc", erfc),
    floating("asinh", np.arcsinh),
    floating("acosh", np.arccosh, "above1"),
    floating("atanh", np.arctanh, "unit"),
    floating("deg2rad", np.deg2rad),
    floating("rad2deg", np.rad2deg),
    floating("angle", np.angle, inplace=False, torch=False),
    unary("frac", lambda x: x - np.trunc(x), dtypes=FLOATS),
    unary("nan_to_num", np.nan_to_num, dtypes=EVERY),
    Case("frexp", np.frexp, UNARY_SHAPES, dtypes=FLOATS, domain="nonzero",
         result=("same", "int32"), errors=[Bad((T(2, dtype="int64"),), RuntimeError, "frexp")]),
    Case("fill", lambda x, value: np.full_like(x, value), [Sample(T(3, 4), 2), Sample(T(), T()),
                                                  Sample(T(2), value=T())], inplace=True,
         dtypes=FLOATS, errors=[Bad((T(2), T(2)), RuntimeError, "fill.*0-dim")]),
    unary("bitwise_not", np.invert, dtypes=BITS, grad=False,
          errors=[Bad((T(2),), RuntimeError, "(?i)bitwise_not|float")]),
    predicate("logical_not", np.logical_not, inplace=True),
    predicate("isnan", np.isnan),
    predicate("isinf", np.isinf),
    predicate("isfinite", np.isfinite),
    predicate("isposinf", np.isposinf), predicate("isneginf", np.isneginf),
    predicate("isreal", np.isreal), predicate("signbit", lambda x: np.asarray(x) < 0),
    Case("real", np.real, UNARY_SHAPES, dtypes=EVERY, method=False),
    unary("conj", np.conj, dtypes=EVERY, inplace=False),
    unary("conj_physical", np.conj, dtypes=EVERY),
]

NUMBER = [Sample(T(3, 4), 2), Sample(T(), -3), Sample(T(0,), 2)]
SHIFTS = [Sample(T(3, 4), T(3, 4, domain="positive")), Sample(T(3, 4), T(4, domain="positive"))]
POWERS = [Sample(T(*a.shape, domain="positive"), T(*b.shape, domain="positive"))
          for a, b in (s.args for s in BINARY_SHAPES)]

BINARY = [
    binary("add", lambda a, b, alpha=1: a + alpha * b, dtypes=EVERY,
           more=[Sample(T(3, 4), T(4), alpha=3)]),
    binary("sub", lambda a, b, alpha=1: a - alpha * b, more=[Sample(T(3, 4), T(4), alpha=3)],
           errors=[Bad((T(2, dtype="bool"), T(2, dtype="bool")), RuntimeError, "bool")]),
    binary("mul", np.multiply, dtypes=EVERY),
    Case("add:number", np.add, NUMBER, inplace=True, dtypes=FLOATS),
    Case("sub:number", np.subtract, NUMBER, inplace=True, dtypes=FLOATS),
    Case("mul:number", np.multiply, NUMBER, inplace=True, dtypes=FLOATS),
    Case("div:number", np.divide, NUMBER, inplace=True, dtypes=FLOATS),
    binary("div", np.divide, domain="nonzero", dtypes=NUMBERS, result="float"),
    Case("div:floor", lambda a, b, rounding_mode: np.floor_divide(a, b),
         [Sample(T(3, 4), T(4), rounding_mode="floor"), Sample(T(), T(), rounding_mode="floor")],
         domain="nonzero", inplace=True, dtypes=("float32", "float64", "int16", "int64"),
         covers=("floor_divide",)),
    Case("div:trunc", lambda a, b, rounding_mode: np.trunc(np.divide(a, b)).astype(a.dtype),
         [Sample(T(3, 4), T(4), rounding_mode="trunc")], domain="nonzero", inplace=True,
         covers=("trunc_divide",),
         errors=[Bad((T(2), T(2)), RuntimeError, "rounding_mode", {"rounding_mode": "up"})]),
    binary("floor_divide", np.floor_divide, domain="nonzero", grad=False,
           errors=[Bad((T(2, dtype="int64"), 0), RuntimeError, "(?i)zero")]),
    binary("remainder", np.remainder, domain="nonzero",
           errors=[Bad((T(2, dtype="int64"), 0), RuntimeError, "(?i)zero")]),
    binary("fmod", np.fmod, domain="nonzero",
           errors=[Bad((T(2, dtype="int64"), 0), RuntimeError, "(?i)zero")]),
    Case("pow", np.power, POWERS, inplace=True, tolerance=4, errors=[
        Bad((T(2, dtype="int64"), -1), RuntimeError, "negative integer powers"),
        Bad((T(2, 3), T(4)), RuntimeError, "pow.*2, 3.*4")]),
    Case("pow:number", np.power, [Sample(T(3, 4), n) for n in (0, 1, 2, 3, 4)] + [Sample(T(), 2)],
         inplace=True, tolerance=4),
    Case("pow:fraction", np.power, [Sample(T(3, 4), p) for p in (0.5, -0.5, 2.5, -1.0, -2.0)],
         domain="positive", dtypes=FLOATS, inplace=True, tolerance=4),
    Case("pow:base", lambda p, x: np.power(np.float64(p), x),
         [Sample(2.5, T(3, 4)), Sample(2, T()), Sample(1.0, T(2))], dtypes=FLOATS, method=False,
         tolerance=4),
    binary("maximum", np.maximum, dtypes=EVERY, inplace=False),
    binary("minimum", np.minimum, dtypes=EVERY, inplace=False),
    binary("fmax", np.fmax, dtypes=EVERY, inplace=False),
    binary("fmin", np.fmin, dtypes=EVERY, inplace=False),
    binary("hypot", np.hypot, dtypes=FLOATS, errors=[Bad((T(2), 1.0), TypeError, "hypot")]),
    binary("logaddexp", np.logaddexp, dtypes=FLOATS, inplace=False),
    binary("logaddexp2", np.logaddexp2, dtypes=FLOATS, inplace=False),
    binary("copysign", np.copysign, domain="nonzero", result="float",
           more=[Sample(T(3, 4), -1.0)]),
    Case("nextafter", np.nextafter, BINARY_SHAPES, dtypes=("float64",), grad=False, inplace=True,
         errors=[Bad((T(2), 1.0), TypeError, "nextafter")]),
    Case("gcd", np.gcd, BINARY_SHAPES, dtypes=INTS, grad=False, inplace=True,
         errors=[Bad((T(2), T(2)), RuntimeError, "gcd")]),
    Case("lcm", np.lcm, BINARY_SHAPES, dtypes=INTS, grad=False, inplace=True,
         errors=[Bad((T(2), T(2)), RuntimeError, "lcm")]),
    Case("ldexp", lambda a, b: a * 2.0 ** b, BINARY_SHAPES, dtypes=FLOATS, inplace=True),
    binary("heaviside", np.heaviside, said="where", dtypes=FLOATS, grad=False, errors=[
        Bad((T(2), T(2, dtype="float64")), RuntimeError, "heaviside.*dtypes")]),
    Case("rsub", lambda a, b, alpha=1: b - alpha * a, [*BINARY_SHAPES, Sample(T(3), 2),
                                                       Sample(T(3, 4), T(4), alpha=3)],
         method=False),
    Case("float_power", np.float_power, [*POWERS, Sample(T(3, domain="positive"), 2),
                                         Sample(2.5, T(3))],
         result="float64", method=False, dtypes=("float64", "float32", "int64"),
         domain="positive"),
    binary("atan2", np.arctan2, domain="nonzero", result="float"),
    compare("eq", np.equal), compare("ne", np.not_equal), compare("lt", np.less),
    compare("le", np.less_equal), compare("gt", np.greater), compare("ge", np.greater_equal),
    binary("logical_and", np.logical_and, dtypes=EVERY, result="bool", grad=False),
    binary("logical_or", np.logical_or, dtypes=EVERY, result="bool", grad=False),
    binary("logical_xor", np.logical_xor, dtypes=EVERY, result="bool", grad=False),
    bits("bitwise_and", np.bitwise_and), bits("bitwise_or", np.bitwise_or),
    bits("bitwise_xor", np.bitwise_xor),
    Case("bitwise_left_shift", np.left_shift, SHIFTS, dtypes=INTS, grad=False, inplace=True),
    Case("bitwise_right_shift", np.right_shift, SHIFTS, dtypes=INTS, grad=False, inplace=True),
    binary("isclose", np.isclose, said="eq", inplace=False, result="bool", grad=False,
           dtypes=FLOATS, more=[Sample(T(3), T(3), rtol=1.0), Sample(T(3), T(3), 0.0, 2.0)]),
    Case("allclose", np.allclose, [Sample(T(3), T(3)), Sample(T(3), T(3), 0.0, 100.0)],
         grad=False, result="bool", dtypes=FLOATS),
    Case("equal", np.array_equal, [Sample(T(3), T(3)), Sample(T(3), T(2)), Sample(T(0), T(0))],
         grad=False, result="bool", dtypes=EVERY),
]

MASK = T(3, 4, dtype="bool")
TERNARY = [
    Case("where", np.where, [
        Sample(MASK, T(3, 4), T(3, 4)), Sample(MASK, T(4), T(3, 1)), Sample(MASK, T(), T(3, 4)),
        Sample(T(dtype="bool"), T(2), T(3, 1)), Sample(T(0, 3, dtype="bool"), T(3), T(0, 1))],
        dtypes=EVERY, method=False, errors=[
            Bad((T(2, 3, dtype="bool"), T(2, 3), T(4)), RuntimeError, "where"),
            Bad((T(2), T(2), T(2)), RuntimeError, "(?i)where.*bool")]),
    Case("where:number", lambda m, a, b: np.where(m, a, b).astype(np.result_type(
        *(x for x in (a, b) if isinstance(x, np.ndarray)))),
        [Sample(MASK, T(3, 4), 2), Sample(MASK, 0, T(4))], method=False),
    Case("where:condition", lambda m: np.nonzero(m), [Sample(MASK), Sample(T(3, 4))],
         dtypes=NUMBERS, grad=False, result="int64", method=False),
    Case("clamp", clip, [
        Sample(T(3, 4), min=-1, max=1), Sample(T(3, 4), -1), Sample(T(3, 4), max=1),
        Sample(T(), 0, 1), Sample(T(0, 2), 0, 1), Sample(T(2, 3), 1, -1)],
        dtypes=("float32", "float64", "int8", "int16", "int32", "int64"), inplace=True,
        errors=[Bad((T(2),), RuntimeError, "clamp.*min.*max")]),
    Case("clamp_min", lambda x, min: np.maximum(x, min), [
        Sample(T(3, 4), 1), Sample(T(3, 4), T(4)), Sample(T(), min=0)], inplace=True,
        errors=[Bad((1.0, T(2)), TypeError, "clamp_min")]),
    Case("clamp_max", lambda x, max: np.minimum(x, max), [
        Sample(T(3, 4), 1), Sample(T(3, 4), T(4)), Sample(T(), max=0)], inplace=True,
        errors=[Bad((1.0, T(2)), TypeError, "clamp_max")]),
    Case("clamp:tensors", clip, [
        Sample(T(3, 4), T(4), T(3, 1)), Sample(T(3, 4), max=T(4)), Sample(T(3, 4), T())],
        inplace=True, covers=("maximum", "minimum")),
    Case("lerp", lambda a, b, w: a + w * (b - a), [
        Sample(T(3, 4), T(3, 4), 0.3), Sample(T(3, 4), T(4), T(3, 1)), Sample(T(), T(), 0.7)],
        dtypes=FLOATS, inplace=True, errors=[
            Bad((T(2), T(2, dtype="float64"), 0.5), RuntimeError, "lerp.*end"),
            Bad((T(2), T(2), T(2, dtype="float64")), RuntimeError, "lerp.*weight")]),
    Case("addcmul", lambda x, a, b, value=1: x + value * a * b, [
        Sample(T(3, 4), T(3, 4), T(3, 4)), Sample(T(3, 4), T(4), T(3, 1), value=2)],
        inplace=True),
    Case("addcdiv", lambda x, a, b, value=1: x + value * a / b, [
        Sample(T(3, 4), T(3, 4), T(3, 4)), Sample(T(3, 4), T(4), T(3, 1), value=2)],
        domain="nonzero", dtypes=FLOATS, inplace=True, errors=[
            Bad((T(2), T(2, dtype="int64"), T(2, dtype="int64")), RuntimeError, "(?i)addcdiv")]),
    Case("masked_fill", lambda x, m, v: np.where(m, v, x).astype(x.dtype), [
        Sample(T(3, 4), MASK, 2), Sample(T(3, 4), T(4, dtype="bool"), 0),
        Sample(T(3, 4), MASK, T()), Sample(T(), T(dtype="bool"), 1)],
        dtypes=EVERY, inplace=True, errors=[Bad((T(2), T(2), 1.0), RuntimeError, "bool"), Bad(
            (T(2, 3), T(4, dtype="bool"), 1.0), RuntimeError, "masked_fill|where")]),
]

CASES = UNARY + BINARY + TERNARY

INTERNAL = {
    "sigmoid_backward": "sigmoid",
    "square_backward": "square",
    "tanh_backward": "tanh",
    "threshold_backward": "relu",
    "safe_div": "log", "safe_mul": "asin",
    "tied": "square",
    "twice": "square",
}

ALIASES = {
    "absolute": "abs", "arccosh": "acosh", "arcsinh": "asinh", "arctanh": "atanh",
    "arccos": "acos", "arcsin": "asin", "arctan": "atan", "arctan2": "atan2",
    "clip": "clamp", "divide": "div", "fix": "trunc", "greater": "gt",
    "greater_equal": "ge", "less": "lt", "less_equal": "le", "multiply": "mul",
    "negative": "neg", "not_equal": "ne", "resolve_conj": "conj", "resolve_neg": "conj",
    "sgn": "sign",
    "subtract": "sub", "true_divide": "div",
}

ELSEWHERE = {
    "imag": "raises always: test_elementwise.py",
    "is_complex": "no tensor to compare: test_elementwise.py",
    "is_conj": "the same", "is_neg": "the same", "is_signed": "the same",
    **dict.fromkeys(inplace.NAMES, "methods, as functions: test_elementwise.py"),
}
