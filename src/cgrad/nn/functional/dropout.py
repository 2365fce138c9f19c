"""Dropout: entries set to zero at random while training."""

from __future__ import annotations

from cgrad import Tensor, _functions
from cgrad.nn.functional.activation import into

__all__ = [
    "dropout",
]  # fmt: skip


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
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0.0:
        return input
    return into(input, _functions.dropout(input, p, True), inplace)
