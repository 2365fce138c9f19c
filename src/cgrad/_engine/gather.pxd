"""gather and scatter."""
from cgrad._engine.types cimport *

cdef Row integers(object index, const char *op) except 0
