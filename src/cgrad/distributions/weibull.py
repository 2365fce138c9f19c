"""The Weibull distribution."""
from __future__ import annotations

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.exponential import Exponential
from cgrad.distributions.transformed_distribution import TransformedDistribution
from cgrad.distributions.transforms import AffineTransform, PowerTransform
from cgrad.distributions.utils import EULER, Shape, broadcast_all

__all__ = ["Weibull"]


class Weibull(TransformedDistribution):
    """Times to failure: cdf 1 - exp(-(x / scale)^concentration), x > 0.

    Args:
        scale: positive.
        concentration: below 1 the rate of failure falls with time, above it rises.

    Example::

        >>> cgrad.distributions.Weibull(2.0, 1.0).mean
        tensor(2.)
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive

    def __init__(self, scale: Tensor | float, concentration: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(cgrad.ones_like(self.scale), validate_args=validate_args)
        super().__init__(
            base, [PowerTransform(self.concentration_reciprocal), AffineTransform(0, self.scale)],
            validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Weibull | None = None) -> Weibull:
        """The same distributions with a larger batch."""
        new = self._get_checked_instance(Weibull, _instance)
        new.scale = self.scale.expand(batch_shape)
        new.concentration = self.concentration.expand(batch_shape)
        new.concentration_reciprocal = new.concentration.reciprocal()
        return super().expand(batch_shape, new)

    @property
    def mean(self) -> Tensor:
        """scale Γ(1 + 1 / concentration)"""
        return self.scale * (1 + self.concentration_reciprocal).lgamma().exp()

    @property
    def mode(self) -> Tensor:
        """scale ((concentration - 1) / concentration)^(1 / concentration)"""
        c = self.concentration
        return self.scale * ((c - 1) / c).pow(c.reciprocal())

    @property
    def variance(self) -> Tensor:
        """scale² (Γ(1 + 2 / concentration) - Γ(1 + 1 / concentration)²)"""
        r = self.concentration_reciprocal
        return self.scale.square() * ((1 + 2 * r).lgamma().exp() - (2 * (1 + r).lgamma()).exp())

    def entropy(self) -> Tensor:
        """γ (1 - 1 / concentration) + log(scale / concentration) + 1"""
        r = self.concentration_reciprocal
        return EULER * (1 - r) + (self.scale * r).log() + 1
