"""Adafactor's update of one parameter, in four passes over its rows.

Sums run over fixed blocks of rows, added in order: they have the same bits for any number of
threads.
"""
from libc.math cimport fmax, sqrt
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.loops cimport BLOCK
from cgrad._engine.rows cimport item_size
from cgrad._engine.threads cimport parallel_for

cdef extern from "../_kernels/factored.h":
    void cg_factored_sums_f32(const float *p, const float *g, int64_t cols, int64_t begin,
                              int64_t end, double *psum, double *mean, double *col) nogil
    void cg_factored_sums_f64(const double *p, const double *g, int64_t cols, int64_t begin,
                              int64_t end, double *psum, double *mean, double *col) nogil
    void cg_factored_lerp_f32(float *x, const double *y, double weight, int64_t n) nogil
    void cg_factored_lerp_f64(double *x, const double *y, double weight, int64_t n) nogil
    void cg_factored_square_f32(float *var, const float *g, double weight, int64_t begin,
                                int64_t end) nogil
    void cg_factored_square_f64(double *var, const double *g, double weight, int64_t begin,
                                int64_t end) nogil
    double cg_factored_move_f32(float *p, const float *g, const float *row, const float *col,
                                const float *var, int64_t cols, int64_t begin, int64_t end,
                                double scale, double least, double shrink, double step,
                                int write) nogil
    double cg_factored_move_f64(double *p, const double *g, const double *row, const double *col,
                                const double *var, int64_t cols, int64_t begin, int64_t end,
                                double scale, double least, double shrink, double step,
                                int write) nogil

cdef enum:
    PARTS = 32                # blocks of rows that a matrix is cut into, at most
    SUMS, NORM, APPLY         # the passes that look at elements

cdef struct Pass:
    Factored *f
    int kind
    int64_t matrix            # of the batch
    int64_t grain
    double scale, step
    double sum[PARTS]


cdef int64_t scratch_size(int64_t rows, int64_t cols) noexcept nogil:
    """Numbers of scratch memory for matrices of this size: row means, column sums of each block."""
    return rows + PARTS * cols


cdef void _rows(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Pass *s = <Pass *>ctx
    cdef Factored *f = s.f
    cdef int64_t size = item_size(f.dtype), at = s.matrix * f.rows * f.cols * size
    cdef int64_t part = begin // s.grain
    cdef char *p = f.data[0] + at
    cdef char *g = f.data[1] + at
    cdef char *row = NULL
    cdef char *col = NULL
    cdef char *var = NULL
    cdef double *mean = NULL
    cdef double *sums = NULL
    if f.vector:
        var = f.data[4]
    else:
        row = f.data[2] + s.matrix * f.rows * size
        col = f.data[3] + s.matrix * f.cols * size
    if s.kind == SUMS:
        s.sum[part] = 0
        if f.vector and f.dtype == F32:
            cg_factored_square_f32(<float *>var, <float *>g, f.weight, begin * f.cols,
                                   end * f.cols)
        elif f.vector:
            cg_factored_square_f64(<double *>var, <double *>g, f.weight, begin * f.cols,
                                   end * f.cols)
        else:
            mean = f.scratch
            sums = f.scratch + f.rows + part * f.cols
            memset(sums, 0, f.cols * sizeof(double))
        if f.dtype == F32:
            cg_factored_sums_f32(<float *>p, <float *>g, f.cols, begin, end, &s.sum[part], mean,
                                 sums)
        else:
            cg_factored_sums_f64(<double *>p, <double *>g, f.cols, begin, end, &s.sum[part], mean,
                                 sums)
    elif f.dtype == F32:
        s.sum[part] = cg_factored_move_f32(
            <float *>p, <float *>g, <float *>row, <float *>col, <float *>var, f.cols, begin, end,
            s.scale, f.eps1 * f.eps1, f.shrink, s.step, s.kind == APPLY)
    else:
        s.sum[part] = cg_factored_move_f64(
            <double *>p, <double *>g, <double *>row, <double *>col, <double *>var, f.cols, begin,
            end, s.scale, f.eps1 * f.eps1, f.shrink, s.step, s.kind == APPLY)


cdef double _go(Pass *s, int kind, bint parallel) noexcept nogil:
    # One pass over a matrix; returns the sum.
    cdef int64_t i, rows = s.f.rows, least = BLOCK // s.f.cols
    cdef double total = 0
    s.kind = kind
    s.grain = (rows + PARTS - 1) // PARTS
    if s.grain < least:
        s.grain = least
    if s.grain < 1:
        s.grain = 1
    if parallel and rows > s.grain:
        parallel_for(_rows, s, rows, s.grain)
    else:
        i = 0
        while i < rows:
            _rows(s, i, min(i + s.grain, rows))
            i += s.grain
    for i in range((rows + s.grain - 1) // s.grain):
        total += s.sum[i]
    return total


cdef void _factors(Pass *s) noexcept nogil:
    # From the row means and column sums of a matrix to its factors.
    cdef Factored *f = s.f
    cdef int64_t i, j, size = item_size(f.dtype)
    cdef double *col = f.scratch + f.rows
    cdef char *row_var = f.data[2] + s.matrix * f.rows * size
    cdef char *col_var = f.data[3] + s.matrix * f.cols * size
    for i in range(1, (f.rows + s.grain - 1) // s.grain):
        for j in range(f.cols):
            col[j] += col[i * f.cols + j]
    for j in range(f.cols):
        col[j] /= f.rows
    if f.dtype == F32:
        cg_factored_lerp_f32(<float *>row_var, f.scratch, f.weight, f.rows)
        cg_factored_lerp_f32(<float *>col_var, col, f.weight, f.cols)
    else:
        cg_factored_lerp_f64(<double *>row_var, f.scratch, f.weight, f.rows)
        cg_factored_lerp_f64(<double *>col_var, col, f.weight, f.cols)


cdef double _scale(Pass *s) noexcept nogil:
    # The reciprocal of the mean of a matrix's row factors.
    cdef Factored *f = s.f
    cdef int64_t i
    cdef double total = 0
    cdef char *row_var = f.data[2] + s.matrix * f.rows * item_size(f.dtype)
    if f.vector:
        return 1
    for i in range(f.rows):
        total += (<float *>row_var)[i] if f.dtype == F32 else (<double *>row_var)[i]
    total /= f.rows
    return 1 / (f.eps1 if total < f.eps1 else total)    # NaN stays


cdef void factored_update(Factored *f, bint parallel) noexcept nogil:
    """Update one parameter that is not empty."""
    cdef Pass s
    cdef double n = <double>f.batch * <double>f.rows * <double>f.cols
    cdef double size = 0, norm = 0, alpha
    s.f = f
    s.scale = 1
    s.step = 0
    for s.matrix in range(f.batch):
        size += _go(&s, SUMS, parallel)
        if not f.vector:
            _factors(&s)
    for s.matrix in range(f.batch):
        s.scale = _scale(&s)
        norm += _go(&s, NORM, parallel)
    alpha = fmax(f.eps2, sqrt(size / n)) * f.rate
    s.step = f.sign * alpha / fmax(1, sqrt(norm / n) / f.d)
    for s.matrix in range(f.batch):
        s.scale = _scale(&s)
        _go(&s, APPLY, parallel)
