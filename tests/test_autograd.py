"""`backward` and `autograd.grad`: arguments, accumulation, graphs, hooks, higher derivatives.

Hooks and the graph as seen from Python are in test_graph.py, grad modes in test_grad_mode.py,
in-place changes in test_inplace.py.
"""

import warnings

import numpy as np
import pytest

import cgrad
from cgrad._engine import backward as engine
from cgrad.autograd import grad


def leaf(*values, dtype=None):
    return cgrad.tensor(list(values), dtype=dtype, requires_grad=True)


def scalar(value):
    return cgrad.tensor(value, dtype=cgrad.float64, requires_grad=True)


# --- The classic cases -----------------------------------------------------------------------


def test_textbook_example_is_exact():
    x, y, z = scalar(1.0), scalar(2.0), scalar(0.0)
    f = (x + y) * cgrad.maximum(y, z)
    f.backward()
    assert f.item() == 6.0
    assert (x.grad.item(), y.grad.item(), z.grad.item()) == (2.0, 5.0, 0.0)


def test_tie_of_maximum_splits_the_gradient():
    a, b = scalar(3.0), scalar(3.0)
    cgrad.maximum(a, b).backward()
    assert (a.grad.item(), b.grad.item()) == (0.5, 0.5)


def test_tie_of_max_over_all_elements_splits_the_gradient():
    x = leaf(1.0, 4.0, 4.0, 0.0)
    x.max().backward()
    assert x.grad.tolist() == [0.0, 0.5, 0.5, 0.0]


def test_relu_at_zero_has_gradient_zero():
    x = leaf(-1.0, 0.0, 2.0)
    x.relu().sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 1.0]


def test_shared_subexpressions_are_swept_once():
    x = scalar(1.0)
    y = x
    for _ in range(60):
        y = y + y
    before = engine.rule_calls()
    y.backward()
    assert x.grad.item() == 2.0**60
    assert 60 <= engine.rule_calls() - before <= 120


def test_diamond():
    x = scalar(3.0)
    a = x * x
    (a * 2 + a * a + x).backward()
    assert x.grad.item() == 2 * 6 + 2 * 9 * 6 + 1


# --- Arguments of backward -------------------------------------------------------------------


def test_scalar_root_starts_from_one():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_one_element_of_any_shape_needs_no_gradient():
    x = cgrad.full((1, 1), 3.0, requires_grad=True)
    (x * x).backward()
    assert x.grad.tolist() == [[6.0]]


def test_several_elements_need_a_gradient():
    x = leaf(1.0, 2.0)
    with pytest.raises(
        RuntimeError, match=r"grad can be implicitly created only for scalar outputs"
    ):
        (x * x).backward()
    with pytest.raises(RuntimeError, match="scalar outputs"):
        cgrad.zeros(0, requires_grad=True).backward()


def test_gradient_argument():
    x = leaf(1.0, 2.0)
    (x * x).backward(cgrad.tensor([10.0, 100.0]))
    assert x.grad.tolist() == [20.0, 400.0]


def test_gradient_argument_is_neither_kept_nor_changed():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    gradient = cgrad.ones(2)
    (x + y).backward(gradient)
    gradient.zero_()
    assert x.grad.tolist() == [1.0, 1.0]
    x.grad.add_(1.0)
    assert y.grad.tolist() == [1.0, 1.0]
    assert gradient.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("shape", [(3,), (2, 1), (1,), ()])
def test_gradient_of_another_shape(shape):
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"(?i)mismatch in shape.*grad_output\[0\].*output\[0\]"):
        (x * x).backward(cgrad.ones(shape))
    assert x.grad is None


@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_gradient_of_another_dtype_is_converted(dtype):
    x = leaf(1.0, 2.0)
    (x * x).backward(cgrad.ones(2, dtype=getattr(cgrad, dtype)))
    assert x.grad.dtype == cgrad.float32
    assert x.grad.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("gradient", [2.0, "ones", np.ones(2, np.float32), [1.0, 2.0]])
def test_gradient_that_is_no_tensor(gradient):
    with pytest.raises((TypeError, RuntimeError)):
        (leaf(1.0, 2.0) * 2).backward(gradient)


def test_root_without_requires_grad():
    with pytest.raises(
        RuntimeError,
        match="element 0 of tensors does not require grad and does not have a grad_fn",
    ):
        cgrad.ones(1).sum().backward()


def test_leaf_as_root():
    x = scalar(3.0)
    x.backward()
    assert x.grad.item() == 1.0
    assert grad(x, x)[0].item() == 1.0


