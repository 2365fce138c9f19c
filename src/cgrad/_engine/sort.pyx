"""Order along one dimension: positions of sorted, first k, k-th, median and most frequent
elements; binary search.

Only positions are computed here (NaN greater than all, equal elements in their order); values are
gathered at them, which gives all derivatives.
"""
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport row_of
from cgrad._engine.inplace cimport write_out
from cgrad._engine.loops cimport NOGIL, copy_cast
from cgrad._engine.primitives cimport cast, reshape
from cgrad._engine.rows cimport item_size, release, row_dense, value
from cgrad._engine.shape cimport int_dims, squeeze_mask, wrap_dim
from cgrad._engine.softmax cimport dense
from cgrad._engine.table cimport call1, call2, hold, keep, op_id, register, scope_enter, scope_leave
from cgrad._engine.threads import get_num_threads
from cgrad._engine.threads cimport parallel_for

cdef extern from "../_kernels/sort.h":
    int64_t cg_order_scratch(int64_t n) nogil
    void cg_first_k(int dtype, const char *x, int64_t n, int64_t step, int64_t k, int descending,
                    void *scratch, int64_t *out, int64_t out_step) nogil
    int64_t cg_kth(int dtype, const char *x, int64_t n, int64_t step, int64_t k,
                   void *scratch) nogil
    int64_t cg_median(int dtype, const char *x, int64_t n, int64_t step, int skip,
                      void *scratch) nogil
    int64_t cg_mode(int dtype, const char *x, int64_t n, int64_t step, void *scratch) nogil
    void cg_search(int dtype, const void *sorted, const int64_t *order, int64_t n, int one,
                   const void *x, int64_t per, int64_t begin, int64_t end, int right,
                   int64_t *out) nogil

cdef int GATHER = op_id("gather")
cdef enum:
    PARTS = 64                # lines are handed to threads in at most so many parts
    MANY = 1 << 24            # bytes

cdef enum:                    # what `order` looks for
    FIRST = 0
    KTH = 1
    MEDIAN = 2
    NANMEDIAN = 3
    MODE = 4

_MODES = {"first": FIRST, "kth": KTH, "median": MEDIAN, "nanmedian": NANMEDIAN, "mode": MODE}


# ---------------------------------------------------------------------------------------------
# Attr: k[0] = dim, k[1] = what, k[2] = entries along dim of the result; k[3] = descending,
# or the place looked for

cdef struct Order:
    int what
    int dtype
    int descending
    int64_t place             # of the element that is looked for in the sorted line
    int ndim                  # dimensions other than the sorted one
    int64_t n
    int64_t k
    int64_t step              # bytes along the sorted dimension
    int64_t inner             # distance of two results of a line
    int64_t lines
    int64_t parts
    int64_t shape[MAX_DIMS]
    int64_t steps[MAX_DIMS]   # bytes
    char *x
    int64_t *y
    char *scratch
    int64_t scratch_size      # of a part


