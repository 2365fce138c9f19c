"""Activation functions."""

from __future__ import annotations

import warnings
from typing import Any

import cgrad
from cgrad import Tensor, _functions

__all__ = [
    "elu", "gelu", "hardtanh", "leaky_relu", "log_softmax", "relu", "sigmoid", "silu",
    "softmax", "softplus", "tanh",
]  # fmt: skip


def into(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    return input.copy_(result) if inplace else result


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), elementwise."""
    return input.relu_() if inplace else cgrad.relu(input)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), elementwise."""
    return cgrad.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent, elementwise."""
    return cgrad.tanh(input)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x · Φ(x), Φ the standard normal distribution function (Hendrycks and Gimpel, 2016).

    Args:
        input: any shape.
        approximate: ``"none"`` for the exact form, ``"tanh"`` for
            0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
    """
    return _functions.gelu(input, approximate=approximate)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x · sigmoid(x), elementwise."""
    return input.silu_() if inplace else cgrad.silu(input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta · x)) / beta; x itself where beta · x > threshold."""
    return _functions.softplus(input, beta, threshold)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where positive, negative_slope · x elsewhere."""
    return into(input, _functions.leaky_relu(input, negative_slope), inplace)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha · (exp(x) - 1) elsewhere."""
    return into(input, _functions.elu(input, alpha), inplace)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x limited to [min_val, max_val]; the gradient is zero at the limits and beyond."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    # Not clamp, whose gradient is 1 at the limits.
    inside = (input > min_val).logical_and(input < max_val)
    result = cgrad.where(inside, input, input.detach().clamp(min_val, max_val))
    return into(input, result, inplace)


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """exp(x_i) / Σ_j exp(x_j) along ``dim``.

    Args:
        input: any shape.
        dim: the dimension whose entries sum to one; to be given.
        dtype: what to convert the input to first. Default: its own
    """
    if dim is None:
        dim = _implicit_dim("softmax", input, _stacklevel)
    return cgrad.softmax(input, dim, dtype=dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """x_i - log Σ_j exp(x_j) along ``dim``, computed without overflow; see :func:`softmax`."""
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
