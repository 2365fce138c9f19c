"""Elementwise operations of one input, each with its derivative.

An entry says which inner loops do the arithmetic (NumPy's, or ours where NumPy has none), which
dtypes go in and come out (its *kind*, elementwise.pxd), and what its derivative reads.  The
public functions, methods and in-place forms are made from the entries (face.pyx).

Note [Zero times infinity].  In ``where(x > 0, x.sqrt(), 0)`` the gradient that reaches sqrt at 0 is
exactly 0, its slope there infinite, and the product would be NaN although the value was not
chosen.  So a rule whose slope can be infinite or NaN at the border of its domain multiplies by
`safe_mul` (divides by `safe_div`): a gradient of exactly 0 stays 0, every other one gives what
it always gave.
"""
from libc.math cimport INFINITY, NAN, M_LN2, M_LN10, M_PI, sqrt as c_sqrt
from cgrad._engine.types cimport *
from cgrad._engine.elementwise cimport *
from cgrad._engine.face import export, public
from cgrad._engine.face cimport face
from cgrad._engine.handle cimport is_handle, plain
from cgrad._engine.loops cimport cast_loop, copy_cast, numpy_loop
from cgrad._engine.parametric import store
from cgrad._engine.parametric cimport with_numbers
from cgrad._engine.primitives cimport (
    both, cast, div, exp, ge, le, mul, neg, number, plus, safe_div, safe_mul, square, times, unary,
    where, zeros_like,
)
from cgrad._engine.rows cimport is_float, node, row_dense, value
from cgrad._engine.table cimport (
    Ctx, Rule, call1, call2, grad_enabled, op_id, ops, register, short_way,
)

ctypedef void cg_fn(char **, const Py_ssize_t *, const Py_ssize_t *, void *) noexcept nogil

cdef extern from "../_kernels/loops.h":
    cg_fn cg_relu_f32, cg_relu_f64
    cg_fn cg_sgn_f32, cg_sgn_f64
    cg_fn cg_sigmoid_f32, cg_sigmoid_f64
    cg_fn cg_rsqrt_f32, cg_rsqrt_f64
    cg_fn cg_reciprocal_f32, cg_reciprocal_f64
    cg_fn cg_erf_f32, cg_erf_f64
    cg_fn cg_erfc_f32, cg_erfc_f64
    cg_fn cg_log1p_f32, cg_log1p_f64
    cg_fn cg_deg2rad_f32, cg_deg2rad_f64
    cg_fn cg_rad2deg_f32, cg_rad2deg_f64
    cg_fn cg_frac_f32, cg_frac_f64
    cg_fn cg_clamp_f32, cg_clamp_f64
    cg_fn cg_threshold_backward_f32, cg_threshold_backward_f64
    cg_fn cg_square_backward_f32, cg_square_backward_f64
    cg_fn cg_sigmoid_backward_f32, cg_sigmoid_backward_f64
    cg_fn cg_tanh_backward_f32, cg_tanh_backward_f64
    cg_fn cg_safe_mul_f32, cg_safe_mul_f64
    cg_fn cg_safe_div_f32, cg_safe_div_f64

cdef extern from "../_kernels/usual.h":
    cg_fn cg_sin_f64, cg_cos_f64

cdef extern from "../_kernels/activation.h":
    cg_fn cg_own_exp_f32, cg_own_tanh_f32
    int cg_own_pays()

cdef int SQUARE_BACKWARD = op_id("square_backward")
cdef int TANH_BACKWARD = op_id("tanh_backward")
cdef int SIGMOID_BACKWARD = op_id("sigmoid_backward")
cdef int THRESHOLD_BACKWARD = op_id("threshold_backward")
cdef int MUL = op_id("mul"), TIED = op_id("tied"), TWICE = op_id("twice")


cdef Row tied(Row a, Row x) except 0:
    """`a`, attached to `x` with derivative 0 where a graph is being made of a gradient.

    A gradient that does not depend on `x`, as that of a piecewise linear function, could otherwise
    not be differentiated again; PyTorch gives zeros.
    """
    if not grad_enabled() or not node(x).flags & REQUIRES_GRAD:
        return a
    return call2(TIED, a, x)


