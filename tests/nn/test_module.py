"""Module: registration, traversal, state, hooks, conversions, repr, copies."""
import copy
import gc
import pickle
import weakref
from collections import OrderedDict

import numpy as np
import pytest

import cgrad
from cgrad import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(4, 2, bias=False))
        self.scale = nn.Parameter(cgrad.ones(2))
        self.register_buffer("count", cgrad.zeros(1))
        self.register_buffer("scratch", cgrad.zeros(1), persistent=False)

    def forward(self, x):
        return self.rest(self.first(x)) * self.scale


NAMES = ["scale", "first.weight", "first.bias", "rest.1.weight"]


def test_attributes_are_filed_by_kind():
    net = Net()
    assert list(net._parameters) == ["scale"]
    assert list(net._buffers) == ["count", "scratch"]
    assert list(net._modules) == ["first", "rest"]
    net.scale = None
    assert net.scale is None and "scale" in net._parameters
    net.scale = nn.Parameter(cgrad.zeros(2))
    net.first = nn.Identity()
    assert isinstance(net.first, nn.Identity)
    net.count = cgrad.ones(1)
    assert net.count.item() == 1 and "count" in net._buffers
    net.note = "plain"
    assert net.__dict__["note"] == "plain"
    net.note = nn.Parameter(cgrad.zeros(1))
    assert "note" not in net.__dict__ and "note" in net._parameters
    with pytest.raises(TypeError, match="as parameter 'note'"):
        net.note = nn.ReLU()
    del net.note
    net.note = nn.ReLU()
    assert "note" not in net._parameters and "note" in net._modules
    del net.note, net.scale, net.scratch
    assert not hasattr(net, "note") and not hasattr(net, "scale")
    assert net._non_persistent_buffers_set == set()
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'missing'"):
        net.missing  # noqa: B018
    with pytest.raises(AttributeError):
        del net.missing


def test_wrong_assignments_are_refused():
    net = Net()
    with pytest.raises(TypeError, match=r"cannot assign '.*Tensor' as parameter 'scale'"):
        net.scale = cgrad.zeros(2)
    with pytest.raises(TypeError, match="cannot assign 'int' as child module 'first'"):
        net.first = 3
    with pytest.raises(TypeError, match="cannot assign 'str' as buffer 'count'"):
        net.count = "x"
    with pytest.raises(TypeError, match="object to parameter 'w'"):
        net.register_parameter("w", cgrad.zeros(1))
    with pytest.raises(TypeError, match="object to buffer 'b'"):
        net.register_buffer("b", [1.0])
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        net.add_module("m", 3)
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor to parameter 'p'"):
        class Odd(nn.Parameter):
            grad_fn = "something"
        net.register_parameter("p", Odd(cgrad.ones(1)))


@pytest.mark.parametrize(
    "kind, register, value",
    [
        ("parameter", nn.Module.register_parameter, None),
        ("buffer", nn.Module.register_buffer, None),
        ("module", nn.Module.add_module, None),
    ],
)
def test_names_are_checked(kind, register, value):
    net = Net()
    with pytest.raises(KeyError, match="name can.*t contain"):
        register(net, "a.b", value)
    with pytest.raises(KeyError, match="name can.*t be empty string"):
        register(net, "", value)
    with pytest.raises(KeyError, match="attribute 'training' already exists"):
        register(net, "training", value)
    with pytest.raises(TypeError, match=f"{kind} name should be a string"):
        register(net, 3, value)


def test_assigning_before_init_is_an_error():
    class Early(nn.Module):
        def __init__(self, value):
            self.member = value
            super().__init__()

    with pytest.raises(AttributeError, match="cannot assign parameters before"):
        Early(nn.Parameter(cgrad.zeros(1)))
    with pytest.raises(AttributeError, match="cannot assign module before"):
        Early(nn.ReLU())
    assert Early(3)  # plain values are fine


