"""Facts about dtypes, and the old names of tensors by type."""
from __future__ import annotations

from typing import Any

import numpy as np

from cgrad._composite.register import public
from cgrad._engine.face import public as _op
from cgrad._engine.handle import all_dtypes, get_default_dtype, half_dtypes, set_default_dtype
from cgrad._engine.handle import dtype as DType
from cgrad._tensor.tensor import Tensor


class finfo:
    """finfo(dtype=None): the limits of a floating point dtype (default: the default one).

    `bits`, `eps` (the step above 1), `max`, `min`, `tiny` and `smallest_normal` (the smallest
    normal number), `resolution`, `dtype` (its name).

    Example::

        >>> cgrad.finfo(cgrad.float32).eps
        1.1920928955078125e-07
    """

    def __init__(self, type: DType | None = None):
        kind = get_default_dtype() if type is None else type
        if not isinstance(kind, DType) or not kind.is_floating_point:
            raise TypeError(f"cgrad.finfo() requires a floating point input type. Use cgrad.iinfo "
                            f"to handle {kind!r}")
        if kind in half_dtypes():
            raise NotImplementedError(f"finfo: {kind!r}: cgrad has no half precision")
        limits = np.finfo(kind.name)
        self.bits = kind.itemsize * 8
        self.dtype = kind.name
        self.eps, self.max, self.min = (float(x) for x in (limits.eps, limits.max, limits.min))
        self.tiny = self.smallest_normal = float(limits.tiny)
        self.resolution = float(limits.resolution)

    def __repr__(self) -> str:
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
                f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, "
                f"tiny={self.tiny:g}, dtype={self.dtype})")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)


class iinfo:
    """iinfo(dtype): the limits `min` and `max` of an integer dtype, its `bits` and name.

    Example::

        >>> cgrad.iinfo(cgrad.int8).max
        127
    """

    def __init__(self, type: DType):
        if not isinstance(type, DType) or type.is_floating_point or type.name == "bool":
            raise TypeError(f"cgrad.iinfo() requires an integer input type. Use cgrad.finfo to "
                            f"handle {type!r}")
        limits = np.iinfo(type.name)
        self.bits = type.itemsize * 8
        self.dtype = type.name
        self.max, self.min = int(limits.max), int(limits.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)


@public(method=False)
def typename(obj: object) -> str:
    """typename(obj) -> str

    The name of a tensor's type, as ``cgrad.FloatTensor``, or of any other object's class.

    Example::

        >>> cgrad.typename(cgrad.zeros(1))
        'cgrad.FloatTensor'
    """
    if isinstance(obj, Tensor):
        return str(obj.type())
    cls = obj if isinstance(obj, type) else type(obj)
    module = cls.__module__
    return cls.__qualname__ if module in ("builtins", "") else f"{module}.{cls.__qualname__}"


class TypedTensor(type):
    """The class of FloatTensor and its like: constructors of tensors of one dtype.

    ``FloatTensor(2, 3)`` is uninitialised, ``FloatTensor([1, 2])`` holds data;
    ``isinstance(x, FloatTensor)`` asks for the dtype.
    """

    dtype: DType

    def __call__(cls, *args: Any, device: object = None) -> Tensor:
        if len(args) == 1 and not isinstance(args[0], int):
            size = type(args[0]).__name__ == "Size"
            return _op["empty"](args[0], dtype=cls.dtype, device=device) if size else \
                _op["tensor"](args[0], dtype=cls.dtype, device=device)
        return _op["empty"](*(args or (0,)), dtype=cls.dtype, device=device)

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, Tensor) and x.dtype == cls.dtype

    def __repr__(cls) -> str:
        return f"cgrad.{cls.__name__}"


_NAMES = {"bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int",
          "int64": "Long", "float32": "Float", "float64": "Double"}
TYPED = {f"{_NAMES[d.name]}Tensor": TypedTensor(f"{_NAMES[d.name]}Tensor", (), {"dtype": d})
         for d in all_dtypes()}


@public(method=False)
def set_default_tensor_type(t: Any) -> None:
    """set_default_tensor_type(t)

    The old form of :func:`set_default_dtype`: ``cgrad.DoubleTensor``, or its name.

    Example::

        >>> cgrad.set_default_tensor_type(cgrad.FloatTensor)
    """
    kind = TYPED.get(str(t).rpartition(".")[2])
    if kind is None or not kind.dtype.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, got {t!r}")
    set_default_dtype(kind.dtype)


NAMES: dict[str, Any] = {"finfo": finfo, "iinfo": iinfo, **TYPED}
