"""Laws of views of any geometry, parts, padding and folding scatters; NumPy is the judge."""
from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cgrad

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)


def numbered(shape):
    return (np.arange(int(np.prod(shape))) + 1.0).reshape(shape)


def equal(found, expected):
    found = found.detach().numpy()
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


def check_taken(x, y, places):
    """y holds the elements of x at `places` (flat); its gradient counts how often each is taken."""
    a = x.detach().numpy()
    equal(y, a.ravel()[places])
    weight = numbered(places.shape)
    (y * cgrad.tensor(weight)).sum().backward()
    grad = np.zeros(a.size)
    np.add.at(grad, places.ravel(), weight.ravel())
    equal(x.grad, grad.reshape(a.shape))


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4)), max_size=4), st.integers(0, 3))
def test_as_strided(geometry, offset):
    size, stride = [n for n, _ in geometry], [s for _, s in geometry]
    places = np.full(size, offset)
    for d, s in enumerate(stride):
        places = places + s * np.arange(size[d]).reshape([-1] + [1] * (len(size) - d - 1))
    x = cgrad.tensor(numbered((40,)), requires_grad=True)
    y = x.as_strided(size, stride, offset)
    assert y.data_ptr() == x.data_ptr() + 8 * offset
    check_taken(x, y, places)


@given(SHAPES, st.data())
def test_unfold(shape, data):
    dim = data.draw(st.integers(0, len(shape) - 1))
    size, step = data.draw(st.integers(1, shape[dim])), data.draw(st.integers(1, 3))
    positions = np.arange(int(np.prod(shape))).reshape(shape)
    windows = np.lib.stride_tricks.sliding_window_view(positions, size, dim)
    x = cgrad.tensor(numbered(shape), requires_grad=True)
    check_taken(x, x.unfold(dim, size, step), windows[(slice(None),) * dim + (slice(
        None, None, step),)])


@given(hnp.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=4), st.data())
def test_diagonal(shape, data):
    a, b = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=2, max_size=2, unique=True))
    offset = data.draw(st.integers(-5, 5))
    positions = np.arange(int(np.prod(shape))).reshape(shape)
    x = cgrad.tensor(numbered(shape), requires_grad=True)
    check_taken(x, x.diagonal(offset, a, b), np.diagonal(positions, offset, a, b))


@given(SHAPES, st.data())
def test_parts_and_repetition(shape, data):
    dim = data.draw(st.integers(0, len(shape) - 1))
    positions = np.arange(int(np.prod(shape))).reshape(shape)
    marks = data.draw(st.lists(st.integers(-5, 5), max_size=3))
    x = cgrad.tensor(numbered(shape), requires_grad=True)
    for found, expected in zip(x.tensor_split(marks, dim), np.split(positions, marks, dim)):
        equal(found, expected + 1.0)
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(shape), max_size=len(shape) + 1))
    check_taken(x, x.repeat(times), np.tile(positions, times))


@given(SHAPES, st.data())
def test_roll_and_flip(shape, data):
    dims = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    shifts = [data.draw(st.integers(-7, 7)) for _ in dims]
    positions = np.arange(int(np.prod(shape))).reshape(shape)
    x = cgrad.tensor(numbered(shape), requires_grad=True)
    check_taken(x, x.roll(shifts, dims).flip(dims), np.flip(np.roll(positions, shifts, dims), dims))


@given(st.integers(1, 5), st.data(), st.sampled_from(["reflect", "replicate", "circular"]))
def test_padding(n, data, mode):
    most = n - 1 if mode == "reflect" else n
    left, right = data.draw(st.integers(0, most)), data.draw(st.integers(0, most))
    positions = np.arange(2 * n).reshape(2, n)
    name = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    x = cgrad.tensor(numbered((2, n)), requires_grad=True)
    check_taken(x, cgrad.nn.functional.pad(x, (left, right), mode),
                np.pad(positions, [(0, 0), (left, right)], name))


@given(st.integers(1, 6), st.lists(st.integers(0, 5), max_size=12), st.booleans(),
       st.sampled_from([("sum", np.add), ("prod", np.multiply), ("amax", np.maximum),
                        ("amin", np.minimum)]))
def test_scatter_reduce(n, index, include_self, fold):
    index = np.array([i % n for i in index], dtype=np.int64)
    src = np.arange(len(index)) * 0.5 - 1
    expected, seen = numbered((n,)), set()
    for i, v in zip(index, src):
        fresh = not include_self and i not in seen
        expected[i] = v if fresh else fold[1](expected[i], v)
        seen.add(i)
    x = cgrad.tensor(numbered((n,)))
    equal(x.scatter_reduce(0, cgrad.tensor(index), cgrad.tensor(src), fold[0],
                           include_self=include_self), expected)
