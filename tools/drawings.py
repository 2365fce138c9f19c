"""Draw the node arrays and the graph of the documentation: docs/drawings/*.svg.

    python tools/drawings.py

The files are put into the pages as they are, so that they take the colors of the page, light or
dark; lecture.svg, which is an image, those of the system.  tests/test_docs.py compares the numbers
in them with what the engine computes.
"""
from __future__ import annotations

import argparse
from html import escape
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "drawings"

STYLE = """
  .drawing text { font: 14px system-ui, sans-serif; fill: currentColor; }
  .drawing .code { font-family: ui-monospace, monospace; font-size: 13px; }
  .drawing .small { font-size: 12px; opacity: .8; }
  .drawing .line { stroke: currentColor; fill: none; stroke-width: 1.2; }
  .drawing .cell { stroke: currentColor; stroke-opacity: .45; fill: none; }
  .drawing .head { fill: currentColor; fill-opacity: .08; }
  .drawing .strong { fill: var(--color-brand-primary, #0a4bff); fill-opacity: .14; }
  .drawing .value { fill: var(--cgrad-value, #0a6b2d); font-weight: 600; }
  .drawing .gradient { fill: var(--cgrad-gradient, #b3261e); font-weight: 600; }
  .drawing .back { stroke: var(--cgrad-gradient, #b3261e); fill: none; stroke-width: 1.4; }
  .drawing .tip { fill: currentColor; }
"""


class Drawing:
    """Pieces of one SVG file."""

    def __init__(self, width, height, title, description):
        self.size, self.title, self.description = (width, height), title, description
        self.parts = []

    def text(self, x, y, words, kind="", anchor="middle"):
        self.parts.append(f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">'
                          f"{escape(words)}</text>")

    def box(self, x, y, width, height, kind="cell"):
        self.parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" '
                          f'class="{kind}"/>')

    def path(self, way, kind="line", tip=True):
        end = f' marker-end="url(#{self.name()}-tip)"' if tip else ""
        self.parts.append(f'<path d="{way}" class="{kind}"{end}/>')

    def circle(self, x, y, radius, kind="cell"):
        self.parts.append(f'<circle cx="{x}" cy="{y}" r="{radius}" class="{kind}"/>')

    def table(self, x, y, labels, columns, *, label_width=112, width=118, height=26, strong=()):
        """A table that grows to the right: a column for each row of the arrays."""
        for i, label in enumerate(labels):
            top = y + i * height
            self.box(x, top, label_width, height, "head")
            self.box(x, top, label_width, height)
            self.text(x + label_width - 8, top + 18, label, "code", "end")
            for j, column in enumerate(columns):
                left = x + label_width + j * width
                if (i, j) in strong:
                    self.box(left, top, width, height, "strong")
                self.box(left, top, width, height)
                self.text(left + width / 2, top + 18, str(column[i]), "code")

    def name(self):
        return self.title.lower().replace(" ", "-").replace(",", "")

    def svg(self):
        width, height = self.size
        name = self.name()
        marks = (f'<defs><marker id="{name}-tip" viewBox="0 0 8 8" refX="7" refY="4" '
                 'markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
                 '<path d="M0 0 L8 4 L0 8 z" fill="context-stroke"/></marker></defs>')
        body = "\n".join(self.parts)
        return (f'<svg class="drawing" viewBox="0 0 {width} {height}" role="img" '
                f'aria-labelledby="{name}-title {name}-desc" '
                f'style="max-width: {width}px" xmlns="http://www.w3.org/2000/svg">\n'
                f'<title id="{name}-title">{escape(self.title)}</title>\n'
                f'<desc id="{name}-desc">{escape(self.description)}</desc>\n'
                f"<style>{STYLE}</style>\n{marks}\n{body}\n</svg>\n")


def rows():
    """The arrays after ``s = (x * w).sum()``."""
    d = Drawing(640, 402, "Node arrays", "Four rows: x, w, their product and its sum. The product "
                "has inputs 1 and 2 and no memory any more; the sum has input 3.")
    for j, name in enumerate(("x", "w", "x * w", "s")):
        d.text(150 + 118 * j + 59, 20, name)
    d.text(8, 40, "Node: what a traversal reads, 64 bytes", "small", "start")
    d.table(38, 48, ["row id", "op", "inputs", "saves", "graph_refs", "value_refs", "flags"], [
        ["1", "0 (leaf)", "–", "–", "2", "1", "REQUIRES_GRAD"],
        ["2", "0 (leaf)", "–", "–", "2", "2", "–"],
        ["3", "mul", "1, 2", "input 1", "1", "0", "REQUIRES_GRAD"],
        ["4", "sum", "3", "–", "1", "1", "REQUIRES_GRAD"],
    ], strong={(2, 2), (2, 3), (3, 2), (5, 2)})
    d.text(8, 258, "Value: what a kernel reads, 128 bytes", "small", "start")
    d.table(38, 266, ["row id", "dtype", "shape", "strides", "data"], [
        ["1", "F32", "2", "1", "2.0  3.0"],
        ["2", "F32", "2", "1", "4.0  5.0"],
        ["3", "F32", "2", "1", "released"],
        ["4", "F32", "()", "()", "23.0"],
    ], strong={(4, 2)})
    return d


