"""Elements put somewhere: filled, copied, folded, masked; positions of elements."""
from __future__ import annotations

import numpy as np

from op_families.index import LONG, case
from op_families.shape import OUT_OF_RANGE
from op_families.spec import NUMBERS, Bad, Sample, T


def lines(x, dim):
    """A view of x with `dim` in front; of a number its only element."""
    return np.moveaxis(x, dim, 0) if x.ndim else x.reshape(1)


def index_fill(x, dim, index, value):
    y = x.copy()
    lines(y, dim)[index] = value
    return y


def index_copy(x, dim, index, source):
    y = x.copy()
    for i, part in zip(np.atleast_1d(index), lines(source, dim)):
        lines(y, dim)[i] = part
    return y


FOLD = {"sum": np.add, "mean": np.add, "prod": np.multiply, "amax": np.maximum,
        "amin": np.minimum}


def scatter_reduce(x, dim, index, src, reduce, include_self=True):
    """One element after the other."""
    y, count, seen = x.copy(), np.ones(x.shape, int), np.zeros(x.shape, bool)
    for place in np.ndindex(index.shape):
        to = list(place)
        to[dim % x.ndim] = index[place]
        to = tuple(to)
        first = not (include_self or seen[to])
        y[to] = src[place] if first else FOLD[reduce](y[to], src[place])
        count[to] = 1 if first else count[to] + 1
        seen[to] = True
    return y if reduce != "mean" else y / count if x.dtype.kind == "f" else \
        np.floor_divide(y, count).astype(x.dtype)


def index_reduce(x, dim, index, source, reduce, include_self=True):
    full = index.reshape([-1 if d == dim % x.ndim else 1 for d in range(x.ndim)])
    return scatter_reduce(x, dim, np.broadcast_to(full, source.shape), source, reduce,
                          include_self)


def put(x, index, source, accumulate=False):
    y = x.ravel().copy()
    for i, v in zip(index.ravel(), source.ravel()):
        y[i] = y[i] + v if accumulate else v
    return y.reshape(x.shape)


def index_put(x, indices, values, accumulate=False):
    y = x.copy()
    if accumulate:
        np.add.at(y, tuple(indices), values)
    else:
        y[tuple(indices)] = values
    return y


def masked_scatter(x, mask, source):
    x, mask = (a.copy() for a in np.broadcast_arrays(x, mask))
    x[mask] = source.ravel()[:mask.sum()]
    return x


def replaced(part):
    """A copy of x with src in the part that `part` selects."""
    def function(x, src, *args):
        y = x.copy()
        part(y, *args)[...] = src
        return y
    return function


def slices(y, dim=0, start=None, end=None, step=1):
    return np.moveaxis(lines(y, dim)[start:end:step], 0, dim)


def diagonal_scatter(x, src, offset=0):
    y = x.copy()
    for i, v in enumerate(src):
        y[i + max(-offset, 0), i + max(offset, 0)] = v
    return y


def as_strided_scatter(x, src, size, stride, offset):
    y = x.copy()
    for place in np.ndindex(*size):
        y[offset + sum(p * s for p, s in zip(place, stride))] = src[place]
    return y


def fill_diagonal(x, value, wrap=False):
    y = x.copy()
    np.fill_diagonal(y, value, wrap)
    return y


def nonzero_static(x, size, fill_value=-1):
    found = np.argwhere(x)[:size]
    return np.concatenate([found, np.full((size - len(found), x.ndim), fill_value)])


def folds(name, function, arguments, **options):
    """A row for each way to fold, with and without an element's own value."""
    rows = [case(name, function, [Sample(*arguments, "amax")], dtypes=NUMBERS, **options)]
    # A mean of integers is rounded; products and extremes have kinks where values repeat.
    for reduce in ("sum", "prod", "mean", "amax", "amin"):
        if name == "index_reduce" and reduce == "sum":
            continue
        rows.append(case(f"{name}:{reduce}", function, [
            Sample(*arguments, reduce), Sample(*arguments, reduce, include_self=False)],
            dtypes=NUMBERS, domain="distinct", inplace=True, covers=("scatter_reduce",)))
    return rows


INDEX = T(5, 3, domain="below:4", dtype=LONG)
VECTOR = T(5, domain="below:4", dtype=LONG)

