"""More of module_scenarios.py: conversions, copies, hooks, containers and representations."""
from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict

from module_scenarios import error, net, scenario

# -- conversions and copies -------------------------------------------------------------------


@scenario
def conversions(lib, nn):
    def kinds(module):
        return [str(v.dtype).split(".")[-1] for v in module.state_dict().values()]

    n = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    weight = n[0].weight
    found = [kinds(n.double()), kinds(n.float()), kinds(n.to(lib.float64))]
    found.append(kinds(n.to(lib.ones(1))))
    found.append(kinds(n.to("cpu", lib.float64)))
    found.append(kinds(n.to(device="cpu", dtype=lib.float32, non_blocking=True)))
    found.append(n[0].weight is weight)
    n(lib.ones(2, 1)).sum().backward()
    n.double()
    found += [str(n[0].weight.grad.dtype).split(".")[-1], error(n.to, lib.int64)]
    found += [n.cpu() is n, kinds(n.to_empty(device="cpu")), kinds(n.type(lib.float32))]
    return found


@scenario
def copies(lib, nn):
    n = net(lib, nn)
    n.inner.scratch += 4
    n.register_forward_hook(print_nothing)
    twin = copy.deepcopy(n)
    shallow = copy.copy(n)
    return [
        twin.layers[2].weight is twin.inner.weight, twin.inner.weight is n.inner.weight,
        twin.inner.scratch, list(twin.state_dict()), len(twin._forward_hooks),
        shallow.inner is n.inner, list(pickle.loads(pickle.dumps(nn.Linear(2, 1))).state_dict()),
        twin(lib.ones(1, 2)),
    ]  # fmt: skip


def print_nothing(module, args, output):
    return None


# -- hooks ------------------------------------------------------------------------------------


@scenario
def forward_hooks(lib, nn):
    class Echo(nn.Module):
        def forward(self, x, *, y=0):
            return x + y

    n, seen = Echo(), []
    n.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    n.register_forward_pre_hook(lambda m, args: args[0] * 2, prepend=True)
    n.register_forward_pre_hook(lambda m, a, k: (a, {"y": k.get("y", 0) + 10}), with_kwargs=True)
    n.register_forward_hook(lambda m, args, out: seen.append((args, out)))
    n.register_forward_hook(lambda m, a, k, out: seen.append((a, k, out)), with_kwargs=True)
    handle = n.register_forward_hook(lambda m, args, out: out * 100, prepend=True)
    results = [n(1), n(1, y=2)]
    handle.remove()
    handle.remove()
    results.append(n(1))
    with n.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True):
        results.append(error(n, 1))
    return [results, seen]


@scenario
def always_called(lib, nn):
    class Fails(nn.Module):
        def forward(self, x):
            if x:
                raise ValueError("no")
            return x

    n, seen = Fails(), []
    n.register_forward_hook(lambda *a: seen.append("never on errors"))
    n.register_forward_hook(lambda *a: seen.append("always"), always_call=True)
    n.register_forward_hook(lambda *a: 1 / 0, always_call=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        raised = error(n, 1)
    return [raised, seen, [str(w.message)[:90] for w in caught]]


@scenario
def backward_hooks(lib, nn):
    class Pair(nn.Module):
        def forward(self, x, y, z=None):
            return x * 2, y * x

    seen = []
    n = Pair()
    n.register_full_backward_pre_hook(lambda m, go: seen.append(("pre", go)))
    n.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    x, y = lib.ones(2, requires_grad=True), lib.full((2,), 3.0)
    a, b = n(x, y)
    (a.sum() + 2 * b.sum()).backward()
    first = x.grad.clone()
    n.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10, None))
    a, b = n(x, y)
    b.sum().backward()
    n.register_full_backward_hook(lambda m, gi, go: (gi[0],))
    a, b = n(x, y)
    return [seen, first, x.grad, error(a.sum().backward)]


