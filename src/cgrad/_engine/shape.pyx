"""Shapes and views: reshape, permute, expand, slices, copies.

Views are rows over the same storage; each is recorded as one operation whose derivative is the
inverse view of the gradient, or, for slices, the gradient laid into zeros.
"""
from libc.string cimport memcpy
from cgrad._engine.types cimport *
from cgrad._engine.face import export
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_of, is_handle, row_of, wrap
from cgrad._engine.loops cimport copy_cast
from cgrad._engine.primitives cimport permute, reshape, reshape_like, sizes, sum_to, zeros
from cgrad._engine.rows cimport item_size, release, row_dense, row_view, value
from cgrad._engine.table cimport (
    Ctx, apply, call1, call2, grad_enabled, op_id, register, scope_enter, scope_leave,
)

cdef int RESHAPE = op_id("reshape"), PERMUTE = op_id("permute"), EXPAND = op_id("expand")
cdef int CLONE = op_id("clone"), SLICE = op_id("slice")
cdef int SLICE_ASSIGN = op_id("slice_assign")


cdef int64_t integer(object x, const char *op, str name) except? -1:
    """An int argument.  Converting it may run code: to be done before rows are taken."""
    if type(x) is not int:
        if isinstance(x, float) or not hasattr(x, "__index__"):
            raise TypeError(f"{op.decode()}(): argument '{name}' must be int, not "
                            f"{type(x).__name__}")
        x = x.__index__()
    try:
        return x
    except OverflowError:
        raise RuntimeError(f"{op.decode()}(): argument '{name}': {x} does not fit into 64 bits") \
            from None


cdef object int_dims(object dim, const char *op, str name):
    """A `dim=` argument as None, an int or a tuple of ints; to be converted before rows are taken."""
    if dim is None or type(dim) is int:
        return dim
    if isinstance(dim, (tuple, list)):
        return tuple([integer(d, op, name) for d in dim])
    return integer(dim, op, name)


cdef int wrap_dim(int64_t dim, int ndim, const char *op) except -100:
    """A dimension counted from the end becomes one counted from the start."""
    cdef int n = ndim if ndim else 1
    if dim < -n or dim >= n:
        raise IndexError(f"{op.decode()}: Dimension out of range (expected to be in range of "
                         f"[{-n}, {n - 1}], but got {dim})")
    return <int>(dim + n if dim < 0 else dim)


cdef int64_t dims_mask(object dim, int ndim, const char *op) except -1:
    """A `dim=` argument (None or empty: all; an int; a sequence) as a set of bits."""
    cdef int64_t mask = 0, bit
    if dim is None:
        return (1 << ndim) - 1
    if isinstance(dim, int):
        return (1 << wrap_dim(dim, ndim, op)) if ndim else wrap_dim(dim, ndim, op)
    if is_handle(dim) or not hasattr(dim, "__iter__") or isinstance(dim, str):
        raise TypeError(f"{op.decode()}(): argument 'dim' must be int or a tuple of ints, not "
                        f"{type(dim).__name__}")
    for d in dim:
        bit = 1 << wrap_dim(d, ndim, op)
        if mask & bit:
            raise RuntimeError(f"{op.decode()}: dim {d} appears multiple times in the list of dims")
        mask |= bit
    if mask == 0:
        return (1 << ndim) - 1
    return mask & ((1 << ndim) - 1)


cdef int parse_shape(tuple args, int64_t *shape, const char *op) except -1:
    """Sizes given as separate integers or as one sequence; returns their number."""
    cdef int n = 0
    if len(args) == 1 and not isinstance(args[0], int) and hasattr(args[0], "__iter__"):
        args = tuple(args[0])
    if len(args) > MAX_DIMS:
        raise RuntimeError(f"{op.decode()}: a shape of {len(args)} dimensions; tensors have at "
                           f"most {MAX_DIMS}")
    for s in args:
        if is_handle(s):
            s = s.item()
        if isinstance(s, float) or not hasattr(s, "__index__"):
            raise TypeError(f"{op.decode()}(): sizes must be integers, but got "
                            f"{type(s).__name__}")
        try:
            shape[n] = s.__index__()
        except OverflowError:
            raise RuntimeError(f"{op.decode()}: size {s} does not fit into 64 bits") from None
        n += 1
    return n


