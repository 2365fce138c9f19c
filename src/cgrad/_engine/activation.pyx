"""Activation functions, each with its derivative.  They belong to `cgrad.nn.functional`.

At kinks the derivative is PyTorch's.  Where it is piecewise constant, the second derivative is
zero and the gradient stays attached to the input (`tied`), so that asking for it gives zeros.
"""
from libc.math cimport M_PI, sqrt as c_sqrt
from cgrad._engine.types cimport *
from cgrad._engine.elementwise cimport *
from cgrad._engine.face import public
from cgrad._engine.face cimport face
from cgrad._engine.handle cimport is_handle, wrap
from cgrad._engine.parametric cimport with_numbers
from cgrad._engine.primitives cimport (
    add, both, exp, gt, le, mul, neg, number, plus, square, times, unary, where,
)
from cgrad._engine.table cimport Ctx, call2, op_id, ops, scope_enter, scope_leave
from cgrad._engine.unary cimport tied

ctypedef void cg_fn(char **, const Py_ssize_t *, const Py_ssize_t *, void *) noexcept nogil

cdef extern from "../_kernels/activation.h":
    cg_fn cg_silu_f32, cg_silu_f64
    cg_fn cg_gelu_f32, cg_gelu_f64
    cg_fn cg_gelu_tanh_f32, cg_gelu_tanh_f64
    cg_fn cg_mish_f32, cg_mish_f64
    cg_fn cg_leaky_relu_f32, cg_leaky_relu_f64
    cg_fn cg_elu_f32, cg_elu_f64
    cg_fn cg_celu_f32, cg_celu_f64
    cg_fn cg_selu_f32, cg_selu_f64
    cg_fn cg_softplus_f32, cg_softplus_f64
    cg_fn cg_log_sigmoid_f32, cg_log_sigmoid_f64
    cg_fn cg_hardsigmoid_f32, cg_hardsigmoid_f64
    cg_fn cg_hardswish_f32, cg_hardswish_f64
    cg_fn cg_hardshrink_f32, cg_hardshrink_f64
    cg_fn cg_softshrink_f32, cg_softshrink_f64
    cg_fn cg_threshold_f32, cg_threshold_f64
    cg_fn cg_prelu_f32, cg_prelu_f64

cdef int LT = op_id("lt"), OR = op_id("logical_or")


# Derivative rules.  c.g: gradient of the output; c.x[0]: the input x; c.at.f: p0, p1

cdef int d_silu(Ctx *c) except -1:                # s (1 + x (1 - s)), s = sigmoid(x)
    cdef Row s = unary("sigmoid", c.x[0])
    c.out[0] = mul(c.g, mul(s, plus(mul(c.x[0], plus(neg(s), 1)), 1)))
    return 0

cdef int d_gelu(Ctx *c) except -1:                # Phi(x) + x phi(x)
    cdef Row x = c.x[0]
    cdef Row cdf = times(plus(unary("erf", times(x, c_sqrt(0.5))), 1), 0.5)
    cdef Row pdf = times(exp(times(square(x), -0.5)), 1 / c_sqrt(2 * M_PI))
    c.out[0] = mul(c.g, add(cdf, mul(x, pdf)))
    return 0

cdef int d_gelu_tanh(Ctx *c) except -1:
    # x/2 (1 + t), t = tanh(u), u = s (x + a x^3): (1 + t)/2 + x/2 (1 - t^2) s (1 + 3 a x^2)
    cdef double s = c_sqrt(2 / M_PI), a = 0.044715
    cdef Row x = c.x[0]
    cdef Row x2 = square(x)
    cdef Row t = unary("tanh", mul(x, plus(times(x2, s * a), s)))
    cdef Row slope = mul(x, mul(plus(neg(square(t)), 1), plus(times(x2, 3 * a * s), s)))
    c.out[0] = mul(c.g, times(add(plus(t, 1), slope), 0.5))
    return 0

cdef int d_mish(Ctx *c) except -1:                # t + x (1 - t^2) sigmoid(x), t = tanh(softplus)
    cdef Row x = c.x[0]
    cdef Row t = unary("tanh", neg(unary("log_sigmoid", neg(x))))
    c.out[0] = mul(c.g, add(t, mul(mul(x, unary("sigmoid", x)), plus(neg(square(t)), 1))))
    return 0

cdef int d_leaky_relu(Ctx *c) except -1:
    cdef Row x = c.x[0]
    c.out[0] = tied(where(gt(x, number(0, x)), c.g, times(c.g, c.at.f[0])), x)
    return 0

