"""XPU devices are absent: programs that ask get that answer, and seeds are accepted."""
from __future__ import annotations

__all__ = [
    "device_count", "empty_cache", "is_available", "manual_seed", "manual_seed_all", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Accepted; ``cgrad.manual_seed`` seeds the CPU's generator."""


def manual_seed_all(seed: int) -> None:
    """Accepted."""


def empty_cache() -> None:
    """Accepted."""


def synchronize() -> None:
    """Returns at once."""
