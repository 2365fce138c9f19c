"""gather, and the operations under scatter: an index for every element, along one dimension.

Indices are checked and copied before they are used (Note [Checked copies] in take.pyx).
"""
from libc.stdint cimport uint64_t
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.face import export
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport Handle, dtype_of, row_of
from cgrad._engine.inplace cimport write_out
from cgrad._engine.loops cimport NOGIL, copy_cast
from cgrad._engine.primitives cimport cast, expand, number, reshape, sizes
from cgrad._engine.rows cimport is_float, item_size, release, row_dense, row_view, value
from cgrad._engine.shape cimport contiguous, integer, wrap_dim
from cgrad._engine.table cimport Ctx, call2, call3, op_id, register, scope_enter, scope_leave
from cgrad._engine.take cimport index_row
from cgrad._engine.threads cimport parallel_for

cdef int GATHER = op_id("gather"), GATHER_BACKWARD = op_id("gather_backward")
cdef int SCATTER = op_id("scatter")


cdef Row integers(object index, const char *op) except 0:
    """The row of an index argument."""
    cdef Row r = row_of(index, op)
    if value(r).dtype < I8 or is_float(value(r).dtype):
        raise RuntimeError(f"{op.decode()}(): Expected dtype int32/int64 for index, but got "
                           f"{dtype_of(value(r).dtype).name}")
    return r


# ---------------------------------------------------------------------------------------------
# An index for every element.  Attr: k[0] = dim; for gather_backward also k[2] = ndim and
# d = shape of the result

cdef struct Walk:
    int mode
    int dtype
    int size                  # bytes of an element
    int ndim
    char *a
    char *b                   # row-major with the shape of the index, or a single element
    const int64_t *index
    int64_t b_step            # bytes in `b` from element to element
    int64_t dim_step          # bytes in `a` along the indexed dimension
    int64_t clear             # bytes of a line of `a` that become 0 first
    int64_t line              # elements of a line, the last dimension of the index
    int64_t[MAX_DIMS] shape   # of the index
    int64_t[MAX_DIMS] step    # bytes in `a`; 0 along the indexed dimension


ctypedef fused number_t:
    float
    double
    int64_t


cdef inline void _fold(Walk *w, number_t *a, number_t *b, const int64_t *index) noexcept nogil:
    # a[index] = a[index] * b, or the larger or smaller of the two; NaN wins.  Products of integers
    # wrap around.
    cdef int64_t j, by = w.dim_step // <int64_t>sizeof(number_t)
    cdef int64_t step = w.step[w.ndim - 1] // <int64_t>sizeof(number_t)
    cdef int64_t to = w.b_step // <int64_t>sizeof(number_t)
    cdef number_t x
    cdef number_t *p
    for j in range(w.line):
        p = a + j * step + index[j] * by
        x = b[j * to]
        if w.mode == MULTIPLY:
            if number_t is int64_t:
                p[0] = <int64_t>(<uint64_t>p[0] * <uint64_t>x)
            else:
                p[0] *= x
        elif x > p[0] if w.mode == LARGEST else x < p[0]:
            p[0] = x
        elif number_t is float or number_t is double:
            if x != x:
                p[0] = x


cdef inline void _line(Walk *w, char *a, char *b, const int64_t *index) noexcept nogil:
    cdef int64_t j, n = w.line, by = w.dim_step, step = w.step[w.ndim - 1], to = w.b_step
    cdef int i
    cdef char *p
    cdef char *q
    if w.mode > ADD:
        if w.dtype == F32:
            _fold(w, <float *>a, <float *>b, index)
        elif w.dtype == F64:
            _fold(w, <double *>a, <double *>b, index)
        else:
            _fold(w, <int64_t *>a, <int64_t *>b, index)
    elif w.mode == ADD:
        if w.dtype == F32:
            for j in range(n):
                (<float *>(a + j * step + index[j] * by))[0] += (<float *>(b + j * to))[0]
        elif w.dtype == F64:
            for j in range(n):
                (<double *>(a + j * step + index[j] * by))[0] += (<double *>(b + j * to))[0]
        else:
            for j in range(n):
                (<uint64_t *>(a + j * step + index[j] * by))[0] += (<uint64_t *>(b + j * to))[0]
    elif w.size == 4 and w.mode == READ:
        for j in range(n):
            (<int32_t *>(b + j * 4))[0] = (<int32_t *>(a + j * step + index[j] * by))[0]
    elif w.size == 8 and w.mode == READ:
        for j in range(n):
            (<int64_t *>(b + j * 8))[0] = (<int64_t *>(a + j * step + index[j] * by))[0]
    else:
        for j in range(n):
            p = a + j * step + index[j] * by
            q = b + j * to
            for i in range(w.size):
                if w.mode == READ:
                    q[i] = p[i]
                else:
                    p[i] = q[i]