@scenario
def backward_hooks_without_inputs(lib, nn):
    layer, seen = nn.Linear(2, 1, bias=False), []
    with lib.no_grad():
        layer.weight.fill_(2)
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        layer(lib.ones(1, 2)).sum().backward()
    layer.register_full_backward_pre_hook(lambda m, go: (go[0] * 5,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer(lib.ones(1, 2)).sum().backward()
    return [seen, layer.weight.grad, len(caught), str(caught[0].message)[:60]]


@scenario
def backward_hook_kinds(lib, nn):
    full, old = nn.Linear(1, 1), nn.Linear(1, 1)
    full.register_full_backward_hook(print_nothing)
    old.register_backward_hook(print_nothing)
    return [
        error(full.register_backward_hook, print_nothing),
        error(old.register_full_backward_hook, print_nothing),
    ]


@scenario
def hooks_of_all_modules(lib, nn):
    from importlib import import_module

    m = import_module(lib.__name__ + ".nn.modules.module")
    seen = []
    n = nn.Sequential(nn.ReLU(), nn.Tanh())
    n[0].register_forward_hook(lambda *a: seen.append("own"))
    handles = [
        m.register_module_forward_pre_hook(lambda s, a: seen.append("pre " + type(s).__name__)),
        m.register_module_forward_hook(lambda s, a, o: seen.append("post " + type(s).__name__)),
        m.register_module_full_backward_pre_hook(
            lambda s, go: seen.append("backward pre " + type(s).__name__)),
        m.register_module_full_backward_hook(
            lambda s, gi, go: seen.append("backward " + type(s).__name__)),
    ]  # fmt: skip
    n(lib.zeros(1, requires_grad=True)).sum().backward()
    for handle in handles:
        handle.remove()
    n(lib.zeros(1))
    with m.register_module_parameter_registration_hook(
        lambda s, name, p: seen.append("parameter " + name)
    ), m.register_module_buffer_registration_hook(
        lambda s, name, b: seen.append("buffer " + name)
    ), m.register_module_module_registration_hook(
        lambda s, name, c: seen.append("module " + name)
    ):
        net(lib, nn).inner.mean = lib.zeros(1)
    return seen


# -- containers -------------------------------------------------------------------------------


@scenario
def sequential(lib, nn):
    n = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
    found = [n, n[1], n[-1], n[1:], n[::2], len(n), [type(m) for m in n]]
    found += [error(lambda: n[3]), error(lambda: n[-4]), error(lambda: n["0"])]
    n[1] = nn.Identity()
    del n[0]
    n.append(nn.ELU()).insert(1, nn.GELU())
    found += [copy.copy(n), n.pop(0), n + nn.Sequential(nn.ReLU()), n * 2, 2 * n]
    n.extend([nn.ReLU()])
    found += [n, error(lambda: n + 3), error(lambda: n * 0), error(lambda: n * 1.5)]
    found += [error(n.insert, 9, nn.ReLU()), error(n.insert, 0, 3), error(n.append, 3)]
    found += [error(n.extend, 3)[0], error(nn.Sequential, nn.ReLU(), 3), nn.Sequential()]
    found += [nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh())), error(n.__delitem__, 9)]
    n *= 2
    n += nn.Sequential(nn.PReLU())
    return [*found, n]


@scenario
def module_list(lib, nn):
    n = nn.ModuleList([nn.ReLU(), nn.Tanh()])
    n.append(nn.Tanh()).extend(nn.ModuleList([nn.ELU()]))
    n.insert(0, nn.Identity())
    found = [n, n[1:3], n[-1], len(n), error(lambda: n[5]), error(n.extend, 3)]
    n[0] = nn.GELU()
    del n[1:3]
    found += [n, n.pop(0), n, n + [nn.ReLU()], nn.ModuleList(), error(n, 1)]
    n += [nn.ReLU()]
    return [*found, n, error(nn.ModuleList, [3]), nn.ReLU() in n, n[0] in n]


