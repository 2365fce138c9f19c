"""Pooling, window by window in NumPy."""
from __future__ import annotations

import itertools

import numpy as np

from op_families.conv import several
from op_families.spec import FLOATS, Bad, Case, Sample, T


def regular(size, kernel, stride, padding, dilation, ceil_mode):
    """The places (also those in the padding) of each window along one dimension."""
    out = (size + 2 * padding - dilation * (kernel - 1) - 1) / stride
    out = int(np.ceil(out) if ceil_mode else np.floor(out)) + 1
    if ceil_mode and (out - 1) * stride >= size + padding:
        out -= 1
    return [[o * stride - padding + dilation * k for k in range(kernel)] for o in range(out)]


def even(size, out):
    return [list(range(o * size // out, -(-(o + 1) * size // out))) for o in range(out)]


def pooled(x, windows, function):
    """function(values, places inside) for each product of windows of the last dimensions."""
    nd = len(windows)
    sizes = x.shape[-nd:]
    flat = x.reshape(*x.shape[:-nd], np.prod(sizes))
    y = []
    for combined in itertools.product(*windows):
        inside = [[p for p in w if 0 <= p < n] for w, n in zip(combined, sizes)]
        places = [np.ravel_multi_index(p, sizes) for p in itertools.product(*inside)]
        y.append(function(flat[..., places], np.array(places), combined))
    shape = (*x.shape[:-nd], *map(len, windows))
    if isinstance(y[0], tuple):
        return tuple(np.stack(part, -1).reshape(shape) for part in zip(*y))
    return np.stack(y, -1).reshape(shape)


def greatest(values, places, window):
    best = values.argmax(-1)
    return values.max(-1), places[best]


def maxima(nd, pair=False):
    def function(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
                 return_indices=False):
        k = several(kernel_size, nd)
        windows = [regular(n, *spec, ceil_mode) for n, *spec in zip(
            x.shape[-nd:], k, several(stride or k, nd), several(padding, nd),
            several(dilation, nd))]
        found = pooled(x, windows, greatest)
        return found if pair or return_indices else found[0]
    return function


def means(nd):
    def function(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
                 divisor_override=None):
        k, p, sizes = several(kernel_size, nd), several(padding, nd), x.shape[-nd:]
        windows = [regular(n, a, b, c, 1, ceil_mode) for n, a, b, c in zip(
            sizes, k, several(stride or k, nd), p)]

        def mean(values, places, window):
            count = len(places)
            if count_include_pad:      # places in the padding, but not beyond it
                count = np.prod([sum(i < n + q for i in w) for w, n, q in zip(window, sizes, p)])
            return values.sum(-1) / (divisor_override or count)
        y = pooled(x, windows, mean)
        return np.trunc(y).astype(x.dtype) if x.dtype.kind == "i" else y
    return function


def adaptive(nd, function, first_only=False):
    def pool(x, output_size, return_indices=False):
        sizes = several(output_size, nd)
        windows = [even(n, n if o is None else o) for n, o in zip(x.shape[-nd:], sizes)]
        found = pooled(x, windows, function)
        return found[0] if first_only and not return_indices else found
    return pool


def norms(nd):
    def function(x, p, kernel_size, stride=None, ceil_mode=False):
        k = several(kernel_size, nd)
        windows = [regular(n, a, b, 0, 1, ceil_mode) for n, a, b in zip(
            x.shape[-nd:], k, several(stride or k, nd))]

        def norm(values, places, window):
            # A window over the end counts with the mean of what it has
            inside = np.prod([sum(i < n for i in w) for w, n in zip(window, x.shape[-nd:])])
            return ((values ** p).sum(-1) * np.prod(k) / inside) ** (1 / p)
        return pooled(x, windows, norm)
    return function


def put(nd):
    def function(x, index, kernel_size, stride=None, padding=0, output_size=None):
        k = several(kernel_size, nd)
        sizes = output_size or [(n - 1) * s + a - 2 * p for n, s, a, p in zip(
            x.shape[-nd:], several(stride or k, nd), k, several(padding, nd))]
        sizes = sizes[-nd:]
        y = np.zeros((*x.shape[:-nd], int(np.prod(sizes))), x.dtype)
        np.put_along_axis(y, index.reshape(*x.shape[:-nd], -1), x.reshape(*x.shape[:-nd], -1), -1)
        return y.reshape(*x.shape[:-nd], *sizes)
    return function


def kinds(nd):
    s = {1: (7,), 2: (6, 5), 3: (5, 4, 3)}[nd]
    d = f"{nd}d"
    x = T(1, 2, *s)
    names = {"method": False, "domain": "distinct"}
    wide = Sample(T(4, 8, *(16,) * nd), 2)
    sizes = [
        Bad((x, 0), RuntimeError, "kernel"), Bad((x, 2, -1), RuntimeError, "stride"),
        Bad((x, 2, 1, 2), RuntimeError, "pad.*half"), Bad((x, 9), RuntimeError, "small|9"),
        Bad((x, 2, 1, -1), RuntimeError, "pad"),
        Bad((T(*s[1:]), 2), RuntimeError, "pool", torch=False),
        Bad((x, 2.5), TypeError, "."), Bad(([1.0], 2), TypeError, "."),
        Bad((x, (2, 2, 2, 2)), RuntimeError, "kernel"),
        Bad((x, 1 << 40), RuntimeError, "kernel", torch=False)]
    samples = [
        Sample(x, 2), Sample(T(3, *s), 3, 2, 1), Sample(x, 3, stride=2, ceil_mode=True),
        Sample(x, 2, 1, 1, ceil_mode=True), Sample(T(0, 3, *s), 2),
        Sample(x, (2, 3, 2)[:nd], stride=(3, 2, 1)[:nd])]
    maximum = [*samples, Sample(x, 2, 2, 1, 2), Sample(x, 2, dilation=3, padding=1, ceil_mode=True)
               if nd == 1 else Sample(x, 2, dilation=2)]
    cases = [
        Case(f"nn.functional.max_pool{d}", maxima(nd), maximum + [
            Sample(T(2, 1, *s), 2, return_indices=True)],
            dtypes=FLOATS if nd == 1 else (*FLOATS, "int64"), result=("same", "int64"),
            bench=wide, errors=[*sizes, Bad((x, 2, 2, 0, 0), RuntimeError, "dilation"),
                                Bad((T(2, 0, *s), 2), RuntimeError, "0")], **names),
        Case(f"nn.functional.max_pool{d}_with_indices", maxima(nd, True), samples[:2],
             dtypes=FLOATS, result=("same", "int64"), bench=wide, **names),
        Case(f"nn.functional.avg_pool{d}", means(nd), [
            *samples, Sample(x, 3, 2, 1, count_include_pad=False),
            Sample(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
            *([Sample(x, 2, divisor_override=3)] if nd > 1 else [])],
            dtypes=(*FLOATS, "int64"), bench=wide, method=False, errors=sizes + (
                [Bad((x, 2, None, 0, False, True, 0), RuntimeError, "divisor")]
                if nd > 1 else [])),
        Case(f"nn.functional.lp_pool{d}", norms(nd), [
            Sample(x, 2, 2), Sample(x, 3, 3, 2), Sample(T(3, *s), 1.5, 2, ceil_mode=True)],
            domain="positive", dtypes=FLOATS, method=False, bench=Sample(
                T(4, 8, *(16,) * nd), 2, 2), errors=[Bad((x, 2, 0), RuntimeError, "kernel")]),
    ]
    bad = [Bad((x, -1), RuntimeError, "output_size|-1"),
           Bad((T(2, 3, *s[1:], 0), 2), RuntimeError, "non-zero|0"),
           Bad((T(*s), 2), (ValueError, RuntimeError), "adaptive|dim", torch=False),
           Bad((x, (2, 2, 2, 2)), RuntimeError, "output_size", torch=False)]
    for kind, function in (("max", greatest), ("avg", lambda v, p, w: v.mean(-1))):
        cases.append(Case(
            f"nn.functional.adaptive_{kind}_pool{d}", adaptive(nd, function, kind == "max"), [
                Sample(x, 3), Sample(T(3, *s), 1), Sample(T(0, 3, *s), 2),
                *([Sample(x, (2, None, 3)[:nd])] if nd > 1 else []), Sample(x, 6),
                *([Sample(x, 2, return_indices=True)] if kind == "max" else [])],
            dtypes=FLOATS, result=("same", "int64"), errors=bad, bench=Sample(
                T(4, 8, *(16,) * nd), 4), **names))
    cases += [
        Case(f"nn.functional.adaptive_max_pool{d}_with_indices", adaptive(nd, greatest), [
            Sample(x, 3), Sample(T(3, *s), 2)], dtypes=FLOATS, result=("same", "int64"), **names),
        Case(f"nn.functional.max_unpool{d}", put(nd), [
            Sample(T(2, 2, *(2,) * nd), T(2, 2, *(2,) * nd, domain="permuted", dtype="int64",
                                          grad=False), 2)
            if nd == 1 else Sample(T(2, *(1,) * nd), T(
                2, *(1,) * nd, domain="below:4", dtype="int64", grad=False), 2),
            Sample(T(1, 1, *(1,) * nd), T(1, 1, *(1,) * nd, domain="below:3", dtype="int64",
                                          grad=False), 3, 2, output_size=(4,) * nd)],
            dtypes=FLOATS, method=False, errors=[
                Bad((T(1, 1, *(2,) * nd), T(1, 1, *(3,) * nd, domain="below:2", dtype="int64"), 2),
                    RuntimeError, "shape"),
                Bad((T(1, 1, *(2,) * nd), T(1, 1, *(2,) * nd), 2), RuntimeError, "int64"),
                Bad((T(1, 1, *(1,) * nd), T(1, 1, *(1,) * nd, domain="below:2", dtype="int64"), 2,
                     None, 0, (9,) * nd), ValueError, "output_size"),
                Bad((T(1, 9, *(1,) * nd), T(1, 9, *(1,) * nd, domain="below:99", dtype="int64"),
                     2), RuntimeError, "index")]),
    ]
    return cases


CASES = [case for nd in (1, 2, 3) for case in kinds(nd)]
INTERNAL = {"band": "nn.functional.avg_pool2d"}
