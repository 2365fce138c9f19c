"""More of module_scenarios.py: nn.utils and nn.init."""
from __future__ import annotations

import copy
import warnings
from importlib import import_module

from module_scenarios import error, scenario


def utils(lib, name):
    return import_module(f"{lib.__name__}.nn.utils.{name}")


def linear(lib, nn, *shape, cls="Linear"):
    """A layer with known numbers."""
    layer = getattr(nn, cls)(*shape)
    with lib.no_grad():
        for k, p in enumerate(layer.parameters()):
            values = lib.arange(float(p.numel())).reshape(p.shape)
            p.copy_((values * 7 % 37 - 18.25) / 8 + k)
    return layer


def rounded(value, lib):
    """Numbers to five places; a list of them sums in another order in another library."""
    if isinstance(value, lib.Tensor):
        return rounded(value.detach().tolist(), lib)
    if isinstance(value, float):
        return round(value, 5) + 0.0
    if isinstance(value, (list, tuple)):
        return [rounded(v, lib) for v in value]
    if isinstance(value, dict):
        return {k: rounded(v, lib) for k, v in value.items()}
    return value


def moved(lib, module, x):
    """Output, and the gradients of the parameters, of one call."""
    out = module(x)
    module.zero_grad()
    out.pow(2).sum().backward()
    return rounded([out, {k: p.grad for k, p in module.named_parameters()}], lib)


# -- pruning ----------------------------------------------------------------------------------


@scenario
def prune_unstructured(lib, nn):
    prune = utils(lib, "prune")
    layer = linear(lib, nn, 3, 2)
    found = [prune.is_pruned(layer), prune.l1_unstructured(layer, "weight", amount=2) is layer]
    found += [layer.weight, list(layer.state_dict()), [k for k, _ in layer.named_buffers()]]
    found += [isinstance(layer.weight, nn.Parameter), prune.is_pruned(nn.Sequential(layer))]
    found.append(moved(lib, layer, lib.ones(1, 3)))
    prune.l1_unstructured(layer, "weight", amount=0.5)
    hooks = list(layer._forward_pre_hooks.values())
    found += [layer.weight_mask, [type(h) for h in hooks], len(hooks[0]), type(hooks[0][1])]
    prune.identity(layer, "bias")
    found += [list(layer.state_dict()), copy.deepcopy(layer.weight_mask)]
    prune.remove(layer, "weight")
    found += [layer.weight, isinstance(layer.weight, nn.Parameter), list(layer.state_dict())]
    found += [prune.is_pruned(layer), error(prune.remove, layer, "weight")]
    scores = lib.tensor([1.0, 3.0])
    prune.remove(layer, "bias")
    prune.l1_unstructured(layer, "bias", 1, importance_scores=scores)
    return [*found, layer.bias, error(
        prune.l1_unstructured, layer, "weight", 1, importance_scores=lib.ones(1))[0]]


@scenario
def prune_structured(lib, nn):
    prune = utils(lib, "prune")
    layer = linear(lib, nn, 2, 4, 2, cls="Conv2d")
    prune.ln_structured(layer, "weight", amount=1, n=2, dim=0)
    found = [layer.weight_mask.sum((1, 2, 3))]
    prune.ln_structured(layer, "weight", amount=0.5, n=1, dim=1)
    found += [layer.weight_mask.sum((2, 3))]
    prune.l1_unstructured(layer, "weight", amount=2)
    found += [layer.weight_mask.sum(), type(layer.weight)]
    prune.ln_structured(layer, "weight", amount=1, n=float("inf"), dim=-1)
    found += [layer.weight_mask.sum(), error(prune.ln_structured, layer, "bias", 1, 2, 0)]
    found += [error(prune.random_structured, linear(lib, nn, 2, 2), "weight", 1, 5)[0]]
    prune.random_structured(layer, "weight", amount=0, dim=0)
    return [*found, layer.weight_mask.sum(), len(layer._forward_pre_hooks)]


