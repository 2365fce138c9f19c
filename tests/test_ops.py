"""Every row of the table of operation cases: values, dtypes, layouts, methods, in-place forms,
first and second derivatives, and what is refused.

One test is one case (and dtype); it goes through all samples of the case and names the one that
fails.
"""
from __future__ import annotations

import gc

import numpy as np
import pytest

import cgrad
from checker import WrongDerivative, check_gradients, check_second
from op_cases import CASES, LAYOUTS, T, arguments, draw_all, draw_bad, make_tensor, recorded

TOLERANCE = {"float32": (1e-5, 1e-6), "float64": (1e-12, 1e-12)}
RANK = {"bool": 0, "uint8": 1, "int8": 1, "int16": 1, "int32": 1, "int64": 1, "float32": 2,
        "float64": 2}


def each(cases, *, dtypes=False):
    """Parametrize over cases, or over cases and their dtypes."""
    if dtypes:
        rows = [pytest.param(c, d, id=f"{c}-{d}") for c in cases for d in c.dtypes]
        return pytest.mark.parametrize("case, dtype", rows)
    return pytest.mark.parametrize("case", cases, ids=repr)


def results(output):
    outputs = output if isinstance(output, (tuple, list)) else [output]
    return [y if isinstance(y, cgrad.Tensor) else cgrad.tensor(y) for y in outputs]


def same(a, b):
    """Bit for bit, NaN included."""
    return (a.dtype == b.dtype and a.shape == b.shape
            and np.array_equal(a.detach().numpy(), b.detach().numpy(), equal_nan=a.dtype
                               in (cgrad.float32, cgrad.float64)))


def check_values(case, sample, dtype, arrays, output):
    found, expected = results(output), case.expected(sample, arrays)
    where = f"{case}({sample}) of {dtype}"
    assert len(found) == len(expected), where
    for i, (y, e) in enumerate(zip(found, expected)):
        name = case.result_dtype(dtype, i) or e.dtype.name
        assert str(y.dtype) == f"cgrad.{name}", where
        assert tuple(y.shape) == e.shape, where
        rtol, atol = (case.tolerance * t for t in TOLERANCE.get(name, (0, 0)))
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(y.detach().numpy(), e.astype(name), rtol, atol,
                                       err_msg=where)


COMPARED = [c for c in CASES if c.numpy is not None]


@each(COMPARED, dtypes=True)
def test_values(case, dtype):
    for sample, arrays in draw_all(case, dtype):
        args, kwargs = arguments(cgrad, sample, arrays)
        check_values(case, sample, dtype, arrays, case.function(cgrad)(*args, **kwargs))


@each([c for c in COMPARED if any(s.tensors() for s in c.samples)])
@pytest.mark.parametrize("layout", LAYOUTS[1:])
def test_values_of_other_layouts(case, layout):
    dtype = case.dtypes[0]
    for sample, arrays in draw_all(case, dtype):
        if layout == "expanded":
            arrays = [np.broadcast_to(a[:1], a.shape) if a.ndim else a for a in arrays]
        args, kwargs = arguments(cgrad, sample, arrays, layout)
        check_values(case, sample, dtype, arrays, case.function(cgrad)(*args, **kwargs))


@each([c for c in CASES if c.method])
def test_method_is_the_function(case):
    dtype, tried = case.dtypes[0], 0
    for sample, arrays in draw_all(case, dtype):
        args, kwargs = arguments(cgrad, sample, arrays)
        cgrad.manual_seed(0)
        expected = results(case.function(cgrad)(*args, **kwargs))
        found = results(getattr(args[0], case.label)(*args[1:], **kwargs))
        assert len(found) == len(expected) and all(map(same, found, expected)), f"{case}({sample})"
        tried += 1
    assert tried


def fits_in_place(sample, outcome):
    first = sample.args[0]
    return isinstance(first, T) and len(outcome) == 1 and tuple(outcome[0].shape) == first.shape


@each([c for c in CASES if c.inplace], dtypes=True)
def test_inplace_form_is_the_function(case, dtype):
    tried = 0
    for sample, arrays in draw_all(case, dtype):
        args, kwargs = arguments(cgrad, sample, arrays)
        expected = results(case.function(cgrad)(*args, **kwargs))
        if not fits_in_place(sample, expected):
            continue
        tried += 1
        change = getattr(args[0], case.label + "_")
        found = str(expected[0].dtype).removeprefix("cgrad.")
        if RANK[found] > RANK[dtype]:
            before = args[0].clone()
            with pytest.raises(RuntimeError, match="can't be cast"):
                change(*args[1:], **kwargs)
            assert same(args[0], before), f"{case}({sample})"
        else:
            assert change(*args[1:], **kwargs) is args[0]
            check_same(case, sample, args[0], expected[0].to(args[0].dtype))
    assert tried


def check_same(case, sample, found, expected):
    """Equal bit for bit; sums may be formed in another order in place."""
    if "_add" in case.name and found.is_floating_point():
        rtol, atol = TOLERANCE[found.numpy().dtype.name]
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol, atol)
    else:
        assert same(found, expected), f"{case}({sample})"