def test_several_roots():
    x = leaf(1.0, 2.0)
    cgrad.autograd.backward([x.sum(), x * x], [None, cgrad.ones(2)])
    assert x.grad.tolist() == [3.0, 5.0]
    with pytest.raises(RuntimeError, match="2 tensors and 1 gradients"):
        cgrad.autograd.backward([x.sum(), x.sum()], [None])
    with pytest.raises(RuntimeError, match="element 1 of tensors"):
        cgrad.autograd.backward([x.sum(), cgrad.ones(())])


def test_same_root_twice():
    x = scalar(3.0)
    y = x * x
    cgrad.autograd.backward([y, y])
    assert x.grad.item() == 12.0


def test_root_that_is_also_an_intermediate_value():
    x = scalar(3.0)
    y = x * x
    z = y * 5
    cgrad.autograd.backward([z, y])
    assert x.grad.item() == 6.0 * 6


def test_backward_returns_nothing_and_takes_keywords():
    x = leaf(1.0, 2.0)
    y = x * x
    assert y.backward(gradient=cgrad.ones(2), retain_graph=True, create_graph=False) is None
    assert y.backward(cgrad.ones(2), inputs=[x]) is None


def test_something_else_than_tensors():
    with pytest.raises(TypeError):
        cgrad.autograd.backward(3.0)
    with pytest.raises((TypeError, AttributeError)):
        cgrad.autograd.backward([leaf(1.0).sum(), 3.0])


def test_broadcast_gradients_are_summed_to_the_input_shape():
    x = cgrad.ones((3, 1), requires_grad=True)
    y = cgrad.ones(4, requires_grad=True)
    s = scalar(2.0)
    (x * y * s).sum().backward()
    assert x.grad.tolist() == [[8.0]] * 3
    assert y.grad.tolist() == [6.0] * 4
    assert s.grad.item() == 12.0 and s.grad.shape == ()


def test_gradient_of_a_sum_is_an_ordinary_tensor():
    # The derivative is an expanded 1; the leaf must not be given that read-only layout.
    x = cgrad.zeros((2, 3), requires_grad=True)
    x.sum().backward()
    assert x.grad.is_contiguous()
    x.grad[0, 0] = 5.0
    assert x.grad.tolist() == [[5.0, 1.0, 1.0], [1.0, 1.0, 1.0]]


def test_zero_size_gradient():
    x = cgrad.zeros((0, 3), requires_grad=True)
    (x * 2).sum().backward()
    assert tuple(x.grad.shape) == (0, 3)


def test_mixed_dtypes_give_each_leaf_its_own():
    x = leaf(1.0, 2.0, dtype=cgrad.float32)
    y = leaf(3.0, 4.0, dtype=cgrad.float64)
    (x * y).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (cgrad.float32, cgrad.float64)
    assert x.grad.tolist() == [3.0, 4.0]


# --- inputs=... ------------------------------------------------------------------------------


def test_inputs_restricts_accumulation():
    x, y = scalar(2.0), scalar(3.0)
    (x * y).backward(inputs=[x])
    assert x.grad.item() == 3.0 and y.grad is None
    (x * y).backward(inputs=y)
    assert y.grad.item() == 2.0
    (x * y).backward(inputs={"x": x})
    assert x.grad.item() == 6.0


def test_inputs_may_be_an_intermediate_value():
    x = scalar(2.0)
    y = x * x
    (y * y).backward(inputs=[y])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert y.grad.item() == 8.0
    assert x.grad is None


def test_inputs_skips_the_rest_of_the_graph():
    x, y = scalar(2.0), scalar(3.0)
    long = y
    for _ in range(50):
        long = long * 1.0

    def rules(other):
        root = x * 2.0 + other
        before = engine.rule_calls()
        root.backward(inputs=[x], retain_graph=True)
        return engine.rule_calls() - before

    assert rules(long) == rules(y)


@pytest.mark.parametrize("inputs", [[], ()])
def test_inputs_must_not_be_empty(inputs):
    with pytest.raises(RuntimeError, match="cannot be empty"):
        scalar(1.0).backward(inputs=inputs)


def test_inputs_that_do_not_require_grad():
    with pytest.raises(RuntimeError, match="does not require grad"):
        (scalar(1.0) * 2).backward(inputs=[cgrad.ones(())])


# --- Repeated sweeps -------------------------------------------------------------------------


def test_second_backward_names_the_operation_and_the_remedy():
    x = leaf(1.0, 2.0)
    y = x.exp().sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"(?s)second time.*retain_graph") as caught:
        y.backward()
    assert "exp" in str(caught.value).lower()
    assert "detach" in str(caught.value)
    assert x.grad.tolist() == pytest.approx([np.e, np.e**2], rel=1e-6)


