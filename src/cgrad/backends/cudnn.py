"""Absent; the switches that programs set may be set, without effect."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

enabled = True
deterministic = False
benchmark = False
benchmark_limit = 10
allow_tf32 = True


def is_available() -> bool:
    """False."""
    return False


def version() -> None:
    """None: there is no cuDNN."""


@contextmanager
def flags(*args: Any, **kwargs: Any) -> Iterator[None]:
    """A block with other switches, without effect."""
    yield
