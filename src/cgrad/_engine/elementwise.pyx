"""How elementwise operations are applied: type rules, broadcasting, the inner loop.

The operations themselves, each with its derivative, are in unary.pyx and binary.pyx.
"""
from cgrad._engine.types cimport *
from cgrad._engine cimport handle
from cgrad._engine.handle cimport (
    dtype_of, is_handle, is_number, number_code, number_row, plain, promote, promote_number,
    row_of, scalar_row, wrap,
)
from cgrad._engine.loops cimport NOGIL, Plan, drive, numpy_loop, plan_operand
from cgrad._engine.primitives cimport cast, sizes
from cgrad._engine.rows cimport is_float, item_size, retain, row_dense, value
from cgrad._engine.table cimport (
    OPERATION, Ctx, Op, Rule, apply, begin_event, call2, end_event, keep, ops, register, timed,
)


cdef int define(str name, int kind, Rule rule, int n_in, str ufunc, Loop f32, Loop f64,
                int r0, int r1) except -1:
    """Enter an elementwise operation; loops come from np.<ufunc>, or are given for both floats."""
    cdef int op = register(name, elementwise, rule, r0, r1)
    cdef Op *o = &ops[op]
    cdef int dt
    o.kind = <uint8_t>kind
    if ufunc is not None:
        for dt in range(N_DTYPES):
            if kind == FLOAT and not is_float(dt):
                continue
            numpy_loop(ufunc, dt, n_in, BOOL if kind == COMPARE or kind == LOGIC else dt,
                       &o.loops[dt], &o.data[dt])
    if f32 != NULL:
        o.loops[<int>F32] = f32
        o.loops[<int>F64] = f64
    return op


# ---------------------------------------------------------------------------------------------
# Applying

cdef int broadcast(int op, Row *x, int n, int64_t *shape) except -1:
    """The common shape of the operands; returns its number of dimensions."""
    cdef int ndim = 0, i, j, k
    cdef Value *v
    for k in range(n):
        if value(x[k]).ndim > ndim:
            ndim = value(x[k]).ndim
    for i in range(ndim):
        shape[i] = 1
    for k in range(n):
        v = value(x[k])
        for j in range(v.ndim):
            i = j + ndim - v.ndim
            if v.shape[j] == 1 or v.shape[j] == shape[i]:
                continue
            if shape[i] != 1:
                names = " and ".join(str(sizes(x[t])) for t in range(n))
                raise RuntimeError(
                    f"{ops[op].name.decode()}: shapes {names} cannot be broadcast together: "
                    f"The size of tensor a ({shape[i]}) must match the size of tensor b "
                    f"({v.shape[j]}) at non-singleton dimension {i}")
            shape[i] = v.shape[j]
    return ndim


cdef inline int _out_dtype(Op *o, int dt) noexcept:
    return BOOL if o.kind == COMPARE or o.kind == LOGIC else dt


cdef inline Loop _loop(int op, int dt) except NULL:
    cdef Loop f = ops[op].loops[dt]
    if f == NULL:
        raise NotImplementedError(f"\"{ops[op].name.decode()}\" not implemented for dtype "
                                  f"{dtype_of(dt)!r}")
    return f


cdef inline bint _alike(Value *v, Value *w) noexcept:
    # Row-major and of one shape: a single run of the inner loop.
    cdef int i
    if v.numel != w.numel or v.ndim != w.ndim or not v.contiguous or not w.contiguous:
        return False
    for i in range(v.ndim):
        if v.shape[i] != w.shape[i]:
            return False
    return True


cdef Row elementwise(int op, Row *x, int n, Attr *at) except 0:
    """Forward of all elementwise operations; the inputs have one dtype."""
    cdef Op *o = &ops[op]
    cdef Value *v = value(x[0])
    cdef Value *w = value(x[n - 1])
    cdef int dt = v.dtype, ndim, out = _out_dtype(o, dt)
    cdef Row y
    cdef int64_t[MAX_DIMS] shape
    _loop(op, dt)                      # raises before anything is made
    if v.numel < NOGIL and n <= 2 and _alike(v, w):
        # The common case of small training: one call of the inner loop and no more.
        y = row_dense(out, v.ndim, v.shape)
        _one_run(op, dt, out, v, w, value(y), n, at)
        return y
    ndim = broadcast(op, x, n, shape)
    y = row_dense(out, ndim, shape)
    elementwise_into(op, x, n, at, y)
    return y


cdef inline int _one_run(int op, int dt, int out, Value *v, Value *w, Value *z, int n,
                         Attr *at) except -1:
    cdef Op *o = &ops[op]
    cdef Py_ssize_t count = v.numel
    cdef Py_ssize_t[3] steps
    cdef char *args[3]
    cdef Loop loop = o.loops[dt]
    args[0] = v.data
    steps[0] = item_size(dt)
    args[1] = w.data
    steps[1] = steps[0]
    args[n] = z.data
    steps[n] = item_size(out)
    loop(args, &count, steps, o.data[dt] if at == NULL else at.f)
    return 0


