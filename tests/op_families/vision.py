"""Resizing, sampling, rearranging of pixels: place by place in NumPy."""
from __future__ import annotations

import itertools

import numpy as np

from op_families.conv import several
from op_families.pooling import maxima, means
from op_families.spec import FLOATS, NUMBERS, Bad, Case, Sample, T


def cubic(t, a=-0.75):
    t = abs(t)
    if t < 1:
        return (a + 2) * t ** 3 - (a + 3) * t ** 2 + 1
    return a * t ** 3 - 5 * a * t ** 2 + 8 * a * t - 4 * a if t < 2 else 0.0


def line(n, out, scale, mode, align, antialias):
    """The matrix [out, n] of one dimension."""
    step = (n - 1) / max(out - 1, 1) if align else (1 / scale if scale else n / out)
    matrix = np.zeros((out, n))
    for o in range(out):
        x = o * step if align else (o + 0.5) * step - 0.5
        if mode == "area":
            low, high = o * n // out, -(-(o + 1) * n // out)
            matrix[o, low:high] = 1 / (high - low)
        elif mode == "nearest":
            matrix[o, min(int(o * step), n - 1)] = 1
        elif mode == "nearest-exact":
            matrix[o, min(int((o + 0.5) * step), n - 1)] = 1
        elif antialias:
            wide, reach = max(step, 1), 2 if mode == "bicubic" else 1
            center = step * (o + 0.5)
            low = max(int(center - reach * wide + 0.5), 0)
            high = min(int(center + reach * wide + 0.5), n)
            w = [(i - center + 0.5) / wide for i in range(low, high)]
            w = [cubic(t, -0.5) if mode == "bicubic" else max(1 - abs(t), 0) for t in w]
            matrix[o, low:high] = np.array(w) / sum(w)
        elif mode == "bicubic":
            for i in range(int(np.floor(x)) - 1, int(np.floor(x)) + 3):
                matrix[o, min(max(i, 0), n - 1)] += cubic(x - i)
        else:
            x = max(x, 0)
            for i in (int(x), int(x) + 1):
                matrix[o, min(i, n - 1)] += max(1 - abs(x - i), 0)
    return matrix


def resized(x, size=None, scale_factor=None, mode="nearest", align_corners=None,
            recompute_scale_factor=None, antialias=False):
    nd = x.ndim - 2
    scales = several(scale_factor, nd) if isinstance(scale_factor, tuple) else (scale_factor,) * nd
    for i in range(nd):
        n = x.shape[2 + i]
        out = several(size, nd)[i] if size is not None else int(n * scales[i])
        scale = None if recompute_scale_factor else scales[i]
        matrix = line(n, out, scale, mode, align_corners, antialias)
        x = np.moveaxis(np.moveaxis(x, 2 + i, -1) @ matrix.T, -1, 2 + i)
    return x


def outside(x, n, padding, align):
    """Where a place along a dimension of n is taken from."""
    if padding == "reflection":
        low, high = (0, n - 1) if align else (-0.5, n - 0.5)
        while high > low and not low <= x <= high:
            x = 2 * low - x if x < low else 2 * high - x
    return x if padding == "zeros" else min(max(x, 0), n - 1)


def sampled(x, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    sizes, nd = x.shape[2:], x.ndim - 2
    y = np.zeros((*x.shape[:2], *grid.shape[1:-1]))
    for place in np.ndindex(*grid.shape[:-1]):
        at = [((g + 1) / 2 * (n - 1) if align_corners else ((g + 1) * n - 1) / 2)
              for g, n in zip(grid[place][::-1], sizes)]
        if mode != "bicubic":
            at = [outside(p, n, padding_mode, align_corners) for p, n in zip(at, sizes)]
        if mode == "nearest":
            at, near, weight = np.round(at), range(1), lambda t: 1.0
        elif mode == "bilinear":
            near, weight = range(2), lambda t: 1 - abs(t)
        else:
            near, weight = range(-1, 3), cubic
        for steps in itertools.product(near, repeat=nd):
            whole = [int(np.floor(p)) + k for p, k in zip(at, steps)]
            w = np.prod([weight(p - i) for p, i in zip(at, whole)])
            if mode == "bicubic":
                whole = [int(outside(i, n, padding_mode, align_corners))
                         for i, n in zip(whole, sizes)]
            if all(0 <= i < n for i, n in zip(whole, sizes)):
                y[(place[0], slice(None), *place[1:])] += w * x[(place[0], slice(None), *whole)]
    return y


def affine(theta, size, align_corners=None):
    nd = len(size) - 2
    axes = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in size[2:]]
    if not align_corners:
        axes = [(2 * np.arange(n) + 1) / n - 1 for n in size[2:]]
    base = np.stack([*np.meshgrid(*axes, indexing="ij")[::-1], np.ones(size[2:])], -1)
    return np.einsum("...k,nik->n...i", base, theta).reshape(size[0], *size[2:], nd)


