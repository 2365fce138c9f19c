"""save and load: tensors and plain containers in one file, without pickle.

The file is in the safetensors layout: eight bytes with the length of a header (little endian), the
header in JSON, then the bytes of all tensors. The header gives dtype, shape and place of every
tensor; under ``__metadata__`` it says, again in JSON, how the containers and plain values lie
around them. So other readers of safetensors see the tensors by name, and files of other writers
load as a dictionary. Nothing in a file is ever executed.
"""
from __future__ import annotations

import io
import json
import math
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np

import cgrad
from cgrad import Tensor

__all__ = ["FileFormatError", "load", "save"]

_MAX_HEADER = 100_000_000  # the limit of the safetensors format
_MAX_DIMS = 8  # the engine's
_MAX_DEPTH = 100  # of containers within containers
_STRUCTURE = "cgrad"  # our key in __metadata__

_CODES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "int32": "I32",
    "int64": "I64", "float32": "F32", "float64": "F64",
}  # fmt: skip
# What a file may hold, as little-endian NumPy types; the last two become float32.
_TYPES = {code: np.dtype(name).newbyteorder("<") for name, code in _CODES.items()}
_TYPES |= {"F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}


class FileFormatError(RuntimeError):
    """The file is damaged, cut short, or not of a kind that ``cgrad.load`` reads."""


# -- saving -----------------------------------------------------------------------------------


def save(obj: Any, f: str | os.PathLike | BinaryIO) -> None:
    """Write tensors, numbers, strings and containers of them to a file.

    A file that exists is replaced as a whole or not at all, and keeps its permissions: the new
    one is complete on the disk before it takes the name.

    Args:
        obj: a tensor, None, bool, int, float, str, or a dict, list or tuple of such, nested as
            you like: a ``state_dict()``, or a dictionary with several and an epoch number.
            Keys of dictionaries may be str, int, float, bool or None. Subclasses of these
            (OrderedDict, Parameter) come back as the plain type.
        f: a path, or an object with a method ``write`` for bytes.

    Tensors that occur more than once, and tensors of the same memory and shape, are written once
    and are one tensor when loaded.

    Raises:
        TypeError: ``obj`` contains something else; the message says where.
        ValueError: containers are nested more than 100 deep.

    Example::

        >>> import io
        >>> file = io.BytesIO()
        >>> cgrad.save({"weight": cgrad.ones(2), "epoch": 3}, file)
        >>> _ = file.seek(0)
        >>> cgrad.load(file)
        {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    packer = _Packer()
    structure = packer.pack(obj, ())
    # Larger items first, so that each tensor is aligned to its items.
    arrays = dict(sorted(packer.arrays.items(), key=lambda entry: -entry[1].itemsize))
    header: dict[str, Any] = {"__metadata__": {_STRUCTURE: json.dumps(structure)}}
    start = 0
    for name, array in arrays.items():
        end = start + array.nbytes
        header[name] = {
            "dtype": _CODES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > _MAX_HEADER:
        raise ValueError(f"the header takes {len(text)} bytes; the limit is {_MAX_HEADER}")

    def write(file: BinaryIO) -> None:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for array in arrays.values():
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            file.write(memoryview(little.reshape(-1).view(np.uint8)))

    if isinstance(f, (str, os.PathLike)):
        _replace(os.fspath(f), write)
    else:
        write(f)


class _Packer:
    """Turns an object into JSON values, and collects the tensors on the way.

    JSON's own null, true, numbers, strings and arrays stand for themselves; everything else is
    an object with one telling key: tensor, dict, tuple or float.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._names: dict[tuple, str] = {}  # place in memory -> name
        self._alive: list[Tensor] = []  # so that no address is used twice

    def pack(self, value: Any, path: tuple) -> Any:
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": repr(float(value))}
        if isinstance(value, Tensor):
            entry: dict[str, Any] = {"tensor": self._add(value, path)}
            if value.requires_grad:
                entry["requires_grad"] = True
            return entry
        if isinstance(value, (dict, list, tuple)):
            return self._pack_container(value, path)
        hint = ""
        if isinstance(value, (np.ndarray, np.generic)):
            hint = "; convert it by cgrad.from_numpy(...) or .item()"
        elif hasattr(value, "state_dict"):
            hint = "; save its state_dict()"
        raise TypeError(f"cannot save an object of type {type(value)}{_at(path)}{hint}")

    def _pack_container(self, value: Any, path: tuple) -> Any:
        if len(path) == _MAX_DEPTH:
            raise ValueError(
                f"cannot save containers nested more than {_MAX_DEPTH} deep; "
                "does one contain itself?"
            )
        if isinstance(value, dict):
            return {"dict": [self._pack_item(k, v, path) for k, v in value.items()]}
        items = [self.pack(item, (*path, i)) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}

    def _pack_item(self, key: Any, value: Any, path: tuple) -> list:
        if key is not None and not isinstance(key, (bool, str, int, float)):
            raise TypeError(f"cannot save a dictionary key of type {type(key)}{_at(path)}")
        return [self.pack(key, path), self.pack(value, (*path, key))]

    def _add(self, tensor: Tensor, path: tuple) -> str:
        array = tensor.detach().numpy()
        self._alive.append(tensor)
        place = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype)
        if array.size and place in self._names:
            return self._names[place]
        wanted = name = ".".join(map(str, path)) or "tensor"
        count = 1
        while name in self.arrays or name == "__metadata__":
            count += 1
            name = f"{wanted}#{count}"
        self._names[place] = name
        self.arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
        return name


