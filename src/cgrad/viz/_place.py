"""Coordinates: where items stand once it is known which boxes are open.

page/place.js is the same, for the browser, where boxes are opened and closed; a test compares them.
"""
from __future__ import annotations

from cgrad.viz._collect import Graph
from cgrad.viz._layout import Box, Item, Layout, Segment

CARD = (186, 88)          # smallest width and height of a node
PORT = 40                 # between two inputs of a node: room for a label at each
NARROW = 16               # the same for nodes with many inputs, without labels
MANY = 8
LABEL = 146               # room for an equation before an input
GAP = 196                 # between columns: curves, then labels
BARE = 56                 # the same where no labels stand
APART = 26                # between items of a column
LANE = 14                 # height of a lane
PAD = 16                  # inside a box
HEAD = 30                 # its title
PASSES = 6


def ports(count: int) -> tuple[float, float]:
    """Distance of the inputs of a node with `count` of them, and its height."""
    step = PORT if count <= MANY else NARROW
    return step, max(CARD[1], step * count + 10)


class Placed:
    """Where everything is: the rectangles of nodes and boxes, and how wires run between them."""

    def __init__(self, graph: Graph, layout: Layout, labels: bool) -> None:
        self.graph, self.boxes = graph, layout.boxes
        self.labels = labels
        n = len(layout.boxes)
        self.size: list[tuple[float, float]] = [(0, 0)] * n
        self.at: list[list[tuple[float, float]]] = [[] for _ in range(n)]   # items: left, middle
        self.spread: list[list[float]] = [[] for _ in range(n)]             # widths of columns
        for box in reversed(layout.boxes):
            self._place(box)
        self.corner: list[tuple[float, float]] = [(0, 0)] * n
        self.node: list[tuple[float, float, float, float]] = [(0, 0, 0, 0)] * len(graph.nodes)
        self.visible = [False] * n
        self.visible[0] = True
        for box in layout.boxes:
            if self.visible[box.index] and box.open:
                self._spread_out(box)

    def item_size(self, item: Item) -> tuple[float, float]:
        """Width and height of an item."""
        if item.kind == "node":
            return CARD[0], ports(len(self.graph.nodes[item.of].inputs))[1]
        if item.kind == "box":
            return self.size[item.of]
        return 0, LANE

    def _place(self, box: Box) -> None:
        if not box.open:
            high = ports(len(box.columns[0]))[1]
            self.size[box.index] = CARD[0] + 20, max(high, NARROW * len(box.columns[-1]) + 10)
            return
        sizes = [self.item_size(item) for item in box.items]
        left = PAD if box.parent >= 0 else 0.0
        x = [0.0] * len(box.items)
        for k, column in enumerate(box.columns):
            wide = max((sizes[i][0] for i in column), default=0)
            for i in column:
                x[i] = left
            self.spread[box.index].append(wide)
            if column:
                left += wide
            if column and any(box.columns[k + 1:]):
                left += GAP if self._labelled(box, box.columns[k + 1]) else BARE
        y = self._heights(box, sizes)
        self.at[box.index] = list(zip(x, y))
        bottom = max((y[i] + sizes[i][1] / 2 for i in range(len(y))), default=0)
        pad = PAD if box.parent >= 0 else 0
        self.size[box.index] = left + pad, bottom + pad

    def _labelled(self, box: Box, column: list[int]) -> bool:
        """Whether equations stand to the left of a column."""
        for i in column if self.labels else ():
            kind, index = box.items[i]
            if kind == "node" and self.graph.nodes[index].inputs:
                return True
            if kind == "box" and not self.boxes[index].open and self.boxes[index].columns[0]:
                return True
        return False

    def _heights(self, box: Box, sizes: list[tuple[float, float]]) -> list[float]:
        """The middle of each item: near its neighbours, in the order of its column."""
        y = [0.0] * len(box.items)
        left: list[list[tuple[int, float]]] = [[] for _ in y]
        right: list[list[tuple[int, float]]] = [[] for _ in y]
        for s in box.segments:
            if not s.tag:
                offset = self._port(box, s.end, s.source, sizes) - self._port(
                    box, s.start, s.source, sizes, out=True)
                left[s.end].append((s.start, -offset))
                right[s.start].append((s.end, offset))
        apart = [[self._apart(box, column, k, sizes) for k in range(len(column))]
                 for column in box.columns]
        # The tallest column decides how high the box is; a long chain must not run down and down.
        edge = max((sum(a) / 2 + sizes[c[0]][1] / 2 + sizes[c[-1]][1] / 2
                    for a, c in zip(apart, box.columns) if c), default=0) + APART
        for column, a in zip(box.columns, apart):
            at = -sum(a) / 2
            for k, i in enumerate(column):
                at += a[k]
                y[i] = at
        for sweep in range(PASSES):
            near = left if sweep % 2 == 0 else right
            order = range(len(box.columns))
            for c in order if sweep % 2 == 0 else reversed(order):
                column = box.columns[c]
                if not column:
                    continue
                wish = [sum(y[j] + d for j, d in near[i]) / len(near[i]) if near[i] else y[i]
                        for i in column]
                found = _settle(wish, apart[c])
                above = found[0] - sizes[column[0]][1] / 2 + edge
                below = found[-1] + sizes[column[-1]][1] / 2 - edge
                shift = -above if above < 0 else -below if below > 0 else 0.0
                for i, at in zip(column, found):
                    y[i] = at + shift
        top = min((y[i] - sizes[i][1] / 2 for i in range(len(y))), default=0)
        head = HEAD + PAD if box.parent >= 0 else 0
        return [at - top + head for at in y]

    def _apart(self, box: Box, column: list[int], k: int,
               sizes: list[tuple[float, float]]) -> float:
        # From the middle of the item before to that of this one.
        if k == 0:
            return 0
        a, b = column[k - 1], column[k]
        thin = box.items[a].kind not in ("node", "box") and box.items[b].kind not in ("node", "box")
        return (sizes[a][1] + sizes[b][1]) / 2 + (2 if thin else APART)

    def _port(self, box: Box, i: int, source: int, sizes: list[tuple[float, float]],
              out: bool = False) -> float:
        """Where a wire meets an item, from the item's middle."""
        item = box.items[i]
        if item.kind == "node" and not out:
            inputs = self.graph.nodes[item.of].inputs
            step = ports(len(inputs))[0]
            mine = [k for k, e in enumerate(inputs) if e.source == source]
            return (sum(mine) / len(mine) - (len(inputs) - 1) / 2) * step
        if item.kind == "box":
            return self.end_of(item.of, source, out) - sizes[i][1] / 2
        return 0

    def end_of(self, b: int, source: int, out: bool) -> float:
        """How far below its upper edge a wire enters or leaves a box."""
        box = self.boxes[b]
        column = box.columns[-1 if out else 0]
        k = next(k for k, i in enumerate(column) if box.items[i].of == source)
        if box.open:
            return self.at[b][column[k]][1]
        step = NARROW if out else ports(len(column))[0]
        return self.size[b][1] / 2 + (k - (len(column) - 1) / 2) * step

    def route(self, box: Box, segment: Segment) -> tuple[
            tuple[tuple[float, float], tuple[float, float]], list[tuple[float, float]], bool]:
        """Where a piece of a wire begins (on both sides of a lane), where it ends, an arrowhead?"""
        left, top = self.corner[box.index]
        at = self.at[box.index]
        source = segment.source
        kind, i = box.items[segment.start]
        x, y = left + at[segment.start][0], top + at[segment.start][1]
        start = (x, y), (x, y)
        if kind == "node":
            start = ((x + CARD[0], y),) * 2
        elif kind == "box":
            corner = self.corner[i]
            start = ((corner[0] + self.size[i][0], corner[1] + self.end_of(i, source, True)),) * 2
        elif kind == "lane":
            column = next(k for k, c in enumerate(box.columns) if segment.start in c)
            start = (x, y), (x + self.spread[box.index][column], y)
        elif kind == "entry":
            start = ((left, y),) * 2
        kind, i = box.items[segment.end]
        x, y = left + at[segment.end][0], top + at[segment.end][1]
        if kind == "node":
            inputs = self.graph.nodes[i].inputs
            step = ports(len(inputs))[0]
            ends = [(x, y + (k - (len(inputs) - 1) / 2) * step)
                    for k, e in enumerate(inputs) if e.source == source]
        elif kind == "box":
            ends = [(x, self.corner[i][1] + self.end_of(i, source, False))]
        elif kind == "exit":
            ends = [(left + self.size[box.index][0], y)]
        else:
            ends = [(x, y)]
        return start, ends, kind == "node" or (kind == "box" and not self.boxes[i].open)

    def _spread_out(self, box: Box) -> None:
        left, top = self.corner[box.index]
        for item, (x, y) in zip(box.items, self.at[box.index]):
            w, h = self.item_size(item)
            if item.kind == "node":
                self.node[item.of] = left + x, top + y - h / 2, w, h
            elif item.kind == "box":
                self.corner[item.of] = left + x, top + y - h / 2
                self.visible[item.of] = True


def _settle(wish: list[float], apart: list[float]) -> list[float]:
    """The places nearest to `wish` (least squares) that keep order and distance."""
    blocks: list[list[float]] = []           # sum of what is left of the wish, count
    shift = 0.0
    shifts = []
    for w, a in zip(wish, apart):
        shift += a
        shifts.append(shift)
        blocks.append([w - shift, 1])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] > blocks[-1][0] * blocks[-2][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    places = [total / count for total, count in blocks for _ in range(int(count))]
    return [p + s for p, s in zip(places, shifts)]
