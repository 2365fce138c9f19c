"""Shapes and views."""
from cgrad._engine.types cimport *

cdef int64_t integer(object x, const char *op, str name) except? -1
cdef object int_dims(object dim, const char *op, str name)
cdef int swap_attr(Attr *at, int ndim, int64_t dim0, int64_t dim1, const char *op) except -1
cdef Row reshaped(object input, tuple args, const char *op, bint must_view) except 0
cdef int wrap_dim(int64_t dim, int ndim, const char *op) except -100
cdef Row contiguous(Row a) except 0
cdef Row clone(Row a) except 0
cdef Row f_slice(int op, Row *x, int n, Attr *at) except 0
cdef Row slice_row(Row a, Attr *at) except 0
cdef int64_t dims_mask(object dim, int ndim, const char *op) except -1
cdef int parse_shape(tuple args, int64_t *shape, const char *op) except -1
cdef Row unsqueeze_row(Row a, int dim) except 0
cdef Row squeeze_mask(Row a, int64_t mask) except 0
