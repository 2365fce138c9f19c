"""Normalisation of rows: what layer, group, instance and batch normalisation have in common.

The fused backward is an operation of the table with a rule of its own, so that second derivatives
work.
"""
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_of, row_of
from cgrad._engine.loops cimport BLOCK, NOGIL
from cgrad._engine.primitives cimport (
    add, mul, neg, plus, reshape, reshape_like, sizes, square, sub, sum_dims, unary,
)
from cgrad._engine.rows cimport is_float, retain, row_dense, value
from cgrad._engine.shape cimport slice_row
from cgrad._engine.softmax cimport dense
from cgrad._engine.table cimport (
    Ctx, call1, call2, call3, calln, grad_enabled, keep, op_id, register, scope_enter, scope_leave,
)
from cgrad._engine.threads cimport parallel_for

# Pointers are untyped here; the kernels are chosen by dtype.
cdef extern from "../_kernels/norm.h":
    void cg_row_norm_f32(const void *x, const void *w, const void *b, float *y, int64_t n,
                         double eps, int rms, int64_t begin, int64_t end) nogil
    void cg_row_norm_f64(const void *x, const void *w, const void *b, double *y, int64_t n,
                         double eps, int rms, int64_t begin, int64_t end) nogil
    void cg_row_norm_backward_f32(const void *g, const void *x, const void *w, float *dx, float *dw,
                                  int64_t n, double eps, int rms, int64_t begin, int64_t end) nogil
    void cg_row_norm_backward_f64(const void *g, const void *x, const void *w, double *dx,
                                  double *dw, int64_t n, double eps, int rms, int64_t begin,
                                  int64_t end) nogil

cdef int ROW_NORM = op_id("row_norm"), ROW_NORM_BACKWARD = op_id("row_norm_backward")
cdef int ROW_NORM_WEIGHT = op_id("row_norm_weight")
cdef int MEAN = op_id("mean")
cdef enum:
    PARTS = 16                # of the rows at most, whose gradients of the weight are added up


cdef struct Job:
    int op, dtype, rms
    int64_t n, rows
    double eps
    const void *g
    const void *x
    const void *w             # NULL: none
    const void *b
    char *y
    char *dx                  # ROW_NORM_WEIGHT: found as well,
    int64_t part              # by parts of so many rows


cdef void _task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Job *j = <Job *>ctx
    cdef int64_t i, first, last
    if j.op == ROW_NORM:
        if j.dtype == F32:
            cg_row_norm_f32(j.x, j.w, j.b, <float *>j.y, j.n, j.eps, j.rms, begin, end)
        else:
            cg_row_norm_f64(j.x, j.w, j.b, <double *>j.y, j.n, j.eps, j.rms, begin, end)
    elif j.op == ROW_NORM_BACKWARD:
        if j.dtype == F32:
            cg_row_norm_backward_f32(j.g, j.x, j.w, <float *>j.y, NULL, j.n, j.eps, j.rms, begin,
                                     end)
        else:
            cg_row_norm_backward_f64(j.g, j.x, j.w, <double *>j.y, NULL, j.n, j.eps, j.rms, begin,
                                     end)
    else:
        for i in range(begin, end):
            first = i * j.part
            last = min(first + j.part, j.rows)
            if j.dtype == F32:
                cg_row_norm_backward_f32(j.g, j.x, j.w, <float *>j.dx, <float *>j.y + i * 2 * j.n,
                                         j.n, j.eps, j.rms, first, last)
            else:
                cg_row_norm_backward_f64(j.g, j.x, j.w, <double *>j.dx, <double *>j.y + i * 2 * j.n,
                                         j.n, j.eps, j.rms, first, last)


# Attr: k[0] = length of a row, k[1] = rms; f[0] = eps

