/* Row normalisation of one type: included by norm.c with T and NAME(x) defined. */
#include "lanes.h"

CG_INLINE T NAME(moments)(const T *x, int64_t n, double eps, int rms, T *mean)
{
    enum { W = NAME(WIDTH) };
    NAME(lanes) s = {0}, t = {0}, d, e;
    T m = 0, rest = 0;
    int64_t i;
    if (!rms) {
        for (i = 0; i + 2 * W <= n; i += 2 * W) {
            s += LANES_AT(x + i);
            t += LANES_AT(x + i + W);
        }
        for (; i < n; i++)
            rest += x[i];
        m = NAME(total)(&s, &t, rest) / (T)n;
        s = t = (NAME(lanes)){0};
        rest = 0;
    }
    for (i = 0; i + 2 * W <= n; i += 2 * W) {
        d = LANES_AT(x + i) - m;
        e = LANES_AT(x + i + W) - m;
        s += d * d;
        t += e * e;
    }
    for (; i < n; i++)
        rest += (x[i] - m) * (x[i] - m);
    *mean = m;
    return 1 / NAME(root)(NAME(total)(&s, &t, rest) / (T)n + (T)eps);
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
    enum { W = NAME(WIDTH) };
    int64_t row, i;
    for (row = begin; row < end; row++) {
        const T *a = x + row * n, *c = g + row * n;
        T *d = dx + row * n, m, r = NAME(moments)(a, n, eps, rms, &m), shift, slope;
        NAME(lanes) s = {0}, p = {0}, zero = {0}, u;   /* sums of u = g w and of u (x - m) */
        T rest = 0, rest_p = 0;
        for (i = 0; i + W <= n; i += W) {
            u = LANES_AT(c + i);
            if (w)
                u *= LANES_AT(w + i);
            s += u;
            p += (LANES_AT(a + i) - m) * u;
        }
        for (; i < n; i++) {
            const T v = w ? c[i] * w[i] : c[i];
            rest += v;
            rest_p += (a[i] - m) * v;
        }
        shift = rms ? 0 : NAME(total)(&s, &zero, rest) / (T)n;
        slope = NAME(total)(&p, &zero, rest_p) / (T)n * r * r;
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
#undef LANES_AT