# Derivative rules.  c.g: gradient of the output; c.y: the output; c.x: the inputs

cdef int d_neg(Ctx *c) except -1:
    c.out[0] = neg(c.g)
    return 0

cdef void r_neg(double g, double a, double b, double y, int dt, double *out) noexcept nogil:
    out[0] = -g

cdef int d_abs(Ctx *c) except -1:
    c.out[0] = mul(c.g, unary("sign", c.x[0]))
    return 0

cdef int d_exp(Ctx *c) except -1:
    c.out[0] = over(c, MUL, c.y)
    return 0

cdef int d_expm1(Ctx *c) except -1:
    c.out[0] = mul(c.g, plus(c.y, 1))
    return 0

cdef int d_exp2(Ctx *c) except -1:
    c.out[0] = mul(c.g, times(c.y, M_LN2))
    return 0

cdef int d_log(Ctx *c) except -1:
    c.out[0] = safe_div(c.g, c.x[0])
    return 0

cdef int d_log2(Ctx *c) except -1:
    c.out[0] = safe_div(c.g, times(c.x[0], M_LN2))
    return 0

cdef int d_log10(Ctx *c) except -1:
    c.out[0] = safe_div(c.g, times(c.x[0], M_LN10))
    return 0

cdef int d_log1p(Ctx *c) except -1:
    c.out[0] = safe_div(c.g, plus(c.x[0], 1))
    return 0

cdef int d_sqrt(Ctx *c) except -1:
    c.out[0] = safe_div(c.g, times(c.y, 2))
    return 0

cdef int d_rsqrt(Ctx *c) except -1:
    c.out[0] = safe_mul(times(c.g, -0.5), mul(square(c.y), c.y))
    return 0

cdef int d_reciprocal(Ctx *c) except -1:
    c.out[0] = safe_mul(neg(c.g), square(c.y))
    return 0

cdef int d_square(Ctx *c) except -1:
    if grad_enabled():                            # tied to x, see above
        c.out[0] = mul(c.g, call1(TWICE, c.x[0]))
    else:
        c.out[0] = over(c, SQUARE_BACKWARD, c.x[0])
    return 0

cdef int d_square_backward(Ctx *c) except -1:     # z = 2 g x
    if c.need[0]:
        c.out[0] = call2(SQUARE_BACKWARD, c.g, c.x[1])
    if c.need[1]:
        c.out[1] = call2(SQUARE_BACKWARD, c.g, c.x[0])
    return 0

cdef int d_twice(Ctx *c) except -1:
    c.out[0] = tied(times(c.g, 2), c.x[0])
    return 0

cdef int d_tied(Ctx *c) except -1:
    if c.need[0]:
        c.out[0] = c.g
    if c.need[1]:
        c.out[1] = zeros_like(c.g)
    return 0

cdef int d_sin(Ctx *c) except -1:
    c.out[0] = mul(c.g, unary("cos", c.x[0]))
    return 0

cdef int d_cos(Ctx *c) except -1:
    c.out[0] = neg(mul(c.g, unary("sin", c.x[0])))
    return 0

cdef int d_tan(Ctx *c) except -1:
    c.out[0] = mul(c.g, plus(square(c.y), 1))
    return 0

cdef int d_asin(Ctx *c) except -1:
    c.out[0] = safe_mul(c.g, unary("rsqrt", plus(neg(square(c.x[0])), 1)))
    return 0

cdef int d_acos(Ctx *c) except -1:
    c.out[0] = neg(safe_mul(c.g, unary("rsqrt", plus(neg(square(c.x[0])), 1))))
    return 0

cdef int d_atan(Ctx *c) except -1:
    c.out[0] = div(c.g, plus(square(c.x[0]), 1))
    return 0

cdef int d_sinh(Ctx *c) except -1:
    c.out[0] = mul(c.g, unary("cosh", c.x[0]))
    return 0

