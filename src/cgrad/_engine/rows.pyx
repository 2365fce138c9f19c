"""Rows come and go: the chunked node arrays, the free list, and iterative release.

A row is freed when nothing can reach it any more: no Python handle, no consumer, no temporary.
Freeing one row can free its inputs, theirs, and so on; this is done with a list threaded
through the dying nodes themselves, so a chain of ten million rows needs neither recursion nor
memory to go.  Freed ids are reused, last freed first, while their cache lines are warm.
"""
from libc.stdlib cimport free, malloc
from cgrad._engine.types cimport *
from cgrad._engine.memory cimport (
    attr_free, block_free, block_new, storage_new, storage_release,
)

cdef Arrays _arrays
arrays = &_arrays
on_free = NULL

cdef Row _free_row = 0           # head of the free list, linked through Node.inputs[0]
cdef int64_t _chunks = 0
cdef int64_t _live = 0
cdef int64_t _free_count = 0
cdef int64_t _freed = 0          # rows freed since the free list was put in order
cdef int64_t _peak = 0           # most rows alive since then
cdef int _depth = 0              # calls of row_free under way: hooks and owners that die may free


cdef int _new_chunk() except -1:
    global _chunks, _free_row, _free_count, _holes
    cdef Node *nodes
    cdef Value *values
    cdef int64_t i, c, first
    if _chunks == MAX_CHUNKS:
        raise MemoryError(f"the node arrays are full: {_live} live tensors")
    nodes = <Node *>malloc(CHUNK * sizeof(Node))
    values = <Value *>malloc(CHUNK * sizeof(Value))
    if nodes == NULL or values == NULL:
        free(nodes)
        free(values)
        raise MemoryError(f"cannot grow the node arrays beyond {_live} live tensors")
    c = _first_empty_chunk()
    _arrays.nodes[c] = nodes
    _arrays.values[c] = values
    if c == _chunks:
        _chunks += 1
    else:
        _holes -= 1
    first = c << CHUNK_BITS
    for i in range(CHUNK - 1, -1, -1):
        if first + i == 0:
            break                # id 0 means "no row"
        nodes[i].inputs[0] = _free_row
        nodes[i].graph_refs = 0
        nodes[i].mark = 0
        _free_row = <Row>(first + i)
        _free_count += 1
    return 0


cdef int64_t _first_empty_chunk() noexcept:
    cdef int64_t c
    if _holes:
        for c in range(_chunks):
            if _arrays.nodes[c] == NULL:
                return c
    return _chunks

cdef int64_t _holes = 0          # chunks given back by `trim` below the highest one


cdef Row row_new() except 0:
    """An empty row with one reference of each kind and no value."""
    global _free_row, _live, _free_count
    cdef Row r
    cdef Node *n
    cdef Value *v
    if _free_row == 0:
        _new_chunk()
    r = _free_row
    n = node(r)
    v = value(r)
    _free_row = n.inputs[0]
    _free_count -= 1
    _live += 1
    n.op = 0
    n.flags = 0
    n.saves = 0
    n.n_in = 0
    n.graph_refs = 1
    n.value_refs = 1
    n.attr = NULL
    v.data = NULL
    v.storage = NULL
    v.shape = v.dims
    v.strides = v.dims + INLINE_DIMS
    v.ndim = 0
    v.flags = 0
    v.handle = NULL
    v.grad = 0
    v.family = 0
    return r


cdef int set_dims(Value *v, int ndim, const int64_t *shape, const int64_t *strides) except -1:
    """Copy shape and strides (row-major if NULL) into a row that has none yet."""
    cdef int i
    cdef int64_t step = 1
    cdef bint dense = True
    if ndim > INLINE_DIMS:
        v.shape = <int64_t *>block_new(2 * MAX_DIMS * sizeof(int64_t))
        v.strides = v.shape + MAX_DIMS
    v.ndim = <uint8_t>ndim
    v.numel = 1
    for i in range(ndim - 1, -1, -1):
        v.shape[i] = shape[i]
        v.strides[i] = step if strides == NULL else strides[i]
        if v.strides[i] != step and shape[i] != 1:
            dense = False
        v.numel *= shape[i]
        step *= shape[i] if shape[i] else 1
    v.contiguous = dense or v.numel == 0
    return 0


cdef int64_t _byte_size(int dtype, int ndim, const int64_t *shape) noexcept nogil:
    # -1 if the size does not fit; a dimension of size 0 makes any other size harmless.
    cdef int64_t size = item_size(dtype)
    cdef int i
    cdef bint fits = True
    for i in range(ndim):
        if shape[i] == 0:
            return 0
        # Division only where an overflow is possible at all.
        if size | shape[i] >= 0x7fffffff and shape[i] > (<int64_t>0x7fffffffffffffff) // size:
            fits = False
            size = 1
        size *= shape[i]
    return size if fits else -1