cdef int _run(Job *j, Row y, Attr *at, int64_t items) except -1:
    cdef Value *v = value(y)
    j.dtype = v.dtype
    j.n = at.k[0]
    j.rms = <int>at.k[1]
    j.eps = at.f[0]
    j.y = v.data
    if j.rows * j.n < NOGIL:
        _task(j, 0, items)
    else:
        with nogil:
            parallel_for(_task, j, items, max(BLOCK * items // (j.rows * j.n), 1))
    return 0


cdef const void *_data(Row x, int64_t numel, int dtype) except? NULL:
    # The caller's operands fit; a tensor given other memory by another thread may not.
    x = dense(x)
    if value(x).numel != numel or value(x).dtype != dtype:
        raise RuntimeError("row_norm: an operand was changed by another thread")
    return value(x).data


cdef Row f_row_norm(int op, Row *x, int n, Attr *at) except 0:
    # x, w, b, or g, x, w
    cdef int64_t mark = scope_enter()
    cdef Job j
    cdef Value *v = value(x[0])
    cdef int64_t numel = v.numel
    cdef int dt = v.dtype
    cdef Row y
    try:
        j.op = op
        j.w = j.b = NULL
        j.rows = numel // at.k[0] if at.k[0] else 0
        j.g = j.x = _data(x[0], numel, dt)
        if op == ROW_NORM_BACKWARD:
            j.x = _data(x[1], numel, dt)
            if n > 2:
                j.w = _data(x[2], at.k[0], dt)
        else:
            if n > 1:
                j.w = _data(x[1], at.k[0], dt)
            if n > 2:
                j.b = _data(x[2], at.k[0], dt)
        y = row_dense(dt, v.ndim, v.shape)
        _run(&j, y, at, j.rows)
        return y
    finally:
        scope_leave(mark)

cdef int d_row_norm(Ctx *c) except -1:
    cdef Row both = 0
    cdef Row[4] x
    if c.need[0] and c.n > 1 and c.need[1] and not grad_enabled():
        x[0], x[1], x[2], x[3] = c.g, c.x[0], c.x[1], _room(c.g)
        both = calln(ROW_NORM_WEIGHT, x, 4, c.at)
        c.out[0] = x[3]
    elif c.need[0] and c.n > 1:
        c.out[0] = call3(ROW_NORM_BACKWARD, c.g, c.x[0], c.x[1], c.at)
    elif c.need[0]:
        c.out[0] = call2(ROW_NORM_BACKWARD, c.g, c.x[0], c.at)
    if c.n > 1 and c.need[1]:
        if both == 0:
            both = call2(ROW_NORM_WEIGHT, c.g, c.x[0], c.at)
        c.out[1] = reshape_like(_half(both, 0), c.x[1])
        if c.n > 2 and c.need[2]:
            c.out[2] = reshape_like(_half(both, 1), c.x[2])
    elif c.n > 2 and c.need[2]:
        c.out[2] = c.g                # the sweep sums over the rows
    return 0

register("row_norm", f_row_norm, d_row_norm, 1 | 2, 1, 0)


cdef Row f_row_norm_weight(int op, Row *x, int n, Attr *at) except 0:
    # Of g and x: the gradients of weight and bias, one above the other. Where nothing is recorded
    # also of w and a row that gets the gradient of x: moments are found once for all.
    cdef int64_t mark = scope_enter()
    cdef Job j
    cdef int64_t numel = value(x[0]).numel, parts
    cdef int64_t[3] shape
    cdef int dt = value(x[0]).dtype
    cdef Row y
    try:
        j.op = op
        j.rows = numel // at.k[0] if at.k[0] else 0
        j.g = _data(x[0], numel, dt)
        j.x = _data(x[1], numel, dt)
        j.w = _data(x[2], at.k[0], dt) if n > 2 else NULL
        j.dx = value(x[3] if n > 3 else _room(x[0])).data
        j.part = max((j.rows + PARTS - 1) // PARTS, BLOCK // max(at.k[0], 1) // 4, 1)
        parts = max((j.rows + j.part - 1) // j.part, 1)
        shape[0] = parts
        shape[1] = 2
        shape[2] = at.k[0]
        y = keep(row_dense(dt, 3, shape))
        _run(&j, y, at, parts)
        y = sum_dims(y, 1, False) if parts > 1 else reshape(y, 2, shape + 1)
        retain(y)
        return y
    finally:
        scope_leave(mark)

cdef int d_row_norm_weight(Ctx *c) except -1:
    cdef Row dw = _half(c.g, 0)
    if c.need[0]:
        c.out[0] = call3(ROW_NORM, c.x[1], dw, _half(c.g, 1), c.at)
    if c.need[1]:
        c.out[1] = call3(ROW_NORM_BACKWARD, c.x[0], c.x[1], dw, c.at)
    return 0

register("row_norm_weight", f_row_norm_weight, d_row_norm_weight, 2, 1 | 2)


cdef Row _room(Row x) except 0:
    return keep(row_dense(value(x).dtype, value(x).ndim, value(x).shape))


cdef Row _half(Row both, int64_t i) except 0:
    cdef Attr at
    memset(&at, 0, sizeof(Attr))
    at.k[0] = 1                   # without the first dimension, where it starts at i
    at.d[0] = i
    at.d[MAX_DIMS] = at.d[MAX_DIMS + 1] = at.d[2 * MAX_DIMS] = 1
    at.d[2 * MAX_DIMS + 1] = value(both).shape[1]
    return slice_row(both, &at)


cdef Row _mean(Row a) except 0:
    cdef Attr at
    at.k[0] = 2                   # over the second of two dimensions
    at.k[1] = True
    return call1(MEAN, a, &at)

cdef int d_row_norm_backward(Ctx *c) except -1:
    # With a weight, the gradient is g w below.
    # F = sum u dx(g, x) = r (sum u' g' - n a b) with u' = u - mean(u), a = mean(u y), the same for
    # g; its derivatives follow from dr = -r^2 y / n and n da = A u, where A u = r (u' - a y) is
    # the backward pass itself, which is symmetric.
    cdef Attr *at = c.at
    cdef int64_t[2] flat
    cdef Row x, u, g, r, y, a, b, au, ag, first, second
    if c.need[0] and c.n > 2:
        c.out[0] = mul(call2(ROW_NORM_BACKWARD, c.g, c.x[1], at), c.x[2])
    elif c.need[0]:
        c.out[0] = call2(ROW_NORM_BACKWARD, c.g, c.x[1], at)
    if c.n > 2 and c.need[2]:
        c.out[2] = mul(call2(ROW_NORM_BACKWARD, c.g, c.x[1], at), c.x[0])
    if not c.need[1]:
        return 0
    flat[1] = at.k[0]
    flat[0] = value(c.g).numel // flat[1] if flat[1] else 0
    x = reshape(c.x[1], 2, flat)
    u = reshape(c.g, 2, flat)
    g = reshape(mul(c.x[0], c.x[2]) if c.n > 2 else c.x[0], 2, flat)
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

register("row_norm_backward", f_row_norm, d_row_norm_backward, 2 | 4, 1 | 2 | 4, 1 | 2)


def row_norm(input, int64_t n, double eps, bint rms=False, weight=None, bias=None):
    """row_norm(input, n, eps, rms=False, weight=None, bias=None) -> Tensor

    Each run of `n` elements (in row-major order) minus its mean, divided by its standard
    deviation: (x - mean) / sqrt(variance + eps), the biased variance.  With `rms` the mean counts
    as 0.  `n` divides the number of elements.  Then times `weight`, plus `bias`, which have the shape
    of the last dimensions, n elements; a bias needs a weight.  Raises NotImplementedError for
    integers, RuntimeError for other shapes or dtypes of weight and bias.
    """
    cdef int64_t mark = scope_enter()
    cdef Attr at
    cdef Row x, w, b
    try:
        x = row_of(input, "row_norm")
        if not is_float(value(x).dtype):
            raise NotImplementedError("row_norm: normalisation is not implemented for "
                                      f"{dtype_of(value(x).dtype)!r}")
        if n < 0 or (n and value(x).numel % n) or (n == 0 and value(x).numel):
            raise RuntimeError(f"row_norm: rows of {n} do not divide {value(x).numel} elements")
        at.k[0] = n
        at.k[1] = rms
        at.f[0] = eps
        if weight is None:
            if bias is not None:
                raise RuntimeError("row_norm: a bias needs a weight")
            return wrap_borrowed(call1(ROW_NORM, x, &at))
        w = _scale(row_of(weight, "row_norm"), x, n)
        if bias is None:
            return wrap_borrowed(call2(ROW_NORM, x, w, &at))
        b = _scale(row_of(bias, "row_norm"), x, n)
        return wrap_borrowed(call3(ROW_NORM, x, w, b, &at))
    finally:
        scope_leave(mark)


cdef Row _scale(Row w, Row x, int64_t n) except 0:
    cdef Value *v = value(w)
    cdef int i, by = value(x).ndim - v.ndim
    cdef bint fits = by >= 0 and v.numel == n and v.dtype == value(x).dtype
    for i in range(v.ndim):
        fits = fits and v.shape[i] == value(x).shape[by + i]
    if not fits:
        raise RuntimeError(f"row_norm: the scale of {sizes(w)} does not fit rows of {n} in "
                           f"{sizes(x)}")
    return w
