"""Layers that drop entries or channels at random while training."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module

__all__ = [
    "AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout",
]  # fmt: skip


class _DropoutNd(Module):
    """A layer that does something with probability ``p`` while training, and nothing otherwise."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training mode, zero each entry with probability ``p`` and scale the rest by 1 / (1 - p).

    In evaluation mode the input passes unchanged (Hinton et al., 2012).

    Args:
        p: probability of a zero. Default: 0.5
        inplace: overwrite the input. Default: ``False``

    Shape:
        - Input and output: any, the same.

    Raises:
        ValueError: ``p`` is not between 0 and 1.

    Example::

        >>> layer = cgrad.nn.Dropout(0.5)
        >>> layer.eval()(cgrad.ones(3))
        tensor([1., 1., 1.])
        >>> set(layer.train()(cgrad.ones(1000)).tolist())
        {0.0, 2.0}
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """In training mode, zero whole channels with probability ``p`` (Tompson et al., 2015).

    Args:
        p, inplace: as for :class:`Dropout`.

    Shape:
        - Input and output: (N, C, L) or (C, L).

    Example::

        >>> cgrad.nn.Dropout1d(1.0)(cgrad.ones(1, 2, 2))
        tensor([[[0., 0.],
                 [0., 0.]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """In training mode, zero whole channels with probability ``p`` (Tompson et al., 2015).

    Args:
        p, inplace: as for :class:`Dropout`.

    Shape:
        - Input and output: (N, C, H, W).

    Example::

        >>> cgrad.nn.Dropout2d(1.0)(cgrad.ones(1, 1, 2, 2))
        tensor([[[[0., 0.],
                  [0., 0.]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """In training mode, zero whole channels with probability ``p`` (Tompson et al., 2015).

    Args:
        p, inplace: as for :class:`Dropout`.

    Shape:
        - Input and output: (N, C, D, H, W) or (C, D, H, W).

    Example::

        >>> cgrad.nn.Dropout3d(1.0)(cgrad.ones(1, 1, 1, 2, 2)).sum()
        tensor(0.)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance, for :class:`SELU` (Klambauer et al., 2017).

    Args:
        p, inplace: as for :class:`Dropout`.

    Shape:
        - Input and output: any, the same.

    Example::

        >>> cgrad.nn.AlphaDropout(0.5).eval()(cgrad.ones(3))
        tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """:class:`AlphaDropout` of whole channels.

    Args:
        p, inplace: as for :class:`Dropout`.

    Shape:
        - Input and output: (N, C, *).

    Example::

        >>> cgrad.nn.FeatureAlphaDropout(0.5).eval()(cgrad.ones(1, 2, 2))
        tensor([[[1., 1.],
                 [1., 1.]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training)