@scenario
def module_dict(lib, nn):
    n = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Tanh()})
    n["c"] = nn.ELU()
    n.update([("d", nn.GELU())])
    n.update(nn.ModuleDict({"e": nn.Identity()}))
    found = [n, list(n), list(n.keys()), [k for k, _ in n.items()], len(n), "a" in n, "z" in n]
    found += [n.pop("a"), error(lambda: n["a"]), error(n.update, 3), error(n.update, [3])[0]]
    found += [error(n.update, [("a", "b", "c")]), error(n.update, {"a": 3}), n]
    del n["b"]
    found.append(list(n))
    n.clear()
    return [*found, n, error(nn.ModuleDict, {"a.b": nn.ReLU()})]


@scenario
def parameter_list(lib, nn):
    n = nn.ParameterList([lib.zeros(2), nn.Parameter(lib.ones(1)), 3])
    n.append(lib.ones(2, 2)).extend([lib.zeros(1), "x"])
    found = [n, len(n), [type(v) for v in n], list(n.state_dict()), n[-1], n[0]]
    found += [n[1:3], error(lambda: n[9]), error(n.extend, 3)]
    n[0] = lib.ones(3)
    found += [type(n[0]), [k for k, _ in n.named_parameters()]]
    n += [lib.zeros(4)]
    found += [len(n), hasattr(n, "insert"), error(n, 1), dir(n) == sorted(dir(n))]
    return found


@scenario
def parameter_dict(lib, nn):
    n = nn.ParameterDict({"a": lib.zeros(2), "b": nn.Parameter(lib.ones(1)), "c": 3})
    n["d"] = lib.ones(1, 2)
    found = [n, list(n), len(n), "a" in n, list(n.state_dict()), type(n["a"]), n["c"]]
    found += [n.pop("c"), error(lambda: n["z"]), n.get("z"), n.get("z", 4), n.setdefault("a", 1)]
    found += [n.setdefault("e"), n.popitem()[0], list(n.copy()), [k for k, _ in n.items()]]
    found.append(list(n.fromkeys(["x", "y"], 1.0)))
    other = nn.ParameterDict({"q": lib.zeros(1)})
    found += [list(n | other), list(other | n), list(reversed(n)), len(list(n.values()))]
    n |= other
    n.update([("r", lib.ones(1))])
    found += [list(n), error(n.update, 3), error(n.update, [3])[0], error(n.update, [(1, 2, 3)])]
    del n["a"]
    found += [list(n), error(n, 1)]
    n.clear()
    return [*found, n]


# -- representations --------------------------------------------------------------------------


@scenario
def representations(lib, nn):
    class Extra(nn.Module):
        def extra_repr(self):
            return "first\nsecond"

    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Sequential(nn.Linear(1, 2), nn.ModuleList([nn.ReLU(), nn.ReLU()]))
            self.b = Extra()
            self.none = None
            self.add_module("empty", None)

        def extra_repr(self):
            return "width=3"

    class Named(nn.Linear):
        def _get_name(self):
            return "Other"

    return [Extra(), Deep(), Named(1, 2), nn.Module(), repr(nn.Parameter(lib.ones(2)))]


# -- lazy modules -----------------------------------------------------------------------------


LAZY = [
    ("LazyLinear", (3,), (2, 5)), ("LazyLinear", (3, False), (5,)),
    ("LazyConv1d", (4, 3), (1, 2, 5)), ("LazyConv1d", (4, 3, 2, 1), (2, 5)),
    ("LazyConv2d", (4, 3, 1, 1, 1, 2, False), (1, 2, 5, 5)),
    ("LazyConv3d", (2, 1), (1, 3, 2, 2, 2)),
    ("LazyConvTranspose1d", (4, 3), (1, 2, 5)),
    ("LazyConvTranspose2d", (4, 3, 2, 1, 1, 2), (1, 2, 5, 5)),
    ("LazyConvTranspose3d", (2, 1), (1, 3, 2, 2, 2)),
    ("LazyBatchNorm1d", (), (4, 3)), ("LazyBatchNorm2d", (1e-3, 0.2, False), (2, 3, 2, 2)),
    ("LazyBatchNorm3d", (1e-5, 0.1, True, False), (2, 3, 2, 2, 2)),
    ("LazyInstanceNorm1d", (), (2, 3, 4)), ("LazyInstanceNorm2d", (), (2, 3, 4, 4)),
    ("LazyInstanceNorm3d", (), (2, 3, 4, 4, 4)),
]  # fmt: skip


