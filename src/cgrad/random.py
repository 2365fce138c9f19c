"""The state of the default generator of random numbers."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from cgrad._engine.random import (
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)

__all__ = [
    "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed",
    "set_rng_state",
]  # fmt: skip


@contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str = "cpu",
) -> Iterator[None]:
    """In its block random numbers may be drawn and seeds set; then the generator is as before.

    Args:
        devices, device_type: accepted; there is only one device.
        enabled: without it nothing is done. Default: ``True``

    Example::

        >>> cgrad.manual_seed(3).initial_seed()
        3
        >>> with cgrad.random.fork_rng():
        ...     a = cgrad.rand(2)
        >>> bool((cgrad.rand(2) == a).all())
        True
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
