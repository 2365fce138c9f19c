"""The recorded graph seen from Python: leaves, `grad_fn`, `detach`, `requires_grad_`, hooks."""

import gc
import weakref

import pytest

import cgrad
from cgrad.autograd import grad


def scalar(value):
    return cgrad.tensor(value, dtype=cgrad.float64, requires_grad=True)


# --- Leaves and requires_grad ----------------------------------------------------------------


def test_is_leaf():
    x = scalar(1.0)
    plain = cgrad.ones(2)
    assert x.is_leaf and plain.is_leaf and (plain * 2).is_leaf
    y = x * 2
    assert not y.is_leaf and y.requires_grad
    assert y.detach().is_leaf
    with cgrad.no_grad():
        assert (x * 2).is_leaf


def test_requires_grad_propagates():
    x, plain = scalar(1.0), cgrad.ones(())
    assert (x * plain).requires_grad and (plain * x).requires_grad
    assert not (plain * plain).requires_grad
    assert not (x > 0).requires_grad
    assert not x.argmax().requires_grad
    assert not x.to(cgrad.int64).requires_grad


def test_requires_grad_can_be_switched_on_leaves():
    x = cgrad.ones(2)
    assert x.requires_grad_() is x and x.requires_grad
    assert not x.requires_grad_(False).requires_grad
    x.requires_grad = True
    assert x.requires_grad


@pytest.mark.parametrize("dtype", ["int64", "bool", "uint8"])
def test_only_floating_point_tensors_require_grad(dtype):
    dtype = getattr(cgrad, dtype)
    with pytest.raises(RuntimeError, match="(?i)floating point"):
        cgrad.ones(2, dtype=dtype).requires_grad_()
    with pytest.raises(RuntimeError, match="(?i)floating point"):
        cgrad.ones(2, dtype=dtype, requires_grad=True)
    with pytest.raises(RuntimeError, match="(?i)floating point"):
        cgrad.tensor([1, 0], dtype=dtype, requires_grad=True)


def test_requires_grad_of_a_result_cannot_be_switched_off():
    y = scalar(1.0) * 2
    y.requires_grad_(True)
    with pytest.raises(RuntimeError, match=r"(?s)leaf.*detach"):
        y.requires_grad_(False)


# --- grad_fn ---------------------------------------------------------------------------------


def test_grad_fn_of_leaves_is_none():
    assert scalar(1.0).grad_fn is None
    assert (cgrad.ones(2) * 2).grad_fn is None


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (lambda x: x + 1, "AddBackward0"),
        (lambda x: x - 1, "SubBackward0"),
        (lambda x: x * 2, "MulBackward0"),
        (lambda x: x / 2, "DivBackward0"),
        (lambda x: -x, "NegBackward0"),
        (lambda x: x**3, "PowBackward0"),
        (lambda x: x.exp(), "ExpBackward0"),
        (lambda x: x.log(), "LogBackward0"),
        (lambda x: x.relu(), "ReluBackward0"),
        (lambda x: x.sum(), "SumBackward0"),
        (lambda x: x.mean(), "MeanBackward0"),
    ],
)
def test_grad_fn_names(operation, name):
    y = operation(cgrad.ones((), requires_grad=True))
    assert y.grad_fn.name() == name
    assert f"grad_fn=<{name}>" in repr(y)
    assert name in repr(y.grad_fn)


def test_next_functions_walk_the_graph():
    x, y = scalar(1.0), scalar(2.0)
    z = (x * y).exp() + 1.0
    names = []
    fn = z.grad_fn
    while fn.next_functions:
        names.append(fn.name())
        edges = [edge for edge in fn.next_functions if edge[0] is not None]
        fn = edges[0][0]
        last = edges
    assert names == ["AddBackward0", "ExpBackward0", "MulBackward0"]
    assert len(last) == 2
    assert all(edge[0].name().endswith("AccumulateGrad") and edge[1] == 0 for edge in last)
    assert last[0][0].variable is x and last[1][0].variable is y


def test_next_functions_mark_inputs_without_gradient():
    (first, second) = (scalar(1.0) * cgrad.ones(())).grad_fn.next_functions
    assert first[0] is not None
    assert second[0] is None


def test_grad_fn_outlives_the_tensor_it_came_from():
    x = scalar(1.0)
    fn = (x * 2).exp().grad_fn
    gc.collect()
    assert fn.name() == "ExpBackward0"
    assert fn.next_functions[0][0].name() == "MulBackward0"


# --- detach ----------------------------------------------------------------------------------


def test_detach_shares_memory_and_history_ends():
    x = cgrad.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    d = y.detach()
    assert not d.requires_grad and d.grad_fn is None
    assert d.data_ptr() == y.data_ptr()
    d[0] = 7.0
    assert y.tolist() == [7.0, 4.0]


def test_detach_stops_the_gradient():
    x = scalar(3.0)
    (x * x.detach()).backward()
    assert x.grad.item() == 3.0


def test_detach_in_place():
    x = scalar(3.0)
    y = x * x
    assert y.detach_() is y
    assert y.is_leaf and not y.requires_grad and y.grad_fn is None


def test_clone_is_differentiable_and_independent():
    x = cgrad.tensor([1.0, 2.0], requires_grad=True)
    c = x.clone()
    assert c.data_ptr() != x.data_ptr()
    (c * c).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


# --- Hooks -----------------------------------------------------------------------------------


def test_hook_sees_the_whole_gradient_once():
    x = scalar(3.0)
    y = x * x
    seen = []
    y.register_hook(lambda g: seen.append(g.item()))
    (y * 2 + y * 5).backward()
    assert seen == [7.0]
    assert x.grad.item() == 42.0


