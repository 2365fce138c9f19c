"""Losses of classes: one of many, several of many, sequences of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cgrad
from cgrad import Tensor, _functions
from cgrad._composite.register import check_tensors
from cgrad.nn.functional.loss import _reduce, _reduction

__all__ = [
    "cross_entropy", "ctc_loss", "linear_cross_entropy", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss",
]  # fmt: skip


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

    Example::

        >>> log_probs = cgrad.tensor([[0.5, 0.5]]).log()
        >>> cgrad.nn.functional.nll_loss(log_probs, cgrad.tensor([0]))
        tensor(0.6931)
    """
    if not (isinstance(input, Tensor) and isinstance(target, Tensor)):
        check_tensors("nll_loss", input=input, target=target)
    reduction = _reduction(reduction, size_average, reduce)
    if input.dim() == 2 and target.dim() == 1:
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
    if not (isinstance(input, Tensor) and isinstance(target, Tensor)):
        check_tensors("cross_entropy", input=input, target=target)
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


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: object = None,
) -> Tensor:
    """Cross entropy of ``input @ linear_weight.T + linear_bias``.

    Args:
        input: shape (H) or (N, H).
        linear_weight, linear_bias: shape (C, d1, …, H) and (C, d1, …); no bias by default.
        target, weight, reduction, ignore_index, label_smoothing: as for :func:`cross_entropy`.
        options: accepted without effect.

    Raises:
        RuntimeError: shapes do not fit, or ``ignore_index`` is given with probabilities.

    Example::

        >>> x, weight = cgrad.zeros(2, 3), cgrad.zeros(4, 3)
        >>> cgrad.nn.functional.linear_cross_entropy(x, weight, cgrad.tensor([0, 3]))
        tensor(1.3863)
    """
    if input.ndim not in (1, 2):
        raise RuntimeError("linear_cross_entropy: expected input with dimensionality 1 or 2, got "
                           f"{input.ndim}")
    if linear_weight.ndim < 2:
        raise RuntimeError("linear_cross_entropy: expected linear_weight with dimensionality at "
                           f"least 2, got {linear_weight.ndim}")  # fmt: skip
    if input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(
            "linear_cross_entropy: expected equal input and linear_weight last dimensions "
            f"(in_features), got {input.shape[-1]} and {linear_weight.shape[-1]}, respectively"
        )
    outputs = linear_weight.shape[:-1]
    if linear_bias is not None:
        if linear_bias.shape != outputs:
            raise RuntimeError("linear_cross_entropy: expected linear_bias shape "
                               f"{tuple(outputs)}, got {tuple(linear_bias.shape)}")  # fmt: skip
        linear_bias = linear_bias.reshape(-1)
    if len(outputs) > 1 and input.ndim == 1:
        raise RuntimeError(
            "linear_cross_entropy: K-dimensional loss defined by linear_weight shape "
            f"{tuple(linear_weight.shape)} requires batched input, (N, {input.shape[-1]}), got "
            f"unbatched input with shape {tuple(input.shape)}"
        )
    shape = (*input.shape[:-1], *outputs)
    if ignore_index is not None and target.shape == shape:
        raise RuntimeError("linear_cross_entropy: ignore_index cannot be specified when target "
                           "contains probabilities")
    logits = _functions.linear(input, linear_weight.flatten(0, -2), linear_bias).reshape(shape)
    return cross_entropy(
        logits, target, weight, ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction, label_smoothing=label_smoothing,
    )  # fmt: skip


def _soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float
) -> Tensor:
    """Cross entropy against given probabilities of the classes."""
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    dim = 0 if input.dim() == 1 else 1
    if label_smoothing > 0.0:
        classes = max(input.shape[dim], 1)
        target = target * (1 - label_smoothing) + label_smoothing / classes
    terms = cgrad.log_softmax(input, dim) * target
    if weight is not None:
        terms = terms * weight.reshape(-1, *(1,) * (input.dim() - dim - 1))
    return _reduce(-terms.sum(dim), reduction)


