"""Tensors that share memory: what to write of it, and the views to make of what was read."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cgrad import Tensor

__all__ = ["Piece", "make_view", "share", "whole_numbers"]

_MAX_DIMS = 8  # the engine's


def whole_numbers(values: Any, what: str) -> list[int]:
    """Check that a file gave a list of natural numbers.

    Raises:
        ValueError: it did not.
    """
    if not isinstance(values, (tuple, list)) or not all(
            type(v) is int and 0 <= v < 2**62 for v in values):
        raise ValueError(f"{what} is {_short(values)}")
    return list(values)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 100 else text[:100] + "…"


def make_view(flat: Tensor, size: Any, stride: Any, offset: Any) -> Tensor:
    """The tensor of a size and strides in memory of one dimension, all checked.

    Raises:
        ValueError: it would reach beyond the memory, or the numbers are none.
    """
    (start,) = whole_numbers([offset], "the offset of a tensor")
    sizes, strides = whole_numbers(size, "a shape"), whole_numbers(stride, "the strides")
    if len(sizes) != len(strides) or len(sizes) > _MAX_DIMS:
        raise ValueError(f"a shape {_short(sizes)} with strides {_short(strides)}")
    if 0 in sizes:
        return flat[:0].reshape(sizes).detach()
    count = 1
    for n in sizes:
        count *= n
    last = start + sum((n - 1) * s for n, s in zip(sizes, strides))
    if last >= flat.numel() or count >= 2**60:
        raise ValueError(f"a tensor of shape {sizes} reaches beyond its {flat.numel()} "
                         "stored elements")
    return flat.as_strided(sizes, strides, start).detach()


class Piece:
    """An array that is to be saved, and what stands for it in the file's structure."""

    def __init__(self, array: np.ndarray, entry: dict[str, Any], path: tuple[Any, ...]) -> None:
        self.array, self.entry, self.path = array, entry, path
        self.start = array.__array_interface__["data"][0]
        extent = sum((n - 1) * s for n, s in zip(array.shape, array.strides))
        self.end = self.start + extent + array.itemsize if array.size else self.start

    @property
    def place(self) -> tuple[Any, ...]:
        """The same for arrays of the same elements."""
        return self.start, self.array.shape, self.array.strides

    @property
    def overlaps_itself(self) -> bool:
        """Whether two of its elements may be one place in memory."""
        reach = 0
        for stride, n in sorted(zip(self.array.strides, self.array.shape)):
            if n > 1:
                if stride <= reach:
                    return True
                reach += (n - 1) * stride
        return False

    def covers(self, start: int, end: int) -> bool:
        """Whether it is the memory from start to end, in order and without gaps."""
        return (self.start, self.end) == (start, end) and self.array.flags.c_contiguous


def share(pieces: Sequence[Piece], name: Any) -> dict[str, np.ndarray]:
    """Choose the arrays to write, so that pieces of the same memory are views of one of them.

    Fills in each piece's entry: the key "tensor" or "array" with a name, and for a part of a named
    array "view": its shape, strides and offset. Arrays of different types do not share.

    Args:
        pieces: in the order of the structure; their arrays stay as they are meanwhile.
        name: function from a path to a name that is not yet used.
    """
    groups: list[list[Piece]] = []
    kinds: dict[np.dtype, list[Piece]] = {}
    for piece in pieces:
        if piece.array.size == 0 or any(
                s < 0 or s % piece.array.itemsize for s in piece.array.strides):
            groups.append([piece])
        else:
            kinds.setdefault(piece.array.dtype, []).append(piece)
    for same in kinds.values():
        end, phase = -1, 0
        for piece in sorted(same, key=lambda piece: piece.start):
            if piece.start < end and (piece.start - phase) % piece.array.itemsize == 0:
                groups[-1].append(piece)
            else:
                groups.append([piece])
                phase = piece.start
            end = max(end, piece.end)
    order = {id(piece): i for i, piece in enumerate(pieces)}
    for group in groups:
        group.sort(key=lambda piece: order[id(piece)])
    groups.sort(key=lambda group: order[id(group[0])])
    arrays: dict[str, np.ndarray] = {}
    for group in groups:
        _share(group, name, arrays)
    return arrays


def _share(group: list[Piece], name: Any, arrays: dict[str, np.ndarray]) -> None:
    start, end = min(p.start for p in group), max(p.end for p in group)
    first = group[0]
    single = len({piece.place for piece in group}) == 1 and not first.overlaps_itself
    base = first if single else next((p for p in group if p.covers(start, end)), None)
    if base is None:                     # views of something that is not saved itself
        lowest = next(p for p in group if p.start == start)
        count = (end - start) // lowest.array.itemsize
        array = np.lib.stride_tricks.as_strided(
            lowest.array, (count,), (lowest.array.itemsize,), writeable=False)
        chosen = name((*first.path, "storage"))
    else:
        array, chosen = base.array, name(base.path)
    arrays[chosen] = np.ascontiguousarray(array).reshape(array.shape)
    for piece in group:
        piece.entry["array" if "array" in piece.entry else "tensor"] = chosen
        if base is None or piece.place != base.place:
            array, item = piece.array, piece.array.itemsize
            piece.entry["view"] = [list(array.shape), [s // item for s in array.strides],
                                   (piece.start - start) // item]
