"""What all distributions have in common."""
from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions.utils import NONE, Shape, lazy_property

__all__ = ["Distribution"]

D = TypeVar("D", bound="Distribution")


class Distribution:
    """Base of all distributions: a batch of independent distributions of one family.

    A sample has the shape ``sample_shape + batch_shape + event_shape``: what was asked for, one
    distribution for each place of the broadcast parameters, and the shape of one draw.

    Args:
        batch_shape: shape of the batch. Default: ``()``
        event_shape: shape of one draw. Default: ``()``
        validate_args: whether parameters, and arguments of ``log_prob`` and the like, are
            checked. Default: as `set_default_validate_args` says, at first ``__debug__``

    Raises:
        ValueError: a parameter does not satisfy its constraint.

    Example::

        >>> normal = cgrad.distributions.Normal(cgrad.zeros(3), 1.0)
        >>> normal.batch_shape, normal.sample((2,)).shape
        (cgrad.Size([3]), cgrad.Size([2, 3]))
        >>> normal.log_prob(cgrad.zeros(3))
        tensor([-0.9189, -0.9189, -0.9189])
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__

    if TYPE_CHECKING:
        arg_constraints: Mapping[str, constraints.Constraint]
        support: Any
    else:
        @property
        def arg_constraints(self):
            """The constraint of each parameter, by name."""
            raise NotImplementedError(f"{type(self).__name__}.arg_constraints")

        @property
        def support(self):
            """The constraint that samples satisfy."""
            raise NotImplementedError(f"{type(self).__name__}.support")

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Turn checking on or off for distributions that are made without `validate_args`."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._validate_args = value

    def __init__(self, batch_shape: Shape = NONE, event_shape: Shape = NONE,
                 validate_args: bool | None = None) -> None:
        self._batch_shape = batch_shape if type(batch_shape) is Size else Size(batch_shape)
        self._event_shape = event_shape if type(event_shape) is Size else Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()

    def _validate_parameters(self) -> None:
        try:
            expected = self.arg_constraints
        except NotImplementedError:
            expected = {}
            warnings.warn(f"{type(self)} does not define `arg_constraints`. Please set "
                          "`arg_constraints = {}` or initialize the distribution with "
                          "`validate_args=False` to turn off validation.", stacklevel=3)
        for name, constraint in expected.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue                     # not computed yet: it comes from a checked one
            value = getattr(self, name)
            if not bool(constraint.check(value).all()):
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape "
                    f"{tuple(value.shape)}) of distribution {self!r} to satisfy the constraint "
                    f"{constraint!r}, but found invalid values:\n{value}")

    def expand(self: D, batch_shape: Shape, _instance: D | None = None) -> D:
        """The same distributions with a larger batch; the parameters are expanded, not copied."""
        raise NotImplementedError(f"{type(self).__name__}.expand")

    @property
    def batch_shape(self) -> Size:
        """The shape over which parameters are batched."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one draw."""
        return self._event_shape

    @property
    def mean(self) -> Tensor:
        """The expectation."""
        raise NotImplementedError(f"{type(self).__name__}.mean")

    @property
    def mode(self) -> Tensor:
        """Where the density or probability is greatest."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError(f"{type(self).__name__}.variance")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw, without history: a tensor of shape sample_shape + batch_shape + event_shape."""
        with cgrad.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw as a differentiable function of the parameters."""
        raise NotImplementedError(f"{type(self).__name__}.rsample")

    def sample_n(self, n: int) -> Tensor:
        """``sample((n,))``; deprecated, as in PyTorch."""
        warnings.warn("sample_n(n) will be deprecated. Use .sample((n,)) instead.", UserWarning,
                      stacklevel=2)
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density or probability at `value`."""
        raise NotImplementedError(f"{type(self).__name__}.log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of a draw of at most `value`."""
        raise NotImplementedError(f"{type(self).__name__}.cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """Inverse of :meth:`cdf`: the quantile of a probability."""
        raise NotImplementedError(f"{type(self).__name__}.icdf")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution along a new first dimension.

        Args:
            expand: whether the values are expanded over the batch; otherwise its dimensions
                have size 1. Default: ``True``
        """
        raise NotImplementedError(f"{type(self).__name__}.enumerate_support")

    def entropy(self) -> Tensor:
        """The (differential) entropy in nats, a tensor of shape batch_shape."""
        raise NotImplementedError(f"{type(self).__name__}.entropy")

    def perplexity(self) -> Tensor:
        """e to the entropy."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Shape = NONE) -> Size:
        # The shape of a sample.
        if not sample_shape and not isinstance(sample_shape, int):
            return self._batch_shape + self._event_shape
        return Size(sample_shape) + self._batch_shape + self._event_shape

    def _validate_sample(self, value: Tensor) -> None:
        # An argument of log_prob, cdf, ...: shape and support.
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor, not "
                             f"{type(value).__name__}")
        shape, expected = value.shape, self._batch_shape + self._event_shape
        if shape != expected:
            dims = len(self._event_shape)
            if dims and shape[-dims:] != self._event_shape:
                raise ValueError("The right-most size of value must match event_shape: "
                                 f"{shape} vs {self._event_shape}.")
            for i, j in zip(reversed(shape), reversed(expected)):
                if i != 1 and j != 1 and i != j:
                    raise ValueError("Value is not broadcastable with batch_shape+event_shape: "
                                     f"{shape} vs {expected}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(f"{type(self)} does not define `support` to enable sample validation. "
                          "Please initialize the distribution with `validate_args=False` to turn "
                          "off validation.", stacklevel=3)
            return
        if not bool(support.check(value).all()):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(shape)}) to be "
                f"within the support ({support!r}) of the distribution {self!r}, but found invalid "
                f"values:\n{value}")

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        # The instance that `expand` fills.
        if _instance is None and type(self).__init__ is not cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ "
                "method must also define a custom .expand() method.")
        return self.__new__(type(self)) if _instance is None else _instance

    def _expanded(self, cls: type, batch_shape: Shape, _instance: Any, *names: str,
                  event: Mapping[str, int] | None = None) -> Any:
        # `expand` for a class whose parameters `names` have the shape of the batch; those of
        # `event` have so many further dimensions.  Values that have not been computed stay so.
        new = self._get_checked_instance(cls, _instance)
        shape = Size(batch_shape)
        for name, dims in {**dict.fromkeys(names, 0), **(event or {})}.items():
            if name in self.__dict__:
                value = self.__dict__[name]
                setattr(new, name, value.expand(shape + value.shape[value.ndim - dims:]))
        super(cls, new).__init__(  # type: ignore[arg-type]
            shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def __repr__(self) -> str:
        names = [name for name in self.arg_constraints if name in self.__dict__]
        values = (self.__dict__[name] for name in names)
        shown = (v if v.numel() == 1 else v.size() for v in values)
        return f"{type(self).__name__}({', '.join(f'{n}: {v}' for n, v in zip(names, shown))})"
