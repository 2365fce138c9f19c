"""Laws that hold for all shapes, indices, dtypes and orders of operations; NumPy is the judge."""
from __future__ import annotations

import operator
from functools import reduce

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import cgrad

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
FULL_SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)
DTYPES = ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
ORDER = ["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"]


def numbered(shape, dtype=np.float64):
    """1, 2, 3, ... in a shape: every element is told from every other."""
    return (np.arange(int(np.prod(shape))) + 1).reshape(shape).astype(dtype)


def equal(found, expected):
    found = found.detach().numpy()
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


# -- broadcasting --------------------------------------------------------------------------------


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=4))
def test_broadcasting(shapes):
    a, b = (numbered(s) for s in shapes.input_shapes)
    x, y = (cgrad.tensor(v, requires_grad=True) for v in (a, b))
    out = x * y
    equal(out, np.asarray(a * b))
    assert cgrad.broadcast_shapes(*shapes.input_shapes) == shapes.result_shape
    out.sum().backward()
    for leaf, own, other in ((x, a, b), (y, b, a)):
        wide = np.broadcast_to(other, shapes.result_shape)
        lead = tuple(range(wide.ndim - own.ndim))
        sums = wide.sum(lead)
        ones = tuple(i for i, n in enumerate(own.shape) if n == 1)
        np.testing.assert_array_equal(leaf.grad.numpy(), sums.sum(ones, keepdims=True))


@given(SHAPES, SHAPES)
def test_shapes_that_do_not_broadcast_are_refused(a, b):
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(RuntimeError, match="add"):
            cgrad.zeros(a) + cgrad.zeros(b)
        with pytest.raises(RuntimeError):
            cgrad.broadcast_shapes(a, b)
    else:
        assert (cgrad.zeros(a) + cgrad.zeros(b)).shape == np.broadcast_shapes(a, b)


# -- reductions, products, joins -------------------------------------------------------------------


@given(SHAPES, st.data(), st.booleans())
def test_sum_over_any_dimensions(shape, data, keepdim):
    dims = tuple(data.draw(st.lists(st.sampled_from(range(len(shape))), unique=True))
                 if shape else ())
    assume(dims)
    a = numbered(shape)
    x = cgrad.tensor(a, requires_grad=True)
    y = x.sum(dims, keepdim)
    equal(y, np.asarray(a.sum(dims, keepdims=keepdim)))
    weight = numbered(tuple(y.shape))
    (y * cgrad.tensor(weight)).sum().backward()
    wide = weight if keepdim else np.expand_dims(weight, dims)
    equal(x.grad, np.broadcast_to(wide, shape).copy())


@given(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=4))
def test_matmul_of_any_dimensions(shapes):
    a, b = (numbered(s) for s in shapes.input_shapes)
    x, y = (cgrad.tensor(v, requires_grad=True) for v in (a, b))
    out = x @ y
    equal(out, np.asarray(a @ b))
    # <x @ y, w> is linear in x and in y: its gradient gives it back.
    w = cgrad.tensor(numbered(tuple(out.shape)))
    value = (out * w).sum()
    value.backward()
    for leaf in (x, y):
        assert leaf.grad.shape == leaf.shape
        assert (leaf.grad * leaf.detach()).sum().item() == value.item()


@given(FULL_SHAPES, st.data())
def test_split_and_cat_are_inverse(shape, data):
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    size = data.draw(st.integers(1, shape[dim]))
    a = numbered(shape)
    x = cgrad.tensor(a, requires_grad=True)
    parts = x.split(size, dim)
    joined = cgrad.cat(parts, dim)
    equal(joined, a)
    (joined * cgrad.tensor(a)).sum().backward()
    equal(x.grad, a)
    equal(cgrad.stack(x.unbind(dim), dim), a)


# -- indexing ------------------------------------------------------------------------------------


def positive_steps(index):
    parts = index if isinstance(index, tuple) else (index,)
    return all(not isinstance(p, slice) or p.step is None or p.step > 0 for p in parts)


