"""Hooks of one module and of all: forward, backward, registration."""
import warnings

import pytest

import cgrad
from cgrad import nn
from cgrad.nn.modules import hooks
from cgrad.nn.modules import module as module_file


class Double(nn.Module):
    def forward(self, x, other=None):
        return x * 2 if other is None else (x * 2, other * 3)


@pytest.fixture(autouse=True)
def _clean():
    yield
    assert not any(hooks.global_hooks) and not hooks.forward_hooks_always_called
    assert not hooks.forward_hooks_with_kwargs and not any(hooks.registrations.values())
    hooks.full_backward = None


def test_global_forward_hooks_come_first():
    seen = []
    net = Double()
    handles = [
        net.register_forward_pre_hook(lambda m, a: seen.append("own pre")),
        net.register_forward_hook(lambda m, a, o: seen.append("own")),
        module_file.register_module_forward_pre_hook(lambda m, a: seen.append("pre")),
        module_file.register_module_forward_hook(
            lambda m, a, k, o: seen.append(("post", sorted(k))), with_kwargs=True
        ),
    ]
    net(cgrad.ones(1), other=cgrad.ones(1))
    assert seen == ["pre", "own pre", ("post", ["other"]), "own"]
    for handle in handles:
        handle.remove()
    net(cgrad.ones(1))
    assert len(seen) == 4


def test_global_hooks_change_arguments_and_results_of_every_module():
    net = nn.Sequential(Double(), Double())
    with module_file.register_module_forward_pre_hook(
        lambda m, a: (a[0] + 1,) if isinstance(m, Double) else None
    ):
        assert net(cgrad.zeros(1)).item() == 6
    with module_file.register_module_forward_hook(lambda m, a, out: out + 1):
        assert net(cgrad.zeros(1)).item() == 4


def test_always_called():
    class Fails(nn.Module):
        def forward(self, x):
            raise ValueError("no")

    seen = []
    net = Fails()
    net.register_forward_hook(lambda m, a, o: seen.append(o))
    net.register_forward_hook(lambda m, a, o: seen.append("own"), always_call=True)
    net.register_forward_hook(lambda m, a, o: 1 / 0, always_call=True)
    with (
        module_file.register_module_forward_hook(
            lambda m, a, o: seen.append("all"), always_call=True
        ),
        pytest.warns(UserWarning, match="``always_call=True`` raised an exception that was sil"),
        pytest.raises(ValueError, match="no"),
    ):
        net(1)
    assert seen == ["all", "own"]


def test_full_backward_hook_sees_and_replaces():
    seen = []
    net = Double()

    def hook(module, grad_input, grad_output):
        assert module is net
        seen.append((grad_input, grad_output))
        return tuple(None if g is None else g * 10 for g in grad_input)

    handle = net.register_full_backward_hook(hook)
    x = cgrad.ones(2, requires_grad=True)
    y = cgrad.ones(2, requires_grad=True)
    a, b = net(x, y)
    (a.sum() + b.sum() * 5).backward()
    (grad_x, grad_y), (grad_a, grad_b) = seen[0]
    assert grad_x.tolist() == [2, 2] and grad_y.tolist() == [15, 15]
    assert grad_a.tolist() == [1, 1] and grad_b.tolist() == [5, 5]
    assert x.grad.tolist() == [20, 20] and y.grad.tolist() == [150, 150]
    handle.remove()
    net(x).sum().backward()
    assert x.grad.tolist() == [22, 22] and len(seen) == 1


def test_full_backward_hook_with_constants_among_the_arguments():
    seen = []
    net = Double()
    net.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    x = cgrad.ones(2, requires_grad=True)
    net(x, cgrad.ones(2))[0].sum().backward()
    (grad_x, rest), (grad_a, grad_b) = seen[0]
    assert grad_x.tolist() == [2, 2] and rest.tolist() == [0, 0]
    assert grad_a.tolist() == [1, 1] and grad_b is None
    seen.clear()
    net(x, None).sum().backward()
    assert [len(part) for part in seen[0]] == [2, 1]


def test_full_backward_hook_without_input_gradients():
    layer = nn.Linear(2, 1)
    seen = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].item())))
    with pytest.warns(UserWarning, match="no inputs require gradients"):
        layer(cgrad.ones(2)).backward()
    assert seen == [((None,), 1.0)]
    with cgrad.no_grad():
        layer(cgrad.ones(2))
    assert len(seen) == 1


def test_full_backward_pre_hooks():
    net = Double()
    order = []
    net.register_full_backward_pre_hook(lambda m, go: order.append("a"))
    net.register_full_backward_pre_hook(lambda m, go: (go[0] * 7,), prepend=True)
    net.register_full_backward_hook(lambda m, gi, go: order.append(go[0].item()))
    x = cgrad.ones((), requires_grad=True)
    net(x).backward()
    assert x.grad.item() == 14 and order == ["a", 7]


