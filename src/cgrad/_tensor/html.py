"""A tensor as a notebook shows it: ``Tensor._repr_html_``.

What cannot be seen from the numbers stands above them; below is a table of at most 10 by 10 cells,
however large the tensor is: of a matrix its corners, of more dimensions the first matrix. Colours
are left to the notebook, so that it is readable in light and dark.
"""
from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from cgrad._tensor.printing import _gradient_suffix, _NumberFormat

__all__ = ["tensor_html"]

EDGE = 5                    # cells shown at each end of a dimension
MOST_FOR_STATISTICS = 10**7   # elements whose extremes are looked for: some milliseconds

CELL = 'style="text-align:right;padding:1px 6px"'
GAP = "…"


def _places(length: int) -> list[int | None]:
    """The indices shown of a dimension; None for those left out."""
    if length <= 2 * EDGE:
        return list(range(length))
    return [*range(EDGE), None, *range(length - EDGE, length)]


def _statistics(array: np.ndarray) -> str:
    """Extremes and mean of the finite elements, and how many are not finite."""
    if array.dtype == np.bool_:
        return f"{np.count_nonzero(array)} of {array.size} are True"
    finite = array
    others = 0
    if array.dtype.kind == "f":
        which = np.isfinite(array)
        others = array.size - int(np.count_nonzero(which))
        if others:
            finite = array[which]
    parts = []
    if finite.size:
        mean = finite.mean(dtype=np.float64)
        parts = [f"min {finite.min():.4g}", f"mean {mean:.4g}", f"max {finite.max():.4g}"]
    if others:
        parts.append(f"{others} not finite")
    return ", ".join(parts)


def tensor_html(t: Any) -> str:
    """The HTML of a tensor: a line about it and a small table of its numbers."""
    array = t.detach().numpy()
    kind = type(t).__name__
    words = ["tensor" if kind == "Tensor" else kind, f"shape {tuple(array.shape)}",
             array.dtype.name]  # fmt: skip
    gradient = _gradient_suffix(t)
    if gradient is not None:
        words.append(gradient)
    matrix = array
    if array.ndim > 2 and array.size:
        matrix = array[(0,) * (array.ndim - 2)]
        words.append(f"the first of {array.size // matrix.size} matrices")
    head = escape(" · ".join(words))
    html = ['<div style="font-family:monospace;font-size:90%">',
            f'<div style="opacity:.75">{head}</div>']  # fmt: skip
    if array.size:
        rows = matrix.reshape(1, -1) if matrix.ndim < 2 else matrix
        html.append(_table(rows))
        if array.size > 4 * EDGE * EDGE and array.size <= MOST_FOR_STATISTICS:
            html.append(f'<div style="opacity:.75">{escape(_statistics(array))}</div>')
    return "".join([*html, "</div>"])


def _table(rows: np.ndarray) -> str:
    down, across = (_places(length) for length in rows.shape)
    shown = rows[np.ix_([i for i in down if i is not None], [j for j in across if j is not None])]
    number = _NumberFormat(shown)
    lines = []
    for i in down:
        cells = [GAP if i is None or j is None else number(rows[i, j].item()).strip()
                 for j in across]  # fmt: skip
        lines.append("<tr>" + "".join(f"<td {CELL}>{escape(c)}</td>" for c in cells) + "</tr>")
    return f'<table style="border-collapse:collapse">{"".join(lines)}</table>'
