"""The learning-rate finder: one run in which the rate grows at every step."""
from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cgrad
from cgrad import Tensor
from cgrad.viz._curves import smoothed
from cgrad.viz._figure import COLOURS, number, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["RateSweep", "lr_finder"]


@dataclass
class RateSweep:
    """What :func:`lr_finder` has found.

    Attributes:
        rates (list of float): the learning rates, growing by a constant factor.
        losses (list of float): the loss of the batch before the step with each rate.
        smooth (list of float): the same, smoothed.
        steepest (float): the rate at which the smoothed loss falls fastest.
        suggestion (float): a tenth of the rate at which the smoothed loss is lowest.
    """

    rates: list[float]
    losses: list[float]
    smooth: list[float]
    steepest: float
    suggestion: float

    def plot(self, *, title: str = "learning-rate finder", ax: Axes | None = None) -> Figure:
        """Draw the loss over the rate, with both marks.

        Args:
            title: text above.
            ax: axes of matplotlib to draw in. Default: a new figure

        Raises:
            ImportError: matplotlib is not installed.
        """
        figure, axes = one_axes(ax, 6.4, 4.0)
        axes.semilogx(self.rates, self.losses, color=COLOURS[0], alpha=0.25, lw=0.8)
        axes.semilogx(self.rates, self.smooth, color=COLOURS[0], label="loss, smoothed")
        axes.axvline(self.suggestion, color=COLOURS[1], ls="--",
                     label=f"a tenth of the lowest: {self.suggestion:.2g}")  # fmt: skip
        axes.axvline(self.steepest, color=COLOURS[2], ls=":",
                     label=f"steepest: {self.steepest:.2g}")  # fmt: skip
        # A loss that has blown up says no more than that.
        until = [v for r, v in zip(self.rates, self.smooth) if r <= 10.01 * self.suggestion]
        low, top = min(until), max(until)
        spread = max(top - low, 1e-3 * abs(top), 1e-12)
        axes.set_ylim(low - 0.1 * spread, top + 0.6 * spread)
        axes.set(xlabel="learning rate, growing at every step", ylabel="loss", title=title)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=9)
        return figure


def lr_finder(
    model: cgrad.nn.Module,
    optimizer: cgrad.optim.Optimizer,
    closure: Callable[[], Tensor],
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    smooth: float = 0.9,
    stop: float = 4.0,
) -> RateSweep:
    """Try growing learning rates in one short run (Smith, 2017), and put everything back.

    Each step computes a loss, differentiates it and takes a step of the optimizer with the rate
    of all groups set to ``low · (high / low)^(i / (steps - 1))``. Parameters, buffers, gradients,
    the optimizer's state and the random numbers are afterwards what they were before, so that
    training can follow as if nothing had been.

    Args:
        model: what is trained.
        optimizer: its optimizer, with the settings to be used later.
        closure: computes the loss of a new batch, without ``backward``.
        low, high: the first and the last rate. Default: 1e-6 and 10
        steps: how many. Default: 100
        smooth: weight of the past in the moving average of the loss. Default: 0.9
        stop: end when the smoothed loss is this many times the lowest so far. Default: 4

    Returns:
        RateSweep: rates, losses, a suggestion; ``.plot()`` draws them.

    Raises:
        TypeError: ``closure`` returns no tensor.
        ValueError: rates, steps or smoothing out of range, or the loss is not finite at the lowest
            rate already.

    Example::

        >>> _ = cgrad.manual_seed(0)
        >>> x = cgrad.randn(256, 4)
        >>> y = x.sum(1, keepdim=True)
        >>> model = cgrad.nn.Linear(4, 1)
        >>> optimizer = cgrad.optim.SGD(model.parameters(), lr=0.1)
        >>> def closure():
        ...     some = cgrad.randint(0, 256, (32,))
        ...     return cgrad.nn.functional.mse_loss(model(x[some]), y[some])
        >>> found = cgrad.viz.lr_finder(model, optimizer, closure)
        >>> 0.01 < found.suggestion < 1
        True
        >>> found.plot().savefig("rates.png")
    """
    if not 0 < low < high < math.inf or steps < 2:
        raise ValueError(f"lr_finder: no rates from {low} to {high} in {steps} steps")
    if not 0 <= smooth < 1:
        raise ValueError(f"lr_finder: smooth must be in [0, 1), got {smooth}")
    rates: list[float] = []
    losses: list[float] = []
    put_back = _keep(model, optimizer)
    try:
        lowest = math.inf
        for i in range(steps):
            rate = low * (high / low) ** (i / (steps - 1))
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            with cgrad.enable_grad():
                loss = closure()
            if not isinstance(loss, Tensor):
                raise TypeError("lr_finder: closure must return the loss, a tensor, but returned "
                                f"{type(loss).__name__}")
            value = number(loss, "lr_finder: the loss")
            if not math.isfinite(value):
                break
            rates.append(rate)
            losses.append(value)
            now = smoothed(losses, smooth)[-1]
            lowest = min(lowest, now)
            if now > stop * lowest > 0:
                break
            loss.backward()
            optimizer.step()
    finally:
        put_back()
    if len(losses) < 2:
        raise ValueError(f"lr_finder: the loss is not finite after a step with rate {low}")
    smooth_losses = smoothed(losses, smooth)
    # The first few values are hardly smoothed: what is lowest, or falls, among them says nothing.
    first = len(losses) // 10
    best = smooth_losses.index(min(smooth_losses[first:]), first)
    falls = [smooth_losses[k + 1] - smooth_losses[k] for k in range(first, max(best, first + 1))]
    steepest = rates[first + falls.index(min(falls))]
    return RateSweep(rates, losses, smooth_losses, steepest, rates[best] / 10)


def _keep(model: cgrad.nn.Module, optimizer: cgrad.optim.Optimizer) -> Callable[[], None]:
    """Remember the state of everything that a step changes; returns what restores it."""
    tensors: dict[int, Tensor] = {}
    for tensor in (*model.parameters(), *model.buffers()):
        tensors[id(tensor)] = tensor
    for group in optimizer.param_groups:
        tensors.update({id(tensor): tensor for tensor in group["params"]})
    values = [(tensor, tensor.detach().clone(), tensor.grad) for tensor in tensors.values()]
    buffers = [(module, dict(module._buffers)) for module in model.modules()]
    state: Any = copy.deepcopy(optimizer.state_dict())
    rates = [group["lr"] for group in optimizer.param_groups]
    random = cgrad.get_rng_state()
    for tensor, _, _ in values:
        tensor.grad = None          # else the sweep would write into the gradients kept

    def put_back() -> None:
        with cgrad.no_grad():
            for tensor, value, grad in values:
                tensor.copy_(value)
                tensor.grad = grad
        for module, before in buffers:
            module._buffers.update(before)      # forward may have put others there
        optimizer.load_state_dict(state)
        for group, rate in zip(optimizer.param_groups, rates):
            group["lr"] = rate
        cgrad.set_rng_state(random)

    return put_back
