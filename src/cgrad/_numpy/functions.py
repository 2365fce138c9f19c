"""NumPy's functions, each as what it is for tensors: with NumPy's argument names and defaults."""
from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import cgrad
from cgrad._numpy.protocol import (
    ABSENT,
    array,
    as_tensor,
    dtype_of,
    implements,
    needs_gradient,
    reduce,
    tensor,
)
from cgrad._tensor.tensor import Tensor


def _reduction(name: str) -> Callable[..., Any]:
    def reduction(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False,
               initial: Any = ABSENT) -> Any:
        return reduce(name, as_tensor(a), dtype_of(dtype), axis, bool(keepdims), initial)
    return reduction


for _ours, _theirs in {"sum": ["sum"], "prod": ["prod"]}.items():
    implements(*_theirs)(_reduction(_ours))


def _extreme(name: str) -> Callable[..., Any]:
    def reduction(a: Any, axis: Any = None, keepdims: bool = False, initial: Any = ABSENT) -> Any:
        return reduce(name, as_tensor(a), None, axis, bool(keepdims), initial)
    return reduction


for _ours, _theirs in {"amax": ["max", "amax"], "amin": ["min", "amin"], "all": ["all"],
                       "any": ["any"]}.items():
    implements(*_theirs)(_extreme(_ours))


@implements("mean")
def _mean(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    x = as_tensor(a)
    dt = dtype_of(dtype) or (x.dtype if x.dtype.is_floating_point else cgrad.float64)
    return x.to(dt).mean(axis, bool(keepdims))


def _spread(name: str) -> Callable[..., Any]:
    def reduction(a: Any, axis: Any = None, dtype: Any = None, ddof: float = 0,
               keepdims: bool = False, correction: Any = None) -> Any:
        x = as_tensor(a)
        dt = dtype_of(dtype) or (x.dtype if x.dtype.is_floating_point else cgrad.float64)
        return getattr(x.to(dt), name)(
            axis, correction=ddof if correction is None else correction, keepdim=bool(keepdims))
    return reduction


implements("var")(_spread("var"))
implements("std")(_spread("std"))


@implements("average")
def _average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *,
             keepdims: bool = False) -> Any:
    x = as_tensor(a)
    if weights is None:
        result = _mean(x, axis, keepdims=keepdims)
        total = x.numel() / builtins.max(result.numel(), 1) * cgrad.ones_like(result)
    else:
        w = as_tensor(weights)
        if axis is not None and w.shape != x.shape:
            w = w.reshape([-1 if d == axis % x.dim() else 1 for d in range(x.dim())])
        total = (w.expand(x.shape)).sum(axis, keepdims)
        result = (x * w).sum(axis, keepdims) / total
    return (result, total) if returned else result