CASES = [
    case("index_fill", index_fill, [
        Sample(T(4, 3), 0, T(2, domain="below:4", dtype=LONG), 2),
        Sample(T(4, 3), -1, T(3, domain="below:3", dtype=LONG), 1),
        Sample(T(), 0, T(1, domain="below:1", dtype=LONG), 3)],
        inplace=True, dtypes=NUMBERS, errors=[
            Bad((T(3), 0, T(2), 1), (IndexError, RuntimeError), "index_fill"),
            Bad((T(3), 1, T(2, dtype=LONG, domain="below:2"), 1), IndexError, OUT_OF_RANGE),
            Bad((T(3), 0, T(2, dtype=LONG, domain="below:2"), T(2)), RuntimeError,
                "0-dimension")]),
    case("index_fill:tensor", index_fill, [
        Sample(T(4, 3), 0, T(3, domain="below:4", dtype=LONG), T())], inplace=True,
        dtypes=NUMBERS),
    case("index_copy", index_copy, [
        Sample(T(4, 3), 0, T(2, domain="permuted", dtype=LONG), T(2, 3)),
        Sample(T(4, 3), 1, T(3, domain="permuted", dtype=LONG), T(4, 3)),
        Sample(T(), 0, T(1, domain="below:1", dtype=LONG), T())], inplace=True, errors=[
            Bad((T(4, 3), 0, T(2, dtype=LONG, domain="below:2"), T(3, 3)), IndexError,
                "Number of indices"),
            Bad((T(4, 3), 0, T(2, dtype=LONG, domain="below:2"), T(2, 2)), RuntimeError, "slice"),
            Bad((T(2, 3), 0, T(1, dtype=LONG, domain="below:1"), T(1, 3, dtype="float64")),
                RuntimeError, "dtype")]),
    *folds("scatter_reduce", scatter_reduce, (T(4, 3), 0, INDEX, T(5, 3)), errors=[
        Bad((T(4, 3), 0, INDEX, T(5, 3), "median"), RuntimeError, "reduce"),
        Bad((T(4, 3), 0, INDEX, T(2, 3), "sum"), RuntimeError, "(?i)index"),
        Bad((T(4, 3), 2, INDEX, T(5, 3), "sum"), IndexError, OUT_OF_RANGE)]),
    *folds("index_reduce", index_reduce, (T(4, 3), 0, VECTOR, T(5, 3)), errors=[
        Bad((T(4, 3), 0, VECTOR, T(5, 3), "sum"), RuntimeError, "reduce"),
        Bad((T(4, 3), 0, VECTOR, T(4, 3), "prod"), RuntimeError, "Number of indices")]),
    case("scatter:multiply", lambda x, dim, i, src, reduce: scatter_reduce(x, dim, i, src, "prod"),
         [Sample(T(4, 3), 0, INDEX, T(5, 3), reduce="multiply")], dtypes=NUMBERS,
         covers=("scatter_reduce",), torch=False),
    case("put", put, [
        Sample(T(4, 3), T(1, 4, domain="permuted", dtype=LONG), T(4)),
        Sample(T(4, 3), T(6, domain="below:12", dtype=LONG), T(6), True)],
        dtypes=NUMBERS, inplace=True, errors=[
            Bad((T(3), T(2, dtype=LONG, domain="below:2"), T(3)), IndexError, "same number"),
            Bad((T(3), T(2), T(2)), RuntimeError, "(?i)index"),
            Bad((T(2), T(1, dtype=LONG, domain="permuted"), T(1, dtype="float64")), RuntimeError,
                "dtype")]),
    case("index_put", index_put, [
        Sample(T(4, 3), (T(2, domain="permuted", dtype=LONG),), T(2, 3)),
        Sample(T(4, 3), (T(2, 1, domain="permuted", dtype=LONG),
                         T(3, domain="permuted", dtype=LONG)), T(3)),
        Sample(T(4, 3), (T(5, domain="below:4", dtype=LONG),), T(5, 3), True)],
        dtypes=NUMBERS, inplace=True, errors=[
            Bad((T(3), (T(2, dtype=LONG, domain="below:2"),), T(2, dtype="float64")), RuntimeError,
                "dtypes match"),
            Bad((T(3), (T(2, dtype=LONG, domain="below:2"),), T(5)), RuntimeError, "broadcast")]),
    case("masked_scatter", masked_scatter, [
        Sample(T(3, 4), T(3, 4, dtype="bool"), T(12)), Sample(T(3, 4), T(4, dtype="bool"), T(3, 4)),
        Sample(T(4), T(3, 4, dtype="bool"), T(2, 6))], inplace=True, errors=[
            Bad((T(3), T(3), T(3)), RuntimeError, "boolean"),
            Bad((T(64), T(64, dtype="bool"), T(1)), RuntimeError, "Number of elements"),
            Bad((T(3), T(3, dtype="bool"), T(3, dtype="float64")), RuntimeError, "dtypes")]),
    case("select_scatter", replaced(lambda y, dim, i: lines(y, dim)[i]), [
        Sample(T(4, 3), T(3), 0, 2), Sample(T(4, 3), T(4), -1, -1)], errors=[
            Bad((T(4, 3), T(4), 0, 0), RuntimeError, "select_scatter|size equal"),
            Bad((T(4, 3), T(3), 0, 4), IndexError, "out of range")]),
    case("slice_scatter", replaced(slices), [
        Sample(T(4, 3), T(2, 3), 0, 1, 3), Sample(T(4, 5), T(4, 2), 1, 1, None, 2),
        Sample(T(4, 3), T(4, 3))], errors=[
            Bad((T(4, 3), T(4), 0, 1, 2), RuntimeError, "slice|size"),
            Bad((T(4, 3), T(4, 3), 0, None, None, 0), RuntimeError, "step")]),
    case("diagonal_scatter", diagonal_scatter, [
        Sample(T(3, 4), T(3)), Sample(T(4, 3), T(3)), Sample(T(3, 4), T(2), -1)],
        errors=[Bad((T(3, 4), T(4)), RuntimeError, "diagonal_scatter|size equal")]),
    case("as_strided_scatter", as_strided_scatter, [Sample(T(12), T(2, 2), (2, 2), (3, 1), 1)],
         call=lambda xp, x, *a: xp.as_strided_scatter(x * 1, *a), method=False, dtypes=NUMBERS,
         torch=False,
         errors=[Bad((T(4), T(3), (2,), (1,), 0), RuntimeError, "size")]),
    case("fill_diagonal_", fill_diagonal, [
        Sample(T(3, 4), 2), Sample(T(5, 2), 1, True), Sample(T(5, 2), 1), Sample(T(2, 2, 2), 3)],
         call=lambda xp, x, *a: x.clone().fill_diagonal_(*a), method=False, dtypes=NUMBERS),
    case("argwhere", np.argwhere, [Sample(T(3, 4)), Sample(T(0, 2))], grad=False, result=LONG),
    case("nonzero_static", nonzero_static, [Sample(T(3, 4), size=3), Sample(T(2, 2), size=6)],
         grad=False, result=LONG, errors=[Bad((T(3),), RuntimeError, "non-negative",
                                              {"size": -1})]),
    case("unravel_index", lambda i, shape: np.unravel_index(i, shape), [
        Sample(T(5, domain="below:24"), (2, 3, 4)), Sample(T(domain="below:3"), (3,))],
         grad=False, method=False, dtypes=("int64", "int32"), result=LONG, errors=[
             Bad((T(3, dtype=LONG, domain="below:3"), (1,)), ValueError, "out of range",
                 torch=False),
             Bad((T(3), (4,)), TypeError, "integer"),
             Bad((T(3, dtype=LONG, domain="below:3"), (-4,)), ValueError, "negative")]),
    case("tril_indices", lambda n, m, k=0: np.stack(np.tril_indices(n, k, m)), [
        Sample(3, 4), Sample(4, 3, 1), Sample(3, 3, -1), Sample(0, 2)], grad=False, method=False,
        dtypes=(LONG,), result=LONG, errors=[Bad((-1, 2), RuntimeError, "non-negative")]),
    case("triu_indices", lambda n, m, k=0: np.stack(np.triu_indices(n, k, m)), [
        Sample(3, 4), Sample(4, 3, 1), Sample(3, 3, -1)], grad=False, method=False,
        dtypes=(LONG,), result=LONG, errors=[Bad((1, -2), RuntimeError, "non-negative")]),
]
