"""LAPACK on batches of matrices: tensors in, new tensors without history out.

Derivatives and messages are the business of cgrad.linalg; here only what keeps memory safe is
checked.  Matrices are copied into column-major memory, which LAPACK overwrites with its result;
the result is a tensor over that memory with transposed strides, as PyTorch's.  An input that only
is read and lies so already (the output of another factorization) is not copied.

Batches are shared out over the thread pool, entry by entry.
"""
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport row_of
from cgrad._engine.loops cimport copy_cast
from cgrad._engine.rows cimport is_float, item_size, row_dense, row_view, value
from cgrad._engine.table cimport keep, scope_enter, scope_leave
from cgrad._engine.threads cimport Task, blas_symbol, load_blas, parallel_for

cdef extern from "../_kernels/lapack.h":
    ctypedef struct cg_lapack:
        int f64
        char uplo, trans, side, diag, job
        int64_t m, n, k
        void *a
        void *b
        void *c
        void *d
        int32_t *pivots
        int32_t *rank
        int32_t *info
        double rcond
        int failed
    const char *cg_lapack_load(void *(*symbol)(const char *name) noexcept)
    # Functions; as variables they need no prototypes.
    Task cg_columns, cg_getrf, cg_getrs, cg_potrf, cg_trsm, cg_geqrf, cg_orgqr, cg_ormqr
    Task cg_syevd, cg_gesdd, cg_gels, cg_gelsy, cg_gelsd, cg_gelss

cdef enum:
    LARGEST = 0x7ffffff0         # of a dimension, in LAPACK's 32-bit integers
    SMALL_WORK = 1 << 12         # multiplications for which the GIL is not released
    TASK_WORK = 1 << 16          # multiplications that pay for a task of the pool

cdef bint _loaded = False


cdef int _load() except -1:
    global _loaded
    cdef const char *missing
    if not _loaded:
        load_blas()
        missing = cg_lapack_load(blas_symbol)
        if missing != NULL:
            raise ImportError(f"OpenBLAS has no function {missing.decode()}")
        _loaded = True
    return 0


# ---------------------------------------------------------------------------------------------
# Matrices in memory: all rows here belong to the current scope

cdef int64_t _rows(Row a) noexcept:
    return value(a).shape[value(a).ndim - 2]


cdef int64_t _columns(Row a) noexcept:
    return value(a).shape[value(a).ndim - 1]


cdef int64_t _batch(Row a) noexcept:
    cdef int64_t n = 1
    cdef int i
    for i in range(value(a).ndim - 2):
        n *= value(a).shape[i]
    return n


cdef Row _matrix(object x, str name) except 0:
    """The row of an argument that must be a batch of floating point matrices."""
    cdef Row r = row_of(x, "linalg")
    cdef Value *v = value(r)
    if v.ndim < 2 or not is_float(v.dtype):
        raise RuntimeError(f"{name}: expected floating point matrices, but got {x.ndim} dimensions "
                           f"of {x.dtype}")
    if _rows(r) > LARGEST or _columns(r) > LARGEST:
        raise RuntimeError(f"{name}: a matrix of {_rows(r)} by {_columns(r)} is beyond LAPACK, whose "
                           "sizes are 32-bit integers")
    return r


cdef int _same(Row a, Row b, int dims, str name) except -1:
    # One dtype, and equal batch dimensions before the last `dims` ones of b.
    cdef Value *v = value(a)
    cdef Value *w = value(b)
    cdef int i, n = v.ndim - 2
    if w.ndim - dims == n and (dims == 1 or v.dtype == w.dtype):
        for i in range(n):
            if v.shape[i] != w.shape[i]:
                break
        else:
            return 0
    raise RuntimeError(f"{name}: dtypes or batch dimensions of the arguments differ")


cdef Row _new(Row like, int64_t rows, int64_t columns) except 0:
    """Uninitialised column-major matrices, batch and dtype as `like`."""
    cdef Value *v = value(like)
    cdef int64_t[MAX_DIMS] shape, strides
    cdef int i, nd = v.ndim
    cdef Row dense, r
    for i in range(nd - 2):
        shape[i] = v.shape[i]
    shape[nd - 2] = columns
    shape[nd - 1] = rows
    dense = keep(row_dense(v.dtype, nd, shape))
    for i in range(nd - 2):
        strides[i] = value(dense).strides[i]
    shape[nd - 2] = rows
    shape[nd - 1] = columns
    strides[nd - 2] = 1
    strides[nd - 1] = max(rows, 1)
    r = keep(row_view(dense, nd, shape, strides, 0))
    value(r).flags = 0           # no view for anybody: nothing else refers to the memory
    return r


