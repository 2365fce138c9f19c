"""The public functions made from the table."""
from cgrad._engine.types cimport *

cdef int face(str name, int arity, str doc, bint inplace=*, tuple aliases=*) except -1
cdef object wrap_borrowed(Row r)
