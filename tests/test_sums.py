"""Sums of gradients are written into memory that nobody else sees, and into no other."""
import numpy as np
import pytest

import cgrad


class Twice(cgrad.autograd.Function):
    """a + b, whose rule gives both inputs one tensor, keeps it, or does not own its memory."""

    @staticmethod
    def forward(ctx, a, b, way, kept):
        ctx.way, ctx.kept = way, kept
        return a + b

    @staticmethod
    def backward(ctx, g):
        h = 2 * g
        if ctx.way == "array":
            ctx.kept.append(np.full(g.shape, 2.0, np.float32))
            h = cgrad.from_numpy(ctx.kept[-1])
        elif ctx.way == "tensor":
            ctx.kept.append(h)
        return h, h if ctx.way == "one" else 2 * g, None, None


@pytest.fixture(params=[1, 2, 300, 70_000])
def n(request):
    return request.param


def test_what_another_row_holds_stays(n):
    # What comes to x from `inner + x` belongs to `inner`, too; what comes from x * x does not.
    x, seen = cgrad.full((n,), 3.0, requires_grad=True), []
    inner = x * x
    inner.retain_grad()
    inner.register_hook(seen.append)
    (inner + x).sum().backward()
    assert inner.grad.tolist() == seen[0].tolist() == [1.0] * n
    assert x.grad.tolist() == [7.0] * n


@pytest.mark.parametrize("way", ["one", "tensor", "array"])
def test_what_a_custom_function_gives_stays(n, way):
    a, b, kept = cgrad.ones(n, requires_grad=True), cgrad.ones(n, requires_grad=True), []
    p, q = a * 1, b * 1
    twice = Twice.apply(p, q, way, kept) + Twice.apply(p, q, way, kept)
    (twice + (p + q)).sum().backward()
    assert a.grad.tolist() == b.grad.tolist() == [5.0] * n
    for h in kept:
        assert h.tolist() == [2.0] * n


def test_saved_values_that_are_gradients_stay(n):
    # The gradient of a product is the other factor, or a copy of it: swept twice, the same comes.
    x, w = cgrad.full((n,), 2.0, requires_grad=True), cgrad.full((n,), 5.0)
    y = (x * w).sum() + (x * w + x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [22.0] * n and w.tolist() == [5.0] * n


def test_the_order_of_a_sum_does_not_matter_to_its_bits(n):
    rng = np.random.default_rng(0)
    v = rng.standard_normal(n).astype(np.float32)
    x = cgrad.tensor(v, requires_grad=True)
    first, second, g = rng.standard_normal((3, n)).astype(np.float32)
    y = x * cgrad.tensor(first) + x
    y.backward(cgrad.tensor(g))
    assert np.array_equal(x.grad.numpy(), g + g * first)
    x.grad = None
    y = x + x * cgrad.tensor(second)
    y.backward(cgrad.tensor(g))
    assert np.array_equal(x.grad.numpy(), g + g * second)


class Kept(cgrad.autograd.Function):
    """x, whose rule keeps the gradient it is called with."""

    @staticmethod
    def forward(ctx, x, kept):
        ctx.kept = kept
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        ctx.kept.append(g)
        return g, None


RULES = {
    "tanh": cgrad.tanh, "sigmoid": cgrad.sigmoid, "relu": cgrad.relu, "exp": cgrad.exp,
    "square": cgrad.square, "x * x": lambda x: x * x, "x * 3": lambda x: x * 3,
    "x * c": lambda x: x * cgrad.linspace(1, 2, len(x)), "x * y": lambda x: x * (x + 1),
}


@pytest.mark.parametrize("rule", RULES)
def test_rules_write_over_no_gradient_that_is_seen(n, rule):
    def program(watch=None):
        x = cgrad.linspace(-1, 1, n).requires_grad_()
        y = x * 1
        z = RULES[rule](y)
        if watch is not None:
            z = watch(z)
        # z gets a sum of two, which belongs to the sweep alone.
        loss = (z * z).sum() + (z * weights).sum()
        return x, y, z, loss

    weights = cgrad.linspace(2, 3, n)
    x, y, z, loss = program()
    want = cgrad.autograd.grad(loss, [x, y, z], create_graph=True)
    want = [g.detach().numpy() for g in want]       # with a graph nothing is written over

    def check(*found):
        for g, w in zip(found, want, strict=True):
            assert g is None or np.array_equal(g.numpy(), w)

    loss.backward(retain_graph=True)
    check(x.grad, None, None)
    loss.backward()
    assert np.array_equal(x.grad.numpy(), want[0] + want[0])
    x, y, z, loss = program()
    check(*cgrad.autograd.grad(loss, [x, y, z]))
    x, y, z, loss = program()
    y.retain_grad()
    z.retain_grad()
    loss.backward()
    check(x.grad, y.grad, z.grad)
    x, y, z, loss = program()
    seen = {}
    y.register_hook(lambda g: seen.update(y=g))
    z.register_hook(lambda g: seen.update(z=g))
    loss.backward()
    check(x.grad, seen["y"], seen["z"])
    kept = []
    x, y, z, loss = program(lambda z: Kept.apply(z, kept))
    loss.backward()
    check(x.grad, None, kept[0])
