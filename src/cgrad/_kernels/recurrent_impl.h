/* Recurrent layers of one type: included by recurrent.c with T and NAME(x) defined. */

/* tanh |x| = -m / (2 + m), m = e^(-2 |x|) - 1: exact to some units in the last place, also near 0.
   cg_tanh1_f32 of vecmath.h is off by less and slower; it has no form for doubles. */
CG_INLINE T NAME(tanh_of)(T x)
{
    T m = NAME(cg_expm1_negative)(x < 0 ? 2 * x : -2 * x), t = m / (2 + m);
    return x < 0 ? t : -t;
}

/* One row: u is the product with the state (with x, but for GRU), s the gates to save. */
CG_MV static void NAME(lstm_forward)(int64_t h, const T *CG_RESTRICT u, const T *CG_RESTRICT c0,
                                     T *CG_RESTRICT s, T *CG_RESTRICT c1, T *CG_RESTRICT h1)
{
    int64_t j;
    CG_IVDEP
    for (j = 0; j < h; j++) {
        T i = NAME(cg_sigmoid1)(u[j]), f = NAME(cg_sigmoid1)(u[h + j]);
        T g = NAME(tanh_of)(u[2 * h + j]), o = NAME(cg_sigmoid1)(u[3 * h + j]);
        T c = f * c0[j] + i * g;
        s[j] = i;
        s[h + j] = f;
        s[2 * h + j] = g;
        s[3 * h + j] = o;
        c1[j] = c;
        h1[j] = o * NAME(tanh_of)(c);
    }
}

CG_MV static void NAME(lstm_backward)(int64_t h, const T *CG_RESTRICT s, const T *CG_RESTRICT c0,
                                      const T *CG_RESTRICT c1, const T *CG_RESTRICT dh,
                                      T *CG_RESTRICT dc, T *CG_RESTRICT du)
{
    int64_t j;
    CG_IVDEP
    for (j = 0; j < h; j++) {
        T i = s[j], f = s[h + j], g = s[2 * h + j], o = s[3 * h + j];
        T t = NAME(tanh_of)(c1[j]), d = dc[j] + dh[j] * o * (1 - t * t);
        du[j] = d * g * i * (1 - i);
        du[h + j] = d * c0[j] * f * (1 - f);
        du[2 * h + j] = d * i * (1 - g * g);
        du[3 * h + j] = dh[j] * t * o * (1 - o);
        dc[j] = d * f;
    }
}

CG_MV static void NAME(gru_forward)(int64_t h, const T *CG_RESTRICT u, const T *CG_RESTRICT x,
                                    const T *CG_RESTRICT h0, T *CG_RESTRICT s, T *CG_RESTRICT h1)
{
    int64_t j;
    CG_IVDEP
    for (j = 0; j < h; j++) {
        T r = NAME(cg_sigmoid1)(x[j] + u[j]), z = NAME(cg_sigmoid1)(x[h + j] + u[h + j]);
        T n = NAME(tanh_of)(x[2 * h + j] + r * u[2 * h + j]);
        s[j] = r;
        s[h + j] = z;
        s[2 * h + j] = n;
        s[3 * h + j] = u[2 * h + j];
        h1[j] = n + z * (h0[j] - n);
    }
}

CG_MV static void NAME(gru_backward)(int64_t h, const T *CG_RESTRICT s, const T *CG_RESTRICT h0,
                                     T *CG_RESTRICT dh, T *CG_RESTRICT dx, T *CG_RESTRICT du)
{
    int64_t j;
    CG_IVDEP
    for (j = 0; j < h; j++) {
        T r = s[j], z = s[h + j], n = s[2 * h + j], d = dh[j];
        T a = d * (1 - z) * (1 - n * n), b = a * s[3 * h + j] * r * (1 - r);
        T c = d * (h0[j] - n) * z * (1 - z);
        dx[j] = b;
        dx[h + j] = c;
        dx[2 * h + j] = a;
        du[j] = b;
        du[h + j] = c;
        du[2 * h + j] = a * r;
        dh[j] = d * z;
    }
}

CG_MV static void NAME(simple_forward)(int relu, int64_t h, const T *CG_RESTRICT u,
                                       T *CG_RESTRICT h1)
{
    int64_t j;
    if (relu)
        for (j = 0; j < h; j++)
            h1[j] = u[j] < 0 ? 0 : u[j];
    else
        for (j = 0; j < h; j++)
            h1[j] = NAME(tanh_of)(u[j]);
}

CG_MV static void NAME(simple_backward)(int relu, int64_t h, const T *CG_RESTRICT h1,
                                        const T *CG_RESTRICT dh, T *CG_RESTRICT du)
{
    int64_t j;
    if (relu)
        for (j = 0; j < h; j++)
            du[j] = h1[j] > 0 ? dh[j] : 0;
    else
        for (j = 0; j < h; j++)
            du[j] = dh[j] * (1 - h1[j] * h1[j]);
}

