"""The F distribution."""
from __future__ import annotations

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.gamma import Gamma
from cgrad.distributions.utils import NONE, Shape, broadcast_all, tiny

__all__ = ["FisherSnedecor"]


class FisherSnedecor(Distribution):
    """(x / df1) / (y / df2), x and y chi-squared: the ratio of two estimates of a variance.

    Args:
        df1: degrees of freedom of the numerator, positive.
        df2: degrees of freedom of the denominator, positive.

    Example::

        >>> cgrad.distributions.FisherSnedecor(1.0, 4.0).mean
        tensor(2.)
    """

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, df1: Tensor | float, df2: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1 = Gamma(self.df1 * 0.5, self.df1, validate_args=False)
        self._gamma2 = Gamma(self.df2 * 0.5, self.df2, validate_args=False)
        super().__init__(self.df1.shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape,
               _instance: FisherSnedecor | None = None) -> FisherSnedecor:
        """The same distributions with a larger batch."""
        new = self._expanded(FisherSnedecor, batch_shape, _instance, "df1", "df2")
        new._gamma1 = self._gamma1.expand(batch_shape)
        new._gamma2 = self._gamma2.expand(batch_shape)
        return new

    @property
    def mean(self) -> Tensor:
        """df2 / (df2 - 2), NaN for df2 ≤ 2"""
        return (self.df2 / (self.df2 - 2)).masked_fill(self.df2 <= 2, cgrad.nan)

    @property
    def mode(self) -> Tensor:
        """(df1 - 2)/df1 · df2/(df2 + 2), NaN for df1 ≤ 2"""
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return mode.masked_fill(self.df1 <= 2, cgrad.nan)

    @property
    def variance(self) -> Tensor:
        """NaN for df2 ≤ 4"""
        df1, df2 = self.df1, self.df2
        variance = (2 * df2.square() * (df1 + df2 - 2)
                    / (df1 * (df2 - 2).square() * (df2 - 4)))
        return variance.masked_fill(df2 <= 4, cgrad.nan)

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """The ratio of two draws."""
        x, y = self._gamma1.rsample(sample_shape), self._gamma2.rsample(sample_shape)
        return (x / y.clamp(min=tiny(y))).clamp(min=tiny(x))

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        half1, half2, ratio = 0.5 * self.df1, 0.5 * self.df2, self.df1 / self.df2
        constant = (half1 + half2).lgamma() - half1.lgamma() - half2.lgamma()
        return (constant + half1 * ratio.log() + (half1 - 1) * value.log()
                - (half1 + half2) * (ratio * value).log1p())
