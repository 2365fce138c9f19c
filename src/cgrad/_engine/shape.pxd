"""Shapes and views."""
from cgrad._engine.types cimport *

cdef int wrap_dim(int64_t dim, int ndim, const char *op) except -100
cdef Row contiguous(Row a) except 0
cdef Row clone(Row a) except 0
cdef Row slice_row(Row a, Attr *at) except 0
cdef int64_t dims_mask(object dim, int ndim, const char *op) except -1
cdef int parse_shape(tuple args, int64_t *shape, const char *op) except -1
cdef Row unsqueeze_row(Row a, int dim) except 0
cdef Row squeeze_mask(Row a, int64_t mask) except 0