cdef Row row_dense(int dtype, int ndim, const int64_t *shape) except 0:
    """An uninitialised row-major row of its own."""
    cdef int64_t size = _byte_size(dtype, ndim, shape)
    cdef Row r
    cdef Value *v
    if size < 0:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={_dims(ndim, shape)}: "
                           "the number of bytes does not fit into 64 bits")
    r = row_new()
    v = value(r)
    v.dtype = <uint8_t>dtype
    v.storage = storage_new(size)
    if v.storage == NULL:
        release(r)
        raise MemoryError(f"cannot allocate {size} bytes for a tensor of shape "
                          f"{_dims(ndim, shape)}")
    if ndim <= INLINE_DIMS:
        set_dims(v, ndim, shape, NULL)     # cannot fail
    else:
        try:
            set_dims(v, ndim, shape, NULL)
        except:
            release(r)
            raise
    v.data = v.storage.data
    v.version = 0
    return r


cdef Row row_scalar(int dtype) except 0:
    """An uninitialised row of one number, without dimensions."""
    cdef Row r = row_new()
    cdef Value *v = value(r)
    cdef Storage *s = storage_new(sizeof(double))
    v.dtype = <uint8_t>dtype
    if s == NULL:
        release(r)
        raise MemoryError("cannot allocate the storage of a number")
    v.storage = s
    v.data = s.data
    v.numel = 1
    v.contiguous = True
    v.version = 0
    return r


cdef list _dims(int ndim, const int64_t *shape):
    return [shape[i] for i in range(ndim)]


cdef Row row_view(Row x, int ndim, const int64_t *shape, const int64_t *strides,
                  int64_t offset) except 0:
    """A row that shares the storage of `x`; `offset` in elements from its first one."""
    cdef Row r = row_new()
    cdef Value *v = value(r)
    cdef Value *w = value(x)
    v.dtype = w.dtype
    try:
        set_dims(v, ndim, shape, strides)
    except:
        release(r)
        raise
    v.storage = w.storage
    v.storage.refs += 1
    v.data = w.data + offset * item_size(w.dtype)
    v.version = w.storage.version
    v.flags = (w.flags & (INFERENCE | NO_GRAD_VIEW)) | IS_VIEW
    v.family = w.family
    return r


cdef uint32_t _families = 0


cdef void row_detach(Row r, bint versioned=True) noexcept:
    """Give `r`, a new row over shared memory, a history of its own.

    Changes through a row that is not versioned (``.data``) are not noticed by who saved the memory.
    """
    global _families
    _families = (_families + 1) & (UNVERSIONED - 1)
    if _families == 0:
        _families = 1
    value(r).family = _families if versioned else _families | UNVERSIONED


cdef void touched(Value *v) noexcept:
    """The memory has been changed through `v`."""
    if not v.family & UNVERSIONED:
        v.storage.version += 1


cdef void value_drop(Value *v) noexcept:
    """Release the memory; shape, dtype and place in the storage stay for derivatives to read."""
    cdef Storage *s = v.storage
    if s != NULL:
        v.storage = NULL
        v.data = <char *><size_t>(v.data - s.data)
        storage_release(s)


cdef void release_saved(Row r) noexcept:
    """Let go of the values that the derivative would read."""
    cdef uint8_t saves = node(r).saves
    node(r).saves = 0
    let_go_saved(r, saves)


cdef void hold_saved(Row r, uint8_t saves) noexcept:
    """Hold on to saved values while a rule runs: others may sweep the same row and release them."""
    cdef Row *x = inputs(node(r))
    cdef int i
    for i in range(min(node(r).n_in, 7)):
        if saves & (1 << i):
            node(x[i]).value_refs += 1
    if saves & SAVES_OUTPUT:
        node(r).value_refs += 1


cdef void let_go_saved(Row r, uint8_t saves) noexcept:
    """What undoes `hold_saved`."""
    cdef Row *x = inputs(node(r))
    cdef int i
    for i in range(min(node(r).n_in, 7)):
        if saves & (1 << i):
            release_value(x[i])
    if saves & SAVES_OUTPUT:
        release_value(r)


