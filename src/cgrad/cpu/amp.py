"""The older names of :mod:`cgrad.amp`, for the CPU."""
from __future__ import annotations

from typing import Any

from cgrad import amp
from cgrad.amp import GradScaler

__all__ = ["GradScaler", "autocast"]


class autocast(amp.autocast):
    """``cgrad.autocast("cpu", …)``, which changes nothing."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        super().__init__("cpu", dtype, enabled, cache_enabled)
