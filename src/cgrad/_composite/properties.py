"""What a tensor is, and its memory."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cgrad._composite.register import check_tensor, check_tensors, integers, public
from cgrad._engine.annotations import Ints, Number
from cgrad._engine.face import public as _op
from cgrad._engine.handle import dtype as DType
from cgrad._engine.strided import same_memory, storage_bytes
from cgrad._tensor.size import strided
from cgrad._tensor.tensor import Tensor, attach


@public(method=False)
def numel(input: Tensor) -> int:
    """numel(input) -> int

    Number of elements.

    Example::

        >>> cgrad.numel(cgrad.zeros(2, 3))
        6
    """
    if not isinstance(input, Tensor):
        check_tensor("numel", input)
    return input.numel()


@public(method=False)
def is_tensor(obj: object) -> bool:
    """is_tensor(obj) -> bool

    Whether an object is a Tensor.

    Example::

        >>> cgrad.is_tensor([1, 2])
        False
    """
    return isinstance(obj, Tensor)


@public(method=False)
def is_floating_point(input: Tensor) -> bool:
    """is_floating_point(input) -> bool

    Whether the dtype is float32 or float64.

    Example::

        >>> cgrad.is_floating_point(cgrad.tensor([1]))
        False
    """
    if not isinstance(input, Tensor):
        check_tensor("is_floating_point", input)
    return input.dtype.is_floating_point


@public()
def is_nonzero(input: Tensor) -> bool:
    """is_nonzero(input) -> bool

    Whether the only element is not zero.

    Example::

        >>> cgrad.is_nonzero(cgrad.tensor([0.0]))
        False
    """
    check_tensor("is_nonzero", input)
    if input.numel() != 1:
        few = "no values" if not input.numel() else "more than one value"
        raise RuntimeError(f"Boolean value of Tensor with {few} is ambiguous")
    return bool(input.item())


@public()
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """is_same_size(input, other) -> bool

    Whether two tensors have the same shape.

    Example::

        >>> cgrad.is_same_size(cgrad.zeros(2, 3), cgrad.ones(2, 3))
        True
    """
    check_tensors("is_same_size", input=input, other=other)
    return input.shape == other.shape


@public(module=False)
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """is_set_to(tensor) -> bool

    Whether both are the same stretch of the same memory.

    Example::

        >>> x = cgrad.zeros(2)
        >>> x.is_set_to(x), x.is_set_to(x.clone())
        (True, False)
    """
    check_tensor("is_set_to", tensor)
    return same_memory(self, tensor)


@public()
def get_device(input: Tensor) -> int:
    """get_device(input) -> int

    -1: the tensor is on the CPU.

    Example::

        >>> cgrad.zeros(2).get_device()
        -1
    """
    check_tensor("get_device", input)
    return -1


@public(module=False)
def dim_order(self: Tensor) -> tuple[int, ...]:
    """dim_order() -> tuple of ints

    The dimensions from the largest stride to the smallest.

    Example::

        >>> cgrad.zeros(2, 3).T.dim_order()
        (1, 0)
    """
    strides = self.stride()
    return tuple(sorted(range(self.ndim), key=lambda d: -strides[d]))


@public(module=False)
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """type_as(other) -> Tensor: the tensor in the dtype of another.

    Example::

        >>> cgrad.tensor([1.5]).type_as(cgrad.tensor([1]))
        tensor([1])
    """
    return self.to(other.dtype)


@public(method=False)
def detach(input: Tensor) -> Tensor:
    """detach(input) -> Tensor

    A tensor over the same memory without history.

    Example::

        >>> x = cgrad.ones(2, requires_grad=True)
        >>> x.detach().requires_grad
        False
    """
    if not isinstance(input, Tensor):
        check_tensor("detach", input)
    return input.detach()


@public(method=False)
def detach_(input: Tensor) -> Tensor:
    """detach_(input) -> Tensor

    Cut a tensor off its history.

    Example::

        >>> y = cgrad.ones(2, requires_grad=True) * 2
        >>> y.detach_().is_leaf
        True
    """
    check_tensor("detach_", input)
    input.detach_()
    return input


# -- for programs written for other devices --------------------------------------------------------


@public(module=False)
def pin_memory(self: Tensor, device: object = None) -> Tensor:
    """pin_memory() -> Tensor: the tensor itself; pages are pinned for the sake of a GPU.

    Example::

        >>> x = cgrad.zeros(2)
        >>> x.pin_memory() is x
        True
    """
    return self


@public(module=False)
def is_pinned(self: Tensor, device: object = None) -> bool:
    """is_pinned() -> bool: False.

    Example::

        >>> cgrad.zeros(2).is_pinned()
        False
    """
    return False


@public(module=False)
def is_shared(self: Tensor) -> bool:
    """is_shared() -> bool: False; memory is not shared between processes.

    Example::

        >>> cgrad.zeros(2).is_shared()
        False
    """
    return False


@public(module=False)
def share_memory_(self: Tensor) -> Tensor:
    """share_memory_(): raises RuntimeError, memory is not shared between processes."""
    raise RuntimeError("share_memory_: sharing memory between processes is not supported")


@public(module=False)
def to_dense(self: Tensor) -> Tensor:
    """to_dense() -> Tensor: the tensor itself.

    Example::

        >>> cgrad.ones(2).to_dense()
        tensor([1., 1.])
    """
    return self


# -- memory ----------------------------------------------------------------------------------------


class UntypedStorage:
    """The memory behind a tensor and its views, in bytes; ``storage()`` counts in elements."""

    def __init__(self, tensor: Tensor, unit: int = 1):
        self._tensor, self._unit = tensor, unit

    def nbytes(self) -> int:
        """Bytes of the memory."""
        return storage_bytes(self._tensor)

    def size(self) -> int:
        """Number of units: bytes, or elements of ``storage()``."""
        return self.nbytes() // self._unit

    __len__ = size

    def data_ptr(self) -> int:
        """Address of the first byte."""
        t = self._tensor
        return t.data_ptr() - t.storage_offset() * t.element_size() if t.numel() else 0

    def tolist(self) -> list:
        """The units as numbers."""
        t = self._tensor.detach()
        flat = t.as_strided((self.nbytes() // t.element_size(),), (1,), 0)
        return (flat if self._unit > 1 else flat.view(_BYTE)).tolist()

    def __repr__(self) -> str:
        return f"<storage of {self.nbytes()} bytes>"


_BYTE = _op["from_numpy"](np.zeros(0, np.uint8)).dtype


@public(module=False)
def untyped_storage(self: Tensor) -> UntypedStorage:
    """untyped_storage() -> UntypedStorage: the memory of the tensor and its views, in bytes.

    Example::

        >>> cgrad.zeros(2, 3).untyped_storage().nbytes()
        24
    """
    return UntypedStorage(self)


@public(module=False)
def storage(self: Tensor) -> UntypedStorage:
    """storage() -> UntypedStorage: the memory of the tensor and its views, in elements.

    Example::

        >>> len(cgrad.zeros(2, 3).storage())
        6
    """
    return UntypedStorage(self, self.element_size())


@public(module=False, renamed={"size": None})
def resize_(self: Tensor, *sizes: Ints, memory_format: object = None) -> Tensor:
    """resize_(*sizes) -> Tensor

    Give the tensor another shape, row-major over the same memory.  Where that is too small it gets
    new memory with the old elements in front; views of the old memory keep that.

    Example::

        >>> cgrad.zeros(4).resize_(2, 2)
        tensor([[0., 0.],
                [0., 0.]])
    """
    shape = integers(sizes[0] if len(sizes) == 1 else sizes, "resize_", "sizes")
    if self.requires_grad:
        raise RuntimeError("resize_: cannot resize variables that require grad")
    count = 1
    for n in shape:
        if n < 0:
            raise RuntimeError(f"resize_: Trying to create tensor with negative dimension {n}: "
                               f"{list(shape)}")
        count *= n
    room = storage_bytes(self) // self.element_size() - self.storage_offset()
    flat = self.detach().as_strided((min(room, count),), (1,))
    if count > room:
        larger = _op["empty"](count, dtype=self.dtype)
        larger[:room] = flat
        flat = larger
    self.data = flat.view(shape)
    return self


@public(module=False, renamed={"the_template": "other"})
def resize_as_(self: Tensor, other: Tensor, memory_format: object = None) -> Tensor:
    """resize_as_(other) -> Tensor: :meth:`resize_` to the shape of another tensor.

    Example::

        >>> cgrad.zeros(4).resize_as_(cgrad.ones(2, 2))
        tensor([[0., 0.],
                [0., 0.]])
    """
    return self.resize_(other.shape)


@public(module=False)
def set_(
    self: Tensor, source: Tensor | UntypedStorage | None = None, storage_offset: int = 0,
    size: Ints | None = None, stride: Ints | None = None,
) -> Tensor:
    """set_(source=None, storage_offset=0, size=None, stride=None) -> Tensor

    Let the tensor stand for the memory of another tensor, or for a part of it.

    Example::

        >>> x = cgrad.zeros(2)
        >>> x.set_(cgrad.ones(3))
        tensor([1., 1., 1.])
    """
    if source is None:
        source = _op["empty"](0, dtype=self.dtype)
    if isinstance(source, UntypedStorage):
        if size is None:
            size = source.nbytes() // self.element_size()
        source = source._tensor
    check_tensor("set_", source)
    if source.dtype != self.dtype:
        raise RuntimeError(f"set_: Could not set tensor of type {source.dtype} to a tensor of type "
                           f"{self.dtype}")
    if self.requires_grad and not self.is_leaf:
        raise RuntimeError("set_: not supported on a tensor with history; use detach()")
    memory = source.detach()
    if size is not None:
        shape = integers(size, "set_", "size")
        if stride is None:
            steps = [1] * len(shape)
            for i in range(len(shape) - 2, -1, -1):
                steps[i] = steps[i + 1] * (shape[i + 1] or 1)
            stride = steps
        memory = memory.as_strided(shape, stride, storage_offset)
    self.data = memory
    return self


@public(module=False)
def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """apply_(callable) -> Tensor

    Replace each element x by ``callable(x)``, one by one in Python; for tensors that do not
    require grad.

    Example::

        >>> cgrad.tensor([1.0, 2.0]).apply_(lambda x: x * 10)
        tensor([10., 20.])
    """
    return _each("apply_", self, callable, [self])


@public(module=False)
def map_(self: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """map_(tensor, callable) -> Tensor

    Replace each element x by ``callable(x, y)``, y from `tensor`, one by one in Python; for
    tensors that do not require grad.

    Example::

        >>> cgrad.tensor([1.0, 2.0]).map_(cgrad.tensor([3.0, 4.0]), lambda a, b: a * b)
        tensor([3., 8.])
    """
    check_tensor("map_", tensor)
    return _each("map_", self, callable, [self, tensor.expand(self.shape)])


def _each(name: str, self: Tensor, callable: Callable, operands: list[Tensor]) -> Tensor:
    if any(t.requires_grad for t in operands):
        raise TypeError(f"{name}: can't call {name} on Tensors that require grad.")
    new = [callable(*xs) for xs in zip(*(t.reshape(-1).tolist() for t in operands))]
    return self.copy_(_op["tensor"](new, dtype=self.dtype).reshape(self.shape))


# -- new tensors like another ----------------------------------------------------------------------


def _options(self: Tensor, dtype: DType | None, device: object, requires_grad: bool) -> dict:
    return dict(dtype=self.dtype if dtype is None else dtype, device=device,
                requires_grad=requires_grad)


@public(module=False, renamed={"size": None})
def new_zeros(
    self: Tensor, *size: Ints, dtype: DType | None = None, device: object = None,
    requires_grad: bool = False, layout: object = None, pin_memory: bool = False,
) -> Tensor:
    """new_zeros(*size) -> Tensor: :func:`cgrad.zeros` in this tensor's dtype.

    Example::

        >>> cgrad.ones(1, dtype=cgrad.int8).new_zeros(2)
        tensor([0, 0], dtype=cgrad.int8)
    """
    return _op["zeros"](*size, **_options(self, dtype, device, requires_grad))


@public(module=False, renamed={"size": None})
def new_ones(
    self: Tensor, *size: Ints, dtype: DType | None = None, device: object = None,
    requires_grad: bool = False, layout: object = None, pin_memory: bool = False,
) -> Tensor:
    """new_ones(*size) -> Tensor: :func:`cgrad.ones` in this tensor's dtype.

    Example::

        >>> cgrad.zeros(1, dtype=cgrad.float64).new_ones(2)
        tensor([1., 1.], dtype=cgrad.float64)
    """
    return _op["ones"](*size, **_options(self, dtype, device, requires_grad))


@public(module=False, renamed={"size": None})
def new_empty(
    self: Tensor, *size: Ints, dtype: DType | None = None, device: object = None,
    requires_grad: bool = False, layout: object = None, pin_memory: bool = False,
) -> Tensor:
    """new_empty(*size) -> Tensor: :func:`cgrad.empty` in this tensor's dtype.

    Example::

        >>> cgrad.zeros(2, dtype=cgrad.int8).new_empty((2, 3)).dtype
        cgrad.int8
    """
    return _op["empty"](*size, **_options(self, dtype, device, requires_grad))


@public(module=False)
def new_full(
    self: Tensor, size: Ints, fill_value: Number, *, dtype: DType | None = None,
    device: object = None, requires_grad: bool = False, layout: object = None,
    pin_memory: bool = False,
) -> Tensor:
    """new_full(size, fill_value) -> Tensor: :func:`cgrad.full` in this tensor's dtype.

    Example::

        >>> cgrad.zeros(1, dtype=cgrad.int8).new_full((2,), 7)
        tensor([7, 7], dtype=cgrad.int8)
    """
    return _op["full"](size, fill_value, **_options(self, dtype, device, requires_grad))


@public(module=False)
def new_tensor(
    self: Tensor, data: Any, *, dtype: DType | None = None, device: object = None,
    requires_grad: bool = False, layout: object = None, pin_memory: bool = False,
) -> Tensor:
    """new_tensor(data) -> Tensor: :func:`cgrad.tensor` in this tensor's dtype.

    Example::

        >>> cgrad.zeros(1, dtype=cgrad.float64).new_tensor([1, 2])
        tensor([1., 2.], dtype=cgrad.float64)
    """
    return _op["tensor"](data, **_options(self, dtype, device, requires_grad))


@public(module=False)
def new_empty_strided(
    self: Tensor, size: Ints, stride: Ints, dtype: DType | None = None, device: object = None,
    requires_grad: bool = False, layout: object = None, pin_memory: bool = False,
) -> Tensor:
    """new_empty_strided(size, stride) -> Tensor

    :func:`cgrad.empty_strided` in this tensor's dtype.

    Example::

        >>> cgrad.zeros(2).new_empty_strided((2, 3), (1, 2)).stride()
        (1, 2)
    """
    from cgrad._composite.creation import empty_strided
    return empty_strided(size, stride, **_options(self, dtype, device, requires_grad))


@public(module=False)
def new(self: Tensor, *args: Any) -> Tensor:
    """new(*size) or new(data) -> Tensor: the old name of new_empty and new_tensor.

    Example::

        >>> cgrad.zeros(2, dtype=cgrad.float64).new([1, 2])
        tensor([1., 2.], dtype=cgrad.float64)
    """
    if len(args) == 1 and not isinstance(args[0], int) and not isinstance(args[0], tuple):
        return self.new_tensor(args[0])
    return self.new_empty(*(args or (0,)))


def _constant(name: str, value: object, text: str) -> None:
    def get(self):
        return value
    get.__doc__ = f"{text}\n\n    >>> cgrad.zeros(2).{name}\n    {value!r}\n    "
    attach(name, property(get))


def _adjoint(self: Tensor) -> Tensor:
    """The adjoint of a matrix, which is its transpose.

    Example::

        >>> cgrad.tensor([[1.0, 2.0]]).H
        tensor([[1.],
                [2.]])
    """
    if self.ndim not in (0, 2):
        raise RuntimeError("tensor.H is only supported on matrices (2-D tensors). Got "
                           f"{self.ndim}-D tensor.")
    return self.transpose(0, 1) if self.ndim else self.view(())


def _adjoints(self: Tensor) -> Tensor:
    """The adjoints of matrices: the tensor with its last two dimensions swapped.

    Example::

        >>> cgrad.zeros(5, 2, 3).mH.shape
        cgrad.Size([5, 3, 2])
    """
    return self.mT


attach("H", property(_adjoint))
attach("mH", property(_adjoints))
_constant("layout", strided, "``cgrad.strided``: the only layout.")
_constant("is_cpu", True, "True: every tensor is on the CPU.")
for _name in ("is_quantized", "is_mkldnn", "is_meta", "is_mps", "is_xpu", "is_nested"):
    _constant(_name, False, "False: there are no such tensors.")
