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


def test_longer_programs_agree_to_rounding():
    rng = np.random.default_rng(0)
    for x, y in rng.standard_normal((200, 2)).tolist():
        short, general = (
            results(lambda a, b: (a * b + a).relu() / b - a * a, x, y, cgrad.float32, shape)
            for shape in ((), (1,))
        )
        np.testing.assert_allclose(short, general, rtol=2e-6, atol=1e-6)


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
