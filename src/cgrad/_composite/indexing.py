"""Indexing composed of item assignment, scatter and gather."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cgrad._composite.register import check_tensor, dimension, integers, public, stored
from cgrad._composite.shape import broadcast_shapes
from cgrad._engine.annotations import Ints, Number
from cgrad._engine.face import public as _op
from cgrad._engine.handle import dtype as DType
from cgrad._engine.scatter import fold
from cgrad._engine.strided import storage_bytes
from cgrad._tensor.tensor import Tensor


def _index(name: str, index: Tensor, dtypes: tuple[str, ...] = ("int64",)) -> Tensor:
    # An index vector, checked.
    if not isinstance(index, Tensor):
        raise TypeError(f"{name}(): argument 'index' must be Tensor, not {type(index).__name__}")
    if index.dtype.name not in dtypes:
        raise IndexError(f"{name}(): Expected dtype {'/'.join(dtypes)} for index, but got "
                         f"{index.dtype}")
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector, but got shape "
                         f"{list(index.shape)}")
    return index.reshape(-1)


def _in_range(name: str, index: Tensor, n: int) -> None:
    # Entries counted from the end are for other functions.
    if index.numel() and not 0 <= int(index.min()) <= int(index.max()) < n:
        raise IndexError(f"{name}(): index out of range in self: expected indices from 0 to "
                         f"{n - 1}, but got {int(index.min())} to {int(index.max())}")


# -- entries along one dimension -----------------------------------------------------------------


@public(inplace=True)
def index_fill(input: Tensor, dim: int, index: Tensor, value: Number | Tensor) -> Tensor:
    """index_fill(input, dim, index, value) -> Tensor

    A copy of `input` with `value` (a number or 0-d tensor) in its entries `index` along `dim`.

    Example::

        >>> cgrad.index_fill(cgrad.zeros(3), 0, cgrad.tensor([0, 2]), 1.0)
        tensor([1., 0., 1.])
    """
    index = _index("index_fill", index)
    dim = dimension(dim, input.ndim, "index_fill")
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError("index_fill_ only supports a 0-dimensional value tensor, but got tensor "
                           f"with {value.ndim} dimension(s).")
    result = input.clone()
    view = result if input.ndim else result.view(1)
    if isinstance(value, Tensor) and value.requires_grad:
        # Each entry counts once for the gradient, however often it is named.
        index = _op["from_numpy"](np.unique(index.detach().numpy() % (view.shape[dim] or 1)))
    view[(slice(None),) * dim + (index,)] = value
    return result


@public(inplace=True)
def index_copy(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, out: Tensor | None = None
) -> Tensor:
    """index_copy(input, dim, index, source) -> Tensor

    A copy of `input` with ``source[i]`` in its entry ``index[i]`` along `dim`.

    Example::

        >>> cgrad.index_copy(cgrad.zeros(3), 0, cgrad.tensor([2, 0]), cgrad.tensor([5.0, 6.0]))
        tensor([6., 0., 5.])
    """
    check_tensor("index_copy", input)
    dim = dimension(dim, input.ndim, "index_copy")
    index = _index("index_copy", index)
    if source.dtype != input.dtype:
        raise RuntimeError("index_copy_(): self and source expected to have the same dtype, but "
                           f"got (self) {input.dtype} and (source) {source.dtype}")
    if source.ndim and input.ndim and source.ndim != input.ndim:
        raise IndexError("index_copy_(): When source and destination are not scalars, their "
                         f"dimensionality must match. Source dimensionality ({source.ndim}), "
                         f"destination dimensionality ({input.ndim})")
    result = input.clone()
    view, part = (t if t.ndim else t.view(1) for t in (result, source))
    if part.shape[dim] != len(index) and not (source.ndim == 0 and len(index) == 1):
        raise IndexError(f"index_copy_(): Number of indices ({len(index)}) should be equal to "
                         f"source.size(dim) ({part.shape[dim]})")
    if part.shape[:dim] + part.shape[dim + 1:] != view.shape[:dim] + view.shape[dim + 1:]:
        raise RuntimeError("index_copy_(): Source/destination tensor must have same slice shapes. "
                           f"Destination slice shape: {list(view.shape)} at dimension {dim} and "
                           f"source slice shape: {list(part.shape)} at dimension {dim}.")
    _in_range("index_copy", index, view.shape[dim])
    view[(slice(None),) * dim + (index,)] = part
    return stored(result, out, "index_copy")


@public(inplace=True)
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *,
    include_self: bool = True, out: Tensor | None = None,
) -> Tensor:
    """index_reduce(input, dim, index, source, reduce, *, include_self=True) -> Tensor

    A copy of `input` with ``source[i]`` folded into its entry ``index[i]`` along `dim` by "prod",
    "mean", "amax" or "amin"; without `include_self` the entries' own values do not count.

    Example::

        >>> index = cgrad.tensor([0, 0, 1])
        >>> cgrad.index_reduce(cgrad.ones(2), 0, index, cgrad.tensor([2.0, 3.0, 4.0]), "prod")
        tensor([6., 4.])
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError("index_reduce(): Expected reduce to be one of prod, mean, amax or amin "
                           f"but got {reduce}.")
    dim = dimension(dim, input.ndim, "index_reduce")
    index = _index("index_reduce", index, ("int64", "int32"))
    if source.dtype != input.dtype:
        raise RuntimeError("index_reduce_(): self and source must have the same scalar type, but "
                           f"got {input.dtype} and {source.dtype}")
    part = source if source.ndim else source.view(1)
    view = input if input.ndim else input.view(1)
    if part.ndim != view.ndim or part.shape[dim] != len(index):
        raise RuntimeError(f"index_reduce_(): Number of indices ({len(index)}) should be equal to "
                           f"source.size(dim), but source has shape {list(source.shape)}")
    if part.shape[:dim] + part.shape[dim + 1:] != view.shape[:dim] + view.shape[dim + 1:]:
        raise RuntimeError("source tensor shape must match self tensor shape, excluding the "
                           f"specified dimension. Got self.shape = {list(view.shape)} "
                           f"source.shape = {list(part.shape)}")
    index = index.to(int)
    full = index.view([-1 if d == dim else 1 for d in range(view.ndim)]).expand(part.shape)
    result = scatter_reduce(view, dim, full, part, reduce, include_self=include_self)
    return stored(result.view(input.shape), out, "index_reduce")