def test_traversals_visit_each_member_once():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [name for name, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert next(net.named_parameters(prefix="net"))[0] == "net.scale"
    assert [name for name, _ in net.named_buffers()] == ["count", "scratch"]
    assert len(list(net.buffers())) == 2
    assert [name for name, _ in net.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert [name for name, _ in net.named_children()] == ["first", "rest"]
    assert list(net.children()) == [net.first, net.rest]
    assert len(list(net.modules())) == 5

    tied = nn.Sequential(net.first, net.first)
    assert [name for name, _ in tied.named_parameters()] == ["0.weight", "0.bias"]
    assert [name for name, _ in tied.named_parameters(remove_duplicate=False)] == [
        "0.weight", "0.bias", "1.weight", "1.bias",
    ]  # fmt: skip
    assert len(list(tied.children())) == 1


def test_lookups_by_path():
    net = Net()
    assert net.get_submodule("") is net
    assert net.get_submodule("rest.1") is net.rest[1]
    assert net.get_parameter("rest.1.weight") is net.rest[1].weight
    assert net.get_buffer("count") is net.count
    with pytest.raises(AttributeError, match="Net has no attribute `nothing`"):
        net.get_submodule("nothing.here")
    with pytest.raises(AttributeError, match="`training` is not an nn.Module"):
        net.get_submodule("training")
    with pytest.raises(AttributeError, match="`count` is not an nn.Parameter"):
        net.get_parameter("count")
    with pytest.raises(AttributeError, match="`scale` is not a buffer"):
        net.get_buffer("scale")
    replacement = nn.Tanh()
    net.set_submodule("rest.0", replacement)
    assert net.rest[0] is replacement
    with pytest.raises(AttributeError):
        net.set_submodule("rest.new", replacement, strict=True)
    with pytest.raises(ValueError, match="without a target name"):
        net.set_submodule("", replacement)
    with pytest.raises(ValueError, match="is not an nn.Module"):
        net.set_submodule("rest.0", 3)
    with pytest.raises(AttributeError, match="`scale` is not an nn.Module"):
        net.set_submodule("scale", replacement)
    with pytest.raises(AttributeError, match="Net has no attribute `w`"):
        net.get_parameter("w")
    net.register_module("last", None)
    assert net.last is None and "last" not in dict(net.named_modules())
    with pytest.raises(AttributeError, match="`last` is not an nn.Module"):
        net.get_submodule("last")


def test_modes_apply_and_freezing():
    net = Net()
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert all(module.training for module in net.train().modules())
    with pytest.raises(ValueError, match="expected to be boolean"):
        net.train(1)
    seen = []
    assert net.apply(lambda module: seen.append(type(module).__name__)) is net
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Net"]
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())


def test_zero_grad():
    net = Net()
    net(cgrad.ones(1, 3)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert all((p.grad == 0).all() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


# -- state --------------------------------------------------------------------------------------


def test_state_dict_holds_parameters_and_persistent_buffers():
    net = Net()
    state = net.state_dict()
    assert list(state) == ["scale", "count", *NAMES[1:]]
    assert not state["scale"].requires_grad
    assert net.state_dict(keep_vars=True)["scale"] is net.scale
    state["scale"].fill_(7)
    assert net.scale.tolist() == [7, 7]  # the memory is shared
    assert list(net.first.state_dict(prefix="x.")) == ["x.weight", "x.bias"]
    assert state._metadata["rest.1"] == {"version": 1}


def test_load_state_dict_copies_values():
    source, target = Net(), Net()
    weight = target.first.weight
    result = target.load_state_dict(source.state_dict())
    assert repr(result) == "<All keys matched successfully>"
    assert target.first.weight is weight
    for (_, a), (_, b) in zip(source.named_parameters(), target.named_parameters()):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    with cgrad.no_grad():
        source.scale.fill_(3)
    assert target.scale.tolist() == [1, 1]


def test_load_state_dict_reports_every_problem():
    state = Net().state_dict()
    del state["scale"], state["rest.1.weight"]
    state["extra"] = cgrad.zeros(1)
    state["first.weight"] = cgrad.zeros(3, 4)
    state["first.bias"] = "text"
    net = Net()
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    message = str(error.value)
    assert message.startswith("Error(s) in loading state_dict for Net:\n\tMissing key(s)")
    assert 'Missing key(s) in state_dict: "scale", "rest.1.weight". ' in message
    assert 'Unexpected key(s) in state_dict: "extra". ' in message
    assert "size mismatch for first.weight: copying a param with shape " in message
    assert "the shape in current model is " in message
    assert 'While copying the parameter named "first.bias"' in message
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state, strict=False)
    assert "Missing" not in str(error.value) and "size mismatch" in str(error.value)
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like"):
        net.load_state_dict([])

    class Unwilling(nn.Linear):
        def __setattr__(self, name, value):
            if name == "weight" and name in self._parameters:
                raise OSError("no")
            super().__setattr__(name, value)

    with pytest.raises(RuntimeError, match=r"an exception occurred : \('no',\)"):
        layer = Unwilling(1, 1)
        layer.load_state_dict(layer.state_dict(), assign=True)

    result = net.load_state_dict({"other": cgrad.zeros(1)}, strict=False)
    assert repr(result).startswith("_IncompatibleKeys(missing_keys=['scale',")
    assert result.unexpected_keys == ["other"] and len(result.missing_keys) == 5


def test_load_state_dict_assign_takes_the_tensors():
    net = nn.Linear(2, 2)
    weight = cgrad.zeros(2, 2, dtype=cgrad.float64)
    net.load_state_dict({"weight": weight, "bias": cgrad.ones(2)}, assign=True)
    assert isinstance(net.weight, nn.Parameter) and net.weight.requires_grad
    assert net.weight.dtype == cgrad.float64
    weight.fill_(5)
    assert net.weight.tolist() == [[5, 5], [5, 5]]


def test_extra_state():
    class Counting(nn.Module):
        seen = 0

        def get_extra_state(self):
            return {"seen": self.seen}

        def set_extra_state(self, state):
            self.seen = state["seen"]

    source, target = nn.Sequential(Counting()), nn.Sequential(Counting())
    source[0].seen = 5
    assert source.state_dict() == {"0._extra_state": {"seen": 5}}
    target.load_state_dict(source.state_dict())
    assert target[0].seen == 5
    with pytest.raises(RuntimeError, match='Missing key.*"0._extra_state"'):
        target.load_state_dict({})
    with pytest.raises(NotImplementedError):
        nn.Module().get_extra_state()
    with pytest.raises(NotImplementedError):
        nn.Module().set_extra_state(3)
    with pytest.raises(RuntimeError, match='Unexpected key.*"0._extra_state"'):
        nn.Sequential(nn.ReLU()).load_state_dict(source.state_dict())


def test_state_dict_hooks():
    net, calls = nn.Linear(1, 1), []
    net.register_state_dict_pre_hook(lambda module, prefix, keep: calls.append(prefix))
    handle = net.register_state_dict_post_hook(
        lambda module, state, prefix, metadata: state.pop(prefix + "bias") and None
    )
    assert list(net.state_dict()) == ["weight"] and calls == [""]
    handle.remove()
    state = net.state_dict()
    net.register_load_state_dict_pre_hook(
        lambda module, state, prefix, *rest: state.setdefault(prefix + "bias", cgrad.ones(1))
        and None
    )
    net.register_load_state_dict_post_hook(lambda module, keys: calls.append(module is net))
    del state["bias"]
    net.load_state_dict(state)
    assert net.bias.item() == 1 and calls[-1] is True
    net.register_load_state_dict_post_hook(lambda module, keys: 3)
    with pytest.raises(AssertionError, match="not expected to return new values"):
        net.load_state_dict(state)


# -- calling ------------------------------------------------------------------------------------


def test_forward_hooks_change_arguments_and_results():
    net = nn.Identity()
    order = []
    handles = [
        net.register_forward_pre_hook(lambda m, args: order.append("pre") or (args[0] + 1,)),
        net.register_forward_pre_hook(lambda m, args: order.append("first"), prepend=True),
        net.register_forward_hook(lambda m, args, out: order.append("post") or out * 10),
    ]
    assert net(cgrad.tensor(2.0)).item() == 30
    assert order == ["first", "pre", "post"]
    for handle in handles:
        handle.remove()
        handle.remove()
    assert net(cgrad.tensor(2.0)).item() == 2
    with net.register_forward_hook(lambda m, args, out: out + 1):
        assert net(cgrad.tensor(2.0)).item() == 3
    assert net(cgrad.tensor(2.0)).item() == 2


def test_forward_hooks_with_keyword_arguments():
    class Scaled(nn.Module):
        def forward(self, x, factor=1):
            return x * factor

    net, seen = Scaled(), []
    net.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"factor": kwargs["factor"] + 1}), with_kwargs=True
    )
    net.register_forward_hook(
        lambda m, args, kwargs, out: seen.append(kwargs["factor"]), with_kwargs=True
    )
    assert net(cgrad.tensor(2.0), factor=3).item() == 8 and seen == [4]
    net.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple"):
        net(cgrad.tensor(2.0), factor=3)


