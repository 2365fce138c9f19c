"""Helpers that the losses share with softmax."""
from cgrad._engine.types cimport *

cdef Row dense(Row a) except 0
cdef Row hold(object x, const char *name) except 0
cdef int float_input(Row x, str name) except -1
