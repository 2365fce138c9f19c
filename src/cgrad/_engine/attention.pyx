"""Scaled dot-product attention without a mask that wants a gradient and without dropout.

One operation forward and one backward, each head by head and block of queries by block.  The three
arrays come as three tensors or, as self-attention projects them, as one of shape
[3, batch, heads, rows, size], whose gradient is then one tensor in the same order of memory.

Inputs: the three or the one, a row for the weights that the forward fills if it has elements (the
backward computes them again if not, so that the memory of long sequences grows with their length
only), and the mask if there is one.
Attr: k[0] = one tensor of three, k[1] = causal, k[2] = the gradients wanted (bits); f[0] = scale.
"""
from libc.math cimport INFINITY
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport row_of
from cgrad._engine.loops cimport NOGIL
from cgrad._engine.primitives cimport (
    add, cast, eq, matmul, mul, number, reshape, reshape_like, sizes, sub, sum_dims, times,
    transpose_last, where, zeros,
)
from cgrad._engine.rows cimport is_float, item_size, node, retain, row_dense, value
from cgrad._engine.shape cimport slice_row
from cgrad._engine.softmax cimport dense
from cgrad._engine.table cimport (
    Ctx, call1, call2, calln, grad_enabled, keep, op_id, register, scope_enter, scope_leave,
)
from cgrad._engine.threads cimport load_blas, parallel_for

cdef extern from "../_kernels/attention.h":
    ctypedef struct cg_heads:
        void *data
        int64_t at[3]
    ctypedef struct cg_attention:
        int64_t heads, rows, keys, e, ev, block
        cg_heads q, k, v, out, g, dq, dk, dv
        void *p
        const char *mask
        int64_t mask_at[4]
        int mask_bool, causal
        double scale
    int64_t cg_attention_scratch(const cg_attention *a, int backward)
    void cg_attention_forward_f32(const cg_attention *a, void *scratch, int64_t begin,
                                  int64_t end) nogil
    void cg_attention_forward_f64(const cg_attention *a, void *scratch, int64_t begin,
                                  int64_t end) nogil
    void cg_attention_backward_f32(const cg_attention *a, void *scratch, int64_t begin,
                                   int64_t end) nogil
    void cg_attention_backward_f64(const cg_attention *a, void *scratch, int64_t begin,
                                   int64_t end) nogil

cdef extern from "../_kernels/pool.h":
    int cg_useful_threads()

cdef int ATTENTION = op_id("attention"), ATTENTION_BACKWARD = op_id("attention_backward")
cdef int SOFTMAX = op_id("softmax"), SOFTMAX_BACKWARD = op_id("softmax_backward")
cdef int CAT = op_id("cat")

cdef enum:
    KEPT = 1 << 20            # weights at most that are kept for the backward
    SCORES = 1 << 15          # of a block of many rows: they stay in the second cache
    ROWS = 128                # of a block of fewer: so many make fast products
    MOST_SCORES = 1 << 20     # of a block in any case
    GRAIN = 1 << 17           # multiplications that pay for a thread
    PARTS = 4                 # for each thread, where their scratch is small
    SCRATCH = 1 << 26         # bytes for all threads, about

cdef struct Job:
    cg_attention a
    int dtype
    bint backward
    char *scratch
    int64_t heads             # all of them
    int64_t share, size       # heads and bytes of scratch of a part


cdef void _task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Job *j = <Job *>ctx
    cdef int64_t part, first, last
    cdef char *scratch
    for part in range(begin, end):
        scratch = j.scratch + part * j.size
        first = part * j.share
        last = min(first + j.share, j.heads)
        if j.dtype == F32:
            if j.backward:
                cg_attention_backward_f32(&j.a, scratch, first, last)
            else:
                cg_attention_forward_f32(&j.a, scratch, first, last)
        elif j.backward:
            cg_attention_backward_f64(&j.a, scratch, first, last)
        else:
            cg_attention_forward_f64(&j.a, scratch, first, last)


