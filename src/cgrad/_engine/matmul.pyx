"""Matrix products: matmul in every combination of dimensions, and linear.

Transposed operands go to BLAS as they are, by its flags; only what has no unit stride is copied.
"""
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.face import export
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_of, row_of, wrap
from cgrad._engine.inplace cimport write_out
from cgrad._engine.loops cimport NOGIL, copy_cast
from cgrad._engine.primitives cimport (
    cast, matmul as mm_rows, reshape, reshape_like, sizes, sum_dims, transpose_last,
)
from cgrad._engine.rows cimport is_float, item_size, release, retain, row_dense, row_view, value
from cgrad._engine.shape cimport unsqueeze_row
from cgrad._engine.table cimport Ctx, apply, call2, keep, op_id, register, scope_enter, scope_leave
from cgrad._engine.threads cimport gemm, gemm_bias, load_blas, parallel_for

cdef enum:
    SMALL = 256                  # elements of operands below which the GIL is kept, as in table.pyx

cdef int MATMUL = op_id("matmul"), LINEAR = op_id("linear")


cdef bint _layout(Value *v, bint *transposed, int64_t *ld) noexcept:
    # How BLAS can read the last two dimensions, if it can.
    cdef int64_t rows = v.shape[v.ndim - 2], cols = v.shape[v.ndim - 1]
    cdef int64_t sr = v.strides[v.ndim - 2], sc = v.strides[v.ndim - 1]
    if v.numel == 0:             # nothing is read, whatever the strides
        transposed[0] = False
        ld[0] = max(cols, 1)
        return True
    if (sc == 1 or cols == 1) and (sr >= max(cols, 1) or rows == 1):
        transposed[0] = False
        ld[0] = sr if rows > 1 else max(cols, 1)
        return sc == 1 or rows == 1 or sr >= 1
    if (sr == 1 or rows == 1) and (sc >= max(rows, 1) or cols == 1):
        transposed[0] = True
        ld[0] = sc if cols > 1 else max(rows, 1)
        return True
    return False


cdef struct Batch:
    int dtype
    bint ta, tb
    int64_t m, n, k, lda, ldb
    int ndim
    int64_t[MAX_DIMS] shape
    int64_t[MAX_DIMS] step_a     # in bytes
    int64_t[MAX_DIMS] step_b
    char *a
    char *b
    char *c
    int status                   # of the last product that failed, 0: none


cdef void _integers(Batch *p, const int64_t *a, const int64_t *b, int64_t *c) noexcept nogil:
    # Integers have no BLAS: plain sums in int64, row by row.
    cdef int64_t i, j, l, x
    cdef int64_t ai = 1 if p.ta else p.lda, al = p.lda if p.ta else 1
    cdef int64_t bl = 1 if p.tb else p.ldb, bj = p.ldb if p.tb else 1
    for i in range(p.m):
        memset(c + i * p.n, 0, p.n * sizeof(int64_t))
        for l in range(p.k):
            x = a[i * ai + l * al]
            for j in range(p.n):
                c[i * p.n + j] += x * b[l * bl + j * bj]


