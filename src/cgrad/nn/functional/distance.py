"""Distances and directions of vectors."""

from __future__ import annotations

import cgrad
from cgrad import Tensor

__all__ = [
    "cosine_similarity", "normalize", "pairwise_distance", "pdist",
]  # fmt: skip

cosine_similarity = cgrad.cosine_similarity
pairwise_distance = cgrad.pairwise_distance
pdist = cgrad.pdist


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """x / max(‖x‖_p, eps) along ``dim``.

    Args:
        input: any shape.
        p: which norm. Default: 2
        dim: the dimension, or several, over which the norm is taken. Default: 1
        eps: least divisor. Default: 1e-12
        out: where to write the result; then no gradient may be asked for.

    Example::

        >>> cgrad.nn.functional.normalize(cgrad.tensor([3.0, 4.0]), dim=0)
        tensor([0.6000, 0.8000])
    """
    result = input / input.norm(p, dim, keepdim=True).clamp(min=eps)
    return result if out is None else out.copy_(result)
