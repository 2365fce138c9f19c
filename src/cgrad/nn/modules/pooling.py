"""Pooling layers; the formulas are in :mod:`cgrad.nn.functional`."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module
from cgrad.nn.modules.utils import _ntuple, _single, documented

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d",
    "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d",
    "MaxUnpool3d",
]  # fmt: skip

Sizes = int | tuple[int, ...]
_POOLED = "*cgrad.nn.MaxPool{n}d(2, return_indices=True)({x})"


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
    __doc__ = documented(_MaxPool, 1, "MaxPool{n}d(2)", size=2)

    def forward(self, input: Tensor) -> Any:
        return F.max_pool1d(input, **self._arguments())


class MaxPool2d(_MaxPool):
    __doc__ = documented(_MaxPool, 2, "MaxPool{n}d(2)", size=2)

    def forward(self, input: Tensor) -> Any:
        return F.max_pool2d(input, **self._arguments())


class MaxPool3d(_MaxPool):
    __doc__ = documented(_MaxPool, 3, "MaxPool{n}d(2)", size=2)

    def forward(self, input: Tensor) -> Any:
        return F.max_pool3d(input, **self._arguments())


class _MaxUnpool(Module):
    """Puts the values of a max pooling back where they were taken, zeros elsewhere.

    Args:
        kernel_size, stride, padding: those of the pooling.

    The positions are what the pooling returned with ``return_indices=True``; ``output_size`` in
    the call is the size of its input, if that is not the smallest possible.
    """

    _n = 1

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        super().__init__()
        each = _ntuple(self._n)
        self.kernel_size = each(kernel_size)
        self.stride = each(kernel_size if stride is None else stride)
        self.padding = each(padding)

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        function = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[self._n - 1]
        return function(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    __doc__ = documented(_MaxUnpool, 1, "MaxUnpool{n}d(2)", input=_POOLED)
    _n = 1


class MaxUnpool2d(_MaxUnpool):
    __doc__ = documented(_MaxUnpool, 2, "MaxUnpool{n}d(2)", input=_POOLED)
    _n = 2


class MaxUnpool3d(_MaxUnpool):
    __doc__ = documented(_MaxUnpool, 3, "MaxUnpool{n}d(2)", input=_POOLED)
    _n = 3


class _AvgPool(Module):
    """The mean of each window, channel by channel.

    Args:
        kernel_size, stride, ceil_mode: as for :class:`MaxPool2d`.
        padding: zeros around the input, at most half the kernel. Default: 0
        count_include_pad: whether these zeros count. Default: ``True``
        divisor_override: what to divide by instead of the size of the window (not in one
            dimension). Default: none
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

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    __doc__ = documented(_AvgPool, 1, "AvgPool{n}d(2)", size=2)

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
                 ceil_mode: bool = False, count_include_pad: bool = True) -> None:
        super().__init__(
            _single(kernel_size), _single(kernel_size if stride is None else stride),
            _single(padding), ceil_mode, count_include_pad,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                            self.count_include_pad)


class AvgPool2d(_AvgPool):
    __doc__ = documented(_AvgPool, 2, "AvgPool{n}d(2)", size=2)

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                            self.count_include_pad, self.divisor_override)


class AvgPool3d(_AvgPool):
    __doc__ = documented(_AvgPool, 3, "AvgPool{n}d(2)", size=2)

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool3d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                            self.count_include_pad, self.divisor_override)


class _LPPool(Module):
    """The p-norm of each window, (Σ x^p)^(1/p), channel by channel.

    Args:
        norm_type: p. 1 sums; towards infinity it is max pooling.
        kernel_size, stride, ceil_mode: as for :class:`MaxPool2d`.
    """

    def __init__(self, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None,
                 ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, "
                f"stride={self.stride}, ceil_mode={self.ceil_mode}")


class LPPool1d(_LPPool):
    __doc__ = documented(_LPPool, 1, "LPPool{n}d(2, 2)", size=2)

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool1d(input, float(self.norm_type), self.kernel_size, self.stride,
                           self.ceil_mode)


class LPPool2d(_LPPool):
    __doc__ = documented(_LPPool, 2, "LPPool{n}d(2, 2)", size=2)

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool2d(input, float(self.norm_type), self.kernel_size, self.stride,
                           self.ceil_mode)


class LPPool3d(_LPPool):
    __doc__ = documented(_LPPool, 3, "LPPool{n}d(2, 2)", size=2)

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool3d(input, float(self.norm_type), self.kernel_size, self.stride,
                           self.ceil_mode)


class _AdaptiveAvgPool(Module):
    """Means of windows chosen so that the output has a given size.

    Args:
        output_size: a number, or one for each dimension; None keeps the input's.
    """

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    __doc__ = documented(_AdaptiveAvgPool, 1, "AdaptiveAvgPool{n}d(3)", size=3)

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    __doc__ = documented(_AdaptiveAvgPool, 2, "AdaptiveAvgPool{n}d(3)", size=3)

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    __doc__ = documented(_AdaptiveAvgPool, 3, "AdaptiveAvgPool{n}d(3)", size=3)

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool3d(input, self.output_size)


class _AdaptiveMaxPool(Module):
    """Greatest entries of windows chosen so that the output has a given size.

    Args:
        output_size: a number, or one for each dimension; None keeps the input's.
        return_indices: return positions as well. Default: ``False``
    """

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    __doc__ = documented(_AdaptiveMaxPool, 1, "AdaptiveMaxPool{n}d(3)", size=3)

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    __doc__ = documented(_AdaptiveMaxPool, 2, "AdaptiveMaxPool{n}d(3)", size=3)

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    __doc__ = documented(_AdaptiveMaxPool, 3, "AdaptiveMaxPool{n}d(3)", size=3)

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)
