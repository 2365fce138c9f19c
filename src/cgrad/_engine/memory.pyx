"""Memory: a caching allocator with size classes, and the storages that live in it.

A training loop asks for the same sizes again and again, so freed blocks are kept in one list
per size class and handed out again without a call of malloc.  Classes are the sizes
2^k * (4, 5, 6, 7)/4: at most a quarter of a block is slack.  All blocks are aligned to 64
bytes.  What is cached is bounded (`set_cache_limit`) and can be given back (`empty_cache`).
The GIL protects the lists: kernels that run without it never allocate.
"""
from libc.string cimport memset
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_DECREF
from cgrad._engine.types cimport *

cdef extern from *:
    """
    #include <stdlib.h>
    #include <stdint.h>
    #if defined(_WIN32)
    #include <malloc.h>
    static void *cg_aligned(size_t n) { return _aligned_malloc(n, 64); }
    static void cg_aligned_free(void *p) { _aligned_free(p); }
    #else
    static void *cg_aligned(size_t n) {
        void *p = NULL;
        return posix_memalign(&p, 64, n) == 0 ? p : NULL;
    }
    static void cg_aligned_free(void *p) { free(p); }
    #endif
    /* A cached block is forbidden ground, and so is the rest of a block beyond what was asked for:
       without this AddressSanitizer would see neither use after free nor overruns. */
    #if defined(__has_feature)
    #if __has_feature(address_sanitizer)
    #define CG_ASAN 1
    #endif
    #elif defined(__SANITIZE_ADDRESS__)
    #define CG_ASAN 1
    #endif
    #ifdef CG_ASAN
    void __asan_poison_memory_region(void const volatile *p, size_t n);
    void __asan_unpoison_memory_region(void const volatile *p, size_t n);
    #define cg_forbid(p, n) __asan_poison_memory_region(p, n)
    #define cg_allow(p, n) __asan_unpoison_memory_region(p, n)
    #else
    #define cg_forbid(p, n) ((void)0)
    #define cg_allow(p, n) ((void)0)
    #endif
    /* Class of a size: 2 bits of mantissa below the leading one.  Size of a class: its inverse. */
    static int cg_class(size_t n) {
        int k = 6;
        if (n <= 64) return 0;
        n -= 1;
        while ((n >> k) > 1) k++;                     /* 2^k <= n < 2^(k+1) */
        return (k - 6) * 4 + (int)((n >> (k - 2)) & 3) + 1;
    }
    static size_t cg_class_size(int c) {
        int k, m;
        if (c == 0) return 64;
        k = (c - 1) / 4 + 6; m = (c - 1) % 4;
        return ((size_t)(5 + m)) << (k - 2);
    }
    """
    void *cg_aligned(size_t n) noexcept nogil
    void cg_aligned_free(void *p) noexcept nogil
    int cg_class(size_t n) noexcept nogil
    size_t cg_class_size(int c) noexcept nogil
    void cg_forbid(void *p, size_t n) noexcept nogil
    void cg_allow(void *p, size_t n) noexcept nogil

cdef enum:
    N_CLASSES = 128
    SLAB = 256                       # storages taken from the system at once, first
    MAX_SLAB = 1 << 15               # and at most: the slabs grow with what is live

cdef struct FreeBlock:
    FreeBlock *next

cdef FreeBlock *_free_blocks[N_CLASSES]
cdef FreeBlock *_free_storages = NULL
cdef FreeBlock *_free_attrs = NULL
cdef int64_t _cached_bytes = 0
cdef int64_t _cache_limit = <int64_t>1 << 30
cdef int64_t _live_bytes = 0         # bytes of live blocks and storages
cdef int64_t _peak_bytes = 0
cdef int64_t _live_storages = 0


cdef inline void _count(int64_t n) noexcept:
    global _live_bytes, _peak_bytes
    _live_bytes += n
    if _live_bytes > _peak_bytes:
        _peak_bytes = _live_bytes


cdef void *block_try(size_t nbytes) noexcept:
    """A block of at least `nbytes` bytes, aligned to 64; NULL if there is no memory."""
    global _cached_bytes
    cdef int c = cg_class(nbytes)
    cdef size_t size
    cdef FreeBlock *b
    if c >= N_CLASSES:
        return NULL
    b = _free_blocks[c]
    size = cg_class_size(c)
    if b != NULL:
        cg_allow(b, size)
        _free_blocks[c] = b.next
        _cached_bytes -= size
    else:
        b = <FreeBlock *>cg_aligned(size)
        if b == NULL:
            release_cached()
            b = <FreeBlock *>cg_aligned(size)
            if b == NULL:
                return NULL
    cg_forbid(<char *>b + nbytes, size - nbytes)
    _count(size)
    return b


cdef void *block_new(size_t nbytes) except NULL:
    """Like `block_try`, with an exception."""
    cdef void *p = block_try(nbytes)
    if p == NULL:
        raise MemoryError(f"cannot allocate {nbytes} bytes")
    return p


