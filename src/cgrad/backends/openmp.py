"""OpenMP is absent: the threads are of a pool of cgrad's own."""


def is_available() -> bool:
    """False."""
    return False