cdef int _exponential(Ctx *c, double factor, double scale) except -1:
    # factor where x > 0 (or NaN), else factor f0 scale e^(scale x); at 0 the second derivative is 0
    cdef Row x = c.x[0]
    cdef Row zero = number(0, x)
    cdef Row below = where(call2(LT, x, zero), x, zero)   # keeps e^x finite where not chosen
    cdef Row slope = times(exp(times(below, scale)), c.at.f[0] * scale)
    cdef Row g = c.g if factor == 1 else times(c.g, factor)
    c.out[0] = where(le(x, zero), mul(g, slope), g)
    return 0

cdef int d_elu(Ctx *c) except -1:                 # 1 where x > 0, else p0 e^x
    return _exponential(c, 1, 1)

cdef int d_celu(Ctx *c) except -1:                # 1 where x > 0, else e^(x / p0)
    return _exponential(c, 1, 1 / c.at.f[0])

cdef int d_selu(Ctx *c) except -1:                # p1 where x > 0, else p1 p0 e^x
    return _exponential(c, c.at.f[1], 1)

cdef int d_softplus(Ctx *c) except -1:            # sigmoid(beta x), 1 above the threshold
    cdef Row bx = times(c.x[0], c.at.f[0])
    c.out[0] = where(gt(bx, number(c.at.f[1], bx)), c.g, mul(c.g, unary("sigmoid", bx)))
    return 0

cdef int d_log_sigmoid(Ctx *c) except -1:         # sigmoid(-x)
    c.out[0] = mul(c.g, unary("sigmoid", neg(c.x[0])))
    return 0

cdef Row _inside(Row x, double low, double high) except 0:     # low < x < high
    return both(gt(x, number(low, x)), call2(LT, x, number(high, x)))

cdef int d_hardsigmoid(Ctx *c) except -1:         # 1/6 where -3 < x < 3
    cdef Row x = c.x[0]
    c.out[0] = tied(where(_inside(x, -3, 3), times(c.g, 1. / 6), number(0, c.g)), x)
    return 0

cdef int d_hardswish(Ctx *c) except -1:           # x/3 + 1/2 where -3 < x < 3, then 1
    cdef Row x = c.x[0]
    cdef Row above = where(gt(x, number(0, x)), c.g, number(0, c.g))
    c.out[0] = where(_inside(x, -3, 3), mul(c.g, plus(times(x, 1. / 3), 0.5)), above)
    return 0

cdef int d_shrink(Ctx *c) except -1:              # 0 where |x| <= p0
    cdef Row x = c.x[0]
    cdef Row far = call2(OR, gt(x, number(c.at.f[0], x)), call2(LT, x, number(-c.at.f[0], x)))
    c.out[0] = tied(where(far, c.g, number(0, c.g)), x)
    return 0

cdef int d_hardtanh(Ctx *c) except -1:            # 0 at the limits and beyond
    cdef Row x = c.x[0]
    c.out[0] = tied(where(_inside(x, c.at.f[0], c.at.f[1]), c.g, number(0, c.g)), x)
    return 0

cdef int d_threshold(Ctx *c) except -1:           # 0 where x <= p0
    cdef Row x = c.x[0]
    c.out[0] = tied(where(le(x, number(c.at.f[0], x)), number(0, c.g), c.g), x)
    return 0

cdef int d_prelu(Ctx *c) except -1:               # 1 where x > 0, else w; 0 where x > 0, else x
    cdef Row x = c.x[0], w = c.x[1], positive = gt(x, number(0, x))
    if c.need[0]:
        c.out[0] = tied(where(positive, c.g, mul(w, c.g)), x)
    if c.need[1]:
        c.out[1] = where(positive, number(0, c.g), mul(x, c.g))
    return 0


# ---------------------------------------------------------------------------------------------
# The entries

cdef enum:
    X = 1                     # the rule reads the input
    W = 2                     # ... the weight

define("silu", SAME, d_silu, 1, None, cg_silu_f32, cg_silu_f64, X, 0)
face("silu", 1, "x sigmoid(x) (Hendrycks and Gimpel 2016, section 5).")
cdef int GELU = define("gelu", SAME, d_gelu, 1, None, cg_gelu_f32, cg_gelu_f64, X, 0)
cdef int GELU_TANH = define("gelu_tanh", SAME, d_gelu_tanh, 1, None, cg_gelu_tanh_f32,
                            cg_gelu_tanh_f64, X, 0)
cdef int MISH = define("mish", SAME, d_mish, 1, None, cg_mish_f32, cg_mish_f64, X, 0)
cdef int LEAKY_RELU = define("leaky_relu", SAME, d_leaky_relu, 1, None, cg_leaky_relu_f32,
                             cg_leaky_relu_f64, X, 0)
