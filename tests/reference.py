"""The engine in plain Python, for single numbers: its readable specification.

A row remembers the name of its operation and its input rows.  `RULES` has one entry for each
operation: its value, and what each input receives of the gradient `g` that reaches the output `y`.
`backward` makes the three passes of the engine (src/cgrad/_engine/backward.pyx) in the same order:
reach the rows, order them so that consumers come before what they consume, sweep.  Nothing is
recursive, so a chain may be as long as the memory allows.

The tests compare the engine with it, and the benchmarks take it as the baseline.
"""
from __future__ import annotations

import math


def half_at_tie(wins, loses):
    """The share of an operand of max or min: all if it wins, half at a tie, nothing otherwise."""
    return 1.0 if wins else 0.0 if loses else 0.5


def power(a, b):
    """Python's a ** b, but with IEEE's values instead of exceptions."""
    if a == 0.0 and b < 0.0:
        return math.inf
    return math.pow(a, b)


def power_exponent(g, y, a, b):
    return 0.0 if a == 0.0 and b >= 0.0 else g * y * math.log(a)


# name: (value of the inputs, gradient of the first input, gradient of the second input)
RULES = {
    "add": (lambda a, b: a + b, lambda g, y, a, b: g, lambda g, y, a, b: g),
    "sub": (lambda a, b: a - b, lambda g, y, a, b: g, lambda g, y, a, b: -g),
    "mul": (lambda a, b: a * b, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
    "div": (lambda a, b: a / b, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * a / (b * b)),
    "pow": (power, lambda g, y, a, b: g * b * power(a, b - 1.0) if b else 0.0, power_exponent),
    "maximum": (max, lambda g, y, a, b: g * half_at_tie(a > b, a < b),
                lambda g, y, a, b: g * half_at_tie(b > a, b < a)),
    "minimum": (min, lambda g, y, a, b: g * half_at_tie(a < b, a > b),
                lambda g, y, a, b: g * half_at_tie(b < a, b > a)),
    "neg": (lambda a: -a, lambda g, y, a: -g),
    "exp": (math.exp, lambda g, y, a: g * y),
    "log": (math.log, lambda g, y, a: g / a),
    "tanh": (math.tanh, lambda g, y, a: g * (1.0 - y * y)),
    "sigmoid": (lambda a: 1.0 / (1.0 + math.exp(-a)) if a > -700.0 else 0.0,
                lambda g, y, a: g * (1.0 - y) * y),
    "relu": (lambda a: a if a > 0.0 else 0.0, lambda g, y, a: g if y > 0.0 else 0.0),
}


class Value:
    """A number with its place in the graph; `grad` accumulates over calls of `backward`."""

    __slots__ = ("data", "grad", "inputs", "op")

    def __init__(self, data, op="", inputs=()):
        self.data = data
        self.grad = 0.0
        self.op = op
        self.inputs = inputs

    def __repr__(self):
        return f"Value({self.data}, grad={self.grad})"

    def backward(self):
        """Add the derivative of this value to `grad` of every leaf that it was computed from."""
        received = {id(self): 1.0}
        for row in topological_order(self):
            g = received.pop(id(row))
            if not row.inputs:
                row.grad += g
                continue
            values = [x.data for x in row.inputs]
            for x, rule in zip(row.inputs, RULES[row.op][1:]):
                share = rule(g, row.data, *values)
                received[id(x)] = received[id(x)] + share if id(x) in received else share

    __add__ = __radd__ = lambda a, b: binary("add", a, b)
    __mul__ = __rmul__ = lambda a, b: binary("mul", a, b)
    __sub__ = lambda a, b: binary("sub", a, b)
    __rsub__ = lambda a, b: binary("sub", Value(b), a)
    __truediv__ = lambda a, b: binary("div", a, b)
    __rtruediv__ = lambda a, b: binary("div", Value(b), a)
    __pow__ = lambda a, b: binary("pow", a, b)
    __rpow__ = lambda a, b: binary("pow", Value(b), a)
    maximum = lambda a, b: binary("maximum", a, b)
    minimum = lambda a, b: binary("minimum", a, b)
    __neg__ = lambda a: unary("neg", a)
    exp = lambda a: unary("exp", a)
    log = lambda a: unary("log", a)
    tanh = lambda a: unary("tanh", a)
    sigmoid = lambda a: unary("sigmoid", a)
    relu = lambda a: unary("relu", a)


def unary(op, a):
    return Value(RULES[op][0](a.data), op, (a,))


def binary(op, a, b):
    b = b if isinstance(b, Value) else Value(b)
    return Value(RULES[op][0](a.data, b.data), op, (a, b))


def topological_order(root):
    """Every row that `root` was computed from, each after all of its consumers (Kahn 1962)."""
    rows, pending = [root], {id(root): 0}
    for row in rows:                      # grows while it is read
        for x in row.inputs:
            if id(x) not in pending:
                pending[id(x)] = 0
                rows.append(x)
            pending[id(x)] += 1
    ready = [root]
    while ready:
        row = ready.pop()
        yield row
        for x in row.inputs:
            pending[id(x)] -= 1
            if not pending[id(x)]:
                ready.append(x)
