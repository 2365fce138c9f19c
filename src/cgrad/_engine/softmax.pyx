"""Softmax, log-softmax and log-sum-exp.

The fused forwards have fused backwards, which are operations of the table with derivatives of
their own, so that second derivatives work.  Kernels see [outer, n, inner], n the dimension in
question, and share the rows among threads.
"""
from libc.math cimport INFINITY
from cgrad._engine.types cimport *
from cgrad._engine cimport handle
from cgrad._engine.face import export
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_code, dtype_of, row_of, wrap
from cgrad._engine.loops cimport BLOCK, NOGIL, copy_cast
from cgrad._engine.primitives cimport (
    cast, eq, exp, mul, neg, number, same_shape, sub, sum_dims, where,
)
from cgrad._engine.inplace cimport write_out
from cgrad._engine.rows cimport is_float, row_dense, row_view, value
from cgrad._engine.shape cimport dims_mask, int_dims, unsqueeze_row, wrap_dim
from cgrad._engine.table cimport (
    Ctx, apply, call1, call2, keep, op_id, ops, register, scope_enter, scope_leave,
)
from cgrad._engine.threads cimport parallel_for

# Pointers are untyped here; the kernels are chosen by dtype.
cdef extern from "../_kernels/softmax.h":
    void cg_softmax_f32(const void *x, void *y, int64_t n, int64_t inner, int64_t begin,
                        int64_t end) nogil
    void cg_softmax_f64(const void *x, void *y, int64_t n, int64_t inner, int64_t begin,
                        int64_t end) nogil
    void cg_log_softmax_f32(const void *x, void *y, int64_t n, int64_t inner, int64_t begin,
                            int64_t end) nogil
    void cg_log_softmax_f64(const void *x, void *y, int64_t n, int64_t inner, int64_t begin,
                            int64_t end) nogil
    void cg_softmax_backward_f32(const void *g, const void *y, void *dx, int64_t n, int64_t inner,
                                 int64_t begin, int64_t end) nogil
    void cg_softmax_backward_f64(const void *g, const void *y, void *dx, int64_t n, int64_t inner,
                                 int64_t begin, int64_t end) nogil
    void cg_log_softmax_backward_f32(const void *g, const void *y, void *dx, int64_t n,
                                     int64_t inner, int64_t begin, int64_t end) nogil
    void cg_log_softmax_backward_f64(const void *g, const void *y, void *dx, int64_t n,
                                     int64_t inner, int64_t begin, int64_t end) nogil
    void cg_logsumexp_f32(const void *x, void *lse, int64_t n, int64_t inner, int64_t begin,
                          int64_t end) nogil
    void cg_logsumexp_f64(const void *x, void *lse, int64_t n, int64_t inner, int64_t begin,
                          int64_t end) nogil

cdef int SOFTMAX = op_id("softmax"), SOFTMAX_BACKWARD = op_id("softmax_backward")
cdef int LOG_SOFTMAX = op_id("log_softmax")
cdef int LOG_SOFTMAX_BACKWARD = op_id("log_softmax_backward")
cdef int LOGSUMEXP = op_id("logsumexp")

cdef enum:                    # what a job computes
    J_SOFTMAX
    J_LOG_SOFTMAX
    J_SOFTMAX_BACKWARD
    J_LOG_SOFTMAX_BACKWARD
    J_LOGSUMEXP

cdef struct Job:              # one run over rows
    int kind
    int dtype
    int64_t n, inner, rows
    const void *x             # first input
    const void *g             # gradient, in backward jobs
    void *y                   # result


cdef void _task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Job *j = <Job *>ctx
    cdef bint single = j.dtype == F32
    if j.kind == J_SOFTMAX:
        if single:
            cg_softmax_f32(j.x, j.y, j.n, j.inner, begin, end)
        else:
            cg_softmax_f64(j.x, j.y, j.n, j.inner, begin, end)
    elif j.kind == J_LOG_SOFTMAX:
        if single:
            cg_log_softmax_f32(j.x, j.y, j.n, j.inner, begin, end)
        else:
            cg_log_softmax_f64(j.x, j.y, j.n, j.inner, begin, end)
    elif j.kind == J_SOFTMAX_BACKWARD:
        if single:
            cg_softmax_backward_f32(j.g, j.x, j.y, j.n, j.inner, begin, end)
        else:
            cg_softmax_backward_f64(j.g, j.x, j.y, j.n, j.inner, begin, end)
    elif j.kind == J_LOG_SOFTMAX_BACKWARD:
        if single:
            cg_log_softmax_backward_f32(j.g, j.x, j.y, j.n, j.inner, begin, end)
        else:
            cg_log_softmax_backward_f64(j.g, j.x, j.y, j.n, j.inner, begin, end)
    elif single:
        cg_logsumexp_f32(j.x, j.y, j.n, j.inner, begin, end)
    else:
        cg_logsumexp_f64(j.x, j.y, j.n, j.inner, begin, end)


