"""oneDNN is absent: convolutions are cgrad's own. Switches may be set, without effect."""
enabled = True
deterministic = False
allow_tf32 = False


def is_available() -> bool:
    """False."""
    return False
