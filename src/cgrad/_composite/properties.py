"""What a tensor is, and tensors like another one."""
from __future__ import annotations

from cgrad._composite.register import public
from cgrad._engine.face import public as _op
from cgrad._tensor.tensor import Tensor, attach


@public(method=False)
def numel(input):
    """numel(input) -> int

    Number of elements.
    """
    return input.numel()


@public(method=False)
def is_tensor(obj):
    """is_tensor(obj) -> bool

    Whether an object is a Tensor.
    """
    return isinstance(obj, Tensor)


@public(method=False)
def is_floating_point(input):
    """is_floating_point(input) -> bool

    Whether the dtype is float32 or float64.
    """
    return input.dtype.is_floating_point


@public(module=False)
def type_as(self, other):
    """type_as(other) -> Tensor: the tensor in the dtype of another."""
    return self.to(other.dtype)


def _new(name):
    def new(self, *args, dtype=None, device=None, requires_grad=False):
        return _op[name](*args, dtype=self.dtype if dtype is None else dtype, device=device,
                         requires_grad=requires_grad)
    new.__name__ = new.__qualname__ = "new_" + name
    new.__doc__ = f"new_{name}(...) -> Tensor: :func:`cgrad.{name}` in this tensor's dtype."
    return new


for _name in ("zeros", "ones", "empty", "full", "tensor"):
    attach("new_" + _name, _new(_name))
