"""Sorting and reductions at the edges: NaN, ties, zeros, infinities, nothing; lines of any size."""
from __future__ import annotations

import numpy as np
import pytest

import cgrad
from cgrad import return_types
from op_cases import EVERY, LAYOUTS, make_tensor

INF, NAN = float("inf"), float("nan")


def vector(values, dtype=cgrad.float64):
    return cgrad.tensor(values, dtype=dtype, requires_grad=True)


def slope(function, values):
    """The gradient of a function at a vector, as a list."""
    x = vector(values)
    y = function(x)
    (y[0] if isinstance(y, tuple) else y).sum().backward()
    return x.grad.tolist()


def draw(dtype, shape, rng):
    if dtype == "bool":
        return rng.random(shape) > 0.5
    if dtype.startswith("float"):
        a = rng.choice([-INF, -2.5, -1e-3, -0.0, 0.0, 1e-40, 3.0, INF, NAN], shape)
        return np.where(rng.random(shape) < 0.5, rng.standard_normal(shape), a).astype(dtype)
    info = np.iinfo(dtype)
    wide = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    return np.where(rng.random(shape) < 0.5, wide, rng.integers(0, 5, shape)).astype(dtype)


@pytest.mark.parametrize("dtype", EVERY)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_order_against_numpy(dtype, layout):
    rng = np.random.default_rng(3)
    for n in (1, 2, 31, 33, 300):
        a = draw(dtype, (n, 3), rng)
        x = make_tensor(cgrad, a, layout)
        a = x.numpy()
        for dim in (0, 1):
            up = np.argsort(a, dim, kind="stable")
            assert x.sort(dim).indices.tolist() == up.tolist()
            # Descending: equal elements in their order too
            ranks = np.empty(a.shape, int)
            np.put_along_axis(ranks, up, np.arange(a.shape[dim]).reshape((-1, 1) if dim == 0
                                                                        else (1, -1)), dim)
            values = np.take_along_axis(a, up, dim)
            new = np.ones(a.shape, bool)
            last, first = np.delete(values, -1, dim), np.delete(values, 0, dim)
            same = (last == first) | ((last != last) & (first != first))
            np.put_along_axis(new, np.indices(same.shape)[dim] + 1, ~same, dim) if same.size else 0
            group = np.take_along_axis(np.cumsum(new, dim), ranks, dim)
            assert x.sort(dim, descending=True).indices.tolist() == np.argsort(
                -group, dim, kind="stable").tolist()
            for k in {0, 1, a.shape[dim] // 5, a.shape[dim]}:
                for largest in (True, False):
                    whole = x.sort(dim, descending=largest)
                    part = x.topk(k, dim, largest)
                    assert part.indices.tolist() == whole.indices.narrow(dim, 0, k).tolist()
            for k in {1, (a.shape[dim] + 1) // 2, a.shape[dim]}:
                assert x.kthvalue(k, dim).indices.tolist() == up.take(k - 1, dim).tolist()


def test_several_lines_in_threads_and_long_lines():
    rng = np.random.default_rng(0)
    for shape, dim in (((70000,), 0), ((300, 200), 0), ((300, 200), 1)):
        a = rng.standard_normal(shape)
        x = cgrad.tensor(a)
        assert np.array_equal(x.sort(dim).values.numpy(), np.sort(a, dim))
        middle = np.sort(a, dim).take((a.shape[dim] - 1) // 2, dim)
        assert np.array_equal(x.median(dim).values.numpy(), middle)


def test_nan_is_the_greatest_and_the_median():
    x = cgrad.tensor([2.0, NAN, 1.0, NAN])
    assert x.sort().indices.tolist() == [2, 0, 1, 3]
    assert x.sort(descending=True).indices.tolist() == [1, 3, 0, 2]
    assert x.topk(1).indices.tolist() == [1]
    assert x.median(0).indices.item() == 1 and x.median().isnan().item()
    assert x.nanmedian().item() == 1.0
    assert x.cummax(0).indices.tolist() == [0, 1, 1, 3]


def test_ties_of_extremes_and_medians():
    values = [3.0, 1.0, 3.0, 1.0]
    assert slope(cgrad.amax, values) == [0.5, 0, 0.5, 0]
    assert slope(cgrad.max, values) == [0.5, 0, 0.5, 0]
    assert slope(cgrad.min, values) == [0, 0.5, 0, 0.5]
    assert slope(lambda x: x.max(0), values) == [1, 0, 0, 0]
    assert slope(lambda x: x.cummax(0), values) == [2, 0, 2, 0]
    assert slope(cgrad.median, values) == [0, 0.5, 0, 0.5]
    assert slope(lambda x: x.median(0), values) == [0, 0, 0, 1]
    assert slope(lambda x: x.kthvalue(3), values) == [1, 0, 0, 0]
    assert slope(lambda x: x.mode(), values) == [0, 0, 0, 1]


def test_extremes_of_nan():
    assert slope(cgrad.max, [1.0, NAN, NAN]) == [0, 0.5, 0.5]
    assert np.isnan(slope(cgrad.amax, [1.0, NAN, NAN])).all()


@pytest.mark.parametrize("values", [[0.0, 2.0, 3.0], [2.0, 0.0, 3.0], [0.0, 0.0, 3.0],
                                    [0.0, 0.0, 0.0], [5.0]])
def test_products_with_zeros_have_all_derivatives(values):
    def product(x):
        y = x[0]
        for i in range(1, len(x)):
            y = y * x[i]
        return y

    for function in (cgrad.prod, lambda x: x.prod(0), lambda x: x.cumprod(0)[-1]):
        x = vector(values)
        for f in (function, product):
            (first,) = cgrad.autograd.grad(f(x), x, create_graph=True)
            second = [cgrad.autograd.grad(g, x, retain_graph=True, allow_unused=True)[0]
                      for g in first.unbind()] if first.requires_grad else []
            rows = [[0.0] * len(values) if row is None else row.tolist() for row in second]
            if f is function:
                found = first.tolist(), rows or [[0.0]]
            else:
                assert found == (first.tolist(), rows or [[0.0]])


def test_no_spread_no_slope():
    assert slope(cgrad.std, [2.0, 2.0, 2.0]) == [0, 0, 0]
    assert slope(cgrad.var, [2.0, 2.0, 2.0]) == [0, 0, 0]
    assert cgrad.var(cgrad.ones(1)).isnan().item()


def test_infinities_in_logarithmic_sums():
    x = vector([-INF, -INF, 0.0, 1.0])
    y = x.logcumsumexp(0)
    assert y[:3].tolist() == [-INF, -INF, 0.0]
    y.sum().backward()
    assert not x.grad.isnan().any()
    assert cgrad.logsumexp(vector([-INF, -INF]), 0).item() == -INF
    assert cgrad.logsumexp(vector([INF, 1.0]), 0).item() == INF
    assert slope(lambda x: x.logsumexp(0), [-INF, -INF]) == [0, 0]


def test_reductions_of_nothing():
    x = cgrad.zeros(0, 3)
    assert x.sum().item() == 0 and x.prod().item() == 1
    assert x.mean().isnan().item() and x.var().isnan().item() and x.median().isnan().item()
    assert x.cumsum(0).shape == x.cumprod(1).shape == x.sort(0).values.shape == (0, 3)
    assert x.amax(1).shape == (0,)
    for name in ("amax", "argmax", "median", "mode", "aminmax"):
        with pytest.raises(IndexError, match="non-zero size"):
            getattr(cgrad, name)(x, dim=0)
    for name in ("max", "min", "aminmax"):
        with pytest.raises(RuntimeError):
            getattr(cgrad, name)(x)


def test_results_are_named():
    x = cgrad.ones(2, 2)
    assert isinstance(x.sort(), return_types.sort)
    assert isinstance(x.max(0), return_types.max) and isinstance(x.max(0), tuple)
    assert x.aminmax()._fields == ("min", "max")
    values, indices = cgrad.zeros(2, 1), cgrad.zeros(2, 1, dtype=cgrad.int64)
    assert x.topk(1, out=(values, indices)) == (values, indices)
    assert values.tolist() == [[1.0], [1.0]]


def test_sum_of_long_runs_is_accurate():
    a = np.random.default_rng(0).random(1_000_003).astype(np.float32)
    assert abs(cgrad.tensor(a).sum().item() / a.sum(dtype=np.float64) - 1) < 1e-7
    assert cgrad.full((5_000_000,), 0.1).sum().item() == pytest.approx(500_000, rel=5e-7)