def _at(path: tuple) -> str:
    return " at " + "".join(f"[{key!r}]" for key in path) if path else ""


def _replace(path: str, write: Callable[[BinaryIO], None]) -> None:
    """Write a file under a temporary name in the same folder, then give it its name."""
    path = os.path.realpath(path)  # through symbolic links, which stay
    mode = None
    if os.path.exists(path):
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # a device or pipe cannot be replaced
            with open(path, "wb") as file:
                return write(file)
        mode = stat.S_IMODE(status.st_mode)
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:100]}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    # Not the tempfile module: a new file is to have the permissions the user's umask gives.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    # The new name itself reaches the disk with the folder, where the system can be told so.
    if hasattr(os, "O_DIRECTORY"):
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


# -- loading ----------------------------------------------------------------------------------


def load(
    f: str | os.PathLike | BinaryIO, map_location: Any = None, *, weights_only: bool = True
) -> Any:
    """Read what :func:`save` wrote, any safetensors file, or a checkpoint of ``torch.save``.

    A safetensors file of other origin is a dictionary of tensors.  From PyTorch's zip archives
    tensors, parameters and plain containers are read; nothing in a file can run code.

    Half precision tensors (F16, BF16) become float32, which holds all their values.

    Args:
        f: a path, or an object with a method ``read`` for bytes, read from where it stands.
        map_location: accepted for compatibility; everything is on the CPU.
        weights_only: accepted for compatibility; no file can run code in either case.

    Raises:
        FileFormatError: the file is damaged, cut short, or of another kind.
        OSError: it cannot be opened or read.
    """
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _read(file)
    return _read(io.BytesIO(f.read()))


def _read(file: BinaryIO) -> Any:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(4) == b"PK\x03\x04":
        from cgrad._torch_zip import read_zip

        try:
            return read_zip(file)
        except ValueError as e:
            raise FileFormatError(f"this looks like a file of torch.save, but {e}") from None
    file.seek(0)
    header = _read_header(file, size)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise FileFormatError("the header is damaged: __metadata__ is not an object")
    start = file.tell()
    entries = _check_entries(header, size - start)
    tensors = {}
    for name, (dtype, shape, offset) in entries.items():
        file.seek(start + offset)
        tensors[name] = _read_tensor(file, name, dtype, shape)
    if _STRUCTURE not in metadata:
        return {name: tensors[name] for name in header}
    structure = _parse(metadata[_STRUCTURE], "the structure")
    try:
        return _unpack(structure, tensors)
    except RecursionError:
        raise FileFormatError("the structure is nested too deeply") from None


def _read_header(file: BinaryIO, size: int) -> dict[str, Any]:
    prefix = file.read(8)
    if len(prefix) < 8:
        raise FileFormatError(f"the file is cut short: {size} bytes have no room for a header")
    length = int.from_bytes(prefix, "little")
    if length > _MAX_HEADER:
        if prefix[0] == 0x80:
            raise FileFormatError("this looks like a pickle file, which cgrad.load never opens")
        raise FileFormatError(
            f"the header claims {length} bytes; at most {_MAX_HEADER} are allowed: "
            "this is no safetensors file, or a damaged one"
        )
    if length > size - 8:
        raise FileFormatError(
            f"the file is cut short: the header claims {length} bytes, {size - 8} are there"
        )
    header = _parse(file.read(length), "the header")
    if not isinstance(header, dict):
        raise FileFormatError("the header is damaged: it is not an object")
    return header


