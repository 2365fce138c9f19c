"""Custom functions: as PyTorch's, twice differentiable, and without leaks."""
import gc

import pytest

import cgrad
from cgrad._engine import rows

Function = cgrad.autograd.Function


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensors
        return grad * y


class Mix(Function):
    """Several results, one of them without derivative, and an argument that is no tensor."""

    @staticmethod
    def forward(ctx, a, b, factor):
        ctx.factor = factor
        ctx.save_for_backward(a, b)
        return a * b * factor, a + b, a.argmax()

    @staticmethod
    def backward(ctx, g_product, g_sum, g_position):
        a, b = ctx.saved_tensors
        assert g_position.dtype == cgrad.int64
        return g_product * b * ctx.factor + g_sum, g_product * a * ctx.factor + g_sum, None


class Add1(Function):
    @staticmethod
    def forward(ctx, x):
        x.add_(1)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad * 3


class Same(Function):
    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad * 5


class Power(Function):
    @staticmethod
    def forward(x, n):
        return x**n

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.n = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * ctx.n * x ** (ctx.n - 1), None


def leaf(*values):
    return cgrad.tensor(values, dtype=cgrad.float64, requires_grad=True)


def test_derivatives_of_any_order():
    x = leaf(0.5, 1.0)
    y = Exp.apply(x)
    for _ in range(3):
        (g,) = cgrad.autograd.grad(y.sum(), x, create_graph=True)
        assert g.allclose(x.exp())
        y = g


def test_checked_against_differences():
    x = leaf(0.5, 1.5)
    for function in (Exp.apply, lambda x: Power.apply(x, 3),
                     lambda x: Mix.apply(x, x * 2, 2.0)[:2]):
        assert cgrad.autograd.gradcheck(function, (x,))
        assert cgrad.autograd.gradgradcheck(function, (x,))


def test_several_results():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    product, total, position = Mix.apply(a, b, 2.0)
    assert not position.requires_grad and position.item() == 1
    assert [n for _, n in (product * total).grad_fn.next_functions] == [0, 1]
    (product * total).sum().backward()
    assert a.grad.tolist() == [30.0, 64.0] and b.grad.tolist() == [14.0, 40.0]


def test_a_result_without_gradient_counts_as_zeros_or_none():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    Mix.apply(a, b, 2.0)[1].sum().backward()
    assert a.grad.tolist() == [1.0, 1.0]

    class Second(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, first, second):
            assert first is None
            return second * 2

    x = leaf(1.0)
    Second.apply(x)[1].backward(cgrad.ones(1, dtype=cgrad.float64))
    assert x.grad.tolist() == [2.0]


def test_needs_input_grad_and_integers():
    class Seen(Function):
        @staticmethod
        def forward(ctx, x, i, y):
            Seen.needs = ctx.needs_input_grad
            return x * i + y

        @staticmethod
        def backward(ctx, g):
            return g, None, None

    Seen.apply(leaf(1.0), cgrad.tensor([2]), cgrad.ones(1))
    assert Seen.needs == (True, False, False)


def test_changed_in_place():
    a = leaf(1.0, 2.0)
    z = a * 2
    w = Add1.apply(z)
    assert w is z and z.tolist() == [3.0, 5.0]
    (z * z).sum().backward()
    assert a.grad.tolist() == [36.0, 60.0]
    with pytest.raises(RuntimeError, match="leaf Variable"):
        Add1.apply(a)


def test_dirty_must_be_a_result():
    class Bad(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match="dirty"):
        Bad.apply(leaf(1.0) * 1)


def test_an_argument_returned_is_another_tensor():
    a = leaf(1.0)
    v = Same.apply(a)
    assert v is not a and v.data_ptr() == a.data_ptr()
    v.sum().backward()
    assert a.grad.tolist() == [5.0]


