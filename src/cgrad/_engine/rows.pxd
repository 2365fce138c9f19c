"""The node arrays: rows, their references, and the values in them."""
from cgrad._engine.types cimport *

cdef enum:
    CHUNK_BITS = 13
    CHUNK = 1 << CHUNK_BITS
    MAX_CHUNKS = 1 << (31 - CHUNK_BITS)

cdef struct Arrays:
    Node *nodes[MAX_CHUNKS]      # what traversals read
    Value *values[MAX_CHUNKS]    # what kernels read

cdef Arrays *arrays
cdef void (*on_free)(Row r) noexcept   # told of rows with hooks

cdef Row row_new() except 0
cdef Row row_scalar(int dtype) except 0
cdef Row row_dense(int dtype, int ndim, const int64_t *shape) except 0
cdef Row row_view(Row x, int ndim, const int64_t *shape, const int64_t *strides,
                  int64_t offset) except 0
cdef int set_dims(Value *v, int ndim, const int64_t *shape, const int64_t *strides) except -1
cdef void row_detach(Row r, bint versioned=*) noexcept
cdef void touched(Value *v) noexcept
cdef void row_free(Row r) noexcept
cdef void value_drop(Value *v) noexcept
cdef void release_saved(Row r) noexcept
cdef void hold_saved(Row r, uint8_t saves) noexcept
cdef void let_go_saved(Row r, uint8_t saves) noexcept

cdef inline Node *node(Row r) noexcept nogil:
    return arrays.nodes[r >> CHUNK_BITS] + (r & (CHUNK - 1))

cdef inline Value *value(Row r) noexcept nogil:
    return arrays.values[r >> CHUNK_BITS] + (r & (CHUNK - 1))

cdef inline Row *inputs(Node *n) noexcept nogil:
    if n.n_in <= INLINE_INPUTS:
        return &n.inputs[0]
    return n.attr.rows

cdef inline uint32_t *more_versions(Node *n) noexcept:
    """The versions of all inputs, if there are more than INLINE_INPUTS."""
    return <uint32_t *>(n.attr.rows + n.n_in)

cdef inline void retain(Row r) noexcept:
    cdef Node *n = node(r)
    n.graph_refs += 1
    n.value_refs += 1

cdef inline void release_value(Row r) noexcept:
    cdef Node *n = node(r)
    n.value_refs -= 1
    if n.value_refs == 0:
        value_drop(value(r))

cdef inline void release(Row r) noexcept:
    """Give back what `retain` took."""
    cdef Node *n = node(r)
    n.value_refs -= 1
    if n.value_refs == 0:
        value_drop(value(r))
    n.graph_refs -= 1
    if n.graph_refs == 0:
        row_free(r)

cdef inline bint requires_grad(Row r) noexcept:
    return node(r).flags & REQUIRES_GRAD

cdef inline int item_size(int dtype) noexcept nogil:
    # bool, uint8, int8: 1; int16: 2; int32, float32: 4; int64, float64: 8
    return 1 if dtype < I16 else (2 if dtype == I16 else (4 if dtype == I32 or dtype == F32 else 8))

cdef inline bint is_float(int dtype) noexcept nogil:
    return dtype >= F32