cdef int d_cosh(Ctx *c) except -1:
    c.out[0] = mul(c.g, unary("sinh", c.x[0]))
    return 0

cdef int d_tanh(Ctx *c) except -1:
    c.out[0] = over(c, TANH_BACKWARD, c.y)
    return 0

cdef int d_tanh_backward(Ctx *c) except -1:       # z = g (1 - y^2)
    if c.need[0]:
        c.out[0] = call2(TANH_BACKWARD, c.g, c.x[1])
    if c.need[1]:
        c.out[1] = mul(times(mul(c.g, c.x[0]), -2), c.x[1])
    return 0

cdef int d_sigmoid(Ctx *c) except -1:
    c.out[0] = over(c, SIGMOID_BACKWARD, c.y)
    return 0

cdef int d_sigmoid_backward(Ctx *c) except -1:    # z = g y (1 - y)
    if c.need[0]:
        c.out[0] = call2(SIGMOID_BACKWARD, c.g, c.x[1])
    if c.need[1]:
        c.out[1] = mul(mul(c.g, c.x[0]), plus(times(c.x[1], -2), 1))
    return 0

cdef int d_relu(Ctx *c) except -1:
    c.out[0] = over(c, THRESHOLD_BACKWARD, c.y)
    return 0

cdef void r_relu(double g, double a, double b, double y, int dt, double *out) noexcept nogil:
    out[0] = 0 if y <= 0 else g

cdef int d_threshold_backward(Ctx *c) except -1:  # z = g where y > 0, else 0
    if c.need[0]:
        c.out[0] = call2(THRESHOLD_BACKWARD, c.g, c.x[1])
    if c.need[1]:
        c.out[1] = zeros_like(c.g)
    return 0

cdef int d_zero(Ctx *c) except -1:                # steps: the derivative is 0 wherever it exists
    for i in range(c.n):
        if c.need[i]:
            c.out[i] = zeros_like(c.g)
    return 0

cdef int d_safe_mul(Ctx *c) except -1:            # z = g s
    if c.need[0]:
        c.out[0] = safe_mul(c.g, c.x[1])
    if c.need[1]:
        c.out[1] = mul(c.g, c.x[0])
    return 0

cdef int d_safe_div(Ctx *c) except -1:            # z = g / s
    if c.need[0]:
        c.out[0] = safe_div(c.g, c.x[1])
    if c.need[1]:
        c.out[1] = neg(safe_div(mul(c.g, c.y), c.x[1]))
    return 0

cdef int d_erf(Ctx *c) except -1:
    c.out[0] = mul(c.g, times(exp(neg(square(c.x[0]))), 2 / c_sqrt(M_PI)))
    return 0

cdef int d_erfc(Ctx *c) except -1:
    c.out[0] = mul(c.g, times(exp(neg(square(c.x[0]))), -2 / c_sqrt(M_PI)))
    return 0

cdef int d_asinh(Ctx *c) except -1:
    c.out[0] = mul(c.g, unary("rsqrt", plus(square(c.x[0]), 1)))
    return 0

cdef int d_acosh(Ctx *c) except -1:
    c.out[0] = safe_mul(c.g, unary("rsqrt", plus(square(c.x[0]), -1)))
    return 0

cdef int d_atanh(Ctx *c) except -1:
    c.out[0] = safe_div(c.g, plus(neg(square(c.x[0])), 1))
    return 0

cdef int d_deg2rad(Ctx *c) except -1:
    c.out[0] = times(c.g, M_PI / 180)
    return 0

cdef int d_rad2deg(Ctx *c) except -1:
    c.out[0] = times(c.g, 180 / M_PI)
    return 0

cdef int d_clone(Ctx *c) except -1:
    c.out[0] = c.g
    return 0

cdef int d_clamp(Ctx *c) except -1:               # 1 inside and on the bounds, as PyTorch
    cdef Row x = c.x[0]
    c.out[0] = where(both(ge(x, number(c.at.f[0], x)), le(x, number(c.at.f[1], x))),
                     c.g, number(0, c.g))
    return 0


