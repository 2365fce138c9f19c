"""Products and quotients of two tensors, added to a third."""
from __future__ import annotations

import functools
import warnings
from typing import Any, cast

from cgrad._composite.register import F, check_tensors, public
from cgrad._engine.create import empty, promote_types, result_type
from cgrad._engine.handle import all_dtypes
from cgrad._engine.parametric import store
from cgrad._tensor.tensor import Tensor

Number = bool | int | float
_bool = all_dtypes()[0]


def _old_order(function: F) -> F:
    """Also accept ``value`` before the tensors, as old programs pass it."""
    @functools.wraps(function)
    def accept(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if len(args) == 3 and isinstance(args[0], (int, float)):
            warnings.warn(f"{function.__name__}(input, value, tensor1, tensor2) is deprecated: "
                          "pass value by keyword", UserWarning, stacklevel=2)
            kwargs["value"], *args = args  # type: ignore[assignment]
        result: Tensor = function(input, *args, **kwargs)
        return result
    return cast(F, accept)


def _of_one_dtype(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors in the dtype of all together: three at once are promoted, not two and one."""
    if all(t.dtype is tensors[0].dtype for t in tensors):
        return tensors
    kinds = [[t.dtype for t in tensors if bool(t.ndim) is wide] for wide in (True, False)]
    wide, number = (functools.reduce(promote_types, kind) if kind else None for kind in kinds)
    dtype = wide or number
    if wide and number:
        dtype = result_type(empty(1, dtype=wide), empty((), dtype=number))
    return tuple(t.to(dtype) for t in tensors)


@public(inplace=True)
@_old_order
def addcmul(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1,
    out: Tensor | None = None,
) -> Tensor:
    """addcmul(input, tensor1, tensor2, *, value=1) -> Tensor

    input + value tensor1 tensor2.

    Example::

        >>> cgrad.addcmul(cgrad.ones(2), cgrad.tensor([1.0, 2.0]), cgrad.tensor([3.0, 4.0]))
        tensor([4., 9.])
    """
    check_tensors("addcmul", input=input, tensor1=tensor1, tensor2=tensor2)
    input, tensor1, tensor2 = _of_one_dtype(input, tensor1, tensor2)
    if input.dtype is _bool:
        raise NotImplementedError("addcmul: not implemented for bool tensors")
    product = tensor1 * tensor2
    if value != 1:
        if isinstance(value, float) and not (input.dtype.is_floating_point
                                             or product.dtype.is_floating_point):
            raise RuntimeError("addcmul: for integer tensors value must be an integer, but got "
                               f"{value}")
        product = product * value
    return store(input + product, out, "addcmul")


@public(inplace=True)
@_old_order
def addcdiv(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1,
    out: Tensor | None = None,
) -> Tensor:
    """addcdiv(input, tensor1, tensor2, *, value=1) -> Tensor

    input + value tensor1 / tensor2.  Raises RuntimeError where both are integer tensors.

    Example::

        >>> cgrad.addcdiv(cgrad.ones(2), cgrad.tensor([4.0, 6.0]), cgrad.tensor([2.0, 3.0]))
        tensor([3., 3.])
    """
    check_tensors("addcdiv", input=input, tensor1=tensor1, tensor2=tensor2)
    if not (tensor1.dtype.is_floating_point or tensor2.dtype.is_floating_point):
        raise RuntimeError("addcdiv: Integer division with addcdiv is not supported; say what is "
                           "meant: input + value * trunc(tensor1 / tensor2), or tensors of a "
                           "floating point dtype")
    input, tensor1, tensor2 = _of_one_dtype(input, tensor1, tensor2)
    quotient = tensor1 / tensor2
    return store(input + (quotient if value == 1 else quotient * value), out, "addcdiv")
