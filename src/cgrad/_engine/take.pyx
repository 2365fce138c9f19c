"""Rows of a tensor at an index: the operations that advanced indexing is made of.

Note [Flat index].  Tensors that index several dimensions are broadcast and combined to one flat
index over these dimensions, which are moved to the front where a slice stands between them (the
placement rule of NumPy and PyTorch).  All of advanced indexing is then three operations of the
table: ``index`` (read), ``index_backward`` (add into zeros) and ``index_put`` (replace), each the
derivative of another.  A mask is the flat index of its nonzero elements.

Note [Checked copies].  What the operations get is always a private int64 copy of the caller's
index, in which every entry was found in range as it was copied.  Nothing the caller does to the
original later, not even through a NumPy array over its memory, leads a kernel astray.
"""
from libc.string cimport memcpy, memset
from cgrad._engine.types cimport *
from cgrad._engine.loops cimport NOGIL, copy_cast
from cgrad._engine.primitives cimport cast, number
from cgrad._engine.rows cimport item_size, release, row_dense, value
from cgrad._engine.shape cimport contiguous
from cgrad._engine.table cimport (
    Ctx, call2, call3, keep, op_id, register, scope_enter, scope_leave,
)
from cgrad._engine.threads cimport parallel_for

cdef extern from "../_kernels/index.h":
    int64_t cg_wrap_index(const int64_t *src, int64_t *out, int64_t n, int64_t size) nogil
    void cg_take_rows(const char *src, int64_t row_bytes, const int64_t *index, char *dst,
                      int64_t begin, int64_t end) nogil
    void cg_scatter_add_rows_f32(float *dst, int64_t row_len, const int64_t *index,
                                 const float *src, int64_t n, int64_t begin, int64_t end) nogil
    void cg_scatter_add_rows_f64(double *dst, int64_t row_len, const int64_t *index,
                                 const double *src, int64_t n, int64_t begin, int64_t end) nogil
    void cg_scatter_add_rows_i64(int64_t *dst, int64_t row_len, const int64_t *index,
                                 const int64_t *src, int64_t n, int64_t begin, int64_t end) nogil

cdef int INDEX = op_id("index"), INDEX_PUT = op_id("index_put")
cdef int INDEX_BACKWARD = op_id("index_backward")


# ---------------------------------------------------------------------------------------------
# Index rows

cdef struct Check:
    const int64_t *given
    int64_t *checked
    int64_t size
    bint negative             # entries below 0 count from the end
    bint bad                  # an entry is out of range


cdef int64_t _check(Check *c, int64_t begin, int64_t end) noexcept nogil:
    # Copies entries as positions; returns the first one that is out of range, or -1.
    cdef int64_t i
    cdef int64_t bad = cg_wrap_index(c.given + begin, c.checked + begin, end - begin, c.size)
    if bad >= 0:
        end = begin + bad
    if not c.negative:
        for i in range(begin, end):
            if c.given[i] < 0:
                return i
    return -1 if bad < 0 else begin + bad


