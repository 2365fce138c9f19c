"""The older names of :mod:`cgrad.amp`, for one kind of device."""
from __future__ import annotations

from typing import Any

from cgrad import amp
from cgrad.amp import GradScaler, custom_bwd, custom_fwd

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


class autocast(amp.autocast):
    """``cgrad.autocast("cuda", …)``, which changes nothing."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)
