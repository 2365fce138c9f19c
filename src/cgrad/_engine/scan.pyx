"""Along one dimension: the position of the extreme, and cumulative sums."""
from cgrad._engine.types cimport *
from cgrad._engine.face import export
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_code, row_of
from cgrad._engine.inplace cimport write_out
from cgrad._engine.primitives cimport cast, reshape
from cgrad._engine.rows cimport is_float, row_dense, value
from cgrad._engine.shape cimport contiguous, slice_row, unsqueeze_row, wrap_dim
from cgrad._engine.table cimport Ctx, call1, op_id, register, scope_enter, scope_leave

cdef int CUMSUM = op_id("cumsum")


# ---------------------------------------------------------------------------------------------
# Position of the extreme (Attr: k[0] = dim, k[1] = largest); cumulative sum (k[0] = dim)

ctypedef void (*ArgReduce)(const void *x, int64_t n, int64_t inner, int64_t begin, int64_t end,
                           void *val, int64_t *index) noexcept nogil

cdef extern from "../_kernels/index.h":
    ArgReduce cg_argmax[8]
    ArgReduce cg_argmin[8]
    void cg_cumsum_f32(const float *x, float *y, int64_t n, int64_t inner, int64_t begin,
                       int64_t end) nogil
    void cg_cumsum_f64(const double *x, double *y, int64_t n, int64_t inner, int64_t begin,
                       int64_t end) nogil
    void cg_cumsum_i64(const int64_t *x, int64_t *y, int64_t n, int64_t inner, int64_t begin,
                       int64_t end) nogil


cdef int _split(Value *v, int dim, int64_t *outer, int64_t *n, int64_t *inner) except -1:
    cdef int i
    outer[0] = 1
    inner[0] = 1
    n[0] = v.shape[dim] if v.ndim else 1
    for i in range(v.ndim):
        if i < dim:
            outer[0] *= v.shape[i]
        elif i > dim:
            inner[0] *= v.shape[i]
    return 0


cdef Row f_arg(int op, Row *x, int n, Attr *at) except 0:
    cdef Row a = contiguous(x[0]), y
    cdef Value *v = value(a)
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t outer, count, inner
    cdef int64_t *out
    cdef int i, k = 0, dt = v.dtype
    cdef bint largest = at.k[1]
    _split(v, <int>at.k[0], &outer, &count, &inner)
    for i in range(v.ndim):
        if i != at.k[0]:
            shape[k] = v.shape[i]
            k += 1
    y = row_dense(I64, k, shape)
    out = <int64_t *>value(y).data
    with nogil:
        (cg_argmax[dt] if largest else cg_argmin[dt])(v.data, count, inner, 0, outer * inner, NULL,
                                                      out)
    return y

cdef int ARG = register("argmax", f_arg, NULL)


cdef Row f_cumsum(int op, Row *x, int n, Attr *at) except 0:
    cdef Row a = contiguous(x[0]), y
    cdef Value *v = value(a)
    cdef int64_t outer, count, inner
    cdef int dt = v.dtype
    cdef char *out
    _split(v, <int>at.k[0], &outer, &count, &inner)
    y = row_dense(dt, v.ndim, v.shape)
    out = value(y).data
    with nogil:
        if dt == F32:
            cg_cumsum_f32(<float *>v.data, <float *>out, count, inner, 0, outer * inner)
        elif dt == F64:
            cg_cumsum_f64(<double *>v.data, <double *>out, count, inner, 0, outer * inner)
        else:
            cg_cumsum_i64(<int64_t *>v.data, <int64_t *>out, count, inner, 0, outer * inner)
    return y

cdef Row _flipped(Row a, int dim) except 0:
    # A copy in reverse order along one dimension: a slice with step -1.
    cdef Value *v = value(a)
    cdef Attr at
    cdef int i
    at.k[0] = 0
    for i in range(v.ndim):
        at.d[i] = v.shape[i] - 1 if i == dim and v.shape[i] else 0
        at.d[MAX_DIMS + i] = -1 if i == dim else 1
        at.d[2 * MAX_DIMS + i] = v.shape[i]
    return contiguous(slice_row(a, &at))


cdef int d_cumsum(Ctx *c) except -1:              # sums from each position to the end
    cdef int dim = <int>c.at.k[0]
    if value(c.g).ndim == 0:
        c.out[0] = c.g
    else:
        c.out[0] = _flipped(call1(CUMSUM, _flipped(c.g, dim), c.at), dim)
    return 0

register("cumsum", f_cumsum, d_cumsum)


# ---------------------------------------------------------------------------------------------
# Public functions

cdef object _arg_extreme(object input, object dim, bint keepdim, bint largest, str name):
    cdef int64_t mark = scope_enter()
    cdef Row x = row_of(input, b"argmax" if largest else b"argmin"), y
    cdef Attr at
    cdef int64_t n
    cdef bint whole = dim is None
    cdef int k
    cdef int64_t[MAX_DIMS] ones
    try:
        if whole:
            n = value(x).numel
            for k in range(MAX_DIMS):
                ones[k] = 1
            k = value(x).ndim if keepdim else 0
            x = reshape(x, 1, &n)
            at.k[0] = 0
        else:
            at.k[0] = wrap_dim(dim, value(x).ndim, b"argmax" if largest else b"argmin")
            n = value(x).shape[at.k[0]] if value(x).ndim else 1
        if n == 0:
            raise IndexError(f"{name}(): Expected reduction dim {at.k[0]} to have non-zero size.")
        at.k[1] = largest
        y = call1(ARG, x, &at)
        if whole:
            y = reshape(y, k, ones)
        elif keepdim and value(x).ndim:
            y = unsqueeze_row(y, <int>at.k[0])
        return wrap_borrowed(y)
    finally:
        scope_leave(mark)


def argmax(input, dim=None, keepdim=False):
    """argmax(input, dim=None, keepdim=False) -> int64 Tensor

    Position of the largest element (the first one at a tie): in the flattened input, or along
    `dim`.
    """
    return _arg_extreme(input, dim, keepdim, True, "argmax")


def argmin(input, dim=None, keepdim=False):
    """argmin(input, dim=None, keepdim=False) -> int64 Tensor

    Position of the smallest element (the first one at a tie).
    """
    return _arg_extreme(input, dim, keepdim, False, "argmin")


def cumsum(input, dim, *, dtype=None, out=None):
    """cumsum(input, dim, *, dtype=None) -> Tensor

    Sums of the elements up to each position along `dim`; integers and bool as int64.
    """
    cdef int64_t mark = scope_enter()
    cdef Row x = row_of(input, "cumsum")
    cdef Attr at
    cdef int dt
    try:
        dt = dtype_code(dtype, value(x).dtype if is_float(value(x).dtype) else I64)
        at.k[0] = wrap_dim(dim, value(x).ndim, "cumsum")
        x = cast(x, dt if is_float(dt) else I64)
        x = cast(call1(CUMSUM, x, &at), dt)
        if out is None:
            return wrap_borrowed(x)
        write_out(out, x, "cumsum")
        return out
    finally:
        scope_leave(mark)


for _f in (argmax, argmin, cumsum):
    export(_f)
