"""Views of any geometry, and changes of a tensor's own geometry in place.

Two operations make a view from sizes, strides and an offset.  ``as_strided`` looks into a flat row,
the whole storage, and carries history through in-place changes (inplace.pyx); it and
``strided_assign`` are each other's derivative.  ``strided`` looks into the memory of any tensor:
:func:`as_strided`, :func:`diagonal` and :meth:`Tensor.unfold` are made of it.

Note [Derivative of strided].  Input and output are two geometries over the same memory.  The
gradient is laid into a flat stretch of zeros by the geometry of the output, and read from there by
that of the input.  Where elements of the output share memory, their gradients are added up; where
elements of the input do, each gets the mean, as in PyTorch.
"""
from cgrad._engine.types cimport *
from cgrad._engine.face import export
from cgrad._engine.handle cimport (
    Handle, dtype, dtype_code, dtype_of, fresh_row, rebind, row_of, wrap,
)
from cgrad._engine.inplace cimport check_history, replace, write_out
from cgrad._engine.loops cimport copy_cast
from cgrad._engine.primitives cimport div, number, sizes, zeros, zeros_like
from cgrad._engine.rows cimport (
    item_size, node, release, retain, row_dense, row_detach, row_view, touched,
    value,
)
from cgrad._engine.shape cimport (
    dims_mask, int_dims, integer, parse_shape, reshaped, squeeze_mask, swap_attr,
    unsqueeze_row, wrap_dim,
)
from cgrad._engine.table cimport (
    Ctx, apply, call1, call2, grad_enable, grad_enabled, keep, op_id, register, scope_enter, scope_leave,
)
from cgrad._engine.take cimport index_backward, index_dims

cdef int AS_STRIDED = op_id("as_strided"), STRIDED_ASSIGN = op_id("strided_assign")
cdef int STRIDED = op_id("strided"), PERMUTE = op_id("permute")


# ---------------------------------------------------------------------------------------------
# Geometry

cdef int64_t _extent(int ndim, const int64_t *shape, const int64_t *strides) noexcept:
    # Elements from the first to the last one, both included; 0 if there are none.
    cdef int i
    cdef int64_t last = 0
    for i in range(ndim):
        if shape[i] == 0:
            return 0
        last += (shape[i] - 1) * strides[i]
    return last + 1


cdef bint _overlaps(int ndim, const int64_t *shape, const int64_t *strides) noexcept:
    # Whether elements may share memory: a stride does not lead past all smaller ones.
    cdef int i, k, best
    cdef int used = 0
    cdef int64_t last = 0
    for k in range(ndim):
        best = -1
        for i in range(ndim):
            if not used & (1 << i) and (best < 0 or strides[i] < strides[best]):
                best = i
        used |= 1 << best
        if shape[best] > 1:
            if strides[best] <= last:
                return True
            last += (shape[best] - 1) * strides[best]
    return False


cdef Row _places(int ndim, const int64_t *shape, const int64_t *strides, int64_t offset) except 0:
    """The positions of the elements of a geometry, an index row."""
    cdef Row r = keep(row_dense(I64, ndim, shape))
    cdef int64_t *p = <int64_t *>value(r).data
    cdef int64_t k, rest, at
    cdef int i
    for k in range(value(r).numel):
        rest = k
        at = offset
        for i in range(ndim - 1, -1, -1):
            at += rest % shape[i] * strides[i]
            rest = rest // shape[i]
        p[k] = at
    return r


# ---------------------------------------------------------------------------------------------
# Views of a flat row.  Attr: k[0] = ndim, k[1] = offset; d = shape, strides

cdef Row f_as_strided(int op, Row *x, int n, Attr *at) except 0:
    cdef Row a = x[0], y
    if value(a).contiguous:
        return row_view(a, <int>at.k[0], at.d, at.d + MAX_DIMS, at.k[1])
    a = row_dense(value(x[0]).dtype, value(x[0]).ndim, value(x[0]).shape)
    copy_cast(a, x[0])
    y = 0
    try:
        y = row_view(a, <int>at.k[0], at.d, at.d + MAX_DIMS, at.k[1])
    finally:
        release(a)
    return y

cdef int d_as_strided(Ctx *c) except -1:
    c.out[0] = _laid(c.g, c.at, value(c.x[0]).numel)
    return 0


