"""Losses with their reductions."""

from __future__ import annotations

import math
import warnings

import cgrad
from cgrad import Tensor, _functions

__all__ = [
    "binary_cross_entropy_with_logits", "cross_entropy", "l1_loss", "mse_loss", "nll_loss",
]  # fmt: skip


def _reduction(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """Check ``reduction``, or derive it from the two deprecated arguments if they are given."""
    if size_average is not None or reduce is not None:
        size_average = True if size_average is None else size_average
        reduction = "none" if reduce is False else "mean" if size_average else "sum"
        warnings.warn(
            "size_average and reduce args will be deprecated, "
            f"please use reduction='{reduction}' instead.",
            stacklevel=3,
        )
    elif reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return loss.mean()
    return loss.sum() if reduction == "sum" else loss


def _warn_broadcast(input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({tuple(target.shape)}) that is different to the input size "
            f"({tuple(input.shape)}). This will likely lead to incorrect results due to "
            "broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )


def _weighted(loss: Tensor, weight: Tensor, reduction: str) -> Tensor:
    if weight.shape != loss.shape:
        raise ValueError("Weights and input must have the same size.")
    if reduction == "mean":
        return (loss * weight).sum() / weight.sum()
    return _reduce(loss * weight, reduction)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)², reduced.

    Args:
        input: any shape.
        target: the same shape; others are broadcast, with a warning.
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``
        weight: factors for the entries; the mean is then divided by their sum. Default: none
    """
    reduction = _reduction(reduction, size_average, reduce)
    _warn_broadcast(input, target)
    if weight is None and input.shape == target.shape:
        return _functions.mse_loss(input, target, reduction)
    loss = (input - target).square()
    return _reduce(loss, reduction) if weight is None else _weighted(loss, weight, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|, reduced; arguments as for :func:`mse_loss`."""
    reduction = _reduction(reduction, size_average, reduce)
    _warn_broadcast(input, target)
    if weight is None and input.shape == target.shape:
        return _functions.l1_loss(input, target, reduction)
    loss = (input - target).abs()
    return _reduce(loss, reduction) if weight is None else _weighted(loss, weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-[y log σ(x) + (1 - y) log(1 - σ(x))], computed without overflow.

    Args:
        input: logits x of any shape.
        target: y in [0, 1], the same shape.
        weight: factors that broadcast to the shape. Default: none
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``
        pos_weight: factors for the first term. Default: none

    Raises:
        ValueError: the shapes differ.
    """
    reduction = _reduction(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(
            f"Target size ({tuple(target.shape)}) must be the same as "
            f"input size ({tuple(input.shape)})"
        )
    return _functions.binary_cross_entropy_with_logits(
        input, target, weight, pos_weight, reduction
    )


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability of the target class, times its weight.

    Args:
        input: log-probabilities, shape (C), (N, C) or (N, C, d1, d2, …).
        target: int64 classes, shape (), (N) or (N, d1, d2, …).
        weight: a factor for each class, shape (C). Default: ones
        size_average, reduce: deprecated forms of ``reduction``.
        ignore_index: a target that counts for nothing. Default: -100
        reduction: ``"mean"`` (divided by the sum of the weights), ``"sum"`` or ``"none"``.

    Raises:
        ValueError: shapes do not fit.
        IndexError: a target is not a class.
    """
    reduction = _reduction(reduction, size_average, reduce)
    if input.dim() == 2:
        return _functions.nll_loss(input, target, weight, reduction, ignore_index)
    rows, classes, shape = _rows_of_classes(input, target)
    loss = _functions.nll_loss(rows, classes, weight, reduction, ignore_index)
    return loss.reshape(shape) if reduction == "none" else loss


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Minus the log of the softmax probability of the target class.

    Args:
        input: logits, shape (C), (N, C) or (N, C, d1, d2, …).
        target: int64 classes of shape (), (N) or (N, d1, d2, …), or probabilities of the shape
            of ``input``.
        weight: a factor for each class, shape (C). Default: ones
        size_average, reduce: deprecated forms of ``reduction``.
        ignore_index: a target that counts for nothing. Default: -100
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``
        label_smoothing: how much of the target is spread evenly over the classes, in [0, 1].

    Raises:
        ValueError: shapes do not fit, or ``label_smoothing`` is out of range.
        IndexError: a target is not a class.

    Example::

        >>> logits = cgrad.zeros(2, 4)
        >>> loss = cgrad.nn.functional.cross_entropy(logits, cgrad.tensor([0, 3]))
        >>> round(loss.item(), 4)
        1.3863
    """
    if size_average is not None or reduce is not None:
        reduction = _reduction(reduction, size_average, reduce)
    if input.dim() == 2 and target.dim() == 1:
        return _functions.cross_entropy(
            input, target, weight, reduction, ignore_index, label_smoothing
        )
    reduction = _reduction(reduction, None, None)
    if input.shape == target.shape and target.is_floating_point():
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    rows, classes, shape = _rows_of_classes(input, target)
    loss = _functions.cross_entropy(
        rows, classes, weight, reduction, ignore_index, label_smoothing
    )
    return loss.reshape(shape) if reduction == "none" else loss


def _soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float
) -> Tensor:
    """Cross entropy against given probabilities of the classes."""
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    dim = 0 if input.dim() == 1 else 1
    if label_smoothing > 0.0:
        target = target * (1 - label_smoothing) + label_smoothing / input.shape[dim]
    terms = cgrad.log_softmax(input, dim) * target
    if weight is not None:
        terms = terms * weight.reshape(-1, *(1,) * (input.dim() - dim - 1))
    loss = -terms.sum(dim)
    if reduction == "mean":
        return loss.sum() / (input.numel() // input.shape[dim])
    return loss.sum() if reduction == "sum" else loss


def _rows_of_classes(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Bring classes last: input to (M, C), target to (M), with the shape of a loss per entry."""
    if input.dim() == 0:
        raise ValueError("expected an input of shape (C), (N, C) or (N, C, d1, ...), got a scalar")
    shape = tuple(input.shape)
    expected = shape[2:] if input.dim() == 1 else (shape[0], *shape[2:])
    if tuple(target.shape) != expected:
        raise ValueError(
            f"Expected target of shape {expected} for input of shape {shape}, "
            f"got {tuple(target.shape)}"
        )
    if input.dim() > 2:
        input = input.movedim(1, -1)
    # Not -1 for the rows: there may be none.
    rows = math.prod(expected)
    return input.reshape(rows, -1 if rows else shape[1]), target.reshape(rows), expected
