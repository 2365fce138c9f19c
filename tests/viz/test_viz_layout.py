"""Where things stand: in every graph, nothing overlaps, and every edge can be followed."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cgrad
from cgrad.viz import _collect, _layout, _place
from cgrad.viz._recording import Call


def graph_of(edges, n, calls=None):
    """A graph without tensors: `edges` are pairs (source, consumer), source < consumer."""
    nodes = []
    for i in range(n):
        mine = [s for s, c in edges if c == i]
        kind = "operation" if mine else "leaf"
        node = _collect.Node(kind, "add" if mine else "", _collect.rule_of("add"))
        node.inputs = [_collect.Input(s, 0, ()) for s in mine]
        node.call = calls[i] if calls and mine else None
        nodes.append(node)
    for i, node in enumerate(nodes):
        for j, e in enumerate(node.inputs):
            nodes[e.source].consumers.append((i, j))
    return _collect.Graph(nodes, "")


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 30))
    edges = [(draw(st.integers(0, c - 1)), c) for c in range(1, n)
             for _ in range(draw(st.integers(0, 3)))]
    # Calls as a program makes them: each takes up a stretch of the order, one inside another.
    calls = [None] * n
    outer = Call(None, "", "Net", 1, None)
    cuts = sorted(draw(st.lists(st.integers(0, n), min_size=4, max_size=4)))
    for i in range(cuts[0], cuts[3]):
        calls[i] = outer
    inner = Call(outer, "part", "Part", 1, None)
    for i in range(cuts[1], cuts[2]):
        calls[i] = inner
    return graph_of(edges, n, calls), draw(st.sampled_from([None, 0, 1, 9]))


def apart(a, b):
    return (a[0] >= b[0] + b[2] - 1e-6 or b[0] >= a[0] + a[2] - 1e-6
            or a[1] >= b[1] + b[3] - 1e-6 or b[1] >= a[1] + a[3] - 1e-6)


@given(graphs(), st.booleans())
def test_nothing_overlaps_and_wires_arrive(case, labels):
    graph, fold = case
    layout = _layout.layout(graph, fold)
    placed = _place.Placed(graph, layout, labels)
    for box in layout.boxes:
        if not placed.visible[box.index] or not box.open:
            continue
        own = [(*placed.corner[box.index], *placed.size[box.index])]
        rects = [placed.node[i.of] if i.kind == "node"
                 else (*placed.corner[i.of], *placed.size[i.of])
                 for i in box.items if i.kind in ("node", "box")]
        for k, a in enumerate(rects):
            assert all(apart(a, b) for b in rects[:k])
            assert a[0] >= own[0][0] - 1e-6 and a[1] >= own[0][1] - 1e-6
            assert a[0] + a[2] <= own[0][0] + own[0][2] + 1e-6
            assert a[1] + a[3] <= own[0][1] + own[0][3] + 1e-6
        for segment in box.segments:
            (_, (x1, y1)), ends, _ = placed.route(box, segment)
            assert ends and np.isfinite([x1, y1, *(v for e in ends for v in e)]).all()
            if not segment.tag:
                assert all(x2 > x1 - 1e-6 for x2, _ in ends), "from left to right"
                for k, column in enumerate(box.columns):
                    if segment.start in column:
                        assert segment.end in box.columns[k + 1]
    assert reached(graph, layout) == {(e.source, i) for i, n in enumerate(graph.nodes)
                                      for e in n.inputs}


def reached(graph, layout):
    """All edges that can be followed back from the consumer along pieces of wires."""
    found = set()
    where = {}
    for box in layout.boxes:
        for k, item in enumerate(box.items):
            if item.kind in ("node", "box"):
                where[item.kind, item.of] = box, k
    for i, node in enumerate(graph.nodes):
        for source in {e.source for e in node.inputs}:
            box, item = where["node", i]
            for _ in range(1000):
                (start,) = {s.start for s in box.segments if (s.end, s.source) == (item, source)}
                kind, index = box.items[start]
                if kind == "node":
                    assert index == source
                    found.add((source, i))
                    break
                if kind == "entry":
                    box, item = where["box", box.index]
                elif kind == "box":
                    box = layout.boxes[index]
                    item = box.items.index(_layout.Item("exit", source))
                else:
                    item = start
    return found


def test_inputs_stand_left_of_what_uses_them():
    graph = graph_of([(0, 2), (1, 2), (1, 3), (2, 4), (3, 4)], 5)
    layout = _layout.layout(graph)
    x = [rect[0] for rect in _place.Placed(graph, layout, True).node]
    assert x[0] == x[1] < x[2] == x[3] < x[4]


def test_long_graphs_are_divided_and_stay_small():
    """10⁴ operations: no box is too large, what is open can be looked at, and it is not high."""
    x = cgrad.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(5000):
        y = (y * x).tanh()
    graph = _collect.collect(y, {"x": x}, None)
    assert len(graph.nodes) == 10_001
    layout = _layout.layout(graph)
    assert max(len(box.children) for box in layout.boxes) <= _layout.LARGEST
    assert sum(len(box.items) for box in layout.boxes) < 8 * len(graph.nodes)
    placed = _place.Placed(graph, layout, True)
    shown = sum(placed.visible) + sum(rect[2] > 0 for rect in placed.node)
    assert shown <= _layout.OPEN + 2
    for box in layout.boxes:
        box.open = True
    assert _place.Placed(graph, layout, True).size[0][1] < 5000


@pytest.mark.parametrize("fold, shown", [(0, ["f"]), (9, ["f", "g"])])
def test_fold(fold, shown):
    outer = Call(None, "f", "F", 1, None)
    inner = Call(outer, "f.g", "G", 1, None)
    graph = graph_of([(0, 1), (1, 2), (2, 3)], 4, [None, outer, inner, None])
    layout = _layout.layout(graph, fold)
    placed = _place.Placed(graph, layout, True)
    titles = [box.title for box in layout.boxes if placed.visible[box.index]]
    assert titles[1:] == (["f F"] if len(shown) == 1 else ["f F", "f.g G"])
