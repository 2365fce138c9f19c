"""Averages of a model's parameters over training: stochastic weight averaging and moving averages.

Izmailov et al., *Averaging weights leads to wider optima and better generalization*, 2018.
"""
from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import cgrad
from cgrad import Tensor, nn
from cgrad.nn.modules.batchnorm import _BatchNorm
from cgrad.optim.lr_scheduler._base import LRScheduler, per_group
from cgrad.optim.optimizer import Optimizer

__all__ = [
    "SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
    "get_swa_multi_avg_fn", "update_bn",
]  # fmt: skip


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], None]:
    """Return a function that moves lists of averages: a ← decay · a + (1 - decay) · p.

    Args:
        decay: between 0 and 1. Default: 0.999

    Raises:
        ValueError: ``decay`` is out of range.

    Example::

        >>> means = [cgrad.tensor(1.0)]
        >>> cgrad.optim.swa_utils.get_ema_multi_avg_fn(0.75)(means, [cgrad.tensor(3.0)], 1)
        >>> means
        [tensor(1.5000)]
    """
    _check_decay(decay)

    def update(averages: Any, params: Any, count: Any) -> None:
        with cgrad.no_grad():
            for average, param in zip(averages, params):
                if average.is_floating_point():
                    average.lerp_(param, 1 - decay)
                else:
                    average.copy_(average * decay + param * (1 - decay))

    return update


def get_swa_multi_avg_fn() -> Callable[[Any, Any, Any], None]:
    """Return a function that takes one more model into lists of equal averages.

    After n models: a ← a + (p - a) / (n + 1).

    Example::

        >>> means = [cgrad.tensor(1.0)]
        >>> average = cgrad.optim.swa_utils.get_swa_multi_avg_fn()
        >>> average(means, [cgrad.tensor(3.0)], cgrad.tensor(1))
        >>> means
        [tensor(2.)]
    """

    def update(averages: Any, params: Any, count: Any) -> None:
        weight = 1 / (float(count) + 1)
        with cgrad.no_grad():
            for average, param in zip(averages, params):
                if average.is_floating_point():
                    average.lerp_(param, weight)
                else:
                    average.copy_(average + (param - average) * weight)

    return update


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Tensor, Tensor, Any], Tensor]:
    """Return the function (a, p, n) ↦ decay · a + (1 - decay) · p.

    Args:
        decay: between 0 and 1. Default: 0.999

    Raises:
        ValueError: ``decay`` is out of range.

    Example::

        >>> average = cgrad.optim.swa_utils.get_ema_avg_fn(0.75)
        >>> average(cgrad.tensor(1.0), cgrad.tensor(3.0), 1)
        tensor(1.5000)
    """
    _check_decay(decay)

    def update(average: Tensor, param: Tensor, count: Any) -> Tensor:
        with cgrad.no_grad():
            return decay * average + (1 - decay) * param

    return update


def get_swa_avg_fn() -> Callable[[Tensor, Tensor, Any], Tensor]:
    """Return the function (a, p, n) ↦ a + (p - a) / (n + 1).

    Example::

        >>> average = cgrad.optim.swa_utils.get_swa_avg_fn()
        >>> average(cgrad.tensor(1.0), cgrad.tensor(3.0), cgrad.tensor(1))
        tensor(2.)
    """

    def update(average: Tensor, param: Tensor, count: Any) -> Tensor:
        with cgrad.no_grad():
            return average + (param - average) / (count + 1)

    return update


