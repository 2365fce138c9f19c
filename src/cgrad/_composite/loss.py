"""Losses that PyTorch has beside nn.functional, composed of the table's operations.

`reduction` is a name, or PyTorch's number for it: 0 "none", 1 "mean", 2 "sum".  The default is
"none", as PyTorch has it here.
"""
from __future__ import annotations

import math
import sys

import cgrad
from cgrad._composite.register import check_tensor, check_tensors, public
from cgrad._engine.loss import binary_cross_entropy_with_logits as _with_logits
from cgrad._tensor.tensor import Tensor

REDUCTIONS = ("none", "mean", "sum")


def reduced(loss: Tensor, reduction: str | int) -> Tensor:
    """The losses, or their mean or sum; ValueError for another `reduction`."""
    if reduction in ("mean", 1):
        return loss.mean()
    if reduction in ("sum", 2):
        return loss.sum()
    if reduction not in ("none", 0):
        name = sys._getframe(1).f_code.co_name
        raise ValueError(f"{name}: {reduction} is not a valid value for reduction")
    return loss


@public(method=False)
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: str | int = 0,
) -> Tensor:
    """binary_cross_entropy_with_logits(input, target, weight=None, pos_weight=None, reduction=0)
    -> Tensor

    -[p y log s(x) + (1 - y) log(1 - s(x))], s the sigmoid, p `pos_weight`, times `weight`.

    Example::

        >>> cgrad.binary_cross_entropy_with_logits(cgrad.zeros(2), cgrad.ones(2), reduction=1)
        tensor(0.6931)
    """
    return reduced(_with_logits(input, target, weight, pos_weight, "none"), reduction)


@public(method=False)
def kl_div(
    input: Tensor, target: Tensor, reduction: str | int = 0, *, log_target: bool = False
) -> Tensor:
    """kl_div(input, target, reduction=0, *, log_target=False) -> Tensor

    Terms of the Kullback-Leibler divergence: target (log target - input) for log-probabilities
    `input`; with `log_target`, e^target (target - input).  A target of 0 has term 0.

    Example::

        >>> p = cgrad.tensor([0.5, 0.5])
        >>> cgrad.kl_div(p.log(), p)
        tensor([0., 0.])
    """
    check_tensors("kl_div", input=input, target=target)
    if not input.dtype.is_floating_point or not target.dtype.is_floating_point:
        raise RuntimeError("kl_div: Integral inputs not supported.")
    if log_target:
        return reduced(target.exp() * (target - input), reduction)
    zero = target == 0
    entropy = target * cgrad.where(zero, 1.0, target).log()
    return reduced(entropy - target * input, reduction)


@public(method=False)
def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: str | int
) -> Tensor:
    """poisson_nll_loss(input, target, log_input, full, eps, reduction) -> Tensor

    Negative log-likelihood of counts `target` under the rate e^input (`log_input`) or `input`:
    e^input - target input, or input - target log(input + eps).  `full` adds Stirling's formula
    for log target! where the target exceeds 1.

    Example::

        >>> cgrad.poisson_nll_loss(cgrad.zeros(1), cgrad.ones(1), True, False, 1e-8, 1)
        tensor(1.)
    """
    if log_input:
        loss = input.exp() - target * input
    else:
        loss = input - target * (input + eps).log()
    if full:
        large = cgrad.where(target > 1, target, 1.0)
        stirling = large * large.log() - large + 0.5 * (2 * math.pi * large).log()
        loss = loss + cgrad.where(target > 1, stirling, 0.0)
    return reduced(loss, reduction)


@public(method=False)
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    reduction: str | int = 0,
) -> Tensor:
    """cosine_embedding_loss(input1, input2, target, margin=0, reduction=0) -> Tensor

    1 - cos(input1, input2) where the target is 1, max(cos - margin, 0) where it is -1.  Inputs of
    shape (N, D) have targets (N), inputs (D) a target ().

    Example::

        >>> x = cgrad.tensor([[1.0, 0.0]])
        >>> cgrad.cosine_embedding_loss(x, -x, cgrad.tensor([1.0]))
        tensor([2.])
    """
    check_tensors("cosine_embedding_loss", target=target)
    n = target.ndim
    if n > 1:
        raise RuntimeError("cosine_embedding_loss: 0D or 1D target tensor expected, multi-target "
                           "not supported")
    if input1.ndim != n + 1 or input2.ndim != n + 1:
        raise RuntimeError(f"cosine_embedding_loss: {n}D target tensor expects {n + 1}D input "
                           f"tensors, but found inputs with sizes {list(input1.shape)} and "
                           f"{list(input2.shape)}.")
    tiny = 1e-12
    product = (input1 * input2).sum(n)
    cosine = product / (((input1 * input1).sum(n) + tiny)
                        * ((input2 * input2).sum(n) + tiny)).sqrt()
    loss = (cgrad.where(target == 1, 1 - cosine, 0.0)
            + cgrad.where(target == -1, (cosine - margin).clamp(min=0), 0.0))
    return reduced(loss, reduction)


@public(method=False)
def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, reduction: str | int = 0
) -> Tensor:
    """hinge_embedding_loss(input, target, margin=1, reduction=0) -> Tensor

    The input where the target is 1, max(margin - input, 0) where it is -1.

    Example::

        >>> cgrad.hinge_embedding_loss(cgrad.tensor([0.25]), cgrad.tensor([-1.0]))
        tensor([0.7500])
    """
    check_tensor("hinge_embedding_loss", input)
    loss = (cgrad.where(target != 1, (margin - input).clamp(min=0), 0)
            + cgrad.where(target != -1, input, 0))
    return reduced(loss, reduction)


@public(method=False)
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    reduction: str | int = 0,
) -> Tensor:
    """margin_ranking_loss(input1, input2, target, margin=0, reduction=0) -> Tensor

    max(margin - target (input1 - input2), 0), for a target of 1 where the first is to be larger and
    -1 where the second is.

    Example::

        >>> one = cgrad.ones(1)
        >>> cgrad.margin_ranking_loss(one, 2 * one, one)
        tensor([1.])
    """
    return reduced((-target * (input1 - input2) + margin).clamp(min=0), reduction)


@public(method=False)
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-06,
    swap: bool = False,
    reduction: str | int = 0,
) -> Tensor:
    """triplet_margin_loss(anchor, positive, negative, margin=1, p=2, eps=1e-06, swap=False,
    reduction=0) -> Tensor

    max(d(anchor, positive) - d(anchor, negative) + margin, 0), d the :func:`pairwise_distance`;
    with `swap` the negative's distance is the smaller one of those to anchor and positive.

    Example::

        >>> a = cgrad.zeros(1, 2)
        >>> cgrad.triplet_margin_loss(a, a + 3, a + 4).round(decimals=2)
        tensor([0.])
    """
    check_tensors("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError("triplet_margin_loss: The anchor, positive, and negative tensors are "
                           "expected to have the same number of dimensions, but got: anchor "
                           f"{anchor.ndim}D, positive {positive.ndim}D, and negative "
                           f"{negative.ndim}D inputs")
    if not margin > 0:
        raise RuntimeError(f"triplet_margin_loss: margin must be greater than 0, got {margin}")
    near = cgrad.pairwise_distance(anchor, positive, p, eps)
    far = cgrad.pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = cgrad.minimum(far, cgrad.pairwise_distance(positive, negative, p, eps))
    return reduced((margin + near - far).clamp(min=0), reduction)
