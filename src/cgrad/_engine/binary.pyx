"""Elementwise operations of two and three inputs, conversions and copies, with derivatives.

Broadcasting is undone by the sweep (backward.pyx): a rule may return a gradient of the
broadcast shape.
"""
from libc.math cimport M_LN2
from cgrad._engine.types cimport *
from cgrad._engine.elementwise cimport *
from cgrad._engine.face import export, public
from cgrad._engine.face cimport face
from cgrad._engine.handle cimport (
    dtype_of, is_handle, is_number, number_row, plain, promote, row_of, scalar_row,
)
from cgrad._engine.loops cimport Plan, copy_cast, drive, plan_operand, where_loop
from cgrad._engine.parametric cimport finished
from cgrad._engine.primitives cimport (
    add, both, cast, div as quotient, eq, ge, gt, log, mul, neg, number, plus, power, safe_div,
    safe_mul, square, sub, times, unary, where as select, zeros_like,
)
from cgrad._engine.rows cimport inputs, is_float, node, row_dense, value
from cgrad._engine.table cimport (
    Ctx, Rule, apply, call1, call2, keep, op_id, ops, register, rounded, short_way, scope_enter, scope_leave,
)

ctypedef void cg_fn(char **, const Py_ssize_t *, const Py_ssize_t *, void *) noexcept nogil

cdef extern from "../_kernels/loops.h":
    cg_fn cg_logaddexp_f32, cg_logaddexp_f64
    cg_fn cg_logaddexp2_f32, cg_logaddexp2_f64
    cg_fn cg_hypot_f32, cg_hypot_f64
    cg_fn cg_copysign_f32, cg_copysign_f64
    cg_fn cg_lerp_f32, cg_lerp_f64
    cg_fn cg_trunc_divide_f32, cg_trunc_divide_f64

cdef extern from "../_kernels/usual.h":
    cg_fn cg_fmod_f32, cg_fmod_f64
    cg_fn cg_remainder_f32, cg_remainder_f64
    cg_fn cg_floor_divide_f32, cg_floor_divide_f64


# ---------------------------------------------------------------------------------------------
# Derivative rules.  c.g: gradient of the output; c.y: the output; c.x: the inputs

cdef int d_add(Ctx *c) except -1:
    c.out[0] = c.g
    c.out[1] = c.g
    return 0

cdef double n_add(double a, double b) noexcept nogil:
    return a + b

cdef void r_add(double g, double a, double b, double y, int dt, double *out) noexcept nogil:
    out[0] = g
    out[1] = g

cdef int d_sub(Ctx *c) except -1:
    c.out[0] = c.g
    if c.need[1]:
        c.out[1] = neg(c.g)
    return 0

cdef double n_sub(double a, double b) noexcept nogil:
    return a - b

cdef void r_sub(double g, double a, double b, double y, int dt, double *out) noexcept nogil:
    out[0] = g
    out[1] = -g

cdef int d_mul(Ctx *c) except -1:
    # x * x: one product and no sum; a number as in the short way, whose bits these are
    cdef Row *x = inputs(node(c.y))      # c.x may be copies, unpacked one by one
    if x[0] == x[1] and c.need[0] and value(c.g).numel > 1:
        c.out[0] = over(c, SQUARE_BACKWARD, c.x[0])
        return 0
    if c.need[0]:
        c.out[0] = mul(c.g, c.x[1]) if c.need[1] else over(c, MUL, c.x[1])
    if c.need[1]:
        c.out[1] = over(c, MUL, c.x[0])
    return 0

cdef double n_mul(double a, double b) noexcept nogil:
    return a * b

cdef void r_mul(double g, double a, double b, double y, int dt, double *out) noexcept nogil:
    out[0] = rounded(g * b, dt)
    out[1] = rounded(g * a, dt)

