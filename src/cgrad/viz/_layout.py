"""Who stands where: boxes around modules, columns in them, and the order within each column.

The picture runs from left to right: inputs before what is computed from them. A box (a call of a
module, or a part of a graph that is too long to be looked at in one piece) is laid out by itself,
as if it were the whole picture, with boxes in it as single items. What depends on which boxes are
open, the coordinates, is in _place.py and again in page/place.js; all else is decided here, once.

Note [Wires].  The edges from one node to all of its consumers are one wire that branches. A wire
passes through a box from its *entry* at the left border, or from an item in the box, column by
column, to items in the box and to its *exit* at the right border. Where it passes a column in which
it ends nowhere it occupies a *lane*, an item like others, so that nothing is drawn over it. A wire
that would need more lanes than there is room for ends at a tag with the name of its source instead.

The layering (longest path), the lanes and the ordering by barycentres follow Sugiyama, Tagawa and
Toda (1981); all of it takes O(n log n) for boxes of bounded size.
"""
from __future__ import annotations

from typing import NamedTuple

from cgrad.viz._collect import Graph
from cgrad.viz._recording import Call, Root

PART = 40                  # items in a part of a box that is too large
LARGEST = 60               # items in one box
OPEN = 80                 # items that are shown when the picture is opened
SWEEPS = 4                 # of the ordering


class Item(NamedTuple):
    """What stands in a box: a node or box by its index, or a place that a wire passes."""

    kind: str              # "node", "box", "lane", "entry" or "exit"
    of: int                # index of the node or box; of the wire's source


class Segment(NamedTuple):
    """A piece of a wire, from one item of a box to another one to the right."""

    start: int             # positions in Box.items
    end: int
    source: int            # the node whose wire it is
    tag: bool              # not drawn through: too long


class Box:
    """A call of a module, a part of the graph, or the whole (index 0)."""

    def __init__(self, index: int, parent: int, title: str, kind: str) -> None:
        self.index = index
        self.parent = parent
        self.title = title
        self.kind = kind                         # "module", "part" or ""
        self.path = ""                           # of the module
        self.size = 0                            # nodes in it, at any depth
        self.open = True
        self.children: list[tuple[bool, int]] = []      # (is a box, index)
        self.items: list[Item] = []
        self.columns: list[list[int]] = []       # positions in items
        self.segments: list[Segment] = []


class Layout:
    """All boxes, parents before children, and the box that each node stands in."""

    def __init__(self, boxes: list[Box], home: list[int]) -> None:
        self.boxes = boxes
        self.home = home


def layout(graph: Graph, fold: int | None = None) -> Layout:
    """Lay out a graph; with `fold` boxes at that depth and below are closed, 0 the outermost."""
    boxes, home = _boxes(graph)
    _split(boxes, home, graph)
    for box in boxes:
        box.size = 0
    for i in home:
        while i >= 0:
            boxes[i].size += 1
            i = boxes[i].parent
    wires = _wires(graph, boxes, home)
    for box in reversed(boxes):              # a box looks at the order of the wires into others
        _arrange(box, boxes, wires[box.index], graph)
    _fold(boxes, fold)
    return Layout(boxes, home)


# ---------------------------------------------------------------------------------------------
# Boxes

def _boxes(graph: Graph) -> tuple[list[Box], list[int]]:
    boxes = [Box(0, -1, "", "")]
    of_call: dict[Call, int] = {}
    calls: dict[tuple[Root, str], int] = {}       # how often each module was called
    for call in {node.call for node in graph.nodes}:
        while call is not None:
            key = call.root, call.path
            calls[key] = max(calls.get(key, 0), call.number)
            call = call.outer

    def box_of(call: Call | None) -> int:
        chain = []
        while call is not None and call not in of_call:
            chain.append(call)
            call = call.outer
        index = 0 if call is None else of_call[call]
        for inner in reversed(chain):
            title = f"{inner.path} {inner.kind}".strip()
            if calls.get((inner.root, inner.path), 1) > 1:
                title += f" (call {inner.number})"
            index = of_call[inner] = _new(boxes, index, title, "module")
            boxes[index].path = inner.path
        return index

    home = [box_of(node.call) for node in graph.nodes]
    # A leaf stands in the innermost box with all of its consumers.
    for i in range(len(home) - 1, -1, -1):
        if graph.nodes[i].kind != "operation" and graph.nodes[i].consumers:
            common = home[graph.nodes[i].consumers[0][0]]
            for consumer, _ in graph.nodes[i].consumers[1:]:
                common = _common(boxes, common, home[consumer])
            home[i] = common
    return boxes, home


