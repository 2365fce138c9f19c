"""Joins, copies side by side, grids: composed of cat, stack and views."""
from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from cgrad._composite.register import (
    check_tensor,
    check_tensors,
    dimension,
    integers,
    public,
    stored,
)
from cgrad._composite.shape import atleast_1d, atleast_2d, atleast_3d, broadcast_tensors
from cgrad._engine.annotations import Ints
from cgrad._engine.face import public as _op
from cgrad._tensor.tensor import Tensor


def _tensors(name: str, tensors: Iterable[Tensor]) -> list[Tensor]:
    # A list of at least one tensor.
    if isinstance(tensors, Tensor):
        raise TypeError(f"{name}(): argument 'tensors' must be tuple of Tensors, not Tensor")
    found = list(tensors)
    if not found:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    for i, t in enumerate(found):
        if not isinstance(t, Tensor):
            raise TypeError(f"{name}(): expected Tensor as element {i} in argument 0, but got "
                            f"{type(t).__name__}")
    return found


@public(method=False)
def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """stack(tensors, dim=0) -> Tensor

    Tensors of one shape side by side along a new dimension.

    Example::

        >>> cgrad.stack([cgrad.tensor([1, 2]), cgrad.tensor([3, 4])])
        tensor([[1, 2],
                [3, 4]])
    """
    parts = _tensors("stack", tensors)
    for i, t in enumerate(parts):
        if t.shape != parts[0].shape:
            raise RuntimeError(f"stack expects each tensor to be equal size, but got "
                               f"{list(parts[0].shape)} at entry 0 and {list(t.shape)} at entry "
                               f"{i}")
    dim = dimension(dim, parts[0].ndim + 1, "stack")
    return stored(_op["cat"]([t.unsqueeze(dim) for t in parts], dim), out, "stack")


@public(method=False)
def hstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """hstack(tensors) -> Tensor

    Concatenation along the second dimension (the first for vectors).

    Example::

        >>> cgrad.hstack([cgrad.tensor([1, 2]), cgrad.tensor([3])])
        tensor([1, 2, 3])
    """
    parts = [atleast_1d(t) for t in _tensors("hstack", tensors)]
    return stored(_op["cat"](parts, 0 if parts[0].ndim == 1 else 1), out, "hstack")


@public("row_stack", method=False)
def vstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """vstack(tensors) -> Tensor

    Concatenation along the first dimension; vectors are rows.

    Example::

        >>> cgrad.row_stack([cgrad.tensor([1, 2]), cgrad.tensor([3, 4])])
        tensor([[1, 2],
                [3, 4]])
    """
    return stored(_op["cat"]([atleast_2d(t) for t in _tensors("vstack", tensors)], 0), out,
                  "vstack")


@public(method=False)
def dstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """dstack(tensors) -> Tensor

    Concatenation along the third dimension; vectors and matrices are extended by
    :func:`atleast_3d`.

    Example::

        >>> cgrad.dstack([cgrad.tensor([1, 2]), cgrad.tensor([3, 4])])
        tensor([[[1, 3],
                 [2, 4]]])
    """
    return stored(_op["cat"]([atleast_3d(t) for t in _tensors("dstack", tensors)], 2), out,
                  "dstack")


@public(method=False)
def column_stack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """column_stack(tensors) -> Tensor

    Concatenation along the second dimension; vectors are columns.

    Example::

        >>> cgrad.column_stack([cgrad.tensor([1, 2]), cgrad.tensor([3, 4])])
        tensor([[1, 3],
                [2, 4]])
    """
    parts = [t.reshape(-1, 1) if t.ndim < 2 else t for t in _tensors("column_stack", tensors)]
    return stored(_op["cat"](parts, 1), out, "column_stack")


