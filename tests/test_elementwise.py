"""What the table of cases cannot say of elementwise functions: special values, kinks, constant
derivatives, what never has a result, and `out=` of composed functions."""
from __future__ import annotations

import math

import numpy as np
import pytest

import cgrad
from cgrad import special

inf, nan = math.inf, math.nan


def values(*numbers):
    return cgrad.tensor(numbers, dtype=cgrad.float64)


# -- trivial for real tensors --------------------------------------------------------------------


def test_no_tensor_is_complex():
    x = cgrad.ones(2)
    assert not cgrad.is_complex(x) and not x.is_conj() and not x.is_neg()
    assert x.real is x and x.conj() is x and x.resolve_neg() is x
    with pytest.raises(RuntimeError, match="imag"):
        _ = x.imag
    with pytest.raises(RuntimeError, match="imag"):
        cgrad.imag(x)


def test_signed_dtypes():
    assert cgrad.is_signed(cgrad.ones(1)) and cgrad.ones(1, dtype=cgrad.int8).is_signed()
    assert not cgrad.ones(1, dtype=cgrad.uint8).is_signed()
    assert not cgrad.ones(1, dtype=cgrad.bool).is_signed()


# -- special values --------------------------------------------------------------------------------

SPECIAL_VALUES = [
    ("lgamma", [0.0, -1.0, inf, -inf, nan], [inf, inf, inf, inf, nan]),
    ("digamma", [0.0, -0.0, -1.0, inf, nan], [-inf, inf, nan, inf, nan]),
    ("erfinv", [0.0, 1.0, -1.0, 1.5, nan], [0.0, inf, -inf, nan, nan]),
    ("i0", [0.0, inf, -inf, nan], [1.0, inf, inf, nan]),
    ("sinc", [0.0, 1e-300, nan], [1.0, 1.0, nan]),
    ("logit", [0.0, 1.0, 2.0, nan], [-inf, inf, nan, nan]),
    ("special.entr", [0.0, -1.0, inf, nan], [0.0, -inf, -inf, nan]),
    ("special.erfcx", [-inf, inf, 1e10, nan], [inf, 0.0, 1e-10 / math.sqrt(math.pi), nan]),
    ("special.ndtri", [0.0, 1.0, 0.5, -0.1, nan], [-inf, inf, 0.0, nan, nan]),
    ("special.log_ndtr", [-inf, inf, nan], [-inf, 0.0, nan]),
    ("special.i0e", [inf, -inf, nan], [0.0, 0.0, nan]),
    ("special.i1", [0.0, inf, -inf, nan], [0.0, inf, -inf, nan]),
    ("special.i1e", [inf, -inf, nan], [0.0, -0.0, nan]),
    ("nan_to_num", [nan, inf, -inf], [0.0, 1.7976931348623157e308, -1.7976931348623157e308]),
    ("signbit", [0.0, -0.0, -nan, -inf], [False, True, True, True]),
    ("angle", [-1.0, 0.0, -inf, nan], [math.pi, 0.0, math.pi, nan]),
]


@pytest.mark.parametrize("name, numbers, expected", SPECIAL_VALUES, ids=lambda p: str(p)[:20])
def test_special_values(name, numbers, expected):
    module, _, leaf = name.rpartition(".")
    function = getattr(special if module else cgrad, leaf)
    found = function(values(*numbers)).numpy()
    np.testing.assert_allclose(found, expected, 1e-14)


