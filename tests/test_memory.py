"""Memory while a graph lives: a value goes as soon as neither Python nor a derivative needs it."""

import gc

import pytest

import cgrad
from cgrad._engine import memory

N = 1 << 18  # float32 elements: 1 MiB
MIB = N * 4
SLACK = MIB // 8  # headers, attributes, scalars


def held(build):
    """MiB held by what `build` returns, beyond what was held before."""
    gc.collect()
    before = memory.live_bytes()
    result = build()
    gc.collect()
    mib = (memory.live_bytes() - before) / MIB
    del result
    return mib


@pytest.fixture
def x():
    return cgrad.ones(N, requires_grad=True)


def chain(x, operation, n=20):
    def build():
        y = x
        for _ in range(n):
            y = operation(y)
        return y

    return build


@pytest.mark.parametrize(
    "operation",
    [
        lambda y: y + 1.0,
        lambda y: y - 2.0,
        lambda y: y * 3.0,
        lambda y: y / 3.0,
        lambda y: -y,
        lambda y: (y.reshape(512, -1) + 1.0).reshape(-1),
    ],
)
def test_values_no_derivative_reads_are_freed(x, operation):
    assert held(chain(x, operation)) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize(
    "operation",
    [
        lambda y: y.exp(),
        lambda y: y.tanh(),
        lambda y: y.sigmoid(),
        lambda y: y.sqrt(),
        lambda y: (y + 1.0).relu(),
        lambda y: (y * 2.0).sigmoid(),
        lambda y: (y + 1.0).log(),
        lambda y: (y + 1.0) ** 2,
        lambda y: (y * 2.0).sin(),
    ],
)
def test_one_value_a_step_is_kept_where_the_derivative_reads_one(x, operation):
    assert held(chain(x, operation)) <= 21.2


def test_nothing_is_kept_without_recording(x):
    def build():
        with cgrad.no_grad():
            return chain(x, lambda y: y.exp())()

    assert held(build) == pytest.approx(1.0, abs=0.1)


def test_constants_keep_nothing():
    c = cgrad.ones(N)
    assert held(chain(c, lambda y: y.exp())) == pytest.approx(1.0, abs=0.1)


def test_views_and_expansions_take_no_memory(x):
    def build():
        v = x.view(512, 512).t()[10:].unsqueeze(0)
        return [v, x.expand(100, N), x[::2], x.detach(), *x.split(1000)]

    assert held(build) < 0.2


def test_a_view_holds_its_memory_and_no_more():
    def build():
        y = cgrad.zeros(N)
        return y[:10]

    assert held(build) == pytest.approx(1.0, abs=0.1)


def test_factor_is_kept_only_for_the_gradient_that_is_wanted(x):
    constant = cgrad.ones(N)
    # d(x c)/dx reads c, which exists anyway; the values of the chain are not needed.
    assert held(chain(x, lambda y: y * constant)) == pytest.approx(1.0, abs=0.2)


def test_reduction_keeps_no_input(x):
    def build():
        return [(x * float(i)).sum() for i in range(20)]

    assert held(build) < 0.2


def test_sweep_releases_saved_values_while_the_result_lives(x):
    y = chain(x, lambda y: y.exp() * 0.01)()
    loss = y.sum()
    del y
    gc.collect()
    before = memory.live_bytes()
    loss.backward()
    freed = (before - memory.live_bytes()) / MIB
    assert freed > 18  # 20 saved values, less the new gradient
    assert loss.item() > 0


def test_retain_graph_keeps_them(x):
    loss = chain(x, lambda y: y.exp() * 0.01)().sum()
    x.grad = cgrad.zeros(N)
    before = memory.live_bytes()
    loss.backward(retain_graph=True)
    assert abs(memory.live_bytes() - before) < SLACK


def test_sweep_frees_as_it_goes(x):
    loss = chain(x, lambda y: y.exp() * 0.01, n=30)().sum()
    gc.collect()
    memory.reset_peak()
    before = memory.live_bytes()
    loss.backward()
    # One gradient on its way and one being computed; never one a step.
    assert (memory.peak_bytes() - before) / MIB < 4.0


def test_accumulation_takes_no_copy(x):
    (x * 2.0).sum().backward()
    gc.collect()
    before = memory.live_bytes()
    (x * 2.0).sum().backward()
    assert abs(memory.live_bytes() - before) < SLACK


def test_in_place_chain_needs_one_buffer(x):
    def build():
        y = x + 1.0
        for _ in range(20):
            y += 1.0
            y *= 2.0
        return y

    assert held(build) == pytest.approx(1.0, abs=0.2)


def test_elementwise_temporaries_are_freed_at_once():
    a = cgrad.ones(N)
    gc.collect()
    memory.reset_peak()
    before = memory.live_bytes()
    b = ((a + 1.0) * 2.0 - 3.0).exp().sum()
    # An operand and a result at a time.
    assert (memory.peak_bytes() - before) / MIB < 2.3
    assert b.item() > 0


def mlp_peak(layers, batch=1024, width=256):
    weights = [(cgrad.randn(width, width) * width**-0.5).requires_grad_() for _ in range(layers)]
    data = cgrad.randn(batch, width)
    gc.collect()
    memory.reset_peak()
    before = memory.live_bytes()
    h = data
    for w in weights:
        h = (h @ w).relu()
    loss = h.square().mean()
    del h
    loss.backward()
    del loss
    assert all(w.grad is not None for w in weights)
    return (memory.peak_bytes() - before) / MIB


def test_peak_memory_of_an_mlp():
    # Forward: each layer keeps its input (1 MiB); relu's result is the next layer's input and
    # the linear part is freed.  Backward: the activations go while gradients of 0.25 MiB come.
    peak = mlp_peak(12)
    assert peak < 12 + 4
    assert mlp_peak(24) - peak < 12.5


def test_steady_state_of_training_asks_the_system_for_nothing():
    w = cgrad.randn(256, 256, requires_grad=True)
    data = cgrad.randn(256, 256)

    def step():
        w.grad = None
        (data @ w).relu().sum().backward()

    for _ in range(3):
        step()
    gc.collect()
    seen = set()
    for _ in range(10):
        step()
        gc.collect()
        seen.add((memory.live_bytes(), memory.cached_bytes()))
    assert len(seen) == 1


def test_cache_is_bounded_and_can_be_emptied():
    memory.empty_cache()
    assert memory.cached_bytes() == 0
    t = cgrad.zeros(N)
    del t
    gc.collect()
    assert memory.cached_bytes() >= MIB
    memory.set_cache_limit(MIB // 2)
    try:
        many = [cgrad.zeros(N // 4) for _ in range(16)]
        many.clear()
        gc.collect()
        assert memory.cached_bytes() <= MIB // 2 + MIB // 4
    finally:
        memory.set_cache_limit(1 << 30)
    memory.empty_cache()
    assert memory.cached_bytes() == 0
