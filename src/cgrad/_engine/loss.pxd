"""Reductions of losses."""
from cgrad._engine.types cimport *

cdef enum:                    # Attr.k[0] of a loss
    NONE = 0
    MEAN = 1
    SUM = 2

cdef int reduction_code(object reduction, str name) except -1
cdef double total_of(const void *data, int dtype, int64_t n) noexcept nogil

cdef inline void put(void *data, int dtype, int64_t i, double x) noexcept nogil:
    if dtype == F32:
        (<float *>data)[i] = <float>x
    else:
        (<double *>data)[i] = x


cdef inline double get(const void *data, int dtype, int64_t i) noexcept nogil:
    return (<const float *>data)[i] if dtype == F32 else (<const double *>data)[i]