def test_hook_on_a_leaf():
    x = scalar(3.0)
    seen = []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * x + x).backward()
    assert seen == [7.0]
    assert grad(x * x, x)[0].item() == 6.0
    assert seen == [7.0, 6.0]


def test_hook_replaces_the_gradient():
    x = scalar(3.0)
    y = x * x
    y.register_hook(lambda g: g * 10)
    y.retain_grad()
    (y * 2).backward()
    assert x.grad.item() == 120.0
    assert y.grad.item() == 20.0


def test_hook_on_a_leaf_replaces_what_is_accumulated():
    x = scalar(3.0)
    x.register_hook(lambda g: cgrad.full_like(g, -1.0))
    (x * x).backward()
    assert x.grad.item() == -1.0


def test_hooks_run_in_order_of_registration_each_on_the_result_of_the_last():
    x = scalar(3.0)
    x.register_hook(lambda g: g + 1)
    x.register_hook(lambda g: g * 10)
    (x * 2).backward()
    assert x.grad.item() == 30.0


def test_hook_removal():
    x = scalar(3.0)
    handle = x.register_hook(lambda g: g * 10)
    (x * 2).backward()
    handle.remove()
    handle.remove()
    (x * 2).backward()
    assert x.grad.item() == 22.0


def test_hook_may_remove_itself():
    x = scalar(3.0)
    seen = []

    def once(g):
        seen.append(g.item())
        handle.remove()

    handle = x.register_hook(once)
    x.register_hook(lambda g: seen.append("other"))
    (x * 2).backward()
    (x * 2).backward()
    assert seen == [2.0, "other", "other"]


def test_hook_on_a_root():
    x = scalar(3.0)
    y = x * x
    seen = []
    y.register_hook(lambda g: seen.append(g.item()))
    y.backward()
    assert seen == [1.0]


def test_hook_registered_before_an_in_place_change_sees_the_value_before_it():
    x = scalar(3.0)
    y = x * x
    seen = []
    y.register_hook(lambda g: seen.append(("before", g.item())))
    y.mul_(5.0)
    y.register_hook(lambda g: seen.append(("after", g.item())))
    y.backward()
    assert seen == [("after", 1.0), ("before", 5.0)]


def test_hook_is_not_called_where_no_gradient_arrives():
    x, y = scalar(3.0), scalar(4.0)
    y.register_hook(lambda g: pytest.fail("no gradient reaches y"))
    (x * 2).backward()


def test_hook_must_return_a_fitting_tensor():
    x = cgrad.ones(2, requires_grad=True)
    handle = x.register_hook(lambda g: 3.0)
    with pytest.raises(TypeError, match=r"(?i)hook"):
        (x * 2).sum().backward()
    handle.remove()
    x.register_hook(lambda g: cgrad.ones(5))
    with pytest.raises(RuntimeError, match=r"(?i)hook.*size|hook.*shape"):
        (x * 2).sum().backward()


def test_hook_result_of_another_dtype_is_refused_or_converted():
    x = cgrad.ones(2, requires_grad=True)
    x.register_hook(lambda g: g.double() * 3.0)
    try:
        (x * 2).sum().backward()
    except RuntimeError as error:
        assert "hook" in str(error)
    else:
        assert x.grad.dtype == cgrad.float32 and x.grad.tolist() == [6.0, 6.0]


def test_hook_on_a_tensor_without_gradient():
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        cgrad.ones(2).register_hook(print)


def test_exception_in_a_hook_reaches_the_caller():
    x = scalar(3.0)
    y = x * x
    handle = y.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (y * 2).backward()
    assert x.grad is None
    handle.remove()
    (x * x).backward()
    assert x.grad.item() == 6.0


def test_hook_may_use_the_engine():
    x, w = scalar(3.0), scalar(2.0)
    inner = []

    def hook(g):
        assert not cgrad.is_grad_enabled()
        with cgrad.enable_grad():
            (w * w * 5).backward()
            inner.append(grad(w**3, w)[0].item())

    y = x * x
    y.register_hook(hook)
    (y * 2).backward()
    assert x.grad.item() == 12.0
    assert w.grad.item() == 20.0 and inner == [12.0]


def test_hook_sees_a_differentiable_gradient_with_create_graph():
    x = scalar(3.0)
    flags = []
    y = x * x
    y.register_hook(lambda g: flags.append(g.requires_grad))
    z = y * y
    z.backward(retain_graph=True)
    grad(z, x, create_graph=True)
    assert flags == [False, True]


def test_hook_does_not_survive_its_tensor():
    class Marker:
        pass

    marker = Marker()
    alive = weakref.ref(marker)
    x = scalar(3.0)
    y = x * x
    y.register_hook(lambda g, marker=marker: None)
    del marker
    assert alive() is not None
    del y
    gc.collect()
    assert alive() is None


def test_hook_works_through_the_graph_after_the_handle_is_gone():
    x = scalar(3.0)
    seen = []

    def build():
        y = x * x
        y.register_hook(lambda g: seen.append(g.item()))
        return y * 2

    z = build()
    gc.collect()
    z.backward()
    assert seen == [2.0]


def test_hook_that_refers_to_its_own_tensor_survives_the_collector():
    x = scalar(3.0)
    seen = []

    def build():
        y = x * x
        y.register_hook(lambda g: seen.append((g.item(), y.item())))
        return y * 2

    z = build()
    gc.collect()
    z.backward()
    assert seen == [(2.0, 9.0)]