cdef Row _new_vector(Row like, int64_t n, int dtype=-1) except 0:
    """One dense vector of length n for each matrix; n < 0: one number."""
    cdef Value *v = value(like)
    cdef int64_t[MAX_DIMS] shape
    cdef int i
    for i in range(v.ndim - 2):
        shape[i] = v.shape[i]
    shape[v.ndim - 2] = n
    return keep(row_dense(v.dtype if dtype < 0 else dtype, v.ndim - 2 + (n >= 0), shape))


cdef Row _infos(Row like) except 0:
    cdef Row r = _new_vector(like, -1, I32)
    memset(value(r).data, 0, value(r).numel * sizeof(int32_t))
    return r


cdef Row _copied(Row a, int64_t rows, int64_t columns) except 0:
    """A column-major copy, with room for more rows and columns, which are 0."""
    cdef Row r = _new(a, rows, columns), block
    cdef Value *v
    cdef cg_lapack p
    if rows != _rows(a) or columns != _columns(a):
        memset(value(r).data, 0, value(r).numel * item_size(value(r).dtype))
        v = value(a)
        block = keep(row_view(r, v.ndim, v.shape, value(r).strides, 0))
        copy_cast(block, a)
    elif value(a).contiguous:
        block = keep(row_view(a, value(a).ndim, value(a).shape, NULL, 0))    # holds the memory
        _clear(&p, a)
        p.m = rows
        p.n = columns
        p.a = value(r).data
        p.b = value(block).data
        _run(cg_columns, &p, _batch(a), <double>rows * columns, "linalg")
    else:
        copy_cast(r, a)
    return r


cdef Row _readable(Row a) except 0:
    """Column-major matrices to be read: a row of its own, so that the memory stays."""
    cdef Value *v = value(a)
    cdef int64_t step = _rows(a) * _columns(a)
    cdef int i
    if (_rows(a) > 1 and v.strides[v.ndim - 2] != 1) or (
            _columns(a) > 1 and v.strides[v.ndim - 1] != _rows(a)):
        return _copied(a, _rows(a), _columns(a))
    for i in range(v.ndim - 3, -1, -1):
        if v.shape[i] > 1 and v.strides[i] != step:
            return _copied(a, _rows(a), _columns(a))
        step *= v.shape[i]
    return keep(row_view(a, v.ndim, v.shape, v.strides, 0))


cdef Row _dense(Row a) except 0:
    """A row-major copy, for vectors that go along with matrices."""
    cdef Row r = keep(row_dense(value(a).dtype, value(a).ndim, value(a).shape))
    copy_cast(r, a)
    return r


cdef void _clear(cg_lapack *p, Row a) noexcept:
    memset(p, 0, sizeof(cg_lapack))
    p.f64 = value(a).dtype == F64


cdef int _run(Task task, cg_lapack *p, int64_t batch, double work, str name) except -1:
    """Call a routine for each matrix; `work`: multiplications for one of them."""
    _load()
    if batch == 0:
        return 0
    if batch * work < SMALL_WORK:
        task(p, 0, batch)
    else:
        with nogil:
            if batch == 1:
                task(p, 0, 1)
            else:
                parallel_for(task, p, batch, 1 + <int64_t>(TASK_WORK / (work + 1.0)))
    if p.failed:
        raise MemoryError(f"{name}: cannot allocate LAPACK's work memory")
    return 0


cdef object _results(tuple found):
    return tuple([wrap_borrowed(<Row><int>r) for r in found])


# ---------------------------------------------------------------------------------------------
# LU

def getrf(A):
    """(LU, pivots, info) of A [..., m, n]; pivots count from 1."""
    cdef int64_t mark = scope_enter()
    cdef cg_lapack p
    cdef Row a, pivots, info
    try:
        a = _matrix(A, "lu")
        a = _copied(a, _rows(a), _columns(a))
        pivots = _new_vector(a, min(_rows(a), _columns(a)), I32)
        info = _infos(a)
        _clear(&p, a)
        p.m = _rows(a)
        p.n = _columns(a)
        p.a = value(a).data
        p.pivots = <int32_t *>value(pivots).data
        p.info = <int32_t *>value(info).data
        _run(cg_getrf, &p, _batch(a), <double>p.m * p.n * min(p.m, p.n), "lu")
        return _results((a, pivots, info))
    finally:
        scope_leave(mark)