def test_second_backward_through_a_shared_part():
    x = scalar(2.0)
    shared = x * x
    first, second = shared.exp(), shared.sin()
    first.backward()
    with pytest.raises(RuntimeError, match="(?i)second time"):
        second.backward()


def test_retain_graph():
    x = scalar(3.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    assert x.grad.item() == 12.0
    y.backward()
    assert x.grad.item() == 18.0
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_values_survive_the_sweep():
    x = scalar(3.0)
    y = x * x
    z = y.exp()
    z.backward()
    assert y.item() == 9.0 and z.item() == pytest.approx(np.exp(9.0))


def test_new_graph_on_old_values():
    x = scalar(3.0)
    for _ in range(3):
        (x * x).backward()
    assert x.grad.item() == 18.0


# --- Accumulation ----------------------------------------------------------------------------


def test_gradients_accumulate_in_place():
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    kept = x.grad
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]
    assert kept.tolist() == [5.0, 5.0]


def test_grad_can_be_reset_and_replaced():
    x = leaf(1.0, 2.0)
    assert x.grad is None
    x.sum().backward()
    x.grad = None
    assert x.grad is None
    x.grad = cgrad.tensor([10.0, 20.0])
    x.sum().backward()
    assert x.grad.tolist() == [11.0, 21.0]
    x.grad.zero_()
    assert x.grad.tolist() == [0.0, 0.0]


def test_accumulation_into_an_expanded_grad_is_refused_or_right():
    x = leaf(1.0, 2.0)
    x.grad = cgrad.ones(1).expand(2)
    try:
        (x * cgrad.tensor([1.0, 10.0])).sum().backward()
    except RuntimeError as error:
        assert "memory location" in str(error)
    else:
        assert x.grad.tolist() == [2.0, 11.0]


def test_grad_of_a_wrong_kind_is_refused():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"(?i)shape|size"):
        x.grad = cgrad.ones(3)
    with pytest.raises((RuntimeError, TypeError), match=r"(?i)type"):
        x.grad = cgrad.ones(2, dtype=cgrad.float64)
    with pytest.raises(TypeError):
        x.grad = [1.0, 2.0]
    assert x.grad is None


def test_retain_grad():
    x = scalar(3.0)
    y = x * x
    assert not y.retains_grad
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    (y * 2).backward(retain_graph=True)
    assert y.grad.item() == 2.0 and x.grad.item() == 12.0
    x.retain_grad()
    with pytest.raises(RuntimeError, match="requires_grad"):
        cgrad.ones(2).retain_grad()


def test_intermediate_values_keep_no_gradient():
    x = scalar(3.0)
    y = x * x
    (y * 2).backward()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert y.grad is None


# --- grad() ----------------------------------------------------------------------------------


def test_grad_returns_and_does_not_accumulate():
    x, y = scalar(2.0), scalar(3.0)
    result = grad(x * y, [x, y])
    assert isinstance(result, tuple)
    assert [g.item() for g in result] == [3.0, 2.0]
    assert x.grad is None and y.grad is None
    assert not result[0].requires_grad


def test_grad_of_intermediate_values_and_repeated_inputs():
    x = scalar(2.0)
    y = x * x
    z = y.exp()
    dy, dx, again = grad(z, [y, x, y])
    assert dy.item() == again.item() == pytest.approx(np.exp(4.0))
    assert dx.item() == pytest.approx(4 * np.exp(4.0))


def test_grad_of_several_outputs_and_vectors():
    x = leaf(1.0, 2.0)
    (g,) = grad([x * x, x.sum()], x, grad_outputs=[cgrad.tensor([1.0, 10.0]), None])
    assert g.tolist() == [3.0, 41.0]


def test_grad_of_an_unused_input():
    x, y = scalar(2.0), leaf(3.0, 4.0)
    out = x * x
    with pytest.raises(
        RuntimeError, match="One of the differentiated Tensors appears to not have been used"
    ):
        grad(out, [x, y], retain_graph=True)
    assert grad(out, [x, y], retain_graph=True, allow_unused=True)[1] is None
    zeros = grad(out, [x, y], materialize_grads=True)[1]
    assert zeros.tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="allow_unused"):
        grad(out, y, allow_unused=False, materialize_grads=True)


def test_grad_of_an_input_without_requires_grad():
    with pytest.raises(RuntimeError, match="does not require grad"):
        grad(scalar(2.0) * 3, cgrad.ones(2))
    with pytest.raises(RuntimeError, match="cannot be empty"):
        grad(scalar(2.0) * 3, [])


def test_grad_of_a_dict():
    x, y = scalar(2.0), scalar(3.0)
    result = grad(x * y, {"x": x, "y": y})
    assert {name: g.item() for name, g in result.items()} == {"x": 3.0, "y": 2.0}


