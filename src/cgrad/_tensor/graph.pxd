from cgrad._engine.types cimport *

cdef object graph_node(Row r)
cdef int64_t output_number(Row r) noexcept
