"""In-place changes: what is allowed, and how history follows (Note [In-place changes and views]
in handle.pyx).

An in-place operation writes into the memory of its handle's row, makes a new row over the same
memory that is recorded like the out-of-place operation, and gives it to the handle.  What was
saved by others before the change is recognised as stale by the storage's version.
"""
from cgrad._engine.types cimport *
from cgrad._engine.elementwise cimport elementwise_into
from cgrad._engine.handle cimport (
    Handle, base_of, dtype_of, fresh_row, is_handle, rebind, set_base, strided_attr,
)
from cgrad._engine.loops cimport copy_cast
from cgrad._engine.primitives cimport cast, sizes
from cgrad._engine.rows cimport (
    inputs, is_float, node, release, retain, row_new, row_view, set_dims, touched, value,
)
from cgrad._engine.table cimport (
    OPERATION, begin_event, call1, end_event, event_made, grad_enabled, inference_enabled, op_id, ops,
    record, timed, traced,
)

cdef int OVERWRITE = op_id("overwrite"), CLONE = op_id("clone")
cdef int STRIDED_ASSIGN = op_id("strided_assign")


cdef bint _overlaps_itself(Value *v) noexcept:
    cdef int i
    if v.numel == 0:
        return False
    for i in range(v.ndim):
        if v.strides[i] == 0 and v.shape[i] > 1:
            return True
    return False


cdef Row _root(Row x) noexcept:
    # The row whose memory a recorded view looks into.  Its value may be gone: views share the
    # storage, not the row.
    while value(x).flags & IS_VIEW and node(x).n_in:
        x = inputs(node(x))[0]
    return x


cdef str _which(Row x):
    # The tensor in a message.
    return f"a {dtype_of(value(x).dtype).name} tensor of shape {sizes(x)}"


cdef int check_writable(Handle h, Row x, str name) except -1:
    """Raise if the rules of in-place operations forbid changing `x`."""
    cdef Value *v = value(x)
    if v.storage.flags & READ_ONLY:
        raise RuntimeError(f"{name}: the memory of this tensor ({_which(x)}) is read-only (it "
                           "comes from a read-only NumPy array); clone() it first")
    if _overlaps_itself(v):
        raise RuntimeError(f"{name}: unsupported operation: more than one element of the "
                           f"written-to tensor ({_which(x)}) refers to a single memory location. "
                           "Please clone() the tensor before performing the operation.")
    return check_history(x, name)


cdef int check_history(Row x, str name) except -1:
    """Raise if the history of `x` forbids changing it in place, be it only its shape."""
    cdef Value *v = value(x)
    cdef Row root
    if v.flags & INFERENCE and not inference_enabled():
        raise RuntimeError(f"{name}: Inplace update to inference tensor ({_which(x)}) outside "
                           "InferenceMode is not allowed. You can make a clone to get a normal "
                           "tensor before doing inplace update.")
    if not grad_enabled():
        return 0
    if v.flags & NO_GRAD_VIEW:
        raise RuntimeError(f"{name}: A view ({_which(x)}) was created in no_grad mode and is being "
                           "modified inplace with grad mode enabled. Use detach() or clone() to "
                           "say what is meant.")
    if node(x).flags & REQUIRES_GRAD:
        if node(x).n_in == 0:
            raise RuntimeError(f"{name}: a leaf Variable that requires grad ({_which(x)}) is being "
                               "used in an in-place operation.")
        root = _root(x)
        if root != x and node(root).n_in == 0 and node(root).flags & REQUIRES_GRAD:
            raise RuntimeError(f"{name}: a view of a leaf Variable that requires grad ("
                               f"{_which(x)}) is being used in an in-place operation.")
    return 0


cdef int replace(Handle h, Row r) except -1:
    """Let `h` stand for `r`, a row of another geometry; takes over `r`.

    The graph keeps the old row as it is: derivatives rely on the shapes they have recorded.  Who
    saved its value notices by the version, and a gradient for it is refused.
    """
    cdef Row x = h.row
    node(r).flags |= node(x).flags & REQUIRES_GRAD
    value(r).flags = (value(r).flags & ~IS_VIEW) | (value(x).flags & (IS_VIEW | INFERENCE))
    value(r).family = value(x).family
    value(x).flags |= REPLACED
    value(x).storage.version += 1
    value(r).version = value(r).storage.version
    rebind(h, r)
    return 0


