"""Whole rows by index, embeddings, triangles, flips, diagonals.

Whatever selects is made of the operations in take.pyx.
"""
from libc.string cimport memset
import numpy as np
from cgrad._engine.types cimport *
from cgrad._engine.face import export
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.gather cimport integers, lift
from cgrad._engine.handle cimport (
    Handle, dtype_of, fresh_row, is_handle, is_number, row_of, scalar_row, wrap,
)
from cgrad._engine.inplace cimport assign, check_writable, write_out
from cgrad._engine.loops cimport copy_cast
from cgrad._engine.primitives cimport add, cast, eq, mul, number, reshape, sizes, tracked, where
from cgrad._engine.rows cimport item_size, release, row_dense, row_view, touched, value
from cgrad._engine.shape cimport clone, integer, parse_shape, slice_row, wrap_dim
from cgrad._engine.table cimport (
    Ctx, apply, call1, call2, keep, op_id, register, scope_enter, scope_leave,
)
from cgrad._engine.take cimport (
    f_index, index_add_into, index_backward, index_dims, index_row,
)

cdef int EMBEDDING = op_id("embedding")
cdef int TRIL = op_id("tril"), TRIU = op_id("triu"), FLIP = op_id("flip")


cdef object _finish(Row y, object out, str name):
    # The result as a tensor, or in the tensor given as `out=`.
    if out is None:
        return wrap_borrowed(y)
    write_out(out, y, name)
    return out


# ---------------------------------------------------------------------------------------------
# Rows

def select(input, dim, index):
    """select(input, dim, index) -> Tensor

    The view at one position of a dimension, which the result lacks.  Raises IndexError for a
    position out of range.

    Example::

        >>> cgrad.tensor([[1., 2.], [3., 4.]]).select(1, -1)
        tensor([2., 4.])
    """
    cdef int64_t axis = integer(dim, "select", "dim"), k = integer(index, "select", "index"), mark
    cdef Row x = row_of(input, "select")
    cdef Value *v = value(x)
    cdef Attr at
    cdef int i, d
    if v.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = wrap_dim(axis, v.ndim, "select")
    if k < -v.shape[d] or k >= v.shape[d]:
        raise IndexError(f"select(): index {k} out of range for tensor of size {sizes(x)} at "
                         f"dimension {d}")
    at.k[0] = 1 << d
    for i in range(v.ndim):
        at.d[i] = 0
        at.d[MAX_DIMS + i] = 1
        at.d[2 * MAX_DIMS + i] = v.shape[i]
    at.d[d] = k + v.shape[d] if k < 0 else k
    at.d[2 * MAX_DIMS + d] = 1
    mark = scope_enter()
    try:
        return wrap_borrowed(slice_row(x, &at))
    finally:
        scope_leave(mark)


def index_select(input, dim, index, *, out=None):
    """index_select(input, dim, index) -> Tensor

    A copy of the entries at `index` (int64 or int32, one dimension) along `dim`.  The gradient
    is added up at the entries read.  Raises IndexError for an index out of range.

    Example::

        >>> cgrad.index_select(cgrad.tensor([[1., 2.], [3., 4.]]), 1, cgrad.tensor([1, 1]))
        tensor([[2., 2.],
                [4., 4.]])
    """
    cdef int64_t axis = integer(dim, "index_select", "dim"), mark = scope_enter()
    cdef Row x, k, y
    cdef int d
    try:
        x = row_of(input, "index_select")
        k = integers(index, "index_select")
        d = wrap_dim(axis, value(x).ndim, "index_select")
        if value(k).ndim > 1:
            raise IndexError("index_select(): Index is supposed to be a vector, but has shape "
                             f"{sizes(k)}")
        y = lift(x)
        k = index_row(lift(k), value(y).shape[d], d, False, IndexError, "index_select")
        if value(x).ndim == 0 and value(k).numel != 1:
            raise IndexError("index_select(): Index to scalar can have only 1 value, got "
                             f"{value(k).numel} values")
        y = index_dims(y, k, d, 1)
        if value(x).ndim == 0:
            y = reshape(y, 0, NULL)
        return _finish(y, out, "index_select")
    finally:
        scope_leave(mark)


