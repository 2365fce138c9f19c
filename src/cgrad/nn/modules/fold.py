"""Windows as columns, and back; the formulas are in :mod:`cgrad.nn.functional`."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module

__all__ = ["Fold", "Unfold"]

Sizes = int | tuple[int, ...]


class Unfold(Module):
    """The windows of a batch of images as columns.

    Args:
        kernel_size: size of a window, a number or (height, width).
        dilation: distance of neighbouring entries of a window. Default: 1
        padding: zeros around the input. Default: 0
        stride: step between windows. Default: 1

    Shape:
        - Input: (N, C, H, W) or (C, H, W).
        - Output: (N, C · product of the kernel sizes, number of windows).

    Example::

        >>> cgrad.nn.Unfold((2, 2))(cgrad.ones(1, 3, 4, 4)).shape
        cgrad.Size([1, 12, 9])
    """

    def __init__(self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0,
                 stride: Sizes = 1) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, dilation={self.dilation}, "
                f"padding={self.padding}, stride={self.stride}")


class Fold(Module):
    """The sum of columns laid back as windows of images: the transpose of :class:`Unfold`.

    Args:
        output_size: (height, width) of the images.
        kernel_size, dilation, padding, stride: as for :class:`Unfold`.

    Shape:
        - Input: (N, C · product of the kernel sizes, number of windows), or without N.
        - Output: (N, C, *output_size).

    Example::

        >>> cgrad.nn.Fold((2, 2), 1)(cgrad.ones(1, 3, 4)).shape
        cgrad.Size([1, 3, 2, 2])
    """

    def __init__(self, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1,
                 padding: Sizes = 0, stride: Sizes = 1) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding,
                      self.stride)

    def extra_repr(self) -> str:
        return (f"output_size={self.output_size}, kernel_size={self.kernel_size}, "
                f"dilation={self.dilation}, padding={self.padding}, stride={self.stride}")
