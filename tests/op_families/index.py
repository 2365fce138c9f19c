"""Indexing, get and set, and its relatives."""
from __future__ import annotations

from functools import partial

import numpy as np

from op_families.spec import EVERY, FLOATS, NUMBERS, Bad, Case, Sample, T

LONG = "int64"


def case(name, numpy, samples, **options):
    return Case(name, numpy, samples, **{"dtypes": EVERY, **options})


def get(name, index, shape=(4, 3), **options):
    """x[index]; `index` gets the library, to make index tensors of."""
    return case(f"getitem:{name}", lambda x: x[index(np)], [Sample(T(*shape))], method=False,
                call=lambda xp, x: x[index(xp)], **options)


def put(name, index, value, shape=(4, 3), **options):
    """x[index] = value, on a copy of x."""
    def assign(xp, x, v):
        y = x.clone() if hasattr(x, "clone") else x.copy()
        y[index(xp)] = v
        return y
    return case(f"setitem:{name}", lambda x, v: assign(np, x, v), [Sample(T(*shape), value)],
                call=assign, method=False, **options)


def changed(name, view, value):
    """A view of a copy of x is multiplied in place; the copy and a view made before come back."""
    def change(xp, x, v):
        y = x.clone() if hasattr(x, "clone") else x.copy()
        before, part = y[0], view(y)
        part *= v
        return y * 1, before * 1
    return case(f"mul_:{name}", lambda x, v: change(np, x, v), [Sample(T(4, 3), value)],
                call=change, method=False, dtypes=NUMBERS,
                covers=("strided_assign", "as_strided", "slice_assign"))


def array(xp, values):
    values = np.array(values, dtype=None if values else np.int64)
    return values if xp is np else xp.tensor(values)


def along(x, dim):
    return dim % max(x.ndim, 1)


def gather(x, dim, index):
    if x.ndim == 0:
        return x
    cut = tuple(slice(None) if d == along(x, dim) else slice(n) for d, n in enumerate(index.shape))
    return np.take_along_axis(x[cut], index, dim)


def triangle(function):
    return lambda x, diagonal=0: function(x, diagonal)


def one_hot(x, num_classes=-1):
    n = int(x.max()) + 1 if num_classes == -1 else num_classes
    return np.eye(n, dtype=np.int64)[x]


def scatter(x, dim, index, src=None, value=None, add=False):
    """Element by element: out[index[i, j], j] = src[i, j] for dim 0."""
    y = x.copy()
    if x.ndim == 0:
        y[...] = y + src if add else src
        return y
    for place in np.ndindex(index.shape):
        to = list(place)
        to[along(x, dim)] = index[place]
        new = (value if src is None else src[place] if isinstance(src, np.ndarray) else src)
        y[tuple(to)] = y[tuple(to)] + new if add else new
    return y


def index_add(x, dim, index, source, alpha=1):
    y = x.copy()
    z = np.moveaxis(y, dim, 0)          # a view
    for i, part in zip(index, np.moveaxis(source, dim, 0)):
        z[i] += alpha * part
    return y


GRID = [[True, False, True], [False, False, True], [True, True, False], [False] * 3]

