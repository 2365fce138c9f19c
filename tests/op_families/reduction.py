"""Reductions and scans."""
from __future__ import annotations

import numpy as np

from op_families.spec import EVERY, FLOATS, NUMBERS, Bad, Case, Sample, T

ALL = [Sample(T(3, 4)), Sample(T()), Sample(T(2, 3, 2))]
ALONG = [
    Sample(T(3, 4), 0), Sample(T(3, 4), -1), Sample(T(3, 4), 1, True), Sample(T(), 0),
    Sample(T(2, 3, 2), dim=1, keepdim=True),
]
SEVERAL = [Sample(T(2, 3, 2), (0, 2)), Sample(T(2, 3, 2), dim=(0, 1), keepdim=True)]
NONE = [Sample(T(0)), Sample(T(0, 3)), Sample(T(0, 3), 0), Sample(T(0, 3), 1)]
OUT_OF_RANGE = Bad((T(2, 3), 2), IndexError, "(?i)dimension out of range.*2")
TWICE = Bad((T(2, 3), (0, 0)), RuntimeError, "(?i)dim 0 appears multiple times|multiple times")
NOT_FLOATING = Bad((T(2, dtype="int64"),), RuntimeError, "(?i)float")


def axes(function):
    """A NumPy reduction with PyTorch's argument names; a number is a vector of one."""
    def reduce(x, dim=None, keepdim=False, **kwargs):
        if x.ndim == 0 and dim is not None:
            return function(x.reshape(1), axis=0, **kwargs)
        if dim == ():
            dim = None
        return function(x, axis=dim, keepdims=keepdim, **kwargs)
    return reduce


def std_var(function):
    def reduce(x, dim=None, unbiased=True, keepdim=False, correction=None):
        ddof = int(unbiased) if correction is None else correction
        return axes(function)(x, dim, keepdim, ddof=ddof)
    return reduce


def extreme(value, index):
    """max(x), max(x, dim) -> values and indices, max(x, other)."""
    def reduce(x, dim=None, keepdim=False):
        if isinstance(dim, np.ndarray):
            return {np.max: np.maximum, np.min: np.minimum}[value](x, dim)
        if dim is None:
            return value(x)
        return axes(value)(x, dim, keepdim), axes(index)(x, dim, keepdim)
    return reduce


def logsumexp(x, axis=None, keepdims=False):
    m = x.max(axis=axis, keepdims=True)
    s = np.log(np.exp(x - m).sum(axis=axis, keepdims=True)) + m
    return s if keepdims else s.squeeze(axis)


def norm(x, p="fro", dim=None, keepdim=False):
    p = 2 if p == "fro" else p
    a = np.abs(x)
    by = {np.inf: np.max, -np.inf: np.min}.get(p)
    if by is not None:
        return axes(by)(a, dim, keepdim)
    if p == 0:
        return axes(np.sum)((a != 0).astype(x.dtype), dim, keepdim)
    return axes(np.sum)(a**p, dim, keepdim) ** (1 / p)