cdef int d_div(Ctx *c) except -1:
    if c.need[0]:
        c.out[0] = safe_div(c.g, c.x[1])
    if c.need[1]:
        c.out[1] = neg(safe_mul(c.g, quotient(quotient(c.x[0], c.x[1]), c.x[1])))
    return 0

cdef double n_div(double a, double b) noexcept nogil:
    return a / b

cdef void r_div(double g, double a, double b, double y, int dt, double *out) noexcept nogil:
    out[0] = rounded(g / b, dt) if g != 0 else g
    out[1] = -(rounded(g * rounded(rounded(a / b, dt) / b, dt), dt) if g != 0 else g)

cdef int d_pow(Ctx *c) except -1:
    cdef Row a = c.x[0], b = c.x[1]
    cdef Row zero = number(0, c.g), none, base
    if c.need[0]:      # b a^(b-1), and 0 where b = 0 also at a = 0
        # The base is masked too: the branch that is not taken must stay finite for the
        # derivatives of this expression.
        none = eq(b, zero)
        base = select(none, number(1, a), a)
        c.out[0] = select(none, zero, safe_mul(c.g, mul(b, power(base, plus(b, -1)))))
    if c.need[1]:      # y log a, and 0 where a = 0 and b >= 0 (the limit)
        c.out[1] = select(both(eq(a, zero), ge(b, zero)), zero, safe_mul(c.g, mul(c.y, log(a))))
    return 0

cdef int d_maximum(Ctx *c) except -1:
    # The larger one takes the gradient; at a tie each takes half, as PyTorch.
    cdef Row a = c.x[0], b = c.x[1], zero = number(0, c.g)
    cdef Row half = select(eq(a, b), times(c.g, 0.5), c.g)
    if c.need[0]:
        c.out[0] = select(gt(b, a), zero, half)
    if c.need[1]:
        c.out[1] = select(gt(a, b), zero, half)
    return 0

cdef int d_minimum(Ctx *c) except -1:
    cdef Row a = c.x[0], b = c.x[1], zero = number(0, c.g)
    cdef Row half = select(eq(a, b), times(c.g, 0.5), c.g)
    if c.need[0]:
        c.out[0] = select(gt(a, b), zero, half)
    if c.need[1]:
        c.out[1] = select(gt(b, a), zero, half)
    return 0

cdef int d_remainder(Ctx *c) except -1:           # a - b floor(a / b)
    if c.need[0]:
        c.out[0] = c.g
    if c.need[1]:
        c.out[1] = neg(mul(c.g, call2(op_id("floor_divide"), c.x[0], c.x[1])))
    return 0

cdef int d_fmod(Ctx *c) except -1:                # a - b trunc(a / b)
    if c.need[0]:
        c.out[0] = c.g
    if c.need[1]:
        c.out[1] = neg(mul(c.g, call2(op_id("trunc_divide"), c.x[0], c.x[1])))
    return 0

cdef int d_atan2(Ctx *c) except -1:
    # g / (a^2 + b^2), and 0 at the origin
    cdef Row r2 = add(square(c.x[0]), square(c.x[1])), zero = number(0, c.g)
    cdef Row scale = select(eq(r2, zero), zero, quotient(c.g, r2))
    if c.need[0]:
        c.out[0] = mul(scale, c.x[1])
    if c.need[1]:
        c.out[1] = neg(mul(scale, c.x[0]))
    return 0

cdef int d_hypot(Ctx *c) except -1:
    if c.need[0]:
        c.out[0] = mul(c.g, quotient(c.x[0], c.y))
    if c.need[1]:
        c.out[1] = mul(c.g, quotient(c.x[1], c.y))
    return 0

cdef int _log_add(Ctx *c, double scale) except -1:
    # The shares e^a / (e^a + e^b) and the rest; a half each where both are the same infinity.
    cdef Row a = c.x[0], b = c.x[1], d = times(sub(a, b), scale)
    d = select(both(eq(a, b), call2(op_id("ne"), d, d)), number(0, a), d)
    if c.need[0]:
        c.out[0] = mul(c.g, unary("sigmoid", d))
    if c.need[1]:
        c.out[1] = mul(c.g, unary("sigmoid", neg(d)))
    return 0

