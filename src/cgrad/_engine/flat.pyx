"""All parameters of an optimizer as one vector: what L-BFGS computes with.

Vectors are 1-d tensors, row-major and without history.  Sums run over fixed blocks, added in
order: they have the same bits for any number of threads.
"""
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport Handle, dtype_of, row_of
from cgrad._engine.inplace cimport check_writable
from cgrad._engine.loops cimport BLOCK, NOGIL, copy_cast
from cgrad._engine.primitives cimport same_shape, sizes
from cgrad._engine.rows cimport is_float, item_size, row_dense, row_view, value
from cgrad._engine.softmax cimport hold
from cgrad._engine.sparse cimport dense
from cgrad._engine.table cimport grad_enable, grad_enabled, keep, scope_enter, scope_leave
from cgrad._engine.threads cimport parallel_for

cdef extern from "../_kernels/vector.h":
    double cg_dot_f32(const float *x, const float *y, int64_t n) nogil
    double cg_dot_f64(const double *x, const double *y, int64_t n) nogil
    void cg_combine_f32(double a, const float *x, double b, const float *y, float *z,
                        int64_t n) nogil
    void cg_combine_f64(double a, const double *x, double b, const double *y, double *z,
                        int64_t n) nogil
    double cg_sizes_f32(const float *x, int64_t n, double *sum) nogil
    double cg_sizes_f64(const double *x, int64_t n, double *sum) nogil

cdef enum:
    PARTS = 512               # partial sums of a vector

cdef struct Job:
    int dtype
    int kind                  # DOT, COMBINE or SIZES
    int64_t grain
    double a, b
    const char *x
    const char *y
    char *z
    double sum[PARTS]
    double top[PARTS]

cdef enum:
    DOT, COMBINE, SIZES