def _rows_of_classes(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Bring classes last: input to (M, C), target to (M), with the shape of a loss per entry."""
    if input.dim() == 0:
        raise RuntimeError(
            "expected an input of shape (C), (N, C) or (N, C, d1, ...), got a scalar"
        )
    shape = tuple(input.shape)
    expected = shape[2:] if input.dim() == 1 else (shape[0], *shape[2:])
    if tuple(target.shape) != expected:
        batch = target.shape[0] if target.dim() else 0
        if input.dim() > 1 and batch != shape[0]:
            raise ValueError(
                f"Expected input batch_size ({shape[0]}) to match target batch_size ({batch})."
            )
        raise RuntimeError(
            f"Expected target of shape {expected} for input of shape {shape}, "
            f"got {tuple(target.shape)}"
        )
    if input.dim() > 2:
        input = input.movedim(1, -1)
    # Not -1 for the rows: there may be none.
    rows = math.prod(expected)
    return input.reshape(rows, -1 if rows else shape[1]), target.reshape(rows), expected


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ_j w_y max(margin - x_y + x_j, 0)^p / C over the classes j that are not the target y.

    Args:
        input: scores x, shape (N, C) or (C).
        target: int64 classes, shape (N) or ().
        p: 1 or 2. Default: 1
        margin: by how much the target's score is to exceed the others. Default: 1
        weight: a factor for each class, shape (C). Default: ones
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Raises:
        ValueError: ``p`` is neither 1 nor 2, or ``weight`` is not one-dimensional.
        RuntimeError: shapes do not fit, or a target is not a class.

    Example::

        >>> scores = cgrad.tensor([[1.0, 3.0]])
        >>> cgrad.nn.functional.multi_margin_loss(scores, cgrad.tensor([0]))
        tensor(1.5000)
    """
    check_tensors("multi_margin_loss", input=input, target=target)
    reduction = _reduction(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported, not {p}")
    if weight is not None and weight.ndim != 1:
        raise ValueError("multi_margin_loss: weight must be one-dimensional, not "
                         f"{list(weight.shape)}")  # fmt: skip
    rows, classes = _scores("multi_margin_loss", input)
    _check_classes("multi_margin_loss", target)
    if target.ndim > 1 or target.numel() != len(rows):
        raise RuntimeError(f"multi_margin_loss: inconsistent target size, expected {len(rows)} but "
                           f"got {list(target.shape)}")
    if weight is not None and weight.numel() != classes:
        raise RuntimeError(f"multi_margin_loss: inconsistent weight size, expected {classes} but "
                           f"got {list(weight.shape)}")
    if bool(((target < 0) | (target >= classes)).any()):
        raise RuntimeError("multi_margin_loss: target out of range")
    y = target.reshape(-1, 1)
    over = cgrad.relu(margin - rows.gather(1, y) + rows)
    loss = over if p == 1 else over.square()
    if weight is not None:
        loss = loss * weight[y]
    loss = cgrad.where(cgrad.arange(classes) == y, 0.0, loss).sum(1) / classes
    return _reduce(loss if target.ndim else loss.reshape(()), reduction)


def _scores(name: str, input: Tensor) -> tuple[Tensor, int]:
    """Scores as rows, and the number of classes."""
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f"{name}: not implemented for {input.dtype}")
    if input.ndim > 2 or (input.ndim and input.shape[-1] == 0):
        raise RuntimeError(f"{name}: Expected non-empty vector or matrix with optional 0-dim batch "
                           f"size, but got: {list(input.shape)}")
    classes = input.shape[-1] if input.ndim else 1
    return input if input.ndim == 2 else input.reshape(1, classes), classes


def _check_classes(name: str, target: Tensor) -> None:
    if target.dtype != cgrad.int64:
        raise RuntimeError(f"{name}: expected a target of dtype int64 but found {target.dtype}")


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ max(1 - x_y + x_j, 0) / C over the target classes y and the other classes j.

    Args:
        input: scores x, shape (N, C) or (C).
        target: int64, the same shape: in each row the target classes; the first -1 ends them.
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Raises:
        RuntimeError: shapes do not fit, or a target is neither a class nor -1.

    Example::

        >>> scores = cgrad.tensor([[1.0, 3.0]])
        >>> cgrad.nn.functional.multilabel_margin_loss(scores, cgrad.tensor([[0, -1]]))
        tensor(1.5000)
    """
    check_tensors("multilabel_margin_loss", input=input, target=target)
    reduction = _reduction(reduction, size_average, reduce)
    rows, classes = _scores("multilabel_margin_loss", input)
    if target.shape != input.shape and (input.ndim == 2 or target.numel() != classes):
        raise RuntimeError("multilabel_margin_loss: inconsistent target size: "
                           f"{list(target.shape)} for input of size: {list(input.shape)}")
    if bool(((target < -1) | (target >= classes)).any()):
        raise RuntimeError("multilabel_margin_loss: target out of range")
    _check_classes("multilabel_margin_loss", target)
    y = target.reshape(rows.shape)
    named = (y < 0).cumsum(1) == 0
    y = cgrad.where(named, y, 0)
    wanted = cgrad.zeros_like(y).scatter_add(1, y, named.to(y.dtype)) > 0
    over = cgrad.relu(1 - rows.gather(1, y).unsqueeze(2) + rows.unsqueeze(1))
    counts = named.unsqueeze(2) & ~wanted.unsqueeze(1)
    loss = cgrad.where(counts, over, 0.0).sum((1, 2)) / classes
    return _reduce(loss if input.ndim == 2 else loss.reshape(()), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-[y log σ(x) + (1 - y) log(1 - σ(x))], the mean over the last dimension, then reduced.

    Args:
        input: scores x, shape (N, C).
        target: y in [0, 1], the same shape.
        weight: factors that broadcast to the shape. Default: none
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Example::

        >>> scores = cgrad.zeros(1, 2)
        >>> cgrad.nn.functional.multilabel_soft_margin_loss(scores, cgrad.tensor([[1.0, 0.0]]))
        tensor(0.6931)
    """
    reduction = _reduction(reduction, size_average, reduce)
    softplus = _functions.softplus
    loss = target * softplus(-input, 1.0, 40.0) + (1 - target) * softplus(input, 1.0, 40.0)
    if weight is not None:
        loss = loss * weight
    return _reduce(loss.sum(-1) / input.shape[-1], reduction)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int] | int,
    target_lengths: Tensor | Sequence[int] | int,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Connectionist temporal classification: minus the log-probability of label sequences.

    Args:
        log_probs: logarithms of probabilities, shape (T, N, C) or (T, C).
        targets: labels, shape (N, S), or those of all sequences one after the other.
        input_lengths, target_lengths: lengths of the sequences, shape (N) or ().
        blank: the class that stands for no label. Default: 0
        reduction: ``"mean"`` (each loss divided by the length of its target), ``"sum"`` or
            ``"none"``. Default: ``"mean"``
        zero_infinity: count 0 for a target that does not fit into its input, not infinity.

    Raises:
        RuntimeError: shapes, lengths or labels do not fit.

    Example::

        >>> log_probs = cgrad.zeros(4, 1, 3).log_softmax(2)
        >>> lengths = (cgrad.tensor([4]), cgrad.tensor([2]))
        >>> cgrad.nn.functional.ctc_loss(log_probs, cgrad.tensor([[1, 2]]), *lengths)
        tensor(0.8432)
    """
    check_tensors("ctc_loss", log_probs=log_probs)
    return cgrad.ctc_loss(
        log_probs, targets, input_lengths, target_lengths, blank,
        _reduction(reduction, None, None), zero_infinity,
    )  # fmt: skip