def _position(name: str) -> Callable[..., Any]:
    def find(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
        return getattr(cgrad, name)(as_tensor(a), axis, bool(keepdims))
    return find


for _n in ("argmax", "argmin"):
    implements(_n)(_position(_n))


def _running(name: str) -> Callable[..., Any]:
    def scan(a: Any, axis: Any = None, dtype: Any = None) -> Any:
        x = as_tensor(a)
        x = x.reshape(-1) if axis is None else x
        return getattr(cgrad, name)(x, 0 if axis is None else axis, dtype=dtype_of(dtype))
    return scan


for _n in ("cumsum", "cumprod"):
    implements(_n)(_running(_n))


@implements("quantile")
def _quantile(a: Any, q: Any, axis: Any = None, *, method: str = "linear",
              keepdims: bool = False) -> Any:
    x = as_tensor(a)
    q = cgrad.as_tensor(q, dtype=x.dtype)
    return cgrad.quantile(x, q, axis, bool(keepdims), interpolation=method)


@implements("percentile")
def _percentile(a: Any, q: Any, axis: Any = None, **options: Any) -> Any:
    return _quantile(a, cgrad.as_tensor(q, dtype=cgrad.float64) / 100, axis, **options)


@implements("median")
def _median(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return _quantile(a, 0.5, axis, keepdims=keepdims)


@implements("ptp")
def _ptp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return _extreme("amax")(a, axis, keepdims) - _extreme("amin")(a, axis, keepdims)


@implements("count_nonzero")
def _count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return (as_tensor(a) != 0).sum(axis, bool(keepdims))


@implements("nansum")
def _nansum(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    return cgrad.nansum(as_tensor(a), axis, bool(keepdims), dtype=dtype_of(dtype))


@implements("nanmean")
def _nanmean(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    return cgrad.nanmean(as_tensor(a), axis, bool(keepdims), dtype=dtype_of(dtype))


@implements("clip")
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None,
          max: Any = None) -> Any:
    low, high = (tensor(x) for x in (a_min if min is None else min, a_max if max is None else max))
    return cgrad.clamp(as_tensor(a), low, high)


@implements("round", "around")
def _round(a: Any, decimals: int = 0) -> Any:
    return cgrad.round(as_tensor(a), decimals=decimals)


implements("sinc")(lambda x: cgrad.sinc(as_tensor(x)))


@implements("where")
def _where(condition: Any, x: Any = ABSENT, y: Any = ABSENT) -> Any:
    mask = as_tensor(condition)
    mask = mask if mask.dtype == cgrad.bool else mask != 0
    if x is ABSENT:
        return cgrad.nonzero(mask, as_tuple=True)
    return cgrad.where(mask, as_tensor(x), as_tensor(y))


@implements("select")
def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    result = as_tensor(default)
    for mask, choice in reversed(list(zip(condlist, choicelist))):
        result = _where(mask, choice, result)
    return result


# shapes

@implements("reshape")
def _reshape(a: Any, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    if order != "C":
        raise TypeError(f"numpy.reshape for tensors: order={order!r} is not available")
    return as_tensor(a).reshape(shape)


implements("ravel")(lambda a, order="C": as_tensor(a).reshape(-1))
implements("swapaxes")(lambda a, axis1, axis2: as_tensor(a).transpose(axis1, axis2))
implements("moveaxis")(lambda a, source, destination: cgrad.movedim(as_tensor(a), source,
                                                                    destination))
implements("broadcast_to")(lambda array, shape: as_tensor(array).expand(shape))
implements("copy")(lambda a, order="K": as_tensor(a).clone())
implements("shape")(lambda a: tuple(a.shape))
implements("ndim")(lambda a: a.dim())
implements("size")(lambda a, axis=None: a.numel() if axis is None else a.shape[axis])
implements("tile")(lambda A, reps: cgrad.tile(as_tensor(A), reps if not isinstance(reps, int)
                                              else (reps,)))
implements("roll")(lambda a, shift, axis=None: cgrad.roll(as_tensor(a), shift, axis))
implements("rot90")(lambda m, k=1, axes=(0, 1): cgrad.rot90(as_tensor(m), k, axes))
implements("fliplr")(lambda m: as_tensor(m).flip(1))
implements("flipud")(lambda m: as_tensor(m).flip(0))
implements("diag")(lambda v, k=0: cgrad.diag(as_tensor(v), k))
implements("diagonal")(lambda a, offset=0, axis1=0, axis2=1: cgrad.diagonal(
    as_tensor(a), offset, axis1, axis2))
implements("tril")(lambda m, k=0: cgrad.tril(as_tensor(m), k))
implements("triu")(lambda m, k=0: cgrad.triu(as_tensor(m), k))


@implements("transpose", "permute_dims")
def _transpose(a: Any, axes: Any = None) -> Any:
    x = as_tensor(a)
    return x.permute(*(reversed(range(x.dim())) if axes is None else axes))


@implements("squeeze")
def _squeeze(a: Any, axis: Any = None) -> Any:
    return as_tensor(a).squeeze() if axis is None else as_tensor(a).squeeze(axis)


@implements("expand_dims")
def _expand_dims(a: Any, axis: Any) -> Any:
    x = as_tensor(a)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    n = x.dim() + len(axes)
    for d in sorted(d % n for d in axes):
        x = x.unsqueeze(d)
    return x


@implements("flip")
def _flip(m: Any, axis: Any = None) -> Any:
    x = as_tensor(m)
    return x.flip(tuple(range(x.dim())) if axis is None else axis)


@implements("repeat")
def _repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    repeats = repeats if isinstance(repeats, int) else as_tensor(repeats)
    return cgrad.repeat_interleave(as_tensor(a), repeats, axis)


def _joined(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def join(arrays: Any, *args: Any, **kwargs: Any) -> Any:
        return function([as_tensor(x) for x in arrays], *args, **kwargs)
    return join


@implements("concatenate", "concat")
@_joined
def _concatenate(arrays: Any, axis: int | None = 0, *, dtype: Any = None,
                 casting: str = "same_kind") -> Any:
    if axis is None:
        arrays, axis = [x.reshape(-1) for x in arrays], 0
    result = cgrad.cat(arrays, axis)
    return result if dtype is None else result.to(dtype_of(dtype))


implements("stack")(_joined(lambda arrays, axis=0: cgrad.stack(arrays, axis)))
implements("vstack", "row_stack")(_joined(lambda tup: cgrad.vstack(tup)))
implements("hstack")(_joined(lambda tup: cgrad.hstack(tup)))
implements("dstack")(_joined(lambda tup: cgrad.dstack(tup)))
implements("column_stack")(_joined(lambda tup: cgrad.column_stack(tup)))


@implements("append")
def _append(arr: Any, values: Any, axis: Any = None) -> Any:
    return _concatenate([arr, values], axis)


@implements("array_split")
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    at = indices_or_sections
    return list(cgrad.tensor_split(as_tensor(ary), at if isinstance(at, int) else list(at), axis))


@implements("split")
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    n = as_tensor(ary).shape[axis]
    if isinstance(indices_or_sections, int) and n % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return _array_split(ary, indices_or_sections, axis)


for _n in ("atleast_1d", "atleast_2d", "atleast_3d"):
    implements(_n)(lambda *arys, _n=_n: getattr(cgrad, _n)(as_tensor(arys[0])) if len(arys) == 1
                   else tuple(getattr(cgrad, _n)(as_tensor(x)) for x in arys))


@implements("meshgrid")
def _meshgrid(*xi: Any, indexing: str = "xy", copy: bool = True, sparse: bool = False) -> Any:
    return list(cgrad.meshgrid(*(as_tensor(x) for x in xi), indexing=indexing))


@implements("take")
def _take(a: Any, indices: Any, axis: Any = None, mode: str = "raise") -> Any:
    x, i = as_tensor(a), as_tensor(indices).to(cgrad.int64)
    if axis is None:
        return x.reshape(-1)[i]
    return x[(slice(None),) * (axis % x.dim()) + (i,)]


@implements("take_along_axis")
def _take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    return cgrad.take_along_dim(as_tensor(arr), as_tensor(indices), axis)


@implements("sort")
def _sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *,
          stable: Any = None) -> Any:
    x = as_tensor(a)
    return cgrad.sort(x.reshape(-1) if axis is None else x, -1 if axis is None else axis).values


@implements("argsort")
def _argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *,
             stable: Any = None) -> Any:
    x = as_tensor(a)
    return cgrad.argsort(x.reshape(-1) if axis is None else x, -1 if axis is None else axis,
                         stable=True)


@implements("diff")
def _diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    return cgrad.diff(as_tensor(a), n, axis)


@implements("trapezoid", "trapz")
def _trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    return cgrad.trapezoid(as_tensor(y), dx=dx, dim=axis) if x is None else cgrad.trapezoid(
        as_tensor(y), as_tensor(x), dim=axis)


@implements("nan_to_num")
def _nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None,
                neginf: Any = None) -> Any:
    return cgrad.nan_to_num(as_tensor(x), nan, posinf, neginf)


def _alike(name: str) -> Callable[..., Any]:
    def make(a: Any, *value: Any, dtype: Any = None, order: str = "K", subok: bool = True,
             shape: Any = None, device: Any = None) -> Any:
        x = as_tensor(a)
        dt = dtype_of(dtype) or x.dtype
        if shape is None:
            return getattr(cgrad, name + "_like")(x, *value, dtype=dt)
        return getattr(cgrad, name)(shape, *value, dtype=dt)
    return make


for _n in ("zeros", "ones", "empty", "full"):
    implements(_n + "_like")(_alike(_n))


# products

@implements("dot")
def _dot(a: Any, b: Any) -> Any:
    x, y = as_tensor(a), as_tensor(b)
    if x.dim() == 0 or y.dim() == 0:
        return x * y
    if y.dim() <= 2:
        return x @ y
    return cgrad.tensordot(x, y, ([-1], [-2]))


def _two(name: str) -> Callable[..., Any]:
    return lambda a, b: getattr(cgrad, name)(as_tensor(a), as_tensor(b))


implements("inner")(_two("inner"))
implements("outer", "linalg.outer")(lambda a, b: cgrad.outer(as_tensor(a).reshape(-1),
                                                             as_tensor(b).reshape(-1)))
implements("kron")(_two("kron"))
implements("vdot")(lambda a, b: cgrad.dot(as_tensor(a).reshape(-1), as_tensor(b).reshape(-1)))
implements("cross", "linalg.cross")(lambda a, b, axis=-1: cgrad.linalg.cross(
    *cgrad.broadcast_tensors(as_tensor(a), as_tensor(b)), dim=axis))
implements("trace", "linalg.trace")(lambda a, offset=0: cgrad.diagonal(
    as_tensor(a), offset).sum(-1))
implements("einsum")(lambda subscripts, *operands, optimize=False: cgrad.einsum(
    subscripts, *(as_tensor(x) for x in operands)))


@implements("tensordot", "linalg.tensordot")
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    if not isinstance(axes, int):
        axes = tuple([x] if isinstance(x, int) else list(x) for x in axes)
    return cgrad.tensordot(as_tensor(a), as_tensor(b), axes)


def _linalg(name: str) -> Callable[..., Any]:
    return lambda *args, **kwargs: getattr(cgrad.linalg, name)(
        *(x if isinstance(x, (int, float, str)) else as_tensor(x) for x in args), **kwargs)


for _n in ("solve", "inv", "det", "slogdet", "cholesky", "eigh", "eigvalsh", "pinv", "matrix_rank",
           "matrix_power", "cond", "tensorinv", "tensorsolve", "svdvals"):
    implements("linalg." + _n)(_linalg(_n))


@implements("linalg.norm")
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return cgrad.linalg.norm(as_tensor(x), ord, axis, keepdims)


@implements("linalg.svd")
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True,
         hermitian: bool = False) -> Any:
    return (cgrad.linalg.svd(as_tensor(a), full_matrices) if compute_uv
            else cgrad.linalg.svdvals(as_tensor(a)))


@implements("linalg.qr")
def _qr(a: Any, mode: str = "reduced") -> Any:
    # With mode "r" of ours there is no derivative.
    found = cgrad.linalg.qr(as_tensor(a), "reduced" if mode == "r" else mode)
    return found.R if mode == "r" else found


@implements("linalg.multi_dot")
def _multi_dot(arrays: Any) -> Any:
    return cgrad.linalg.multi_dot([as_tensor(x) for x in arrays])


@implements("linalg.lstsq")
def _lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    y = as_tensor(b)
    found = cgrad.linalg.lstsq(as_tensor(a), y.unsqueeze(1) if y.dim() == 1 else y, rcond=rcond)
    x = found.solution
    return (x.squeeze(1) if y.dim() == 1 else x), found.residuals, found.rank, \
        found.singular_values


@implements("cov")
def _cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None,
         fweights: Any = None, aweights: Any = None) -> Any:
    if y is not None:
        m = _concatenate([cgrad.atleast_2d(as_tensor(m)), cgrad.atleast_2d(as_tensor(y))])
    x = as_tensor(m)
    x = x if rowvar or x.dim() < 2 else x.T
    correction = ddof if ddof is not None else int(not bias)
    return cgrad.cov(x, correction=correction)


