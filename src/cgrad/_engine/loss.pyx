"""Losses of pairs of numbers: squared and absolute error, binary cross entropy.

Reductions add the losses of the entries in one fixed order.
"""
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.elementwise cimport SAME, binary, broadcast, define
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport promote, row_of, wrap
from cgrad._engine.loops cimport BLOCK, NOGIL
from cgrad._engine.primitives cimport (
    add, cast, div as quotient, expand, gt, log, mul, neg, number, plus, same_shape, square, sub,
    sum_dims,
    times, unary, where,
)
from cgrad._engine.rows cimport is_float, row_dense, value
from cgrad._engine.softmax cimport dense, float_input
from cgrad._engine.table cimport (
    Ctx, call1, call2, call3, keep, op_id, register, scope_enter, scope_leave,
)
from cgrad._engine.threads cimport parallel_for

# Pointers are untyped here; the kernels are chosen by dtype.
cdef extern from "../_kernels/loss.h":
    double cg_squared_error_f32(const void *x, const void *y, int64_t n) nogil
    double cg_squared_error_f64(const void *x, const void *y, int64_t n) nogil
    void cg_scaled_difference_f32(const void *x, const void *y, double scale, void *dx,
                                  int64_t n) nogil
    void cg_scaled_difference_f64(const void *x, const void *y, double scale, void *dx,
                                  int64_t n) nogil
    void cg_bce_f32(char **args, const Py_ssize_t *n, const Py_ssize_t *steps,
                    void *data) noexcept nogil
    void cg_bce_f64(char **args, const Py_ssize_t *n, const Py_ssize_t *steps,
                    void *data) noexcept nogil

cdef extern from "../_kernels/loss.h":
    void cg_huber_f32(char **args, const Py_ssize_t *n, const Py_ssize_t *steps,
                      void *data) noexcept nogil
    void cg_huber_f64(char **args, const Py_ssize_t *n, const Py_ssize_t *steps,
                      void *data) noexcept nogil

cdef int CLAMP = op_id("clamp")
cdef int MSE = op_id("mse_loss"), MSE_BACKWARD = op_id("mse_loss_backward")
cdef int MAXIMUM = op_id("maximum"), SOFTPLUS = op_id("softplus"), SUB = op_id("sub"), DIV = op_id("div")


cdef int reduction_code(object reduction, str name) except -1:
    """The code of a `reduction=` argument."""
    if reduction == "mean":
        return MEAN
    if reduction == "sum":
        return SUM
    if reduction == "none":
        return NONE
    raise ValueError(f"{name}: {reduction} is not a valid value for reduction")


cdef double total_of(const void *data, int dtype, int64_t n) noexcept nogil:
    """One sum in order: the same bits for any number of threads."""
    cdef double s = 0
    cdef int64_t i
    if dtype == F32:
        for i in range(n):
            s += (<const float *>data)[i]
    else:
        for i in range(n):
            s += (<const double *>data)[i]
    return s


# ---------------------------------------------------------------------------------------------
# Squared error.  Attr: k[0] = reduction (MEAN or SUM)

cdef struct Pairs:
    int dtype
    const char *x
    const char *y
    char *out                 # a sum for each block, or the gradient
    double scale
    bint backward