# ---------------------------------------------------------------------------------------------
# Copies

cdef Row f_clone(int op, Row *x, int n, Attr *at) except 0:
    cdef Value *v = value(x[0])
    cdef Row y = row_dense(v.dtype, v.ndim, v.shape)
    if v.contiguous:
        memcpy(value(y).data, v.data, v.numel * item_size(v.dtype))
    else:
        copy_cast(y, x[0])
    return y

cdef int d_clone(Ctx *c) except -1:
    c.out[0] = c.g
    return 0

register("clone", f_clone, d_clone)


cdef Row clone(Row a) except 0:
    return call1(CLONE, a)


cdef Row contiguous(Row a) except 0:
    """`a` itself if it is row-major, else a copy."""
    return a if value(a).contiguous else call1(CLONE, a)


# ---------------------------------------------------------------------------------------------
# Views of all elements

cdef bint _view_strides(Value *v, int ndim, const int64_t *shape, int64_t *strides) noexcept:
    # Strides that show v in the new shape, if its memory allows: each run of old dimensions that
    # is one run in memory is cut into new dimensions.
    cdef int i, j = ndim - 1, k
    cdef int64_t run, base, want
    cdef int64_t[MAX_DIMS] size
    cdef int64_t[MAX_DIMS] step
    if v.numel == 0:
        run = 1
        for j in range(ndim - 1, -1, -1):
            strides[j] = run
            run *= shape[j] if shape[j] > 1 else 1
        return True
    i = 0
    for k in range(v.ndim):          # dimensions of size 1 have no say
        if v.shape[k] != 1:
            size[i] = v.shape[k]
            step[i] = v.strides[k]
            i += 1
    i -= 1
    while i >= 0:
        run = size[i]
        base = step[i]
        while i > 0 and step[i - 1] == size[i] * step[i]:
            i -= 1
            run *= size[i]
        want = 1
        while j >= 0 and (want < run or shape[j] == 1):
            strides[j] = want * base
            want *= shape[j]
            j -= 1
        if want != run:
            return False
        i -= 1
    while j >= 0:                # only ones are left
        strides[j] = 1
        j -= 1
    return True