cdef Row _laid(Row g, Attr *at, int64_t n) except 0:
    """n zeros with `g` laid in by a geometry: added up where elements share memory."""
    cdef int ndim = <int>at.k[0]
    if value(g).numel and _overlaps(ndim, at.d, at.d + MAX_DIMS):
        return index_backward(g, _places(ndim, at.d, at.d + MAX_DIMS, at.k[1]), 0, 1, 1, &n)
    return call2(STRIDED_ASSIGN, zeros(value(g).dtype, 1, &n), g, at)


register("as_strided", f_as_strided, d_as_strided)


cdef Row f_strided_assign(int op, Row *x, int n, Attr *at) except 0:
    cdef Row y = row_dense(value(x[0]).dtype, value(x[0]).ndim, value(x[0]).shape)
    cdef Row part
    copy_cast(y, x[0])
    try:
        part = row_view(y, <int>at.k[0], at.d, at.d + MAX_DIMS, at.k[1])
    except:
        release(y)
        raise
    copy_cast(part, x[1])
    release(part)
    return y

cdef int d_strided_assign(Ctx *c) except -1:
    cdef Value *v = value(c.x[1])
    if c.need[0]:
        c.out[0] = call2(STRIDED_ASSIGN, c.g, zeros(v.dtype, v.ndim, v.shape), c.at)
    if c.need[1]:
        c.out[1] = call1(AS_STRIDED, c.g, c.at)
    return 0

register("strided_assign", f_strided_assign, d_strided_assign)


# ---------------------------------------------------------------------------------------------
# Views of any tensor, Note [Derivative of strided].  Attr as above; the offset counts from the
# first element of the input

cdef Row f_strided(int op, Row *x, int n, Attr *at) except 0:
    return row_view(x[0], <int>at.k[0], at.d, at.d + MAX_DIMS, at.k[1])

cdef int d_strided(Ctx *c) except -1:
    cdef Value *v = value(c.x[0])
    cdef Attr at = c.at[0], back
    cdef int ndim = <int>at.k[0], i
    cdef int64_t low = min(at.k[1], 0), size
    cdef Row flat, places
    if v.numel == 0 or value(c.g).numel == 0:
        c.out[0] = zeros_like(c.x[0])
        return 0
    size = max(_extent(v.ndim, v.shape, v.strides),
               at.k[1] + _extent(ndim, at.d, at.d + MAX_DIMS)) - low
    at.k[1] -= low
    flat = _laid(c.g, &at, size)
    if _overlaps(v.ndim, v.shape, v.strides):
        places = _places(v.ndim, v.shape, v.strides, -low)
        # Each element of the input has a part in its memory; what it does not read counts 0.
        flat = div(flat, index_backward(_ones(c.g, places), places, 0, 1, 1, &size))
        c.out[0] = index_dims(flat, places, 0, 1)
        return 0
    back.k[0] = v.ndim
    back.k[1] = -low
    for i in range(v.ndim):
        back.d[i] = v.shape[i]
        back.d[MAX_DIMS + i] = v.strides[i]
    c.out[0] = call1(AS_STRIDED, flat, &back)
    return 0

register("strided", f_strided, d_strided)


cdef Row _ones(Row like, Row shape) except 0:
    cdef Row r = keep(row_dense(value(like).dtype, value(shape).ndim, value(shape).shape))
    copy_cast(r, number(1, like))
    return r


cdef object _view(Row x, int ndim, const int64_t *shape, const int64_t *strides, int64_t offset):
    # `offset` from the first element of x; the caller has checked that all lies in the storage.
    cdef Attr at
    cdef int i
    at.k[0] = ndim
    at.k[1] = offset
    for i in range(ndim):
        at.d[i] = shape[i]
        at.d[MAX_DIMS + i] = strides[i]
    return wrap(apply(STRIDED, &x, 1, &at))


