"""Anomaly mode, hooks on saved values, nodes and leaves, and checkpointing."""
import contextlib
import gc
import warnings

import pytest

import cgrad
from cgrad._engine import memory, rows
from cgrad.autograd import graph
from cgrad.utils import checkpoint as ck


def leaf(*values):
    return cgrad.tensor(values, requires_grad=True)


# --- anomalies -----------------------------------------------------------------------------------

def test_nan_of_the_derivative_names_the_line():
    x = leaf(0.0, 1.0)
    with cgrad.autograd.set_detect_anomaly(True):
        y = x * 0                      # the culprit: zero times an infinite slope
        z = y.sqrt().sum()
        with pytest.raises(RuntimeError, match="MulBackward0.*nan.*0th output") as error:
            z.backward()
    assert "# the culprit" in str(error.value) and __file__ in str(error.value)


def test_nan_of_the_forward_pass_names_the_line():
    x = leaf(1.0)
    with cgrad.autograd.set_detect_anomaly(True):
        y = (x - 2).log()              # the first one
        z = (y * 3).exp().sum()
        with pytest.raises(RuntimeError, match="LogBackward0.*nan.*forward") as error:
            z.backward()
    assert "# the first one" in str(error.value)


def test_no_anomaly_no_error_and_modes_nest():
    with pytest.warns(UserWarning, match="Anomaly Detection"):
        context = cgrad.autograd.detect_anomaly()
    x = leaf(1.0, 2.0)
    with context:
        with cgrad.autograd.set_detect_anomaly(False):
            (x * 0).sqrt().sum().backward()
        assert x.grad.isnan().all()
        x.grad = None
        (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
    (x * 0).sqrt().sum().backward()
    y = cgrad.where(x > 1.5, x, (x - 3).log())
    with cgrad.autograd.set_detect_anomaly(True, check_nan=False):
        y.sum().backward()


def test_nan_in_a_branch_that_is_not_taken():
    x = leaf(1.0, 2.0)
    with cgrad.autograd.set_detect_anomaly(True):
        cgrad.where(x > 0, x, (x - 3).log()).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


# --- saved values --------------------------------------------------------------------------------

def program(x):
    return ((x * x).exp() * x).sum()


def test_saved_values_go_through_the_hooks():
    x = leaf(1.0, 0.5)
    (expected,) = cgrad.autograd.grad(program(x), x)
    packed = []

    def pack(t):
        packed.append(t.shape)
        return t.numpy().copy()

    with graph.saved_tensors_hooks(pack, cgrad.from_numpy):
        y = program(x)
    assert len(packed) >= 3
    (found,) = cgrad.autograd.grad(y, x)
    assert found.equal(expected)


def test_second_derivative_through_hooks():
    x = leaf(1.0, 0.5)
    (g,) = cgrad.autograd.grad(program(x), x, create_graph=True)
    (expected,) = cgrad.autograd.grad(g.sum(), x)
    with graph.save_on_cpu():
        y = program(x)
    (g,) = cgrad.autograd.grad(y, x, create_graph=True)
    (found,) = cgrad.autograd.grad(g.sum(), x)
    assert found.allclose(expected)


def test_custom_functions_too():
    class Cube(cgrad.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return 3 * g * ctx.saved_tensors[0] ** 2

    x = leaf(2.0)
    with graph.saved_tensors_hooks(lambda t: t.tolist(), cgrad.tensor):
        y = Cube.apply(x)
    y.backward(cgrad.ones(1))
    assert x.grad.tolist() == [12.0]


class Twice(cgrad.autograd.Function):
    """a b e^a and 2 sin b; both arguments and the first result are saved."""

    @staticmethod
    def forward(ctx, a, b):
        e = a.exp()
        y = a * b * e
        ctx.save_for_backward(a, b, y, None)
        return y, 2 * b.sin()

    @staticmethod
    def backward(ctx, g, h):
        a, b, y, _ = ctx.saved_tensors
        return g * (y + b * a.exp()), g * a * a.exp() + 2 * h * b.cos()


def symmetric(a):
    return a @ a.T + 3 * cgrad.eye(3, dtype=a.dtype)


THROUGH_HOOKS = {
    "Function": lambda a: (lambda y, z: (y * z).sum())(*Twice.apply(a, a.sin() + 2)),
    "det": lambda a: cgrad.linalg.det(symmetric(a)),
    "slogdet": lambda a: cgrad.linalg.slogdet(symmetric(a))[1],
    "solve": lambda a: cgrad.linalg.solve(symmetric(a), a).square().sum(),
    "matrix_exp": lambda a: cgrad.linalg.matrix_exp(a / 4).sum(),
}


@pytest.mark.parametrize("pack, back", [
    (lambda t: t, lambda t: t), (lambda t: t.numpy().copy(), cgrad.from_numpy),
])
@pytest.mark.parametrize("name", THROUGH_HOOKS)
def test_second_derivatives_of_functions_through_hooks(name, pack, back):
    function = THROUGH_HOOKS[name]
    a = cgrad.randn(3, 3, dtype=cgrad.float64, requires_grad=True)

    def second():
        (g,) = cgrad.autograd.grad(y, a, create_graph=True)
        return cgrad.autograd.grad(g.square().sum() + g.sin().sum(), a)[0]

    y = function(a)
    expected = second()
    with graph.saved_tensors_hooks(pack, back):
        y = function(a)
    assert second().allclose(expected, rtol=1e-9)
    y = ck.checkpoint(function, a, use_reentrant=False)
    assert second().allclose(expected, rtol=1e-9)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_gradient_penalty_of_recurrent_layers_through_hooks(kind):
    network = getattr(cgrad.nn, kind)(3, 4, dtype=cgrad.float64)
    x = cgrad.randn(5, 2, 3, dtype=cgrad.float64, requires_grad=True)
    found = []
    for hooks in (contextlib.nullcontext(), graph.save_on_cpu()):
        with hooks:
            y = network(x)[0].sin().sum()
        (g,) = cgrad.autograd.grad(y, x, create_graph=True)
        found.append(cgrad.autograd.grad(g.square().sum(), [x, *network.parameters()],
                                         allow_unused=True, materialize_grads=True))
    for a, b in zip(*found, strict=True):
        assert a.allclose(b, rtol=1e-9)


def test_wrong_hooks():
    x = leaf(1.0, 2.0)
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t[:1]):
        y = program(x)
    with pytest.raises(RuntimeError, match=r"\[1\].*\[2\]"):
        y.backward()
    with graph.saved_tensors_hooks(lambda t: t, lambda t: 3):
        y = program(x)
    with pytest.raises(TypeError, match="unpack_hook"):
        y.backward()
    with pytest.raises(ZeroDivisionError), \
            graph.saved_tensors_hooks(lambda t: 1 / 0, lambda t: t):
        program(x)
    with graph.disable_saved_tensors_hooks("not now"), \
            pytest.raises(RuntimeError, match="not now"), graph.save_on_cpu():
        pass
    with graph.save_on_cpu():
        program(x).backward()


# --- nodes and leaves ----------------------------------------------------------------------------

def test_node_hooks():
    x = leaf(2.0)
    y = x * 3.0
    seen = []
    y.grad_fn.register_prehook(lambda go: seen.append(go[0].item()) or (go[0] * 2,))
    handle = y.grad_fn.register_hook(lambda gi, go: (gi[0] + 1, None))
    y.sum().backward()
    assert seen == [1.0] and x.grad.tolist() == [7.0]
    handle.remove()
    y = x * 3.0
    y.grad_fn.metadata["mine"] = 1
    assert y.grad_fn.metadata == {"mine": 1}


def test_post_accumulate_hook():
    x = leaf(2.0)
    seen = []
    handle = x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.item()))
    (x * 3).sum().backward()
    (x * 3).sum().backward()
    assert seen == [3.0, 6.0]
    handle.remove()
    (x * 3).sum().backward()
    assert len(seen) == 2
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)