cdef Row f_reshape(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t[MAX_DIMS] strides
    cdef Row a = x[0], y
    cdef int ndim = <int>at.k[0], i
    cdef int64_t count = 1
    for i in range(ndim):
        count *= at.d[i]
    if count != value(a).numel:      # the last line of defence: a `.data` of another size
        raise RuntimeError(f"reshape: {value(a).numel} elements cannot take the shape "
                           f"{[at.d[i] for i in range(ndim)]}")
    if value(a).contiguous:
        return row_view(a, ndim, at.d, NULL, 0)
    if _view_strides(value(a), ndim, at.d, strides):
        return row_view(a, ndim, at.d, strides, 0)
    a = f_clone(CLONE, &a, 1, NULL)
    y = row_view(a, ndim, at.d, NULL, 0)
    value(y).flags &= ~IS_VIEW   # a copy: an in-place change does not reach the input
    release(a)
    return y

cdef int d_reshape(Ctx *c) except -1:
    c.out[0] = reshape_like(c.g, c.x[0])
    return 0

register("reshape", f_reshape, d_reshape)


cdef Row f_permute(int op, Row *x, int n, Attr *at) except 0:
    cdef Value *v = value(x[0])
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t[MAX_DIMS] strides
    cdef int i
    for i in range(v.ndim):
        shape[i] = v.shape[at.d[i]]
        strides[i] = v.strides[at.d[i]]
    return row_view(x[0], v.ndim, shape, strides, 0)

cdef int d_permute(Ctx *c) except -1:
    cdef int64_t[MAX_DIMS] inverse
    cdef int i
    for i in range(value(c.y).ndim):
        inverse[c.at.d[i]] = i
    c.out[0] = permute(c.g, inverse)
    return 0

register("permute", f_permute, d_permute)


cdef Row f_expand(int op, Row *x, int n, Attr *at) except 0:
    cdef Value *v = value(x[0])
    cdef int64_t[MAX_DIMS] strides
    cdef int i, ndim = <int>at.k[0], extra = ndim - v.ndim
    cdef bint fits = extra >= 0
    for i in range(ndim):
        strides[i] = 0
        if i >= extra and fits and (v.shape[i - extra] != 1 or at.d[i] == 1):
            strides[i] = v.strides[i - extra]
            fits = v.shape[i - extra] == at.d[i]
    if not fits:                   # rules come here too, after `.data =` has changed a shape
        raise RuntimeError(f"expand: {[v.shape[i] for i in range(v.ndim)]} cannot take the shape "
                           f"{[at.d[i] for i in range(ndim)]}")
    return row_view(x[0], ndim, at.d, strides, 0)

cdef int d_expand(Ctx *c) except -1:
    c.out[0] = sum_to(c.g, c.x[0])
    return 0

register("expand", f_expand, d_expand)


# ---------------------------------------------------------------------------------------------
# Slices.  Attr: k[0] = dimensions squeezed away (bits); d = starts, steps, lengths

cdef Row f_slice(int op, Row *x, int n, Attr *at) except 0:
    cdef Value *v = value(x[0])
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t[MAX_DIMS] strides
    cdef int64_t offset = 0
    cdef int i, k = 0
    for i in range(v.ndim):
        offset += at.d[i] * v.strides[i]
        if not at.k[0] & (1 << i):
            shape[k] = at.d[2 * MAX_DIMS + i]
            strides[k] = v.strides[i] * at.d[MAX_DIMS + i]
            k += 1
    if v.numel == 0:
        offset = 0
    return row_view(x[0], k, shape, strides, offset)

cdef int d_slice(Ctx *c) except -1:
    cdef Value *v = value(c.x[0])
    cdef Row y = zeros(v.dtype, v.ndim, v.shape), part
    if grad_enabled():
        c.out[0] = call2(SLICE_ASSIGN, y, c.g, c.at)
        return 0
    part = f_slice(SLICE, &y, 1, c.at)
    copy_cast(part, c.g)
    release(part)
    c.out[0] = y
    return 0

register("slice", f_slice, d_slice)


cdef Row f_slice_assign(int op, Row *x, int n, Attr *at) except 0:
    # A copy of x[0] whose slice holds x[1].
    cdef Row y = f_clone(CLONE, x, 1, NULL)
    cdef Row part = f_slice(SLICE, &y, 1, at)
    copy_cast(part, x[1])
    release(part)
    return y

cdef int d_slice_assign(Ctx *c) except -1:
    cdef Value *v = value(c.x[1])
    if c.need[0]:
        c.out[0] = call2(SLICE_ASSIGN, c.g, zeros(v.dtype, v.ndim, v.shape), c.at)
    if c.need[1]:
        c.out[1] = call1(SLICE, c.g, c.at)
    return 0

register("slice_assign", f_slice_assign, d_slice_assign)


cdef Row slice_row(Row a, Attr *at) except 0:
    return call1(SLICE, a, at)


# ---------------------------------------------------------------------------------------------
# Public views

cdef int _infer(int n, int64_t *shape, int64_t numel, const char *op) except -1:
    # Replace a -1 in the shape and check the number of elements.
    cdef int i, hole = -1
    cdef int64_t known = 1
    for i in range(n):
        if shape[i] == -1:
            if hole >= 0:
                raise RuntimeError(f"{op.decode()}: only one dimension can be inferred")
            hole = i
        elif shape[i] < 0:
            raise RuntimeError(f"{op.decode()}: invalid shape dimension {shape[i]}")
        elif shape[i] and known > (<int64_t>1 << 62) // shape[i]:
            known = -1               # more elements than any tensor has
            break
        else:
            known *= shape[i]
    if hole >= 0 and known > 0 and numel % known == 0:
        shape[hole] = numel // known
        return 0
    if hole >= 0 and known == 0 and numel == 0:
        raise RuntimeError(f"{op.decode()}: cannot reshape tensor of 0 elements into shape "
                           f"{[shape[i] for i in range(n)]} because the unspecified dimension "
                           "size -1 can be any value and is ambiguous")
    if hole >= 0 or known != numel:
        raise RuntimeError(f"{op.decode()}: shape '{[shape[i] for i in range(n)]}' is invalid for "
                           f"input of size {numel}")
    return 0


cdef Row reshaped(object input, tuple args, const char *op, bint must_view) except 0:
    cdef Attr at
    cdef int64_t[MAX_DIMS] strides
    cdef Row x
    cdef int n = parse_shape(args, at.d, op)       # may run code: rows are taken afterwards
    x = row_of(input, op)
    _infer(n, at.d, value(x).numel, op)
    if must_view and not value(x).contiguous and not _view_strides(value(x), n, at.d, strides):
        raise RuntimeError(f"{op.decode()}: view size is not compatible with input tensor's size "
                           f"and stride (at least one dimension spans across two contiguous "
                           "subspaces). Use .reshape(...) instead.")
    at.k[0] = n
    return apply(RESHAPE, &x, 1, &at)


def reshape_(input, *shape):
    """reshape(input, shape) -> Tensor

    The same elements, row by row, in another shape; a view where the memory allows, else a copy.
    One size may be -1 and is then inferred.

    Example::

        >>> cgrad.arange(6).reshape(2, -1).shape
        cgrad.Size([2, 3])
    """
    return wrap(reshaped(input, shape, "reshape", False))


def permute_(input, *dims):
    """permute(input, dims) -> Tensor

    A view with the dimensions in the order `dims`.

    >>> cgrad.permute(cgrad.zeros(2, 3, 4), (2, 0, 1)).shape
    cgrad.Size([4, 2, 3])
    """
    cdef Attr at
    cdef int64_t[MAX_DIMS] order
    cdef int i, d, n = parse_shape(dims, order, "permute")
    cdef Row x = row_of(input, "permute")
    cdef int ndim = value(x).ndim
    cdef int seen = 0
    if n != ndim:
        raise RuntimeError(f"permute(sparse_coo): number of dimensions in the tensor input does "
                           f"not match the length of the desired ordering of dimensions i.e. "
                           f"input.dim() = {ndim} is not equal to len(dims) = {n}")
    for i in range(n):
        d = wrap_dim(order[i], ndim, "permute")
        if seen & (1 << d):
            raise RuntimeError("permute(): duplicate dims are not allowed.")
        seen |= 1 << d
        at.d[i] = d
    return wrap(apply(PERMUTE, &x, 1, &at))


def transpose(input, dim0, dim1):
    """transpose(input, dim0, dim1) -> Tensor

    A view with two dimensions swapped.

    >>> cgrad.transpose(cgrad.zeros(2, 3), 0, 1).shape
    cgrad.Size([3, 2])
    """
    cdef int64_t first = integer(dim0, "transpose", "dim0")
    cdef int64_t second = integer(dim1, "transpose", "dim1")
    cdef Row x = row_of(input, "transpose")
    cdef Attr at
    swap_attr(&at, value(x).ndim, first, second, "transpose")
    return wrap(apply(PERMUTE, &x, 1, &at))


cdef int swap_attr(Attr *at, int ndim, int64_t dim0, int64_t dim1, const char *op) except -1:
    """The attributes of the permutation that swaps two dimensions."""
    cdef int i, a = wrap_dim(dim0, ndim, op), b = wrap_dim(dim1, ndim, op)
    for i in range(ndim):
        at.d[i] = i
    if ndim:
        at.d[a] = b
        at.d[b] = a
    return 0


def t(input):
    """t(input) -> Tensor

    Transpose of a matrix; tensors of 0 or 1 dimensions are returned as they are.
    """
    cdef Row x = row_of(input, "t")
    if value(x).ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is "
                           f"{value(x).ndim}D")
    return transpose(input, 0, value(x).ndim - 1 if value(x).ndim else 0)


