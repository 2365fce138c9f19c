"""Training curves: a notebook of numbers, and its picture."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cgrad.viz._figure import COLOURS, number, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["History", "curves"]


class History:
    """Numbers of a training run, noted by the loop itself.

    Each call of :meth:`log` adds one point to each curve that it names; curves may have different
    numbers of points.

    Attributes:
        values (dict): name -> list of the numbers noted.
        steps (dict): name -> list of the steps they belong to.

    Example::

        >>> history = cgrad.viz.History()
        >>> for epoch in range(3):
        ...     history.log(train=1 / (epoch + 1), test=cgrad.tensor(0.5))
        >>> history.values["test"]
        [0.5, 0.5, 0.5]
        >>> history.steps["train"]
        [0, 1, 2]
    """

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}
        self.steps: dict[str, list[float]] = {}

    def log(self, step: float | None = None, **values: Any) -> None:
        """Note numbers, given by name: Python's, NumPy's, or tensors of one element.

        Args:
            step: where they belong on the axis of steps. Default: one beyond the last of the same
                name, 0 for the first

        Raises:
            ValueError: a value has more than one element, or is no number; then none is noted.
        """
        numbers = {name: number(value, f"History.log: {name}") for name, value in values.items()}
        for name, value in numbers.items():
            steps = self.steps.setdefault(name, [])
            steps.append(step if step is not None else steps[-1] + 1 if steps else 0)
            self.values.setdefault(name, []).append(value)

    def __len__(self) -> int:
        return max(map(len, self.values.values()), default=0)

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={values[-1]:.4g}" for name, values in self.values.items())
        return f"History({len(self)} points{': ' if last else ''}{last})"

    def plot(self, **options: Any) -> Figure:
        """Draw it: :func:`curves` with the same options."""
        return curves(self, **options)


def smoothed(values: Sequence[float], share: float) -> list[float]:
    """Exponential moving average with weight `share` on the past, corrected for its beginning."""
    mean, weight, result = 0.0, 0.0, []
    for value in values:
        mean = share * mean + (1 - share) * value
        weight = share * weight + (1 - share)
        result.append(mean / weight)
    return result


def curves(
    history: History | Mapping[str, Sequence[Any]],
    *,
    smooth: float = 0.0,
    best: str | None = None,
    log: bool = False,
    xlabel: str = "step",
    ylabel: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw training curves: one line for each name.

    Args:
        history: a :class:`History`, or a mapping from names to sequences of numbers.
        smooth: weight of the past in a moving average, from 0 (none) to below 1; what is smoothed
            is drawn faintly behind. Default: 0
        best: name of the curve whose lowest point is marked: where to stop early. Default: None
        log: logarithmic vertical axis. Default: ``False``
        xlabel, ylabel, title: texts.
        ax: axes of matplotlib to draw in. Default: a new figure

    Returns:
        matplotlib.figure.Figure: to be shown by a notebook, or written by ``savefig``.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there is nothing to draw, or ``smooth`` is out of range.
        KeyError: there is no curve named ``best``.

    Example::

        >>> figure = cgrad.viz.curves({"train": [1.0, 0.5, 0.3], "test": [1.1, 0.8, 0.9]},
        ...                           best="test", xlabel="epoch", ylabel="loss")
        >>> figure.savefig("curves.png")
    """
    if not 0 <= smooth < 1:
        raise ValueError(f"curves: smooth must be in [0, 1), got {smooth}")
    if isinstance(history, History):
        lines = {name: (history.steps[name], history.values[name]) for name in history.values}
    else:
        lines = {}
        for name, sequence in history.items():
            values = [number(value, f"curves: {name}") for value in sequence]
            lines[name] = (list(range(len(values))), values)
    if not any(values for _, values in lines.values()):
        raise ValueError("curves: there are no points to draw")
    if best is not None and best not in lines:
        raise KeyError(f"curves: there is no curve {best!r} (there are {', '.join(lines)})")
    figure, axes = one_axes(ax, 6.4, 4.0)
    for i, (name, (steps, values)) in enumerate(lines.items()):
        colour = COLOURS[i % len(COLOURS)]
        marker = "o" if len(values) == 1 else ""
        shown = values
        if smooth:
            axes.plot(steps, values, color=colour, alpha=0.25, lw=0.8)
            shown = smoothed(values, smooth)
        axes.plot(steps, shown, color=colour, label=name, marker=marker)
        if name == best:
            at = min(range(len(shown)), key=lambda k: (shown[k] != shown[k], shown[k]))
            axes.plot(steps[at], shown[at], "*", color=colour, ms=13, mec="white", zorder=3,
                      label=f"lowest: {shown[at]:.3g} at {steps[at]:g}")  # fmt: skip
    if log:
        axes.set_yscale("log")
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.grid(alpha=0.25)
    axes.legend()
    return figure
