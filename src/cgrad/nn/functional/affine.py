"""Linear maps."""

from __future__ import annotations

import cgrad
from cgrad import Tensor
from cgrad._functions import linear

__all__ = ["bilinear", "linear"]


def bilinear(
    input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """y[..., k] = Σ input1[..., i] weight[k, i, j] input2[..., j] + bias[k].

    Example::

        >>> cgrad.nn.functional.bilinear(cgrad.ones(1, 2), cgrad.ones(1, 3), cgrad.ones(1, 2, 3))
        tensor([[6.]])
    """
    return cgrad.bilinear(input1, input2, weight, bias)
