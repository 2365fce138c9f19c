"""Student's t distribution."""
from __future__ import annotations

import math

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.chi2 import Chi2
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import NONE, Shape, broadcast_all, standard_normal

__all__ = ["StudentT"]


class StudentT(Distribution):
    """loc + scale · x / √(y / df), x standard normal, y chi-squared: heavy tails.

    Args:
        df: degrees of freedom, positive.
        loc: the median. Default: 0
        scale: positive. Default: 1

    Example::

        >>> cgrad.distributions.StudentT(3.0).variance
        tensor(3.)
    """

    arg_constraints = {"df": constraints.positive, "loc": constraints.real,
                       "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, df: Tensor | float, loc: Tensor | float = 0.0,
                 scale: Tensor | float = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df, validate_args=False)
        super().__init__(self.df.shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: StudentT | None = None) -> StudentT:
        """The same distributions with a larger batch."""
        new = self._expanded(StudentT, batch_shape, _instance, "df", "loc", "scale")
        new._chi2 = self._chi2.expand(batch_shape)
        return new

    @property
    def mean(self) -> Tensor:
        """loc, NaN for df ≤ 1"""
        return self.loc.masked_fill(self.df <= 1, cgrad.nan)

    @property
    def mode(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """scale² df / (df - 2), infinite for df ≤ 2 and NaN for df ≤ 1"""
        variance = self.scale.square() * self.df / (self.df - 2)
        variance = cgrad.where(self.df > 2, variance, cgrad.inf)
        return variance.masked_fill(self.df <= 1, cgrad.nan)

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw; the derivative with respect to df is that of the chi-squared draw."""
        x = standard_normal(self._extended_shape(sample_shape), self.df)
        y = x * (self._chi2.rsample(sample_shape) / self.df).rsqrt()
        return self.loc + self.scale * y

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        df, y = self.df, (value - self.loc) / self.scale
        constant = (self.scale.log() + 0.5 * df.log() + 0.5 * math.log(math.pi)
                    + (0.5 * df).lgamma() - (0.5 * (df + 1)).lgamma())
        return -0.5 * (df + 1) * (y * y / df).log1p() - constant

    def entropy(self) -> Tensor:
        """log scale + (df + 1)/2 (ψ((df + 1)/2) - ψ(df/2)) + log(√df B(df/2, 1/2))"""
        half, more = 0.5 * self.df, 0.5 * (self.df + 1)
        log_beta = half.lgamma() + 0.5 * math.log(math.pi) - more.lgamma()
        return (self.scale.log() + more * (more.digamma() - half.digamma())
                + 0.5 * self.df.log() + log_beta)