def expand_(self, *size):
    """expand(*sizes) -> Tensor

    A view in which dimensions of size 1 are repeated without a copy; -1 keeps a size, new
    dimensions go in front.

    >>> cgrad.tensor([1, 2]).expand(1, 2)
    tensor([[1, 2]])
    """
    cdef Attr at
    cdef int64_t count = 1
    cdef int i, n = parse_shape(size, at.d, "expand")
    cdef Row x = row_of(self, "expand")
    cdef Value *v = value(x)
    cdef int extra = n - v.ndim
    if extra < 0:
        raise RuntimeError(f"expand(size={[at.d[i] for i in range(n)]}): the number of sizes "
                           f"provided ({n}) must be greater or equal to the number of dimensions "
                           f"in the tensor ({v.ndim})")
    for i in range(n):
        if at.d[i] == -1 and i >= extra:
            at.d[i] = v.shape[i - extra]
        elif at.d[i] < 0:
            raise RuntimeError(f"expand: the expanded size of the tensor ({at.d[i]}) isn't "
                               f"allowed in a leading, non-existing dimension {i}")
        if i >= extra and v.shape[i - extra] != 1 and v.shape[i - extra] != at.d[i]:
            raise RuntimeError(
                f"expand: The expanded size of the tensor ({at.d[i]}) must match the existing "
                f"size ({v.shape[i - extra]}) at non-singleton dimension {i}. Target sizes: "
                f"{[at.d[k] for k in range(n)]}. Tensor sizes: {sizes(x)}")
    for i in range(n):
        if at.d[i] > 1 and count > (<int64_t>1 << 62) // at.d[i]:
            raise RuntimeError(f"expand: numel: integer multiplication overflow of "
                               f"{[at.d[k] for k in range(n)]}")
        count *= at.d[i] if at.d[i] else 1
    at.k[0] = n
    return wrap(apply(EXPAND, &x, 1, &at))