cdef int elementwise_into(int op, Row *x, int n, Attr *at, Row dst) except -1:
    """Compute into existing memory; the operands broadcast to the shape of `dst`."""
    cdef Plan p
    cdef Value *d = value(dst)
    cdef int i
    cdef int dt = value(x[0]).dtype
    if (d.numel < NOGIL and n <= 2 and _alike(value(x[0]), d) and _alike(value(x[n - 1]), d)
            and d.numel != 0):
        _loop(op, dt)
        return _one_run(op, dt, d.dtype, value(x[0]), value(x[n - 1]), d, n, at)
    p.loop = _loop(op, dt)
    p.data = ops[op].data[dt] if at == NULL else at.f
    p.n_operands = n + 1
    p.ndim = d.ndim
    for i in range(d.ndim):
        p.shape[i] = d.shape[i]
    for i in range(n):
        plan_operand(&p, i, x[i], d.ndim, d.shape)
    plan_operand(&p, n, dst, d.ndim, d.shape)
    drive(&p, True)
    return 0


cdef int combine_into(int op, Row *x, Row dst) except -1:
    """dst = op(x[0], x[1]), one of which it may be; an operation to those who take times."""
    cdef int64_t event
    if not timed():
        return elementwise_into(op, x, 2, NULL, dst)
    event = begin_event(OPERATION, op, x, 2, 0)
    try:
        return elementwise_into(op, x, 2, NULL, dst)
    finally:
        end_event(event)


cdef Row over(Ctx *c, int op, Row x) except 0:
    """op(c.g, x) in a rule that does not read c.g again: written over it where that is allowed."""
    cdef Row[2] pair
    if not c.spare or not (_alike(value(c.g), value(x)) or value(x).ndim == 0):
        return call2(op, c.g, x)
    c.spare = False
    pair[0] = c.g
    pair[1] = x
    combine_into(op, pair, c.g)
    return c.g


cdef int result_dtype(int op, int dt) except -1:
    """The dtype an operation computes in, given the promoted dtype of its operands."""
    cdef int kind = ops[op].kind
    cdef str name
    if kind == FLOAT and not is_float(dt):
        return handle.default_float
    if kind == BITS and is_float(dt):
        raise NotImplementedError(f"\"{ops[op].name.decode()}\" not implemented for dtype "
                                  f"{dtype_of(dt)!r}: it takes integers and bool")
    if kind == ARITH and dt == BOOL:
        name = ops[op].name.decode()
        if name == "neg":
            raise RuntimeError("Negation, the `-` operator, on a bool tensor is not supported. If "
                               "you are trying to invert a mask, use the `~` or `logical_not()` "
                               "operator instead.")
        raise RuntimeError("Subtraction, the `-` operator, with a bool tensor is not supported. "
                           "If you are trying to invert a mask, use the `~` or `logical_not()` "
                           "operator instead; for two masks use the `^` or `logical_xor()` "
                           "operator.")
    return dt


cdef Row unary_row(int op, Row x) except 0:
    """Apply a unary operation with the type rule of its kind; the caller owns the result."""
    cdef int dt = result_dtype(op, value(x).dtype)
    if dt != value(x).dtype:
        x = cast(x, dt)
    return apply(op, &x, 1, NULL)


cdef int operand_rows(int op, object a, object b, Row *x) except -1:
    """The two operands as rows of the dtype the operation computes in."""
    cdef int dt
    cdef Row r
    cdef const char *name = ops[op].name
    if is_handle(a):
        x[0] = row_of(a, name)
        if is_handle(b):
            x[1] = row_of(b, name)
            if (ops[op].kind == ARITH
                    and (value(x[0]).dtype == BOOL or value(x[1]).dtype == BOOL)):
                result_dtype(op, BOOL)             # raises
            dt = result_dtype(op, promote(x[0], x[1]))
            x[0] = cast(x[0], dt)
            x[1] = cast(x[1], dt)
            return dt
        if tensors_only[op] == 2:
            _not_a_tensor(name, "other", b)
        b = plain(b)
        dt = _with_number(op, x[0], b)
        x[0] = cast(x[0], dt)
        x[1] = keep(scalar_row(b, dt))
        return dt
    if is_handle(b) and tensors_only[op] <= 0:
        x[1] = row_of(b, name)
        a = plain(a)
        dt = _with_number(op, x[1], a)
        x[1] = cast(x[1], dt)
        x[0] = keep(scalar_row(a, dt))
        return dt
    a, b = plain(a), plain(b)
    if tensors_only[op] < 0 and is_number(a) and is_number(b):
        r = keep(number_row(a))        # it lives as long as the scope, its handle does not
        retain(r)
        return operand_rows(op, wrap(r), b, x)
    return _not_a_tensor(name, "input", a)


cdef int _not_a_tensor(const char *name, str argument, object x) except -1:
    raise TypeError(f"{name.decode()}(): argument '{argument}' must be Tensor, not "
                    f"{type(x).__name__}")


cdef int _with_number(int op, Row r, object x) except -1:
    cdef int dt
    if not is_number(x):
        raise TypeError(f"{ops[op].name.decode()}(): expected a Tensor or a number, but got "
                        f"{type(x).__name__}")
    if ops[op].kind == ARITH and (value(r).dtype == BOOL or number_code(x) == BOOL):
        result_dtype(op, BOOL)                     # raises
    dt = promote_number(r, x)
    if ops[op].kind == COMPARE and not is_float(dt) and number_code(x) == I64:
        dt = I64       # a number outside the range of a small type must not wrap around
    return result_dtype(op, dt)


cdef Row binary(int op, object a, object b) except 0:
    """A binary operation on tensors and numbers; the caller owns the result.

    To be called in a scope: operands may be converted.
    """
    cdef Row[2] x
    operand_rows(op, a, b, x)
    return apply(op, x, 2, NULL)
