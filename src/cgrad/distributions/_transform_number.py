"""Transforms of single numbers."""
from __future__ import annotations

import math
from typing import Any

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions._transform import Transform
from cgrad.distributions.constraints import Constraint
from cgrad.distributions.utils import Shape, eps, sum_rightmost, tiny


def softplus(x: Tensor) -> Tensor:
    """log(1 + e^x) without a threshold."""
    return cgrad.logaddexp(x, x.new_zeros(()))


class _Rising(Transform):
    """A bijective rising function without arguments: all of a class are equal."""

    bijective = True
    sign = +1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self))

    __hash__ = object.__hash__


class ExpTransform(_Rising):
    """y = e^x

    Example::

        >>> cgrad.distributions.ExpTransform()(cgrad.tensor([0.0, 1.0]))
        tensor([1.0000, 2.7183])
    """

    domain = constraints.real
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return x.exp()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """x"""
        return x


class PowerTransform(Transform):
    """y = x^exponent for positive x; falling for a negative exponent.

    Example::

        >>> cgrad.distributions.PowerTransform(cgrad.tensor(2.0))(cgrad.tensor([3.0]))
        tensor([9.])
    """

    domain = constraints.positive
    codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: Tensor | float, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        (self.exponent,) = (exponent if isinstance(exponent, Tensor) else cgrad.tensor(exponent),)

    def with_cache(self, cache_size: int = 1) -> PowerTransform:
        """The transform with another `cache_size`."""
        if self._cache_size == cache_size:
            return self
        return PowerTransform(self.exponent, cache_size=cache_size)

    @property
    def sign(self) -> Tensor:
        """The sign of the exponent."""
        return self.exponent.sign()

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, PowerTransform)
                and bool(self.exponent.eq(other.exponent).all()))

    __hash__ = object.__hash__

    def _call(self, x: Tensor) -> Tensor:
        return x.pow(self.exponent)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """log abs(exponent · y / x)"""
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: Shape) -> Size:
        """The shape broadcast with that of the exponent."""
        return cgrad.broadcast_shapes(shape, self.exponent.shape)

    def inverse_shape(self, shape: Shape) -> Size:
        """The shape broadcast with that of the exponent."""
        return cgrad.broadcast_shapes(shape, self.exponent.shape)


class SigmoidTransform(_Rising):
    """y = 1 / (1 + e^-x), kept inside (0, 1).

    Example::

        >>> cgrad.distributions.SigmoidTransform()(cgrad.zeros(1))
        tensor([0.5000])
    """

    domain = constraints.real
    codomain = constraints.unit_interval

    def _call(self, x: Tensor) -> Tensor:
        return x.sigmoid().clamp(min=tiny(x), max=1 - eps(x))

    def _inverse(self, y: Tensor) -> Tensor:
        y = y.clamp(min=tiny(y), max=1 - eps(y))
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """log(y (1 - y)), from x."""
        return -softplus(-x) - softplus(x)


class SoftplusTransform(_Rising):
    """y = log(1 + e^x)

    Example::

        >>> cgrad.distributions.SoftplusTransform()(cgrad.zeros(1))
        tensor([0.6931])
    """

    domain = constraints.real
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return (-(-y).expm1()).log() + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """-log(1 + e^-x)"""
        return -softplus(-x)


