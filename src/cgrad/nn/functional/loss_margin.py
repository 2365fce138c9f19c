"""Losses of pairs and triplets of vectors, and of rankings."""

from __future__ import annotations

from collections.abc import Callable

import cgrad
from cgrad import Tensor
from cgrad._composite.register import check_tensor, check_tensors
from cgrad.nn.functional.loss import _reduce, _reduction

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]  # fmt: skip


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos(x1, x2) where the target is 1, max(cos(x1, x2) - margin, 0) where it is -1.

    Args:
        input1, input2: shape (N, D) or (D).
        target: 1 or -1, shape (N) or ().
        margin: from which cosine on unlike vectors cost something, -1 to 1. Default: 0
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Example::

        >>> x = cgrad.tensor([[1.0, 0.0]])
        >>> cgrad.nn.functional.cosine_embedding_loss(x, -x, cgrad.tensor([1.0]))
        tensor(2.)
    """
    check_tensors("cosine_embedding_loss", target=target)
    reduction = _reduction(reduction, size_average, reduce)
    return cgrad.cosine_embedding_loss(input1, input2, target, margin, reduction)


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The input (a distance) where the target is 1, max(margin - input, 0) where it is -1.

    Example::

        >>> x, y = cgrad.tensor([0.25]), cgrad.tensor([-1.0])
        >>> cgrad.nn.functional.hinge_embedding_loss(x, y)
        tensor(0.7500)
    """
    check_tensor("hinge_embedding_loss", input)
    reduction = _reduction(reduction, size_average, reduce)
    return cgrad.hinge_embedding_loss(input, target, margin, reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(margin - target · (input1 - input2), 0): which of two scores is to be larger.

    Args:
        input1, input2: scores of one number of dimensions.
        target: 1 for the first, -1 for the second.
        margin: by how much. Default: 0
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Raises:
        RuntimeError: the numbers of dimensions differ.

    Example::

        >>> one = cgrad.ones(1)
        >>> cgrad.nn.functional.margin_ranking_loss(one, 2 * one, one)
        tensor(1.)
    """
    reduction = _reduction(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {tuple(input1.shape)}, input2: {tuple(input2.shape)}, target: "
            f"{tuple(target.shape)} "
        )
    return cgrad.margin_ranking_loss(input1, input2, target, margin, reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(d(anchor, positive) - d(anchor, negative) + margin, 0), d the p-norm distance.

    Args:
        anchor, positive, negative: vectors along the last dimension.
        margin: by how much the negative is to be farther away, above 0. Default: 1
        p, eps: as for :func:`pairwise_distance`.
        swap: take the positive for the anchor where it is nearer to the negative.
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Raises:
        ValueError: ``margin`` is not positive.
        RuntimeError: the numbers of dimensions differ.

    Example::

        >>> a, near, far = cgrad.zeros(1, 1), cgrad.ones(1, 1), 1.5 * cgrad.ones(1, 1)
        >>> cgrad.nn.functional.triplet_margin_loss(a, near, far).round(decimals=3)
        tensor(0.5000)
    """
    check_tensors("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    reduction = _reduction(reduction, size_average, reduce)
    if margin <= 0:
        raise ValueError(f"triplet_margin_loss: margin must be greater than 0, got {margin}")
    return cgrad.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """:func:`triplet_margin_loss` with a distance of one's own.

    Args:
        anchor, positive, negative: tensors of one number of dimensions.
        distance_function: of two tensors. Default: :func:`pairwise_distance`
        margin, swap, reduction: as for :func:`triplet_margin_loss`.

    Example::

        >>> a, near, far = cgrad.zeros(1, 1), cgrad.ones(1, 1), 1.5 * cgrad.ones(1, 1)
        >>> loss = cgrad.nn.functional.triplet_margin_with_distance_loss(a, near, far)
        >>> loss.round(decimals=3)
        tensor(0.5000)
    """
    reduction = _reduction(reduction, None, None)
    if margin <= 0:
        raise ValueError("triplet_margin_with_distance_loss: margin must be greater than 0, got "
                         f"{margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "triplet_margin_with_distance_loss: The anchor, positive, and negative tensors are "
            "expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    distance = distance_function or cgrad.pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = cgrad.minimum(far, distance(positive, negative))
    return _reduce((margin + near - far).clamp(min=0), reduction)
