"""Kumaraswamy's distribution."""
from __future__ import annotations

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.transformed_distribution import TransformedDistribution
from cgrad.distributions.transforms import AffineTransform, PowerTransform
from cgrad.distributions.uniform import Uniform
from cgrad.distributions.utils import EULER, Shape, broadcast_all

__all__ = ["Kumaraswamy"]


class Kumaraswamy(TransformedDistribution):
    """Like the Beta distribution, with a simple cdf: 1 - (1 - x^a)^b on (0, 1).

    Args:
        concentration1: a, positive.
        concentration0: b, positive.

    Example::

        >>> cgrad.distributions.Kumaraswamy(1.0, 1.0).mean
        tensor(0.5000)
    """

    arg_constraints = {"concentration1": constraints.positive,
                       "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1: Tensor | float, concentration0: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        base = Uniform(cgrad.zeros_like(self.concentration0),
                       cgrad.ones_like(self.concentration0), validate_args=validate_args)
        super().__init__(base, [
            PowerTransform(self.concentration0.reciprocal()),
            AffineTransform(1.0, -1.0),
            PowerTransform(self.concentration1.reciprocal()),
        ], validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Kumaraswamy | None = None) -> Kumaraswamy:
        """The same distributions with a larger batch."""
        new = self._get_checked_instance(Kumaraswamy, _instance)
        new.concentration1 = self.concentration1.expand(batch_shape)
        new.concentration0 = self.concentration0.expand(batch_shape)
        return super().expand(batch_shape, new)

    def _moment(self, n: int) -> Tensor:
        # E x^n = b B(1 + n/a, b)
        b = self.concentration0
        root = 1 + n / self.concentration1
        return (root.lgamma() + b.lgamma() - (root + b).lgamma()).exp() * b

    @property
    def mean(self) -> Tensor:
        """b B(1 + 1/a, b)"""
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        """((a - 1) / (a b - 1))^(1/a); NaN where a or b is below 1."""
        a, b = self.concentration1, self.concentration0
        mode = (((a - 1) / (a * b - 1)).log() / a).exp()
        return mode.masked_fill((a < 1) | (b < 1), cgrad.nan)

    @property
    def variance(self) -> Tensor:
        """b B(1 + 2/a, b) - mean²"""
        return self._moment(2) - self.mean.square()

    def entropy(self) -> Tensor:
        """1 - 1/b + (1 - 1/a)(ψ(b + 1) + γ) - log(a b)"""
        a, b = self.concentration1, self.concentration0
        harmonic = (b + 1).digamma() + EULER
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * harmonic - a.log() - b.log()
