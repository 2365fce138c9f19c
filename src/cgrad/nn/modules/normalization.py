"""Normalisation layers; the formulas are in :mod:`cgrad.nn.functional`."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module
from cgrad.nn.parameter import Parameter

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm", "LayerNorm", "RMSNorm"]


def _affine(module: Module, shape: Sequence[int], weight: bool, bias: bool, device: Any,
            dtype: Any) -> None:
    # Ones and zeros of the given shape, or None.
    for name, wanted, make in (("weight", weight, cgrad.ones), ("bias", bias, cgrad.zeros)):
        value = Parameter(make(*shape, device=device, dtype=dtype)) if wanted else None
        module.register_parameter(name, value)


class LayerNorm(Module):
    """(x - mean) / sqrt(var + eps) · weight + bias over the last dimensions (Ba et al., 2016).

    Args:
        normalized_shape: sizes of the last dimensions; a number stands for one dimension.
        eps: added to the variance. Default: 1e-5
        elementwise_affine: whether there are weight and bias. Default: ``True``
        bias: whether there is a bias, if there is a weight. Default: ``True``
        device: only the CPU. Default: ``None``
        dtype: of the parameters. Default: float32

    Shape:
        - Input and output: (*, *normalized_shape).

    Example::

        >>> layer = cgrad.nn.LayerNorm(10)
        >>> layer(cgrad.randn(20, 10)).shape == (20, 10)
        True
    """

    def __init__(self, normalized_shape: int | Sequence[int], eps: float = 1e-5,
                 elementwise_affine: bool = True, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = tuple(shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        _affine(self, self.normalized_shape, elementwise_affine, elementwise_affine and bias,
                device, dtype)

    def reset_parameters(self) -> None:
        """Set the weight to ones and the bias to zeros."""
        with cgrad.no_grad():
            if self.weight is not None:
                self.weight.fill_(1.0)
            if getattr(self, "bias", None) is not None:
                self.bias.zero_()

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        text = (f"{self.normalized_shape}, eps={self.eps}, "
                f"elementwise_affine={self.elementwise_affine}")
        return f"{text}, bias={self.bias is not None}"


class RMSNorm(Module):
    """x / sqrt(mean(x²) + eps) · weight over the last dimensions (Zhang and Sennrich, 2019).

    Args:
        normalized_shape, device, dtype: as for :class:`LayerNorm`.
        eps: added to the mean square. Default: the machine epsilon of the input's dtype
        elementwise_affine: whether there is a weight. Default: ``True``
    """

    def __init__(self, normalized_shape: int | Sequence[int], eps: float | None = None,
                 elementwise_affine: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = tuple(shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        weight = cgrad.ones(*self.normalized_shape, device=device, dtype=dtype)
        self.register_parameter("weight", Parameter(weight) if elementwise_affine else None)

    def reset_parameters(self) -> None:
        """Set the weight to ones."""
        if self.weight is not None:
            with cgrad.no_grad():
                self.weight.fill_(1.0)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.normalized_shape}, eps={self.eps}, "
                f"elementwise_affine={self.elementwise_affine}")


class GroupNorm(Module):
    """Normalize each group of channels of each sample (Wu and He, 2018).

    Args:
        num_groups: divides ``num_channels``.
        num_channels: C.
        eps: added to the variance. Default: 1e-5
        affine: whether there are weight and bias, one for each channel. Default: ``True``
        bias: whether there is a bias, if there is a weight. Default: ``True``
        device, dtype: as for :class:`LayerNorm`.

    Shape:
        - Input and output: (N, C, *).
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5,
                 affine: bool = True, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups "
                             f"({num_groups})")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        _affine(self, (num_channels,), affine, affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")


class _BatchNorm(Module):
    """Batch normalisation with running averages (Ioffe and Szegedy, 2015).

    Args:
        num_features: C.
        eps: added to the variance. Default: 1e-5
        momentum: how far the running averages move at each batch; None: they are the averages
            over all batches. Default: 0.1
        affine: whether there are weight and bias, one for each channel. Default: ``True``
        bias: whether there is a bias, if there is a weight. Default: ``True``
        track_running_stats: whether there are running averages, which evaluation uses.
            Default: ``True``
        device, dtype: as for :class:`LayerNorm`.
    """

    _dims: tuple[int, ...] = ()

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
                 affine: bool = True, track_running_stats: bool = True, device: Any = None,
                 dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        _affine(self, (num_features,), affine, affine and bias, device, dtype)
        track = track_running_stats
        options = {"device": device, "dtype": dtype}
        for name, make in (("running_mean", cgrad.zeros), ("running_var", cgrad.ones)):
            self.register_buffer(name, make(num_features, **options) if track else None)
        self.register_buffer("num_batches_tracked",
                             cgrad.tensor(0, dtype=cgrad.int64) if track else None)

    def reset_running_stats(self) -> None:
        """Set the running averages back: mean 0, variance 1, no batch seen."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1.0)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Reset the running averages, the weight to ones, the bias to zeros."""
        self.reset_running_stats()
        if self.affine:
            with cgrad.no_grad():
                self.weight.fill_(1.0)
                if self.bias is not None:
                    self.bias.zero_()

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in self._dims:
            expected = " or ".join(f"{d}D" for d in self._dims)
            raise ValueError(f"expected {expected} input (got {input.dim()}D input)")
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
        # Without running averages the batch's own are used in evaluation too.
        own = self.training or self.running_mean is None
        running = not self.training or self.track_running_stats
        return F.batch_norm(
            input, self.running_mean if running else None, self.running_var if running else None,
            self.weight, self.bias, own, momentum, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
                f"affine={self.affine}, bias={self.bias is not None}, "
                f"track_running_stats={self.track_running_stats}")


class BatchNorm1d(_BatchNorm):
    __doc__ = f"{_BatchNorm.__doc__}\n    Shape:\n        - Input, output: (N, C) or (N, C, L).\n"
    _dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    __doc__ = f"{_BatchNorm.__doc__}\n    Shape:\n        - Input and output: (N, C, H, W).\n"
    _dims = (4,)


class BatchNorm3d(_BatchNorm):
    __doc__ = f"{_BatchNorm.__doc__}\n    Shape:\n        - Input and output: (N, C, D, H, W).\n"
    _dims = (5,)
