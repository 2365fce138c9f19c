"""Operations of the table as functions on rows.  No arithmetic of its own."""
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.rows cimport item_size, node, row_dense, value
from cgrad._engine.table cimport call1, call2, call3, grad_enabled, keep, op_id

cdef int ADD = op_id("add"), SUB = op_id("sub"), MUL = op_id("mul"), DIV = op_id("div")
cdef int SAFE_MUL = op_id("safe_mul"), SAFE_DIV = op_id("safe_div")
cdef int NEG = op_id("neg"), EXP = op_id("exp"), LOG = op_id("log"), SQUARE = op_id("square")
cdef int POW = op_id("pow"), EQ = op_id("eq"), GE = op_id("ge"), LE = op_id("le")
cdef int GT = op_id("gt"), AND = op_id("logical_and"), WHERE = op_id("where")
cdef int CAST = op_id("to"), SUM = op_id("sum"), EXPAND = op_id("expand")
cdef int RESHAPE = op_id("reshape"), PERMUTE = op_id("permute"), MATMUL = op_id("matmul")


cdef Row add(Row a, Row b) except 0:
    return call2(ADD, a, b)

cdef Row sub(Row a, Row b) except 0:
    return call2(SUB, a, b)

cdef Row mul(Row a, Row b) except 0:
    return call2(MUL, a, b)

cdef Row div(Row a, Row b) except 0:
    return call2(DIV, a, b)

cdef Row safe_mul(Row a, Row b) except 0:
    """a b, and 0 where a is 0, whatever b: Note [Zero times infinity] in unary.pyx."""
    return call2(SAFE_MUL, a, b)

cdef Row safe_div(Row a, Row b) except 0:
    """a / b, and 0 where a is 0, whatever b."""
    return call2(SAFE_DIV, a, b)

cdef Row neg(Row a) except 0:
    return call1(NEG, a)

cdef Row exp(Row a) except 0:
    return call1(EXP, a)

cdef Row log(Row a) except 0:
    return call1(LOG, a)

cdef Row square(Row a) except 0:
    return call1(SQUARE, a)

cdef Row power(Row a, Row b) except 0:
    return call2(POW, a, b)

cdef Row eq(Row a, Row b) except 0:
    return call2(EQ, a, b)

cdef Row ge(Row a, Row b) except 0:
    return call2(GE, a, b)

cdef Row le(Row a, Row b) except 0:
    return call2(LE, a, b)

cdef Row gt(Row a, Row b) except 0:
    return call2(GT, a, b)

cdef Row both(Row a, Row b) except 0:
    return call2(AND, a, b)

cdef Row where(Row c, Row a, Row b) except 0:
    return call3(WHERE, c, a, b)

cdef Row unary(str name, Row a) except 0:
    return call1(op_id(name), a)

cdef Row matmul(Row a, Row b) except 0:
    return call2(MATMUL, a, b)


cdef Row cast(Row a, int dtype) except 0:
    """`a` converted; `a` itself if it has the dtype."""
    cdef Attr at
    if value(a).dtype == dtype:
        return a
    at.k[0] = dtype
    return call1(CAST, a, &at)


cdef Row number(double x, Row like) except 0:
    """A 0-d constant of the dtype of `like` (a floating point one)."""
    cdef int dt = value(like).dtype
    cdef Row r = row_dense(dt, 0, NULL)
    if dt == F32:
        (<float *>value(r).data)[0] = <float>x
    elif dt == F64:
        (<double *>value(r).data)[0] = x
    else:
        memset(value(r).data, 0, item_size(dt))
        if dt == BOOL or dt == U8 or dt == I8:
            value(r).data[0] = <char>x
        elif dt == I16:
            (<short *>value(r).data)[0] = <short>x
        elif dt == I32:
            (<int32_t *>value(r).data)[0] = <int32_t>x
        else:
            (<int64_t *>value(r).data)[0] = <int64_t>x
    return keep(r)


cdef Row zeros(int dtype, int ndim, const int64_t *shape) except 0:
    cdef Row r = row_dense(dtype, ndim, shape)
    memset(value(r).data, 0, value(r).numel * item_size(dtype))
    return keep(r)


cdef Row zeros_like(Row a) except 0:
    return zeros(value(a).dtype, value(a).ndim, value(a).shape)


cdef Row times(Row a, double x) except 0:
    return call2(MUL, a, number(x, a))


cdef Row plus(Row a, double x) except 0:
    return call2(ADD, a, number(x, a))


cdef list sizes(Row a):
    """The shape of a row as a list, for messages."""
    return [value(a).shape[i] for i in range(value(a).ndim)]


cdef bint tracked(Row a, Row b) noexcept:
    """Whether an operation on two rows would be recorded."""
    return grad_enabled() and (node(a).flags | node(b).flags) & REQUIRES_GRAD


cdef bint same_shape(Row a, Row b) noexcept:
    cdef Value *v = value(a)
    cdef Value *w = value(b)
    cdef int i
    if v.ndim != w.ndim:
        return False
    for i in range(v.ndim):
        if v.shape[i] != w.shape[i]:
            return False
    return True


cdef Row sum_dims(Row a, int64_t mask, bint keepdim) except 0:
    """Sum over the dimensions whose bit is set in `mask`."""
    cdef Attr at
    if mask == 0:
        return a
    at.k[0] = mask
    at.k[1] = keepdim
    return call1(SUM, a, &at)


cdef Row sum_to(Row a, Row like) except 0:
    """Undo a broadcast: sum `a` down to the shape of `like`."""
    cdef Value *v = value(a)
    cdef Value *w = value(like)
    cdef int i, extra = v.ndim - w.ndim
    cdef int64_t mask = 0
    if same_shape(a, like):
        return a
    for i in range(v.ndim):
        if i < extra or (w.shape[i - extra] == 1 and v.shape[i] != 1):
            mask |= 1 << i
    a = sum_dims(a, mask, False)
    return reshape_like(a, like)


cdef Row expand(Row a, int ndim, const int64_t *shape) except 0:
    """Broadcast to a shape (as a view)."""
    cdef Attr at
    cdef int i
    cdef Value *v = value(a)
    if v.ndim == ndim:
        for i in range(ndim):
            if v.shape[i] != shape[i]:
                break
        else:
            return a
    at.k[0] = ndim
    for i in range(ndim):
        at.d[i] = shape[i]
    return call1(EXPAND, a, &at)


cdef Row expand_like(Row a, Row like) except 0:
    return expand(a, value(like).ndim, value(like).shape)


cdef Row reshape(Row a, int ndim, const int64_t *shape) except 0:
    """The same elements in another shape, a view where possible."""
    cdef Attr at
    cdef int i
    cdef Value *v = value(a)
    if v.ndim == ndim:
        for i in range(ndim):
            if v.shape[i] != shape[i]:
                break
        else:
            return a
    at.k[0] = ndim
    for i in range(ndim):
        at.d[i] = shape[i]
    return call1(RESHAPE, a, &at)


cdef Row reshape_like(Row a, Row like) except 0:
    return reshape(a, value(like).ndim, value(like).shape)


cdef Row permute(Row a, const int64_t *order) except 0:
    cdef Attr at
    cdef int i
    for i in range(value(a).ndim):
        at.d[i] = order[i]
    return call1(PERMUTE, a, &at)


cdef Row transpose_last(Row a) except 0:
    """Swap the last two dimensions."""
    cdef int64_t[MAX_DIMS] order
    cdef int i, n = value(a).ndim
    for i in range(n):
        order[i] = i
    order[n - 1] = n - 2
    order[n - 2] = n - 1
    return permute(a, order)