def take(input, index, *, out=None):
    """take(input, index) -> Tensor

    The elements at positions of the flattened `input`, in the shape of `index`; negative
    positions count from the end.

    Example::

        >>> cgrad.take(cgrad.tensor([[1., 2.], [3., 4.]]), cgrad.tensor([0, -1]))
        tensor([1., 4.])
    """
    cdef int64_t mark = scope_enter()
    cdef Row x, k
    cdef Storage *target = NULL
    try:
        x = row_of(input, "take")
        k = integers(index, "take")
        if is_handle(out):
            target = value(fresh_row(<Handle>out)).storage
        if target != NULL and (target == value(x).storage or target == value(k).storage):
            raise RuntimeError("take(): unsupported operation: some elements of the input tensor "
                               "and the written-to tensor refer to a single memory location. "
                               "Please clone() the tensor before performing the operation.")
        k = index_row(k, value(x).numel, 0, True, IndexError, "take")
        return _finish(index_dims(reshape(x, 1, &value(x).numel), k, 0, 1), out, "take")
    finally:
        scope_leave(mark)


cdef Row _add_source(Row x, int64_t dim, object index, object source, object alpha, Row *k,
                     int *d) except 0:
    # Checks the arguments of index_add; returns alpha * source, the index in `k`, dim in `d`.
    cdef Row s = row_of(source, "index_add"), y
    cdef int i
    k[0] = integers(index, "index_add")
    d[0] = wrap_dim(dim, value(x).ndim, "index_add")
    if value(k[0]).ndim > 1:
        raise IndexError("index_add_(): Index is supposed to be a vector")
    if value(s).dtype != value(x).dtype:
        raise RuntimeError("index_add_(): self and source must have the same scalar type, but got "
                           f"{dtype_of(value(x).dtype).name} and {dtype_of(value(s).dtype).name}")
    y = lift(x)
    s = lift(s)
    k[0] = lift(k[0])
    if value(s).ndim != value(y).ndim or value(s).shape[d[0]] != value(k[0]).numel:
        raise RuntimeError(f"index_add_(): Number of indices ({value(k[0]).numel}) should be equal "
                           f"to source.size(dim), but source has shape {sizes(s)} and dim is "
                           f"{d[0]}")
    for i in range(value(s).ndim):
        if i != d[0] and value(s).shape[i] != value(y).shape[i]:
            raise RuntimeError("source tensor shape must match self tensor shape, excluding the "
                               f"specified dimension. Got self.shape = {sizes(y)} source.shape "
                               f"= {sizes(s)}")
    k[0] = index_row(k[0], value(y).shape[d[0]], d[0], False, RuntimeError, "index_add")
    return s if alpha == 1 else mul(s, keep(scalar_row(alpha, value(s).dtype)))


cdef object _plain_alpha(object alpha, object source):
    # A number as a plain int or float.
    if isinstance(alpha, np.generic) or is_handle(alpha):
        alpha = alpha.item()
    if not is_number(alpha):
        raise TypeError(f"index_add(): argument 'alpha' must be Number, not {type(alpha).__name__}")
    if isinstance(alpha, float) and is_handle(source) and not source.dtype.is_floating_point:
        raise RuntimeError("index_add(): For integral input tensors, argument alpha must not be a "
                           "floating point number.")
    return alpha


cdef Row _index_added(Row x, Row s, Row k, int d) except 0:
    cdef Row y = lift(x)
    if value(y).dtype < I64:
        s = cast(s, I64)
    s = index_backward(s, k, d, 1, value(y).ndim, value(y).shape)
    y = add(y, cast(s, value(y).dtype))
    return y if value(x).ndim else reshape(y, 0, NULL)


