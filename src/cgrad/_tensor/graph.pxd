from cgrad._engine.types cimport *

cdef object graph_node(Row r)