# ---------------------------------------------------------------------------------------------
# The entries

cdef Row f_square(int op, Row *x, int n, Attr *at) except 0:
    cdef Row a = x[0]
    if value(a).dtype == BOOL:
        a = cast(a, I64)
    return elementwise(op, &a, 1, at)

cdef enum:
    X = 1                     # the rule reads the input
    Y = SAVES_OUTPUT          # the rule reads the output

cdef int numpy_unary(str name, int kind, Rule rule, int reads, str ufunc, str doc,
                     tuple aliases=()) except -1:
    define(name, kind, rule, 1, ufunc, NULL, NULL, reads, 0)
    return face(name, 1, doc, True, aliases)

cdef int own_unary(str name, Rule rule, int reads, Loop f32, Loop f64, str doc,
                   tuple aliases=()) except -1:
    define(name, FLOAT, rule, 1, None, f32, f64, reads, 0)
    return face(name, 1, doc, True, aliases)

numpy_unary("neg", ARITH, d_neg, 0, "negative", "-x, elementwise.", ("negative",))
numpy_unary("abs", SAME, d_abs, X, "absolute", "Absolute value; derivative sign(x), 0 at 0.",
            ("absolute",))
numpy_unary("sign", SAME, d_zero, 0, "sign", "-1, 0 or 1, 0 for NaN; the derivative is 0.",
            ("sgn",))
ops[op_id("sign")].loops[<int>BOOL] = cast_loop(BOOL, BOOL)
ops[op_id("sign")].loops[<int>F32] = cg_sgn_f32
ops[op_id("sign")].loops[<int>F64] = cg_sgn_f64
numpy_unary("square", SAME, d_square, X, "square", "x * x; bool becomes int64.")
ops[op_id("square")].forward = f_square
numpy_unary("floor", SAME, d_zero, 0, "floor", "Largest integer <= x; the derivative is 0.")
numpy_unary("ceil", SAME, d_zero, 0, "ceil", "Smallest integer >= x; the derivative is 0.")
numpy_unary("trunc", SAME, d_zero, 0, "trunc", "x rounded towards 0; the derivative is 0.",
            ("fix",))
numpy_unary("round", SAME, d_zero, 0, "rint", "Nearest integer, halves to even.")
_nearest = public["round"]
# Integers are rounded already; bool is no number to round.
for _name in ("floor", "ceil", "trunc", "round"):
    for _dt in range(U8, F32):
        numpy_loop("positive", _dt, 1, _dt, &ops[op_id(_name)].loops[_dt],
                   &ops[op_id(_name)].data[_dt])
for _name in ("floor", "ceil", "trunc", "round", "abs"):
    ops[op_id(_name)].loops[<int>BOOL] = NULL
numpy_unary("exp", FLOAT, d_exp, Y, "exp", "e^x; derivative e^x.")
numpy_unary("exp2", FLOAT, d_exp2, Y, "exp2", "2^x; derivative 2^x ln 2.")
numpy_unary("expm1", FLOAT, d_expm1, Y, "expm1", "e^x - 1, exact for small x.")
numpy_unary("log", FLOAT, d_log, X, "log", "Natural logarithm; derivative 1/x.")
numpy_unary("log2", FLOAT, d_log2, X, "log2", "Logarithm to base 2; derivative 1/(x ln 2).")
numpy_unary("log10", FLOAT, d_log10, X, "log10", "Logarithm to base 10; derivative 1/(x ln 10).")
own_unary("log1p", d_log1p, X, cg_log1p_f32, cg_log1p_f64, "ln(1 + x), exact for small x.")
numpy_unary("sqrt", FLOAT, d_sqrt, Y, "sqrt", "Square root; derivative 1/(2 sqrt(x)).")
numpy_unary("sin", FLOAT, d_sin, X, "sin", "Sine of x in radians; derivative cos x.")
numpy_unary("cos", FLOAT, d_cos, X, "cos", "Cosine of x in radians; derivative -sin x.")
# NumPy's double precision loops of these are no vectors everywhere.
ops[op_id("sin")].loops[<int>F64] = cg_sin_f64
ops[op_id("cos")].loops[<int>F64] = cg_cos_f64
numpy_unary("tan", FLOAT, d_tan, Y, "tan", "Tangent of x in radians; derivative 1 + tan^2 x.")
numpy_unary("asin", FLOAT, d_asin, X, "arcsin", "Inverse sine; derivative 1/sqrt(1 - x^2).",
            ("arcsin",))
