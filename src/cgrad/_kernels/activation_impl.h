/* The loops of one type: included by activation.c with T and NAME(x) defined. */

CG_INLINE T NAME(softplus1)(T x, T beta, T threshold)
{
    T b = beta * x, e = NAME(cg_exp_negative)(b < 0 ? b : -b);
    T soft = ((b > 0 ? b : 0) + NAME(cg_log1p_unit)(e)) / beta;
    return b > threshold ? x : soft;
}

/* With c = sqrt(2/pi): 1/2 (1 + tanh u) = sigmoid(2 u) */
CG_INLINE T NAME(gelu_tanh1)(T x)
{
    T u = (T)1.5957691216057308 * x * (1 + (T)0.044715 * x * x);
    T s = NAME(cg_sigmoid1)(u);
    return s == 0 ? -(T)0 : x * s;         /* not -inf * 0 */
}

CG_INLINE T NAME(silu1)(T x)
{
    T s = NAME(cg_sigmoid1)(x);
    return s == 0 ? -(T)0 : x * s;
}

CG_INLINE T NAME(elu1)(T x, T alpha)
{
    T below = alpha * NAME(cg_expm1_negative)(x > 0 ? 0 : x);
    return x > 0 ? x : below;
}

/* tanh(log(1 + e^x)) = n / (n + 2), n = e^x (e^x + 2); 1 beyond 20 */
CG_INLINE T NAME(mish1)(T x)
{
    T e = NAME(cg_exp)(x > 20 ? (T)20 : x), n = e * (e + 2), t = n / (n + 2);
    T y = x > 20 ? x : x * t;
    return n == 0 ? -(T)0 : y;             /* not -inf * 0 */
}

CG_INLINE T NAME(log_sigmoid1)(T x)
{
    T e = NAME(cg_exp_negative)(x < 0 ? x : -x);
    return (x < 0 ? x : (x > 0 ? 0 : x * 0)) - NAME(cg_log1p_unit)(e);
}

/* x + 3 limited to [0, 6]; NaN stays */
CG_INLINE T NAME(hard6)(T x)
{
    T y = x + 3;
    y = y < 0 ? 0 : y;
    return y > 6 ? 6 : y;
}

CG_INLINE T NAME(softshrink1)(T x, T limit)
{
    T y = x > limit ? x - limit : x * 0;
    return x < -limit ? x + limit : y;
}

UNARY(cg_silu, NAME(silu1)(x))
UNARY(cg_gelu, NAME(cg_gelu1)(x))
UNARY(cg_gelu_tanh, NAME(gelu_tanh1)(x))
UNARY(cg_mish, NAME(mish1)(x))
UNARY(cg_leaky_relu, x > 0 ? x : p0 * x)
UNARY(cg_elu, NAME(elu1)(x, p0))
UNARY(cg_celu, x > 0 ? x : p0 * NAME(cg_expm1_negative)((x > 0 ? 0 : x) / p0))
UNARY(cg_selu, p1 * NAME(elu1)(x, p0))
UNARY(cg_softplus, NAME(softplus1)(x, p0, p1))
UNARY(cg_log_sigmoid, NAME(log_sigmoid1)(x))
UNARY(cg_hardsigmoid, NAME(hard6)(x) / 6)
UNARY(cg_hardswish, x * NAME(hard6)(x) / 6)
UNARY(cg_hardshrink, x >= -p0 && x <= p0 ? 0 : x)
UNARY(cg_softshrink, NAME(softshrink1)(x, p0))
UNARY(cg_threshold, x <= p0 ? p1 : x)
BINARY(cg_prelu, x > 0 ? x : y * x)
