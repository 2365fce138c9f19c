"""Reductions: sum, prod, mean, maximum, minimum, any, all.

A reduction is an elementwise loop whose output does not move along the reduced dimensions, so
NumPy's inner loops serve here too (their add sums in pairs along a run).  Work is split at block
sizes that depend on the shape only, so results have the same bits for any number of threads.
"""
from libc.string cimport memcpy
from libc.math cimport INFINITY
from cgrad._engine.types cimport *
from cgrad._engine.elementwise cimport elementwise_into
from cgrad._engine.face import export, numpy_names
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_code, dtype_of, row_of, wrap
from cgrad._engine.inplace cimport write_out
from cgrad._engine.loops cimport BLOCK, NOGIL, Plan, numpy_loop, plan_operand
from cgrad._engine.primitives cimport (
    both, cast, div, eq, expand_like, mul, number, reshape, reshape_like, sum_dims, where,
)
from cgrad._engine.rows cimport is_float, item_size, node, release, row_dense, value
from cgrad._engine.shape cimport contiguous, dims_mask, int_dims, slice_row
from cgrad._engine.table cimport (
    Ctx, Rule, apply, call1, call2, grad_enable, grad_enabled, keep, op_id, ops, register, scope_enter, scope_leave,
)
from cgrad._engine.threads cimport parallel_for

cdef int CUMPROD = op_id("cumprod"), DELAY = op_id("delay")
ctypedef void run(char **, const Py_ssize_t *, const Py_ssize_t *, void *) noexcept nogil

cdef extern from "../_kernels/reduce.h":
    run cg_sum_run_f32, cg_sum_run_f64, cg_prod_run_f32, cg_prod_run_f64
    run cg_sum_columns_f32, cg_sum_columns_f64

cdef enum:
    PARTIAL = 16384           # elements that one partial result of a long sum covers
    X = 1
    Y = SAVES_OUTPUT


# ---------------------------------------------------------------------------------------------
# The driver.  Operands: 0 and 2 = output, 1 = input.  Attr: k[0] = dims (bits), k[1] = keepdim

cdef void _merge(Plan *p) noexcept:
    # Drop dimensions of size 1 and merge neighbours, keeping the order.
    cdef int i, k, n = 0
    for i in range(p.ndim):
        if p.shape[i] == 1:
            continue
        if n and (p.steps[0][n - 1] == p.steps[0][i] * p.shape[i]
                  and p.steps[1][n - 1] == p.steps[1][i] * p.shape[i]):
            p.shape[n - 1] *= p.shape[i]
        else:
            p.shape[n] = p.shape[i]
            n += 1
        for k in range(3):
            p.steps[k][n - 1] = p.steps[k][i]
    if n == 0:
        n = 1
        p.shape[0] = 1
        for k in range(3):
            p.steps[k][0] = 0
    p.ndim = n


cdef void _walk(Plan *p, int64_t begin, int64_t end, int64_t first, int64_t count) noexcept nogil:
    # Entries begin..end of dimension 0 (all others whole), first..first+count of the innermost.
    cdef int last = p.ndim - 1, i, k
    cdef int64_t outer = 1, item, rest, index
    cdef Py_ssize_t n
    cdef char *args[3]
    cdef Py_ssize_t[3] steps
    cdef Py_ssize_t[2] sizes
    for k in range(3):
        steps[k] = p.steps[k][last]
    if p.columns != NULL:
        sizes[0] = count
        sizes[1] = end - begin
        args[0] = p.ptr[0] + first * steps[0]
        args[1] = p.ptr[1] + begin * p.steps[1][0] + first * steps[1]
        steps[1] = p.steps[1][0]
        p.columns(args, sizes, steps, p.data)
        return
    for i in range(1, last):
        outer *= p.shape[i]
    if last == 0:
        outer, begin, end = 1, 0, 1
    for item in range(begin * outer, end * outer):
        for k in range(3):
            args[k] = p.ptr[k] + first * steps[k]
        rest = item
        for i in range(last - 1, -1, -1):
            if i:
                index = rest % p.shape[i]
                rest = rest // p.shape[i]
            else:
                index = rest
            for k in range(3):
                args[k] += index * p.steps[k][i]
        n = count
        p.loop(args, &n, steps, p.data)