cdef int _check_result(Row x, Row y, str name) except -1:
    cdef Value *v = value(x)
    cdef Value *w = value(y)
    cdef int i
    cdef bint same = v.ndim == w.ndim
    if same:
        for i in range(v.ndim):
            same = same and v.shape[i] == w.shape[i]
    if not same:
        raise RuntimeError(f"{name}: output with shape {sizes(x)} doesn't match the broadcast "
                           f"shape {sizes(y)}")
    return _check_cast(w.dtype, v.dtype, name)


cdef int _check_cast(int src, int dst, str name) except -1:
    if (is_float(src) and not is_float(dst)) or (src != BOOL and dst == BOOL):
        raise RuntimeError(f"{name}: result type {dtype_of(src).name} can't be cast to the "
                           f"desired output type {dtype_of(dst).name}")
    return 0


cdef int assign(Handle h, Row y, str name) except -1:
    """Make the result `y` (borrowed) the new content of `h`, with its history."""
    cdef Row x = fresh_row(h)
    cdef Row z
    cdef Row[2] ins
    check_writable(h, x, name)
    _check_result(x, y, name)
    if not grad_enabled() or not ((node(x).flags | node(y).flags) & REQUIRES_GRAD):
        _copy(x, y, 0)
        touched(value(x))
        return 0
    y = cast(y, value(x).dtype)
    z = row_view(x, value(x).ndim, value(x).shape, value(x).strides, 0)
    try:
        ins[0] = x
        ins[1] = y
        record(z, OVERWRITE, ins, 2, NULL)
        _copy(x, y, z)
    except:
        release(z)
        raise
    return finish_change(h, x, z)


cdef int _copy(Row x, Row y, Row z) except -1:
    # z: the row that the change is recorded in, or 0
    cdef Row[2] ins
    cdef int64_t event
    ins[0] = x
    ins[1] = y
    event = begin_event(OPERATION, OVERWRITE, ins, 2, 0)
    copy_cast(x, y)
    event_made(event, z)
    end_event(event)
    return 0


cdef int _compute(int op, Row *x, int n, Row y) except -1:
    # An operation straight into the memory of `y`.
    cdef int64_t event
    if not timed():
        return elementwise_into(op, x, n, NULL, y)
    event = begin_event(OPERATION, op, x, n, 0)
    try:
        elementwise_into(op, x, n, NULL, y)
        event_made(event, y)
        return 0
    finally:
        end_event(event)


cdef int change_elementwise(Handle h, int op, Row *x, int n, str name) except -1:
    """h.op_(...): compute straight into the memory of `h`; x[0] is its row.

    The operands have one dtype, which is that of the result, and broadcast to its shape.  To be
    called in a scope.
    """
    cdef Row a = h.row
    cdef Row y
    cdef int i, reads = 0
    cdef bint track = False
    check_writable(h, a, name)
    if grad_enabled():
        for i in range(n):
            if node(x[i]).flags & REQUIRES_GRAD:
                track = True
                reads |= ops[op].reads[i]
    if not track:
        _compute(op, x, n, a)
        touched(value(a))
        return 0
    # What the derivative reads of the memory that is about to change is saved as a copy.
    for i in range(n):
        if reads & (1 << i) and value(x[i]).storage == value(a).storage:
            x[i] = call1(CLONE, x[i])
    y = row_view(a, value(a).ndim, value(a).shape, value(a).strides, 0)
    try:
        record(y, op, x, n, NULL)
        _compute(op, x, n, y)
    except:
        release(y)
        raise
    finish_change(h, a, y)
    return traced(h.row)


