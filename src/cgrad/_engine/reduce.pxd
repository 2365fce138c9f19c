"""Reductions."""
from cgrad._engine.types cimport *

cdef struct Reduction:
    double identity
    Loop loops[N_DTYPES]
    void *data[N_DTYPES]
    Loop runs[N_DTYPES]       # for neighbours that become one element; NULL: none
    Loop columns[N_DTYPES]    # for rows that become one row; NULL: none

cdef Row flipped(Row a, int dim) except 0
