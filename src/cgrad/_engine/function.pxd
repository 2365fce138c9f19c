"""Operations written in Python."""
from cgrad._engine.types cimport *

cdef int FUNCTION, OUTPUT

cdef int collect(dict bundles, int32_t joint, int64_t position, Row g) except -1
cdef int call(Row r, dict bundle, char *need, Row *out) except -1
