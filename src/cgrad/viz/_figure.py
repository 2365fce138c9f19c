"""What the plots of :mod:`cgrad.viz` share: a figure of matplotlib, numbers, colours."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cgrad import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours (2008), which people with a colour vision deficiency can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")


def new_figure(width: float, height: float) -> Figure:
    """A figure that no window and no global state belongs to."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            'cgrad.viz draws with matplotlib, which is not installed: pip install "cgrad[viz]"'
        ) from None
    return Figure(figsize=(width, height), layout="constrained")


def one_axes(ax: Axes | None, width: float, height: float) -> tuple[Figure, Axes]:
    """The axes given and their figure, or new ones."""
    if ax is not None:
        return ax.figure, ax  # type: ignore[return-value]
    figure = new_figure(width, height)
    return figure, figure.subplots()


def number(value: Any, name: str) -> float:
    """A Python float from a number, or from a tensor or array of one element."""
    if isinstance(value, Tensor):
        value = value.detach()
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except (RuntimeError, ValueError, TypeError):
        shape = getattr(value, "shape", None)
        what = type(value).__name__ if shape is None else f"shape {tuple(shape)}"
        raise ValueError(f"{name}: expected a number or one element, got {what}") from None
