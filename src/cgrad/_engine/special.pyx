"""Special functions, each with its derivative; the public ones are in `cgrad.special`.

Where PyTorch has no derivative (with respect to the order of `polygamma`, the exponent of `zeta`,
the shape of the incomplete gamma functions) asking for it raises.
"""
from libc.math cimport M_PI, NAN, sqrt as c_sqrt
from cgrad._engine.types cimport *
from cgrad._engine.elementwise cimport *
from cgrad._engine.face import export, methods, public
from cgrad._engine.face cimport face
from cgrad._engine.parametric cimport with_numbers
from cgrad._engine.primitives cimport (
    add, both, div, eq, exp, ge, le, log, mul, neg, number, plus, safe_div, safe_mul, square, sub,
    times, unary, where,
)
from cgrad._engine.table cimport Ctx, Rule, call1, call2, op_id

ctypedef void cg_fn(char **, const Py_ssize_t *, const Py_ssize_t *, void *) noexcept nogil

cdef extern from "../_kernels/special.h":
    cg_fn cg_lgamma_f32, cg_lgamma_f64
    cg_fn cg_digamma_f32, cg_digamma_f64
    cg_fn cg_polygamma_f32, cg_polygamma_f64
    cg_fn cg_erfinv_f32, cg_erfinv_f64
    cg_fn cg_erfcx_f32, cg_erfcx_f64
    cg_fn cg_ndtri_f32, cg_ndtri_f64
    cg_fn cg_log_ndtr_f32, cg_log_ndtr_f64
    cg_fn cg_i0_f32, cg_i0_f64
    cg_fn cg_i0e_f32, cg_i0e_f64
    cg_fn cg_i1_f32, cg_i1_f64
    cg_fn cg_i1e_f32, cg_i1e_f64
    cg_fn cg_sinc_f32, cg_sinc_f64
    cg_fn cg_logit_f32, cg_logit_f64
    cg_fn cg_entr_f32, cg_entr_f64
    cg_fn cg_xlogy_f32, cg_xlogy_f64
    cg_fn cg_xlog1py_f32, cg_xlog1py_f64
    cg_fn cg_zeta_f32, cg_zeta_f64
    cg_fn cg_igamma_f32, cg_igamma_f64
    cg_fn cg_igammac_f32, cg_igammac_f64

cdef int POLYGAMMA = op_id("polygamma"), LOGIT = op_id("logit"), ZETA = op_id("zeta")


# Derivative rules.  c.g: gradient of the output; c.y: the output; c.x: the inputs

cdef Row _polygamma(int64_t n, Row x) except 0:
    cdef Attr at
    at.f[0] = <double>n
    at.k[0] = n
    return call1(POLYGAMMA, x, &at)

cdef int d_lgamma(Ctx *c) except -1:
    c.out[0] = safe_mul(c.g, unary("digamma", c.x[0]))
    return 0

cdef int d_digamma(Ctx *c) except -1:
    c.out[0] = safe_mul(c.g, _polygamma(1, c.x[0]))
    return 0

cdef int d_polygamma(Ctx *c) except -1:
    c.out[0] = safe_mul(c.g, _polygamma(c.at.k[0] + 1, c.x[0]))
    return 0

cdef int d_erfinv(Ctx *c) except -1:              # sqrt(pi)/2 e^(y^2)
    c.out[0] = safe_mul(c.g, times(exp(square(c.y)), 0.5 * c_sqrt(M_PI)))
    return 0

cdef int d_erfcx(Ctx *c) except -1:               # 2 x y - 2/sqrt(pi)
    c.out[0] = mul(c.g, plus(times(mul(c.x[0], c.y), 2), -2 / c_sqrt(M_PI)))
    return 0

cdef int d_ndtri(Ctx *c) except -1:               # sqrt(2 pi) e^(y^2/2)
    c.out[0] = safe_mul(c.g, times(exp(times(square(c.y), 0.5)), c_sqrt(2 * M_PI)))
    return 0

cdef int d_log_ndtr(Ctx *c) except -1:            # sqrt(2/pi) / erfcx(-x / sqrt(2))
    c.out[0] = div(c.g, times(unary("erfcx", times(c.x[0], -c_sqrt(0.5))), c_sqrt(M_PI / 2)))
    return 0

cdef int d_i0(Ctx *c) except -1:
    c.out[0] = mul(c.g, unary("i1", c.x[0]))
    return 0

cdef int d_i0e(Ctx *c) except -1:                 # I1e - sign(x) I0e
    c.out[0] = mul(c.g, sub(unary("i1e", c.x[0]), mul(unary("sign", c.x[0]), c.y)))
    return 0

