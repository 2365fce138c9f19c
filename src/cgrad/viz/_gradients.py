"""Gradient norms by layer over time: vanishing and exploding made visible."""
from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Any

import cgrad
from cgrad import Tensor
from cgrad.viz._figure import one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["GradientNorms", "gradients"]

VANISHED = 1e-4     # of the largest layer's norm
EXPLODED = 1e3      # times the norm at the beginning


class GradientNorms:
    """Norms of the gradients of a model's layers, noted after each ``backward``.

    A layer is a module that has parameters of its own; its norm is that of all their gradients
    together. Layers come in the order of ``model.named_parameters()``, which for most models is
    that from input to output.

    Args:
        model: the module to watch. It is not changed, and nothing is hung into it.
        each_parameter: note every parameter for itself, not the layers. Default: ``False``

    Attributes:
        norms (dict): name of the layer -> list of norms, one for each call of :meth:`log`; NaN
            where it had no gradient.

    Example::

        >>> model = cgrad.nn.Sequential(cgrad.nn.Linear(2, 8), cgrad.nn.Tanh(),
        ...                             cgrad.nn.Linear(8, 1))
        >>> watched = cgrad.viz.GradientNorms(model)
        >>> optimizer = cgrad.optim.SGD(model.parameters(), lr=0.1)
        >>> for _ in range(3):
        ...     optimizer.zero_grad()
        ...     model(cgrad.ones(4, 2)).square().mean().backward()
        ...     watched.log()              # between backward and the optimizer's step
        ...     optimizer.step()
        >>> list(watched.norms), len(watched)
        (['0', '2'], 3)
    """

    def __init__(self, model: cgrad.nn.Module, *, each_parameter: bool = False) -> None:
        self._tensors: dict[str, list[Tensor]] = {}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                layer = name if each_parameter else name.rpartition(".")[0] or name
                self._tensors.setdefault(layer, []).append(parameter)
        if not self._tensors:
            raise ValueError("GradientNorms: the model has no parameter that requires a gradient")
        self.norms: dict[str, list[float]] = {name: [] for name in self._tensors}

    def log(self) -> None:
        """Note the norms of the gradients as they are now."""
        with cgrad.no_grad():
            for name, tensors in self._tensors.items():
                parts = [_norm(t.grad) for t in tensors if t.grad is not None]
                self.norms[name].append(math.hypot(*parts) if parts else math.nan)

    def __len__(self) -> int:
        return len(next(iter(self.norms.values())))

    def findings(self) -> list[str]:
        """What looks wrong, in words: no gradient, not finite, vanishing, exploding.

        Vanishing is a median norm below a ten thousandth of the largest layer's, exploding one
        that ends a thousand times as large as it began.

        Example::

            >>> weight = cgrad.nn.Linear(1, 1)
            >>> watched = cgrad.viz.GradientNorms(weight)
            >>> watched.log()
            >>> watched.findings()
            ['weight: never had a gradient', 'bias: never had a gradient']
        """
        finite = {name: list(filter(math.isfinite, norms)) for name, norms in self.norms.items()}
        middle = {name: median(norms) for name, norms in finite.items() if norms}
        largest = max(middle, key=lambda name: middle[name], default="")
        found = []
        for name, norms in self.norms.items():
            given = [n for n in norms if not math.isnan(n)]
            if len(norms) and all(map(math.isnan, norms)):
                nans = any(t.grad is not None for t in self._tensors[name])
                found.append(f"{name}: " + ("its gradient is NaN" if nans else
                                            "never had a gradient"))  # fmt: skip
            elif len(finite[name]) < len(given) or (norms and math.isnan(norms[-1])):
                found.append(f"{name}: its gradient is not always finite")
            elif finite[name]:
                begin, end = finite[name][0], finite[name][-1]
                if middle[name] < VANISHED * middle[largest]:
                    found.append(f"{name}: vanishing, {middle[name]:.1e} where {largest} has "
                                 f"{middle[largest]:.1e}")  # fmt: skip
                elif end > EXPLODED * begin > 0:
                    found.append(f"{name}: exploding, from {begin:.1e} to {end:.1e}")
        return found

    def plot(self, **options: Any) -> Figure:
        """Draw it: :func:`gradients` with the same options."""
        return gradients(self, **options)


def _norm(grad: Tensor) -> float:
    if grad.is_sparse:
        grad = grad.to_dense()
    return float(grad.norm().item())


def gradients(
    watched: GradientNorms,
    *,
    xlabel: str = "step",
    title: str = "gradient norms by layer",
    ax: Axes | None = None,
) -> Figure:
    """Draw gradient norms over time, a line for each layer, coloured from the first to the last.

    The vertical axis is logarithmic: lines that spread out and sink from the last layer to the
    first are vanishing gradients, lines that climb by powers of ten exploding ones; where a norm
    is infinite or NaN a cross stands at the top. Norms of 0 are at the lower edge.

    Args:
        watched: what has noted the norms.
        xlabel, title: texts.
        ax: axes of matplotlib to draw in. Default: a new figure

    Returns:
        matplotlib.figure.Figure: to be shown by a notebook, or written by ``savefig``.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: nothing has been noted yet.

    Example::

        >>> layer = cgrad.nn.Linear(3, 1)
        >>> watched = cgrad.viz.GradientNorms(layer)
        >>> layer(cgrad.ones(3)).backward()
        >>> watched.log()
        >>> cgrad.viz.gradients(watched).savefig("gradients.png")
    """
    if not len(watched):
        raise ValueError("gradients: nothing has been noted; call log() after each backward")
    figure, axes = one_axes(ax, 7.2, 4.2)
    from matplotlib import colormaps

    positive = [n for norms in watched.norms.values() for n in norms if 0 < n < math.inf]
    low, high = min(positive, default=1e-8), max(positive, default=1.0)
    shades = colormaps["viridis"]
    count = len(watched.norms)
    for i, (name, norms) in enumerate(watched.norms.items()):
        colour = shades(0.92 * i / max(1, count - 1))
        line = [max(n, low / 10) if math.isfinite(n) else math.nan for n in norms]
        marker = "." if len(norms) <= 40 else ""   # a lone point among crosses has no line
        axes.plot(line, color=colour, lw=1.4, label=name, marker=marker)
        lost = [k for k, n in enumerate(norms) if n == math.inf]
        seen = [k for k, n in enumerate(norms) if not math.isnan(n)]
        if seen:
            lost += [k for k, n in enumerate(norms) if math.isnan(n) and k > seen[0]]
        axes.plot(lost, [high * 3] * len(lost), "x", color=colour)
    axes.set_yscale("log")
    axes.set(xlabel=xlabel, ylabel="norm of the gradient", title=title)
    axes.grid(alpha=0.25)
    if count <= 16:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8, title="layer")
    else:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        bar = figure.colorbar(ScalarMappable(Normalize(0, count - 1), shades), ax=axes)
        bar.set_label("layer, from the first to the last")
    return figure
