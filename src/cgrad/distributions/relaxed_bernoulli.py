"""The relaxed Bernoulli distribution."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions._transform_number import softplus
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.transformed_distribution import TransformedDistribution
from cgrad.distributions.transforms import SigmoidTransform
from cgrad.distributions.utils import (
    NONE,
    Shape,
    broadcast_all,
    clamp_probs,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)

__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]


class LogitRelaxedBernoulli(Distribution):
    """The logit of a relaxed Bernoulli variable: (logits + L) / temperature, L logistic noise
    (Maddison, Mnih and Teh, 2017).

    Args:
        temperature: positive.
        probs: probability of 1; either this or `logits`.
        logits: log(probs / (1 - probs)).

    Raises:
        ValueError: not exactly one of `probs` and `logits` is given.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real

    def __init__(self, temperature: Tensor, probs: Tensor | float | None = None,
                 logits: Tensor | float | None = None, validate_args: bool | None = None) -> None:
        self.temperature = temperature
        if (probs is None) == (logits is None):
            raise ValueError("RelaxedBernoulli: Either `probs` or `logits` must be specified, but "
                             "not both.")
        if probs is not None:
            (self.probs,) = broadcast_all(probs)
        else:
            (self.logits,) = broadcast_all(logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def _param(self) -> Tensor:
        return self.probs if "probs" in self.__dict__ else self.logits

    def expand(self, batch_shape: Shape,
               _instance: LogitRelaxedBernoulli | None = None) -> LogitRelaxedBernoulli:
        """The same distributions with a larger batch."""
        new = self._expanded(LogitRelaxedBernoulli, batch_shape, _instance, "probs", "logits")
        new.temperature = self.temperature
        return new

    @lazy_property
    def logits(self) -> Tensor:
        """log(probs / (1 - probs))"""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """Probability of 1."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Size:
        """Shape of the parameter."""
        return self._param.shape

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """(logits + logistic noise) / temperature"""
        shape = self._extended_shape(sample_shape)
        u = clamp_probs(cgrad.rand(shape, dtype=self.probs.dtype))
        logits = probs_to_logits(self.probs.expand(shape), is_binary=True)
        return (u.log() - (-u).log1p() + logits) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        rest = logits - value * self.temperature
        return cgrad.as_tensor(self.temperature).log() + rest - 2 * softplus(rest)


class RelaxedBernoulli(TransformedDistribution):
    """Numbers in (0, 1) that tend to 0 and 1 as the temperature falls, with a derivative
    (Maddison, Mnih and Teh, 2017; Jang, Gu and Poole, 2017).

    Args:
        temperature: positive.
        probs: probability of 1 in the limit; either this or `logits`.
        logits: log(probs / (1 - probs)).

    Raises:
        ValueError: not exactly one of `probs` and `logits` is given.

    Example::

        >>> relaxed = cgrad.distributions.RelaxedBernoulli(cgrad.tensor(0.5), cgrad.tensor(0.3))
        >>> bool(0 < relaxed.rsample() < 1)
        True
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    base_dist: Any

    def __init__(self, temperature: Tensor, probs: Tensor | float | None = None,
                 logits: Tensor | float | None = None, validate_args: bool | None = None) -> None:
        super().__init__(LogitRelaxedBernoulli(temperature, probs, logits), SigmoidTransform(),
                         validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> RelaxedBernoulli:
        """The same distributions with a larger batch."""
        return super().expand(batch_shape, self._get_checked_instance(RelaxedBernoulli, _instance))

    @property
    def temperature(self) -> Tensor:
        """The temperature."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """log(probs / (1 - probs))"""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """Probability of 1 in the limit."""
        return self.base_dist.probs
