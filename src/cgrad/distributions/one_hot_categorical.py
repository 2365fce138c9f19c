"""One of several categories as a vector with a single 1."""
from __future__ import annotations

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions.categorical import Categorical
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import NONE, Shape

__all__ = ["OneHotCategorical", "OneHotCategoricalStraightThrough"]


class OneHotCategorical(Distribution):
    """A vector of K numbers, 1 at the category drawn and else 0.

    Args:
        probs: weights of the categories along the last dimension; either these or `logits`.
        logits: logarithms of weights.

    Raises:
        ValueError: not exactly one of `probs` and `logits` is given.

    Example::

        >>> c = cgrad.distributions.OneHotCategorical(cgrad.tensor([0.0, 1.0]))
        >>> c.sample()
        tensor([0., 1.])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs: Tensor | None = None, logits: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        self._categorical = Categorical(probs, logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:],
                         validate_args=validate_args)

    def expand(self, batch_shape: Shape,
               _instance: OneHotCategorical | None = None) -> OneHotCategorical:
        """The same distributions with a larger batch."""
        new = self._expanded(OneHotCategorical, batch_shape, _instance)
        new._categorical = self._categorical.expand(batch_shape)
        return new

    @property
    def _param(self) -> Tensor:
        return self._categorical._param

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """Logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def param_shape(self) -> Size:
        """Shape of the parameter."""
        return self._categorical.param_shape

    @property
    def mean(self) -> Tensor:
        """probs"""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The most probable category."""
        return self._vectors(self._categorical.mode)

    @property
    def variance(self) -> Tensor:
        """probs (1 - probs)"""
        return self.probs * (1 - self.probs)

    def _vectors(self, index: Tensor) -> Tensor:
        return (index.unsqueeze(-1) == cgrad.arange(self._event_shape[0])).to(self._param.dtype)

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw, without history."""
        return self._vectors(self._categorical.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the probability of `value`."""
        if self._validate_args:
            self._validate_sample(value)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Tensor:
        """-Σ p log p"""
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The K vectors."""
        n = self._event_shape[0]
        values = cgrad.eye(n, dtype=self._param.dtype)
        values = values.reshape((n,) + (1,) * len(self._batch_shape) + (n,))
        return values.expand((n,) + self._batch_shape + (n,)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """The same with an ``rsample`` whose gradient goes to `probs` as if the draw were `probs`
    (Bengio, Léonard and Courville, 2013): biased, of small variance.

    Example::

        >>> probs = cgrad.tensor([0.0, 1.0], requires_grad=True)
        >>> cgrad.distributions.OneHotCategoricalStraightThrough(probs).rsample().tolist()
        [0.0, 1.0]
    """

    has_rsample = True

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw; the derivative with respect to `probs` is 1."""
        sample, probs = self.sample(sample_shape), self.probs
        return sample + (probs - probs.detach())
