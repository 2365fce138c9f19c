"""Indexing: x[key] and x[key] = v."""
from cgrad._engine.types cimport *
from cgrad._engine.handle cimport Handle

cdef object get_item(Handle h, object key)
cdef int set_item(Handle h, object key, object v) except -1
cdef Row value_row(object v, int dtype) except 0
