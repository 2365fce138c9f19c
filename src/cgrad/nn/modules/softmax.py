"""Softmax and its relatives as modules."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module

__all__ = ["LogSoftmax", "Softmax", "Softmax2d", "Softmin"]


class Softmax(Module):
    """exp(x_i) / Σ_j exp(x_j) along a dimension.

    Args:
        dim: the dimension whose entries sum to one; to be given.

    Example::

        >>> cgrad.nn.Softmax(dim=1)(cgrad.zeros(1, 4)).tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmin(Module):
    """exp(-x_i) / Σ_j exp(-x_j) along a dimension.

    Args:
        dim: the dimension whose entries sum to one; to be given.

    Example::

        >>> cgrad.nn.Softmin(dim=0)(cgrad.tensor([0.0, 0.0, 1.0]))
        tensor([0.4223, 0.4223, 0.1554])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """x_i - log Σ_j exp(x_j) along a dimension, computed without overflow.

    Args:
        dim: the dimension; to be given.

    Example::

        >>> cgrad.nn.LogSoftmax(dim=0)(cgrad.zeros(2))
        tensor([-0.6931, -0.6931])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax2d(Module):
    """Softmax over the channels at each place.

    Shape:
        - Input and output: (N, C, H, W) or (C, H, W).

    Example::

        >>> cgrad.nn.Softmax2d()(cgrad.zeros(2, 1, 1)).flatten()
        tensor([0.5000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D (got {input.dim()}D instead)"
            )
        return F.softmax(input, -3)
