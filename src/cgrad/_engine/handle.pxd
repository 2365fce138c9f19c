"""The Python handle of a row, and the dtype objects."""
from cgrad._engine.types cimport *

cdef class dtype:
    cdef readonly int code
    cdef readonly str name
    cdef readonly int itemsize

cdef class Handle:
    cdef Row row
    cdef public dict _extra       # hooks and user attributes; None in most tensors
    cdef object __weakref__

cdef int default_float
cdef type tensor_type

cdef object wrap(Row r)
cdef Row row_of(object x, const char *op) except 0
cdef Row fresh_row(Handle h) except 0
cdef void rebind(Handle h, Row r) noexcept
cdef dtype dtype_of(int code)
cdef int dtype_code(object d, int default) except -1
cdef bint is_number(object x) noexcept
cdef object plain(object x)
cdef Row scalar_row(object x, int dtype) except 0
cdef Row number_row(object x) except 0
cdef int promote(Row a, Row b) noexcept
cdef bint is_handle(object x) noexcept
cdef object hooks_of(Row r)
cdef void strided_attr(Attr *at, Value *v) noexcept
cdef int record_strided(Row r, Row base, Value *v) except -1
cdef int promote_codes(int a, int b) noexcept
cdef int promote_number(Row a, object x) noexcept
cdef int number_code(object x) noexcept
cdef int check_fits(object x, int dt, str name) except -1
cdef void drop_handle(Value *v) noexcept
cdef Row base_of(Storage *s, uint32_t family, uint32_t *version) noexcept
cdef int set_base(Storage *s, uint32_t family, Row base) except -1
cdef dict carried(Row r, bint make=*)