CASES = [
    get("integer", lambda xp: 1), get("negative", lambda xp: (-1, -2)),
    get("scalar", lambda xp: (2, 1)), get("slice", lambda xp: slice(1, 3)),
    get("step", lambda xp: (slice(None, None, 2), slice(2, None))),
    get("beyond", lambda xp: slice(2, 99)), get("empty", lambda xp: slice(3, 1)),
    get("newaxis", lambda xp: (None, slice(None), None, 0)),
    get("ellipsis", lambda xp: (..., 1), shape=(2, 3, 4)),
    get("0-d", lambda xp: ..., shape=()), get("0-d-newaxis", lambda xp: None, shape=()),
    get("list", lambda xp: [0, 2, 2]), get("tensor", lambda xp: array(xp, [[0, -1], [1, 1]])),
    get("no-indices", lambda xp: array(xp, [])),
    get("pairs", lambda xp: (array(xp, [0, 1, 1]), array(xp, [2, 0, 0]))),
    get("broadcast", lambda xp: (array(xp, [[0], [3]]), array(xp, [2, 0]))),
    get("second", lambda xp: (slice(None), array(xp, [2, 0, 2]))),
    get("middle", lambda xp: (slice(None), array(xp, [1, 0]), slice(1, None)), shape=(2, 3, 4)),
    get("apart", lambda xp: (array(xp, [1, 0]), slice(None), array(xp, [1, 3])), shape=(2, 3, 4)),
    # NumPy puts the dimension of the indices first here: it takes 1 for an index array too.
    case("getitem:integer-and-tensor", lambda x: x[1][:, [1, 3]], [Sample(T(2, 3, 4))],
         call=lambda xp, x: x[1, :, xp.tensor([1, 3])], method=False),
    get("mask", lambda xp: array(xp, GRID)),
    get("row-mask", lambda xp: array(xp, [True, False, True, True])),
    get("column-mask", lambda xp: (slice(None), array(xp, [True, False, True]))),
    get("no-mask", lambda xp: array(xp, [False] * 4)),
    case("getitem:errors", lambda x: x, [Sample(T(2, 3))], call=lambda xp, x, i=...: x[i],
         method=False, errors=[
             Bad((T(2, 3), 2), IndexError, "index 2.*dimension 0.*size 2"),
             Bad((T(2, 3), (0, 0, 0)), IndexError, "(?i)too many indices"),
             Bad((T(2, 3), [0, 2]), IndexError, "index 2.*dimension 0.*size 2"),
             Bad((T(2, 3), 1.5), (IndexError, TypeError), "(?i)float|indices"),
             Bad((T(2, 3), slice(None, None, -1)), ValueError, "(?i)step"),
             Bad((T(2, 3), T(3, dtype="bool")), IndexError, "(?i)mask|shape")]),

    put("integer", lambda xp: 1, T(3)), put("number", lambda xp: (1, 2), 2),
    put("slice", lambda xp: (slice(1, 3), 0), T(2)), put("broadcast", lambda xp: slice(1, 4), T(3)),
    put("step", lambda xp: slice(None, None, 2), T(2, 3)),
    put("everything", lambda xp: ..., T()), put("0-d", lambda xp: ..., T(), shape=()),
    put("list", lambda xp: [0, 3], T(2, 3)), put("list-number", lambda xp: [0, 3], 2),
    put("pairs", lambda xp: (array(xp, [0, 1, 3]), array(xp, [2, 0, 0])), T(3)),
    put("second", lambda xp: (slice(None), array(xp, [2, 0])), T(4, 2)),
    put("apart", lambda xp: (array(xp, [1, 0]), slice(None), array(xp, [1, 3])), T(2, 3),
        shape=(2, 3, 4)),
    put("mask", lambda xp: array(xp, GRID), T(5)),
    put("mask-number", lambda xp: array(xp, GRID), 2),
    put("row-mask", lambda xp: array(xp, [True, False, True, True]), T(3)),
    put("empty", lambda xp: slice(2, 2), T(3)),

    # In-place changes of views, seen through the base and through another view.
    changed("of-a-row", lambda y: y[1], T(3)), changed("of-columns", lambda y: y[:, ::2], T(4, 2)),
    changed("of-the-transpose", lambda y: y.T[1:], T(4)),
    changed("of-a-reshape", lambda y: y.reshape(2, 6)[1], T(6)),
    changed("of-everything", lambda y: y, T(3)),
    changed("twice", lambda y: y[1:].T[::2], T(2, 1)),
    case("copy_", lambda x, v: np.broadcast_to(v, x.shape), [Sample(T(4, 3), T(3)), Sample(
        T(4, 3), T()), Sample(T(), T())], call=lambda xp, x, v: x.clone().copy_(v), method=False,
        covers=("overwrite",)),

    case("index_select", lambda x, dim, i: np.take(x, i, dim) if x.ndim else x, [
        Sample(T(4, 3), 0, T(5, domain="below:4", dtype=LONG)),
        Sample(T(4, 3), -1, T(2, domain="below:3", dtype="int32")),
        Sample(T(4), 0, T(0, domain="below:4", dtype=LONG))],
        errors=[Bad((T(2, 3), 0, T(2)), (RuntimeError, IndexError), "(?i)index_select|int"),
                Bad((T(2, 3), 2, T(2, domain="below:2", dtype=LONG)), IndexError,
                    "(?i)dimension out of range")]),
    case("gather", gather, [
        Sample(T(4, 3), 0, T(2, 3, domain="below:4", dtype=LONG)),
        Sample(T(4, 3), 1, T(4, 5, domain="below:3", dtype=LONG)),
        Sample(T(4, 3), -1, T(2, 2, domain="below:3", dtype=LONG)),
        Sample(T(4), 0, T(0, domain="below:4", dtype=LONG)),
        Sample(T(), 0, T(domain="below:1", dtype=LONG))],
        errors=[Bad((T(2, 3), 0, T(2, dtype=LONG)), RuntimeError, "(?i)gather|dimension"),
                Bad((T(2, 3), 0, T(2, 3)), RuntimeError, "gather")]),
    case("scatter", scatter, [
        Sample(T(4, 3), 0, T(2, 3, domain="permuted", dtype=LONG), T(2, 3)),
        Sample(T(4, 3), 1, T(3, 2, domain="permuted", dtype=LONG), T(3, 3, grad=False)),
        Sample(T(4, 3), 1, T(3, 2, domain="permuted", dtype=LONG), 2),
        Sample(T(4, 3), 0, T(0, 3, domain="permuted", dtype=LONG), T(0, 3))],
        dtypes=NUMBERS, inplace=True, errors=[
            Bad((T(2, 3), 0, T(2, dtype=LONG), T(2)), RuntimeError, "scatter|dimension"),
            Bad((T(2, 3), 0, T(1, 3), T(1, 3)), RuntimeError, "scatter")]),
    case("scatter:value", scatter, [
        Sample(T(4, 3), 0, T(2, 3, domain="below:4", dtype=LONG), value=2)], dtypes=NUMBERS,
        inplace=True),
    case("scatter_add", partial(scatter, add=True), [
        Sample(T(4, 3), 0, T(6, 3, domain="below:4", dtype=LONG), T(6, 3)),
        Sample(T(4, 3), -1, T(2, 5, domain="below:3", dtype=LONG), T(2, 5)),
        Sample(T(4, 3), 1, T(2, 5, domain="below:3", dtype=LONG), T(3, 6, grad=False)),
        Sample(T(), 0, T(domain="below:1", dtype=LONG), T())], dtypes=NUMBERS, inplace=True),
    case("index_add", index_add, [
        Sample(T(4, 3), 0, T(5, domain="below:4", dtype=LONG), T(5, 3)),
        Sample(T(4, 3), 1, T(4, domain="below:3", dtype=LONG), T(4, 4), alpha=2)],
        dtypes=NUMBERS, inplace=True, errors=[
            Bad((T(2, 3), 0, T(2, dtype=LONG, domain="below:2"), T(3, 3)),
                (RuntimeError, IndexError), "index_add")]),
    case("masked_select", lambda x, m: np.broadcast_arrays(x, m)[0][
        np.broadcast_arrays(x, m)[1]], [
            Sample(T(3, 4), T(3, 4, dtype="bool")), Sample(T(3, 4), T(4, dtype="bool")),
            Sample(T(4), T(3, 4, dtype="bool")), Sample(T(), T(dtype="bool"))],
         errors=[Bad((T(2), T(2)), RuntimeError, "masked_select")]),
    case("take", lambda x, i: x.ravel()[i], [
        Sample(T(4, 3), T(2, 5, domain="below:12", dtype=LONG)),
        Sample(T(), T(3, domain="below:1", dtype=LONG))], errors=[
            Bad((T(2, 3), T(2)), (RuntimeError, IndexError), "take|index")]),
    case("take_along_dim", lambda x, i, dim=None: np.take_along_axis(x, i, dim), [
        Sample(T(4, 3), T(2, 3, domain="below:4", dtype=LONG), 0),
        Sample(T(4, 3), T(4, 1, domain="below:3", dtype=LONG), dim=1),
        Sample(T(4, 3), T(5, domain="below:12", dtype=LONG))]),
    case("select", lambda x, dim, i: np.take(x, i, dim), [
        Sample(T(4, 3), 0, 2), Sample(T(4, 3), -1, -3)], covers=("slice",),
        errors=[Bad((T(2, 3), 0, 2), IndexError, "select|index 2|out of range"),
                Bad((T(2, 3), 2, 0), IndexError, "(?i)dimension out of range")]),
    case("diag", np.diag, [Sample(T(3)), Sample(T(3, 4)), Sample(T(3), 1), Sample(T(3, 4), -1),
                           Sample(T(0))],
         errors=[Bad((T(2, 2, 2),), RuntimeError, "diag|1D")]),
    case("flip", np.flip, [Sample(T(3, 4), (0,)), Sample(T(3, 4), (0, -1)), Sample(T(), ()),
                           Sample(T(2, 1, 3), [2, 0])],
         errors=[Bad((T(2, 3), (2,)), IndexError, "(?i)dimension out of range"),
                 Bad((T(2, 3), (0, 0)), RuntimeError, "flip|multiple")]),
    case("tril", triangle(np.tril), [
        Sample(T(3, 4)), Sample(T(3, 3), 1), Sample(T(2, 3, 3), diagonal=-1), Sample(T(0, 3))],
         inplace=True,
         errors=[Bad((T(3),), RuntimeError, "tril")]),
    case("triu", triangle(np.triu), [
        Sample(T(3, 4)), Sample(T(3, 3), 1), Sample(T(2, 3, 3), diagonal=-1), Sample(T(0, 3))],
         inplace=True,
         errors=[Bad((T(3),), RuntimeError, "triu")]),
    case("nonzero", np.argwhere, [Sample(T(3, 4)), Sample(T(5)), Sample(T(0, 2)), Sample(T())],
         grad=False, result="int64"),
    Case("nn.functional.embedding", lambda i, w: w[i], [
        Sample(T(5, domain="below:4", dtype=LONG), T(4, 3)),
        Sample(T(2, 3, domain="below:4", dtype="int32"), T(4, 3)),
        Sample(T(domain="below:4", dtype=LONG), T(4, 2)),
        Sample(T(0, domain="below:4", dtype=LONG), T(4, 2))], dtypes=FLOATS, method=False,
        errors=[Bad((T(2), T(4, 3)), RuntimeError, "(?i)embedding|int")]),
    Case("nn.functional.one_hot", one_hot, [
        Sample(T(5, domain="below:4", dtype=LONG), 4),
        Sample(T(2, 3, domain="below:4", dtype=LONG)),
        Sample(T(domain="below:4", dtype=LONG), 5)], dtypes=("int64",), grad=False, method=False,
        errors=[Bad((T(2),), RuntimeError, "(?i)one_hot")]),
]

INTERNAL = {
    "slice": "getitem:slice",
    "index": "getitem:tensor",
    "index_backward": "getitem:tensor",
    "index_put": "setitem:list",
    "gather_backward": "gather",
}