cdef void row_free(Row first) noexcept:
    """Free a row whose last reference is gone, and every row that only it kept alive.

    Dying rows form a list linked through `Node.slot`, which no traversal reads any more.
    """
    global _free_row, _live, _free_count, _freed, _peak, _depth
    cdef Row r = first, todo = 0, x
    cdef Node *n
    cdef Node *m
    cdef Value *v
    cdef Row *ins
    cdef int i
    cdef int64_t before = _free_count
    if _live > _peak:
        _peak = _live
    _depth += 1
    node(r).slot = 0
    todo = r
    while todo:
        r = todo
        n = node(r)
        v = value(r)
        todo = n.slot
        if n.n_in:
            ins = inputs(n)
            for i in range(n.n_in):
                x = ins[i]
                m = node(x)
                if i < 7 and n.saves & (1 << i):
                    m.value_refs -= 1
                    if m.value_refs == 0:
                        value_drop(value(x))
                m.graph_refs -= 1
                if m.graph_refs == 0:
                    m.slot = todo
                    todo = x
        if n.attr != NULL:
            attr_free(n.attr)
            n.attr = NULL
        if v.storage != NULL:
            value_drop(v)
        if n.flags & HAS_HOOKS and on_free != NULL:
            on_free(r)
        if v.shape != v.dims:
            block_free(v.shape, 2 * MAX_DIMS * sizeof(int64_t))
            v.shape = v.dims
        n.inputs[0] = _free_row
        n.mark = 0
        _free_row = r
        _free_count += 1
        _live -= 1
    _depth -= 1
    _freed += _free_count - before
    # Not from inside another call: rows that are still dying look like free ones.
    if _depth == 0 and _freed > 2 * CHUNK and (_freed > 2 * min(_live + _free_count, 4 * _peak)
                                              or 2 * (_free_count - before)
                                              > _live + _free_count):
        _tidy()


cdef void _tidy() noexcept:
    # Rows die in the order of edges, and the free list would scatter the next graph over memory.
    # Put it in order now and then: each time twice as many rows have died as there are, or half
    # of them at once, so that it costs next to nothing a row; and give back what is far beyond
    # the recent use.
    global _freed, _peak
    if _live + _free_count > 4 * _peak:
        _give_back(2 * _peak)
    else:
        _order_free()
    _freed = 0
    _peak = _live


cdef void _order_free() noexcept:
    # The free list in the order of memory.
    global _free_row
    cdef int64_t c, i
    cdef Node *nodes
    _free_row = 0
    for c in range(_chunks - 1, -1, -1):
        nodes = _arrays.nodes[c]
        if nodes == NULL:
            continue
        for i in range(CHUNK - 1, -1, -1):
            if nodes[i].graph_refs == 0 and (c or i):
                nodes[i].inputs[0] = _free_row
                _free_row = <Row>((c << CHUNK_BITS) + i)


cdef int _make_row_zero() except -1:
    # "No row" can be read without harm: a tensor without data has no elements.
    cdef Value *v
    _new_chunk()
    v = value(0)
    node(0).op = 0
    node(0).flags = 0
    node(0).n_in = 0
    node(0).attr = NULL
    node(0).graph_refs = 1
    node(0).value_refs = 1
    v.shape = v.dims
    v.strides = v.dims + INLINE_DIMS
    v.dims[0] = 0
    v.strides[0] = 1
    v.ndim = 1
    v.numel = 0
    v.dtype = F32
    v.flags = 0
    v.contiguous = True
    v.version = 0
    v.handle = NULL
    v.grad = 0
    v.storage = &_no_storage
    v.data = _no_storage.inline_data
    return 0

cdef Storage _no_storage
_no_storage.refs = 1
_no_storage.data = _no_storage.inline_data
_make_row_zero()


def live_rows():
    """Number of rows in use."""
    return _live


def row_bytes():
    """Bytes of one row in the node arrays (its node and its value, without the data)."""
    return sizeof(Node) + sizeof(Value)


def allocated_rows():
    """Number of rows the node arrays have room for."""
    return _live + _free_count


def trim():
    """Give chunks of the node arrays without any live row back to the system."""
    if _depth == 0:
        _give_back(0)


cdef void _give_back(int64_t keep) noexcept:
    # Free empty chunks from the end, as long as room for `keep` rows is left.
    global _free_count, _holes, _chunks
    cdef int64_t c, i
    cdef bint used
    cdef Node *nodes
    for c in range(_chunks - 1, 0, -1):
        nodes = _arrays.nodes[c]
        if nodes == NULL:
            continue
        if _live + _free_count - CHUNK < keep:
            break
        used = False
        for i in range(CHUNK):
            if nodes[i].graph_refs:
                used = True
                break
        if not used:
            free(nodes)
            free(_arrays.values[c])
            _arrays.nodes[c] = NULL
            _arrays.values[c] = NULL
            _free_count -= CHUNK
    _order_free()
    while _chunks and _arrays.nodes[_chunks - 1] == NULL:
        _chunks -= 1
    _holes = 0
    for c in range(_chunks):
        if _arrays.nodes[c] == NULL:
            _holes += 1
