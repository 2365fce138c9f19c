"""Searching, counting, and distinct elements.  Nothing here has a derivative."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import cgrad
from cgrad import return_types
from cgrad._composite.register import check_tensor, dimension, public
from cgrad._engine.annotations import Number
from cgrad._engine.handle import dtype as _dtype
from cgrad._engine.sort import search, store
from cgrad._tensor.tensor import Tensor


def _array(x: Tensor) -> np.ndarray:
    return x.detach().numpy()


def _tensor(a: np.ndarray) -> Tensor:
    return cgrad.from_numpy(np.ascontiguousarray(a).reshape(a.shape))


def _common(a: Tensor | Number, b: Tensor | Number) -> _dtype:
    # The dtype of a sum of them.
    a, b = (x.detach().reshape(-1)[:0] if isinstance(x, Tensor) and x.ndim else x for x in (a, b))
    total = a + b
    return total.dtype if isinstance(total, Tensor) else cgrad.tensor(total).dtype


# ---- Searching ----------------------------------------------------------------------------------

@public(method=False)
def searchsorted(
    sorted_sequence: Tensor,
    input: Tensor | Number,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None)
    -> Tensor

    For each element of `input` the position where it could be inserted so that the last dimension
    of `sorted_sequence` stays sorted: before equal elements, or behind them with `right` (or
    side="right").  The sequence is a vector, or has all dimensions of `input` but the last in
    common.

    Args:
        sorter: the positions that sort the sequence, if it is not sorted.

    Example::

        >>> cgrad.searchsorted(cgrad.tensor([1, 3, 5]), cgrad.tensor([3, 6]))
        tensor([1, 3])
    """
    check_tensor("searchsorted", sorted_sequence)
    line = sorted_sequence
    if side not in (None, "left", "right"):
        raise RuntimeError("searchsorted(): side can only be 'left' or 'right' but got "
                           f"{side}")
    if side == "left" and right:
        raise RuntimeError("searchsorted(): side and right can't be set to opposites, got side of "
                           "left while right was True")
    if line.ndim == 0:
        raise RuntimeError("searchsorted(): boundaries tensor should have positive dimension, but "
                           "got 0 dimension")
    if not isinstance(input, Tensor):
        kind = _common(line, input)
        input = cgrad.tensor(input)
        if line.ndim != 1:
            raise RuntimeError("searchsorted(): input value can be a scalar only when boundaries "
                               f"tensor dimension is 1, but got {line.ndim} dimensions")
    else:
        kind = line.dtype
        if input.dtype != kind:
            raise RuntimeError("searchsorted(): boundary tensor and input value tensor should have "
                               f"same dtype, but got {kind} and {input.dtype}")
    if line.ndim != 1 and (input.ndim != line.ndim or input.shape[:-1] != line.shape[:-1]):
        raise RuntimeError("searchsorted(): boundaries tensor should be 1 dimension or the first "
                           "N-1 dimensions of boundaries tensor and input value tensor must match, "
                           f"but got {list(line.shape)} and {list(input.shape)}")
    if sorter is not None:
        if sorter.shape != line.shape:
            raise RuntimeError("searchsorted(): boundary and sorter must have the same size, but "
                               f"got {list(line.shape)} and {list(sorter.shape)}")
        if sorter.dtype != cgrad.int64:
            raise RuntimeError("searchsorted(): sorter must be a tensor of long dtype but got "
                               f"dtype {sorter.dtype}")
    result = search(line.detach().to(kind), input.detach().to(kind), sorter,
                    right or side == "right", out_int32)
    return result if out is None else store(result, out, "searchsorted")


