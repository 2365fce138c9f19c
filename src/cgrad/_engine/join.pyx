"""Concatenation."""
from cgrad._engine.types cimport *
from cgrad._engine.face import export
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport is_handle, promote_codes, row_of
from cgrad._engine.inplace cimport write_out
from cgrad._engine.loops cimport copy_cast
from cgrad._engine.primitives cimport cast
from cgrad._engine.rows cimport release, row_dense, row_view, value
from cgrad._engine.shape cimport integer, wrap_dim
from cgrad._engine.table cimport (
    Ctx, call1, calln, keep, op_id, register, scope_enter, scope_leave,
)

cdef int SLICE = op_id("slice"), CAT = op_id("cat")


# Attr: k[0] = dimension

cdef Row f_cat(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t[MAX_DIMS] shape
    cdef Value *v = value(x[0])
    cdef int dim = <int>at.k[0], i
    cdef int64_t offset = 0
    cdef Row y, part
    for i in range(v.ndim):
        shape[i] = v.shape[i]
    shape[dim] = 0
    for i in range(n):
        shape[dim] += value(x[i]).shape[dim]
    y = row_dense(v.dtype, v.ndim, shape)
    for i in range(n):
        v = value(x[i])
        part = row_view(y, v.ndim, v.shape, value(y).strides, offset)
        copy_cast(part, x[i])
        release(part)
        offset += v.shape[dim] * value(y).strides[dim]
    return y

cdef int d_cat(Ctx *c) except -1:
    cdef Attr at
    cdef int i, k, dim = <int>c.at.k[0]
    cdef int64_t start = 0
    cdef Value *v
    for i in range(c.n):
        v = value(c.x[i])
        if c.need[i]:
            at.k[0] = 0
            for k in range(v.ndim):
                at.d[k] = start if k == dim else 0
                at.d[MAX_DIMS + k] = 1
                at.d[2 * MAX_DIMS + k] = v.shape[k]
            c.out[i] = call1(SLICE, c.g, &at)
        start += v.shape[dim]
    return 0

register("cat", f_cat, d_cat)


def cat(tensors, dim=0, *, axis=None, out=None):
    """cat(tensors, dim=0, *, out=None) -> Tensor

    Tensors one after the other along an existing dimension.

    Shapes agree except in `dim`; one-dimensional empty tensors are ignored; dtypes are promoted.

    Example::

        >>> cgrad.cat([cgrad.ones(2), cgrad.zeros(1)])
        tensor([1., 1., 0.])
    """
    cdef int64_t mark, along
    cdef list rows_list = []
    cdef Attr at
    cdef int dt, i, k, n, d
    cdef Row r, first
    cdef Row *x
    cdef int64_t count
    cdef Value *v
    along = integer(dim if axis is None else axis, "cat", "dim")
    if is_handle(tensors):
        raise TypeError("cat(): argument 'tensors' must be a tuple of Tensors, not Tensor")
    tensors = tuple(tensors)           # holds what an iterator makes
    mark = scope_enter()
    try:
        for t in tensors:
            r = row_of(t, "cat")
            rows_list.append(r)
        if not rows_list:
            raise ValueError("cat(): expected a non-empty list of Tensors")
        dt = value(<Row>rows_list[0]).dtype
        for r in rows_list:
            dt = promote_codes(dt, value(r).dtype)
        full = [r for r in rows_list if not (value(<Row>r).ndim == 1 and value(<Row>r).numel == 0)]
        if not full:
            full = rows_list[:1]
        first = full[0]
        if value(first).ndim == 0:
            raise RuntimeError("cat(): zero-dimensional tensor (at position 0) cannot be "
                               "concatenated")
        d = wrap_dim(along, value(first).ndim, "cat")
        for i, r in enumerate(full):
            v = value(r)
            if v.ndim != value(first).ndim:
                raise RuntimeError(f"cat(): Tensors must have same number of dimensions: got "
                                   f"{value(first).ndim} and {v.ndim}")
            for k in range(v.ndim):
                if k != d and v.shape[k] != value(first).shape[k]:
                    raise RuntimeError(
                        f"cat(): Sizes of tensors must match except in dimension {d}. Expected "
                        f"size {value(first).shape[k]} but got size {v.shape[k]} for tensor "
                        f"number {i} in the list.")
        n = len(full)
        count = n
        x = <Row *>value(keep(row_dense(I32, 1, &count))).data
        for i in range(n):
            x[i] = cast(full[i], dt)
        at.k[0] = d
        first = calln(CAT, x, n, &at)
        if out is None:
            return wrap_borrowed(first)
        write_out(out, first, "cat")
        return out
    finally:
        scope_leave(mark)

export(cat, "concat", "concatenate", method=False)
