"""Sorting, searching, counting, scans, statistics."""
from __future__ import annotations

import numpy as np

from op_families.reduction import ALL, ALONG, OUT_OF_RANGE, SEVERAL, axes
from op_families.spec import EVERY, FLOATS, INTS, Bad, Case, Sample, T

PAIR = ("same", "int64")
LINES = [Sample(T(3, 4)), Sample(T(3, 4), 0), Sample(T()), Sample(T(2, 3, 2), dim=1),
         Sample(T(0, 3)), Sample(T(70), 0)]
KEPT = [Sample(T(3, 4)), Sample(T(3, 4), 0), Sample(T(3, 4), 1, True), Sample(T(), 0),
        Sample(T(2, 3, 2), dim=1, keepdim=True)]
BELOW = T(40, domain="below:5", dtype="int64")


def line(function):
    """A function of an array and an axis; a number is a vector of one."""
    def along(x, dim=-1, *args, **kwargs):
        if x.ndim:
            return function(x, dim, *args, **kwargs)
        out = function(x.reshape(1), 0, *args, **kwargs)
        return tuple(y.reshape(()) for y in out) if isinstance(out, tuple) else out.reshape(())
    return along


def _order(x, dim, descending=False):
    if not descending:
        return np.argsort(x, dim, kind="stable")
    # From the end of the reversed line: equal elements in their order
    n = x.shape[dim]
    return n - 1 - np.flip(np.argsort(np.flip(x, dim), dim, kind="stable"), dim)


@line
def sort(x, dim, descending=False):
    index = _order(x, dim, descending)
    return np.take_along_axis(x, index, dim), index


def topk(x, k, dim=-1, largest=True):
    @line
    def first(x, dim):
        index = _order(x, dim, largest).take(range(k), dim)
        return np.take_along_axis(x, index, dim), index
    return first(x, dim)


def picked(place):
    """The element at place(x, index of the sorted line), with its position."""
    def pick(x, dim=-1, keepdim=False):
        @line
        def one(x, dim):
            index = np.take(_order(x, dim), [place(x.shape[dim])], dim)
            value = np.take_along_axis(x, index, dim)
            return (value, index) if keepdim else (value.squeeze(dim), index.squeeze(dim))
        return one(x, dim)
    return pick


