"""MKL is absent: matrix products are OpenBLAS's."""


def is_available() -> bool:
    """False."""
    return False
