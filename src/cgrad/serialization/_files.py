"""Writing a file as a whole or not at all, and the error for files that cannot be read."""
from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

__all__ = ["FileFormatError", "replace_file"]


class FileFormatError(RuntimeError):
    """The file is damaged, cut short, or not of a kind that ``cgrad.load`` reads.

    Example::

        >>> import io
        >>> try:
        ...     cgrad.load(io.BytesIO(b"not a file of tensors"))
        ... except cgrad.serialization.FileFormatError:
        ...     print("refused")
        refused
    """


def replace_file(path: str, write: Callable[[BinaryIO], None]) -> None:
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