def index_add(input, dim, index, source, *, alpha=1, out=None):
    """index_add(input, dim, index, source, *, alpha=1) -> Tensor

    A copy of `input` with ``alpha * source[i]`` added to its entry ``index[i]`` along `dim`.

    Example::

        >>> cgrad.index_add(cgrad.zeros(3), 0, cgrad.tensor([1, 1]), cgrad.tensor([2., 3.]))
        tensor([0., 5., 0.])
    """
    cdef int64_t axis = integer(dim, "index_add", "dim"), mark
    cdef Row x, s, k
    cdef int d
    alpha = _plain_alpha(alpha, source)
    mark = scope_enter()
    try:
        x = row_of(input, "index_add")
        s = _add_source(x, axis, index, source, alpha, &k, &d)
        return _finish(_index_added(x, s, k, d), out, "index_add")
    finally:
        scope_leave(mark)


def index_add_(self, dim, index, source, *, alpha=1):
    """index_add_(dim, index, source, *, alpha=1) -> Tensor

    In-place version of :func:`index_add`.

    Example::

        >>> cgrad.zeros(3).index_add_(0, cgrad.tensor([2, 2]), cgrad.ones(2))
        tensor([0., 0., 2.])
    """
    cdef int64_t axis = integer(dim, "index_add_", "dim"), mark
    cdef Row x, s, k
    cdef int d
    alpha = _plain_alpha(alpha, source)
    mark = scope_enter()
    try:
        x = row_of(self, "index_add_")
        s = _add_source(x, axis, index, source, alpha, &k, &d)
        if tracked(x, s) or not value(x).contiguous or value(x).dtype < I64 \
                or value(x).ndim == 0:
            assign(<Handle>self, _index_added(x, s, k, d), "index_add_")
            return self
        check_writable(<Handle>self, x, "index_add_")
        if not value(s).contiguous or value(s).storage == value(x).storage:
            s = clone(s)
        index_add_into(x, k, s, d, 1)
        touched(value(x))
        return self
    finally:
        scope_leave(mark)


# ---------------------------------------------------------------------------------------------
# Embedding.  Attr: k[0] = 0, k[1] = 1 as for index; k[2] = row that gets no gradient, or -1

cdef int d_embedding(Ctx *c) except -1:
    cdef Value *v = value(c.x[0])
    cdef Value *w = value(c.x[1])
    cdef int64_t[MAX_DIMS + 1] shape
    cdef Row g = c.g, padding
    cdef int i
    if c.at.k[2] >= 0:
        for i in range(w.ndim):
            shape[i] = w.shape[i]
        shape[w.ndim] = 1
        padding = eq(c.x[1], number(<double>c.at.k[2], c.x[1]))
        g = where(reshape(padding, w.ndim + 1, shape), number(0, g), g)
    c.out[0] = index_backward(g, c.x[1], 0, 1, v.ndim, v.shape)
    return 0

register("embedding", f_index, d_embedding, 2)


def embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    """embedding(weight, indices, padding_idx=-1) -> Tensor

    The rows of `weight` (a matrix) at `indices`, of shape ``(*indices.shape, weight.size(1))``.
    The gradient is added up row by row; row `padding_idx`, if not negative, gets none.  Raises
    IndexError for an index out of range.

    Example::

        >>> cgrad.embedding(cgrad.tensor([[1., 2.], [3., 4.]]), cgrad.tensor([1, 0]))
        tensor([[3., 4.],
                [1., 2.]])
    """
    cdef int64_t padding = -1 if padding_idx is None else integer(padding_idx, "embedding",
                                                                  "padding_idx")
    cdef int64_t mark
    cdef Row x, k
    cdef Attr at
    if scale_grad_by_freq or sparse:
        raise RuntimeError("embedding(): scale_grad_by_freq and sparse are not supported")
    mark = scope_enter()
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
        return wrap_borrowed(call2(EMBEDDING, x, k, &at))
    finally:
        scope_leave(mark)


