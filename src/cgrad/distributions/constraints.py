"""Sets of values: what parameters and samples of distributions may be.

``constraint.check(value)`` says for each event of a batch whether it is in the set.  The names with
a small letter are what programs use: constants like ``real`` and ``simplex``, and classes like
``interval`` that take arguments.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cgrad
from cgrad import Tensor

__all__ = [
    "Constraint", "MixtureSameFamilyConstraint", "boolean", "cat", "corr_cholesky", "dependent",
    "dependent_property", "greater_than", "greater_than_eq", "half_open_interval", "independent",
    "integer_interval", "interval", "is_dependent", "less_than", "lower_cholesky",
    "lower_triangular", "multinomial", "nonnegative", "nonnegative_integer", "one_hot",
    "positive", "positive_definite", "positive_integer", "positive_semidefinite", "real",
    "real_vector", "simplex", "square", "stack", "symmetric", "unit_interval",
]  # fmt: skip


class Constraint:
    """A set of values.

    Attributes:
        is_discrete: whether the set is countable. Default: ``False``
        event_dim: number of rightmost dimensions that make one value. Default: 0
    """

    is_discrete: bool = False
    event_dim: int = 0
    _title: str | None = None           # in the repr; the name of the class where there is none

    def check(self, value: Tensor) -> Tensor:
        """bool tensor of shape value.shape[: value.ndim - event_dim]."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{self._title or type(self).__name__.lstrip('_')}()"


class _Bounded(Constraint):
    """A constraint whose repr shows its bounds."""

    def __repr__(self) -> str:
        bounds = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{self._title or type(self).__name__}({bounds})"


