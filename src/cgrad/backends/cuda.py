"""Absent; the switches that programs set may be set, without effect."""


class matmul:
    """Switches of matrix products on CUDA."""

    allow_tf32 = False


def is_built() -> bool:
    """False."""
    return False
