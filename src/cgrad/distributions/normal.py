"""The normal distribution."""
from __future__ import annotations

import math

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.exp_family import ExponentialFamily
from cgrad.distributions.utils import (
    HALF_LOG_2PI,
    NONE,
    SQRT_2,
    Shape,
    broadcast_all,
    standard_normal,
)

__all__ = ["Normal"]


class Normal(ExponentialFamily):
    """The normal distribution, of density exp(-((x - loc) / scale)² / 2) / (scale √(2π)).

    Args:
        loc: the mean.
        scale: the standard deviation, positive.

    Example::

        >>> Normal = cgrad.distributions.Normal
        >>> Normal(0.0, 1.0).cdf(cgrad.tensor(1.96))
        tensor(0.9750)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, loc: Tensor | float, scale: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Normal | None = None) -> Normal:
        """The same distributions with a larger batch."""
        return self._expanded(Normal, batch_shape, _instance, "loc", "scale")

    @property
    def mean(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def stddev(self) -> Tensor:
        """scale"""
        return self.scale

    @property
    def variance(self) -> Tensor:
        """scale²"""
        return self.scale * self.scale

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw, without history."""
        shape = self._extended_shape(sample_shape)
        with cgrad.no_grad():
            return cgrad.normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """loc + scale · ε with ε standard normal."""
        return self.loc + self.scale * standard_normal(self._extended_shape(sample_shape), self.loc)

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        return -0.5 * (z * z) - self.scale.log() - HALF_LOG_2PI

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of a draw of at most `value`."""
        if self._validate_args:
            self._validate_sample(value)
        return cgrad.special.ndtr((value - self.loc) / self.scale)

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile of a probability."""
        return self.loc + self.scale * (2 * value - 1).erfinv() * SQRT_2

    def entropy(self) -> Tensor:
        """log scale + (1 + log 2π) / 2"""
        return 0.5 + HALF_LOG_2PI + self.scale.log()

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return self.loc / self.variance, -0.5 * self.variance.reciprocal()

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        return -0.25 * x * x / y + 0.5 * (-math.pi / y).log()
