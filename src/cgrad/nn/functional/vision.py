"""Images: resizing, sampling at given places, rearranging of channels and pixels.

Resizing is a sparse matrix along each dimension; sampling gathers the neighbours of each place and
weighs them.  No derivative is written here.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from functools import lru_cache
from math import floor, prod
from typing import Any

import numpy as np

import cgrad
from cgrad import Tensor, channel_shuffle, pixel_shuffle, pixel_unshuffle
from cgrad._composite.register import check_tensors
from cgrad.nn.functional._windows import LARGEST, Matrix, adaptive_matrix, apply, rows_of

__all__ = [
    "affine_grid", "channel_shuffle", "grid_sample", "interpolate", "pixel_shuffle",
    "pixel_unshuffle", "upsample", "upsample_bilinear", "upsample_nearest",
]  # fmt: skip

_DIMS = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}


# -- resizing -------------------------------------------------------------------------------------


def _scale(size: int, out: int, factor: float | None, align: bool) -> float:
    """The step in the input for one step in the output."""
    if align:
        return (size - 1) / (out - 1) if out > 1 else 0.0
    return 1 / factor if factor else size / out


@lru_cache(256)
def _nearest(size: int, out: int, factor: float | None, exact: bool) -> Matrix:
    # In float32, as PyTorch computes the places for all dtypes
    o = np.arange(out).astype(np.float32)
    scale = np.float32(_scale(size, out, factor, False))
    if exact:
        place = np.floor((o + np.float32(0.5)) * scale)
    elif size == out:
        place = o
    elif out == 2 * size:
        place = np.floor(o / 2)
    else:
        place = np.floor(o * scale)
    return rows_of(np.ones(out, np.int64), np.minimum(place, size - 1), np.ones(out))


def _places(size: int, out: int, factor: float | None, align: bool, single: bool) -> np.ndarray:
    kind: Any = np.float32 if single else np.float64
    o, scale = np.arange(out).astype(kind), kind(_scale(size, out, factor, align))
    return o * scale if align else (o + kind(0.5)) * scale - kind(0.5)


@lru_cache(256)
def _linear(size: int, out: int, factor: float | None, align: bool, single: bool) -> Matrix:
    place = np.maximum(_places(size, out, factor, align, single), 0)
    if size == out:
        place = np.arange(out).astype(place.dtype)
    low = np.minimum(np.floor(place), size - 1)
    part = np.minimum(place - low, 1)
    columns = np.stack([low, np.minimum(low + 1, size - 1)], 1)
    return rows_of(np.full(out, 2), columns.ravel(), np.stack([1 - part, part], 1).ravel())


def _cubic_weights(t: Any, a: float = -0.75) -> list[Any]:
    """Weights of the four neighbours of a place at the distance t from the second (Keys 1981)."""

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


@lru_cache(256)
def _cubic(size: int, out: int, factor: float | None, align: bool, single: bool) -> Matrix:
    place = _places(size, out, factor, align, single)
    if size == out:
        place = np.arange(out).astype(place.dtype)
    low = np.floor(place)
    columns = np.clip(low[:, None] + np.arange(-1, 3), 0, size - 1)
    weights = np.stack(_cubic_weights(place - low), 1)
    return rows_of(np.full(out, 4), columns.ravel(), weights.ravel())


@lru_cache(256)
def _antialiased(size: int, out: int, factor: float | None, align: bool, cubic: bool) -> Matrix:
    """Weights of all places under the filter, which is widened when the image shrinks."""
    scale = _scale(size, out, factor, align)
    reach = (2 if cubic else 1) * max(scale, 1.0)
    center = scale * (np.arange(out) + 0.5)
    low = np.maximum((center - reach + 0.5).astype(np.int64), 0)
    high = np.minimum((center + reach + 0.5).astype(np.int64), size)
    counts = np.maximum(high - low, 0)
    rows = np.repeat(np.arange(out), counts)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    columns = np.arange(counts.sum()) - first[rows] + low[rows]
    t = np.abs(columns - center[rows] + 0.5) / max(scale, 1.0)
    if cubic:
        a = -0.5
        near = ((a + 2) * t - (a + 3)) * t * t + 1
        far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
        weights = np.where(t < 1, near, np.where(t < 2, far, 0.0))
    else:
        weights = np.maximum(1 - t, 0)
    total = np.bincount(rows, weights, minlength=out)
    return rows_of(counts, columns, weights / np.where(total == 0, 1, total)[rows])


def _fixed_point(matrix: Matrix) -> Matrix:
    """The matrix in 16-bit numbers with a common exponent, as PyTorch's for images of bytes."""
    places, entries = matrix
    largest, bits = entries.max(initial=0.0), 0
    while bits < 22 and int(0.5 + largest * (1 << (bits + 1))) < 1 << 15:
        bits += 1
    return places, np.trunc(entries * (1 << bits) + np.copysign(0.5, entries)) / (1 << bits)


