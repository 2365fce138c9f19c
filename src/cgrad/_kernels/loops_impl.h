/* The floating-point inner loops of one type: included by loops.c with T and NAME(x) defined.

   UNARY and BINARY only expand a table: NAME(name) applies expression `value` to x (and y), with
   parameters p0, p1 taken from `data`.  The first branch is the one that vectorises. */

#define UNARY(name, value)                                                                      \
    CG_MV void NAME(name)(char **args, const intptr_t *n, const intptr_t *steps, void *data)    \
    {                                                                                           \
        const intptr_t count = n[0], s0 = steps[0], s1 = steps[1];                              \
        const T p0 = data ? (T)((const double *)data)[0] : 0;                                   \
        const T p1 = data ? (T)((const double *)data)[1] : 0;                                   \
        intptr_t i;                                                                             \
        (void)p0;                                                                               \
        (void)p1;                                                                               \
        if (s0 == sizeof(T) && s1 == sizeof(T) && ALIGNED(args[0], T) && ALIGNED(args[1], T)) { \
            const T *in = (const T *)args[0];                                                   \
            T *out = (T *)args[1];                                                              \
            CG_IVDEP                                                                            \
            for (i = 0; i < count; i++) {                                                       \
                const T x = in[i];                                                              \
                out[i] = value;                                                                 \
            }                                                                                   \
            return;                                                                             \
        }                                                                                       \
        for (i = 0; i < count; i++) {                                                           \
            T x, z;                                                                             \
            memcpy(&x, args[0] + i * s0, sizeof(T));                                            \
            z = value;                                                                          \
            memcpy(args[1] + i * s1, &z, sizeof(T));                                            \
        }                                                                                       \
    }

#define BINARY(name, value)                                                                     \
    CG_MV void NAME(name)(char **args, const intptr_t *n, const intptr_t *steps, void *data)    \
    {                                                                                           \
        const intptr_t count = n[0], s0 = steps[0], s1 = steps[1], s2 = steps[2];               \
        intptr_t i;                                                                             \
        (void)data;                                                                             \
        if (s0 == sizeof(T) && s1 == sizeof(T) && s2 == sizeof(T) && ALIGNED(args[0], T) &&     \
            ALIGNED(args[1], T) && ALIGNED(args[2], T)) {                                       \
            const T *in0 = (const T *)args[0], *in1 = (const T *)args[1];                       \
            T *out = (T *)args[2];                                                              \
            CG_IVDEP                                                                            \
            for (i = 0; i < count; i++) {                                                       \
                const T x = in0[i], y = in1[i];                                                 \
                out[i] = value;                                                                 \
            }                                                                                   \
            return;                                                                             \
        }                                                                                       \
        for (i = 0; i < count; i++) {                                                           \
            T x, y, z;                                                                          \
            memcpy(&x, args[0] + i * s0, sizeof(T));                                            \
            memcpy(&y, args[1] + i * s1, sizeof(T));                                            \
            z = value;                                                                          \
            memcpy(args[2] + i * s2, &z, sizeof(T));                                            \
        }                                                                                       \
    }

CG_INLINE T NAME(softplus1)(T x, T beta, T threshold)
{
    T b = beta * x, e = NAME(cg_exp)(b < 0 ? b : -b);
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

CG_INLINE T NAME(clamp1)(T x, T lo, T hi)
{
    T y = x < lo ? lo : x;
    return y > hi ? hi : y;
}

CG_INLINE T NAME(elu1)(T x, T alpha)
{
    T below = alpha * NAME(cg_expm1_negative)(x > 0 ? 0 : x);
    return x > 0 ? x : below;
}

UNARY(cg_relu, x < 0 ? 0 : x)
UNARY(cg_sigmoid, NAME(cg_sigmoid1)(x))
UNARY(cg_sgn, (T)((x > 0) - (x < 0)))
UNARY(cg_rsqrt, 1 / SQRT(x))
UNARY(cg_reciprocal, 1 / x)
UNARY(cg_erf, NAME(cg_erf1)(x))
UNARY(cg_erfc, NAME(cg_erfc1)(x))
UNARY(cg_silu, NAME(silu1)(x))
UNARY(cg_gelu, NAME(cg_gelu1)(x))
UNARY(cg_gelu_tanh, NAME(gelu_tanh1)(x))
UNARY(cg_clamp, NAME(clamp1)(x, p0, p1))
UNARY(cg_leaky_relu, x > 0 ? x : p0 * x)
UNARY(cg_elu, NAME(elu1)(x, p0))
UNARY(cg_softplus, NAME(softplus1)(x, p0, p1))
BINARY(cg_threshold_backward, y <= 0 ? 0 : x)
BINARY(cg_sigmoid_backward, x * (y * (1 - y)))
BINARY(cg_tanh_backward, x * (1 - y * y))

#undef UNARY
#undef BINARY