def _new(boxes: list[Box], parent: int, title: str, kind: str) -> int:
    boxes.append(Box(len(boxes), parent, title, kind))
    return len(boxes) - 1


def _common(boxes: list[Box], a: int, b: int) -> int:
    # Parents have smaller indices than their boxes.
    while a != b:
        if a > b:
            a = boxes[a].parent
        else:
            b = boxes[b].parent
    return a


def _split(boxes: list[Box], home: list[int], graph: Graph) -> None:
    """Fill in children; divide boxes with too many into parts, consecutive in topological order."""
    first: dict[int, int] = {}                   # of a box, its first node
    for i, b in enumerate(home):
        while b not in first:
            first[b] = i
            b = boxes[b].parent
            if b < 0:
                break
    children: list[list[tuple[int, bool, int]]] = [[] for _ in boxes]
    for i, b in enumerate(home):
        children[b].append((i, False, i))
    for box in boxes[1:]:
        children[box.parent].append((first[box.index], True, box.index))
    for index in range(len(children)):
        mine = sorted(children[index])
        while len(mine) > LARGEST:
            groups = [mine[k:k + PART] for k in range(0, len(mine), PART)]
            mine = []
            for number, part in enumerate(groups, 1):
                new = _new(boxes, index, f"part {number} of {len(groups)}", "part")
                boxes[new].children = [(is_box, i) for _, is_box, i in part]
                mine.append((part[0][0], True, new))
        boxes[index].children = [(is_box, i) for _, is_box, i in mine]
    _renumber(boxes, home)


def _renumber(boxes: list[Box], home: list[int]) -> None:
    # Parts came after what is in them; parents must come first again.
    order = [boxes[0]]
    for box in order:
        for is_box, i in box.children:
            if is_box:
                order.append(boxes[i])
                boxes[i].parent = box.index
            else:
                home[i] = box.index
    new = {box.index: k for k, box in enumerate(order)}
    for box in order:
        box.children = [(is_box, new[i] if is_box else i) for is_box, i in box.children]
        box.parent = new[box.parent] if box.parent >= 0 else -1
        box.index = new[box.index]
    boxes[:] = order
    home[:] = [new[b] for b in home]


# ---------------------------------------------------------------------------------------------
# Wires

class _Wire:
    __slots__ = ("ends", "leaves", "start")

    def __init__(self, start: tuple[bool, int] | None) -> None:
        self.start = start                       # the child it comes from; None: from outside
        self.ends: set[tuple[bool, int]] = set()
        self.leaves = False


def _wires(graph: Graph, boxes: list[Box], home: list[int]) -> list[dict[int, _Wire]]:
    found: list[dict[int, _Wire]] = [{} for _ in boxes]
    for source, node in enumerate(graph.nodes):
        for consumer in {c for c, _ in node.consumers}:
            a, b = home[source], home[consumer]
            from_, to = (False, source), (False, consumer)
            top = _common(boxes, a, b)
            while a != top:
                found[a].setdefault(source, _Wire(from_)).leaves = True
                from_ = True, a
                a = boxes[a].parent
            while b != top:
                found[b].setdefault(source, _Wire(None)).ends.add(to)
                to = True, b
                b = boxes[b].parent
            found[top].setdefault(source, _Wire(from_)).ends.add(to)
    return found


# ---------------------------------------------------------------------------------------------
# Columns

