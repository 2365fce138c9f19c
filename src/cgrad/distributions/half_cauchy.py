"""The absolute value of a Cauchy number."""
from __future__ import annotations

import math

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.cauchy import Cauchy
from cgrad.distributions.transformed_distribution import TransformedDistribution
from cgrad.distributions.transforms import AbsTransform
from cgrad.distributions.utils import Shape

__all__ = ["HalfCauchy"]


class HalfCauchy(TransformedDistribution):
    """abs(x), x of a Cauchy distribution around 0: a usual prior of scales.

    Args:
        scale: the median, positive.

    Example::

        >>> cgrad.distributions.HalfCauchy(1.0).cdf(cgrad.tensor(1.0))
        tensor(0.5000)
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    base_dist: Cauchy

    def __init__(self, scale: Tensor | float, validate_args: bool | None = None) -> None:
        super().__init__(Cauchy(0, scale, validate_args=False), AbsTransform(),
                         validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: HalfCauchy | None = None) -> HalfCauchy:
        """The same distributions with a larger batch."""
        return super().expand(batch_shape, self._get_checked_instance(HalfCauchy, _instance))

    @property
    def scale(self) -> Tensor:
        """The scale of the Cauchy distribution."""
        return self.base_dist.scale

    @property
    def mean(self) -> Tensor:
        """Infinite."""
        return self.scale.new_full(self._extended_shape(), cgrad.inf)

    @property
    def mode(self) -> Tensor:
        """0"""
        return cgrad.zeros_like(self.scale)

    @property
    def variance(self) -> Tensor:
        """Infinite."""
        return self.base_dist.variance

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`; -inf below 0."""
        if self._validate_args:
            self._validate_sample(value)
        return cgrad.where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -cgrad.inf)

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of a draw of at most `value`."""
        if self._validate_args:
            self._validate_sample(value)
        return (value / self.scale).atan() * (2 / math.pi)

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile of a probability."""
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        """log(2π scale)"""
        return self.base_dist.entropy() - math.log(2)
