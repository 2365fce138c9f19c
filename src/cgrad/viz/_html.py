"""The page: template, style and program from the folder ``page``, and the graph as JSON."""
from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from cgrad.viz import _place
from cgrad.viz._collect import Graph, equation
from cgrad.viz._layout import Layout
from cgrad.viz._numbers import Summary

FOLDER = Path(__file__).parent / "page"
SCRIPTS = ("data.js", "place.js", "scene.js", "words.js", "draw.js", "details.js", "page.js")
KINDS = ("operation", "leaf", "constant")
ITEMS = ("node", "box", "lane", "entry", "exit")


class _Table:
    """Values by number, each kept once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, value: Any) -> int:
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
        return found


def _summary(s: Summary | None) -> Any:
    if s is None:
        return None
    return s.short if s.short == s.long else [s.short, s.long]


def data(graph: Graph, layout: Layout) -> dict[str, Any]:
    """What page/data.js unpacks."""
    rules, shapes, lines = _Table(), _Table(), _Table()
    nodes = []
    for node, home in zip(graph.nodes, layout.home):
        inputs = []
        for edge in node.inputs:
            row: list[Any] = [edge.source, edge.number]
            if edge.downstream is not None:
                down = edge.downstream
                row += [*equation(node, edge), edge.local.long if edge.local else "",
                        "" if down.long == down.tiny else down.long]
                while not row[-1]:
                    row.pop()
            inputs.append(row)
        nodes.append([
            KINDS.index(node.kind), node.operation, node.name, rules.number(tuple(node.rule[:3])),
            shapes.number(node.shape), _summary(node.value), _summary(node.upstream),
            node.upstream.tiny if node.upstream else "",
            -1 if node.line is None else lines.number(node.line), home, inputs,
        ])
    boxes = [{
        "parent": box.parent, "title": box.title, "path": box.path,
        "size": box.size, "open": box.open,
        "items": [[ITEMS.index(item.kind), item.of] for item in box.items],
        "columns": box.columns,
        "segments": [[s.start, s.end, s.source, int(s.tag)] for s in box.segments],
    } for box in layout.boxes]
    p = _place
    return {
        "nodes": nodes, "boxes": boxes, "backward": graph.backward, "note": graph.note,
        "recorded": graph.recorded, "rules": rules.values, "shapes": shapes.values,
        "lines": lines.values,
        "sizes": {"card": p.CARD, "port": p.PORT, "narrow": p.NARROW, "many": p.MANY,
                  "gap": p.GAP, "label": p.LABEL, "bare": p.BARE, "apart": p.APART,
                  "lane": p.LANE, "pad": p.PAD, "head": p.HEAD, "passes": p.PASSES},
    }


def page(graph: Graph, layout: Layout, title: str) -> str:
    """One file with everything in it; its policy forbids it to load anything else."""
    count = len(graph.nodes)
    kinds = [sum(node.kind == kind for node in graph.nodes) for kind in KINDS]
    counts = f"{count:,} {'node' if count == 1 else 'nodes'}: " + ", ".join(
        f"{n:,} {one if n == 1 else many}" for n, one, many in zip(
            kinds, ("operation", "leaf", "constant"), ("operations", "leaves", "constants")))
    script = "\n".join((FOLDER / name).read_text("utf-8").replace('"use strict";\n', "", 1)
                       for name in SCRIPTS)
    # "</script" would end the element, "<!--" and "<script" together keep it from ending.
    text = json.dumps(data(graph, layout), ensure_ascii=False, separators=(",", ":"))
    parts = {
        "TITLE": html.escape(title), "COUNTS": counts, "DATA": text.replace("<", "\\u003c"),
        "CSS": (FOLDER / "page.css").read_text("utf-8"), "SCRIPT": '"use strict";\n' + script,
    }
    pieces = (FOLDER / "page.html").read_text("utf-8").split("@")
    return "".join(parts.get(piece, piece) if k % 2 else piece for k, piece in enumerate(pieces))