cdef void _pairs_task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Pairs *p = <Pairs *>ctx
    cdef int64_t size = 4 if p.dtype == F32 else 8, n = end - begin
    cdef const void *x = p.x + begin * size
    cdef const void *y = p.y + begin * size
    cdef void *out = p.out + begin * size
    if p.backward:
        if p.dtype == F32:
            cg_scaled_difference_f32(x, y, p.scale, out, n)
        else:
            cg_scaled_difference_f64(x, y, p.scale, out, n)
    elif p.dtype == F32:
        (<double *>p.out)[begin // BLOCK] = cg_squared_error_f32(x, y, n)
    else:
        (<double *>p.out)[begin // BLOCK] = cg_squared_error_f64(x, y, n)


cdef void _run_pairs(Pairs *p, int64_t n) noexcept:
    if n < NOGIL:
        _pairs_task(p, 0, n)
        return
    with nogil:
        parallel_for(_pairs_task, p, n, BLOCK)


cdef int _raise_changed() except -1:
    raise RuntimeError("mse_loss: a tensor has changed its shape or dtype since the loss was "
                       "computed")


cdef int _check_pair(Row x, Row y) except -1:
    # `.data =` may have replaced one before the backward.
    if not same_shape(x, y) or value(x).dtype != value(y).dtype or not is_float(value(x).dtype):
        _raise_changed()
    return 0


cdef Row f_mse(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef int64_t numel = value(x[0]).numel, blocks = numel // BLOCK + 1
    cdef double total
    cdef Pairs p
    cdef Row y
    try:
        _check_pair(x[0], x[1])
        p.dtype = value(x[0]).dtype
        p.backward = False
        p.x = value(dense(x[0])).data
        p.y = value(dense(x[1])).data
        p.out = value(keep(row_dense(F64, 1, &blocks))).data
        memset(p.out, 0, blocks * sizeof(double))
        _run_pairs(&p, numel)
        total = total_of(p.out, F64, blocks)
        y = row_dense(p.dtype, 0, NULL)
        put(value(y).data, p.dtype, 0, total / numel if at.k[0] == MEAN else total)
        return y
    finally:
        scope_leave(mark)


cdef inline double _mse_factor(Row x, Attr *at) noexcept:
    return 2.0 / value(x).numel if at.k[0] == MEAN else 2.0


cdef Row f_mse_backward(int op, Row *x, int n, Attr *at) except 0:    # 2/N g (x - y)
    cdef int64_t mark = scope_enter()
    cdef Value *v = value(x[1])
    cdef Pairs p
    cdef Row y
    try:
        _check_pair(x[1], x[2])
        if value(x[0]).numel != 1 or value(x[0]).dtype != v.dtype:
            _raise_changed()
        p.dtype = v.dtype
        p.backward = True
        p.scale = _mse_factor(x[1], at) * get(value(x[0]).data, p.dtype, 0)
        p.x = value(dense(x[1])).data
        p.y = value(dense(x[2])).data
        y = row_dense(v.dtype, v.ndim, v.shape)
        p.out = value(y).data
        _run_pairs(&p, v.numel)
        return y
    finally:
        scope_leave(mark)


cdef int d_mse(Ctx *c) except -1:
    if c.need[0]:
        c.out[0] = call3(MSE_BACKWARD, c.g, c.x[0], c.x[1], c.at)
    if c.need[1]:
        c.out[1] = neg(c.out[0]) if c.need[0] else call3(MSE_BACKWARD, c.g, c.x[1], c.x[0], c.at)
    return 0

cdef int d_mse_backward(Ctx *c) except -1:
    cdef Row x = c.x[1], d
    cdef double factor = _mse_factor(x, c.at)
    if c.need[0]:
        c.out[0] = times(sum_dims(mul(c.g, sub(x, c.x[2])), (1 << value(x).ndim) - 1, False),
                         factor)
    if c.need[1] or c.need[2]:
        d = times(mul(c.g, c.x[0]), factor)
        if c.need[1]:
            c.out[1] = d
        if c.need[2]:
            c.out[2] = neg(d)
    return 0

register("mse_loss", f_mse, d_mse, 1 | 2, 1 | 2)
register("mse_loss_backward", f_mse_backward, d_mse_backward, 2 | 4, 1, 1)


cdef int _pair(str name, object input, object target, Row *x) except -1:
    # Two operands of one floating point dtype, broadcast to one shape.
    cdef int64_t[MAX_DIMS] shape
    cdef int i, ndim, dt
    for i in range(2):
        x[i] = row_of(target if i else input, name.encode())
    dt = promote(x[0], x[1])
    for i in range(2):
        x[i] = cast(x[i], dt)
    float_input(x[0], name)
    ndim = broadcast(SUB, x, 2, shape)
    for i in range(2):
        x[i] = expand(x[i], ndim, shape)
    return 0


cdef Row _reduced(Row a, int reduction) except 0:
    cdef int64_t mask = (1 << value(a).ndim) - 1
    cdef int64_t n = value(a).numel
    if reduction == NONE:
        return a
    a = sum_dims(a, mask, False)
    return call2(DIV, a, number(n, a)) if reduction == MEAN else a


def mse_loss(input, target, reduction="mean"):
    """mse_loss(input, target, reduction="mean") -> Tensor

    (input - target)^2, summed or averaged in one fused operation; operands are broadcast.

    Example::

        >>> cgrad.nn.functional.mse_loss(cgrad.tensor([1.0, 2.0]), cgrad.tensor([1.0, 4.0]))
        tensor(2.)
    """
    cdef int64_t mark = scope_enter()
    cdef int code = reduction_code(reduction, "mse_loss")
    cdef Row[2] x
    cdef Attr at
    try:
        _pair("mse_loss", input, target, x)
        if code == NONE:
            return wrap_borrowed(square(sub(x[0], x[1])))
        at.k[0] = code
        return wrap_borrowed(call2(MSE, x[0], x[1], &at))
    finally:
        scope_leave(mark)


def l1_loss(input, target, reduction="mean"):
    """l1_loss(input, target, reduction="mean") -> Tensor

    |input - target|, reduced; the derivative at 0 is 0.

    Example::

        >>> cgrad.nn.functional.l1_loss(cgrad.tensor([1.0, 2.0]), cgrad.tensor([1.0, 4.0]))
        tensor(1.)
    """
    cdef int64_t mark = scope_enter()
    cdef int code = reduction_code(reduction, "l1_loss")
    cdef Row[2] x
    try:
        _pair("l1_loss", input, target, x)
        return wrap_borrowed(_reduced(unary("abs", sub(x[0], x[1])), code))
    finally:
        scope_leave(mark)


# ---------------------------------------------------------------------------------------------
# Huber's function of a difference.  Attr: f[0] = where the parabola ends

cdef int d_huber(Ctx *c) except -1:
    cdef Attr at
    at.f[0] = -c.at.f[0]
    at.f[1] = c.at.f[0]
    c.out[0] = mul(c.g, call1(CLAMP, c.x[0], &at))
    return 0

cdef int HUBER = define("huber", SAME, d_huber, 1, None, <Loop>cg_huber_f32, <Loop>cg_huber_f64,
                        1, 0)


def huber(input, delta=1.0):
    """huber(input, delta=1) -> Tensor

    x^2 / 2 where |x| <= delta, delta (|x| - delta / 2) elsewhere.
    """
    cdef int64_t mark
    cdef Attr at
    cdef Row x
    at.f[0] = delta
    mark = scope_enter()
    try:
        x = row_of(input, "huber")
        float_input(x, "huber_loss, smooth_l1_loss")
        return wrap_borrowed(call1(HUBER, x, &at))
    finally:
        scope_leave(mark)


# ---------------------------------------------------------------------------------------------
# Binary cross entropy of probabilities.  Elementwise.

cdef Row _bounded_log(Row x) except 0:            # max(log x, -100), also for the derivatives
    cdef Row positive = gt(x, number(0, x)), least = number(-100, x)
    return where(positive, call2(MAXIMUM, log(where(positive, x, number(1, x))), least), least)


cdef int d_bce(Ctx *c) except -1:
    # (x - t) / (x (1 - x)), finite at 0 and 1 as PyTorch has it
    cdef Row x = c.x[0], t = c.x[1], rest = plus(neg(x), 1)
    if c.need[0]:
        c.out[0] = mul(c.g, quotient(sub(x, t), call2(MAXIMUM, mul(x, rest), number(1e-12, x))))
    if c.need[1]:
        c.out[1] = mul(c.g, sub(_bounded_log(rest), _bounded_log(x)))
    return 0

cdef int BCE = define("binary_cross_entropy", SAME, d_bce, 2, None, <Loop>cg_bce_f32,
                      <Loop>cg_bce_f64, 1 | 2, 1)


cdef int _check_probability(object x, str what) except -1:
    if not bool(((x >= 0) & (x <= 1)).all()):
        raise RuntimeError(f"binary_cross_entropy: all elements of {what} should be between 0 "
                           "and 1")
    return 0


def binary_cross_entropy(input, target):
    """binary_cross_entropy(input, target) -> Tensor

    -[y log x + (1 - y) log(1 - x)] for probabilities x and y; the logarithms are at least -100.
    Raises RuntimeError for an element outside of [0, 1].

    Example::

        >>> f = cgrad.nn.functional.binary_cross_entropy
        >>> f(cgrad.tensor([0.0, 0.5]), cgrad.tensor([1.0, 1.0]), reduction="none")
        tensor([100.0000,   0.6931])
    """
    cdef int64_t mark
    for x, what in ((input, "input"), (target, "target")):
        float_input(row_of(x, "binary_cross_entropy"), "binary_cross_entropy")
        _check_probability(x.detach(), what)
    mark = scope_enter()
    try:
        return wrap(binary(BCE, input, target))
    finally:
        scope_leave(mark)


def binary_cross_entropy_with_logits(input, target, weight=None, pos_weight=None,
                                     reduction="mean"):
    """binary_cross_entropy_with_logits(input, target, weight=None, pos_weight=None,
    reduction="mean") -> Tensor

    -[p y log s(x) + (1 - y) log(1 - s(x))], s the sigmoid, p `pos_weight`, times `weight`;
    computed as (1 - y) x + (1 + (p - 1) y) log(1 + e^-x), without overflow or cancellation.

    Example::

        >>> f = cgrad.nn.functional.binary_cross_entropy_with_logits
        >>> f(cgrad.zeros(2), cgrad.tensor([0.0, 1.0]))
        tensor(0.6931)
    """
    cdef int64_t mark = scope_enter()
    cdef int code = reduction_code(reduction, "binary_cross_entropy_with_logits")
    cdef Row[2] x
    cdef Row log_term, loss
    cdef Attr at
    try:
        _pair("binary_cross_entropy_with_logits", input, target, x)
        at.f[0] = 1
        at.f[1] = 40                   # beyond it 1 + e^x is e^x in float64 too
        log_term = call1(SOFTPLUS, neg(x[0]), &at)
        if pos_weight is not None:
            log_term = mul(plus(mul(plus(cast(row_of(pos_weight, "pos_weight"),
                                              value(x[0]).dtype), -1), x[1]), 1), log_term)
        loss = add(mul(plus(neg(x[1]), 1), x[0]), log_term)
        if weight is not None:
            loss = mul(loss, cast(row_of(weight, "weight"), value(loss).dtype))
        return wrap_borrowed(_reduced(loss, code))
    finally:
        scope_leave(mark)


functional = {
    "huber": huber,
    "binary_cross_entropy": binary_cross_entropy,
    "mse_loss": mse_loss,
    "l1_loss": l1_loss,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
}