numpy_unary("acos", FLOAT, d_acos, X, "arccos", "Inverse cosine; derivative -1/sqrt(1 - x^2).",
            ("arccos",))
numpy_unary("atan", FLOAT, d_atan, X, "arctan", "Inverse tangent; derivative 1/(1 + x^2).",
            ("arctan",))
numpy_unary("sinh", FLOAT, d_sinh, X, "sinh", "Hyperbolic sine; derivative cosh x.")
numpy_unary("cosh", FLOAT, d_cosh, X, "cosh", "Hyperbolic cosine; derivative sinh x.")
numpy_unary("tanh", FLOAT, d_tanh, Y, "tanh", "Hyperbolic tangent; derivative 1 - tanh^2 x.")
numpy_unary("asinh", FLOAT, d_asinh, X, "arcsinh", "Inverse of sinh; derivative 1/sqrt(x^2 + 1).",
            ("arcsinh",))
numpy_unary("acosh", FLOAT, d_acosh, X, "arccosh", "Inverse of cosh; derivative 1/sqrt(x^2 - 1).",
            ("arccosh",))
numpy_unary("atanh", FLOAT, d_atanh, X, "arctanh", "Inverse of tanh; derivative 1/(1 - x^2).",
            ("arctanh",))
if cg_own_pays():
    ops[op_id("exp")].loops[<int>F32] = cg_own_exp_f32
    ops[op_id("tanh")].loops[<int>F32] = cg_own_tanh_f32
own_unary("deg2rad", d_deg2rad, 0, cg_deg2rad_f32, cg_deg2rad_f64, "Degrees to radians: pi x / 180.")
own_unary("rad2deg", d_rad2deg, 0, cg_rad2deg_f32, cg_rad2deg_f64, "Radians to degrees: 180 x / pi.")
define("frac", SAME, d_clone, 1, None, cg_frac_f32, cg_frac_f64, 0, 0)
face("frac", 1, "x - trunc(x); derivative 1.")
numpy_unary("logical_not", LOGIC, NULL, 0, "logical_not", "True where x is 0.")
numpy_unary("bitwise_not", BITS, NULL, 0, "invert", "Bitwise complement; logical for bool.")

cdef Row f_relu(int op, Row *x, int n, Attr *at) except 0:
    cdef Row[2] pair
    cdef int dt = value(x[0]).dtype
    if dt == BOOL or is_float(dt):
        return elementwise(op, x, n, at)
    pair[0] = x[0]
    pair[1] = number(0, x[0])
    return elementwise(op_id("maximum"), pair, 2, NULL)

define("relu", SAME, d_relu, 1, None, cg_relu_f32, cg_relu_f64, Y, 0)
ops[op_id("relu")].forward = f_relu
face("relu", 1, "max(x, 0), NaN stays NaN; derivative 1 where x > 0, else 0.")
own_unary("sigmoid", d_sigmoid, Y, cg_sigmoid_f32, cg_sigmoid_f64,
          "1/(1 + e^-x); derivative s (1 - s).")
own_unary("rsqrt", d_rsqrt, Y, cg_rsqrt_f32, cg_rsqrt_f64, "1/sqrt(x).")
own_unary("reciprocal", d_reciprocal, Y, cg_reciprocal_f32, cg_reciprocal_f64, "1/x.")
own_unary("erf", d_erf, X, cg_erf_f32, cg_erf_f64,
          "Error function 2/sqrt(pi) int_0^x e^-t^2 dt.")
