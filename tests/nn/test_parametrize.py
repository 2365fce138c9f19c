"""Parametrizations, weight and spectral normalisation, fusion, lazy layers, lists of parameters."""
import copy
import pickle

import numpy as np
import pytest

import cgrad
from cgrad import nn
from cgrad.nn.utils import parametrizations, parametrize


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).mT

    def right_inverse(self, x):
        return x.triu()


class Double(nn.Module):
    def forward(self, x):
        return 2 * x


def test_register_read_assign_remove():
    layer = nn.Linear(3, 3)
    before = layer.weight.detach().clone()
    kept = layer.weight
    assert not parametrize.is_parametrized(layer)
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    assert parametrize.is_parametrized(layer) and parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "bias")
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, nn.Linear)
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    assert (layer.weight == layer.weight.T).all() and layer.parametrizations.weight.original is kept
    assert cgrad.allclose(layer.weight.triu(), before.triu())
    assert dict(layer.named_parameters()).keys() == {"bias", "parametrizations.weight.original"}
    layer(cgrad.ones(1, 3)).sum().backward()
    assert kept.grad is not None
    layer.weight = cgrad.eye(3)
    assert (layer.weight == cgrad.eye(3)).all()
    parametrize.register_parametrization(layer, "weight", Double())
    assert (layer.weight == 2 * cgrad.eye(3)).all() and len(layer.parametrizations.weight) == 2
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and layer.weight is kept
    assert (layer.weight == 2 * cgrad.eye(3)).all() and "weight" in layer._parameters
    assert not hasattr(layer, "parametrizations")


def test_leave_the_original():
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Double())
    original = layer.parametrizations.weight.original
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert layer.weight is original
    wn = parametrizations.weight_norm(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="in terms of a sequence"):
        parametrize.remove_parametrizations(wn, "weight", leave_parametrized=False)


def test_buffers_two_tensors_and_other_modules():
    norm = nn.BatchNorm1d(2)
    parametrize.register_parametrization(norm, "running_mean", Double())
    parametrize.register_parametrization(norm, "weight", Double())
    assert norm.running_mean.tolist() == [0, 0] and norm.weight.tolist() == [2, 2]
    assert "parametrizations.running_mean.original" in dict(norm.named_buffers())
    other = nn.BatchNorm1d(2)
    assert not parametrize.is_parametrized(other) and type(other) is nn.BatchNorm1d
    parametrize.remove_parametrizations(norm, "weight")
    assert parametrize.is_parametrized(norm, "running_mean")
    assert not parametrize.is_parametrized(norm, "weight")
    assert norm.weight.tolist() == [2, 2] and norm.running_mean.tolist() == [0, 0]


def test_cached():
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Double())
    assert layer.weight is not layer.weight
    with parametrize.cached():
        with parametrize.cached():
            first = layer.weight
        assert layer.weight is first
    assert layer.weight is not first


def test_copies_and_states():
    layer = parametrizations.orthogonal(nn.Linear(3, 2))
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(other) is type(layer) and (other.weight == layer.weight).all()
        parametrize.remove_parametrizations(other, "weight")
        assert parametrize.is_parametrized(layer)
    fresh = parametrizations.orthogonal(nn.Linear(3, 2))
    fresh.load_state_dict(layer.state_dict())
    assert cgrad.allclose(fresh.weight, layer.weight)
    plain = nn.Linear(3, 2)
    parametrize.transfer_parametrizations_and_params(
        parametrizations.weight_norm(nn.Linear(3, 2)), plain)
    assert parametrize.is_parametrized(plain, "weight")