def middle(x, dim=None, keepdim=False):
    if dim is None:
        return np.sort(x, None)[(x.size - 1) // 2]
    return picked(lambda n: (n - 1) // 2)(x, dim, keepdim)


def mode(x, dim=-1, keepdim=False):
    @line
    def most(x, dim):
        value = np.apply_along_axis(lambda a: np.bincount(a.astype(int) + 9).argmax() - 9, dim, x)
        index = np.apply_along_axis(
            lambda a: np.flatnonzero(a == np.bincount(a.astype(int) + 9).argmax() - 9)[-1], dim, x)
        value = value.astype(x.dtype)
        return (np.expand_dims(value, dim), np.expand_dims(index, dim)) if keepdim else (
            value, index)
    return most(x, dim)


def so_far(better):
    @line
    def scan(x, dim):
        x = np.moveaxis(x, dim, 0)
        index = np.zeros(x.shape, int)
        value = x.copy()
        for i in range(1, len(x)):
            take = better(x[i], value[i - 1])
            value[i] = np.where(take, x[i], value[i - 1])
            index[i] = np.where(take, i, index[i - 1])
        return np.moveaxis(value, 0, dim), np.moveaxis(index, 0, dim)
    return scan


def log_sums(x, dim):
    return np.log(np.cumsum(np.exp(x), dim)) if x.ndim else x


def renorm(x, p, dim, maxnorm):
    other = tuple(d for d in range(x.ndim) if d != dim)
    size = (np.abs(x)**p).sum(other, keepdims=True) ** (1 / p)
    return np.where(size > maxnorm, x * (maxnorm / (size + 1e-7)), x)


def trapezoid(y, x=None, dx=1.0, dim=-1):
    return np.trapezoid(y, x, dx, dim)


def partial_areas(y, x=None, dx=1.0, dim=-1):
    y = np.moveaxis(y, dim, -1)
    steps = dx if x is None else np.diff(x)
    return np.moveaxis(np.cumsum((y[..., 1:] + y[..., :-1]) / 2 * steps, -1), -1, dim)


def slopes(x, spacing=1, dim=None, edge_order=1):
    steps = spacing if isinstance(spacing, tuple) else (spacing,)
    out = np.gradient(x, *steps, axis=dim, edge_order=edge_order)
    return list(out) if isinstance(out, (tuple, list)) else [out]


def diff(x, n=1, dim=-1, prepend=None, append=None):
    more = {k: v for k, v in (("prepend", prepend), ("append", append)) if v is not None}
    return np.diff(x, n, dim, **more)


def quantile(x, q, dim=None, keepdim=False, interpolation="linear"):
    return np.quantile(x, q, axis=dim, keepdims=keepdim, method=interpolation)


def cov(x, correction=1, fweights=None, aweights=None):
    return np.cov(x, ddof=correction, fweights=fweights, aweights=aweights)


def search(a, x, right=False, side=None, out_int32=False, sorter=None):
    side = "right" if right or side == "right" else "left"
    out = np.searchsorted(a, x, side, sorter)
    return out.astype(np.int32) if out_int32 else out


def consecutive(x, return_inverse=False, return_counts=False, dim=None):
    x = x.ravel()
    new = np.r_[True, x[1:] != x[:-1]] if x.size else np.zeros(0, bool)
    counts = np.diff(np.r_[np.flatnonzero(new), x.size])
    return (x[new], np.cumsum(new) - 1, counts)[:1 + return_inverse + return_counts]


def fixed(xp, x, name, *args, **kwargs):
    """A function of a sorted vector: the elements of x in order."""
    return getattr(xp, name)(xp.sort(x).values, *args, **kwargs)


def extremes(x, dim=None, keepdim=False):
    return axes(np.min)(x, dim, keepdim), axes(np.max)(x, dim, keepdim)


def with_nan(function):
    """Of x with its first element replaced by NaN."""
    def call(xp, x, *args, **kwargs):
        hole = xp.tensor(np.arange(x.numel()).reshape(x.shape) == 0)
        return getattr(xp, function)(xp.where(hole, float("nan"), x), *args, **kwargs)
    return call


def numpy_nan(function):
    def call(x, dim=None, keepdim=False, **kwargs):
        y = x.copy()
        y.flat[0] = np.nan
        return function(y, axis=dim, keepdims=keepdim, **kwargs)
    return call


CASES = [
    Case("sort", sort, [*LINES, Sample(T(3, 4), 1, True), Sample(T(50), descending=True)],
         domain="distinct", result=PAIR, covers=("order",), errors=[OUT_OF_RANGE]),
    Case("sort:ties", sort, [Sample(T(60)), Sample(T(60), descending=True)], dtypes=(*INTS, "bool"),
         result=PAIR, grad=False, method=False,
         call=lambda xp, x, **kwargs: xp.sort(x, stable=True, **kwargs)),
    Case("argsort", lambda *a, **k: sort(*a, **k)[1], LINES, domain="distinct", grad=False,
         result="int64", errors=[OUT_OF_RANGE]),
    Case("msort", lambda x: sort(x, 0)[0], [Sample(T(3, 4)), Sample(T(5))], domain="distinct"),
    Case("topk", topk, [
        Sample(T(3, 4), 2), Sample(T(3, 4), 2, 0), Sample(T(3, 4), 3, 1, False), Sample(T(), 1),
        Sample(T(100), 5), Sample(T(100), 60), Sample(T(3, 4), 0)], domain="distinct", result=PAIR,
        errors=[Bad((T(3), 4), RuntimeError, "(?i)k out of range|k not in range"),
                Bad((T(3), -1), RuntimeError, "(?i)k out of range|k not in range")]),
    Case("kthvalue", lambda x, k, dim=-1, keepdim=False: picked(lambda n: k - 1)(x, dim, keepdim), [
        Sample(T(3, 4), 2), Sample(T(3, 4), 2, 0), Sample(T(3, 4), 4, 1, True), Sample(T(), 1)],
        domain="distinct", result=PAIR,
        errors=[Bad((T(3), 4), RuntimeError, "k out of range"),
                Bad((T(3), 0), RuntimeError, "k out of range")]),
    Case("median", middle, [Sample(T(3, 4)), Sample(T()), *KEPT[1:]], domain="distinct",
         result=PAIR, covers=("shared",), errors=[OUT_OF_RANGE]),
    Case("median:nan", lambda x, **k: np.float64(np.nan), [Sample(T(5))], dtypes=FLOATS,
         grad=False, method=False, call=with_nan("median")),
    Case("nanmedian", middle, [Sample(T(3, 4)), *KEPT[1:]], domain="distinct", result=PAIR,
         errors=[OUT_OF_RANGE]),
    Case("nanmedian:nan", lambda x: np.sort(x[1:])[1], [Sample(T(5))], dtypes=FLOATS,
         domain="distinct", method=False, call=with_nan("nanmedian")),
    Case("mode", mode, KEPT, dtypes=INTS, result=PAIR, grad=False, torch=False),
    Case("mode:grad", None, KEPT, domain="distinct", dtypes=FLOATS, result=PAIR, torch=False),
    Case("cummax", so_far(np.greater_equal), [Sample(T(3, 4), 0), Sample(T(3, 4), -1)],
         domain="distinct", result=PAIR, covers=("arg_scan",),
         errors=[OUT_OF_RANGE]),
    Case("cummax:number", so_far(np.greater_equal), [Sample(T(), 0), Sample(T(0, 3), 0)],
         dtypes=FLOATS, result=PAIR, method=False, torch=False,
         call=lambda xp, x, dim: xp.cummax(x, dim)),
    Case("cummin", so_far(np.less_equal), [Sample(T(3, 4), 0), Sample(T(3, 4), -1)],
         domain="distinct", result=PAIR, errors=[OUT_OF_RANGE]),
    Case("cumprod", lambda x, dim: np.cumprod(x, dim) if x.ndim else x, [
        Sample(T(3, 4), 0), Sample(T(3, 4), -1), Sample(T(), 0), Sample(T(2, 3, 2), 1),
        Sample(T(0, 3), 0)], dtypes=EVERY, domain="nonzero", result="sum",
        covers=("delay", "recurrence"), errors=[OUT_OF_RANGE]),
    Case("cumprod:inplace", lambda x, dim: np.cumprod(x, dim), [Sample(T(3, 4), 0)],
         dtypes=FLOATS, inplace=True),
    Case("cumprod:zeros", lambda x, dim: np.cumprod(x * [[0, 1], [1, 0], [0, 1]], dim),
         [Sample(T(3, 2), 0), Sample(T(3, 2), 1)], dtypes=FLOATS, method=False,
         call=lambda xp, x, dim: xp.cumprod(x * xp.tensor([[0, 1], [1, 0], [0, 1]]), dim)),
    Case("logcumsumexp", log_sums, [Sample(T(3, 4), 0), Sample(T(3, 4), -1), Sample(T(), 0),
         Sample(T(2, 3, 2), 1)], dtypes=FLOATS, errors=[OUT_OF_RANGE]),
    Case("aminmax", extremes, [Sample(T(3, 4)), Sample(T(3, 4), dim=0),
         Sample(T(3, 4), dim=-1, keepdim=True), Sample(T())], domain="distinct"),
    Case("var_mean", lambda x, dim=None, keepdim=False, correction=1: (
        axes(np.var)(x, dim, keepdim, ddof=correction), axes(np.mean)(x, dim, keepdim)), [
        Sample(T(3, 4)), Sample(T(3, 4), 0), Sample(T(3, 4), dim=1, keepdim=True, correction=0)],
        dtypes=FLOATS, method=False, tolerance=4, errors=[OUT_OF_RANGE]),
    Case("std_mean", lambda x, dim=None, keepdim=False, correction=1: (
        axes(np.std)(x, dim, keepdim, ddof=correction), axes(np.mean)(x, dim, keepdim)), [
        Sample(T(3, 4)), Sample(T(3, 4), 0), Sample(T(3, 4), dim=1, keepdim=True, correction=0)],
        dtypes=FLOATS, method=False, tolerance=4, errors=[OUT_OF_RANGE]),
    Case("nansum", axes(np.nansum), ALL + ALONG + SEVERAL, dtypes=EVERY, result="sum"),
    Case("nansum:nan", numpy_nan(np.nansum), [Sample(T(3, 4)), Sample(T(3, 4), 0)], dtypes=FLOATS,
         method=False, call=with_nan("nansum")),
    Case("nanmean", axes(np.nanmean), ALL + ALONG + SEVERAL, dtypes=FLOATS),
    Case("nanmean:nan", numpy_nan(np.nanmean), [Sample(T(3, 4)), Sample(T(3, 4), 0, True)],
         dtypes=FLOATS, method=False, call=with_nan("nanmean")),
    Case("count_nonzero", lambda x, dim=None: np.count_nonzero(x, dim), [
        Sample(T(3, 4)), Sample(T(3, 4), 1), Sample(T(2, 3, 2), (0, 2)), Sample(T())],
        dtypes=EVERY, result="int64", grad=False),
    Case("dist", lambda x, y, p=2: np.asarray((np.abs(x - y)**p).sum() ** (1 / p)), [
        Sample(T(3, 4), T(3, 4)), Sample(T(3, 4), T(4), 3), Sample(T(3), T(3), 1)],
        domain="distinct", dtypes=FLOATS),
    Case("renorm", renorm, [Sample(T(3, 4), 2, 0, 1.0), Sample(T(3, 4), 1, 1, 2.5),
         Sample(T(2, 3, 2), 3, 1, 0.5)], dtypes=FLOATS, inplace=True,
         errors=[Bad((T(3), 2, 0, 1.0), RuntimeError, "2 dimensions"),
                 Bad((T(3, 2), 0, 0, 1.0), RuntimeError, "non-positive")]),
    Case("diff", diff, [
        Sample(T(3, 4)), Sample(T(3, 4), 2, 0), Sample(T(3, 4), prepend=T(3, 1), append=T(3, 2)),
        Sample(T(3), 5), Sample(T(3), 0)], errors=[
            Bad((T(2, 3), 1, 2), IndexError, "out of range"),
            Bad((T(),), RuntimeError, "(?i)at least one-dim")]),
    Case("trapezoid", trapezoid, [
        Sample(T(3, 4)), Sample(T(3, 4), T(4)), Sample(T(3, 4), dx=0.5, dim=0),
        Sample(T(3, 4), T(3, 4), dim=0)], dtypes=FLOATS, method=False,
        errors=[Bad((T(3), T(4)), RuntimeError, "one `x` value")]),
    Case("cumulative_trapezoid", partial_areas, [
        Sample(T(3, 4)), Sample(T(3, 4), T(4)), Sample(T(3, 4), dx=0.5, dim=0)], dtypes=FLOATS,
        method=False, errors=[Bad((T(3), T(4)), RuntimeError, "one `x` value")]),
    Case("gradient", slopes, [
        Sample(T(5)), Sample(T(3, 4)), Sample(T(3, 4), dim=1, spacing=0.5),
        Sample(T(3, 4), spacing=(0.5, 2.0), edge_order=2), Sample(T(3, 4), dim=(1,))],
        dtypes=FLOATS, method=False, errors=[
            Bad((T(1),), RuntimeError, "edge_order.1"),
            Bad((T(3),), RuntimeError, "edge_order", {"edge_order": 3})]),
    Case("gradient:coordinates", lambda x: np.gradient(x, [0.0, 0.5, 2.0, 3.0], axis=1), [
        Sample(T(3, 4))], dtypes=FLOATS, method=False, torch=False,
        call=lambda xp, x: xp.gradient(x, spacing=(xp.tensor([0.0, 0.5, 2.0, 3.0]),), dim=1)),
    *(Case(f"quantile:{how}", quantile, [Sample(T(3, 4), 0.3, 1, interpolation=how),
           Sample(T(2, 3, 2), 0.75, 0, True, interpolation=how)], method=False, domain="distinct",
           dtypes=FLOATS, call=lambda xp, *a, **k: xp.quantile(*a, **k))
      for how in ("linear", "lower", "higher", "midpoint", "nearest")),
    Case("quantile", quantile, [Sample(T(3, 4), 0.3), Sample(T(), 0.5), Sample(T(3, 4), 0.3, 0),
         Sample(T(3, 4), 0.6, -1, True)], domain="distinct", dtypes=FLOATS, errors=[
             Bad((T(3), 2.0), RuntimeError, r"range \[0, 1\]"),
             Bad((T(0), 0.5), RuntimeError, "non-empty"),
             Bad((T(3, dtype="int64"), 0.5), RuntimeError, "float or double")]),
    Case("nanquantile", quantile, [Sample(T(3, 4), 0.3), Sample(T(3, 4), 0.3, 0)],
         domain="distinct", dtypes=FLOATS),
    Case("nanquantile:nan", lambda x, q: np.quantile(x.ravel()[1:], q), [Sample(T(3, 4), 0.3)],
         domain="distinct", dtypes=FLOATS, method=False, call=with_nan("nanquantile")),
    Case("cov", cov, [Sample(T(3, 4)), Sample(T(4)), Sample(T(3, 4), correction=0), Sample(
        T(2, 4), fweights=T(4, domain="below:3", dtype="int64"),
        aweights=T(4, domain="positive", dtype="float64", grad=False))], dtypes=("float64",),
        errors=[Bad((T(2, 2, 2),), RuntimeError, "two or fewer")]),
    Case("corrcoef", np.corrcoef, [Sample(T(3, 4)), Sample(T(4))], dtypes=FLOATS, tolerance=10,
         errors=[Bad((T(2, 2, 2),), RuntimeError, "two or fewer")]),
    Case(
        "searchsorted", lambda a, x, **k: search(np.sort(a), x, **k), [
            Sample(T(20), T(3, 4)), Sample(T(20), T(5), right=True),
            Sample(T(20), T(), side="right"), Sample(T(0), T(2))],
        call=lambda xp, a, x, **k: fixed(xp, a, "searchsorted", x, **k), result="int64",
        grad=False, method=False),
    Case("bucketize", lambda x, a, right=False: search(np.sort(a), x, right), [
        Sample(T(3, 4), T(20)), Sample(T(), T(5), right=True)], result="int64", grad=False,
        method=False, call=lambda xp, x, a, **k: xp.bucketize(x, xp.sort(a).values, **k)),
    Case("isin", lambda x, y, invert=False: np.isin(x, y, invert=invert), [
        Sample(T(3, 4), T(5)), Sample(T(3, 4), T(2, 2), invert=True), Sample(T(), T(3)),
        Sample(T(3, 4), 1)], result="bool", grad=False, method=False),
    Case("argwhere", np.argwhere, [Sample(T(3, 4)), Sample(T(5))], dtypes=EVERY, result="int64",
         grad=False),
    Case("nonzero_static", lambda x, size: np.concatenate(
        [np.argwhere(x), np.full((size, x.ndim), -1)])[:size], [
            Sample(T(3, 4), size=3), Sample(T(5), size=9)], dtypes=EVERY, result="int64",
         grad=False, errors=[Bad((T(3),), RuntimeError, "non-negative", {"size": -1})]),
    Case("unique", lambda x, return_inverse=False, return_counts=False, dim=None: np.unique(
        x, False, return_inverse, return_counts, dim), [
            Sample(T(3, 4)), Sample(T(0)), Sample(T(20), return_inverse=True),
            Sample(T(20), return_counts=True), Sample(T(4, 2), dim=0), Sample(T())],
         dtypes=EVERY, result=PAIR, grad=False),
    Case("unique_consecutive", consecutive, [
        Sample(T(30)), Sample(T(30), return_inverse=True, return_counts=True), Sample(T(0))],
        dtypes=INTS, result=PAIR, grad=False),
    Case("bincount", lambda x, w=None, minlength=0: np.bincount(x, w, minlength), [
        Sample(BELOW), Sample(BELOW, None, 9)], dtypes=("int64",), result="int64", grad=False,
        errors=[Bad((T(2),), (RuntimeError, NotImplementedError), "bincount"),
                Bad((T(2, 2, dtype="int64"),), RuntimeError, "1-d"),
                Bad((T(2, dtype="int64"), None, -1), RuntimeError, "minlength")]),
    Case("bincount:weights", lambda x, w: np.bincount(x, w), [Sample(BELOW, T(40, grad=False))],
         dtypes=FLOATS, grad=False),
    Case("histc", lambda x, bins=100, min=0, max=0: np.histogram(
        x, bins, (min, max) if min != max else (x.min(), x.max()))[0], [
            Sample(T(3, 4), 4, -2, 2), Sample(T(50), 7), Sample(T(50), 3, -1.5, 1.5)],
         dtypes=FLOATS, grad=False,
         errors=[Bad((T(3), 0), RuntimeError, "bins"), Bad((T(3), 5, 2, 1), RuntimeError, "max")]),
    Case("histogram", lambda x, bins, range=None, density=False, weight=None: np.histogram(
        x, bins, range, density, weight), [
            Sample(T(50), 7), Sample(T(3, 4), 4, range=(-2.0, 2.0)), Sample(T(50), 5, density=True),
            Sample(T(50), 4, weight=T(50, domain="positive"))],
         dtypes=FLOATS, grad=False, errors=[Bad((T(3), 0), RuntimeError, "bins")]),
]

ALIASES = {"trapz": "trapezoid"}