def test_a_hook_with_always_call_runs_when_forward_fails():
    class Failing(nn.Module):
        def forward(self):
            raise KeyError("forward")

    net, seen = Failing(), []
    net.register_forward_hook(lambda m, args, out: seen.append("never"))
    net.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with pytest.raises(KeyError, match="forward"):
        net()
    assert seen == [None]
    net.register_forward_hook(lambda m, args, out: 1 / 0, always_call=True)
    with (
        pytest.warns(UserWarning, match="silenced as another error was raised"),
        pytest.raises(KeyError, match="forward"),
    ):
        net()


def test_missing_forward():
    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        nn.Module()(1)


# -- conversions, copies, repr ------------------------------------------------------------------


def test_conversions_keep_the_parameters():
    net = Net()
    net.register_buffer("index", cgrad.zeros(1, dtype=cgrad.int64))
    net(cgrad.ones(1, 3)).sum().backward()
    before = dict(net.named_parameters())
    assert net.double() is net
    assert dict(net.named_parameters()).keys() == before.keys()
    for name, param in net.named_parameters():
        assert param is before[name] and param.requires_grad
        assert param.dtype == cgrad.float64 and param.grad.dtype == cgrad.float64
    assert net.count.dtype == cgrad.float64 and net.index.dtype == cgrad.int64
    assert net(cgrad.ones(1, 3, dtype=cgrad.float64)).dtype == cgrad.float64
    for convert in (
        lambda: net.to(cgrad.float32),
        lambda: net.double().to(dtype=cgrad.float32),
        lambda: net.double().to("cpu", cgrad.float32),
        lambda: net.double().to(cgrad.zeros(1)),
        lambda: net.double().float(),
        lambda: net.to("cpu"),
        lambda: net.to(device="cpu").cpu(),
    ):
        assert convert() is net and net.scale.dtype == cgrad.float32
    assert net.type(cgrad.float64).index.dtype == cgrad.float64
    with pytest.raises(TypeError, match="only accepts floating point or complex dtypes"):
        net.to(cgrad.int64)


