"""scatter: elements written, added or folded at an index along one dimension.

Where elements are folded with *, max or min, one operation of the table does it; sums are
``gather_backward``, and means are composed (`_composite/indexing.py`).
"""
import numpy as np
from cgrad._engine.types cimport *
from cgrad._engine.face import export
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.gather cimport (
    ADD, LARGEST, MULTIPLY, SMALLEST, WRITE, dense_copy, element_index, gather_backward, lift, walk,
)
from cgrad._engine.handle cimport Handle, dtype_of, is_handle, is_number, row_of, scalar_row
from cgrad._engine.inplace cimport assign, check_writable, write_out
from cgrad._engine.loops cimport copy_cast
from cgrad._engine.primitives cimport (
    add, both, cast, div, eq, expand, mul, number, reshape, sizes, sum_dims, tracked, where,
)
from cgrad._engine.rows cimport release, row_dense, touched, value
from cgrad._engine.shape cimport clone, integer, slice_row, wrap_dim
from cgrad._engine.table cimport (
    Ctx, call1, call2, call3, grad_enabled, keep, op_id, register, scope_enter, scope_leave,
)

cdef int GATHER = op_id("gather"), SCATTER = op_id("scatter")
cdef int SCATTER_REDUCE = op_id("scatter_reduce")


# ---------------------------------------------------------------------------------------------
# Folding.  Inputs: self, index, src; attr: k[0] = dim, k[1] = what `walk` does

cdef Row f_scatter_reduce(int op, Row *x, int n, Attr *at) except 0:
    cdef int dt = value(x[0]).dtype
    cdef Row y = row_dense(dt, value(x[0]).ndim, value(x[0]).shape), src = 0
    try:
        copy_cast(y, x[0])
        src = dense_copy(x[2], dt)
        walk(<int>at.k[1], y, x[1], src, <int>at.k[0])
    except:
        release(y)
        raise
    release(src)
    return y


cdef int d_scatter_reduce(Ctx *c) except -1:
    if c.at.k[1] == MULTIPLY:
        return _of_product(c)
    return _of_extreme(c)


cdef int _of_extreme(Ctx *c) except -1:
    # The gradient is shared evenly by all that equal the extreme.
    cdef Row zero = number(0, c.g), mine, theirs, share
    cdef Attr at
    at.k[0] = c.at.k[0]
    mine = eq(c.x[0], c.y)
    theirs = eq(c.x[2], call2(GATHER, c.y, c.x[1], &at))
    share = gather_backward(cast(theirs, value(c.g).dtype), c.x[1], <int>at.k[0],
                            value(c.y).ndim, value(c.y).shape)
    share = div(c.g, add(share, cast(mine, value(c.g).dtype)))
    if c.need[0]:
        c.out[0] = where(mine, share, zero)
    if c.need[2]:
        c.out[2] = where(theirs, call2(GATHER, share, c.x[1], &at), zero)
    return 0


cdef Row f_first_only(int op, Row *x, int n, Attr *at) except 0:
    cdef Row y = row_dense(value(x[0]).dtype, value(x[0]).ndim, value(x[0]).shape)
    copy_cast(y, x[0])
    return y

cdef int d_first_only(Ctx *c) except -1:
    raise RuntimeError("scatter_reduce: the second derivative of 'prod' is not available where two "
                       "or more factors of one place are zero")

cdef int FIRST_ONLY = register("first_only", f_first_only, d_first_only)


cdef bint _two_zeros(Row count) noexcept:
    cdef Value *v = value(count)
    cdef int64_t i
    for i in range(v.numel):
        if ((<float *>v.data)[i] if v.dtype == F32 else (<double *>v.data)[i]) >= 2:
            return True
    return False


cdef int _of_product(Ctx *c) except -1:
    # The product of the others: divided by the factor, or computed without it where it is 0.
    cdef Row one = number(1, c.g), zero = number(0, c.g), none, count, alone, rest, x, zeros
    cdef Attr at
    cdef int i
    at.k[0] = c.at.k[0]
    if c.need[0]:
        x = where(eq(c.x[0], zero), one, c.x[0])
        c.out[0] = div(mul(c.g, call3(SCATTER_REDUCE, x, c.x[1], c.x[2], c.at)), x)
    if c.need[2]:
        none = eq(c.x[2], zero)
        count = gather_backward(cast(none, value(c.g).dtype), c.x[1], <int>at.k[0],
                                value(c.y).ndim, value(c.y).shape)
        alone = both(none, eq(call2(GATHER, count, c.x[1], &at), one))
        rest = call3(SCATTER_REDUCE, c.x[0], c.x[1], where(alone, one, c.x[2]), c.at)
        c.out[2] = where(
            alone, call2(GATHER, mul(c.g, rest), c.x[1], &at),
            div(call2(GATHER, mul(c.g, c.y), c.x[1], &at), where(none, one, c.x[2])))
    if grad_enabled():
        # Without two of the zeros the product may have a slope, which these formulas do not know.
        zeros = add(gather_backward(cast(eq(c.x[2], zero), value(c.g).dtype), c.x[1],
                                    <int>at.k[0], value(c.y).ndim, value(c.y).shape),
                    cast(eq(c.x[0], zero), value(c.g).dtype))
        if _two_zeros(zeros):
            for i in (0, 2):
                if c.need[i] and tracked(c.out[i], c.out[i]):
                    c.out[i] = call1(FIRST_ONLY, c.out[i])
    return 0