@scenario
def prune_at_random(lib, nn):
    prune = utils(lib, "prune")
    layer = linear(lib, nn, 10, 10)
    prune.random_unstructured(layer, "weight", amount=0.3)
    found = [layer.weight_mask.sum()]
    prune.random_unstructured(layer, "weight", amount=10)
    found += [layer.weight_mask.sum()]
    other = prune.random_structured(linear(lib, nn, 10, 4), "weight", amount=3, dim=1)
    return [*found, sorted(other.weight_mask.sum(0).tolist())]


@scenario
def prune_globally(lib, nn):
    prune = utils(lib, "prune")
    a, b = linear(lib, nn, 3, 2), linear(lib, nn, 2, 2)
    pairs = [(a, "weight"), (b, "weight")]
    prune.global_unstructured(pairs, pruning_method=prune.L1Unstructured, amount=4)
    found = [a.weight_mask.sum() + b.weight_mask.sum(), type(next(iter(
        a._forward_pre_hooks.values())))]  # fmt: skip
    scores = {(a, "weight"): lib.arange(6.0).reshape(2, 3) + 1}
    prune.global_unstructured(
        pairs, pruning_method=prune.L1Unstructured, importance_scores=scores, amount=2)
    found += [a.weight_mask.sum() + b.weight_mask.sum()]
    return [
        *found, error(prune.global_unstructured, 3, prune.L1Unstructured, amount=1),
        error(prune.global_unstructured, pairs, prune.LnStructured, amount=1, n=2)[0],
    ]


@scenario
def prune_by_hand(lib, nn):
    prune = utils(lib, "prune")
    layer = linear(lib, nn, 2, 2)
    mask = lib.tensor([[1, 0], [0, 1]])
    prune.custom_from_mask(layer, "weight", mask)
    found = [layer.weight, next(iter(layer._forward_pre_hooks.values())).PRUNING_TYPE]
    free = prune.L1Unstructured(amount=1)
    found += [free.prune(lib.tensor([1.0, -3.0, 2.0])), prune.RandomUnstructured(3).amount]
    found += [free.prune(lib.ones(3), importance_scores=lib.tensor([3.0, 1.0, 2.0]))]
    for amount in ("x", -1, 1.5, -0.5, None):
        found.append(error(prune.RandomUnstructured, amount))
    found.append(error(prune.l1_unstructured, linear(lib, nn, 2, 2), "weight", 9))
    broken = linear(lib, nn, 2, 2)
    found.append([error(prune.l1_unstructured, broken, "weight", 9)[0], list(broken.state_dict())])
    found.append(error(prune.PruningContainer().add_pruning_method, 3))
    found.append(error(prune.custom_from_mask, linear(lib, nn, 2, 2), "weight", lib.ones(3))[0])
    return found


# -- norms of weights -------------------------------------------------------------------------


@scenario
def old_weight_norm(lib, nn):
    from_utils = nn.utils
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = from_utils.weight_norm(linear(lib, nn, 3, 2))
        found = [list(layer.state_dict()), [list(p.shape) for p in layer.parameters()]]
        found += [layer, moved(lib, layer, lib.ones(1, 3)), isinstance(layer.weight, nn.Parameter)]
        found += [error(from_utils.weight_norm, layer)]
        whole = from_utils.weight_norm(linear(lib, nn, 2, 3, 2, cls="Conv1d"), dim=None)
        found += [list(whole.weight_g.shape), moved(lib, whole, lib.ones(1, 2, 3))]
        last = from_utils.weight_norm(linear(lib, nn, 3, 2), "weight", dim=1)
        found += [list(last.weight_g.shape)]
    from_utils.remove_weight_norm(layer)
    found += [list(layer.state_dict()), rounded(layer.weight, lib), layer]
    return [*found, error(from_utils.remove_weight_norm, layer)]


