"""The strided elementwise driver and NumPy's inner loops."""
from cgrad._engine.types cimport *

cdef enum:
    MAX_OPERANDS = 4
    BLOCK = 32768             # elements that one thread takes at a time
    NOGIL = 16384             # elements from which on the GIL is released

cdef struct Plan:             # one elementwise run; steps in bytes
    Loop loop
    void *data
    int n_operands
    int ndim
    int64_t shape[MAX_DIMS]
    int64_t steps[MAX_OPERANDS][MAX_DIMS]
    char *ptr[MAX_OPERANDS]
    Storage *memory[MAX_OPERANDS]
    int64_t blocks            # blocks that the innermost dimension is cut into
    Loop columns              # sums of columns at once, for reductions of two dimensions; or NULL

cdef int numpy_loop(str ufunc, int dtype, int n_in, int out_dtype, Loop *loop,
                    void **data) except -1
cdef void drive(Plan *p, bint parallel) noexcept
cdef void plan_operand(Plan *p, int k, Row r, int ndim, const int64_t *shape) noexcept
cdef void copy_cast(Row dst, Row src) noexcept
cdef Loop cast_loop(int src, int dst) noexcept
cdef Loop where_loop(int dtype) noexcept