cdef void _run(Job *j) noexcept:
    cdef int64_t grain = BLOCK // j.n if j.n > 0 else BLOCK
    if j.rows == 0:
        return
    if j.rows * j.n < NOGIL:
        _task(j, 0, j.rows)
        return
    with nogil:
        parallel_for(_task, j, j.rows, grain if grain > 1 else 1)


cdef void _geometry(Job *j, Value *v, int dim) noexcept:
    cdef int i
    j.dtype = v.dtype
    j.n = v.shape[dim] if v.ndim else 1
    j.inner = 1
    j.rows = 1
    for i in range(v.ndim):
        if i > dim:
            j.inner *= v.shape[i]
        if i != dim:
            j.rows *= v.shape[i]


cdef Row dense(Row a) except 0:
    """The row itself, or a row-major copy in the current scope."""
    cdef Value *v = value(a)
    cdef Row y
    if v.contiguous:
        return a
    y = keep(row_dense(v.dtype, v.ndim, v.shape))
    copy_cast(y, a)
    return y


cdef Row hold(object x, const char *name) except 0:
    """The row of a tensor with its memory, held by the current scope: whatever happens to the
    tensor meanwhile, this row stays.  Without history."""
    cdef Row r = row_of(x, name)
    return keep(row_view(r, value(r).ndim, value(r).shape, value(r).strides, 0))


cdef int float_input(Row x, str name) except -1:
    """Raise for integers."""
    if not is_float(value(x).dtype):
        raise NotImplementedError(f"{name}: not implemented for {dtype_of(value(x).dtype)!r}; the "
                                  "input must be of floating point")
    return 0


# ---------------------------------------------------------------------------------------------
# Softmax and log-softmax.  Attr: k[0] = dimension