cdef void _check_part(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Check *c = <Check *>ctx
    if _check(c, begin, end) >= 0:
        c.bad = True


cdef Row index_row(Row a, int64_t size, int dim, bint negative, object error,
                   const char *op=NULL) except 0:
    """A checked copy of an index tensor (Note [Checked copies]), kept in the scope.

    `negative`: indices may count from the end.  The others are for the message.
    """
    cdef Row y
    cdef int64_t n, bad
    cdef Check c
    a = contiguous(cast(a, I64))
    y = keep(row_dense(I64, value(a).ndim, value(a).shape))
    n = value(a).numel
    c.given = <const int64_t *>value(a).data
    c.checked = <int64_t *>value(y).data
    c.size = size
    c.negative = negative
    c.bad = False
    if n < NOGIL:
        c.bad = _check(&c, 0, n) >= 0
    else:
        with nogil:
            parallel_for(_check_part, &c, n, NOGIL)
    if c.bad:
        bad = _check(&c, 0, n)
        entry = c.given[bad] if bad >= 0 else "(changed while it was read)"
        where = "" if op == NULL else f"{op.decode()}(): "
        raise error(f"{where}index {entry} is out of bounds for dimension {dim} with size {size}")
    return y


cdef void _find(const char *p, int64_t n, int64_t *q, int64_t count) noexcept nogil:
    # Without branches, in blocks.  The mask may lie in memory that others write: never store more
    # than was counted, and leave nothing unset.
    cdef int64_t[1024] block
    cdef int64_t start, i, c
    for start in range(0, n, 1024):
        c = 0
        for i in range(start, min(start + 1024, n)):
            block[c] = i
            c += p[i] != 0
        if c > count:
            c = count
        memcpy(q, block, c * sizeof(int64_t))
        q += c
        count -= c
    memset(q, 0, count * sizeof(int64_t))


cdef Row mask_positions(Row mask) except 0:
    """The positions of the nonzero elements in row-major order (int64, one dimension)."""
    cdef Row y
    cdef int64_t i, n, count = 0
    cdef const char *p
    cdef int64_t *q
    mask = contiguous(cast(mask, BOOL))
    n = value(mask).numel
    p = value(mask).data
    if n < NOGIL:
        for i in range(n):
            count += p[i] != 0
        y = keep(row_dense(I64, 1, &count))
        _find(p, n, <int64_t *>value(y).data, count)
        return y
    with nogil:
        for i in range(n):
            count += p[i] != 0
    y = keep(row_dense(I64, 1, &count))
    q = <int64_t *>value(y).data
    with nogil:
        _find(p, n, q, count)
    return y


cdef void position_column(Row positions, Row mask, int dim, int64_t *out,
                          int64_t step) noexcept:
    """The index into dimension `dim` of each of the positions in a mask, stored `step` apart."""
    cdef const int64_t *p = <const int64_t *>value(positions).data
    cdef int64_t i, inner = 1, size = value(mask).shape[dim], base = 0, end, next_at, at = 0
    for i in range(dim + 1, value(mask).ndim):
        inner *= value(mask).shape[i]
    # Positions ascend: divide only where one leaves the run of the one before.
    end = inner * size
    next_at = inner
    for i in range(value(positions).numel):
        if p[i] >= next_at:
            if p[i] >= end:
                base = p[i] // (inner * size) * (inner * size)
                end = base + inner * size
            at = p[i] - base if inner == 1 else (p[i] - base) // inner
            next_at = base + (at + 1) * inner
        out[i * step] = at


# ---------------------------------------------------------------------------------------------
# Moving rows: between a strided tensor at indexed places and a packed one

cdef struct Move:
    char *a                   # the indexed side
    char *b                   # the packed side: rows one after the other, or a single element
    const int64_t *index
    int64_t n                 # entries of the index
    int64_t step              # bytes in `a` that an entry counts in
    int64_t row               # elements of a row
    int64_t b_row             # bytes in `b` from row to row; 0: one element for all
    int size                  # bytes of an element
    bint write                # from b to a
    bint dense                # rows lie dense in `a`
    int n_outer
    int n_inner
    int64_t[MAX_DIMS] outer_shape, outer_step, inner_shape, inner_step


cdef inline void _copy_line(char *dst, int64_t dst_step, const char *src, int64_t src_step,
                            int64_t n, int size) noexcept nogil:
    cdef int64_t i
    if size == 4:
        for i in range(n):
            (<int32_t *>(dst + i * dst_step))[0] = (<const int32_t *>(src + i * src_step))[0]
    elif size == 8:
        for i in range(n):
            (<int64_t *>(dst + i * dst_step))[0] = (<const int64_t *>(src + i * src_step))[0]
    elif size == 1:
        for i in range(n):
            dst[i * dst_step] = src[i * src_step]
    else:
        for i in range(n):
            (<short *>(dst + i * dst_step))[0] = (<const short *>(src + i * src_step))[0]


cdef void _move_row(Move *m, char *a, char *b) noexcept nogil:
    # One row, element by element along the strides of `a`.
    cdef int64_t[MAX_DIMS] at
    cdef int last = m.n_inner - 1, i
    cdef int64_t n = m.inner_shape[last], t
    cdef int64_t b_step = m.size if m.b_row else 0
    for i in range(last):
        at[i] = 0
    for t in range(m.row // n):
        if m.write:
            _copy_line(a, m.inner_step[last], b, b_step, n, m.size)
        else:
            _copy_line(b, b_step, a, m.inner_step[last], n, m.size)
        b += n * b_step
        for i in range(last - 1, -1, -1):
            at[i] += 1
            a += m.inner_step[i]
            if at[i] < m.inner_shape[i]:
                break
            a -= m.inner_step[i] * m.inner_shape[i]
            at[i] = 0


cdef inline void _move_elements(Move *m, char *a, char *b, int64_t begin,
                                int64_t end) noexcept nogil:
    # Rows of one element.
    cdef int64_t k
    cdef const int64_t *index = m.index
    cdef int64_t step = m.step, b_step = m.b_row
    if m.size == 4 and m.write:
        for k in range(begin, end):
            (<int32_t *>(a + index[k] * step))[0] = (<int32_t *>(b + k * b_step))[0]
    elif m.size == 4:
        for k in range(begin, end):
            (<int32_t *>(b + k * b_step))[0] = (<int32_t *>(a + index[k] * step))[0]
    elif m.size == 8 and m.write:
        for k in range(begin, end):
            (<int64_t *>(a + index[k] * step))[0] = (<int64_t *>(b + k * b_step))[0]
    elif m.size == 8:
        for k in range(begin, end):
            (<int64_t *>(b + k * b_step))[0] = (<int64_t *>(a + index[k] * step))[0]
    elif m.write:
        for k in range(begin, end):
            memcpy(a + index[k] * step, b + k * b_step, m.size)
    else:
        for k in range(begin, end):
            memcpy(b + k * b_step, a + index[k] * step, m.size)


cdef void _move(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    # Items are (outer index, entry of the index) pairs in row-major order.
    cdef Move *m = <Move *>ctx
    cdef int64_t item = begin, outer, rest, k, stop
    cdef int64_t bytes = m.row * m.size
    cdef char *a
    cdef char *b
    cdef int i
    while item < end:
        outer = item // m.n
        k = item - outer * m.n
        stop = m.n if end - item > m.n - k else k + end - item
        item += stop - k
        a = m.a
        b = m.b + outer * m.n * m.b_row
        for i in range(m.n_outer - 1, -1, -1):
            rest = outer // m.outer_shape[i]
            a += (outer - rest * m.outer_shape[i]) * m.outer_step[i]
            outer = rest
        if m.row == 1:
            _move_elements(m, a, b, k, stop)
        elif m.dense and m.b_row and not m.write and m.step == bytes:
            cg_take_rows(a, bytes, m.index, b, k, stop)
        elif m.dense and m.b_row and m.write:
            for k in range(k, stop):
                memcpy(a + m.index[k] * m.step, b + k * bytes, bytes)
        elif m.dense and m.b_row:
            for k in range(k, stop):
                memcpy(b + k * bytes, a + m.index[k] * m.step, bytes)
        else:
            for k in range(k, stop):
                _move_row(m, a + m.index[k] * m.step, b + k * m.b_row)


cdef int _run(Move *m, Row a, Row flat, int first, int count) except -1:
    """Fill in the geometry of `a`, whose dimensions from `first` are indexed, and go."""
    cdef Value *v = value(a)
    cdef Value *w = value(flat)
    cdef int i, last = first + count - 1
    cdef int64_t want = 1, items, rest, offset, k
    cdef bint one_step = True
    cdef Row offsets
    cdef int64_t *p
    m.a = v.data
    m.size = item_size(v.dtype)
    m.n = w.numel
    m.index = <const int64_t *>w.data
    m.row = 1
    m.n_outer = first
    m.n_inner = v.ndim - last - 1
    m.dense = True
    items = m.n
    for i in range(first):
        items *= v.shape[i]
        m.outer_shape[i] = v.shape[i]
        m.outer_step[i] = v.strides[i] * m.size
    for i in range(v.ndim - 1, last, -1):
        m.inner_shape[i - last - 1] = v.shape[i]
        m.inner_step[i - last - 1] = v.strides[i] * m.size
        if v.shape[i] != 1 and v.strides[i] != want:
            m.dense = False
        want *= v.shape[i]
    m.row = want
    if items == 0 or m.row == 0:
        return 0
    if m.n_inner == 0:
        m.n_inner = 1
        m.inner_shape[0] = 1
        m.inner_step[0] = m.size
    if m.b_row:
        m.b_row = m.row * m.size
    for i in range(first, last):
        if v.strides[i] != v.strides[i + 1] * v.shape[i + 1]:
            one_step = False
    m.step = v.strides[last] * m.size if count else 0
    if not one_step:
        # The indexed dimensions are no single run in memory: entries become offsets.
        offsets = keep(row_dense(I64, 1, &m.n))
        p = <int64_t *>value(offsets).data
        for k in range(m.n):
            rest = m.index[k]
            offset = 0
            for i in range(last, first - 1, -1):
                offset += rest % v.shape[i] * v.strides[i]
                rest = rest // v.shape[i]
            p[k] = offset
        m.index = p
        m.step = m.size
    if items * m.row < NOGIL:
        _move(m, 0, items)
    else:
        with nogil:
            if m.write:        # an entry may occur twice: the last one counts
                _move(m, 0, items)
            else:
                parallel_for(_move, m, items, 1 + NOGIL // m.row)
    return 0


cdef int result_shape(Row a, Row flat, int first, int count, int64_t *shape) except -1:
    """The shape of index_dims; returns its number of dimensions."""
    cdef Value *v = value(a)
    cdef Value *w = value(flat)
    cdef int i, n = v.ndim - count + w.ndim
    if n > MAX_DIMS:
        raise RuntimeError(f"index: the result would have {n} dimensions; tensors have at most "
                           f"{MAX_DIMS}")
    for i in range(first):
        shape[i] = v.shape[i]
    for i in range(w.ndim):
        shape[first + i] = w.shape[i]
    for i in range(first + count, v.ndim):
        shape[i - count + w.ndim] = v.shape[i]
    return n


# ---------------------------------------------------------------------------------------------
# The operations.  Attr: k[0] = first indexed dimension, k[1] = their number; for index_backward
# also k[2] = ndim and d = shape of the result

cdef Row f_index(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef int64_t[MAX_DIMS] shape
    cdef int first = <int>at.k[0], count = <int>at.k[1]
    cdef int ndim = result_shape(x[0], x[1], first, count, shape)
    cdef Row y = row_dense(value(x[0]).dtype, ndim, shape)
    cdef Move m
    try:
        m.b = value(y).data
        m.b_row = 1
        m.write = False
        _run(&m, x[0], x[1], first, count)
    except:
        release(y)
        raise
    finally:
        scope_leave(mark)
    return y

cdef int d_index(Ctx *c) except -1:
    cdef Value *v = value(c.x[0])
    c.out[0] = index_backward(c.g, c.x[1], <int>c.at.k[0], <int>c.at.k[1], v.ndim, v.shape)
    return 0

register("index", f_index, d_index, 2)


cdef struct AddRows:
    int dtype
    char *dst
    const char *src
    const int64_t *index
    int64_t n, places, row    # entries; rows of dst; elements of a row
    int64_t outer


cdef inline void _add_rows(AddRows *p, int64_t outer, int64_t begin, int64_t end) noexcept nogil:
    cdef int64_t size = 4 if p.dtype == F32 else 8
    cdef char *dst = p.dst + outer * p.places * p.row * size
    cdef const char *src = p.src + outer * p.n * p.row * size
    if p.dtype == F32:
        cg_scatter_add_rows_f32(<float *>dst, p.row, p.index, <const float *>src, p.n, begin, end)
    elif p.dtype == F64:
        cg_scatter_add_rows_f64(<double *>dst, p.row, p.index, <const double *>src, p.n, begin,
                                end)
    else:
        cg_scatter_add_rows_i64(<int64_t *>dst, p.row, p.index, <const int64_t *>src, p.n, begin,
                                end)


cdef void _add_outer(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef AddRows *p = <AddRows *>ctx
    cdef int64_t o
    for o in range(begin, end):
        _add_rows(p, o, 0, p.row)


cdef void _add_columns(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef AddRows *p = <AddRows *>ctx
    cdef int64_t o
    for o in range(p.outer):
        _add_rows(p, o, begin, end)


cdef int index_add_into(Row dst, Row flat, Row src, int first, int count) except -1:
    """dst[..., flat, ...] += src, in the order of the entries; both row-major, of one dtype.
    Threads never share a sum: the bits do not depend on them.  To be called in a scope."""
    cdef Value *v = value(dst)
    cdef AddRows p
    cdef int i
    cdef int64_t work
    cdef Row wide
    if v.dtype < I64:            # small integers are summed as int64
        wide = cast(dst, I64)
        index_add_into(wide, flat, cast(src, I64), first, count)
        copy_cast(dst, wide)
        return 0
    p.dtype = v.dtype
    p.dst = v.data
    p.src = value(src).data
    p.index = <const int64_t *>value(flat).data
    p.n = value(flat).numel
    p.outer = 1
    p.places = 1
    p.row = 1
    for i in range(v.ndim):
        if i < first:
            p.outer *= v.shape[i]
        elif i < first + count:
            p.places *= v.shape[i]
        else:
            p.row *= v.shape[i]
    work = p.outer * p.n * p.row
    if work == 0:
        return 0
    if work < NOGIL:
        _add_outer(&p, 0, p.outer)
        return 0
    with nogil:
        if p.outer >= 8 or p.row < 32:
            parallel_for(_add_outer, &p, p.outer, 1 + NOGIL // (p.n * p.row))
        else:
            parallel_for(_add_columns, &p, p.row, 16 + NOGIL // (p.n * p.outer))
    return 0


cdef Row f_index_backward(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef int dt = value(x[0]).dtype
    cdef Row y = row_dense(dt, <int>at.k[2], at.d)
    cdef Row src
    try:
        memset(value(y).data, 0, value(y).numel * item_size(dt))
        src = x[0]
        if not value(src).contiguous:
            src = keep(row_dense(dt, value(src).ndim, value(src).shape))
            copy_cast(src, x[0])
        index_add_into(y, x[1], src, <int>at.k[0], <int>at.k[1])
    except:
        release(y)
        raise
    finally:
        scope_leave(mark)
    return y

cdef int d_index_backward(Ctx *c) except -1:
    c.out[0] = index_dims(c.g, c.x[1], <int>c.at.k[0], <int>c.at.k[1])
    return 0

register("index_backward", f_index_backward, d_index_backward, 2)


cdef int put_into(Row a, Row flat, Row v, Attr *at) except -1:
    """a[..., flat, ...] = v, broadcast; `v` does not lie in the memory of `a`."""
    cdef int64_t mark = scope_enter()
    cdef int64_t[MAX_DIMS] shape
    cdef int first = <int>at.k[0], count = <int>at.k[1]
    cdef int ndim = result_shape(a, flat, first, count, shape)
    cdef Row packed = v
    cdef Move m
    try:
        m.write = True
        m.b_row = value(v).numel != 1
        if m.b_row:
            packed = keep(row_dense(value(a).dtype, ndim, shape))
            copy_cast(packed, v)
        m.b = value(packed).data
        _run(&m, a, flat, first, count)
    finally:
        scope_leave(mark)
    return 0


cdef Row f_index_put(int op, Row *x, int n, Attr *at) except 0:
    cdef Row y = row_dense(value(x[0]).dtype, value(x[0]).ndim, value(x[0]).shape)
    try:
        copy_cast(y, x[0])
        put_into(y, x[1], x[2], at)
    except:
        release(y)
        raise
    return y

cdef int d_index_put(Ctx *c) except -1:
    if c.need[0]:
        c.out[0] = call3(INDEX_PUT, c.g, c.x[1], number(0, c.g), c.at)
    if c.need[2]:
        c.out[2] = index_dims(c.g, c.x[1], <int>c.at.k[0], <int>c.at.k[1])
    return 0

register("index_put", f_index_put, d_index_put, 2, 0, 2)


cdef Row index_dims(Row a, Row flat, int first, int count) except 0:
    """a[:, ..., flat, ...]: the `count` dimensions from `first` at a flat index."""
    cdef Attr at
    at.k[0] = first
    at.k[1] = count
    return call2(INDEX, a, flat, &at)


cdef Row index_put_dims(Row a, Row flat, Row v, int first, int count) except 0:
    """A copy of `a` with `v` at the places that index_dims reads."""
    cdef Attr at
    at.k[0] = first
    at.k[1] = count
    return call3(INDEX_PUT, a, flat, v, &at)


cdef Row index_backward(Row g, Row flat, int first, int count, int ndim,
                        const int64_t *shape) except 0:
    """Zeros of a shape with `g` added at the places that index_dims reads."""
    cdef Attr at
    cdef int i
    at.k[0] = first
    at.k[1] = count
    at.k[2] = ndim
    for i in range(ndim):
        at.d[i] = shape[i]
    return call2(INDEX_BACKWARD, g, flat, &at)
