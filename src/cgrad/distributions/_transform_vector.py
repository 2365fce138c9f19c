"""Transforms of vectors and matrices, and of parts of a tensor each by its own transform."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions._transform import Transform
from cgrad.distributions._transform_number import softplus
from cgrad.distributions.constraints import Constraint
from cgrad.distributions.utils import (
    Shape,
    eps,
    tiny,
    tril_matrix_to_vec,
    vec_to_tril_matrix,
)


class _Vector(Transform):
    """Transforms without arguments: all of a class are equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self))

    __hash__ = object.__hash__


class SoftmaxTransform(_Vector):
    """y = softmax(x) over the last dimension; the inverse is log y.  Not bijective.

    Example::

        >>> cgrad.distributions.SoftmaxTransform()(cgrad.zeros(4))
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return x.softmax(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def forward_shape(self, shape: Shape) -> Size:
        """The shape itself; a ValueError without dimensions."""
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return Size(shape)

    def inverse_shape(self, shape: Shape) -> Size:
        """The shape itself; a ValueError without dimensions."""
        return self.forward_shape(shape)


def _pad(x: Tensor, left: int, right: int) -> Tensor:
    # Ones before or after the last dimension.
    return cgrad.nn.functional.pad(x, [left, right], value=1.0)


def _log_remaining(x: Tensor) -> Tensor:
    # log(K), log(K - 1), ..., 0 for the K numbers of x: x = 0 then means equal shares.
    return cgrad.arange(x.shape[-1], 0, -1, dtype=x.dtype).log()


class StickBreakingTransform(_Vector):
    """K real numbers to a point of the simplex with K + 1 coordinates, by breaking a stick: each
    number says, through a sigmoid, what share of the remaining stick comes off.  Bijective.

    Example::

        >>> cgrad.distributions.StickBreakingTransform()(cgrad.zeros(2)).sum()
        tensor(1.)
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        z = (x - _log_remaining(x)).sigmoid()
        return _pad(z, 0, 1) * _pad((1 - z).cumprod(-1), 1, 0)

    def _inverse(self, y: Tensor) -> Tensor:
        taken = y[..., :-1]
        left = (1 - taken.cumsum(-1)).clamp(min=tiny(y))
        return taken.log() - left.log() + _log_remaining(taken)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Σ log of share, of rest, and of the stick that was left"""
        x = x - _log_remaining(x)
        return (y[..., :-1].log() - softplus(x)).sum(-1)

    def forward_shape(self, shape: Shape) -> Size:
        """The last dimension is longer by 1."""
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Shape) -> Size:
        """The last dimension is shorter by 1."""
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return Size((*shape[:-1], shape[-1] - 1))


class CorrCholeskyTransform(Transform):
    """D (D - 1) / 2 real numbers to the Cholesky factor of a D x D correlation matrix.

    tanh makes them partial correlations; each row is a point of the unit sphere, made of them by
    breaking a stick of squared lengths (Lewandowski, Kurowicka and Joe, 2009).

    Example::

        >>> L = cgrad.distributions.CorrCholeskyTransform()(cgrad.tensor([0.5]))
        >>> (L @ L.T).diagonal()
        tensor([1., 1.])
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        limit = 1 - eps(x)
        r = vec_to_tril_matrix(x.tanh().clamp(min=-limit, max=limit), diag=-1)
        left = (1 - r * r).sqrt().cumprod(-1)
        r = r + cgrad.eye(r.shape[-1], dtype=r.dtype)
        return r * _pad(left[..., :-1], 1, 0)

    def _inverse(self, y: Tensor) -> Tensor:
        left = _pad((1 - (y * y).cumsum(-1))[..., :-1], 1, 0)
        t = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (t.log1p() - (-t).log1p()) / 2

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """That of breaking the sticks, and that of tanh."""
        left = tril_matrix_to_vec(1 - (y * y).cumsum(-1), diag=-2)
        sticks = 0.5 * left.log().sum(-1)
        return sticks + 2 * (math.log(2.0) - x - softplus(-2 * x)).sum(-1)

    def forward_shape(self, shape: Shape) -> Size:
        """(..., N) to (..., D, D); a ValueError where N is not D (D - 1) / 2."""
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        n = shape[-1]
        d = round((0.25 + 2 * n) ** 0.5 + 0.5)
        if d * (d - 1) // 2 != n:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return Size((*shape[:-1], d, d))

    def inverse_shape(self, shape: Shape) -> Size:
        """(..., D, D) to (..., D (D - 1) / 2)."""
        if len(shape) < 2:
            raise ValueError("Too few dimensions on input")
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        d = shape[-1]
        return Size((*shape[:-2], d * (d - 1) // 2))


class LowerCholeskyTransform(_Vector):
    """A square matrix to a lower triangular one with a positive diagonal: e^x on the diagonal.

    Example::

        >>> cgrad.distributions.LowerCholeskyTransform()(cgrad.zeros(2, 2))
        tensor([[1., 0.],
                [0., 1.]])
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(_Vector):
    """A square matrix to a positive definite one, by way of its Cholesky factor.

    Example::

        >>> cgrad.distributions.PositiveDefiniteTransform()(cgrad.zeros(2, 2))
        tensor([[1., 0.],
                [0., 1.]])
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform().inv(cgrad.linalg.cholesky(y))


class _Several(Transform):
    """Transforms of parts of a tensor along `dim`."""

    def __init__(self, tseq: Sequence[Transform], dim: int, cache_size: int) -> None:
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError(f"{type(self).__name__}: all elements of tseq must be Transform "
                                 "instances")
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        """Whether all are."""
        return all(t.bijective for t in self.transforms)

    def _check(self, x: Tensor, size: int) -> None:
        if not -x.ndim <= self.dim < x.ndim:
            raise AssertionError(f"{type(self).__name__}: dim {self.dim} is out of range for an "
                                 f"input with {x.ndim} dimensions")
        if x.shape[self.dim] != size:
            raise AssertionError(f"{type(self).__name__}: size {x.shape[self.dim]} of dimension "
                                 f"{self.dim} is not {size}")


class CatTransform(_Several):
    """Parts of a tensor along `dim`, each by its own transform.

    Args:
        tseq: the transforms.
        dim: Default: 0
        lengths: sizes of the parts. Default: 1 for each

    Example::

        >>> exp = cgrad.distributions.ExpTransform()
        >>> identity = cgrad.distributions.identity_transform
        >>> cgrad.distributions.CatTransform([exp, identity], lengths=[1, 2])(cgrad.zeros(3))
        tensor([1., 0., 0.])
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0,
                 lengths: Sequence[int] | None = None, cache_size: int = 0) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(f"CatTransform: {len(self.lengths)} lengths for "
                                 f"{len(self.transforms)} transforms")

    @property
    def length(self) -> int:
        """Size of the whole along `dim`."""
        return sum(self.lengths)

    @property
    def event_dim(self) -> int:
        """The greatest of the parts."""
        return max(t.event_dim for t in self.transforms)

    def with_cache(self, cache_size: int = 1) -> CatTransform:
        """The transform with another `cache_size`."""
        if self._cache_size == cache_size:
            return self
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _parts(self, x: Tensor) -> list[Tensor]:
        self._check(x, self.length)
        return list(x.split(self.lengths, self.dim))

    def _call(self, x: Tensor) -> Tensor:
        return cgrad.cat([t(v) for t, v in zip(self.transforms, self._parts(x))], self.dim)

    def _inverse(self, y: Tensor) -> Tensor:
        return cgrad.cat([t.inv(v) for t, v in zip(self.transforms, self._parts(y))], self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Those of the parts side by side, or their sum where the parts lie within the event."""
        terms = []
        for t, a, b in zip(self.transforms, self._parts(x), self._parts(y)):
            term = t.log_abs_det_jacobian(a, b)
            extra = self.event_dim - t.event_dim
            terms.append(term.flatten(term.ndim - extra).sum(-1) if extra > 0 else term)
        dim = self.dim if self.dim < 0 else self.dim - x.ndim
        dim += self.event_dim
        return cgrad.cat(terms, dim) if dim < 0 else sum(terms[1:], terms[0])

    @constraints.dependent_property
    def domain(self) -> Constraint:
        """Those of the parts."""
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> Constraint:
        """Those of the parts."""
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(_Several):
    """Slices of a tensor along `dim`, each by its own transform.

    Args:
        tseq: the transforms.
        dim: Default: 0

    Example::

        >>> exp = cgrad.distributions.ExpTransform()
        >>> identity = cgrad.distributions.identity_transform
        >>> cgrad.distributions.StackTransform([exp, identity])(cgrad.zeros(2))
        tensor([1., 0.])
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(tseq, dim, cache_size)

    def with_cache(self, cache_size: int = 1) -> StackTransform:
        """The transform with another `cache_size`."""
        if self._cache_size == cache_size:
            return self
        return StackTransform(self.transforms, self.dim, cache_size)

    def _each(self, function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
        for x in tensors:
            self._check(x, len(self.transforms))
        slices = zip(*(x.unbind(self.dim) for x in tensors))
        results = [function(t, *v) for t, v in zip(self.transforms, slices)]
        return cgrad.stack(results, self.dim)

    def _call(self, x: Tensor) -> Tensor:
        return self._each(lambda t, v: t(v), x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self._each(lambda t, v: t.inv(v), y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Those of the slices, stacked."""
        return self._each(lambda t, a, b: t.log_abs_det_jacobian(a, b), x, y)

    @constraints.dependent_property
    def domain(self) -> Any:
        """Those of the slices."""
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> Any:
        """Those of the slices."""
        return constraints.stack([t.codomain for t in self.transforms], self.dim)
