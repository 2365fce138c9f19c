"""Maxima in windows, and linear maps along one dimension.

Pooling by the maximum finds values and places in one pass; the result is recorded as a `gather`
from the places, so its derivatives are those of gather.  Pooling by the mean, interpolation, and
whatever else is linear and works dimension by dimension is a sparse matrix along each dimension:
`band` multiplies by it, and its derivative is `band` with the transposed matrix.
"""
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_of, row_of
from cgrad._engine.loops cimport NOGIL
from cgrad._engine.primitives cimport cast, reshape
from cgrad._engine.rows cimport is_float, node, row_dense, row_view, value
from cgrad._engine.shape cimport integer, wrap_dim
from cgrad._engine.softmax cimport dense
from cgrad._engine.table cimport (
    Ctx, call3, grad_enabled, inference_enabled, keep, op_id, record, register, scope_enter,
    scope_leave, traced,
)
from cgrad._engine.threads cimport parallel_for

cdef extern from "../_kernels/window.h":
    ctypedef struct cg_windows:
        int64_t[3] size "in"
        int64_t[3] out, step
        int64_t in_size, out_size
        const int64_t *start[3]
        const int64_t *count[3]
        int halves
    ctypedef void (*cg_window_max)(const cg_windows *g, const void *x, void *y, int64_t *index,
                                   int64_t begin, int64_t end) noexcept nogil
    cg_window_max[8] cg_max_windows
    void cg_band_f32(const float *x, float *y, int64_t n, int64_t out, int64_t inner,
                     const int64_t *ptr, const int64_t *col, const double *val, int64_t begin,
                     int64_t end) nogil
    void cg_band_f64(const double *x, double *y, int64_t n, int64_t out, int64_t inner,
                     const int64_t *ptr, const int64_t *col, const double *val, int64_t begin,
                     int64_t end) nogil
    void cg_transpose_csr(int64_t out, int64_t n, const int64_t *ptr, const int64_t *col,
                          const double *val, int64_t *ptr_t, int64_t *col_t, double *val_t) nogil
    int cg_check_csr(int64_t out, int64_t n, int64_t nonzero, const int64_t *ptr,
                     const int64_t *col) nogil

cdef int GATHER = op_id("gather"), BAND = op_id("band")
cdef enum:
    LARGEST = 1 << 30
    SMALL = 256
    MATRIX = 2 | 4               # what the rule of band reads: both halves of the matrix


# ---------------------------------------------------------------------------------------------
# Maxima

cdef struct Maxima:
    cg_windows g
    int dtype
    char *x
    char *y
    int64_t *index