cdef void _batch(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Batch *p = <Batch *>ctx
    cdef int64_t i, rest, index
    cdef int64_t size = item_size(p.dtype)
    cdef char *a
    cdef char *b
    cdef int d
    for i in range(begin, end):
        a = p.a
        b = p.b
        rest = i
        for d in range(p.ndim - 1, -1, -1):
            index = rest % p.shape[d]
            rest = rest // p.shape[d]
            a += index * p.step_a[d]
            b += index * p.step_b[d]
        if p.dtype == I64:
            _integers(p, <int64_t *>a, <int64_t *>b, <int64_t *>p.c + i * p.m * p.n)
        elif gemm(p.dtype, p.ta, p.tb, p.m, p.n, p.k, 1.0, a, p.lda, b, p.ldb, 0.0,
                  p.c + i * p.m * p.n * size, p.n if p.n else 1):
            p.status = 1


cdef Row _readable(Row a, bint *transposed, int64_t *ld) except 0:
    """`a`, or a copy that BLAS can read; the caller owns the row."""
    cdef Row y
    if _layout(value(a), transposed, ld):
        retain(a)
        return a
    y = row_dense(value(a).dtype, value(a).ndim, value(a).shape)
    copy_cast(y, a)
    _layout(value(y), transposed, ld)
    return y


cdef Row f_matmul(int op, Row *x, int n_in, Attr *at) except 0:
    """[..., m, k] times [..., k, n]; the leading dimensions are broadcast.  Floats and int64."""
    cdef Batch p
    cdef Row a, b
    if value(x[0]).ndim > 2 and value(x[1]).ndim == 2 and value(x[0]).contiguous:
        return _flattened(x[0], x[1])
    a = _readable(x[0], &p.ta, &p.lda)
    try:
        b = _readable(x[1], &p.tb, &p.ldb)
        try:
            return _products(&p, a, b)
        finally:
            release(b)
    finally:
        release(a)


cdef Row _products(Batch *p, Row a, Row b) except 0:
    cdef Value *v = value(a)
    cdef Value *w = value(b)
    cdef Row y
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t count = 1, size = item_size(v.dtype)
    cdef double work
    cdef int i, j, nd = max(v.ndim, w.ndim)
    p.m = v.shape[v.ndim - 2]
    p.k = v.shape[v.ndim - 1]
    p.n = w.shape[w.ndim - 1]
    p.ndim = nd - 2
    for i in range(nd - 2):
        p.step_a[i] = p.step_b[i] = 0
        shape[i] = 1
        j = i - (nd - v.ndim)
        if j >= 0 and v.shape[j] != 1:
            shape[i] = v.shape[j]
            p.step_a[i] = v.strides[j] * size
        j = i - (nd - w.ndim)
        if j >= 0 and w.shape[j] != 1:
            shape[i] = w.shape[j]
            p.step_b[i] = w.strides[j] * size
        p.shape[i] = shape[i]
        count *= shape[i]
    shape[nd - 2] = p.m
    shape[nd - 1] = p.n
    y = row_dense(v.dtype, nd, shape)
    p.dtype = v.dtype
    p.a = v.data
    p.b = w.data
    p.c = value(y).data
    p.status = 0
    work = <double>p.m * p.n * p.k
    if work * count < NOGIL or (v.numel < SMALL and w.numel < SMALL):   # not held by `apply`
        _batch(p, 0, count)
    elif value(y).numel:
        with nogil:
            if (count == 1 or work > 1 << 24) and p.dtype != I64:
                _batch(p, 0, count)          # the product itself is split
            else:
                parallel_for(_batch, p, count, 1 + <int64_t>((1 << 18) / max(work, 1.0)))
    if p.status:
        release(y)
        _raise_failed("matmul", sizes(a), sizes(b))
    return y


cdef int _raise_failed(str name, list a, list b) except -1:
    raise RuntimeError(f"{name}: the product of shapes {a} and {b} is beyond BLAS, whose row lengths "
                       "are 32-bit integers")


cdef Row _flattened(Row a, Row b) except 0:
    # One product for all matrices of a batch that share the right-hand side.
    cdef Value *v = value(a)
    cdef int64_t[2] two
    cdef int64_t[MAX_DIMS] shape
    cdef Row[2] x
    cdef Row flat, y
    cdef int i
    for i in range(v.ndim):
        shape[i] = v.shape[i]
    two[1] = v.shape[v.ndim - 1]
    two[0] = 1
    for i in range(v.ndim - 1):
        two[0] *= v.shape[i]
    flat = row_view(a, 2, two, NULL, 0)
    x[0] = flat
    x[1] = b
    try:
        y = f_matmul(MATMUL, x, 2, NULL)
    finally:
        release(flat)
    shape[v.ndim - 1] = value(b).shape[1]
    flat = row_view(y, v.ndim, shape, NULL, 0)
    value(flat).flags = 0
    release(y)
    return flat


cdef Row _rows(Row a) except 0:
    # All leading dimensions as one.
    cdef Value *v = value(a)
    cdef int64_t[2] two
    cdef int i
    if v.ndim == 2:
        return a
    two[1] = v.shape[v.ndim - 1]
    two[0] = 1
    for i in range(v.ndim - 1):
        two[0] *= v.shape[i]
    return reshape(a, 2, two)


cdef int d_matmul(Ctx *c) except -1:
    if c.need[0]:
        c.out[0] = mm_rows(c.g, transpose_last(c.x[1]))
    if c.need[1]:
        if value(c.x[1]).ndim == 2:
            c.out[1] = mm_rows(transpose_last(_rows(c.x[0])), _rows(c.g))
        else:
            c.out[1] = mm_rows(transpose_last(c.x[0]), c.g)
    return 0

register("matmul", f_matmul, d_matmul, 2, 1)


# linear: [..., in] times the transpose of [out, in], plus a bias [out]

cdef Row f_linear(int op, Row *x, int n, Attr *at) except 0:
    cdef Row bias = x[2] if n == 3 else 0, y
    cdef int64_t out = value(x[1]).shape[0]
    if bias and not (value(bias).contiguous and value(bias).numel == out):
        y = row_dense(value(bias).dtype, 1, &out)      # one number for all, or numbers with gaps
        try:
            copy_cast(y, bias)
            return _with_bias(x, y)
        finally:
            release(y)
    return _with_bias(x, bias)


cdef Row _with_bias(Row *x, Row bias) except 0:
    cdef Row a, w
    cdef bint tb
    cdef int64_t ldb
    if value(x[0]).contiguous:
        retain(x[0])
        a = x[0]
    else:
        a = row_dense(value(x[0]).dtype, value(x[0]).ndim, value(x[0]).shape)
        copy_cast(a, x[0])
    try:
        w = _readable(x[1], &tb, &ldb)
        try:
            return _linear(a, w, bias, tb, ldb)
        finally:
            release(w)
    finally:
        release(a)


cdef Row _linear(Row a, Row w, Row bias, bint tb, int64_t ldb) except 0:
    cdef Value *v = value(a)
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t m = 1, k = v.shape[v.ndim - 1], out = value(w).shape[0]
    cdef int i, status, dt = v.dtype
    cdef Row y
    cdef char *pa = v.data
    cdef char *pb = value(w).data
    cdef char *pbias
    cdef char *pc
    for i in range(v.ndim - 1):
        shape[i] = v.shape[i]
        m *= v.shape[i]
    shape[v.ndim - 1] = out
    y = row_dense(dt, v.ndim, shape)
    pc = value(y).data
    pbias = value(bias).data if bias else NULL
    if <double>m * k * out < NOGIL or (v.numel < SMALL and value(w).numel < SMALL):
        status = gemm_bias(dt, not tb, m, out, k, pa, k if k else 1, pb, ldb, pbias, pc,
                           out if out else 1)
    else:
        with nogil:
            status = gemm_bias(dt, not tb, m, out, k, pa, k if k else 1, pb, ldb, pbias, pc,
                               out if out else 1)
    if status:
        release(y)
        _raise_failed("linear", sizes(a), sizes(w))
    return y

cdef int d_linear(Ctx *c) except -1:
    cdef Row g = _rows(c.g)          # once: a gradient with gaps is copied here
    if c.need[0]:
        c.out[0] = reshape_like(mm_rows(g, c.x[1]), c.x[0])
    if c.need[1]:
        c.out[1] = mm_rows(transpose_last(g), _rows(c.x[0]))
    if c.n == 3 and c.need[2]:
        c.out[2] = sum_dims(g, 1, False)
    return 0

register("linear", f_linear, d_linear, 2, 1)


# ---------------------------------------------------------------------------------------------
# Public functions

cdef int _check_dtype(Row *x, str name) except -1:
    if value(x[0]).dtype != value(x[1]).dtype:
        raise RuntimeError(f"{name}: expected both tensors to have the same dtype, but got "
                           f"{dtype_of(value(x[0]).dtype)!r} and {dtype_of(value(x[1]).dtype)!r}; "
                           f"convert one of them, e.g. with .to({dtype_of(value(x[0]).dtype)!r})")
    if value(x[0]).dtype == BOOL:
        raise NotImplementedError(f"{name}: not implemented for dtype cgrad.bool; convert to a "
                                  "number type first")
    return 0


cdef int64_t _bound(Row a) except -1:
    # A number no element of int64 `a` exceeds in magnitude, less than twice the greatest one.
    cdef Row copy = a
    cdef int64_t i, bits = 0
    cdef const int64_t *p
    if not value(a).contiguous:
        copy = keep(row_dense(I64, value(a).ndim, value(a).shape))
        copy_cast(copy, a)
    p = <const int64_t *>value(copy).data
    for i in range(value(copy).numel):
        bits |= p[i] ^ (p[i] >> 63)
    return bits if bits == 0x7fffffffffffffff else bits + 1


cdef Row _of_integers(Row a, Row b) except 0:
    # In float64 by BLAS where no sum can pass 2^53: there it is exact, and much faster.
    cdef int dt = value(a).dtype
    cdef double k = value(a).shape[value(a).ndim - 1]
    cdef Row y
    a = cast(a, I64)
    b = cast(b, I64)
    if k * _bound(a) * _bound(b) < 9e15:
        y = call2(MATMUL, cast(a, F64), cast(b, F64))
    else:
        y = call2(MATMUL, a, b)
    return cast(cast(y, I64), dt)


cdef Row matmul_rows(Row *x, str name) except 0:
    """torch.matmul on rows; the result belongs to the current scope."""
    cdef Row a = x[0], b = x[1], y
    cdef int i, j, na = value(a).ndim, nb = value(b).ndim
    cdef int64_t[MAX_DIMS] shape
    cdef Value *v
    cdef Value *w
    _check_dtype(x, name)
    if na == 0 or nb == 0:
        raise RuntimeError(f"{name}: both arguments to matmul need to be at least 1D, but they "
                           f"are {na}D and {nb}D")
    if na == 1:
        a = unsqueeze_row(a, 0)
    if nb == 1:
        b = unsqueeze_row(b, 1)
    v = value(a)
    w = value(b)
    if v.shape[v.ndim - 1] != w.shape[w.ndim - 2]:
        if na == 1 and nb == 1:
            raise RuntimeError(f"{name}: inconsistent tensor size, expected tensor "
                               f"[{v.shape[v.ndim - 1]}] and src [{w.shape[w.ndim - 2]}] to have "
                               "the same number of elements")
        raise RuntimeError(f"{name}: mat1 and mat2 shapes cannot be multiplied "
                           f"({sizes(x[0])} and {sizes(x[1])}): the last dimension of the first "
                           f"({v.shape[v.ndim - 1]}) must equal the "
                           f"{'only' if nb == 1 else 'last but one'} of the second "
                           f"({w.shape[w.ndim - 2]})")
    for i in range(1, min(v.ndim, w.ndim) - 1):
        if (v.shape[v.ndim - 2 - i] != w.shape[w.ndim - 2 - i]
                and v.shape[v.ndim - 2 - i] != 1 and w.shape[w.ndim - 2 - i] != 1):
            raise RuntimeError(f"{name}: batch dimensions of {sizes(x[0])} and {sizes(x[1])} "
                               f"cannot be broadcast: The size of tensor a "
                               f"({v.shape[v.ndim - 2 - i]}) must match the size of tensor b "
                               f"({w.shape[w.ndim - 2 - i]})")
    if is_float(v.dtype):
        y = call2(MATMUL, a, b)
    else:
        y = _of_integers(a, b)
    if na == 1 or nb == 1:
        v = value(y)
        j = 0
        for i in range(v.ndim):
            if (na == 1 and i == v.ndim - 2) or (nb == 1 and i == v.ndim - 1):
                continue
            shape[j] = v.shape[i]
            j += 1
        y = reshape(y, j, shape)
    return y


cdef object _product(object a, object b, object out, str name, int da, int db):
    cdef int64_t mark = scope_enter()
    cdef Row[2] x
    cdef Row y
    try:
        load_blas()              # the first time runs Python code, which may change the operands
        x[0] = row_of(a, b"matmul")
        x[1] = row_of(b, b"matmul")
        if da and (value(x[0]).ndim != da or value(x[1]).ndim != db):
            raise RuntimeError(f"{name}: expected {da}D and {db}D tensors, but got shapes "
                               f"{sizes(x[0])} and {sizes(x[1])}")
        if da == 3 and value(x[0]).shape[0] != value(x[1]).shape[0]:
            raise RuntimeError(f"bmm: Expected size for first two dimensions of batch2 tensor to "
                               f"be: [{value(x[0]).shape[0]}, {value(x[0]).shape[2]}] but got: "
                               f"[{value(x[1]).shape[0]}, {value(x[1]).shape[1]}].")
        y = matmul_rows(x, name)
        if out is not None:
            write_out(out, y, name)
            return out
        return wrap_borrowed(y)
    finally:
        scope_leave(mark)


def matmul(input, other, *, out=None):
    """matmul(input, other, *, out=None) -> Tensor

    Matrix product: vectors, matrices, and batches of matrices whose leading dimensions are
    broadcast. [..., m, k] times [..., k, n] is [..., m, n]; a vector is a row on the left, a
    column on the right, and its dimension is dropped from the result.

    Example::

        >>> cgrad.matmul(cgrad.tensor([[1.0, 2.0], [3.0, 4.0]]), cgrad.tensor([1.0, 1.0]))
        tensor([3., 7.])
    """
    return _product(input, other, out, "matmul", 0, 0)


def mm(input, mat2, *, out=None):
    """mm(input, mat2, *, out=None) -> Tensor

    Product of two matrices: [m, k] times [k, n].

    Example::

        >>> cgrad.mm(cgrad.eye(2), cgrad.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([[1., 2.],
                [3., 4.]])
    """
    return _product(input, mat2, out, "mm", 2, 2)


def bmm(input, mat2, *, out=None):
    """bmm(input, mat2, *, out=None) -> Tensor

    Products of two batches of matrices: [b, m, k] times [b, k, n].

    Example::

        >>> cgrad.bmm(cgrad.ones(2, 1, 3), cgrad.ones(2, 3, 1)).flatten()
        tensor([3., 3.])
    """
    return _product(input, mat2, out, "bmm", 3, 3)


def mv(input, vec, *, out=None):
    """mv(input, vec, *, out=None) -> Tensor

    Matrix times vector: [m, k] times [k].

    Example::

        >>> cgrad.mv(cgrad.tensor([[1.0, 2.0], [3.0, 4.0]]), cgrad.tensor([1.0, 1.0]))
        tensor([3., 7.])
    """
    return _product(input, vec, out, "mv", 2, 1)


def dot(input, tensor, *, out=None):
    """dot(input, tensor, *, out=None) -> Tensor

    Inner product of two vectors of the same length.

    Example::

        >>> cgrad.dot(cgrad.tensor([1.0, 2.0]), cgrad.tensor([3.0, 4.0]))
        tensor(11.)
    """
    return _product(input, tensor, out, "dot", 1, 1)


def linear(input, weight, bias=None, *, out=None):
    """linear(input, weight, bias=None, *, out=None) -> Tensor

    input [..., in] times the transpose of weight [out, in], plus bias [out]: [..., out].

    Example::

        >>> W = cgrad.tensor([[1.0, 2.0]])
        >>> cgrad.nn.functional.linear(cgrad.tensor([3.0, 4.0]), W, cgrad.tensor([0.5]))
        tensor([11.5000])
    """
    cdef int64_t mark = scope_enter()
    cdef Row[3] x
    cdef Row y
    cdef Value *v
    cdef Value *w
    cdef int n = 2
    try:
        load_blas()
        x[0] = row_of(input, "linear")
        x[1] = row_of(weight, "linear")
        v = value(x[0])
        w = value(x[1])
        if bias is not None:
            x[2] = row_of(bias, "linear")
            n = 3
            if value(x[2]).dtype != w.dtype:
                raise RuntimeError(f"linear: expected weight and bias to have the same dtype, but "
                                   f"got {dtype_of(w.dtype)!r} and "
                                   f"{dtype_of(value(x[2]).dtype)!r}")
        _check_dtype(x, "linear")
        if w.ndim == 1 or not is_float(v.dtype) or v.ndim == 0:
            y = x[1] if w.ndim < 2 else transpose_last(x[1])
            x[1] = y
            y = matmul_rows(x, "linear")
            if n == 3:
                y = call2(op_id("add"), y, x[2])
            if out is None:
                return wrap_borrowed(y)
            write_out(out, y, "linear")
            return out
        if w.ndim != 2 or v.shape[v.ndim - 1] != w.shape[1]:
            raise RuntimeError(f"linear: input of shape {sizes(x[0])} and weight of shape "
                               f"{sizes(x[1])} cannot be multiplied: the input has "
                               f"{v.shape[v.ndim - 1]} features, the weight expects "
                               f"{w.shape[w.ndim - 1]}")
        if n == 3 and not (value(x[2]).ndim <= 1 and value(x[2]).numel in (1, w.shape[0])):
            raise RuntimeError(f"linear: bias of shape {sizes(x[2])} does not fit the "
                               f"{w.shape[0]} output features")
        y = apply(LINEAR, x, n, NULL)
        if out is None:
            return wrap(y)
        write_out(out, keep(y), "linear")
        return out
    finally:
        scope_leave(mark)


for _f in (matmul, mm, bmm, mv, dot):
    export(_f)
export(linear, method=False, module=False)
