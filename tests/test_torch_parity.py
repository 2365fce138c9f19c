"""The same calls to PyTorch, where it is installed: values, gradients, dtypes, error classes.

`docs/differences.md` says where cgrad departs from it on purpose; those rows carry `torch=False`.
"""
from __future__ import annotations

import itertools
import operator

import numpy as np
import pytest

import cgrad
from op_cases import CASES, EVERY, FLOATS, arguments, draw_all, draw_bad, recorded
from op_families.spec import UNARY_SHAPES

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

COMPARED = [c for c in CASES
            if c.torch and c.function(torch) is not None and not c.name.endswith(":seeded")]
RTOL = {"float32": 2e-5, "float64": 1e-11}


def run(xp, case, sample, arrays, *, gradients):
    """Outputs and gradients of the floating inputs as NumPy arrays."""
    args, kwargs, leaves = recorded(xp, sample, arrays)
    if not gradients:
        args, kwargs = arguments(xp, sample, arrays)
    outputs = case.function(xp)(*args, **kwargs)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    values = [y.detach().numpy() if isinstance(y, xp.Tensor) else np.asarray(y) for y in outputs]
    grads = []
    if gradients:
        roots = [y for y in outputs if isinstance(y, xp.Tensor) and y.requires_grad]
        weights = [xp.tensor(np.cos(np.arange(y.numel())).reshape(tuple(y.shape)), dtype=y.dtype)
                   for y in roots]
        if not roots:
            return values, [None for _ in leaves]
        found = xp.autograd.grad(roots, leaves, weights, allow_unused=True)
        grads = [g if g is None else g.numpy() for g in found]
    return values, grads


def compare(found, expected, rtol, where):
    """An undefined gradient is one of zeros."""
    assert len(found) == len(expected), where
    for f, e in zip(found, expected):
        if f is None or e is None:
            assert not np.any(f if e is None else e), where
            continue
        assert f.dtype == e.dtype and f.shape == e.shape, where
        rounding = rtol if e.dtype.kind == "f" else 0
        np.testing.assert_allclose(f, e, rounding, rounding, err_msg=where)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", COMPARED, ids=repr)
def test_values_and_gradients(case):
    for dtype in case.dtypes:
        for sample, arrays in draw_all(case, dtype):
            gradients = case.grad and dtype in FLOATS
            expected = run(torch, case, sample, arrays, gradients=gradients)
            found = run(cgrad, case, sample, arrays, gradients=gradients)
            rtol = RTOL.get(dtype, 2e-5) * case.tolerance
            where = f"{case}({sample}) of {dtype}"
            compare(found[0], expected[0], rtol, where)
            compare(found[1], expected[1], rtol, "the gradient of " + where)


BAD = [(c, b) for c in COMPARED for b in c.errors if b.torch]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case, bad", BAD, ids=[f"{c}-{i}" for i, (c, _) in enumerate(BAD)])
def test_torch_refuses_it_with_the_same_class(case, bad):
    # That cgrad does is tested in test_ops.py.
    sample, arrays = draw_bad(bad)
    args, kwargs = arguments(torch, sample, arrays)
    with pytest.raises(bad.error):
        case.function(torch)(*args, **kwargs)


# -- type promotion -----------------------------------------------------------------------------

OPERATORS = {
    f.__name__: f for f in (
        operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv,
        operator.mod, operator.pow, operator.eq, operator.lt, operator.ge, operator.and_)
}
SCALARS = (True, 2, 2.5)


def operand(xp, kind, dtype):
    return xp.ones((2,) if kind == "tensor" else (), dtype=getattr(xp, dtype))


def outcome(function, *operands):
    """The name of the result's dtype, or of the class of the exception."""
    try:
        return str(function(*operands).dtype).split(".")[-1]
    except NotImplementedError:
        return "RuntimeError"       # of which PyTorch uses a subclass for "not for this dtype"
    except Exception as error:
        return type(error).__name__


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("kinds", [("tensor", "tensor"), ("tensor", "0-d"), ("0-d", "tensor"),
                                   ("0-d", "0-d")], ids="-".join)
def test_type_promotion(name, kinds):
    function, table = OPERATORS[name], {}
    for a, b in itertools.product(EVERY, EVERY):
        results = [outcome(function, operand(xp, kinds[0], a), operand(xp, kinds[1], b))
                   for xp in (cgrad, torch)]
        if results[0] != results[1]:
            table[a, b] = tuple(results)
    assert not table, f"{name}: {{operands: (cgrad, torch)}}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("kind", ["tensor", "0-d"])
def test_type_promotion_with_numbers(name, kind):
    function, table = OPERATORS[name], {}
    for a, number, swapped in itertools.product(EVERY, SCALARS, (False, True)):
        def call(xp, a=a, number=number, swapped=swapped):
            pair = operand(xp, kind, a), number
            return outcome(function, *(pair[::-1] if swapped else pair))

        if call(cgrad) != call(torch):
            table[a, number, swapped] = call(cgrad), call(torch)
    assert not table, f"{name}: {{(dtype, number, swapped): (cgrad, torch)}}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", EVERY)
def test_values_of_all_pairs(dtype):
    """Values, overflow and division of small integers included, for + - * // % of all pairs."""
    numbers = np.array([-7, -2, -1, 1, 3, 5, 100, 127])
    for other in EVERY:
        a = np.abs(numbers) if "u" in dtype or "bool" in dtype else numbers
        b = np.abs(numbers[::-1]) if "u" in other or "bool" in other else numbers[::-1]
        a, b = a.astype(dtype), b.copy().astype(other)
        for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "lt", "eq"):
            function = OPERATORS[name]
            try:
                expected = function(torch.tensor(a), torch.tensor(b)).numpy()
            except (RuntimeError, TypeError):
                continue
            found = function(cgrad.tensor(a), cgrad.tensor(b)).numpy()
            assert found.dtype == expected.dtype, (name, other)
            np.testing.assert_allclose(found, expected, 1e-6, err_msg=f"{name} {dtype} {other}")


# -- special values -------------------------------------------------------------------------------

SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-30, 88.0, -104.0, 1e30, np.inf, -np.inf,
                    np.nan, 1e-8, 3.5, -2.5])
ONE = [c for c in COMPARED if c.samples is UNARY_SHAPES and c.inplace and c.grad]
TWO = [c for c in COMPARED if c.name in (
    "add", "sub", "mul", "div", "maximum", "minimum", "pow", "atan2", "fmod", "remainder")]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", ONE + TWO, ids=repr)
@pytest.mark.parametrize("dtype", FLOATS)
def test_special_values(case, dtype):
    """Zeros of both signs, infinities, NaN, overflow: values and gradients."""
    arrays = [SPECIAL]
    if case in TWO:
        # Not 1e-30, where PyTorch's own float32 results are NaN.
        numbers = np.delete(SPECIAL, 6)
        arrays = [np.repeat(numbers, len(numbers)), np.tile(numbers, len(numbers))]
    outcomes = []
    for xp in (cgrad, torch):
        leaves = [xp.tensor(x, dtype=getattr(xp, dtype), requires_grad=True) for x in arrays]
        y = case.function(xp)(*leaves)
        y.sum().backward()
        outcomes.append([y.detach().numpy(), *(x.grad.numpy() for x in leaves)])
    for what, found, expected in zip(("value", "first gradient", "second gradient"), *outcomes):
        tiny = np.finfo(dtype).tiny
        np.testing.assert_allclose(found, expected, 3e-5 if dtype == "float32" else 1e-10, tiny,
                                   err_msg=f"{what} of {case}({arrays})")
