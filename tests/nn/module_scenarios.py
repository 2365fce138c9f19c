"""Short programs about modules, run with cgrad and with PyTorch: every result and message agrees.

Each takes the library and its `nn`. `module_scenarios.json` holds what PyTorch 2.13 gave; write it
anew with ``python tests/nn/module_scenarios.py``.
"""
from __future__ import annotations

import copy
import json
import pickle
import re
import warnings
from collections import OrderedDict
from pathlib import Path

STORED = Path(__file__).with_name("module_scenarios.json")
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def plain(value, lib):
    """A result as JSON holds it, without the name of the library."""
    if isinstance(value, lib.Tensor):
        return value.detach().tolist()
    if isinstance(value, lib.nn.Module):
        return text(repr(value), lib)
    if isinstance(value, dict):
        return [[plain(k, lib), plain(v, lib)] for k, v in value.items()]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(v, lib) for v in value)
    if isinstance(value, type):
        return text(value.__name__, lib)
    if isinstance(value, str):
        return text(value, lib)
    if isinstance(value, (list, tuple)):
        return [plain(v, lib) for v in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return text(repr(value), lib)


def text(message, lib):
    message = re.sub(r"\b(torch|cgrad)\b", "LIB", message)
    # Where a class is defined differs; which one it is does not.
    return re.sub(r"LIB\.(\w+\.)*(?=[A-Z])", "LIB.", message)


def run(name, lib):
    lib.manual_seed(0)
    return plain(SCENARIOS[name](lib, lib.nn), lib)


def error(call, *args, **kwargs):
    """What a call raises: the class and the message."""
    try:
        return ["no error", call(*args, **kwargs)]
    except Exception as caught:
        kind = next(k for k in (KeyError, IndexError, AttributeError, TypeError, ValueError,
                                AssertionError, RuntimeError, Exception)
                    if isinstance(caught, k))  # fmt: skip
        return [kind, str(caught)]


def net(lib, nn):
    """Parameters, buffers of both kinds, and submodules, with the same numbers everywhere."""
    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(lib.arange(4.0).reshape(2, 2))
            self.register_parameter("bias", None)
            self.register_buffer("mean", lib.zeros(2))
            self.register_buffer("none", None)
            self.register_buffer("scratch", lib.ones(1), persistent=False)

        def forward(self, x):
            return x @ self.weight

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(lib.ones(()))
            self.inner = Inner()
            self.layers = nn.ModuleList([Inner(), nn.Identity(), Inner()])
            self.layers[2].weight = self.inner.weight

        def forward(self, x):
            x = self.inner(x) * self.scale
            for layer in self.layers:
                x = layer(x)
            return x

    return Net()


# -- traversal --------------------------------------------------------------------------------


@scenario
def names(lib, nn):
    n = net(lib, nn)
    return {
        "parameters": [k for k, _ in n.named_parameters()],
        "twice": [k for k, _ in n.named_parameters(remove_duplicate=False)],
        "prefixed": [k for k, _ in n.named_parameters("p", recurse=False)],
        "buffers": [k for k, _ in n.named_buffers()],
        "buffers here": [k for k, _ in n.inner.named_buffers("q")],
        "modules": [k for k, _ in n.named_modules()],
        "modules prefixed": [k for k, _ in n.layers.named_modules(prefix="m")],
        "children": [k for k, _ in n.named_children()],
        "counts": [len(list(n.parameters())), len(list(n.buffers())), len(list(n.modules()))],
        "own": [k for k, _ in n._named_members(lambda m: m._buffers.items(), recurse=True)],
    }


@scenario
def shared_modules(lib, nn):
    layer = nn.Linear(2, 2)
    n = nn.Sequential(OrderedDict(a=layer, b=nn.Sequential(layer), c=nn.ReLU()))
    return [
        [k for k, _ in n.named_modules()],
        [k for k, _ in n.named_modules(remove_duplicate=False)],
        [k for k, _ in n.named_children()],
        [k for k, _ in nn.Sequential(layer, layer).named_children()],
        [k for k, _ in n.named_parameters()],
        [k for k, _ in n.named_parameters(remove_duplicate=False)],
        list(n.state_dict()),
        len(list(n.modules())), len(list(n.modules(remove_duplicate=False))),
    ]  # fmt: skip


@scenario
def paths(lib, nn):
    n = net(lib, nn)
    return [
        n.get_submodule("") is n, n.get_submodule("layers.2") is n.layers[2],
        error(n.get_submodule, "layers.7"), error(n.get_submodule, "scale"),
        error(n.get_submodule, "inner.weight"), error(n.get_submodule, "nothing.at.all"),
        n.get_parameter("inner.weight"), error(n.get_parameter, "inner.bias"),
        error(n.get_parameter, "inner.mean"), error(n.get_parameter, "inner.x"),
        error(n.get_parameter, "x.y"), n.get_buffer("inner.mean"), n.get_buffer("inner.none"),
        n.get_buffer("inner.scratch"), error(n.get_buffer, "inner.weight"),
        error(n.get_buffer, "inner.nothing"), error(n.get_buffer, "inner"),
    ]  # fmt: skip


@scenario
def set_submodule(lib, nn):
    n = net(lib, nn)
    n.set_submodule("layers.1", nn.Tanh())
    n.set_submodule("fresh", nn.ReLU())
    return [
        [k for k, _ in n.named_modules()], type(n.layers[1]),
        error(n.set_submodule, "", nn.ReLU()), error(n.set_submodule, "inner", 3),
        error(n.set_submodule, "scale", nn.ReLU()),
        error(n.set_submodule, "other", nn.ReLU(), strict=True),
        error(n.set_submodule, "a.b.c", nn.ReLU()),
        error(n.set_submodule, "inner.weight", nn.ReLU()),
    ]  # fmt: skip


@scenario
def apply_train_and_requires_grad(lib, nn):
    n = net(lib, nn)
    order = []
    n.apply(lambda m: order.append(type(m).__name__))
    n.train(False)
    flags = [m.training for m in n.modules()]
    n.inner.train()
    flags += [m.training for m in n.modules()]
    assert n.eval() is n and n.requires_grad_(False) is n
    return [
        order, flags, [p.requires_grad for p in n.parameters()],
        [p.requires_grad for p in n.requires_grad_().parameters()], error(n.train, 1),
    ]  # fmt: skip


@scenario
def zero_grad(lib, nn):
    n = net(lib, nn)
    n(lib.ones(1, 2)).sum().backward()
    before = [p.grad is None for p in n.parameters()]
    n.zero_grad(set_to_none=False)
    zeros = [p.grad for p in n.parameters()]
    n.zero_grad()
    return [before, zeros, [p.grad for p in n.parameters()]]


@scenario
def directory(lib, nn):
    n = net(lib, nn)
    n.register_module("7up", nn.ReLU())
    found = dir(n)
    return [
        [k in found for k in ("scale", "inner", "layers", "forward", "training", "7up")],
        found == sorted(found), "0" in dir(n.layers), "mean" in dir(n.inner),
    ]  # fmt: skip


# -- registration -----------------------------------------------------------------------------


@scenario
def registration_errors(lib, nn):
    n = net(lib, nn)
    found = []
    for register, good in (
        (n.register_buffer, lib.ones(1)), (n.register_parameter, nn.Parameter(lib.ones(1))),
        (n.add_module, nn.ReLU()),
    ):  # fmt: skip
        found += [error(register, name, good) for name in (3, "a.b", "", "forward", "inner")]
        found.append(error(register, "scale", good))
    found += [
        error(n.register_buffer, "x", 3), error(n.register_buffer, "x", [1.0]),
        error(n.register_parameter, "x", lib.ones(1)), error(n.register_parameter, "x", "y"),
        error(n.register_parameter, "x", nn.Parameter), error(n.add_module, "x", 3),
        error(n.add_module, "x", nn.ReLU), error(n.add_module, "x", lib.ones(1)),
    ]  # fmt: skip
    return found


@scenario
def assignment_errors(lib, nn):
    n = net(lib, nn)
    found = []
    for name, value in (
        ("scale", 3), ("scale", lib.ones(1)), ("scale", nn.ReLU()), ("inner", 3),
        ("inner", lib.ones(1)), ("layers", [nn.ReLU()]),
    ):  # fmt: skip
        found.append(error(setattr, n, name, value))
    found += [error(setattr, n.inner, "mean", 3), error(setattr, n.inner, "mean", "x")]
    found += [error(delattr, n, "nothing"), error(getattr, n, "nothing")]
    return found


@scenario
def reassignment(lib, nn):
    n = net(lib, nn)
    n.inner.mean = None
    n.inner.none = lib.ones(1)
    n.inner.weight = None
    n.inner.bias = nn.Parameter(lib.zeros(2))
    n.inner.scratch = lib.zeros(3)
    n.extra = 3
    n.extra = nn.Parameter(lib.zeros(1))
    n.layers = None
    n.scale = nn.Parameter(lib.zeros(1))
    kept = [k for k, _ in n.named_parameters()], list(n.state_dict()), sorted(n.__dict__)[:3]
    n.inner.scratch = nn.Parameter(lib.zeros(1))
    del n.extra, n.inner.bias, n.layers
    return [kept, list(n.state_dict()), n.inner._non_persistent_buffers_set, list(n._modules)]


@scenario
def before_init(lib, nn):
    class Early(nn.Module):
        def __init__(self):
            pass

    n = Early()
    return [
        error(setattr, n, "a", nn.Parameter(lib.ones(1))), error(setattr, n, "a", nn.ReLU()),
        error(n.register_buffer, "a", lib.ones(1)),
        error(n.register_parameter, "a", nn.Parameter(lib.ones(1))), error(n, 1),
        error(getattr, n, "weight"),
    ]  # fmt: skip


@scenario
def constructor_arguments(lib, nn):
    class Takes(nn.Module):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    class Mixin:
        def __init__(self, x=0):
            self.x = x

    class Calls(nn.Module, Mixin):
        call_super_init = True

    return [error(Takes, 1), error(Takes, 1, 2), error(Takes, a=1), Calls(x=4).x, Calls(5).x]


@scenario
def buffers(lib, nn):
    n = nn.Module()
    n.a = nn.Buffer(lib.ones(2))
    n.b = nn.Buffer(lib.ones(1), persistent=False)
    n.a = lib.zeros(2)
    n.c = lib.zeros(1)
    return [
        [k for k, _ in n.named_buffers()], list(n.state_dict()), "c" in n.__dict__,
        isinstance(n.b, nn.Buffer), isinstance(n.a, nn.Buffer), isinstance(n.b, lib.Tensor),
        isinstance(lib.ones(1), nn.Buffer), isinstance(nn.Buffer(), nn.Parameter),
        nn.Buffer().shape[0], n.b + 1,
    ]  # fmt: skip


@scenario
def uninitialized(lib, nn):
    w = nn.UninitializedParameter()
    first = [
        repr(w), w.requires_grad, isinstance(w, nn.Parameter), error(lambda: w.shape)[1][:60],
        error(lambda: w + 1)[0], error(lambda: w.sum())[0], repr(pickle.loads(pickle.dumps(w))),
        repr(copy.deepcopy(w)), error(w.share_memory_)[1],
    ]  # fmt: skip
    w.materialize((2, 3))
    with lib.no_grad():
        w.fill_(2)
    b = nn.UninitializedBuffer(persistent=False)
    kind = [repr(b), isinstance(b, nn.Buffer), b.persistent, b.requires_grad]
    b.materialize((2,), dtype=lib.float64)
    return [first, type(w), w, kind, list(b.shape), str(b.dtype).split(".")[-1]]


# -- states -----------------------------------------------------------------------------------


@scenario
def state(lib, nn):
    n = net(lib, nn)
    found = n.state_dict(prefix="p.")
    own = n.state_dict()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        positional = n.state_dict(OrderedDict(), "q.", True)
    return [
        found, type(found), own._metadata, [v.requires_grad for v in own.values()],
        [v.requires_grad for v in n.state_dict(keep_vars=True).values()],
        list(positional), [v.requires_grad for v in positional.values()],
        list(n.state_dict(destination={"before": 1})),
        own["scale"].data_ptr() == n.scale.data_ptr(),
    ]  # fmt: skip


@scenario
def strict_loading(lib, nn):
    n = net(lib, nn)
    good = n.state_dict()
    missing = OrderedDict((k, v) for k, v in good.items() if k != "inner.weight")
    missing.pop("layers.0.mean")
    more = OrderedDict(good, extra=lib.ones(1))
    more["inner.more"] = lib.ones(1)
    more["layers.9.weight"] = lib.ones(1)
    more["inner.scratch"] = lib.ones(1)
    more["inner.weight.deep"] = lib.ones(1)
    wrong = OrderedDict(good, scale=lib.ones(3))
    wrong["inner.weight"] = lib.ones(2, 3)
    both = OrderedDict(missing, scale=lib.ones(3), extra=lib.ones(1))
    return [
        repr(n.load_state_dict(good)), repr(n.load_state_dict(missing, strict=False)),
        repr(n.load_state_dict(more, strict=False)), n.load_state_dict(more, strict=False)[1],
        error(n.load_state_dict, missing), error(n.load_state_dict, more),
        error(n.load_state_dict, wrong), error(n.load_state_dict, wrong, strict=False),
        error(n.load_state_dict, both), error(n.load_state_dict, 3),
        error(n.load_state_dict, [("scale", 1)]),
        error(n.load_state_dict, OrderedDict(good, scale=3))[1].split("received")[0],
        error(n.load_state_dict, OrderedDict(good, scale=lib.ones(1) * 7)), n.scale,
    ]  # fmt: skip


@scenario
def loading_copies(lib, nn):
    n = net(lib, nn)
    before = n.inner.weight
    state = OrderedDict((k, v.clone() + 1) for k, v in n.state_dict().items())
    state["scale"] = lib.tensor(5, dtype=lib.int64)
    n.load_state_dict(state)
    return [n.inner.weight is before, n.scale, n.inner.weight, n.layers[2].weight is before]


@scenario
def loading_assigns(lib, nn):
    n = net(lib, nn).requires_grad_(False)
    old = n.inner.weight
    given = nn.Parameter(lib.ones(2, 2).double())
    state = n.state_dict()
    state["inner.weight"] = given
    state["inner.mean"] = mean = lib.full((2,), 7.0)
    n.load_state_dict(state, assign=True)
    return [
        n.inner.weight is given, n.inner.weight is old, given.requires_grad,
        type(n.scale), n.scale.requires_grad, n.inner.mean is mean,
        str(n.inner.weight.dtype).split(".")[-1], n.layers[2].weight is given,
        error(n.load_state_dict, OrderedDict(state, scale=lib.ones(2)), assign=True),
    ]  # fmt: skip


@scenario
def extra_state(lib, nn):
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.count = 3

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    n = nn.Sequential(Counts(), nn.ReLU())
    state = n.state_dict()
    state["0._extra_state"] = {"count": 9}
    loaded = repr(n.load_state_dict(state))
    return [
        state, loaded, n[0].count, error(n.load_state_dict, {}),
        error(n.load_state_dict, {"0._extra_state": {"count": 1}, "1._extra_state": 2}),
        repr(n.load_state_dict({}, strict=False)),
    ]  # fmt: skip


@scenario
def state_hooks(lib, nn):
    seen = []
    n = net(lib, nn)
    n.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append(("pre", prefix, keep)))
    n.inner.register_state_dict_post_hook(
        lambda m, state, prefix, meta: [state.pop(prefix + "mean"), None][1])
    n._register_state_dict_hook(
        lambda m, state, prefix, meta: OrderedDict(state, version=meta["version"]))
    found = list(n.state_dict())

    def returns(module, state, prefix, meta):
        return state

    n.register_state_dict_post_hook(returns)
    return [found, seen, error(n.state_dict), error(n._register_state_dict_hook, returns)]