def as_strided(input, size, stride, storage_offset=None):
    """as_strided(input, size, stride, storage_offset=None) -> Tensor

    The view of the memory of `input` that has the given sizes, strides and offset (of `input`
    unless given), all counted in elements.  Raises RuntimeError where it would leave the storage.
    Elements may share memory: their gradients are added up.

    Example::

        >>> cgrad.arange(4).as_strided((3, 2), (1, 1))
        tensor([[0, 1],
                [1, 2],
                [2, 3]])
    """
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t[MAX_DIMS] strides
    cdef int n = parse_shape((size,), shape, "as_strided"), i
    cdef int m = parse_shape((stride,), strides, "as_strided")
    cdef int64_t start = -1, limit, here, last = 0
    if storage_offset is not None:
        start = integer(storage_offset, "as_strided", "storage_offset")
        if start < 0:
            raise RuntimeError(f"as_strided: Tensor: invalid storage offset {start}")
    cdef Row x = row_of(input, "as_strided")
    cdef Value *v = value(x)
    here = (v.data - v.storage.data) // item_size(v.dtype)
    limit = v.storage.nbytes // item_size(v.dtype)
    if storage_offset is None:
        start = here
    if n != m:
        raise RuntimeError(f"as_strided: mismatch in length of strides and shape: {n} sizes, {m} "
                           "strides")
    for i in range(n):
        if strides[i] < 0:
            raise RuntimeError("as_strided: Negative strides are not supported at the moment, got "
                               f"strides: {[strides[k] for k in range(m)]}")
        if shape[i] < 0:
            raise RuntimeError("as_strided: sizes must not be negative, got "
                               f"{[shape[k] for k in range(n)]}")
    # The last element, in steps that cannot overflow.
    for i in range(n):
        if shape[i] == 0:
            last = -1
            break
        if shape[i] > 1 and strides[i] > 0:
            if shape[i] - 1 > (limit - last) // strides[i]:
                last = limit
            else:
                last += (shape[i] - 1) * strides[i]
    if last >= 0 and (start >= limit or last >= limit - start):
        raise RuntimeError(
            f"as_strided: setStorage: sizes {[shape[k] for k in range(n)]}, strides "
            f"{[strides[k] for k in range(m)]}, storage offset {start} are out of bounds for "
            f"storage of {limit} elements")
    return _view(x, n, shape, strides, start - here if last >= 0 else 0)


def diagonal(input, offset=0, dim1=0, dim2=1):
    """diagonal(input, offset=0, dim1=0, dim2=1) -> Tensor

    The view of the `offset`-th diagonal (0: the main one, > 0: above it) of the matrices that the
    dimensions `dim1` and `dim2` span; it becomes the last dimension.

    Example::

        >>> cgrad.tensor([[1., 2.], [3., 4.]]).diagonal()
        tensor([1., 4.])
    """
    cdef int64_t k = integer(offset, "diagonal", "offset"), down, right, count
    cdef int64_t first = integer(dim1, "diagonal", "dim1")
    cdef int64_t second = integer(dim2, "diagonal", "dim2")
    cdef Row x = row_of(input, "diagonal")
    cdef Value *v = value(x)
    cdef int a = wrap_dim(first, v.ndim, "diagonal"), b = wrap_dim(second, v.ndim, "diagonal")
    cdef int i, n = 0
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t[MAX_DIMS] strides
    if a == b:
        raise RuntimeError(f"diagonal: diagonal dimensions cannot be identical {dim1}, {dim2}")
    # Beyond the last diagonal, however far, there is none.
    down = min(-k, v.shape[a]) if k < 0 and k > -(<int64_t>1 << 62) else (v.shape[a] if k < 0 else 0)
    right = min(k, v.shape[b]) if k > 0 else 0
    count = max(0, min(v.shape[a] - down, v.shape[b] - right))
    for i in range(v.ndim):
        if i != a and i != b:
            shape[n] = v.shape[i]
            strides[n] = v.strides[i]
            n += 1
    shape[n] = count
    strides[n] = v.strides[a] + v.strides[b]
    return _view(x, n + 1, shape, strides,
                 down * v.strides[a] + right * v.strides[b] if v.numel and count else 0)


def unfold(self, dimension, size, step):
    """unfold(dimension, size, step) -> Tensor

    The view of all windows of `size` entries along a dimension, `step` apart; the windows stand
    along `dimension`, their entries in a new last dimension.

    Example::

        >>> cgrad.arange(1., 6.).unfold(0, 3, 1)
        tensor([[1., 2., 3.],
                [2., 3., 4.],
                [3., 4., 5.]])
    """
    cdef int64_t axis = integer(dimension, "unfold", "dimension")
    cdef int64_t length = integer(size, "unfold", "size"), by = integer(step, "unfold", "step")
    cdef Row x = row_of(self, "unfold")
    cdef Value *v = value(x)
    cdef int d = wrap_dim(axis, v.ndim, "unfold"), i
    cdef int64_t most = v.shape[d] if v.ndim else 1
    cdef int64_t[MAX_DIMS + 1] shape
    cdef int64_t[MAX_DIMS + 1] strides
    if length < 0:
        raise RuntimeError(f"unfold: size is {length} but must be >= 0")
    if length > most:
        raise RuntimeError(f"unfold: maximum size for tensor at dimension {d} is {most} but size "
                           f"is {length}")
    if by <= 0:
        raise RuntimeError(f"unfold: step is {by} but must be > 0")
    if v.ndim == MAX_DIMS:
        raise RuntimeError(f"unfold: tensors have at most {MAX_DIMS} dimensions")
    for i in range(v.ndim):
        shape[i] = v.shape[i]
        strides[i] = v.strides[i]
    shape[v.ndim] = length
    strides[v.ndim] = v.strides[d] if v.ndim else 1
    if v.ndim:
        shape[d] = (most - length) // by + 1
        strides[d] = v.strides[d] * by if shape[d] > 1 else v.strides[d]
    return _view(x, v.ndim + 1, shape, strides, 0)


