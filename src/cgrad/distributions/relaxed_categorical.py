"""The relaxed categorical (Concrete, Gumbel-softmax) distribution."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions.categorical import Categorical
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.transformed_distribution import TransformedDistribution
from cgrad.distributions.transforms import ExpTransform
from cgrad.distributions.utils import NONE, Shape, broadcast_all, clamp_probs

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


class ExpRelaxedCategorical(Distribution):
    """The logarithm of a relaxed one-hot vector: log softmax((logits + G) / temperature), G Gumbel
    noise (Maddison, Mnih and Teh, 2017).

    Args:
        temperature: positive.
        probs: weights of the categories; either these or `logits`.
        logits: logarithms of weights.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector        # the surface of negative vectors with Σ exp = 1
    has_rsample = True

    def __init__(self, temperature: Tensor, probs: Tensor | None = None,
                 logits: Tensor | None = None, validate_args: bool | None = None) -> None:
        self._categorical = Categorical(probs, logits)
        self.temperature = temperature
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:],
                         validate_args=validate_args)

    def expand(self, batch_shape: Shape,
               _instance: ExpRelaxedCategorical | None = None) -> ExpRelaxedCategorical:
        """The same distributions with a larger batch."""
        new = self._expanded(ExpRelaxedCategorical, batch_shape, _instance)
        new.temperature = self.temperature
        new._categorical = self._categorical.expand(batch_shape)
        return new

    @property
    def param_shape(self) -> Size:
        """Shape of the parameter."""
        return self._categorical.param_shape

    @property
    def logits(self) -> Tensor:
        """Logarithms of the probabilities in the limit."""
        return self._categorical.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities in the limit."""
        return self._categorical.probs

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """log softmax((logits + Gumbel noise) / temperature)"""
        shape = self._extended_shape(sample_shape)
        u = clamp_probs(cgrad.rand(shape, dtype=self.logits.dtype))
        return ((self.logits - (-u.log()).log()) / self.temperature).log_softmax(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        k = self._event_shape[0]
        logits, value = broadcast_all(self.logits, value)
        temperature = cgrad.as_tensor(self.temperature)
        scale = cgrad.full_like(temperature, float(k)).lgamma() + (k - 1) * temperature.log()
        return (logits - value * temperature).log_softmax(-1).sum(-1) + scale


class RelaxedOneHotCategorical(TransformedDistribution):
    """Points of the simplex that tend to its corners as the temperature falls, with a derivative
    (Maddison, Mnih and Teh, 2017; Jang, Gu and Poole, 2017).

    Args:
        temperature: positive.
        probs: weights of the categories; either these or `logits`.
        logits: logarithms of weights.

    Example::

        >>> relaxed = cgrad.distributions.RelaxedOneHotCategorical(
        ...     cgrad.tensor(0.5), cgrad.tensor([0.2, 0.8]))
        >>> round(relaxed.rsample().sum().item(), 5)
        1.0
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True
    base_dist: Any

    def __init__(self, temperature: Tensor, probs: Tensor | None = None,
                 logits: Tensor | None = None, validate_args: bool | None = None) -> None:
        super().__init__(
            ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args),
            ExpTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> RelaxedOneHotCategorical:
        """The same distributions with a larger batch."""
        return super().expand(
            batch_shape, self._get_checked_instance(RelaxedOneHotCategorical, _instance))

    @property
    def temperature(self) -> Tensor:
        """The temperature."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """Logarithms of the probabilities in the limit."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities in the limit."""
        return self.base_dist.probs