cdef int d_logaddexp(Ctx *c) except -1:
    return _log_add(c, 1)

cdef int d_logaddexp2(Ctx *c) except -1:
    return _log_add(c, M_LN2)

cdef int d_copysign(Ctx *c) except -1:            # 1 or -1 by whether the sign changed, 0 at 0
    if c.need[0]:
        c.out[0] = mul(c.g, mul(unary("sign", c.x[0]), unary("sign", c.y)))
    if c.need[1]:
        c.out[1] = zeros_like(c.g)
    return 0

cdef int _choose(Ctx *c, Row better) except -1:
    # All of it to the first where that is `better` or the second is NaN
    cdef Row b = c.x[1], zero = number(0, c.g)
    better = call2(op_id("logical_or"), better, call2(op_id("ne"), b, b))
    if c.need[0]:
        c.out[0] = select(better, c.g, zero)
    if c.need[1]:
        c.out[1] = select(better, zero, c.g)
    return 0

cdef int d_fmax(Ctx *c) except -1:
    return _choose(c, ge(c.x[0], c.x[1]))

cdef int d_fmin(Ctx *c) except -1:
    return _choose(c, call2(op_id("le"), c.x[0], c.x[1]))

cdef int d_where(Ctx *c) except -1:               # select, never multiply: no 0 * inf
    cdef Row zero = number(0, c.g)
    if c.need[1]:
        c.out[1] = select(c.x[0], c.g, zero)
    if c.need[2]:
        c.out[2] = select(c.x[0], zero, c.g)
    return 0

cdef int d_lerp(Ctx *c) except -1:
    cdef Row w = c.x[2]
    if c.need[0]:
        c.out[0] = mul(c.g, plus(neg(w), 1))
    if c.need[1]:
        c.out[1] = mul(c.g, w)
    if c.need[2]:
        c.out[2] = mul(c.g, sub(c.x[1], c.x[0]))
    return 0

cdef int d_to(Ctx *c) except -1:
    c.out[0] = cast(c.g, value(c.x[0]).dtype)
    return 0

cdef int d_zero_both(Ctx *c) except -1:
    cdef int i
    for i in range(2):
        if c.need[i]:
            c.out[i] = zeros_like(c.g)
    return 0

cdef int d_overwrite(Ctx *c) except -1:           # (old, new) -> new, in place of old
    if c.need[0]:
        c.out[0] = zeros_like(c.g)
    if c.need[1]:
        c.out[1] = c.g
    return 0



cdef int own_loops(str name, Loop f32, Loop f64) except -1:
    # For the floating point types, where NumPy's are no vectors.
    ops[op_id(name)].loops[<int>F32] = f32
    ops[op_id(name)].loops[<int>F64] = f64
    return 0


# ---------------------------------------------------------------------------------------------
# Forwards that are no plain loop

cdef Row f_to(int op, Row *x, int n, Attr *at) except 0:
    cdef Value *v = value(x[0])
    cdef Row y = row_dense(<int>at.k[0], v.ndim, v.shape)
    copy_cast(y, x[0])
    return y

register("to", f_to, d_to)


cdef Row f_overwrite(int op, Row *x, int n, Attr *at) except 0:
    cdef Value *v = value(x[0])
    cdef Row y = row_dense(v.dtype, v.ndim, v.shape)
    copy_cast(y, x[1])
    return y

register("overwrite", f_overwrite, d_overwrite)


