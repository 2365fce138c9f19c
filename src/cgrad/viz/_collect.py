"""From a tensor to plain data about its graph: nodes in topological order, values, gradients."""
from __future__ import annotations

import heapq
import linecache
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import cgrad
from cgrad import Tensor
from cgrad._engine import backward as _engine
from cgrad._tensor.graph import GraphNode, edge_to, edges_of, facts_of
from cgrad.viz._numbers import Summary, array_of, shape_text, summary
from cgrad.viz._recording import _HERE, KEY, Call, Note
from cgrad.viz._rules import CONSTANT, CUSTOM, LEAF, Rule, rule_of


class Input:
    """One edge: where a node takes an input from, and what the sweep sends back along it."""

    __slots__ = ("downstream", "local", "number", "shape", "source")

    def __init__(self, source: int, number: int, shape: tuple[int, ...]) -> None:
        self.source = source              # index of the node it comes from
        self.number = number              # which of that node's results
        self.shape = shape
        self.local: Summary | None = None
        self.downstream: Summary | None = None


class Node:
    """One operation, leaf or constant."""

    __slots__ = ("call", "consumers", "gradient", "inputs", "kind", "line", "name", "operation",
                 "rule", "shape", "upstream", "value")

    def __init__(self, kind: str, operation: str, rule: Rule) -> None:
        self.kind = kind                  # "operation", "leaf" or "constant"
        self.operation = operation
        self.rule = rule
        self.name = ""
        self.shape = ""
        self.value: Summary | None = None
        self.upstream: Summary | None = None
        self.inputs: list[Input] = []
        self.consumers: list[tuple[int, int]] = []     # (node, which of its inputs)
        self.line: tuple[str, int, str] | None = None
        self.call: Call | None = None

    @property
    def title(self) -> str:
        """The name given to it, or that of its operation."""
        return self.name or self.operation or self.kind


class Graph:
    """The nodes, inputs before consumers, and the order in which the sweep came to them."""

    def __init__(self, nodes: list[Node], note: str) -> None:
        self.nodes = nodes
        self.backward: list[int] = []
        self.note = note                  # why something is not there
        self.recorded = any(node.line is not None for node in nodes)


def names_of(params: Any) -> dict[GraphNode, str]:
    """The names of tensors, by their place in the graph."""
    if params is None:
        return {}
    if isinstance(params, Tensor):
        raise TypeError("graph(): params must be a module, a dictionary, or an iterable of tensors "
                        "or of pairs of a name and a tensor, but got a Tensor")
    if hasattr(params, "named_parameters"):
        pairs: Iterable[Any] = [*params.named_parameters(), *params.named_buffers()]
    elif hasattr(params, "items"):
        pairs = params.items()
    else:
        pairs = (p if isinstance(p, tuple) else (f"parameter {i}", p)
                 for i, p in enumerate(params))
    names = {}
    for pair in pairs:
        name, tensor = pair if len(pair) == 2 else ("", None)
        if not isinstance(tensor, Tensor):
            raise TypeError("graph(): params must hold tensors or pairs of a name and a tensor, "
                            f"but holds {type(tensor if tensor is not None else pair).__name__}")
        names[edge_to(tensor)[0]] = str(name)
    return names


def collect(loss: Tensor, params: Any, gradient: Tensor | None) -> Graph:
    """All that a picture of the graph of `loss` shows."""
    names = names_of(params)
    handles, edges, results = _explore(loss)
    facts = {h: facts_of(h) for h in handles}
    notes: dict[GraphNode, Note] = {}
    for h in handles:
        if facts[h][0] and KEY in h.metadata:
            notes[h] = h.metadata[KEY]
    for root in {note.call.root for note in notes.values() if note.call is not None}:
        names = {**root.names, **names}
    order = _order(handles, edges, facts, notes)
    index = {h: i for i, h in enumerate(order)}
    nodes = []
    for h in order:
        node = _node(h, facts[h], results[h], notes.get(h))
        node.name = names.get(h, "")
        node.inputs = [Input(index[source], number, shape)
                       for source, number, shape, _, _ in edges[h]]
        nodes.append(node)
    for i, node in enumerate(nodes):
        for j, edge in enumerate(node.inputs):
            nodes[edge.source].consumers.append((i, j))
    graph = Graph(nodes, "")
    if loss.numel() != 1 and gradient is None:
        graph.note = (f"No backward pass: the result has shape {tuple(loss.shape)}; "
                      "give graph(…, gradient=…).")
    else:
        _differentiate(graph, order, loss, gradient, facts)
    return graph


