"""Batch dimensions that become dimensions of the event."""
from __future__ import annotations

from typing import Any

from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.utils import NONE, Shape, sum_rightmost

__all__ = ["Independent"]


class Independent(Distribution):
    """The same distribution with its last batch dimensions taken into the event.

    Args:
        base_distribution: what to reinterpret.
        reinterpreted_batch_ndims: number of batch dimensions to take.

    Raises:
        ValueError: the batch has fewer dimensions.

    Example::

        >>> d = cgrad.distributions
        >>> vectors = d.Independent(d.Normal(cgrad.zeros(4, 3), 1.0), 1)
        >>> vectors.batch_shape, vectors.event_shape, vectors.log_prob(cgrad.zeros(3)).shape
        (cgrad.Size([4]), cgrad.Size([3]), cgrad.Size([4]))
    """

    arg_constraints: dict[str, constraints.Constraint] = {}

    def __init__(self, base_distribution: Distribution, reinterpreted_batch_ndims: int,
                 validate_args: bool | None = None) -> None:
        batch = base_distribution.batch_shape
        if reinterpreted_batch_ndims > len(batch):
            raise ValueError("Expected reinterpreted_batch_ndims <= len(base_distribution."
                             f"batch_shape), actual {reinterpreted_batch_ndims} vs {len(batch)}")
        keep = len(batch) - reinterpreted_batch_ndims
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        super().__init__(batch[:keep], batch[keep:] + base_distribution.event_shape,
                         validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Independent | None = None) -> Independent:
        """The same distributions with a larger batch."""
        new = self._get_checked_instance(Independent, _instance)
        shape, n = Size(batch_shape), self.reinterpreted_batch_ndims
        new.base_dist = self.base_dist.expand(shape + self._event_shape[:n])
        new.reinterpreted_batch_ndims = n
        super(Independent, new).__init__(shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """As the base distribution has."""
        return self.base_dist.has_rsample

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """As the base distribution has, unless dimensions were taken."""
        return self.reinterpreted_batch_ndims == 0 and self.base_dist.has_enumerate_support

    @constraints.dependent_property
    def support(self) -> Any:
        """That of the base distribution, for all elements of the event."""
        support = self.base_dist.support
        n = self.reinterpreted_batch_ndims
        return constraints.independent(support, n) if n else support

    @property
    def mean(self) -> Tensor:
        """That of the base distribution."""
        return self.base_dist.mean

    @property
    def mode(self) -> Tensor:
        """That of the base distribution."""
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        """That of the base distribution."""
        return self.base_dist.variance

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw, without history."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw as a differentiable function of the parameters."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """The sum over the dimensions that were taken."""
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        """The sum over the dimensions that were taken."""
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """As the base distribution, if no dimension was taken."""
        if self.reinterpreted_batch_ndims:
            raise NotImplementedError("Enumeration over cartesian product is not implemented")
        return self.base_dist.enumerate_support(expand)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist}, {self.reinterpreted_batch_ndims})"
