"""Parameter: the tensors a Module trains."""
from __future__ import annotations

from copy import deepcopy
from typing import Any

import cgrad
from cgrad import Tensor

__all__ = ["Parameter"]


def _rebuild_parameter(
    cls: type[Parameter], data: Tensor, requires_grad: bool, attributes: dict[str, Any]
) -> Parameter:
    param = cls(data, requires_grad)
    param.__dict__.update(attributes)
    return param


class Parameter(Tensor):
    """A tensor that a :class:`~cgrad.nn.Module` lists among its parameters.

    Assigned as an attribute of a module it is registered there, so that ``parameters()`` yields
    it, ``state_dict()`` saves it and an optimizer can train it. It shares the memory of ``data``.

    Args:
        data: the tensor to wrap. Default: an empty one.
        requires_grad: whether gradients are accumulated into ``.grad``. Default: ``True``

    Example::

        >>> weight = cgrad.nn.Parameter(cgrad.zeros(2, 3))
        >>> weight.requires_grad, weight.is_leaf
        (True, True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        if data is None:
            data = cgrad.empty(0)
        return Tensor._make_subclass(cls, data, requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            param = type(self)(self.detach().clone(), self.requires_grad)
            memo[id(self)] = param
            param.__dict__.update(deepcopy(self.__dict__, memo))
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple:
        arguments = (type(self), self.detach(), self.requires_grad, self.__dict__)
        return _rebuild_parameter, arguments

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()
