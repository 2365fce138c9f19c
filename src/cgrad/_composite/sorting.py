"""Sorted, largest, middle and most frequent elements along a dimension, with their positions.

The engine finds the positions; the elements are gathered at them, so gradients go there.  NaN
counts as greater than all else.
"""
from __future__ import annotations

from typing import overload

import cgrad
from cgrad import return_types
from cgrad._composite.register import check_tensor, public
from cgrad._engine import reduce, scan
from cgrad._engine.sort import positions, store
from cgrad._tensor.tensor import Tensor, attach_inplace
from cgrad.return_types import ValuesIndices

Pair = tuple[Tensor, Tensor]


@public()
def sort(
    input: Tensor,
    dim: int = -1,
    descending: bool = False,
    stable: bool = False,
    *,
    out: Pair | None = None,
) -> ValuesIndices:
    """sort(input, dim=-1, descending=False, stable=False) -> (values, indices)

    The elements in order along `dim`, and their positions in `input`.  Equal elements keep their
    order, whatever `stable` says; NaN comes last (first if `descending`).

    Example::

        >>> cgrad.sort(cgrad.tensor([3.0, 1.0, 2.0])).indices
        tensor([1, 2, 0])
    """
    check_tensor("sort", input)
    result = return_types.sort(*positions(input, dim, "first", -1, descending, name="sort"))
    return result if out is None else store(result, out, "sort")


@public()
def argsort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False
) -> Tensor:
    """argsort(input, dim=-1, descending=False, stable=False) -> int64 Tensor

    The positions that sort `input` along `dim`, as :func:`sort` gives them.

    Example::

        >>> cgrad.argsort(cgrad.tensor([3, 1, 2]))
        tensor([1, 2, 0])
    """
    check_tensor("argsort", input)
    return positions(input, dim, "first", -1, descending, name="argsort", values=False)[1]


