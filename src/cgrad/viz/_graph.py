"""``viz.graph``: the picture of a computation, in several forms."""
from __future__ import annotations

import html
import os
from pathlib import Path
from typing import Any

from cgrad import Tensor
from cgrad.viz._collect import Graph, collect
from cgrad.viz._layout import Layout, layout

# What a name may hold and no page or picture may: control characters, lone surrogates.
_UNREADABLE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127, *range(0xD800, 0xE000),
                             0xFFFE, 0xFFFF), "\ufffd")


class GraphPicture:
    """What :func:`graph` returns; shows itself in notebooks.

    Attributes:
        title (str): what stands above the picture.
        note (str): why the backward pass is missing, "" if it is there.
    """

    def __init__(self, graph: Graph, layout: Layout, title: str) -> None:
        self._graph, self._layout = graph, layout
        self.title = title
        self.note = graph.note

    def __len__(self) -> int:
        """Number of nodes."""
        return len(self._graph.nodes)

    def __repr__(self) -> str:
        return f"<GraphPicture {self.title!r}: {len(self)} nodes>"

    def html(self) -> str:
        """One page with everything in it, which loads nothing: to step through both passes."""
        from cgrad.viz._html import page

        return page(self._graph, self._layout, self.title).translate(_UNREADABLE)

    def svg(self) -> str:
        """A picture that stands still; boxes that are folded in the page are folded here."""
        from cgrad.viz._svg import svg

        return svg(self._graph, self._layout, self.title).translate(_UNREADABLE)

    def dot(self) -> str:
        """The graph in Graphviz's language, all boxes open: ``dot -Tpdf`` draws it."""
        from cgrad.viz._dot import dot

        return dot(self._graph, self._layout, self.title).translate(_UNREADABLE)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page, the picture or Graphviz's text, by the ending of the name.

        Args:
            path: ends in ``.html``, ``.svg``, ``.dot`` or ``.gv``.

        Returns:
            Path: where it was written.

        Raises:
            ValueError: another ending.
        """
        path = Path(path)
        write = {".html": self.html, ".svg": self.svg, ".dot": self.dot, ".gv": self.dot}
        if path.suffix not in write:
            raise ValueError(f"save(): the name must end in .html, .svg, .dot or .gv, "
                             f"but is {path.name!r}")
        path.write_text(write[path.suffix](), "utf-8")
        return path

    def _repr_html_(self) -> str:
        page = html.escape(self.html())
        return (f'<iframe srcdoc="{page}" title="{html.escape(self.title)}" '
                'style="width:100%;height:640px;border:0"></iframe>')


def graph(loss: Tensor, params: Any = None, *, gradient: Tensor | None = None,
          title: str = "Computation graph", fold: int | None = None) -> GraphPicture:
    """The computation graph of a tensor, to be looked at and stepped through.

    Every node shows its operation, shape, dtype, value and gradient. The gradients come from a
    sweep of their own, before :meth:`~cgrad.Tensor.backward` or after ``backward(retain_graph=
    True)``; it adds nothing to any ``.grad``, but hooks on tensors run, and again with the ones
    that a second sweep sends for the local derivatives. Values that no derivative
    reads, lines of the program and boxes around modules are there for what was computed inside
    :class:`record`.

    Args:
        loss: the result; its whole history is drawn.
        params: names of tensors: a module, a dictionary of tensors, or an iterable of tensors or
            of pairs of a name and a tensor, such as ``model.named_parameters()``. Results in
            between may be named too. Default: ``None``, the parameters of recorded modules
        gradient: of the result, in its shape. Default: ``None``, 1 for a single element
        title: what stands above. Default: ``"Computation graph"``
        fold: depth from which boxes are folded, 0 for the outermost. Default: ``None``, as many
            are open as make a picture that can be looked at

    Returns:
        GraphPicture: with ``html()``, ``svg()``, ``dot()`` and ``save(path)``.

    Raises:
        TypeError: `loss` is no tensor, or `params` holds something else than tensors.
        RuntimeError: `loss` has no history, or `gradient` another shape.

    Example::

        >>> x, y, z = (cgrad.tensor(v, requires_grad=True) for v in (1.0, 2.0, 0.0))
        >>> f = (x + y) * cgrad.maximum(y, z)
        >>> picture = cgrad.viz.graph(f, params={"x": x, "y": y, "z": z})
        >>> "∂ 2 + 3 = 5" in picture.svg()
        True
    """
    if not isinstance(loss, Tensor):
        raise TypeError(f"graph(): loss must be a Tensor, but got {type(loss).__name__}")
    if not loss.requires_grad:
        raise RuntimeError("graph(): element 0 of tensors does not require grad and does not have "
                           "a grad_fn, so there is no graph to draw")
    if fold is not None and (not isinstance(fold, int) or fold < 0):
        raise ValueError(f"graph(): fold must be a depth, 0 or more, but is {fold!r}")
    if gradient is not None and gradient.shape != loss.shape:
        raise RuntimeError(f"graph(): the gradient has shape {tuple(gradient.shape)}, but the "
                           f"result {tuple(loss.shape)}")
    found = collect(loss, params, gradient)
    return GraphPicture(found, layout(found, fold), title)
