"""There is no CUDA: programs that ask get that answer, and seeds for it are accepted.

What would need a device raises RuntimeError when it is called; what would be 0 or empty without
one is.
"""
from __future__ import annotations

from importlib import import_module
from typing import Any, NoReturn

__all__ = [
    "amp", "current_device", "device", "device_count", "empty_cache", "get_arch_list",
    "get_device_capability", "get_device_name", "get_device_properties", "get_rng_state",
    "get_rng_state_all", "init", "ipc_collect", "is_available", "is_bf16_supported",
    "is_initialized", "manual_seed", "manual_seed_all", "max_memory_allocated",
    "max_memory_reserved", "mem_get_info", "memory_allocated", "memory_reserved",
    "reset_peak_memory_stats", "seed", "seed_all", "set_device", "set_rng_state",
    "set_rng_state_all", "synchronize",
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


def get_arch_list() -> list[str]:
    """Empty."""
    return []


def manual_seed(seed: int) -> None:
    """Accepted, as in PyTorch without CUDA; ``cgrad.manual_seed`` seeds the CPU's generator."""


def manual_seed_all(seed: int) -> None:
    """Accepted, as in PyTorch without CUDA."""


def seed() -> None:
    """Accepted, as in PyTorch without CUDA."""


def seed_all() -> None:
    """Accepted, as in PyTorch without CUDA."""


def get_rng_state_all() -> list[Any]:
    """Empty: the states of no device."""
    return []


def set_rng_state_all(new_states: list[Any]) -> None:
    """Accepts the states of no device.

    Raises:
        RuntimeError: there are some.
    """
    if new_states:
        _absent("set_rng_state_all")


def empty_cache() -> None:
    """Accepted, as in PyTorch without CUDA."""


def memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


def max_memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


def memory_reserved(device: Any = None) -> int:
    """0."""
    return 0


def max_memory_reserved(device: Any = None) -> int:
    """0."""
    return 0


def reset_peak_memory_stats(device: Any = None) -> None:
    """Accepted: there are none."""


def _absent(name: str) -> NoReturn:
    raise RuntimeError(f"cgrad.cuda.{name}(): cgrad computes on the CPU only "
                       "(cgrad.cuda.is_available() is False)")


def init() -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("init")


def synchronize(device: Any = None) -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("synchronize")


def current_device() -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("current_device")


def set_device(device: Any) -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("set_device")


def get_device_name(device: Any = None) -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("get_device_name")


def get_device_properties(device: Any = None) -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("get_device_properties")


def get_device_capability(device: Any = None) -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("get_device_capability")


def mem_get_info(device: Any = None) -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("mem_get_info")


def ipc_collect() -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("ipc_collect")


def get_rng_state(device: Any = "cuda") -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("get_rng_state")


def set_rng_state(new_state: Any, device: Any = "cuda") -> NoReturn:
    """Raises RuntimeError: there is no device."""
    _absent("set_rng_state")


class device:
    """Chooses a device for a block: None and negative numbers choose none; others raise."""

    def __init__(self, device: Any) -> None:
        self.idx = device

    def __enter__(self) -> None:
        if self.idx is not None and not (isinstance(self.idx, int) and self.idx < 0):
            _absent("device")

    def __exit__(self, *error: object) -> None:
        return None


def __getattr__(name: str) -> Any:
    if name == "amp":
        return import_module("cgrad.cuda.amp")
    raise AttributeError(f"module 'cgrad.cuda' has no attribute {name!r}: cgrad computes on the "
                         "CPU only (cgrad.cuda.is_available() is False)")
