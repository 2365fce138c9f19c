"""Sizes of pooling windows, and the matrices of means and interpolation along a dimension."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cgrad import Tensor, from_numpy
from cgrad._composite.register import integers
from cgrad._engine.window import band

Matrix = tuple[np.ndarray, np.ndarray]
LARGEST = 1 << 30


def numbers(value: object, nd: int, name: str, argument: str) -> list[int]:
    """One int or `nd` of them as a list."""
    found = list(integers(value, name, argument))
    if len(found) == 1:
        found *= nd
    if len(found) != nd:
        raise RuntimeError(
            f"{name}: {argument} must either be a single int, or a tuple of {nd} ints, but got "
            f"{tuple(found)}"
        )
    for x in found:
        if not -LARGEST <= x <= LARGEST:
            raise RuntimeError(f"{name}: {argument}={x} is beyond what is supported")
    return found


def check_input(input: Tensor, nd: int, name: str) -> None:
    """Raise unless `input` is a batch of planes, or one sample, of `nd` dimensions."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' must be Tensor, not {type(input).__name__}")
    if input.ndim not in (nd + 1, nd + 2) or 0 in input.shape[-nd - 1 :]:
        raise RuntimeError(
            f"{name}: Expected {nd + 1}D or {nd + 2}D (batch mode) tensor with optional 0 dim "
            f"batch size for input, but got: {list(input.shape)}"
        )


def window_sizes(
    input: Tensor,
    kernel: list[int],
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    ceil_mode: bool,
    name: str,
) -> list[int]:
    """How many windows there are along each dimension; all arguments are checked."""
    nd = len(kernel)
    if min(kernel) <= 0:
        raise RuntimeError(f"{name}: kernel size should be greater than zero, but got {kernel}")
    if min(stride) <= 0:
        raise RuntimeError(f"{name}: stride should not be zero or negative, but got {stride}")
    if min(dilation) <= 0:
        raise RuntimeError(f"{name}: dilation should be greater than zero, but got {dilation}")
    sizes = []
    for size, k, s, p, d in zip(input.shape[-nd:], kernel, stride, padding, dilation):
        if p < 0:
            raise RuntimeError(f"{name}: pad must be non-negative, but got pad: {p}")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(
                f"{name}: pad should be at most half of effective kernel size, but got pad={p}, "
                f"kernel_size={k} and dilation={d}"
            )
        reach = size + 2 * p - d * (k - 1) - 1
        out = (reach + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (out - 1) * s >= size + p:
            out -= 1
        sizes.append(out)
    if min(sizes) < 1:
        raise RuntimeError(
            f"{name}: Given input size: {list(input.shape[-nd - 1 :])}. Calculated output size: "
            f"{[input.shape[-nd - 1], *sizes]}. Output size is too small"
        )
    return sizes


def rows_of(counts: np.ndarray, columns: np.ndarray, entries: np.ndarray) -> Matrix:
    """A matrix for `band`, from the number of entries of each row."""
    places = np.concatenate([[0], np.cumsum(counts), columns]).astype(np.int64)
    entries = np.ascontiguousarray(entries, np.float64)
    for array in (places, entries):
        array.flags.writeable = False
    return places, entries


def runs(start: np.ndarray, end: np.ndarray, weight: np.ndarray) -> Matrix:
    """Rows with equal entries in start..end."""
    counts = end - start
    first = np.repeat(start - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    return rows_of(counts, first + np.arange(counts.sum()), np.repeat(weight, counts))


@lru_cache(256)
def mean_matrix(
    size: int, out: int, kernel: int, stride: int, padding: int, count_pad: bool, plain: bool
) -> Matrix:
    """Means (sums, if `plain`) of regular windows."""
    start = np.arange(out, dtype=np.int64) * stride - padding
    end = np.minimum(start + kernel, size + padding)
    length = end - start
    start, end = np.maximum(start, 0), np.minimum(end, size)
    end = np.maximum(start, end)
    weight = 1 / (length if count_pad else np.maximum(end - start, 1))
    return runs(start, end, np.ones(out) if plain else weight)


@lru_cache(256)
def adaptive_matrix(size: int, out: int) -> Matrix:
    """Means of `out` windows that cover a dimension evenly."""
    o = np.arange(out, dtype=np.int64)
    start, end = o * size // max(out, 1), -((o + 1) * -size // max(out, 1))
    return runs(start, end, 1 / np.maximum(end - start, 1))


def apply(x: Tensor, dim: int, matrix: Matrix, out: int) -> Tensor:
    """The matrix times x along a dimension."""
    places, entries = matrix
    return band(x, dim, from_numpy(places.copy()), from_numpy(entries.copy()), out)
