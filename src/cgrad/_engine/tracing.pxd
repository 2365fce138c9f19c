"""While a program is watched."""
from cgrad._engine.types cimport *

cdef int check_root(Row root, list rows) except -1
cdef int check_gradients(Row r, str name, char *need, Row *out, int n) except -1
cdef int unpack(Row r, Row *x, Row *y) except -1
cdef str camel(str name)
cdef object alias(Row x)
cdef str name_of(Row r)
cdef int raise_version(Row r, Row x, int i, uint32_t then, uint32_t now) except -1
cdef object begin_sweep()
cdef int end_of_sweep(object outer, bint complete) except -1
