"""The Laplace distribution."""
from __future__ import annotations

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import NONE, Shape, broadcast_all, uniform_open

__all__ = ["Laplace"]


class Laplace(Distribution):
    """Two exponential tails: density e^(-abs(x - loc) / scale) / (2 scale).

    Args:
        loc: the mean.
        scale: positive.

    Example::

        >>> cgrad.distributions.Laplace(0.0, 1.0).cdf(cgrad.tensor(0.0))
        tensor(0.5000)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Tensor | float, scale: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Laplace | None = None) -> Laplace:
        """The same distributions with a larger batch."""
        return self._expanded(Laplace, batch_shape, _instance, "loc", "scale")

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
        """√2 scale"""
        return 2**0.5 * self.scale

    @property
    def variance(self) -> Tensor:
        """2 scale²"""
        return 2 * self.scale.square()

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """loc ± scale · e with e exponential."""
        shape = self._extended_shape(sample_shape)
        size = -uniform_open(shape, self.loc).log()
        negative = cgrad.rand(shape, dtype=self.loc.dtype) < 0.5
        return self.loc + self.scale * cgrad.where(negative, -size, size)

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of a draw of at most `value`."""
        if self._validate_args:
            self._validate_sample(value)
        z = (value - self.loc) / self.scale
        return 0.5 - 0.5 * z.sign() * (-z.abs()).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile of a probability."""
        term = value - 0.5
        return self.loc - self.scale * term.sign() * (-2 * term.abs()).log1p()

    def entropy(self) -> Tensor:
        """1 + log(2 scale)"""
        return 1 + (2 * self.scale).log()