cdef Row squeeze_mask(Row a, int64_t mask) except 0:
    """Drop the dimensions of size 1 among those in `mask`."""
    cdef int64_t[MAX_DIMS] shape
    cdef int i, n = 0
    cdef Value *v = value(a)
    for i in range(v.ndim):
        if v.shape[i] != 1 or not mask & (1 << i):
            shape[n] = v.shape[i]
            n += 1
    return reshape(a, n, shape)


cdef Row unsqueeze_row(Row a, int dim) except 0:
    cdef int64_t[MAX_DIMS + 1] shape
    cdef int i, ndim = value(a).ndim
    if ndim == MAX_DIMS:
        raise RuntimeError(f"unsqueeze: tensors have at most {MAX_DIMS} dimensions")
    for i in range(ndim + 1):
        shape[i] = 1 if i == dim else value(a).shape[i - (i > dim)]
    return reshape(a, ndim + 1, shape)


def squeeze(input, dim=None):
    """squeeze(input, dim=None) -> Tensor

    A view without the dimensions of size 1, or without those of them named by `dim`.

    >>> cgrad.squeeze(cgrad.zeros(2, 1, 3)).shape
    cgrad.Size([2, 3])
    """
    cdef object dims = int_dims(dim, "squeeze", "dim")
    cdef int64_t mark = scope_enter()
    cdef Row x = row_of(input, "squeeze"), y
    try:
        y = squeeze_mask(x, 0 if dims == () else dims_mask(dims, value(x).ndim, "squeeze"))
        if y == x:
            y = reshape_copy(x)
        return wrap_borrowed(y)
    finally:
        scope_leave(mark)