TWO = [
    ("xlogy", [0.0, 0.0, 0.0, 1.0], [0.0, inf, nan, 0.0], [0.0, 0.0, nan, -inf]),
    ("special.xlog1py", [0.0, 0.0, 1.0], [-1.0, nan, -1.0], [0.0, nan, -inf]),
    ("special.zeta", [1.0, 0.5, 2.0, 2.5, 2.0], [1.0, 1.0, -1.0, -0.5, inf],
     [inf, nan, inf, nan, 0.0]),
    ("igamma", [0.0, 1.0, 1.0, inf, -1.0, inf], [1.0, 0.0, inf, 1.0, 1.0, inf],
     [1.0, 0.0, 1.0, 0.0, nan, nan]),
    ("igammac", [0.0, 1.0, 1.0, inf, -1.0, inf], [1.0, 0.0, inf, 1.0, 1.0, inf],
     [0.0, 1.0, 0.0, 1.0, nan, nan]),
    ("logaddexp", [-inf, inf, nan], [-inf, inf, 0.0], [-inf, inf, nan]),
    ("fmax", [nan, 1.0, nan], [1.0, nan, nan], [1.0, 1.0, nan]),
    ("copysign", [1.0, 1.0, 0.0], [-0.0, 0.0, -1.0], [-1.0, 1.0, -0.0]),
    ("heaviside", [0.0, nan, -1.0], [5.0, 5.0, 5.0], [5.0, 0.0, 0.0]),
]


@pytest.mark.parametrize("name, a, b, expected", TWO, ids=lambda p: str(p)[:20])
def test_special_values_of_two(name, a, b, expected):
    module, _, leaf = name.rpartition(".")
    function = getattr(special if module else cgrad, leaf)
    found = function(values(*a), values(*b)).numpy()
    np.testing.assert_allclose(found, expected, 1e-14)
    assert (np.signbit(found) == np.signbit(expected)).all() or name != "copysign"


# Correct to all digits given: computed with 40 digits (mpmath).
EXACT = [
    ("digamma", 1e-5, -100000.577199215673), ("digamma", -3.25, 4.46627587235027997),
    ("digamma", 1e9, 20.7232658364464112), ("lgamma", -3.25, -0.623153451320998647),
    ("erfinv", 0.999999999, 4.32000538810536205), ("erfinv", 1e-12, 8.86226925452757996e-13),
    ("special.erfcx", -5.0, 144009798674.66104), ("special.erfcx", 30.0, 0.0187958888614167515),
    ("special.log_ndtr", -40.0, -804.608442013753788),
    ("special.ndtri", 1e-300, -37.0470962993611992),
    ("i0", 20.0, 43558282.5595535333), ("special.i1e", 100.0, 0.0397441530251302527),
]


@pytest.mark.parametrize("name, x, expected", EXACT)
def test_accuracy_over_the_range(name, x, expected):
    module, _, leaf = name.rpartition(".")
    function = getattr(special if module else cgrad, leaf)
    assert function(values(x)).item() == pytest.approx(expected, rel=2e-14)


@pytest.mark.parametrize("a, x", [(1e-8, 1e-3), (0.3, 40.0), (30.0, 28.0), (1e4, 1.01e4),
                                  (2e5, 2.01e5), (1e12, 1e12), (1e300, 1e300)])
def test_incomplete_gamma_functions_complete_each_other(a, x):
    a, x = values(a), values(x)
    p, q = cgrad.igamma(a, x).item(), cgrad.igammac(a, x).item()
    assert p + q == pytest.approx(1, abs=4e-15) and 0 <= p <= 1


def test_zeta_and_polygamma_below_zero_and_far_away():
    # polygamma(1, x) + polygamma(1, 1 - x) = (pi / sin(pi x))^2
    x = values(-0.25, -7.3, -1e6 - 0.5)
    both = cgrad.polygamma(1, x) + cgrad.polygamma(1, 1 - x)
    expected = (math.pi / np.sin(math.pi * np.array([-0.25, -7.3, -0.5]))) ** 2
    np.testing.assert_allclose(both.numpy(), expected, 1e-12)


# -- derivatives at special places -----------------------------------------------------------------


def slope(function, *numbers):
    x = values(*numbers).requires_grad_()
    (g,) = cgrad.autograd.grad(function(x).sum(), x)
    return g.tolist()


F = cgrad.nn.functional