cdef Row f_where(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t[MAX_DIMS] shape
    cdef int ndim = broadcast(op, x, 3, shape)
    cdef int dt = value(x[1]).dtype, i
    cdef Row y = row_dense(dt, ndim, shape)
    cdef Plan p
    p.loop = where_loop(dt)
    p.data = NULL
    p.n_operands = 4
    p.ndim = ndim
    for i in range(ndim):
        p.shape[i] = shape[i]
    for i in range(3):
        plan_operand(&p, i, x[i], ndim, shape)
    plan_operand(&p, 3, y, ndim, shape)
    drive(&p, True)
    return y

cdef int LERP = register("lerp", elementwise, d_lerp, 4, 4, 3)
own_loops("lerp", cg_lerp_f32, cg_lerp_f64)
cdef int WHERE = register("where", f_where, d_where, 0, 1, 1)


# ---------------------------------------------------------------------------------------------
# The entries

cdef enum:
    A = 1                     # the rule reads the first input
    B = 2
    Y = SAVES_OUTPUT

cdef int numpy_binary(str name, int kind, Rule rule, int ra, int rb, str ufunc, str doc,
                      tuple aliases=(), bint inplace=True) except -1:
    define(name, kind, rule, 2, ufunc, NULL, NULL, ra, rb)
    return face(name, 2, doc, inplace, aliases)

numpy_binary("add", SAME, d_add, 0, 0, "add", "input + alpha * other.")
numpy_binary("sub", ARITH, d_sub, 0, 0, "subtract", "input - alpha * other.", ("subtract",))
numpy_binary("mul", SAME, d_mul, B, A, "multiply", "input * other.", ("multiply",))
define("div", FLOAT, d_div, 2, "true_divide", NULL, NULL, B, A | B)
numpy_binary("floor_divide", SAME, d_zero_both, 0, 0, "floor_divide",
             "The quotient rounded towards minus infinity; the derivative is 0.")
numpy_binary("remainder", SAME, d_remainder, 0, A | B, "remainder",
             "input - other * floor(input / other): the sign of other.")
numpy_binary("fmod", SAME, d_fmod, 0, A | B, "fmod",
             "input - other * trunc(input / other): the sign of input.")
define("trunc_divide", SAME, d_zero_both, 2, None, cg_trunc_divide_f32, cg_trunc_divide_f64, 0, 0)
define("pow", SAME, d_pow, 2, "power", NULL, NULL, A | B, A | B | Y)

cdef Row f_integers_checked(int op, Row *x, int n, Attr *at) except 0:
    # Integers have no infinity to give: a zero divisor is an error.
    cdef Row zero
    cdef Attr all_dims
    if not is_float(value(x[1]).dtype) and value(x[0]).numel and value(x[1]).numel:
        zero = call1(op_id("all"), cast(x[1], BOOL), _everything(x[1], &all_dims))
        if not value(zero).data[0]:
            raise RuntimeError(f"{ops[op].name.decode()}: ZeroDivisionError: integer division by "
                               "zero")
    return elementwise(op, x, n, at)

for _name in ("floor_divide", "remainder", "fmod"):
    ops[op_id(_name)].forward = f_integers_checked

numpy_binary("maximum", SAME, d_maximum, A | B, A | B, "maximum",
             "The larger one; NaN if one is NaN. At a tie each takes half of the gradient.",
             (), False)
numpy_binary("minimum", SAME, d_minimum, A | B, A | B, "minimum",
             "The smaller one; NaN if one is NaN. At a tie each takes half of the gradient.",
             (), False)
numpy_binary("atan2", FLOAT, d_atan2, A | B, A | B, "arctan2",
             "The angle of the point (other, input) in radians.", ("arctan2",))
numpy_binary("fmax", SAME, d_fmax, A | B, A | B, "fmax",
             "The larger one; the other if one is NaN. At a tie input takes the gradient.",
             (), False)
numpy_binary("fmin", SAME, d_fmin, A | B, A | B, "fmin",
             "The smaller one; the other if one is NaN. At a tie input takes the gradient.",
             (), False)
numpy_binary("hypot", SAME, d_hypot, A | Y, B | Y, "hypot",
             "sqrt(input^2 + other^2), without overflow.")
numpy_binary("logaddexp", SAME, d_logaddexp, A | B, A | B, "logaddexp",
             "log(e^input + e^other), without overflow.", (), False)
numpy_binary("logaddexp2", SAME, d_logaddexp2, A | B, A | B, "logaddexp2",
             "log2(2^input + 2^other), without overflow.", (), False)
numpy_binary("copysign", FLOAT, d_copysign, A | Y, 0, "copysign",
             "The magnitude of input with the sign of other, also that of -0.")
numpy_binary("nextafter", SAME, NULL, 0, 0, "nextafter",
             "The next floating point number after input towards other.")
numpy_binary("gcd", SAME, NULL, 0, 0, "gcd", "Greatest common divisor of integers.")
numpy_binary("lcm", SAME, NULL, 0, 0, "lcm", "Least common multiple of integers.")
own_loops("floor_divide", cg_floor_divide_f32, cg_floor_divide_f64)
own_loops("remainder", cg_remainder_f32, cg_remainder_f64)
own_loops("fmod", cg_fmod_f32, cg_fmod_f64)
own_loops("hypot", cg_hypot_f32, cg_hypot_f64)
own_loops("logaddexp", cg_logaddexp_f32, cg_logaddexp_f64)
own_loops("logaddexp2", cg_logaddexp2_f32, cg_logaddexp2_f64)
own_loops("copysign", cg_copysign_f32, cg_copysign_f64)
numpy_binary("eq", COMPARE, NULL, 0, 0, "equal", "input == other, as bool.")
numpy_binary("ne", COMPARE, NULL, 0, 0, "not_equal", "input != other, as bool.", ("not_equal",))
numpy_binary("lt", COMPARE, NULL, 0, 0, "less", "input < other, as bool.", ("less",))
numpy_binary("le", COMPARE, NULL, 0, 0, "less_equal", "input <= other, as bool.",
             ("less_equal",))
numpy_binary("gt", COMPARE, NULL, 0, 0, "greater", "input > other, as bool.", ("greater",))
numpy_binary("ge", COMPARE, NULL, 0, 0, "greater_equal", "input >= other, as bool.",
             ("greater_equal",))
numpy_binary("logical_and", LOGIC, NULL, 0, 0, "logical_and", "Both are not 0.")
numpy_binary("logical_or", LOGIC, NULL, 0, 0, "logical_or", "One of them is not 0.")
numpy_binary("logical_xor", LOGIC, NULL, 0, 0, "logical_xor", "Exactly one of them is not 0.")
numpy_binary("bitwise_and", BITS, NULL, 0, 0, "bitwise_and", "Bitwise and; logical for bool.")
numpy_binary("bitwise_or", BITS, NULL, 0, 0, "bitwise_or", "Bitwise or; logical for bool.")
numpy_binary("bitwise_xor", BITS, NULL, 0, 0, "bitwise_xor", "Bitwise xor; logical for bool.")
numpy_binary("bitwise_left_shift", BITS, NULL, 0, 0, "left_shift", "input * 2^other.")
numpy_binary("bitwise_right_shift", BITS, NULL, 0, 0, "right_shift",
             "input / 2^other rounded towards minus infinity.")

# What PyTorch defines for two tensors only, or with the tensor first.
for _name in ("maximum", "minimum", "fmax", "fmin", "atan2", "hypot", "logaddexp", "logaddexp2",
              "nextafter", "gcd", "lcm", "igamma", "igammac", "logical_and", "logical_or",
              "logical_xor"):
    tensors_only[op_id(_name)] = 2
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "fmod", "copysign"):
    tensors_only[op_id(_name)] = 1