def check_get(a, index, ours=None):
    """x[index] and its gradient, which counts how often each element was taken."""
    x = cgrad.tensor(a, requires_grad=True)
    y = x[index if ours is None else ours]
    expected = np.asarray(a[index])
    equal(y, expected)
    weight = numbered(expected.shape)
    (y * cgrad.tensor(weight)).sum().backward()
    grad = np.zeros(a.shape)
    np.add.at(grad, index, weight)
    equal(x.grad, grad)
    return y


def check_set(a, index, ours=None):
    """x[index] = v and both gradients."""
    v = -numbered(np.asarray(a[index]).shape)
    x, w = (cgrad.tensor(b, requires_grad=True) for b in (a, v))
    y = x.clone()
    y[index if ours is None else ours] = w
    expected = a.copy()
    expected[index] = v
    equal(y, expected)
    weight = numbered(a.shape)
    (y * cgrad.tensor(weight)).sum().backward()
    grad = weight.copy()
    grad[index] = 0
    equal(x.grad, grad)
    equal(w.grad, np.asarray(weight[index]))


@given(SHAPES, st.data())
def test_basic_indices(shape, data):
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    assume(positive_steps(index))
    assume(np.zeros(shape)[index].ndim <= 8)
    a = numbered(shape)
    check_get(a, index)
    check_set(a, index)


@given(SHAPES, st.data())
def test_basic_indices_are_views(shape, data):
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    assume(positive_steps(index))
    a = numbered(shape)
    x = cgrad.tensor(a)
    x[index] += 100
    a[index] += 100
    equal(x, a)
    view = x[index]
    view *= 2
    a[index] *= 2
    equal(x, a)


@given(FULL_SHAPES, st.data())
def test_index_arrays(shape, data):
    arrays = data.draw(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(
        max_dims=2, max_side=3)))
    kept = data.draw(st.integers(1, len(arrays)))
    index = tuple(arrays[:kept])
    check_get(numbered(shape), index, tuple(cgrad.tensor(i) for i in index))


@given(FULL_SHAPES, st.data())
def test_index_arrays_among_slices(shape, data):
    """Tensors of one length in some dimensions, slices in others, in any order."""
    count = data.draw(st.integers(0, 3))
    index = []
    for n in shape:
        if data.draw(st.booleans()):
            index.append(np.array(data.draw(st.lists(
                st.integers(-n, n - 1), min_size=count, max_size=count)), dtype=np.int64))
        else:
            start, stop = sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))
            index.append(slice(start, stop, data.draw(st.integers(1, 2))))
    index = tuple(index)
    ours = tuple(cgrad.tensor(i) if isinstance(i, np.ndarray) else i for i in index)
    a = numbered(shape)
    check_get(a, index, ours)
    taken = numbered(shape, np.int64)[index]
    if len(np.unique(taken)) == taken.size:      # otherwise the order of writing decides
        check_set(a, index, ours)


@given(FULL_SHAPES, st.data())
def test_masks(shape, data):
    depth = data.draw(st.integers(1, len(shape)))
    mask = data.draw(hnp.arrays(bool, shape[:depth]))
    a = numbered(shape)
    check_get(a, mask, cgrad.tensor(mask))
    check_set(a, mask, cgrad.tensor(mask))
    x = cgrad.tensor(a)
    x[cgrad.tensor(mask)] = 0
    a[mask] = 0
    equal(x, a)


@given(FULL_SHAPES, st.data())
def test_index_out_of_range(shape, data):
    dim = data.draw(st.integers(0, len(shape) - 1))
    n = shape[dim]
    wrong = data.draw(st.one_of(st.integers(n, n + 5), st.integers(-n - 5, -n - 1)))
    for index in (wrong, [0, wrong], cgrad.tensor([0, wrong])):
        with pytest.raises(IndexError):
            cgrad.zeros(shape)[(slice(None),) * dim + (index,)]


# -- views ---------------------------------------------------------------------------------------