def test_optimizer_still_trains_a_converted_model():
    net = nn.Linear(1, 1, bias=False)
    optimizer = cgrad.optim.SGD(net.parameters(), lr=1.0)
    net.double()
    net(cgrad.ones(1, 1, dtype=cgrad.float64)).sum().backward()
    before = net.weight.item()
    optimizer.step()
    assert net.weight.item() == pytest.approx(before - 1)


def test_deepcopy_and_pickle_are_independent():
    net = Net()
    net.first.weight.tag = "kept"
    net.tied = net.first
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert [name for name, _ in other.named_parameters()] == NAMES
        assert type(other.scale) is nn.Parameter and other.scale.requires_grad
        assert other.tied is other.first and other.first.weight.tag == "kept"
        x = cgrad.ones(2, 3)
        np.testing.assert_array_equal(other(x).detach().numpy(), net(x).detach().numpy())
        with cgrad.no_grad():
            other.scale.fill_(9)
        assert net.scale.tolist() == [1, 1]


def test_copy_shares_parameters():
    net = Net()
    assert copy.copy(net).scale is net.scale


def test_modules_are_freed_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        net = Net()
        net.register_forward_hook(lambda m, args, out: None)
        net(cgrad.ones(1, 3))
        ref = weakref.ref(net)
        del net
        assert ref() is None
    finally:
        gc.enable()


def test_repr():
    net = Net()
    net.heads = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1), nn.ReLU(inplace=True)])
    net.named = nn.ModuleDict({"a": nn.Dropout(), "b": nn.Module()})
    assert repr(net) == (
        "Net(\n"
        "  (first): Linear(in_features=3, out_features=4, bias=True)\n"
        "  (rest): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Linear(in_features=4, out_features=2, bias=False)\n"
        "  )\n"
        "  (heads): ModuleList(\n"
        "    (0-1): 2 x Linear(in_features=1, out_features=1, bias=True)\n"
        "    (2): ReLU(inplace=True)\n"
        "  )\n"
        "  (named): ModuleDict(\n"
        "    (a): Dropout(p=0.5, inplace=False)\n"
        "    (b): Module()\n"
        "  )\n"
        ")"
    )

    class Wordy(nn.Sequential):
        def extra_repr(self):
            return "one\ntwo"

    assert repr(Wordy(nn.Tanh())) == "Wordy(\n  one\n  two\n  (0): Tanh()\n)"


def test_dir_lists_members():
    names = dir(Net())
    assert {"first", "scale", "count", "forward"} <= set(names)
    assert "0" not in dir(nn.Sequential(nn.ReLU()))


