"""The LKJ distribution of correlation matrices."""
from __future__ import annotations

import math
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.beta import Beta
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import NONE, Shape, broadcast_all, tiny

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors L of correlation matrices, with density of L Lᵀ proportional to
    det^(concentration - 1) (Lewandowski, Kurowicka and Joe, 2009).

    Args:
        dim: size of the matrices, at least 2.
        concentration: 1 for the uniform distribution, greater for weaker correlations. Default: 1

    Raises:
        ValueError: `dim` is no integer of at least 2.

    Example::

        >>> lkj = cgrad.distributions.LKJCholesky(3, 0.5)
        >>> factor = lkj.sample()
        >>> bool((factor @ factor.mT).diagonal().allclose(cgrad.ones(3)))
        True
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Tensor | float = 1.0,
                 validate_args: bool | None = None) -> None:
        if not isinstance(dim, int) or dim < 2:
            raise ValueError("Expected dim to be an integer greater than or equal to 2. "
                             f"Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        # The onion method, one row of squared length Beta after the other.
        marginal = self.concentration.unsqueeze(-1) + 0.5 * (dim - 2)
        row = cgrad.arange(dim - 1, dtype=marginal.dtype)
        row = cgrad.cat([row.new_zeros(1), row])
        self._beta = Beta(row + 0.5, marginal - 0.5 * row, validate_args=False)
        super().__init__(self.concentration.shape, (dim, dim), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> LKJCholesky:
        """The same distributions with a larger batch."""
        new = self._expanded(LKJCholesky, batch_shape, _instance, "concentration")
        new.dim = self.dim
        new._beta = self._beta.expand((*batch_shape, self.dim))
        return new

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw, without history."""
        with cgrad.no_grad():
            square = self._beta.sample(sample_shape).unsqueeze(-1)
            noise = cgrad.randn(self._extended_shape(sample_shape), dtype=square.dtype).tril(-1)
            sphere = noise / noise.norm(dim=-1, keepdim=True)
            sphere = sphere.index_fill(-2, cgrad.tensor([0]), 0.0)
            w = square.sqrt() * sphere
            diagonal = (1 - w.square().sum(-1)).clamp(min=tiny(w)).sqrt()
            return w + diagonal.diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`, with respect to the entries below the diagonal."""
        if self._validate_args:
            self._validate_sample(value)
        d = self.dim
        diagonal = value.diagonal(dim1=-2, dim2=-1)[..., 1:]
        order = cgrad.arange(2, d + 1, dtype=self.concentration.dtype)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + d - order
        # The normalizer of the paper's page 1999, with multivariate gamma functions.
        alpha = self.concentration + 0.5 * (d - 1)
        below = (alpha - 0.5).mvlgamma(d - 1) - alpha.lgamma() * (d - 1)
        return (order * diagonal.log()).sum(-1) - (0.5 * (d - 1) * math.log(math.pi) + below)