@public(method=False)
def block_diag(*tensors: Tensor) -> Tensor:
    """block_diag(*tensors) -> Tensor

    The matrix with the given matrices on its diagonal and zeros elsewhere; vectors are rows.

    Example::

        >>> cgrad.block_diag(cgrad.ones(1, 2), cgrad.ones(1, 1))
        tensor([[1., 1., 0.],
                [0., 0., 1.]])
    """
    for i, t in enumerate(tensors):
        check_tensor("block_diag", t)
        if t.ndim > 2:
            raise RuntimeError("torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                               f"Input {i} has {t.ndim} dimensions")
    blocks = [atleast_2d(t) for t in tensors] or [_op["empty"]((1, 0))]
    width, left, rows = sum(b.shape[1] for b in blocks), 0, []
    for b in blocks:
        n, m = b.shape
        rows.append(_op["cat"]([b.new_zeros((n, left)), b, b.new_zeros((n, width - left - m))], 1))
        left += m
    return _op["cat"](rows, 0)


# -- repetition ------------------------------------------------------------------------------------


@public(module=False, renamed={"repeats": None})
def repeat(self: Tensor, *repeats: Ints) -> Tensor:
    """repeat(*repeats) -> Tensor

    Copies of the tensor side by side: `repeats` times along each dimension, new ones in front.

    Example::

        >>> cgrad.tensor([1, 2]).repeat(2, 2)
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
    """
    times = integers(repeats[0] if len(repeats) == 1 else repeats, "repeat", "repeats")
    if len(times) < self.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of "
                           "dimensions of tensor")
    if any(n < 0 for n in times):
        raise RuntimeError("repeat: Trying to create tensor with negative dimension in repeats "
                           f"{list(times)}")
    shape = (1,) * (len(times) - self.ndim) + tuple(self.shape)
    result = self.reshape(shape)
    if all(n == 1 for n in times):
        return result.clone()
    moving = [d for d, n in enumerate(times) if n != 1]
    if len(times) + len(moving) > 8:         # more dimensions than a view can have
        for d in moving:
            result = _op["cat"]([result] * times[d], d) if times[d] else result.narrow(d, 0, 0)
        return result
    # A dimension of size r and stride 0 in front of each that is repeated.
    wide: list[int] = []
    for d, n in enumerate(shape):
        wide += [times[d], n] if times[d] != 1 else [n]
    for d in reversed(moving):
        result = result.unsqueeze(d)
    return result.expand(wide).clone().reshape([n * r for n, r in zip(shape, times)])


@public(renamed={"dims": None})
def tile(input: Tensor, *dims: Ints) -> Tensor:
    """tile(input, dims) -> Tensor

    The tensor repeated `dims` times along each dimension (missing leading ones count as 1).

    Example::

        >>> cgrad.tile(cgrad.tensor([1, 2]), (2, 2))
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
    """
    check_tensor("tile", input)
    times = integers(dims[0] if len(dims) == 1 else dims, "tile", "dims")
    return input.repeat((1,) * (input.ndim - len(times)) + times)


@public()
def repeat_interleave(
    input: Tensor, repeats: int | Tensor | None = None, dim: int | None = None, *,
    output_size: int | None = None,
) -> Tensor:
    """repeat_interleave(input, repeats, dim=None, *, output_size=None) -> Tensor

    Each entry along `dim` (of the flattened input without it) repeated; `repeats` is a number, or
    a tensor with one for each entry.  ``repeat_interleave(repeats)`` gives the positions.

    Example::

        >>> cgrad.repeat_interleave(cgrad.tensor([1, 2]), cgrad.tensor([2, 1]))
        tensor([1, 1, 2])
    """
    check_tensor("repeat_interleave", input)
    if repeats is None:
        return _op["arange"](len(input)).repeat_interleave(input, 0, output_size=output_size)
    if dim is None:
        input, dim = input.reshape(-1), 0
    elif input.ndim == 0:
        input, dim = input.reshape(1), dimension(dim, 0, "repeat_interleave")
    dim = dimension(dim, input.ndim, "repeat_interleave")
    n = input.shape[dim]
    if isinstance(repeats, Tensor):
        if repeats.dtype.is_floating_point or repeats.dtype.itemsize < 4:
            raise RuntimeError("repeats has to be Long or Int tensor, but got "
                               f"{repeats.dtype}")
        if repeats.ndim > 1:
            raise RuntimeError("repeat_interleave: repeats must be 0-dim or 1-dim tensor, but has "
                               f"{repeats.ndim} dimensions")
        if repeats.numel() not in (1, n) or (repeats.ndim and repeats.numel() != n and n != 1
                                             and repeats.numel() != 1):
            raise RuntimeError("repeat_interleave: repeats must have the same size as input along "
                               f"dim, but got repeats.size(0) = {repeats.numel()} and "
                               f"input.size({dim}) = {n}")
        counts = np.broadcast_to(repeats.detach().numpy(), n)
    else:
        counts = np.full(n, integers(repeats, "repeat_interleave", "repeats")[0])
    if (counts < 0).any():
        raise RuntimeError("repeat_interleave: repeats can not be negative")
    index = np.repeat(np.arange(n), counts)
    if output_size is not None and output_size != len(index):
        raise RuntimeError(f"repeat_interleave: allocated size {output_size} does not match the "
                           f"sum of repeats {len(index)}")
    return input.index_select(dim, _op["from_numpy"](index))