CG_MV static void NAME(add)(int64_t n, const T *CG_RESTRICT x, T *CG_RESTRICT y)
{
    int64_t j;
    for (j = 0; j < n; j++)
        y[j] += x[j];
}

void NAME(cg_recurrent_forward)(const cg_recurrent *a, int64_t begin, int64_t end)
{
    const int64_t h = a->h, n = a->n, pad = a->pad;
    const int64_t gates = a->mode == CG_LSTM ? 4 * h : a->mode == CG_GRU ? 3 * h : h;
    const T *bias = (const T *)a->bias;
    /* What the product is added to is at hand, unless it is a sum or ends before the last panel. */
    const int ready = pad == gates && (a->mode == CG_GRU || !bias);
    int64_t t, r;
    for (t = 0; t < a->steps; t++) {
        const int64_t at = a->reverse ? a->steps - 1 - t : t;
        const int64_t from = a->reverse ? at + 1 : at, to = a->reverse ? at : at + 1;
        const T *h0 = (const T *)a->hs + from * n * h, *x = (const T *)a->x + at * n * gates;
        T *u = (T *)a->scratch, *h1 = (T *)a->hs + to * n * h;
        const T *start = !ready ? u + begin * pad : a->mode == CG_GRU ? bias : x + begin * gates;
        for (r = begin; r < end && !ready; r++) {
            T *row = u + r * pad;
            if (a->mode != CG_GRU)
                memcpy(row, x + r * gates, (size_t)gates * sizeof(T));
            else
                memset(row, 0, (size_t)gates * sizeof(T));
            if (bias)
                NAME(add)(gates, bias, row);
        }
        NAME(cg_panels)(CG_PACKED, h0 + begin * h, h, (const T *)a->packed, NULL, start,
                        start == bias ? 0 : pad, u + begin * pad, pad, end - begin, gates, h);
        for (r = begin; r < end; r++) {
            T *s = (T *)a->saved;
            if (a->mode == CG_LSTM)
                NAME(lstm_forward)(h, u + r * pad, (const T *)a->cs + (from * n + r) * h,
                                   s + (at * n + r) * 4 * h, (T *)a->cs + (to * n + r) * h,
                                   h1 + r * h);
            else if (a->mode == CG_GRU)
                NAME(gru_forward)(h, u + r * pad, x + r * gates, h0 + r * h,
                                  s + (at * n + r) * 4 * h, h1 + r * h);
            else
                NAME(simple_forward)(a->mode == CG_RNN_RELU, h, u + r * pad, h1 + r * h);
        }
    }
}

void NAME(cg_recurrent_backward)(const cg_recurrent *a, int64_t begin, int64_t end)
{
    const int64_t h = a->h, n = a->n, pad = a->pad;
    const int64_t gates = a->mode == CG_LSTM ? 4 * h : a->mode == CG_GRU ? 3 * h : h;
    const T *s = (const T *)a->saved;
    T *dh = (T *)a->dh, *dc = (T *)a->dc, *scratch = (T *)a->scratch;
    T *product = (pad == h ? dh : scratch) + begin * pad;
    int64_t t, r;
    for (t = a->steps - 1; t >= 0; t--) {
        const int64_t at = a->reverse ? a->steps - 1 - t : t;
        const int64_t from = a->reverse ? at + 1 : at, to = a->reverse ? at : at + 1;
        const T *h0 = (const T *)a->hs + from * n * h, *h1 = (const T *)a->hs + to * n * h;
        T *dx = (T *)a->dx + at * n * gates, *du = a->mode == CG_GRU
                                                  ? (T *)a->dhh + at * n * gates : dx;
        for (r = begin; r < end; r++) {
            T *d = dh + r * h;
            if (a->dout)
                NAME(add)(h, (const T *)a->dout + (at * n + r) * h, d);
            if (a->mode == CG_LSTM)
                NAME(lstm_backward)(h, s + (at * n + r) * 4 * h,
                                    (const T *)a->cs + (from * n + r) * h,
                                    (const T *)a->cs + (to * n + r) * h, d, dc + r * h,
                                    dx + r * gates);
            else if (a->mode == CG_GRU)
                NAME(gru_backward)(h, s + (at * n + r) * 4 * h, h0 + r * h, d, dx + r * gates,
                                   du + r * gates);
            else
                NAME(simple_backward)(a->mode == CG_RNN_RELU, h, h1 + r * h, d, dx + r * gates);
            if (pad != h && a->mode == CG_GRU)
                memcpy(scratch + r * pad, d, (size_t)h * sizeof(T));
        }
        NAME(cg_panels)(CG_PACKED, du + begin * gates, gates, (const T *)a->packed, NULL,
                        a->mode == CG_GRU ? product : NULL, pad, product, pad, end - begin, h,
                        gates);         /* what goes past the gates of a GRU stays */
        for (r = begin; r < end && pad != h; r++)
            memcpy(dh + r * h, scratch + r * pad, (size_t)h * sizeof(T));
    }
}
