"""The negative binomial distribution."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.gamma import Gamma
from cgrad.distributions.utils import (
    NONE,
    Shape,
    broadcast_all,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)

__all__ = ["NegativeBinomial"]


class NegativeBinomial(Distribution):
    """How many trials succeed before `total_count` have failed: Poisson counts whose rate is a
    Gamma variable.

    Args:
        total_count: number of failures, not negative, not necessarily an integer.
        probs: probability of success, in [0, 1); either this or `logits`.
        logits: log(probs / (1 - probs)).

    Raises:
        ValueError: not exactly one of `probs` and `logits` is given.

    Example::

        >>> cgrad.distributions.NegativeBinomial(3.0, 0.5).mean
        tensor(3.)
    """

    arg_constraints = {"total_count": constraints.greater_than_eq(0),
                       "probs": constraints.half_open_interval(0.0, 1.0),
                       "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, total_count: Tensor | float, probs: Tensor | float | None = None,
                 logits: Tensor | float | None = None, validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("NegativeBinomial: Either `probs` or `logits` must be specified, but "
                             "not both.")
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

    def expand(self, batch_shape: Shape,
               _instance: NegativeBinomial | None = None) -> NegativeBinomial:
        """The same distributions with a larger batch."""
        return self._expanded(NegativeBinomial, batch_shape, _instance, "total_count", "probs",
                              "logits")

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
        """total_count · probs / (1 - probs)"""
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        """The integer part of (total_count - 1) probs / (1 - probs), at least 0."""
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        """mean / (1 - probs)"""
        return self.mean / (-self.logits).sigmoid()

    @lazy_property
    def _gamma(self) -> Gamma:
        return Gamma(self.total_count, (-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw, without history."""
        with cgrad.no_grad():
            return cgrad.poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the probability of `value`."""
        if self._validate_args:
            self._validate_sample(value)
        n, sigmoid = self.total_count, cgrad.nn.functional.logsigmoid
        powers = n * sigmoid(-self.logits) + value * sigmoid(self.logits)
        ways = (n + value).lgamma() - (1.0 + value).lgamma() - n.lgamma()
        return powers + ways.masked_fill(n + value == 0.0, 0.0)
