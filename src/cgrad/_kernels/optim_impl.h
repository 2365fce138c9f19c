/* Optimizer updates of one type: included by optim.c with T, NAME(x), SQRT, ABS defined.
   The constants c are those that `prepare` in optim.c makes. */

/* The arrays, and the constants of every rule.  w: the parameter, d: its gradient. */
#define ARRAYS                                                                           \
    T *CG_RESTRICT p = (T *)a[0], *CG_RESTRICT s0 = (T *)a[2];                           \
    T *CG_RESTRICT s1 = (T *)a[3], *CG_RESTRICT s2 = (T *)a[4];                          \
    const T *CG_RESTRICT g = (const T *)a[1];                                            \
    const T sign = (T)c[0], decay = (T)c[1], shrink = (T)c[2];                           \
    int64_t i;                                                                           \
    (void)s0, (void)s1, (void)s2, (void)shrink;
#define ELEMENT                                                                          \
    T w = p[i] * shrink, d = sign * g[i];                                                \
    d = decay != 0 ? d + decay * w : d; /* without decay w is not read: 0 inf is NaN */

/* a + weight (d - a), from the nearer end, as PyTorch */
CG_INLINE T NAME(lerp)(T a, T d, T weight)
{
    const T low = a + weight * (d - a), high = d - (d - a) * (1 - weight);
    return weight < (T)0.5 ? low : high;
}

/* buf = first ? d : momentum buf + (1 - dampening) d; p -= lr (nesterov ? d + momentum buf : buf);
   p -= lr d without a buffer */
static CG_MV void NAME(sgd)(char *const *a, int64_t n, const double *c)
{
    const T lr = (T)c[3], momentum = (T)c[4], keep = (T)c[5];
    const int nesterov = c[6] != 0, first = c[7] != 0;
    ARRAYS
    if (!s0) {
        for (i = 0; i < n; i++) {
            ELEMENT
            p[i] = w - lr * d;
        }
        return;
    }
    for (i = 0; i < n; i++) {
        T b;
        ELEMENT
        b = first ? d : momentum * s0[i] + keep * d;
        s0[i] = b;
        p[i] = w - lr * (nesterov ? d + momentum * b : b);
    }
}

/* m += (1 - beta1) (d - m); v = beta2 v + (1 - beta2) d^2; vmax = max(vmax, v) (NULL: not amsgrad);
   p -= lr / (1 - beta1^step) m / (sqrt(vmax or v) / sqrt(1 - beta2^step) + eps).
   amsgrad is a constant where this is inlined: a test inside the loop would keep it scalar. */
CG_INLINE void NAME(adam_loop)(char *const *a, int64_t n, const double *c, int amsgrad)
{
    const T step_size = (T)c[3], root2 = (T)c[4], weight1 = (T)c[5], beta2 = (T)c[6];
    const T weight2 = (T)c[7], eps = (T)c[8];
    ARRAYS
    for (i = 0; i < n; i++) {
        T m, v, top;
        ELEMENT
        m = NAME(lerp)(s0[i], d, weight1);
        v = beta2 * s1[i] + weight2 * (d * d);
        s0[i] = m;
        s1[i] = v;
        top = v;
        if (amsgrad) {
            const T before = s2[i];
            top = v > before || v != v ? v : before;
            s2[i] = top;
        }
        p[i] = w - step_size * m / (SQRT(top) / root2 + eps);
    }
}

static CG_MV void NAME(adam)(char *const *a, int64_t n, const double *c)
{
    if (a[4])
        NAME(adam_loop)(a, n, c, 1);
    else
        NAME(adam_loop)(a, n, c, 0);
}

/* The same for the rows of a sparse gradient; the bias of v is taken out at the end. */
static CG_MV void NAME(sparse_adam)(char *const *a, int64_t n, const double *c)
{
    const T step_size = (T)c[3], weight1 = (T)c[5], weight2 = (T)c[7], eps = (T)c[8];
    ARRAYS
    for (i = 0; i < n; i++) {
        T m = s0[i], v = s1[i];
        ELEMENT
        m += (d - m) * weight1;
        v += (d * d - v) * weight2;
        s0[i] = m;
        s1[i] = v;
        p[i] = w - step_size * (m / (SQRT(v) + eps));
    }
}

/* m as in Adam; u = max(beta2 u, |d| + eps), NaN if d is; p -= lr / (1 - beta1^step) m / u */
static CG_MV void NAME(adamax)(char *const *a, int64_t n, const double *c)
{
    const T step_size = (T)c[3], weight1 = (T)c[4], beta2 = (T)c[5], eps = (T)c[6];
    ARRAYS
    for (i = 0; i < n; i++) {
        T m, u, size;
        ELEMENT
        m = NAME(lerp)(s0[i], d, weight1);
        u = beta2 * s1[i];
        size = ABS(d) + eps;
        u = u > size || u != u ? u : size;
        s0[i] = m;
        s1[i] = u;
        p[i] = w - step_size * m / u;
    }
}

/* m, v as in Adam; p += c3 d / (sqrt(v / correction2) + eps) + c4 m / (the same) */
static CG_MV void NAME(nadam)(char *const *a, int64_t n, const double *c)
{
    const T by_gradient = (T)c[3], by_mean = (T)c[4], weight1 = (T)c[5], beta2 = (T)c[6];
    const T weight2 = (T)c[7], correction2 = (T)c[8], eps = (T)c[9];
    ARRAYS
    for (i = 0; i < n; i++) {
        T m, v, root;
        ELEMENT
        m = NAME(lerp)(s0[i], d, weight1);
        v = beta2 * s1[i] + weight2 * (d * d);
        s0[i] = m;
        s1[i] = v;
        root = SQRT(v / correction2) + eps;
        w += by_gradient * d / root;
        p[i] = w + by_mean * m / root;
    }
}

