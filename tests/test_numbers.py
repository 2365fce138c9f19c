"""The short way for single numbers (Note [Numbers] in table.pyx) against the general way."""
import numpy as np
import pytest

import cgrad

PROGRAMS = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
    lambda a, b: (-a).relu() * b,
]


OPERATORS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
    "/": lambda a, b: a / b, "neg": lambda a, b: -a, "relu": lambda a, b: a.relu(),
}


@pytest.mark.parametrize("dtype", [cgrad.float32, cgrad.float64])
def test_bits_of_random_programs(dtype):
    rng = np.random.default_rng(0)
    for _ in range(500):
        x = rng.uniform(-2, 2, 3).tolist()
        steps = [(rng.choice(list(OPERATORS)), *rng.integers(0, 9, 2)) for _ in range(6)]
        found = []
        for shape in ((), (1,)):
            leaves = [cgrad.full(shape, v, dtype=dtype, requires_grad=True) for v in x]
            values = list(leaves)
            for name, i, j in steps:
                values.append(OPERATORS[name](values[i % len(values)], values[j % len(values)]))
            grads = cgrad.autograd.grad(values[-1], leaves, cgrad.ones(shape, dtype=dtype),
                                        allow_unused=True)
            found.append([values[-1].item(), *(None if g is None else g.item() for g in grads)])
        np.testing.assert_array_equal(*(np.array(f, dtype=float) for f in found))


def results(program, x, y, dtype, shape):
    a, b = (cgrad.full(shape, v, dtype=dtype, requires_grad=True) for v in (x, y))
    out = program(a, b)
    out.backward(cgrad.full(shape, 0.7, dtype=dtype))
    return np.array([t.detach().numpy().reshape(()) for t in (out, a.grad, b.grad)])


@pytest.mark.parametrize("dtype", [cgrad.float32, cgrad.float64])
@pytest.mark.parametrize("program", PROGRAMS)
def test_bits_are_those_of_the_general_way(program, dtype):
    # A tensor of shape [1] never takes the short way, one of shape [] does.
    rng = np.random.default_rng(0)
    special = [0.0, -0.0, 1e-30, -1e30, float("inf"), float("nan")]
    pairs = [*rng.standard_normal((200, 2)).tolist(), *((x, 0.3) for x in special)]
    with np.errstate(all="ignore"):
        for x, y in pairs:
            short = results(program, x, y, dtype, ())
            general = results(program, x, y, dtype, (1,))
            np.testing.assert_array_equal(short, general)
