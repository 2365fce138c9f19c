"""Gradients of which only some rows are not zero: those of embeddings.

A table of 100,000 rows gets a gradient in the few that a batch has looked up.  Such a gradient
travels through the sweep as a row without a value of its own (Value.flags & SPARSE) that carries
an object of the class above this layer (`set_sparse_type`): indices, values, and the shape of the
whole.  Two of them are added by putting them side by side; with a dense one, or at a rule that
wants to compute with it, it becomes dense.
"""
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport carried, dtype_of, row_of
from cgrad._engine.take cimport index_row
from cgrad._engine.primitives cimport reshape, sizes
from cgrad._engine.rows cimport release, row_scalar, value
from cgrad._engine.table cimport (
    Ctx, call2, hold, keep, op_id, ops, register, scope_enter, scope_leave,
)

cdef int EMBEDDING = op_id("embedding"), EMBEDDING_SPARSE = op_id("embedding_sparse")
sparse_type = None


def set_sparse_type(cls):
    """Called once by the layer above: the class of sparse gradients."""
    global sparse_type
    sparse_type = cls


cdef bint is_sparse(Row r) noexcept:
    return value(r).flags & SPARSE


cdef object sparse_object(Row r):
    """The object that a sparse row carries."""
    return carried(r)["sparse"]


cdef object as_object(Row r):
    """The Python object of a gradient, dense or sparse; the row is borrowed."""
    return sparse_object(r) if is_sparse(r) else wrap_borrowed(r)


cdef Row sparse_row(object gradient, int dtype) except 0:
    """A row that carries a sparse gradient; the caller owns it."""
    cdef Row r = row_scalar(dtype)
    value(r).flags |= SPARSE
    try:
        carried(r, True)["sparse"] = gradient
    except:
        release(r)
        raise
    return r


cdef Row gradient_row(object gradient, Row like, const char *name) except 0:
    """The row of a gradient given by the user, dense or sparse, for a tensor `like`."""
    if sparse_type is not None and isinstance(gradient, sparse_type):
        check_sparse(gradient, like)
        return keep(sparse_row(gradient, value(like).dtype))
    return row_of(gradient, name)


cdef int check_sparse(object gradient, Row like) except -1:
    """Raise unless a sparse gradient fits a tensor."""
    if list(gradient.shape) != sizes(like) or gradient.dtype is not dtype_of(value(like).dtype):
        raise RuntimeError(f"assigned grad has shape {list(gradient.shape)} and dtype "
                           f"{gradient.dtype}, the tensor {sizes(like)} and "
                           f"{dtype_of(value(like).dtype)!r}")
    return 0


cdef Row dense(Row r) except 0:
    """A gradient with all its rows; `r` itself if it is not sparse."""
    cdef Row d
    if not is_sparse(r):
        return r
    t = sparse_object(r).to_dense()
    d = row_of(t, "backward")
    return hold(d)


cdef Row add_sparse(Row a, Row b) except 0:
    """The sum of two gradients at least one of which is sparse."""
    if is_sparse(a) and is_sparse(b):
        return keep(sparse_row(sparse_object(a) + sparse_object(b), value(a).dtype))
    return call2(op_id("add"), dense(a), dense(b))


# Attr: as for embedding.

cdef Row f_embedding_sparse(int op, Row *x, int n, Attr *at) except 0:
    return ops[EMBEDDING].forward(op, x, n, at)

cdef int d_embedding_sparse(Ctx *c) except -1:
    cdef Value *v = value(c.x[0])
    cdef int64_t[2] flat
    cdef Row g
    flat[0] = value(c.x[1]).numel
    flat[1] = v.shape[1]
    g = reshape(c.g, 2, flat)
    made = sparse_type(wrap_borrowed(reshape(c.x[1], 1, flat)), wrap_borrowed(g), sizes(c.x[0]))
    if c.at.k[2] >= 0:
        made = made.without(c.at.k[2])
    c.out[0] = keep(sparse_row(made, v.dtype))
    return 0

register("embedding_sparse", f_embedding_sparse, d_embedding_sparse, 2)


def embedding_sparse(weight, indices, padding_idx=-1):
    """embedding_sparse(weight, indices, padding_idx=-1) -> Tensor

    :func:`embedding` with a gradient that holds only the rows that were looked up.
    """
    cdef int64_t padding = -1 if padding_idx is None else padding_idx
    cdef int64_t mark = scope_enter()
    cdef Row x, k
    cdef Attr at
    try:
        x = row_of(weight, "embedding")
        k = row_of(indices, "embedding")
        if value(x).ndim != 2:
            raise RuntimeError(f"embedding(): 'weight' must be 2-D, but has shape {sizes(x)}")
        if value(k).dtype != I64 and value(k).dtype != I32:
            raise RuntimeError("embedding(): Expected tensor for argument #1 'indices' to have "
                               "one of the following scalar types: Long, Int; but got "
                               f"{dtype_of(value(k).dtype).name} instead")
        k = index_row(k, value(x).shape[0], 0, False, IndexError, "embedding")
        at.k[0] = 0
        at.k[1] = 1
        at.k[2] = padding
        return wrap_borrowed(call2(EMBEDDING_SPARSE, x, k, &at))
    finally:
        scope_leave(mark)
