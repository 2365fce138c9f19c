"""6. Intuitions: + distributes the gradient, max routes it, · switches it.

What comes from above goes through + unchanged to both inputs; max hands all of it to the larger
input (to equal ones half each); a product gives each input the gradient times the other input.
The picture shows the three in one graph.
"""
import sys

from common import claim, draw, start

import cgrad


def gradients(operation, a, b, upstream):
    a, b = (cgrad.tensor(v, requires_grad=True) for v in (a, b))
    operation(a, b).backward(cgrad.tensor(upstream))
    return a.grad.item(), b.grad.item()


def run(given):
    up = 3.0
    for name, operation, a, b, expected, meaning in (
        ("a + b", cgrad.add, 5.0, -2.0, (up, up), "distributes"),
        ("max(a, b)", cgrad.maximum, 5.0, -2.0, (up, 0.0), "routes to the larger"),
        ("max(a, b)", cgrad.maximum, 1.0, 4.0, (0.0, up), "routes to the larger"),
        ("max(a, b)", cgrad.maximum, 4.0, 4.0, (up / 2, up / 2), "shares between equal ones"),
        ("a · b", cgrad.mul, 5.0, -2.0, (-2 * up, 5 * up), "switches"),
    ):
        got = gradients(operation, a, b, up)
        print(f"  {name:10} at ({a:g}, {b:g}), {up:g} from above: {got[0]:g} and {got[1]:g}")
        claim(meaning, got == expected)

    a, b = (cgrad.tensor(v, requires_grad=True) for v in (5.0, -2.0))
    with cgrad.viz.record():
        distributed, routed, switched = a + b, cgrad.maximum(a, b), a * b
        total = distributed + routed + switched
    names = {"a": a, "b": b, "a + b": distributed, "max(a, b)": routed, "a · b": switched}
    picture = cgrad.viz.graph(total, names, gradient=cgrad.tensor(up),
                              title="+ distributes, max routes, · switches")
    draw(picture, given.out, "p06_intuitions")


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
