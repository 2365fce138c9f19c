"""The logistic normal distribution."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.independent import Independent
from cgrad.distributions.normal import Normal
from cgrad.distributions.transformed_distribution import TransformedDistribution
from cgrad.distributions.transforms import StickBreakingTransform
from cgrad.distributions.utils import Shape

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """Points of the simplex: independent normal numbers through a
    :class:`~cgrad.distributions.StickBreakingTransform`.

    Args:
        loc: the K - 1 means, along the last dimension.
        scale: the standard deviations, positive.

    Example::

        >>> simplex = cgrad.distributions.LogisticNormal(cgrad.zeros(3), cgrad.ones(3))
        >>> simplex.sample().shape
        cgrad.Size([4])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True
    base_dist: Independent

    def __init__(self, loc: Tensor | float, scale: Tensor | float,
                 validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: LogisticNormal | None = None) -> LogisticNormal:
        """The same distributions with a larger batch."""
        return super().expand(batch_shape, self._get_checked_instance(LogisticNormal, _instance))

    @property
    def loc(self) -> Tensor:
        """The means of the normal numbers."""
        base: Normal = self.base_dist.base_dist  # type: ignore[assignment]
        return base.loc

    @property
    def scale(self) -> Tensor:
        """The standard deviations of the normal numbers."""
        base: Normal = self.base_dist.base_dist  # type: ignore[assignment]
        return base.scale