@scenario
def lazy_layers(lib, nn):
    found = []
    for name, args, shape in LAZY:
        layer, full, fresh = (getattr(nn, name)(*args) for _ in range(3))
        found += [repr(layer), layer.has_uninitialized_params(), sorted(layer.state_dict())]
        found += [[type(v).__name__ in ("UninitializedParameter", "UninitializedBuffer")
                   for v in layer.state_dict().values()], layer.cls_to_become]  # fmt: skip
        found.append(repr(fresh.load_state_dict(layer.state_dict())))
        full(lib.ones(*shape))
        found += [repr(full), type(full), {k: list(v.shape) for k, v in full.state_dict().items()}]
        found += [repr(layer.load_state_dict(full.state_dict())), repr(layer)]
        if "Norm" not in name:      # those do not learn their size from a state in PyTorch
            found += [list(layer(lib.ones(*shape)).shape), type(layer)]
        found += [len(full._forward_pre_hooks), len(full._load_state_dict_pre_hooks)]
        found += [hasattr(full, "_initialize_hook"), hasattr(full, "_load_hook")]
    return found


@scenario
def lazy_networks(lib, nn):
    n = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2))
    before = [n, [k for k, _ in n.named_parameters()], [p.requires_grad for p in n.parameters()]]
    double = copy.deepcopy(n).double()
    double(lib.ones(1, 3, dtype=lib.float64))
    first = n[0].weight
    n(lib.ones(1, 3))
    after = [n, n[0].weight is first, [list(p.shape) for p in n.parameters()]]
    wrong = nn.LazyConv2d(4, 3, groups=2)
    return [
        before, after, [str(p.dtype).split(".")[-1] for p in double.parameters()],
        error(nn.LazyConv2d(4, 3), lib.ones(2, 3))[1][-90:],
        error(wrong, lib.ones(1, 3, 4, 4))[1][-39:],
        error(nn.Linear(2, 2).load_state_dict, nn.LazyLinear(2).state_dict())[0],
        error(nn.LazyLinear(2).load_state_dict, {})[1].replace(chr(10), " "),
        error(lambda: nn.LazyLinear(2).share_memory())[0],
    ]  # fmt: skip


@scenario
def own_lazy_modules(lib, nn):
    from importlib import import_module

    mixin = import_module(lib.__name__ + ".nn.modules.lazy").LazyModuleMixin

    class Scale(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.w = nn.Parameter(lib.ones(n))

        def forward(self, x, gain=1):
            return x * self.w * gain

    class LazyScale(mixin, Scale):
        cls_to_become = Scale

        def __init__(self):
            super().__init__(0)
            self.w = nn.UninitializedParameter()

        def initialize_parameters(self, x, gain=1):
            if self.has_uninitialized_params():
                with lib.no_grad():
                    self.w.materialize((x.shape[-1],))
                    self.w.fill_(3)

    class Undone(mixin, Scale):
        def __init__(self):
            super().__init__(0)
            self.w = nn.UninitializedParameter()

    class Forgets(Undone):
        def initialize_parameters(self, x):
            pass

    n = LazyScale()
    return [n(lib.ones(2), gain=2), type(n), error(Undone(), lib.ones(2))[1][-50:],
            error(Forgets(), lib.ones(2))[1][-45:]]  # fmt: skip
