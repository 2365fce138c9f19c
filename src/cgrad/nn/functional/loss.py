"""Losses of pairs of numbers, with their reductions."""

from __future__ import annotations

import math
import sys
import warnings

import cgrad
from cgrad import Tensor, _functions
from cgrad._composite.register import check_tensor, check_tensors

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "huber_loss",
    "kl_div", "l1_loss", "mse_loss", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss",
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
        loss = sys._getframe(1).f_code.co_name
        raise ValueError(f"{loss}: {reduction} is not a valid value for reduction")
    return reduction


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return loss.mean()
    return loss.sum() if reduction == "sum" else loss


def _warn_broadcast(input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size {tuple(target.shape)} that is different to the input size "
            f"{tuple(input.shape)}. This will likely lead to incorrect results due to "
            "broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )


def _weighted(input: Tensor, loss: Tensor, weight: Tensor, reduction: str) -> Tensor:
    if weight.shape != input.shape:
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

    Example::

        >>> cgrad.nn.functional.mse_loss(cgrad.tensor([0.0, 0.0]), cgrad.tensor([1.0, 3.0]))
        tensor(5.)
    """
    reduction = _reduction(reduction, size_average, reduce)
    _warn_broadcast(input, target)
    if weight is None and input.shape == target.shape:
        return _functions.mse_loss(input, target, reduction)
    loss = (input - target).square()
    return _reduce(loss, reduction) if weight is None else _weighted(input, loss, weight, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|, reduced; arguments as for :func:`mse_loss`.

    Example::

        >>> cgrad.nn.functional.l1_loss(cgrad.tensor([0.0, 0.0]), cgrad.tensor([1.0, 3.0]))
        tensor(2.)
    """
    reduction = _reduction(reduction, size_average, reduce)
    _warn_broadcast(input, target)
    if weight is None and input.shape == target.shape and input.is_floating_point():
        return _functions.l1_loss(input, target, reduction)
    loss = (input - target).abs()
    return _reduce(loss, reduction) if weight is None else _weighted(input, loss, weight, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d² / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere, d = input - target.

    Args:
        input, target, size_average, reduce, reduction: as for :func:`mse_loss`.
        beta: where the parabola ends; 0 is :func:`l1_loss`. Default: 1

    Raises:
        RuntimeError: ``beta`` is negative.

    Example::

        >>> x, y = cgrad.tensor([0.0, 0.0]), cgrad.tensor([0.5, 3.0])
        >>> cgrad.nn.functional.smooth_l1_loss(x, y)
        tensor(1.3125)
    """
    reduction = _reduction(reduction, size_average, reduce)
    _warn_broadcast(input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return _reduce((input - target).abs(), reduction)
    return _reduce(_functions.huber(input - target, beta), reduction) / beta


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """d² / 2 where |d| <= delta, delta (|d| - delta / 2) elsewhere, d = input - target.

    Args:
        input, target: as for :func:`mse_loss`.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``
        delta: where the parabola ends. Default: 1
        weight: factors for the entries, of their shape. Default: none

    Raises:
        RuntimeError: ``delta`` is not positive.

    Example::

        >>> cgrad.nn.functional.huber_loss(cgrad.tensor([0.0, 0.0]), cgrad.tensor([0.5, 3.0]))
        tensor(1.3125)
    """
    reduction = _reduction(reduction, None, None)
    _warn_broadcast(input, target)
    if not delta > 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    loss = _functions.huber(input - target, delta)
    if weight is not None:
        if weight.shape != input.shape:
            raise ValueError("Weights and input must have the same size.")
        loss = loss * weight
    return _reduce(loss, reduction)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target · input)) for targets of 1 and -1, computed without overflow.

    Example::

        >>> cgrad.nn.functional.soft_margin_loss(cgrad.zeros(2), cgrad.ones(2))
        tensor(0.6931)
    """
    reduction = _reduction(reduction, size_average, reduce)
    return _reduce(_functions.softplus(-target * input, 1.0, 40.0), reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target · (log target - input): the Kullback-Leibler divergence of log-probabilities.

    Args:
        input: log-probabilities, any shape.
        target: probabilities of the same shape; logarithms of them with ``log_target``.
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"batchmean"`` (the sum, divided by the first size), ``"mean"``, ``"sum"`` or
            ``"none"``. Default: ``"mean"``
        log_target: whether the target holds logarithms. Default: ``False``

    Example::

        >>> p = cgrad.tensor([0.5, 0.5])
        >>> cgrad.nn.functional.kl_div(p.log(), p, reduction="sum")
        tensor(0.)
    """
    check_tensors("kl_div", input=input, target=target)
    if size_average is not None or reduce is not None:
        reduction = _reduction(reduction, size_average, reduce)
    elif reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.",
            stacklevel=2,
        )
    batch = reduction == "batchmean"
    loss = cgrad.kl_div(input, target, "sum" if batch else reduction, log_target=log_target)
    return loss / input.shape[0] if batch and input.ndim else loss


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of counts under Poisson distributions.

    Args:
        input: logarithms of the rates, or the rates.
        target: the counts.
        log_input: exp(input) - target · input; else input - target · log(input + eps).
        full: add Stirling's approximation of log target!, where the target exceeds 1.
        size_average, reduce: deprecated forms of ``reduction``.
        eps: keeps the logarithm of a rate finite. Default: 1e-8
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Example::

        >>> cgrad.nn.functional.poisson_nll_loss(cgrad.zeros(1), cgrad.ones(1))
        tensor(1.)
    """
    check_tensor("poisson_nll_loss", input)
    reduction = _reduction(reduction, size_average, reduce)
    return cgrad.poisson_nll_loss(input, target, log_input, full, eps, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log var + (input - target)² / var) / 2: negative log-likelihood under normal distributions.

    Args:
        input, target: means and observations, one shape.
        var: a number, or variances of the shape of ``input``, or of one with its last size 1 or
            left out, or with one size 1.
        full: add log(2π) / 2. Default: ``False``
        eps: least variance; the gradient does not see the bound. Default: 1e-6
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Raises:
        ValueError: a variance is negative, or the shapes do not fit.

    Example::

        >>> one = cgrad.ones(1)
        >>> cgrad.nn.functional.gaussian_nll_loss(3 * one, one, 2 * one)
        tensor(1.3466)
    """
    if not isinstance(var, Tensor):
        var = cgrad.full_like(input, var)
    if bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif input.ndim != var.ndim or [
            y for x, y in zip(input.shape, var.shape) if x != y
        ] != [1]:
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"gaussian_nll_loss: {reduction} is not valid")
    fixed = var.detach()
    var = cgrad.where(fixed < eps, var + (eps - fixed), var)
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    return _reduce(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-[y log x + (1 - y) log(1 - x)] for probabilities x; the logarithms are at least -100.

    Args:
        input: probabilities x, any shape.
        target: y in [0, 1], the same shape.
        weight: factors that broadcast to the shape. Default: none
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``

    Raises:
        ValueError: the shapes differ.
        RuntimeError: an input or target is outside of [0, 1].

    Example::

        >>> p = cgrad.tensor([0.5, 0.5])
        >>> cgrad.nn.functional.binary_cross_entropy(p, cgrad.tensor([0.0, 1.0]))
        tensor(0.6931)
    """
    reduction = _reduction(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size {tuple(target.shape)} that is different to the input size "
            f"{tuple(input.shape)} is deprecated. Please ensure they have the same size."
        )
    if input.dtype != target.dtype:
        raise RuntimeError(f"Found dtype {target.dtype} but expected {input.dtype}")
    loss = _functions.binary_cross_entropy(input, target)
    return _reduce(loss if weight is None else loss * weight.expand(loss.shape), reduction)


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

    Example::

        >>> z = cgrad.zeros(2)
        >>> cgrad.nn.functional.binary_cross_entropy_with_logits(z, cgrad.tensor([0.0, 1.0]))
        tensor(0.6931)
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
