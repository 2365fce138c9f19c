"""Adafactor's update of one parameter."""
from cgrad._engine.types cimport *

cdef struct Factored:
    int dtype
    int vector                # data[4] holds the squares; else data[2], data[3] their factors
    int64_t batch, rows, cols # the parameter as matrices
    char **data               # parameter, gradient, row factors, column factors, squares
    double sign, shrink       # of the gradient, of the parameter
    double weight             # of the new squares
    double rate, eps1, eps2, d
    double *scratch           # scratch_size numbers

cdef int64_t scratch_size(int64_t rows, int64_t cols) noexcept nogil
cdef void factored_update(Factored *f, bint parallel) noexcept nogil
