"""Gradients of which only some rows are not zero."""
from cgrad._engine.types cimport *

cdef bint is_sparse(Row r) noexcept
cdef object as_object(Row r)
cdef object sparse_object(Row r)
cdef Row sparse_row(object gradient, int dtype) except 0
cdef Row gradient_row(object gradient, Row like, const char *name) except 0
cdef Row dense(Row r) except 0
cdef Row add_sparse(Row a, Row b) except 0
cdef int check_sparse(object gradient, Row like) except -1
