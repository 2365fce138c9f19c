/* Row normalisation of one type: included by norm.c with T, NAME(x), LANES defined.

   Sums have one partial sum per lane, because the compiler may not reorder a sum by itself; the
   lanes are added in pairs, the last in double. */

CG_INLINE double NAME(total)(T *s, double rest)
{
    int l;
    for (l = 0; l < LANES / 2; l++)
        s[l] += s[l + LANES / 2];
    for (l = 0; l < LANES / 4; l++)
        s[l] += s[l + LANES / 4];
    for (l = 0; l < LANES / 8; l++)
        s[l] += s[l + LANES / 8];
    for (l = 0; l < LANES / 8; l++)
        rest += s[l];
    return rest;
}

CG_INLINE T NAME(moments)(const T *x, int64_t n, double eps, int rms, T *mean)
{
    T s[LANES] = {0}, m = 0;
    double rest = 0;
    int64_t i;
    int l;
    if (!rms) {
        for (i = 0; i + LANES <= n; i += LANES)
            for (l = 0; l < LANES; l++)
                s[l] += x[i + l];
        for (; i < n; i++)
            rest += x[i];
        m = (T)(NAME(total)(s, rest) / n);
        rest = 0;
        for (l = 0; l < LANES; l++)
            s[l] = 0;
    }
    for (i = 0; i + LANES <= n; i += LANES)
        for (l = 0; l < LANES; l++)
            s[l] += (x[i + l] - m) * (x[i + l] - m);
    for (; i < n; i++)
        rest += (x[i] - m) * (x[i] - m);
    *mean = m;
    return (T)(1 / sqrt(NAME(total)(s, rest) / n + eps));
}

CG_MV void NAME(cg_row_norm)(const T *x, const T *w, const T *b, T *y, int64_t n, double eps,
                             int rms, int64_t begin, int64_t end)
{
    int64_t row, i;
    for (row = begin; row < end; row++) {
        const T *a = x + row * n;
        T *z = y + row * n, m, r = NAME(moments)(a, n, eps, rms, &m);
        if (b)
            CG_IVDEP
            for (i = 0; i < n; i++)
                z[i] = (a[i] - m) * r * w[i] + b[i];
        else if (w)
            CG_IVDEP
            for (i = 0; i < n; i++)
                z[i] = (a[i] - m) * r * w[i];
        else
            CG_IVDEP
            for (i = 0; i < n; i++)
                z[i] = (a[i] - m) * r;
    }
}

/* w is NULL or not where this is inlined: a test inside the loops would keep them scalar. */
CG_INLINE void NAME(backward)(const T *g, const T *x, const T *w, T *dx, int64_t n, double eps,
                              int rms, int64_t begin, int64_t end)
{
    int64_t row, i;
    int l;
    for (row = begin; row < end; row++) {
        const T *a = x + row * n, *c = g + row * n;
        T *d = dx + row * n, m, r = NAME(moments)(a, n, eps, rms, &m), shift, slope;
        T s[LANES] = {0}, p[LANES] = {0};      /* sums of u = g w and of u (x - m) */
        double rest = 0, rest_p = 0;
        for (i = 0; i + LANES <= n; i += LANES)
            for (l = 0; l < LANES; l++) {
                const T u = w ? c[i + l] * w[i + l] : c[i + l];
                s[l] += u;
                p[l] += (a[i + l] - m) * u;
            }
        for (; i < n; i++) {
            const T u = w ? c[i] * w[i] : c[i];
            rest += u;
            rest_p += (a[i] - m) * u;
        }
        shift = rms ? 0 : (T)(NAME(total)(s, rest) / n);
        slope = (T)(NAME(total)(p, rest_p) / n * r * r);
        CG_IVDEP
        for (i = 0; i < n; i++)
            d[i] = r * ((w ? c[i] * w[i] : c[i]) - shift - (a[i] - m) * slope);
    }
}

CG_MV void NAME(cg_row_norm_backward)(const T *g, const T *x, const T *w, T *dx, int64_t n,
                                      double eps, int rms, int64_t begin, int64_t end)
{
    if (w)
        NAME(backward)(g, x, w, dx, n, eps, rms, begin, end);
    else
        NAME(backward)(g, x, NULL, dx, n, eps, rms, begin, end);
}

CG_MV void NAME(cg_row_norm_weight)(const T *g, const T *x, T *dw, int64_t n, double eps, int rms,
                                    int64_t begin, int64_t end)
{
    int64_t row, i;
    T *db = dw + n;
    memset(dw, 0, 2 * (size_t)n * sizeof(T));
    for (row = begin; row < end; row++) {
        const T *a = x + row * n, *c = g + row * n;
        T m, r = NAME(moments)(a, n, eps, rms, &m);
        CG_IVDEP
        for (i = 0; i < n; i++) {
            dw[i] += c[i] * ((a[i] - m) * r);
            db[i] += c[i];
        }
    }
}
