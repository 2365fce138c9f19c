"""Parameter: a tensor that a Module trains; Buffer: one it keeps; and both while without a size."""
from __future__ import annotations

from copy import deepcopy
from typing import Any

import cgrad
from cgrad import Tensor

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]


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


class Buffer(Tensor):
    """A tensor that a :class:`~cgrad.nn.Module` registers as a buffer when it is assigned.

    Args:
        data: the tensor to wrap, whose memory is shared. Default: an empty one.
        persistent: whether ``state_dict`` contains it. Default: ``True``

    Example::

        >>> class Mean(cgrad.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.mean = cgrad.nn.Buffer(cgrad.zeros(2))
        >>> list(Mean().state_dict())
        ['mean']
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        data = cgrad.empty(0) if data is None else data.detach()
        buffer = Tensor._make_subclass(cls, data, False)
        buffer.persistent = persistent
        return buffer

    def __repr__(self) -> str:
        return repr(self.detach())


class _Uninitialized(Tensor):
    """A tensor whose size is not known before a layer has seen its first input."""

    _ready = False

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Give it a shape; the values are not set.

        Args:
            shape: the sizes.
            device, dtype: as for :func:`cgrad.empty`. Default: those it was made with
        """
        like = Tensor.detach(self)
        self.data = cgrad.empty(shape, device=device, dtype=dtype or like.dtype)
        self._ready = True
        self._settle()

    def _settle(self) -> None:
        """Become what it stands for."""

    @property
    def shape(self) -> Any:
        if self._ready:
            return self.detach().shape
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def share_memory_(self) -> Any:
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return repr(self.detach()) if self._ready else f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter of a lazy layer, which takes its size from the first input.

    Args:
        requires_grad: whether gradients will be accumulated. Default: ``True``
        device, dtype: as for :func:`cgrad.empty`.

    Example::

        >>> weight = cgrad.nn.UninitializedParameter()
        >>> weight.materialize((2, 3))
        >>> type(weight).__name__, tuple(weight.shape)
        ('Parameter', (2, 3))
    """

    def __new__(
        cls, requires_grad: bool = True, device: Any = None, dtype: Any = None
    ) -> UninitializedParameter:
        empty = cgrad.empty(0, device=device, dtype=dtype)
        return Tensor._make_subclass(cls, empty, requires_grad)

    def _settle(self) -> None:
        del self._ready
        self.__class__ = Parameter  # type: ignore[assignment]

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, None, self.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return type(self), (self.requires_grad, None, self.dtype)


class UninitializedBuffer(_Uninitialized, Buffer):
    """A buffer of a lazy layer, which takes its size from the first input.

    Args:
        requires_grad: only ``False``.
        device, dtype: as for :func:`cgrad.empty`.
        persistent: whether ``state_dict`` contains it. Default: ``True``
    """

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> UninitializedBuffer:
        empty = cgrad.empty(0, device=device, dtype=dtype)
        buffer = Tensor._make_subclass(cls, empty, requires_grad)
        buffer.persistent = persistent
        return buffer

    def _settle(self) -> None:
        del self._ready
        self.__class__ = Buffer  # type: ignore[assignment]

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedBuffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(False, None, self.dtype, self.persistent)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return type(self), (False, None, self.dtype, self.persistent)


def is_lazy(param: object) -> bool:
    """Whether a parameter or buffer has no size yet."""
    return isinstance(param, _Uninitialized)