def _parse(text: Any, what: str) -> Any:
    """Parse JSON strictly: UTF-8, no key twice, no NaN."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise ValueError("a key occurs twice")
        return result

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not allowed")

    try:
        if isinstance(text, bytes):
            text = text.decode()
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, TypeError, RecursionError) as error:
        raise FileFormatError(f"{what} is damaged: {error}") from None


def _check_entries(
    header: dict[str, Any], size: int
) -> dict[str, tuple[np.dtype, list[int], int]]:
    """Check that the tensors fill the buffer of ``size`` bytes without gap or overlap."""

    def natural(values: Any) -> bool:
        return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**63 for v in values)

    entries, places = {}, []
    for name, entry in header.items():
        label = f"the header is damaged: tensor {name!r}"
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise FileFormatError(f"{label} must have dtype, shape and data_offsets alone")
        code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        dtype = _TYPES.get(code) if isinstance(code, str) else None
        if dtype is None:
            raise FileFormatError(f"tensor {name!r} has dtype {code!r}, which cgrad does not have")
        if not natural(shape):
            raise FileFormatError(f"{label} has shape {shape!r}")
        if len(shape) > _MAX_DIMS:
            raise FileFormatError(
                f"tensor {name!r} has {len(shape)} dimensions; cgrad has at most {_MAX_DIMS}"
            )
        if not natural(offsets) or len(offsets) != 2 or not offsets[0] <= offsets[1] <= size:
            raise FileFormatError(
                f"{label} has data_offsets {offsets!r} in {size} bytes of data; "
                "the file may be cut short"
            )
        begin, end = offsets
        expected = math.prod(shape) * dtype.itemsize
        if end - begin != expected or math.prod(filter(None, shape)) >= 2**60:
            raise FileFormatError(
                f"{label} has {end - begin} bytes, but {code} of shape {shape} takes {expected}"
            )
        entries[name] = (dtype, shape, begin)
        places.append((begin, end, name))
    position = 0
    for begin, end, name in sorted(places):
        if begin != position:
            what = "overlaps another" if begin < position else "leaves a gap before it"
            raise FileFormatError(f"the header is damaged: tensor {name!r} {what}")
        position = end
    if position != size:
        raise FileFormatError(
            f"the header is damaged: it describes {position} bytes of data, {size} are there"
        )
    return entries


def _read_tensor(file: BinaryIO, name: str, dtype: np.dtype, shape: list[int]) -> Tensor:
    array = np.empty(shape, dtype)
    view = memoryview(array.reshape(-1).view(np.uint8))
    done = 0
    while done < len(view):
        count = file.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise FileFormatError(f"the file is cut short within tensor {name!r}")
        done += count
    if dtype == _TYPES["BF16"]:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    elif dtype == _TYPES["F16"]:
        array = array.astype(np.float32)
    elif dtype == np.bool_:
        # Every byte 0 or 1: others in a bool array would be undefined behavior in C.
        array = np.asarray(array.view(np.uint8) != 0)
    return cgrad.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))


def _unpack(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of ``_Packer.pack``."""
    if isinstance(value, list):
        return [_unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    try:
        if "tensor" in value:
            tensor = tensors[value["tensor"]]
            if bool(value.get("requires_grad")) == tensor.requires_grad:
                return tensor
            # A name may be used both ways: the same memory, then.
            return tensor.detach().requires_grad_(not tensor.requires_grad)
        ((kind, content),) = value.items()
        if kind == "dict":
            return {_unpack(k, tensors): _unpack(v, tensors) for k, v in content}
        if kind == "tuple":
            return tuple(_unpack(item, tensors) for item in content)
        if kind == "float":
            return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, (FileFormatError, RecursionError)):
            raise
        raise FileFormatError(f"the structure is damaged: {error!r}") from None
    raise FileFormatError(f"the structure is damaged: unknown kind {kind!r}")
