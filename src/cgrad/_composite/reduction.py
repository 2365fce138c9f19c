"""Reductions composed of those of the table."""
from __future__ import annotations

from typing import Any, overload

import cgrad
from cgrad import return_types
from cgrad._composite.register import check_tensor, dimension, public
from cgrad._engine import reduce
from cgrad._engine.annotations import Dims, Number
from cgrad._engine.face import numpy_names
from cgrad._engine.handle import dtype as _dtype
from cgrad._engine.sort import store
from cgrad._tensor.tensor import Tensor
from cgrad.return_types import ValuesIndices

Pair = tuple[Tensor, Tensor]


def _extreme(
    name: str,
    input: Tensor,
    dim: int | Tensor | None,
    keepdim: bool,
    out: Tensor | Pair | None,
) -> Tensor | ValuesIndices:
    check_tensor(name, input)
    if isinstance(dim, Tensor):
        return getattr(cgrad, name + "imum")(input, dim, out=out)
    if dim is None:
        result: Tensor | ValuesIndices = reduce.whole(input, name == "max")
    else:
        if type(dim) is int:
            dimension(dim, input.ndim, name)          # an error that names this function
        index = getattr(cgrad, "arg" + name)(input, dim, keepdim=True)
        values = cgrad.gather(input, dim, index)
        if not keepdim and input.ndim:
            values, index = values.squeeze(dim), index.squeeze(dim)
        result = getattr(return_types, name)(values, index)
    return result if out is None else store(result, out, name)


@overload
def max(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def max(input: Tensor, dim: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def max(
    input: Tensor, dim: int, keepdim: bool = False, *, out: Pair | None = None
) -> ValuesIndices: ...
@public()
def max(
    input: Any,
    dim: Any = None,
    keepdim: Any = False,
    *,
    other: Any = None,
    axis: Any = None,
    keepdims: Any = None,
    out: Any = None,
) -> Any:
    """max(input) -> Tensor; max(input, dim, keepdim=False) -> (values, indices); max(input, other)

    Largest element; with `dim` a named tuple of the largest elements along it and their (first)
    positions; with a tensor as second argument :func:`maximum`.  NaN wins.  The gradient goes to
    the chosen position; without `dim` equal elements share it evenly.

    Example::

        >>> cgrad.max(cgrad.tensor([[1, 5], [7, 2]]), dim=1)
        max(values=tensor([5, 7]), indices=tensor([1, 0]))
    """
    dim, keepdim = numpy_names("max", dim, keepdim, axis, keepdims)
    return _extreme("max", input, dim if other is None else other, keepdim, out)


@overload
def min(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def min(input: Tensor, dim: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def min(
    input: Tensor, dim: int, keepdim: bool = False, *, out: Pair | None = None
) -> ValuesIndices: ...
@public()
def min(
    input: Any,
    dim: Any = None,
    keepdim: Any = False,
    *,
    other: Any = None,
    axis: Any = None,
    keepdims: Any = None,
    out: Any = None,
) -> Any:
    """min(input) -> Tensor; min(input, dim, keepdim=False) -> (values, indices); min(input, other)

    Smallest element, as :func:`max`.

    Example::

        >>> cgrad.min(cgrad.tensor([[1, 5], [7, 2]]), dim=1)
        min(values=tensor([1, 2]), indices=tensor([0, 1]))
    """
    dim, keepdim = numpy_names("min", dim, keepdim, axis, keepdims)
    return _extreme("min", input, dim if other is None else other, keepdim, out)


@public()
def aminmax(
    input: Tensor, *, dim: int | None = None, keepdim: bool = False, out: Pair | None = None
) -> return_types.aminmax:
    """aminmax(input, *, dim=None, keepdim=False) -> (min, max)

    Smallest and largest element of all or along `dim`, as :func:`amin` and :func:`amax`.

    Example::

        >>> cgrad.aminmax(cgrad.tensor([3, 1, 2]))
        aminmax(min=tensor(1), max=tensor(3))
    """
    check_tensor("aminmax", input)
    if input.numel() == 0 and dim is None:
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the "
                           "operation has no identity")
    along = tuple(range(input.ndim)) if dim is None else (dim,)
    result = return_types.aminmax(input.amin(along, keepdim), input.amax(along, keepdim))
    return result if out is None else store(result, out, "aminmax")


@public()
def dist(input: Tensor, other: Tensor, p: Number = 2) -> Tensor:
    """dist(input, other, p=2) -> Tensor

    The p-norm of input - other, which are broadcast.

    Example::

        >>> cgrad.dist(cgrad.zeros(2), cgrad.tensor([3.0, 4.0]))
        tensor(5.)
    """
    return cgrad.norm(input - other, p)


@public(inplace=True)
def renorm(
    input: Tensor, p: Number, dim: int, maxnorm: Number, *, out: Tensor | None = None
) -> Tensor:
    """renorm(input, p, dim, maxnorm) -> Tensor

    The tensor with each of its slices along `dim` whose p-norm exceeds `maxnorm` scaled down to it.

    Example::

        >>> x = cgrad.tensor([[3.0, 4.0], [0.0, 1.0]])
        >>> cgrad.renorm(x, p=2, dim=0, maxnorm=1.0).norm(dim=1)
        tensor([1., 1.])
    """
    check_tensor("renorm", input)
    if not p > 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} "
                           "dimensions")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    dim = dimension(dim, input.ndim, "renorm")
    size = cgrad.norm(input, p, tuple(d for d in range(input.ndim) if d != dim), True)
    result = input * cgrad.where(size > maxnorm, maxnorm / (size + 1e-7), 1.0)
    return result if out is None else store(result, out, "renorm")


@public()
def nansum(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: _dtype | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """nansum(input, dim=None, keepdim=False, *, dtype=None) -> Tensor

    Sum of the elements that are not NaN.

    Example::

        >>> cgrad.nansum(cgrad.tensor([1.0, float("nan"), 3.0]))
        tensor(4.)
    """
    check_tensor("nansum", input)
    if _has_nan(input):
        input = cgrad.where(input != input, 0.0, input)
    return cgrad.sum(input, dim, keepdim, dtype=dtype, out=out)


def _has_nan(input: Tensor) -> bool:
    # A NaN would show in the sum, which is quick; infinities may look like one.
    total = input.detach().sum()
    return bool(total != total)


@public()
def nanmean(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: _dtype | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """nanmean(input, dim=None, keepdim=False, *, dtype=None) -> Tensor

    Mean of the elements that are not NaN.

    Example::

        >>> cgrad.nanmean(cgrad.tensor([1.0, float("nan"), 3.0]))
        tensor(2.)
    """
    check_tensor("nanmean", input)
    if not input.dtype.is_floating_point:
        raise RuntimeError("nanmean(): expected input to have floating point or complex dtype but "
                           f"got {input.dtype}")
    if not _has_nan(input):
        return cgrad.mean(input, dim, keepdim, dtype=dtype, out=out)
    count = (input == input).sum(dim, keepdim)
    result = nansum(input, dim, keepdim, dtype=dtype) / count
    return result if out is None else store(result, out, "nanmean")


@public()
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """count_nonzero(input, dim=None) -> int64 Tensor

    How many elements are not 0: of all, or over `dim`.

    Example::

        >>> cgrad.count_nonzero(cgrad.tensor([0, 1, 2]))
        tensor(2)
    """
    check_tensor("count_nonzero", input)
    return (input != 0).sum(dim)
