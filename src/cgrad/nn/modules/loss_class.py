"""Losses of classes; the formulas are in :mod:`cgrad.nn.functional`."""
from __future__ import annotations

import math
from collections.abc import Sequence

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.linear import Linear
from cgrad.nn.modules.loss_value import _Loss, _WeightedLoss

__all__ = [
    "CTCLoss", "CrossEntropyLoss", "LinearCrossEntropyLoss", "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss",
]  # fmt: skip


class NLLLoss(_WeightedLoss):
    """Minus the log-probability of the target class; :func:`cgrad.nn.functional.nll_loss`.

    Args:
        weight: a factor for each class, shape (C). Default: ones
        size_average, reduce: deprecated forms of ``reduction``.
        ignore_index: a target that counts for nothing. Default: -100
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input: log-probabilities, (C), (N, C) or (N, C, d1, d2, …).
        - Target: int64, (), (N) or (N, d1, d2, …). Output: a scalar, or the target's shape.

    Example::

        >>> cgrad.nn.NLLLoss()(cgrad.tensor([[0.5, 0.5]]).log(), cgrad.tensor([0]))
        tensor(0.6931)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(
            input,
            target,
            self._buffers["weight"],
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class CrossEntropyLoss(_WeightedLoss):
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

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
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


class LinearCrossEntropyLoss(_Loss):
    """A linear layer and the cross entropy of its outputs.

    Args:
        in_features: size of the input vectors.
        num_classes: C.
        out_features: sizes d1, d2, … of a target of more dimensions. Default: ()
        bias: learn a bias. Default: ``False``
        device, dtype: of the parameters.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``
        weight: a factor for each class, shape (C). Default: ones
        ignore_index: a target that counts for nothing. Default: -100
        label_smoothing: how much of the target is spread evenly over the classes. Default: 0
        options: accepted without effect.

    Shape:
        - Input: (in_features), or (N, in_features).
        - Target: int64, () or (N, d1, d2, …), or probabilities, (C) or (N, C, d1, d2, …).
        - Output: a scalar, or a loss per target without reduction.

    Attributes:
        linear: the layer, with ``num_classes`` · d1 · d2 … outputs.

    Raises:
        RuntimeError: ``weight`` or ``label_smoothing`` does not fit.

    Example::

        >>> loss = cgrad.nn.LinearCrossEntropyLoss(4, 10)
        >>> loss(cgrad.ones(3, 4), cgrad.tensor([1, 2, 3])).shape
        cgrad.Size([])
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: object = None,
        dtype: object = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: object = None,
    ) -> None:
        if weight is not None and weight.shape != (num_classes,):
            raise RuntimeError(
                f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}"
            )
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(
                f"expected label_smoothing to be in range [0, 1], got {label_smoothing}"
            )
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.linear = Linear(
            in_features, math.prod(out_features, start=num_classes), bias, device, dtype
        )
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        sizes = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape(*sizes, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(sizes),
            weight=self._buffers["weight"],
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )


class MultiMarginLoss(_WeightedLoss):
    """Σ max(margin - x[target] + x[j], 0)^p / C over the classes j but the target.

    Args:
        p: 1 or 2. Default: 1
        margin: Default: 1
        weight: a factor for each class, shape (C). Default: ones
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input: scores, (N, C) or (C). Target: int64, (N) or ().
        - Output: a scalar, or the target's shape without reduction.

    Raises:
        ValueError: ``p`` is neither 1 nor 2, or ``weight`` is not a vector.

    Example::

        >>> cgrad.nn.MultiMarginLoss()(cgrad.tensor([[0.0, 0.5, 2.0]]), cgrad.tensor([2])).item()
        0.0
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        if p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        if weight is not None and weight.dim() != 1:
            raise ValueError(f"weight must be None or 1-dimensional, got {weight.dim()} dimensions")
        super().__init__(weight, size_average, reduce, reduction)
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(
            input,
            target,
            p=self.p,
            margin=self.margin,
            weight=self._buffers["weight"],
            reduction=self.reduction,
        )


class MultiLabelMarginLoss(_Loss):
    """Σ max(1 - (x[i] - x[j]), 0) / C over target classes i and all other classes j.

    Args:
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input: scores, (N, C) or (C).
        - Target: int64, the same: in each row the target classes; the first -1 ends them.
        - Output: a scalar, or (N) or () without reduction.

    Example::

        >>> x, target = cgrad.tensor([[0.0, 1.0, 0.5]]), cgrad.tensor([[1, -1, 0]])
        >>> round(cgrad.nn.MultiLabelMarginLoss()(x, target).item(), 4)
        0.1667
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean over the classes of the binary cross entropy of the logits.

    Args:
        weight: a factor for each class, shape (C). Default: ones
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input (logits) and target (in [0, 1]): (N, C). Output: a scalar, or (N) without reduction.

    Example::

        >>> loss = cgrad.nn.MultiLabelSoftMarginLoss()
        >>> round(loss(cgrad.zeros(2, 3), cgrad.ones(2, 3)).item(), 4)
        0.6931
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(
            input, target, self._buffers["weight"], reduction=self.reduction
        )


class CTCLoss(_Loss):
    """Connectionist temporal classification: :func:`cgrad.nn.functional.ctc_loss`.

    Minus the log-probability of label sequences, summed over all their alignments (Graves et al.,
    ICML 2006).

    Args:
        blank: the class that stands for no label. Default: 0
        reduction: ``"mean"`` (each loss divided by the length of its target), ``"sum"`` or
            ``"none"``. Default: ``"mean"``
        zero_infinity: count 0 for a target that does not fit into its input, not infinity.
            Default: ``False``

    Shape:
        - Log_probs: (T, N, C) or (T, C). Targets: (N, S), or all labels one after the other.
        - Input_lengths and target_lengths: (N) or (). Output: a scalar, or (N) or ().

    Example::

        >>> log_probs = cgrad.zeros(4, 1, 3).log_softmax(2)
        >>> loss = cgrad.nn.CTCLoss()(log_probs, cgrad.tensor([[1, 2]]), [4], [2])
        >>> round(loss.item(), 4)
        0.8432
    """

    def __init__(
        self,
        blank: int = 0,
        reduction: str = "mean",
        zero_infinity: bool = False,
    ) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(
        self,
        log_probs: Tensor,
        targets: Tensor,
        input_lengths: Tensor | Sequence[int] | int,
        target_lengths: Tensor | Sequence[int] | int,
    ) -> Tensor:
        return F.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            blank=self.blank,
            reduction=self.reduction,
            zero_infinity=self.zero_infinity,
        )
