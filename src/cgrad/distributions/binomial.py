"""The binomial distribution."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions._transform_number import softplus
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import (
    NONE,
    Shape,
    broadcast_all,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)

__all__ = ["Binomial"]


class Binomial(Distribution):
    """How many of `total_count` trials succeed, each with probability `probs`.

    Args:
        total_count: number of trials. Default: 1
        probs: probability of success; either this or `logits`.
        logits: log(probs / (1 - probs)).

    Raises:
        ValueError: not exactly one of `probs` and `logits` is given.

    Example::

        >>> cgrad.distributions.Binomial(4, 0.5).log_prob(cgrad.tensor(2.0)).exp()
        tensor(0.3750)
    """

    arg_constraints = {"total_count": constraints.nonnegative_integer,
                       "probs": constraints.unit_interval, "logits": constraints.real}
    has_enumerate_support = True

    def __init__(self, total_count: Tensor | int = 1, probs: Tensor | float | None = None,
                 logits: Tensor | float | None = None, validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Binomial: Either `probs` or `logits` must be specified, but not "
                             "both.")
        given: Any = probs if probs is not None else logits
        count, param = broadcast_all(total_count, given)
        self.total_count = count.type_as(param)
        if probs is not None:
            self.probs = param
        else:
            self.logits = param
        super().__init__(param.shape, validate_args=validate_args)

    @property
    def _param(self) -> Tensor:
        return self.probs if "probs" in self.__dict__ else self.logits

    def expand(self, batch_shape: Shape, _instance: Binomial | None = None) -> Binomial:
        """The same distributions with a larger batch."""
        return self._expanded(Binomial, batch_shape, _instance, "total_count", "probs", "logits")

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> constraints.Constraint:
        """Integers from 0 to total_count."""
        return constraints.integer_interval(0, self.total_count)

    @lazy_property
    def logits(self) -> Tensor:
        """log(probs / (1 - probs))"""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """Probability of success."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Size:
        """Shape of the parameter."""
        return self._param.shape

    @property
    def mean(self) -> Tensor:
        """total_count · probs"""
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        """The integer part of (total_count + 1) probs, at most total_count."""
        return ((self.total_count + 1) * self.probs).floor().minimum(self.total_count)

    @property
    def variance(self) -> Tensor:
        """total_count · probs (1 - probs)"""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw, without history."""
        shape = self._extended_shape(sample_shape)
        with cgrad.no_grad():
            return cgrad.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the probability of `value`."""
        if self._validate_args:
            self._validate_sample(value)
        n = self.total_count
        ways = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        return ways + value * self.logits - n * softplus(self.logits)

    def _same_count(self, name: str) -> int:
        count = int(self.total_count.max())
        if bool((self.total_count != count).any()):
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{name}`.")
        return count

    def entropy(self) -> Tensor:
        """-Σ p log p over the support.  Raises NotImplementedError for different counts."""
        self._same_count("entropy")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The numbers from 0 to total_count.  Raises NotImplementedError for different counts."""
        count = self._same_count("enumerate_support")
        values = cgrad.arange(1 + count, dtype=self._param.dtype)
        values = values.reshape((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1,) + self._batch_shape) if expand else values