# ---------------------------------------------------------------------------------------------
# Memory read as another type

def view(self, *shape):
    """view(*shape) or view(dtype) -> Tensor

    Like :func:`reshape`, but always shares memory: raises RuntimeError where it cannot.  With a
    dtype the same bytes read as numbers of that type, without history; the last dimension shrinks
    or grows with the size of an element.

    Example::

        >>> cgrad.arange(6).view(2, -1)
        tensor([[0, 1, 2],
                [3, 4, 5]])
    """
    if len(shape) == 1 and isinstance(shape[0], dtype):
        return _reinterpreted(self, dtype_code(shape[0], 0))
    return wrap(reshaped(self, shape, "view", True))


cdef object _reinterpreted(object input, int code):
    cdef Row x = row_of(input, "view"), r
    cdef Value *v = value(x)
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t[MAX_DIMS] strides
    cdef int64_t old = item_size(v.dtype), new = item_size(code), by
    cdef int i, last = v.ndim - 1
    if code == v.dtype:
        return wrap(reshaped(input, (sizes(x),), "view", True))
    for i in range(v.ndim):
        shape[i] = v.shape[i]
        strides[i] = v.strides[i]
    if old != new:
        if v.ndim == 0:
            raise RuntimeError(f"view(dtype): self.dim() cannot be 0 to view {dtype_of(v.dtype)!r} "
                               f"as {dtype_of(code)!r} (different element sizes)")
        if strides[last] != 1 and v.numel:
            raise RuntimeError("view(dtype): self.stride(-1) must be 1 to view "
                               f"{dtype_of(v.dtype)!r} as {dtype_of(code)!r} (different element "
                               f"sizes), but got {strides[last]}")
        by = max(old, new) // min(old, new)
        for i in range(v.ndim):
            if new > old and (shape[i] if i == last else strides[i]) % by and v.numel:
                raise RuntimeError("view(dtype): self.size(-1), strides and offset must be "
                                   f"divisible by {by} to view {dtype_of(v.dtype)!r} as "
                                   f"{dtype_of(code)!r}, but got shape {sizes(x)} and strides "
                                   f"{[strides[k] for k in range(v.ndim)]}")
            if i == last:
                shape[i] = shape[i] // by if new > old else shape[i] * by
            else:
                strides[i] = strides[i] // by if new > old else strides[i] * by
    if <size_t>v.data % new:
        raise RuntimeError(f"view(dtype): the first element is not aligned for "
                           f"{dtype_of(code)!r}")
    r = row_view(x, v.ndim, shape, strides, 0)
    value(r).dtype = <uint8_t>code
    row_detach(r)
    return wrap(r)


# ---------------------------------------------------------------------------------------------
# In place: the tensor becomes a view of itself

cdef int _become(Handle h, Row x, Row y, str name) except -1:
    """Let `h`, whose row is x, have the geometry of y, a view of x that the scope holds."""
    if y == x:
        touched(value(x))
        value(x).version = value(x).storage.version
        return 0
    retain(y)
    if node(y).n_in == 0:
        return replace(h, y)
    touched(value(x))
    value(y).version = value(x).storage.version
    rebind(h, y)
    return 0


cdef Row _own_row(object h, str name) except 0:
    """The row of a tensor whose geometry may be changed.  To be called in a scope; recording is on
    from here to `grad_enable(...)` if the tensor has history, which goes on even under no_grad: the
    rules behind it know the old shape only."""
    cdef Row x = row_of(h, name.encode())
    check_history(x, name)
    if node(x).n_in:
        grad_enable(True)
    return x


