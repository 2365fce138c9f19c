"""The generalized Pareto distribution."""
from __future__ import annotations

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import NONE, Shape, broadcast_all

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """Excesses over a threshold: cdf 1 - (1 + c z)^(-1/c), z = (x - loc) / scale, c the
    concentration; exponential for c = 0, with an upper end for c < 0.

    Args:
        loc: least value.
        scale: positive.
        concentration: weight of the tail.

    Example::

        >>> cgrad.distributions.GeneralizedPareto(0.0, 1.0, 0.5).mean
        tensor(2.)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive,
                       "concentration": constraints.real}
    has_rsample = True

    def __init__(self, loc: Tensor | float, scale: Tensor | float, concentration: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape,
               _instance: GeneralizedPareto | None = None) -> GeneralizedPareto:
        """The same distributions with a larger batch."""
        return self._expanded(GeneralizedPareto, batch_shape, _instance, "loc", "scale",
                              "concentration")

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        """Numbers of at least `loc`, up to loc - scale / concentration where that is negative."""
        end = cgrad.where(self.concentration < 0, self.loc - self.scale / self.concentration,
                          cgrad.inf)
        return constraints.interval(self.loc, end)

    def _parts(self) -> tuple[Tensor, Tensor]:
        # Where the concentration is as good as 0, and it with 1 in its place there.
        c = self.concentration
        zero = c.isclose(cgrad.zeros_like(c))
        return zero, c.masked_fill(zero, 1.0)

    @property
    def mean(self) -> Tensor:
        """loc + scale / (1 - concentration), NaN for a concentration of at least 1"""
        c = self.concentration
        return self.loc + self.scale / (1 - c.masked_fill(c >= 1, cgrad.nan))

    @property
    def mode(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """scale² / ((1 - c)² (1 - 2c)), NaN for a concentration c of at least 1/2"""
        c = self.concentration
        c = c.masked_fill(c >= 0.5, cgrad.nan)
        return self.scale.square() / ((1 - c).square() * (1 - 2 * c))

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """The quantile of a uniform number."""
        u = cgrad.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.icdf(u)

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        zero, c = self._parts()
        tail = cgrad.where(zero, z, (1 + 1 / c) * (c * z).log1p())
        return -self.scale.log() - tail

    def log_survival_function(self, value: Tensor) -> Tensor:
        """Logarithm of the probability of a draw above `value`."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        zero, c = self._parts()
        return -cgrad.where(zero, z, (c * z).log1p() / c)

    def log_cdf(self, value: Tensor) -> Tensor:
        """Logarithm of the probability of a draw of at most `value`."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of a draw of at most `value`."""
        return -self.log_survival_function(value).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile of a probability."""
        rest = (-value).log1p()
        zero, c = self._parts()
        return self.loc + self.scale * cgrad.where(zero, -rest, (-c * rest).expm1() / c)

    def entropy(self) -> Tensor:
        """log scale + concentration + 1"""
        return self.scale.log() + self.concentration + 1
