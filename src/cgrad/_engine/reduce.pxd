"""Reductions."""
from cgrad._engine.types cimport *

cdef Row flipped(Row a, int dim) except 0
