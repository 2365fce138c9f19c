"""Further names of arguments: NumPy's axis and keepdims, and those that PyTorch's methods have."""
import inspect
import pickle

import pytest

import cgrad

X = cgrad.arange(6.0).reshape(2, 3)
FIRST = cgrad.tensor([0])
AXIS = [
    ("softmax", {}), ("log_softmax", {}), ("cumsum", {}), ("cumprod", {}), ("logsumexp", {}),
    ("squeeze", {}), ("unsqueeze", {}), ("unbind", {}), ("sort", {}), ("argsort", {}),
    ("median", {}), ("norm", {}), ("topk", {"k": 1}), ("chunk", {"chunks": 2}), ("sum", {}),
    ("select", {"index": 0}), ("narrow", {"start": 0, "length": 1}), ("max", {}),
    ("index_select", {"index": FIRST}), ("gather", {"index": cgrad.zeros(1, 3, dtype=cgrad.int64)}),
    ("quantile", {"q": 0.5}), ("diff", {}), ("count_nonzero", {}), ("take_along_dim", {
        "indices": cgrad.zeros(1, 3, dtype=cgrad.int64)}),
]  # fmt: skip


def same(a, b):
    a, b = (v if isinstance(v, tuple) else (v,) for v in (a, b))
    assert len(a) == len(b)
    for x, y in zip(a, b):
        assert cgrad.equal(x, y)


@pytest.mark.parametrize("name, options", AXIS, ids=[name for name, _ in AXIS])
def test_axis_is_dim(name, options):
    for call in (getattr(X, name), lambda **kw: getattr(cgrad, name)(X, **kw)):
        same(call(axis=0, **options), call(dim=0, **options))


def test_functions_of_several_tensors_take_axis():
    same(cgrad.stack([X, X], axis=1), cgrad.stack([X, X], 1))
    same(cgrad.cat([X, X], axis=1), cgrad.cat([X, X], 1))
    same(X.clone().unsqueeze_(axis=0), X.unsqueeze(0))
    same(X.clone().cumsum_(axis=1), X.cumsum(1))


def test_keepdims_is_keepdim():
    same(cgrad.logsumexp(X, 1, keepdims=True), cgrad.logsumexp(X, 1, keepdim=True))
    same(X.median(axis=1, keepdims=True), X.median(dim=1, keepdim=True))


@pytest.mark.parametrize("call, expected", [
    (lambda: X.split(split_size=1), lambda: X.split(1)),
    (lambda: X.split(split_size=[1, 2], dim=1), lambda: X.split([1, 2], 1)),
    (lambda: X.reshape(shape=(3, 2)), lambda: X.reshape(3, 2)),
    (lambda: cgrad.reshape(X, shape=(3, 2)), lambda: X.reshape(3, 2)),
    (lambda: X.view(size=(3, 2)), lambda: X.view(3, 2)),
    (lambda: X.view(dtype=cgrad.int32), lambda: X.view(cgrad.int32)),
    (lambda: X.expand(size=(2, 2, 3)), lambda: X.expand(2, 2, 3)),
    (lambda: X.permute(dims=(1, 0)), lambda: X.permute(1, 0)),
    (lambda: X.repeat(repeats=(2, 1)), lambda: X.repeat(2, 1)),
    (lambda: X.tile(dims=(2, 1)), lambda: X.tile(2, 1)),
    (lambda: X.new_zeros(size=(2,), dtype=cgrad.int64), lambda: cgrad.zeros(2, dtype=cgrad.int64)),
    (lambda: X.swapaxes(axis0=0, axis1=1), lambda: X.T),
    (lambda: cgrad.swapaxes(X, axis0=0, axis1=1), lambda: X.T),
    (lambda: X.hsplit(sections=3), lambda: X.hsplit(3)),
    (lambda: X.hsplit(indices=[1]), lambda: X.hsplit([1])),
    (lambda: X.clone().resize_(size=(3, 1)), lambda: X.reshape(-1)[:3].reshape(3, 1)),
])  # fmt: skip
def test_names_of_methods(call, expected):
    same(call(), expected())


def test_a_name_given_twice_and_unknown_ones_are_errors():
    with pytest.raises(TypeError, match=r"softmax\(\) got multiple values for argument 'dim'"):
        X.softmax(dim=0, axis=0)
    with pytest.raises(TypeError, match="multiple values"):
        cgrad.softmax(X, 0, axis=0)
    for name in ("sum", "mean", "prod", "amax", "amin", "any", "all", "var", "std", "argmax",
                 "argmin", "max", "min"):
        with pytest.raises(TypeError, match=rf"{name}\(\) got multiple values for argument 'dim'"):
            getattr(X, name)(dim=0, axis=1)
        with pytest.raises(TypeError, match="multiple values for argument 'keepdim'"):
            getattr(X, name)(dim=0, keepdim=True, keepdims=False)
    with pytest.raises(TypeError, match=r"softmax\(\) got an unexpected keyword argument 'axes'"):
        X.softmax(axes=0)


def test_renamed_functions_are_functions():
    f = cgrad.softmax
    assert list(inspect.signature(f).parameters)[:2] == ["input", "dim"]
    assert f.__doc__.startswith("softmax(") and repr(f) == "<function cgrad.softmax>"
    assert pickle.loads(pickle.dumps(f)) is f
    assert pickle.loads(pickle.dumps(cgrad.chunk)) is cgrad.chunk
    assert cgrad.Tensor.softmax(X, axis=0).shape == X.shape
