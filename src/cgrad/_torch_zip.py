"""Reading PyTorch's checkpoints: zip archives of a pickle and the memory of tensors.

The pickle is interpreted without running code: only the names in `_NAMES` mean anything, and each
of them means a function of this file.  Everything the file claims is checked against what is there.
"""
from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

import cgrad
from cgrad import Tensor

__all__ = ["read_zip"]

# Storage class -> NumPy's dtype of the memory, and of the tensor that is made.
_STORAGES = {
    "FloatStorage": ("<f4", "f4"), "DoubleStorage": ("<f8", "f8"), "HalfStorage": ("<f2", "f4"),
    "BFloat16Storage": ("bf16", "f4"), "LongStorage": ("<i8", "i8"), "IntStorage": ("<i4", "i4"),
    "ShortStorage": ("<i2", "i2"), "CharStorage": ("i1", "i1"), "ByteStorage": ("u1", "u1"),
    "BoolStorage": ("?", "?"),
}  # fmt: skip
_DTYPES = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")


class _Storage:
    """The memory of one or more tensors, as a tensor of one dimension."""

    def __init__(self, flat: Tensor) -> None:
        self.flat = flat


class _StorageType:
    def __init__(self, name: str) -> None:
        self.name = name


def _whole_numbers(values: Any, what: str) -> list[int]:
    if not isinstance(values, (tuple, list)) or not all(
            type(v) is int and 0 <= v < 2**62 for v in values):
        raise ValueError(f"{what} is {values!r}")
    return list(values)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False,
            hooks: Any = None, metadata: Any = None) -> Tensor:
    """``torch._utils._rebuild_tensor_v2``, checked."""
    if not isinstance(storage, _Storage):
        raise ValueError("a tensor without storage")
    (start,) = _whole_numbers([offset], "the offset of a tensor")
    sizes, strides = _whole_numbers(size, "a shape"), _whole_numbers(stride, "the strides")
    if len(sizes) != len(strides) or len(sizes) > 8:
        raise ValueError(f"a shape {sizes} with strides {strides}")
    if 0 not in sizes:
        last = start + sum((n - 1) * s for n, s in zip(sizes, strides))
        if last >= storage.flat.numel():
            raise ValueError(f"a tensor of shape {sizes} reaches beyond its {storage.flat.numel()} "
                             "stored elements")
    result = storage.flat.as_strided(sizes, strides, start if 0 not in sizes else 0).detach()
    if requires_grad and result.dtype.is_floating_point:
        result.requires_grad_()
    return result


def _parameter(data: Any, requires_grad: Any = True, hooks: Any = None) -> Any:
    if not isinstance(data, Tensor):
        raise ValueError("a parameter that is no tensor")
    return cgrad.nn.Parameter(data.detach(), bool(requires_grad))


def _set(values: Any = ()) -> set[Any]:
    return set(values)


def _device(*args: Any) -> Any:
    return cgrad.device("cpu")     # type: ignore[no-untyped-call]


_NAMES: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): _set, ("__builtin__", "set"): _set,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): lambda sizes=(): cgrad.Size(_whole_numbers(sizes, "a shape")),
    ("torch", "device"): _device,
    **{("torch", name): _StorageType(name) for name in _STORAGES},
    **{("torch", name): getattr(cgrad, name) for name in _DTYPES},
}


# The interpreter in Python: the one in C sets aside as much memory as a file asks it to.
class _Reader(pickle._Unpickler):
    """Interprets the pickle of an archive."""

    def __init__(self, file: BinaryIO, storage: Callable[[str, str, int], _Storage]) -> None:
        super().__init__(file)
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise ValueError(f"it asks for {module}.{name}: only tensors and plain containers are "
                             "read, no code is run") from None

    def persistent_load(self, pid: Any) -> _Storage:
        if (not isinstance(pid, tuple) or len(pid) != 5 or pid[0] != "storage"
                or not isinstance(pid[1], _StorageType) or not isinstance(pid[2], str)):
            raise ValueError("a reference to something that is no storage")
        (n,) = _whole_numbers([pid[4]], "the size of a storage")
        return self._storage(pid[1].name, pid[2], n)


def _flat(kind: str, data: bytes, n: int) -> Tensor:
    stored, wanted = _STORAGES[kind]
    size = 2 if stored == "bf16" else np.dtype(stored).itemsize
    if len(data) < n * size:
        raise ValueError(f"a storage of {n} elements has {len(data)} bytes")
    if stored == "bf16":
        bits = np.frombuffer(data, "<u2", n).astype(np.uint32) << 16
        return cgrad.from_numpy(bits.view(np.float32))
    if stored == "?":
        return cgrad.from_numpy(np.frombuffer(data, np.uint8, n) != 0)
    return cgrad.from_numpy(np.frombuffer(data, stored, n).astype(wanted))


def read_zip(file: BinaryIO) -> Any:
    """The object in an archive that ``torch.save`` wrote.

    Raises:
        ValueError: the archive is damaged, or holds more than tensors and plain containers.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as e:
        raise ValueError(f"the zip archive is damaged or cut short: {e}") from None
    with archive:
        names = [i for i in archive.infolist() if i.filename.endswith("/data.pkl")]
        if len(names) != 1:
            raise ValueError("it is a zip archive, but none of PyTorch's: it has no data.pkl")
        folder = names[0].filename[:-len("data.pkl")]

        def entry(name: str) -> bytes:
            try:
                info = archive.getinfo(folder + name)
                if info.compress_type != zipfile.ZIP_STORED:
                    raise ValueError(f"its part {name} is compressed")
                return archive.read(info)
            except KeyError:
                raise ValueError(f"its part {name} is missing") from None
            except (zipfile.BadZipFile, EOFError, OSError, RuntimeError) as e:
                raise ValueError(f"its part {name} is damaged: {e}") from None

        if folder + "byteorder" in archive.namelist() and entry("byteorder") != b"little":
            raise ValueError("it was written on a big-endian machine")
        storages: dict[str, tuple[str, _Storage]] = {}

        def storage(kind: str, key: str, n: int) -> _Storage:
            found = storages.get(key)
            if found is None or found[0] != kind:
                found = storages[key] = (kind, _Storage(_flat(kind, entry("data/" + key), n)))
            return found[1]

        try:
            return _Reader(io.BytesIO(entry("data.pkl")), storage).load()
        except ValueError:
            raise
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except Exception as e:
            # Whatever a damaged pickle makes the interpreter do.
            raise ValueError(f"its data.pkl is damaged: {type(e).__name__}: {e}") from None