def test_multi_grad_hook():
    a, b, c = leaf(1.0), leaf(2.0), leaf(3.0)
    seen = []
    handle = graph.register_multi_grad_hook((a, b, c), seen.append)
    (a * b).sum().backward()
    assert [g if g is None else g.item() for g in seen[0]] == [2.0, 1.0, None]
    (a * b * c).sum().backward()
    assert [g.item() for g in seen[1]] == [6.0, 3.0, 2.0]
    handle.remove()
    (a * b).sum().backward()
    assert len(seen) == 2
    first = []
    graph.register_multi_grad_hook((a, b), first.append, mode="any")
    (a * b).sum().backward()
    (a * b).sum().backward()
    assert len(first) == 2
    with pytest.raises(ValueError, match="mode"):
        graph.register_multi_grad_hook((a,), print, mode="some")


def test_gradient_edge_and_versions():
    x = leaf(1.0)
    assert graph.get_gradient_edge(x).node.name() == "AccumulateGrad"
    with pytest.raises(RuntimeError, match="require"):
        graph.get_gradient_edge(cgrad.ones(1))
    y = x * x
    graph.increment_version(x)
    with pytest.raises(RuntimeError, match="modified"):
        y.sum().backward()
    assert isinstance(y.grad_fn, graph.Node)


