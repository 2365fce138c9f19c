/* The floating-point inner loops of one type: included by loops.c with T and NAME(x) defined. */

CG_INLINE T NAME(clamp1)(T x, T lo, T hi)
{
    T y = x < lo ? lo : x;
    return y > hi ? hi : y;
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
BINARY(cg_threshold_backward, y <= 0 ? 0 : x)
BINARY(cg_sigmoid_backward, x * (y * (1 - y)))
BINARY(cg_tanh_backward, x * (1 - y * y))
