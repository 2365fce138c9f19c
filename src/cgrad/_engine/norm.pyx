"""Normalisation of rows: what layer, group, instance and batch normalisation have in common.

The fused backward is an operation of the table with a rule of its own, so that second derivatives
work.
"""
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_of, row_of
from cgrad._engine.loops cimport BLOCK, NOGIL
from cgrad._engine.primitives cimport (
    add, mul, neg, plus, reshape, reshape_like, square, sub, unary,
)
from cgrad._engine.rows cimport is_float, row_dense, value
from cgrad._engine.softmax cimport dense
from cgrad._engine.table cimport (
    Ctx, call1, call2, op_id, register, scope_enter, scope_leave,
)
from cgrad._engine.threads cimport parallel_for

# Pointers are untyped here; the kernels are chosen by dtype.
cdef extern from "../_kernels/norm.h":
    void cg_row_norm_f32(const void *x, void *y, int64_t n, double eps, int rms, int64_t begin,
                         int64_t end) nogil
    void cg_row_norm_f64(const void *x, void *y, int64_t n, double eps, int rms, int64_t begin,
                         int64_t end) nogil
    void cg_row_norm_backward_f32(const void *g, const void *x, void *dx, int64_t n, double eps,
                                  int rms, int64_t begin, int64_t end) nogil
    void cg_row_norm_backward_f64(const void *g, const void *x, void *dx, int64_t n, double eps,
                                  int rms, int64_t begin, int64_t end) nogil

cdef int ROW_NORM = op_id("row_norm"), ROW_NORM_BACKWARD = op_id("row_norm_backward")
cdef int MEAN = op_id("mean")


cdef struct Job:
    int dtype, rms
    int64_t n
    double eps
    const void *g             # NULL: forward
    const void *x
    void *y


cdef void _task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Job *j = <Job *>ctx
    if j.g == NULL:
        if j.dtype == F32:
            cg_row_norm_f32(j.x, j.y, j.n, j.eps, j.rms, begin, end)
        else:
            cg_row_norm_f64(j.x, j.y, j.n, j.eps, j.rms, begin, end)
    elif j.dtype == F32:
        cg_row_norm_backward_f32(j.g, j.x, j.y, j.n, j.eps, j.rms, begin, end)
    else:
        cg_row_norm_backward_f64(j.g, j.x, j.y, j.n, j.eps, j.rms, begin, end)


# Attr: k[0] = length of a row, k[1] = rms; f[0] = eps

cdef Row _run(Row g, Row x, Attr *at) except 0:
    cdef Job j
    cdef int64_t mark = scope_enter(), rows
    cdef Value *v
    cdef Row y
    try:
        x = dense(x)
        j.g = value(dense(g)).data if g else NULL
        v = value(x)
        y = row_dense(v.dtype, v.ndim, v.shape)
        j.dtype = v.dtype
        j.n = at.k[0]
        j.rms = <int>at.k[1]
        j.eps = at.f[0]
        j.x = v.data
        j.y = value(y).data
        rows = v.numel // j.n if j.n else 0
        if v.numel < NOGIL:
            _task(&j, 0, rows)
        else:
            with nogil:
                parallel_for(_task, &j, rows, max(BLOCK // j.n, 1))
        return y
    finally:
        scope_leave(mark)


cdef Row f_row_norm(int op, Row *x, int n, Attr *at) except 0:
    return _run(0, x[0], at)

cdef int d_row_norm(Ctx *c) except -1:
    c.out[0] = call2(ROW_NORM_BACKWARD, c.g, c.x[0], c.at)
    return 0

register("row_norm", f_row_norm, d_row_norm, 1)


cdef Row f_row_norm_backward(int op, Row *x, int n, Attr *at) except 0:
    return _run(x[0], x[1], at)


cdef Row _mean(Row a) except 0:
    cdef Attr at
    at.k[0] = 2                   # over the second of two dimensions
    at.k[1] = True
    return call1(MEAN, a, &at)

cdef int d_row_norm_backward(Ctx *c) except -1:
    # F = sum u dx(g, x) = r (sum u' g' - n a b) with u' = u - mean(u), a = mean(u y), the same for
    # g; its derivatives follow from dr = -r^2 y / n and n da = A u, where A u = r (u' - a y) is
    # the backward pass itself, which is symmetric.
    cdef Attr *at = c.at
    cdef int64_t[2] flat
    cdef Row x, u, g, r, y, a, b, au, ag, first, second
    if c.need[0]:
        c.out[0] = call2(ROW_NORM_BACKWARD, c.g, c.x[1], at)
    if not c.need[1]:
        return 0
    flat[1] = at.k[0]
    flat[0] = value(c.g).numel // flat[1] if flat[1] else 0
    x = reshape(c.x[1], 2, flat)
    u = reshape(c.g, 2, flat)
    g = reshape(c.x[0], 2, flat)
    if not at.k[1]:
        x = sub(x, _mean(x))
        u = sub(u, _mean(u))
        g = sub(g, _mean(g))
    r = unary("rsqrt", plus(_mean(square(x)), at.f[0]))
    y = mul(x, r)
    a = _mean(mul(u, y))
    b = _mean(mul(g, y))
    au = mul(r, sub(u, mul(a, y)))
    ag = mul(r, sub(g, mul(b, y)))
    first = mul(mul(square(r), y), sub(_mean(mul(u, g)), mul(a, b)))
    second = mul(r, add(mul(b, au), mul(a, ag)))
    c.out[1] = reshape_like(neg(add(first, second)), c.x[1])
    return 0

register("row_norm_backward", f_row_norm_backward, d_row_norm_backward, 2, 3)


def row_norm(input, int64_t n, double eps, bint rms=False):
    """row_norm(input, n, eps, rms=False) -> Tensor

    Each run of `n` elements (in row-major order) minus its mean, divided by its standard
    deviation: (x - mean) / sqrt(variance + eps), the biased variance.  With `rms` the mean counts
    as 0.  `n` divides the number of elements.  Raises RuntimeError for integers.
    """
    cdef int64_t mark = scope_enter()
    cdef Attr at
    cdef Row x
    try:
        x = row_of(input, "row_norm")
        if not is_float(value(x).dtype):
            raise RuntimeError(f"mixed dtype: normalisation is not implemented for "
                               f"{dtype_of(value(x).dtype)!r}")
        if n < 0 or (n and value(x).numel % n) or (n == 0 and value(x).numel):
            raise RuntimeError(f"row_norm: rows of {n} do not divide {value(x).numel} elements")
        at.k[0] = n
        at.k[1] = rms
        at.f[0] = eps
        return wrap_borrowed(call1(ROW_NORM, x, &at))
    finally:
        scope_leave(mark)