for _name in ("add", "sub", "mul", "div", "floor_divide"):
    tensors_only[op_id(_name)] = -1

cdef Attr *_everything(Row r, Attr *at) noexcept:
    # A reduction over all dimensions.
    at.k[0] = (1 << value(r).ndim) - 1
    at.k[1] = 0
    return at

short_way(op_id("add"), n_add, r_add)
short_way(op_id("sub"), n_sub, r_sub)
short_way(op_id("mul"), n_mul, r_mul)
short_way(op_id("div"), n_div, r_div)

cdef int ADD = op_id("add"), DIV = op_id("div"), POW = op_id("pow"), SQUARE = op_id("square")
cdef int SQUARE_BACKWARD = op_id("square_backward"), MUL = op_id("mul")


def div(input, other, *, rounding_mode=None, out=None):
    """div(input, other, *, rounding_mode=None, out=None) -> Tensor

    input / other.  Integers are divided as floating point numbers; `rounding_mode` "trunc" or
    "floor" rounds the quotient and keeps integer dtypes.

    Example::

        >>> cgrad.div(cgrad.tensor([7, -7]), 2, rounding_mode="floor")
        tensor([ 3, -4])
    """
    cdef int64_t mark
    if rounding_mode == "floor":
        return public["floor_divide"](input, other, out=out)
    if rounding_mode == "trunc":
        return _trunc_div(input, other, out)
    if rounding_mode is not None:
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' "
                           f"but found '{rounding_mode}'")
    mark = scope_enter()
    try:
        return finished(binary(DIV, input, other), out, "div")
    finally:
        scope_leave(mark)