def test_parameter():
    data = cgrad.tensor([1.0, 2.0])
    param = nn.Parameter(data)
    assert isinstance(param, cgrad.Tensor) and param.requires_grad and param.is_leaf
    data[0] = 5
    assert param.tolist() == [5, 2]
    assert repr(param).startswith("Parameter containing:\n")
    assert type(param * 2) is cgrad.Tensor
    assert not nn.Parameter(cgrad.zeros(1, dtype=cgrad.int64), requires_grad=False).requires_grad
    assert nn.Parameter().numel() == 0
    memo = {}
    assert copy.deepcopy(param, memo) is copy.deepcopy(param, memo)


# -- containers ---------------------------------------------------------------------------------


def test_sequential_is_a_list_of_layers():
    a, b, c = nn.ReLU(), nn.Tanh(), nn.Sigmoid()
    net = nn.Sequential(a, b)
    assert len(net) == 2 and list(net) == [a, b] and net[-1] is b
    assert net.append(c) is net and net[2] is c
    assert isinstance(net[1:], nn.Sequential) and list(net[1:]) == [b, c]
    assert list(net[1:]._modules) == ["1", "2"]
    net.insert(0, c)
    assert list(net) == [c, a, b, c] and list(net._modules) == ["0", "1", "2", "3"]
    del net[0]
    assert list(net) == [a, b, c] and list(net._modules) == ["0", "1", "2"]
    del net[1:]
    assert list(net) == [a]
    net[0] = b
    assert net[0] is b
    assert net.pop(0) is b and len(net) == 0
    assert net.extend([a, b]) is net
    assert list(net + nn.Sequential(c)) == [a, b, c]
    net += nn.Sequential(c)
    assert list(net) == [a, b, c]
    assert list(nn.Sequential(a) * 3) == [a, a, a] and list(2 * nn.Sequential(a)) == [a, a]
    named = nn.Sequential(OrderedDict(x=a, y=b))
    assert named.x is a and list(named._modules) == ["x", "y"]
    with pytest.raises(IndexError, match="index 5 is out of range"):
        net[5]
    with pytest.raises(ValueError, match="of Sequential class"):
        net + [a]  # noqa: RUF005
    with pytest.raises(ValueError, match="Non-positive multiplication factor"):
        net * 0
    with pytest.raises(TypeError):
        net.append(3)
    with pytest.raises(TypeError, match="unsupported operand"):
        net * 1.5
    net *= 2
    assert list(net) == [a, b, c, a, b, c]


def test_sequential_computes_in_turn():
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    x = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    w1, b1, w2, b2 = (p.detach().numpy() for p in net.parameters())
    expected = np.maximum(x.reshape(2, 4) @ w1.T + b1, 0) @ w2.T + b2
    result = net(cgrad.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


def test_module_list():
    a, b = nn.ReLU(), nn.Tanh()
    layers = nn.ModuleList([a])
    layers.append(b).extend([a])
    assert list(layers) == [a, b, a] and layers[-2] is b and list(layers[1:]) == [b, a]
    layers += [b]
    layers.insert(0, b)
    assert list(layers + [a]) == [b, a, b, a, b, a]  # noqa: RUF005
    assert layers.pop(0) is b and len(layers) == 4
    assert repr(nn.ModuleList()) == "ModuleList()"
    with pytest.raises(TypeError, match="should be called with an iterable"):
        layers.extend(3)
    with pytest.raises(AssertionError, match="module should be of type"):
        layers.insert(0, 3)
    with pytest.raises(IndexError, match="Index out of range: 9"):
        layers.insert(9, a)
    with pytest.raises(NotImplementedError):
        layers(1)
    net = nn.Sequential(nn.Linear(1, 1))
    net.more = nn.ModuleList([nn.Linear(1, 1)])
    assert "more.0.weight" in net.state_dict()


def test_module_dict():
    a, b = nn.ReLU(), nn.Tanh()
    table = nn.ModuleDict({"a": a})
    table["b"] = b
    assert list(table) == ["a", "b"] and "a" in table and len(table) == 2
    assert list(table.items()) == [("a", a), ("b", b)]
    assert list(table.keys()) == ["a", "b"] and list(table.values()) == [a, b]
    table.update([("c", a)])
    assert table.pop("c") is a and "c" not in table
    del table["b"]
    with pytest.raises(KeyError):
        table["b"]
    with pytest.raises(TypeError, match="iterable of key/value pairs"):
        table.update(3)
    table.clear()
    assert len(table) == 0
