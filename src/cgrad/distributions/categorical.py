"""One of several categories."""
from __future__ import annotations

import math

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import (
    NONE,
    Shape,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)

__all__ = ["Categorical"]


class Categorical(Distribution):
    """A number from 0 to K - 1; the last dimension of the parameter holds the K categories.

    Args:
        probs: weights of the categories, made to sum to 1; either these or `logits`.
        logits: logarithms of weights.

    Raises:
        ValueError: not exactly one of `probs` and `logits` is given, or it has no dimension.

    Example::

        >>> c = cgrad.distributions.Categorical(cgrad.tensor([1.0, 3.0]))
        >>> c.log_prob(cgrad.tensor(1)).exp()
        tensor(0.7500)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(self, probs: Tensor | None = None, logits: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Categorical: Either `probs` or `logits` must be specified, but not "
                             "both.")
        if probs is not None:
            if probs.ndim < 1:
                raise ValueError("`probs` parameter must be at least one-dimensional.")
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            assert logits is not None
            if logits.ndim < 1:
                raise ValueError("`logits` parameter must be at least one-dimensional.")
            self.logits = logits.log_softmax(-1)
        self._num_events = self._param.shape[-1]
        super().__init__(self._param.shape[:-1], validate_args=validate_args)

    @property
    def _param(self) -> Tensor:
        return self.probs if "probs" in self.__dict__ else self.logits

    def expand(self, batch_shape: Shape, _instance: Categorical | None = None) -> Categorical:
        """The same distributions with a larger batch."""
        new = self._expanded(Categorical, batch_shape, _instance, event={"probs": 1, "logits": 1})
        new._num_events = self._num_events
        return new

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> constraints.Constraint:
        """Integers from 0 to K - 1."""
        return constraints.integer_interval(0, self._num_events - 1)

    @lazy_property
    def logits(self) -> Tensor:
        """Logarithms of the probabilities."""
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        """The probabilities."""
        return logits_to_probs(self.logits)

    @property
    def param_shape(self) -> Size:
        """Shape of the parameter."""
        return self._param.shape

    @property
    def mean(self) -> Tensor:
        """NaN: categories have no mean."""
        return self.probs.new_full(self._batch_shape, cgrad.nan)

    @property
    def mode(self) -> Tensor:
        """The most probable category."""
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Tensor:
        """NaN: categories have no variance."""
        return self.probs.new_full(self._batch_shape, cgrad.nan)

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw int64 categories."""
        shape = self._extended_shape(sample_shape)
        with cgrad.no_grad():
            flat = self.probs.reshape(-1, self._num_events)
            count = math.prod(sample_shape)
            if not count or not flat.shape[0]:
                return cgrad.empty(shape, dtype=cgrad.int64)
            return flat.multinomial(count, replacement=True).t().reshape(shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the probability of the category `value`."""
        if self._validate_args:
            self._validate_sample(value)
        index, logits = value.long().unsqueeze(-1), self.logits
        shape = cgrad.broadcast_shapes(index.shape[:-1], logits.shape[:-1])
        if logits.shape[:-1] != shape:
            logits = logits.expand(shape + logits.shape[-1:])
        if index.shape[:-1] != shape:
            index = index.expand(shape + (1,))
        return logits.gather(-1, index).squeeze(-1)

    def entropy(self) -> Tensor:
        """-Σ p log p"""
        logits = self.logits.clamp(min=cgrad.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The numbers from 0 to K - 1."""
        values = cgrad.arange(self._num_events)
        values = values.reshape((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1,) + self._batch_shape) if expand else values
