"""The Dirichlet distribution."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions._implicit import DirichletDraw
from cgrad.distributions.exp_family import ExponentialFamily
from cgrad.distributions.utils import NONE, Shape

__all__ = ["Dirichlet"]


class Dirichlet(ExponentialFamily):
    """Points of the simplex with density proportional to Π x_i^(a_i - 1).

    Args:
        concentration: the a_i along the last dimension, positive.

    Raises:
        ValueError: the concentration has no dimension.

    Example::

        >>> cgrad.distributions.Dirichlet(cgrad.tensor([1.0, 3.0])).mean
        tensor([0.2500, 0.7500])
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:],
                         validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Dirichlet | None = None) -> Dirichlet:
        """The same distributions with a larger batch."""
        return self._expanded(Dirichlet, batch_shape, _instance, event={"concentration": 1})

    @property
    def mean(self) -> Tensor:
        """a / Σ a"""
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Tensor:
        """(a - 1) / Σ (a - 1); where all a are below 1, the corner of the greatest."""
        above = (self.concentration - 1).clamp(min=0.0)
        mode = above / above.sum(-1, keepdim=True)
        corner = (self.concentration < 1).all(-1, keepdim=True)
        if not bool(corner.any()):
            return mode
        greatest = self.concentration.argmax(-1, keepdim=True)
        return mode.masked_fill(corner, 0).scatter_add(-1, greatest, corner.to(mode.dtype))

    @property
    def variance(self) -> Tensor:
        """mean (1 - mean) / (1 + Σ a)"""
        total = self.concentration.sum(-1, keepdim=True)
        mean = self.concentration / total
        return mean * (1 - mean) / (total + 1)

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw; the derivative is the implicit one of each coordinate."""
        return DirichletDraw.apply(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        a = self.concentration
        return (a - 1.0).xlogy(value).sum(-1) + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    def entropy(self) -> Tensor:
        """Σ log Γ(a) - log Γ(Σ a) - (K - Σ a) ψ(Σ a) - Σ (a - 1) ψ(a)"""
        a, total = self.concentration, self.concentration.sum(-1)
        return (a.lgamma().sum(-1) - total.lgamma()
                - (a.shape[-1] - total) * total.digamma()
                - ((a - 1.0) * a.digamma()).sum(-1))

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return (self.concentration,)

    def _log_normalizer(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return x.lgamma().sum(-1) - x.sum(-1).lgamma()
