"""Convolution layers; the formulas are in :mod:`cgrad.nn.functional`."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn import init
from cgrad.nn.modules.module import Module
from cgrad.nn.modules.utils import documented
from cgrad.nn.parameter import Parameter

__all__ = [
    "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d",
]  # fmt: skip

Sizes = int | tuple[int, ...]


def _each(value: Sizes, n: int) -> tuple[int, ...]:
    return (value,) * n if isinstance(value, int) else tuple(value)


class _ConvNd(Module):
    """What convolutions and their transposes share."""

    weight: Tensor
    bias: Tensor | None
    _n = 0                  # number of dimensions
    _transposed = False

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sizes,
                 stride: Sizes, padding: Sizes | str, dilation: Sizes, output_padding: Sizes,
                 groups: int, bias: bool, padding_mode: str, device: Any, dtype: Any) -> None:
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
        self.transposed = self._transposed
        self.output_padding = _each(output_padding, n)
        self.groups = groups
        self.padding_mode = padding_mode
        if padding == "same" and any(s != 1 for s in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        options = {"device": device, "dtype": dtype}
        first, second = in_channels, out_channels
        if not self.transposed:
            first, second = second, first
        self.weight = Parameter(
            cgrad.empty(first, second // groups, *self.kernel_size, **options))
        self.register_parameter(
            "bias", Parameter(cgrad.empty(out_channels, **options)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = math.prod(self.weight.shape[1:])
            if fan_in:
                init.uniform_(self.bias, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))

    def extra_repr(self) -> str:
        text = (f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
                f"stride={self.stride}")
        if self.padding != (0,) * self._n:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self._n:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * self._n:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _Conv(_ConvNd):
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

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sizes,
                 stride: Sizes = 1, padding: Sizes | str = 0, dilation: Sizes = 1,
                 groups: int = 1, bias: bool = True, padding_mode: str = "zeros",
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, 0,
                         groups, bias, padding_mode, device, dtype)

    @property
    def _reversed_padding_repeated_twice(self) -> list[int]:
        # What F.pad takes: for each dimension, last first, the two sides; the name is PyTorch's.
        edges: list[int] = []
        for i in range(self._n - 1, -1, -1):
            if isinstance(self.padding, str):
                total = self.dilation[i] * (self.kernel_size[i] - 1) * (self.padding == "same")
                edges += [total // 2, total - total // 2]
            else:
                edges += [self.padding[i]] * 2
        return edges

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        # For layers of others that change the weights and then convolve, as in PyTorch.
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        function = (F.conv1d, F.conv2d, F.conv3d)[self._n - 1]
        result: Tensor = function(input, weight, bias, self.stride, padding, self.dilation,
                                  self.groups)
        return result

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Conv):
    __doc__ = documented(_Conv, 1, "Conv{n}d(2, 3, 2)", 3, 3)
    _n = 1


class Conv2d(_Conv):
    __doc__ = documented(_Conv, 2, "Conv{n}d(2, 3, 2)", 3, 3)
    _n = 2


class Conv3d(_Conv):
    __doc__ = documented(_Conv, 3, "Conv{n}d(2, 3, 2)", 3, 3)
    _n = 3


class _ConvTranspose(_ConvNd):
    """The transpose of a convolution: what its gradient does with an output.

    Args:
        in_channels: C.
        out_channels: channels of the result.
        kernel_size: a number, or one for each dimension.
        stride: step between places in the result. Default: 1
        padding: so many entries are cut from each side of the result; only numbers. Default: 0
        output_padding: so many entries more on one side of the result. Default: 0
        groups, bias, dilation, device, dtype: as for :class:`Conv2d`.
        padding_mode: only ``"zeros"``.

    Shape of the result along a dimension: (size - 1) · stride - 2 · padding +
    dilation · (kernel - 1) + output_padding + 1.

    Attributes:
        weight: shape (in_channels, out_channels / groups, *kernel_size), drawn from U(-√k, √k),
            k = groups / (out_channels · product of the kernel sizes).
        bias: shape (out_channels), drawn from the same distribution; or None.
    """

    _transposed = True

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Sizes,
                 stride: Sizes = 1, padding: Sizes = 0, output_padding: Sizes = 0,
                 groups: int = 1, bias: bool = True, dilation: Sizes = 1,
                 padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation,
                         output_padding, groups, bias, padding_mode, device, dtype)

    def _output_padding(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        # What must be added to the smallest result to have the wanted size.
        n = self._n
        size = list(output_size)
        if len(size) == input.dim():
            size = size[-n:]
        if len(size) != n:
            raise ValueError(f"{type(self).__name__}: for {input.dim()}D input, output_size must "
                             f"have {n} or {input.dim()} elements (got {len(size)})")
        spare = []
        for i in range(n):
            least = ((input.shape[input.dim() - n + i] - 1) * self.stride[i]
                     - 2 * int(self.padding[i])
                     + self.dilation[i] * (self.kernel_size[i] - 1) + 1)
            spare.append(size[i] - least)
            if not 0 <= spare[i] < self.stride[i]:
                raise ValueError(
                    f"{type(self).__name__}: requested an output size of {size}, but valid sizes "
                    f"of dimension {i} range from {least} to {least + self.stride[i] - 1} (for an "
                    f"input of {tuple(input.shape[-n:])})")
        return tuple(spare)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        output_padding = self.output_padding
        if output_size is not None:
            output_padding = self._output_padding(input, output_size)
        function: Any = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self._n - 1]
        result: Tensor = function(input, self.weight, self.bias, self.stride, self.padding,
                                  output_padding, self.groups, self.dilation)
        return result


class ConvTranspose1d(_ConvTranspose):
    __doc__ = documented(_ConvTranspose, 1, "ConvTranspose{n}d(2, 3, 2)", 3, 5)
    _n = 1


class ConvTranspose2d(_ConvTranspose):
    __doc__ = documented(_ConvTranspose, 2, "ConvTranspose{n}d(2, 3, 2)", 3, 5)
    _n = 2


class ConvTranspose3d(_ConvTranspose):
    __doc__ = documented(_ConvTranspose, 3, "ConvTranspose{n}d(2, 3, 2)", 3, 5)
    _n = 3