@st.composite
def view_steps(draw):
    """Views of a [2, 3, 4] tensor: a list of (method, arguments), applied one after the other."""
    shape, steps = [2, 3, 4], []
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["transpose", "narrow", "unsqueeze", "select", "permute",
                                     "step"]))
        if kind == "unsqueeze" and len(shape) < 6:
            dim = draw(st.integers(0, len(shape)))
            steps.append((kind, dim))
            shape.insert(dim, 1)
        elif not shape:
            break
        elif kind == "transpose":
            a, b = (draw(st.integers(0, len(shape) - 1)) for _ in range(2))
            steps.append((kind, a, b))
            shape[a], shape[b] = shape[b], shape[a]
        elif kind == "permute":
            order = draw(st.permutations(range(len(shape))))
            steps.append((kind, *order))
            shape = [shape[i] for i in order]
        elif kind in ("narrow", "step", "select"):
            dim = draw(st.integers(0, len(shape) - 1))
            n = shape[dim]
            if n == 0:
                continue
            start = draw(st.integers(0, n - 1))
            if kind == "select":
                steps.append((kind, dim, start))
                shape.pop(dim)
            elif kind == "step":
                steps.append((kind, dim, start))
                shape[dim] = -(-(n - start) // 2)
            else:
                length = draw(st.integers(0, n - start))
                steps.append((kind, dim, start, length))
                shape[dim] = length
    return steps


def of_tensor(x, kind, *args):
    if kind == "step":
        return x[(slice(None),) * args[0] + (slice(args[1], None, 2),)]
    return x.select(*args) if kind == "select" else getattr(x, kind)(*args)


def of_array(a, kind, *args):
    lead = (slice(None),) * args[0]
    return {
        "transpose": lambda: np.swapaxes(a, *args),
        "permute": lambda: np.transpose(a, args),
        "unsqueeze": lambda: np.expand_dims(a, *args),
        "select": lambda: a[(*lead, args[1], ...)],       # of 0 dimensions, not a number
        "narrow": lambda: a[(*lead, slice(args[1], args[1] + args[2]))],
        "step": lambda: a[(*lead, slice(args[1], None, 2))],
    }[kind]()


def followed(value, steps, one):
    return reduce(lambda v, step: one(v, *step), steps, value)


@given(view_steps())
def test_views_of_views(steps):
    a = numbered((2, 3, 4))
    base = cgrad.tensor(a)
    view, expected = followed(base, steps, of_tensor), followed(a, steps, of_array)
    equal(view, np.asarray(expected))
    equal(view.contiguous(), np.asarray(expected))
    equal(view.reshape(-1), np.asarray(expected).reshape(-1))
    # One memory, one version.
    version = base._version
    view.mul_(10)
    expected = followed(a, steps, of_array)
    expected *= 10
    equal(base, a)
    assert base._version == view._version > version


@given(view_steps(), view_steps())
def test_gradients_through_views_changed_in_place(first, second):
    """A view is doubled in place; another view of the same tensor sees it, and so does autograd."""
    x = cgrad.tensor(numbered((2, 3, 4)), requires_grad=True)
    y = x * 1.0
    other = followed(y, second, of_tensor)
    followed(y, first, of_tensor).mul_(2.0)
    scale = np.ones((2, 3, 4))
    positions = followed(np.arange(24).reshape(2, 3, 4), first, of_array)
    scale.reshape(-1)[np.asarray(positions).reshape(-1)] = 2.0
    equal(other, np.asarray(followed(scale * numbered((2, 3, 4)), second, of_array)))
    weight = numbered(tuple(other.shape))
    (other * cgrad.tensor(weight)).sum().backward()
    expected = np.zeros((2, 3, 4))
    seen = followed(np.arange(24).reshape(2, 3, 4), second, of_array)
    expected.reshape(-1)[np.asarray(seen).reshape(-1)] = weight.reshape(-1)
    equal(x.grad, expected * scale)


# -- in place and out of place -------------------------------------------------------------------

STEPS = [("add", 3.0), ("mul", 2.0), ("sub", 1.0), ("neg",), ("relu",), ("abs",), ("square",),
         ("clamp", -50.0, 50.0), ("mul", "x"), ("add", "x"), ("tanh",), ("sigmoid",), ("sin",)]


SAVE_THEIR_OUTPUT = {"relu", "tanh", "sigmoid"}


def run_steps(steps, suffix):
    x = cgrad.tensor(np.linspace(-1.9, 2.1, 7), requires_grad=True)
    y = x * 1.5
    for name, *args in steps:
        y = getattr(y, name + suffix)(*(x if a == "x" else a for a in args))
    return x, y, (y * cgrad.tensor(numbered((7,)))).sum()


@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=6))
def test_in_place_equals_out_of_place(steps):
    """... unless a step overwrites what the one before it saved, which backward notices."""
    x, y, out = run_steps(steps, "")
    out.backward()
    u, v, changed = run_steps(steps, "_")
    np.testing.assert_array_equal(v.detach().numpy(), y.detach().numpy())
    if any(name in SAVE_THEIR_OUTPUT for name, *_ in steps[:-1]):
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            changed.backward()
    else:
        changed.backward()
        np.testing.assert_array_equal(u.grad.numpy(), x.grad.numpy())