Results = dict[int, tuple[tuple[int, ...], Any, Any]]


def _explore(loss: Tensor) -> tuple[list[GraphNode], dict[GraphNode, Any], dict[Any, Results]]:
    root, number, shape, dtype, value = edge_to(loss)
    found = [root]
    edges: dict[GraphNode, Any] = {}
    results: dict[GraphNode, Results] = {root: {number: (shape, dtype, value)}}
    for h in found:                  # grows on the way
        edges[h] = edges_of(h)
        # What the forward pass keeps for the backward is no input.
        if h.name() in ("CrossEntropyBackward0", "NllLossBackward0"):
            del edges[h][2]
        elif h.name() == "AttentionBackward0":
            del edges[h][1 if len(edges[h]) < 4 else 3]     # after one tensor of all, or three
        for source, number, *what in edges[h]:
            if source not in results:
                results[source] = {}
                found.append(source)
            results[source].setdefault(number, tuple(what))
    return found, edges, results


def _order(handles: list[GraphNode], edges: Any, facts: Any,
           notes: dict[GraphNode, Note]) -> list[GraphNode]:
    """Inputs before consumers, in the order of their making where that is known.

    Leaves and constants stand before the first operation that takes them.
    """
    rank = _depth_first(handles[0], edges)
    key = {h: (1, notes[h].made) if h in notes else (0, rank[h]) for h in handles}
    waiting = {}
    consumers: dict[GraphNode, list[GraphNode]] = {h: [] for h in handles}
    ready: list[tuple[tuple[int, int], int, GraphNode]] = []
    for h in handles:
        if not facts[h][0]:
            continue
        sources = {e[0] for e in edges[h] if facts[e[0]][0]}
        waiting[h] = len(sources)
        for source in sources:
            consumers[source].append(h)
        if not sources:
            ready.append((key[h], len(ready), h))
    heapq.heapify(ready)
    order: dict[GraphNode, None] = {}
    count = len(handles)
    while ready:
        h = heapq.heappop(ready)[2]
        for e in edges[h]:
            order.setdefault(e[0])   # leaves; operations are there already
        order[h] = None
        for consumer in consumers[h]:
            waiting[consumer] -= 1
            if waiting[consumer] == 0:
                count += 1
                heapq.heappush(ready, (key[consumer], count, consumer))
    return list(order) or handles    # a leaf alone


def _depth_first(root: GraphNode, edges: Any) -> dict[GraphNode, int]:
    rank: dict[GraphNode, int] = {}
    open_: set[GraphNode] = {root}
    stack = [(root, iter(edges[root]))]
    while stack:
        h, rest = stack[-1]
        for e in rest:
            if e[0] not in open_:
                open_.add(e[0])
                stack.append((e[0], iter(edges[e[0]])))
                break
        else:
            rank[h] = len(rank)
            stack.pop()
    return rank


def _node(handle: GraphNode, facts: Any, results: Results, note: Note | None) -> Node:
    operation, requires_grad, place, _ = facts
    if not operation:
        node = Node("leaf", "", LEAF) if requires_grad else Node("constant", "", CONSTANT)
    elif handle.name() == operation:
        node = Node("operation", operation.removesuffix("Backward"), CUSTOM)
    else:
        node = Node("operation", operation, rule_of(operation))
    numbers = sorted(results)
    node.shape = ", ".join(shape_text(results[k][0], results[k][1]) for k in numbers)
    found = []
    for k in numbers:
        value = results[k][2]
        if note is not None and k in note.results:
            found.append(note.results[k])
        elif value is not None:
            found.append(summary(value))
    if len(found) == 1:
        node.value = found[0]
    elif found:
        node.value = Summary(f"{len(found)} results", "; ".join(
            f"result {k}: {s.long}" for k, s in zip(numbers, found)))
    if note is not None:
        node.call = note.call
        node.line = _source(*note.line)
    elif place is not None:
        for frame in reversed(place):
            if not os.path.abspath(frame.filename).startswith(_HERE):
                node.line = _source(frame.filename, frame.lineno)
                break
    return node


def _source(file: str, number: int) -> tuple[str, int, str]:
    return file, number, linecache.getline(file, number).strip()


# ---------------------------------------------------------------------------------------------
# The backward pass

