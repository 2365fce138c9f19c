"""What all learning-rate schedules share.

A scheduler writes ``group["lr"]`` of its optimizer: once when it is made, then at every
:meth:`LRScheduler.step`, which comes after the optimizer's own ``step``. Subclasses compute the
new rates in ``get_lr``, as far as possible from the present ones, so that schedules combine.
"""
from __future__ import annotations

import types
import warnings
from collections.abc import Callable
from typing import Any

from cgrad import Tensor
from cgrad.optim.optimizer import Optimizer

__all__ = ["LRScheduler", "_LRScheduler"]


def own(value: Any) -> Any:
    """A copy of a rate that is a tensor, which its owner may change in place."""
    return value.detach().clone() if isinstance(value, Tensor) else value


def set_rate(group: dict[str, Any], rate: Any) -> None:
    """Write a group's rate; a tensor stays the same tensor, which programs may have kept."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(float(rate))
    else:
        group["lr"] = rate


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """One value for each group, from one for all or a list."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        value = [value] * groups
    elif len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {groups}."
        )
    return [own(item) for item in value]


def check_optimizer(optimizer: Any) -> None:
    """Raise TypeError for what is no Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def saved_callable(function: Any) -> dict[str, Any] | None:
    """The attributes of a callable object; of plain functions nothing is saved."""
    if function is None or isinstance(function, types.FunctionType):
        return None
    return function.__dict__.copy()


class LRScheduler:
    """Base class of learning-rate schedules.

    Args:
        optimizer: whose groups get new rates.
        last_epoch: the epoch to resume after; -1 starts anew and takes the present rates as the
            initial ones. Default: -1

    Raises:
        TypeError: ``optimizer`` is no Optimizer.
        KeyError: on resuming, a group has no ``initial_lr``.

    Example::

        >>> class Halved(cgrad.optim.lr_scheduler.LRScheduler):
        ...     def get_lr(self):
        ...         return [lr * 0.5**self.last_epoch for lr in self.base_lrs]
        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = Halved(optimizer)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", own(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] "
                    "when resuming scheduler with last_epoch >= 0: "
                    "load the optimizer's state first"
                )
        self.base_lrs = [own(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[Any]:
        """Compute the rate of each group for ``last_epoch``; subclasses override this."""
        raise NotImplementedError

    def get_last_lr(self) -> list[Any]:
        """Return the rates set last, one for each group."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch and set its rates; call it after ``optimizer.step()``.

        Args:
            epoch: deprecated; go to this epoch, by the closed form of the schedule if any.
        """
        if self._step_count == 1 and not self.optimizer._opt_called:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. "
                "You should call them in the opposite order: "
                "`optimizer.step()` before `lr_scheduler.step()`. Failure to do this "
                "will result in skipping the first value of the learning rate schedule.",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is not None:
            self._warn_epoch()
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        get_lr = self.get_lr
        if epoch is None:
            self.last_epoch += 1
        else:
            self.last_epoch = epoch
            get_lr = getattr(self, "_get_closed_form_lr", get_lr)
        self._set_rates(get_lr)

    def _set_rates(self, get_lr: Callable[[], list[Any]]) -> None:
        self._get_lr_called_within_step = True
        try:
            rates = list(get_lr())
        finally:
            self._get_lr_called_within_step = False
        if len(rates) != len(self.optimizer.param_groups):
            raise ValueError(
                f"{type(self).__name__} has rates for {len(rates)} groups, but the optimizer has "
                f"{len(self.optimizer.param_groups)}: make the scheduler after the last group"
            )
        for group, rate in zip(self.optimizer.param_groups, rates):
            set_rate(group, rate)
        self._last_lr = self._rates()

    def _rates(self) -> list[Any]:
        return [own(group["lr"]) for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[Any]:
        return [rate * factor for rate in self._rates()]

    def _scaled_base(self, factor: float) -> list[Any]:
        return [rate * factor for rate in self.base_lrs]

    @staticmethod
    def _warn_epoch() -> None:
        warnings.warn(
            "The epoch parameter in `scheduler.step()` is deprecated; "
            "call `scheduler.step()` without it.",
            UserWarning,
            stacklevel=3,
        )

    def _check_within_step(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, "
                "please use `get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, whose state is to be saved too."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned."""
        self.__dict__.update(state_dict)


class _LRScheduler(LRScheduler):
    """The former name of :class:`LRScheduler`, which programs subclass."""