@pytest.mark.parametrize("function, at, expected", [
    (F.relu6, [0.0, 6.0, 3.0], [0.0, 0.0, 1.0]),
    (F.hardtanh, [-1.0, 1.0, 0.0], [0.0, 0.0, 1.0]),
    (F.hardsigmoid, [-3.0, 3.0, 0.0], [0.0, 0.0, 1 / 6]),
    (F.hardshrink, [-0.5, 0.5, 1.0], [0.0, 0.0, 1.0]),
    (F.softshrink, [-0.5, 0.5, 1.0], [0.0, 0.0, 1.0]),
    (F.leaky_relu, [0.0], [0.01]),
    (F.elu, [0.0], [1.0]),
    (F.softsign, [0.0], [1.0]),
    (lambda x: F.threshold(x, 0.0, 5.0), [0.0, 1.0], [0.0, 1.0]),
    (lambda x: cgrad.prelu(x, values(0.25)), [0.0, 1.0], [0.25, 1.0]),
    (cgrad.sinc, [0.0], [0.0]),
    (special.i1, [0.0], [0.5]),
    (special.i1e, [0.0], [0.5]),
    (lambda x: cgrad.logit(x, 0.25), [0.1, 0.5], [0.0, 4.0]),
    (lambda x: cgrad.xlogy(x, x.detach()), [0.0], [0.0]),
    (lambda x: cgrad.logaddexp(x, x.detach()), [-inf, inf], [0.5, 0.5]),
    (lambda x: cgrad.fmax(x, values(1.0, nan)), [1.0, 0.0], [1.0, 1.0]),
    (lambda x: cgrad.copysign(x, values(-1.0)), [0.0, 2.0, -2.0], [0.0, -1.0, 1.0]),
    (cgrad.nan_to_num, [nan, inf, 1.0], [0.0, 0.0, 1.0]),
])
def test_derivative_at(function, at, expected):
    assert slope(function, *at) == expected


TRAPS = {
    "sqrt": (cgrad.sqrt, 0.0), "log": (cgrad.log, 0.0), "log2": (cgrad.log2, 0.0),
    "log10": (cgrad.log10, 0.0), "log1p": (cgrad.log1p, -1.0), "rsqrt": (cgrad.rsqrt, 0.0),
    "reciprocal": (cgrad.reciprocal, 0.0), "asin": (cgrad.asin, 1.0), "acos": (cgrad.acos, -1.0),
    "acosh": (cgrad.acosh, 1.0), "atanh": (cgrad.atanh, 1.0), "erfinv": (cgrad.erfinv, 1.0),
    "logit": (cgrad.logit, 0.0), "lgamma": (cgrad.lgamma, 0.0),
    "divided by": (lambda x: 1 / x, 0.0), "quotient": (lambda x: x / x, 0.0),
    "root": (lambda x: x**0.5, 0.0), "negative power": (lambda x: x**-1.0, 0.0),
    "power": (lambda x: x**x, -1.0),
    "norm": (lambda x: (x * x + 0.0).sqrt(), 0.0), "xlogy": (lambda x: cgrad.xlogy(x, x), 0.0),
}


@pytest.mark.parametrize("name", TRAPS)
def test_no_nan_comes_out_of_a_branch_that_is_not_chosen(name):
    function, edge = TRAPS[name]
    x = values(edge, 0.5 if name != "acosh" else 2.0).requires_grad_()
    y = cgrad.where(x != edge, function(x), 0.0)
    (g,) = cgrad.autograd.grad(y.sum(), x, create_graph=True)
    assert (g[0] == 0 and g[1].isfinite() and g[1] != 0) or name == "quotient"
    assert g.isfinite().all()
    # The same number by number, and for a mask and an index instead of where.
    scalar = values(edge)[0].requires_grad_()
    (g,) = cgrad.autograd.grad(cgrad.where(scalar != edge, function(scalar), 0.0), scalar)
    assert g == 0
    (g,) = cgrad.autograd.grad(function(x).masked_fill(x == edge, 0.0).sum(), x)
    assert g.isfinite().all()
    (g,) = cgrad.autograd.grad(function(x)[1:].sum(), x)
    assert g.isfinite().all()