def _differentiate(graph: Graph, order: list[GraphNode], loss: Tensor,
                   gradient: Tensor | None, facts: Any) -> None:
    """Two sweeps: one that is watched, and one in which every node is sent ones.

    The second gives the local derivatives. Neither touches a ``.grad``.
    """
    kept = [(t, t.grad) for t in (facts[h][3] for h in order) if t is not None]
    anomaly = cgrad.autograd.set_detect_anomaly(False)
    try:
        for t, _ in kept:
            t.grad = None
        _sweep(order, loss, gradient, _watch_sweep, graph)
        _sweep(order, loss, gradient, _ask_local, graph)
    except RuntimeError as error:
        graph.note = f"No backward pass: {str(error).split('. ')[0]}."
        graph.backward.clear()
        for node in graph.nodes:
            node.upstream = None
            for edge in node.inputs:
                edge.downstream = edge.local = None
        if "second time" in graph.note:
            graph.note = ("No backward pass: backward() has released the saved values already. "
                          "Draw the graph before, or call backward(retain_graph=True).")
    finally:
        anomaly.__exit__()
        for t, grad in kept:
            t.grad = grad


def _sweep(order: list[GraphNode], loss: Tensor, gradient: Tensor | None,
           watch: Callable[..., Any], graph: Graph) -> None:
    hooks = []
    try:
        for i, h in enumerate(order):
            if graph.nodes[i].kind != "constant":
                hooks += watch(graph, i, h)
        if graph.nodes[-1].kind == "operation":
            # Without targets, and without storing anything: all rows are swept.
            _engine.run([loss], [gradient], None, True, False, False)
    finally:
        for hook in hooks:
            hook.remove()


def _watch_sweep(graph: Graph, i: int, h: GraphNode) -> list[Any]:
    node = graph.nodes[i]

    def before(arriving: tuple[Any, ...]) -> None:
        graph.backward.append(i)
        there = [summary(g, True) for g in arriving if g is not None]
        if len(there) == 1:
            node.upstream = there[0]
        elif there:
            node.upstream = Summary(f"{len(there)} gradients", "; ".join(s.long for s in there))

    def after(sent: tuple[Any, ...], arriving: tuple[Any, ...]) -> None:
        for edge, g in zip(node.inputs, sent):
            if g is not None:
                edge.downstream = summary(_as_input(g, edge), True)

    return [h.register_prehook(before), h.register_hook(after)]


def _ask_local(graph: Graph, i: int, h: GraphNode) -> list[Any]:
    node = graph.nodes[i]
    custom = node.rule is CUSTOM
    single = node.upstream is not None and node.upstream.number is not None
    if node.kind != "operation" or not (single or node.rule.pointwise):
        return []

    def before(arriving: tuple[Any, ...]) -> Any:
        if isinstance(arriving[0], Tensor) and len(arriving) == 1:
            return (cgrad.ones_like(arriving[0]),)
        return None

    def after(sent: tuple[Any, ...], arriving: tuple[Any, ...]) -> None:
        # Only where ones went in, and where no broadcast mixes elements.
        if custom and not single:
            return
        for edge, g in zip(node.inputs, sent):
            if isinstance(g, Tensor) and (single or g.shape == arriving[0].shape == edge.shape):
                edge.local = summary(_as_input(g, edge))

    return [h.register_prehook(before), h.register_hook(after)]


def _as_input(g: Any, edge: Input) -> Any:
    """A gradient summed down to the shape of the input that was broadcast, as the sweep does."""
    if not isinstance(g, Tensor) or g.shape == edge.shape:
        return g
    a = array_of(g)
    ones = (1,) * (a.ndim - len(edge.shape)) + edge.shape
    axes = tuple(d for d, n in enumerate(ones) if n == 1 and a.shape[d] != 1)
    summed = np.asarray(a.sum(axis=axes, keepdims=True)).reshape(edge.shape)
    return cgrad.from_numpy(np.ascontiguousarray(summed))


def equation(node: Node, edge: Input) -> tuple[str, str]:
    """``upstream × local`` and ``= downstream``, as short as fits on an edge.

    A gradient of several elements is given by its norm, ``‖0.42‖``; ∘ stands for its product with
    the local derivative, which is no single number.
    """
    if edge.downstream is None or node.upstream is None:
        return "", ""
    up, local, down = node.upstream, edge.local, edge.downstream
    if None not in (up.number, down.number) and local is not None and local.number is not None:
        return f"{_bracket(up.tiny)} × {_bracket(local.tiny)}", f"= {down.tiny}"
    return f"{up.tiny} ∘ local", f"= {down.tiny}"


def _bracket(s: str) -> str:
    return f"({s})" if s.startswith("−") else s
