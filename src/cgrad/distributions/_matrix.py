"""Batches of matrices and vectors, for distributions with a covariance."""
from __future__ import annotations

import cgrad
from cgrad import Tensor


def batch_mv(matrix: Tensor, vector: Tensor) -> Tensor:
    """matrix @ vector; both are batches that broadcast."""
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def mahalanobis(tril: Tensor, x: Tensor) -> Tensor:
    """Squared length of L⁻¹x for a batch of factors L and of vectors x that broadcast.

    Vectors that share a factor are the columns of one system.
    """
    if tril.ndim == 2 and x.ndim > 1:
        flat = x.reshape(-1, x.shape[-1])
        y = cgrad.linalg.solve_triangular(tril, flat.mT, upper=False)
        return y.square().sum(0).reshape(x.shape[:-1])
    y = cgrad.linalg.solve_triangular(tril, x.unsqueeze(-1), upper=False)
    return y.square().sum((-2, -1))


def log_diagonal(tril: Tensor) -> Tensor:
    """Σ log of the diagonal: half the logarithm of the covariance's determinant."""
    return tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def precision_to_tril(precision: Tensor) -> Tensor:
    """The Cholesky factor of the inverse.

    With rows and columns in the other order, P = F Fᵀ; turned back, F is an upper triangular U
    with P = U Uᵀ, and the inverse of P is U⁻ᵀ U⁻¹, whose factor is U⁻ᵀ.
    """
    factor = cgrad.linalg.cholesky(precision.flip(-2, -1))
    lower = factor.flip(-2, -1).mT
    eye = cgrad.eye(precision.shape[-1], dtype=precision.dtype)
    return cgrad.linalg.solve_triangular(lower, eye, upper=False)


def trace_of_product(tril: Tensor) -> Tensor:
    """Trace of L Lᵀ."""
    return tril.square().sum((-2, -1))
