"""Along one dimension: the position of the extreme, cumulative sums, products and extremes.

The derivative of a cumulative product is a linear recurrence, y[i] = b[i] + a[i] y[i-1], run
backwards; so is that of logcumsumexp.  The recurrence and its adjoint are operations of the table
whose derivatives are one another, so all orders exist, and no division by an input that may be 0.
"""
from libc.math cimport INFINITY
from libc.string cimport memcpy, memset
from cgrad._engine.types cimport *
from cgrad._engine.face import export, numpy_names
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_code, dtype_of, row_of
from cgrad._engine.inplace cimport write_out
from cgrad._engine.loops cimport NOGIL
from cgrad._engine.primitives cimport (
    cast, eq, exp, mul, number, reshape, same_shape, sub, where,
)
from cgrad._engine.reduce cimport flipped
from cgrad._engine.rows cimport is_float, item_size, row_dense, value
from cgrad._engine.shape cimport int_dims, unsqueeze_row, wrap_dim
from cgrad._engine.softmax cimport dense
from cgrad._engine.table cimport (
    Ctx, call1, call2, op_id, ops, register, scope_enter, scope_leave,
)
from cgrad._engine.threads cimport parallel_for

cdef int CUMSUM = op_id("cumsum"), CUMPROD = op_id("cumprod"), DELAY = op_id("delay")
cdef int LOGCUMSUMEXP = op_id("logcumsumexp"), RECURRENCE = op_id("recurrence")
cdef int GATHER = op_id("gather")
cdef enum:
    X = 1
    Y = SAVES_OUTPUT

ctypedef void (*ArgReduce)(const void *x, int64_t n, int64_t inner, int64_t begin, int64_t end,
                           void *val, int64_t *index) noexcept nogil
ctypedef void (*Scan)(const void *x, void *y, int64_t n, int64_t inner, int64_t begin,
                      int64_t end) noexcept nogil
ctypedef void (*ArgScan)(const void *x, int64_t *index, int64_t n, int64_t inner, int64_t begin,
                         int64_t end) noexcept nogil
ctypedef void (*Recur)(const void *a, const void *b, void *y, int64_t n, int64_t inner,
                       int64_t begin, int64_t end, int back) noexcept nogil

cdef extern from "../_kernels/index.h":
    ArgReduce cg_argmax[8]
    ArgReduce cg_argmin[8]
    void cg_cumsum_f32(const float *x, float *y, int64_t n, int64_t inner, int64_t begin,
                       int64_t end) nogil
    void cg_cumsum_f64(const double *x, double *y, int64_t n, int64_t inner, int64_t begin,
                       int64_t end) nogil
    void cg_cumsum_i64(const int64_t *x, int64_t *y, int64_t n, int64_t inner, int64_t begin,
                       int64_t end) nogil

cdef extern from "../_kernels/scan.h":
    Scan cg_cumprod[8]
    Scan cg_logcumsumexp[8]
    ArgScan cg_cummax[8]
    ArgScan cg_cummin[8]
    Recur cg_recurrence[8]


# ---------------------------------------------------------------------------------------------
# The driver: lines of n elements, `inner` apart, over row-major data

cdef struct Lines:
    int64_t n
    int64_t inner
    int64_t rows
    void *a
    void *b
    void *y
    ArgReduce arg
    ArgScan arg_scan
    Scan scan
    Recur recur
    int back


cdef void _geometry(Lines *w, Value *v, int dim) noexcept:
    cdef int i
    memset(w, 0, sizeof(Lines))
    w.n = v.shape[dim] if v.ndim else 1
    w.inner = 1
    w.rows = 1
    for i in range(v.ndim):
        if i > dim:
            w.inner *= v.shape[i]
        if i != dim:
            w.rows *= v.shape[i]


cdef void _task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Lines *w = <Lines *>ctx
    if w.scan != NULL:
        w.scan(w.a, w.y, w.n, w.inner, begin, end)
    elif w.arg != NULL:
        w.arg(w.a, w.n, w.inner, begin, end, NULL, <int64_t *>w.y)
    elif w.arg_scan != NULL:
        w.arg_scan(w.a, <int64_t *>w.y, w.n, w.inner, begin, end)
    else:
        w.recur(w.a, w.b, w.y, w.n, w.inner, begin, end, w.back)


