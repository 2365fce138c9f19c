"""Variance and standard deviation."""
from libc.math cimport INFINITY, NAN
from cgrad._engine.types cimport *
from cgrad._engine.face import export, numpy_names
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_of, row_of
from cgrad._engine.inplace cimport write_out
from cgrad._engine.primitives cimport (
    div, eq, mul, number, reshape, square, sub, unary, where,
)
from cgrad._engine.rows cimport is_float, retain, value
from cgrad._engine.shape cimport dims_mask, int_dims
from cgrad._engine.table cimport (
    Ctx, call1, grad_enable, grad_enabled, op_id, register, scope_enter, scope_leave,
)

cdef int MEAN = op_id("mean"), SUM = op_id("sum")


# Attr: k[0] = dims (bits), k[1] = keepdim, k[2] = over everything, f[0] = correction

cdef int64_t _count(Row x, int64_t mask) noexcept:
    cdef int64_t n = 1
    cdef int i
    for i in range(value(x).ndim):
        if mask & (1 << i):
            n *= value(x).shape[i]
    return n


cdef Row f_var(int op, Row *x, int n, Attr *at) except 0:
    # Two passes: the mean first, then the squares of what is left.
    cdef int64_t mark = scope_enter()
    cdef bint recording = grad_enabled()
    cdef double left = <double>_count(x[0], at.k[0]) - at.f[0]
    cdef Attr keep_dims = at[0]
    cdef Row y
    try:
        grad_enable(False)
        keep_dims.k[1] = 1
        y = square(sub(x[0], call1(MEAN, x[0], &keep_dims)))
        y = div(call1(SUM, y, at), number(left if left > 0 else 0, x[0]))
        retain(y)
        return y
    finally:
        grad_enable(recording)
        scope_leave(mark)


cdef int d_var(Ctx *c) except -1:                 # g 2 (x - mean) / (n - correction)
    cdef Row x = c.x[0], g = c.g, slope
    cdef double left = <double>_count(x, c.at.k[0]) - c.at.f[0]
    cdef Attr at = c.at[0]
    cdef Value *v = value(x)
    cdef int64_t[MAX_DIMS] shape
    cdef Row average
    cdef int i
    at.k[1] = 1
    average = call1(MEAN, x, &at)
    if left <= 0 and c.at.k[2]:
        slope = where(eq(x, average), number(NAN, x), number(INFINITY, x))
    else:
        slope = mul(sub(x, average), div(number(2, x), number(left, x)))
    for i in range(v.ndim):
        shape[i] = 1 if c.at.k[0] & (1 << i) else v.shape[i]
    c.out[0] = mul(reshape(g, v.ndim, shape), slope)
    return 0

cdef int VAR = register("var", f_var, d_var, 1)


cdef object _spread_of(str name, bint root, bint with_mean, object input, object dim,
                       object unbiased, object keepdim, object correction, object axis,
                       object keepdims, object out):
    cdef int64_t mark = scope_enter()
    cdef bytes op = name.encode()
    cdef int64_t mask
    cdef double by
    cdef bint keep_dims
    cdef Attr at
    cdef Row x, y, flat
    try:
        # var(x, unbiased) and var(x, dim, unbiased) are older forms of the same call.
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        if unbiased is not None:
            if correction is not None:
                raise TypeError(f"{name}(): takes 'unbiased' or 'correction', not both")
            correction = 1 if unbiased else 0
        by = 1.0 if correction is None else correction
        dim, keepdim = numpy_names(name, dim, keepdim, axis, keepdims)
        keep_dims = bool(keepdim)
        dim = int_dims(dim, op, "dim")
        x = row_of(input, op)
        if not is_float(value(x).dtype):
            raise RuntimeError(f"{name}(): only support floating point and complex dtypes, got "
                               f"{dtype_of(value(x).dtype).name}")
        mask = dims_mask(dim, value(x).ndim, op)
        at.k[0] = mask
        at.k[1] = keep_dims
        at.k[2] = dim is None
        at.f[0] = by
        y = call1(VAR, x, &at)
        if root:
            # Where nothing varies the root has no slope: the derivative is 0, as in PyTorch.
            flat = eq(y, number(0, y))
            y = where(flat, y, unary("sqrt", where(flat, number(1, y), y)))
        if with_mean:
            return wrap_borrowed(y), wrap_borrowed(call1(MEAN, x, &at))
        if out is None:
            return wrap_borrowed(y)
        write_out(out, y, name)
        return out
    finally:
        scope_leave(mark)


def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None,
        keepdims=None, out=None):
    """var(input, dim=None, *, correction=1, keepdim=False) -> Tensor

    Variance over `dim`: squared distance from the mean, summed and divided by n - correction
    (Bessel's correction by default).

    Example::

        >>> cgrad.var(cgrad.tensor([1.0, 2.0, 3.0]))
        tensor(1.)
    """
    return _spread_of("var", False, False, input, dim, unbiased, keepdim, correction, axis,
                      keepdims, out)


def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None,
        keepdims=None, out=None):
    """std(input, dim=None, *, correction=1, keepdim=False) -> Tensor

    Standard deviation: the square root of :func:`var`.

    Example::

        >>> cgrad.std(cgrad.tensor([1.0, 2.0, 3.0]))
        tensor(1.)
    """
    return _spread_of("std", True, False, input, dim, unbiased, keepdim, correction, axis,
                      keepdims, out)


def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None,
             keepdims=None):
    """var_mean(input, dim=None, *, correction=1, keepdim=False) -> (Tensor, Tensor)

    Variance, as :func:`var`, and mean.

    Example::

        >>> cgrad.var_mean(cgrad.tensor([1.0, 2.0, 3.0]))
        (tensor(1.), tensor(2.))
    """
    return _spread_of("var_mean", False, True, input, dim, unbiased, keepdim, correction, axis,
                      keepdims, None)


def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None,
             keepdims=None):
    """std_mean(input, dim=None, *, correction=1, keepdim=False) -> (Tensor, Tensor)

    Standard deviation, as :func:`std`, and mean.

    Example::

        >>> cgrad.std_mean(cgrad.tensor([1.0, 2.0, 3.0]))
        (tensor(1.), tensor(2.))
    """
    return _spread_of("std_mean", True, True, input, dim, unbiased, keepdim, correction, axis,
                      keepdims, None)


for _f in (var, std):
    export(_f)
for _f in (var_mean, std_mean):
    export(_f, method=False)