def getrs(LU, pivots, B, bint transposed):
    """X with A X = B, or Aᵀ X = B, A [..., n, n] given by its factors, B [..., n, k]."""
    cdef int64_t mark = scope_enter()
    cdef cg_lapack p
    cdef Row a, b, piv, info
    cdef int64_t n, k, i
    try:
        a = _matrix(LU, "lu_solve")
        b = _matrix(B, "lu_solve")
        piv = row_of(pivots, "lu_solve")
        n, k = _rows(a), _columns(b)
        if value(piv).ndim < 1 or value(piv).dtype != I32:
            raise RuntimeError("lu_solve: pivots must be an int32 tensor")
        _same(a, b, 2, "lu_solve")
        _same(a, piv, 1, "lu_solve")
        if _columns(a) != n or _rows(b) != n or value(piv).shape[value(piv).ndim - 1] != n:
            raise RuntimeError("lu_solve: sizes of LU, pivots and B do not fit")
        a = _readable(a)
        b = _copied(b, n, k)
        piv = _dense(piv)
        info = _infos(a)
        _clear(&p, a)
        for i in range(value(piv).numel):
            if not 1 <= (<int32_t *>value(piv).data)[i] <= n:
                raise RuntimeError(f"lu_solve: pivots given to lu_solve must all be in [1, {n}]")
        p.n = n
        p.k = k
        p.trans = b"T" if transposed else b"N"
        p.a = value(a).data
        p.b = value(b).data
        p.pivots = <int32_t *>value(piv).data
        p.info = <int32_t *>value(info).data
        if k:
            _run(cg_getrs, &p, _batch(a), <double>n * n * k, "lu_solve")
        return wrap_borrowed(b)
    finally:
        scope_leave(mark)


def row_order(pivots, int64_t rows):
    """The order of rows that the exchanges in pivots [..., k] lead to: [..., rows], int64."""
    cdef int64_t mark = scope_enter()
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t i, j, k, entry, batch = 1
    cdef int64_t *to
    cdef int32_t *swaps
    cdef Row p, order
    cdef Value *v
    cdef int d
    try:
        p = row_of(pivots, "lu")
        v = value(p)
        if v.ndim < 1 or v.dtype != I32 or rows < v.shape[v.ndim - 1]:
            raise RuntimeError("lu: pivots must be an int32 tensor of at most as many elements as "
                               "the matrix has rows")
        k = v.shape[v.ndim - 1]
        for d in range(v.ndim - 1):
            shape[d] = v.shape[d]
            batch *= shape[d]
        shape[v.ndim - 1] = rows
        order = keep(row_dense(I64, v.ndim, shape))
        p = _dense(p)
        to = <int64_t *>value(order).data
        swaps = <int32_t *>value(p).data
        for entry in range(batch):
            for i in range(rows):
                to[i] = i
            for i in range(k):
                j = swaps[i] - 1
                if not 0 <= j < rows:
                    raise RuntimeError(f"lu: pivots must be in [1, {rows}], but one is {j + 1}")
                to[i], to[j] = to[j], to[i]
            to += rows
            swaps += k
        return wrap_borrowed(order)
    finally:
        scope_leave(mark)


# ---------------------------------------------------------------------------------------------
# Cholesky and triangular systems

def potrf(A, bint upper):
    """(L, info) with A = L Lᵀ, or (U, info) with A = Uᵀ U; only that triangle of A is read."""
    cdef int64_t mark = scope_enter()
    cdef cg_lapack p
    cdef Row a, info
    cdef double n
    try:
        a = _matrix(A, "cholesky")
        if _rows(a) != _columns(a):
            raise RuntimeError("cholesky: the matrices are not square")
        n = _rows(a)
        a = _copied(a, _rows(a), _rows(a))
        info = _infos(a)
        _clear(&p, a)
        p.n = _rows(a)
        p.uplo = b"U" if upper else b"L"
        p.a = value(a).data
        p.info = <int32_t *>value(info).data
        _run(cg_potrf, &p, _batch(a), n * n * n, "cholesky")
        return _results((a, info))
    finally:
        scope_leave(mark)


