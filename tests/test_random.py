"""What is drawn: distributions, reproducibility, generators, dropout.  Seeds are fixed: no test
can fail by chance."""
from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import cgrad
from cgrad.nn import functional as F

N = 40_000


@pytest.fixture(autouse=True)
def seed():
    cgrad.manual_seed(12345)


# -- dropout -------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_dropout_drops_and_scales(p):
    y = F.dropout(cgrad.ones(N), p)
    kept = y != 0
    assert abs(kept.to(cgrad.float64).mean().item() - (1 - p)) < 0.01
    np.testing.assert_allclose(y[kept].numpy(), 1 / (1 - p), rtol=1e-6)


@pytest.mark.parametrize("function", [F.alpha_dropout, F.feature_alpha_dropout])
@pytest.mark.parametrize("p", [0.2, 0.7])
def test_alpha_dropout_keeps_mean_and_variance(function, p):
    y = function(cgrad.randn(200, 200, dtype=cgrad.float64), p, True)
    assert abs(y.mean().item()) < 0.03 and abs(y.var().item() - 1) < 0.03
    assert abs(np.unique(y.numpy(), return_counts=True)[1].max() / y.numel() - p) < 0.02


@pytest.mark.parametrize("function, shape, channels", [
    (F.dropout1d, (40, 30, 5), 1200), (F.dropout1d, (300, 5), 300),
    (F.dropout2d, (40, 30, 2, 3), 1200), (F.dropout3d, (40, 30, 2, 2, 2), 1200),
    (F.dropout3d, (300, 2, 2, 2), 300)])
def test_channels_go_as_a_whole(function, shape, channels):
    x = cgrad.ones(*shape)
    y = function(x, 0.4).reshape(channels, -1)
    assert bool((y == y[:, :1]).all())
    assert abs((y[:, 0] == 0).to(cgrad.float64).mean().item() - 0.4) < 0.07
    assert function(x, 0.4, inplace=True) is x and 0 < int((x == 0).sum()) < x.numel()


@pytest.mark.parametrize("name", [
    "dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"])
def test_dropout_in_place(name):
    function, change = getattr(cgrad, name), getattr(cgrad, name + "_")
    x = cgrad.randn(4, 5, 3)
    cgrad.manual_seed(1)
    expected = function(x, 0.5, True)
    cgrad.manual_seed(1)
    y = x.clone()
    assert change(y, 0.5, True) is y and y.equal(expected)
    leaf = cgrad.ones(2, 2, requires_grad=True)
    assert change(leaf, 0.5, False) is leaf and change(leaf, 0.0, True) is leaf
    with pytest.raises(RuntimeError, match=f"{name}_: a leaf"):
        change(leaf, 0.5, True)
    assert not function(x, 1.0, True).any()
    for f in (function, change):
        with pytest.raises(RuntimeError, match="between 0 and 1.*1.5"):
            f(y, 1.5, True)
    with pytest.raises(RuntimeError, match="cast"):
        function(cgrad.ones(2, 2, dtype=cgrad.int64), 0.5, True)


def test_dropout2d_warns_of_other_shapes():
    with pytest.warns(UserWarning, match="3D input"):
        assert F.dropout2d(cgrad.ones(2, 3, 4)).shape == (2, 3, 4)
    with pytest.warns(UserWarning, match="dropout3d: Received a 3-D"):
        assert F.dropout3d(cgrad.ones(2, 3, 4)).shape == (2, 3, 4)


# -- distributions: the largest distance of the distribution functions (Kolmogorov, Smirnov) -------


def distance(sample, cdf):
    """sqrt(n) sup |F_n - F|: above 1.95 once in a thousand times."""
    x = np.sort(np.asarray(sample, np.float64))
    f, n = cdf(x), len(x)
    return math.sqrt(n) * max((np.arange(1, n + 1) / n - f).max(), (f - np.arange(n) / n).max())


def normal_cdf(x, mean=0.0, std=1.0):
    return np.array([0.5 * math.erfc((mean - v) / (std * math.sqrt(2))) for v in x])


def filled(name, *args, **kwargs):
    return lambda dtype: getattr(cgrad.empty(N, dtype=dtype), name)(*args, **kwargs)


