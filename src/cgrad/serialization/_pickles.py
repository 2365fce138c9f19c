"""An interpreter of PyTorch's pickles that runs no code.

Only the names in `_names` mean anything, and each of them means a function or value of this file.
Everything the file claims is checked against what is there.
"""
from __future__ import annotations

import pickle
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

import cgrad
from cgrad import Tensor
from cgrad.serialization._views import make_view, whole_numbers

__all__ = ["Reader", "Storage", "StorageType", "read_pickle"]

# Storage class -> NumPy's type of the memory, and of the tensor that is made.
STORAGES = {
    "FloatStorage": ("<f4", "f4"), "DoubleStorage": ("<f8", "f8"), "HalfStorage": ("<f2", "f4"),
    "BFloat16Storage": ("<u2", "f4"), "LongStorage": ("<i8", "i8"), "IntStorage": ("<i4", "i4"),
    "ShortStorage": ("<i2", "i2"), "CharStorage": ("i1", "i1"), "ByteStorage": ("u1", "u1"),
    "BoolStorage": ("u1", "?"),
}  # fmt: skip
_DTYPES = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")


class Storage:
    """The memory of one or more tensors, in one dimension."""

    def __init__(self, kind: str, n: int) -> None:
        self.kind, self.n = kind, n
        self.array = np.zeros(n, STORAGES[kind][1])
        self.flat = cgrad.from_numpy(self.array)

    @property
    def nbytes(self) -> int:
        """What it takes in a file."""
        return self.n * np.dtype(STORAGES[self.kind][0]).itemsize

    def fill(self, data: bytes) -> None:
        """Take the values from bytes of a file.

        Raises:
            ValueError: there are too few.
        """
        if len(data) < self.nbytes:
            raise ValueError(f"a storage of {self.n} elements has {len(data)} bytes")
        stored = np.frombuffer(data, STORAGES[self.kind][0], self.n)
        if self.kind == "BFloat16Storage":
            self.array[...] = (stored.astype(np.uint32) << 16).view(np.float32)
        elif self.kind == "BoolStorage":
            self.array[...] = stored != 0
        else:
            self.array[...] = stored


class StorageType:
    """Stands for a class of storages."""

    def __init__(self, name: str) -> None:
        self.name = name


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False,
            hooks: Any = None, metadata: Any = None) -> Tensor:
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without storage")
    result = make_view(storage.flat, size, stride, offset)
    if requires_grad and result.dtype.is_floating_point:
        result.requires_grad_()
    return result


def _old_tensor(storage: Any, offset: Any, size: Any, stride: Any) -> Tensor:
    return _tensor(storage, offset, size, stride)


def _parameter(data: Any, requires_grad: Any = True, hooks: Any = None, state: Any = None) -> Any:
    if not isinstance(data, Tensor):
        raise ValueError("a parameter that is no tensor")
    return cgrad.nn.Parameter(
        data.detach(), bool(requires_grad) and data.dtype.is_floating_point)


def _from_type(function: Any, kind: Any, args: Any, state: Any) -> Any:
    """A tensor with attributes, which are left out."""
    known = any(function is f for f in (_tensor, _old_tensor, _parameter))
    if not known or not isinstance(args, tuple):
        raise ValueError("a tensor of an unknown kind")
    return function(*args)


def _size(sizes: Any = ()) -> Any:
    return cgrad.Size(whole_numbers(sizes, "a shape"))


def _device(*args: Any) -> Any:
    return cgrad.device("cpu")  # type: ignore[no-untyped-call]


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    # How older protocols write bytes.
    if not isinstance(text, str) or not isinstance(encoding, str) or encoding != "latin1":
        raise ValueError(f"bytes from {type(text)}")
    return text.encode("latin1")


_NUMPY = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")


class _NumpyType:
    """Stands for a NumPy dtype of one number."""

    def __init__(self, code: Any, *flags: Any) -> None:
        if not isinstance(code, str) or code not in _NUMPY:
            raise ValueError("an unknown NumPy type")
        self.dtype = np.dtype("<" + code)

    def set_order(self, state: Any) -> None:
        """Take the byte order from the state that follows."""
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if not isinstance(order, str) or order not in ("<", "|", "="):
            raise ValueError("a NumPy type of another byte order")


def _scalar(kind: Any, data: Any = b"") -> Any:
    if not isinstance(kind, _NumpyType) or not isinstance(data, bytes):
        raise ValueError("a NumPy scalar of an unknown kind")
    if len(data) != kind.dtype.itemsize:
        raise ValueError(f"a NumPy scalar of {len(data)} bytes")
    return np.frombuffer(data, kind.dtype)[0]


def _container(cls: Any, *allowed: type) -> Callable[..., Any]:
    """A class that may be called with nothing, or with one argument of these types."""

    def make(*args: Any) -> Any:
        # Not a tensor: views of one element may have more places than can be visited.
        if len(args) > 1 or not all(isinstance(arg, allowed) for arg in args):
            raise ValueError(f"{cls.__name__} of {[type(arg).__name__ for arg in args]}")
        return cls(*args)

    return make


def _complex(real: Any = 0.0, imag: Any = 0.0) -> complex:
    if not isinstance(real, (int, float)) or not isinstance(imag, (int, float)):
        raise ValueError("a complex number of other things")
    return complex(real, imag)


