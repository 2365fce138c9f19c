"""Losses; the formulas are in :mod:`cgrad.nn.functional`."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.functional.loss import _reduction
from cgrad.nn.modules.module import Module

__all__ = ["BCEWithLogitsLoss", "CrossEntropyLoss", "L1Loss", "MSELoss", "NLLLoss"]


class _Loss(Module):
    """Holds how a loss is reduced and the tensors that weigh its terms.

    Forwards read these from ``_buffers``: Module.__getattr__ would cost as much as a small loss.
    """

    reduction: str

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        **weights: Tensor | None,
    ) -> None:
        super().__init__()
        self.reduction = _reduction(reduction, size_average, reduce)
        for name, weight in weights.items():
            self.register_buffer(name, weight)


class L1Loss(_Loss):
    """|input - target|, reduced.

    Args:
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input and target: any, the same. Output: a scalar, or that shape without reduction.
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


class BCEWithLogitsLoss(_Loss):
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
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(size_average, reduce, reduction, weight=weight, pos_weight=pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input,
            target,
            self._buffers["weight"],
            reduction=self.reduction,
            pos_weight=self._buffers["pos_weight"],
        )


class NLLLoss(_Loss):
    """Minus the log-probability of the target class; :func:`cgrad.nn.functional.nll_loss`.

    Args:
        weight: a factor for each class, shape (C). Default: ones
        size_average, reduce: deprecated forms of ``reduction``.
        ignore_index: a target that counts for nothing. Default: -100
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input: log-probabilities, (C), (N, C) or (N, C, d1, d2, …).
        - Target: int64, (), (N) or (N, d1, d2, …). Output: a scalar, or the target's shape.
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction, weight=weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(
            input,
            target,
            self._buffers["weight"],
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class CrossEntropyLoss(_Loss):
    """Log-softmax and negative log-likelihood in one; :func:`cgrad.nn.functional.cross_entropy`.

    Args:
        weight: a factor for each class, shape (C). Default: ones
        size_average, reduce: deprecated forms of ``reduction``.
        ignore_index: a target that counts for nothing. Default: -100
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``
        label_smoothing: how much of the target is spread evenly over the classes. Default: 0

    Shape:
        - Input: logits, (C), (N, C) or (N, C, d1, d2, …).
        - Target: int64, (), (N) or (N, d1, d2, …), or probabilities of the input's shape.
        - Output: a scalar, or a loss per target without reduction.

    Example::

        >>> loss = cgrad.nn.CrossEntropyLoss()
        >>> round(loss(cgrad.zeros(3, 10), cgrad.tensor([1, 0, 9])).item(), 4)
        2.3026
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction, weight=weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            self._buffers["weight"],
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )
