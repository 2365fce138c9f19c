"""An index for every element."""
from cgrad._engine.types cimport *

cdef enum:                # what `walk` does
    READ = 0              # b = a[index]
    WRITE = 1             # a[index] = b
    ADD = 2               # a[index] += b
    MULTIPLY = 3          # a[index] *= b
    LARGEST = 4           # a[index] = max(a[index], b)
    SMALLEST = 5

cdef Row integers(object index, const char *op) except 0
cdef Row lift(Row a) except 0
cdef Row dense_copy(Row a, int dt) except 0
cdef Row element_index(Row x, object index, int dim, const char *op) except 0
cdef Row gather_backward(Row g, Row index, int dim, int ndim, const int64_t *shape) except 0
cdef void walk(int mode, Row a, Row index, Row b, int dim, bint clear=*) noexcept
