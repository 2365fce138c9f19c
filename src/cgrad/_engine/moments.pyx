"""Variance and standard deviation, composed of mean and sum."""
from cgrad._engine.types cimport *
from cgrad._engine.face import export
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_of, row_of
from cgrad._engine.inplace cimport write_out
from cgrad._engine.primitives cimport div, eq, number, square, sub, unary, where
from cgrad._engine.reduce cimport plain_dims
from cgrad._engine.rows cimport is_float, value
from cgrad._engine.shape cimport dims_mask
from cgrad._engine.table cimport call1, op_id, scope_enter, scope_leave

cdef int MEAN = op_id("mean"), SUM = op_id("sum")


cdef Row _var(Row x, int64_t mask, double correction, bint keepdim, Row *average) except 0:
    # Two passes: the mean first, then the squares of what is left.
    cdef Row d, m
    cdef int64_t n = 1
    cdef int i
    cdef double left
    cdef Attr at
    for i in range(value(x).ndim):
        if mask & (1 << i):
            n *= value(x).shape[i]
    at.k[0] = mask
    at.k[1] = 1
    m = call1(MEAN, x, &at)
    d = square(sub(x, m))
    left = <double>n - correction
    at.k[1] = keepdim
    average[0] = m if keepdim else call1(MEAN, x, &at)
    return div(call1(SUM, d, &at), number(left if left > 0 else 0, x))


cdef object _spread_of(str name, bint root, bint with_mean, object input, object dim,
                       object unbiased, object keepdim, object correction, object axis,
                       object keepdims, object out):
    cdef int64_t mark = scope_enter()
    cdef bytes op = name.encode()
    cdef int64_t mask
    cdef double by
    cdef bint keep_dims
    cdef Row x, y, flat, average
    try:
        # var(x, unbiased) and var(x, dim, unbiased) are older forms of the same call.
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        if unbiased is not None:
            if correction is not None:
                raise TypeError(f"{name}(): takes 'unbiased' or 'correction', not both")
            correction = 1 if unbiased else 0
        by = 1.0 if correction is None else correction
        keep_dims = bool(keepdim if keepdims is None else keepdims)
        dim = plain_dims(dim if axis is None else axis, op)
        x = row_of(input, op)
        if not is_float(value(x).dtype):
            raise RuntimeError(f"{name}(): only support floating point and complex dtypes, got "
                               f"{dtype_of(value(x).dtype).name}")
        mask = dims_mask(dim, value(x).ndim, op)
        y = _var(x, mask, by, keep_dims, &average)
        if root:
            # Where nothing varies the root has no slope: the derivative is 0, as in PyTorch.
            flat = eq(y, number(0, y))
            y = where(flat, y, unary("sqrt", where(flat, number(1, y), y)))
        if with_mean:
            return wrap_borrowed(y), wrap_borrowed(average)
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
    """
    return _spread_of("var", False, False, input, dim, unbiased, keepdim, correction, axis,
                      keepdims, out)


def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None,
        keepdims=None, out=None):
    """std(input, dim=None, *, correction=1, keepdim=False) -> Tensor

    Standard deviation: the square root of :func:`var`.
    """
    return _spread_of("std", True, False, input, dim, unbiased, keepdim, correction, axis,
                      keepdims, out)


def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None,
             keepdims=None):
    """var_mean(input, dim=None, *, correction=1, keepdim=False) -> (Tensor, Tensor)

    Variance, as :func:`var`, and mean.
    """
    return _spread_of("var_mean", False, True, input, dim, unbiased, keepdim, correction, axis,
                      keepdims, None)


def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None, axis=None,
             keepdims=None):
    """std_mean(input, dim=None, *, correction=1, keepdim=False) -> (Tensor, Tensor)

    Standard deviation, as :func:`std`, and mean.
    """
    return _spread_of("std_mean", True, True, input, dim, unbiased, keepdim, correction, axis,
                      keepdims, None)


for _f in (var, std):
    export(_f)
for _f in (var_mean, std_mean):
    export(_f, method=False)