CONTINUOUS = {
    "rand": (lambda dtype: cgrad.rand(N, dtype=dtype), lambda x: x),
    "randn": (lambda dtype: cgrad.randn(N, dtype=dtype), normal_cdf),
    "normal": (lambda dtype: cgrad.normal(3.0, 2.0, (N,), dtype=dtype),
               lambda x: normal_cdf(x, 3, 2)),
    "normal of tensors": (lambda dtype: cgrad.normal(cgrad.full((N,), 3.0, dtype=dtype),
                                                     cgrad.tensor(2.0, dtype=dtype)),
                          lambda x: normal_cdf(x, 3, 2)),
    "uniform_": (filled("uniform_", -2, 3), lambda x: (x + 2) / 5),
    "normal_": (filled("normal_", -1, 0.5), lambda x: normal_cdf(x, -1, 0.5)),
    "exponential_": (filled("exponential_", 2), lambda x: 1 - np.exp(-2 * x)),
    "cauchy_": (filled("cauchy_", 1, 3), lambda x: np.arctan((x - 1) / 3) / math.pi + 0.5),
    "log_normal_": (filled("log_normal_", 0.5, 0.25), lambda x: normal_cdf(np.log(x), 0.5, 0.25)),
}


@pytest.mark.parametrize("dtype", [cgrad.float32, cgrad.float64], ids=str)
@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_distribution(name, dtype):
    draw, cdf = CONTINUOUS[name]
    x = draw(dtype)
    assert x.dtype == dtype and x.shape == (N,)
    assert distance(x.numpy(), cdf) < 1.95


def chi_square(counts, probabilities):
    """How far counts are from what is expected, in standard deviations of the sum of squares."""
    expected = counts.sum() * np.asarray(probabilities)
    free = len(expected) - 1
    return (((counts - expected) ** 2 / expected).sum() - free) / math.sqrt(2 * free)


P = np.array([0.1, 0.0, 0.4, 0.2, 0.3])
GEOMETRIC = 0.3 * 0.7 ** np.arange(10)
POISSON = [math.exp(-2.5) * 2.5**k / math.factorial(k) for k in range(8)]
BINOMIAL = [math.comb(6, k) * 0.3**k * 0.7 ** (6 - k) for k in range(7)]

