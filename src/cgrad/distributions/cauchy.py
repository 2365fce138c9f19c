"""The Cauchy distribution."""
from __future__ import annotations

import math

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import NONE, Shape, broadcast_all

__all__ = ["Cauchy"]


class Cauchy(Distribution):
    """Density scale / (π (scale² + (x - loc)²)): a ratio of normal numbers, without moments.

    Args:
        loc: the median.
        scale: half the width at half the height, positive.

    Example::

        >>> cgrad.distributions.Cauchy(0.0, 1.0).cdf(cgrad.tensor(1.0))
        tensor(0.7500)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Tensor | float, scale: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Cauchy | None = None) -> Cauchy:
        """The same distributions with a larger batch."""
        return self._expanded(Cauchy, batch_shape, _instance, "loc", "scale")

    @property
    def mean(self) -> Tensor:
        """NaN: there is none."""
        return self.loc.new_full(self._extended_shape(), cgrad.nan)

    @property
    def mode(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Infinite."""
        return self.loc.new_full(self._extended_shape(), cgrad.inf)

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """loc + scale · a standard draw."""
        draw = cgrad.empty(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + draw.cauchy_() * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        return -math.log(math.pi) - self.scale.log() - (z * z).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of a draw of at most `value`."""
        if self._validate_args:
            self._validate_sample(value)
        return ((value - self.loc) / self.scale).atan() / math.pi + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile of a probability."""
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self) -> Tensor:
        """log(4π scale)"""
        return math.log(4 * math.pi) + self.scale.log()