def test_errors():
    class Smaller(nn.Module):
        def forward(self, x):
            return x[0]

    layer = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="may not change the shape"):
        parametrize.register_parametrization(layer, "weight", Smaller())
    assert type(layer) is nn.Linear and "weight" in layer._parameters
    with pytest.raises(ValueError, match="'nothing'"):
        parametrize.register_parametrization(layer, "nothing", Double())
    with pytest.raises(ValueError, match="does not have a parametrization on"):
        parametrize.remove_parametrizations(layer, "weight")
    with pytest.raises(ValueError, match="orthogonal_map"):
        parametrizations.orthogonal(layer, orthogonal_map="other")
    with pytest.raises(ValueError, match="matrix or batch"):
        parametrizations.orthogonal(layer, "bias")
    with pytest.raises(ValueError, match="n_power_iterations"):
        parametrizations.spectral_norm(layer, n_power_iterations=0)
    with pytest.raises(IndexError, match="out of range"):
        parametrizations.spectral_norm(layer, dim=5)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
@pytest.mark.parametrize("name", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("trivial", [True, False])
def test_orthogonal(shape, name, trivial):
    layer = nn.Linear(shape[1], shape[0]).double()
    if not trivial and name != "householder":
        bare = parametrizations.orthogonal(
            copy.deepcopy(layer), orthogonal_map=name, use_trivialization=False)
        w = bare.weight if shape[0] >= shape[1] else bare.weight.T
        assert cgrad.allclose(w.T @ w, cgrad.eye(min(shape), dtype=cgrad.float64))
        with pytest.raises(NotImplementedError, match="use_trivialization"):
            bare.weight = layer.weight.detach()
        return
    parametrizations.orthogonal(layer, orthogonal_map=name, use_trivialization=trivial)
    optimizer = cgrad.optim.SGD(layer.parameters(), lr=0.3)
    for _ in range(3):
        w = layer.weight
        product = w @ w.T if shape[0] <= shape[1] else w.T @ w
        np.testing.assert_allclose(product.tolist(), np.eye(min(shape)), atol=1e-12)
        optimizer.zero_grad()
        (layer(cgrad.ones(1, shape[1], dtype=cgrad.float64)) ** 3).sum().backward()
        optimizer.step()
    q = np.linalg.qr(np.random.default_rng(0).normal(size=(max(shape), min(shape))))[0]
    q = q if shape[0] >= shape[1] else q.T
    if name != "householder" or trivial:
        layer.weight = cgrad.tensor(q)
        np.testing.assert_allclose(layer.weight.tolist(), q, atol=1e-12)


def test_weight_and_spectral_norm():
    layer = nn.Linear(4, 3).double()
    w = layer.weight.tolist()
    wn = parametrizations.weight_norm(copy.deepcopy(layer))
    np.testing.assert_allclose(wn.weight.tolist(), w)
    np.testing.assert_allclose(wn.parametrizations.weight.original0.tolist(),
                               np.linalg.norm(w, axis=1, keepdims=True))  # fmt: skip
    sn = parametrizations.spectral_norm(copy.deepcopy(layer), n_power_iterations=50)
    np.testing.assert_allclose(sn.weight.tolist(), w / np.linalg.svd(w)[1][0], rtol=1e-6)
    sn.eval()
    assert (sn.weight == sn.weight).all()
    conv = parametrizations.spectral_norm(nn.ConvTranspose2d(2, 3, 2))
    assert conv.parametrizations.weight[0]._u.shape == (3,)


def test_older_norms():
    layer = nn.Linear(4, 3).double()
    w = layer.weight.detach().clone()
    with pytest.warns(FutureWarning, match="deprecated"):
        nn.utils.weight_norm(layer)
    assert set(layer.state_dict()) == {"bias", "weight_g", "weight_v"}
    layer(cgrad.ones(1, 4, dtype=cgrad.float64)).sum().backward()
    assert layer.weight_g.grad is not None and cgrad.allclose(layer.weight, w)
    nn.utils.remove_weight_norm(layer)
    assert isinstance(layer.weight, nn.Parameter) and not layer._forward_pre_hooks
    with pytest.raises(ValueError, match="not found"):
        nn.utils.remove_weight_norm(layer)
    nn.utils.spectral_norm(layer, n_power_iterations=50)
    layer(cgrad.ones(1, 4, dtype=cgrad.float64)).sum().backward()
    assert set(layer.state_dict()) == {"bias", "weight_orig", "weight_u", "weight_v"}
    expected = w.numpy() / np.linalg.svd(w.numpy())[1][0]
    np.testing.assert_allclose(layer.weight.tolist(), expected, rtol=1e-6)
    with pytest.raises(RuntimeError, match="two spectral_norm hooks"):
        nn.utils.spectral_norm(layer)
    nn.utils.remove_spectral_norm(layer)
    assert isinstance(layer.weight, nn.Parameter)


def test_fusion():
    for layer, norm, x in ((nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3), cgrad.randn(4, 2, 5, 5)),
                           (nn.Conv1d(2, 3, 2, bias=False), nn.BatchNorm1d(3),
                            cgrad.randn(4, 2, 5)),
                           (nn.Linear(2, 3), nn.BatchNorm1d(3), cgrad.randn(4, 2))):  # fmt: skip
        norm.train()
        norm(layer(x))
        with cgrad.no_grad():
            norm.weight.uniform_(0.5, 2)
            norm.bias.uniform_(-1, 1)
        fuse = nn.utils.fuse_linear_bn_eval if isinstance(layer, nn.Linear) else \
            nn.utils.fuse_conv_bn_eval
        with pytest.raises(AssertionError, match="eval"):
            fuse(layer, norm)
        layer.eval(), norm.eval()
        assert cgrad.allclose(fuse(layer, norm)(x), norm(layer(x)), atol=1e-5)
    conv = nn.ConvTranspose2d(3, 3, 2).eval()
    norm = nn.BatchNorm2d(3).eval()
    norm.running_var.uniform_(0.5, 2)
    x = cgrad.randn(1, 3, 4, 4)
    fused = nn.utils.fuse_conv_bn_eval(conv, norm, transpose=True)
    assert cgrad.allclose(fused(x), norm(conv(x)), atol=1e-5)


