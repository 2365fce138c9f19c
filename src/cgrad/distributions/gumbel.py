"""The Gumbel distribution of extremes."""
from __future__ import annotations

import math

from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.transformed_distribution import TransformedDistribution
from cgrad.distributions.transforms import AffineTransform, ExpTransform
from cgrad.distributions.uniform import Uniform
from cgrad.distributions.utils import EULER, Shape, broadcast_all, eps, tiny

__all__ = ["Gumbel"]


class Gumbel(TransformedDistribution):
    """The limit of maxima: cdf exp(-exp(-(x - loc) / scale)).

    Args:
        loc: the mode.
        scale: positive.

    Example::

        >>> cgrad.distributions.Gumbel(0.0, 1.0).mean
        tensor(0.5772)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Tensor | float, scale: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        low = self.loc.new_full((), tiny(self.loc))
        high = self.loc.new_full((), 1 - eps(self.loc))
        log = ExpTransform().inv              # loc - scale log(-log u)
        super().__init__(
            Uniform(low, high, validate_args=False),
            [log, AffineTransform(0, -1.0), log, AffineTransform(self.loc, -self.scale)],
            validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Gumbel | None = None) -> Gumbel:
        """The same distributions with a larger batch."""
        new = self._get_checked_instance(Gumbel, _instance)
        new.loc, new.scale = self.loc.expand(batch_shape), self.scale.expand(batch_shape)
        return super().expand(batch_shape, new)

    @property
    def mean(self) -> Tensor:
        """loc + γ scale, γ = 0.5772... (Euler)"""
        return self.loc + self.scale * EULER

    @property
    def mode(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def stddev(self) -> Tensor:
        """π scale / √6"""
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> Tensor:
        """π² scale² / 6"""
        return self.stddev.square()

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        z = (self.loc - value) / self.scale
        return z - z.exp() - self.scale.log()

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of a draw of at most `value`."""
        if self._validate_args:
            self._validate_sample(value)
        return (-((self.loc - value) / self.scale).exp()).exp()

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile of a probability."""
        return self.loc - self.scale * (-value.log()).log()

    def entropy(self) -> Tensor:
        """log scale + 1 + γ"""
        return self.scale.log() + (1 + EULER)
