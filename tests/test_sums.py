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


SLICES = {
    "rows": lambda x: [x[i] for i in range(4)],
    "overlapping": lambda x: [x[0:3], x[1:4], x[:, 1:], x[3, 1], x[-1]],
    "steps": lambda x: [x[::2], x[1::2], x[:, ::3], x[None, 2], x[..., 0]],
    "chunks": lambda x: list(x.chunk(2, 1)),
    "empty": lambda x: [x[2:2], x[0], x[1:1]],
    "beside the whole": lambda x: [x, x[1], x * 2, x[2:], x.sum(0)],
    "transposed": lambda x: [x.T, x.T[1:3], x.T[0]],
    "of a slice": lambda x: [x[1:][0], x[1:][1:, 0], x[1:]],
}


@pytest.mark.parametrize("dtype", [cgrad.float32, cgrad.float64])
@pytest.mark.parametrize("width", [5, 70_000])
@pytest.mark.parametrize("kind", SLICES)
def test_gradients_of_slices_are_added_in_place(kind, width, dtype):
    x = cgrad.linspace(-1, 1, 4 * width, dtype=dtype).reshape(4, width).requires_grad_()

    def loss():
        y = x * 1
        return y, sum(((part * (k + 2)) ** 2).sum() for k, part in enumerate(SLICES[kind](y)))

    want, = cgrad.autograd.grad(loss()[1], x, create_graph=True)
    y, z = loss()
    z.backward(retain_graph=True)
    assert np.array_equal(x.grad.numpy(), want.detach().numpy())
    z.backward()
    assert np.array_equal(x.grad.numpy(), (want + want).detach().numpy())
    x.grad = None
    y, z = loss()
    seen = []
    y.register_hook(seen.append)
    y.retain_grad()
    z.backward()
    for g in (x.grad, y.grad, seen[0]):
        assert np.array_equal(g.numpy(), want.detach().numpy())


def test_a_slice_is_not_added_to_a_gradient_that_is_seen():
    x = cgrad.ones(3, 2, requires_grad=True)
    y, z = x * 1, x * 1
    total = y + z                # its gradient goes to both
    total.retain_grad()
    (total * 2).sum().backward(retain_graph=True)
    assert total.grad.tolist() == [[2.0, 2.0]] * 3
    x.grad = total.grad = None
    ((y[0] * 5).sum() + (total * 2).sum()).backward()
    assert total.grad.tolist() == [[2.0, 2.0]] * 3
    assert x.grad.tolist() == [[9.0, 9.0], [4.0, 4.0], [4.0, 4.0]]