cdef void _part(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Job *j = <Job *>ctx
    cdef int64_t at = begin * item_size(j.dtype), n = end - begin, k = begin // j.grain
    cdef const char *x = j.x + at
    cdef const char *y = j.y + at if j.y != NULL else NULL
    cdef char *z = j.z + at
    if j.kind == COMBINE:
        if j.dtype == F32:
            cg_combine_f32(j.a, <const float *>x, j.b, <const float *>y, <float *>z, n)
        else:
            cg_combine_f64(j.a, <const double *>x, j.b, <const double *>y, <double *>z, n)
    elif j.kind == DOT:
        if j.dtype == F32:
            j.sum[k] = cg_dot_f32(<const float *>x, <const float *>y, n)
        else:
            j.sum[k] = cg_dot_f64(<const double *>x, <const double *>y, n)
    else:
        j.sum[k] = 0
        if j.dtype == F32:
            j.top[k] = cg_sizes_f32(<const float *>x, n, &j.sum[k])
        else:
            j.top[k] = cg_sizes_f64(<const double *>x, n, &j.sum[k])


cdef double _go(Job *j, int kind, int64_t n) noexcept:
    # Run over all n elements; returns the sum.
    cdef int64_t k, parts
    cdef double total = 0
    j.kind = kind
    j.grain = max(BLOCK, (n + PARTS - 1) // PARTS)
    parts = max(1, (n + j.grain - 1) // j.grain)
    if n < NOGIL:
        _part(j, 0, n)
    else:
        with nogil:
            parallel_for(_part, j, n, j.grain)
    if kind != COMBINE:
        for k in range(parts):
            total += j.sum[k]
        for k in range(1, parts if kind == SIZES else 0):
            if j.top[k] > j.top[0] or j.top[k] != j.top[k]:
                j.top[0] = j.top[k]
    return total


cdef double _dot(Job *j, const void *x, const void *y, int64_t n) noexcept:
    j.x = <const char *>x
    j.y = <const char *>y
    return _go(j, DOT, n)


cdef void _combine(Job *j, double a, const void *x, double b, const void *y, void *z,
                   int64_t n) noexcept:
    j.a, j.b = a, b
    j.x = <const char *>x
    j.y = <const char *>y
    j.z = <char *>z
    _go(j, COMBINE, n)


cdef Row _vector(object x, Job *j, int64_t *n, str name) except 0:
    # The row of a vector, held by the scope; the first one sets dtype and length.
    cdef Row r = hold(x, name.encode())
    cdef Value *v = value(r)
    if v.ndim != 1 or not v.contiguous or not is_float(v.dtype):
        raise RuntimeError(f"{name}: expected a row-major vector of floating point, but got shape "
                           f"{sizes(r)} and dtype {dtype_of(v.dtype).name}")
    if n[0] < 0:
        n[0] = v.numel
        j.dtype = v.dtype
    elif v.numel != n[0] or v.dtype != j.dtype:
        raise RuntimeError(f"{name}: vectors of {n[0]} and {v.numel} elements, dtypes "
                           f"{dtype_of(j.dtype).name} and {dtype_of(v.dtype).name}")
    return r


cdef Row _part_of(Row flat, int64_t offset, Value *like) except 0:
    # A view of a part of a vector, in the shape of a parameter.
    return keep(row_view(flat, like.ndim, like.shape, NULL, offset))


def gather(params, bint gradients):
    """The values, or the gradients (0 where there is none), of all parameters in one vector."""
    cdef int64_t mark = scope_enter()
    cdef int64_t n = 0, offset = 0
    cdef int dtype = F32
    cdef Row r, g, flat
    cdef bint recording = grad_enabled()
    cdef tuple all_params = tuple(params)
    grad_enable(False)
    try:
        for param in all_params:
            r = row_of(param, "gather")
            if not is_float(value(r).dtype):
                raise RuntimeError("gather: parameters must be of floating point, but one has "
                                   f"dtype {dtype_of(value(r).dtype).name}")
            dtype = max(dtype, <int>value(r).dtype)
            n += value(r).numel
        flat = keep(row_dense(dtype, 1, &n))
        for param in all_params:
            r = row_of(param, "gather")
            g = value(r).grad if gradients else r
            if offset + value(r).numel > n:
                raise RuntimeError("gather: a parameter has changed its size meanwhile")
            r = keep(row_view(r, value(r).ndim, value(r).shape, value(r).strides, 0))
            g = dense(g) if g else 0
            if g == 0:
                g = _part_of(flat, offset, value(r))
                memset(value(g).data, 0, value(g).numel * item_size(dtype))
            elif not same_shape(g, r):
                raise RuntimeError(f"gather: a parameter of shape {sizes(r)} has a gradient of "
                                   f"shape {sizes(g)}")
            else:
                copy_cast(_part_of(flat, offset, value(r)), g)
            offset += value(r).numel
        return wrap_borrowed(flat)
    finally:
        grad_enable(recording)
        scope_leave(mark)


def move(params, x, double t, d):
    """Set all parameters to the vector x + t d."""
    cdef int64_t mark = scope_enter()
    cdef int64_t n = -1, offset = 0
    cdef Job j
    cdef Row a, b, r, flat
    cdef bint recording = grad_enabled()
    cdef list rows = []
    grad_enable(False)
    try:
        a, b = _vector(x, &j, &n, "move"), _vector(d, &j, &n, "move")
        flat = keep(row_dense(j.dtype, 1, &n))
        for param in tuple(params):
            r = row_of(param, "move")
            check_writable(<Handle>param, r, "move")
            r = keep(row_view(r, value(r).ndim, value(r).shape, value(r).strides, 0))
            offset += value(r).numel
            rows.append(r)
        if offset != n:
            raise RuntimeError(f"move: {offset} elements of parameters, but vectors of {n}")
        _combine(&j, 1, value(a).data, t, value(b).data, value(flat).data, n)
        offset = 0
        for r in rows:
            copy_cast(r, _part_of(flat, offset, value(r)))
            value(r).storage.version += 1
            offset += value(r).numel
    finally:
        grad_enable(recording)
        scope_leave(mark)


def dot(x, y):
    """The sum of x[i] y[i], as a Python number."""
    cdef int64_t mark = scope_enter()
    cdef int64_t n = -1
    cdef Job j
    cdef Row a, b
    try:
        a, b = _vector(x, &j, &n, "dot"), _vector(y, &j, &n, "dot")
        return _dot(&j, value(a).data, value(b).data, n)
    finally:
        scope_leave(mark)


def magnitudes(x):
    """The greatest |x[i]| (NaN if there is one) and the sum of all, as Python numbers."""
    cdef int64_t mark = scope_enter()
    cdef int64_t n = -1
    cdef Job j
    cdef double total
    try:
        j.y = NULL
        j.z = NULL
        j.x = value(_vector(x, &j, &n, "magnitudes")).data
        total = _go(&j, SIZES, n)
        return j.top[0], total
    finally:
        scope_leave(mark)


def remember(gradient, before, d, double t, list ys, list ss, list ro, int64_t size):
    """Append the last change of the gradient and of the parameters, y and s = t d, and 1 / y s.

    At most `size` pairs are kept.  Returns y s / y y, the scale of the next direction, or None:
    the curvature y s is not positive and nothing is kept.
    """
    cdef int64_t mark = scope_enter()
    cdef int64_t n = -1
    cdef Job j
    cdef Row g, p, y, s
    cdef double ys_
    try:
        g, p = _vector(gradient, &j, &n, "remember"), _vector(before, &j, &n, "remember")
        s = _vector(d, &j, &n, "remember")
        y = keep(row_dense(j.dtype, 1, &n))
        _combine(&j, 1, value(g).data, -1, value(p).data, value(y).data, n)
        p = keep(row_dense(j.dtype, 1, &n))
        _combine(&j, t, value(s).data, 0, NULL, value(p).data, n)
        ys_ = _dot(&j, value(y).data, value(p).data, n)
        if not ys_ > 1e-10:
            return None
        if len(ys) >= size and ys:
            del ys[0], ss[0], ro[0]
        ys.append(wrap_borrowed(y))
        ss.append(wrap_borrowed(p))
        ro.append(1 / ys_)
        return ys_ / _dot(&j, value(y).data, value(y).data, n)
    finally:
        scope_leave(mark)


def direction(gradient, list ys, list ss, list ro, double scale):
    """The direction of L-BFGS: minus the approximate inverse Hessian times the gradient.

    The two loops of Nocedal (1980) over the remembered pairs, with 1 / y s in `ro`.
    """
    cdef int64_t mark = scope_enter()
    cdef tuple all_y = tuple(ys), all_s = tuple(ss), all_ro = tuple(ro)
    cdef int64_t n = -1, m = len(all_y)
    cdef Job j
    cdef Row g, q, scratch
    cdef int64_t i, size = m * 4 * sizeof(double) + 1
    cdef double *al
    cdef double *rho
    cdef char **y
    cdef char **s
    cdef void *x
    try:
        if len(all_s) != m or len(all_ro) != m:
            raise ValueError(f"direction: {m} changes of the gradient, {len(all_s)} of the "
                             f"parameters, {len(all_ro)} curvatures")
        g = _vector(gradient, &j, &n, "direction")
        q = keep(row_dense(j.dtype, 1, &n))
        scratch = keep(row_dense(U8, 1, &size))
        al = <double *>value(scratch).data
        rho = al + m
        y = <char **>(rho + m)
        s = y + m
        for i in range(m):
            rho[i] = all_ro[i]
            y[i] = value(_vector(all_y[i], &j, &n, "direction")).data
            s[i] = value(_vector(all_s[i], &j, &n, "direction")).data
        x = value(q).data
        _combine(&j, -1, value(g).data, 0, NULL, x, n)
        for i in range(m - 1, -1, -1):
            al[i] = _dot(&j, s[i], x, n) * rho[i]
            _combine(&j, 1, x, -al[i], y[i], x, n)
        _combine(&j, scale, x, 0, NULL, x, n)
        for i in range(m):
            _combine(&j, 1, x, al[i] - _dot(&j, y[i], x, n) * rho[i], s[i], x, n)
        return wrap_borrowed(q)
    finally:
        scope_leave(mark)
