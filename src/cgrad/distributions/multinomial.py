"""The multinomial distribution."""
from __future__ import annotations

import cgrad
from cgrad import Size, Tensor
from cgrad._engine.random import source
from cgrad.distributions import constraints
from cgrad.distributions.binomial import Binomial
from cgrad.distributions.categorical import Categorical
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import NONE, Shape, broadcast_all

__all__ = ["Multinomial"]


class Multinomial(Distribution):
    """How often each of K categories comes in `total_count` draws.

    Args:
        total_count: number of draws, the same for the whole batch. Default: 1
        probs: weights of the categories along the last dimension; either these or `logits`.
        logits: logarithms of weights.

    Raises:
        NotImplementedError: `total_count` is no number.
        ValueError: not exactly one of `probs` and `logits` is given.

    Example::

        >>> m = cgrad.distributions.Multinomial(10, cgrad.tensor([1.0, 4.0]))
        >>> m.mean, m.sample().sum()
        (tensor([2., 8.]), tensor(10.))
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    total_count: int

    def __init__(self, total_count: int = 1, probs: Tensor | None = None,
                 logits: Tensor | None = None, validate_args: bool | None = None) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        self._binomial = Binomial(total_count=total_count, probs=self.probs)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:],
                         validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Multinomial | None = None) -> Multinomial:
        """The same distributions with a larger batch."""
        new = self._expanded(Multinomial, batch_shape, _instance)
        new.total_count = self.total_count
        new._categorical = self._categorical.expand(batch_shape)
        new._binomial = self._binomial.expand(Size(batch_shape) + self._event_shape)
        return new

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> constraints.Constraint:
        """Counts whose sum is at most total_count."""
        return constraints.multinomial(self.total_count)

    @property
    def logits(self) -> Tensor:
        """Logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self._categorical.probs

    @property
    def param_shape(self) -> Size:
        """Shape of the parameter."""
        return self._categorical.param_shape

    @property
    def mean(self) -> Tensor:
        """total_count · probs"""
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        """total_count · probs (1 - probs)"""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw, without history; one binomial count after the other, whatever total_count is."""
        shape = self._extended_shape(sample_shape)
        p = self.probs.detach().double()
        p = (p / p.sum(-1, keepdim=True)).expand(shape)
        counts = source(None)._numpy().multinomial(self.total_count, p.numpy())
        return cgrad.from_numpy(counts).to(self.probs.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the probability of `value`."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        ways = (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1)
        logits = logits.masked_fill((value == 0) & (logits == -cgrad.inf), 0)
        return ways + (logits * value).sum(-1)

    def entropy(self) -> Tensor:
        """n H(probs) - log n! + Σ E log k!, the last from binomial probabilities."""
        n = cgrad.tensor(self.total_count, dtype=self.probs.dtype)
        counts = self._binomial.enumerate_support(expand=False)[1:]
        weights = self._binomial.log_prob(counts).exp() * (counts + 1).lgamma()
        return (n * self._categorical.entropy() - (n + 1).lgamma()
                + weights.sum((0, -1)))
