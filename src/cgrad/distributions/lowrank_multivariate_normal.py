"""Normal vectors whose covariance is a diagonal and a matrix of small rank."""
from __future__ import annotations

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions._matrix import batch_mv, log_diagonal, mahalanobis
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import HALF_LOG_2PI, NONE, Shape, lazy_property, standard_normal

__all__ = ["LowRankMultivariateNormal"]


class LowRankMultivariateNormal(Distribution):
    """Normal vectors of covariance W Wᵀ + diag(d): a few common factors and noise.

    By Woodbury's identity and the matrix determinant lemma only the small *capacitance*
    I + Wᵀ diag(d)⁻¹ W is factorized.

    Args:
        loc: (..., D).
        cov_factor: W, (..., D, rank).
        cov_diag: d, (..., D), positive.

    Raises:
        ValueError: too few dimensions, or shapes that do not go together.

    Example::

        >>> vectors = cgrad.distributions.LowRankMultivariateNormal(
        ...     cgrad.zeros(2), cgrad.tensor([[1.0], [0.0]]), cgrad.ones(2))
        >>> vectors.covariance_matrix
        tensor([[2., 0.],
                [0., 1.]])
    """

    arg_constraints = {"loc": constraints.real_vector,
                       "cov_factor": constraints.independent(constraints.real, 2),
                       "cov_diag": constraints.independent(constraints.positive, 1)}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor,
                 validate_args: bool | None = None) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.ndim < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading "
                             "batch dimensions")
        if cov_factor.shape[-2:-1] != event:
            raise ValueError("cov_factor must be a batch of matrices with shape "
                             f"{event[0]} x m, got {cov_factor.shape}")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}, got "
                             f"{cov_diag.shape}")
        try:
            batch = cgrad.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2],
                                           cov_diag.shape[:-1])
        except RuntimeError as error:
            raise ValueError("Incompatible batch shapes: "
                             f"loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag "
                             f"{cov_diag.shape}") from error
        self.loc = loc.expand((*batch, -1))
        self.cov_diag = cov_diag.expand((*batch, -1))
        self.cov_factor = cov_factor.expand((*batch, -1, -1))
        self._unbroadcasted_cov_factor = cov_factor
        self._unbroadcasted_cov_diag = cov_diag
        weighted = cov_factor.mT / cov_diag.unsqueeze(-2)
        eye = cgrad.eye(cov_factor.shape[-1], dtype=cov_factor.dtype)
        self._capacitance_tril = cgrad.linalg.cholesky(weighted @ cov_factor + eye)
        super().__init__(batch, event, validate_args=validate_args)

    def expand(self, batch_shape: Shape,
               _instance: LowRankMultivariateNormal | None = None) -> LowRankMultivariateNormal:
        """The same distributions with a larger batch."""
        new = self._expanded(LowRankMultivariateNormal, batch_shape, _instance,
                             event={"loc": 1, "cov_diag": 1, "cov_factor": 2})
        new._unbroadcasted_cov_factor = self._unbroadcasted_cov_factor
        new._unbroadcasted_cov_diag = self._unbroadcasted_cov_diag
        new._capacitance_tril = self._capacitance_tril
        return new

    @property
    def mean(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """loc"""
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:
        """The diagonal of the covariance."""
        variance = self._unbroadcasted_cov_factor.square().sum(-1) + self._unbroadcasted_cov_diag
        return variance.expand(self._batch_shape + self._event_shape)

    def _batched(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        return cgrad.linalg.cholesky(self.covariance_matrix)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """W Wᵀ + diag(d)"""
        factor = self._unbroadcasted_cov_factor
        return self._batched(factor @ factor.mT + self._unbroadcasted_cov_diag.diag_embed())

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance: diag(1/d) - A Aᵀ, with A = diag(1/d) W L⁻ᵀ."""
        diag = self._unbroadcasted_cov_diag
        weighted = self._unbroadcasted_cov_factor.mT / diag.unsqueeze(-2)
        a = cgrad.linalg.solve_triangular(self._capacitance_tril, weighted, upper=False)
        return self._batched(diag.reciprocal().diag_embed() - a.mT @ a)

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """loc + W ε + √d η with ε and η standard normal."""
        shape = self._extended_shape(sample_shape)
        factor = self._unbroadcasted_cov_factor
        common = standard_normal(shape[:-1] + factor.shape[-1:], self.loc)
        noise = standard_normal(shape, self.loc)
        return (self.loc + batch_mv(factor, common)
                + self._unbroadcasted_cov_diag.sqrt() * noise)

    def _distance(self, x: Tensor) -> Tensor:
        # xᵀ Σ⁻¹ x
        diag = self._unbroadcasted_cov_diag
        weighted = self._unbroadcasted_cov_factor.mT / diag.unsqueeze(-2)
        return ((x.square() / diag).sum(-1)
                - mahalanobis(self._capacitance_tril, batch_mv(weighted, x)))

    def _log_det(self) -> Tensor:
        return (2 * log_diagonal(self._capacitance_tril)
                + self._unbroadcasted_cov_diag.log().sum(-1))

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        constant = self._event_shape[0] * HALF_LOG_2PI
        return -0.5 * (self._log_det() + self._distance(value - self.loc)) - constant

    def entropy(self) -> Tensor:
        """D (1 + log 2π) / 2 + log(det Σ) / 2"""
        constant = self._event_shape[0] * (0.5 + HALF_LOG_2PI)
        return (constant + 0.5 * self._log_det()).expand(self._batch_shape)
