"""From a constraint to a transform of real numbers into what it allows.

Two tables: ``biject_to(c)`` gives a bijection, good for densities (its determinant is known);
``transform_to(c)`` perhaps another function with a simpler shape for optimization, such as softmax
for the simplex.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from cgrad.distributions import constraints, transforms
from cgrad.distributions.constraints import Constraint
from cgrad.distributions.transforms import Transform

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]

F = TypeVar("F", bound=Callable[..., Any])


class ConstraintRegistry:
    """A table from classes of constraints to functions that make a transform.

    Example::

        >>> from cgrad.distributions import constraints, transform_to
        >>> scale = transform_to(constraints.positive)
        >>> scale(cgrad.zeros(2))
        tensor([1., 1.])
    """

    def __init__(self) -> None:
        self._registry: dict[type, Callable[..., Transform]] = {}
        super().__init__()

    @overload
    def register(self, constraint: Any) -> Callable[[F], F]: ...

    @overload
    def register(self, constraint: Any, factory: F) -> F: ...

    def register(self, constraint: Any, factory: Any = None) -> Any:
        """Enter `factory`, a function from a constraint to a transform; or decorate one.

        Raises TypeError for something that is no constraint.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        if isinstance(constraint, Constraint):
            constraint = type(constraint)
        if not isinstance(constraint, type) or not issubclass(constraint, Constraint):
            raise TypeError("Expected constraint to be either a Constraint subclass or instance, "
                            f"but got {constraint}")
        self._registry[constraint] = factory
        return factory

    def __call__(self, constraint: Constraint) -> Transform:
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _both(*kinds: Any) -> Callable[[F], F]:
    def enter(function: F) -> F:
        for registry in (biject_to, transform_to):
            for kind in kinds:
                registry.register(kind, function)
        return function

    return enter


@_both(constraints.real)
def _real(constraint: Constraint) -> Transform:
    return transforms.identity_transform


@biject_to.register(constraints.independent)
def _biject_independent(constraint: constraints.independent) -> Transform:
    base = biject_to(constraint.base_constraint)
    return transforms.IndependentTransform(base, constraint.reinterpreted_batch_ndims)


@transform_to.register(constraints.independent)
def _transform_independent(constraint: constraints.independent) -> Transform:
    base = transform_to(constraint.base_constraint)
    return transforms.IndependentTransform(base, constraint.reinterpreted_batch_ndims)


@_both(constraints.greater_than, constraints.greater_than_eq)
def _above(constraint: constraints.greater_than) -> Transform:
    return transforms.ComposeTransform([
        transforms.ExpTransform(), transforms.AffineTransform(constraint.lower_bound, 1)])


@_both(constraints.less_than)
def _below(constraint: constraints.less_than) -> Transform:
    return transforms.ComposeTransform([
        transforms.ExpTransform(), transforms.AffineTransform(constraint.upper_bound, -1)])


@_both(constraints.interval, constraints.half_open_interval)
def _interval(constraint: constraints.interval) -> Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, (int, float)) and low == 0 and high == 1:
        return transforms.SigmoidTransform()
    return transforms.ComposeTransform([
        transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)])


@biject_to.register(constraints.simplex)
def _biject_simplex(constraint: Constraint) -> Transform:
    return transforms.StickBreakingTransform()


@transform_to.register(constraints.simplex)
def _transform_simplex(constraint: Constraint) -> Transform:
    return transforms.SoftmaxTransform()


@_both(constraints.corr_cholesky)
def _corr_cholesky(constraint: Constraint) -> Transform:
    return transforms.CorrCholeskyTransform()


@_both(constraints.lower_cholesky)
def _lower_cholesky(constraint: Constraint) -> Transform:
    return transforms.LowerCholeskyTransform()


@_both(constraints.positive_definite, constraints.positive_semidefinite)
def _positive_definite(constraint: Constraint) -> Transform:
    return transforms.PositiveDefiniteTransform()


@biject_to.register(constraints.cat)
def _biject_cat(constraint: constraints.cat) -> Transform:
    return transforms.CatTransform([biject_to(c) for c in constraint.cseq], constraint.dim,
                                   constraint.lengths)


@transform_to.register(constraints.cat)
def _transform_cat(constraint: constraints.cat) -> Transform:
    return transforms.CatTransform([transform_to(c) for c in constraint.cseq], constraint.dim,
                                   constraint.lengths)


@biject_to.register(constraints.stack)
def _biject_stack(constraint: constraints.stack) -> Transform:
    return transforms.StackTransform([biject_to(c) for c in constraint.cseq], constraint.dim)


@transform_to.register(constraints.stack)
def _transform_stack(constraint: constraints.stack) -> Transform:
    return transforms.StackTransform([transform_to(c) for c in constraint.cseq], constraint.dim)
