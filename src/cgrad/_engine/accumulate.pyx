"""How gradients start and are summed: on their way through the sweep, and in the .grad of a tensor."""
import os
from _thread import RLock

from cgrad._engine.types cimport *
from cgrad._engine.elementwise cimport combine_into
from cgrad._engine.handle cimport dtype_of, row_of
from cgrad._engine.memory cimport storage_release
from cgrad._engine.primitives cimport add, cast, number, reshape_like, same_shape, sizes
from cgrad._engine.rows cimport node, release, retain, value
from cgrad._engine.shape cimport clone, f_slice
from cgrad._engine.sparse cimport add_sparse, is_sparse
from cgrad._engine.table cimport (
    ACCUMULATE, SMALL, begin_event, end_event, grad_enabled, hold, op_id, timed,
)

cdef int ADD = op_id("add")
SLICE = op_id("slice")
# Large sums run without the interpreter's lock: threads that add to one .grad take turns.
cdef object _turn = RLock()


def _renew():
    # A forked child does not inherit the thread that may have held it.
    global _turn
    _turn = RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


cdef Row seed(Row r, object grad) except 0:
    """The gradient that a root starts with."""
    cdef Row g
    if not node(r).flags & REQUIRES_GRAD:
        raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
    if grad is None:
        if value(r).numel != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        return reshape_like(number(1, r), r)
    g = row_of(grad, "backward")       # `grad` is held by the caller
    if not same_shape(g, r):
        raise RuntimeError(f"Mismatch in shape: grad_output[0] has a shape of {sizes(g)} and "
                           f"output[0] has a shape of {sizes(r)}.")
    return cast(g, value(r).dtype)


cdef bint ours(Row r) noexcept:
    """Nobody else sees this row or its memory: it may be added to in place."""
    cdef Node *m = node(r)
    cdef Value *v = value(r)
    return (m.graph_refs == 1 and m.n_in == 0 and v.storage.refs == 1 and v.contiguous
            and v.storage.owner == NULL)


cdef bint again(Row g, char *need, Row *out, int first, int n) noexcept:
    """Whether a rule gives the same row to one of its inputs from `first` on."""
    cdef int j
    for j in range(first, n):
        if need[j] and out[j] == g:
            return True
    return False


cdef int accumulate_into(Row *acc, Row g, bint temporary) except -1:
    """acc += g; the first contribution is taken over without a copy.

    `temporary`: only the caller's scope holds `g`, and it is not used again. The sum goes into the
    memory of whichever of the two nobody else sees: where x goes into x + f(x), what comes from
    the sum is shared, what comes from f is not.
    """
    cdef Row[2] x
    cdef Row r
    if acc[0] == 0:
        retain(g)
        acc[0] = g
        return 0
    if is_sparse(acc[0]) or is_sparse(g):
        r = add_sparse(acc[0], g)
        retain(r)
        release(acc[0])
        acc[0] = r
        return 0
    if not grad_enabled() and ours(acc[0]):
        x[0] = acc[0]
        x[1] = g
        return combine_into(ADD, x, acc[0])
    if not grad_enabled() and temporary and ours(g):
        x[0] = acc[0]
        x[1] = g
        combine_into(ADD, x, g)
        retain(g)
        release(acc[0])
        acc[0] = g
        return 0
    r = add(acc[0], g)
    retain(r)
    release(acc[0])
    acc[0] = r
    return 0


cdef bint add_to_slice(Row acc, Row g, Row x, Attr *at) except -1:
    """Add the gradient of a slice of `x` where it belongs; False where `acc` is not to be changed.

    Otherwise each of many slices would make, fill and add a gradient of the size of the whole.
    """
    cdef Row[2] pair
    if (acc <= 0 or grad_enabled() or is_sparse(acc) or not ours(acc) or not same_shape(acc, x)
            or value(acc).dtype != value(g).dtype):
        return False
    pair[0] = f_slice(SLICE, &acc, 1, at)
    pair[1] = g
    try:
        combine_into(ADD, pair, pair[0])
    finally:
        release(pair[0])
    return True


cdef int _add_in_turn(Row old, Row g) except -1:
    cdef Row[2] x
    x[0] = old
    x[1] = g
    if value(old).numel < SMALL:
        return combine_into(ADD, x, old)
    with _turn:
        return combine_into(ADD, x, old)


cdef int store(Row leaf, Row g, bint create_graph) except -1:
    """Add `g` to the .grad slot of a row."""
    cdef int64_t event
    if not timed():
        return _store(leaf, g, create_graph)
    event = begin_event(ACCUMULATE, node(leaf).op, &g, 1, leaf)
    try:
        return _store(leaf, g, create_graph)
    finally:
        end_event(event)


cdef int _store(Row leaf, Row g, bint create_graph) except -1:
    cdef Value *v = value(leaf)
    cdef Row old, new
    cdef Storage *memory
    if v.flags & REPLACED:
        raise RuntimeError(f"backward: a leaf of shape {sizes(leaf)} was given data of another "
                           "shape or type after it was used in this graph")
    # While a sum is computed other threads and destructors may run and change .grad: the old one
    # is held, and if it is no longer there, the new one is added to what is there now.
    while v.handle != NULL:      # else nobody can ask for it
        old = v.grad
        if old:
            hold(old)
        if is_sparse(g) or (old and is_sparse(old)):
            new = add_sparse(old, g) if old else g
        elif old == 0:
            # Taken over if only the sweep holds it; a view or a shared row is copied.
            new = g
            if not (node(g).graph_refs == 1 and value(g).storage.refs == 1
                    and value(g).contiguous):
                new = clone(g)
        elif not same_shape(old, g) or value(old).dtype != value(g).dtype:
            raise RuntimeError(f"backward: .grad has shape {sizes(old)} and dtype "
                               f"{dtype_of(value(old).dtype)!r}, the new gradient {sizes(g)} and "
                               f"{dtype_of(value(g).dtype)!r}; reset .grad after changing .data")
        elif (not create_graph and not node(old).flags & REQUIRES_GRAD and value(old).contiguous
              and not value(old).storage.flags & READ_ONLY):
            memory = value(old).storage
            memory.refs += 1
            try:
                _add_in_turn(old, g)
                memory.version += 1
            finally:
                storage_release(memory)
            return 0
        else:
            new = add(old, g)
        if v.grad == old and v.handle != NULL:
            retain(new)
            v.grad = new
            if old:
                release(old)
            return 0
    return 0
