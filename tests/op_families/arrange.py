"""Views of any geometry, parts, joins, repetition, order, grids."""
from __future__ import annotations

import itertools

import numpy as np

from op_families.shape import OUT_OF_RANGE, case
from op_families.spec import INTS, NUMBERS, Bad, Sample, T


def strided(x, size, stride, storage_offset=0):
    """The elements at these places of the flat data, one by one."""
    flat, y = x.ravel(), np.empty(size, x.dtype)
    for place in np.ndindex(*size):
        y[place] = flat[storage_offset + sum(p * s for p, s in zip(place, stride))]
    return y


def windows(x, dim, size, step):
    dim %= x.ndim
    parts = [np.moveaxis(np.take(x, range(i, i + size), dim), dim, -1)
             for i in range(0, x.shape[dim] - size + 1, step)]
    return np.stack(parts, dim)


def diag_embed(x, offset=0, dim1=-2, dim2=-1):
    n = x.shape[-1] + abs(offset)
    y = np.zeros((*x.shape[:-1], n, n), x.dtype)
    for i in range(x.shape[-1]):
        y[..., i + max(-offset, 0), i + max(offset, 0)] = x[..., i]
    a, b = dim1 % y.ndim, dim2 % y.ndim
    return np.moveaxis(y, (-2, -1), (a, b))


def tensor_split(x, where, dim=0):
    return np.array_split(x, where, dim)


def split_with_sizes(x, sizes, dim=0):
    return np.split(x, np.cumsum(sizes)[:-1], dim)


def block_diag(*blocks):
    blocks = [np.atleast_2d(b) for b in blocks]
    y = np.zeros(np.sum([b.shape for b in blocks], 0), blocks[0].dtype)
    i = j = 0
    for b in blocks:
        y[i:i + b.shape[0], j:j + b.shape[1]] = b
        i, j = i + b.shape[0], j + b.shape[1]
    return y


def combinations(x, r=2, with_replacement=False):
    make = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    return np.array([[x[i] for i in c] for c in make(range(len(x)), r)], x.dtype).reshape(-1, r)


def sum_to_size(x, *size):
    size = size[0] if isinstance(size[0], tuple) else size
    lead = x.ndim - len(size)
    x = x.sum(tuple(range(lead)), dtype=x.dtype)
    return x.sum(tuple(i for i, n in enumerate(size) if n == 1), dtype=x.dtype, keepdims=True)


def through(name, **options):
    """Called as a method: the library has no function of this name."""
    return dict(call=lambda xp, x, *args: getattr(x, name)(*args), method=False, **options)


def own(xp, x):
    # Memory of its own, so that strides and offsets count from the first element.
    return x.clone() if hasattr(x, "clone") and not x.requires_grad else x


VECTORS = [Sample(T(2), T(3)), Sample(T(2), T(3), T(2))]
MIXED = [Sample([T(3), T(3)]), Sample([T(2, 3), T(2, 3)])]
HALVES = Bad(([],), RuntimeError, "non-empty")