def _names() -> dict[tuple[str, str], Any]:
    names: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): _container(OrderedDict, dict, list, tuple),
        ("collections", "Counter"): _container(Counter, dict),
        ("torch._utils", "_rebuild_tensor"): _old_tensor,
        ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        ("torch._utils", "_rebuild_parameter"): _parameter,
        ("torch._utils", "_rebuild_parameter_with_state"): _parameter,
        ("torch._tensor", "_rebuild_from_type_v2"): _from_type,
        ("torch", "Tensor"): "Tensor", ("torch.nn.parameter", "Parameter"): "Parameter",
        ("torch", "Size"): _size, ("torch", "device"): _device,
        ("_codecs", "encode"): _encode,
        ("numpy", "dtype"): _NumpyType,
    }
    for module in ("builtins", "__builtin__"):
        names[module, "set"] = _container(set, list, tuple, set)
        names[module, "frozenset"] = _container(frozenset, list, tuple, set)
        names[module, "complex"] = _complex
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        names[module, "scalar"] = _scalar
    for name in STORAGES:
        names["torch", name] = StorageType(name)
    for name in _DTYPES:
        names["torch", name] = getattr(cgrad, name)
    return names


_NAMES = _names()


_MARKED = (pickle.APPENDS, pickle.SETITEMS, pickle.ADDITEMS)


# The interpreter in Python: the one in C sets aside as much memory as a file asks it to.
_Unpickler: Any = pickle._Unpickler


class Reader(_Unpickler):  # type: ignore[misc]
    """Interprets a pickle.

    Args:
        file: where it is read from.
        storage: gives the storage of a class name, a key, and a number of elements.
    """

    dispatch: dict[int, Any] = dict(_Unpickler.dispatch)

    def __init__(self, file: BinaryIO, storage: Callable[[str, str, int], Storage]) -> None:
        super().__init__(file, encoding="utf-8")
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        """The function or value of a known name.

        Raises:
            ValueError: it is not known.
        """
        try:
            return _NAMES[module, name]
        except KeyError:
            raise ValueError(f"it asks for {module}.{name}: only tensors and plain containers are "
                             "read, no code is run") from None

    def persistent_load(self, pid: Any) -> Storage:
        """The storage that a pickle refers to."""
        if (not isinstance(pid, tuple) or len(pid) not in (5, 6) or not isinstance(pid[0], str)
                or pid[0] != "storage" or not isinstance(pid[1], StorageType)
                or not isinstance(pid[2], str)):
            raise ValueError("a reference to something that is no storage")
        if len(pid) == 6 and pid[5] is not None:
            raise ValueError("a view of a storage")
        (n,) = whole_numbers([pid[4]], "the size of a storage")
        return self._storage(pid[1].name, pid[2], n)

    def load_build(self) -> None:
        """State is taken by NumPy's types; that of ordered dictionaries (metadata) is left out."""
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, _NumpyType):
            target.set_order(state)
        elif not isinstance(target, (OrderedDict, Counter, Tensor)):
            raise ValueError(f"a state for {type(target)}")

    def load_bytearray8(self) -> None:
        """An array of bytes, no longer than the file."""
        (length,) = struct.unpack("<Q", self.read(8))
        data = self.read(min(length, 2**62))
        if len(data) != length:
            raise ValueError("it is cut short")
        self.append(bytearray(data))

    def refuse(self) -> None:
        """What checkpoints do not contain."""
        raise ValueError("it makes objects of classes")

    def _into(self, code: bytes, kind: type, before: int = 0) -> None:
        """Put items into a container, which must be one: tensors can be written to as well."""
        stack = self.metastack[-1] if code in _MARKED else self.stack
        target = stack[-1 - before] if len(stack) > before else None
        if not isinstance(target, kind):
            raise ValueError(f"items for {type(target)}")
        _Unpickler.dispatch[code[0]](self)

    def load_append(self) -> None:
        """Add an item to a list."""
        self._into(pickle.APPEND, list, 1)

    def load_appends(self) -> None:
        """Add items to a list."""
        self._into(pickle.APPENDS, list)

    def load_setitem(self) -> None:
        """Add an item to a dictionary."""
        self._into(pickle.SETITEM, dict, 2)

    def load_setitems(self) -> None:
        """Add items to a dictionary."""
        self._into(pickle.SETITEMS, dict)

    def load_additems(self) -> None:
        """Add items to a set."""
        self._into(pickle.ADDITEMS, set)

    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.APPEND[0]] = load_append
    dispatch[pickle.APPENDS[0]] = load_appends
    dispatch[pickle.SETITEM[0]] = load_setitem
    dispatch[pickle.SETITEMS[0]] = load_setitems
    dispatch[pickle.ADDITEMS[0]] = load_additems
    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8
    for _code in (pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.INST, pickle.OBJ, pickle.EXT1,
                  pickle.EXT2, pickle.EXT4, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER):
        dispatch[_code[0]] = refuse
    del _code


def read_pickle(reader: Reader) -> Any:
    """The object of a pickle, whatever a damaged one makes the interpreter do.

    Raises:
        ValueError: it is damaged, or asks for more than tensors and plain containers.
    """
    try:
        return reader.load()
    except UnicodeDecodeError as error:
        raise ValueError(f"its pickle is damaged: {error}") from None
    except ValueError:
        raise
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except Exception as error:
        raise ValueError(f"its pickle is damaged: {type(error).__name__}: {error}") from None
