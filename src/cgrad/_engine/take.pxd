"""Rows of a tensor at an index."""
from cgrad._engine.types cimport *

cdef Row index_row(Row a, int64_t size, int dim, bint negative, object error,
                   const char *op=*) except 0
cdef Row mask_positions(Row mask) except 0
cdef void position_column(Row positions, Row mask, int dim, int64_t *out, int64_t step) noexcept
cdef Row index_dims(Row a, Row flat, int first, int count) except 0
cdef Row index_put_dims(Row a, Row flat, Row v, int first, int count) except 0
cdef Row index_backward(Row g, Row flat, int first, int count, int ndim,
                        const int64_t *shape) except 0
cdef int index_add_into(Row dst, Row flat, Row src, int first, int count) except -1
cdef int put_into(Row a, Row flat, Row v, Attr *at) except -1
cdef int result_shape(Row a, Row flat, int first, int count, int64_t *shape) except -1
cdef Row f_index(int op, Row *x, int n, Attr *at) except 0
