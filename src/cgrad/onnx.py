"""There is no export to ONNX."""
from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["export", "is_in_onnx_export"]


def export(model: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: programs are not recorded, so there is nothing to export."""
    raise RuntimeError(
        "cgrad.onnx.export: cgrad does not record programs and cannot export them; save the "
        "state_dict() by cgrad.save, load it into the same model in PyTorch and export that one")


def is_in_onnx_export() -> bool:
    """False."""
    return False