cdef void _walk(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    # Items are the lines of the index.
    cdef Walk *w = <Walk *>ctx
    cdef int64_t item, rest, up
    cdef char *a
    cdef int i
    for item in range(begin, end):
        a = w.a
        rest = item
        for i in range(w.ndim - 2, -1, -1):
            up = rest // w.shape[i]
            a += (rest - up * w.shape[i]) * w.step[i]
            rest = up
        if w.clear:
            memset(a, 0, w.clear)
        _line(w, a, w.b + item * w.line * w.b_step, w.index + item * w.line)


cdef void walk(int mode, Row a, Row index, Row b, int dim, bint clear=False) noexcept:
    """Move between `a` at an index and `b`, dense with the shape of the index or one element.

    With `clear`, `a` is set to 0 line by line, which stay in the cache: it is dense, `dim` is the
    last dimension, and the others are those of the index.
    """
    cdef Value *v = value(a)
    cdef Value *k = value(index)
    cdef Walk w
    cdef int i
    cdef int64_t lines
    if k.numel == 0:
        return
    w.mode = mode
    w.dtype = v.dtype
    w.size = item_size(v.dtype)
    w.a = v.data
    w.b = value(b).data
    w.b_step = 0 if value(b).ndim == 0 else w.size
    w.index = <const int64_t *>k.data
    w.ndim = k.ndim
    for i in range(k.ndim):
        w.shape[i] = k.shape[i]
        w.step[i] = 0 if i == dim else v.strides[i] * w.size
    w.dim_step = v.strides[dim] * w.size
    w.clear = v.shape[dim] * w.size if clear else 0
    w.line = w.shape[w.ndim - 1]
    lines = k.numel // w.line
    if k.numel < NOGIL:
        _walk(&w, 0, lines)
        return
    with nogil:
        # Lines that write to the same places go in order; along the last dimension none do.
        if mode == READ or dim == w.ndim - 1:
            parallel_for(_walk, &w, lines, 1 + NOGIL // w.line)
        else:
            _walk(&w, 0, lines)


cdef Row f_gather(int op, Row *x, int n, Attr *at) except 0:
    cdef Row y = row_dense(value(x[0]).dtype, value(x[1]).ndim, value(x[1]).shape)
    walk(READ, x[0], x[1], y, <int>at.k[0])
    return y


cdef int d_gather(Ctx *c) except -1:
    cdef Value *v = value(c.x[0])
    c.out[0] = gather_backward(c.g, c.x[1], <int>c.at.k[0], v.ndim, v.shape)
    return 0

register("gather", f_gather, d_gather, 2)


cdef Row f_gather_backward(int op, Row *x, int n, Attr *at) except 0:
    cdef int dt = value(x[0]).dtype
    cdef Row y = row_dense(dt, <int>at.k[2], at.d), src = 0
    cdef int i, dim = <int>at.k[0]
    cdef bint clear = dim == value(y).ndim - 1 and value(x[1]).numel > 0
    for i in range(dim):
        clear = clear and value(y).shape[i] == value(x[1]).shape[i]
    if not clear:
        memset(value(y).data, 0, value(y).numel * item_size(dt))
    try:
        src = dense_copy(x[0], dt)
        walk(ADD, y, x[1], src, dim, clear)
    except:
        release(y)
        raise
    release(src)
    return y

cdef int d_gather_backward(Ctx *c) except -1:
    c.out[0] = call2(GATHER, c.g, c.x[1], c.at)
    return 0

register("gather_backward", f_gather_backward, d_gather_backward, 2)


cdef Row dense_copy(Row a, int dt) except 0:
    # The caller owns the result; a row-major input is not copied.
    cdef Row y
    if value(a).contiguous and value(a).dtype == dt:
        return row_view(a, value(a).ndim, value(a).shape, NULL, 0)
    y = row_dense(dt, value(a).ndim, value(a).shape)
    copy_cast(y, a)
    return y


cdef Row f_scatter(int op, Row *x, int n, Attr *at) except 0:
    cdef int dt = value(x[0]).dtype
    cdef Row y = row_dense(dt, value(x[0]).ndim, value(x[0]).shape), src = 0
    try:
        copy_cast(y, x[0])
        src = dense_copy(x[2], dt)
        walk(WRITE, y, x[1], src, <int>at.k[0])
    except:
        release(y)
        raise
    release(src)
    return y

cdef int d_scatter(Ctx *c) except -1:
    if c.need[0]:
        c.out[0] = call3(SCATTER, c.g, c.x[1], number(0, c.g), c.at)
    if c.need[2]:
        c.out[2] = call2(GATHER, c.g, c.x[1], c.at)
    return 0

register("scatter", f_scatter, d_scatter, 2, 0, 2)


cdef Row gather_backward(Row g, Row index, int dim, int ndim, const int64_t *shape) except 0:
    """Zeros of a shape with `g` added at the places that gather reads."""
    cdef Attr at
    cdef int i
    at.k[0] = dim
    at.k[2] = ndim
    for i in range(ndim):
        at.d[i] = shape[i]
    return call2(GATHER_BACKWARD, g, index, &at)


cdef Row lift(Row a) except 0:
    # Scalars are indexed as tensors of one element.
    cdef int64_t one = 1
    return a if value(a).ndim else reshape(a, 1, &one)


cdef Row element_index(Row x, object index, int dim, const char *op) except 0:
    # A checked index for every element; `x` and the result have at least one dimension.
    cdef Row k = row_of(index, op)
    cdef int i
    if value(k).numel == 0:      # of any shape and type
        return lift(cast(k, I64))
    k = lift(integers(index, op))
    if value(k).ndim != value(x).ndim:
        raise RuntimeError(f"{op.decode()}(): Index tensor must have the same number of "
                           f"dimensions as input tensor, but has {value(k).ndim} and input "
                           f"{value(x).ndim}")
    for i in range(value(k).ndim):
        if i != dim and value(k).shape[i] > value(x).shape[i]:
            raise RuntimeError(f"{op.decode()}(): Size does not match at dimension {i} expected "
                               f"index {sizes(k)} to be no larger than self {sizes(x)} apart "
                               f"from dimension {dim}")
    return index_row(k, value(x).shape[dim], dim, False, RuntimeError, op)


def gather(input, dim, index, *, sparse_grad=False, out=None):
    """gather(input, dim, index) -> Tensor

    The elements of `input` at `index` along `dim`: for three dimensions and dim 1,
    out[i][j][k] = input[i][index[i][j][k]][k].  `index` (int64 or int32) has as many dimensions
    as `input` and is no longer than it except along `dim`; the result has the shape of `index`.
    The gradient is added up at the places read.  Raises RuntimeError for an index out of range.

    Example::

        >>> cgrad.gather(cgrad.tensor([[1., 2.], [3., 4.]]), 1, cgrad.tensor([[0, 0], [1, 0]]))
        tensor([[1., 1.],
                [4., 3.]])
    """
    cdef int64_t along = integer(dim, "gather", "dim"), mark = scope_enter()
    cdef Row x = row_of(input, "gather"), k, y
    cdef Attr at
    try:
        at.k[0] = wrap_dim(along, value(x).ndim, "gather")
        x = lift(x)
        k = element_index(x, index, <int>at.k[0], "gather")
        y = call2(GATHER, x, k, &at)
        if value((<Handle>index).row).ndim == 0:
            y = reshape(y, 0, NULL)
        if out is not None:
            write_out(out, y, "gather")
            return out
        return wrap_borrowed(y)
    finally:
        scope_leave(mark)


def take_along_dim(input, indices, dim=None, *, out=None):
    """take_along_dim(input, indices, dim=None) -> Tensor

    The elements at `indices` along `dim`, as :func:`argmax` and :func:`argsort` give them; other
    dimensions are broadcast, negative indices count from the end.  Without `dim` both are
    flattened.

    Example::

        >>> x = cgrad.tensor([[3., 1.], [2., 5.]])
        >>> cgrad.take_along_dim(x, x.argmax(1, keepdim=True), 1)
        tensor([[3.],
                [5.]])
    """
    cdef int64_t axis = 0 if dim is None else integer(dim, "take_along_dim", "dim")
    cdef int64_t mark = scope_enter()
    cdef Row x = row_of(input, "take_along_dim"), k = integers(indices, "take_along_dim")
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t along
    cdef int i, d, n
    cdef Attr at
    try:
        if dim is None:
            x = reshape(x, 1, &value(x).numel)
            k = reshape(k, 1, &value(k).numel)
        n = value(x).ndim
        if n != value(k).ndim:
            raise RuntimeError("take_along_dim(): input and indices should have the same number "
                               f"of dimensions, but got {n} dimensions for input, and "
                               f"{value(k).ndim} dimensions for indices")
        d = wrap_dim(axis, n, "take_along_dim")
        x = lift(x)
        k = index_row(lift(k), value(x).shape[d], d, True, RuntimeError, "take_along_dim")
        for i in range(value(x).ndim):
            if i == d:
                continue
            if value(x).shape[i] != value(k).shape[i] and value(x).shape[i] != 1 \
                    and value(k).shape[i] != 1:
                raise RuntimeError(f"take_along_dim(): sizes {sizes(x)} and {sizes(k)} do not "
                                   f"broadcast at dimension {i}")
            shape[i] = value(x).shape[i] if value(k).shape[i] == 1 else value(k).shape[i]
        along = value(k).shape[d]
        shape[d] = value(x).shape[d]
        x = expand(x, value(x).ndim, shape)
        shape[d] = along
        k = contiguous(expand(k, value(k).ndim, shape))
        at.k[0] = d
        k = call2(GATHER, x, k, &at)
        if n == 0:
            k = reshape(k, 0, NULL)
        if out is not None:
            write_out(out, k, "take_along_dim")
            return out
        return wrap_borrowed(k)
    finally:
        scope_leave(mark)


export(gather)
export(take_along_dim)
