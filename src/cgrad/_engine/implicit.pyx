"""Implicit derivatives of random draws: tensors in, new tensors without history out.

`cgrad.distributions` gives them a history.  All arguments are float64 and have one shape.
"""
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.primitives cimport same_shape
from cgrad._engine.rows cimport row_dense, value
from cgrad._engine.softmax cimport dense, hold
from cgrad._engine.table cimport keep, scope_enter, scope_leave
from cgrad._engine.threads cimport parallel_for

cdef extern from "../_kernels/special.h":
    pass                       # its object file is linked
cdef extern from "../_kernels/implicit.h":
    void cg_gamma_slope(const double *a, const double *z, double *y, int64_t n) nogil
    void cg_beta_slope(const double *a, const double *b, const double *z, double *y,
                       int64_t n) nogil

cdef enum:
    GRAIN = 64                 # draws, some microseconds each, that pay for a task of the pool

cdef struct Job:
    const double *a
    const double *b
    const double *z
    double *y


cdef void _task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Job *j = <Job *>ctx
    if j.b == NULL:
        cg_gamma_slope(j.a + begin, j.z + begin, j.y + begin, end - begin)
    else:
        cg_beta_slope(j.a + begin, j.b + begin, j.z + begin, j.y + begin, end - begin)


cdef object _slope(str name, object a, object b, object z):
    cdef int64_t mark = scope_enter()
    cdef Row[3] x
    cdef Row r
    cdef Job j
    cdef int i, n = 2 if b is None else 3
    cdef int64_t count
    try:
        x[0] = hold(a, name.encode())
        x[1] = hold(z, name.encode())
        x[2] = x[1] if b is None else hold(b, name.encode())
        for i in range(3):
            if value(x[i]).dtype != F64 or not same_shape(x[i], x[0]):
                raise RuntimeError(f"{name}: the arguments must be float64 and of one shape")
            x[i] = dense(x[i])
        r = keep(row_dense(F64, value(x[0]).ndim, value(x[0]).shape))
        j.a = <const double *>value(x[0]).data
        j.z = <const double *>value(x[1]).data
        j.b = <const double *>value(x[2]).data if n == 3 else NULL
        j.y = <double *>value(r).data
        count = value(r).numel
        if count <= GRAIN:
            _task(&j, 0, count)
        else:
            with nogil:
                parallel_for(_task, &j, count, GRAIN)
        return wrap_borrowed(r)
    finally:
        scope_leave(mark)


def gamma_slope(concentration, draw):
    """dz/da of draws z of Gamma distributions with concentration a and rate 1."""
    return _slope("gamma_slope", concentration, None, draw)


def beta_slope(concentration1, concentration0, draw):
    """dz/da / (1 - z) of draws z of Beta distributions with concentrations a and b."""
    return _slope("beta_slope", concentration1, concentration0, draw)