cdef Row f_softmax(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef Value *v = value(x[0])
    cdef Job j
    cdef Row y
    try:
        _geometry(&j, v, <int>at.k[0])
        j.kind = J_SOFTMAX if op == SOFTMAX else J_LOG_SOFTMAX
        j.x = value(dense(x[0])).data
        y = row_dense(v.dtype, v.ndim, v.shape)
        j.y = value(y).data
        _run(&j)
        return y
    finally:
        scope_leave(mark)


cdef Row f_softmax_backward(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef Value *v = value(x[1])
    cdef Job j
    cdef Row y
    try:
        if not same_shape(x[0], x[1]) or value(x[0]).dtype != v.dtype:
            raise RuntimeError("softmax: the result has changed its shape or dtype since it was "
                               "computed")
        _geometry(&j, v, <int>at.k[0])
        j.kind = J_SOFTMAX_BACKWARD if op == SOFTMAX_BACKWARD else J_LOG_SOFTMAX_BACKWARD
        j.g = value(dense(x[0])).data
        j.x = value(dense(x[1])).data
        y = row_dense(v.dtype, v.ndim, v.shape)
        j.y = value(y).data
        _run(&j)
        return y
    finally:
        scope_leave(mark)


cdef Row _dim_sum(Row a, Attr *at) except 0:
    return a if value(a).ndim == 0 else sum_dims(a, 1 << at.k[0], True)


cdef int d_softmax(Ctx *c) except -1:
    c.out[0] = call2(SOFTMAX_BACKWARD, c.g, c.y, c.at)
    return 0

cdef int d_softmax_backward(Ctx *c) except -1:    # z = y (g - s), s = sum g y
    cdef Row g = c.x[0], y = c.x[1]
    if c.need[0]:
        c.out[0] = call2(SOFTMAX_BACKWARD, c.g, y, c.at)
    if c.need[1]:                                 # h (g - s) - g sum h y
        c.out[1] = sub(mul(c.g, sub(g, _dim_sum(mul(g, y), c.at))),
                       mul(g, _dim_sum(mul(c.g, y), c.at)))
    return 0

cdef int d_log_softmax(Ctx *c) except -1:
    c.out[0] = call2(LOG_SOFTMAX_BACKWARD, c.g, c.y, c.at)
    return 0

cdef int d_log_softmax_backward(Ctx *c) except -1:    # z = g - e^y sum g
    cdef Row p = exp(c.x[1])
    cdef Row hp = mul(c.g, p)
    if c.need[0]:
        c.out[0] = sub(c.g, _dim_sum(hp, c.at))
    if c.need[1]:
        c.out[1] = neg(mul(hp, _dim_sum(c.x[0], c.at)))
    return 0

register("softmax", f_softmax, d_softmax, SAVES_OUTPUT)
register("softmax_backward", f_softmax_backward, d_softmax_backward, 2, 1 | 2)
register("log_softmax", f_softmax, d_log_softmax, SAVES_OUTPUT)
register("log_softmax_backward", f_softmax_backward, d_log_softmax_backward, 2, 1 | 2)


cdef object _public_softmax(int op, object input, object dim, object dtype, object out):
    cdef int64_t mark
    cdef const char *name = ops[op].name
    cdef int dt = dtype_code(dtype, N_DTYPES)
    cdef Row x
    cdef Attr at
    if dim is None:
        raise TypeError(f"{name.decode()}() missing required argument: 'dim'")
    at.k[0] = dim                      # may run code: rows are taken afterwards
    mark = scope_enter()
    try:
        x = row_of(input, name)
        if dt != N_DTYPES:
            x = cast(x, dt)
        at.k[0] = wrap_dim(at.k[0], value(x).ndim, name)
        float_input(x, name.decode())
        if out is None:
            return wrap(apply(op, &x, 1, &at))
        write_out(out, call1(op, x, &at), name.decode())
        return out
    finally:
        scope_leave(mark)


def softmax(input, dim, dtype=None, *, out=None):
    """softmax(input, dim, dtype=None, *, out=None) -> Tensor

    e^x_i / sum_j e^x_j along `dim`, computed without overflow.  `dtype`: what to convert the
    input to first.  Raises RuntimeError for integers, IndexError for a dimension out of range.

    Example::

        >>> cgrad.softmax(cgrad.zeros(4), 0)
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    return _public_softmax(SOFTMAX, input, dim, dtype, out)


def log_softmax(input, dim, dtype=None, *, out=None):
    """log_softmax(input, dim, dtype=None, *, out=None) -> Tensor

    x_i - log sum_j e^x_j along `dim`; see :func:`softmax`.

    Example::

        >>> cgrad.log_softmax(cgrad.zeros(2), dim=0)
        tensor([-0.6931, -0.6931])
    """
    return _public_softmax(LOG_SOFTMAX, input, dim, dtype, out)

export(softmax)
export(log_softmax)


# ---------------------------------------------------------------------------------------------
# Log-sum-exp.  Attr: k[0] = dimension, k[1] = keepdim

cdef Row f_logsumexp(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef Value *v = value(x[0])
    cdef int64_t[MAX_DIMS] shape
    cdef int i, ndim = 0, dim = <int>at.k[0]
    cdef Job j
    cdef Row y
    try:
        for i in range(v.ndim):
            if i != dim or at.k[1]:
                shape[ndim] = 1 if i == dim else v.shape[i]
                ndim += 1
        _geometry(&j, v, dim)
        j.kind = J_LOGSUMEXP
        j.x = value(dense(x[0])).data
        y = row_dense(v.dtype, ndim, shape)
        j.y = value(y).data
        _run(&j)
        return y
    finally:
        scope_leave(mark)

cdef int d_logsumexp(Ctx *c) except -1:           # g e^(x - y), 0 where all x are -inf
    cdef Row g = c.g, y = c.y
    y = where(eq(y, number(-INFINITY, y)), number(0, y), y)
    if value(g).ndim < value(c.x[0]).ndim:
        g = unsqueeze_row(g, <int>c.at.k[0])
        y = unsqueeze_row(y, <int>c.at.k[0])
    c.out[0] = mul(g, exp(sub(c.x[0], y)))
    return 0

register("logsumexp", f_logsumexp, d_logsumexp, 1 | SAVES_OUTPUT)


def logsumexp(input, dim, keepdim=False, *, out=None):
    """logsumexp(input, dim, keepdim=False, *, out=None) -> Tensor

    log sum e^x over one dimension or several, computed without overflow; -inf where all entries
    are.  The gradient is the softmax.

    Example::

        >>> cgrad.logsumexp(cgrad.tensor([1000.0, 1000.0]), 0)
        tensor(1000.6932)
    """
    cdef int64_t mark = scope_enter()
    cdef Row x
    cdef int64_t mask
    cdef int i, ndim
    cdef Attr at
    cdef bint kept = keepdim           # arguments that may run code before rows are taken
    dim = int_dims(dim, "logsumexp", "dim")
    try:
        x = row_of(input, "logsumexp")
        ndim = value(x).ndim
        mask = dims_mask(dim, ndim, "logsumexp")
        if ndim == 0:
            mask = 1
        if not is_float(value(x).dtype):
            x = cast(x, handle.default_float)
        # One dimension after the other, from the last: a sum of sums.
        for i in range(MAX_DIMS - 1, -1, -1):
            if mask & (1 << i):
                at.k[0] = i
                at.k[1] = kept
                x = call1(LOGSUMEXP, x, &at)
        if out is None:
            return wrap_borrowed(x)
        write_out(out, x, "logsumexp")
        return out
    finally:
        scope_leave(mark)

export(logsumexp)
