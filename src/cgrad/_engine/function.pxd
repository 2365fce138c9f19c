"""Operations written in Python."""
from cgrad._engine.types cimport *

cdef int FUNCTION, OUTPUT

cdef Row restored_row(Row x, Row old) except 0
cdef int check_unpacked(Row x, Row old) except -1
cdef int collect(dict bundles, int32_t joint, int64_t position, Row g) except -1
cdef int call(Row r, dict bundle, char *need, Row *out) except -1
