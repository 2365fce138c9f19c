"""The engine against the plain-Python engine of reference.py, on graphs of single numbers."""
from __future__ import annotations

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import cgrad
from cgrad._engine.backward import rule_calls
from reference import RULES, Value, topological_order

UNARY = [name for name in RULES if len(RULES[name]) == 2]
EXACT_BINARY = ["add", "sub", "mul", "maximum", "minimum"]
EXACT_UNARY = ["neg", "relu"]
OPERATORS = {"add": "__add__", "sub": "__sub__", "mul": "__mul__", "div": "__truediv__",
             "pow": "__pow__", "neg": "__neg__"}


def tensor(x):
    return cgrad.tensor(x, dtype=cgrad.float64, requires_grad=True)


def apply(op, *operands):
    return getattr(operands[0], OPERATORS.get(op, op))(*operands[1:])


def build(program, leaves):
    """Run a program of (operation, positions of operands) and return all its values."""
    values = list(leaves)
    for op, *places in program:
        values.append(apply(op, *(values[i % len(values)] for i in places)))
    return values


def close(a, b, rtol):
    return a == b or math.isclose(a, b, rel_tol=rtol, abs_tol=rtol) or (a != a and b != b)


def compare(program, numbers, rtol=0.0):
    reference, ours = [[kind(x) for x in numbers] for kind in (Value, tensor)]
    expected, found = build(program, reference), build(program, ours)
    for v, t in zip(expected, found):
        assert close(t.item(), v.data, rtol), (v.op, v.inputs)
    expected[-1].backward()
    if found[-1].requires_grad:
        found[-1].backward()
    for v, t in zip(reference, ours):
        assert close(0.0 if t.grad is None else t.grad.item(), v.grad, rtol), (program, numbers)


def test_the_classic_case():
    for kind in (Value, tensor):
        x, y, z = kind(1.0), kind(2.0), kind(0.0)
        out = (x + y) * y.maximum(z)
        out.backward()
        value = [float(v.data) for v in (out, x, y, z)]
        assert value == [6.0, 1.0, 2.0, 0.0]
        assert [float(v.grad) for v in (x, y, z)] == [2.0, 5.0, 0.0]


@pytest.mark.parametrize("op", ["maximum", "minimum"])
def test_a_tie_is_shared_evenly(op):
    for kind in (Value, tensor):
        a, b = kind(3.0), kind(3.0)
        (apply(op, a, b) * 4.0).backward()
        assert (float(a.grad), float(b.grad)) == (2.0, 2.0)
        c = kind(3.0)
        apply(op, c, c).backward()
        assert float(c.grad) == 1.0


def test_ties_of_the_reductions_follow_pytorch():
    """max over everything shares evenly; along a dimension the first one takes all."""
    x = cgrad.tensor([1.0, 3.0, 3.0, 2.0], requires_grad=True)
    for reduce, expected in [(lambda x: x.max(), [0, 0.5, 0.5, 0]),
                             (lambda x: x.amax(0), [0, 0.5, 0.5, 0]),
                             (lambda x: x.max(0).values, [0, 1, 0, 0])]:
        (grad,) = cgrad.autograd.grad(reduce(x), x)
        assert grad.tolist() == expected


@pytest.mark.parametrize("op", RULES)
def test_each_operation(op):
    rng = random.Random(op)
    for _ in range(50):
        a, b = rng.uniform(0.2, 3.0), rng.uniform(-2.0, 2.0)
        places = (0,) if op in UNARY else (0, 1)
        exact = op in EXACT_UNARY + EXACT_BINARY
        compare([(op, *places)], [a, b], 0.0 if exact else 4e-16)
        signs = op not in ("log", "pow")
        if signs:
            compare([(op, *places)], [-a, b], 0.0 if exact else 4e-16)


def random_program(rng, length, unary, binary):
    """A random graph with much sharing; its last value depends on most of it."""
    program, size = [], 3
    for _ in range(length):
        recent = [max(0, size - 1 - int(rng.expovariate(0.5))) for _ in range(2)]
        if rng.random() < 0.3:
            program.append((rng.choice(unary), recent[0]))
        else:
            program.append((rng.choice(binary), *recent))
        size += 1
    return program