class _Dependent(Constraint):
    """Depends on other variables: nothing can be checked before they are known."""

    def __init__(self, *, is_discrete: Any = NotImplemented,
                 event_dim: Any = NotImplemented) -> None:
        self._is_discrete = is_discrete
        self._event_dim = event_dim
        super().__init__()

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Known only where it was given."""
        if self._is_discrete is NotImplemented:
            raise NotImplementedError(".is_discrete cannot be determined statically")
        return self._is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """Known only where it was given."""
        if self._event_dim is NotImplemented:
            raise NotImplementedError(".event_dim cannot be determined statically")
        return self._event_dim

    def __call__(self, *, is_discrete: Any = NotImplemented,
                 event_dim: Any = NotImplemented) -> _Dependent:
        """A dependent constraint of which more is known."""
        return _Dependent(
            is_discrete=self._is_discrete if is_discrete is NotImplemented else is_discrete,
            event_dim=self._event_dim if event_dim is NotImplemented else event_dim)

    def check(self, value: Tensor) -> Tensor:
        """Raises ValueError."""
        raise ValueError("Cannot determine validity of dependent constraint")


class dependent_property(property, _Dependent):
    """Decorates the `support` that depends on parameters: a property of an instance; of the class
    a constraint of which only `is_discrete` and `event_dim` are known.

    Example::

        >>> class Uniform:
        ...     @constraints.dependent_property(is_discrete=False, event_dim=0)
        ...     def support(self):
        ...         return constraints.interval(self.low, self.high)
    """

    def __init__(self, fn: Callable[[Any], Any] | None = None, *,
                 is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> None:
        property.__init__(self, fn)
        self._is_discrete = is_discrete
        self._event_dim = event_dim

    def __call__(self, fn: Callable[[Any], Any]) -> Any:  # type: ignore[override]
        """Decorate a function."""
        return type(self)(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


class independent(Constraint):
    """Takes the last `reinterpreted_batch_ndims` dimensions into the event: all must be valid."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        if not isinstance(base_constraint, Constraint):
            raise AssertionError("base_constraint must be a Constraint, got "
                                 f"{type(base_constraint).__name__}")
        if reinterpreted_batch_ndims < 0:
            raise AssertionError("reinterpreted_batch_ndims must be non-negative, got "
                                 f"{reinterpreted_batch_ndims}")
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        super().__init__()

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """That of the base and the dimensions taken in."""
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        """Whether all are valid.  Raises ValueError where dimensions are missing."""
        valid = self.base_constraint.check(value)
        n = self.reinterpreted_batch_ndims
        if valid.ndim < n:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.ndim}")
        return valid.flatten(valid.ndim - n).all(-1) if n else valid

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamilyConstraint(Constraint):
    """The support of a mixture: that of all its components."""

    def __init__(self, base_constraint: Constraint) -> None:
        if not isinstance(base_constraint, Constraint):
            raise AssertionError("base_constraint must be a Constraint, got "
                                 f"{type(base_constraint).__name__}")
        self.base_constraint = base_constraint
        super().__init__()

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """That of the base."""
        return self.base_constraint.event_dim

    def check(self, value: Tensor) -> Tensor:
        """Whether a value is in the support of every component."""
        valid = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        if valid.ndim < 1:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.ndim}")
        return valid.all(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamilyConstraint({self.base_constraint!r})"


# ---------------------------------------------------------------------------------------------
# Numbers

class _Real(Constraint):
    def check(self, value: Tensor) -> Tensor:
        return value == value           # not NaN


class _Boolean(Constraint):
    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return (value == 0) | (value == 1)


class integer_interval(_Bounded):
    """Integers in [lower_bound, upper_bound]."""

    _title = "IntegerInterval"
    is_discrete = True

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self.lower_bound = lower_bound
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Whether each value is one of these integers."""
        return (value % 1 == 0) & (self.lower_bound <= value) & (value <= self.upper_bound)


class integer_greater_than(_Bounded):
    """Integers of at least `lower_bound`."""

    _title = "IntegerGreaterThan"
    is_discrete = True

    def __init__(self, lower_bound: Any) -> None:
        self.lower_bound = lower_bound

    def check(self, value: Tensor) -> Tensor:
        """Whether each value is one of these integers."""
        return (value % 1 == 0) & (value >= self.lower_bound)


class greater_than(_Bounded):
    """Numbers above `lower_bound`."""

    _title = "GreaterThan"

    def __init__(self, lower_bound: Any) -> None:
        self.lower_bound = lower_bound

    def check(self, value: Tensor) -> Tensor:
        """Whether each value is above the bound."""
        return value > self.lower_bound


class greater_than_eq(_Bounded):
    """Numbers of at least `lower_bound`."""

    _title = "GreaterThanEq"

    def __init__(self, lower_bound: Any) -> None:
        self.lower_bound = lower_bound

    def check(self, value: Tensor) -> Tensor:
        """Whether each value is at least the bound."""
        return value >= self.lower_bound


class less_than(_Bounded):
    """Numbers below `upper_bound`."""

    _title = "LessThan"

    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Whether each value is below the bound."""
        return value < self.upper_bound


class interval(_Bounded):
    """Numbers in [lower_bound, upper_bound]."""

    _title = "Interval"

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self.lower_bound = lower_bound
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Whether each value is within the bounds."""
        return (value >= self.lower_bound) & (value <= self.upper_bound)


class half_open_interval(_Bounded):
    """Numbers in [lower_bound, upper_bound)."""

    _title = "HalfOpenInterval"

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self.lower_bound = lower_bound
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Whether each value is within the bounds."""
        return (value >= self.lower_bound) & (value < self.upper_bound)


# ---------------------------------------------------------------------------------------------
# Vectors

class _OneHot(Constraint):
    is_discrete = True
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


class _Simplex(Constraint):
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class multinomial(Constraint):
    """Counts, not negative, whose sum is at most `upper_bound`."""

    _title = "Multinomial"
    is_discrete = True
    event_dim = 1

    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Whether each vector holds such counts."""
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)


# ---------------------------------------------------------------------------------------------
# Matrices

class _Matrix(Constraint):
    event_dim = 2


class _LowerTriangular(_Matrix):
    def check(self, value: Tensor) -> Tensor:
        return (value.tril() == value).all(-1).all(-1)


class _LowerCholesky(_Matrix):
    def check(self, value: Tensor) -> Tensor:
        lower = (value.tril() == value).all(-1).all(-1)
        return lower & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class _CorrCholesky(_Matrix):
    def check(self, value: Tensor) -> Tensor:
        tolerance = cgrad.finfo(value.dtype).eps * value.shape[-1] * 10
        unit = ((value * value).sum(-1) - 1).abs() <= tolerance
        return unit.all(-1) & _LowerCholesky().check(value)


class _Square(_Matrix):
    def check(self, value: Tensor) -> Tensor:
        return cgrad.full(value.shape[:-2], value.shape[-2] == value.shape[-1], dtype=cgrad.bool)


class _Symmetric(_Square):
    def check(self, value: Tensor) -> Tensor:
        square = super().check(value)
        if not bool(square.all()):
            return square
        return value.isclose(value.mT, atol=1e-6).all(-2).all(-1)


class _PositiveSemidefinite(_Symmetric):
    def check(self, value: Tensor) -> Tensor:
        symmetric = super().check(value)
        if not bool(symmetric.all()):
            return symmetric
        return cgrad.linalg.eigvalsh(value).ge(0).all(-1)


class _PositiveDefinite(_Symmetric):
    def check(self, value: Tensor) -> Tensor:
        symmetric = super().check(value)
        if not bool(symmetric.all()):
            return symmetric
        return cgrad.linalg.cholesky_ex(value).info.eq(0)


# ---------------------------------------------------------------------------------------------
# Several constraints side by side

class cat(Constraint):
    """Parts of a tensor along `dim`, of the given lengths, each with its own constraint."""

    _title = "Cat"

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0,
                 lengths: Sequence[int] | None = None) -> None:
        if not all(isinstance(c, Constraint) for c in cseq):
            raise AssertionError("cat: all elements of cseq must be Constraints")
        self.cseq = list(cseq)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.cseq):
            raise AssertionError(f"cat: {len(self.lengths)} lengths for {len(self.cseq)} "
                                 "constraints")
        self.dim = dim
        super().__init__()

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether any part is."""
        return any(c.is_discrete for c in self.cseq)

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The greatest of the parts."""
        return max(c.event_dim for c in self.cseq)

    def check(self, value: Tensor) -> Tensor:
        """The checks of the parts, side by side."""
        if not -value.ndim <= self.dim < value.ndim:
            raise AssertionError(f"cat: dim {self.dim} is out of range for value with "
                                 f"{value.ndim} dimensions")
        parts, start = [], 0
        for constraint, length in zip(self.cseq, self.lengths):
            parts.append(constraint.check(value.narrow(self.dim, start, length)))
            start += length
        return cgrad.cat(parts, self.dim)


class stack(Constraint):
    """Slices of a tensor along `dim`, each with its own constraint."""

    _title = "Stack"

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        if not all(isinstance(c, Constraint) for c in cseq):
            raise AssertionError("stack: all elements of cseq must be Constraints")
        self.cseq = list(cseq)
        self.dim = dim
        super().__init__()

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether any slice is."""
        return any(c.is_discrete for c in self.cseq)

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The greatest of the slices, and one more where the stack lies within the event."""
        dim = max(c.event_dim for c in self.cseq)
        return dim + 1 if self.dim + dim < 0 else dim

    def check(self, value: Tensor) -> Tensor:
        """The checks of the slices, stacked."""
        if not -value.ndim <= self.dim < value.ndim:
            raise AssertionError(f"stack: dim {self.dim} is out of range for value with "
                                 f"{value.ndim} dimensions")
        slices = [value.select(self.dim, i) for i in range(value.shape[self.dim])]
        return cgrad.stack([c.check(v) for v, c in zip(slices, self.cseq)], self.dim)


def is_dependent(constraint: Any) -> bool:
    """Whether a constraint depends on other variables and cannot be checked by itself."""
    return isinstance(constraint, _Dependent)


dependent = _Dependent()
boolean = _Boolean()
one_hot = _OneHot()
nonnegative_integer = integer_greater_than(0)
positive_integer = integer_greater_than(1)
real = _Real()
real_vector = independent(real, 1)
positive = greater_than(0.0)
nonnegative = greater_than_eq(0.0)
unit_interval = interval(0.0, 1.0)
simplex = _Simplex()
lower_triangular = _LowerTriangular()
lower_cholesky = _LowerCholesky()
corr_cholesky = _CorrCholesky()
square = _Square()
symmetric = _Symmetric()
positive_semidefinite = _PositiveSemidefinite()
positive_definite = _PositiveDefinite()
