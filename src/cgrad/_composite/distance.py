"""Distances and angles between vectors; all have second derivatives, also at 0."""
from __future__ import annotations

import numpy as np

import cgrad
from cgrad._composite.register import check_tensor, check_tensors, public
from cgrad._tensor.tensor import Tensor


@public(method=False)
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-08) -> Tensor:
    """cosine_similarity(x1, x2, dim=1, eps=1e-08) -> Tensor

    The cosine of the angle between vectors along `dim`: the sum of x1 x2 over the product of the
    lengths, each at least `eps`.  Inputs are broadcast.  The gradient takes the bound for the
    length itself, as PyTorch does, so that a vector of length 0 has a finite one.

    Example::

        >>> cgrad.cosine_similarity(cgrad.tensor([1.0, 0.0]), cgrad.tensor([3.0, 4.0]), dim=0)
        tensor(0.6000)
    """
    check_tensors("cosine_similarity", x1=x1, x2=x2)
    if not x1.dtype.is_floating_point:
        x1 = x1.to(x2.dtype)
    if not x2.dtype.is_floating_point:
        x2 = x2.to(x1.dtype)
    if not x1.dtype.is_floating_point:
        raise RuntimeError("cosine_similarity: expected common dtype to be floating point, yet "
                           f"common dtype is {x1.dtype}")
    x1, x2 = cgrad.broadcast_tensors(x1, x2)
    return (_unit(x1, dim, eps) * _unit(x2, dim, eps)).sum(dim)


def _unit(x: Tensor, dim: int, eps: float) -> Tensor:
    length = x.norm(2, dim, keepdim=True)
    fixed = length.detach()
    return x / (length + (fixed.clamp(min=eps) - fixed))


@public(method=False)
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False
) -> Tensor:
    """pairwise_distance(x1, x2, p=2, eps=1e-06, keepdim=False) -> Tensor

    The p-norm of x1 - x2 + eps over the last dimension; inputs are broadcast.

    Example::

        >>> cgrad.pairwise_distance(cgrad.zeros(2, 3), cgrad.ones(2, 3))
        tensor([1.7320, 1.7320])
    """
    return (x1 - x2 + eps).norm(p, -1, keepdim)


@public(method=False)
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """pdist(input, p=2) -> Tensor

    The p-norm distances between the rows of an (N, M) matrix: those of rows 0 and 1, 0 and 2, ...,
    N-2 and N-1, a vector of N (N - 1) / 2.

    Example::

        >>> cgrad.pdist(cgrad.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]))
        tensor([ 5., 10.,  5.])
    """
    check_tensor("pdist", input)
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if not input.dtype.is_floating_point:
        raise RuntimeError("pdist only supports floating-point dtypes")
    if not p >= 0:
        raise RuntimeError(f"pdist only supports non-negative p values, but got p={p}")
    i, j = map(cgrad.from_numpy, np.triu_indices(input.shape[0], 1))
    return (input[i] - input[j]).norm(p, 1)
