"""The graph in Graphviz's language, and the lines that stand on each node."""
from __future__ import annotations

from cgrad.viz._collect import Graph, Node, equation
from cgrad.viz._layout import Layout

STYLE = {
    "operation": 'style="filled", fillcolor="white"',
    "leaf": 'style="filled,rounded", fillcolor="#eef3fb"',
    "constant": 'style="filled,dashed", fillcolor="white"',
}


def quoted(text: str) -> str:
    """A string of the language."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def card(graph: Graph, node: Node) -> list[str]:
    """The lines on a node: title, shape and dtype, value, gradient as the sum that it is."""
    sign = node.rule.symbol if node.kind == "operation" else ""
    head = f"{sign}  {node.title}" if sign and sign != node.title else node.title
    if node.name and node.operation:
        head += f" ({node.operation})"
    return [head, node.shape, f"= {node.value.short}" if node.value is not None else "",
            f"∂ {gradient(graph, node)}" if node.upstream is not None else ""]


def gradient(graph: Graph, node: Node) -> str:
    """``2 + 3 = 5``: what has come back to a node."""
    assert node.upstream is not None
    sent = [e.downstream for n, e in ((graph.nodes[c], graph.nodes[c].inputs[j])
                                      for c, j in node.consumers) if e.downstream is not None]
    if len(sent) < 2 or not node.upstream.tiny:      # "": several results
        return node.upstream.short
    text = " + ".join(s.tiny for s in sent).replace("+ −", "− ") + f" = {node.upstream.tiny}"
    return text if len(text) <= 22 else f"{node.upstream.tiny}, sum of {len(sent)}"


def dot(graph: Graph, layout: Layout, title: str) -> str:
    """The whole graph, each module as a cluster."""
    lines = ["digraph cgrad {", "  rankdir=LR;", f"  label={quoted(title)};",
             '  graph [fontname="Helvetica", fontsize=12];',
             '  node [shape=box, fontname="Helvetica", fontsize=11];',
             '  edge [fontname="Helvetica", fontsize=10];']

    def write(b: int, indent: str) -> None:
        for is_box, i in layout.boxes[b].children:
            if not is_box:
                node = graph.nodes[i]
                text = "\n".join(line for line in card(graph, node) if line)
                tip = quoted(f"{node.rule.words} {node.rule.formula}".strip())
                lines.append(f"{indent}n{i} [label={quoted(text)}, tooltip={tip}, "
                             f"{STYLE[node.kind]}];")
                continue
            box = layout.boxes[i]
            inner = indent
            if box.kind == "module":
                lines.append(f"{indent}subgraph cluster_{i} {{")
                inner = indent + "  "
                lines.append(f'{inner}label={quoted(box.title)}; style="rounded";')
            write(i, inner)
            if box.kind == "module":
                lines.append(f"{indent}}}")

    write(0, "  ")
    for i, node in enumerate(graph.nodes):
        for edge in node.inputs:
            text = " ".join(equation(node, edge))
            label = f" [label={quoted(text)}]" if text.strip() else ""
            lines.append(f"  n{edge.source} -> n{i}{label};")
    return "\n".join([*lines, "}"]) + "\n"
