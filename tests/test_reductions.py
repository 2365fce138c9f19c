"""Reductions of all layouts against NumPy: dimensions of size 1, gaps, turned, expanded."""
import numpy as np
import pytest

import cgrad

RNG = np.random.default_rng(0)


def layout(dtype, sizes):
    """An array and a tensor with these elements, laid out in memory in some way."""
    a = RNG.integers(-4, 5, [n + RNG.integers(0, 3) for n in sizes]).astype(dtype)
    order = RNG.permutation(a.ndim)
    x = cgrad.from_numpy(a)
    for dim, n in enumerate(sizes):
        x = x.narrow(dim, 0, n)
    x, a = x.permute(*order.tolist()), a[tuple(slice(n) for n in sizes)].transpose(order)
    if RNG.random() < 0.3:
        x, a = x.unsqueeze(1), np.expand_dims(a, 1)
        if RNG.random() < 0.5:
            x = x.expand(-1, 3, *x.shape[2:])
            a = np.broadcast_to(a, x.shape)
    return a, x


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_of_random_layouts(dtype):
    for _ in range(1500):
        a, x = layout(dtype, RNG.choice([0, 1, 1, 2, 3, 5, 9, 40], RNG.integers(1, 4)))
        dims = tuple(int(d) for d in np.flatnonzero(RNG.random(a.ndim) < 0.5)) or (a.ndim - 1,)
        keep = bool(RNG.random() < 0.5)
        want = a.sum(dims, keepdims=keep)
        assert np.array_equal(x.sum(dims, keep).numpy(), want), (a.strides, dims)
        if a.size:
            assert np.array_equal(x.amax(dims, keep).numpy(), a.max(dims, keepdims=keep))
        product = a.prod(dims[0])
        np.testing.assert_allclose(x.prod(dims[0]).numpy(), product, rtol=1e-5)


@pytest.mark.parametrize("rows, columns", [(10, 5), (700, 65)])
def test_of_a_dimension_of_one_entry(rows, columns):
    """The second is large enough for several threads."""
    b = RNG.standard_normal((rows, columns + 3)).astype(np.float32)
    x = cgrad.from_numpy(b)[:, :columns]
    assert np.array_equal(x.unsqueeze(1).sum(1).numpy(), b[:, :columns])
    assert np.array_equal(x.unsqueeze(0).mean(0).numpy(), b[:, :columns])
    p = cgrad.zeros(rows, columns, requires_grad=True)
    (p + cgrad.zeros(1, rows, columns)).backward(x.unsqueeze(0))
    assert np.array_equal(p.grad.numpy(), b[:, :columns])