cdef void _run(Lines *w) noexcept:
    cdef int64_t grain
    if w.rows * w.n == 0:
        return
    if w.rows * w.n < NOGIL:
        _task(w, 0, w.rows)
        return
    grain = NOGIL // w.n
    with nogil:
        parallel_for(_task, w, w.rows, grain if grain > 1 else 1)


# ---------------------------------------------------------------------------------------------
# Position of the extreme (Attr: k[0] = dim, k[1] = largest), of the extreme so far (the same)

cdef Row f_arg(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef Value *v = value(x[0])
    cdef int64_t[MAX_DIMS] shape
    cdef Lines w
    cdef Row y
    cdef int i, k = 0
    try:
        for i in range(v.ndim):
            if i != at.k[0]:
                shape[k] = v.shape[i]
                k += 1
        _geometry(&w, v, <int>at.k[0])
        w.a = value(dense(x[0])).data
        w.arg = cg_argmax[v.dtype] if at.k[1] else cg_argmin[v.dtype]
        y = row_dense(I64, k, shape)
        w.y = value(y).data
        _run(&w)
        return y
    finally:
        scope_leave(mark)

cdef int ARG = register("argmax", f_arg, NULL)


cdef Row f_arg_scan(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef Value *v = value(x[0])
    cdef Lines w
    cdef Row y
    try:
        _geometry(&w, v, <int>at.k[0])
        w.a = value(dense(x[0])).data
        w.arg_scan = cg_cummax[v.dtype] if at.k[1] else cg_cummin[v.dtype]
        y = row_dense(I64, v.ndim, v.shape)
        w.y = value(y).data
        _run(&w)
        return y
    finally:
        scope_leave(mark)

cdef int ARG_SCAN = register("arg_scan", f_arg_scan, NULL)


# ---------------------------------------------------------------------------------------------
# Scans.  Attr: k[0] = dim

cdef Row f_scan(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef Value *v = value(x[0])
    cdef Lines w
    cdef Row y
    try:
        _geometry(&w, v, <int>at.k[0])
        if op == CUMPROD:
            w.scan = cg_cumprod[v.dtype]
        elif op == LOGCUMSUMEXP:
            w.scan = cg_logcumsumexp[v.dtype]
        elif v.dtype == I64:
            w.scan = <Scan>cg_cumsum_i64
        elif v.dtype >= F32:
            w.scan = <Scan>(cg_cumsum_f32) if v.dtype == F32 else <Scan>cg_cumsum_f64
        if w.scan == NULL:
            raise NotImplementedError(f"\"{ops[op].name.decode()}\" not implemented for dtype "
                                      f"{dtype_of(v.dtype)!r}")
        w.a = value(dense(x[0])).data
        y = row_dense(v.dtype, v.ndim, v.shape)
        w.y = value(y).data
        _run(&w)
        return y
    finally:
        scope_leave(mark)


cdef int d_cumsum(Ctx *c) except -1:              # sums from each position to the end
    cdef int dim = <int>c.at.k[0]
    if value(c.g).ndim == 0:
        c.out[0] = c.g
    else:
        c.out[0] = flipped(call1(CUMSUM, flipped(c.g, dim), c.at), dim)
    return 0

register("cumsum", f_scan, d_cumsum)


# The recurrence.  Inputs a, b; Attr: k[0] = dim, k[1] = its adjoint

cdef Row f_recurrence(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef Value *v = value(x[0])
    cdef Lines w
    cdef Row y
    try:
        _geometry(&w, v, <int>at.k[0])
        w.a = value(dense(x[0])).data
        w.b = value(dense(x[1])).data
        w.recur = cg_recurrence[v.dtype]
        w.back = <int>at.k[1]
        y = row_dense(v.dtype, v.ndim, v.shape)
        w.y = value(y).data
        _run(&w)
        return y
    finally:
        scope_leave(mark)

cdef Row _recurrence(Row a, Row b, int64_t dim, bint back) except 0:
    cdef Attr at
    at.k[0] = dim
    at.k[1] = back
    return call2(RECURRENCE, a, b, &at)

cdef int d_recurrence(Ctx *c) except -1:
    cdef int64_t dim = c.at.k[0]
    cdef bint back = c.at.k[1]
    cdef Row r = _recurrence(c.x[0], c.g, dim, not back)
    if c.need[0]:
        c.out[0] = mul(_delay(r, dim, 0), c.y) if back else mul(r, _delay(c.y, dim, 0))
    if c.need[1]:
        c.out[1] = r
    return 0

register("recurrence", f_recurrence, d_recurrence, X | Y, X)


# y[i] = x[i-1], y[0] = f[0], or with k[1] y[i] = x[i+1], 0 at the end.  Attr: k[0] = dim

cdef Row f_delay(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef Value *v = value(x[0])
    cdef Lines w
    cdef Row y
    cdef char *a
    cdef char *b
    cdef int64_t i, j, run, step
    cdef bint ahead = at.k[1]
    try:
        _geometry(&w, v, <int>at.k[0])
        a = value(dense(x[0])).data
        y = row_dense(v.dtype, v.ndim, v.shape)
        if v.numel == 0:
            return y
        b = value(y).data
        run = w.inner * item_size(v.dtype)
        step = run * w.n
        for i in range(v.numel // (w.n * w.inner)):
            if ahead:
                memcpy(b + i * step, a + i * step + run, step - run)
                memset(b + (i + 1) * step - run, 0, run)
                continue
            memcpy(b + i * step + run, a + i * step, step - run)
            for j in range(w.inner):
                if v.dtype == F32:
                    (<float *>(b + i * step))[j] = <float>at.f[0]
                else:
                    (<double *>(b + i * step))[j] = at.f[0]
        return y
    finally:
        scope_leave(mark)

cdef Row _delay(Row a, int64_t dim, double first, bint ahead=False) except 0:
    cdef Attr at
    at.k[0] = dim
    at.k[1] = ahead
    at.f[0] = first
    return call1(DELAY, a, &at)

cdef int d_delay(Ctx *c) except -1:
    c.out[0] = _delay(c.g, c.at.k[0], 0, not c.at.k[1])
    return 0

register("delay", f_delay, d_delay)


cdef int d_cumprod(Ctx *c) except -1:
    # The product before x[i], times all that comes of it: g[i] + x[i+1] (g[i+1] + x[i+2] (...))
    c.out[0] = mul(_delay(c.y, c.at.k[0], 1), _recurrence(c.x[0], c.g, c.at.k[0], True))
    return 0

register("cumprod", f_scan, d_cumprod, X | Y)


cdef int d_logcumsumexp(Ctx *c) except -1:
    # The sum over j >= i of g[j] e^(x[i] - y[j]), as e^(x[i] - y[i]) times a recurrence with the
    # factors e^(y[i-1] - y[i]); no exponent is above 0.  Equal infinities differ by 0.
    cdef Row before = _delay(c.y, c.at.k[0], -INFINITY)
    cdef Row zero = number(0, c.y)
    cdef Row fall = where(eq(before, c.y), zero, sub(before, c.y))
    cdef Row share = where(eq(c.x[0], c.y), zero, sub(c.x[0], c.y))
    c.out[0] = mul(exp(share), _recurrence(exp(fall), c.g, c.at.k[0], True))
    return 0

register("logcumsumexp", f_scan, d_logcumsumexp, X | Y)


# ---------------------------------------------------------------------------------------------
# Public functions

cdef object _arg_extreme(object input, object dim, bint keepdim, bint largest, object out,
                         str name):
    cdef int64_t mark = scope_enter()
    cdef const char *op = b"argmax" if largest else b"argmin"
    cdef Row x, y
    cdef Attr at
    cdef int64_t n
    cdef bint whole
    cdef int k
    cdef int64_t[MAX_DIMS] ones
    try:
        dim = int_dims(dim, op, "dim")
        whole = dim is None
        x = row_of(input, op)
        if whole:
            n = value(x).numel
            for k in range(MAX_DIMS):
                ones[k] = 1
            k = value(x).ndim if keepdim else 0
            x = reshape(x, 1, &n)
            at.k[0] = 0
        else:
            at.k[0] = wrap_dim(dim, value(x).ndim, op)
            n = value(x).shape[at.k[0]] if value(x).ndim else 1
        if n == 0:
            raise IndexError(f"{name}(): Expected reduction dim {at.k[0]} to have non-zero size.")
        at.k[1] = largest
        y = call1(ARG, x, &at)
        if whole:
            y = reshape(y, k, ones)
        elif keepdim and value(x).ndim:
            y = unsqueeze_row(y, <int>at.k[0])
        return _result(y, out, name)
    finally:
        scope_leave(mark)


cdef object _result(Row y, object out, str name):
    if out is None:
        return wrap_borrowed(y)
    write_out(out, y, name)
    return out


def argmax(input, dim=None, keepdim=False, *, axis=None, keepdims=None, out=None):
    """argmax(input, dim=None, keepdim=False) -> int64 Tensor

    Position of the largest element (the first one at a tie): in the flattened input, or along
    `dim`.

    Example::

        >>> cgrad.argmax(cgrad.tensor([[1, 5], [7, 2]]), dim=1)
        tensor([1, 0])
    """
    dim, keepdim = numpy_names("argmax", dim, keepdim, axis, keepdims)
    return _arg_extreme(input, dim, bool(keepdim), True, out, "argmax")


def argmin(input, dim=None, keepdim=False, *, axis=None, keepdims=None, out=None):
    """argmin(input, dim=None, keepdim=False) -> int64 Tensor

    Position of the smallest element (the first one at a tie).

    Example::

        >>> cgrad.argmin(cgrad.tensor([[1, 5], [7, 2]]), dim=1)
        tensor([0, 1])
    """
    dim, keepdim = numpy_names("argmin", dim, keepdim, axis, keepdims)
    return _arg_extreme(input, dim, bool(keepdim), False, out, "argmin")


cdef object _cumulative(int op, object input, object dim, object dtype, object out):
    cdef int64_t mark = scope_enter()
    cdef Row x
    cdef Attr at
    cdef int dt, given
    cdef str name = ops[op].name.decode()
    try:
        dim = int_dims(dim, ops[op].name, "dim")
        given = dtype_code(dtype, N_DTYPES)
        x = row_of(input, ops[op].name)
        dt = given if given != N_DTYPES else value(x).dtype
        if given == N_DTYPES and not is_float(dt) and op != LOGCUMSUMEXP:
            dt = I64
        at.k[0] = wrap_dim(dim, value(x).ndim, ops[op].name)
        # Smaller integers are added as int64 and wrap around when converted back.
        x = cast(x, dt if is_float(dt) or op == LOGCUMSUMEXP else I64)
        return _result(cast(call1(op, x, &at), dt), out, name)
    finally:
        scope_leave(mark)


def cumsum(input, dim, *, dtype=None, out=None):
    """cumsum(input, dim, *, dtype=None) -> Tensor

    Sums of the elements up to each position along `dim`; integers and bool as int64.

    Example::

        >>> cgrad.cumsum(cgrad.tensor([1, 2, 3]), dim=0)
        tensor([1, 3, 6])
    """
    return _cumulative(CUMSUM, input, dim, dtype, out)


def cumprod(input, dim, *, dtype=None, out=None):
    """cumprod(input, dim, *, dtype=None) -> Tensor

    Products of the elements up to each position along `dim`; integers and bool as int64.  The
    derivatives are exact where elements are 0.

    Example::

        >>> cgrad.tensor([2.0, 3.0, 4.0]).cumprod(0)
        tensor([ 2.,  6., 24.])
    """
    return _cumulative(CUMPROD, input, dim, dtype, out)


def logcumsumexp(input, dim, *, out=None):
    """logcumsumexp(input, dim) -> Tensor

    log(e^x[0] + ... + e^x[i]) for each position i along `dim`, without overflow.

    Example::

        >>> cgrad.logcumsumexp(cgrad.zeros(3), dim=0)
        tensor([0.0000, 0.6931, 1.0986])
    """
    return _cumulative(LOGCUMSUMEXP, input, dim, None, out)


def extreme_so_far(input, dim, bint largest):
    """Values and positions of the largest (smallest) element so far, for cummax and cummin."""
    cdef int64_t mark = scope_enter()
    cdef const char *op = b"cummax" if largest else b"cummin"
    cdef Attr at
    cdef Row x, index
    cdef int64_t one = 1
    cdef bint single
    try:
        at.k[1] = largest
        dim = int_dims(dim, op, "dim")
        x = row_of(input, op)
        at.k[0] = wrap_dim(dim, value(x).ndim, op)
        single = value(x).ndim == 0
        if single:
            x = reshape(x, 1, &one)
        index = call1(ARG_SCAN, x, &at)
        if not same_shape(x, index):
            raise RuntimeError(f"{op.decode()}(): the input was changed by another thread")
        x = call2(GATHER, x, index, &at)
        if single:
            x, index = reshape(x, 0, NULL), reshape(index, 0, NULL)
        return wrap_borrowed(x), wrap_borrowed(index)
    finally:
        scope_leave(mark)


for _f in (argmax, argmin, cumsum, cumprod, logcumsumexp):
    export(_f)