def _sizes_and_scales(
    input: Tensor, size: Any, scale_factor: Any, recompute: bool | None, mode: str
) -> tuple[list[int], list[float | None]]:
    nd = input.ndim - 2
    spatial = list(input.shape[2:])
    if size is not None and scale_factor is not None:
        raise ValueError("interpolate: only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("interpolate: either size or scale_factor should be defined")
    given = size if size is not None else scale_factor
    what = "size" if size is not None else "scale_factor"
    values = list(given) if isinstance(given, (tuple, list)) else [given] * nd
    if len(values) != nd:
        raise ValueError(
            "interpolate: Input and output must have the same number of spatial dimensions, but "
            f"got input with spatial dimensions of {spatial} and {what} of {given}"
        )
    scales: list[float | None] = [None] * nd
    if size is not None:
        if recompute:
            raise ValueError(
                "interpolate: recompute_scale_factor is not meaningful with an explicit size."
            )
        if not all(hasattr(v, "__index__") for v in values):
            raise TypeError(
                "interpolate: expected size to be one of int or tuple of ints, but got size with "
                f"types {[type(v).__name__ for v in values]}"
            )
        sizes = [int(v.__index__()) for v in values]
    else:
        factors = [float(v) for v in values]
        if not all(np.isfinite(f * n) for f, n in zip(factors, spatial)):
            raise RuntimeError(f"interpolate: scale_factor {scale_factor} is not finite")
        sizes = [floor(n * f) for n, f in zip(spatial, factors)]
        if not recompute and mode != "area":
            scales = [f if f > 0 else None for f in factors]
    if min(sizes) <= 0 or max(sizes) > LARGEST or 0 in input.shape[1:]:
        raise RuntimeError(
            f"interpolate: Input and output sizes should be greater than 0, but got input "
            f"{list(input.shape)} and output {sizes}"
        )
    return sizes, scales


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize the last dimensions of (N, C, L), (N, C, H, W) or (N, C, D, H, W).

    Args:
        input: the samples.
        size: the new sizes, one int or one for each dimension.
        scale_factor: or what they are multiplied by.
        mode: "nearest", "nearest-exact", "linear" (3-D), "bilinear", "bicubic" (4-D),
            "trilinear" (5-D), or "area", the mean of what falls together.
        align_corners: the first and last places of input and output coincide; otherwise their
            outer edges do. Default: ``False``
        recompute_scale_factor: take the scale from the sizes instead of `scale_factor`.
        antialias: widen the filter when the image shrinks, "bilinear" and "bicubic" only.

    Raises:
        ValueError: the arguments exclude each other.
        NotImplementedError: the mode does not fit the number of dimensions.

    Example::

        >>> x = cgrad.tensor([[[1.0, 3.0]]])
        >>> cgrad.nn.functional.interpolate(x, size=3, mode="linear", align_corners=True)
        tensor([[[1., 2., 3.]]])
    """
    cubic = mode == "bicubic"
    if not isinstance(input, Tensor):
        raise TypeError(
            f"interpolate(): argument 'input' must be Tensor, not {type(input).__name__}"
        )
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "interpolate: align_corners option can only be set with the interpolating modes: "
                "linear | bilinear | bicubic | trilinear"
            )
    elif mode not in _DIMS or _DIMS[mode] != input.ndim - 2:
        raise NotImplementedError(
            f"interpolate: Got {input.ndim}D input, but {mode} mode needs "
            f"{_DIMS[mode] + 2}D input" if mode in _DIMS else
            f"interpolate: unknown mode {mode!r}"
        )
    if input.ndim not in (3, 4, 5):
        raise NotImplementedError(
            f"interpolate: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the "
            f"mode {mode}"
        )
    sizes, scales = _sizes_and_scales(input, size, scale_factor, recompute_scale_factor, mode)
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(
            "interpolate: Anti-alias option is restricted to bilinear and bicubic modes and "
            "requires a 4-D tensor as input"
        )
    x, align = input, bool(align_corners)
    whole = not input.dtype.is_floating_point
    if whole and input.dtype != cgrad.uint8:
        raise NotImplementedError(f"interpolate: not implemented for dtype {input.dtype}")
    if whole:
        x = x.to(cgrad.float64)
    single = x.dtype == cgrad.float32
    for i, out, scale in reversed([*zip(itertools.count(2), sizes, scales)]):
        n = x.shape[i]
        if mode == "area":
            matrix = adaptive_matrix(n, out)
        elif mode in ("nearest", "nearest-exact"):
            matrix = _nearest(n, out, scale, mode == "nearest-exact")
        elif antialias:
            matrix = _antialiased(n, out, scale, align, cubic)
        else:
            matrix = (_cubic if cubic else _linear)(n, out, scale, align, single)
        if whole and mode in ("bilinear", "bicubic"):
            matrix = _fixed_point(matrix)
        x = apply(x, i, matrix, out)
        if whole:                 # as PyTorch: after each dimension
            x = (x + 0.5).floor().clamp(0, 255)
    return x.to(input.dtype)


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """The old name of :func:`interpolate`.

    Example::

        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     y = cgrad.nn.functional.upsample(cgrad.ones(1, 1, 2), scale_factor=2)
        >>> y.shape
        cgrad.Size([1, 1, 4])
    """
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """:func:`interpolate` with ``mode="nearest"``.

    Example::

        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     y = cgrad.nn.functional.upsample_nearest(cgrad.ones(1, 1, 2), scale_factor=2)
        >>> y.shape
        cgrad.Size([1, 1, 4])
    """
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """:func:`interpolate` with ``mode="bilinear", align_corners=True``.

    Example::

        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     y = cgrad.nn.functional.upsample_bilinear(cgrad.ones(1, 1, 2, 2), scale_factor=2)
        >>> y.shape
        cgrad.Size([1, 1, 4, 4])
    """
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


# -- sampling -------------------------------------------------------------------------------------


def _clipped(x: Tensor, size: int) -> Tensor:
    """x within 0..size - 1; no gradient from the ends on, and NaN is 0."""
    inside = (x > 0) & (x < size - 1)
    return cgrad.where(inside, x, x.detach().nan_to_num(0.0).clamp(0, size - 1))


def _reflected(x: Tensor, low: float, span: float) -> Tensor:
    """x mirrored at low and at low + span until it lies between them."""
    if span == 0:
        return cgrad.zeros_like(x)
    x = (x - low).abs()
    flips = (x.detach() / span).floor()
    rest = x - flips * span
    return cgrad.where(flips % 2 == 0, rest, span - rest) + low


def _padded(x: Tensor, size: int, padding_mode: str, align: bool) -> Tensor:
    """Where a place outside the image is taken from."""
    if padding_mode == "zeros":
        return x
    if padding_mode == "reflection":
        x = _reflected(x, 0.0, size - 1.0) if align else _reflected(x, -0.5, float(size))
    return _clipped(x, size)


def _picked(flat: Tensor, places: Sequence[Tensor], sizes: Sequence[int]) -> Tensor:
    """Elements [N, C, P] of the flattened image [N, C, Q] at whole-numbered places [N, P];
    zeros outside."""
    index, inside = None, None
    for x, size in zip(places, sizes):
        ok = (x >= 0) & (x <= size - 1)
        at = cgrad.where(ok, x, 0.0).to(cgrad.int64)
        index = at if index is None else index * size + at
        inside = ok if inside is None else inside & ok
    assert index is not None and inside is not None
    n, c, p = flat.shape[0], flat.shape[1], index.shape[1]
    values = flat.gather(2, index.unsqueeze(1).expand(n, c, p))
    return cgrad.where(inside.unsqueeze(1), values, 0.0)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Take (N, C, H, W) or (N, C, D, H, W) at the places that a grid names.

    Args:
        input: the images.
        grid: for each output place x, y (and z), from -1 to 1 across the image; shape
            (N, H', W', 2) or (N, D', H', W', 3).
        mode: "bilinear" (trilinear for 5-D), "nearest" or, for 4-D, "bicubic".
        padding_mode: what is outside: "zeros", the "border" or the "reflection" at it.
        align_corners: -1 and 1 are the centers of the outermost pixels instead of their outer
            edges. Default: ``False``

    Raises:
        ValueError: an unknown mode.
        RuntimeError: shapes or dtypes that do not fit.

    Example::

        >>> x = cgrad.tensor([[[[1.0, 3.0]]]])
        >>> cgrad.nn.functional.grid_sample(x, cgrad.zeros(1, 1, 1, 2), align_corners=True)
        tensor([[[[2.]]]])
    """
    check_tensors("grid_sample", input=input, grid=grid)
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: {mode!r}"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: {padding_mode!r}"
        )
    if input.dtype != grid.dtype:
        raise RuntimeError(
            f"grid_sampler(): expected input and grid to have same dtype, but input has "
            f"{input.dtype} and grid has {grid.dtype}"
        )
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f"grid_sampler(): not implemented for dtype {input.dtype}")
    nd = input.ndim - 2
    if nd not in (2, 3) or grid.ndim != input.ndim:
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but "
            f"got input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if grid.shape[0] != input.shape[0] or grid.shape[-1] != nd:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, and grid to have "
            f"size {nd} in last dimension, but got input with sizes {list(input.shape)} and grid "
            f"with sizes {list(grid.shape)}"
        )
    if 0 in input.shape[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has "
            f"sizes {list(input.shape)}"
        )
    if mode == "bicubic" and nd != 2:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    align, sizes = bool(align_corners), list(input.shape[2:])
    n, c = input.shape[:2]
    flat = input.reshape(n, c, prod(sizes))
    count = prod(grid.shape[1:-1])
    places = []                       # along D, H, W: the last coordinate of the grid comes first
    for i, size in enumerate(sizes):
        x = grid.select(-1, nd - 1 - i).reshape(n, count)
        places.append((x + 1) / 2 * (size - 1) if align else ((x + 1) * size - 1) / 2)
    if mode != "bicubic":
        places = [_padded(x, s, padding_mode, align) for x, s in zip(places, sizes)]
    if mode == "nearest":
        y = _picked(flat, [x.detach().round() for x in places], sizes)
        return y.reshape(n, c, *grid.shape[1:-1])
    low = [x.detach().floor() for x in places]
    parts = [x - f for x, f in zip(places, low)]
    if mode == "bilinear":
        weights = [[1 - t, t] for t in parts]
        taps = [[f, f + 1] for f in low]
    else:
        weights = [_cubic_weights(t) for t in parts]
        taps = [[_padded(f + k, s, padding_mode, align).round() for k in (-1, 0, 1, 2)]
                for f, s in zip(low, sizes)]
    total: Tensor | None = None
    for which in itertools.product(range(len(taps[0])), repeat=nd):
        weight = weights[0][which[0]]
        for d in range(1, nd):
            weight = weight * weights[d][which[d]]
        values = _picked(flat, [taps[d][k] for d, k in enumerate(which)], sizes)
        term = values * weight.unsqueeze(1)
        total = term if total is None else total + term
    assert total is not None
    return total.reshape(n, c, *grid.shape[1:-1])


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Make the grid for :func:`grid_sample` that samples an image under an affine map.

    Args:
        theta: for each sample the map from output to input places, (N, 2, 3) or (N, 3, 4).
        size: the output's size, (N, C, H, W) or (N, C, D, H, W).
        align_corners: as in :func:`grid_sample`. Default: ``False``

    Returns:
        Tensor: shape (N, H, W, 2) or (N, D, H, W, 3).

    Example::

        >>> identity = cgrad.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> cgrad.nn.functional.affine_grid(identity, (1, 1, 2, 2), align_corners=True)[0, 0]
        tensor([[-1., -1.],
                [ 1., -1.]])
    """
    sizes = list(size)
    if align_corners is None:
        warnings.warn(
            "affine_grid: align_corners=False is assumed; say so to silence this warning",
            stacklevel=2,
        )
    if not theta.dtype.is_floating_point:
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    nd = len(sizes) - 2
    if nd not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {sizes}."
        )
    if theta.ndim != 3 or list(theta.shape[1:]) != [nd, nd + 1]:
        raise ValueError(
            f"Expected a batch of {nd}D affine matrices of shape Nx{nd}x{nd + 1} for size {sizes}. "
            f"Got {list(theta.shape)}."
        )
    if min(sizes) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {sizes}")
    if theta.shape[0] != sizes[0]:
        raise RuntimeError(
            f"affine_grid: theta has {theta.shape[0]} maps, but the size {sizes} has {sizes[0]} "
            "samples"
        )
    axes = []
    for k in sizes[2:]:
        x = cgrad.linspace(-1, 1, k, dtype=theta.dtype) if k > 1 else cgrad.zeros(
            1, dtype=theta.dtype)
        axes.append(x if align_corners else x * ((k - 1) / k))
    places = list(reversed(cgrad.meshgrid(*axes, indexing="ij")))
    base = cgrad.stack([*places, cgrad.ones_like(places[0])], -1)
    grid = base.reshape(1, -1, nd + 1) @ theta.transpose(1, 2)
    return grid.reshape(sizes[0], *sizes[2:], nd)