CASES = [
    Case("sum", axes(np.sum), ALL + ALONG + SEVERAL + NONE, dtypes=EVERY, result="sum",
         errors=[OUT_OF_RANGE, TWICE]),
    Case("sum:dtype", lambda x, dtype: np.sum(x), [Sample(T(3, 4), dtype="float64")],
         call=lambda xp, x, dtype: xp.sum(x, dtype=getattr(xp, dtype)), method=False,
         dtypes=EVERY, result="float64"),
    Case("mean", axes(np.mean), ALL + ALONG + SEVERAL, dtypes=FLOATS,
         errors=[OUT_OF_RANGE, NOT_FLOATING]),
    Case("prod", axes(np.prod), [*ALL, *ALONG, *NONE], dtypes=EVERY,
         result="sum", errors=[OUT_OF_RANGE]),
    Case("prod:zeros", lambda x, dim=None: np.prod(x * [[0, 1], [1, 1], [1, 0]], axis=dim),
         [Sample(T(3, 2)), Sample(T(3, 2), 0), Sample(T(3, 2), 1)], dtypes=FLOATS, method=False,
         call=lambda xp, x, dim=None: (
             (lambda y: xp.prod(y) if dim is None else xp.prod(y, dim))(
                 x * xp.tensor([[0, 1], [1, 1], [1, 0]])))),
    Case("max", extreme(np.max, np.argmax), ALL + ALONG, domain="distinct",
         result=("same", "int64"),
         errors=[OUT_OF_RANGE, Bad((T(0),), RuntimeError, "(?i)max"),
                 Bad((T(0, 3), 0), IndexError, "(?i)max.*non-zero")]),
    Case("min", extreme(np.min, np.argmin), ALL + ALONG, domain="distinct",
         result=("same", "int64"),
         errors=[OUT_OF_RANGE, Bad((T(0),), RuntimeError, "(?i)min"),
                 Bad((T(0, 3), 0), IndexError, "(?i)min.*non-zero")]),
    Case("max:other", extreme(np.max, np.argmax), [Sample(T(3, 4), T(4))], covers=("maximum",)),
    Case("min:other", extreme(np.min, np.argmin), [Sample(T(3, 4), T(4))], covers=("minimum",)),
    Case("amax", axes(np.max), ALL + ALONG + SEVERAL, domain="distinct", errors=[OUT_OF_RANGE]),
    Case("amin", axes(np.min), ALL + ALONG + SEVERAL, domain="distinct", errors=[OUT_OF_RANGE]),
    Case("argmax", axes(np.argmax), ALL + ALONG, domain="distinct", result="int64", grad=False,
         errors=[OUT_OF_RANGE, Bad((T(0),), IndexError, "(?i)argmax")]),
    Case("argmin", axes(np.argmin), ALL + ALONG, domain="distinct", result="int64", grad=False,
         errors=[OUT_OF_RANGE, Bad((T(0),), IndexError, "(?i)argmin")]),
    Case("var", std_var(np.var), [
        Sample(T(3, 4)), Sample(T(3, 4), 0), Sample(T(3, 4), 1, True), Sample(T(3, 4), 1, False),
        Sample(T(2, 3, 2), dim=(0, 2), correction=0), Sample(T(3, 4), dim=0, correction=2),
        Sample(T(3, 4), dim=1, keepdim=True)], dtypes=FLOATS, tolerance=4,
        errors=[OUT_OF_RANGE, NOT_FLOATING]),
    Case("std", std_var(np.std), [
        Sample(T(3, 4)), Sample(T(3, 4), 0), Sample(T(3, 4), 1, True), Sample(T(3, 4), 1, False),
        Sample(T(2, 3, 2), dim=(0, 2), correction=0), Sample(T(3, 4), dim=1, keepdim=True)],
        dtypes=FLOATS, tolerance=4, errors=[OUT_OF_RANGE, NOT_FLOATING]),
    Case("any", axes(np.any), ALL + ALONG + NONE, dtypes=EVERY, grad=False,
         result=lambda d: "uint8" if d == "uint8" else "bool"),
    Case("all", axes(np.all), ALL + ALONG + NONE, dtypes=EVERY, grad=False,
         result=lambda d: "uint8" if d == "uint8" else "bool"),
    Case("cumsum", lambda x, dim: np.cumsum(x, dim) if x.ndim else x, [
        Sample(T(3, 4), 0), Sample(T(3, 4), -1), Sample(T(), 0), Sample(T(2, 3, 2), 1),
        Sample(T(0, 3), 0)], dtypes=EVERY, result="sum", errors=[OUT_OF_RANGE]),
    Case("cumsum:inplace", lambda x, dim: np.cumsum(x, dim), [Sample(T(3, 4), 0)], dtypes=FLOATS,
         inplace=True),
    Case("logsumexp", axes(logsumexp), [
        Sample(T(3, 4), 0), Sample(T(3, 4), 1, True), Sample(T(2, 3, 2), (0, 2)), Sample(T(), 0)],
        dtypes=NUMBERS, result="float", errors=[OUT_OF_RANGE]),
    Case("norm", norm, [
        Sample(T(3, 4)), Sample(T(3, 4), 2), Sample(T(3, 4), 1), Sample(T(3, 4), 3),
        Sample(T(3, 4), dim=1), Sample(T(3, 4), 1, 0, True), Sample(T(2, 3, 2), dim=(0, 1)),
        Sample(T(3, 4), np.inf), Sample(T(3, 4), -np.inf), Sample(T(3, 4), 0), Sample(T())],
        domain="distinct", dtypes=FLOATS, errors=[NOT_FLOATING]),
]