@implements("corrcoef")
def _corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    c = _cov(x, y, rowvar)
    if c.dim() == 0:
        return c / c
    d = cgrad.diagonal(c).sqrt()
    return c / d.unsqueeze(0) / d.unsqueeze(1)


# facts

implements("isclose")(lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: cgrad.isclose(
    *_same_dtype(a, b), rtol, atol, equal_nan))
implements("allclose")(lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: bool(
    cgrad.isclose(*_same_dtype(a, b), rtol, atol, equal_nan).all()))
implements("array_equal")(lambda a1, a2, equal_nan=False: cgrad.equal(*_same_dtype(a1, a2)))
implements("iscomplexobj")(lambda x: False)
implements("isrealobj")(lambda x: True)
implements("real")(lambda val: as_tensor(val))
implements("array_repr")(lambda arr, *args, **kwargs: repr(arr))
implements("array_str")(lambda a, *args, **kwargs: str(a))


def _same_dtype(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    x, y = as_tensor(a), as_tensor(b)
    dt = cgrad.promote_types(x.dtype, y.dtype)
    return x.to(dt), y.to(dt)


@implements("copyto")
def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if not isinstance(dst, Tensor):
        if needs_gradient(src):
            raise TypeError("numpy.copyto: the array cannot hold the gradient of the tensor")
        np.copyto(dst, array(src), casting=casting, where=array(where))   # type: ignore[arg-type]
    elif where is True:
        dst.copy_(as_tensor(src))
    else:
        dst.copy_(_where(where, src, dst))