cdef object _trunc_div(object a, object b, object out):
    cdef int64_t mark = scope_enter()
    cdef Row[2] x
    cdef int op = op_id("trunc_divide")
    try:
        if is_float(operand_rows(DIV, a, b, x)) and is_float(operand_rows(ADD, a, b, x)):
            return finished(apply(op, x, 2, NULL), out, "div")
        # Exact for integers beyond 2^53 too: less the remainder, which has the sign of a.
        x[0] = call2(op_id("sub"), x[0], call2(op_id("fmod"), x[0], x[1]))
        return finished(apply(op_id("floor_divide"), x, 2, NULL), out, "div")
    finally:
        scope_leave(mark)


def pow(input, exponent, *, out=None):
    """pow(input, exponent, *, out=None) -> Tensor

    input ** exponent; one of them may be a number.  Derivatives: b a^(b-1) with respect to the
    base, a^b ln a with respect to the exponent.  Raises RuntimeError for integers to the power of a
    negative integer; where that is in a tensor, the reciprocal is cut to 1, -1 or 0.

    Example::

        >>> cgrad.pow(cgrad.tensor([2.0, 3.0]), 2)
        tensor([4., 9.])
    """
    cdef int64_t mark = scope_enter()
    cdef Row[2] x
    cdef Row r
    cdef int dt
    try:
        if (type(exponent) is int and exponent == 2 and is_handle(input)
                and value(row_of(input, "pow")).dtype != BOOL):
            r = unary_row(SQUARE, row_of(input, "pow"))
        else:
            dt = operand_rows(POW, input, exponent, x)
            if dt == BOOL and type(exponent) is bool:      # as PyTorch: False only if 0 ** 1
                x[1] = call1(op_id("logical_not"), x[1])
                r = apply(op_id("logical_or"), x, 2, NULL)
            elif not is_float(dt) and not is_handle(exponent) and exponent < 0:
                raise RuntimeError("pow: Integers to negative integer powers are not allowed.")
            elif not is_float(dt) and _negative(x[1]):
                r = _integer_power(x[0], x[1])
            else:
                r = apply(POW, x, 2, NULL)
        return finished(r, out, "pow")
    finally:
        scope_leave(mark)


cdef bint _negative(Row b) except -1:
    # Whether one of the exponents is negative.
    cdef Row found
    cdef Attr at
    b = cast(b, I64)
    found = call1(op_id("any"), call2(op_id("lt"), b, number(0, b)), _everything(b, &at))
    return value(found).data[0]


