"""Groups of processes are absent: programs that ask run alone.

``is_available()`` and ``is_initialized()`` are False; the names that programs import exist, and
raise when they are called.
"""
from __future__ import annotations

from typing import Any, NoReturn

__all__ = [
    "ReduceOp", "all_gather", "all_reduce", "barrier", "broadcast", "destroy_process_group",
    "get_rank", "get_world_size", "init_process_group", "is_available", "is_initialized",
    "new_group", "nn",
]  # fmt: skip


class ReduceOp:
    """How values of several processes would be reduced."""

    SUM, PRODUCT, MIN, MAX, AVG = "sum", "product", "min", "max", "avg"


def is_available() -> bool:
    """False."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_torchelastic_launched() -> bool:
    """False."""
    return False


def _raise(name: str) -> NoReturn:
    raise RuntimeError(f"cgrad.distributed.{name}: cgrad trains in one process; run the program "
                       "without a launcher (cgrad.distributed.is_available() is False)")


def init_process_group(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError."""
    _raise("init_process_group")


def destroy_process_group(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError."""
    _raise("destroy_process_group")


def new_group(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError."""
    _raise("new_group")


def all_reduce(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError."""
    _raise("all_reduce")


def all_gather(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError."""
    _raise("all_gather")


def broadcast(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError."""
    _raise("broadcast")


def barrier(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError."""
    _raise("barrier")


def get_rank(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError."""
    _raise("get_rank")


def get_world_size(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError."""
    _raise("get_world_size")


class nn:
    """Collectives that carry gradients: they raise RuntimeError like the others."""

    all_gather = staticmethod(all_gather)
    all_reduce = staticmethod(all_reduce)
    broadcast = staticmethod(broadcast)
