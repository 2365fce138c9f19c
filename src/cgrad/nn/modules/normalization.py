"""Normalisation layers; the formulas are in :mod:`cgrad.nn.functional`."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.batchnorm import _affine
from cgrad.nn.modules.module import Module
from cgrad.nn.parameter import Parameter

__all__ = ["GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


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

    Example::

        >>> cgrad.nn.RMSNorm(2)(cgrad.tensor([3.0, 4.0])).tolist()
        [0.8485281467437744, 1.1313709020614624]
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

    Example::

        >>> cgrad.nn.GroupNorm(2, 4)(cgrad.ones(1, 4, 3)).shape
        cgrad.Size([1, 4, 3])
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


class LocalResponseNorm(Module):
    """x / (k + alpha · mean of x² over ``size`` neighbouring channels)^beta.

    Source: Krizhevsky, Sutskever and Hinton, 2012.

    Args:
        size: so many channels, centred on each.
        alpha: Default: 1e-4
        beta: Default: 0.75
        k: Default: 1.0

    Shape:
        - Input and output: (N, C, *).

    Example::

        >>> cgrad.nn.LocalResponseNorm(2)(cgrad.ones(1, 3, 2)).shape
        cgrad.Size([1, 3, 2])
    """

    def __init__(
        self, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0
    ) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
