"""cgrad.testing: comparison within tolerances, random tensors."""
import math

import numpy as np
import pytest

import cgrad
from cgrad.testing import assert_allclose, assert_close, make_tensor

nan, inf = math.nan, math.inf


def t(*values, **options):
    return cgrad.tensor(list(values), **options)


@pytest.mark.parametrize("actual, expected, options", [
    (t(1.0, 2.0), t(1.0, 2.0000001), {}),
    (t(1.0), t(1.00001), dict(rtol=1e-4, atol=0)),
    (t(nan), t(nan), dict(equal_nan=True)),
    (t(inf, -inf), t(inf, -inf), {}),
    (t(1), t(1.0), dict(check_dtype=False)),
    (1.0, 1.0 + 1e-9, {}), (3, 3, {}), (True, np.True_, {}), (None, None, {}),
    (1, 1.0, dict(check_dtype=False)), (nan, nan, dict(equal_nan=True)),
    ([t(1), (t(2.0), 3)], (t(1), [t(2.0), 3]), {}),
    ({"a": t(1), "b": [1.0]}, {"b": [1.0], "a": t(1)}, {}),
    (np.ones(2), np.ones(2), {}), (cgrad.ones(0), cgrad.ones(0), {}),
    (cgrad.nn.Parameter(t(1.0)), t(1.0), {}), (t(True), t(True), {}),
])
def test_close(actual, expected, options):
    assert assert_close(actual, expected, **options) is None


@pytest.mark.parametrize("actual, expected, options, message", [
    (t(1.0, 2.0), t(1.0, 2.1), {},
     r"Tensor-likes are not close!\n\nMismatched elements: 1 / 2 \(50\.0%\)\nGreatest absolute "
     r"difference: 0\.0999\d+ at index \(1,\) \(up to 1e-05 allowed\)\nGreatest relative "
     r"difference: 0\.0476\d+ at index \(1,\) \(up to 1\.3e-06 allowed\)$"),
    (t(1, 5), t(1, 2), {}, r"not equal!\n\n.*1 / 2.*\n.*absolute difference: 3 at index \(1"),
    (t(1.0), t(nan), {}, "1 / 1"), (t(nan), t(nan), {}, "1 / 1"), (t(inf), t(-inf), {}, "1 / 1"),
    (t(1.0), t(inf), {}, "1 / 1"), (t(2**62), t(2**62 + 1), {}, "difference: 1 at"),
    (t(1.0), t(1.0, 2.0), {}, "attribute 'shape' do not match: .*1.* != .*2"),
    (t(1.0), t(1), {}, "attribute 'dtype' do not match: cgrad.float32 != cgrad.int64"),
    (cgrad.ones(2, 3).t(), cgrad.ones(3, 2), dict(check_stride=True), r"'stride\(\)'"),
    (cgrad.tensor(1.0), cgrad.tensor(2.0), {}, "Scalars are not close!\n\nExpected 2.0 but got 1"),
    (1.0, 1.1, {}, "Scalars are not close!\n\nExpected 1.1 but got 1.0.\nAbsolute difference: 0.1"),
    (1, 2, {}, "Scalars are not equal!\n\nExpected 2 but got 1"), (nan, nan, {}, "not close"),
    (inf, 1.0, {}, "not close"), (1.0, inf, {}, "not close"), (1, 1.0, {}, r"\(d\)types"),
    (True, False, {}, "Booleans mismatch: True is not False"), (None, 1, {}, "None mismatch"),
    ([1, 2], [1], {}, "length of the sequences mismatch: 2 != 1"),
    ({"a": 1, "c": 2}, {"b": 1, "c": 2}, {}, r"(?s)Missing.*\['b'\].*Additional.*\['a'\]"),
    ([{"x": (1, t(1.0))}], [{"x": (1, t(2.0))}], {},
     r"(?s)not close.*\n\nThe failure occurred for item \[0\]\['x'\]\[1\]$"),
    (t(1.0), t(2.0), dict(msg="so"), "^so$"),
    (t(1.0), t(2.0), dict(msg=lambda text: "first\n" + text), "first\nTensor-likes are not"),
])
def test_not_close(actual, expected, options, message):
    with pytest.raises(AssertionError, match=message):
        assert_close(actual, expected, **options)


def test_errors():
    with pytest.raises(ValueError, match="both be specified .* got rtol without atol"):
        assert_close(1.0, 1.0, rtol=0.1)
    for pair in (("a", "a"), (t(1.0), np.ones(1)), (object(), object())):
        with pytest.raises(TypeError, match="No comparison pair was able to handle inputs"):
            assert_close(*pair)
    with pytest.raises(TypeError):
        assert_close(cgrad.nn.Parameter(t(1.0)), t(1.0), allow_subclasses=False)


def test_the_older_form():
    with pytest.warns(FutureWarning):
        assert_allclose(t(1.0, nan), t(1.0, nan))
    with pytest.warns(FutureWarning), pytest.raises(AssertionError):
        assert_allclose(t(1.0), [2.0])
    with pytest.warns(FutureWarning):
        assert_allclose(t(1.0), np.array([1]))


@pytest.mark.parametrize("dtype, low, high", [
    ("float32", -9, 9), ("float64", -9, 9), ("int64", -9, 9), ("int8", -9, 9), ("uint8", 0, 9),
    ("bool", 0, 1)])
def test_random_tensors(dtype, low, high):
    x = make_tensor(300, dtype=getattr(cgrad, dtype), device="cpu")
    assert x.shape == (300,) and str(x.dtype) == f"cgrad.{dtype}"
    values = x.double()
    assert low <= values.min() < low + (high - low) / 4
    assert high - (high - low) / 4 < values.max() <= high


def test_options_of_random_tensors():
    x = make_tensor((4, 5), dtype=cgrad.float32, device="cpu", low=2, high=3, requires_grad=True)
    assert x.requires_grad and x.is_leaf and x.min() >= 2 and x.max() <= 3
    x = make_tensor(3, 4, dtype=cgrad.int16, device="cpu", low=0, high=2, exclude_zero=True)
    assert x.shape == (3, 4) and (x == 1).all()
    x = make_tensor(6, dtype=cgrad.float64, device="cpu", noncontiguous=True)
    assert x.shape == (6,) and not x.is_contiguous()
    x = make_tensor(50, dtype=cgrad.int64, device="cpu", low=2.5, high=4.5)
    assert set(x.tolist()) == {3, 4}
    assert make_tensor((), dtype=cgrad.bool, device="cpu").dim() == 0
    for options in (dict(low=3, high=3), dict(low=nan), dict(low=0.2, high=0.8),
                    dict(requires_grad=True), dict(low=300, high=400)):
        with pytest.raises(ValueError, match="make_tensor"):
            make_tensor(2, dtype=cgrad.uint8, device="cpu", **options)
    with pytest.raises(RuntimeError, match="CPU only"):
        make_tensor(2, dtype=cgrad.float32, device="cuda")