def transpose_(self, dim0, dim1):
    """transpose_(dim0, dim1) -> Tensor

    In-place version of :func:`transpose`.

    Example::

        >>> cgrad.zeros(2, 3).swapaxes_(0, 1).shape
        cgrad.Size([3, 2])
    """
    cdef int64_t first = integer(dim0, "transpose_", "dim0")
    cdef int64_t second = integer(dim1, "transpose_", "dim1"), mark = scope_enter()
    cdef bint on = grad_enabled()
    cdef Row x
    cdef Attr at
    try:
        x = _own_row(self, "transpose_")
        swap_attr(&at, value(x).ndim, first, second, "transpose_")
        _become(<Handle>self, x, call1(PERMUTE, x, &at), "transpose_")
        return self
    finally:
        grad_enable(on)
        scope_leave(mark)


def t_(self):
    """t_() -> Tensor

    In-place version of :func:`t`.

    Example::

        >>> cgrad.tensor([[1, 2], [3, 4]]).t_()
        tensor([[1, 3],
                [2, 4]])
    """
    cdef int ndim = value(row_of(self, "t_")).ndim
    if ndim > 2:
        raise RuntimeError(f"t_() expects a tensor with <= 2 dimensions, but self is {ndim}D")
    return transpose_(self, 0, ndim - 1 if ndim else 0)


def squeeze_(self, dim=None):
    """squeeze_(dim=None) -> Tensor

    In-place version of :func:`squeeze`.

    Example::

        >>> cgrad.zeros(1, 2).squeeze_().shape
        cgrad.Size([2])
    """
    cdef object dims = int_dims(dim, "squeeze_", "dim")
    cdef int64_t mark = scope_enter()
    cdef bint on = grad_enabled()
    cdef Row x
    try:
        x = _own_row(self, "squeeze_")
        _become(<Handle>self, x, squeeze_mask(x, 0 if dims == () else dims_mask(
            dims, value(x).ndim, "squeeze_")), "squeeze_")
        return self
    finally:
        grad_enable(on)
        scope_leave(mark)


def unsqueeze_(self, dim):
    """unsqueeze_(dim) -> Tensor

    In-place version of :func:`unsqueeze`.

    Example::

        >>> cgrad.zeros(2).unsqueeze_(0).shape
        cgrad.Size([1, 2])
    """
    cdef int64_t at = integer(dim, "unsqueeze_", "dim"), mark = scope_enter()
    cdef bint on = grad_enabled()
    cdef Row x
    try:
        x = _own_row(self, "unsqueeze_")
        _become(<Handle>self, x, unsqueeze_row(x, wrap_dim(at, value(x).ndim + 1, "unsqueeze_")),
                "unsqueeze_")
        return self
    finally:
        grad_enable(on)
        scope_leave(mark)


def as_strided_(self, size, stride, storage_offset=None):
    """as_strided_(size, stride, storage_offset=None) -> Tensor

    In-place version of :func:`as_strided`; not for tensors that require grad.

    Example::

        >>> cgrad.arange(4).as_strided_((2,), (2,))
        tensor([0, 2])
    """
    source = as_strided(self, size, stride, storage_offset)
    if source.requires_grad:
        raise RuntimeError("as_strided_: not supported on a tensor that requires grad; use "
                           "as_strided()")
    self.data = source
    return self


def store(out, result, str name):
    """Write the result of the function `name` into the tensor given as `out=`, and return that."""
    write_out(out, fresh_row(<Handle>result), name)
    return out


def storage_bytes(input):
    """Bytes of the memory that a tensor and its views share."""
    return value(row_of(input, "untyped_storage")).storage.nbytes


def same_memory(Handle h, Handle source):
    """Whether two tensors are the same stretch of the same memory."""
    cdef Row a = fresh_row(h), b = fresh_row(source)
    cdef Value *v = value(a)
    cdef Value *w = value(b)
    return (v.storage == w.storage and v.data == w.data and sizes(a) == sizes(b)
            and [v.strides[i] for i in range(v.ndim)] == [w.strides[i] for i in range(w.ndim)])


export(as_strided)
export(diagonal)
export(unfold, module=False)
export(view, module=False, renamed={"size": None, "dtype": None})
export(transpose_, "swapaxes_", "swapdims_", module=False,
       renamed={"axis0": "dim0", "axis1": "dim1"})
for _f in (t_, squeeze_, unsqueeze_, as_strided_):
    export(_f, module=False)
