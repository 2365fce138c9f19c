"""The normal distribution of vectors."""
from __future__ import annotations

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions._matrix import (
    batch_mv,
    log_diagonal,
    mahalanobis,
    precision_to_tril,
)
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import HALF_LOG_2PI, NONE, Shape, lazy_property, standard_normal

__all__ = ["MultivariateNormal"]


class MultivariateNormal(Distribution):
    """Normal vectors of mean `loc`, with a covariance given in one of three ways.

    Args:
        loc: (..., D).
        covariance_matrix: (..., D, D), positive definite.
        precision_matrix: its inverse.
        scale_tril: its Cholesky factor, lower triangular with a positive diagonal; what the
            computations use.

    Raises:
        ValueError: not exactly one matrix is given, or it or `loc` has too few dimensions.

    Example::

        >>> eye = cgrad.eye(2)
        >>> vectors = cgrad.distributions.MultivariateNormal(cgrad.zeros(2), eye)
        >>> vectors.log_prob(cgrad.zeros(2))
        tensor(-1.8379)
    """

    arg_constraints = {"loc": constraints.real_vector,
                       "covariance_matrix": constraints.positive_definite,
                       "precision_matrix": constraints.positive_definite,
                       "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, covariance_matrix: Tensor | None = None,
                 precision_matrix: Tensor | None = None, scale_tril: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix,
                 "scale_tril": scale_tril}
        matrices = [(name, matrix) for name, matrix in given.items() if matrix is not None]
        if len(matrices) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril "
                             "may be specified.")
        name, matrix = matrices[0]
        if matrix.ndim < 2:
            raise ValueError(f"{name} matrix must be at least two-dimensional, with optional "
                             "leading batch dimensions")
        batch = cgrad.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        self.loc = loc.expand((*batch, -1))
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = cgrad.linalg.cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = precision_to_tril(matrix)

    _unbroadcasted_scale_tril: Tensor        # what the matrix gave, before it was expanded

    def expand(self, batch_shape: Shape,
               _instance: MultivariateNormal | None = None) -> MultivariateNormal:
        """The same distributions with a larger batch."""
        new = self._expanded(MultivariateNormal, batch_shape, _instance, event={
            "loc": 1, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2})
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        return new

    def _batched(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        return self._batched(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        tril = self._unbroadcasted_scale_tril
        return self._batched(tril @ tril.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        return self._batched(cgrad.cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def mean(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance."""
        variance = self._unbroadcasted_scale_tril.square().sum(-1)
        return variance.expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """loc + L ε with ε standard normal."""
        noise = standard_normal(self._extended_shape(sample_shape), self.loc)
        tril = self._unbroadcasted_scale_tril
        if tril.ndim == 2:
            return self.loc + noise @ tril.mT
        return self.loc + batch_mv(tril, noise)

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        tril = self._unbroadcasted_scale_tril
        constant = self._event_shape[0] * HALF_LOG_2PI
        return -0.5 * mahalanobis(tril, value - self.loc) - (log_diagonal(tril) + constant)

    def entropy(self) -> Tensor:
        """D (1 + log 2π) / 2 + Σ log of the factor's diagonal"""
        constant = self._event_shape[0] * (0.5 + HALF_LOG_2PI)
        half = log_diagonal(self._unbroadcasted_scale_tril)
        return (half + constant).expand(self._batch_shape)
