"""The absolute value of a normal number."""
from __future__ import annotations

import math

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.normal import Normal
from cgrad.distributions.transformed_distribution import TransformedDistribution
from cgrad.distributions.transforms import AbsTransform
from cgrad.distributions.utils import Shape

__all__ = ["HalfNormal"]


class HalfNormal(TransformedDistribution):
    """abs(x), x normal with mean 0 and standard deviation `scale`.

    Args:
        scale: positive.

    Example::

        >>> cgrad.distributions.HalfNormal(1.0).mean
        tensor(0.7979)
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    base_dist: Normal

    def __init__(self, scale: Tensor | float, validate_args: bool | None = None) -> None:
        super().__init__(Normal(0, scale, validate_args=False), AbsTransform(),
                         validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: HalfNormal | None = None) -> HalfNormal:
        """The same distributions with a larger batch."""
        return super().expand(batch_shape, self._get_checked_instance(HalfNormal, _instance))

    @property
    def scale(self) -> Tensor:
        """The standard deviation of the normal distribution."""
        return self.base_dist.scale

    @property
    def mean(self) -> Tensor:
        """scale √(2 / π)"""
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def mode(self) -> Tensor:
        """0"""
        return cgrad.zeros_like(self.scale)

    @property
    def variance(self) -> Tensor:
        """scale² (1 - 2 / π)"""
        return self.scale.square() * (1 - 2 / math.pi)

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`; -inf below 0."""
        if self._validate_args:
            self._validate_sample(value)
        return cgrad.where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -cgrad.inf)

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of a draw of at most `value`."""
        if self._validate_args:
            self._validate_sample(value)
        return (value / (self.scale * math.sqrt(2))).erf()

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile of a probability."""
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        """That of the normal distribution less log 2."""
        return self.base_dist.entropy() - math.log(2)
