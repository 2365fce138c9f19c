"""Activation functions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import cgrad
from cgrad import Tensor, _functions
from cgrad._composite.register import check_tensor
from cgrad._tensor.tensor import InPlace

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid",
    "hardswish", "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid",
    "mish", "prelu", "relu", "relu6", "relu_", "rrelu", "rrelu_", "selu", "selu_", "sigmoid",
    "silu", "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink",
    "threshold", "threshold_",
]  # fmt: skip

logsigmoid = _functions.logsigmoid
hardshrink = _functions.hardshrink
softshrink = _functions.softshrink
prelu = cgrad.prelu

_change: dict[Callable[..., Tensor], Callable[..., Tensor]] = {
    function: InPlace(function, function.__name__ + "_")
    for function in (
        _functions.celu, _functions.elu, _functions.hardsigmoid, _functions.hardswish,
        _functions.hardtanh, _functions.leaky_relu, _functions.mish, _functions.selu,
        _functions.threshold, cgrad.rrelu,
    )
}  # fmt: skip


def into(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    return input.copy_(result) if inplace else result


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), elementwise.

    Example::

        >>> cgrad.nn.functional.relu(cgrad.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    return input.relu_() if inplace else cgrad.relu(input)


def relu_(input: Tensor) -> Tensor:
    """In-place version of :func:`relu`."""
    if not isinstance(input, Tensor):
        check_tensor("relu_", input)
    return input.relu_()


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6); the derivative is 0 at the limits and beyond.

    Example::

        >>> cgrad.nn.functional.relu6(cgrad.tensor([-1.0, 2.0, 8.0]))
        tensor([0., 2., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), elementwise.

    Example::

        >>> cgrad.nn.functional.sigmoid(cgrad.tensor([0.0, 2.0]))
        tensor([0.5000, 0.8808])
    """
    return cgrad.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent, elementwise.

    Example::

        >>> cgrad.nn.functional.tanh(cgrad.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7616])
    """
    return cgrad.tanh(input)


def gelu(input: Tensor, approximate: str = "none", *, out: Tensor | None = None) -> Tensor:
    """x · Φ(x), Φ the standard normal distribution function (Hendrycks and Gimpel, 2016).

    Args:
        input: any shape.
        approximate: ``"none"`` for the exact form, ``"tanh"`` for
            0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
        out: where to store the result. Default: a new tensor

    Example::

        >>> cgrad.nn.functional.gelu(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.1587,  1.9545])
    """
    return _functions.gelu(input, approximate, out=out)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x · sigmoid(x), elementwise.

    Example::

        >>> cgrad.nn.functional.silu(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.2689,  1.7616])
    """
    return input.silu_() if inplace else cgrad.silu(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · tanh(log(1 + exp(x))) (Misra, 2019).

    Example::

        >>> cgrad.nn.functional.mish(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.3034,  1.9440])
    """
    return (_change[_functions.mish] if inplace else _functions.mish)(input)


def softplus(
    input: Tensor, beta: float = 1.0, threshold: float = 20.0, *, out: Tensor | None = None
) -> Tensor:
    """log(1 + exp(beta · x)) / beta; x itself where beta · x > threshold.

    Example::

        >>> cgrad.nn.functional.softplus(cgrad.tensor([-1.0, 0.0, 30.0]))
        tensor([ 0.3133,  0.6931, 30.0000])
    """
    return _functions.softplus(input, beta, threshold, out=out)


def softsign(input: Tensor) -> Tensor:
    """x / (1 + abs(x)), elementwise.

    Example::

        >>> cgrad.nn.functional.softsign(cgrad.tensor([-1.0, 3.0]))
        tensor([-0.5000,  0.7500])
    """
    return input / (input.abs() + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x), elementwise.

    Example::

        >>> cgrad.nn.functional.tanhshrink(cgrad.tensor([0.0, 1.0]))
        tensor([0.0000, 0.2384])
    """
    return input - input.tanh()


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where positive, negative_slope · x elsewhere.

    Example::

        >>> cgrad.nn.functional.leaky_relu(cgrad.tensor([-1.0, 2.0]), 0.25)
        tensor([-0.2500,  2.0000])
    """
    if inplace:
        return leaky_relu_(input, negative_slope)
    return _functions.leaky_relu(input, negative_slope)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """In-place version of :func:`leaky_relu`."""
    return _change[_functions.leaky_relu](input, negative_slope)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """x where positive, a · x elsewhere (Xu et al., 2015).

    Args:
        input: any shape.
        lower, upper: bounds of the slope a. Default: 1/8, 1/3
        training: draw a for each element; otherwise it is the middle of the bounds.
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.functional.rrelu(cgrad.tensor([-1.0, 2.0]), 0.25, 0.25)
        tensor([-0.2500,  2.0000])
    """
    function = _change[cgrad.rrelu] if inplace else cgrad.rrelu
    return function(input, lower, upper, training)


def rrelu_(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """In-place version of :func:`rrelu`."""
    return rrelu(input, lower, upper, training, inplace=True)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha · (exp(x) - 1) elsewhere.

    Example::

        >>> cgrad.nn.functional.elu(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """
    return elu_(input, alpha) if inplace else _functions.elu(input, alpha)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place version of :func:`elu`."""
    return _change[_functions.elu](input, alpha)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha · (exp(x / alpha) - 1) elsewhere (Barron, 2017).

    Example::

        >>> cgrad.nn.functional.celu(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """
    return celu_(input, alpha) if inplace else _functions.celu(input, alpha)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place version of :func:`celu`.

    Example::

        >>> cgrad.nn.functional.celu_(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """
    return _change[_functions.celu](input, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """1.0507 · (x where positive, 1.6733 · (exp(x) - 1) elsewhere) (Klambauer et al., 2017).

    Example::

        >>> cgrad.nn.functional.selu(cgrad.tensor([-1.0, 2.0]))
        tensor([-1.1113,  2.1014])
    """
    return selu_(input) if inplace else _functions.selu(input)


def selu_(input: Tensor) -> Tensor:
    """In-place version of :func:`selu`."""
    return _change[_functions.selu](input)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x limited to [min_val, max_val]; the derivative is zero at the limits and beyond.

    Example::

        >>> cgrad.nn.functional.hardtanh(cgrad.tensor([-4.0, 0.5, 4.0]))
        tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise ValueError("hardtanh: min_val cannot be greater than max_val, but they are "
                         f"{min_val} and {max_val}")  # fmt: skip
    function = _change[_functions.hardtanh] if inplace else _functions.hardtanh
    return function(input, min_val, max_val)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """In-place version of :func:`hardtanh`."""
    return hardtanh(input, min_val, max_val, inplace=True)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """x / 6 + 1 / 2 limited to [0, 1]; the derivative is zero at the limits and beyond.

    Example::

        >>> cgrad.nn.functional.hardsigmoid(cgrad.tensor([-4.0, 0.0, 4.0]))
        tensor([0.0000, 0.5000, 1.0000])
    """
    return (_change[_functions.hardsigmoid] if inplace else _functions.hardsigmoid)(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x · hardsigmoid(x) (Howard et al., 2019).

    Example::

        >>> cgrad.nn.functional.hardswish(cgrad.tensor([-4.0, 0.0, 4.0]))
        tensor([-0., 0., 4.])
    """
    return (_change[_functions.hardswish] if inplace else _functions.hardswish)(input)


def threshold(
    input: Tensor, threshold: float, value: float, inplace: bool = False
) -> Tensor:
    """x where it exceeds ``threshold``, ``value`` elsewhere.

    Example::

        >>> cgrad.nn.functional.threshold(cgrad.tensor([0.5, 2.0]), 1.0, 0.0)
        tensor([0., 2.])
    """
    if inplace:
        return threshold_(input, threshold, value)
    return _functions.threshold(input, threshold, value)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """In-place version of :func:`threshold`."""
    return _change[_functions.threshold](input, threshold, value)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a · sigmoid(b), a and b the two halves of the input along ``dim`` (Dauphin et al., 2016).

    Raises:
        RuntimeError: the input has no dimension, or its size along ``dim`` is odd.

    Example::

        >>> cgrad.nn.functional.glu(cgrad.tensor([6.0, 0.0]))
        tensor([3.])
    """
    if input.dim() == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim} is size {size}"
        )
    half = size // 2
    return input.narrow(dim, 0, half) * input.narrow(dim, half, half).sigmoid()


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """:func:`softmax` of -x.

    Example::

        >>> cgrad.nn.functional.softmin(cgrad.tensor([0.0, 0.0, 1.0]), dim=0)
        tensor([0.4223, 0.4223, 0.1554])
    """
    if dim is None:
        dim = _implicit_dim("softmin", input, _stacklevel)
    return cgrad.softmax(-input, dim, dtype=dtype)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """Nearly one-hot samples, differentiable with respect to ``logits`` (Jang et al., 2017).

    Args:
        logits: unnormalized log-probabilities, any shape.
        tau: temperature; the smaller, the nearer to one-hot.
        hard: give one-hot samples, with the derivative of the soft ones. Default: ``False``
        eps: without effect.
        dim: the dimension of the classes. Default: the last

    Example::

        >>> cgrad.nn.functional.gumbel_softmax(cgrad.zeros(2, 3), hard=True).sum(dim=-1)
        tensor([1., 1.])
    """
    noise = -cgrad.empty_like(logits).exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.argmax(dim, keepdim=True)
    one_hot = cgrad.zeros_like(logits).scatter_(dim, index, 1.0)
    return one_hot - soft.detach() + soft


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """exp(x_i) / Σ_j exp(x_j) along ``dim``.

    Args:
        input: any shape.
        dim: the dimension whose entries sum to one; to be given.
        dtype: what to convert the input to first. Default: its own

    Example::

        >>> cgrad.nn.functional.softmax(cgrad.tensor([0.0, 0.0, 1.0]), dim=0)
        tensor([0.2119, 0.2119, 0.5761])
    """
    if dim is None:
        dim = _implicit_dim("softmax", input, _stacklevel)
    return cgrad.softmax(input, dim, dtype=dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """x_i - log Σ_j exp(x_j) along ``dim``, computed without overflow; see :func:`softmax`.

    Example::

        >>> cgrad.nn.functional.log_softmax(cgrad.zeros(2), dim=0)
        tensor([-0.6931, -0.6931])
    """
    if dim is None:
        dim = _implicit_dim("log_softmax", input, _stacklevel)
    return cgrad.log_softmax(input, dim, dtype=dtype)


def _implicit_dim(name: str, input: Tensor, stacklevel: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if input.dim() in (0, 1, 3) else 1