def test_a_result_given_twice_and_saved():
    class Twice(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y, y

        @staticmethod
        def backward(ctx, a, b):
            (y,) = ctx.saved_tensors
            return (a + b) * y

    x = cgrad.tensor([0.5, 1.0], dtype=cgrad.float64, requires_grad=True)
    for use in (lambda a, b: a, lambda a, b: b, lambda a, b: a * b):
        y = use(*Twice.apply(x)).sum()
        expected = use(x.exp(), x.exp()).sum()
        for _ in range(3):
            (y,), (expected,) = (cgrad.autograd.grad(t, x, create_graph=True)
                                 for t in (y, expected))
            assert y.allclose(expected)
            y, expected = y.sum(), expected.sum()


def test_saved_tensors_are_watched_and_freed():
    a = leaf(1.0, 2.0)
    y = Power.apply(a, 2)
    with cgrad.no_grad():
        a.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    y = Exp.apply(a)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.sum().backward()


def test_the_graph_shows_it():
    y = Exp.apply(leaf(1.0))
    assert y.grad_fn.name() == "ExpBackward"
    assert y.grad_fn.next_functions[0][0].name() == "AccumulateGrad"
    assert len(y.grad_fn.saved_tensors) == 1


def test_once_differentiable():
    class Once(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @cgrad.autograd.function.once_differentiable
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]

    x = leaf(3.0)
    (g,) = cgrad.autograd.grad(Once.apply(x).sum(), x)
    assert g.tolist() == [6.0]
    (g,) = cgrad.autograd.grad((Once.apply(x) ** 2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()


@pytest.mark.parametrize(("found", "error", "match"), [
    (lambda g: (g, g, g), RuntimeError, "incorrect number of gradients"),
    (lambda g: (cgrad.ones(7), None), RuntimeError, r"invalid gradient at index 0.*\[7\].*\[2\]"),
    (lambda g: ("g", None), TypeError, "type str"),
    (lambda g: (g, g), RuntimeError, "not a Variable"),
])
def test_wrong_results_of_backward(found, error, match):
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x, n):
            return x * n

        @staticmethod
        def backward(ctx, g):
            return found(g)

    with pytest.raises(error, match=match):
        Wrong.apply(leaf(1.0, 2.0), 2).sum().backward()


def test_wrong_use():
    with pytest.raises(RuntimeError, match="not be instantiated"):
        Exp()
    with pytest.raises(TypeError, match="keyword"):
        Exp.apply(x=leaf(1.0))
    with pytest.raises(TypeError, match="save_for_backward"):
        class Bad(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward("x")
        Bad.apply(leaf(1.0))


def test_without_recording_nothing_is_kept():
    x = leaf(1.0)
    with cgrad.no_grad():
        assert not Exp.apply(x).requires_grad
    assert not Exp.apply(x.detach()).requires_grad


@pytest.mark.parametrize("use", [
    lambda a: Exp.apply(a),
    lambda a: cgrad.autograd.grad(Exp.apply(a).sum(), a, create_graph=True),
    lambda a: Add1.apply(a * 2),
    lambda a: Same.apply(a).sum().backward(),
    lambda a: Mix.apply(a, a, 1.0)[0].sum().backward(),
    lambda a: Power.apply(a, 2),
])
def test_nothing_leaks(use):
    a = leaf(0.5, 1.0)
    a.grad = cgrad.zeros(2, dtype=cgrad.float64)
    use(a)
    gc.collect()
    before = rows.live_rows()
    for _ in range(3):
        use(a)
    gc.collect()
    assert rows.live_rows() == before


def test_anomaly_mode_names_the_line_that_called():
    class Broken(Function):
        @staticmethod
        def forward(ctx, x, bad):
            return x * (float("nan") if bad else 1.0)

        @staticmethod
        def backward(ctx, g):
            return g * float("nan"), None

    x = cgrad.ones(2, requires_grad=True)
    for bad, where in ((False, "0th output"), (True, "forward")):
        with cgrad.autograd.set_detect_anomaly(True):
            y = Broken.apply(x, bad).sum()
            with pytest.raises(RuntimeError, match=f"'BrokenBackward' returned nan values in its "
                               rf"{where}, .*test_function.py:\d+: y = Broken.apply"):
                y.backward()
