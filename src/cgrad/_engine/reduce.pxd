"""Reductions."""
from cgrad._engine.types cimport *

cdef object plain_dims(object dim, const char *op)
cdef Row flipped(Row a, int dim) except 0