LAZY = [
    (nn.LazyLinear, (3,), nn.Linear, (2, 5)), (nn.LazyLinear, (3, False), nn.Linear, (2, 5)),
    (nn.LazyConv1d, (4, 3), nn.Conv1d, (2, 6, 8)), (nn.LazyConv2d, (4, 3), nn.Conv2d, (6, 8, 8)),
    (nn.LazyConv3d, (4, 2), nn.Conv3d, (1, 6, 4, 4, 4)),
    (nn.LazyConvTranspose1d, (4, 3), nn.ConvTranspose1d, (2, 6, 8)),
    (nn.LazyConvTranspose2d, (4, 3), nn.ConvTranspose2d, (2, 6, 8, 8)),
    (nn.LazyConvTranspose3d, (4, 2), nn.ConvTranspose3d, (1, 6, 4, 4, 4)),
    (nn.LazyBatchNorm1d, (), nn.BatchNorm1d, (3, 6)),
    (nn.LazyBatchNorm2d, (), nn.BatchNorm2d, (3, 6, 2, 2)),
    (nn.LazyBatchNorm3d, (), nn.BatchNorm3d, (3, 6, 2, 2, 2)),
    (nn.LazyInstanceNorm1d, (), nn.InstanceNorm1d, (6, 4)),
    (nn.LazyInstanceNorm2d, (), nn.InstanceNorm2d, (3, 6, 2, 2)),
    (nn.LazyInstanceNorm3d, (), nn.InstanceNorm3d, (3, 6, 2, 2, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "args", "becomes", "shape"), LAZY, ids=lambda x: str(x)[:30])
def test_lazy(kind, args, becomes, shape):
    x = cgrad.randn(shape)
    layer = kind(*args)
    assert layer.has_uninitialized_params() and "<UninitializedParameter>" in repr(layer.weight)
    with pytest.raises(RuntimeError, match="uninitialized"):
        _ = layer.weight.shape
    other, third = copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))
    optimizer = cgrad.optim.SGD(layer.parameters(), lr=0.1)
    y = layer(x)
    assert type(layer) is becomes and not layer._forward_pre_hooks
    assert not layer._load_state_dict_pre_hooks
    assert all(type(p) is nn.Parameter for p in layer.parameters())
    y.sum().backward()
    optimizer.step()
    other.load_state_dict(layer.state_dict())
    layer.eval(), other.eval()
    assert (other(x) == layer(x)).all() and type(other) is becomes and repr(other) == repr(layer)
    third.load_state_dict(kind(*args).state_dict())
    assert third.has_uninitialized_params()
    with pytest.raises(RuntimeError, match="uninitialized"):
        layer.load_state_dict(kind(*args).state_dict())