# -- order -----------------------------------------------------------------------------------------


@public()
def roll(input: Tensor, shifts: Ints, dims: Ints | None = None) -> Tensor:
    """roll(input, shifts, dims=None) -> Tensor

    The entries moved by `shifts` along `dims`, those that leave coming back in front; without
    `dims` the flattened tensor.

    Example::

        >>> cgrad.arange(5).roll(2)
        tensor([3, 4, 0, 1, 2])
    """
    check_tensor("roll", input)
    by = integers(shifts, "roll", "shifts")
    along = () if dims is None else integers(dims, "roll", "dims")
    if not by:
        raise RuntimeError("roll: `shifts` required")
    if not along and len(by) == 1:
        return roll(input.reshape(-1), by, 0).reshape(input.shape)
    if len(along) != len(by):
        raise RuntimeError(f"roll: shifts and dimensions must align. shifts: {len(by)}, "
                           f"dims:{len(along)}")
    if input.ndim == 0:
        raise IndexError(f"roll: Dimension specified as {along[0]} but tensor has no dimensions")
    result = input
    for shift, d in zip(by, along):
        d = dimension(d, input.ndim, "roll")
        n = input.shape[d]
        first = n - shift % n if n else 0
        if first != n:
            result = _op["cat"]([result.narrow(d, first, n - first), result.narrow(d, 0, first)], d)
    return result.clone() if result is input else result


@public()
def fliplr(input: Tensor) -> Tensor:
    """fliplr(input) -> Tensor

    A copy in reverse order along the second dimension.

    Example::

        >>> cgrad.fliplr(cgrad.tensor([[1, 2], [3, 4]]))
        tensor([[2, 1],
                [4, 3]])
    """
    check_tensor("fliplr", input)
    if input.ndim < 2:
        raise RuntimeError(f"fliplr: Input must be >= 2-d, but has {input.ndim} dimensions.")
    return input.flip(1)


@public()
def flipud(input: Tensor) -> Tensor:
    """flipud(input) -> Tensor

    A copy in reverse order along the first dimension.

    Example::

        >>> cgrad.flipud(cgrad.tensor([[1, 2], [3, 4]]))
        tensor([[3, 4],
                [1, 2]])
    """
    check_tensor("flipud", input)
    if input.ndim < 1:
        raise RuntimeError(f"flipud: Input must be >= 1-d, but has {input.ndim} dimensions.")
    return input.flip(0)