@scenario
def old_spectral_norm(lib, nn):
    layer = linear(lib, nn, 3, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nn.utils.spectral_norm(layer, n_power_iterations=50)
    layer(lib.ones(1, 3))
    found = [sorted(layer.state_dict()), layer, [k for k, _ in layer.named_buffers()]]
    found += [rounded(layer.weight, lib), rounded(lib.linalg.matrix_norm(layer.weight, 2), lib)]
    layer.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found.append(error(nn.utils.spectral_norm, layer))
    nn.utils.remove_spectral_norm(layer)
    found += [sorted(layer.state_dict()), rounded(layer.weight, lib)]
    return [*found, error(nn.utils.remove_spectral_norm, layer)]


@scenario
def new_weight_norm(lib, nn):
    p = utils(lib, "parametrizations")
    parametrize = utils(lib, "parametrize")
    layer = p.weight_norm(linear(lib, nn, 3, 2))
    found = [list(layer.state_dict()), layer, moved(lib, layer, lib.ones(1, 3)), type(layer)]
    old = {"weight_g": lib.ones(2, 1), "weight_v": lib.ones(2, 3), "bias": lib.zeros(2)}
    found += [repr(layer.load_state_dict(old)), rounded(layer.weight, lib)]
    layer.weight = lib.full((2, 3), 2.0)
    found += [rounded(layer.parametrizations.weight.original0, lib)]
    parametrize.remove_parametrizations(layer, "weight")
    return [*found, list(layer.state_dict()), type(layer), rounded(layer.weight, lib)]


@scenario
def new_spectral_norm(lib, nn):
    p = utils(lib, "parametrizations")
    layer = p.spectral_norm(linear(lib, nn, 3, 2), n_power_iterations=30)
    found = [list(layer.state_dict()), layer, rounded(layer.weight, lib)]
    vector = p.spectral_norm(linear(lib, nn, 3, 2), "bias")
    found += [rounded(vector.bias, lib), list(vector.state_dict())]
    return [*found, error(p.spectral_norm, linear(lib, nn, 3, 2), "nothing"),
            error(p.spectral_norm, linear(lib, nn, 3, 2), n_power_iterations=0)]  # fmt: skip


@scenario
def orthogonal(lib, nn):
    p = utils(lib, "parametrizations")
    found = []
    for shape in ((3, 3), (4, 2), (2, 4)):
        for how in ("matrix_exp", "cayley", "householder"):
            layer = p.orthogonal(linear(lib, nn, *shape), orthogonal_map=how)
            w = layer.weight
            product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
            found.append(bool(lib.allclose(product, lib.eye(min(shape)), atol=1e-5)))
            found.append(sorted(layer.state_dict()))
    return [
        *found, layer, error(p.orthogonal, linear(lib, nn, 2, 2), "nothing"),
        error(p.orthogonal, linear(lib, nn, 2, 2), "bias"),
        error(p.orthogonal, linear(lib, nn, 2, 2), orthogonal_map="other"),
    ]


# -- parametrizations -------------------------------------------------------------------------


@scenario
def parametrized(lib, nn):
    parametrize = utils(lib, "parametrize")

    class Double(nn.Module):
        def forward(self, x):
            return 2 * x

        def right_inverse(self, x):
            return x / 2

    class Square(nn.Module):
        def forward(self, x):
            return x * x

    layer = linear(lib, nn, 2, 2)
    before = layer.weight.clone()
    parametrize.register_parametrization(layer, "weight", Double())
    found = [rounded(layer.weight - before, lib), list(layer.state_dict()), type(layer), layer]
    parametrize.register_parametrization(layer, "weight", Square())
    found += [layer.weight, [k for k, _ in layer.named_parameters()]]
    found += [[k for k, _ in layer.named_modules()], moved(lib, layer, lib.ones(1, 2))]
    found += [parametrize.is_parametrized(layer), parametrize.is_parametrized(layer, "weight"),
              parametrize.is_parametrized(layer, "bias"), isinstance(layer, nn.Linear),
              len(layer.parametrizations.weight), error(setattr, layer, "weight", before)[0]]
    with parametrize.cached():
        found.append(layer.weight is layer.weight)
    found.append(layer.weight is layer.weight)
    twin = copy.deepcopy(layer)
    found += [twin.weight, type(twin) is type(layer), parametrize.is_parametrized(twin)]
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    found += [layer.weight, type(layer), list(layer.state_dict())]
    other = parametrize.register_parametrization(linear(lib, nn, 2, 2), "weight", Double())
    found += [parametrize.type_before_parametrizations(other)]
    fresh = linear(lib, nn, 2, 2)
    parametrize.transfer_parametrizations_and_params(other, fresh)
    found += [parametrize.is_parametrized(fresh), fresh.weight]
    parametrize.remove_parametrizations(other, "weight")
    return [*found, other.weight, isinstance(other.weight, nn.Parameter)]


@scenario
def parametrization_errors(lib, nn):
    parametrize = utils(lib, "parametrize")

    class Shrinks(nn.Module):
        def forward(self, x):
            return x[:1]

    class Other(nn.Module):
        def forward(self, x):
            return x.double()

    class Number(nn.Module):
        def forward(self, x):
            return 3

    register = parametrize.register_parametrization
    found = [error(register, linear(lib, nn, 2, 2), "weight", P())
             for P in (Shrinks, Other, Number)]  # fmt: skip
    found.append(error(register, linear(lib, nn, 2, 2), "nothing", Shrinks()))
    found.append(error(parametrize.remove_parametrizations, linear(lib, nn, 2, 2), "weight"))
    layer = linear(lib, nn, 2, 2)
    register(layer, "weight", Shrinks(), unsafe=True)
    return [[k for k, _ in found], [v if isinstance(v, str) else None for _, v in found],
            layer.weight, list(layer.state_dict())]  # fmt: skip


@scenario
def parametrized_into_two(lib, nn):
    parametrize = utils(lib, "parametrize")

    class RankOne(nn.Module):
        def forward(self, x, y):
            return x.unsqueeze(-1) @ y.unsqueeze(-2)

        def right_inverse(self, w):
            return w[:, 0].clone(), w[0].clone() / w[0, 0]

    layer = linear(lib, nn, 2, 2)
    layer.weight.data = lib.tensor([[1.0, 2.0], [2.0, 4.0]])
    parametrize.register_parametrization(layer, "weight", RankOne())
    found = [list(layer.state_dict()), layer.weight, moved(lib, layer, lib.ones(1, 2))]
    layer.weight = lib.tensor([[2.0, 2.0], [6.0, 6.0]])
    found += [layer.weight, layer.parametrizations.weight.original0, layer]
    found.append(error(parametrize.remove_parametrizations, layer, "weight", False))
    return found


# -- the rest ---------------------------------------------------------------------------------


@scenario
def fusion(lib, nn):
    conv = linear(lib, nn, 2, 3, 2, cls="Conv2d").eval()
    norm = linear(lib, nn, 3, cls="BatchNorm2d").eval()
    norm.running_mean.copy_(lib.arange(3.0))
    norm.running_var.copy_(lib.arange(3.0) + 1)
    x = lib.ones(1, 2, 3, 3)
    fused = utils(lib, "fusion").fuse_conv_bn_eval(conv, norm)
    found = [rounded(fused(x) - norm(conv(x)), lib), type(fused), rounded(fused.weight, lib)]
    found.append(error(nn.utils.fusion.fuse_conv_bn_eval, conv.train(), norm)[0])
    lin, bn = linear(lib, nn, 2, 3).eval(), linear(lib, nn, 3, cls="BatchNorm1d").eval()
    flat = utils(lib, "fusion").fuse_linear_bn_eval(lin, bn)
    return [*found, rounded(flat(lib.ones(2, 2)), lib), isinstance(flat.weight, nn.Parameter)]


@scenario
def skip_init(lib, nn):
    layer = nn.utils.skip_init(nn.Linear, 2, 3, bias=False)
    return [
        layer, list(layer.weight.shape), error(nn.utils.skip_init, 3)[0],
        error(nn.utils.skip_init, lambda: 3)[0],
    ]


@scenario
def clipping(lib, nn):
    def fresh():
        layer = linear(lib, nn, 2, 2)
        layer(lib.ones(1, 2)).sum().backward()
        layer.weight.grad.mul_(lib.tensor([[3.0, -4.0], [0.5, 1.0]]))
        return layer

    found = []
    for kind in (1, 2.0, float("inf"), 0.5):
        layer = fresh()
        norm = nn.utils.clip_grad_norm_(layer.parameters(), 2.0, norm_type=kind)
        found += [norm, layer.weight.grad, layer.bias.grad]
    layer = fresh()
    nn.utils.clip_grad_value_(layer.parameters(), 0.7)
    found += [layer.weight.grad, nn.utils.get_total_norm([p.grad for p in layer.parameters()])]
    nn.utils.clip_grad_norm_(layer.weight, 0.1)
    found += [layer.weight.grad, nn.utils.clip_grad_norm_([], 1.0)]
    layer.bias.grad[0] = float("nan")
    found += [error(nn.utils.clip_grad_norm_, layer.parameters(), 1.0, error_if_nonfinite=True)[0]]
    return rounded(found, lib)


@scenario
def vectors(lib, nn):
    layer = linear(lib, nn, 2, 2)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    nn.utils.vector_to_parameters(vector.detach() * 2, layer.parameters())
    return [
        vector, layer.weight, layer.bias,
        error(nn.utils.vector_to_parameters, [1.0], layer.parameters())[0],
    ]


@scenario
def initializers(lib, nn):
    init = nn.init
    t = lib.empty(3, 2, 3, 3)
    e = lib.empty
    found = [init.dirac_(t.clone()), init.dirac_(e(4, 2, 3), 2), init.eye_(e(2, 3))]
    found += [init.constant_(e(2), 3.0), init.ones_(e(2)), init.zeros_(e(1))]
    names = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
             "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu")  # fmt: skip
    found += [[round(init.calculate_gain(n), 9) for n in names]]
    found += [round(init.calculate_gain("leaky_relu", 0.2), 9)]
    found += [init._calculate_fan_in_and_fan_out(t)]
    found += [error(init.calculate_gain, "other"), error(init.calculate_gain, "leaky_relu", "x")]
    found += [error(init.dirac_, lib.empty(2)), error(init.dirac_, lib.empty(3, 2, 1), 2)]
    found += [error(init.eye_, lib.empty(2)), error(init.orthogonal_, lib.empty(2))]
    found += [error(init.sparse_, e(2, 2, 2), 0.5), error(init.xavier_uniform_, e(2))]
    found += [error(init.kaiming_normal_, lib.empty(2, 2), mode="other")]
    sparse = init.sparse_(lib.empty(10, 3), 0.35)
    found += [(sparse == 0).sum(0), sparse is not None]
    w = init.orthogonal_(lib.empty(5, 3), gain=2)
    found += [bool(lib.allclose(w.T @ w, 4 * lib.eye(3), atol=1e-5))]
    w = init.trunc_normal_(lib.empty(1000), 1.0, 2.0, 0.5, 1.5)
    found += [bool((w >= 0.5).all()), bool((w <= 1.5).all())]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in ("uniform", "normal", "constant", "eye", "dirac", "xavier_uniform",
                     "xavier_normal", "kaiming_uniform", "kaiming_normal", "orthogonal", "sparse"):
            extra = {"constant": (1.0,), "sparse": (0.5,)}.get(name, ())
            getattr(init, name)(lib.empty(2, 2, 2) if name == "dirac" else lib.empty(2, 2), *extra)
    return [*found, len(caught), [str(w.message) for w in caught]]