@public(method=False)
def bucketize(
    input: Tensor | Number,
    boundaries: Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """bucketize(input, boundaries, *, out_int32=False, right=False) -> Tensor

    The number of the bucket of each element: how many of the sorted `boundaries` are less than it
    (less or equal with `right`).

    Example::

        >>> cgrad.bucketize(cgrad.tensor([0.5, 3.5]), cgrad.tensor([1.0, 2.0, 3.0]))
        tensor([0, 3])
    """
    check_tensor("bucketize", boundaries)
    if boundaries.ndim != 1:
        raise RuntimeError("bucketize(): boundaries tensor must be 1 dimension, but got dim("
                           f"{boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right, out=out)


@public(method=False)
def isin(
    elements: Tensor | Number,
    test_elements: Tensor | Number,
    *,
    assume_unique: bool = False,
    invert: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """isin(elements, test_elements, *, assume_unique=False, invert=False) -> bool Tensor

    Whether each element occurs in `test_elements` (or does not, with `invert`).

    Example::

        >>> cgrad.isin(cgrad.tensor([1, 2, 3]), cgrad.tensor([2, 5]))
        tensor([False,  True, False])
    """
    if not isinstance(elements, Tensor) and not isinstance(test_elements, Tensor):
        raise TypeError("isin(): elements or test_elements must be a Tensor")
    a = elements if isinstance(elements, Tensor) else cgrad.tensor(elements)
    b = test_elements if isinstance(test_elements, Tensor) else cgrad.tensor(test_elements)
    kind = _common(elements, test_elements)
    found = np.isin(_array(a.to(kind)), _array(b.to(kind)), assume_unique=False, invert=invert)
    result = _tensor(np.asarray(found))
    return result if out is None else store(result, out, "isin")


@public()
def argwhere(input: Tensor) -> Tensor:
    """argwhere(input) -> int64 Tensor

    The positions of the elements that are not 0, a row for each: :func:`nonzero`.

    Example::

        >>> cgrad.argwhere(cgrad.tensor([[0, 1], [2, 0]]))
        tensor([[0, 1],
                [1, 0]])
    """
    check_tensor("argwhere", input)
    return cgrad.nonzero(input)


@public()
def nonzero_static(
    input: Tensor, *, size: int, fill_value: int = -1, out: Tensor | None = None
) -> Tensor:
    """nonzero_static(input, *, size, fill_value=-1) -> int64 Tensor

    The first `size` rows of :func:`nonzero`, missing ones filled.

    Example::

        >>> cgrad.nonzero_static(cgrad.tensor([0, 5, 7]), size=3, fill_value=-1)
        tensor([[ 1],
                [ 2],
                [-1]])
    """
    check_tensor("nonzero_static", input)
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    found = argwhere(input)[:size]
    result = cgrad.full((size, input.ndim), fill_value, dtype=cgrad.int64)
    result[:found.shape[0]] = found
    return result if out is None else store(result, out, "nonzero_static")


# ---- Distinct elements --------------------------------------------------------------------------

def _several(
    values: Tensor, inverse: Tensor | None, counts: Tensor | None
) -> Tensor | tuple[Tensor, ...]:
    rest = tuple(x for x in (inverse, counts) if x is not None)
    return (values, *rest) if rest else values


def _along(input: Tensor, dim: int | None, name: str) -> int | None:
    check_tensor(name, input)
    if dim is None:
        return None
    dim = dimension(dim, input.ndim, name)
    if input.numel() == 0 and any(n == 0 for d, n in enumerate(input.shape) if d != dim) and (
            input.shape[dim] != 0):
        raise RuntimeError(f"{name}: There are 0 sized dimensions, and they aren't selected, so "
                           f"{name} cannot be applied")
    return dim if input.ndim else None


@public()
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Tensor | tuple[Tensor, ...]:
    """unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None)
    -> Tensor or tuple of Tensors

    The distinct elements in ascending order, whatever `sorted` says, or with `dim` the distinct
    slices along it; each NaN is distinct.

    Args:
        return_inverse: also the position in the result of each element of `input`.
        return_counts: also how often each one occurs.

    Example::

        >>> cgrad.unique(cgrad.tensor([3, 1, 3]), return_counts=True)
        (tensor([1, 3]), tensor([1, 2]))
    """
    axis = _along(input, dim, "unique")
    found = np.unique(_array(input), return_inverse=True, return_counts=True, axis=axis,
                      equal_nan=False)
    shape = input.shape if dim is None else (-1,)
    return _several(_tensor(found[0]),
                    _tensor(found[1].reshape(shape)) if return_inverse else None,
                    _tensor(found[2]) if return_counts else None)


@public()
def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Tensor | tuple[Tensor, ...]:
    """unique_consecutive(input, return_inverse=False, return_counts=False, dim=None)
    -> Tensor or tuple of Tensors

    The elements (slices along `dim`) that differ from the one before; the rest as :func:`unique`.

    Example::

        >>> cgrad.unique_consecutive(cgrad.tensor([1, 1, 2, 1]))
        tensor([1, 2, 1])
    """
    axis = _along(input, dim, "unique_consecutive")
    a = _array(input)
    lines = a.reshape(-1) if axis is None else np.moveaxis(a, axis, 0)
    new = np.ones(lines.shape[0], bool)
    changed = lines[1:] != lines[:-1]
    new[1:] = changed.any(tuple(range(1, changed.ndim)))
    values = lines[new]
    inverse = counts = None
    if return_inverse:
        inverse = _tensor((np.cumsum(new) - 1).reshape(input.shape if dim is None else (-1,)))
    if return_counts:
        counts = _tensor(np.diff(np.flatnonzero(new), append=lines.shape[0]))
    return _several(_tensor(values if axis is None else np.moveaxis(values, 0, axis)), inverse,
                    counts)


# ---- Counting -----------------------------------------------------------------------------------

@public()
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """bincount(input, weights=None, minlength=0) -> Tensor

    How often each of the numbers 0, 1, 2, ... occurs in a vector, or the sum of the `weights` at
    its places; at least `minlength` of them.

    Example::

        >>> cgrad.bincount(cgrad.tensor([0, 2, 2]))
        tensor([1, 0, 2])
    """
    check_tensor("bincount", input)
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if input.dtype.is_floating_point or input.dtype == cgrad.bool:
        raise NotImplementedError(f"bincount: not implemented for {input.dtype}")
    if input.ndim != 1 or (input.numel() and bool(input.min() < 0)):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    a = _array(input).astype(np.int64)
    if weights is None:
        return _tensor(np.bincount(a, minlength=minlength).astype(np.int64))
    if weights.ndim != 1 or weights.numel() != input.numel():
        raise RuntimeError("weights should be 1-d and have the same length as input, but got "
                           f"{list(weights.shape)} and {list(input.shape)}")
    kind = np.float32 if weights.dtype == cgrad.float32 else np.float64
    return _tensor(np.bincount(a, _array(weights), minlength).astype(kind))


def _limits(
    a: np.ndarray, low: float, high: float, name: str, margin: float
) -> tuple[float, float]:
    # The range of the bins, as numbers of the dtype of the elements.
    if low == high and a.size:
        low, high = a.min(), a.max()
    if low == high:
        low, high = low - margin, high + margin
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min")
    return a.dtype.type(low), a.dtype.type(high)


@public()
def histc(
    input: Tensor, bins: int = 100, min: Number = 0, max: Number = 0, *, out: Tensor | None = None
) -> Tensor:
    """histc(input, bins=100, min=0, max=0) -> Tensor

    How many elements lie in each of `bins` intervals of one width between `min` and `max` (both 0:
    of the elements); others and NaN do not count.

    Example::

        >>> cgrad.histc(cgrad.tensor([0.0, 1.0, 1.0, 3.0]), bins=3, min=0, max=3)
        tensor([1., 2., 1.])
    """
    check_tensor("histc", input)
    if bins <= 0:
        raise RuntimeError(f"histc(): bins must be > 0, but got {bins}")
    a = _array(input).reshape(-1)
    if a.dtype == bool:
        raise NotImplementedError("histc: not implemented for bool")
    low, high = _limits(a, min, max, "histc", 1)
    a = a[(a >= low) & (a <= high)]
    place = ((a - low) / (high - low) * bins).astype(np.int64)
    counts = np.bincount(np.minimum(place, bins - 1), minlength=bins)
    result = _tensor(counts.astype(_array(input).dtype))
    return result if out is None else store(result, out, "histc")


@public()
def histogram(
    input: Tensor,
    bins: int | Tensor,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
    out: tuple[Tensor, Tensor] | None = None,
) -> return_types.histogram:
    """histogram(input, bins, *, range=None, weight=None, density=False) -> (hist, bin_edges)

    How many elements (or how much `weight`) lie in each bin, the last one closed.

    Args:
        bins: how many of one width, or a vector of increasing bounds.
        range: lower and upper bound of bins of one width; default: of the elements.
        density: divide by the total and the widths, so that the integral is 1.

    Example::

        >>> cgrad.histogram(cgrad.tensor([0.0, 1.0, 1.0, 2.0]), bins=2, range=(0.0, 2.0)).hist
        tensor([1., 3.])
    """
    check_tensor("histogram", input)
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f"histogram: not implemented for {input.dtype}")
    a = _array(input).reshape(-1)
    if isinstance(bins, Tensor):
        if bins.ndim != 1 or bins.numel() == 0:
            raise RuntimeError("histogram(): bins tensor should have one dimension and not be "
                               f"empty, but got {list(bins.shape)}")
        if bins.dtype != input.dtype:
            raise RuntimeError("histogram(): input tensor and bins tensors should have the same "
                               f"dtype, but got {input.dtype} and {bins.dtype}")
        edges = bins.detach().clone()
    else:
        if bins <= 0:
            raise RuntimeError(f"histogram(): bins must be > 0, but got {bins}")
        if range is not None and len(range) != 2:
            raise RuntimeError("histogram(): range must have 2 elements, but got "
                               f"{len(range)}")
        low, high = (0, not a.size) if range is None else range
        low, high = _limits(a if range is None else a[:0], low, high, "histogram", 0.5)
        edges = cgrad.linspace(float(low), float(high), bins + 1, dtype=input.dtype)
    count = edges.numel() - 1
    w = np.ones(a.size, a.dtype)
    if weight is not None:
        if weight.shape != input.shape:
            raise RuntimeError("histogram(): if weight tensor is provided it should have the same "
                               f"shape as the input tensor, but got {list(weight.shape)} and "
                               f"{list(input.shape)}")
        if weight.dtype != input.dtype:
            raise RuntimeError("histogram(): if weight tensor is provided, input tensor and weight "
                               f"tensor should have the same dtype, but got {input.dtype} and "
                               f"{weight.dtype}")
        w = _array(weight).reshape(-1)
    bounds = _array(edges)
    inside = (a >= bounds[0]) & (a <= bounds[-1])
    place = np.searchsorted(bounds, a[inside], "right") - 1
    hist = np.zeros(0, a.dtype)
    if count:
        hist = np.bincount(np.minimum(place, count - 1), w[inside], count).astype(a.dtype)
    if density:
        hist = hist / hist.sum() / np.diff(bounds)
    result = return_types.histogram(_tensor(hist), edges)
    return result if out is None else store(result, out, "histogram")
