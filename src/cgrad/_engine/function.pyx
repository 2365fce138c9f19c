"""Operations written in Python: what `cgrad.autograd.Function` asks of the engine.

One call is a row of its own without a value, the *joint*, whose inputs are the tensors that were
passed, and which carries the context object.  Each differentiable result is a row with the joint
as its only input.  The sweep collects what arrives from the results at the joint (`collect`), and
when it comes to the joint calls the context once with all of it (`call`).
"""
cimport cython
from cgrad._engine.types cimport *
from cgrad._engine.handle cimport Handle, carried, dtype_of, fresh_row, row_of, wrap
from cgrad._engine.inplace cimport check_writable, finish_change
from cgrad._engine.primitives cimport add, same_shape, sizes
from cgrad._engine.rows cimport (
    inputs, is_float, node, release, retain, row_detach, row_free, row_scalar, row_view,
    value,
)
from cgrad._engine.table cimport (
    Ctx, event_made, hold, keep, latest_event, op_id, record, register, scope_enter, scope_leave,
    traced,
)

FUNCTION = op_id("function")
cdef int CLONE = op_id("clone")
OUTPUT = op_id("function_output")


cdef Row f_none(int op, Row *x, int n, Attr *at) except 0:
    raise RuntimeError("a custom function is applied by cgrad.autograd.Function")

cdef int d_function(Ctx *c) except -1:
    raise RuntimeError("a custom function is swept by `call`")

register("function", f_none, d_function)


cdef int d_output(Ctx *c) except -1:          # Attr: k[0] = which of the results
    c.out[0] = c.g
    return 0

register("function_output", f_none, d_output)


@cython.binding(False)
@cython.embedsignature.format("clinic")
cdef class Joint:
    """Holds the row of one call, or of a tensor, as a place in the graph."""
    cdef Row row

    def __dealloc__(self):
        cdef Row r = self.row
        if r:
            node(r).graph_refs -= 1
            if node(r).graph_refs == 0:
                row_free(r)

    def connect(self, tensor, int position):
        """Make `tensor`, computed without recording, the result number `position`."""
        cdef Row y = row_of(tensor, "Function")
        cdef Attr at
        if node(y).n_in or node(y).graph_refs > 1:
            # Somebody else's tensor was handed through: a view of it gets the new history. The
            # graph may hold the row already, and an edge from it could close a circle.
            tensor = self.alias(tensor)
            y = (<Handle>tensor).row
        at.k[0] = position
        value(y).flags &= ~IS_VIEW
        record(y, OUTPUT, &self.row, 1, &at)
        traced(y)
        return tensor

    def alias(self, tensor, int position=-1):
        """Another tensor over the memory of `tensor`; the result `position` if one is given."""
        cdef Row x = row_of(tensor, "Function")
        cdef Value *v = value(x)
        cdef Row y = row_view(x, v.ndim, v.shape, v.strides, 0)
        cdef Attr at
        row_detach(y)
        value(y).flags &= ~IS_VIEW
        if position >= 0:
            at.k[0] = position
            try:
                record(y, OUTPUT, &self.row, 1, &at)
                traced(y)
            except:
                release(y)
                raise
        return wrap(y)

    def restored(self, tensor):
        """The memory of `tensor` with the history of the tensor that this is the place of."""
        return wrap(restored_row(row_of(tensor, "unpack_hook"), self.row))

    def change(self, tensor, int position, str name):
        """`tensor` was changed in place by the call: it is its result number `position` now."""
        cdef Handle h = <Handle>tensor
        cdef Row x = fresh_row(h), y
        cdef Value *v = value(x)
        cdef Attr at
        check_writable(h, x, name)
        y = row_view(x, v.ndim, v.shape, v.strides, 0)
        at.k[0] = position
        try:
            record(y, OUTPUT, &self.row, 1, &at)
        except:
            release(y)
            raise
        finish_change(h, x, y)
        traced(h.row)


cdef Row restored_row(Row x, Row old) except 0:
    """The memory of an unpacked row with the history of what was packed; the caller owns it."""
    cdef Value *v = value(x)
    cdef Row y
    check_unpacked(x, old)
    y = row_view(x, v.ndim, v.shape, v.strides, 0)
    row_detach(y)
    value(y).flags &= ~IS_VIEW
    if node(old).flags & REQUIRES_GRAD:
        try:
            record(y, CLONE, &old, 1, NULL)
        except:
            release(y)
            raise
    return y


cdef int check_unpacked(Row x, Row old) except -1:
    if not same_shape(x, old) or value(x).dtype != value(old).dtype:
        raise RuntimeError(f"saved_tensors_hooks: the unpacked tensor has shape {sizes(x)} and "
                           f"dtype {dtype_of(value(x).dtype)!r}, not {sizes(old)} and that of what "
                           "was packed")
    return 0


def place(tensor):
    """The place of a tensor in the graph; its memory is not held."""
    cdef Joint j = Joint.__new__(Joint)
    cdef Row r = row_of(tensor, "Function")
    node(r).graph_refs += 1
    j.row = r
    return j


def join(context, list tensors):
    """The joint of one call, recorded with `tensors` as inputs; it carries `context`."""
    cdef int n = len(tensors), i
    cdef int64_t mark = scope_enter()
    cdef Row r
    cdef Row[64] x
    cdef Joint j
    try:
        if n > 64:
            raise RuntimeError(f"Function: at most 64 tensors can be passed, got {n}")
        for i in range(n):
            x[i] = row_of(tensors[i], "Function")
        r = keep(row_scalar(F32))
        record(r, FUNCTION, x, n, NULL)
        carried(r, True)["function"] = context
        traced(r)
        event_made(latest_event(), r)
        j = Joint.__new__(Joint)
        node(r).graph_refs += 1
        j.row = r
        return j
    finally:
        scope_leave(mark)


cdef int collect(dict bundles, int32_t joint, int64_t position, Row g) except -1:
    """Note the gradient of one result of a call for when the sweep comes to it."""
    cdef dict bundle = bundles.setdefault(joint, {})
    before = bundle.get(position)
    if before is not None:
        g = add(row_of(before, "backward"), g)
    retain(g)
    bundle[position] = wrap(g)
    return 0


cdef int call(Row r, dict bundle, char *need, Row *out) except -1:
    """Ask the context of a call for the gradients of its inputs."""
    cdef Node *m = node(r)
    cdef Joint j = Joint.__new__(Joint)
    cdef list found
    cdef Row g, x
    cdef int i
    context = carried(r)["function"]
    node(r).graph_refs += 1
    j.row = r
    found = context._swept(j, bundle, [bool(need[i]) for i in range(m.n_in)])
    for i in range(m.n_in):
        if not need[i] or found[i] is None:
            continue
        g = row_of(found[i], "backward")
        x = inputs(m)[i]
        if not is_float(value(g).dtype):
            raise RuntimeError(f"Function {context.name()} returned a gradient of dtype "
                               f"{found[i].dtype} at index {i}")
        if not same_shape(g, x) and not _reducible(value(g), value(x)):
            raise RuntimeError(f"Function {context.name()} returned an invalid gradient at index "
                               f"{i} - got {sizes(g)} but expected shape compatible with "
                               f"{sizes(x)}")
        out[i] = hold(g)
    return 0


cdef bint _reducible(Value *g, Value *x) noexcept:
    # Whether `x` broadcasts to `g`, so that g can be summed down to it.
    cdef int i, shift = g.ndim - x.ndim
    if shift < 0:
        return False
    for i in range(x.ndim):
        if x.shape[i] != g.shape[i + shift] and x.shape[i] != 1:
            return False
    return True
