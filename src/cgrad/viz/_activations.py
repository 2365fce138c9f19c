"""Activation functions, each with its derivative."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import cgrad
from cgrad import Tensor
from cgrad.viz._figure import COLOURS, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["activations"]

NAMES = (
    "sigmoid", "tanh", "hardtanh", "softsign", "relu", "leaky_relu", "relu6", "prelu", "elu",
    "selu", "celu", "softplus", "gelu", "gelu (tanh)", "silu", "mish", "hardsigmoid", "hardswish",
    "logsigmoid", "softshrink", "hardshrink", "tanhshrink",
)  # fmt: skip


def _function(name: str) -> Callable[[Tensor], Tensor]:
    from cgrad.nn import functional as F

    if name == "gelu (tanh)":
        return lambda x: F.gelu(x, approximate="tanh")
    if name == "prelu":
        return lambda x: F.prelu(x, cgrad.tensor([0.25], dtype=x.dtype))
    found = getattr(F, name, None)
    if found is None:
        raise ValueError(f"activations: cgrad.nn.functional has no {name!r}")
    return found


def _named(functions: Any) -> dict[str, Callable[[Tensor], Tensor]]:
    if functions is None:
        functions = NAMES
    if isinstance(functions, Mapping):
        return dict(functions)
    if isinstance(functions, str) or not isinstance(functions, Iterable):
        functions = [functions]
    named: dict[str, Callable[[Tensor], Tensor]] = {}
    for function in functions:
        if isinstance(function, str):
            named[function] = _function(function)
        elif isinstance(function, cgrad.nn.Module):
            named[str(function)] = function
        else:
            named[getattr(function, "__name__", repr(function))] = function
    return named


def activations(
    functions: Any = None, *, low: float = -4.0, high: float = 4.0, points: int = 801
) -> Figure:
    """Draw activation functions with their derivatives, as the engine computes them.

    Args:
        functions: names of :mod:`cgrad.nn.functional`, functions of a tensor, or layers: one, a
            sequence, or a mapping from titles to functions. Default: the usual 22
        low, high: the range of the argument. Default: -4 to 4
        points: how many arguments in it. Default: 801

    Returns:
        matplotlib.figure.Figure: a plot for each, value and derivative.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: an unknown name, or a function that is not elementwise.

    Example::

        >>> figure = cgrad.viz.activations(["tanh", cgrad.nn.LeakyReLU(0.1), cgrad.sin])
        >>> [axes.get_title() for axes in figure.axes]
        ['tanh', 'LeakyReLU(negative_slope=0.1)', 'sin']
    """
    if not low < high or points < 2:
        raise ValueError(f"activations: no range from {low} to {high} with {points} points")
    named = _named(functions)
    if not named:
        raise ValueError("activations: there are no functions to draw")
    columns = min(len(named), 5 if len(named) > 8 else 4)
    rows = math.ceil(len(named) / columns)
    figure = new_figure(2.6 * columns + 0.4, 2.3 * rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat
    bottom, top = 0.0, 0.0
    for (name, function), axes in zip(named.items(), grid):
        with cgrad.enable_grad():
            x = cgrad.linspace(low, high, points, requires_grad=True)
            y = function(x)
            if not isinstance(y, Tensor) or y.shape != x.shape:
                raise ValueError(f"activations: {name} is no function of each element")
            slope = None
            if y.requires_grad:
                (slope,) = cgrad.autograd.grad(y.sum(), x, allow_unused=True)
        slope = cgrad.zeros_like(x) if slope is None else slope
        at = x.detach().numpy()
        axes.axhline(0, color="0.8", lw=0.8)
        axes.axvline(0, color="0.8", lw=0.8)
        axes.plot(at, y.detach().numpy(), color=COLOURS[0], label="value")
        axes.plot(at, slope.numpy(), color=COLOURS[1], ls="--", label="derivative")
        axes.set_title(name, fontsize=10)
        axes.tick_params(labelsize=8)
        bottom, top = min(bottom, y.min().item()), max(top, y.max().item(), slope.max().item())
    figure.axes[0].set_ylim(max(bottom, -2) - 0.2, min(top, 3) + 0.2)   # of all: they are shared
    for axes in list(grid):
        axes.remove()
    for axes in figure.axes[-columns:]:
        axes.tick_params(labelbottom=True)       # also where the last row ends before
        axes.set_xlabel("x", fontsize=8)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
