"""Dropout of channels, and dropout that keeps mean and variance (alpha dropout)."""
from __future__ import annotations

import math

import cgrad
from cgrad._composite.register import public
from cgrad._tensor.tensor import InPlace, Tensor

# What selu gives far below 0, -scale alpha: the value of a dropped entry (Klambauer et al., 2017)
DROPPED = -1.7580993408473766


def _mask(name: str, input: Tensor, p: float, features: bool) -> Tensor:
    """What is kept: for each entry, or for each channel, (N, C, 1, ...)."""
    shape = input.shape
    if features:
        if input.ndim < 2:
            raise RuntimeError(f"{name}: Feature dropout requires at least 2 dimensions in the "
                               "input")
        shape = shape[:2] + (1,) * (input.ndim - 2)
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"{name}: result type Float can't be cast to the desired output type "
                           f"{input.dtype}")
    return cgrad.empty(*shape, dtype=cgrad.bool).bernoulli_(1 - p)


def _nothing_to_do(p: float, train: bool, input: Tensor) -> bool:
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
    return p == 0 or not train or input.numel() == 0


def _alpha(name: str, input: Tensor, p: float, train: bool, features: bool) -> Tensor:
    if _nothing_to_do(p, train, input):
        return input
    if p == 1:
        return cgrad.where(_mask(name, input, p, features), input, 0.0)
    scale = 1 / math.sqrt((DROPPED * DROPPED * p + 1) * (1 - p))
    kept = cgrad.where(_mask(name, input, p, features), input, DROPPED)
    return kept * scale - DROPPED * p * scale


@public(method=False)
def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """alpha_dropout(input, p, train) -> Tensor

    Each entry becomes the lower limit of selu with probability `p`; then all are scaled and
    shifted so that a mean of 0 and a variance of 1 stay what they are.

    Example::

        >>> cgrad.alpha_dropout(cgrad.ones(3), 0.5, train=False)
        tensor([1., 1., 1.])
    """
    return _alpha("alpha_dropout", input, p, train, False)


@public(method=False)
def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """feature_alpha_dropout(input, p, train) -> Tensor

    :func:`alpha_dropout` of whole channels, the second dimension.

    Example::

        >>> cgrad.feature_alpha_dropout(cgrad.ones(1, 2, 3), 0.5, train=False)
        tensor([[[1., 1., 1.],
                 [1., 1., 1.]]])
    """
    return _alpha("feature_alpha_dropout", input, p, train, True)


@public(method=False)
def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """feature_dropout(input, p, train) -> Tensor

    Whole channels, the second dimension, become 0 with probability `p`; the others are divided by
    1 - p.

    Example::

        >>> cgrad.feature_dropout(cgrad.ones(1, 2, 3), 1.0, train=True)
        tensor([[[0., 0., 0.],
                 [0., 0., 0.]]])
    """
    if _nothing_to_do(p, train, input):
        return input
    scale = 1 / (1 - p) if p < 1 else 0.0
    return cgrad.where(_mask("feature_dropout", input, p, True), input * scale, 0.0)


def _in_place(function: InPlace, input: Tensor, p: float, train: bool) -> Tensor:
    return input if _nothing_to_do(p, train, input) else function(input, p, True)


@public(method=False)
def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """dropout_(input, p, train) -> Tensor: in-place version of :func:`dropout`.

    Example::

        >>> cgrad.dropout_(cgrad.ones(3), 1.0, train=True)
        tensor([0., 0., 0.])
    """
    return _in_place(InPlace(cgrad.dropout, "dropout_"), input, p, train)


@public(method=False)
def alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """alpha_dropout_(input, p, train) -> Tensor: in-place version of :func:`alpha_dropout`.

    Example::

        >>> cgrad.alpha_dropout_(cgrad.ones(3), 0.5, train=False)
        tensor([1., 1., 1.])
    """
    return _in_place(InPlace(alpha_dropout, "alpha_dropout_"), input, p, train)


@public(method=False)
def feature_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """feature_dropout_(input, p, train) -> Tensor: in-place version of :func:`feature_dropout`.

    Example::

        >>> cgrad.feature_dropout_(cgrad.ones(1, 2, 3), 1.0, train=True)
        tensor([[[0., 0., 0.],
                 [0., 0., 0.]]])
    """
    return _in_place(InPlace(feature_dropout, "feature_dropout_"), input, p, train)


@public(method=False)
def feature_alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """feature_alpha_dropout_(input, p, train) -> Tensor: in place, as the function.

    Example::

        >>> cgrad.feature_alpha_dropout_(cgrad.ones(1, 2, 3), 0.5, train=False)
        tensor([[[1., 1., 1.],
                 [1., 1., 1.]]])
    """
    return _in_place(InPlace(feature_alpha_dropout, "feature_alpha_dropout_"), input, p, train)
