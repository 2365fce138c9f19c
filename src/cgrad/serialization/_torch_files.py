"""Reading PyTorch's checkpoints: pickles and the memory of tensors, in zip archives or a row."""
from __future__ import annotations

import io
import zipfile
from typing import Any, BinaryIO

from cgrad.serialization._pickles import Reader, Storage, read_pickle

__all__ = ["read_legacy", "read_zip"]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


def read_zip(file: BinaryIO, size: int) -> Any:
    """The object in an archive that ``torch.save`` wrote.

    Raises:
        ValueError: the archive is damaged, or holds more than tensors and plain containers.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, OverflowError, NotImplementedError,
            EOFError) as e:
        raise ValueError(f"the zip archive is damaged or cut short: {e}") from None
    with archive:
        names = [i for i in archive.infolist() if i.filename.endswith("/data.pkl")]
        if len(names) != 1:
            raise ValueError("it is a zip archive, but none of PyTorch's: it has no data.pkl")
        folder = names[0].filename[:-len("data.pkl")]
        left = size                      # parts that overlap would add up to more than the file

        def entry(name: str) -> bytes:
            nonlocal left
            try:
                info = archive.getinfo(folder + name)
                if info.compress_type != zipfile.ZIP_STORED:
                    raise ValueError(f"its part {name} is compressed")
                left -= info.file_size
                if left < 0:
                    raise ValueError(f"its part {name} overlaps others")
                return archive.read(info)
            except KeyError:
                raise ValueError(f"its part {name} is missing") from None
            except (zipfile.BadZipFile, EOFError, OSError, OverflowError, RuntimeError,
                    NotImplementedError) as e:
                raise ValueError(f"its part {name} is damaged: {e}") from None

        if folder + "byteorder" in archive.namelist() and entry("byteorder") != b"little":
            raise ValueError("it was written on a big-endian machine")
        storages: dict[str, Storage] = {}

        def storage(kind: str, key: str, n: int) -> Storage:
            if key not in storages:
                data = entry("data/" + key)
                if n > len(data):
                    raise ValueError(f"a storage of {n} elements has {len(data)} bytes")
                storages[key] = found = Storage(kind, n)
                found.fill(data)
            return _checked(storages[key], kind, n)

        return read_pickle(Reader(io.BytesIO(entry("data.pkl")), storage))


def _checked(found: Storage, kind: str, n: int) -> Storage:
    if found.kind != kind or n > found.n:
        raise ValueError(f"one storage is {found.n} of {found.kind} and {n} of {kind}")
    return found


def read_legacy(file: BinaryIO, size: int) -> Any:
    """The object in a file that ``torch.save`` wrote before version 1.6, or when asked to.

    Raises:
        ValueError: the file is damaged, or holds more than tensors and plain containers.
    """
    storages: dict[str, Storage] = {}
    room = size

    def storage(kind: str, key: str, n: int) -> Storage:
        nonlocal room
        if key not in storages:
            room -= n
            if room < 0:
                raise ValueError(f"it claims storages of more than its {size} bytes")
            storages[key] = Storage(kind, n)
        return _checked(storages[key], kind, n)

    def plain() -> Any:
        return read_pickle(Reader(file, storage))

    for expected in (_MAGIC, _PROTOCOL):
        found = plain()
        if not isinstance(found, int) or found != expected:
            raise ValueError("it is of an unknown version")
    system = plain()
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("it was written on a big-endian machine")
    result = plain()
    keys = plain()
    if (not isinstance(keys, list) or not all(isinstance(key, str) for key in keys)
            or len(keys) != len(storages) or set(keys) != set(storages)):
        raise ValueError("its list of storages is not that of its tensors")
    for key in keys:
        memory = storages[key]
        n = int.from_bytes(file.read(8), "little")
        if n != memory.n:
            raise ValueError(f"a storage of {memory.n} elements has {n}")
        memory.fill(file.read(memory.nbytes))
    return result
