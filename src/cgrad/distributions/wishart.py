"""The Wishart distribution."""
from __future__ import annotations

import math
import warnings
from typing import Any

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions._matrix import log_diagonal, precision_to_tril
from cgrad.distributions.chi2 import Chi2
from cgrad.distributions.exp_family import ExponentialFamily
from cgrad.distributions.utils import NONE, Shape, lazy_property, tiny

__all__ = ["Wishart"]


def mvdigamma(x: Tensor, p: int) -> Tensor:
    """Derivative of the logarithm of the multivariate gamma function: Σ over j < p ψ(x - j/2)."""
    return (x.unsqueeze(-1) - cgrad.arange(p, dtype=x.dtype) / 2).digamma().sum(-1)


class Wishart(ExponentialFamily):
    """Sums of outer products of `df` normal vectors of covariance V: scatter matrices.

    Args:
        df: degrees of freedom, above D - 1.
        covariance_matrix: V, (..., D, D), positive definite; or
        precision_matrix: its inverse; or
        scale_tril: its Cholesky factor.

    Raises:
        ValueError: not exactly one matrix is given, or `df` is too small.

    Example::

        >>> cgrad.distributions.Wishart(cgrad.tensor(3.0), cgrad.eye(2)).mean
        tensor([[3., 0.],
                [0., 3.]])
    """

    arg_constraints = {"covariance_matrix": constraints.positive_definite,
                       "precision_matrix": constraints.positive_definite,
                       "scale_tril": constraints.lower_cholesky,
                       "df": constraints.greater_than(0)}
    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, df: Tensor | float, covariance_matrix: Tensor | None = None,
                 precision_matrix: Tensor | None = None, scale_tril: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        given = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix,
                 "scale_tril": scale_tril}
        matrices = [(name, matrix) for name, matrix in given.items() if matrix is not None]
        if len(matrices) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril "
                             "may be specified.")
        name, matrix = matrices[0]
        if matrix.ndim < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading "
                             "batch dimensions")
        if not isinstance(df, Tensor):
            df = cgrad.tensor(df, dtype=matrix.dtype)
        batch = cgrad.broadcast_shapes(df.shape, matrix.shape[:-2])
        event = matrix.shape[-2:]
        self.df = df.expand(batch)
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        if bool((self.df <= event[-1] - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than "
                             f"ndim - 1 = {event[-1] - 1}.")
        super().__init__(batch, event, validate_args=validate_args)
        if bool((self.df <= event[-1]).any()):
            warnings.warn("Low df values detected. Singular samples are highly likely to occur for "
                          "ndim - 1 < df < ndim.", stacklevel=2)
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = cgrad.linalg.cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = precision_to_tril(matrix)
        self._dist_chi2 = self._bartlett()

    def _bartlett(self) -> Chi2:
        # Squares of the diagonal in Bartlett's decomposition (1933).
        p = self._event_shape[-1]
        return Chi2(self.df.unsqueeze(-1) - cgrad.arange(p, dtype=self.df.dtype),
                    validate_args=False)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Wishart:
        """The same distributions with a larger batch."""
        new = self._expanded(Wishart, batch_shape, _instance, "df", event={
            "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2})
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        new._dist_chi2 = new._bartlett()
        return new

    def _batched(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of V."""
        return self._batched(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """V"""
        factor = self._unbroadcasted_scale_tril
        return self._batched(factor @ factor.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of V."""
        return self._batched(cgrad.cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def _df(self) -> Tensor:
        return self.df[..., None, None]

    @property
    def mean(self) -> Tensor:
        """df V"""
        return self._df * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        """(df - D - 1) V, NaN where that factor is not positive"""
        factor = self._df - self.covariance_matrix.shape[-1] - 1
        return factor.masked_fill(factor <= 0, cgrad.nan) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        """df (V_ij² + V_ii V_jj)"""
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        return self._df * (v.square() + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def rsample(self, sample_shape: Shape = NONE, max_try_correction: Any = None) -> Tensor:
        """(L A)(L A)ᵀ with A lower triangular: chi numbers on the diagonal, normal ones below."""
        shape = Size(sample_shape)
        p = self._event_shape[-1]
        chi = self._dist_chi2.rsample(shape).clamp(min=tiny(self.df)).sqrt()
        noise = cgrad.randn(shape + self._batch_shape + (p, p), dtype=self.df.dtype).tril(-1)
        factor = self._unbroadcasted_scale_tril @ (noise + chi.diag_embed())
        return factor @ factor.mT

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        nu, p, tril = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        trace = cgrad.cholesky_solve(value, tril).diagonal(dim1=-2, dim2=-1).sum(-1)
        return (-nu * (p * math.log(2) / 2 + log_diagonal(tril)) - (nu / 2).mvlgamma(p)
                + (nu - p - 1) / 2 * cgrad.linalg.slogdet(value).logabsdet - trace / 2)

    def entropy(self) -> Tensor:
        """(D + 1)(log det L + D log 2 / 2) + log Γ_D - (df - D - 1) ψ_D / 2 + df D / 2"""
        nu, p, tril = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        return ((p + 1) * (p * math.log(2) / 2 + log_diagonal(tril)) + (nu / 2).mvlgamma(p)
                - (nu - p - 1) / 2 * mvdigamma(nu / 2, p) + nu * p / 2)

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        p = self._event_shape[-1]
        return ((y + (p + 1) / 2) * (-cgrad.linalg.slogdet(-2 * x).logabsdet + math.log(2) * p)
                + (y + (p + 1) / 2).mvlgamma(p))