cdef int finish_change(Handle h, Row x, Row y) except -1:
    """After the write: raise the version, tell the siblings, rebind.  Takes over `y`."""
    cdef Value *v = value(y)
    cdef Storage *s = v.storage
    cdef Row base = 0
    s.version += 1
    v.version = s.version
    v.flags = value(x).flags & ~IS_VIEW      # its history starts here, not at the base
    node(y).versions[INLINE_INPUTS] = s.version
    if not node(y).n_in:           # an operation without derivative: the history stays
        node(y).flags |= node(x).flags & REQUIRES_GRAD
    try:
        if s.handles > 1:          # else no sibling is left that could ask for it
            base = _new_base(x, y, s)
        set_base(s, v.family, base)
    except:
        release(y)
        raise
    retain(x)                      # rebind drops the handle's reference
    rebind(h, y)
    release(x)
    return 0


cdef Row _flat(Row x, Storage *s) except 0:
    # A row for the whole storage in one dimension, without memory of its own (no cycle).
    cdef int64_t size = 1
    cdef int64_t n
    cdef Row r = row_new()
    cdef Value *v = value(r)
    v.dtype = value(x).dtype
    size = 8 if v.dtype == I64 or v.dtype == F64 else (4 if v.dtype == I32 or v.dtype == F32 else
                                                       (2 if v.dtype == I16 else 1))
    n = s.nbytes // size
    set_dims(v, 1, &n, NULL)
    return r


cdef Row _new_base(Row x, Row y, Storage *s) except 0:
    # base' = strided_assign(base, y): the history of the storage with the change in it.
    cdef Row old = base_of(s, value(x).family, NULL)
    cdef Row root, base, constant
    cdef Row[2] ins
    cdef Attr at
    cdef bint made = False
    if old == 0:
        # The history so far: the row that owns the memory, laid into a constant.
        old = _flat(x, s)
        made = True
        root = _root(x)
        if node(root).flags & REQUIRES_GRAD:
            constant = old
            old = _flat(x, s)
            strided_attr(&at, value(root))
            ins[0] = constant
            ins[1] = root
            try:
                record(old, STRIDED_ASSIGN, ins, 2, &at)
            finally:
                release(constant)
    base = _flat(x, s)
    try:
        strided_attr(&at, value(y))
        ins[0] = old
        ins[1] = y
        record(base, STRIDED_ASSIGN, ins, 2, &at)
    finally:
        if made:
            release(old)
    return base


# Functions that write into an `out=` of their result's dtype only, as in PyTorch; others convert.
cdef frozenset EXACT = frozenset((
    "abs addbmm addmm addmv amax amin aminmax argmax argmin avg_pool2d avg_pool3d baddbmm "
    "bitwise_not bmm bucketize ceil cross cummax cummin diag dot floor gather gelu hardshrink "
    "heaviside histc index_add index_copy index_reduce index_select isin isneginf isposinf "
    "kthvalue linalg.cholesky linalg.cross linalg.det linalg.eigvalsh linalg.inv "
    "linalg.lu_solve linalg.matrix_norm linalg.norm linalg.solve linalg.solve_triangular "
    "linalg.svdvals linalg.vecdot linalg.vector_norm linear log_softmax logcumsumexp logsigmoid "
    "lu_solve masked_select matmul max median min mm mode msort multi_dot mv nan_to_num "
    "nanmedian nanquantile narrow_copy neg nonzero norm ormqr quantile renorm round scatter "
    "scatter_add scatter_reduce searchsorted sgn sign signbit slice_scatter softmax softplus "
    "softshrink sort take take_along_dim tensordot topk tril triu trunc where "
).split())


cdef int write_out(object out, Row y, str name) except -1:
    """Store a result in the tensor given as `out=`."""
    cdef Handle h
    cdef Row x
    if not is_handle(out):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    h = <Handle>out
    x = fresh_row(h)
    if grad_enabled() and (node(x).flags | node(y).flags) & REQUIRES_GRAD:
        raise RuntimeError(f"{name}(): functions with out=... arguments don't support automatic "
                           "differentiation, but one of the arguments requires grad.")
    if value(x).dtype != value(y).dtype and name in EXACT:
        raise RuntimeError(f"{name}(): Expected out tensor to have dtype "
                           f"{dtype_of(value(y).dtype)!r}, but got {dtype_of(value(x).dtype)!r} "
                           "instead")
    check_writable(h, x, name)
    _check_result(x, y, name)
    copy_cast(x, y)
    touched(value(x))
    return 0