# ---------------------------------------------------------------------------------------------
# Triangles.  Attr: k[0] = diagonal

cdef Row f_triangle(int op, Row *x, int n, Attr *at) except 0:
    cdef Value *v = value(x[0])
    cdef Row y = row_dense(v.dtype, v.ndim, v.shape)
    cdef int size = item_size(v.dtype)
    cdef int64_t rows = v.shape[v.ndim - 2], columns = v.shape[v.ndim - 1], r, cut
    cdef int64_t k = at.k[0]
    cdef char *p = value(y).data
    copy_cast(y, x[0])
    if columns == 0:
        return y
    # Row r of a matrix keeps the columns up to r + k (tril) or from there on (triu).
    for r in range(v.numel // columns):
        cut = r % rows + (k + 1 if op == TRIL else k)
        cut = 0 if cut < 0 else (columns if cut > columns else cut)
        if op == TRIL:
            memset(p + cut * size, 0, (columns - cut) * size)
        else:
            memset(p, 0, cut * size)
        p += columns * size
    return y

cdef int d_tril(Ctx *c) except -1:
    c.out[0] = call1(TRIL, c.g, c.at)
    return 0

cdef int d_triu(Ctx *c) except -1:
    c.out[0] = call1(TRIU, c.g, c.at)
    return 0

register("tril", f_triangle, d_tril)
register("triu", f_triangle, d_triu)


cdef Row _triangle(int op, object input, object diagonal, const char *name) except 0:
    cdef int64_t limit = <int64_t>1 << 40, k = integer(diagonal, name, "diagonal")
    cdef Row x = row_of(input, name)
    cdef Attr at
    if value(x).ndim < 2:
        raise RuntimeError(f"{name.decode()}: input tensor must have at least 2 dimensions")
    at.k[0] = max(-limit, min(limit, k))
    return call1(op, x, &at)


def tril(input, diagonal=0, *, out=None):
    """tril(input, diagonal=0) -> Tensor

    The lower triangle of a matrix or a batch of them, zeros elsewhere: what lies on and below the
    `diagonal`-th diagonal (0: the main one, > 0: above it).

    Example::

        >>> cgrad.tril(cgrad.ones(2, 3))
        tensor([[1., 0., 0.],
                [1., 1., 0.]])
    """
    cdef int64_t mark = scope_enter()
    try:
        return _finish(_triangle(TRIL, input, diagonal, "tril"), out, "tril")
    finally:
        scope_leave(mark)


def triu(input, diagonal=0, *, out=None):
    """triu(input, diagonal=0) -> Tensor

    The upper triangle: what lies on and above the `diagonal`-th diagonal, zeros elsewhere.

    Example::

        >>> cgrad.triu(cgrad.ones(2, 3), 1)
        tensor([[0., 1., 1.],
                [0., 0., 1.]])
    """
    cdef int64_t mark = scope_enter()
    try:
        return _finish(_triangle(TRIU, input, diagonal, "triu"), out, "triu")
    finally:
        scope_leave(mark)


def tril_(self, diagonal=0):
    """tril_(diagonal=0) -> Tensor

    In-place version of :func:`tril`.

    Example::

        >>> cgrad.ones(2, 2).tril_()
        tensor([[1., 0.],
                [1., 1.]])
    """
    cdef int64_t mark = scope_enter()
    try:
        assign(<Handle>self, _triangle(TRIL, self, diagonal, "tril_"), "tril_")
        return self
    finally:
        scope_leave(mark)


def triu_(self, diagonal=0):
    """triu_(diagonal=0) -> Tensor

    In-place version of :func:`triu`.

    Example::

        >>> cgrad.ones(2, 2).triu_()
        tensor([[1., 1.],
                [0., 1.]])
    """
    cdef int64_t mark = scope_enter()
    try:
        assign(<Handle>self, _triangle(TRIU, self, diagonal, "triu_"), "triu_")
        return self
    finally:
        scope_leave(mark)


# ---------------------------------------------------------------------------------------------
# Flips.  Attr: k[0] = dimensions (bits)

cdef Row f_flip(int op, Row *x, int n, Attr *at) except 0:
    cdef Value *v = value(x[0])
    cdef int64_t[MAX_DIMS] strides
    cdef int64_t offset = 0
    cdef int i
    cdef Row y, back
    for i in range(v.ndim):
        strides[i] = v.strides[i]
        if at.k[0] & (1 << i) and v.numel:
            offset += (v.shape[i] - 1) * v.strides[i]
            strides[i] = -v.strides[i]
    y = row_dense(v.dtype, v.ndim, v.shape)
    try:
        back = row_view(x[0], v.ndim, v.shape, strides, offset)
    except:
        release(y)
        raise
    copy_cast(y, back)
    release(back)
    return y

cdef int d_flip(Ctx *c) except -1:
    c.out[0] = call1(FLIP, c.g, c.at)
    return 0

register("flip", f_flip, d_flip)


def flip(input, *args, dims=None):
    """flip(input, dims) -> Tensor

    A copy in reverse order along the dimensions `dims`.

    Example::

        >>> cgrad.flip(cgrad.tensor([1., 2., 3.]), [0])
        tensor([3., 2., 1.])
    """
    cdef int64_t[MAX_DIMS] given
    cdef Attr at
    cdef int i, n = parse_shape(args if dims is None else (dims,), given, "flip")
    cdef Row x = row_of(input, "flip")
    cdef int64_t bit
    at.k[0] = 0
    for i in range(n):
        bit = 1 << wrap_dim(given[i], value(x).ndim, "flip")
        if at.k[0] & bit:
            raise RuntimeError(f"flip: dim {given[i]} appears multiple times in the list of dims")
        at.k[0] |= bit
    return wrap(apply(FLIP, &x, 1, &at))


# ---------------------------------------------------------------------------------------------
# Diagonals

def diag(input, diagonal=0, *, out=None):
    """diag(input, diagonal=0) -> Tensor

    From a vector the square matrix with it on the `diagonal`-th diagonal; from a matrix the
    vector of that diagonal (a copy).

    Example::

        >>> cgrad.diag(cgrad.tensor([1., 2.]))
        tensor([[1., 0.],
                [0., 2.]])
    """
    cdef int64_t d = integer(diagonal, "diag", "diagonal"), mark = scope_enter()
    cdef Row x = row_of(input, "diag"), k
    cdef int64_t down, right, count, i
    cdef int64_t[2] shape
    cdef int64_t *p
    try:
        if d > 1 << 30 or d < -(1 << 30):
            raise RuntimeError(f"diag(): diagonal {d} is out of range")
        down = -d if d < 0 else 0
        right = d if d > 0 else 0
        if value(x).ndim == 1:
            count = value(x).numel
            shape[0] = count + down + right
            shape[1] = shape[0]
        elif value(x).ndim == 2:
            shape[0] = value(x).shape[0]
            shape[1] = value(x).shape[1]
            count = max(0, min(shape[0] - down, shape[1] - right))
        else:
            raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {value(x).ndim}D")
        k = keep(row_dense(I64, 1, &count))
        p = <int64_t *>value(k).data
        for i in range(count):
            p[i] = (i + down) * shape[1] + i + right
        if value(x).ndim == 1:
            x = index_backward(x, k, 0, 2, 2, shape)
        else:
            x = index_dims(x, k, 0, 2)
        return _finish(x, out, "diag")
    finally:
        scope_leave(mark)


export(select)
export(index_select)
export(take)
export(index_add)
export(index_add_, module=False)
export(embedding, method=False)
for _f in (tril, triu):
    export(_f)
for _f in (tril_, triu_):
    export(_f, module=False)
export(flip)
export(diag)
