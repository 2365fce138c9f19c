"""Layers that move channels; the formulas are in :mod:`cgrad.nn.functional`."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module

__all__ = ["ChannelShuffle", "PixelShuffle", "PixelUnshuffle"]


class PixelShuffle(Module):
    """r² channels become one of r times the height and width (Shi et al., 2016).

    Args:
        upscale_factor: r.

    Shape:
        - Input: (*, C · r², H, W). Output: (*, C, H · r, W · r).

    Example::

        >>> cgrad.nn.PixelShuffle(2)(cgrad.arange(4.0).view(1, 4, 1, 1))
        tensor([[[[0., 1.],
                  [2., 3.]]]])
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """The inverse of :class:`PixelShuffle`.

    Args:
        downscale_factor: r.

    Shape:
        - Input: (*, C, H · r, W · r). Output: (*, C · r², H, W).

    Example::

        >>> cgrad.nn.PixelUnshuffle(2)(cgrad.arange(4.0).view(1, 1, 2, 2)).flatten()
        tensor([0., 1., 2., 3.])
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """The channels dealt out anew among the groups (Zhang et al., 2018).

    Args:
        groups: into so many the channels are cut.

    Shape:
        - Input and output: (N, C, *), C divisible by ``groups``.

    Example::

        >>> cgrad.nn.ChannelShuffle(2)(cgrad.arange(4.0).view(1, 4, 1, 1)).flatten()
        tensor([0., 2., 1., 3.])
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