class AveragedModel(nn.Module):
    """A copy of a model whose parameters are averages over those of the model.

    Args:
        model: is copied.
        device: of the copy; only the CPU. Default: ``None``
        avg_fn: a function of an average, the parameter and the number of models so far that
            returns the new average. Default: equal weights
        multi_avg_fn: the same for lists, in place; see :func:`get_ema_multi_avg_fn`.
            Default: ``None``
        use_buffers: average buffers too, instead of copying them. Default: ``False``

    Attributes:
        module: the copy.
        n_averaged: how many models have been taken in.

    Raises:
        AssertionError: both functions are given.

    Example::

        >>> model = cgrad.nn.Linear(2, 1)
        >>> average = cgrad.optim.swa_utils.AveragedModel(model)
        >>> average.update_parameters(model)
        >>> average.n_averaged.item()
        1
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: nn.Module,
        device: Any = None,
        avg_fn: Callable[[Tensor, Tensor, Any], Tensor] | None = None,
        multi_avg_fn: Callable[[Any, Any, Any], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        count = cgrad.tensor(0, dtype=cgrad.int64, device=device)
        self.register_buffer("n_averaged", count)
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: nn.Module) -> None:
        """Take the parameters of ``model`` into the averages; the first time they are copied."""
        if self.use_buffers:
            mine: Iterable[Tensor] = chain(self.module.parameters(), self.module.buffers())
            theirs: Iterable[Tensor] = chain(model.parameters(), model.buffers())
        else:
            mine, theirs = self.module.parameters(), model.parameters()
        averages = [average.detach() for average in mine]
        params = [param.detach() for param in theirs]
        if int(self.n_averaged) == 0:
            for average, param in zip(averages, params):
                average.copy_(param)
        elif self.avg_fn is not None:
            for average, param in zip(averages, params):
                average.copy_(self.avg_fn(average, param, self.n_averaged))
        else:
            update = self.multi_avg_fn or get_swa_multi_avg_fn()
            # Lists of one dtype, as such functions expect
            groups: dict[Any, tuple[list[Tensor], list[Tensor]]] = {}
            for average, param in zip(averages, params):
                group = groups.setdefault(average.dtype, ([], []))
                group[0].append(average)
                group[1].append(param)
            for same_averages, same_params in groups.values():
                update(same_averages, same_params, self.n_averaged)
        if not self.use_buffers:
            for mine_too, buffer in zip(self.module.buffers(), model.buffers(), strict=True):
                mine_too.detach().copy_(buffer.detach())
        self.n_averaged += 1


def update_bn(loader: Iterable[Any], model: nn.Module, device: Any = None) -> None:
    """Compute the running statistics of a model's batch normalisations anew.

    Averaged parameters need statistics of their own. The model runs once over the data in training
    mode, without gradients; nothing happens if it has no batch normalisation.

    Args:
        loader: of inputs, or of tuples and lists that begin with them.
        model: is left in the mode in which it was.
        device: only the CPU. Default: ``None``

    Example::

        >>> model = cgrad.nn.BatchNorm1d(1)
        >>> cgrad.optim.swa_utils.update_bn([cgrad.tensor([[1.0], [3.0]])], model)
        >>> model.running_mean
        tensor([2.])
    """
    momenta = {}
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        module.momentum = None  # the plain average of all batches
    with cgrad.no_grad():
        for batch in loader:
            inputs = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(inputs if device is None else inputs.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Go from the present rate to a constant one, at which models are averaged.

    Args:
        optimizer: whose groups get new rates.
        swa_lr: the last rate, or a list with one for each group.
        anneal_epochs: epochs of the way. Default: 10
        anneal_strategy: ``"cos"`` or ``"linear"``. Default: ``"cos"``
        last_epoch: see :class:`~cgrad.optim.lr_scheduler.LRScheduler`. Default: -1

    Raises:
        ValueError: an option is out of range.

    Example::

        >>> optimizer = cgrad.optim.SGD([cgrad.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = cgrad.optim.swa_utils.SWALR(optimizer, swa_lr=0.5, anneal_epochs=1)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for rate, group in zip(per_group("swa_lr", optimizer, swa_lr), optimizer.param_groups):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                "anneal_strategy must be one of 'cos' or 'linear', "
                f"instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(
                f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}"
            )
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _way(self, step: int) -> float:
        """How far the rate has come at a step, from 0 to 1."""
        t = max(0, min(1, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[Any]:
        self._check_within_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._way(step - 1), self._way(step)
        rates = []
        for group in self.optimizer.param_groups:
            last = group["swa_lr"]
            # The rate that was there before the way began, found from the present one
            start = last if before == 1 else (group["lr"] - before * last) / (1 - before)
            rates.append(last * now + start * (1 - now))
        return rates
