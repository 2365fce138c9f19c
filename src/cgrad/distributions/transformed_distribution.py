"""A distribution seen through transforms."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.independent import Independent
from cgrad.distributions.transforms import ComposeTransform, Transform
from cgrad.distributions.utils import NONE, Shape, sum_rightmost

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The distribution of T(x), x drawn from a base distribution.

    With y = T(x): log p(y) = log p(x) - log abs(det dy/dx).

    Args:
        base_distribution: where x comes from.
        transforms: one transform or a list; the first one is applied first.

    Raises:
        ValueError: something else than transforms, or too few dimensions for them.

    Example::

        >>> d = cgrad.distributions
        >>> logistic = d.TransformedDistribution(
        ...     d.Uniform(0.0, 1.0), [d.SigmoidTransform().inv, d.AffineTransform(2.0, 3.0)])
        >>> logistic.cdf(cgrad.tensor(2.0))
        tensor(0.5000)
    """

    arg_constraints: dict[str, constraints.Constraint] = {}

    def __init__(self, base_distribution: Distribution, transforms: Transform | list[Transform],
                 validate_args: bool | None = None) -> None:
        if isinstance(transforms, Transform):
            transforms = [transforms]
        if not isinstance(transforms, list) or not all(isinstance(t, Transform)
                                                       for t in transforms):
            raise ValueError("transforms must be a Transform or list, but was "
                             f"{type(transforms).__name__}")
        self.transforms = transforms
        base, transform = base_distribution, ComposeTransform(transforms)
        shape = base.batch_shape + base.event_shape
        dims, domain_dim = len(base.event_shape), transform.domain.event_dim
        if len(shape) < domain_dim:
            raise ValueError("base_distribution needs to have shape with size at least "
                             f"{domain_dim}, but got {shape}.")
        forward = transform.forward_shape(shape)
        expanded = transform.inverse_shape(forward)
        if expanded != shape:                # parameters of transforms enlarge the batch
            base = base.expand(expanded[:len(expanded) - dims])
        if domain_dim > dims:
            base = Independent(base, domain_dim - dims)
        self.base_dist = base
        codomain_dim = transform.codomain.event_dim
        event_dim = max(codomain_dim, dims + codomain_dim - domain_dim)
        cut = len(forward) - event_dim
        super().__init__(forward[:cut], forward[cut:], validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        """The same distributions with a larger batch."""
        new = self._get_checked_instance(TransformedDistribution, _instance)
        shape = Size(batch_shape)
        new.transforms = self.transforms
        base = ComposeTransform(self.transforms).inverse_shape(shape + self._event_shape)
        new.base_dist = self.base_dist.expand(base[:len(base) - len(self.base_dist.event_shape)])
        super(TransformedDistribution, new).__init__(shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> constraints.Constraint:
        """The codomain of the last transform."""
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        extra = len(self._event_shape) - support.event_dim
        return constraints.independent(support, extra) if extra > 0 else support

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """As the base distribution has."""
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw, without history."""
        with cgrad.no_grad():
            x = self.base_dist.sample(sample_shape)
            for transform in self.transforms:
                x = transform(x)
            return x

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw as a differentiable function of the parameters."""
        x = self.base_dist.rsample(sample_shape)
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        event_dim = len(self._event_shape)
        result: Any = 0.0
        y = value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            term = transform.log_abs_det_jacobian(x, y)
            result = result - sum_rightmost(term, event_dim - transform.domain.event_dim)
            y = x
        base = self.base_dist.log_prob(y)
        return result + sum_rightmost(base, event_dim - len(self.base_dist.event_shape))

    def _monotonize_cdf(self, value: Tensor) -> Tensor:
        # 1 - p where the transforms together fall.
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return value
        return sign * (value - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of a draw of at most `value`."""
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._monotonize_cdf(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile of a probability."""
        value = self.base_dist.icdf(self._monotonize_cdf(value))
        for transform in self.transforms:
            value = transform(value)
        return value
