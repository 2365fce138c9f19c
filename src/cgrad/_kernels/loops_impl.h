/* The floating-point inner loops of one type: included by loops.c with T and NAME(x) defined. */

CG_INLINE T NAME(clamp1)(T x, T lo, T hi)
{
    T y = x < lo ? lo : x;
    return y > hi ? hi : y;
}

/* log(e^x + e^y) = max + log(1 + e^-|x - y|); to base 2 with unit = ln 2 */
CG_INLINE T NAME(logaddexp1)(T x, T y, T unit)
{
    T high = x > y ? x : y, d = x > y ? y - x : x - y;
    T e = NAME(cg_exp)((x == y ? 0 : d) * unit);
    T z = high + NAME(cg_log1p_unit)(e) / unit;
    z = high > (T)MAX ? high : z;
    return x != x || y != y ? x + y : z;
}

/* sqrt(x^2 + y^2); an infinity wins over NaN */
CG_INLINE T NAME(hypot1)(T x, T y)
{
    T a = x < 0 ? -x : x, b = y < 0 ? -y : y;
    T high = a > b ? a : b, low = a > b ? b : a, r = low / (high > 0 ? high : 1);
    T z = high * SQRT(1 + r * r);
    z = high > (T)MAX ? high : z;
    z = x != x || y != y ? x + y : z;
    return a > (T)MAX || b > (T)MAX ? (T)INFINITY : z;
}

UNARY(cg_relu, x < 0 ? 0 : x)
UNARY(cg_sigmoid, NAME(cg_sigmoid1)(x))
UNARY(cg_sgn, (T)((x > 0) - (x < 0)))
UNARY(cg_rsqrt, 1 / SQRT(x))
UNARY(cg_reciprocal, 1 / x)
UNARY(cg_erf, NAME(cg_erf1)(x))
UNARY(cg_erfc, NAME(cg_erfc1)(x))
UNARY(cg_frac, x - TRUNC(x))
UNARY(cg_clamp, NAME(clamp1)(x, p0, p1))
UNARY(cg_deg2rad, x * (T)0.017453292519943295)
UNARY(cg_rad2deg, x * (T)57.29577951308232)
UNARY(cg_log1p, NAME(cg_log1p1)(x))
BINARY(cg_logaddexp, NAME(logaddexp1)(x, y, 1))
BINARY(cg_logaddexp2, NAME(logaddexp1)(x, y, (T)0.69314718055994531))
BINARY(cg_hypot, NAME(hypot1)(x, y))
BINARY(cg_trunc_divide, TRUNC(x / y))
BINARY(cg_copysign, COPYSIGN(x, y))
TERNARY(cg_lerp, w > (T)-0.5 && w < (T)0.5 ? x + w * (y - x) : y - (1 - w) * (y - x))
BINARY(cg_safe_mul, x == 0 ? x : x * y)
BINARY(cg_safe_div, x == 0 ? x : x / y)
BINARY(cg_threshold_backward, y <= 0 ? 0 : x)
BINARY(cg_square_backward, 2 * (x * y))
BINARY(cg_sigmoid_backward, x * (y * (1 - y)))
BINARY(cg_tanh_backward, x * (1 - y * y))