def _arrange(box: Box, boxes: list[Box], wires: dict[int, _Wire], graph: Graph) -> None:
    place = {child: k for k, child in enumerate(box.children)}
    box.items = [Item("box" if is_box else "node", i) for is_box, i in box.children]
    rank = _ranks(len(box.items), [(place[w.start], place[end]) for w in wires.values()
                                   if w.start is not None for end in w.ends])
    width = max(rank, default=0) + 1
    columns: list[list[int]] = [[] for _ in range(width + 2)]
    for k, r in enumerate(rank):
        columns[r + 1].append(k)

    def add(kind: str, source: int, column: int) -> int:
        box.items.append(Item(kind, source))
        columns[column].append(len(box.items) - 1)
        return len(box.items) - 1

    room = 4 * len(box.children) + 60            # lanes, given to the shortest wires first
    spans = []
    for source, wire in wires.items():
        start = -1 if wire.start is None else rank[place[wire.start]]
        ends = sorted((rank[place[end]], place[end]) for end in wire.ends)
        last = width if wire.leaves else ends[-1][0]
        spans.append((last - start, source, start, ends, wire))
    for span, source, start, ends, wire in sorted(spans, key=lambda s: s[:2]):
        here = add("entry", source, 0) if wire.start is None else place[wire.start]
        if wire.leaves:
            ends.append((width, add("exit", source, width + 1)))
        room -= span - 1
        before = {start: here}                   # the wire at the right side of each column
        for r in range(start + 1, ends[-1][0] if room >= 0 else 0):
            before[r] = add("lane", source, r + 1)
            box.segments.append(Segment(before[r - 1], before[r], source, False))
        for r, end in ends:
            near = before.get(r - 1)
            box.segments.append(Segment(here if near is None else near, end, source, near is None))
    box.columns = columns
    _put_in_order(box, boxes, graph)


def _ranks(n: int, edges: list[tuple[int, int]]) -> list[int]:
    """Longest path from the left; what has no input stands directly before its first consumer."""
    after: list[set[int]] = [set() for _ in range(n)]
    for a, b in edges:
        if a != b:
            after[a].add(b)
    waiting = [0] * n
    for b in (b for ends in after for b in ends):
        waiting[b] += 1
    source = [w == 0 for w in waiting]
    rank = [0] * n
    done = [False] * n
    ready = [k for k in range(n) if source[k]]
    for k in range(n):
        if not ready and not done[k]:
            ready.append(k)              # boxes that feed one another: break the circle here
        while ready:
            a = ready.pop()
            done[a] = True
            for b in after[a]:
                if not done[b]:
                    rank[b] = max(rank[b], rank[a] + 1)
                    waiting[b] -= 1
                    if waiting[b] == 0:
                        ready.append(b)
    for k in range(n):
        ends = [rank[b] for b in after[k] if rank[b] > rank[k]]
        if source[k] and ends:
            rank[k] = min(ends) - 1
    return rank


def _put_in_order(box: Box, boxes: list[Box], graph: Graph) -> None:
    """Each column in an order with few crossings: by the mean of where its wires lead to."""
    n = len(box.items)
    left: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    right: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    for s in box.segments:
        if not s.tag:
            right[s.start].append((s.end, _port(box.items[s.end], s.source, boxes, graph)))
            left[s.end].append((s.start, 0.0))
    position = [0.0] * n
    height = [1] * n
    for column in box.columns:
        for k, i in enumerate(column):
            position[i] = (k + 0.5) / len(column)
            height[i] = len(column)
    for sweep in range(SWEEPS):
        neighbours = left if sweep % 2 == 0 else right
        for column in box.columns if sweep % 2 == 0 else reversed(box.columns):
            key = {i: sum(position[j] + d / height[j] for j, d in neighbours[i])
                   / len(neighbours[i]) if neighbours[i] else position[i] for i in column}
            column.sort(key=key.__getitem__)
            for k, i in enumerate(column):
                position[i] = (k + 0.5) / len(column)


def _port(item: Item, source: int, boxes: list[Box], graph: Graph) -> float:
    """Where on its left side an item takes a wire: from -0.5, above, to 0.5."""
    if item.kind == "node":
        order = [e.source for e in graph.nodes[item.of].inputs]
    elif item.kind == "box":
        inner = boxes[item.of]
        order = [inner.items[i].of for i in inner.columns[0]]
    else:
        return 0.0
    return (order.index(source) + 0.5) / len(order) - 0.5


# ---------------------------------------------------------------------------------------------
# Which boxes are open

def _fold(boxes: list[Box], fold: int | None) -> None:
    if fold is not None:
        depth = [0] * len(boxes)
        for box in boxes[1:]:
            depth[box.index] = depth[box.parent] + 1
            box.open = depth[box.index] <= fold
        return
    shown = len(boxes[0].children)
    for box in boxes[1:]:
        inside = len(box.children)
        # A box around a single node hides more than it saves.
        box.open = boxes[box.parent].open and (shown + inside <= OPEN or inside == 1)
        if box.open:
            shown += inside