register("scatter_reduce", f_scatter_reduce, d_scatter_reduce, 7 | SAVES_OUTPUT, 0,
         7 | SAVES_OUTPUT)


# ---------------------------------------------------------------------------------------------
# Public functions

cdef Row _source(Row x, Row k, object src, int dim, const char *op) except 0:
    # The part of `src` that an index uses, or a 0-d row for a number.
    cdef Row s
    cdef Attr at
    cdef int i
    if not is_handle(src):
        return keep(scalar_row(src, value(x).dtype))
    s = lift(row_of(src, op))
    if value(s).dtype != value(x).dtype:
        raise RuntimeError(f"{op.decode()}(): Expected self.dtype to be equal to src.dtype, but "
                           f"got {dtype_of(value(x).dtype).name} and "
                           f"{dtype_of(value(s).dtype).name}")
    if value(k).numel == 0:          # any shape will do: no element of it is used
        for i in range(value(s).ndim):
            at.d[i] = 0
            at.d[MAX_DIMS + i] = 1
            at.d[2 * MAX_DIMS + i] = 0
        at.k[0] = 0
        return slice_row(s, &at)
    if value(s).ndim != value(k).ndim:
        raise RuntimeError(f"{op.decode()}(): Index tensor must have the same number of "
                           f"dimensions as src tensor, but has {value(k).ndim} and src "
                           f"{value(s).ndim}")
    at.k[0] = 0
    for i in range(value(k).ndim):
        if value(k).shape[i] > value(s).shape[i]:
            raise RuntimeError(f"{op.decode()}(): Expected index {sizes(k)} to be no larger than "
                               f"self {sizes(x)} apart from dimension {dim} and to be no larger "
                               f"size than src {sizes(s)}")
        at.d[i] = 0
        at.d[MAX_DIMS + i] = 1
        at.d[2 * MAX_DIMS + i] = min(value(k).shape[i], value(s).shape[i])
    return slice_row(s, &at)


cdef Row _scattered(Row x, int64_t dim, object index, object src, int mode,
                    const char *op) except 0:
    # The result of all functions here.
    cdef Attr at
    cdef int ndim = value(x).ndim, dt = value(x).dtype
    cdef Row k, s, y
    at.k[0] = wrap_dim(dim, ndim, op)
    at.k[1] = mode
    y = lift(x)
    k = element_index(y, index, <int>at.k[0], op)
    s = _source(y, k, src, <int>at.k[0], op)
    if value(k).numel == 0:
        y = clone(y)
        if value(s).ndim:        # no elements either: `src` only becomes part of the graph
            s = sum_dims(s, (1 << value(s).ndim) - 1, False)
            y = add(y, cast(s, value(y).dtype))
    elif mode == WRITE:
        y = call3(SCATTER, y, k, s, &at)
    else:
        s = expand(s, value(k).ndim, value(k).shape)
        if dt < I64:             # small integers are computed as int64
            s = cast(s, I64)
        if mode == ADD:
            s = gather_backward(s, k, <int>at.k[0], value(y).ndim, value(y).shape)
            y = add(y, cast(s, dt))
        else:
            y = cast(call3(SCATTER_REDUCE, cast(y, value(s).dtype), k, s, &at), dt)
    return y if ndim else reshape(y, 0, NULL)


cdef object _argument(object src, object value, str op):
    # What is scattered: a tensor or a plain number.
    if src is None or (value is not None and src is not None):
        if src is None and value is not None:
            src = value
        else:
            raise TypeError(f"{op}() takes a Tensor `src` or a number `value`")
    if isinstance(src, np.generic):
        src = src.item()
    if not is_handle(src) and not is_number(src):
        raise TypeError(f"{op}(): expected a Tensor or a number, but got {type(src).__name__}")
    return src


