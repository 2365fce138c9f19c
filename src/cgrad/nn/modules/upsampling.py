"""Enlargement of images; the formulas are in :func:`cgrad.nn.functional.interpolate`."""
from __future__ import annotations

from typing import Any

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module

__all__ = ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]


class Upsample(Module):
    """Interpolate to a given size or by a factor.

    Args:
        size: of the output, a number or one for each dimension.
        scale_factor: instead of ``size``, a number or one for each dimension.
        mode: ``"nearest"``, ``"linear"`` (3D input), ``"bilinear"`` and ``"bicubic"`` (4D) or
            ``"trilinear"`` (5D). Default: ``"nearest"``
        align_corners: whether the corner points of input and output coincide. Default: ``None``,
            which is ``False``
        recompute_scale_factor: compute the factors anew from the sizes. Default: ``None``

    Shape:
        - Input: (N, C, W), (N, C, H, W) or (N, C, D, H, W).

    Example::

        >>> cgrad.nn.Upsample(scale_factor=2)(cgrad.tensor([[[1.0, 3.0]]]))
        tensor([[[1., 1., 3., 3.]]])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                 align_corners: bool | None = None,
                 recompute_scale_factor: bool | None = None) -> None:
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        if isinstance(scale_factor, tuple):
            self.scale_factor: Any = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners,
                             self.recompute_scale_factor)

    def extra_repr(self) -> str:
        if self.scale_factor is not None:
            return f"scale_factor={self.scale_factor!r}, mode={self.mode!r}"
        return f"size={self.size!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """:class:`Upsample` with ``mode="nearest"``; kept for older programs.

    Example::

        >>> cgrad.nn.UpsamplingNearest2d(scale_factor=2)(cgrad.ones(1, 1, 1, 1))
        tensor([[[[1., 1.],
                  [1., 1.]]]])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """:class:`Upsample` with ``mode="bilinear", align_corners=True``; kept for older programs.

    Example::

        >>> cgrad.nn.UpsamplingBilinear2d(scale_factor=2)(cgrad.ones(1, 1, 2, 2)).shape
        cgrad.Size([1, 1, 4, 4])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
