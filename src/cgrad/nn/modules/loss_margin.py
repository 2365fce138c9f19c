"""Losses that compare scores or distances with a margin; formulas in :mod:`cgrad.nn.functional`."""
from __future__ import annotations

from collections.abc import Callable

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.distance import PairwiseDistance
from cgrad.nn.modules.loss_value import _Loss

__all__ = [
    "CosineEmbeddingLoss", "HingeEmbeddingLoss", "MarginRankingLoss", "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]  # fmt: skip


def _check_margin(margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")


class HingeEmbeddingLoss(_Loss):
    """input where the target is 1, max(margin - input, 0) where it is -1.

    The input is usually a distance: pairs that belong together come near, others apart.

    Args:
        margin: Default: 1
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input and target: any, the same. Output: a scalar, or that shape without reduction.

    Example::

        >>> distance, target = cgrad.tensor([0.25, 0.25]), cgrad.tensor([1.0, -1.0])
        >>> cgrad.nn.HingeEmbeddingLoss()(distance, target).item()
        0.5
    """

    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    """1 - cos(input1, input2) where the target is 1, max(cos - margin, 0) where it is -1.

    Args:
        margin: from -1 to 1. Default: 0
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Input1 and input2: (N, D) or (D). Target: (N) or ().
        - Output: a scalar, or the target's shape without reduction.

    Example::

        >>> x = cgrad.tensor([[1.0, 0.0]])
        >>> cgrad.nn.CosineEmbeddingLoss()(x, 2 * x, cgrad.ones(1)).item()
        0.0
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class MarginRankingLoss(_Loss):
    """max(margin - target · (input1 - input2), 0): which of two scores is to be larger.

    Args:
        margin: by how much. Default: 0
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Inputs and target (1 or -1): any, of one number of dimensions.
        - Output: a scalar, or the broadcast shape without reduction.

    Example::

        >>> loss = cgrad.nn.MarginRankingLoss(margin=1.0)
        >>> loss(cgrad.ones(1), cgrad.zeros(1), -cgrad.ones(1)).item()
        2.0
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class TripletMarginLoss(_Loss):
    """max(d(anchor, positive) - d(anchor, negative) + margin, 0), d the p-norm distance.

    Balntas et al., Learning local feature descriptors with triplets, BMVC 2016.

    Args:
        margin: by how much the negative is to be farther away, above 0. Default: 1
        p: the norm. Default: 2
        eps: added to each difference. Default: 1e-6
        swap: take the positive for the anchor where it is nearer to the negative.
            Default: ``False``
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Anchor, positive and negative: (N, D) or (D). Output: a scalar, or (N) or ().

    Raises:
        ValueError: ``margin`` is not positive.

    Example::

        >>> near, far = cgrad.zeros(1, 2), cgrad.full((1, 2), 3.0)
        >>> cgrad.nn.TripletMarginLoss()(near, near, far).item()
        0.0
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        _check_margin(margin)
        super().__init__(size_average, reduce, reduction)
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


class TripletMarginWithDistanceLoss(_Loss):
    """:class:`TripletMarginLoss` with a distance of one's own.

    Args:
        distance_function: of two tensors. Default: :class:`PairwiseDistance`
        margin, swap: as for :class:`TripletMarginLoss`.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Shape:
        - Anchor, positive and negative: as the distance takes them. Output: a scalar, or its shape.

    Raises:
        ValueError: ``margin`` is not positive.

    Example::

        >>> def far(x, y):
        ...     return (x - y).abs().amax(-1)
        >>> loss = cgrad.nn.TripletMarginWithDistanceLoss(distance_function=far)
        >>> x = cgrad.zeros(1, 2)
        >>> loss(x, x, x).item()
        1.0
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        _check_margin(margin)
        super().__init__(reduction=reduction)
        self.distance_function = distance_function or PairwiseDistance()
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
