"""Convolutions, transposed convolutions, unfold and fold."""
from __future__ import annotations

import itertools

import numpy as np

from op_families.spec import FLOATS, Bad, Case, Sample, T

DTYPES = (*FLOATS, "int64")


def several(x, n):
    return (x,) * n if isinstance(x, int) else tuple(x) * (n if len(x) == 1 else 1)


def convolve(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """One kernel tap at a time: a shifted, strided part of the padded input times its weights."""
    nd = w.ndim - 2
    if x.ndim == nd + 1:
        return convolve(x[None], w, b, stride, padding, dilation, groups)[0]
    stride, dilation = several(stride, nd), several(dilation, nd)
    spans = [d * (k - 1) for d, k in zip(dilation, w.shape[2:])]
    if padding == "same":
        sides = [(s // 2, s - s // 2) for s in spans]
    else:
        sides = [(p, p) for p in several(0 if padding == "valid" else padding, nd)]
    x = np.pad(x, [(0, 0), (0, 0), *sides])
    sizes = [(n - s - 1) // t + 1 for n, s, t in zip(x.shape[2:], spans, stride)]
    each, out = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], *sizes), x.dtype)
    for tap in itertools.product(*map(range, w.shape[2:])):
        part = x[(..., *(slice(k * d, k * d + (n - 1) * s + 1, s)
                         for k, d, n, s in zip(tap, dilation, sizes, stride)))]
        for g in range(groups):
            rows = slice(g * out, (g + 1) * out)
            y[:, rows] += np.einsum("oc,nc...->no...", w[(rows, slice(None), *tap)],
                                    part[:, g * each:(g + 1) * each])
    return y if b is None else y + b.reshape(-1, *[1] * nd)


def transposed(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Every input place adds its kernel to the output."""
    nd = w.ndim - 2
    if x.ndim == nd + 1:
        return transposed(x[None], w, b, stride, padding, output_padding, groups, dilation)[0]
    stride, dilation = several(stride, nd), several(dilation, nd)
    padding, extra = several(padding, nd), several(output_padding, nd)
    full = [(n - 1) * s + d * (k - 1) + 1 + e for n, s, d, k, e in
            zip(x.shape[2:], stride, dilation, w.shape[2:], extra)]
    each, out = x.shape[1] // groups, w.shape[1]
    y = np.zeros((x.shape[0], out * groups, *full), x.dtype)
    for tap in itertools.product(*map(range, w.shape[2:])):
        place = (..., *(slice(k * d, k * d + (n - 1) * s + 1, s)
                        for k, d, n, s in zip(tap, dilation, x.shape[2:], stride)))
        for g in range(groups):
            y[:, g * out:(g + 1) * out][place] += np.einsum(
                "co,nc...->no...", w[(slice(g * each, (g + 1) * each), slice(None), *tap)],
                x[:, g * each:(g + 1) * each])
    y = y[(..., *(slice(p, n - p) for p, n in zip(padding, full)))]
    return y if b is None else y + b.reshape(-1, *[1] * nd)


def blocks(x, kernel_size, dilation=1, padding=0, stride=1):
    if x.ndim == 3:
        return blocks(x[None], kernel_size, dilation, padding, stride)[0]
    k, d, p, s = (several(v, 2) for v in (kernel_size, dilation, padding, stride))
    x = np.pad(x, [(0, 0), (0, 0), (p[0], p[0]), (p[1], p[1])])
    h, w = ((x.shape[2 + i] - d[i] * (k[i] - 1) - 1) // s[i] + 1 for i in range(2))
    taps = [x[:, :, i * d[0]:i * d[0] + (h - 1) * s[0] + 1:s[0],
              j * d[1]:j * d[1] + (w - 1) * s[1] + 1:s[1]]
            for i in range(k[0]) for j in range(k[1])]
    return np.stack(taps, 2).reshape(x.shape[0], x.shape[1] * k[0] * k[1], h * w)


def folded(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """The transpose of `blocks`, column by column of its matrix."""
    if x.ndim == 2:
        return folded(x[None], output_size, kernel_size, dilation, padding, stride)[0]
    k = several(kernel_size, 2)
    c, size = x.shape[1] // (k[0] * k[1]), several(output_size, 2)
    unit = np.eye(c * size[0] * size[1]).reshape(-1, c, *size)
    matrix = blocks(unit, kernel_size, dilation, padding, stride)
    return np.einsum("uab,nab->nu", matrix, x).reshape(-1, c, *size)


def kinds(nd, first, rest):
    """Cases of one number of dimensions: samples, and what must be refused."""
    k, s = (3, 2, 2)[:nd], (5, 4, 3)[:nd]
    one = (1,) * nd
    wide = {"bench": Sample(T(4, 3, *(16,) * nd), T(8, 3, *(3,) * nd), T(8), padding=1)}
    name = f"conv{nd}d"
    conv = Case(f"nn.functional.{name}", convolve, [
        Sample(T(2, 3, *s), T(4, 3, *k), T(4)), Sample(T(3, *s), T(4, 3, *k)),
        Sample(T(2, 4, *s), T(6, 2, *k), T(6), stride=2, padding=1, groups=2),
        Sample(T(2, 3, *s), T(2, 3, *k), padding="same"),
        Sample(T(1, 2, *s), T(2, 2, *k), T(2), padding=2, dilation=2),
        Sample(T(2, 3, *s), T(6, 1, *k), T(6), padding=1, groups=3),
        Sample(T(2, 3, *s), T(5, 3, *one), T(5)), Sample(T(0, 3, *s), T(4, 3, *k), T(4)),
        Sample(T(2, 9, *s), T(8, 9, *k), T(8), padding=1), *first],
        # Sums of a hundred products, ordered by the processor's own matrix product.
        dtypes=DTYPES, method=False, tolerance=10, **wide, errors=[
            Bad((T(2, 3, *s), T(4, 2, *k)), RuntimeError, rf"{name}.*4, 2.*2, 3"),
            Bad((T(2, 3, *s), T(4, 3, *k), T(5)), RuntimeError, "bias.*4.*5"),
            Bad((T(2, 3, *s), T(4, 3, *(9,) * nd)), RuntimeError, "9.*[Kk]ernel size"),
            Bad((T(*s[1:]), T(4, 3, *k)), RuntimeError, name),
            Bad((T(2, 3, *s), T(4, 3, *k), None, 0), RuntimeError, "stride"),
            Bad((T(2, 3, *s), T(4, 3, *k), None, 1, -1), RuntimeError, "padding"),
            Bad((T(2, 3, *s), T(4, 3, *k), None, 1, 0, 0), RuntimeError, "dilation"),
            Bad((T(2, 3, *s), T(4, 3, *k), None, 1, 0, 1, 0), RuntimeError, "groups"),
            Bad((T(2, 3, *s), T(4, 3, *k), None, 2, "same"), RuntimeError, "same"),
            Bad((T(2, 3, *s), T(4, 3, *k), None, 1, "full"), RuntimeError, "padding.*full"),
            Bad((T(2, 3, *s), T(4, 3, *k), None, (1,) * 4), RuntimeError, "stride"),
            Bad((T(2, 3, *s), T(4, 3, *k), None, 1.5), TypeError, name),
            Bad((T(2, 3, *s), T(4, 3, *k, dtype="float64")), RuntimeError, "type"),
            Bad((T(2, 3, *s), T(4, 3, *k), None, 1 << 40), RuntimeError, "stride", torch=False),
            Bad(([1.0], T(4, 3, *k)), TypeError, name)])
    name = f"conv_transpose{nd}d"
    back = Case(f"nn.functional.{name}", transposed, [
        Sample(T(2, 3, *s), T(3, 4, *k), T(4)), Sample(T(3, *s), T(3, 4, *k)),
        Sample(T(2, 4, *s), T(4, 3, *k), T(6), stride=2, padding=1, output_padding=1, groups=2),
        Sample(T(2, 3, *s), T(3, 2, *k), dilation=2), Sample(T(2, 3, *s), T(3, 2, *one), T(2)),
        Sample(T(1, 2, *s), T(2, 1, *k), groups=2), Sample(T(0, 3, *s), T(3, 2, *k)), *rest],
        dtypes=DTYPES, method=False, tolerance=10, **wide, errors=[
            Bad((T(2, 3, *s), T(4, 3, *k)), RuntimeError, rf"{name}.*4, 3.*2, 3"),
            Bad((T(2, 3, *s), T(3, 4, *k), T(3)), RuntimeError, "bias.*4.*3"),
            Bad((T(2, 3, *s), T(3, 4, *k), None, 1, 0, 1), RuntimeError, "output padding"),
            Bad((T(2, 3, *s), T(3, 4, *k), None, 2, 0, -1), RuntimeError, "output_padding"),
            Bad((T(2, 3, *s), T(3, 4, *k), None, 1, 9), RuntimeError, "."),
            Bad((T(2, 3, *s), T(3, 4, *k), None, 1, 0, 0, 2), RuntimeError, "groups|divisible")])
    back.bench = Sample(T(4, 3, *(16,) * nd), T(3, 8, *(3,) * nd), T(8), padding=1)
    return [conv, back]


CASES = [
    *kinds(1, [Sample(T(2, 1, 300), T(3, 1, 7), stride=3, padding=4, dilation=2)],
           [Sample(T(2, 2, 9), T(2, 3, 4), stride=3, dilation=2, output_padding=2)]),
    *kinds(2, [Sample(T(1, 2, 5, 6), T(2, 2, 2, 3), stride=(1, 2), padding=(0, 2),
                      dilation=(2, 1)), Sample(T(1, 40, 5, 5), T(3, 40, 4, 4), padding="same")],
           [Sample(T(1, 2, 3, 4), T(2, 3, 2, 3), stride=(3, 2), padding=(1, 0),
                   output_padding=(2, 0))]),
    *kinds(3, [Sample(T(1, 2, 3, 4, 3), T(2, 2, 2, 2, 2), stride=(1, 2, 1), padding=(1, 0, 1))],
           []),
    Case("nn.functional.unfold", blocks, [
        Sample(T(2, 3, 5, 4), 2), Sample(T(3, 5, 4), (2, 3)),
        Sample(T(2, 2, 6, 7), (2, 3), dilation=2, padding=1, stride=(1, 2)),
        Sample(T(0, 2, 4, 4), 3), Sample(T(1, 1, 4, 4), 3, padding=1)], dtypes=FLOATS,
        method=False, errors=[
            Bad((T(2, 3, 5, 4), 6), RuntimeError, "unfold.*5, 4"),
            Bad((T(5, 4), 2), RuntimeError, "unfold.*5, 4", torch=False),
            Bad((T(1, 1, 5, 4), 0), RuntimeError, "kernel"),
            Bad((T(1, 1, 5, 4), 2, 0), RuntimeError, "dilation"),
            Bad((T(1, 1, 5, 4), 2, 1, 0, 0), RuntimeError, "stride")]),
    Case("nn.functional.fold", folded, [
        Sample(T(2, 12, 12), (5, 4), 2), Sample(T(12, 12), (5, 4), 2),
        Sample(T(2, 12, 18), (6, 7), (2, 3), dilation=2, padding=1, stride=(1, 2)),
        Sample(T(1, 9, 16), 4, 3, padding=1)], dtypes=FLOATS, method=False, errors=[
            Bad((T(2, 11, 12), (5, 4), 2), RuntimeError, "fold.*11"),
            Bad((T(2, 12, 11), (5, 4), 2), RuntimeError, "fold.*12.*11"),
            Bad((T(12,), (5, 4), 2), RuntimeError, "fold.*12"),
            Bad((T(2, 12, 12), (0, 4), 2), RuntimeError, "output_size")]),
]
ALIASES = {f"conv{t}{n}d": f"nn.functional.conv{t}{n}d" for t in ("", "_transpose")
           for n in (1, 2, 3)}
INTERNAL = {"convolution": "nn.functional.conv2d", "convolution_input": "nn.functional.conv2d",
            "convolution_weight": "nn.functional.conv2d", "im2col": "nn.functional.unfold",
            "col2im": "nn.functional.fold"}