cdef void _order(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Order *o = <Order *>ctx
    cdef int64_t part, line, rest, up
    cdef char *x
    cdef int64_t *y
    cdef void *scratch
    cdef int i
    for part in range(begin, end):
        scratch = o.scratch + part * o.scratch_size
        for line in range(o.lines * part // o.parts, o.lines * (part + 1) // o.parts):
            x = o.x
            rest = line
            for i in range(o.ndim - 1, -1, -1):
                up = rest // o.shape[i]
                x += (rest - up * o.shape[i]) * o.steps[i]
                rest = up
            y = o.y + line // o.inner * o.inner * o.k + line % o.inner
            if o.what == FIRST:
                cg_first_k(o.dtype, x, o.n, o.step, o.k, o.descending, scratch, y, o.inner)
            elif o.what == KTH:
                y[0] = cg_kth(o.dtype, x, o.n, o.step, o.place, scratch)
            elif o.what == MODE:
                y[0] = cg_mode(o.dtype, x, o.n, o.step, scratch)
            else:
                y[0] = cg_median(o.dtype, x, o.n, o.step, o.what == NANMEDIAN, scratch)


cdef Row f_order(int op, Row *x, int n, Attr *at) except 0:
    cdef Value *v = value(x[0])
    cdef int size = item_size(v.dtype), dim = <int>at.k[0], i
    cdef int64_t[MAX_DIMS] shape
    cdef Order o
    cdef Row y, scratch
    cdef int64_t nbytes
    o.what = <int>at.k[1]
    o.dtype = v.dtype
    o.n = v.shape[dim] if v.ndim else 1
    o.k = at.k[2] if o.what == FIRST else 1
    o.descending = at.k[3] != 0
    o.place = at.k[3]
    o.step = v.strides[dim] * size if v.ndim else size
    o.inner = 1
    o.lines = 1
    o.ndim = 0
    for i in range(v.ndim):
        shape[i] = o.k if i == dim else v.shape[i]
        if i != dim:
            o.shape[o.ndim] = v.shape[i]
            o.steps[o.ndim] = v.strides[i] * size
            o.ndim += 1
            o.lines *= v.shape[i]
        if i > dim:
            o.inner *= v.shape[i]
    y = row_dense(I64, v.ndim, shape)
    if o.lines == 0 or o.n == 0:
        return y
    o.x = v.data
    o.y = <int64_t *>value(y).data
    o.scratch_size = cg_order_scratch(o.n) + 63 & ~63
    o.parts = min(o.lines, PARTS, 1 + o.lines * o.n // NOGIL)
    if o.parts * o.scratch_size > MANY:     # long lines: no more than can be worked on at once
        o.parts = min(o.parts, <int>get_num_threads())
    try:
        nbytes = o.parts * o.scratch_size
        scratch = row_dense(U8, 1, &nbytes)
    except:
        release(y)
        raise
    o.scratch = value(scratch).data
    if o.lines * o.n < NOGIL:
        _order(&o, 0, o.parts)
    else:
        with nogil:
            parallel_for(_order, &o, o.parts, 1)
    release(scratch)
    return y

cdef int ORDER = register("order", f_order, NULL)


cdef bint _fits(Value *v, Value *k, int dim, int64_t size) noexcept:
    # Whether x still has the shape for which the positions were found.
    cdef int i
    if v.ndim != k.ndim or v.shape[dim] != size:
        return False
    for i in range(v.ndim):
        if i != dim and v.shape[i] != k.shape[i]:
            return False
    return True


def positions(input, dim, what, int64_t k=0, bint descending=False, bint keepdim=True,
              str name="sort", bint values=True):
    """(values, positions) of elements in the order along `dim`; None for `values` not wanted.

    what: "first": the first k of the sorted line (k < 0: all); "kth": the one at place k;
    "median", "nanmedian", "mode": as these functions define them.  `name` is for messages.
    """
    cdef int64_t mark = scope_enter()
    cdef bytes op = name.encode()
    cdef int64_t one = 1, size
    cdef Attr at
    cdef Row x, index, picked
    cdef int ndim
    try:
        dim = int_dims(dim, op, "dim")
        at.k[1] = _MODES[what]
        x = hold(row_of(input, op))
        ndim = value(x).ndim
        at.k[0] = wrap_dim(dim, ndim, op)
        if ndim == 0:
            x = reshape(x, 1, &one)
        size = value(x).shape[at.k[0]]
        if at.k[1] == FIRST:
            k = size if k < 0 else k
            if k > size:
                raise RuntimeError(f"{name}(): selected index k out of range: {k} of {size} along "
                                   f"dimension {at.k[0]}")
            at.k[2] = k
            at.k[3] = descending
        else:
            if size == 0:
                raise IndexError(f"{name}(): Expected reduction dim {at.k[0]} to have non-zero "
                                 "size.")
            if not 0 <= k < size:
                raise RuntimeError(f"{name}(): selected number k out of range for dimension "
                                   f"{at.k[0]}: {k + 1} of {size}")
            at.k[2] = 1
            at.k[3] = k
        index = call1(ORDER, x, &at)
        if not _fits(value(x), value(index), <int>at.k[0], size):
            raise RuntimeError(f"{name}(): the input was changed by another thread")
        picked = call2(GATHER, x, index, &at) if values else 0
        if ndim == 0:
            index = reshape(index, 0, NULL)
            picked = reshape(picked, 0, NULL) if picked else 0
        elif not keepdim:
            index = squeeze_mask(index, 1 << at.k[0])
            picked = squeeze_mask(picked, 1 << at.k[0]) if picked else 0
        return (wrap_borrowed(picked) if picked else None), wrap_borrowed(index)
    finally:
        scope_leave(mark)


# ---------------------------------------------------------------------------------------------
# Binary search

cdef struct Search:
    int dtype
    int one
    int right
    int64_t n
    int64_t per
    char *line
    const int64_t *order
    char *x
    int64_t *y


cdef void _search(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Search *s = <Search *>ctx
    cg_search(s.dtype, s.line, s.order, s.n, s.one, s.x, s.per, begin, end, s.right, s.y)


cdef Row _copy(Row a) except 0:
    # What is checked is what is used: nobody else can change the copy.
    cdef Row y = keep(row_dense(value(a).dtype, value(a).ndim, value(a).shape))
    copy_cast(y, a)
    return y


def search(line, x, order, bint right, bint out_int32):
    """Where the elements of x belong in sorted lines of the same dtype: the last dimension of
    `line`, which is one line for all or has the other dimensions of `x`.  `order`: None, or
    positions (int64, of the shape of `line`) that sort it.  The caller has checked the shapes.
    """
    cdef int64_t mark = scope_enter()
    cdef Row a, b, y, k = 0
    cdef Search s
    cdef int64_t i
    try:
        a = dense(row_of(line, "searchsorted"))
        b = dense(row_of(x, "searchsorted"))
        s.n = value(a).shape[value(a).ndim - 1]
        s.one = value(a).ndim == 1
        s.per = value(b).shape[value(b).ndim - 1] if value(b).ndim else 1
        if value(a).dtype != value(b).dtype or not (
                s.one or (s.n and value(a).numel // s.n * s.per == value(b).numel) or s.n == 0):
            raise RuntimeError("searchsorted(): shapes or dtypes do not fit")
        if order is not None:
            k = _copy(row_of(order, "searchsorted"))
            if value(k).dtype != I64 or value(k).numel != value(a).numel:
                raise RuntimeError("searchsorted(): sorter must be of int64 and the shape of the "
                                   "sorted sequence")
            for i in range(value(k).numel):
                if not 0 <= (<int64_t *>value(k).data)[i] < s.n:
                    raise RuntimeError("searchsorted(): sorter index out of range")
        y = keep(row_dense(I64, value(b).ndim, value(b).shape))
        s.dtype = value(a).dtype
        s.right = right
        s.line = value(a).data
        s.order = <int64_t *>value(k).data if k else NULL
        s.x = value(b).data
        s.y = <int64_t *>value(y).data
        # With the GIL held nobody can take the memory away.
        parallel_for(_search, &s, value(b).numel, NOGIL // 8)
        return wrap_borrowed(cast(y, I32) if out_int32 else y)
    finally:
        scope_leave(mark)


def store(result, out, str name):
    """Write results into the tensor, or the tensors, given as `out=`, and give these back."""
    cdef int64_t mark = scope_enter()
    try:
        if isinstance(result, tuple):
            if not isinstance(out, (tuple, list)) or len(out) != len(result):
                raise TypeError(f"{name}(): argument 'out' must be a tuple of {len(result)} "
                                "Tensors")
            for y, to in zip(result, out):
                write_out(to, row_of(y, name.encode()), name)
            return type(result)(*out) if hasattr(result, "_fields") else tuple(out)
        else:
            write_out(out, row_of(result, name.encode()), name)
        return out
    finally:
        scope_leave(mark)