def test_hooks_that_return_the_wrong_number():
    for register, name in (
        ("register_full_backward_hook", "grad_input"),
        ("register_full_backward_pre_hook", "grad_output"),
    ):
        net = Double()
        getattr(net, register)(lambda *args: (None, None))
        x = cgrad.ones((), requires_grad=True)
        with pytest.raises(RuntimeError, match=f"number of {name}, got 2, but expected 1"):
            net(x).backward()


def test_kinds_of_backward_hooks_do_not_mix():
    net = Double()
    net.register_full_backward_hook(lambda *args: None)
    with pytest.raises(RuntimeError, match="both regular backward hooks and full backward hooks"):
        net.register_backward_hook(lambda *args: None)
    net = Double()
    net.register_backward_hook(lambda *args: None)
    with pytest.raises(RuntimeError, match="single Module"):
        net.register_full_backward_hook(lambda *args: None)
    with (
        module_file.register_module_backward_hook(lambda *args: None),
        pytest.raises(RuntimeError, match="global Module hook"),
    ):
        module_file.register_module_full_backward_hook(lambda *args: None)


def test_old_backward_hook_sees_the_last_operation():
    net = Double()
    seen = []
    net.register_backward_hook(lambda m, gi, go: seen.append((m, go[0].item())))
    x = cgrad.ones((), requires_grad=True)
    net(x).backward()
    assert seen == [(net, 1.0)] and x.grad.item() == 2


def test_global_backward_hooks():
    seen = []
    net = nn.Sequential(Double(), nn.Tanh())
    with (
        module_file.register_module_full_backward_hook(
            lambda m, gi, go: seen.append(type(m).__name__)
        ),
        module_file.register_module_full_backward_pre_hook(
            lambda m, go: seen.append("pre " + type(m).__name__)
        ),
    ):
        net(cgrad.ones((), requires_grad=True)).backward()
    assert seen == ["pre Sequential", "pre Tanh", "Tanh", "pre Double", "Double", "Sequential"]


def test_second_derivative_through_hooks():
    class Cube(nn.Module):
        def forward(self, x):
            return x**3

    net = Cube()
    net.register_full_backward_hook(lambda m, gi, go: None)
    x = cgrad.tensor(2.0, requires_grad=True)
    (first,) = cgrad.autograd.grad(net(x), x, create_graph=True)
    (second,) = cgrad.autograd.grad(first, x)
    assert (first.item(), second.item()) == (12, 12)


def test_outputs_under_backward_hooks_changed_in_place():
    net = Double()
    net.register_full_backward_hook(lambda m, gi, go: None)
    x = cgrad.ones(2, requires_grad=True)
    out = net(x)
    out.mul_(3)
    out.sum().backward()
    assert x.grad.tolist() == [6, 6]
    tanh = nn.Tanh()
    tanh.register_full_backward_hook(lambda m, gi, go: None)
    out = tanh(x)
    out.mul_(3)
    with pytest.raises(RuntimeError, match="modified|changed"):
        out.sum().backward()


def test_result_that_is_no_tensor():
    class Dictionary(nn.Module):
        def forward(self, x):
            return {"out": x * 2}

    net = Dictionary()
    net.register_full_backward_hook(lambda m, gi, go: None)
    with pytest.warns(UserWarning, match="should be a Tensor or a tuple of Tensors"):
        net(cgrad.ones(1, requires_grad=True))


def test_registration_hooks():
    seen = []

    def note(kind):
        return lambda module, name, value: seen.append((kind, name))

    with (
        module_file.register_module_parameter_registration_hook(note("parameter")),
        module_file.register_module_buffer_registration_hook(note("buffer")),
        module_file.register_module_module_registration_hook(note("module")),
    ):
        net = nn.Module()
        net.w = nn.Parameter(cgrad.ones(1))
        net.register_buffer("b", cgrad.ones(1))
        net.child = nn.Identity()
        net.add_module("other", nn.Identity())
        net.b = cgrad.zeros(1)
    assert seen == [
        ("parameter", "w"), ("buffer", "b"), ("module", "child"), ("module", "other"),
        ("buffer", "b"),
    ]  # fmt: skip
    with module_file.register_module_module_registration_hook(lambda m, n, v: nn.Tanh()):
        net.child = nn.Identity()
    assert isinstance(net.child, nn.Tanh)


def test_no_warning_when_all_is_well():
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda m, gi, go: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(cgrad.ones(1, 2, requires_grad=True)).sum().backward()
