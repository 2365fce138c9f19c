/* Optimizer updates of one type: included by optim.c with T, NAME(x), SQRT defined. */

CG_MV void NAME(cg_sgd)(T *CG_RESTRICT p, const T *CG_RESTRICT g, T *CG_RESTRICT buf, int64_t n,
                        const cg_sgd_options *o, int first)
{
    const T lr = (T)o->lr, momentum = (T)o->momentum, keep = (T)(1 - o->dampening);
    const T decay = (T)o->weight_decay, sign = o->maximize ? -1 : 1;
    const int nesterov = o->nesterov;
    int64_t i;
    /* Without decay p is not read into the gradient: 0 * inf would be NaN. */
    if (!buf) {
        if (o->weight_decay == 0)
            for (i = 0; i < n; i++)
                p[i] -= lr * (sign * g[i]);
        else
            for (i = 0; i < n; i++)
                p[i] -= lr * (sign * g[i] + decay * p[i]);
        return;
    }
    for (i = 0; i < n; i++) {
        T d = sign * g[i], b;
        d = decay != 0 ? d + decay * p[i] : d;
        b = first ? d : momentum * buf[i] + keep * d;
        buf[i] = b;
        p[i] -= lr * (nesterov ? d + momentum * b : b);
    }
}

/* amsgrad is a constant where this is inlined: a test inside the loop would keep it scalar. */
CG_INLINE void NAME(adam_loop)(T *CG_RESTRICT p, const T *CG_RESTRICT g, T *CG_RESTRICT m,
                               T *CG_RESTRICT v, T *CG_RESTRICT vmax, int64_t n, int64_t step,
                               const cg_adam_options *o, int amsgrad)
{
    const double correction1 = 1 - pow(o->beta1, (double)step);
    const double correction2 = 1 - pow(o->beta2, (double)step);
    const T step_size = (T)(o->lr / correction1), root2 = (T)sqrt(correction2);
    const T weight1 = (T)(1 - o->beta1), beta2 = (T)o->beta2, weight2 = (T)(1 - o->beta2);
    const T eps = (T)o->eps, sign = o->maximize ? -1 : 1;
    const T coupled = o->decoupled ? 0 : (T)o->weight_decay;
    const T shrink = o->decoupled ? (T)(1 - o->lr * o->weight_decay) : 1;
    const int near = weight1 < (T)0.5;
    int64_t i;
    for (i = 0; i < n; i++) {
        T q = p[i] * shrink, d = sign * g[i], a = m[i], s, top, low, high;
        d = coupled != 0 ? d + coupled * q : d;
        /* lerp from the nearer end, as PyTorch */
        low = a + weight1 * (d - a);
        high = d - (d - a) * (1 - weight1);
        a = near ? low : high;
        s = beta2 * v[i] + weight2 * (d * d);
        m[i] = a;
        v[i] = s;
        top = s;
        if (amsgrad) {
            const T before = vmax[i];
            top = s > before || s != s ? s : before;
            vmax[i] = top;
        }
        p[i] = q - step_size * a / (SQRT(top) / root2 + eps);
    }
}

CG_MV void NAME(cg_adam)(T *p, const T *g, T *m, T *v, T *vmax, int64_t n, int64_t step,
                         const cg_adam_options *o)
{
    if (vmax)
        NAME(adam_loop)(p, g, m, v, vmax, n, step, o, 1);
    else
        NAME(adam_loop)(p, g, m, v, NULL, n, step, o, 0);
}
