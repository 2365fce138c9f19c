"""Parameter: the tensors a Module trains; Buffer: those it keeps; both before they have a shape."""
from __future__ import annotations

from copy import deepcopy
from typing import Any

import cgrad
from cgrad import Tensor

__all__ = [
    "Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter",
    "UninitializedTensorMixin", "is_lazy",
]  # fmt: skip


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


class _BufferType(type):
    # Buffers are ordinary tensors with a mark, so that what is computed from them is ordinary too.
    def __instancecheck__(cls, instance: object) -> bool:
        if cls is Buffer and isinstance(instance, Tensor):
            return getattr(instance, "_is_buffer", False)
        return super().__instancecheck__(instance)


class Buffer(Tensor, metaclass=_BufferType):
    """A tensor that a :class:`~cgrad.nn.Module` lists among its buffers when it is assigned.

    The result is a Tensor that shares the memory of ``data``; assigning it does what
    ``register_buffer`` does.

    Args:
        data: the tensor to wrap. Default: an empty one.
        persistent: whether ``state_dict`` contains it. Default: ``True``

    Example::

        >>> net = cgrad.nn.Module()
        >>> net.mean = cgrad.nn.Buffer(cgrad.zeros(3))
        >>> list(net.state_dict())
        ['mean']
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        if data is None:
            data = cgrad.empty(0)
        buffer: Any = data.detach().requires_grad_(data.requires_grad)
        buffer.persistent = persistent
        buffer._is_buffer = True
        return buffer


def _unusable(param: object, name: str) -> ValueError:
    return ValueError(
        f"Attempted to use an uninitialized parameter in {name}. This error happens when "
        "you are using a `LazyModule` or explicitly manipulating "
        f"`cgrad.nn.parameter.{type(param).__name__}` objects. When using LazyModules Call "
        "`forward` with a dummy batch to initialize the parameters before calling tensor "
        "functions"
    )


class UninitializedTensorMixin:
    """What parameters and buffers without a shape have in common."""

    cls_to_become: type
    data: Tensor
    requires_grad: bool

    # What makes sense before there are values; everything else waits for the shape.
    _allowed = frozenset({
        "_is_buffer", "char", "cls_to_become", "copy_", "cpu", "cuda", "data", "detach", "device",
        "double",
        "dtype", "float", "get_device", "grad", "grad_fn", "half", "int", "is_complex",
        "is_floating_point", "is_leaf", "long", "materialize", "persistent", "requires_grad",
        "requires_grad_", "shape", "share_memory_", "short", "size", "to", "type",
    })  # fmt: skip

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__") or name in UninitializedTensorMixin._allowed:
            return super().__getattribute__(name)
        found = super().__getattribute__(name)
        if hasattr(Tensor, name):
            raise _unusable(self, name)
        return found

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Give the parameter or buffer a shape, and memory with any values.

        Args:
            shape: the shape.
            device: only the CPU. Default: ``None``
            dtype: Default: the present one.
        """
        dtype = self.data.dtype if dtype is None else dtype
        self.data = cgrad.empty(shape, device=device, dtype=dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def size(self, dim: int | None = None) -> Any:
        return self.shape

    def share_memory_(self) -> Any:
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return type(self), (self.requires_grad,)


# The operators do not pass __getattribute__.
_OPERATORS = [
    "add", "radd", "iadd", "sub", "rsub", "isub", "mul", "rmul", "imul", "truediv", "rtruediv",
    "itruediv", "floordiv", "rfloordiv", "mod", "pow", "rpow", "matmul", "rmatmul", "neg",
    "pos", "abs", "eq", "ne", "lt", "le", "gt", "ge", "getitem", "setitem", "len", "iter",
    "bool", "float", "int", "index", "array", "invert", "and", "or", "xor",
]  # fmt: skip


def _refusing(name: str) -> Any:
    def refuse(self: Any, *args: Any) -> Any:
        raise _unusable(self, name)

    return refuse


for _name in _OPERATORS:
    setattr(UninitializedTensorMixin, f"__{_name}__", _refusing(f"__{_name}__"))
UninitializedTensorMixin.__hash__ = object.__hash__  # type: ignore[method-assign]


def is_lazy(param: Any) -> bool:
    """Whether ``param`` is an UninitializedParameter or UninitializedBuffer.

    Example::

        >>> cgrad.nn.parameter.is_lazy(cgrad.nn.UninitializedParameter())
        True
    """
    return isinstance(param, UninitializedTensorMixin)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is not known yet; ``materialize(shape)`` makes it a Parameter.

    Args:
        requires_grad: whether gradients will be accumulated. Default: ``True``
        device: only the CPU. Default: ``None``
        dtype: of the values to come. Default: float32

    Raises:
        RuntimeError: its shape is read.
        ValueError: it is used in an operation.

    Example::

        >>> weight = cgrad.nn.UninitializedParameter()
        >>> weight.materialize((2, 3))
        >>> type(weight) is cgrad.nn.Parameter, weight.shape == (2, 3)
        (True, True)
    """

    cls_to_become = Parameter

    def __new__(
        cls, requires_grad: bool = True, device: Any = None, dtype: Any = None
    ) -> UninitializedParameter:
        return Tensor._make_subclass(cls, cgrad.empty(0, device=device, dtype=dtype), requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, dtype=self.data.dtype)
        return memo[id(self)]


class _Materialized(Tensor):
    """A tensor that was an UninitializedBuffer."""

    def __repr__(self) -> str:
        return repr(self.as_subclass(Tensor))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.as_subclass(Tensor).__reduce_ex__(protocol)


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer whose shape is not known yet; ``materialize(shape)`` makes it a Tensor.

    Args:
        requires_grad: Default: ``False``
        device: only the CPU. Default: ``None``
        dtype: of the values to come. Default: float32
        persistent: whether ``state_dict`` contains it. Default: ``True``

    Example::

        >>> buffer = cgrad.nn.UninitializedBuffer()
        >>> buffer.materialize((2,))
        >>> buffer.shape
        cgrad.Size([2])
    """

    # PyTorch makes it a Tensor itself. Python cannot turn an object into an instance of a
    # built-in type, and this one does not differ from it.
    cls_to_become = _Materialized
    persistent: bool

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> UninitializedBuffer:
        data = cgrad.empty(0, device=device, dtype=dtype)
        buffer = Tensor._make_subclass(cls, data, requires_grad)
        buffer.persistent = persistent
        buffer._is_buffer = True
        return buffer

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedBuffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(
                self.requires_grad, dtype=self.data.dtype, persistent=self.persistent
            )
        return memo[id(self)]
