"""Distances and similarities; the formulas are in :mod:`cgrad.nn.functional`."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class PairwiseDistance(Module):
    """The p-norm of the difference of vectors, pair by pair.

    Args:
        p: of the norm, may be negative. Default: 2.0
        eps: added to the difference, against division by zero. Default: 1e-6
        keepdim: keep the last dimension with size 1. Default: ``False``

    Shape:
        - Inputs: (N, D) or (D). Output: (N) or a scalar; (N, 1) with ``keepdim``.

    Example::

        >>> cgrad.nn.PairwiseDistance()(cgrad.zeros(1, 2), cgrad.tensor([[3.0, 4.0]]))
        tensor([5.0000])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """x1 · x2 / max(|x1| |x2|, eps) along a dimension.

    Args:
        dim: the dimension of the vectors. Default: 1
        eps: least divisor. Default: 1e-8

    Shape:
        - Inputs: (*, D, *), D at ``dim``. Output: (*, *).

    Example::

        >>> cgrad.nn.CosineSimilarity(dim=0)(cgrad.tensor([1.0, 0.0]), cgrad.tensor([1.0, 1.0]))
        tensor(0.7071)
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
