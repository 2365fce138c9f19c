"""What programs ask to find a faster device: there is none, and the CPU is used."""
from __future__ import annotations

from typing import Any

__all__ = [
    "current_accelerator", "device_count", "empty_cache", "is_available", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """False."""
    return False


def current_accelerator(check_available: bool = False) -> None:
    """None."""


def device_count() -> int:
    """0."""
    return 0


def synchronize(device: Any = None) -> None:
    """Returns at once."""


def empty_cache() -> None:
    """Accepted."""