cdef Row _safe(Row x, Row zero) except 0:
    # x, and 1 where it is 0: for a quotient that is not chosen there
    return where(zero, number(1, x), x)

cdef int d_i1(Ctx *c) except -1:                  # I0 - I1 / x, 1/2 at 0
    cdef Row x = c.x[0]
    cdef Row zero = eq(x, number(0, x))
    c.out[0] = mul(c.g, where(zero, number(0.5, x),
                              sub(unary("i0", x), div(c.y, _safe(x, zero)))))
    return 0

cdef int d_i1e(Ctx *c) except -1:                 # I0e - (sign(x) + 1/x) I1e, 1/2 at 0
    cdef Row x = c.x[0]
    cdef Row zero = eq(x, number(0, x))
    cdef Row factor = add(unary("sign", x), unary("reciprocal", _safe(x, zero)))
    c.out[0] = mul(c.g, where(zero, number(0.5, x), sub(unary("i0e", x), mul(c.y, factor))))
    return 0

cdef int d_sinc(Ctx *c) except -1:                # (cos(pi x) - sinc(x)) / x, 0 at 0
    cdef Row x = c.x[0]
    cdef Row zero = eq(x, number(0, x))
    cdef Row safe = _safe(x, zero)
    cdef Row slope = div(sub(unary("cos", times(safe, M_PI)), unary("sinc", safe)), safe)
    c.out[0] = where(zero, number(0, c.g), mul(c.g, slope))
    return 0

cdef int d_entr(Ctx *c) except -1:                # -1 - log x
    c.out[0] = safe_mul(c.g, neg(plus(log(c.x[0]), 1)))
    return 0

cdef int d_logit(Ctx *c) except -1:               # 1/(x (1 - x)); beyond the limits 0, or NaN
    cdef Row x = c.x[0]
    cdef double eps = c.at.f[0]
    cdef Row slope = safe_div(c.g, mul(x, plus(neg(x), 1)))
    cdef Row inside = both(ge(x, number(max(eps, 0), x)), le(x, number(1 - max(eps, 0), x)))
    c.out[0] = where(inside, slope, number(0 if eps >= 0 else NAN, c.g))
    return 0

cdef int d_xlogy(Ctx *c) except -1:               # log y, 0 where both are 0; x / y
    cdef Row x = c.x[0], y = c.x[1], zero
    if c.need[0]:
        zero = both(eq(x, number(0, x)), le(y, number(0, y)))
        c.out[0] = where(zero, number(0, c.g), call2(op_id("xlogy"), c.g, y))
    if c.need[1]:
        c.out[1] = safe_div(mul(c.g, x), y)
    return 0

cdef int d_xlog1py(Ctx *c) except -1:
    cdef Row x = c.x[0], y = c.x[1], zero
    if c.need[0]:
        zero = both(eq(x, number(0, x)), le(y, number(-1, y)))
        c.out[0] = where(zero, number(0, c.g), call2(op_id("xlog1py"), c.g, y))
    if c.need[1]:
        c.out[1] = safe_div(mul(c.g, x), plus(y, 1))
    return 0

cdef int _no_derivative(str function, str argument) except -1:
    raise NotImplementedError(f"the derivative for '{function}: {argument}' is not implemented.")

cdef int d_zeta(Ctx *c) except -1:
    if c.need[0]:
        _no_derivative("zeta", "input")
    c.out[1] = mul(c.g, neg(mul(c.x[0], call2(ZETA, plus(c.x[0], 1), c.x[1]))))
    return 0

cdef Row _gamma_density(Ctx *c) except 0:         # y^(x - 1) e^-y / Gamma(x)
    cdef Row a = c.x[0], x = c.x[1]
    return exp(sub(sub(mul(plus(a, -1), log(x)), x), unary("lgamma", a)))

cdef int d_igamma(Ctx *c) except -1:
    if c.need[0]:
        _no_derivative("igamma", "input")
    c.out[1] = mul(c.g, _gamma_density(c))
    return 0

cdef int d_igammac(Ctx *c) except -1:
    if c.need[0]:
        _no_derivative("igammac", "input")
    c.out[1] = neg(mul(c.g, _gamma_density(c)))
    return 0


# ---------------------------------------------------------------------------------------------
# The entries

functions = {}                # name -> function; all of them, those of the package included

cdef enum:
    X = 1                     # the rule reads the (first) input
    B = 2                     # ... the second
    Y = SAVES_OUTPUT

cdef int enter(str name, int arity, int kind, Rule rule, int r0, int r1, Loop f32, Loop f64,
               str doc, tuple aliases=(), bint everywhere=True) except -1:
    """A function of the package and a method; only in `functions` if not `everywhere`."""
    define(name, kind, rule, arity, None, f32, f64, r0, r1)
    face(name, arity, doc, True, aliases)
    functions[name] = public[name]
    if not everywhere:
        del public[name], methods[name], methods[name + "_"]
    return 0

