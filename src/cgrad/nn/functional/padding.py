"""Padding."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import cgrad
from cgrad._tensor.tensor import Tensor

__all__ = ["pad"]


def _inside(n: int, left: int, right: int, mode: str) -> np.ndarray:
    # The positions that the padded line of n elements reads.
    at = np.arange(-left, n + right)
    if mode == "replicate":
        return at.clip(0, n - 1)
    if mode == "circular":
        # What is cut off does not come back at the other end.
        kept = np.arange(n)[max(-left, 0):n - max(-right, 0)]
        return kept[np.arange(-max(left, 0), len(kept) + max(right, 0)) % max(len(kept), 1)]
    at = np.abs(at)
    return np.where(at >= n, 2 * (n - 1) - at, at)


def _check(shape: Sequence[int], pairs: list[tuple[int, int]], mode: str) -> None:
    # Of all modes that read the input: what PyTorch refuses.
    ndim = len(shape)
    if len(pairs) > 3 or ndim - len(pairs) not in (1, 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are "
                                  "supported for now")
    for i, (left, right) in enumerate(pairs):
        d = ndim - 1 - i
        n = shape[d]
        at = f"padding ({left}, {right}) at dimension {d} of input {list(shape)}"
        if n == 0:
            raise RuntimeError(f"pad: Expected a non-empty input apart from the batch, got {at}")
        if mode == "reflect" and max(left, right) >= n:
            raise RuntimeError("pad: Padding size should be less than the corresponding input "
                               f"dimension, but got: {at}")
        if mode == "circular" and max(left, right) > n:
            raise RuntimeError(f"pad: Padding value causes wrapping around more than once: {at}")
        if n + left + right < (0 if mode == "circular" else 1):
            raise RuntimeError(f"pad: the calculated output size is too small: {at}")
    if ndim - len(pairs) == 2 and shape[1] == 0 and mode != "circular":
        raise RuntimeError("pad: Expected a non-empty input apart from the batch, got "
                           f"{list(shape)}")


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """pad(input, pad, mode="constant", value=None) -> Tensor

    The tensor with more (or, where negative, fewer) entries at the ends of its last dimensions.

    Args:
        pad: the numbers of entries before and after, first for the last dimension, then for the
            one before it, ...
        mode: what stands there: "constant" (`value`, 0 by default), "reflect" (the entries mirrored
            at the outermost one), "replicate" (the outermost entry) or "circular" (the entries from
            the other end).  All but the first take the last one to three dimensions of a tensor
            with at most two more.

    Example::

        >>> cgrad.nn.functional.pad(cgrad.tensor([[1., 2., 3.]]), (2, 1), "reflect")
        tensor([[3., 2., 1., 2., 3., 2.]])
    """
    sizes = [int(n) for n in pad]
    if len(sizes) % 2:
        raise RuntimeError(f"pad: Padding length must be divisible by 2, got {len(sizes)}")
    if len(sizes) > 2 * input.ndim:
        raise RuntimeError("pad: Padding length should be less than or equal to two times the "
                           f"input dimension but got padding length {len(sizes)} and input of "
                           f"dimension {input.ndim}")
    pairs = list(zip(sizes[::2], sizes[1::2]))
    if mode == "constant":
        return _constant(input, pairs, 0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"pad: Unrecognised padding mode {mode}")
    if value:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    _check(input.shape, pairs, mode)
    result = input
    for i, (left, right) in enumerate(pairs):
        if left or right:
            d = input.ndim - 1 - i
            index = cgrad.from_numpy(_inside(input.shape[d], left, right, mode))
            result = result.index_select(d, index)
    return result.clone() if result is input else result


def _constant(input: Tensor, pairs: list[tuple[int, int]], value: float) -> Tensor:
    # The input in the middle of a constant.
    shape, part = list(input.shape), input
    place = [slice(None)] * input.ndim
    for i, (left, right) in enumerate(pairs):
        d = input.ndim - 1 - i
        n = input.shape[d]
        shape[d] = n + left + right
        if shape[d] < 0:
            raise RuntimeError(f"pad: The input size {n}, plus negative padding {left} and {right} "
                               f"resulted in a negative output size, which is invalid. Check "
                               f"dimension {d} of your input.")
        first = min(max(-left, 0), n)
        kept = max(n - first - max(-right, 0), 0)
        part = part.narrow(d, first, kept)
        place[d] = slice(max(left, 0), max(left, 0) + kept)
    if part.shape == tuple(shape):
        return part.clone()
    result = input.new_full(shape, value)
    result[tuple(place)] = part
    return result