def trsm(A, B, bint upper, bint left, bint transposed, bint unitriangular):
    """X with op(A) X = B, or X op(A) = B, A triangular; a zero on its diagonal gives infinities."""
    cdef int64_t mark = scope_enter()
    cdef cg_lapack p
    cdef Row a, b
    cdef int64_t n
    try:
        a = _matrix(A, "solve_triangular")
        b = _matrix(B, "solve_triangular")
        _same(a, b, 2, "solve_triangular")
        n = _rows(b) if left else _columns(b)
        if _rows(a) != n or _columns(a) != n:
            raise RuntimeError("solve_triangular: sizes of A and B do not fit")
        a = _readable(a)
        b = _copied(b, _rows(b), _columns(b))
        _clear(&p, a)
        p.m = _rows(b)
        p.n = _columns(b)
        p.side = b"L" if left else b"R"
        p.uplo = b"U" if upper else b"L"
        p.trans = b"T" if transposed else b"N"
        p.diag = b"U" if unitriangular else b"N"
        p.a = value(a).data
        p.b = value(b).data
        if value(b).numel:
            _run(cg_trsm, &p, _batch(a), <double>p.m * p.n * n, "solve_triangular")
        return wrap_borrowed(b)
    finally:
        scope_leave(mark)


# ---------------------------------------------------------------------------------------------
# QR

def geqrf(A):
    """(a, tau): R above the diagonal of a, the Householder vectors below it."""
    cdef int64_t mark = scope_enter()
    cdef cg_lapack p
    cdef Row a, tau, info
    try:
        a = _matrix(A, "qr")
        a = _copied(a, _rows(a), _columns(a))
        tau = _new_vector(a, min(_rows(a), _columns(a)))
        info = _infos(a)
        _clear(&p, a)
        p.m = _rows(a)
        p.n = _columns(a)
        p.a = value(a).data
        p.b = value(tau).data
        p.info = <int32_t *>value(info).data
        _run(cg_geqrf, &p, _batch(a), <double>p.m * p.n * min(p.m, p.n), "qr")
        return _results((a, tau))
    finally:
        scope_leave(mark)


cdef Row _reflectors(object tau, Row a, str name) except 0:
    cdef Row t = row_of(tau, "linalg")
    if value(t).ndim < 1 or value(t).dtype != value(a).dtype:
        raise RuntimeError(f"{name}: tau must have the dtype of the reflectors")
    _same(a, t, 1, name)
    return _dense(t)


def orgqr(A, tau, int64_t columns):
    """The first columns of the product of the reflectors in A [..., m, n]; columns <= m."""
    cdef int64_t mark = scope_enter()
    cdef cg_lapack p
    cdef Row a, t, info, q
    cdef double m
    try:
        a = _matrix(A, "householder_product")
        t = _reflectors(tau, a, "householder_product")
        _clear(&p, a)
        p.m = _rows(a)
        p.n = columns
        p.k = value(t).shape[value(t).ndim - 1]
        if not 0 <= p.k <= columns <= p.m or p.k > _columns(a):
            raise RuntimeError("householder_product: sizes of the reflectors and tau do not fit")
        m = p.m
        if columns <= _columns(a):
            # Only the columns that hold reflectors are read.
            q = _copied(_first_columns(a, columns), p.m, columns)
        else:
            q = _copied(a, p.m, columns)
        info = _infos(a)
        p.a = value(q).data
        p.b = value(t).data
        p.info = <int32_t *>value(info).data
        if value(q).numel:
            _run(cg_orgqr, &p, _batch(q), m * columns * p.k, "householder_product")
        return wrap_borrowed(q)
    finally:
        scope_leave(mark)


cdef Row _first_columns(Row a, int64_t columns) except 0:
    cdef Value *v = value(a)
    cdef int64_t[MAX_DIMS] shape
    cdef int i
    for i in range(v.ndim):
        shape[i] = v.shape[i]
    shape[v.ndim - 1] = columns
    return keep(row_view(a, v.ndim, shape, v.strides, 0))


def ormqr(A, tau, C, bint left, bint transposed):
    """op(Q) C or C op(Q), Q the product of the reflectors in A; C is [..., m, n]."""
    cdef int64_t mark = scope_enter()
    cdef cg_lapack p
    cdef Row a, c, t, info
    cdef int64_t order
    try:
        a = _matrix(A, "ormqr")
        c = _matrix(C, "ormqr")
        _same(a, c, 2, "ormqr")
        t = _reflectors(tau, a, "ormqr")
        _clear(&p, a)
        p.m = _rows(c)
        p.n = _columns(c)
        p.k = value(t).shape[value(t).ndim - 1]
        order = p.m if left else p.n
        if _rows(a) != order or p.k > _columns(a) or p.k > order:
            raise RuntimeError("ormqr: sizes of the reflectors, tau and C do not fit")
        a = _copied(_first_columns(a, p.k), order, p.k)
        c = _copied(c, p.m, p.n)
        info = _infos(a)
        p.side = b"L" if left else b"R"
        p.trans = b"T" if transposed else b"N"
        p.a = value(a).data
        p.b = value(t).data
        p.c = value(c).data
        p.info = <int32_t *>value(info).data
        if value(c).numel:
            _run(cg_ormqr, &p, _batch(c), <double>p.m * p.n * p.k, "ormqr")
        return wrap_borrowed(c)
    finally:
        scope_leave(mark)