def shuffled(x, r):
    y = np.zeros((*x.shape[:-3], x.shape[-3] // (r * r), x.shape[-2] * r, x.shape[-1] * r), x.dtype)
    for c, i, j in itertools.product(range(y.shape[-3]), range(r), range(r)):
        y[..., c, i::r, j::r] = x[..., c * r * r + i * r + j, :, :]
    return y


def unshuffled(x, r):
    parts = [x[..., c, i::r, j::r] for c in range(x.shape[-3]) for i in range(r) for j in range(r)]
    return np.stack(parts, -3)


MODES = [
    Sample(T(2, 3, 5), 7, mode="linear"), Sample(T(2, 3, 5), 3, mode="linear", align_corners=True),
    Sample(T(2, 2, 4, 3), (6, 5), mode="bilinear"),
    Sample(T(2, 2, 4, 3), (2, 3), mode="bilinear", align_corners=True),
    Sample(T(1, 2, 4, 3), scale_factor=(1.7, 0.6), mode="bilinear"),
    Sample(T(1, 2, 4, 3), scale_factor=1.7, mode="bilinear", recompute_scale_factor=True),
    Sample(T(1, 2, 3, 2, 3), (2, 4, 5), mode="trilinear"),
    Sample(T(1, 2, 4, 3), (6, 5), mode="bicubic"),
    Sample(T(1, 2, 4, 3), (2, 7), mode="bicubic", align_corners=True),
    Sample(T(1, 1, 7, 6), (3, 2), mode="bilinear", antialias=True),
    Sample(T(1, 1, 7, 6), (3, 8), mode="bicubic", antialias=True),
    Sample(T(2, 3, 5), 3, mode="area"), Sample(T(1, 2, 5, 4), (3, 6), mode="area"),
    Sample(T(2, 3, 5), scale_factor=2, mode="nearest-exact"),
    Sample(T(1, 2, 5, 4), (3, 7), mode="nearest-exact"), Sample(T(0, 2, 5, 4), 3),
    Sample(T(2, 3, 5), 8), Sample(T(1, 2, 5, 4), scale_factor=2.5), Sample(T(1, 2, 2, 3, 2), 4)]
GRID = Sample(T(2, 2, 4, 3), T(2, 3, 2, 2, domain="unit"))
PIXELS = [Sample(T(2, 8, 2, 3), 2), Sample(T(4, 1, 2), 2)]

CASES = [
    Case("nn.functional.interpolate", resized, MODES, dtypes=FLOATS, method=False, bench=Sample(
        T(4, 8, 32, 32), 64, mode="bilinear"), errors=[
            Bad((T(1, 1, 4),), ValueError, "size or scale_factor"),
            Bad((T(1, 1, 4), 3, 2.0), ValueError, "only one"),
            Bad((T(1, 1, 4), (3, 3)), ValueError, "dimensions"),
            Bad((T(1, 1, 4), 0), RuntimeError, "greater than 0"),
            Bad((T(1, 1, 4), 3, None, "bilinear"), NotImplementedError, "bilinear"),
            Bad((T(1, 1, 4), 3, None, "nearest", True), ValueError, "align_corners"),
            Bad((T(1, 4), 3), (NotImplementedError, ValueError), "2D|dimensions", torch=False),
            Bad((T(1, 1, 4), 3, None, "linear", None, None, True), ValueError, "[Aa]nti"),
            Bad((T(1, 1, 4), 2.5), TypeError, "size", torch=False),
            Bad((T(1, 1, 4), 3, None, "other"), NotImplementedError, "other")]),
    Case("nn.functional.upsample", resized, MODES[:3], dtypes=FLOATS, method=False),
    Case("nn.functional.upsample_nearest", resized, [Sample(T(1, 2, 3, 2), 5)], dtypes=FLOATS,
         method=False),
    Case("nn.functional.upsample_bilinear",
         lambda x, size=None: resized(x, size, None, "bilinear", True),
         [Sample(T(1, 2, 3, 2), 5)], dtypes=FLOATS, method=False),
    Case("nn.functional.grid_sample", sampled, [
        *(Sample(*GRID.args, mode=m, padding_mode=p, align_corners=a)
          for m in ("bilinear", "nearest", "bicubic") for p in ("zeros", "border", "reflection")
          for a in (False, True)),
        Sample(T(1, 2, 3, 2, 3), T(1, 2, 2, 1, 3, domain="unit"), align_corners=False),
        Sample(T(1, 1, 3, 3), T(1, 2, 2, 2, domain="nonzero"), align_corners=True)],
        dtypes=FLOATS, method=False, tolerance=4.0, errors=[
            Bad((T(1, 1, 3, 3), T(1, 2, 2, 2), "linear"), ValueError, "linear"),
            Bad((T(1, 1, 3, 3), T(1, 2, 2, 2), "bilinear", "wrap"), ValueError, "wrap"),
            Bad((T(1, 1, 3, 3), T(2, 2, 2, 2)), RuntimeError, "batch size"),
            Bad((T(1, 1, 3, 3), T(1, 2, 2, 3)), RuntimeError, "size 2"),
            Bad((T(1, 1, 3, 3), T(1, 2, 2, 2, 2)), RuntimeError, "dimensions"),
            Bad((T(1, 1, 3, 3), T(1, 2, 2, 2, dtype="float64")), RuntimeError, "dtype"),
            Bad((T(1, 1, 0, 3), T(1, 2, 2, 2)), RuntimeError, "non-empty")]),
    Case("nn.functional.affine_grid", affine, [
        Sample(T(2, 2, 3), (2, 1, 3, 4), align_corners=False),
        Sample(T(1, 2, 3), (1, 1, 2, 1), align_corners=False),
        Sample(T(2, 3, 4), (2, 1, 2, 3, 2), align_corners=True)], dtypes=FLOATS, method=False,
        errors=[Bad((T(2, 3, 3), (2, 1, 3, 4), False), ValueError, "2x3|Nx2"),
                Bad((T(2, 2, 3), (2, 1, 3), False), NotImplementedError, "4D"),
                Bad((T(2, 2, 3), (2, 1, 0, 4), False), ValueError, "positive")]),
    Case("pixel_shuffle", shuffled, PIXELS, dtypes=NUMBERS, method=False, errors=[
        Bad((T(2, 3), 2), RuntimeError, "3 dim"), Bad((T(3, 2, 2), 2), RuntimeError, "channel"),
        Bad((T(4, 2, 2), 0), RuntimeError, "positive")]),
    Case("pixel_unshuffle", unshuffled, [Sample(T(2, 2, 4, 6), 2), Sample(T(1, 3, 3), 3)],
         dtypes=NUMBERS, method=False, errors=[
             Bad((T(2, 3), 2), RuntimeError, "3 dim"), Bad((T(1, 3, 2), 2), RuntimeError, "divis"),
             Bad((T(4, 2, 2), 0), RuntimeError, "positive")]),
    Case("channel_shuffle", lambda x, g: np.swapaxes(x.reshape(
        x.shape[0], g, x.shape[1] // g, *x.shape[2:]), 1, 2).reshape(x.shape), [
            Sample(T(2, 6, 2, 3), 2), Sample(T(1, 4, 2), 4)], dtypes=NUMBERS, method=False,
        errors=[Bad((T(1, 3, 2), 2), RuntimeError, "divisible"),
                Bad((T(1, 4, 2), 0), RuntimeError, "positive")]),
    *(Case(f"max_pool{nd}d", maxima(nd), [Sample(T(1, 2, *(4,) * nd), 2)], dtypes=FLOATS,
           domain="distinct", method=False) for nd in (1, 2, 3)),
    Case("avg_pool1d", means(1), [Sample(T(1, 2, 5), 2, 1)], dtypes=FLOATS, method=False),
]
ALIASES = {f"nn.functional.{n}": n for n in ("pixel_shuffle", "pixel_unshuffle",
                                             "channel_shuffle")}
ALIASES |= {"adaptive_avg_pool1d": "nn.functional.adaptive_avg_pool1d",
            "adaptive_max_pool1d": "nn.functional.adaptive_max_pool1d_with_indices"}