cdef Row reshape_copy(Row x) except 0:
    # A view of the same shape as a tensor of its own.
    cdef Attr at
    cdef int i
    at.k[0] = value(x).ndim
    for i in range(value(x).ndim):
        at.d[i] = value(x).shape[i]
    return call1(RESHAPE, x, &at)


def unsqueeze(input, dim):
    """unsqueeze(input, dim) -> Tensor

    A view with a dimension of size 1 inserted at `dim` (-ndim-1 ... ndim).

    >>> cgrad.unsqueeze(cgrad.tensor([1, 2]), 0)
    tensor([[1, 2]])
    """
    cdef int64_t at = integer(dim, "unsqueeze", "dim"), mark = scope_enter()
    cdef Row x = row_of(input, "unsqueeze")
    try:
        return wrap_borrowed(unsqueeze_row(x, wrap_dim(at, value(x).ndim + 1, "unsqueeze")))
    finally:
        scope_leave(mark)


def narrow(input, dim, start, length):
    """narrow(input, dim, start, length) -> Tensor

    The view of `length` entries from `start` along one dimension.
    """
    cdef int64_t axis = integer(dim, "narrow", "dim"), begin, count
    if is_handle(start) and (start.dim() or start.dtype.is_floating_point
                             or start.dtype is dtype_of(BOOL)):
        raise RuntimeError("narrow(): start must be an 0-dim integral Tensor.")
    begin = integer(start, "narrow", "start")
    count = integer(length, "narrow", "length")
    cdef Row x = row_of(input, "narrow")
    cdef Value *v = value(x)
    cdef Attr at
    cdef int i, d
    if v.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if count < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {count}")
    d = wrap_dim(axis, v.ndim, "narrow")
    if begin < -v.shape[d] or begin > v.shape[d]:
        raise IndexError(f"narrow: start out of range (expected to be in range of "
                         f"[{-v.shape[d]}, {v.shape[d]}], but got {begin})")
    if begin < 0:
        begin += v.shape[d]
    if count > v.shape[d] - begin:
        raise RuntimeError(f"narrow: start ({begin}) + length ({count}) exceeds dimension size "
                           f"({v.shape[d]}).")
    at.k[0] = 0
    for i in range(v.ndim):
        at.d[i] = 0
        at.d[MAX_DIMS + i] = 1
        at.d[2 * MAX_DIMS + i] = v.shape[i]
    at.d[d] = begin
    at.d[2 * MAX_DIMS + d] = count
    return wrap(apply(SLICE, &x, 1, &at))


def clone_(input, *, memory_format=None):
    """clone(input) -> Tensor

    A copy with its own memory; gradients flow through.

    >>> cgrad.clone(cgrad.ones(2))
    tensor([1., 1.])
    """
    cdef Row x = row_of(input, "clone")
    return wrap(apply(CLONE, &x, 1, NULL))


def contiguous_(self, memory_format=None):
    """contiguous() -> Tensor

    The tensor itself if it is row-major in memory, else a copy that is.
    """
    cdef Row x = row_of(self, "contiguous")
    if value(x).contiguous:
        return self
    return wrap(apply(CLONE, &x, 1, NULL))


for _name, _f in (("reshape", reshape_), ("permute", permute_), ("clone", clone_),
                  ("expand", expand_), ("contiguous", contiguous_)):
    _f.__name__ = _f.__qualname__ = _name
export(reshape_, renamed={"shape": None})
export(permute_, renamed={"dims": None})
export(clone_)
export(expand_, renamed={"size": None}, module=False)
export(contiguous_, module=False)
export(transpose, "swapaxes", "swapdims", renamed={"axis0": "dim0", "axis1": "dim1"})
for _f in (t, squeeze, unsqueeze, narrow):
    export(_f)