@pytest.mark.parametrize("function, expected", [
    (cgrad.sqrt, inf), (cgrad.log, inf), (cgrad.reciprocal, -inf), (lambda x: x**0.5, inf)])
def test_an_infinite_slope_stays_where_it_is_asked_for(function, expected):
    assert slope(function, 0.0) == [expected]


@pytest.mark.parametrize("function", [
    F.leaky_relu, F.relu6, F.hardtanh, F.hardsigmoid, F.hardshrink, F.softshrink,
    lambda x: F.threshold(x, 0.0, 5.0), lambda x: cgrad.prelu(x, values(0.25)),
], ids=["leaky_relu", "relu6", "hardtanh", "hardsigmoid", "hardshrink", "softshrink", "threshold",
        "prelu"])
def test_second_derivative_of_a_piecewise_linear_function_is_zero(function):
    x = values(-2.0, 0.2, 2.0).requires_grad_()
    (g,) = cgrad.autograd.grad(function(x).sum(), x, create_graph=True)
    assert g.requires_grad
    assert cgrad.autograd.grad(g.sum(), x)[0].tolist() == [0.0] * 3


@pytest.mark.parametrize("square", [lambda x: x * x, cgrad.square, lambda x: x ** 2])
@pytest.mark.parametrize("shape", [(), (1,), (3,)])
def test_gradient_of_a_square_does_not_overflow_before_it_must(square, shape):
    x = cgrad.full(shape, 3e38, requires_grad=True)
    square(x).backward(cgrad.full(shape, 0.01))
    assert cgrad.isfinite(x.grad).all()


def test_third_derivative_of_the_square_is_zero():
    x = values(3.0).requires_grad_()
    y = x**2
    for expected in (6.0, 2.0, 0.0):
        (y,) = cgrad.autograd.grad(y.sum(), x, create_graph=True)
        assert y.item() == expected


def test_integers_to_negative_powers_of_a_tensor():
    x, n = cgrad.tensor([2, 1, -1, -1, 0, 3]), cgrad.tensor([-1, -2, -3, -2, -1, 2])
    assert (x**n).tolist() == [0, 1, -1, 1, 0, 9]
    with pytest.raises(RuntimeError, match="negative integer powers"):
        _ = x ** -1


def test_nan_as_a_bound():
    x = cgrad.tensor([1.0, 2.0])
    assert x.clamp(max=nan).isnan().all() and x.clamp(nan, 3.0).isnan().all()
    assert x.clamp_min(cgrad.tensor([nan, 3.0])).nan_to_num(7.0).tolist() == [7.0, 3.0]


def test_sums_and_products_of_two_numbers():
    assert cgrad.add(1, 2).dtype == cgrad.int64 and cgrad.mul(1.5, 2).item() == 3.0
    assert cgrad.div(7, 2).item() == 3.5 and cgrad.sub(7.0, 2.0).dtype == cgrad.float32
    assert cgrad.div(7, 2, rounding_mode="trunc").item() == 3
    with pytest.raises(TypeError, match="maximum"):
        cgrad.maximum(1, 2)


def test_second_derivative_of_logaddexp_at_a_tie():
    x = values(1.0).requires_grad_()
    (g,) = cgrad.autograd.grad(cgrad.logaddexp(x, values(1.0)), x, create_graph=True)
    assert cgrad.autograd.grad(g, x)[0].item() == pytest.approx(0.25)


@pytest.mark.parametrize("function", [
    lambda x: special.zeta(x, values(2.0)), lambda x: cgrad.igamma(x, values(2.0)),
    lambda x: cgrad.igammac(x, values(2.0))])
def test_what_has_no_derivative_says_so(function):
    x = values(2.0).requires_grad_()
    with pytest.raises(NotImplementedError, match="input' is not implemented"):
        function(x).sum().backward()


