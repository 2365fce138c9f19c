"""Caching allocator and storages."""
from cgrad._engine.types cimport *

cdef void *block_new(size_t nbytes) except NULL
cdef void *block_try(size_t nbytes) noexcept
cdef void block_free(void *p, size_t nbytes) noexcept
cdef Storage *storage_new(int64_t nbytes) noexcept
cdef Storage *storage_foreign(char *data, int64_t nbytes, object owner, bint read_only) except NULL
cdef void storage_free(Storage *s) noexcept
cdef Attr *attr_new() except NULL
cdef void attr_free(Attr *a) noexcept
cdef int64_t bytes_now() noexcept

cdef inline void storage_retain(Storage *s) noexcept:
    s.refs += 1

cdef inline void storage_release(Storage *s) noexcept:
    s.refs -= 1
    if s.refs == 0:
        storage_free(s)
