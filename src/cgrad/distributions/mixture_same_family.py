"""Mixtures of distributions of one family."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions.categorical import Categorical
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import NONE, Shape

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """Draws from the components of a batch, each with the probability that a categorical says.

    Args:
        mixture_distribution: a Categorical; its batch must be one that the components' batch,
            without its last dimension, broadcasts with.
        component_distribution: the components along the last batch dimension.

    Raises:
        ValueError: other distributions, or shapes that do not go together.

    Example::

        >>> d = cgrad.distributions
        >>> mixture = d.MixtureSameFamily(
        ...     d.Categorical(cgrad.ones(2)), d.Normal(cgrad.tensor([-1.0, 1.0]), 0.5))
        >>> mixture.mean
        tensor(0.)
    """

    arg_constraints: dict[str, constraints.Constraint] = {}
    has_rsample = False

    def __init__(self, mixture_distribution: Categorical, component_distribution: Distribution,
                 validate_args: bool | None = None) -> None:
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an instance of "
                             "distributions.Categorical, not "
                             f"{type(mixture_distribution).__name__}")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution need to be an instance of "
                             "distributions.Distribution, not "
                             f"{type(component_distribution).__name__}")
        mixture, components = mixture_distribution.batch_shape, component_distribution.batch_shape
        if not components:
            raise ValueError("The component distribution must have a batch dimension")
        for a, b in zip(reversed(mixture), reversed(components[:-1])):
            if a != 1 and b != 1 and a != b:
                raise ValueError(f"`mixture_distribution.batch_shape` ({mixture}) is not "
                                 "compatible with `component_distribution.batch_shape`"
                                 f"({components})")
        count = mixture_distribution.logits.shape[-1]
        if count != components[-1]:
            raise ValueError(f"`mixture_distribution component` ({count}) does not equal "
                             f"`component_distribution.batch_shape[-1]` ({components[-1]})")
        self._num_component = count
        self._event_ndims = len(component_distribution.event_shape)
        super().__init__(components[:-1], component_distribution.event_shape,
                         validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> MixtureSameFamily:
        """The same distributions with a larger batch."""
        shape = Size(batch_shape)
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        new._component_distribution = self._component_distribution.expand(
            shape + (self._num_component,))
        new._mixture_distribution = self._mixture_distribution.expand(shape)
        new._num_component = self._num_component
        new._event_ndims = self._event_ndims
        super(MixtureSameFamily, new).__init__(shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property
    def support(self) -> constraints.Constraint:
        """That of the components."""
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """What chooses the component."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The components."""
        return self._component_distribution

    def _weights(self) -> Tensor:
        probs = self._mixture_distribution.probs
        return probs.reshape(probs.shape + (1,) * self._event_ndims)

    @property
    def mean(self) -> Tensor:
        """Σ w μ"""
        return (self._weights() * self._component_distribution.mean).sum(-1 - self._event_ndims)

    @property
    def variance(self) -> Tensor:
        """Σ w (σ² + (μ - mean)²)"""
        dim = -1 - self._event_ndims
        shift = self._component_distribution.mean - self.mean.unsqueeze(dim)
        return (self._weights() * (self._component_distribution.variance + shift.square())).sum(dim)

    def cdf(self, value: Tensor) -> Tensor:
        """Σ w F"""
        cdf = self._component_distribution.cdf(value.unsqueeze(-1 - self._event_ndims))
        return (cdf * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """log Σ w p"""
        if self._validate_args:
            self._validate_sample(value)
        terms = self._component_distribution.log_prob(value.unsqueeze(-1 - self._event_ndims))
        return (terms + self._mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw from all components, and choose."""
        with cgrad.no_grad():
            dim = len(Size(sample_shape)) + len(self._batch_shape)
            chosen = self._mixture_distribution.expand(self._batch_shape).sample(sample_shape)
            draws = self._component_distribution.sample(sample_shape)
            index = chosen.reshape(chosen.shape + (1,) * (1 + self._event_ndims))
            index = index.expand(chosen.shape + (1,) + self._event_shape)
            return draws.gather(dim, index).squeeze(dim)

    def __repr__(self) -> str:
        return (f"MixtureSameFamily(\n  {self._mixture_distribution},\n  "
                f"{self._component_distribution})")
