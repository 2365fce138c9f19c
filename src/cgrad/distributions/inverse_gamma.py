"""The inverse of a Gamma variable."""
from __future__ import annotations

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.gamma import Gamma
from cgrad.distributions.transformed_distribution import TransformedDistribution
from cgrad.distributions.transforms import PowerTransform
from cgrad.distributions.utils import Shape

__all__ = ["InverseGamma"]


class InverseGamma(TransformedDistribution):
    """1 / x, x of a Gamma distribution: the usual prior of a variance.

    Args:
        concentration: shape, positive.
        rate: rate of the Gamma distribution, a scale of this one; positive.

    Example::

        >>> cgrad.distributions.InverseGamma(3.0, 4.0).mean
        tensor(2.)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True
    base_dist: Gamma

    def __init__(self, concentration: Tensor | float, rate: Tensor | float,
                 validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        super().__init__(base, PowerTransform(base.rate.new_tensor(-1.0)),
                         validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: InverseGamma | None = None) -> InverseGamma:
        """The same distributions with a larger batch."""
        return super().expand(batch_shape, self._get_checked_instance(InverseGamma, _instance))

    @property
    def concentration(self) -> Tensor:
        """The shape."""
        return self.base_dist.concentration

    @property
    def rate(self) -> Tensor:
        """The rate of the Gamma distribution."""
        return self.base_dist.rate

    @property
    def mean(self) -> Tensor:
        """rate / (concentration - 1), infinite for a concentration up to 1"""
        mean = self.rate / (self.concentration - 1)
        return cgrad.where(self.concentration > 1, mean, cgrad.inf)

    @property
    def mode(self) -> Tensor:
        """rate / (concentration + 1)"""
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        """Infinite for a concentration up to 2"""
        a = self.concentration
        variance = self.rate.square() / ((a - 1).square() * (a - 2))
        return cgrad.where(a > 2, variance, cgrad.inf)

    def entropy(self) -> Tensor:
        """a + log rate + log Γ(a) - (1 + a) ψ(a)"""
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()