@scenario
def load_hooks(lib, nn):
    seen = []
    n = net(lib, nn)

    def before(module, state, prefix, meta, strict, missing, unexpected, errors):
        seen.append((type(module).__name__, prefix, meta.get("version"), strict, len(state)))
        state.pop(prefix + "old", None)

    n.inner.register_load_state_dict_pre_hook(before)
    n._register_load_state_dict_pre_hook(lambda state, prefix, *rest: seen.append(len(rest)))
    n._register_load_state_dict_pre_hook(
        lambda module, state, prefix, *rest: seen.append(len(rest)), with_module=True)

    def after(module, keys):
        seen.append((type(module).__name__, list(keys.missing_keys)))
        keys.missing_keys.clear()

    handle = n.register_load_state_dict_post_hook(after)
    state = n.state_dict()
    state["inner.old"] = lib.ones(1)
    first = error(n.load_state_dict, state)
    state.pop("scale")
    second = repr(n.load_state_dict(state))
    handle.remove()
    n.register_load_state_dict_post_hook(lambda module, keys: 1)
    return [first, second, seen, error(n.load_state_dict, state, strict=False)]


@scenario
def versions(lib, nn):
    class Second(nn.Module):
        _version = 2

        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(lib.zeros(1))

        def _load_from_state_dict(self, state, prefix, meta, *rest):
            seen.append((prefix, meta.get("version")))
            if meta.get("version", 1) < 2:
                state[prefix + "w"] = state.pop(prefix + "old")
            super()._load_from_state_dict(state, prefix, meta, *rest)

        def _save_to_state_dict(self, destination, prefix, keep_vars):
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[prefix + "note"] = lib.ones(1)

    seen = []
    n = nn.Sequential(Second())
    state = n.state_dict()
    result = [list(state), state._metadata, error(n.load_state_dict, state)]
    n.load_state_dict({"0.old": lib.full((1,), 4.0)})
    return [result, n[0].w, seen]


@scenario
def prefixes(lib, nn):
    from importlib import import_module

    consume = import_module(
        lib.__name__ + ".nn.modules.utils").consume_prefix_in_state_dict_if_present
    outer = nn.Module()
    outer.module = nn.Sequential(nn.ReLU(), nn.PReLU())
    state = outer.state_dict()
    consume(state, "module.")
    return [list(state), state._metadata]


import module_scenarios_more  # noqa: E402, F401, since it adds to SCENARIOS
import utils_scenarios  # noqa: E402, F401


def main():
    """Store what PyTorch gives."""
    import torch

    stored = {name: run(name, torch) for name in SCENARIOS}
    STORED.write_text(json.dumps(stored, indent=0, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    import module_scenarios

    module_scenarios.main()