def test_batched_gradients_are_refused():
    x = leaf(1.0, 2.0)
    with pytest.raises(NotImplementedError, match="is_grads_batched"):
        grad(x * x, x, cgrad.eye(2), is_grads_batched=True)


# --- Higher derivatives ----------------------------------------------------------------------


def test_derivatives_up_to_the_fifth():
    x = scalar(1.5)
    y = x**5
    for expected in (5 * 1.5**4, 20 * 1.5**3, 60 * 1.5**2, 120 * 1.5, 120.0):
        (y,) = grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(expected, rel=1e-12)


def test_third_derivatives_of_a_composition():
    x = scalar(0.7)
    d1 = grad((x.sin() * x.exp()).tanh(), x, create_graph=True)[0]
    d2 = grad(d1, x, create_graph=True)[0]
    d3 = grad(d2, x)[0]
    h = 1e-3

    def f(v):
        return np.tanh(np.sin(v) * np.exp(v))

    third = (f(0.7 + 2 * h) - 2 * f(0.7 + h) + 2 * f(0.7 - h) - f(0.7 - 2 * h)) / (2 * h**3)
    assert d3.item() == pytest.approx(third, rel=1e-4)


def test_mixed_partials_agree():
    x, y = scalar(0.3), scalar(0.8)
    dx, dy = grad((x * y).sin() * x, [x, y], create_graph=True)
    dxy = grad(dx, y, retain_graph=True)[0]
    dyx = grad(dy, x)[0]
    assert dxy.item() == pytest.approx(dyx.item(), rel=1e-13)


def test_hessian_vector_product():
    a = cgrad.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=cgrad.float64)
    x = cgrad.tensor([1.0, -1.0], dtype=cgrad.float64, requires_grad=True)
    (g,) = grad(x @ a @ x, x, create_graph=True)
    (hv,) = grad(g, x, cgrad.tensor([1.0, 2.0], dtype=cgrad.float64))
    assert hv.tolist() == [8.0, 14.0]


def test_create_graph_retains_by_default_and_accumulates():
    x = scalar(2.0)
    y = x**3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y.backward(create_graph=True)
        assert x.grad.requires_grad
        y.backward(create_graph=True)
    assert x.grad.item() == 24.0
    g, x.grad = x.grad, None
    g.backward()
    assert x.grad.item() == 24.0


def test_gradient_penalty_reaches_the_weights():
    w = cgrad.tensor([[0.5, -0.2], [0.1, 0.4]], dtype=cgrad.float64, requires_grad=True)
    x = cgrad.tensor([[1.0, 2.0]], dtype=cgrad.float64, requires_grad=True)

    def penalty():
        (g,) = grad((x @ w).tanh().sum(), x, create_graph=True)
        return (g * g).sum()

    penalty().backward()
    numeric = np.zeros((2, 2))
    for i in range(2):
        for j in range(2):
            pair = []
            for step in (1e-5, -1e-5):
                with cgrad.no_grad():
                    w[i, j] += step
                pair.append(penalty().item())
                with cgrad.no_grad():
                    w[i, j] -= step
            numeric[i, j] = (pair[0] - pair[1]) / 2e-5
    assert w.grad.numpy() == pytest.approx(numeric, rel=1e-6, abs=1e-9)


def test_create_graph_wins_over_no_grad():
    x = scalar(2.0)
    y = x**3
    with cgrad.no_grad():
        (g,) = grad(y, x, create_graph=True)
    assert g.requires_grad
    assert grad(g, x)[0].item() == 12.0


def test_without_create_graph_the_sweep_records_nothing():
    x = scalar(2.0)
    assert not grad(x**3, x)[0].requires_grad
    with pytest.raises(RuntimeError, match="does not require grad"):
        grad(grad(x**3, x)[0], x)


def test_second_derivative_of_a_product_with_two_zeros_is_refused():
    x, source = (cgrad.tensor(v, requires_grad=True) for v in ([2.0, 3.0], [0.0, 0.0, 5.0]))
    index = cgrad.tensor([0, 0, 1])
    y = x.scatter_reduce(0, index, source, "prod")
    dx, ds = cgrad.autograd.grad(y.sum(), [x, source], create_graph=True)
    assert dx.tolist() == [0.0, 5.0] and ds.tolist() == [0.0, 0.0, 3.0]
    for g in (dx, ds):
        with pytest.raises(RuntimeError, match="scatter_reduce.*second derivative.*zero"):
            cgrad.autograd.grad(g.sum(), [x, source], allow_unused=True, retain_graph=True)
