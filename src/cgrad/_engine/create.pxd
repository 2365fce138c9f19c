"""Making tensors."""
from cgrad._engine.types cimport *

cdef int check_device(object device) except -1
cdef int fill_number(Row r, object x, str name) except -1
cdef object finish(Row r, bint requires_grad)
