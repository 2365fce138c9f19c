"""Choosing how attention is computed: there is one way, and choices are accepted."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(IntEnum):
    """PyTorch's ways to compute attention. cgrad has one, which is none of them by name."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(
    backends: list[SDPBackend] | SDPBackend, set_priority: bool = False
) -> Iterator[None]:
    """A block whose attention PyTorch computes in one of several ways; here it changes nothing.

    Args:
        backends: one :class:`SDPBackend` or a list of them.
        set_priority: accepted.

    Raises:
        TypeError: ``backends`` is something else.

    Example::

        >>> from cgrad.nn.attention import SDPBackend, sdpa_kernel
        >>> with sdpa_kernel(SDPBackend.MATH):
        ...     x = cgrad.ones(1, 2, 4)
        ...     cgrad.nn.functional.scaled_dot_product_attention(x, x, x).shape
        cgrad.Size([1, 2, 4])
    """
    chosen = backends if isinstance(backends, list) else [backends]
    if not all(isinstance(backend, SDPBackend) for backend in chosen):
        raise TypeError("sdpa_kernel: backends must be an SDPBackend or a list of them, got "
                        f"{backends!r}")
    yield
