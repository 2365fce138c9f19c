"""Schedules in which every group's rate is its initial one times a function of the epoch."""
from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from cgrad.optim.lr_scheduler._base import LRScheduler, saved_callable
from cgrad.optim.optimizer import Optimizer


class LambdaLR(LRScheduler):
    """The initial rate times a function of the epoch.

    Args:
        optimizer: whose groups get new rates.
        lr_lambda: a function from the epoch to a factor, or a list with one for each group.
        last_epoch: see :class:`LRScheduler`. Default: -1

    Raises:
        ValueError: the number of functions is not that of the groups.

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
        >>> optimizer.step(); scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(optimizer.param_groups)
        if isinstance(lr_lambda, (list, tuple)):
            if len(lr_lambda) != groups:
                raise ValueError(f"Expected {groups} lr_lambdas, but got {len(lr_lambda)}")
            self.lr_lambdas = list(lr_lambda)
        else:
            self.lr_lambdas = [lr_lambda] * groups
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        return [
            base_lr * factor(self.last_epoch)
            for factor, base_lr in zip(self.lr_lambdas, self.base_lrs)
        ]

    def state_dict(self) -> dict[str, Any]:
        """Return the state; of callable objects their attributes, of plain functions nothing."""
        state = super().state_dict()
        state["lr_lambdas"] = [saved_callable(factor) for factor in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; the functions stay those given to the constructor."""
        state = dict(state_dict)
        saved = state.pop("lr_lambdas")
        self.__dict__.update(state)
        for factor, attributes in zip(self.lr_lambdas, saved):
            if attributes is not None:
                factor.__dict__.update(attributes)