cdef void _by_outer(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Plan *p = <Plan *>ctx
    _walk(p, begin, end, 0, p.shape[p.ndim - 1])


cdef void _by_inner(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Plan *p = <Plan *>ctx
    cdef int64_t block, n
    for block in range(begin, end):
        n = p.shape[p.ndim - 1] - block * p.blocks
        _walk(p, 0, p.shape[0], block * p.blocks, n if n < p.blocks else p.blocks)


cdef struct Partials:
    Plan *plan
    char *out
    int64_t size


cdef void _by_part(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    # Partial results of one long run, one for each PARTIAL elements.
    cdef Partials *q = <Partials *>ctx
    cdef Plan p = q.plan[0]
    cdef int64_t part, n
    for part in range(begin, end):
        n = p.shape[0] - part * PARTIAL
        p.ptr[0] = q.out + part * q.size
        p.ptr[2] = p.ptr[0]
        _walk(&p, 0, 1, part * PARTIAL, n if n < PARTIAL else PARTIAL)


cdef int _reduce(Plan *p, int dt, Reduction *red) except -1:
    cdef int64_t total = 1, parts
    cdef int i, last
    cdef Partials q
    cdef Plan fold
    cdef Row partial
    for i in range(p.ndim):
        total *= p.shape[i]
    if total == 0:
        return 0
    _merge(p)
    last = p.ndim - 1
    if p.steps[1][last] == item_size(dt):
        if p.steps[0][last] == 0 and red.runs[dt] != NULL:
            p.loop = red.runs[dt]
        elif p.ndim == 2 and p.steps[0][0] == 0 and p.steps[0][last] == item_size(dt):
            p.columns = red.columns[dt]
    if total < NOGIL:
        _by_outer(p, 0, p.shape[0])
    elif p.ndim == 1 and p.steps[0][0] == 0:
        parts = (p.shape[0] + PARTIAL - 1) // PARTIAL
        partial = row_dense(dt, 1, &parts)
        fill(partial, red.identity)
        q.plan = p
        q.out = value(partial).data
        q.size = item_size(dt)
        fold = p[0]
        fold.ptr[1] = q.out
        fold.shape[0] = parts
        fold.steps[1][0] = q.size
        with nogil:
            parallel_for(_by_part, &q, parts, 2)
            _walk(&fold, 0, 1, 0, parts)
        release(partial)
    else:
        with nogil:
            if p.steps[0][0] != 0 and p.ndim > 1:
                parts = BLOCK * p.shape[0] // total
                parallel_for(_by_outer, p, p.shape[0], parts if parts > 1 else 1)
            elif p.steps[0][last] != 0:
                p.blocks = 1024
                parallel_for(_by_inner, p, (p.shape[last] + 1023) // 1024, 1)
            else:
                _by_outer(p, 0, p.shape[0])
    return 0


cdef void fill(Row y, double x) noexcept:
    """Set all elements; infinities become the extreme values of integer types."""
    cdef Value *v = value(y)
    cdef int64_t i
    cdef int64_t n = <int64_t>x if x - x == 0 else 0
    cdef int size = item_size(v.dtype)
    if v.dtype == F32:
        for i in range(v.numel):
            (<float *>v.data)[i] = <float>x
        return
    if v.dtype == F64:
        for i in range(v.numel):
            (<double *>v.data)[i] = x
        return
    if x == INFINITY:
        n = 1 if v.dtype == BOOL else (255 if v.dtype == U8
                                       else ((<int64_t>1 << (8 * size - 2)) - 1) * 2 + 1)
    elif x == -INFINITY:
        n = 0 if v.dtype <= U8 else -((<int64_t>1 << (8 * size - 2)) - 1) * 2 - 2
    for i in range(v.numel):
        if size == 1:
            (<signed char *>v.data)[i] = <signed char>n
        elif size == 2:
            (<short *>v.data)[i] = <short>n
        elif size == 4:
            (<int32_t *>v.data)[i] = <int32_t>n
        else:
            (<int64_t *>v.data)[i] = n


cdef Reduction _reductions[1024]


cdef Row f_reduce(int op, Row *x, int n, Attr *at) except 0:
    cdef Value *v = value(x[0])
    cdef Reduction *red = &_reductions[op]
    cdef int64_t[MAX_DIMS] shape
    cdef Plan p
    cdef Row y
    cdef int i, k = 0
    cdef int64_t step
    if red.loops[v.dtype] == NULL:
        raise NotImplementedError(f"\"{ops[op].name.decode()}\" not implemented for dtype "
                                  f"{dtype_of(v.dtype)!r}")
    for i in range(v.ndim):
        if not at.k[0] & (1 << i):
            shape[k] = v.shape[i]
            k += 1
        elif at.k[1]:
            shape[k] = 1
            k += 1
    y = row_dense(v.dtype, k, shape)
    fill(y, red.identity)
    p.loop = red.loops[v.dtype]
    p.data = red.data[v.dtype]
    p.columns = NULL
    p.n_operands = 3
    p.ndim = v.ndim
    for i in range(v.ndim):
        p.shape[i] = v.shape[i]
    plan_operand(&p, 1, x[0], v.ndim, v.shape)
    step = item_size(v.dtype)
    for i in range(v.ndim - 1, -1, -1):
        if at.k[0] & (1 << i):
            p.steps[0][i] = 0
        else:
            p.steps[0][i] = step
            step *= v.shape[i]
        p.steps[2][i] = p.steps[0][i]
    p.ptr[0] = value(y).data
    p.ptr[2] = p.ptr[0]
    try:
        _reduce(&p, v.dtype, red)
    except:
        release(y)
        raise
    return y


cdef int _define(str name, str ufunc, Rule rule, int reads, double identity) except -1:
    cdef int op = register(name, f_reduce, rule, reads)
    cdef int dt
    _reductions[op].identity = identity
    for dt in range(N_DTYPES):
        if dt == BOOL or not ufunc.startswith("logical"):
            numpy_loop(ufunc, dt, 2, dt, &_reductions[op].loops[dt], &_reductions[op].data[dt])
    return op


# ---------------------------------------------------------------------------------------------
# Rules

cdef Row _spread(Ctx *c, Row r) except 0:
    # A reduced row back in the shape of the input, as a view.
    cdef Value *v = value(c.x[0])
    cdef int64_t[MAX_DIMS] shape
    cdef int i
    for i in range(v.ndim):
        shape[i] = 1 if c.at.k[0] & (1 << i) else v.shape[i]
    return expand_like(reshape(r, v.ndim, shape), c.x[0])

cdef int d_sum(Ctx *c) except -1:
    c.out[0] = _spread(c, c.g)
    return 0

cdef int d_mean(Ctx *c) except -1:
    cdef int64_t n = value(c.x[0]).numel // max(value(c.y).numel, 1)
    c.out[0] = _spread(c, div(c.g, number(<double>n, c.g)))
    return 0

cdef int d_extreme(Ctx *c) except -1:             # ties share evenly; all are NaN where NaN won
    cdef Row hit = eq(c.x[0], _spread(c, c.y))
    cdef Row count = sum_dims(cast(hit, value(c.g).dtype), c.at.k[0], c.at.k[1])
    c.out[0] = div(where(hit, _spread(c, c.g), number(0, c.g)), _spread(c, count))
    return 0

cdef int d_shared(Ctx *c) except -1:              # elements equal to the result share evenly
    cdef Row x = c.x[0], y = c.y
    cdef Row hit = call2(op_id("logical_or"), eq(x, y),
                         both(call2(op_id("ne"), x, x), call2(op_id("ne"), y, y)))
    cdef Row count = sum_dims(cast(hit, value(c.g).dtype), (1 << value(x).ndim) - 1, False)
    c.out[0] = where(hit, div(c.g, count), number(0, c.g))
    return 0

cdef int d_prod(Ctx *c) except -1:
    # g times the product of the others.  Without zeros that is y / x; else the product of those
    # before times the product of those behind.
    cdef Row x = c.x[0], zero = number(0, c.x[0])
    cdef Value *v = value(x)
    cdef Attr at
    cdef int64_t n
    cdef int dim = 0
    if v.ndim == 0:
        c.out[0] = c.g
        return 0
    at.k[0] = (1 << v.ndim) - 1
    at.k[1] = 0
    if not value(call1(ANY, eq(x, zero), &at)).data[0]:
        c.out[0] = mul(_spread(c, c.g), div(_spread(c, c.y), x))
        return 0
    # The reduced dimensions are all of them (flattened) or one.
    while not c.at.k[0] & (1 << dim):
        dim += 1
    if c.at.k[0] != 1 << dim:
        n = v.numel
        x = reshape(x, 1, &n)
        dim = 0
    x = mul(_product(x, dim, False), _product(x, dim, True))
    c.out[0] = mul(_spread(c, c.g), reshape_like(x, c.x[0]))
    return 0

cdef Row _product(Row x, int dim, bint behind) except 0:
    # The product of the elements before, or behind, each one.
    cdef Attr at
    at.k[0] = dim
    at.k[1] = 0
    at.f[0] = 1
    x = flipped(x, dim) if behind else x
    x = call1(DELAY, call1(CUMPROD, x, &at), &at)
    return flipped(x, dim) if behind else x

cdef int SUM = _define("sum", "add", d_sum, 0, 0)
cdef int PROD = _define("prod", "multiply", d_prod, X | Y, 1)
cdef int AMAX = _define("amax", "maximum", d_extreme, X | Y, -INFINITY)
cdef int AMIN = _define("amin", "minimum", d_extreme, X | Y, INFINITY)
cdef int ANY = _define("any", "logical_or", NULL, 0, 0)
cdef int ALL = _define("all", "logical_and", NULL, 0, 1)

_reductions[SUM].runs[<int>F32] = cg_sum_run_f32
_reductions[SUM].runs[<int>F64] = cg_sum_run_f64
_reductions[SUM].columns[<int>F32] = cg_sum_columns_f32
_reductions[SUM].columns[<int>F64] = cg_sum_columns_f64
_reductions[PROD].runs[<int>F32] = cg_prod_run_f32
_reductions[PROD].runs[<int>F64] = cg_prod_run_f64


cdef Row f_mean(int op, Row *x, int n, Attr *at) except 0:
    cdef Row y = f_reduce(SUM, x, 1, at)
    cdef Row[2] args
    cdef int64_t count = value(x[0]).numel // max(value(y).numel, 1)
    args[0] = y
    args[1] = number(<double>count, y)
    elementwise_into(op_id("div"), args, 2, NULL, y)
    return y

cdef int MEAN = register("mean", f_mean, d_mean)


cdef Row f_shared(int op, Row *x, int n, Attr *at) except 0:
    cdef Row y = row_dense(value(x[1]).dtype, 0, NULL)
    memcpy(value(y).data, value(x[1]).data, item_size(value(y).dtype))
    return y

cdef int SHARED = register("shared", f_shared, d_shared, X | Y)


# ---------------------------------------------------------------------------------------------
# Public functions

cdef Row flipped(Row a, int dim) except 0:
    """In reverse order along one dimension: a slice with step -1, copied."""
    cdef Value *v = value(a)
    cdef Attr at
    cdef int i
    at.k[0] = 0
    for i in range(v.ndim):
        at.d[i] = v.shape[i] - 1 if i == dim and v.shape[i] else 0
        at.d[MAX_DIMS + i] = -1 if i == dim else 1
        at.d[2 * MAX_DIMS + i] = v.shape[i]
    return contiguous(slice_row(a, &at))


cdef object _call(int op, Row x, object dim, bint keepdim, object out):
    # `dim` is plain, so that no code runs before the operation is done.
    cdef Attr at
    cdef Row r
    at.k[0] = dims_mask(dim, value(x).ndim, ops[op].name)
    at.k[1] = keepdim
    r = apply(op, &x, 1, &at)
    if out is None:
        return wrap(r)
    write_out(out, keep(r), ops[op].name.decode())
    return out


cdef tuple _names(int op, object dim, object keepdim, object axis, object keepdims):
    if axis is not None or keepdims is not None:
        dim, keepdim = numpy_names(ops[op].name.decode(), dim, keepdim, axis, keepdims)
    return int_dims(dim, ops[op].name, "dim"), bool(keepdim)


cdef object _total(int op, object input, object dim, object keepdim, object dtype, object axis,
                   object keepdims, object out):
    # Sums, means, products: integers become int64 (not for the mean).
    cdef int64_t mark = scope_enter()
    cdef Row x
    cdef int dt
    try:
        dim, keepdim = _names(op, dim, keepdim, axis, keepdims)
        dt = dtype_code(dtype, N_DTYPES)
        x = row_of(input, ops[op].name)
        if dt == N_DTYPES:
            dt = value(x).dtype
            if op != MEAN and not is_float(dt):
                dt = I64
        if op == MEAN and not is_float(dt):
            raise RuntimeError("mean(): could not infer output dtype. Input dtype must be either "
                               f"a floating point or complex dtype. Got: {dtype_of(dt).name}")
        return _call(op, cast(x, dt), dim, keepdim, out)
    finally:
        scope_leave(mark)


def sum(input, dim=None, keepdim=False, *, dtype=None, axis=None, keepdims=None, out=None):
    """sum(input, dim=None, keepdim=False, *, dtype=None) -> Tensor

    Sum of all elements, or over `dim` (an int or a tuple).  Integers and bool are summed as
    int64.

    Example::

        >>> cgrad.ones(2, 3).sum(dim=1)
        tensor([3., 3.])
    """
    return _total(SUM, input, dim, keepdim, dtype, axis, keepdims, out)


def mean(input, dim=None, keepdim=False, *, dtype=None, axis=None, keepdims=None, out=None):
    """mean(input, dim=None, keepdim=False, *, dtype=None) -> Tensor

    Mean of all elements, or over `dim`.  Raises RuntimeError for integers unless `dtype` is a
    floating point type.

    >>> cgrad.mean(cgrad.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([2., 3.])
    """
    return _total(MEAN, input, dim, keepdim, dtype, axis, keepdims, out)


def prod(input, dim=None, keepdim=False, *, dtype=None, axis=None, keepdims=None, out=None):
    """prod(input, dim=None, keepdim=False, *, dtype=None) -> Tensor

    Product of all elements, or along one dimension; integers and bool as int64.

    >>> cgrad.prod(cgrad.tensor([2.0, 3.0, 4.0]))
    tensor(24.)
    """
    dim, keepdim = numpy_names("prod", dim, keepdim, axis, keepdims)
    if dim is not None and not hasattr(dim, "__index__"):
        raise TypeError(f"prod(): argument 'dim' must be int, not {type(dim).__name__}")
    return _total(PROD, input, dim, keepdim, dtype, None, None, out)


cdef object _extreme(int op, object input, object dim, object keepdim, object axis,
                     object keepdims, object out):
    cdef int64_t mark = scope_enter()
    cdef Row x
    cdef int64_t mask
    cdef int i
    try:
        dim, keepdim = _names(op, dim, keepdim, axis, keepdims)
        x = row_of(input, ops[op].name)
        mask = dims_mask(dim, value(x).ndim, ops[op].name)
        for i in range(value(x).ndim):
            if mask & (1 << i) and value(x).shape[i] == 0:
                raise (RuntimeError if dim is None or dim == () else IndexError)(
                    f"{ops[op].name.decode()}(): Expected reduction dim to be specified for "
                    f"input.numel() == 0, or to have non-zero size; dimension {i} of the input "
                    "has size 0")
        return _call(op, x, dim, keepdim, out)
    finally:
        scope_leave(mark)


def amax(input, dim=(), keepdim=False, *, axis=None, keepdims=None, out=None):
    """amax(input, dim=(), keepdim=False) -> Tensor

    Largest element over `dim`; NaN wins.  Equal largest elements share the gradient evenly.

    >>> cgrad.amax(cgrad.tensor([[1, 5], [7, 2]]), dim=1)
    tensor([5, 7])
    """
    return _extreme(AMAX, input, dim, keepdim, axis, keepdims, out)


def amin(input, dim=(), keepdim=False, *, axis=None, keepdims=None, out=None):
    """amin(input, dim=(), keepdim=False) -> Tensor

    Smallest element over `dim`; NaN wins.  Equal smallest elements share the gradient evenly.

    >>> cgrad.amin(cgrad.tensor([[1, 5], [7, 2]]), dim=1)
    tensor([1, 2])
    """
    return _extreme(AMIN, input, dim, keepdim, axis, keepdims, out)


def whole(input, bint largest):
    """The largest (smallest) element of all, as max and min without `dim` give it."""
    cdef int64_t mark = scope_enter()
    cdef bint recording = grad_enabled()
    cdef int op = AMAX if largest else AMIN
    cdef Attr at
    cdef Row x, y
    try:
        x = row_of(input, b"max" if largest else b"min")
        if value(x).numel == 0:
            raise RuntimeError(f"{'max' if largest else 'min'}(): Expected reduction dim to be "
                               "specified for input.numel() == 0. Specify the reduction dim with "
                               "the 'dim' argument.")
        at.k[0] = (1 << value(x).ndim) - 1
        at.k[1] = 0
        grad_enable(False)
        y = call1(op, x, &at)
        grad_enable(recording)
        if recording and node(x).flags & REQUIRES_GRAD:
            y = call2(SHARED, x, y)
        return wrap_borrowed(y)
    finally:
        grad_enable(recording)
        scope_leave(mark)


def shared(input, result):
    """`result`, which is some element of `input`; all elements equal to it (NaN to NaN) share the
    gradient evenly."""
    cdef int64_t mark = scope_enter()
    try:
        return wrap_borrowed(call2(SHARED, row_of(input, "shared"), row_of(result, "shared")))
    finally:
        scope_leave(mark)


cdef object _logical(int op, object input, object dim, object keepdim, object axis,
                     object keepdims, object out):
    cdef int64_t mark = scope_enter()
    cdef Row x
    cdef Attr at
    cdef int dt
    try:
        dim, keepdim = _names(op, dim, keepdim, axis, keepdims)
        at.k[1] = keepdim
        x = row_of(input, ops[op].name)
        at.k[0] = dims_mask(dim, value(x).ndim, ops[op].name)
        if dim == ():
            at.k[0] = 0
        dt = value(x).dtype
        x = call1(op, cast(x, BOOL), &at)
        if dt == U8:
            x = cast(x, U8)
        if out is None:
            return wrap_borrowed(x)
        write_out(out, x, ops[op].name.decode())
        return out
    finally:
        scope_leave(mark)


def any(input, dim=None, keepdim=False, *, axis=None, keepdims=None, out=None):
    """any(input, dim=None, keepdim=False) -> bool Tensor

    Whether some element is not 0: of all, or over `dim` (an int or a tuple).

    >>> cgrad.any(cgrad.tensor([True, False]))
    tensor(True)
    """
    return _logical(ANY, input, dim, keepdim, axis, keepdims, out)


def all(input, dim=None, keepdim=False, *, axis=None, keepdims=None, out=None):
    """all(input, dim=None, keepdim=False) -> bool Tensor

    Whether no element is 0: of all, or over `dim` (an int or a tuple).

    >>> cgrad.all(cgrad.tensor([True, False]))
    tensor(False)
    """
    return _logical(ALL, input, dim, keepdim, axis, keepdims, out)


for _f in (sum, mean, prod, amax, amin, any, all):
    export(_f)
