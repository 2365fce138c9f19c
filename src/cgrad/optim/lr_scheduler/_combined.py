"""Schedules made of schedules."""
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from cgrad.optim.lr_scheduler._base import LRScheduler, set_rate
from cgrad.optim.lr_scheduler._plateau import ReduceLROnPlateau
from cgrad.optim.optimizer import Optimizer


class _Combined(LRScheduler):
    _schedulers: Sequence[LRScheduler]

    def _check(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler]) -> None:
        name = type(self).__name__
        for i, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(f"{name} at index {i} should have `optimizer` as its attribute.")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"{name} does not support `ReduceLROnPlateau` scheduler as it requires "
                    "additional kwargs to be specified when calling `step`, "
                    f"but got one at index {i} in the given schedulers sequence."
                )
            if scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer, but got "
                    f"scheduler {type(scheduler).__name__} at index {i} has "
                    f"{scheduler.optimizer}, which is different from {type(optimizer).__name__}."
                )

    def state_dict(self) -> dict[str, Any]:
        """Return the state with those of the parts."""
        state = super().state_dict()
        state["_schedulers"] = [scheduler.state_dict() for scheduler in self._schedulers]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state, and those of the parts."""
        state = dict(state_dict)
        saved = state.pop("_schedulers")
        self.__dict__.update(state)
        for scheduler, part in zip(self._schedulers, saved):
            scheduler.load_state_dict(part)


class SequentialLR(_Combined):
    """One schedule after the other.

    Args:
        optimizer: whose groups get new rates.
        schedulers: the schedules, all of this optimizer.
        milestones: the epochs at which the second, third, … begin, each at its own epoch 0.
        last_epoch: the epoch to resume after; -1 starts anew. Default: -1

    Raises:
        ValueError: there is no schedule, one belongs to another optimizer or needs a figure, or
            the number of milestones does not fit.

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> schedule = cgrad.optim.lr_scheduler
        >>> parts = [schedule.ConstantLR(optimizer, 0.1, 2), schedule.ExponentialLR(optimizer, 0.5)]
        >>> scheduler = schedule.SequentialLR(optimizer, parts, [2])
        >>> for epoch in range(3):
        ...     optimizer.step(); scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        if len(schedulers) < 1:
            raise ValueError(
                f"{type(self).__name__} expects at least one scheduler, but got no scheduler."
            )
        self._check(optimizer, schedulers)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than "
                "the number of milestone points, but got number of schedulers "
                f"{len(schedulers)} and the number of milestones to be equal to {len(milestones)}"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # The parts have set their first rates, each on top of the others: take that back, and let
        # the first one begin.
        for group in optimizer.param_groups:
            set_rate(group, group["initial_lr"])
        self.recursive_undo()
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def recursive_undo(self, sched: LRScheduler | None = None) -> None:
        """Take the parts of ``sched`` (default: this schedule) one epoch back."""
        scheduler = self if sched is None else sched
        if isinstance(scheduler, _Combined):
            for part in scheduler._schedulers:
                self.recursive_undo(part)
        elif hasattr(scheduler, "last_epoch"):
            scheduler.last_epoch -= 1

    def step(self) -> None:  # type: ignore[override]
        """Go to the next epoch: the schedule in force goes on, or the next one begins."""
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Combined):
    """Several schedules at once, each changing what those before it have set.

    Args:
        schedulers: the schedules, all of one optimizer.
        optimizer: default: that of the first schedule.

    Raises:
        ValueError: there is no schedule, or one belongs to another optimizer or needs a figure.

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> one = cgrad.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=5)
        >>> two = cgrad.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> scheduler = cgrad.optim.lr_scheduler.ChainedScheduler([one, two], optimizer)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.25]
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        if len(schedulers) < 1:
            raise ValueError(
                f"{type(self).__name__} expects at least one scheduler to be chained, "
                "but got no scheduler."
            )
        if optimizer is None:
            optimizer = schedulers[0].optimizer
        self._check(optimizer, schedulers)
        self._schedulers = schedulers
        self.optimizer = optimizer
        self._last_lr = self._rates()

    def step(self) -> None:  # type: ignore[override]
        """Let every schedule take its step, in order."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._rates()
