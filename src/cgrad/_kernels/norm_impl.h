/* Row normalisation of one type: included by norm.c with T, NAME(x), LANES defined.

   Sums have one partial sum per lane, because the compiler may not reorder a sum by itself; the
   lanes are added in double. */

CG_INLINE double NAME(total)(const T *lanes, double rest)
{
    int l;
    for (l = 0; l < LANES; l++)
        rest += lanes[l];
    return rest;
}

CG_INLINE double NAME(sum)(const T *x, int64_t n)
{
    T s[LANES] = {0};
    double rest = 0;
    int64_t i;
    int l;
    for (i = 0; i + LANES <= n; i += LANES)
        for (l = 0; l < LANES; l++)
            s[l] += x[i + l];
    for (; i < n; i++)
        rest += x[i];
    return NAME(total)(s, rest);
}

/* sum (x - m)(g - 0) or, with g = NULL, of (x - m)^2 */
CG_INLINE double NAME(product)(const T *x, const T *g, T m, int64_t n)
{
    T s[LANES] = {0};
    double rest = 0;
    int64_t i;
    int l;
    if (g == NULL) {
        for (i = 0; i + LANES <= n; i += LANES)
            for (l = 0; l < LANES; l++)
                s[l] += (x[i + l] - m) * (x[i + l] - m);
        for (; i < n; i++)
            rest += (x[i] - m) * (x[i] - m);
    } else {
        for (i = 0; i + LANES <= n; i += LANES)
            for (l = 0; l < LANES; l++)
                s[l] += (x[i + l] - m) * g[i + l];
        for (; i < n; i++)
            rest += (x[i] - m) * g[i];
    }
    return NAME(total)(s, rest);
}

CG_INLINE T NAME(moments)(const T *x, int64_t n, double eps, int rms, T *mean)
{
    T m = rms ? 0 : (T)(NAME(sum)(x, n) / n);
    *mean = m;
    return (T)(1 / sqrt(NAME(product)(x, NULL, m, n) / n + eps));
}

CG_MV void NAME(cg_row_norm)(const T *x, T *y, int64_t n, double eps, int rms, int64_t begin,
                             int64_t end)
{
    int64_t row, i;
    T m, r;
    for (row = begin; row < end; row++) {
        const T *a = x + row * n;
        T *b = y + row * n;
        r = NAME(moments)(a, n, eps, rms, &m);
        CG_IVDEP
        for (i = 0; i < n; i++)
            b[i] = (a[i] - m) * r;
    }
}

CG_MV void NAME(cg_row_norm_backward)(const T *g, const T *x, T *dx, int64_t n, double eps,
                                      int rms, int64_t begin, int64_t end)
{
    int64_t row, i;
    T m, r, shift, slope;
    for (row = begin; row < end; row++) {
        const T *a = x + row * n, *c = g + row * n;
        T *d = dx + row * n;
        r = NAME(moments)(a, n, eps, rms, &m);
        shift = rms ? 0 : (T)(NAME(sum)(c, n) / n);
        slope = (T)(NAME(product)(a, c, m, n) / n * r * r);
        CG_IVDEP
        for (i = 0; i < n; i++)
            d[i] = r * (c[i] - shift - (a[i] - m) * slope);
    }
}