@public()
def msort(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """msort(input) -> Tensor

    The elements in order along the first dimension.

    Example::

        >>> cgrad.msort(cgrad.tensor([3, 1, 2]))
        tensor([1, 2, 3])
    """
    check_tensor("msort", input)
    result = positions(input, 0, "first", -1, name="msort")[0]
    return result if out is None else store(result, out, "msort")


@public()
def topk(
    input: Tensor,
    k: int,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,
    *,
    out: Pair | None = None,
) -> ValuesIndices:
    """topk(input, k, dim=-1, largest=True, sorted=True) -> (values, indices)

    The `k` largest (smallest) elements along `dim` and their positions, in order (whatever
    `sorted` says).  Raises RuntimeError if there are fewer.

    Example::

        >>> cgrad.topk(cgrad.tensor([3.0, 1.0, 2.0]), 2).values
        tensor([3., 2.])
    """
    check_tensor("topk", input)
    if k < 0:
        raise RuntimeError(f"topk(): selected index k out of range: {k}")
    dim = -1 if dim is None else dim
    result = return_types.topk(*positions(input, dim, "first", k, largest, name="topk"))
    return result if out is None else store(result, out, "topk")


@public()
def kthvalue(
    input: Tensor, k: int, dim: int = -1, keepdim: bool = False, *, out: Pair | None = None
) -> ValuesIndices:
    """kthvalue(input, k, dim=-1, keepdim=False) -> (values, indices)

    The k-th smallest element along `dim` (k = 1: the smallest) and its position.

    Example::

        >>> cgrad.kthvalue(cgrad.tensor([5, 1, 3]), 2)
        kthvalue(values=tensor(3), indices=tensor(2))
    """
    check_tensor("kthvalue", input)
    result = return_types.kthvalue(
        *positions(input, dim, "kth", k - 1, keepdim=keepdim, name="kthvalue"))
    return result if out is None else store(result, out, "kthvalue")


def _middle(
    input: Tensor, dim: int | None, keepdim: bool, out: Pair | Tensor | None, name: str
) -> Tensor | ValuesIndices:
    check_tensor(name, input)
    if dim is not None:
        pair = getattr(return_types, name)(
            *positions(input, dim, name, keepdim=keepdim, name=name))
        return pair if out is None else store(pair, out, name)
    with cgrad.no_grad():
        if input.numel() == 0:
            result = cgrad.tensor(float("nan")).to(input.dtype)
        else:
            result = positions(input.reshape(-1), 0, name, keepdim=False, name=name)[0]
    result = reduce.shared(input, result)
    return result if out is None else store(result, out, name)


@overload
def median(input: Tensor) -> Tensor: ...
@overload
def median(
    input: Tensor, dim: int, keepdim: bool = False, *, out: Pair | None = None
) -> ValuesIndices: ...
@public()
def median(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Pair | None = None
) -> Tensor | ValuesIndices:
    """median(input) -> Tensor; median(input, dim, keepdim=False) -> (values, indices)

    The element in the middle of the order, the lower one of two; NaN if there is a NaN.  With `dim`
    a named tuple of the medians along it and their positions.  The gradient goes to the position;
    without `dim` equal elements share it evenly.

    Example::

        >>> cgrad.median(cgrad.tensor([5, 1, 3]))
        tensor(3)
    """
    return _middle(input, dim, keepdim, out, "median")


@overload
def nanmedian(input: Tensor) -> Tensor: ...
@overload
def nanmedian(
    input: Tensor, dim: int, keepdim: bool = False, *, out: Pair | None = None
) -> ValuesIndices: ...
@public()
def nanmedian(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Pair | None = None
) -> Tensor | ValuesIndices:
    """nanmedian(input) -> Tensor; nanmedian(input, dim, keepdim=False) -> (values, indices)

    As :func:`median`, of the elements that are not NaN.

    Example::

        >>> cgrad.nanmedian(cgrad.tensor([1.0, float("nan"), 3.0]))
        tensor(1.)
    """
    return _middle(input, dim, keepdim, out, "nanmedian")


@public()
def mode(
    input: Tensor, dim: int = -1, keepdim: bool = False, *, out: Pair | None = None
) -> ValuesIndices:
    """mode(input, dim=-1, keepdim=False) -> (values, indices)

    The most frequent element along `dim`, the least of several, and the last position of it.

    Example::

        >>> cgrad.mode(cgrad.tensor([1, 2, 2]))
        mode(values=tensor(2), indices=tensor(2))
    """
    check_tensor("mode", input)
    result = return_types.mode(*positions(input, dim, "mode", keepdim=keepdim, name="mode"))
    return result if out is None else store(result, out, "mode")


def _extreme_so_far(
    input: Tensor, dim: int, largest: bool, out: Pair | None, name: str
) -> ValuesIndices:
    check_tensor(name, input)
    result = getattr(return_types, name)(*scan.extreme_so_far(input, dim, largest))
    return result if out is None else store(result, out, name)


@public()
def cummax(input: Tensor, dim: int, *, out: Pair | None = None) -> ValuesIndices:
    """cummax(input, dim) -> (values, indices)

    The largest of the elements up to each position along `dim`, and its position (the last one of
    equal ones); NaN wins.

    Example::

        >>> cgrad.cummax(cgrad.tensor([1, 3, 2]), dim=0)
        cummax(values=tensor([1, 3, 3]), indices=tensor([0, 1, 1]))
    """
    return _extreme_so_far(input, dim, True, out, "cummax")


@public()
def cummin(input: Tensor, dim: int, *, out: Pair | None = None) -> ValuesIndices:
    """cummin(input, dim) -> (values, indices)

    The smallest of the elements up to each position, as :func:`cummax`.

    Example::

        >>> cgrad.cummin(cgrad.tensor([3, 1, 2]), dim=0)
        cummin(values=tensor([3, 1, 1]), indices=tensor([0, 1, 1]))
    """
    return _extreme_so_far(input, dim, False, out, "cummin")


attach_inplace("cumprod_", scan.cumprod)