cdef int ELU = define("elu", SAME, d_elu, 1, None, cg_elu_f32, cg_elu_f64, X, 0)
cdef int CELU = define("celu", SAME, d_celu, 1, None, cg_celu_f32, cg_celu_f64, X, 0)
cdef int SELU = define("selu", SAME, d_selu, 1, None, cg_selu_f32, cg_selu_f64, X, 0)
cdef int SOFTPLUS = define("softplus", SAME, d_softplus, 1, None, cg_softplus_f32,
                           cg_softplus_f64, X, 0)
cdef int LOG_SIGMOID = define("log_sigmoid", SAME, d_log_sigmoid, 1, None, cg_log_sigmoid_f32,
                              cg_log_sigmoid_f64, X, 0)
cdef int HARDSIGMOID = define("hardsigmoid", SAME, d_hardsigmoid, 1, None, cg_hardsigmoid_f32,
                              cg_hardsigmoid_f64, X, 0)
cdef int HARDSWISH = define("hardswish", SAME, d_hardswish, 1, None, cg_hardswish_f32,
                            cg_hardswish_f64, X, 0)
cdef int HARDSHRINK = define("hardshrink", SAME, d_shrink, 1, None, cg_hardshrink_f32,
                             cg_hardshrink_f64, X, 0)
cdef int SOFTSHRINK = define("softshrink", SAME, d_shrink, 1, None, cg_softshrink_f32,
                             cg_softshrink_f64, X, 0)
cdef Loop *_clamp = ops[op_id("clamp")].loops
cdef int HARDTANH = define("hardtanh", SAME, d_hardtanh, 1, None, _clamp[<int>F32],
                           _clamp[<int>F64], X, 0)
cdef int PRELU = define("prelu", SAME, d_prelu, 2, None, cg_prelu_f32, cg_prelu_f64, X | W, X)
cdef int THRESHOLD = define("threshold", SAME, d_threshold, 1, None, cg_threshold_f32,
                            cg_threshold_f64, X, 0)


