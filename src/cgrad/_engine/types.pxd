"""The data structures of the engine: the sole definition of every field.

Where to start reading: this file, then rows.pyx (how rows come and go), table.pyx (how an
operation is applied and recorded) and backward.pyx (the reverse sweep).

Every tensor is a *row*.  A row has two halves in two parallel chunked arrays: a `Node`, which
is all that a traversal of the graph reads (one cache line), and a `Value`, which only kernels
read.  A row id is an integer; id 0 means "no row" everywhere: no gradient, no input, or an
error already raised.  Chunks never move, so a pointer to a row stays valid as long as the row
lives, even while other rows are appended.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from cpython.object cimport PyObject

ctypedef int32_t Row

cdef enum:
    MAX_DIMS = 8          # dimensions of a tensor
    INLINE_INPUTS = 3     # inputs kept in the node itself; more go to Attr.rows
    INLINE_DIMS = 4       # dimensions whose shape and strides fit into the value itself
    INLINE_BYTES = 16     # data kept in the storage itself (a scalar of any dtype)
    UNVERSIONED = 1 << 30 # in Value.family: changes are not counted in the storage's version

cdef enum:                # dtypes, in the order of promotion: bool < integers < floating point
    BOOL = 0
    U8 = 1
    I8 = 2
    I16 = 3
    I32 = 4
    I64 = 5
    F32 = 6
    F64 = 7
    N_DTYPES = 8

cdef enum:                # Node.flags
    REQUIRES_GRAD = 1     # a gradient flows through this row
    RETAIN_GRAD = 2       # a non-leaf whose .grad is wanted
    FREED = 4             # a sweep has passed and released what the derivative reads
    HAS_HOOKS = 8         # its handle carries tensor hooks

cdef enum:                # Value.flags
    WEAK = 2              # made from a Python number: weak in type promotion
    INFERENCE = 4         # made in inference mode
    IS_VIEW = 8           # shares the storage of its first input
    NO_GRAD_VIEW = 16     # a view of a row that requires grad, made without recording
    REPLACED = 32         # its handle has gone over to memory of another shape or type
    SPARSE = 32           # a gradient without a value of its own, see sparse.pyx

cdef enum:                # Storage.flags
    READ_ONLY = 1         # foreign memory that must not be written
    FAMILY_BASES = 2      # families beside the first have histories too (handle.pyx)

cdef enum:
    SAVES_OUTPUT = 0x80   # bit of Node.saves / Op.reads: the row's own value is read


cdef struct Storage:      # one block of memory, shared by views; 64 bytes
    int32_t refs          # values (and exports) that hold it
    uint32_t version      # counts in-place changes
    int32_t handles       # live Python handles on rows of this storage
    Row base              # history of the whole storage, for family 0, after an in-place change
                          # through one of several handles: its elements as a row; 0 = none
    uint32_t base_version # version at which `base` was made: older rows are stale
    uint32_t flags
    char *data            # `inline_data`, a block of the allocator, or foreign memory
    int64_t nbytes
    PyObject *owner       # who owns foreign memory; NULL if the allocator does
    char inline_data[INLINE_BYTES]


cdef struct Attr:         # what an operation needs beside its inputs; zeroed when made
    double f[2]
    int64_t k[4]
    int64_t d[3 * MAX_DIMS]
    Row *rows             # all inputs, if there are more than INLINE_INPUTS, then the storage
                          # versions of those that are saved, by input
    int64_t n_rows


cdef struct Node:         # what a traversal reads; 64 bytes
    uint16_t op           # index into the operation table; 0 = leaf or constant
    uint8_t flags
    uint8_t saves         # bit i: holds the value of input i; SAVES_OUTPUT: its own
    int32_t n_in          # recorded inputs; 0 without history
    Row inputs[INLINE_INPUTS]
    int32_t graph_refs    # handle + consumers + temporaries: the row lives while > 0
    int32_t value_refs    # handle + consumers that read the value: the memory lives while > 0
    uint32_t mark         # epoch of the last traversal that saw the row
    int32_t slot          # its position in that traversal
    uint32_t versions[INLINE_INPUTS + 1]  # storage versions of the saved inputs; last: of output
    Attr *attr            # owned; NULL if the operation has none


cdef struct Value:        # what kernels read; 128 bytes
    char *data            # first element; once the value is released its offset in bytes
    Storage *storage      # NULL once the value is released
    int64_t *shape        # `dims`, or a block if ndim > INLINE_DIMS
    int64_t *strides      # in elements
    int64_t numel
    uint8_t dtype
    uint8_t ndim
    uint8_t flags
    uint8_t contiguous    # row-major without gaps
    uint32_t version      # of the storage when this row was made
    PyObject *handle      # borrowed: the live Python object of this row, or NULL
    Row grad              # the .grad slot (owned); lives as long as the handle
    uint32_t family       # rows of a storage with one history: a tensor and its views; 0, the
                          # first, or a number that `detach` gave (also no_grad views; with
                          # UNVERSIONED for .data)
    int64_t dims[2 * INLINE_DIMS]


# Inner loops have NumPy's signature, so that NumPy's own and ours are interchangeable.
ctypedef void (*Loop)(char **args, const Py_ssize_t *n, const Py_ssize_t *steps,
                      void *data) noexcept nogil
