"""The Gamma distribution."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions._implicit import StandardGamma
from cgrad.distributions.exp_family import ExponentialFamily
from cgrad.distributions.utils import NONE, Shape, broadcast_all, tiny

__all__ = ["Gamma"]


class Gamma(ExponentialFamily):
    """Density rate^a x^(a - 1) e^(-rate x) / Γ(a), a the concentration.

    Args:
        concentration: shape, positive.
        rate: inverse of the scale, positive.

    Example::

        >>> cgrad.distributions.Gamma(3.0, 2.0).mean
        tensor(1.5000)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support: Any = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, concentration: Tensor | float, rate: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Gamma | None = None) -> Gamma:
        """The same distributions with a larger batch."""
        return self._expanded(Gamma, batch_shape, _instance, "concentration", "rate")

    @property
    def mean(self) -> Tensor:
        """concentration / rate"""
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        """(concentration - 1) / rate, at least 0"""
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        """concentration / rate²"""
        return self.concentration / self.rate.square()

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """A draw at rate 1, whose derivative is implicit, divided by the rate."""
        shape = self._extended_shape(sample_shape)
        draw = StandardGamma.apply(self.concentration.expand(shape))
        return (draw / self.rate).clamp(min=tiny(self.rate))

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        a, rate = self.concentration, self.rate
        return a.xlogy(rate) + (a - 1).xlogy(value) - rate * value - a.lgamma()

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of a draw of at most `value`."""
        if self._validate_args:
            self._validate_sample(value)
        return cgrad.special.gammainc(self.concentration, self.rate * value)

    def entropy(self) -> Tensor:
        """a - log rate + log Γ(a) + (1 - a) ψ(a)"""
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1.0 - a) * a.digamma()

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        return (x + 1).lgamma() + (x + 1) * (-y.reciprocal()).log()