cdef void _maxima(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Maxima *p = <Maxima *>ctx
    cg_max_windows[p.dtype](&p.g, p.x, p.y, p.index, begin, end)


cdef int _windows(int64_t *start, int64_t size, list spec) except -1:
    # Starts, and behind them the numbers of elements, of the windows along one dimension.
    # (out,): adaptive windows; (out, kernel, stride, padding, dilation): regular ones.
    cdef int64_t o, a, b, out = spec[0]
    cdef int64_t *count = start + out
    cdef int64_t kernel = 0, stride = 1, pad = 0, dilation = 1
    if len(spec) > 1:
        kernel, stride, pad, dilation = spec[1], spec[2], spec[3], spec[4]
    for o in range(out):
        if kernel:
            a = o * stride - pad
            b = min(a + (kernel - 1) * dilation + 1, size)
            if a < 0:
                a += (-a + dilation - 1) // dilation * dilation
        else:
            a = o * size // out
            b = ((o + 1) * size + out - 1) // out
        if a >= b:
            raise RuntimeError("max_pool: a window lies outside the input")
        start[o] = a
        count[o] = (b - a + dilation - 1) // dilation
    return 0


def max_windows(input, list specs, str name="max_pool"):
    """(values, places) of the greatest element of each window over the last dimensions.

    specs: for each of them [out], adaptive windows, or [out, kernel, stride, padding, dilation].
    Places count in the plane of these dimensions.
    """
    cdef int64_t mark = scope_enter()
    cdef bytes op = name.encode()
    cdef int i, nd = <int>len(specs), dt
    cdef int64_t total = 0, planes = 1, place = 0
    cdef Maxima p
    cdef Value *v
    cdef Row x, flat, held, index, windows, y
    cdef int64_t[MAX_DIMS] shape
    cdef Row[2] operands
    cdef Attr at
    cdef bint small
    cdef list ints = []
    try:
        for spec in specs:
            ints.append([integer(n, op, "kernel_size") for n in spec])
            if len(ints[len(ints) - 1]) not in (1, 5):
                raise ValueError(f"{name}: windows are described by 1 or 5 numbers")
        for spec in ints:
            total += spec[0]
            for i in range(len(spec)):
                if not (0 if i == 3 else 1) <= spec[i] <= LARGEST:
                    raise RuntimeError(f"{name}: {spec} is beyond what is supported")
        x = row_of(input, op)
        dt = value(x).dtype
        if dt == BOOL:
            raise NotImplementedError(f"{name}: not implemented for dtype cgrad.bool")
        if not 1 <= nd <= 3 or value(x).ndim < nd:
            raise RuntimeError(f"{name}: too few dimensions")
        if not is_float(dt):
            x = cast(x, I64)
        memset(&p, 0, sizeof(Maxima))
        windows = _integers_row(2 * total + 4)
        v = value(x)
        p.dtype = v.dtype
        p.g.in_size = p.g.out_size = 1
        p.index = <int64_t *>value(windows).data
        for i in range(3):
            p.g.start[i] = p.index + place
            p.g.count[i] = p.g.start[i] + 1
            if i < 3 - nd:
                p.g.size[i] = p.g.out[i] = p.g.step[i] = 1
                p.index[place] = 0
                p.index[place + 1] = 1
                place += 2
                continue
            p.g.size[i] = v.shape[v.ndim - 3 + i]
            p.g.out[i] = ints[i - 3 + nd][0]
            p.g.step[i] = ints[i - 3 + nd][4] if len(ints[i - 3 + nd]) > 1 else 1
            p.g.count[i] = p.g.start[i] + p.g.out[i]
            _windows(p.index + place, p.g.size[i], ints[i - 3 + nd])
            place += 2 * p.g.out[i]
            p.g.in_size *= p.g.size[i]
            p.g.out_size *= p.g.out[i]
        p.g.halves = p.g.out[0] == 1 and p.g.size[0] == 1 and p.g.in_size < LARGEST
        for i in range(1, 3):
            if nd == 1 or len(ints[nd - 3 + i]) == 1 or ints[nd - 3 + i][1:] != [2, 2, 0, 1] or \
                    2 * p.g.out[i] > p.g.size[i]:
                p.g.halves = False
                break
        for i in range(v.ndim - nd):
            planes *= v.shape[i]
            shape[i] = v.shape[i]
        small = v.numel < SMALL
        # One dimension for the plane: the result is what gather takes from it.
        shape[v.ndim - nd] = p.g.in_size
        flat = reshape(x, v.ndim - nd + 1, shape)
        held = keep(row_view(flat, value(flat).ndim, value(flat).shape, value(flat).strides, 0))
        shape[value(x).ndim - nd] = p.g.out_size
        index = keep(row_dense(I64, value(flat).ndim, shape))
        y = keep(row_dense(value(x).dtype, value(flat).ndim, shape))
        held = dense(held)
        p.x = value(held).data
        p.y = value(y).data
        p.index = <int64_t *>value(index).data
        if value(held).numel != planes * p.g.in_size:
            raise RuntimeError(f"{name}: the input was changed by another thread")
        if small or planes * p.g.in_size < NOGIL:
            _maxima(&p, 0, planes)
        else:
            with nogil:
                parallel_for(_maxima, &p, planes, 1 + NOGIL // p.g.in_size)
        if inference_enabled():
            value(y).flags |= INFERENCE
            value(index).flags |= INFERENCE
        elif grad_enabled() and node(flat).flags & REQUIRES_GRAD:
            operands[0] = flat
            operands[1] = index
            memset(&at, 0, sizeof(Attr))
            at.k[0] = value(flat).ndim - 1
            record(y, GATHER, operands, 2, &at)
            traced(y)
        for i in range(nd):
            shape[value(x).ndim - nd + i] = p.g.out[3 - nd + i]
        y = reshape(y, value(x).ndim, shape)
        index = reshape(index, value(x).ndim, shape)
        return wrap_borrowed(y if is_float(dt) else cast(y, dt)), wrap_borrowed(index)
    finally:
        scope_leave(mark)


cdef Row _integers_row(int64_t n) except 0:
    return keep(row_dense(I64, 1, &n))


# ---------------------------------------------------------------------------------------------
# Linear maps.  Inputs: x; ptr and col of a matrix with compressed rows, one after the other; its
# entries.  Attr: k[0] = dim, k[1] = rows of the matrix

cdef struct Band:
    int dtype
    char *x
    char *y
    int64_t n, out, inner
    int64_t *ptr
    int64_t *col
    double *val


cdef void _band(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Band *p = <Band *>ctx
    if p.dtype == F32:
        cg_band_f32(<float *>p.x, <float *>p.y, p.n, p.out, p.inner, p.ptr, p.col, p.val, begin,
                    end)
    else:
        cg_band_f64(<double *>p.x, <double *>p.y, p.n, p.out, p.inner, p.ptr, p.col, p.val, begin,
                    end)


cdef Row f_band(int op, Row *x, int n_in, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef Value *v
    cdef Row a, y
    cdef Band p
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t outer = 1, per
    cdef int i, dim = <int>at.k[0]
    cdef bint small = value(x[0]).numel < SMALL
    try:
        a = dense(x[0])
        v = value(a)
        p.dtype = v.dtype
        p.n = v.shape[dim]
        p.out = at.k[1]
        p.inner = 1
        for i in range(v.ndim):
            shape[i] = v.shape[i]
            if i < dim:
                outer *= v.shape[i]
            elif i > dim:
                p.inner *= v.shape[i]
        shape[dim] = p.out
        p.ptr = <int64_t *>value(x[1]).data
        p.col = p.ptr + p.out + 1
        p.val = <double *>value(x[2]).data
        if value(x[1]).numel != p.out + 1 + value(x[2]).numel or not is_float(p.dtype) or \
                not cg_check_csr(p.out, p.n, value(x[2]).numel, p.ptr, p.col):
            raise RuntimeError("band: the matrix does not fit the input")
        y = row_dense(v.dtype, v.ndim, shape)
        p.x = value(a).data
        p.y = value(y).data
        per = max(1, max(p.out, value(x[2]).numel) * p.inner)
        if small or outer * per < NOGIL:
            _band(&p, 0, outer)
        else:
            with nogil:
                parallel_for(_band, &p, outer, 1 + NOGIL // per)
        return y
    finally:
        scope_leave(mark)


cdef int d_band(Ctx *c) except -1:
    cdef int64_t out = c.at.k[1], n = value(c.x[0]).shape[c.at.k[0]], k = value(c.x[2]).numel
    cdef int64_t size = n + 2 + k
    cdef Row places = keep(row_dense(I64, 1, &size))
    cdef Row entries = keep(row_dense(F64, 1, &k))
    cdef int64_t *ptr = <int64_t *>value(c.x[1]).data
    cdef int64_t *to = <int64_t *>value(places).data
    cdef Attr at
    cdef int64_t i
    cg_transpose_csr(out, n, ptr, ptr + out + 1, <double *>value(c.x[2]).data, to, to + n + 2,
                     <double *>value(entries).data)
    memset(&at, 0, sizeof(Attr))
    at.k[0] = c.at.k[0]
    at.k[1] = n
    # Without the spare entry of ptr
    for i in range(k):
        to[n + 1 + i] = to[n + 2 + i]
    size -= 1
    c.out[0] = call3(BAND, c.g, keep(row_view(places, 1, &size, NULL, 0)), entries, &at)
    return 0

register("band", f_band, d_band, MATRIX)


def band(input, dim, places, entries, out):
    """A linear map along one dimension: a matrix of `out` rows, with the row pointers and the
    columns of its entries in one int64 array, and the entries in a float64 array."""
    cdef int64_t mark = scope_enter()
    cdef int64_t d, rows
    cdef Attr at
    cdef Row x, a, b
    try:
        d = integer(dim, b"band", "dim")
        rows = integer(out, b"band", "out")
        x = row_of(input, b"band")
        a = row_of(places, b"band")
        b = row_of(entries, b"band")
        if not is_float(value(x).dtype):
            raise NotImplementedError(f"band: not implemented for dtype "
                                      f"{dtype_of(value(x).dtype)!r}")
        memset(&at, 0, sizeof(Attr))
        at.k[0] = wrap_dim(d, value(x).ndim, b"band")
        at.k[1] = rows
        if value(a).dtype != I64 or value(b).dtype != F64 or rows < 0 or value(a).numel < rows + 1 \
                or not value(x).ndim or not value(a).contiguous or not value(b).contiguous:
            raise RuntimeError("band: the matrix does not fit the input")
        return wrap_borrowed(call3(BAND, x, a, b, &at))
    finally:
        scope_leave(mark)