# --- checkpoint ----------------------------------------------------------------------------------

def layers():
    cgrad.manual_seed(0)
    return cgrad.nn.Sequential(*[m for _ in range(4) for m in
                                 (cgrad.nn.Linear(8, 8), cgrad.nn.Tanh(), cgrad.nn.Dropout(0.3))])


def gradients(model, run):
    cgrad.manual_seed(1)
    model.zero_grad()
    x = cgrad.ones(5, 8, requires_grad=True)
    run(x).square().sum().backward()
    return [x.grad, *(p.grad.clone() for p in model.parameters())]


@pytest.mark.parametrize("reentrant", [False, True])
def test_same_gradients(reentrant):
    model = layers()
    expected = gradients(model, model)
    calls = (lambda x: ck.checkpoint(model, x, use_reentrant=reentrant),
             lambda x: ck.checkpoint_sequential(model, 3, x, use_reentrant=reentrant))
    for call in calls:
        for a, b in zip(gradients(model, call), expected):
            assert a.equal(b)


def test_less_is_kept():
    def deep(x):
        for _ in range(20):
            x = x.tanh() * 1.5
        return x

    x = cgrad.ones(50_000, requires_grad=True)
    held = []
    for call in (deep, lambda x: ck.checkpoint(deep, x, use_reentrant=False)):
        before = memory.live_bytes()
        y = call(x)
        held.append(memory.live_bytes() - before)
        del y
    assert held[1] < held[0] / 5


def test_checkpoint_notices_another_program():
    calls = []

    def fickle(x):
        calls.append(1)
        return x.exp() if len(calls) == 1 else (x * x).exp()

    y = ck.checkpoint(fickle, leaf(1.0), use_reentrant=False)
    with pytest.raises(ck.CheckpointError, match="other values"):
        y.sum().backward()


def test_checkpoint_arguments():
    x = leaf(1.0)
    with pytest.warns(UserWarning, match="use_reentrant"):
        ck.checkpoint(cgrad.exp, x)
    with pytest.raises(ValueError, match="keyword"):
        ck.checkpoint(cgrad.exp, x, use_reentrant=True, other=1)
    with pytest.raises(ValueError, match="segments"):
        ck.checkpoint_sequential([cgrad.exp], 3, x, use_reentrant=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = ck.checkpoint(lambda a, *, b: a * b, x, b=2.0, use_reentrant=False)
    assert y.tolist() == [2.0]


def test_nothing_leaks():
    x = leaf(1.0, 2.0)

    def use():
        with cgrad.autograd.set_detect_anomaly(True), graph.save_on_cpu():
            y = program(x)
        y.grad_fn.register_hook(lambda gi, go: None)
        y.backward()
        ck.checkpoint(program, x, use_reentrant=False).backward()
        program(x)

    use()
    gc.collect()
    before = rows.live_rows()
    use()
    gc.collect()
    assert rows.live_rows() == before
