"""The order of products in ``einsum`` is cgrad's choice. Switches may be set, without effect."""
from __future__ import annotations

enabled = True
strategy: str | None = "auto"


def is_available() -> bool:
    """False: the package of that name is not used."""
    return False