DISCRETE = {
    "randint": (lambda: cgrad.randint(-3, 7, (N,)) + 3, [0.1] * 10),
    "randint of a float dtype": (lambda: cgrad.randint(10, (N,), dtype=cgrad.float32), [0.1] * 10),
    "randint_like": (lambda: cgrad.randint_like(cgrad.zeros(N), 10), [0.1] * 10),
    "random_": (lambda: cgrad.empty(N, dtype=cgrad.uint8).random_(), [1 / 256] * 256),
    "random_ up to": (lambda: cgrad.empty(N).random_(10), [0.1] * 10),
    "random_ between": (lambda: cgrad.empty(N).random_(-2, 8) + 2, [0.1] * 10),
    "bernoulli": (lambda: cgrad.bernoulli(cgrad.full((N,), 0.3)), [0.7, 0.3]),
    "bernoulli p": (lambda: cgrad.bernoulli(cgrad.zeros(N), 0.3), [0.7, 0.3]),
    "bernoulli_": (lambda: cgrad.empty(N, dtype=cgrad.int16).bernoulli_(0.3), [0.7, 0.3]),
    "bernoulli_ of tensors": (lambda: cgrad.empty(N).bernoulli_(cgrad.tensor([0.3])), [0.7, 0.3]),
    "multinomial": (lambda: cgrad.multinomial(cgrad.tensor(P * 5), N, True), P),
    "multinomial, first without replacement": (
        lambda: cgrad.multinomial(cgrad.tensor(P).expand(N, 5), 2)[:, 0], P),
    "geometric_": (lambda: cgrad.empty(N).geometric_(0.3) - 1, GEOMETRIC),
    "geometric_ of integers": (
        lambda: cgrad.empty(N, dtype=cgrad.int64).geometric_(0.3) - 1, GEOMETRIC),
    "poisson": (lambda: cgrad.poisson(cgrad.full((N,), 2.5)), POISSON),
    "binomial": (lambda: cgrad.binomial(cgrad.full((N,), 6.0), cgrad.tensor(0.3)), BINOMIAL),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_distribution(name):
    draw, probabilities = DISCRETE[name]
    values = draw().numpy().astype(np.int64)
    assert values.min() >= 0
    counts = np.bincount(values, minlength=len(probabilities)).astype(float)
    k = len(probabilities)
    p = np.append(probabilities, max(1 - sum(probabilities), 0))      # the rest together
    counts = np.append(counts[:k], counts[k:].sum())
    assert not counts[p < 1e-12].any()
    assert chi_square(counts[p > 1e-12], p[p > 1e-12]) < 7


def test_second_draw_without_replacement():
    pairs = cgrad.multinomial(cgrad.tensor(P).expand(N, 5), 2).numpy()
    counts = np.zeros((5, 5))
    np.add.at(counts, (pairs[:, 0], pairs[:, 1]), 1)
    expected = np.array([[P[i] * P[j] / (1 - P[i]) if i != j else 0 for j in range(5)]
                         for i in range(5)])
    drawn = expected > 0
    assert not counts[~drawn].any() and chi_square(counts[drawn], expected[drawn]) < 4


def test_permutations():
    places = {p: i for i, p in enumerate(itertools.permutations(range(4)))}
    counts = np.zeros(24)
    for _ in range(4000):
        counts[places[tuple(cgrad.randperm(4).tolist())]] += 1
    assert chi_square(counts, [1 / 24] * 24) < 4


def test_tiny_weights_come_before_none():
    p = cgrad.tensor([0.0, 5e-324, 0.0, 1e-320], dtype=cgrad.float64)
    for _ in range(20):
        assert sorted(cgrad.multinomial(p, 2).tolist()) == [1, 3]


# -- generators ----------------------------------------------------------------------------------

DRAWS = {
    "rand": lambda g: cgrad.rand(5, generator=g),
    "randn": lambda g: cgrad.randn(5, generator=g, dtype=cgrad.float64),
    "rand_like": lambda g: cgrad.rand_like(cgrad.ones(5), generator=g),
    "randn_like": lambda g: cgrad.randn_like(cgrad.ones(5), generator=g),
    "randint": lambda g: cgrad.randint(1000, (5,), generator=g),
    "randint_like": lambda g: cgrad.randint_like(cgrad.ones(5), 1000, generator=g),
    "randperm": lambda g: cgrad.randperm(50, generator=g),
    "normal": lambda g: cgrad.normal(cgrad.zeros(5), 1.0, generator=g),
    "bernoulli": lambda g: cgrad.bernoulli(cgrad.full((100,), 0.5), generator=g),
    "multinomial": lambda g: cgrad.multinomial(cgrad.ones(50), 20, generator=g),
    "poisson": lambda g: cgrad.poisson(cgrad.full((5,), 1000.0), g),
    "binomial": lambda g: cgrad.binomial(cgrad.full((5,), 1e6), cgrad.full((5,), 0.5), g),
    **{name: lambda g, name=name, args=args: getattr(cgrad.empty(50), name)(*args, generator=g)
       for name, args in {"uniform_": (), "normal_": (), "exponential_": (), "random_": (),
                          "bernoulli_": (), "cauchy_": (), "log_normal_": (),
                          "geometric_": (0.01,)}.items()},
}


@pytest.mark.parametrize("name", DRAWS)
def test_every_draw_is_fixed_by_a_seed(name):
    draw, g = DRAWS[name], cgrad.Generator()
    assert g.manual_seed(7) is g and g.initial_seed() == 7
    a, state = draw(g), g.get_state()
    b = draw(g)
    assert not a.equal(b)
    copy = g.clone_state()
    g.set_state(state)
    assert draw(g).equal(b) and draw(copy).equal(draw(g))
    assert draw(cgrad.Generator().manual_seed(7)).equal(a)
    cgrad.manual_seed(7)
    assert draw(None).equal(a)
    with pytest.raises(TypeError, match="generator"):
        draw("generator")


def test_draws_do_not_depend_on_the_number_of_threads():
    def draws():
        cgrad.manual_seed(3)
        x = cgrad.randn(1 << 17)
        return [x, cgrad.dropout(x, 0.3, True), cgrad.bernoulli(x.sigmoid()),
                cgrad.randperm(1 << 16), cgrad.multinomial(x.exp(), 1000),
                x.clone().exponential_()]

    before = cgrad.get_num_threads()
    try:
        cgrad.set_num_threads(1)
        one = draws()
        cgrad.set_num_threads(4)
        assert all(a.equal(b) for a, b in zip(one, draws()))
    finally:
        cgrad.set_num_threads(before)


def test_forked():
    cgrad.manual_seed(1)
    state = cgrad.random.get_rng_state()
    with cgrad.random.fork_rng():
        cgrad.manual_seed(2)
        cgrad.rand(3)
    assert cgrad.initial_seed() == 1 and cgrad.get_rng_state().equal(state)
    with cgrad.random.fork_rng(enabled=False):
        cgrad.rand(3)
    assert not cgrad.get_rng_state().equal(state)
    with pytest.raises(KeyError), cgrad.random.fork_rng():
        cgrad.manual_seed(5)
        raise KeyError
    assert cgrad.initial_seed() == 1


def test_seeds():
    g = cgrad.Generator("cpu")
    assert g.device == cgrad.device("cpu") and g.seed() == g.initial_seed() != g.seed()
    assert g.manual_seed(-1).initial_seed() == 2**64 - 1
    assert cgrad.seed() == cgrad.initial_seed() == cgrad.default_generator.initial_seed()


# -- what is refused -----------------------------------------------------------------------------

X = cgrad.ones(4)
REFUSED = [
    (lambda: cgrad.normal(0.0, 1.0), TypeError, "size"),
    (lambda: cgrad.normal(0.0, -1.0, (2,)), RuntimeError, "std >= 0"),
    (lambda: cgrad.normal(0.0, math.nan, (2,)), RuntimeError, "std >= 0"),
    (lambda: cgrad.normal(X, -X), RuntimeError, "std >= 0"),
    (lambda: cgrad.normal(X, cgrad.ones(3)), RuntimeError, "4.*3"),
    (lambda: cgrad.normal(X.long(), 1.0), NotImplementedError, "normal"),
    (lambda: cgrad.bernoulli(X.long()), NotImplementedError, "bernoulli"),
    (lambda: cgrad.bernoulli(X * 2), RuntimeError, "p_in"),
    (lambda: cgrad.bernoulli(X * math.nan), RuntimeError, "p_in"),
    (lambda: cgrad.bernoulli(X, 1.5), RuntimeError, "in \\[0, 1\\].*1.5"),
    (lambda: X.clone().bernoulli_(math.nan), RuntimeError, "in \\[0, 1\\]"),
    (lambda: X.clone().bernoulli_(cgrad.ones(2, 4)), RuntimeError, "expand"),
    (lambda: X.clone().bernoulli_(cgrad.ones(3)), RuntimeError, "expand"),
    (lambda: cgrad.poisson(-X), RuntimeError, "poisson.*non-negative"),
    (lambda: cgrad.poisson(X * math.nan), RuntimeError, "poisson.*non-negative"),
    (lambda: cgrad.poisson(X * 1e30), RuntimeError, "poisson"),
    (lambda: cgrad.poisson(X.long()), NotImplementedError, "poisson"),
    (lambda: cgrad.binomial(X.long(), X), ValueError, "binomial.*count"),
    (lambda: cgrad.binomial(X, X.double()), RuntimeError, "binomial"),
    (lambda: cgrad.binomial(-X, X), RuntimeError, "binomial"),
    (lambda: cgrad.binomial(X, X * 2), RuntimeError, "binomial"),
    (lambda: X.clone().geometric_(0.0), RuntimeError, "geometric_.*in \\(0, 1\\)"),
    (lambda: X.clone().geometric_(1.0), RuntimeError, "geometric_.*in \\(0, 1\\)"),
    (lambda: X.bool().geometric_(0.5), NotImplementedError, "geometric_"),
    (lambda: X.clone().cauchy_(0, 0), RuntimeError, "cauchy_.*sigma"),
    (lambda: X.long().cauchy_(), RuntimeError, "cauchy_"),
    (lambda: X.clone().log_normal_(0, 0), RuntimeError, "log_normal_.*std"),
    (lambda: X.long().log_normal_(), NotImplementedError, "log_normal_"),
    (lambda: X.clone().exponential_(0), RuntimeError, "exponential_.*lambda"),
    (lambda: X.clone().exponential_(math.nan), RuntimeError, "exponential_.*lambda"),
    (lambda: X.clone().uniform_(2, 1), RuntimeError, "uniform_.*from=2 > to=1"),
    (lambda: X.clone().uniform_(0, 1e39), RuntimeError, "out of bounds"),
    (lambda: X.clone().uniform_(-3.4e38, 3.4e38), RuntimeError, "to-from"),
    (lambda: X.clone().uniform_(0, math.nan), RuntimeError, "out of bounds"),
    (lambda: X.long().uniform_(), NotImplementedError, "uniform_"),
    (lambda: X.clone().uniform_(a=1), TypeError, "uniform_.*'a'"),
    (lambda: X.clone().random_(5, 3), RuntimeError, "random_.*from=5 >= to=3"),
    (lambda: X.clone().random_(0.5), TypeError, "random_.*float"),
    (lambda: X.byte().random_(300), RuntimeError, "out of bounds for uint8"),
    (lambda: X.byte().random_(-1, 3), RuntimeError, "out of bounds for uint8"),
    (lambda: X.long().random_(0, 2**64), RuntimeError, "out of bounds"),
    (lambda: cgrad.randint(3, 1, (2,)), RuntimeError, "from=3 >= to=1"),
    (lambda: cgrad.randint(2.5, (2,)), TypeError, "randint.*float"),
    (lambda: cgrad.randint(2**64, (2,)), RuntimeError, "out of bounds"),
    (lambda: cgrad.randint(5), TypeError, "missing"),
    (lambda: cgrad.randint_like(X), TypeError, "missing"),
    (lambda: cgrad.randperm(-1), RuntimeError, "randperm.*negative"),
    (lambda: cgrad.randperm(300, dtype=cgrad.uint8), RuntimeError, "too large"),
    (lambda: cgrad.randperm(2.5), TypeError, "randperm"),
    (lambda: cgrad.rand(-1), RuntimeError, "negative dimension"),
    (lambda: cgrad.rand(2, dtype=cgrad.int64), NotImplementedError, "rand"),
    (lambda: cgrad.rand(2, out=cgrad.empty(2), dtype=cgrad.float64), RuntimeError, "dtype"),
    (lambda: cgrad.rand_like(X.long()), NotImplementedError, "rand_like"),
    (lambda: cgrad.multinomial(X, 0), RuntimeError, "n_sample <= 0"),
    (lambda: cgrad.multinomial(X, 5), RuntimeError, "without replacement"),
    (lambda: cgrad.multinomial(X, 2.0), TypeError, "multinomial"),
    (lambda: cgrad.multinomial(X * 0, 2), RuntimeError, "sum of probabilities"),
    (lambda: cgrad.multinomial(X * math.inf, 2), RuntimeError, "inf"),
    (lambda: cgrad.multinomial(-X, 2), RuntimeError, "element < 0"),
    (lambda: cgrad.multinomial(cgrad.ones(2, 0), 1, True), RuntimeError, "multinomial"),
    (lambda: cgrad.multinomial(cgrad.ones(1, 1, 1), 1), RuntimeError, "1 or 2 dim"),
    (lambda: cgrad.multinomial(X, 2, out=cgrad.empty(2)), RuntimeError, "Long tensor out"),
    (lambda: cgrad.Generator("cuda"), RuntimeError, "device"),
    (lambda: cgrad.set_rng_state(X), TypeError, "uint8"),
    (lambda: cgrad.set_rng_state(X.byte()), RuntimeError, "wrong size"),
    (lambda: cgrad.manual_seed(2**64), (RuntimeError, ValueError), "Overflow"),
]


@pytest.mark.parametrize("call, error, match", REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(call, error, match):
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize("name", ["uniform_", "normal_", "exponential_", "random_", "bernoulli_",
                                  "cauchy_", "log_normal_"])
def test_drawing_in_place(name):
    leaf = cgrad.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=f"{name}: a leaf"):
        getattr(leaf, name)()
    y = leaf * 2
    getattr(y[1:], name)()
    (y * y).sum().backward()
    assert leaf.grad.tolist() == [8.0, 0.0, 0.0]
    for x in (cgrad.zeros(3, 4).t(), cgrad.zeros(6)[::2], cgrad.zeros(()), cgrad.zeros(0, 2)):
        version = x._version
        assert getattr(x, name)() is x and x._version > version


def test_ranges_at_the_limits():
    x = cgrad.empty(1000, dtype=cgrad.int64)
    assert x.random_(-2**63, None).min().item() < 0 < x.max().item()
    assert x.random_(0, 2**63 - 1).min().item() >= 0
    assert cgrad.empty(99).uniform_(5, 5).tolist() == [5.0] * 99
    assert cgrad.randint_like(x, high=1).sum().item() == 0
    assert cgrad.randint(2, (50,), dtype=cgrad.bool).dtype == cgrad.bool
    assert cgrad.randperm(256, dtype=cgrad.uint8).long().sum().item() == 255 * 128
    assert cgrad.multinomial(cgrad.ones(0, 3), 2).shape == (0, 2)
    assert cgrad.rand(2, requires_grad=True).requires_grad
