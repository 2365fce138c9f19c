"""Calling elementwise operations that have numbers in their formula; storing into `out=`."""
from cgrad._engine.types cimport *

cdef object finished(Row r, object out, str name)
cdef object with_numbers(int op, object input, double f0, double f1, int64_t k0, object out,
                         str name)