@public()
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """rot90(input, k=1, dims=(0, 1)) -> Tensor

    A copy turned by k times 90 degrees in the plane of two dimensions, from the first towards the
    second.

    Example::

        >>> cgrad.rot90(cgrad.tensor([[1, 2], [3, 4]]))
        tensor([[2, 4],
                [1, 3]])
    """
    check_tensor("rot90", input)
    axes = integers(dims, "rot90", "dims")
    if len(axes) != 2:
        raise RuntimeError(f"rot90: expected total rotation dims == 2, but got dims = {len(axes)}")
    if input.ndim < 2:
        raise RuntimeError(f"rot90: expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = (dimension(d, input.ndim, "rot90") for d in axes)
    if a == b:
        raise RuntimeError(f"rot90: expected rotation dims to be different, but got dim0 = "
                           f"{axes[0]} and dim1 = {axes[1]}")
    turns = k % 4
    if turns == 0:
        return input.clone()
    if turns == 2:
        return input.flip((a, b))
    return input.flip(b if turns == 1 else a).transpose(a, b)


# -- grids -----------------------------------------------------------------------------------------


@public(method=False)
def meshgrid(*tensors: Tensor, indexing: str | None = None) -> tuple[Tensor, ...]:
    """meshgrid(*tensors, indexing=None) -> tuple of Tensors

    The coordinates of a grid: each vector expanded over the dimensions of all others.  "ij" (the
    default) keeps the order of the vectors, "xy" swaps the first two dimensions.

    Example::

        >>> x, y = cgrad.meshgrid(cgrad.arange(2), cgrad.arange(3), indexing="ij")
        >>> x
        tensor([[0, 0, 0],
                [1, 1, 1]])
    """
    given = list(tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor)
                 else tensors)
    vectors = _tensors("meshgrid", given)
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError("meshgrid: indexing must be one of \"xy\" or \"ij\", but received: "
                           f"{indexing}")
    for t in vectors:
        if t.ndim > 1:
            raise RuntimeError("meshgrid: Expected 0D or 1D tensor in the tensor list but got "
                               f"shape {list(t.shape)}")
        if t.dtype != vectors[0].dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    vectors = [t.reshape(-1) for t in vectors]
    n = len(vectors)
    shapes = [[1] * i + [-1] + [1] * (n - 1 - i) for i in range(n)]
    if indexing == "xy" and n > 1:
        shapes[:2] = shapes[1::-1]
    return broadcast_tensors(*(t.view(s) for t, s in zip(vectors, shapes)))


@public(method=False)
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """cartesian_prod(*tensors) -> Tensor

    All tuples of one element of each vector, as rows, in the order of itertools.product; of a
    single vector the vector.

    Example::

        >>> cgrad.cartesian_prod(cgrad.tensor([1, 2]), cgrad.tensor([3, 4]))
        tensor([[1, 3],
                [1, 4],
                [2, 3],
                [2, 4]])
    """
    for t in tensors:
        check_tensor("cartesian_prod", t)
        if t.ndim != 1:
            raise RuntimeError(f"cartesian_prod: Expect a 1D vector, but got shape {list(t.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([t.reshape(-1) for t in meshgrid(*tensors)], 1)


@public()
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """combinations(input, r=2, with_replacement=False) -> Tensor

    The combinations of r elements of a vector, as rows, in the order of itertools.combinations.

    Example::

        >>> cgrad.combinations(cgrad.tensor([1, 2, 3]))
        tensor([[1, 2],
                [1, 3],
                [2, 3]])
    """
    check_tensor("combinations", input)
    if input.ndim != 1:
        raise RuntimeError(f"combinations: Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"combinations: Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty(0)
    make = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    index = np.array(list(make(range(len(input)), r)), dtype=np.int64).reshape(-1, r)
    return input[_op["from_numpy"](index)]


@public(method=False)
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """vander(x, N=None, increasing=False) -> Tensor

    The matrix of the powers of a vector, N of them (as many as elements unless given), falling
    from left to right unless `increasing`.

    Example::

        >>> cgrad.vander(cgrad.tensor([1, 2, 3]))
        tensor([[1, 1, 1],
                [4, 2, 1],
                [9, 3, 1]])
    """
    check_tensors("vander", x=x)
    if x.ndim != 1:
        raise RuntimeError("vander: x must be a one-dimensional tensor.")
    count = len(x) if N is None else N
    if count < 0:
        raise RuntimeError("vander: N must be non-negative.")
    if not x.dtype.is_floating_point:
        x = x.to(int)
    powers = [x.new_ones(len(x))]
    for _ in range(count - 1):
        powers.append(powers[-1] * x)
    return stack(powers[:count][::1 if increasing else -1], 1) if count else \
        x.new_empty((len(x), 0))
