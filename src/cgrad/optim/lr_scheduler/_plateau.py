"""A schedule that looks at the loss."""
from __future__ import annotations

import math
from typing import Any, SupportsFloat

from cgrad.optim.lr_scheduler._base import LRScheduler, check_optimizer, set_rate
from cgrad.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by ``factor`` when a figure has stopped improving.

    Args:
        optimizer: whose groups get new rates.
        mode: ``"min"`` if the figure should fall (a loss), ``"max"`` if it should rise.
            Default: ``"min"``
        factor: below 1. Default: 0.1
        patience: epochs without improvement that are let pass. Default: 10
        threshold: the least improvement that counts. Default: 1e-4
        threshold_mode: ``"rel"``: the threshold is a fraction of the best figure; ``"abs"``: a
            difference. Default: ``"rel"``
        cooldown: epochs after a change in which nothing is counted. Default: 0
        min_lr: the lowest rate, or a list with one for each group. Default: 0
        eps: smaller changes of the rate are left out. Default: 1e-8

    Raises:
        ValueError: an option is out of range.

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
        >>> for loss in (3.0, 2.0, 2.0, 2.0):
        ...     scheduler.step(loss)
        >>> scheduler.get_last_lr()
        [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        if not factor < 1.0:
            raise ValueError(f"Factor should be < 1.0. Got factor={factor}")
        check_optimizer(optimizer)
        groups = len(optimizer.param_groups)
        self.default_min_lr: float | None
        if isinstance(min_lr, (list, tuple)):
            if len(min_lr) != groups:
                raise ValueError(f"expected {groups} min_lrs, got {len(min_lr)}")
            self.default_min_lr = None
            self.min_lrs = list(min_lr)
        else:
            self.default_min_lr = min_lr
            self.min_lrs = [min_lr] * groups
        self.factor = factor
        self.optimizer = optimizer
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.last_epoch = 0
        self._last_lr = self._rates()
        self._init_is_better(mode, threshold, threshold_mode)
        self._reset()

    def _init_is_better(self, mode: str, threshold: float, threshold_mode: str) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown!")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown!")
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.mode_worse = math.inf if mode == "min" else -math.inf

    def _reset(self) -> None:
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @property
    def in_cooldown(self) -> bool:
        """Whether the last change is so recent that nothing is counted."""
        return self.cooldown_counter > 0

    def _is_better(self, figure: float, best: float) -> bool:
        if self.mode == "min":
            if self.threshold_mode == "rel":
                return figure < best * (1.0 - self.threshold)
            return figure < best - self.threshold
        if self.threshold_mode == "rel":
            return figure > best * (1.0 + self.threshold)
        return figure > best + self.threshold

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Look at the figure of one more epoch.

        Args:
            metrics: the figure, a number or a tensor of one element.
            epoch: deprecated; the number of the epoch.
        """
        figure = float(metrics)
        if epoch is None:
            epoch = self.last_epoch + 1
        else:
            self._warn_epoch()
        self.last_epoch = epoch
        if self._is_better(figure, self.best):
            self.best = figure
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr(epoch)
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._rates()

    def _reduce_lr(self, epoch: int) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"ReduceLROnPlateau: the optimizer has {len(groups)} groups, but min_lrs has "
                    f"{len(self.min_lrs)} values: add one for each group that was added"
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, lowest in zip(groups, self.min_lrs):
            old = float(group["lr"])
            new = max(old * self.factor, lowest)
            if old - new > self.eps:
                set_rate(group, new)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned."""
        super().load_state_dict(state_dict)
        self._init_is_better(self.mode, self.threshold, self.threshold_mode)
