"""Exchange of memory with other libraries by DLPack."""
from __future__ import annotations

from typing import Any

from cgrad import Tensor, from_dlpack

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Tensor) -> Any:
    """The capsule of a tensor's memory; every capsule can be taken once.

    Example::

        >>> from cgrad.utils.dlpack import from_dlpack, to_dlpack
        >>> from_dlpack(cgrad.ones(2))
        tensor([1., 1.])
    """
    return tensor.__dlpack__()
