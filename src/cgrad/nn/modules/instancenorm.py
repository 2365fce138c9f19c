"""Instance normalisation; the formula is in :func:`cgrad.nn.functional.instance_norm`."""
from __future__ import annotations

import warnings
from typing import Any

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.batchnorm import _NormBase
from cgrad.nn.modules.utils import documented

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]


class _InstanceNorm(_NormBase):
    """Normalize each channel of each sample (Ulyanov, Vedaldi and Lempitsky, 2016).

    Args:
        num_features: C.
        eps: added to the variance. Default: 1e-5
        momentum: how far the running averages move at each batch. Default: 0.1
        affine: whether there are weight and bias, one for each channel. Default: ``False``
        track_running_stats: whether there are running averages, which evaluation uses.
            Default: ``False``
        bias: whether there is a bias, if there is a weight. Default: ``True``
        device, dtype: as for :class:`LayerNorm`.
    """

    _dims: tuple[int, int] = (2, 3)

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
                 affine: bool = False, track_running_stats: bool = False, device: Any = None,
                 dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype,
                         bias)

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in self._dims:
            expected = " or ".join(f"{d}D" for d in self._dims)
            raise ValueError(f"expected {expected} input (got {input.dim()}D input)")
        single = input.dim() == self._dims[0]
        channels = input.size(0 if single else 1)
        if channels != self.num_features:
            if self.affine:
                raise ValueError(f"{type(self).__name__}: expected input's size at dim="
                                 f"{0 if single else 1} to match num_features "
                                 f"({self.num_features}), but got: {channels}.")
            warnings.warn(f"input's size at dim={0 if single else 1} does not match num_features. "
                          "You can silence this warning by not passing in num_features, which is "
                          "not used because affine=False", stacklevel=2)
        result = F.instance_norm(
            input.unsqueeze(0) if single else input, self.running_mean, self.running_var,
            self.weight, self.bias, self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0, self.eps)
        return result.squeeze(0) if single else result


class InstanceNorm1d(_InstanceNorm):
    __doc__ = documented(_InstanceNorm, 1, "InstanceNorm{n}d(2)")
    _dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    __doc__ = documented(_InstanceNorm, 2, "InstanceNorm{n}d(2)")
    _dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    __doc__ = documented(_InstanceNorm, 3, "InstanceNorm{n}d(2)")
    _dims = (4, 5)
