"""The von Mises distribution."""
from __future__ import annotations

import math

import cgrad
from cgrad import Tensor
from cgrad._engine.random import source
from cgrad.distributions import constraints
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import NONE, Shape, broadcast_all

__all__ = ["VonMises"]


class VonMises(Distribution):
    """Angles in [-π, π) with density e^(concentration cos(x - loc)) / (2π I₀(concentration)).

    Args:
        loc: the mean angle in radians.
        concentration: positive; 1 / variance where it is great.

    Example::

        >>> cgrad.distributions.VonMises(0.0, 2.0).mode
        tensor(0.)
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc: Tensor | float, concentration: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: VonMises | None = None) -> VonMises:
        """The same distributions with a larger batch."""
        return self._expanded(VonMises, batch_shape, _instance, "loc", "concentration")

    @property
    def mean(self) -> Tensor:
        """The mean angle."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The circular variance 1 - I₁(concentration) / I₀(concentration)"""
        k = self.concentration
        return 1 - cgrad.special.i1e(k) / cgrad.special.i0e(k)

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw angles in [-π, π) (Best and Fisher, 1979)."""
        shape = self._extended_shape(sample_shape)
        k = self.concentration.detach().double().expand(shape).numpy()
        draw = cgrad.as_tensor(source(None)._numpy().vonmises(0.0, k))
        angle = (draw + math.pi + self.loc.detach().double()) % (2 * math.pi) - math.pi
        return angle.to(self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        k = self.concentration
        # cos - 1 and I₀ scaled by e^-k: nothing overflows where k is great.
        height = -2 * ((value - self.loc) / 2).sin().square()
        return k * height - math.log(2 * math.pi) - cgrad.special.i0e(k).log()