# -- in-place forms of activations, out= -----------------------------------------------------------


@pytest.mark.parametrize("name", ["relu", "celu", "elu", "selu", "hardtanh", "leaky_relu", "rrelu",
                                  "threshold", "mish", "silu", "hardswish", "hardsigmoid"])
def test_activation_in_place(name):
    args = (0.5, 2.0) if name == "threshold" else ()
    function = getattr(F, name)
    x = values(-4.0, -0.7, 0.3, 5.0).requires_grad_()
    expected = function(x, *args)
    (right,) = cgrad.autograd.grad(expected.sum(), x)
    h = x * 1
    changed = function(h, *args, inplace=True)
    assert changed is h and h.equal(expected)
    assert cgrad.autograd.grad(h.sum(), x)[0].equal(right)
    if hasattr(F, name + "_"):
        assert getattr(F, name + "_")(x * 1, *args).equal(expected)
    if hasattr(cgrad, name + "_"):
        assert getattr(cgrad, name + "_")(x * 1, *args).equal(expected)
    with pytest.raises(RuntimeError, match=f"{name}_: a leaf"):
        function(x, *args, inplace=True)


def test_rrelu_draws_a_slope_for_each_element():
    cgrad.manual_seed(0)
    x = values(*[-1.0] * 100, 2.0).requires_grad_()
    y = F.rrelu(x, 0.1, 0.3, training=True)
    (g,) = cgrad.autograd.grad(y.sum(), x)
    slopes = -y[:100]
    assert (slopes > 0.1).all() and (slopes < 0.3).all() and slopes.std() > 0.01
    assert y[100] == 2 and g[100] == 1 and g[:100].equal(slopes.detach())


def test_gumbel_softmax():
    cgrad.manual_seed(0)
    logits = cgrad.tensor([[1.0, 2.0, 3.0]] * 2000, requires_grad=True)
    soft = F.gumbel_softmax(logits, tau=0.5)
    assert cgrad.allclose(soft.sum(-1), cgrad.ones(2000))
    hard = F.gumbel_softmax(logits, hard=True)
    assert ((hard.detach() == 0) | ((hard.detach() - 1).abs() < 1e-6)).all()
    shares = hard.detach().mean(0)
    assert cgrad.allclose(shares, cgrad.softmax(logits[0].detach(), 0), atol=0.04)
    (hard * cgrad.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert logits.grad.abs().sum() > 0


@pytest.mark.parametrize("call", [
    lambda x, out: cgrad.addcmul(x, x, x, out=out), lambda x, out: cgrad.lerp(x, x, 0.5, out=out),
    lambda x, out: cgrad.nan_to_num(x, out=out), lambda x, out: special.ndtr(x, out=out),
    lambda x, out: cgrad.clamp(x, 0, 1, out=out), lambda x, out: F.gelu(x, out=out),
    lambda x, out: cgrad.div(x, x, rounding_mode="trunc", out=out),
])
def test_out_of_composed_functions(call):
    x, out = cgrad.tensor([0.5, 1.5]), cgrad.empty(2)
    expected = call(x, None)
    assert call(x, out) is out and out.equal(expected)
    with pytest.raises(RuntimeError, match="out=... arguments"):
        call(x.requires_grad_(), out)
    with pytest.raises(RuntimeError, match="shape"):
        call(x.detach(), cgrad.empty(3))
    with pytest.raises(TypeError, match="out"):
        call(x.detach(), 3)


def test_in_place_functions_of_the_package():
    for name, args in (("exp_", ()), ("clamp_", (0.0, 0.5)), ("zero_", ()), ("fill_", (3.0,)),
                       ("nan_to_num_", ()), ("xlogy_", (cgrad.ones(2),)), ("arcsin_", ())):
        x = cgrad.tensor([0.25, 0.75])
        expected = getattr(x.clone(), name)(*args)
        assert getattr(cgrad, name)(x, *args) is x and x.equal(expected), name
