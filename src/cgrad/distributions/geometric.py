"""The geometric distribution."""
from __future__ import annotations

import cgrad
from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.bernoulli import log_loss
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import (
    NONE,
    Shape,
    broadcast_all,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
    uniform_open,
)

__all__ = ["Geometric"]


class Geometric(Distribution):
    """How many trials fail before the first that succeeds: k = 0, 1, ... with probability
    (1 - probs)^k probs.

    Args:
        probs: probability of success, in (0, 1]; either this or `logits`.
        logits: log(probs / (1 - probs)).

    Raises:
        ValueError: not exactly one of `probs` and `logits` is given.

    Example::

        >>> cgrad.distributions.Geometric(0.25).mean
        tensor(3.)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs: Tensor | float | None = None, logits: Tensor | float | None = None,
                 validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Geometric: Either `probs` or `logits` must be specified, but not "
                             "both.")
        if probs is not None:
            (self.probs,) = broadcast_all(probs)
        else:
            (self.logits,) = broadcast_all(logits)
        super().__init__(self._param.shape, validate_args=validate_args)
        if self._validate_args and probs is not None and not bool((self.probs > 0).all()):
            raise ValueError(
                f"Expected parameter probs (Tensor of shape {tuple(self.probs.shape)}) of "
                f"distribution {self!r} to be positive but found invalid values:\n{self.probs}")

    @property
    def _param(self) -> Tensor:
        return self.probs if "probs" in self.__dict__ else self.logits

    def expand(self, batch_shape: Shape, _instance: Geometric | None = None) -> Geometric:
        """The same distributions with a larger batch."""
        return self._expanded(Geometric, batch_shape, _instance, "probs", "logits")

    @lazy_property
    def logits(self) -> Tensor:
        """log(probs / (1 - probs))"""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """Probability of success."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def mean(self) -> Tensor:
        """1 / probs - 1"""
        return self.probs.reciprocal() - 1

    @property
    def mode(self) -> Tensor:
        """0"""
        return cgrad.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        """(1 - probs) / probs²"""
        return (self.probs.reciprocal() - 1.0) / self.probs

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw, without history."""
        with cgrad.no_grad():
            u = uniform_open(self._extended_shape(sample_shape), self.probs)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the probability of `value`."""
        if self._validate_args:
            self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        failures = cgrad.special.xlog1py(value, -probs)
        return failures + self.probs.log()

    def entropy(self) -> Tensor:
        """That of one trial, divided by probs."""
        return log_loss(self.logits, self.probs, reduction="none") / self.probs