class MultiplicativeLR(LambdaLR):
    """Multiply the rate at every epoch by a function of the epoch.

    Args:
        optimizer: whose groups get new rates.
        lr_lambda: a function from the epoch to a factor, or a list with one for each group.
        last_epoch: see :class:`LRScheduler`. Default: -1

    Raises:
        ValueError: the number of functions is not that of the groups.
        TypeError: one of them is no function.

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        for function in lr_lambda if isinstance(lr_lambda, (list, tuple)) else [lr_lambda]:
            if not callable(function):
                raise TypeError(
                    f"lr_lambda should be a function, but got {type(function).__name__}"
                )
        super().__init__(optimizer, lr_lambda, last_epoch)

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        if self._is_initial:
            return self._rates()
        return [
            rate * factor(self.last_epoch)
            for factor, rate in zip(self.lr_lambdas, self._rates())
        ]


class StepLR(LRScheduler):
    """Multiply the rate by ``gamma`` every ``step_size`` epochs.

    Args:
        optimizer: whose groups get new rates.
        step_size: epochs between two changes.
        gamma: the factor. Default: 0.1
        last_epoch: see :class:`LRScheduler`. Default: -1

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.1)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.1]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        if self.last_epoch == 0 or self.last_epoch % self.step_size != 0:
            return self._rates()
        return self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list[Any]:
        return self._scaled_base(self.gamma ** (self.last_epoch // self.step_size))


class MultiStepLR(LRScheduler):
    """Multiply the rate by ``gamma`` at each of the given epochs.

    Args:
        optimizer: whose groups get new rates.
        milestones: the epochs, in any order; one that is given twice counts twice.
        gamma: the factor. Default: 0.1
        last_epoch: see :class:`LRScheduler`. Default: -1

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.MultiStepLR(optimizer, [1, 3], gamma=0.5)
        >>> for epoch in range(3):
        ...     optimizer.step(); scheduler.step()
        >>> scheduler.get_last_lr()
        [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        times = self.milestones[self.last_epoch]
        return self._scaled(self.gamma**times) if times else self._rates()

    def _get_closed_form_lr(self) -> list[Any]:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return self._scaled_base(self.gamma**passed)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; the milestones may be a plain dictionary."""
        super().load_state_dict(state_dict)
        self.milestones = Counter(self.milestones)


class ConstantLR(LRScheduler):
    """The initial rate times ``factor`` until epoch ``total_iters``, then the initial rate.

    Args:
        optimizer: whose groups get new rates.
        factor: between 0 and 1. Default: 1/3
        total_iters: the epoch at which the full rate returns. Default: 5
        last_epoch: see :class:`LRScheduler`. Default: -1

    Raises:
        ValueError: ``factor`` is not between 0 and 1.

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=5)
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= factor <= 1.0:
            raise ValueError(
                "Constant multiplicative factor expected to be between 0 and 1."
                f" Got factor={factor}"
            )
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        if self.last_epoch == self.total_iters:
            return self._scaled(1.0 / self.factor)
        return self._rates()

    def _get_closed_form_lr(self) -> list[Any]:
        over = self.last_epoch >= self.total_iters
        return self._scaled_base(self.factor + over * (1 - self.factor))


class LinearLR(LRScheduler):
    """The initial rate times a factor that goes linearly from one value to another.

    Args:
        optimizer: whose groups get new rates.
        start_factor: at epoch 0; above 0 and at most 1. Default: 1/3
        end_factor: from epoch ``total_iters`` on; between 0 and 1. Default: 1.0
        total_iters: epochs of the way. Default: 5
        last_epoch: see :class:`LRScheduler`. Default: -1

    Raises:
        ValueError: a factor is out of range.

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.LinearLR(optimizer, 0.5, total_iters=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1.0:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal "
                f"to 1. Got start_factor={start_factor}"
            )
        if not 0 <= end_factor <= 1.0:
            raise ValueError(
                "Ending multiplicative factor expected to be between 0 and 1."
                f" Got end_factor={end_factor}"
            )
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._rates()
        # The quotient of two neighbouring factors
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return self._scaled(1.0 + rise / before)

    def _get_closed_form_lr(self) -> list[Any]:
        way = min(self.total_iters, self.last_epoch) / self.total_iters
        return self._scaled_base(
            self.start_factor + (self.end_factor - self.start_factor) * way
        )


class ExponentialLR(LRScheduler):
    """Multiply the rate by ``gamma`` every epoch.

    Args:
        optimizer: whose groups get new rates.
        gamma: the factor.
        last_epoch: see :class:`LRScheduler`. Default: -1

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        return self._rates() if self._is_initial else self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list[Any]:
        return self._scaled_base(self.gamma**self.last_epoch)


class PolynomialLR(LRScheduler):
    """Lower the rate to zero along (1 - epoch / total_iters) to a power.

    Args:
        optimizer: whose groups get new rates.
        total_iters: epochs until zero. Default: 5
        power: Default: 1.0
        last_epoch: see :class:`LRScheduler`. Default: -1

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=4)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._rates()
        left = 1.0 - self.last_epoch / self.total_iters
        before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return self._scaled((left / before) ** self.power)

    def _get_closed_form_lr(self) -> list[Any]:
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return self._scaled_base(left**self.power)


class CosineAnnealingLR(LRScheduler):
    """Lower the rate along half a cosine (Loshchilov and Hutter, 2016, without restarts).

    In closed form: eta_min + (initial rate - eta_min) · (1 + cos(π · epoch / T_max)) / 2.

    Args:
        optimizer: whose groups get new rates.
        T_max: epochs until the lowest rate.
        eta_min: the lowest rate. Default: 0
        last_epoch: see :class:`LRScheduler`. Default: -1

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        if self._is_initial:
            return self._rates()
        if self._step_count == 1 and self.last_epoch > 0:
            return self._get_closed_form_lr()
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            # From the lowest rate the quotient below would be 0 / 0.
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [
                rate + (base_lr - self.eta_min) * rise
                for rate, base_lr in zip(self._rates(), self.base_lrs)
            ]
        quotient = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / (
            1 + math.cos(math.pi * (self.last_epoch - 1) / self.T_max)
        )
        return [quotient * (rate - self.eta_min) + self.eta_min for rate in self._rates()]

    def _get_closed_form_lr(self) -> list[Any]:
        factor = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base_lr - self.eta_min) * factor for base_lr in self.base_lrs]