class TanhTransform(_Rising):
    """y = tanh(x); its derivative is computed from x, without loss where y is near ±1.

    Example::

        >>> cgrad.distributions.TanhTransform()(cgrad.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7616])
    """

    domain = constraints.real
    codomain = constraints.interval(-1.0, 1.0)

    def _call(self, x: Tensor) -> Tensor:
        return x.tanh()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """log(1 - tanh² x) = 2 (log 2 - x - log(1 + e^-2x))"""
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class AbsTransform(Transform):
    """y = abs(x); the inverse takes the positive number.

    Example::

        >>> cgrad.distributions.AbsTransform()(cgrad.tensor([-1.0, 2.0]))
        tensor([1., 2.])
    """

    domain = constraints.real
    codomain = constraints.positive

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbsTransform)

    __hash__ = object.__hash__

    def _call(self, x: Tensor) -> Tensor:
        return x.abs()

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class AffineTransform(Transform):
    """y = loc + scale · x

    Args:
        loc: number or tensor.
        scale: number or tensor.
        event_dim: dimensions of one value; determinants are products over them. Default: 0

    Example::

        >>> cgrad.distributions.AffineTransform(1.0, 2.0)(cgrad.tensor([0.0, 3.0]))
        tensor([1., 7.])
    """

    bijective = True

    def __init__(self, loc: Tensor | float, scale: Tensor | float, event_dim: int = 0,
                 cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.loc = loc
        self.scale = scale
        self._event_dim = event_dim

    @property
    def event_dim(self) -> int:
        """Dimensions of one value."""
        return self._event_dim

    def _reals(self) -> Constraint:
        n = self.event_dim
        return constraints.independent(constraints.real, n) if n else constraints.real

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Constraint:
        """Real numbers."""
        return self._reals()

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Constraint:
        """Real numbers."""
        return self._reals()

    def with_cache(self, cache_size: int = 1) -> AffineTransform:
        """The transform with another `cache_size`."""
        if self._cache_size == cache_size:
            return self
        return AffineTransform(self.loc, self.scale, self.event_dim, cache_size=cache_size)

    def __eq__(self, other: object) -> bool:
        def same(a: Any, b: Any) -> bool:
            equal = a == b
            return bool(equal.all()) if isinstance(equal, Tensor) else bool(equal)

        return (isinstance(other, AffineTransform) and same(self.loc, other.loc)
                and same(self.scale, other.scale))

    __hash__ = object.__hash__

    @property
    def sign(self) -> Any:
        """The sign of the scale."""
        if isinstance(self.scale, Tensor):
            return self.scale.sign()
        return (self.scale > 0) - (self.scale < 0)

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """log abs(scale)"""
        if isinstance(self.scale, Tensor):
            result = self.scale.abs().log()
        else:
            result = cgrad.full_like(x, math.log(abs(self.scale)))
        shape = cgrad.broadcast_shapes(x.shape, result.shape)
        result = sum_rightmost(result.expand(shape), self.event_dim)
        return result

    def _broadcast(self, shape: Shape) -> Size:
        return cgrad.broadcast_shapes(shape, getattr(self.loc, "shape", ()),
                                      getattr(self.scale, "shape", ()))

    def forward_shape(self, shape: Shape) -> Size:
        """The shape broadcast with those of the parameters."""
        return self._broadcast(shape)

    def inverse_shape(self, shape: Shape) -> Size:
        """The shape broadcast with those of the parameters."""
        return self._broadcast(shape)


class CumulativeDistributionTransform(Transform):
    """y = F(x), F the distribution function of a univariate `distribution`.

    With its inverse one makes copulas: samples of one distribution become those of another.

    Example::

        >>> normal = cgrad.distributions.Normal(0.0, 1.0)
        >>> cgrad.distributions.CumulativeDistributionTransform(normal)(cgrad.zeros(1))
        tensor([0.5000])
    """

    bijective = True
    codomain = constraints.unit_interval
    sign = +1

    def __init__(self, distribution: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Constraint:
        """The support of the distribution."""
        return self.distribution.support

    def _call(self, x: Tensor) -> Tensor:
        return self.distribution.cdf(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The logarithm of the density at x."""
        return self.distribution.log_prob(x)

    def with_cache(self, cache_size: int = 1) -> CumulativeDistributionTransform:
        """The transform with another `cache_size`."""
        if self._cache_size == cache_size:
            return self
        return CumulativeDistributionTransform(self.distribution, cache_size=cache_size)
