"""The graph as an SVG picture that stands still, all values and gradients shown."""
from __future__ import annotations

from html import escape

from cgrad.viz._collect import Graph, equation
from cgrad.viz._dot import card
from cgrad.viz._layout import Layout, Segment
from cgrad.viz._place import HEAD, LABEL, MANY, Placed, ports

# Every rule is bound to the class, for a picture may stand in a page with others.
STYLE = """
.cgrad text{font:12.5px system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif;fill:#1d2228}
.cgrad .name{font-weight:bold;font-size:13.5px}.cgrad .small{font-size:11.5px;fill:#5b646e}
.cgrad .value{fill:#1f5fbf;font-weight:bold}.cgrad .gradient{fill:#b0430a;font-weight:bold}
.cgrad .equation{fill:#b0430a;font-size:12px}.cgrad .constant{stroke-dasharray:5 4}
.cgrad .paper{fill:#fff;stroke:#7a838d;stroke-width:1.3}
.cgrad .frame{fill:#00000006;stroke:#c3c7cb;stroke-width:1.5}.cgrad .ground{fill:#f6f5f1}
.cgrad .spine{stroke:#1f5fbf;stroke-width:4;stroke-linecap:round}
.cgrad .wire{fill:none;stroke:#7a838d;stroke-width:1.6}.cgrad .tip{fill:#7a838d}
@media (prefers-color-scheme:dark){.cgrad text{fill:#e8eaed}.cgrad .small{fill:#a3acb6}
.cgrad .value{fill:#7db0ff}.cgrad .gradient,.cgrad .equation{fill:#ff9d5c}
.cgrad .paper{fill:#20252b;stroke:#7b858f}.cgrad .spine{stroke:#7db0ff}
.cgrad .frame{fill:#ffffff0a;stroke:#3a424b}.cgrad .ground{fill:#15181c}}
"""


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else "…" + text[len(text) - length + 1:]


def svg(graph: Graph, layout: Layout, title: str) -> str:
    """The picture; boxes are drawn as they are open or closed in the layout."""
    placed = Placed(graph, layout, bool(graph.backward))
    wide, high = placed.size[0]
    out = ['<svg xmlns="http://www.w3.org/2000/svg" class="cgrad" role="img" '
           f'viewBox="-20 -20 {wide + 40:.0f} {high + 40:.0f}" '
           f'width="{wide + 40:.0f}" height="{high + 40:.0f}">',
           f"<title>{escape(title)}</title><style>{STYLE}</style>",
           '<defs><marker id="cgrad-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" '
           'markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">'
           '<path class="tip" d="M0 0L10 5L0 10z"/></marker></defs>',
           f'<rect class="ground" x="-20" y="-20" width="{wide + 40:.0f}" '
           f'height="{high + 40:.0f}"/>']
    shown = [box for box in layout.boxes if placed.visible[box.index]]
    for box in shown[1:]:
        x, y = placed.corner[box.index]
        w, h = placed.size[box.index]
        out.append(f'<rect class="{"frame" if box.open else "paper"}" x="{x:.1f}" y="{y:.1f}" '
                   f'width="{w:.1f}" height="{h:.1f}" rx="9"/>')
        top = y + HEAD - 10 if box.open else y + h / 2 - 8
        out.append(_text(x + 14, top, "name", _cut(box.title, 26)))
        if not box.open:
            count = f"{box.size} nodes" if box.size > 1 else "1 node"
            out.append(_text(x + 14, top + 19, "small", f"folded, {count}"))
    for box in shown:
        if box.open:
            for segment in box.segments:
                out += _wire(graph, placed, box.index, segment)
    for i, (x, y, w, h) in enumerate(placed.node):
        if w:
            out += _node(graph, placed, i, x, y, w, h)
    return "\n".join([*out, "</svg>"]) + "\n"


def _text(x: float, y: float, kind: str, text: str, end: bool = False) -> str:
    anchor = ' text-anchor="end"' if end else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{anchor}>{escape(text)}</text>'


def _node(graph: Graph, placed: Placed, i: int, x: float, y: float, w: float,
          h: float) -> list[str]:
    node = graph.nodes[i]
    leaf = node.kind == "leaf"
    left, middle = x + (18 if leaf else 14), y + h / 2
    out = [f"<g><title>{escape(node.rule.words)} {escape(node.rule.formula)}</title>",
           f'<rect class="paper {node.kind}" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" '
           f'height="{h:.1f}" rx="{22 if leaf else 8}"/>']
    if node.kind == "operation":
        out.append(f'<path class="spine" d="M{x + 4:.1f} {y + 10:.1f}V{y + h - 10:.1f}"/>')
    for k, (kind, line) in enumerate(zip(("name", "small", "value", "gradient"),
                                         card(graph, node))):
        if line:
            out.append(_text(left, middle - 24 + 19 * k, kind, _cut(line, 26 if k else 22)))
    out.append("</g>")
    if len(node.inputs) <= MANY:
        step = ports(len(node.inputs))[0]
        for k, edge in enumerate(node.inputs):
            above, below = equation(node, edge)
            if below:
                at = middle + (k - (len(node.inputs) - 1) / 2) * step
                out.append(_text(x - 12, at - 6, "equation", above, True))
                out.append(_text(x - 12, at + 15, "equation", below, True))
    return out


def _wire(graph: Graph, placed: Placed, b: int, segment: Segment) -> list[str]:
    box, source = placed.boxes[b], segment.source
    start, ends, head = placed.route(box, segment)
    marker = ' marker-end="url(#cgrad-tip)"' if head else ""
    dashes = " constant" if graph.nodes[source].kind == "constant" else ""
    out = []
    for x2, y2 in ends:
        if segment.tag:
            out.append(f'<path class="wire{dashes}" d="M{x2 - 20:.1f} {y2:.1f}H{x2:.1f}"{marker}/>')
            name = _cut(graph.nodes[source].title, 14)
            out.append(_text(x2 - 24, y2 + 4, "small", f"from {name}", True))
            continue
        (x0, _), (x1, y1) = start
        bend = x2 - LABEL if x2 - x1 > LABEL + 30 else x2
        half = (bend - x1) / 2
        out.append(f'<path class="wire{dashes}" d="M{x0:.1f} {y1:.1f}H{x1:.1f}C{x1 + half:.1f} '
                   f'{y1:.1f} {bend - half:.1f} {y2:.1f} {bend:.1f} {y2:.1f}H{x2:.1f}"{marker}/>')
    return out