cdef int _run(Job *j, int64_t batch) except -1:
    cdef cg_attention *a = &j.a
    cdef int64_t parts = 1, work, bytes, threads = cg_useful_threads()
    cdef Row scratch
    j.heads = batch * a.heads
    if j.heads == 0:
        return 0
    # By the shape alone: it decides how the gradients of keys and values are rounded.
    a.block = max(SCORES // max(a.keys, 1), min(ROWS, MOST_SCORES // max(a.keys, 1)), 1)
    a.block = min(a.block, max(a.rows, 1))
    work = a.rows * a.keys * (a.e + a.ev)
    j.size = (cg_attention_scratch(a, j.backward) + 1) * item_size(j.dtype)
    # With fewer heads than threads the products of each head have all threads.
    if j.heads >= threads and work * j.heads > GRAIN:
        parts = min(j.heads, threads * (PARTS if j.size < 1 << 19 else 1))
        parts = max(min(parts, SCRATCH // j.size), 1)
    j.share = (j.heads + parts - 1) // parts
    parts = (j.heads + j.share - 1) // j.share
    bytes = parts * j.size
    scratch = keep(row_dense(U8, 1, &bytes))
    j.scratch = value(scratch).data
    if work * j.heads < NOGIL:
        _task(j, 0, parts)
    else:
        with nogil:
            parallel_for(_task, j, parts, 1)
    return 0


cdef int _heads(cg_heads *x, Row r, int64_t part, bint written=False) except -1:
    """Where a row of four dimensions lies, or part 0, 1, 2 of one of five."""
    cdef Value *v = value(r)
    cdef int skip = v.ndim - 4, i
    cdef int64_t columns = v.shape[skip + 3]
    cdef bint fits = columns < 2 or v.strides[skip + 3] == 1
    fits = fits and (v.shape[skip + 2] < 2 or columns <= v.strides[skip + 2] < 1 << 31)
    if not fits and written:
        raise RuntimeError(f"attention: a result of {sizes(r)} has rows too far apart")
    if not fits:                   # BLAS wants the columns side by side and rows apart
        v = value(dense(r))
    x.data = v.data + (part * v.strides[0] * item_size(v.dtype) if skip else 0)
    for i in range(3):
        x.at[i] = v.strides[skip + i] if v.shape[skip + i] > 1 else 0
    return 0


cdef int _begin(Job *j, Row *x, int n, Attr *at) except -1:
    """The operands q, k, v or all three in one, then the weights[, mask]."""
    cdef cg_attention *a = &j.a
    cdef Value *v = value(x[0])
    cdef Value *k
    cdef Value *w
    cdef int skip = 1 if at.k[0] else 0, i
    memset(j, 0, sizeof(Job))
    k = value(x[0 if skip else 1])
    w = value(x[0 if skip else 2])
    j.dtype = v.dtype
    # The caller's operands fit; a tensor given other memory by another thread may not.
    if (v.ndim != 4 + skip or k.ndim != v.ndim or w.ndim != v.ndim or k.dtype != v.dtype
            or w.dtype != v.dtype or k.shape[skip + 3] != v.shape[skip + 3]
            or w.shape[skip + 2] != k.shape[skip + 2] or k.shape[skip] != v.shape[skip]
            or w.shape[skip] != v.shape[skip] or k.shape[skip + 1] != v.shape[skip + 1]
            or w.shape[skip + 1] != v.shape[skip + 1] or (skip and v.shape[0] != 3)):
        raise RuntimeError("attention: an operand was changed by another thread")
    a.heads, a.rows, a.e = v.shape[skip + 1], v.shape[skip + 2], v.shape[skip + 3]
    a.keys, a.ev = w.shape[skip + 2], w.shape[skip + 3]
    a.causal, a.scale = <int>at.k[1], at.f[0]
    _heads(&a.q, x[0], 0)
    _heads(&a.k, x[0 if skip else 1], 1)
    _heads(&a.v, x[0 if skip else 2], 2)
    k = value(x[1 if skip else 3])
    if k.numel:
        if (k.numel != v.shape[skip] * a.heads * a.rows * a.keys or k.dtype != v.dtype
                or not k.contiguous):
            raise RuntimeError("attention: the weights were changed by another thread")
        a.p = k.data
    if n > (2 if skip else 4):
        k = value(x[n - 1])
        if (k.ndim != 4 or k.shape[0] != v.shape[skip] or k.shape[1] != a.heads
                or k.shape[2] != a.rows or k.shape[3] != a.keys
                or (k.dtype != BOOL and k.dtype != v.dtype)):
            raise RuntimeError("attention: the mask was changed by another thread")
        a.mask, a.mask_bool = k.data, k.dtype == BOOL
        for i in range(4):
            a.mask_at[i] = k.strides[i]
    return 0


cdef Row _like(Row x, int skip, int64_t columns) except 0:
    """An uninitialised row of x's shape without the first `skip` dimensions, its dimensions in the
    same order of memory, but for the columns, which lie side by side."""
    cdef Value *v = value(x)
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t *strides = v.strides + skip
    cdef int64_t step = columns if columns else 1
    cdef int i, k, taken = 0, n = v.ndim - skip - 1
    cdef Row y
    for i in range(n):
        shape[i] = v.shape[skip + i]
    shape[n] = columns
    y = row_dense(v.dtype, n + 1, shape)
    v = value(y)
    if v.numel:
        for i in range(n):             # the dimension with the next greater step
            k = _next(strides, n, taken)
            taken |= 1 << k
            v.strides[k] = step
            step *= v.shape[k]
        step = 1
        for i in range(n, -1, -1):
            if v.shape[i] > 1 and v.strides[i] != step:
                v.contiguous = False
            step *= v.shape[i]
    return y


cdef int _next(const int64_t *strides, int n, int taken) noexcept:
    cdef int i, best = -1
    for i in range(n - 1, -1, -1):
        if not taken & (1 << i) and (best < 0 or strides[i] < strides[best]):
            best = i
    return best


cdef Row f_attention(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef Job j
    cdef Row y
    try:
        _begin(&j, x, n, at)
        y = keep(_like(x[0], 1 if at.k[0] else 0, j.a.ev))
        _heads(&j.a.out, y, 0, True)
        _run(&j, value(y).shape[0])
        retain(y)
        return y
    finally:
        scope_leave(mark)


cdef Row f_attention_backward(int op, Row *x, int n, Attr *at) except 0:
    # Of g and the operands: the gradients, as one row like x[1] or one after the other in a row.
    cdef int64_t mark = scope_enter()
    cdef Job j
    cdef int64_t size, done = 0
    cdef int i
    cdef Value *v
    cdef Row y
    cdef cg_heads* d[3]
    try:
        _begin(&j, x + 1, n - 1, at)
        j.backward = True
        v = value(x[0])
        if (v.dtype != j.dtype or v.ndim != 4 or v.shape[1] != j.a.heads
                or v.shape[2] != j.a.rows or v.shape[3] != j.a.ev
                or v.shape[0] != value(x[1]).shape[1 if at.k[0] else 0]):
            raise RuntimeError(f"attention: a gradient of shape {sizes(x[0])} does not fit")
        _heads(&j.a.g, x[0], 0)
        d[0], d[1], d[2] = &j.a.dq, &j.a.dk, &j.a.dv
        if at.k[0]:
            y = keep(_like(x[1], 0, j.a.e))
            for i in range(3):
                _heads(d[i], y, i, True)
        else:
            size = 0
            for i in range(3):
                if at.k[2] & (1 << i):
                    size += value(x[1 + i]).numel
            y = keep(row_dense(j.dtype, 1, &size))
            for i in range(3):
                v = value(x[1 + i])
                if at.k[2] & (1 << i):
                    d[i].data = value(y).data + done * item_size(j.dtype)
                    d[i].at[2] = v.shape[3]
                    d[i].at[1] = v.shape[2] * v.shape[3]
                    d[i].at[0] = v.shape[1] * d[i].at[1]
                    done += v.numel
        _run(&j, value(x[0]).shape[0])
        retain(y)
        return y
    finally:
        scope_leave(mark)


cdef Row _range(Row x, int64_t first, int64_t length, bint drop) except 0:
    """Entries first, ... of the first dimension; `drop`: one, without the dimension."""
    cdef Attr at
    cdef Value *v = value(x)
    cdef int i
    memset(&at, 0, sizeof(Attr))
    at.k[0] = 1 if drop else 0
    for i in range(v.ndim):
        at.d[i] = 0 if i else first
        at.d[MAX_DIMS + i] = 1
        at.d[2 * MAX_DIMS + i] = v.shape[i] if i else length
    return slice_row(x, &at)

cdef Row _part(Row x, int i) except 0:
    return _range(x, i, 1, True)


cdef int d_attention(Ctx *c) except -1:
    cdef Row[6] x
    cdef Row d
    cdef Attr at
    cdef int64_t done = 0
    cdef int i
    at = c.at[0]
    x[0] = c.g
    for i in range(c.n):
        x[i + 1] = c.x[i]
    if at.k[0]:
        if c.need[0]:
            c.out[0] = calln(ATTENTION_BACKWARD, x, c.n + 1, &at)
        return 0
    at.k[2] = 0
    for i in range(3):
        at.k[2] |= (1 << i) if c.need[i] else 0
    if at.k[2] == 0:
        return 0
    d = calln(ATTENTION_BACKWARD, x, c.n + 1, &at)
    for i in range(3):
        if c.need[i]:
            c.out[i] = reshape_like(_range(d, done, value(c.x[i]).numel, False), c.x[i])
            done += value(c.x[i]).numel
    return 0

register("attention", f_attention, d_attention, 31, 31, 31, 31)


cdef Row _weights(Row q, Row k, Row mask, Attr *at) except 0:
    """The weights as rows of the table; a query that sees nothing has zeros."""
    cdef Row s = times(matmul(q, transpose_last(k)), at.f[0]), out, nothing
    cdef Value *v = value(s)
    cdef Attr last
    cdef int64_t i, rows = v.shape[2], keys = v.shape[3]
    cdef char *seen
    memset(&last, 0, sizeof(Attr))
    last.k[0] = 3                      # softmax over the last of four dimensions
    out = number(-INFINITY, s)
    if at.k[1]:
        mask = keep(row_dense(BOOL, 2, v.shape + 2))
        seen = value(mask).data
        for i in range(rows):
            memset(seen + i * keys, 0, keys)
            memset(seen + i * keys, 1, min(i + 1, keys))
    if mask == 0:
        return call1(SOFTMAX, s, &last)
    s = where(mask, s, out) if value(mask).dtype == BOOL else add(s, mask)
    # The softmax of nothing but -inf is NaN.
    nothing = eq(_rowsum(cast(eq(s, out), value(s).dtype)), number(<double>keys, s))
    s = where(nothing, number(0, s), s)
    return where(nothing, number(0, s), call1(SOFTMAX, s, &last))


cdef int d_attention_backward(Ctx *c) except -1:
    # F = <uq, dq> + <uk, dk> + <uv, dv> = <dS, t> + <P, w>, dS = P (D - rowsum(P D)), D = g v',
    # with t = scale (uq k' + q uk') and w = g uv'.  J(x) = P (x - rowsum(P x)) is symmetric.
    cdef Attr *at = c.at
    cdef Row[3] x
    cdef Row[3] u
    cdef Row[3] found
    cdef Row g = c.x[0], mask, p, d, t, z, ds, r
    cdef Attr last
    cdef int i, first = 3 if at.k[0] else 5
    cdef int64_t done = 0
    cdef double scale = at.f[0]
    memset(&last, 0, sizeof(Attr))
    last.k[0] = 3
    mask = c.x[first] if c.n > first else 0
    for i in range(3):
        x[i] = _part(c.x[1], i) if at.k[0] else c.x[1 + i]
        if at.k[0]:
            u[i] = _part(c.g, i)
        elif at.k[2] & (1 << i):
            u[i] = reshape_like(_range(c.g, done, value(x[i]).numel, False), x[i])
            done += value(x[i]).numel
        else:
            u[i] = zeros(value(x[i]).dtype, 4, value(x[i]).shape)
    p = _weights(x[0], x[1], mask, at)
    d = matmul(g, transpose_last(x[2]))
    t = times(add(matmul(u[0], transpose_last(x[1])), matmul(x[0], transpose_last(u[1]))), scale)
    z = call2(SOFTMAX_BACKWARD, t, p, &last)
    if c.need[0]:
        c.out[0] = add(matmul(z, x[2]), matmul(p, u[2]))
    for i in range(1, first - 1):
        if c.need[i]:
            break
    else:
        return 0
    ds = call2(SOFTMAX_BACKWARD, d, p, &last)
    # dF/dP = D t - rowsum(P D) t - D rowsum(P t) + w, and through the softmax
    r = sub(add(mul(sub(d, _rowsum(mul(p, d))), t), matmul(g, transpose_last(u[2]))),
            mul(d, _rowsum(mul(p, t))))
    r = call2(SOFTMAX_BACKWARD, r, p, &last)
    found[0] = times(add(matmul(r, x[1]), matmul(ds, u[1])), scale)
    found[1] = times(add(matmul(transpose_last(r), x[0]), matmul(transpose_last(ds), u[0])), scale)
    found[2] = matmul(transpose_last(z), g)
    if not at.k[0]:
        for i in range(3):
            if c.need[1 + i]:
                c.out[1 + i] = found[i]
        return 0
    for i in range(3):
        found[i] = _with_dim(found[i])
    memset(&last, 0, sizeof(Attr))
    c.out[1] = calln(CAT, found, 3, &last)
    return 0

register("attention_backward", f_attention_backward, d_attention_backward, 63, 63, 63, 63)


cdef Row _rowsum(Row x) except 0:
    return sum_dims(x, 8, True)

cdef Row _with_dim(Row x) except 0:
    cdef int64_t[5] shape
    cdef int i
    shape[0] = 1
    for i in range(4):
        shape[i + 1] = value(x).shape[i]
    return reshape(x, 5, shape)


def attention(query, key=None, values=None, mask=None, bint causal=False, double scale=1.0):
    """attention(query, key=None, values=None, mask=None, causal=False, scale=1.0) -> Tensor

    softmax(query key^T scale + mask) values, for query (B, H, L, E), key (B, H, S, E) and values
    (B, H, S, Ev), of one floating point dtype; without key and values, query holds all three,
    (3, B, H, L, E).  mask, (B, H, L, S): bool, True where a key takes part, or added to the scores;
    it gets no gradient, and a query that sees no key gets zeros.  causal, without a mask: query i
    sees keys 0 ... i.  Raises RuntimeError where shapes or dtypes do not fit.
    """
    cdef int64_t mark = scope_enter()
    cdef Row[5] x
    cdef Value *q
    cdef Value *k
    cdef Value *v
    cdef Value *m
    cdef Attr at
    cdef int n = 1 if key is None else 3, i, skip
    cdef bint fits, recorded = False
    cdef int64_t kept
    memset(&at, 0, sizeof(Attr))
    try:
        load_blas()
        if causal and mask is not None:
            raise RuntimeError("attention: a mask excludes causal=True")
        x[0] = row_of(query, "attention")
        at.k[0], at.k[1], at.f[0] = n == 1, causal, scale
        if n == 3:
            x[1] = row_of(key, "attention")
            x[2] = row_of(values, "attention")
        q, k, v = value(x[0]), value(x[n // 2]), value(x[n - 1])
        skip = n == 1
        fits = (is_float(q.dtype) and q.ndim == k.ndim == v.ndim == 4 + skip
                and k.dtype == v.dtype == q.dtype and (n == 3 or q.shape[0] == 3))
        fits = fits and (q.shape[skip] == k.shape[skip] == v.shape[skip]
                         and q.shape[skip + 1] == k.shape[skip + 1] == v.shape[skip + 1]
                         and k.shape[skip + 2] == v.shape[skip + 2]
                         and k.shape[skip + 3] == q.shape[skip + 3])
        if fits and mask is not None:
            x[n + 1] = row_of(mask, "attention")
            m = value(x[n + 1])
            fits = m.ndim == 4 and (m.dtype == BOOL or m.dtype == q.dtype)
            for i in range(4):
                fits = fits and m.shape[i] == (k if i == 3 else q).shape[skip + min(i, 2)]
        if not fits:
            given = [query] if n == 1 else [query, key, values]
            given += [] if mask is None else [mask]
            raise RuntimeError("attention: operands of shapes and dtypes "
                               + ", ".join(f"{list(t.shape)} {t.dtype}" for t in given)
                               + " do not fit")
        for i in range(n):
            recorded |= node(x[i]).flags & REQUIRES_GRAD
        kept = q.shape[skip] * q.shape[skip + 1] * q.shape[skip + 2] * k.shape[skip + 2]
        kept = kept if recorded and grad_enabled() and kept <= KEPT else 0
        x[n] = keep(row_dense(q.dtype, 1, &kept))
        return wrap_borrowed(calln(ATTENTION, x, n + (1 if mask is None else 2), &at))
    finally:
        scope_leave(mark)