enter("lgamma", 1, FLOAT, d_lgamma, X, 0, cg_lgamma_f32, cg_lgamma_f64,
      "log |Gamma(x)|; its derivative is digamma.")
enter("digamma", 1, FLOAT, d_digamma, X, 0, cg_digamma_f32, cg_digamma_f64,
      "Derivative of log Gamma(x).")
enter("erfinv", 1, FLOAT, d_erfinv, Y, 0, cg_erfinv_f32, cg_erfinv_f64,
      "The y with erf(y) = x.")
enter("i0", 1, FLOAT, d_i0, X, 0, cg_i0_f32, cg_i0_f64,
      "Modified Bessel function of the first kind, order 0; its derivative is that of order 1.")
enter("sinc", 1, FLOAT, d_sinc, X, 0, cg_sinc_f32, cg_sinc_f64,
      "sin(pi x) / (pi x), 1 at 0.")
enter("xlogy", 2, FLOAT, d_xlogy, X | B, X | B, cg_xlogy_f32, cg_xlogy_f64,
      "input log(other); 0 where input is 0, unless other is NaN.")
enter("igamma", 2, SAME, d_igamma, 0, X | B, cg_igamma_f32, cg_igamma_f64,
      "Regularized lower incomplete gamma function P(input, other), "
      "1/Gamma(a) int_0^x t^(a-1) e^-t dt.\nDifferentiable with respect to other.")
enter("igammac", 2, SAME, d_igammac, 0, X | B, cg_igammac_f32, cg_igammac_f64,
      "Regularized upper incomplete gamma function 1 - P(input, other).\n"
      "Differentiable with respect to other.")
enter("erfcx", 1, FLOAT, d_erfcx, X | Y, 0, cg_erfcx_f32, cg_erfcx_f64, "", (), False)
enter("ndtri", 1, FLOAT, d_ndtri, Y, 0, cg_ndtri_f32, cg_ndtri_f64, "", (), False)
enter("log_ndtr", 1, FLOAT, d_log_ndtr, X, 0, cg_log_ndtr_f32, cg_log_ndtr_f64, "", (), False)
enter("i0e", 1, FLOAT, d_i0e, X | Y, 0, cg_i0e_f32, cg_i0e_f64, "", (), False)
enter("i1", 1, FLOAT, d_i1, X | Y, 0, cg_i1_f32, cg_i1_f64, "", (), False)
enter("i1e", 1, FLOAT, d_i1e, X | Y, 0, cg_i1e_f32, cg_i1e_f64, "", (), False)
enter("entr", 1, FLOAT, d_entr, X, 0, cg_entr_f32, cg_entr_f64, "", (), False)
enter("xlog1py", 2, FLOAT, d_xlog1py, X | B, X | B, cg_xlog1py_f32, cg_xlog1py_f64, "", (), False)
enter("zeta", 2, FLOAT, d_zeta, 0, X | B, cg_zeta_f32, cg_zeta_f64, "", (), False)
define("polygamma", FLOAT, d_polygamma, 1, None, cg_polygamma_f32, cg_polygamma_f64, X, 0)
define("logit", FLOAT, d_logit, 1, None, cg_logit_f32, cg_logit_f64, X, 0)


def polygamma(n, input, *, out=None):
    """polygamma(n, input, *, out=None) -> Tensor

    The n-th derivative of :func:`digamma`.  Raises RuntimeError for n < 0.

    Example::

        >>> cgrad.polygamma(1, cgrad.tensor([1.0]))
        tensor([1.6449])
    """
    cdef int64_t order = n
    if order < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    if order == 0:
        return functions["digamma"](input, out=out)
    return with_numbers(POLYGAMMA, input, <double>order, 0, order, out, "polygamma")


def logit(input, eps=None, *, out=None):
    """logit(input, eps=None, *, out=None) -> Tensor

    log(x / (1 - x)), x first limited to [eps, 1 - eps] where eps is given.  Without eps numbers
    outside [0, 1] give NaN, with it they have no gradient.

    Example::

        >>> cgrad.logit(cgrad.tensor([0.5, 0.75]))
        tensor([0.0000, 1.0986])
    """
    cdef double low = -1 if eps is None else eps
    return with_numbers(LOGIT, input, low, 0, 0, out, "logit")


def polygamma_method(self, n):
    """polygamma(n) -> Tensor

    The n-th derivative of :func:`digamma`.
    """
    return polygamma(n, self)


export(logit)
export(polygamma, method=False)
polygamma_method.__name__ = polygamma_method.__qualname__ = "polygamma"
export(polygamma_method, module=False)
