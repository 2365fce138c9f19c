"""How gradients are summed."""
from cgrad._engine.types cimport *

cdef bint ours(Row r) noexcept
cdef bint again(Row g, char *need, Row *out, int first, int n) noexcept
cdef int accumulate_into(Row *acc, Row g, bint temporary) except -1
cdef int SLICE
cdef bint add_to_slice(Row acc, Row g, Row x, Attr *at) except -1
cdef int store(Row leaf, Row g, bint create_graph) except -1
cdef Row seed(Row r, object grad) except 0