/* m, v as in Adam; p -= lr m / correction1 (rect root2 / (sqrt(v) + eps) once v is reliable) */
static CG_MV void NAME(radam)(char *const *a, int64_t n, const double *c)
{
    const T correction1 = (T)c[3], lr = (T)c[4], weight1 = (T)c[5], beta2 = (T)c[6];
    const T weight2 = (T)c[7], eps = (T)c[8], root2 = (T)c[9], rect = (T)c[10];
    const int adaptive = c[10] != 0;
    ARRAYS
    for (i = 0; i < n; i++) {
        T m, v, move;
        ELEMENT
        m = NAME(lerp)(s0[i], d, weight1);
        v = beta2 * s1[i] + weight2 * (d * d);
        s0[i] = m;
        s1[i] = v;
        move = m / correction1 * lr;
        move = adaptive ? move * (root2 / (SQRT(v) + eps)) * rect : move;
        p[i] = w - move;
    }
}

/* s += d^2; p -= rate d / (sqrt(s) + eps) */
static CG_MV void NAME(adagrad)(char *const *a, int64_t n, const double *c)
{
    const T rate = (T)c[3], eps = (T)c[4];
    ARRAYS
    for (i = 0; i < n; i++) {
        T s;
        ELEMENT
        s = s0[i] + d * d;
        s0[i] = s;
        p[i] = w - rate * d / (SQRT(s) + eps);
    }
}

/* v = rho v + (1 - rho) d^2; x = d sqrt(u + eps) / sqrt(v + eps); u = rho u + (1 - rho) x^2;
   p -= lr x */
static CG_MV void NAME(adadelta)(char *const *a, int64_t n, const double *c)
{
    const T lr = (T)c[3], rho = (T)c[4], weight = (T)c[5], eps = (T)c[6];
    ARRAYS
    for (i = 0; i < n; i++) {
        T v, x;
        ELEMENT
        v = rho * s0[i] + weight * (d * d);
        x = SQRT(s1[i] + eps) / SQRT(v + eps) * d;
        s0[i] = v;
        s1[i] = rho * s1[i] + weight * (x * x);
        p[i] = w - lr * x;
    }
}

/* v = alpha v + (1 - alpha) d^2; with a mean: m += (1 - alpha) (d - m), v - m^2 in place of v;
   x = d / (sqrt(v) + eps); with a buffer: b = momentum b + x, b in place of x; p -= lr x.
   States: v, buffer, mean. */
CG_INLINE void NAME(rmsprop_loop)(char *const *a, int64_t n, const double *c, int buffer, int mean)
{
    const T lr = (T)c[3], alpha = (T)c[4], weight = (T)c[5], eps = (T)c[6], momentum = (T)c[7];
    ARRAYS
    for (i = 0; i < n; i++) {
        T v;
        ELEMENT
        v = alpha * s0[i] + weight * (d * d);
        s0[i] = v;
        if (mean) {
            const T m = NAME(lerp)(s2[i], d, weight);
            s2[i] = m;
            v -= m * m;
        }
        if (buffer) {
            const T b = momentum * s1[i] + d / (SQRT(v) + eps);
            s1[i] = b;
            p[i] = w - lr * b;
        } else
            p[i] = w - lr * d / (SQRT(v) + eps);
    }
}

static CG_MV void NAME(rmsprop)(char *const *a, int64_t n, const double *c)
{
    if (a[3] && a[4])
        NAME(rmsprop_loop)(a, n, c, 1, 1);
    else if (a[3])
        NAME(rmsprop_loop)(a, n, c, 1, 0);
    else if (a[4])
        NAME(rmsprop_loop)(a, n, c, 0, 1);
    else
        NAME(rmsprop_loop)(a, n, c, 0, 0);
}

/* The step grows by eta plus where the gradient keeps its sign, and shrinks by eta minus where it
   changes (then nothing moves); p -= sign(d) step.  States: previous gradient, step. */
static CG_MV void NAME(rprop)(char *const *a, int64_t n, const double *c)
{
    const T less = (T)c[3], more = (T)c[4], low = (T)c[5], high = (T)c[6];
    ARRAYS
    for (i = 0; i < n; i++) {
        T turn, step;
        ELEMENT
        turn = d * s0[i];
        step = s1[i] * (turn > 0 ? more : turn < 0 ? less : 1);
        step = step < low ? low : step;    /* NaN stays */
        step = step > high ? high : step;
        d = turn < 0 ? 0 : d;
        s0[i] = d;
        s1[i] = step;
        p[i] = w - (T)((d > 0) - (d < 0)) * step;
    }
}

/* p = (1 - lambd eta) p - eta d; ax = mu == 1 ? p : ax + mu (p - ax).  State: ax. */
static CG_MV void NAME(asgd)(char *const *a, int64_t n, const double *c)
{
    const T eta = (T)c[3], factor = (T)c[4], mu = (T)c[5];
    const int average = c[5] != 1;
    ARRAYS
    for (i = 0; i < n; i++) {
        T x;
        ELEMENT
        w = w * factor - eta * d;
        x = s0[i] + (w - s0[i]) * mu;
        s0[i] = average ? x : w;
        p[i] = w;
    }
}

#undef ARRAYS
#undef ELEMENT
