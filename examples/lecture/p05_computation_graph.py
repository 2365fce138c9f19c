"""5. The computation graph: downstream = upstream × local, and sums where a value is used twice.

f(x, y, z) = (x + y) · max(y, z) at (1, 2, 0) is 6; its gradients are 2, 5 and 0. y is used twice:
its gradient is the sum of what comes back on both ways. (Manning's lecture on backpropagation,
Stanford CS224n.) The picture is a page on which both passes can be played.
"""
import sys

from common import claim, draw, start

import cgrad


def graph(x, y, z):
    """The three operations, with names."""
    a = x + y
    b = cgrad.maximum(y, z)
    return a, b, a * b


def run(given):
    x, y, z = (cgrad.tensor(v, requires_grad=True) for v in (1.0, 2.0, 0.0))
    with cgrad.viz.record():
        a, b, f = graph(x, y, z)
    names = {"x": x, "y": y, "z": z, "a": a, "b": b, "f": f}
    draw(cgrad.viz.graph(f, names, title="f = (x + y) · max(y, z)"), given.out,
         "p05_computation_graph")
    for inner in (a, b, f):
        inner.retain_grad()
    f.backward()

    # Local gradients, from the formula of each operation.
    edges = [
        ("f = a·b", f, [("a", a, b.item()), ("b", b, a.item())]),
        ("a = x+y", a, [("x", x, 1.0), ("y", y, 1.0)]),
        ("b = max(y,z)", b, [("y", y, 1.0), ("z", z, 0.0)]),
    ]
    arriving = {"a": 0.0, "b": 0.0, "x": 0.0, "y": 0.0, "z": 0.0}
    print("  operation      value   upstream   input  local  downstream = upstream · local")
    for text, node, inputs in edges:
        for name, _, local in inputs:
            down = node.grad.item() * local
            arriving[name] += down
            print(f"  {text:13} {node.item():6.1f} {node.grad.item():9.1f}      {name} "
                  f"{local:8.1f} {down:9.1f}")  # fmt: skip
    for name, total in arriving.items():
        claim(f"the gradient of {name} is the sum of what comes back to it: {total}",
              names[name].grad.item() == total)  # fmt: skip
    claim("f = 6, and its gradients are 2, 5 and 0",
          [f.item(), x.grad.item(), y.grad.item(), z.grad.item()] == [6, 2, 5, 0])  # fmt: skip


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