def sweep():
    """The local arrays of the sweep from s."""
    d = Drawing(640, 330, "The sweep", "Positions 0, 1, 2 stand for rows 4, 3, 1. Gradients: 1 "
                "at the sum, 1 and 1 at the product, 4 and 5 at x.")
    d.text(8, 20, "1. Reach: a position for every row, an entry for every edge", "small", "start")
    d.table(38, 28, ["position", "rows", "pending", "edges"], [
        ["0", "4", "0", "1"], ["1", "3", "1", "2, -1"], ["2", "1", "1", "–"]], width=150)
    d.text(8, 160, "2. Order: a row is ready when nothing is pending", "small", "start")
    d.table(38, 168, ["order"], [["0"], ["1"], ["2"]], width=150)
    d.text(8, 222, "3. Sweep: the sum of what has arrived, the rule, what it sends on", "small",
           "start")
    d.table(38, 230, ["acc", "rule", "then"], [
        ["1.0", "d_sum", "1.0 1.0 → 1"],
        ["1.0 1.0", "d_mul", "4.0 5.0 → 2"],
        ["4.0 5.0", "leaf", "into .grad"]], width=150, strong={(0, 0), (0, 1), (0, 2)})
    return d


def graph():
    """f = (x + y) max(y, z) at (1, 2, 0), with values and gradients on the edges."""
    d = Drawing(640, 330, "Computation graph", "x = 1, y = 2 and z = 0 flow into x + y = 3 and "
                "max(y, z) = 2, whose product is 6. Backwards: 1 at the product, 2 and 3 at its "
                "inputs, 2 at x, 2 + 3 = 5 at y, 0 at z.")
    spots = {"x": (60, 60), "y": (60, 165), "z": (60, 270), "+": (270, 100), "max": (270, 230),
             "×": (450, 165)}
    names = {"+": "a = x + y", "max": "b = max(y, z)", "×": "f = a × b"}
    edges = [("x", "+", "1", "2"), ("y", "+", "2", "2"), ("y", "max", "2", "3"),
             ("z", "max", "0", "0"), ("+", "×", "3", "2"), ("max", "×", "2", "3")]
    for a, b, value, gradient in edges:
        (x1, y1), (x2, y2) = spots[a], spots[b]
        length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
        ux, uy = (x2 - x1) / length, (y2 - y1) / length
        nx, ny = -uy, ux
        for side, kind in ((-4, "line"), (4, "back")):
            start = (x1 + 30 * ux + side * nx, y1 + 30 * uy + side * ny)
            end = (x2 - 32 * ux + side * nx, y2 - 32 * uy + side * ny)
            if kind == "back":
                start, end = end, start
            d.path(f"M{start[0]:.1f} {start[1]:.1f} L{end[0]:.1f} {end[1]:.1f}", kind)
        mx, my = (x1 + x2) / 2, (y1 + y2) / 2
        d.text(round(mx - 16 * nx, 1), round(my - 16 * ny + 5, 1), value, "value")
        d.text(round(mx + 16 * nx, 1), round(my + 16 * ny + 5, 1), gradient, "gradient")
    for key, (x, y) in spots.items():
        d.circle(x, y, 24, "head")
        d.circle(x, y, 24)
        d.text(x, y + 5, key)
        if key in names:
            d.text(x, y - 34, names[key], "small")
    d.path("M474 161 L560 161")
    d.path("M560 169 L474 169", "back")
    d.text(520, 150, "6", "value")
    d.text(520, 190, "1", "gradient")
    d.text(578, 170, "f", "")
    for y, total in ((60, "2"), (165, "2 + 3 = 5"), (270, "0")):
        d.text(60, y + 42, total, "gradient")
    d.text(330, 318, "values flow to the right, gradients to the left", "small")
    return d


def lecture():
    """The same as `cgrad.viz.graph` draws it."""
    import cgrad

    x, y, z = (cgrad.tensor(v, requires_grad=True) for v in (1.0, 2.0, 0.0))
    a = x + y
    b = cgrad.maximum(y, z)
    f = a * b
    return cgrad.viz.graph(f, params={"x": x, "y": y, "z": z, "a": a, "b": b, "f": f},
                           title="f = (x + y) · max(y, z)")


DRAWINGS = {"rows": rows, "sweep": sweep, "graph": graph, "lecture": lecture}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder (%(default)s)")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWINGS.items():
        (given.out / f"{name}.svg").write_text(draw().svg(), "utf-8")


if __name__ == "__main__":
    main()