def gelu(input, approximate="none", *, out=None):
    """gelu(input, approximate="none") -> Tensor

    x Phi(x) with the normal distribution function Phi, or its form with tanh
    (approximate="tanh") (Hendrycks and Gimpel 2016).
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu: approximate argument must be either none or tanh, not {approximate!r}")
    return with_numbers(GELU if approximate == "none" else GELU_TANH, input, 0, 0, 0, out, "gelu")


def mish(input):
    """mish(input) -> Tensor

    x tanh(log(1 + e^x)) (Misra 2019).
    """
    return with_numbers(MISH, input, 0, 0, 0, None, "mish")


def leaky_relu(input, negative_slope=0.01, *, out=None):
    """leaky_relu(input, negative_slope=0.01) -> Tensor

    x where x > 0, else negative_slope x.
    """
    return with_numbers(LEAKY_RELU, input, negative_slope, 0, 0, out, "leaky_relu")


def elu(input, alpha=1.0, *, out=None):
    """elu(input, alpha=1.0) -> Tensor

    x where x > 0, else alpha (e^x - 1) (Clevert et al. 2016).
    """
    return with_numbers(ELU, input, alpha, 0, 0, out, "elu")


def celu(input, alpha=1.0):
    """celu(input, alpha=1.0) -> Tensor

    x where x > 0, else alpha (e^(x / alpha) - 1) (Barron 2017).

    Example::

        >>> cgrad.celu(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """
    cdef double a = alpha
    if a == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return with_numbers(CELU, input, a, 0, 0, None, "celu")


def selu(input):
    """selu(input) -> Tensor

    1.0507 (x where x > 0, else 1.67326 (e^x - 1)): the numbers of Klambauer et al. (2017), which
    keep mean 0 and variance 1 through layers.

    Example::

        >>> cgrad.selu(cgrad.tensor([-1.0, 2.0]))
        tensor([-1.1113,  2.1014])
    """
    return with_numbers(SELU, input, 1.6732632423543772848170429916717,
                        1.0507009873554804934193349852946, 0, None, "selu")


def softplus(input, beta=1.0, threshold=20.0, *, out=None):
    """softplus(input, beta=1.0, threshold=20.0) -> Tensor

    log(1 + e^(beta x)) / beta; x itself where beta x > threshold.
    """
    return with_numbers(SOFTPLUS, input, beta, threshold, 0, out, "softplus")


def logsigmoid(input, *, out=None):
    """logsigmoid(input) -> Tensor

    log(1 / (1 + e^-x)), without overflow.

    Example::

        >>> cgrad.nn.functional.logsigmoid(cgrad.tensor([0.0, 2.0]))
        tensor([-0.6931, -0.1269])
    """
    return with_numbers(LOG_SIGMOID, input, 0, 0, 0, out, "logsigmoid")


def hardsigmoid(input, *, out=None):
    """hardsigmoid(input) -> Tensor

    x/6 + 1/2 limited to [0, 1]; the derivative is 0 at the limits and beyond.
    """
    return with_numbers(HARDSIGMOID, input, 0, 0, 0, out, "hardsigmoid")


def hardswish(input, *, out=None):
    """hardswish(input) -> Tensor

    x hardsigmoid(x) (Howard et al. 2019).
    """
    return with_numbers(HARDSWISH, input, 0, 0, 0, out, "hardswish")


def hardshrink(input, lambd=0.5, *, out=None):
    """hardshrink(input, lambd=0.5) -> Tensor

    0 where |x| <= lambd, else x.

    Example::

        >>> cgrad.hardshrink(cgrad.tensor([-1.0, 0.2]))
        tensor([-1.,  0.])
    """
    return with_numbers(HARDSHRINK, input, lambd, 0, 0, out, "hardshrink")


def softshrink(input, lambd=0.5, *, out=None):
    """softshrink(input, lambd=0.5) -> Tensor

    x moved towards 0 by lambd, no further.  Raises RuntimeError for lambd < 0.

    Example::

        >>> cgrad.nn.functional.softshrink(cgrad.tensor([-1.0, 0.2]))
        tensor([-0.5000,  0.0000])
    """
    cdef double limit = lambd
    if not limit >= 0:
        raise RuntimeError("softshrink: lambda must be greater or equal to 0, but found to be "
                           f"{lambd}.")
    return with_numbers(SOFTSHRINK, input, limit, 0, 0, out, "softshrink")


def hardtanh(input, min_val=-1.0, max_val=1.0, *, out=None):
    """hardtanh(input, min_val=-1.0, max_val=1.0) -> Tensor

    x limited to [min_val, max_val]; the derivative is 0 at the limits and beyond.
    """
    if is_handle(input) and input.dtype.code in (U8, I8, I16, I32, I64):
        if input.dtype.code == U8 and min_val < 0:
            raise RuntimeError("hardtanh: cannot limit an unsigned dtype to negative values")
        return public["clamp"](input, int(min_val), int(max_val), out=out)
    return with_numbers(HARDTANH, input, min_val, max_val, 0, out, "hardtanh")


def threshold(input, threshold, value, *, out=None):
    """threshold(input, threshold, value) -> Tensor

    x where x > threshold, else value.

    Example::

        >>> cgrad.threshold(cgrad.tensor([0.5, 2.0]), 1.0, 0.0)
        tensor([0., 2.])
    """
    if is_handle(input) and input.dtype.code in (U8, I8, I16, I32, I64):
        return public["where"](input <= int(threshold), int(value), input, out=out)
    return with_numbers(THRESHOLD, input, threshold, value, 0, out, "threshold")


def prelu(input, weight):
    """prelu(input, weight) -> Tensor

    x where x > 0, else weight x (He et al. 2015); `weight` has one element, or one for each entry
    of dimension 1.

    Example::

        >>> cgrad.prelu(cgrad.tensor([-1.0, 2.0]), cgrad.tensor(0.25))
        tensor([-0.2500,  2.0000])
    """
    cdef int64_t mark
    for name, x in (("input", input), ("weight", weight)):
        if not is_handle(x):
            raise TypeError(f"prelu(): argument '{name}' must be Tensor, not {type(x).__name__}")
    if weight.ndim > 1:
        raise RuntimeError("prelu: Expected `weight` to be a scalar or 1D tensor, but got: "
                           f"ndim = {weight.ndim}")
    if weight.dtype != input.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input.dtype} and "
                           f"{weight.dtype}")
    if weight.numel() != 1:
        channels = input.shape[1] if input.ndim > 1 else 1
        if input.ndim == 0 or weight.numel() != channels:
            raise RuntimeError("prelu: Mismatch of parameter numbers and input channel size. Found "
                               f"parameter numbers = {weight.numel()} and channel size = "
                               f"{channels}")
        weight = weight.reshape(-1, *(1,) * (input.ndim - 2))
    elif weight.ndim > input.ndim:
        weight = weight.reshape(())
    mark = scope_enter()
    try:
        return wrap(binary(PRELU, input, weight))
    finally:
        scope_leave(mark)