own_unary("erfc", d_erfc, X, cg_erfc_f32, cg_erfc_f64, "1 - erf(x), accurate in the tail.")


cdef Row f_twice(int op, Row *x, int n, Attr *at) except 0:
    cdef Row[2] pair
    pair[0] = x[0]
    pair[1] = x[0]
    return elementwise(op_id("add"), pair, 2, NULL)

register("twice", f_twice, d_twice)


cdef Row f_tied(int op, Row *x, int n, Attr *at) except 0:
    cdef Row y = row_dense(value(x[0]).dtype, value(x[0]).ndim, value(x[0]).shape)
    copy_cast(y, x[0])
    return y

register("tied", f_tied, d_tied)

define("threshold_backward", SAME, d_threshold_backward, 2, None, cg_threshold_backward_f32,
       cg_threshold_backward_f64, 2, 0)
define("safe_mul", SAME, d_safe_mul, 2, None, cg_safe_mul_f32, cg_safe_mul_f64, 2, 1)
define("safe_div", SAME, d_safe_div, 2, None, cg_safe_div_f32, cg_safe_div_f64, 2, 2 | Y)
define("sigmoid_backward", SAME, d_sigmoid_backward, 2, None, cg_sigmoid_backward_f32,
       cg_sigmoid_backward_f64, 2, 3)
define("square_backward", SAME, d_square_backward, 2, None, cg_square_backward_f32,
       cg_square_backward_f64, 2, 1)
define("tanh_backward", SAME, d_tanh_backward, 2, None, cg_tanh_backward_f32,
       cg_tanh_backward_f64, 2, 3)
cdef int CLAMP = define("clamp", SAME, d_clamp, 1, None, cg_clamp_f32, cg_clamp_f64, X, 0)


def _beyond(mask, bound):
    # NaN wins as a bound too.
    if is_handle(bound) and bound.dtype.is_floating_point:
        return public["logical_or"](mask, bound != bound)
    return mask


def clamp(input, min=None, max=None, *, out=None):
    """clamp(input, min=None, max=None) -> Tensor

    Values below `min` become min, above `max` become max; the bounds are numbers or tensors. The
    gradient is passed inside and on the bounds.  Raises RuntimeError without any bound.

    Example::

        >>> cgrad.clamp(cgrad.tensor([-2.0, 0.5, 3.0]), 0, 1)
        tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    min, max = plain(min), plain(max)
    for name, bound in (("min", min), ("max", max)):
        if bound is not None and not is_handle(bound) and not isinstance(bound, (int, float)):
            raise TypeError(f"clamp(): argument '{name}' must be Number or Tensor, not "
                            f"{type(bound).__name__}")
    if (isinstance(min, float) and min != min) or (isinstance(max, float) and max != max):
        y = public["where"](input == input, NAN, input)       # NaN as a bound: everything is
    elif (is_handle(input) and not is_handle(min) and not is_handle(max)
            and input.dtype.is_floating_point):
        y = with_numbers(CLAMP, input, -INFINITY if min is None else min,
                         INFINITY if max is None else max, 0, None, "clamp")
    else:
        y = input
        if min is not None:
            y = public["where"](_beyond(y < min, min), min, y)
        if max is not None:
            y = public["where"](_beyond(y > max, max), max, y)
    return store(y, out, "clamp")


def round(input, *, decimals=0, out=None):
    """round(input, *, decimals=0) -> Tensor

    The nearest number with `decimals` digits after the point; halves go to the even neighbour.

    Example::

        >>> cgrad.round(cgrad.tensor([0.5, 1.5, 2.26]), decimals=1)
        tensor([0.5000, 1.5000, 2.3000])
    """
    f = _nearest
    if decimals == 0:
        return f(input, out=out)
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return public["div"](f(input * scale), scale, out=out)
    return public["mul"](f(input / scale), scale, out=out)


export(round)
export(clamp, "clip")
short_way(op_id("neg"), NULL, r_neg)
short_way(op_id("relu"), NULL, r_relu)