@each([c for c in CASES if c.inplace])
def test_inplace_form_of_a_view(case):
    """Only the elements of the view change, and the version counts up."""
    dtype, tried = case.dtypes[0], 0
    for sample, arrays in draw_all(case, dtype):
        args, kwargs = arguments(cgrad, sample, arrays)
        expected = results(case.function(cgrad)(*args, **kwargs))
        if not fits_in_place(sample, expected):
            continue
        tried += 1
        base = cgrad.stack([args[0], args[0]], -1)
        view, other = base.unbind(-1)
        version = base._version
        getattr(view, case.label + "_")(*args[1:], **kwargs)
        check_same(case, sample, view, expected[0].to(view.dtype))
        assert same(other, args[0]) and base._version > version, f"{case}({sample})"
    assert tried


# -- derivatives -------------------------------------------------------------------------------


def differentiated(case):
    """For each sample with float64 inputs: (sample, their arrays, tensors -> args and kwargs)."""
    for sample, arrays in draw_all(case, "float64"):
        places = [i for i, (t, a) in enumerate(zip(sample.tensors(), arrays))
                  if t.grad and a.dtype.kind == "f"]
        if not places:
            continue

        def bind(inputs, sample=sample, arrays=arrays, places=places):
            filled = [make_tensor(cgrad, a) for a in arrays]
            for i, x in zip(places, inputs):
                filled[i] = x
            return sample.fill(filled)

        yield sample, [arrays[i] for i in places], bind


def check_all(check, case, layout="contiguous"):
    tried = 0
    for sample, arrays, bind in differentiated(case):
        def function(*inputs, bind=bind):
            args, kwargs = bind(inputs)
            return case.function(cgrad)(*args, **kwargs)

        try:
            check(function, arrays, build=lambda a: make_tensor(cgrad, a, layout))
        except (WrongDerivative, RuntimeError) as error:
            raise AssertionError(f"{case}({sample}): {error}") from error
        tried += 1
    assert tried


DIFFERENTIABLE = [c for c in CASES if c.grad]


@each(DIFFERENTIABLE)
@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def test_gradients(case, layout):
    check_all(check_gradients, case, layout)


@each([c for c in DIFFERENTIABLE if c.second])
def test_second_derivatives(case):
    check_all(check_second, case, "contiguous")


@each([c for c in CASES if c.inplace and c.grad])
def test_gradients_of_the_inplace_form(case):
    tried = 0
    for sample, arrays, bind in differentiated(case):
        leaves = [cgrad.tensor(a, requires_grad=True) for a in arrays]
        args, kwargs = bind(leaves)
        expected = results(case.function(cgrad)(*args, **kwargs))
        if not fits_in_place(sample, expected):
            continue
        tried += 1
        changed = getattr(args[0].clone(), case.label + "_")(*args[1:], **kwargs)
        weight = cgrad.tensor(np.random.default_rng(0).standard_normal(tuple(changed.shape)))
        right = cgrad.autograd.grad((expected[0] * weight).sum(), leaves, allow_unused=True)
        found = cgrad.autograd.grad((changed * weight).sum(), leaves, allow_unused=True)
        for a, b in zip(found, right):
            assert (a is None) == (b is None), f"{case}({sample})"
            if a is not None:
                np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-13, 1e-13,
                                           err_msg=f"{case}({sample})")
    assert tried


# -- what carries no derivative, and what is refused -----------------------------------------------


@each([c for c in CASES if not c.grad and "float64" in c.dtypes])
def test_without_derivative_nothing_is_recorded_or_it_is_zero(case):
    for sample, arrays in draw_all(case, "float64"):
        args, kwargs, leaves = recorded(cgrad, sample, arrays)
        for y in results(case.function(cgrad)(*args, **kwargs)):
            if y.requires_grad and y.numel():
                y.sum().backward()
                assert not any(x.grad is not None and x.grad.any() for x in leaves), f"{sample}"


BAD = [(c, b) for c in CASES for b in c.errors]


@pytest.mark.parametrize("case, bad", BAD, ids=[f"{c}-{i}" for i, (c, _) in enumerate(BAD)])
def test_errors(case, bad):
    sample, arrays = draw_bad(bad)
    args, kwargs = arguments(cgrad, sample, arrays)
    before = cgrad._engine.rows.live_rows()
    with pytest.raises(bad.error, match=bad.match):
        case.function(cgrad)(*args, **kwargs)
    if cgrad._engine.rows.live_rows() > before:
        gc.collect()        # the traceback may have kept arguments
        assert cgrad._engine.rows.live_rows() <= before


@each([c for c in CASES if c.grad])
def test_no_grad_records_nothing(case):
    for sample, arrays, bind in differentiated(case):
        tensors = [cgrad.tensor(a, requires_grad=True) for a in arrays]
        args, kwargs = bind(tensors)
        function = case.function(cgrad)
        with cgrad.no_grad():
            outputs = results(function(*args, **kwargs))
            assert not any(y.requires_grad and not any(y is x for x in tensors)
                           for y in outputs), f"{sample}"
        assert any(y.requires_grad for y in results(function(*args, **kwargs))), f"{sample}"
