"""In-place changes of a handle."""
from cgrad._engine.types cimport *
from cgrad._engine.handle cimport Handle

cdef int check_writable(Handle h, Row x, str name) except -1
cdef int replace(Handle h, Row r) except -1
cdef int check_history(Row x, str name) except -1
cdef int assign(Handle h, Row y, str name) except -1
cdef int change_elementwise(Handle h, int op, Row *x, int n, str name) except -1
cdef int finish_change(Handle h, Row x, Row y) except -1
cdef int write_out(object out, Row y, str name) except -1