cdef void block_free(void *p, size_t nbytes) noexcept:
    """Give back a block of `block_new(nbytes)`."""
    global _cached_bytes
    cdef int c = cg_class(nbytes)
    cdef size_t size = cg_class_size(c)
    _count(-<int64_t>size)
    cg_allow(p, size)
    if _cached_bytes + <int64_t>size > _cache_limit:
        cg_aligned_free(p)
        return
    (<FreeBlock *>p).next = _free_blocks[c]
    _free_blocks[c] = <FreeBlock *>p
    _cached_bytes += size
    cg_forbid(p, size)


cdef void release_cached() noexcept:
    global _cached_bytes
    cdef int c
    cdef FreeBlock *b
    for c in range(N_CLASSES):
        while _free_blocks[c] != NULL:
            b = _free_blocks[c]
            cg_allow(b, cg_class_size(c))
            _free_blocks[c] = b.next
            cg_aligned_free(b)
    _cached_bytes = 0


cdef bint _grow(FreeBlock **head, size_t size) noexcept:
    # Slabs are never returned: they hold the small headers only.
    cdef int64_t count = min(max(SLAB, _live_storages // 4), MAX_SLAB)
    cdef char *slab = <char *>cg_aligned(size * count)
    cdef int64_t i
    if slab == NULL:
        return False
    for i in range(count - 1, -1, -1):
        (<FreeBlock *>(slab + i * size)).next = head[0]
        head[0] = <FreeBlock *>(slab + i * size)
    return True


cdef inline Storage *_storage_header() noexcept:
    global _free_storages, _live_storages
    cdef Storage *s
    if _free_storages == NULL and not _grow(&_free_storages, sizeof(Storage)):
        return NULL
    s = <Storage *>_free_storages
    _free_storages = _free_storages.next
    s.refs = 1
    s.version = 0
    s.handles = 0
    s.base = 0
    s.base_version = 0
    s.flags = 0
    s.owner = NULL
    _live_storages += 1
    _count(sizeof(Storage))
    return s


cdef inline void _storage_drop(Storage *s) noexcept:
    global _free_storages, _live_storages
    (<FreeBlock *>s).next = _free_storages
    _free_storages = <FreeBlock *>s
    _live_storages -= 1
    _count(-<int64_t>sizeof(Storage))


cdef Storage *storage_new(int64_t nbytes) noexcept:
    """An uninitialised storage of `nbytes` bytes with one reference; NULL if there is no memory."""
    cdef Storage *s = _storage_header()
    if s == NULL:
        return NULL
    s.nbytes = nbytes
    if nbytes <= INLINE_BYTES:
        s.data = s.inline_data
    else:
        s.data = <char *>block_try(nbytes)
        if s.data == NULL:
            _storage_drop(s)
            return NULL
    return s


cdef Storage *storage_foreign(char *data, int64_t nbytes, object owner, bint read_only) except NULL:
    """A storage over memory that `owner` keeps alive (a NumPy array, a DLPack capsule, ...)."""
    cdef Storage *s = _storage_header()
    if s == NULL:
        raise MemoryError("cannot allocate a storage")
    s.nbytes = nbytes
    s.data = data
    s.owner = <PyObject *>owner
    Py_INCREF(owner)
    if read_only:
        s.flags = READ_ONLY
    return s


cdef void storage_free(Storage *s) noexcept:
    cdef object owner = None
    if s.owner != NULL:
        owner = <object>s.owner          # its own reference keeps it until we return
        Py_DECREF(owner)
    elif s.data != s.inline_data:
        block_free(s.data, s.nbytes)
    _storage_drop(s)


cdef Attr *attr_new() except NULL:
    global _free_attrs
    if _free_attrs == NULL and not _grow(&_free_attrs, sizeof(Attr)):
        raise MemoryError("cannot allocate the attributes of an operation")
    cdef Attr *a = <Attr *>_free_attrs
    _free_attrs = _free_attrs.next
    memset(a, 0, sizeof(Attr))
    _count(sizeof(Attr))
    return a


cdef void attr_free(Attr *a) noexcept:
    global _free_attrs
    if a.rows != NULL:
        block_free(a.rows, a.n_rows * (sizeof(Row) + sizeof(uint32_t)))
    (<FreeBlock *>a).next = _free_attrs
    _free_attrs = <FreeBlock *>a
    _count(-<int64_t>sizeof(Attr))


cdef int64_t bytes_now() noexcept:
    """Bytes that live now."""
    return _live_bytes


def live_bytes():
    """Bytes that live tensors hold: data, storage headers and attributes."""
    return _live_bytes


def peak_bytes():
    """Largest value of `live_bytes` since the start or the last `reset_peak`."""
    return _peak_bytes


def reset_peak():
    """Forget the peak: it becomes what is live now."""
    global _peak_bytes
    _peak_bytes = _live_bytes


def live_storages():
    """Number of live storages."""
    return _live_storages


def cached_bytes():
    """Bytes kept for reuse."""
    return _cached_bytes


def set_cache_limit(int64_t nbytes):
    """Keep at most `nbytes` bytes of freed blocks for reuse (default 1 GiB)."""
    global _cache_limit
    if nbytes < 0:
        raise ValueError(f"set_cache_limit: expected a number >= 0, got {nbytes}")
    _cache_limit = nbytes
    if _cached_bytes > nbytes:
        release_cached()


def empty_cache():
    """Give all cached blocks back to the system."""
    release_cached()
