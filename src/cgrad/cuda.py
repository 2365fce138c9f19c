"""There is no CUDA: programs that ask get that answer, and seeds for it are accepted."""
from __future__ import annotations

from typing import Any, NoReturn

__all__ = [
    "current_device", "device_count", "empty_cache", "is_available", "is_bf16_supported",
    "is_initialized", "manual_seed", "manual_seed_all", "seed", "seed_all", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """False."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Accepted, as in PyTorch without CUDA; ``cgrad.manual_seed`` seeds the CPU's generator."""


def manual_seed_all(seed: int) -> None:
    """Accepted, as in PyTorch without CUDA."""


def seed() -> None:
    """Accepted, as in PyTorch without CUDA."""


def seed_all() -> None:
    """Accepted, as in PyTorch without CUDA."""


def empty_cache() -> None:
    """Accepted, as in PyTorch without CUDA."""


def _absent(name: str) -> NoReturn:
    raise RuntimeError(f"cgrad.cuda.{name}(): cgrad computes on the CPU only "
                       "(cgrad.cuda.is_available() is False)")


def synchronize(device: Any = None) -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("synchronize")


def current_device() -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("current_device")


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'cgrad.cuda' has no attribute {name!r}: cgrad computes on the "
                         "CPU only (cgrad.cuda.is_available() is False)")
