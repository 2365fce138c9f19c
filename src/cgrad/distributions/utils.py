"""What distributions share: broadcasting of parameters, probabilities and logits, lazy values."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import cgrad
from cgrad import Tensor

__all__ = [
    "broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits",
    "tril_matrix_to_vec", "vec_to_tril_matrix",
]  # fmt: skip

EULER = 0.57721566490153286061
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
SQRT_2 = math.sqrt(2)

Shape = Sequence[int]
NONE = cgrad.Size()


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors and numbers, broadcast to one shape.

    Numbers take the dtype of the first tensor among them, or the default floating point dtype
    where there is none.  Tensors that have one shape already come back as they are.

    Raises:
        ValueError: a value is neither a number nor a tensor.

    Example::

        >>> a, b = cgrad.distributions.utils.broadcast_all(0.5, cgrad.zeros(2))
        >>> a
        tensor([0.5000, 0.5000])
    """
    first = next((v for v in values if isinstance(v, Tensor)), None)
    tensors = []
    for v in values:
        if not isinstance(v, Tensor):
            if not isinstance(v, (int, float)) and not hasattr(v, "__float__"):
                raise ValueError("broadcast_all: input arguments must all be numbers or Tensors, "
                                 f"got {type(v).__name__}")
            dtype = cgrad.get_default_dtype() if first is None else first.dtype
            v = cgrad.tensor(v, dtype=dtype)
        tensors.append(v)
    shape = tensors[0].shape
    if all(t.shape == shape for t in tensors[1:]):
        return tuple(tensors)
    shape = cgrad.broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t if t.shape == shape else t.expand(shape) for t in tensors)


def standard_normal(shape: Shape, like: Tensor) -> Tensor:
    """Standard normal numbers in the dtype of a parameter."""
    return cgrad.randn(shape, dtype=like.dtype)


def _standard_normal(shape: Shape, dtype: Any, device: Any) -> Tensor:
    # Distributions of others import this from PyTorch's module, and _sum_rightmost below.
    return cgrad.randn(shape, dtype=dtype, device=device)


def tiny(x: Tensor) -> float:
    """The least positive normal number of the dtype."""
    return cgrad.finfo(x.dtype).tiny


def eps(x: Tensor) -> float:
    """Distance from 1 to the next number of the dtype."""
    return cgrad.finfo(x.dtype).eps


def uniform_open(shape: Shape, like: Tensor) -> Tensor:
    """Uniform numbers without 0: safe to take the logarithm of."""
    return cgrad.rand(shape, dtype=like.dtype).clamp_(min=tiny(like))


def sum_rightmost(x: Tensor, dims: int) -> Tensor:
    """Sum over the last `dims` dimensions."""
    return x if not dims else x.sum(tuple(range(-dims, 0)))


_sum_rightmost = sum_rightmost


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities moved into [eps, 1 - eps], where logarithms and logits are finite."""
    e = eps(probs)
    return probs.clamp(min=e, max=1 - e)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """log p of categories, or log(p / (1 - p)) where `is_binary`."""
    p = clamp_probs(probs)
    return p.log() - (-p).log1p() if is_binary else p.log()


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Softmax over the last dimension, or the sigmoid of each where `is_binary`."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


class lazy_property:
    """A property that is computed once, with recording on, and then is an attribute."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__
        self.__name__ = compute.__name__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with cgrad.enable_grad():
            value = self.compute(instance)
        setattr(instance, self.__name__, value)
        return value

    if TYPE_CHECKING:
        def __set__(self, instance: Any, value: Any) -> None: ...


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The entries of a (..., n, n) matrix on and below the diagonal `diag`, row by row.

    Raises ValueError for a diagonal outside the matrix.
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = cgrad.tril_indices(n, n, offset=diag)
    return mat[..., rows, columns]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """Inverse of :func:`tril_matrix_to_vec`; zeros elsewhere.

    Raises ValueError where the length is that of no such matrix.
    """
    count = vec.shape[-1]
    # The rows hold 1 + diag, 2 + diag, ..., n + diag entries: n (n + 1) / 2 + n diag in all.
    root = math.sqrt((1 + 2 * diag) ** 2 + 8 * count + 4 * abs(diag) * (diag + 1))
    n = (-(1 + 2 * diag) + root) / 2
    if not round(n * 4) / 4 == round(n) or abs(n - round(n)) > eps(vec):
        raise ValueError(f"The size of last dimension is {count} which cannot be expressed as the "
                         "lower triangular part of a square D x D matrix.")
    size = round(n)
    rows, columns = cgrad.tril_indices(size, size, offset=diag)
    flat = vec.new_zeros((*vec.shape[:-1], size * size))
    place = (rows * size + columns).expand(vec.shape)
    return flat.scatter(-1, place, vec).unflatten(-1, (size, size))