def test_lazy_errors():
    with pytest.raises(RuntimeError, match="Expected 3D"):
        nn.LazyConv2d(3, 2)(cgrad.ones(2, 2))
    with pytest.raises(ValueError, match="divisible"):
        nn.LazyConv1d(4, 2, groups=2)(cgrad.ones(1, 3, 5))
    with pytest.raises(TypeError, match="multiple values for argument .stride"):
        nn.LazyConv1d(4, 2, 1, stride=2)
    options = nn.LazyConv2d(4, 3, 2, 1, groups=2, padding_mode="circular", dtype=cgrad.float64)
    y = options(cgrad.ones(1, 2, 7, 7, dtype=cgrad.float64))
    assert y.shape == (1, 4, 4, 4) and "padding_mode=circular" in repr(options)


def test_lists_and_dicts_of_parameters():
    values = nn.ParameterList([cgrad.ones(2), nn.Parameter(cgrad.zeros(1)), 7])
    assert [n for n, _ in values.named_parameters()] == ["0", "1"] and values[-1] == 7
    assert isinstance(values[:2], nn.ParameterList) and len(values[1:]) == 2
    values[0] = cgrad.zeros(3)
    values += [cgrad.ones(1)]
    assert len(values) == 4 and isinstance(values[0], nn.Parameter) and values[0].shape == (3,)
    for call in (lambda: values[9], lambda: values[-5]):
        with pytest.raises(IndexError, match="out of range"):
            call()
    with pytest.raises(TypeError, match="iterable"):
        values.extend(3)
    with pytest.raises(RuntimeError, match="not be called"):
        values(1)
    named = nn.ParameterDict({"b": cgrad.ones(1), "a": nn.Parameter(cgrad.zeros(1))})
    kind = "Parameter containing: [cgrad.FloatTensor of size 1]"
    assert repr(named) == f"ParameterDict(\n    (b): {kind}\n    (a): {kind}\n)"
    named.update([("c", 3)])
    assert list(named) == ["b", "a", "c"] and next(reversed(named)) == "c"
    assert set(dict(named.named_parameters())) == {"a", "b"} and named.get("z", 5) == 5
    assert named.setdefault("d", cgrad.ones(2)) is named["d"] and "d" in named
    assert named.pop("c") == 3 and named.popitem()[0] == "d" and len(named) == 2
    both = named | nn.ParameterDict({"e": cgrad.ones(1)})
    assert list(both) == ["b", "a", "e"] and len(named) == 2 and list(both.copy()) == list(both)
    del named["a"]
    assert [k for k, _ in named.items()] == ["b"] and len(list(named.values())) == 1
    assert list(named.fromkeys(["x", "y"], 1)) == ["x", "y"]
    with pytest.raises(AttributeError):
        named["missing"]
    with pytest.raises(TypeError, match="not a string"):
        named[3] = cgrad.ones(1)
    named.clear()
    assert len(named) == 0
    twice = copy.deepcopy(both)
    twice.load_state_dict(both.state_dict())


def test_buffer():
    class Holds(nn.Module):
        def __init__(self):
            super().__init__()
            self.kept = nn.Buffer(cgrad.ones(2))
            self.passing = nn.Buffer(cgrad.ones(2), persistent=False)

    m = Holds()
    assert list(m.state_dict()) == ["kept"] and set(dict(m.named_buffers())) == {"kept", "passing"}
    m.kept = cgrad.zeros(2)
    assert m._buffers["kept"].tolist() == [0, 0]
    assert set(dict(copy.deepcopy(m.double()).named_buffers())) == {"kept", "passing"}
