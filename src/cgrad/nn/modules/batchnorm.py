"""Batch normalisation; the formula is in :func:`cgrad.nn.functional.batch_norm`."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module
from cgrad.nn.modules.utils import documented
from cgrad.nn.parameter import Parameter

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"]


def _affine(module: Module, shape: Sequence[int], weight: bool, bias: bool, device: Any,
            dtype: Any) -> None:
    # Ones and zeros of the given shape, or None.
    for name, wanted, make in (("weight", weight, cgrad.ones), ("bias", bias, cgrad.zeros)):
        value = Parameter(make(*shape, device=device, dtype=dtype)) if wanted else None
        module.register_parameter(name, value)


class _NormBase(Module):
    """Weight, bias and running averages of C channels."""

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None
    weight: Tensor | None
    bias: Tensor | None
    _version = 2

    def __init__(self, num_features: int, eps: float, momentum: float | None, affine: bool,
                 track_running_stats: bool, device: Any, dtype: Any, bias: bool) -> None:
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
            self.running_mean.zero_()  # type: ignore[union-attr]
            self.running_var.fill_(1.0)  # type: ignore[union-attr]
            self.num_batches_tracked.zero_()  # type: ignore[union-attr]

    def reset_parameters(self) -> None:
        """Reset the running averages, the weight to ones, the bias to zeros."""
        self.reset_running_stats()
        with cgrad.no_grad():
            if self.weight is not None:
                self.weight.fill_(1.0)
            if self.bias is not None:
                self.bias.zero_()

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
                f"affine={self.affine}, bias={self.bias is not None}, "
                f"track_running_stats={self.track_running_stats}")


class _BatchNorm(_NormBase):
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
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype,
                         bias)

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


class BatchNorm1d(_BatchNorm):
    __doc__ = documented(_BatchNorm, 1, "BatchNorm{n}d(2)", shape="(N, C) or (N, C, L)")
    _dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    __doc__ = documented(_BatchNorm, 2, "BatchNorm{n}d(2)", shape="(N, C, H, W)")
    _dims = (4,)


class BatchNorm3d(_BatchNorm):
    __doc__ = documented(_BatchNorm, 3, "BatchNorm{n}d(2)", shape="(N, C, D, H, W)")
    _dims = (5,)
