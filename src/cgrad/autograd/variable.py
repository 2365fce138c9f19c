"""`Variable`, the name that tensors with history had in old programs."""
from __future__ import annotations

import warnings
from typing import Any

from cgrad._tensor.tensor import Tensor

__all__ = ["Variable"]


class VariableMeta(type):
    def __call__(cls, data: Any, requires_grad: bool = False, volatile: bool = False) -> Tensor:
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        if volatile:
            warnings.warn("volatile was removed and now has no effect. Use `with cgrad.no_grad():` "
                          "instead.", stacklevel=2)
        return Tensor._make_subclass(Tensor, data, bool(requires_grad))

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=VariableMeta):
    """Variable(data, requires_grad=False) -> Tensor

    The name of tensors with history in old programs: a leaf that shares the memory of `data`.
    Every tensor is an instance of it.

    Raises:
        TypeError: `data` is no tensor.
        RuntimeError: gradients of integers are asked for.

    Example::

        >>> x = cgrad.autograd.Variable(cgrad.ones(2), requires_grad=True)
        >>> x.requires_grad, isinstance(x, cgrad.autograd.Variable)
        (True, True)
    """
