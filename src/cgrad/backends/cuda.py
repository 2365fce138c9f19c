"""Absent; the switches that programs set may be set, without effect."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class matmul:
    """Switches of matrix products on CUDA."""

    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True
    fp32_precision = "ieee"


def is_built() -> bool:
    """False."""
    return False


def enable_flash_sdp(enabled: bool) -> None:
    """Accepted."""


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Accepted."""


def enable_math_sdp(enabled: bool) -> None:
    """Accepted."""


def enable_cudnn_sdp(enabled: bool) -> None:
    """Accepted."""


def flash_sdp_enabled() -> bool:
    """False."""
    return False


def mem_efficient_sdp_enabled() -> bool:
    """False."""
    return False


def math_sdp_enabled() -> bool:
    """True: attention is computed on the CPU."""
    return True


@contextmanager
def sdp_kernel(*args: Any, **kwargs: Any) -> Iterator[None]:
    """A block whose attention PyTorch computes in one of several ways, without effect."""
    yield
