"""The strided driver of all elementwise work, over NumPy's inner loops and our own.

NumPy's inner loops are SIMD code with run-time CPU dispatch.  They are taken once, at import,
from the ufunc objects (their `functions`, `data` and `types` arrays are public in
numpy/ufuncobject.h) and called from C: no Python, no GIL, a few nanoseconds for one element.
"""
cimport numpy as np
import numpy as np
from cgrad._engine.types cimport *
from cgrad._engine.memory cimport storage_release
from cgrad._engine.rows cimport item_size, value
from cgrad._engine.threads cimport parallel_for

cdef extern from "numpy/ufuncobject.h":
    ctypedef struct PyUFuncObject:
        int nin
        int nout
        int nargs
        void **functions
        void **data
        int ntypes
        char *types

cdef extern from "../_kernels/moves.h":
    Loop cg_cast[8][8]
    Loop cg_where[8]

np.import_array()

cdef int[8] _type_num
_type_num[:] = [np.NPY_BOOL, np.NPY_UINT8, np.NPY_INT8, np.NPY_INT16, np.NPY_INT32, np.NPY_INT64,
                np.NPY_FLOAT32, np.NPY_FLOAT64]


cdef int numpy_loop(str ufunc, int dtype, int n_in, int out_dtype, Loop *loop,
                    void **data) except -1:
    """NumPy's inner loop of `ufunc` for inputs of `dtype`; loop = NULL if it has none."""
    cdef object obj = getattr(np, ufunc)
    cdef PyUFuncObject *u = <PyUFuncObject *>obj
    cdef int i, k
    cdef bint same
    loop[0] = NULL
    data[0] = NULL
    if u.nin != n_in or u.nout != 1:
        raise RuntimeError(f"np.{ufunc} has {u.nin} inputs, expected {n_in}")
    for i in range(u.ntypes):
        same = u.types[i * u.nargs + n_in] == _type_num[out_dtype]
        for k in range(n_in):
            same = same and u.types[i * u.nargs + k] == _type_num[dtype]
        if same:
            loop[0] = <Loop>u.functions[i]
            data[0] = u.data[i] if u.data != NULL else NULL
            return 0
    return 0


cdef void plan_operand(Plan *p, int k, Row r, int ndim, const int64_t *shape) noexcept:
    """Enter operand `k`, broadcast to `shape`."""
    cdef Value *v = value(r)
    cdef int64_t size = item_size(v.dtype)
    cdef int i, j
    p.ptr[k] = v.data
    p.memory[k] = v.storage
    for i in range(ndim):
        j = i - (ndim - v.ndim)
        p.steps[k][i] = 0 if j < 0 or v.shape[j] == 1 else v.strides[j] * size


cdef void _coalesce(Plan *p) noexcept:
    # Drop dimensions of size 1, merge neighbours that are one run in every operand, and put the
    # longest run innermost where the last dimension is short.
    cdef int i, k, n = 0
    cdef int64_t t
    cdef bint merge
    for i in range(p.ndim):
        if p.shape[i] == 1:
            continue
        merge = n > 0
        if merge:
            for k in range(p.n_operands):
                if p.steps[k][n - 1] != p.steps[k][i] * p.shape[i]:
                    merge = False
                    break
        if merge:
            p.shape[n - 1] *= p.shape[i]
            for k in range(p.n_operands):
                p.steps[k][n - 1] = p.steps[k][i]
        else:
            p.shape[n] = p.shape[i]
            for k in range(p.n_operands):
                p.steps[k][n] = p.steps[k][i]
            n += 1
    if n == 0:
        n = 1
        p.shape[0] = 1
        for k in range(p.n_operands):
            p.steps[k][0] = 0
    p.ndim = n
    if n > 1 and p.shape[n - 1] < 16:
        i = n - 1
        for k in range(n):
            if p.shape[k] > 4 * p.shape[i]:
                i = k
        if i != n - 1:
            t = p.shape[i]
            p.shape[i] = p.shape[n - 1]
            p.shape[n - 1] = t
            for k in range(p.n_operands):
                t = p.steps[k][i]
                p.steps[k][i] = p.steps[k][n - 1]
                p.steps[k][n - 1] = t


cdef void _run(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    # Items are (outer index, block of the innermost dimension) pairs in row-major order.
    cdef Plan *p = <Plan *>ctx
    # The first one is found by division, the others by counting on: runs may be short.
    cdef int last = p.ndim - 1
    cdef int64_t item, rest = begin // p.blocks, block = begin % p.blocks
    cdef int64_t[MAX_DIMS] index
    cdef Py_ssize_t n
    cdef int i, k
    cdef char *run[MAX_OPERANDS]
    cdef char *args[MAX_OPERANDS]
    cdef Py_ssize_t[MAX_OPERANDS] steps
    for k in range(p.n_operands):
        steps[k] = p.steps[k][last]
        run[k] = p.ptr[k]
    for i in range(last - 1, -1, -1):
        index[i] = rest % p.shape[i]
        rest = rest // p.shape[i]
        for k in range(p.n_operands):
            run[k] += index[i] * p.steps[k][i]
    for item in range(begin, end):
        n = p.shape[last]
        if p.blocks > 1:
            n = min(n - block * BLOCK, BLOCK)
        for k in range(p.n_operands):
            args[k] = run[k] + block * BLOCK * steps[k]
        p.loop(args, &n, steps, p.data)
        block += 1
        if block < p.blocks:
            continue
        block = 0
        for i in range(last - 1, -1, -1):
            index[i] += 1
            for k in range(p.n_operands):
                run[k] += p.steps[k][i]
            if index[i] < p.shape[i]:
                break
            for k in range(p.n_operands):
                run[k] -= index[i] * p.steps[k][i]
            index[i] = 0


cdef void drive(Plan *p, bint parallel) noexcept:
    """Run the plan; `parallel` only where no two items write the same element."""
    cdef int64_t outer = 1, inner, grain
    cdef int i
    for i in range(p.ndim):
        if p.shape[i] == 0:
            return
    _coalesce(p)
    inner = p.shape[p.ndim - 1]
    for i in range(p.ndim - 1):
        outer *= p.shape[i]
    p.blocks = 1
    if outer * inner < NOGIL:
        _run(p, 0, outer)
        return
    for i in range(p.n_operands):      # held while other threads may run
        p.memory[i].refs += 1
    with nogil:
        if parallel:
            p.blocks = (inner + BLOCK - 1) // BLOCK
            grain = BLOCK // inner
            parallel_for(_run, p, outer * p.blocks, grain if grain > 1 else 1)
        else:
            _run(p, 0, outer)
    for i in range(p.n_operands):
        storage_release(p.memory[i])


cdef Loop cast_loop(int src, int dst) noexcept:
    """The loop that converts one dtype to another."""
    return cg_cast[src][dst]


cdef Loop where_loop(int dtype) noexcept:
    """The loop of y = c ? x1 : x2."""
    return cg_where[dtype]


cdef void copy_cast(Row dst, Row src) noexcept:
    """dst[...] = src, broadcast and converted; the shapes are known to fit."""
    cdef Plan p
    cdef Value *d = value(dst)
    cdef int i
    p.loop = cg_cast[value(src).dtype][d.dtype]
    p.data = NULL
    p.n_operands = 2
    p.ndim = d.ndim
    for i in range(d.ndim):
        p.shape[i] = d.shape[i]
    plan_operand(&p, 0, src, d.ndim, d.shape)
    plan_operand(&p, 1, dst, d.ndim, d.shape)
    drive(&p, True)
