"""save and load: tensors and plain containers in one file, without pickle.

The file is in the safetensors layout: eight bytes with the length of a header (little endian), the
header in JSON, then the bytes of all tensors. The header gives dtype, shape and place of every
tensor; under ``__metadata__`` it says, again in JSON, how the containers and plain values lie
around them, and has a checksum of the whole file. So other readers of safetensors see the tensors
by name, files of other writers load as a dictionary, and a damaged file is noticed. Nothing in a
file is ever executed.
"""
from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

import cgrad
from cgrad.serialization._files import FileFormatError, replace_file
from cgrad.serialization._layout import read_file, write_file

__all__ = [
    "FileFormatError", "add_safe_globals", "clear_safe_globals", "get_safe_globals", "load",
    "safe_globals", "save",
]  # fmt: skip


def save(
    obj: Any,
    f: str | os.PathLike | BinaryIO,
    pickle_module: Any = None,
    pickle_protocol: int | None = None,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Write tensors, numbers, strings and containers of them to a file.

    A file that exists is replaced as a whole or not at all, and keeps its permissions: the new
    one is complete on the disk before it takes the name.

    Args:
        obj: a tensor, None, bool, int, float, complex, str, bytes, a NumPy array or scalar, a
            dtype, device or Size, or a dict, list, tuple or set of such, nested as you like: a
            ``state_dict()``, or a dictionary with several and an epoch number. OrderedDict,
            Counter and Parameter keep their type; other subclasses come back as the plain type.
        f: a path, or an object with a method ``write`` for bytes.
        pickle_module, pickle_protocol: accepted; nothing is pickled.

    Tensors that share memory do so when they are loaded; one that occurs more than once is
    written once.

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
    write = write_file(obj)
    if isinstance(f, (str, os.PathLike)):
        replace_file(os.fspath(f), write)
    else:
        write(f)


def load(
    f: str | os.PathLike | BinaryIO,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Read what :func:`save` wrote, any safetensors file, or a checkpoint of ``torch.save``.

    A safetensors file of other origin is a dictionary of tensors.  From PyTorch's files, the zip
    archives and the older ones, tensors, parameters, numbers and plain containers are read; nothing
    in a file can run code.

    Half precision tensors (F16, BF16) become float32, which holds all their values.

    Args:
        f: a path, or an object with a method ``read`` for bytes, read from where it stands.
        map_location: the CPU, a function or a dictionary; everything is on the CPU. Default: none
        weights_only: accepted; no file can run code in either case.
        pickle_module, mmap: accepted, as are further keywords; they change nothing.

    Raises:
        FileFormatError: the file is damaged, cut short, or of another kind.
        RuntimeError: ``map_location`` is another device.
        OSError: it cannot be opened or read.

    Example::

        >>> import io
        >>> file = io.BytesIO()
        >>> cgrad.save({"w": cgrad.ones(2)}, file)
        >>> _ = file.seek(0)
        >>> cgrad.load(file)
        {'w': tensor([1., 1.])}
    """
    if isinstance(map_location, (str, cgrad.device)):
        cgrad.empty(0, device=map_location)
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return read_file(file)
    if not callable(getattr(f, "read", None)):
        raise AttributeError(f"load: f must be a path or have a method 'read', not {type(f)}")
    data = f.read()
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"load: the file must be opened in binary mode; read() gave {type(data)}")
    return read_file(io.BytesIO(data))


# Kept for programs that ask; no file can name a function or class here.
_safe_globals: list[Any] = []


def add_safe_globals(safe_globals: list[Callable[..., Any] | tuple[Any, str]]) -> None:
    """Accepted: :func:`load` makes tensors and plain containers alone, whatever is added.

    Example::

        >>> cgrad.serialization.add_safe_globals([])
    """
    _safe_globals.extend(g for g in safe_globals if g not in _safe_globals)


def get_safe_globals() -> list[Callable[..., Any] | tuple[Any, str]]:
    """What :func:`add_safe_globals` was given.

    Example::

        >>> cgrad.serialization.get_safe_globals()
        []
    """
    return list(_safe_globals)


def clear_safe_globals() -> None:
    """Forget what :func:`add_safe_globals` was given.

    Example::

        >>> cgrad.serialization.clear_safe_globals()
    """
    _safe_globals.clear()


class safe_globals:
    """A block in which :func:`add_safe_globals` has been given a list.

    Example::

        >>> with cgrad.serialization.safe_globals([]):
        ...     cgrad.serialization.get_safe_globals()
        []
    """

    def __init__(self, safe_globals: Iterable[Callable[..., Any] | tuple[Any, str]]) -> None:
        self._given = list(safe_globals)
        self._before: list[Any] = []

    def __enter__(self) -> None:
        self._before = get_safe_globals()
        add_safe_globals(self._given)

    def __exit__(self, *error: object) -> None:
        _safe_globals[:] = self._before