cdef Row _integer_power(Row a, Row b) except 0:
    # Negative exponents give the reciprocal cut to an integer: 1, -1 or 0.  a^(b mod 2) is right for
    # the first two.  The caller owns the result.
    cdef Row[3] x
    cdef Row one = number(1, a), parity
    x[0] = call2(op_id("lt"), b, number(0, b))
    parity = call2(op_id("bitwise_and"), b, number(1, b))
    x[1] = call2(POW, a, parity)
    x[1] = select(eq(square(a), one), x[1], number(0, a))
    x[2] = call2(POW, a, select(x[0], number(0, b), b))
    return apply(WHERE, x, 3, NULL)


def lerp(input, end, weight, *, out=None):
    """lerp(input, end, weight) -> Tensor

    input + weight (end - input), formed from the nearer side: `end` exactly where weight, a number
    or a tensor, is 1.  Raises RuntimeError where the dtypes differ.

    Example::

        >>> cgrad.lerp(cgrad.zeros(2), cgrad.tensor([10.0, 20.0]), 0.25)
        tensor([2.5000, 5.0000])
    """
    cdef int64_t mark = scope_enter()
    cdef Row[3] x
    cdef double number = 0 if is_handle(weight) else weight
    cdef int i
    try:
        x[0] = row_of(input, "lerp")
        x[1] = row_of(end, "lerp")
        if is_handle(weight):
            x[2] = row_of(weight, "lerp")
        else:
            x[2] = keep(scalar_row(number, value(x[0]).dtype))
        for i in range(1, 3):
            if value(x[i]).dtype != value(x[0]).dtype:
                raise RuntimeError(
                    f"lerp: expected dtype {dtype_of(value(x[0]).dtype).name} for "
                    f"`{'end' if i == 1 else 'weight'}`, but got dtype "
                    f"{dtype_of(value(x[i]).dtype).name}")
        return finished(apply(LERP, x, 3, NULL), out, "lerp")
    finally:
        scope_leave(mark)


def where(condition, input=None, other=None, *, out=None):
    """where(condition, input, other) -> Tensor

    input where condition, else other; the three are broadcast.  The gradient goes to the chosen
    side only, and is never multiplied: a NaN or infinity in the other branch's own derivative
    does not come from here.  With the condition alone: its nonzero indices, one tensor a dimension.

    Example::

        >>> x = cgrad.tensor([-1.0, 2.0])
        >>> cgrad.where(x > 0, x, 0.0)
        tensor([0., 2.])
    """
    cdef int64_t mark = scope_enter()
    cdef Row[3] x
    cdef int dt
    try:
        x[0] = row_of(condition, "where")
        if input is None and other is None:
            return public["nonzero"](condition, as_tuple=True)
        if value(x[0]).dtype != BOOL:
            if value(x[0]).dtype != U8:
                raise RuntimeError(f"where expected condition to be a boolean tensor, but got a "
                                   f"tensor with dtype {dtype_of(value(x[0]).dtype).name}")
            x[0] = cast(x[0], BOOL)
        if is_handle(input) or is_handle(other):
            operand_rows(WHERE, input, other, x + 1)
        else:
            input, other = plain(input), plain(other)
            for side in (input, other):
                if not is_number(side):
                    raise TypeError(f"where(): expected a Tensor or a number, but got "
                                    f"{type(side).__name__}")
            x[1] = keep(number_row(input))
            x[2] = keep(number_row(other))
            dt = promote(x[1], x[2])
            x[1] = cast(x[1], dt)
            x[2] = cast(x[2], dt)
        return finished(apply(WHERE, x, 3, NULL), out, "where")
    finally:
        scope_leave(mark)


def where_method(self, condition, other):
    """where(condition, other) -> Tensor

    self where condition, else other.
    """
    return where(condition, self, other)


export(div, "divide", "true_divide")
export(lerp)
export(pow)
export(where, method=False)
where_method.__name__ = where_method.__qualname__ = "where"
export(where_method, module=False)
