"""Convolution and pooling layers; the formulas are in :mod:`cgrad.nn.functional`."""
from __future__ import annotations

import math
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn import init
from cgrad.nn.modules.module import Module
from cgrad.nn.parameter import Parameter

__all__ = ["AdaptiveAvgPool2d", "AvgPool2d", "Conv1d", "Conv2d", "Conv3d", "MaxPool1d",
           "MaxPool2d"]

Sizes = int | tuple[int, ...]


def _each(value: Sizes, n: int) -> tuple[int, ...]:
    return (value,) * n if isinstance(value, int) else tuple(value)


class _Conv(Module):
    """Convolution (cross-correlation) of channels with learned kernels.

    Args:
        in_channels: C.
        out_channels: number of kernels.
        kernel_size: a number, or one for each dimension.
        stride: step between places. Default: 1
        padding: how many zeros (or what ``padding_mode`` says) stand around the input, or
            ``"valid"`` (none) or ``"same"`` (as many as keep the size). Default: 0
        dilation: distance of neighbouring kernel entries. Default: 1
        groups: channels are cut into so many groups, each with kernels of its own. Default: 1
        bias: whether there is a summand for each output channel. Default: ``True``
        padding_mode: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``.
        device: only the CPU. Default: ``None``
        dtype: of the parameters. Default: float32

    Attributes:
        weight: shape (out_channels, in_channels / groups, *kernel_size), drawn from U(-√k, √k),
            k = groups / (in_channels · product of the kernel sizes).
        bias: shape (out_channels), drawn from the same distribution; or None.
    """

    _n = 0

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sizes,
                 stride: Sizes = 1, padding: Sizes | str = 0, dilation: Sizes = 1,
                 groups: int = 1, bias: bool = True, padding_mode: str = "zeros",
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError(f"in_channels ({in_channels}) must be divisible by groups ({groups})")
        if out_channels % groups:
            raise ValueError(f"out_channels ({out_channels}) must be divisible by groups "
                             f"({groups})")
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of "
                             "{'same', 'valid'}")
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError("padding_mode must be one of ['zeros', 'reflect', 'replicate', "
                             f"'circular'], but got padding_mode='{padding_mode}'")
        n = self._n
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _each(kernel_size, n)
        self.stride = _each(stride, n)
        self.padding = padding if isinstance(padding, str) else _each(padding, n)
        self.dilation = _each(dilation, n)
        self.groups = groups
        self.padding_mode = padding_mode
        if padding == "same" and any(s != 1 for s in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        options = {"device": device, "dtype": dtype}
        self.weight = Parameter(
            cgrad.empty(out_channels, in_channels // groups, *self.kernel_size, **options))
        self.register_parameter(
            "bias", Parameter(cgrad.empty(out_channels, **options)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = self.weight[0].numel()
            if fan_in:
                init.uniform_(self.bias, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))

    def _edges(self) -> list[int]:
        # What F.pad takes: for each dimension, last first, the two sides.
        edges: list[int] = []
        for i in range(self._n - 1, -1, -1):
            if isinstance(self.padding, str):
                total = self.dilation[i] * (self.kernel_size[i] - 1) * (self.padding == "same")
                edges += [total // 2, total - total // 2]
            else:
                edges += [self.padding[i]] * 2
        return edges

    def forward(self, input: Tensor) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._edges(), mode=self.padding_mode)
            padding = 0
        function = (F.conv1d, F.conv2d, F.conv3d)[self._n - 1]
        result: Tensor = function(input, self.weight, self.bias, self.stride, padding,
                                  self.dilation, self.groups)
        return result

    def extra_repr(self) -> str:
        text = (f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
                f"stride={self.stride}")
        if self.padding != (0,) * self._n:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self._n:
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class Conv1d(_Conv):
    __doc__ = f"{_Conv.__doc__}\n    Shape:\n        - Input: (N, C, L) or (C, L).\n"
    _n = 1


class Conv2d(_Conv):
    __doc__ = f"{_Conv.__doc__}\n    Shape:\n        - Input: (N, C, H, W) or (C, H, W).\n"
    _n = 2


class Conv3d(_Conv):
    __doc__ = f"{_Conv.__doc__}\n    Shape:\n        - Input: (N, C, D, H, W) or (C, D, H, W).\n"
    _n = 3


class _MaxPool(Module):
    """The greatest entry of each window, channel by channel.

    Args:
        kernel_size: a number, or one for each dimension.
        stride: step between windows. Default: ``kernel_size``
        padding: entries of minus infinity around the input, at most half the kernel. Default: 0
        dilation: distance of neighbouring entries of a window. Default: 1
        return_indices: return positions as well. Default: ``False``
        ceil_mode: windows may reach over the edge. Default: ``False``
    """

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
                 dilation: Sizes = 1, return_indices: bool = False,
                 ceil_mode: bool = False) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def _arguments(self) -> dict[str, Any]:
        return {"kernel_size": self.kernel_size, "stride": self.stride, "padding": self.padding,
                "dilation": self.dilation, "ceil_mode": self.ceil_mode,
                "return_indices": self.return_indices}

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")


class MaxPool1d(_MaxPool):
    __doc__ = f"{_MaxPool.__doc__}\n    Shape:\n        - Input: (N, C, L) or (C, L).\n"

    def forward(self, input: Tensor) -> Any:
        return F.max_pool1d(input, **self._arguments())


class MaxPool2d(_MaxPool):
    __doc__ = f"{_MaxPool.__doc__}\n    Shape:\n        - Input: (N, C, H, W) or (C, H, W).\n"

    def forward(self, input: Tensor) -> Any:
        return F.max_pool2d(input, **self._arguments())


class AvgPool2d(Module):
    """The mean of each window, channel by channel.

    Args:
        kernel_size, stride, ceil_mode: as for :class:`MaxPool2d`.
        padding: zeros around the input, at most half the kernel. Default: 0
        count_include_pad: whether these zeros count. Default: ``True``
        divisor_override: what to divide by instead of the size of the window. Default: none

    Shape:
        - Input: (N, C, H, W) or (C, H, W).
    """

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
                 ceil_mode: bool = False, count_include_pad: bool = True,
                 divisor_override: int | None = None) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                            self.count_include_pad, self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(Module):
    """Means of windows chosen so that the output has a given size.

    Args:
        output_size: (H, W) or a number for both; None keeps the input's.

    Shape:
        - Input: (N, C, H, W) or (C, H, W).
    """

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
