"""Layers that drop entries at random while training."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module

__all__ = ["Dropout"]


class Dropout(Module):
    """In training mode, zero each entry with probability ``p`` and scale the rest by 1 / (1 - p).

    In evaluation mode the input passes unchanged (Hinton et al., 2012).

    Args:
        p: probability of a zero. Default: 0.5
        inplace: overwrite the input. Default: ``False``

    Shape:
        - Input and output: any, the same.

    Raises:
        ValueError: ``p`` is not between 0 and 1.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
