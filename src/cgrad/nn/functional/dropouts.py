"""Dropout: entries or channels lost at random while training."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import cgrad
from cgrad import Tensor

__all__ = [
    "alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout",
]  # fmt: skip


def _check(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero each entry with probability ``p`` and divide the others by 1 - p.

    Args:
        input: any shape.
        p: probability of a zero. Default: 0.5
        training: without it the input is returned unchanged. Default: ``True``
        inplace: overwrite the input. Default: ``False``

    Raises:
        ValueError: ``p`` is not between 0 and 1.

    Example::

        >>> cgrad.nn.functional.dropout(cgrad.ones(3), 0.5, training=False)
        tensor([1., 1., 1.])
    """
    _check(p)
    if not training or p == 0.0:
        return input
    return (cgrad.dropout_ if inplace else cgrad.dropout)(input, p, training)


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout that keeps a mean of 0 and a variance of 1, for selu (Klambauer et al., 2017).

    Args:
        input, p, inplace: as for :func:`dropout`.
        training: without it the input is returned unchanged. Default: ``False``

    Example::

        >>> cgrad.nn.functional.alpha_dropout(cgrad.ones(3), 0.5, training=False)
        tensor([1., 1., 1.])
    """
    _check(p)
    return (cgrad.alpha_dropout_ if inplace else cgrad.alpha_dropout)(input, p, training)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """:func:`alpha_dropout` of whole channels: input of shape (N, C, …).

    Example::

        >>> cgrad.nn.functional.feature_alpha_dropout(cgrad.ones(1, 2), 0.5, training=False)
        tensor([[1., 1.]])
    """
    _check(p)
    function: Callable[[Tensor, float, bool], Tensor] = cgrad.feature_alpha_dropout
    if inplace:
        function = cgrad.feature_alpha_dropout_
    return function(input, p, training)


def _channels(input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    return (cgrad.feature_dropout_ if inplace else cgrad.feature_dropout)(input, p, training)


def _maybe_batch(input: Tensor, p: float, training: bool, inplace: bool, batched: bool) -> Tensor:
    # Without a batch the first dimension holds the channels.
    if batched:
        return _channels(input, p, training, inplace)
    result = _channels(input.unsqueeze(0), p, training, inplace)
    return input if inplace else result.squeeze(0)


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels with probability ``p`` and divide the others by 1 - p.

    Args:
        input: shape (N, C, L) or (C, L).
        p, training, inplace: as for :func:`dropout`.

    Raises:
        ValueError: ``p`` is not between 0 and 1.
        RuntimeError: the input has neither 2 nor 3 dimensions.

    Example::

        >>> cgrad.nn.functional.dropout1d(cgrad.ones(1, 2), 0.5, training=False)
        tensor([[1., 1.]])
    """
    _check(p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, "
            "a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    return _maybe_batch(input, p, training, inplace, input.ndim == 3)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels with probability ``p``: input of shape (N, C, H, W).

    An input of 3 dimensions is taken as (N, C, L), with a warning; as in PyTorch.

    Example::

        >>> cgrad.nn.functional.dropout2d(cgrad.ones(1, 1, 2, 2), 1.0)
        tensor([[[[0., 0.],
                  [0., 0.]]]])
    """
    _check(p)
    if input.ndim not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.ndim}-D input to dropout2d, which is deprecated and "
            "will result in an error in a future release. To retain the behavior and silence this "
            "warning, please use dropout instead.",
            stacklevel=2,
        )
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D "
            "dropout behavior is desired - input is interpreted as shape (N, C, L), where C is "
            "the channel dim. To maintain the 1D channel-wise dropout behavior, please switch to "
            "using dropout1d instead.",
            stacklevel=2,
        )
    return _channels(input, p, training, inplace)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels with probability ``p``: input of shape (N, C, D, H, W) or (C, D, H, W).

    Example::

        >>> cgrad.nn.functional.dropout3d(cgrad.ones(1, 1, 1, 2), 1.0)
        tensor([[[[0., 0.]]]])
    """
    _check(p)
    if input.ndim not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.ndim}-D input to dropout3d, which is deprecated and "
            "will result in an error in a future release. To retain the behavior and silence this "
            "warning, please use dropout instead.",
            stacklevel=2,
        )
    return _maybe_batch(input, p, training, inplace, input.ndim == 5)