cdef int _mode(object reduce, str op) except -1:
    if reduce is None:
        return WRITE
    if reduce == "add":
        return ADD
    if reduce == "multiply":
        return MULTIPLY
    raise RuntimeError(f"{op}(): reduce argument must be either add or multiply, got {reduce!r}")


cdef object _scatter(object input, object dim, object index, object src, int mode,
                     const char *op, object out):
    cdef int64_t along = integer(dim, op, "dim"), mark = scope_enter()
    cdef Row y
    try:
        y = _scattered(row_of(input, op), along, index, src, mode, op)
        if out is None:
            return wrap_borrowed(y)
        write_out(out, y, op.decode())
        return out
    finally:
        scope_leave(mark)


def scatter(input, dim, index, src=None, *, value=None, reduce=None, out=None):
    """scatter(input, dim, index, src) -> Tensor

    A copy of `input` with the elements of `src` (a tensor of its dtype, or a number) written at
    `index` along `dim`, the reverse of :func:`gather`: for dim 0, out[index[i][j]][j] = src[i][j].
    Where an index occurs twice the last one counts.  ``reduce="add"`` adds instead, "multiply"
    multiplies.

    Example::

        >>> cgrad.zeros(2, 3).scatter(1, cgrad.tensor([[2], [0]]), 1.0)
        tensor([[0., 0., 1.],
                [1., 0., 0.]])
    """
    src = _argument(src, value, "scatter")
    return _scatter(input, dim, index, src, _mode(reduce, "scatter"), "scatter", out)


def scatter_add(input, dim, index, src, *, out=None):
    """scatter_add(input, dim, index, src) -> Tensor

    A copy of `input` with the elements of `src` added at `index` along `dim`; the sums are formed
    in the order of `index`.

    Example::

        >>> cgrad.zeros(3).scatter_add(0, cgrad.tensor([0, 2, 2]), cgrad.tensor([1., 2., 3.]))
        tensor([1., 0., 5.])
    """
    return _scatter(input, dim, index, _argument(src, None, "scatter_add"), ADD, "scatter_add", out)


def fold(input, dim, index, src, reduce):
    """fold(input, dim, index, src, reduce) -> Tensor

    `input` with the elements of `src` folded into it at `index` along `dim` by "prod", "amax" or
    "amin": the part of :func:`scatter_reduce` that is no composition.
    """
    cdef int mode = {"prod": MULTIPLY, "amax": LARGEST, "amin": SMALLEST}[reduce]
    return _scatter(input, dim, index, src, mode, "scatter_reduce", None)


cdef int _scatter_inplace(object h, object dim, object index, object src, int mode,
                          const char *op) except -1:
    cdef int64_t along = integer(dim, op, "dim"), mark = scope_enter()
    cdef Row x, k, s
    cdef int d
    try:
        x = row_of(h, op)
        if (value(x).ndim == 0 or tracked(x, row_of(src, op) if is_handle(src) else x)
                or (mode != WRITE and (value(x).dtype < I64 or not is_handle(src)))):
            return assign(<Handle>h, _scattered(x, along, index, src, mode, op), op.decode())
        # Straight into the memory.
        check_writable(<Handle>h, x, op.decode())
        d = wrap_dim(along, value(x).ndim, op)
        k = element_index(x, index, d, op)
        s = _source(x, k, src, d, op)
        if not value(s).contiguous or value(s).storage == value(x).storage:
            s = clone(s)
        walk(mode, x, k, s, d)
        touched(value(x))
        return 0
    finally:
        scope_leave(mark)


def scatter_(self, dim, index, src=None, *, value=None, reduce=None):
    """scatter_(dim, index, src) -> Tensor

    In-place version of :func:`scatter`.

    Example::

        >>> cgrad.zeros(3).scatter_(0, cgrad.tensor([2, 0]), cgrad.tensor([5.0, 6.0]))
        tensor([6., 0., 5.])
    """
    src = _argument(src, value, "scatter_")
    _scatter_inplace(self, dim, index, src, _mode(reduce, "scatter_"), "scatter_")
    return self


def scatter_add_(self, dim, index, src):
    """scatter_add_(dim, index, src) -> Tensor

    In-place version of :func:`scatter_add`.

    Example::

        >>> cgrad.zeros(3).scatter_add_(0, cgrad.tensor([2, 2]), cgrad.ones(2))
        tensor([0., 0., 2.])
    """
    _scatter_inplace(self, dim, index, _argument(src, None, "scatter_add_"), ADD, "scatter_add_")
    return self


export(scatter)
export(scatter_add)
export(scatter_, module=False)
export(scatter_add_, module=False)
