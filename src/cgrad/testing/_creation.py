"""make_tensor: random tensors for tests."""
from __future__ import annotations

import math
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._tensor.size import device as _device

__all__ = ["make_tensor"]


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: str | _device,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of random values, evenly distributed over [low, high).

    Args:
        *shape: the sizes, or one sequence of them.
        dtype: any dtype.
        device: "cpu".
        low: the least value. Default: -9, and 0 for uint8 and bool
        high: beyond the greatest value. Default: 9, 10 for integers, 2 for bool
        requires_grad: for floating-point types. Default: ``False``
        noncontiguous: leave a gap after each element. Default: ``False``
        exclude_zero: replace zeros by the smallest positive value or 1. Default: ``False``
        memory_format: accepted.

    Raises:
        ValueError: the bounds are NaN, in the wrong order or beyond the type, or
            ``requires_grad`` is set for another type.

    Example::

        >>> cgrad.testing.make_tensor((2, 3), dtype=cgrad.int8, device="cpu", low=0, high=1)
        tensor([[0, 0, 0],
                [0, 0, 0]], dtype=cgrad.int8)
    """
    cgrad.empty(0, device=device)
    sizes = list(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else list(shape)
    if noncontiguous and memory_format is not None:
        raise ValueError("make_tensor: noncontiguous and memory_format cannot both be given")
    if requires_grad and not dtype.is_floating_point:
        raise ValueError(f"make_tensor: requires_grad must be False for dtype {dtype}")
    least, most = _limits(dtype)
    defaults = ((0, 2) if dtype is cgrad.bool else (0, 10) if dtype is cgrad.uint8
                else (-9, 9) if dtype.is_floating_point else (-9, 10))
    low, high = (d if given is None else given for given, d in zip((low, high), defaults))
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"make_tensor: low and high must not be NaN, got {low} and {high}")
    if not low < high:
        raise ValueError(f"make_tensor: low must be less than high, got {low} >= {high}")
    if high <= least or low > most:
        raise ValueError(f"make_tensor: [{low}, {high}) holds no value of {dtype}")
    full = [*sizes, 2] if noncontiguous else sizes
    if dtype.is_floating_point:
        low, high = max(low, least), min(high, most)
        result = cgrad.empty(full, dtype=dtype).uniform_(low, high)
    else:
        first, end = math.ceil(max(low, least)), math.ceil(min(high, most + 1))
        if first >= end:
            raise ValueError(f"make_tensor: [{low}, {high}) holds no value of {dtype}")
        result = cgrad.randint(first, end, full, dtype=dtype)
    if noncontiguous:
        result = result[..., 0]
    if exclude_zero:
        tiny = cgrad.finfo(dtype).tiny if dtype.is_floating_point else 1
        result[result == 0] = tiny
    return result.requires_grad_(requires_grad)


def _limits(dtype: Any) -> tuple[float, float]:
    if dtype is cgrad.bool:
        return 0, 1
    if dtype.is_floating_point:
        return cgrad.finfo(dtype).min, cgrad.finfo(dtype).max
    return cgrad.iinfo(dtype).min, cgrad.iinfo(dtype).max
