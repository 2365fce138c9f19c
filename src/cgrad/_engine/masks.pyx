"""Masks: filling, selecting and finding elements."""
import numpy as np
from cgrad._engine.types cimport *
from cgrad._engine.elementwise cimport broadcast
from cgrad._engine.face import export
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.gather cimport lift
from cgrad._engine.handle cimport (
    Handle, dtype_of, fresh_row, is_handle, is_number, row_of, scalar_row, wrap,
)
from cgrad._engine.inplace cimport assign, check_writable, write_out
from cgrad._engine.loops cimport Plan, drive, plan_operand, where_loop
from cgrad._engine.primitives cimport cast, expand, sizes, tracked, where
from cgrad._engine.rows cimport row_dense, touched, value
from cgrad._engine.table cimport keep, op_id, scope_enter, scope_leave
from cgrad._engine.take cimport index_dims, mask_positions, position_column

cdef int WHERE = op_id("where")


cdef Row _mask(object mask, str message) except 0:
    cdef Row m = row_of(mask, "mask")
    if value(m).dtype != BOOL:
        raise RuntimeError(f"{message}, but got mask with dtype {dtype_of(value(m).dtype).name}")
    return m


cdef Row _fill_value(object v, int dtype) except 0:
    cdef Row r
    if is_handle(v):
        r = fresh_row(<Handle>v)
        if value(r).ndim:
            raise RuntimeError("masked_fill_ only supports a 0-dimensional value tensor, but got "
                               f"tensor with {value(r).ndim} dimension(s).")
        return cast(r, dtype)
    if isinstance(v, np.generic):
        v = v.item()
    if not is_number(v):
        raise TypeError(f"masked_fill(): value must be a number or a 0-d tensor, not "
                        f"{type(v).__name__}")
    return keep(scalar_row(v != 0 if dtype == BOOL else v, dtype))


def masked_fill(input, mask, value):
    """masked_fill(input, mask, value) -> Tensor

    `value` (a number or 0-d tensor) where `mask` (bool) is true, else `input`; the two are
    broadcast.  No gradient flows to the elements that are filled.

    Example::

        >>> x = cgrad.tensor([-1., 2.])
        >>> cgrad.masked_fill(x, x < 0, 0.0)
        tensor([0., 2.])
    """
    cdef int64_t mark = scope_enter()
    cdef Row x = row_of(input, "masked_fill"), m
    try:
        m = _mask(mask, "masked_fill_ only supports boolean masks")
        return wrap_borrowed(where(m, _fill_value(value, _dtype(x)), x))
    finally:
        scope_leave(mark)


cdef inline int _dtype(Row r) noexcept:
    # `value` is an argument of some functions.
    return value(r).dtype


cdef int fill_into(Row x, Row m, Row v) except -1:
    """x = v where m, straight in the memory of x; v has no dimensions."""
    cdef Plan p
    cdef int64_t[MAX_DIMS] shape
    cdef Row[2] both
    cdef Value *w = value(x)
    cdef int i, ndim
    both[0] = x
    both[1] = m
    ndim = broadcast(WHERE, both, 2, shape)
    for i in range(ndim):
        if ndim != w.ndim or shape[i] != w.shape[i]:
            raise RuntimeError(f"masked_fill_: output with shape {sizes(x)} doesn't match the "
                               f"broadcast shape {[shape[k] for k in range(ndim)]}")
    p.loop = where_loop(w.dtype)
    p.data = NULL
    p.n_operands = 4
    p.ndim = ndim
    for i in range(ndim):
        p.shape[i] = shape[i]
    plan_operand(&p, 0, m, ndim, shape)
    plan_operand(&p, 1, v, ndim, shape)
    plan_operand(&p, 2, x, ndim, shape)
    plan_operand(&p, 3, x, ndim, shape)
    drive(&p, True)
    touched(w)
    return 0


def masked_fill_(self, mask, value):
    """masked_fill_(mask, value) -> Tensor

    In-place version of :func:`masked_fill`.

    Example::

        >>> x = cgrad.tensor([1.0, -2.0])
        >>> x.masked_fill_(x < 0, 0.0)
        tensor([1., 0.])
    """
    cdef int64_t mark = scope_enter()
    cdef Row x = row_of(self, "masked_fill_"), m, v
    try:
        m = _mask(mask, "masked_fill_ only supports boolean masks")
        v = _fill_value(value, _dtype(x))
        if tracked(x, v) or _shares(m, x):
            assign(<Handle>self, where(m, v, x), "masked_fill_")
        else:
            check_writable(<Handle>self, x, "masked_fill_")
            fill_into(x, m, v)
        return self
    finally:
        scope_leave(mark)


cdef bint _shares(Row a, Row b) noexcept:
    return value(a).storage == value(b).storage


def masked_select(input, mask, *, out=None):
    """masked_select(input, mask) -> Tensor

    The elements of `input` where `mask` (bool) is true, in one dimension; the two are broadcast.

    Example::

        >>> x = cgrad.tensor([-1., 2., 3.])
        >>> cgrad.masked_select(x, x > 0)
        tensor([2., 3.])
    """
    cdef int64_t mark = scope_enter()
    cdef Row[2] x
    cdef int64_t[MAX_DIMS] shape
    cdef int ndim
    cdef Row y
    try:
        x[0] = row_of(input, "masked_select")
        x[1] = _mask(mask, "masked_select: expected BoolTensor for mask")
        ndim = broadcast(WHERE, x, 2, shape)
        y = lift(expand(x[0], ndim, shape))
        x[1] = lift(expand(x[1], ndim, shape))
        y = index_dims(y, mask_positions(x[1]), 0, value(y).ndim)
        if out is None:
            return wrap_borrowed(y)
        write_out(out, y, "masked_select")
        return out
    finally:
        scope_leave(mark)


def nonzero(input, *, as_tuple=False, out=None):
    """nonzero(input, *, as_tuple=False) -> Tensor or tuple of Tensors

    The indices of the nonzero elements in row-major order, as the rows of an int64 matrix of
    shape (count, ndim); with `as_tuple` as its columns, which index `input`.

    Example::

        >>> cgrad.nonzero(cgrad.tensor([0, 3, 5]))
        tensor([[1],
                [2]])
    """
    cdef int64_t mark = scope_enter()
    cdef Row x = row_of(input, "nonzero"), positions, y
    cdef int64_t[2] shape
    cdef int i, ndim = value(x).ndim
    try:
        if as_tuple:
            x = lift(x)
        positions = mask_positions(x)
        if as_tuple:
            columns = []
            for i in range(value(x).ndim):
                y = row_dense(I64, 1, value(positions).shape)
                position_column(positions, x, i, <int64_t *>value(y).data, 1)
                columns.append(wrap(y))
            return tuple(columns)
        shape[0] = value(positions).numel
        shape[1] = ndim
        y = keep(row_dense(I64, 2, shape))
        for i in range(ndim):
            position_column(positions, x, i, <int64_t *>value(y).data + i, ndim)
        if out is None:
            return wrap_borrowed(y)
        write_out(out, y, "nonzero")
        return out
    finally:
        scope_leave(mark)


export(masked_fill)
export(masked_fill_, module=False)
export(masked_select)
export(nonzero)
