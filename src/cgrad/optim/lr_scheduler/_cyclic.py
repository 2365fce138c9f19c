"""Schedules that rise and fall, some of them moving the momentum against the rate."""
from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from cgrad.optim.lr_scheduler._base import (
    LRScheduler,
    check_optimizer,
    per_group,
    saved_callable,
    set_rate,
)
from cgrad.optim.optimizer import Optimizer


class _WithMomentum(LRScheduler):
    # Schedules that write the momentum too: ``momentum``, or the first of ``betas``.

    def _start_momentum(self, base: Any, largest: Any, last_epoch: int) -> tuple[list, list]:
        optimizer = self.optimizer
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
            )
        self.use_beta1 = "betas" in optimizer.defaults
        base = per_group("base_momentum", optimizer, base)
        largest = per_group("max_momentum", optimizer, largest)
        if last_epoch == -1:
            for group, low, high in zip(optimizer.param_groups, base, largest):
                self._set_momentum(group, high)
                group["max_momentum"] = high
                group["base_momentum"] = low
        return base, largest

    def _set_momentum(self, group: dict[str, Any], momentum: Any) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(_WithMomentum):
    """Let the rate rise and fall between two values (Smith, 2017).

    Args:
        optimizer: whose groups get new rates.
        base_lr: the lowest rate, or a list with one for each group.
        max_lr: the highest rate of the first cycle, or a list.
        step_size_up: steps of the way up. Default: 2000
        step_size_down: steps of the way down. Default: ``step_size_up``
        mode: ``"triangular"``; ``"triangular2"``: half the height in each further cycle;
            ``"exp_range"``: height times gamma to the power of the step. Default: ``"triangular"``
        gamma: for ``"exp_range"``. Default: 1.0
        scale_fn: the factor of the height, in the place of ``mode``. Default: ``None``
        scale_mode: what ``scale_fn`` gets: the number of the ``"cycle"``, from 1, or of the step,
            ``"iterations"``. Default: ``"cycle"``
        cycle_momentum: move the momentum against the rate. Default: ``True``
        base_momentum: the lowest momentum, or a list. Default: 0.8
        max_momentum: the highest momentum, or a list. Default: 0.9
        last_epoch: the step to resume after. Default: -1

    Raises:
        ValueError: the mode is unknown, a list does not fit, or the optimizer has no momentum.

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.CyclicLR(optimizer, 0.5, 1.0, step_size_up=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(f"mode is invalid and scale_fn is None. Got mode={mode!r}")
        self.optimizer = optimizer
        base_lrs = per_group("base_lr", optimizer, base_lr)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, base_lrs):
                set_rate(group, rate)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        self._init_scale_fn()
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._start_momentum(
                base_momentum, max_momentum, last_epoch
            )
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _init_scale_fn(self) -> None:
        if self._scale_fn_custom is None:
            self.scale_mode = "iterations" if self.mode == "exp_range" else "cycle"

    def scale_fn(self, x: float) -> float:
        """Return the factor of the height in cycle, or at step, ``x``."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return 1 / (2.0 ** (x - 1)) if self.mode == "triangular2" else self.gamma**x

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        ratio = self.step_ratio
        height = x / ratio if x <= ratio else (x - 1) / (ratio - 1)
        scale = partial(self.scale_fn, cycle if self.scale_mode == "cycle" else self.last_epoch)
        rates = [
            low + (high - low) * height * scale()
            for low, high in zip(self.base_lrs, self.max_lrs)
        ]
        if self.cycle_momentum:
            for group, low, high in zip(
                self.optimizer.param_groups, self.base_momentums, self.max_momentums
            ):
                self._set_momentum(group, high - (high - low) * height * scale())
        return rates

    def state_dict(self) -> dict[str, Any]:
        """Return the state; of a ``scale_fn`` that is an object its attributes."""
        state = super().state_dict()
        state["_scale_fn_custom"] = saved_callable(self._scale_fn_custom)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; ``scale_fn`` stays that given to the constructor."""
        state = dict(state_dict)
        saved = state.pop("_scale_fn_custom")
        super().load_state_dict(state)
        if saved is not None:
            self._scale_fn_custom.__dict__.update(saved)
        self._init_scale_fn()


class CosineAnnealingWarmRestarts(LRScheduler):
    """Lower the rate along half a cosine, again and again (Loshchilov and Hutter, 2016).

    The rate is eta_min + (initial rate - eta_min) · (1 + cos(π · T_cur / T_i)) / 2, where T_cur
    counts the epochs since the last restart and T_i is the length of the present run.

    Args:
        optimizer: whose groups get new rates.
        T_0: epochs of the first run.
        T_mult: each run is this many times as long as the one before. Default: 1
        eta_min: the lowest rate. Default: 0
        last_epoch: see :class:`LRScheduler`. Default: -1

    Raises:
        ValueError: ``T_0`` or ``T_mult`` is no positive integer.

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        factor = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base_lr - self.eta_min) * factor for base_lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to ``epoch``, which may be a fraction.

        Args:
            epoch: e.g. ``epoch + i / batches`` after every batch. Default: the next one

        Raises:
            ValueError: ``epoch`` is negative.
        """
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        self._update_lr(epoch)

    def _update_lr(self, epoch: float | None = None) -> None:
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        elif epoch < self.T_0:
            self.T_i = self.T_0
            self.T_cur = epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            # Runs that are over: the n with T_0 (T_mult^n - 1) / (T_mult - 1) <= epoch
            runs = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**runs - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**runs
        self.last_epoch = math.floor(epoch)
        self._set_rates(self.get_lr)


class OneCycleLR(_WithMomentum):
    """One rise of the rate and one long fall (Smith and Topin, 2017); call it after every batch.

    Args:
        optimizer: whose groups get new rates.
        max_lr: the highest rate, or a list with one for each group.
        total_steps: steps of the whole schedule; or give
        epochs, steps_per_epoch: whose product it is.
        pct_start: the part of the steps in which the rate rises. Default: 0.3
        anneal_strategy: ``"cos"`` or ``"linear"``. Default: ``"cos"``
        cycle_momentum: move the momentum against the rate. Default: ``True``
        base_momentum: the lowest momentum, or a list. Default: 0.85
        max_momentum: the highest momentum, or a list. Default: 0.95
        div_factor: the first rate is max_lr / div_factor. Default: 25.0
        final_div_factor: the last rate is the first one / final_div_factor. Default: 1e4
        three_phase: fall to the first rate as fast as it rose, then to the last one.
            Default: ``False``
        last_epoch: the step to resume after. Default: -1

    Raises:
        ValueError: an option is out of range, or more steps are taken than there are.

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
        >>> round(scheduler.get_last_lr()[0], 6)
        0.04
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        if total_steps is not None:
            given = {"total_steps": total_steps}
        elif epochs is not None and steps_per_epoch is not None:
            given = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
        else:
            raise ValueError(
                "You must define either total_steps OR (epochs AND steps_per_epoch)"
            )
        for name, value in given.items():
            if not isinstance(value, int) or value <= 0:
                raise ValueError(f"Expected positive integer {name}, but got {value}")
        self.total_steps = math.prod(given.values())
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                "anneal_strategy must be one of 'cos' or 'linear', "
                f"instead got {anneal_strategy}"
            )
        self._anneal_func_type = anneal_strategy

        # End of each phase, and the keys of a group between whose values it goes
        rise = float(pct_start * self.total_steps) - 1
        last = self.total_steps - 1
        up, down = ("max_momentum", "base_momentum"), ("base_momentum", "max_momentum")
        phases: list[tuple[float, str, str, tuple[str, str]]]
        if three_phase:
            phases = [
                (rise, "initial_lr", "max_lr", up),
                (float(2 * pct_start * self.total_steps) - 2, "max_lr", "initial_lr", down),
                (last, "initial_lr", "min_lr", ("max_momentum", "max_momentum")),
            ]
        else:
            phases = [(rise, "initial_lr", "max_lr", up), (last, "max_lr", "min_lr", down)]
        self._schedule_phases: list[dict[str, Any]] = [
            {
                "end_step": end,
                "start_lr": first_rate,
                "end_lr": last_rate,
                "start_momentum": momentums[0],
                "end_momentum": momentums[1],
            }
            for end, first_rate, last_rate, momentums in phases
        ]

        max_lrs = per_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, highest in zip(optimizer.param_groups, max_lrs):
                group["initial_lr"] = highest / div_factor
                group["max_lr"] = highest
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._start_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _anneal_func(self, start: float, end: float, way: float) -> float:
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * way) + 1)
        return (end - start) * way + start

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times. "
                f"The specified number of total steps is {self.total_steps}"
            )
        begin, phase = 0.0, self._schedule_phases[0]
        for following in self._schedule_phases[1:]:
            if step <= phase["end_step"]:
                break
            begin, phase = phase["end_step"], following
        way = (step - begin) / (phase["end_step"] - begin)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._anneal_func(group[phase["start_lr"]], group[phase["end_lr"]], way))
            if self.cycle_momentum:
                momentum = self._anneal_func(
                    group[phase["start_momentum"]], group[phase["end_momentum"]], way
                )
                self._set_momentum(group, momentum)
        return rates
