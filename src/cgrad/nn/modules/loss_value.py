"""Losses of one term for each entry; the formulas are in :mod:`cgrad.nn.functional`."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.functional.loss import _reduction
from cgrad.nn.modules.module import Module

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "GaussianNLLLoss", "HuberLoss", "KLDivLoss", "L1Loss",
    "MSELoss", "PoissonNLLLoss", "SmoothL1Loss", "SoftMarginLoss",
]  # fmt: skip


class _Loss(Module):
    """Holds how a loss is reduced; a weight of its terms is a buffer.

    Forwards read it from ``_buffers``: Module.__getattr__ would cost as much as a small loss.
    """

    reduction: str

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        if size_average is not None or reduce is not None:
            reduction = _reduction(reduction, size_average, reduce)
        self.reduction = reduction


class _WeightedLoss(_Loss):
    """A loss with a weight for each of its terms or classes, as a buffer."""

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class L1Loss(_Loss):
    """|input - target|, reduced.

    Args:
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input and target: any, the same. Output: a scalar, or that shape without reduction.

    Example::

        >>> cgrad.nn.L1Loss()(cgrad.tensor([0.0, 0.0]), cgrad.tensor([1.0, 3.0]))
        tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class MSELoss(_Loss):
    """(input - target)², reduced.

    Args:
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input and target: any, the same. Output: a scalar, or that shape without reduction.

    Example::

        >>> cgrad.nn.MSELoss()(cgrad.tensor([1.0, 2.0]), cgrad.tensor([1.0, 4.0])).item()
        2.0
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """d² / 2β where |d| < β, and |d| - β / 2 elsewhere, with d = input - target.

    Girshick, Fast R-CNN, 2015.

    Args:
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``
        beta: where the parabola ends, at least 0; 0 is :class:`L1Loss`. Default: 1

    Shape:
        - Input and target: any, the same. Output: a scalar, or that shape without reduction.

    Raises:
        RuntimeError: in ``forward``, ``beta`` is negative.

    Example::

        >>> cgrad.nn.SmoothL1Loss()(cgrad.tensor([0.5, 3.0]), cgrad.zeros(2)).item()
        1.3125
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """d² / 2 where |d| <= δ, and δ (|d| - δ / 2) elsewhere, with d = input - target.

    Huber, Robust estimation of a location parameter, 1964.

    Args:
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``
        delta: where the parabola ends, above 0. Default: 1

    Shape:
        - Input and target: any, the same. Output: a scalar, or that shape without reduction.

    Raises:
        RuntimeError: in ``forward``, ``delta`` is not positive.

    Example::

        >>> cgrad.nn.HuberLoss(delta=2.0)(cgrad.tensor([1.0, 3.0]), cgrad.zeros(2)).item()
        2.25
    """

    def __init__(
        self,
        reduction: str = "mean",
        delta: float = 1.0,
    ) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class SoftMarginLoss(_Loss):
    """log(1 + e^(-target · input)): two classes, -1 and 1.

    Args:
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input and target: any, the same. Output: a scalar, or that shape without reduction.

    Example::

        >>> round(cgrad.nn.SoftMarginLoss()(cgrad.zeros(2), cgrad.tensor([1.0, -1.0])).item(), 4)
        0.6931
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class KLDivLoss(_Loss):
    """target · (log target - input), the terms of the Kullback-Leibler divergence.

    The divergence itself is the sum over a distribution: ``reduction="batchmean"``, or ``"sum"``.

    Args:
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"batchmean"`` (the sum divided by the first size), ``"sum"`` or
            ``"none"``. Default: ``"mean"``
        log_target: the target is given by its logarithms, as the input is. Default: ``False``

    Shape:
        - Input and target: any, the same. Output: a scalar, or that shape without reduction.

    Example::

        >>> p, q = cgrad.tensor([[0.5, 0.5]]), cgrad.tensor([[0.25, 0.75]])
        >>> round(cgrad.nn.KLDivLoss(reduction="batchmean")(q.log(), p).item(), 4)
        0.1438
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class PoissonNLLLoss(_Loss):
    """Minus the log-likelihood of counts under a Poisson distribution: e^input - target · input.

    Args:
        log_input: the input is the logarithm of the rate. If not, the loss is
            input - target · log(input + eps). Default: ``True``
        full: add Stirling's approximation of log target! where target > 1. Default: ``False``
        size_average, reduce: deprecated forms of ``reduction``.
        eps: keeps the logarithm finite. Default: 1e-8
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input and target: any, the same. Output: a scalar, or that shape without reduction.

    Example::

        >>> cgrad.nn.PoissonNLLLoss()(cgrad.zeros(3), cgrad.tensor([0.0, 1.0, 5.0])).item()
        1.0
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(
            log_input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class GaussianNLLLoss(_Loss):
    """Minus the log-likelihood of a normal distribution: (log var + (input - target)² / var) / 2.

    Nix and Weigend, Estimating the mean and variance of the target probability distribution, 1994.

    Args:
        full: add the constant log(2π) / 2. Default: ``False``
        eps: the least variance; smaller ones count as this. Default: 1e-6
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input (means) and target (observations): any, the same.
        - Var: a number, the same shape, or one with its last size 1 or left out.
        - Output: a scalar, or the input's shape without reduction.

    Raises:
        ValueError: in ``forward``, ``var`` has a negative entry or another shape.

    Example::

        >>> mean, target = cgrad.tensor([0.0, 2.0]), cgrad.tensor([1.0, 2.0])
        >>> cgrad.nn.GaussianNLLLoss()(mean, target, cgrad.ones(2)).item()
        0.25
    """

    def __init__(
        self,
        *,
        full: bool = False,
        eps: float = 1e-6,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(
            input, target, var, full=self.full, eps=self.eps, reduction=self.reduction
        )


class BCELoss(_WeightedLoss):
    """-(target · log input + (1 - target) · log(1 - input)), logarithms not below -100.

    :class:`BCEWithLogitsLoss` is more exact where the input comes out of a sigmoid.

    Args:
        weight: factors that broadcast to the shape. Default: none
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input and target: any, the same. Output: a scalar, or that shape without reduction.

    Raises:
        ValueError: in ``forward``, the shapes differ.
        RuntimeError: in ``forward``, the input is not between 0 and 1.

    Example::

        >>> round(cgrad.nn.BCELoss()(cgrad.tensor([0.5, 0.9]), cgrad.tensor([0.0, 1.0])).item(), 4)
        0.3993
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(
            input, target, self._buffers["weight"], reduction=self.reduction
        )


class BCEWithLogitsLoss(_WeightedLoss):
    """Sigmoid and binary cross entropy in one, without overflow.

    Args:
        weight: factors that broadcast to the shape. Default: none
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``
        pos_weight: factors for the positive term of each class. Default: none

    Shape:
        - Input (logits) and target (in [0, 1]): any, the same. Output: a scalar, or that shape.

    Raises:
        ValueError: in ``forward``, the shapes differ.

    Example::

        >>> cgrad.nn.BCEWithLogitsLoss()(cgrad.zeros(2), cgrad.tensor([0.0, 1.0]))
        tensor(0.6931)
    """

    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input,
            target,
            self._buffers["weight"],
            reduction=self.reduction,
            pos_weight=self._buffers["pos_weight"],
        )