CASES = [
    case("as_strided", strided, [
        Sample(T(12), (3, 2), (4, 1)), Sample(T(12), (3, 4), (1, 3), 0),
        Sample(T(12), (2, 3), (1, 1), 4), Sample(T(3), (2, 3), (0, 1)), Sample(T(4), (), (), 2),
        Sample(T(2), (0, 2), (1, 1))], covers=("strided",),
        call=lambda xp, x, *a: xp.as_strided(own(xp, x), *a),
        errors=[
            Bad((T(4), (3, 2), (2, 1)), RuntimeError, "as_strided|setStorage"),
            Bad((T(4), (3,), (-1,)), RuntimeError, "(?i)negative"),
            Bad((T(4), (3,), (1, 1)), RuntimeError, "mismatch in length"),
            Bad((T(4), (2,), (1,), 3), RuntimeError, "out of bounds"),
            Bad((T(4), (2**40, 2**40), (2**40, 1)), RuntimeError, "out of bounds|overflow")]),
    case("unfold", windows, [
        Sample(T(6), 0, 3, 1), Sample(T(5, 3), 0, 2, 2), Sample(T(2, 5), -1, 2, 1),
        Sample(T(4), 0, 4, 3)], covers=("strided",), **through("unfold"), errors=[
            Bad((T(3), 0, 4, 1), RuntimeError, "(?i)maximum size"),
            Bad((T(3), 0, 2, 0), RuntimeError, "step"),
            Bad((T(3), 0, -1, 1), RuntimeError, "size"),
            Bad((T(3), 1, 2, 1), IndexError, OUT_OF_RANGE)]),
    case("diagonal", lambda x, *a, **k: np.diagonal(x, *a, **k), [
        Sample(T(3, 4)), Sample(T(3, 4), 1), Sample(T(3, 4), -2), Sample(T(3, 4), 9),
        Sample(T(2, 3, 3), 0, 1, 2), Sample(T(2, 3, 4), 1, -1, 0)], covers=("strided",), errors=[
            Bad((T(3), 0), IndexError, OUT_OF_RANGE),
            Bad((T(3, 3), 0, 1, -1), RuntimeError, "identical")]),
    case("diag_embed", diag_embed, [
        Sample(T(3)), Sample(T(2, 3), 1), Sample(T(2, 3), -1, 0, 2), Sample(T(2, 2), 0, 0, 1)],
        errors=[Bad((T(3), 0, 1, 1), RuntimeError, "identical"),
                Bad((T(3), 0, 0, 2), IndexError, OUT_OF_RANGE)]),
    case("diagflat", lambda x, k=0: np.diagflat(x, k), [Sample(T(3)), Sample(T(2, 2), 1), Sample(
        T())]),
    case("trace", lambda x: np.trace(x), [Sample(T(3, 4)), Sample(T(2, 2))], dtypes=NUMBERS,
         result="sum", errors=[Bad((T(3),), RuntimeError, "matrix")]),
    case("vander", lambda x, N=None, increasing=False: np.vander(x, N, increasing), [
        Sample(T(3)), Sample(T(3), 2, True), Sample(T(2, grad=False), 0)],
        dtypes=NUMBERS, method=False, result="sum", torch=False, errors=[
            Bad((T(2, 2),), RuntimeError, "one-dimensional"),
            Bad((T(2), -1), RuntimeError, "non-negative")]),
    case("adjoint", lambda x: np.swapaxes(x, -1, -2) if x.ndim else x, [
        Sample(T(3, 4)), Sample(T(2, 3, 4)), Sample(T())],
        errors=[Bad((T(3),), RuntimeError, "matrices")]),
    case("narrow_copy", lambda x, dim, a, n: np.take(x, range(a, a + n), dim), [
        Sample(T(4, 3), 0, 1, 2), Sample(T(4, 3), -1, 0, 3)],
        errors=[Bad((T(4), 0, 3, 2), RuntimeError, "start.*length")]),

    case("split_with_sizes", split_with_sizes, [
        Sample(T(5, 2), [1, 4]), Sample(T(2, 3), (2, 1), 1)],
         errors=[Bad((T(4), [1, 2]), RuntimeError, "sum exactly"),
                 Bad((T(4), [5, -1]), RuntimeError, "split_with_sizes")]),
    case("tensor_split", tensor_split, [
        Sample(T(7, 2), 3), Sample(T(7), [1, 4]), Sample(T(2, 5), (2, 9), 1), Sample(T(3), 5)],
        errors=[Bad((T(4), 0), RuntimeError, "(?i)sections"),
                Bad((T(), 1), RuntimeError, "at least"),
                Bad((T(4), 2, 1), IndexError, OUT_OF_RANGE)]),
    case("hsplit", lambda x, n: np.hsplit(x, n), [Sample(T(4), 2), Sample(T(3, 4), [1, 3])],
         errors=[Bad((T(), 1), RuntimeError, "hsplit"),
                 Bad((T(5), 2), RuntimeError, "not divisible")]),
    case("vsplit", lambda x, n: np.vsplit(x, n), [Sample(T(4, 2), 2), Sample(T(4, 3), [1])],
         errors=[Bad((T(4), 2), RuntimeError, "vsplit")]),
    case("dsplit", lambda x, n: np.dsplit(x, n), [Sample(T(1, 2, 4), 2), Sample(T(1, 2, 4), [3])],
         errors=[Bad((T(4, 2), 2), RuntimeError, "dsplit")]),
    case("atleast_1d", np.atleast_1d, [Sample(T()), Sample(T(2)), Sample(T(2, 3))], method=False),
    case("atleast_2d", np.atleast_2d, [Sample(T()), Sample(T(2)), Sample(T(1, 2, 3))],
         method=False),
    case("atleast_3d", np.atleast_3d, [Sample(T()), Sample(T(2)), Sample(T(2, 3))], method=False),
    case("atleast_1d:several", lambda *x: [np.atleast_1d(a) for a in x], [Sample(T(), T(2))],
         call=lambda xp, *x: xp.atleast_1d(*x), method=False),

    case("dstack", np.dstack, MIXED, method=False, errors=[HALVES]),
    case("column_stack", np.column_stack, [*MIXED, Sample([T(2), T(2, 3)])], method=False,
         errors=[HALVES]),
    case("block_diag", block_diag, [Sample(T(2, 3), T(1, 2)), Sample(T(3), T(), T(2, 2))],
         method=False, errors=[Bad((T(2, 2, 2),), RuntimeError, "2 or fewer")]),
    case("repeat_interleave", lambda x, n, dim=None: np.repeat(x, n, dim), [
        Sample(T(2, 3), 2), Sample(T(2, 3), 3, 1), Sample(T(2, 3), 0, 0)],
        errors=[Bad((T(2, 3), -1), RuntimeError, "negative"),
                Bad((T(2, 3), 2, 2), IndexError, OUT_OF_RANGE)]),
    case("repeat_interleave:counts", lambda x, n, dim=None: np.repeat(x, n, dim), [
        Sample(T(3, 2), T(3, domain="below:3", dtype="int64"), 0),
        Sample(T(4), T(4, domain="below:3", dtype="int64"))],
        errors=[Bad((T(3), T(2, dtype="int64")), RuntimeError, "same size"),
                Bad((T(3), T(3)), RuntimeError, "Long or Int|repeats")]),
    case("roll", np.roll, [
        Sample(T(5), 2), Sample(T(3, 4), 1, 0), Sample(T(3, 4), (1, -2), (0, 1)),
        Sample(T(3, 4), 5), Sample(T(0, 2), 1, 0), Sample(T(), 1)],
        errors=[Bad((T(3, 4), 1, (0, 1)), RuntimeError, "align"),
                Bad((T(3), 1, 1), IndexError, OUT_OF_RANGE)]),
    case("fliplr", np.fliplr, [Sample(T(2, 3))], errors=[Bad((T(3),), RuntimeError, "2-d")]),
    case("flipud", np.flipud, [Sample(T(2, 3)), Sample(T(3))],
         errors=[Bad((T(),), RuntimeError, "1-d")]),
    case("rot90", np.rot90, [
        Sample(T(2, 3)), Sample(T(2, 3), 2), Sample(T(2, 3), -1), Sample(T(2, 3), 4),
        Sample(T(2, 3, 4), 1, (0, 2)), Sample(T(2, 3), 3, (1, 0))], errors=[
            Bad((T(3),), RuntimeError, "rot90|total dims"),
            Bad((T(2, 3), 1, (0, 0)), RuntimeError, "different"),
            Bad((T(2, 3), 1, (0,)), RuntimeError, "rotation dims")]),

    case("meshgrid", lambda *x: np.meshgrid(*x, indexing="ij"), VECTORS, method=False,
         call=lambda xp, *x: xp.meshgrid(*x, indexing="ij"), errors=[
             Bad((T(2, 2),), RuntimeError, "1D"),
             Bad((T(2), T(2, dtype="int64")), RuntimeError, "same dtype")]),
    case("meshgrid:xy", lambda *x: np.meshgrid(*x, indexing="xy"), VECTORS, method=False,
         call=lambda xp, *x: xp.meshgrid(*x, indexing="xy")),
    case("cartesian_prod", lambda *x: np.array(list(itertools.product(*x)), x[0].dtype), VECTORS,
         method=False, errors=[Bad((T(2, 2),), RuntimeError, "1D")]),
    case("combinations", combinations, [
        Sample(T(4)), Sample(T(3), 2, True), Sample(T(4), 3), Sample(T(2), 3)],
        errors=[Bad((T(2, 2),), RuntimeError, "1D"), Bad((T(2), -1), RuntimeError, "negative")]),
    case("sum_to_size", sum_to_size, [
        Sample(T(2, 3), 1, 3), Sample(T(4, 2, 3), (2, 1)), Sample(T(2, 3), 2, 3)],
        dtypes=("float32", "float64", "int64"), **through("sum_to_size"),
        errors=[Bad((T(2, 3), 2, 2), RuntimeError, "expandable")]),

    # The view of a copy of x, in place, then times itself: through the changed geometry.
    case("transpose_", lambda x, a, b: np.swapaxes(x, a, b), [Sample(T(2, 3), 0, 1)],
         call=lambda xp, x, *a: x.clone().transpose_(*a), method=False),
    case("t_", lambda x: x.T, [Sample(T(2, 3)), Sample(T(3))],
         call=lambda xp, x: x.clone().t_(), method=False),
    case("squeeze_", lambda x, d=None: np.squeeze(x, d), [Sample(T(1, 3, 1)), Sample(T(1, 3), 0)],
         call=lambda xp, x, *a: x.clone().squeeze_(*a), method=False),
    case("unsqueeze_", np.expand_dims, [Sample(T(3), 0), Sample(T(2, 3), -1)],
         call=lambda xp, x, *a: x.clone().unsqueeze_(*a), method=False),
    case("as_strided_", strided, [Sample(T(6), (2, 2), (1, 3))], grad=False, dtypes=INTS,
         call=lambda xp, x, *a: x.clone().as_strided_(*a), method=False),
]


ALIASES = {
    "row_stack": "vstack", "unsafe_chunk": "chunk", "unsafe_split": "split",
    "unsafe_split_with_sizes": "split_with_sizes",
}
