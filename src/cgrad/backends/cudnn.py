"""Absent; the switches that programs set may be set, without effect."""
enabled = False
deterministic = True
benchmark = False
allow_tf32 = False


def is_available() -> bool:
    """False."""
    return False


def version() -> None:
    """None: there is no cuDNN."""