# -- type promotion ------------------------------------------------------------------------------

def category(name):
    return 0 if name == "bool" else 2 if name.startswith("float") else 1


def wider(a, b):
    """The dtype that holds both, of tensors of one category of dimension."""
    if category(a) != category(b):
        return a if category(a) > category(b) else b
    if "uint8" in (a, b) and a != b:
        other = a if b == "uint8" else b
        return "int16" if other == "int8" else other
    return max(a, b, key=ORDER.index)


def promoted(operands):
    """PyTorch's documented rule.

    Tensors with dimensions come first, then those without, then numbers; a later group counts
    only where its category (bool, integer, floating) is higher than that of all earlier ones.
    """
    groups = [[], [], []]
    for x in operands:
        if isinstance(x, cgrad.Tensor):
            groups[0 if x.ndim else 1].append(str(x.dtype).removeprefix("cgrad."))
        else:
            groups[2].append({bool: "bool", int: "int64", float: "float32"}[type(x)])
    result = None
    for group in groups:
        if group:
            dtype = reduce(wider, group)
            if result is None or category(dtype) > category(result):
                result = dtype
    return result


tensors = st.builds(lambda shape, dtype: cgrad.ones(shape, dtype=getattr(cgrad, dtype)),
                    st.sampled_from([(), (2,), (2, 1)]), st.sampled_from(DTYPES))
operands = st.one_of(tensors, st.sampled_from([True, 3, 2.5]))


@given(tensors, operands, st.booleans())
def test_type_promotion(a, b, swapped):
    pair = (b, a) if swapped else (a, b)
    expected = promoted(pair)
    for function in (operator.add, operator.mul):
        assert str(function(*pair).dtype) == f"cgrad.{expected}"
    floating = expected if category(expected) == 2 else "float32"
    assert str(operator.truediv(*pair).dtype) == f"cgrad.{floating}"
    for function in (operator.eq, operator.lt, operator.ge):
        assert function(*pair).dtype == cgrad.bool
    if isinstance(b, cgrad.Tensor):
        condition = cgrad.tensor([[True], [False]])
        assert str(cgrad.where(condition, *pair).dtype) == f"cgrad.{expected}"
        assert cgrad.maximum(*pair).dtype == (a + b).dtype


@given(st.sampled_from(DTYPES), operands)
def test_in_place_keeps_the_dtype_or_refuses(dtype, b):
    a = cgrad.ones(2, 2, dtype=getattr(cgrad, dtype))
    if category(promoted((a, b))) > category(dtype):
        with pytest.raises(RuntimeError, match="can't be cast"):
            a += b
    else:
        a += b
    assert str(a.dtype) == f"cgrad.{dtype}"