@pytest.mark.parametrize("seed", range(100))
def test_random_graphs_exactly(seed):
    """Sums and products of whole numbers have no rounding: equal to the last digit."""
    rng = random.Random(seed)
    program = random_program(rng, 25, EXACT_UNARY, ["add", "sub", "maximum", "minimum"])
    program.insert(5, ("mul", 0, 1))
    program.insert(10, ("mul", 4, 2))
    compare(program, [float(rng.randint(-4, 4)) for _ in range(3)])


@pytest.mark.parametrize("seed", range(100))
def test_random_graphs_with_rounding(seed):
    """Also with rounding, as both engines sweep in the same order: a few last digits."""
    rng = random.Random(1000 + seed)
    program = random_program(rng, 30, ["tanh", "sigmoid", "neg", "relu"], EXACT_BINARY[:2] * 2 + [
        "maximum", "minimum"])
    program += [("exp", -1), ("tanh", -1)]
    compare(program, [rng.uniform(-2, 2) for _ in range(3)], 1e-12)


steps = st.lists(
    st.one_of(st.tuples(st.sampled_from(EXACT_UNARY), st.integers(0, 40)),
              st.tuples(st.sampled_from(["add", "sub", "maximum", "minimum"]),
                        st.integers(0, 40), st.integers(0, 40))),
    min_size=1, max_size=30)


@given(steps, st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=4))
def test_any_graph_exactly(program, numbers):
    compare(program, numbers)


@given(st.lists(st.tuples(st.sampled_from(["mul", "div", "add"]), st.integers(0, 9),
                          st.integers(0, 9)), min_size=1, max_size=6),
       st.lists(st.floats(0.5, 2.0), min_size=3, max_size=3))
def test_any_rational_function(program, numbers):
    # No differences and no extremes: nothing cancels but derivatives like that of x / x.
    assume(all(1e-3 < v.data < 1e3 for v in build(program, [Value(x) for x in numbers])))
    compare(program, numbers, 1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_shared_subexpressions_are_swept_once(seed):
    """One evaluation of a derivative rule for each reachable row that is not a leaf."""
    rng = random.Random(seed)
    program = random_program(rng, 60, ["tanh", "neg"], ["add", "mul", "sub"])
    numbers = [rng.uniform(-1, 1) for _ in range(3)]
    last = build(program, [Value(x) for x in numbers])[-1]
    rows = sum(bool(row.inputs) for row in topological_order(last))
    y = build(program, [tensor(x) for x in numbers])[-1]
    before = rule_calls()
    y.backward()
    assert rule_calls() - before == rows


def test_doubling_is_linear():
    """y = y + y, 200 times: 2^200 paths, 200 rows."""
    for kind in (Value, tensor):
        x = kind(1.0)
        y = x
        for _ in range(200):
            y = y + y
        before = rule_calls()
        y.backward()
        assert float(x.grad) == 2.0**200
        assert rule_calls() - before == (200 if kind is tensor else 0)


def test_deep_chains():
    length = 50_000
    for kind in (Value, tensor):
        x, w = kind(1.0), kind(1.0)
        y = x
        for _ in range(length):
            y = y * w
        y.backward()
        assert (float(x.grad), float(w.grad)) == (1.0, length)
        del y


def test_gradients_accumulate():
    for kind in (Value, tensor):
        x = kind(3.0)
        (x * x).backward()
        (x * 2.0).backward()
        assert float(x.grad) == 8.0


def test_numbers_on_either_side():
    for kind in (Value, tensor):
        x = kind(2.0)
        y = (1 - x) * 3.0 + 8.0 / x - x / 4 + 2.0**x + (x - 1) ** 2 + (5 + 2 * x)
        y.backward()
        assert float(y.data) == pytest.approx(-3 + 4 - 0.5 + 4 + 1 + 9)
        assert float(x.grad) == pytest.approx(-3 - 2 - 0.25 + 4 * math.log(2) + 2 + 2)


def test_the_specification_stays_short():
    with open(__file__.replace("test_reference", "reference"), encoding="utf-8") as file:
        assert sum(1 for _ in file) < 150