# -- an index for every element --------------------------------------------------------------------

_IDENTITY = {"sum": 0, "mean": 0, "prod": 1}


def _identity(reduce: str, dtype) -> Number:
    # What leaves every number as it is.
    if reduce in _IDENTITY:
        return _IDENTITY[reduce]
    low = reduce == "amax"
    if dtype.is_floating_point:
        return -float("inf") if low else float("inf")
    if dtype.name == "bool":
        return not low
    limits = np.iinfo(dtype.name)
    return int(limits.min if low else limits.max)


@public(inplace=True)
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *,
    include_self: bool = True, out: Tensor | None = None,
) -> Tensor:
    """scatter_reduce(input, dim, index, src, reduce, *, include_self=True) -> Tensor

    A copy of `input` with the elements of `src` folded in at `index` along `dim`, as
    :func:`scatter_add` adds them: by "sum", "prod", "mean", "amax" or "amin".  Without
    `include_self` the own value of an element that is written does not count.  The gradient of an
    extreme is shared evenly by all elements that equal it.

    Example::

        >>> cgrad.zeros(2).scatter_reduce(0, cgrad.tensor([0, 1, 1]), cgrad.tensor([1., 2., 3.]),
        ...                               "prod", include_self=False)
        tensor([1., 6.])
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError("scatter_reduce(): reduce argument must be either sum, prod, mean, amax "
                           f"or amin, got {reduce}")
    check_tensor("scatter_reduce", input)
    if not isinstance(src, Tensor):
        raise TypeError(f"scatter_reduce(): argument 'src' must be Tensor, not "
                        f"{type(src).__name__}")
    start = input
    if not include_self:
        start = input.scatter(dim, index, _identity(reduce, input.dtype))
    if reduce in ("prod", "amax", "amin"):
        result = fold(start, dim, index, src, reduce)
    else:
        result = start.scatter_add(dim, index, src)
    if reduce == "mean":
        count = _op["ones"](input.shape, dtype=int)
        if not include_self:
            count = count.scatter(dim, index, 0)
        count = count.scatter_add(dim, index, _op["ones"](index.shape, dtype=int))
        count = count.clamp(min=1)
        result = result / count if input.dtype.is_floating_point else \
            _op["div"](result, count, rounding_mode="floor").to(input.dtype)
    return stored(result, out, "scatter_reduce")


@public(inplace=True)
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """put(input, index, source, accumulate=False) -> Tensor

    A copy of `input` with the elements of `source` at the positions `index` of the flattened
    tensor; with `accumulate` added to what is there.

    Example::

        >>> cgrad.put(cgrad.zeros(2, 2), cgrad.tensor([3]), cgrad.tensor([9.0]))
        tensor([[0., 0.],
                [0., 9.]])
    """
    check_tensor("put", index)
    if index.dtype.name not in ("int64", "int32"):
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    if source.dtype != input.dtype:
        raise RuntimeError("put_(): self and source expected to have the same dtype, but got "
                           f"self.dtype = {input.dtype} and source.dtype = {source.dtype}")
    if source.numel() != index.numel():
        raise IndexError("put_(): Expected source and index to have the same number of elements, "
                         f"but got source.numel() = {source.numel()}, index.numel() = "
                         f"{index.numel()}")
    if not input.numel() and index.numel():
        raise IndexError("put_(): tried to put elements into an empty tensor")
    return _put_flat(input, index.reshape(-1).to(int), source.reshape(-1), accumulate)


def _put_flat(input: Tensor, index: Tensor, values: Tensor, accumulate: bool) -> Tensor:
    # `values` at positions of the flattened tensor.
    n = input.numel()
    if accumulate:
        index = _op["where"](index < 0, index + n, index)
        return input.reshape(-1).index_add(0, index, values).reshape(input.shape)
    flat = input.reshape(-1).clone()
    flat[index] = values
    return flat.reshape(input.shape)


@public(inplace=True)
def index_put(
    input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False
) -> Tensor:
    """index_put(input, indices, values, accumulate=False) -> Tensor

    A copy of `input` with ``input[indices] = values``; with `accumulate` the values are added, as
    often as a place occurs.

    Example::

        >>> cgrad.index_put(cgrad.zeros(3), (cgrad.tensor([1, 1]),), cgrad.ones(2), accumulate=True)
        tensor([0., 2., 0.])
    """
    if isinstance(indices, Tensor) or not isinstance(indices, Sequence):
        raise TypeError("index_put(): argument 'indices' must be tuple of Tensors, not "
                        f"{type(indices).__name__}")
    key = tuple(slice(None) if i is None else i for i in indices)
    if values.dtype != input.dtype:
        raise RuntimeError("Index put requires the source and destination dtypes match, got "
                           f"{input.dtype} for the destination and {values.dtype} for the source.")
    if not accumulate:
        result = input.clone()
        result[key] = values
        return result
    places = _op["arange"](input.numel()).reshape(input.shape)[key]
    return _put_flat(input, places.reshape(-1), values.expand(places.shape).reshape(-1), True)


@public(inplace=True)
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """masked_scatter(input, mask, source) -> Tensor

    A copy of `input`, broadcast with `mask`, with the first elements of `source` where `mask`
    (bool) is true, in row-major order.

    Example::

        >>> mask = cgrad.tensor([True, False, True])
        >>> cgrad.masked_scatter(cgrad.zeros(3), mask, cgrad.tensor([1.0, 2.0]))
        tensor([1., 0., 2.])
    """
    check_tensor("masked_scatter", mask)
    if mask.dtype.name != "bool":
        raise RuntimeError("masked_scatter_ only supports boolean masks, but got mask with dtype "
                           f"{mask.dtype}")
    if source.dtype != input.dtype:
        raise RuntimeError("masked_scatter: expected self and source to have same dtypes but got "
                           f"{input.dtype} and {source.dtype}")
    shape = broadcast_shapes(input.shape, mask.shape)
    result = input.expand(shape).clone()
    mask = mask.expand(shape)
    count = int(mask.sum())
    if source.numel() < count:
        raise RuntimeError("masked_scatter: Number of elements of source < number of ones in mask: "
                           f"{source.numel()} < {count}")
    result[mask] = source.reshape(-1)[:count]
    return result


# -- a copy with one part replaced -----------------------------------------------------------------


def _replaced(name: str, result: Tensor, part: Tensor, src: Tensor) -> Tensor:
    # `part` is a view of the fresh tensor `result`.
    if not isinstance(src, Tensor):
        raise TypeError(f"{name}(): argument 'src' must be Tensor, not {type(src).__name__}")
    if src.shape != part.shape:
        raise RuntimeError(f"{name}: expected src to have a size equal to the slice of self. src "
                           f"size = {list(src.shape)}, slice size = {list(part.shape)}")
    part.copy_(src)
    return result


@public()
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """select_scatter(input, src, dim, index) -> Tensor

    A copy of `input` with `src` at one position of a dimension.

    Example::

        >>> cgrad.select_scatter(cgrad.zeros(2, 2), cgrad.ones(2), dim=0, index=1)
        tensor([[0., 0.],
                [1., 1.]])
    """
    check_tensor("select_scatter", input)
    result = input.clone()
    return _replaced("select_scatter", result, result.select(dim, index), src)


@public()
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None,
    step: int = 1, *, out: Tensor | None = None,
) -> Tensor:
    """slice_scatter(input, src, dim=0, start=None, end=None, step=1) -> Tensor

    A copy of `input` with `src` in the slice ``start:end:step`` of a dimension.

    Example::

        >>> cgrad.slice_scatter(cgrad.zeros(4), cgrad.ones(2), start=1, end=3)
        tensor([0., 1., 1., 0.])
    """
    check_tensor("slice_scatter", input)
    if step <= 0:
        raise RuntimeError(f"slice_scatter: slice step must be positive, got {step}")
    dim = dimension(dim, input.ndim, "slice_scatter")
    result = input.clone()
    part = result[(slice(None),) * dim + (slice(start, end, step),)]
    return stored(_replaced("slice_scatter", result, part, src), out, "slice_scatter")


@public()
def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """diagonal_scatter(input, src, offset=0, dim1=0, dim2=1) -> Tensor

    A copy of `input` with `src` on a :func:`diagonal`.

    Example::

        >>> cgrad.diagonal_scatter(cgrad.zeros(2, 2), cgrad.tensor([1.0, 2.0]))
        tensor([[1., 0.],
                [0., 2.]])
    """
    check_tensor("diagonal_scatter", input)
    result = input.clone()
    return _replaced("diagonal_scatter", result, result.diagonal(offset, dim1, dim2), src)


@public()
def as_strided_scatter(
    input: Tensor, src: Tensor, size: Ints, stride: Ints, storage_offset: int | None = None
) -> Tensor:
    """as_strided_scatter(input, src, size, stride, storage_offset=None) -> Tensor

    A copy of `input`, memory layout included, with `src` in the places of :func:`as_strided`.

    Example::

        >>> x = cgrad.zeros(2, 2)
        >>> cgrad.as_strided_scatter(x, cgrad.ones(2), (2,), (3,))
        tensor([[1., 0.],
                [0., 1.]])
    """
    n = storage_bytes(input) // input.element_size()
    memory = input.as_strided((n,), (1,), 0).clone()
    offset = input.storage_offset() if storage_offset is None else storage_offset
    part = memory.as_strided(size, stride, offset)
    result = memory.as_strided(input.shape, input.stride(), input.storage_offset())
    return _replaced("as_strided_scatter", result, part, src)


@public(module=False)
def fill_diagonal_(self: Tensor, fill_value: Number, wrap: bool = False) -> Tensor:
    """fill_diagonal_(fill_value, wrap=False) -> Tensor

    Set the main diagonal (of more than two equal dimensions: where all indices are equal) to a
    number; with `wrap` a tall matrix has it again below each square.

    Example::

        >>> cgrad.zeros(2, 2).fill_diagonal_(1.0)
        tensor([[1., 0.],
                [0., 1.]])
    """
    if self.ndim < 2:
        raise RuntimeError("fill_diagonal_: dimensions must larger than 1")
    if self.ndim > 2 and len(set(self.shape)) > 1:
        raise RuntimeError("fill_diagonal_: all dimensions of input must be of equal length")
    places = np.zeros(self.shape, bool)
    np.fill_diagonal(places, True, wrap and self.ndim == 2)
    return self.masked_fill_(_op["from_numpy"](places), fill_value)


# -- positions -------------------------------------------------------------------------------------


@public()
def argwhere(input: Tensor) -> Tensor:
    """argwhere(input) -> int64 Tensor

    The indices of the nonzero elements, one row each: :func:`nonzero`.
    """
    return _op["nonzero"](input)


@public()
def nonzero_static(
    input: Tensor, *, size: int, fill_value: int = -1, out: Tensor | None = None
) -> Tensor:
    """nonzero_static(input, *, size, fill_value=-1) -> int64 Tensor

    :func:`nonzero` cut or filled up to `size` rows.
    """
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = _op["nonzero"](input)[:size]
    rest = found.new_full((size - len(found), input.ndim), fill_value)
    return stored(_op["cat"]([found, rest]), out, "nonzero_static")


@public(method=False)
def unravel_index(indices: Tensor, shape: Ints) -> tuple[Tensor, ...]:
    """unravel_index(indices, shape) -> tuple of Tensors

    The index into each dimension of `shape` of positions in the flattened tensor.

    Example::

        >>> cgrad.unravel_index(cgrad.tensor([1, 5]), (2, 3))
        (tensor([0, 1]), tensor([1, 2]))
    """
    check_tensor("unravel_index", indices)
    if indices.dtype.is_floating_point or indices.dtype.name == "bool":
        raise TypeError("unravel_index: expected 'indices' to be integer dtype, but got "
                        f"{indices.dtype}")
    sizes = integers(shape, "unravel_index", "shape")
    if any(n < 0 for n in sizes):
        raise ValueError(f"unravel_index: 'shape' cannot have negative values, but got {sizes}")
    total = int(np.prod(sizes, dtype=np.int64))
    if indices.numel() and not -total <= int(indices.min()) <= int(indices.max()) < total:
        raise ValueError(f"unravel_index: found indices out of range for shape {sizes}")
    indices = indices.to(int)
    rest, found = indices % total if total else indices, []
    for n in reversed(sizes):
        found.append(rest % n if n else rest)
        rest = rest // n if n else rest
    return tuple(reversed(found))


def _triangle(name: str, find, row: int, col: int, offset: int, dtype) -> Tensor:
    if row < 0 or col < 0:
        raise RuntimeError(f"{name}: row and col must be non-negative, got {row} and {col}")
    return _op["tensor"](np.stack(find(row, offset, col)), dtype=int if dtype is None else dtype)


@public(method=False)
def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: DType | None = None, device: object = None,
    layout: object = None,
) -> Tensor:
    """tril_indices(row, col, offset=0, *, dtype=int64) -> Tensor

    The row and column indices of the lower triangle of a matrix, up to its `offset`-th diagonal,
    as two rows.

    Example::

        >>> cgrad.tril_indices(2, 2)
        tensor([[0, 1, 1],
                [0, 0, 1]])
    """
    return _triangle("tril_indices", np.tril_indices, row, col, offset, dtype)


@public(method=False)
def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: DType | None = None, device: object = None,
    layout: object = None,
) -> Tensor:
    """triu_indices(row, col, offset=0, *, dtype=int64) -> Tensor

    The row and column indices of the upper triangle of a matrix, from its `offset`-th diagonal on,
    as two rows.

    Example::

        >>> cgrad.triu_indices(2, 2)
        tensor([[0, 0, 1],
                [0, 1, 1]])
    """
    return _triangle("triu_indices", np.triu_indices, row, col, offset, dtype)
