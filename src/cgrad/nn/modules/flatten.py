"""Changing the shape between layers."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.nn.modules.module import Module

__all__ = ["Flatten"]


class Flatten(Module):
    """Merge the dimensions ``start_dim`` to ``end_dim`` (inclusive) into one.

    Args:
        start_dim: first dimension to merge. Default: 1, which keeps the batch
        end_dim: last dimension to merge. Default: -1

    Example::

        >>> cgrad.nn.Flatten()(cgrad.zeros(32, 1, 5, 5)).shape == (32, 25)
        True
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
