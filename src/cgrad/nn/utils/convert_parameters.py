"""All parameters as one vector, and back."""
from __future__ import annotations

from collections.abc import Iterable

import cgrad
from cgrad import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Flatten the parameters and join them; differentiable.

    Example::

        >>> layer = cgrad.nn.Linear(2, 3)
        >>> cgrad.nn.utils.parameters_to_vector(layer.parameters()).shape
        cgrad.Size([9])
    """
    joined: Tensor = cgrad.cat([p.reshape(-1) for p in parameters])
    return joined


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give each parameter its stretch of ``vec`` as data, in order.

    Raises:
        TypeError: ``vec`` is no tensor.

    Example::

        >>> layer = cgrad.nn.Linear(2, 1, bias=False)
        >>> cgrad.nn.utils.vector_to_parameters(cgrad.tensor([1.0, 2.0]), layer.parameters())
        >>> layer.weight.tolist()
        [[1.0, 2.0]]
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected cgrad.Tensor, but got: {type(vec).__name__}")
    start = 0
    for p in parameters:
        end = start + p.numel()
        p.data = vec[start:end].view_as(p).data
        start = end