# ---------------------------------------------------------------------------------------------
# Eigenvalues and singular values

def syevd(A, bint upper, bint vectors):
    """(values in ascending order, vectors or garbage, info) of symmetric matrices."""
    cdef int64_t mark = scope_enter()
    cdef cg_lapack p
    cdef Row a, w, info
    cdef double n
    try:
        a = _matrix(A, "eigh")
        if _rows(a) != _columns(a):
            raise RuntimeError("eigh: the matrices are not square")
        n = _rows(a)
        a = _copied(a, _rows(a), _rows(a))
        w = _new_vector(a, _rows(a))
        info = _infos(a)
        _clear(&p, a)
        p.n = _rows(a)
        p.uplo = b"U" if upper else b"L"
        p.job = b"V" if vectors else b"N"
        p.a = value(a).data
        p.b = value(w).data
        p.info = <int32_t *>value(info).data
        if value(a).numel:
            _run(cg_syevd, &p, _batch(a), 4 * n * n * n, "eigh")
        return _results((w, a, info))
    finally:
        scope_leave(mark)


def gesdd(A, bint vectors, bint full):
    """(U, S, Vᵀ, info); U and Vᵀ have no columns and rows where vectors are not wanted."""
    cdef int64_t mark = scope_enter()
    cdef cg_lapack p
    cdef Row a, s, u, v, info
    cdef int64_t r
    cdef double work
    try:
        a = _matrix(A, "svd")
        _clear(&p, a)
        p.m = _rows(a)
        p.n = _columns(a)
        r = min(p.m, p.n)
        work = 6.0 * p.m * p.n * r
        s = _new_vector(a, r)
        u = _new(a, p.m, 0 if not vectors else p.m if full else r)
        v = _new(a, 0 if not vectors else p.n if full else r, p.n)
        a = _copied(a, p.m, p.n)
        info = _infos(a)
        p.job = (b"A" if full else b"S") if vectors else b"N"
        p.a = value(a).data
        p.b = value(s).data
        p.c = value(u).data
        p.d = value(v).data
        p.info = <int32_t *>value(info).data
        if value(a).numel:
            _run(cg_gesdd, &p, _batch(a), work, "svd")
        return _results((u, s, v, info))
    finally:
        scope_leave(mark)


# ---------------------------------------------------------------------------------------------
# Least squares

def lstsq(A, B, str driver, double rcond):
    """(X with further rows, rank, singular values, info): max(m, n) rows, of which n are X."""
    cdef int64_t mark = scope_enter()
    cdef cg_lapack p
    cdef Row a, b, s, rank, ranks, info
    cdef double work
    cdef Task task
    try:
        a = _matrix(A, "lstsq")
        b = _matrix(B, "lstsq")
        _same(a, b, 2, "lstsq")
        _clear(&p, a)
        p.m = _rows(a)
        p.n = _columns(a)
        p.k = _columns(b)
        if _rows(b) != p.m:
            raise RuntimeError("lstsq: sizes of A and B do not fit")
        work = 2.0 * p.m * p.n * (min(p.m, p.n) + p.k)
        a = _copied(a, p.m, p.n)
        b = _copied(b, max(p.m, p.n), p.k)
        s = _new_vector(a, min(p.m, p.n))
        rank = _new_vector(a, -1, I64)
        info = _infos(a)
        ranks = _infos(a)
        p.rcond = rcond
        p.a = value(a).data
        p.b = value(b).data
        p.c = value(s).data
        p.rank = <int32_t *>value(ranks).data
        p.info = <int32_t *>value(info).data
        if driver == "gels":
            task = cg_gels
        elif driver == "gelsy":
            task = cg_gelsy
        elif driver == "gelsd":
            task = cg_gelsd
        elif driver == "gelss":
            task = cg_gelss
        else:
            raise RuntimeError(f"lstsq: unknown driver {driver!r}")
        memset(value(s).data, 0, value(s).numel * item_size(value(s).dtype))
        if value(a).numel:
            _run(task, &p, _batch(a), work, "lstsq")
        copy_cast(rank, ranks)
        return _results((b, rank, s, info))
    finally:
        scope_leave(mark)
