"""The safetensors layout: a header in JSON, then the bytes of all tensors."""
from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

import cgrad
from cgrad import Tensor
from cgrad.serialization._files import FileFormatError
from cgrad.serialization._objects import Packer, unpack

__all__ = ["read_file", "write_file"]

_MAX_HEADER = 100_000_000  # the limit of the safetensors format
_MAX_DIMS = 8  # the engine's
_STRUCTURE = "cgrad"  # our keys in __metadata__
_CHECKSUM = "cgrad.crc32"
_NO_SUM = "00000000"

_CODES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "int32": "I32",
    "int64": "I64", "float32": "F32", "float64": "F64",
}  # fmt: skip
# What a file may hold, as little-endian NumPy types; the last two become float32.
_TYPES = {code: np.dtype(name).newbyteorder("<") for name, code in _CODES.items()}
_TYPES |= {"F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}


# -- writing ----------------------------------------------------------------------------------


def write_file(obj: Any) -> Callable[[BinaryIO], None]:
    """A function that writes an object to a file.

    Raises:
        TypeError, ValueError: the object cannot be saved.
    """
    packer = Packer()
    structure = packer.pack(obj)
    named = packer.finish()
    # Larger items first, so that each tensor is aligned to its items.
    arrays = dict(sorted(named.items(), key=lambda entry: -entry[1].itemsize))
    metadata = {_STRUCTURE: json.dumps(structure), _CHECKSUM: _NO_SUM}
    header: dict[str, Any] = {"__metadata__": metadata}
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

    def parts() -> list[memoryview]:
        return [memoryview(array.astype(array.dtype.newbyteorder("<"), copy=False)
                           .reshape(-1).view(np.uint8)) for array in arrays.values()]

    checksum = zlib.crc32(text)
    for part in parts():
        checksum = zlib.crc32(part, checksum)
    text = text.replace(_sum_entry(_NO_SUM), _sum_entry(f"{checksum:08x}"), 1)

    def write(file: BinaryIO) -> None:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for part in parts():
            file.write(part)

    return write


def _sum_entry(digits: str) -> bytes:
    return f'"{_CHECKSUM}":"{digits}"'.encode()


# -- reading ----------------------------------------------------------------------------------


def read_file(file: BinaryIO) -> Any:
    """The object in a file of any known kind, which can be sought and is read from its start.

    Raises:
        FileFormatError: the file is damaged, cut short, or of another kind.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(16)
    if start[:4] == b"PK\x03\x04" or start[:4] == b"\x80\x02\x8a\x0a":
        from cgrad.serialization._torch_files import read_legacy, read_zip

        file.seek(0)
        try:
            return read_zip(file, size) if start[:2] == b"PK" else read_legacy(file, size)
        except ValueError as error:
            raise FileFormatError(f"this looks like a file of torch.save, but {error}") from None
    file.seek(0)
    header, text = _read_header(file, size)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise FileFormatError("the header is damaged: __metadata__ is not an object")
    begin = file.tell()
    if _CHECKSUM in metadata or _STRUCTURE in metadata:
        _check_sum(file, text, metadata.get(_CHECKSUM))
    entries = _check_entries(header, size - begin)
    tensors = {}
    for name, (dtype, shape, offset) in entries.items():
        file.seek(begin + offset)
        tensors[name] = _read_tensor(file, name, dtype, shape)
    if _STRUCTURE not in metadata:
        return {name: tensors[name] for name in header}
    return unpack(_parse(metadata[_STRUCTURE], "the structure"), tensors)


def _check_sum(file: BinaryIO, text: bytes, digits: Any) -> None:
    """Compare the checksum that a header gives with that of the file, from where it stands."""
    if not isinstance(digits, str) or text.count(_sum_entry(digits)) != 1:
        raise FileFormatError("the header is damaged: it has no checksum")
    found = zlib.crc32(text.replace(_sum_entry(digits), _sum_entry(_NO_SUM)))
    while block := file.read(1 << 20):
        found = zlib.crc32(block, found)
    if digits != f"{found:08x}":
        raise FileFormatError("the file is damaged, or another program has changed it: its "
                              f"checksum is {found:08x} instead of {digits}")


def _read_header(file: BinaryIO, size: int) -> tuple[dict[str, Any], bytes]:
    prefix = file.read(8)
    if len(prefix) < 8:
        raise FileFormatError(f"the file is cut short: {size} bytes have no room for a header")
    length = int.from_bytes(prefix, "little")
    if length > _MAX_HEADER:
        if prefix[0] == 0x80:
            raise FileFormatError("this looks like a pickle file, which cgrad.load never opens; "
                                  "of PyTorch's files those of torch.save are read")
        raise FileFormatError(
            f"the header claims {length} bytes; at most {_MAX_HEADER} are allowed: "
            "this is no safetensors file, or a damaged one"
        )
    if length > size - 8:
        raise FileFormatError(
            f"the file is cut short: the header claims {length} bytes, {size - 8} are there"
        )
    text = file.read(length)
    header = _parse(text, "the header")
    if not isinstance(header, dict):
        raise FileFormatError("the header is damaged: it is not an object")
    return header, text


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
