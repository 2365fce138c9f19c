/* Row normalisation of one type: included by norm.c with T and NAME(x) defined. */
#include "lanes.h"

/* sum d and sum d^2, d = x - m */
CG_INLINE T NAME(squares_of)(const T *x, int64_t n, T m, T *sum)
{
    enum { W = NAME(WIDTH) };
    STRANDS;
    NAME(lanes) t0 = {0}, t1 = {0}, t2 = {0}, t3 = {0}, d;
    T rest = 0, rest_t = 0;
    int64_t i;
    for (i = 0; i + 4 * W <= n; i += 4 * W) {
        d = LANES_AT(x + i) - m;
        s0 += d;
        t0 += d * d;
        d = LANES_AT(x + i + W) - m;
        s1 += d;
        t1 += d * d;
        d = LANES_AT(x + i + 2 * W) - m;
        s2 += d;
        t2 += d * d;
        d = LANES_AT(x + i + 3 * W) - m;
        s3 += d;
        t3 += d * d;
    }
    for (; i + W <= n; i += W) {
        d = LANES_AT(x + i) - m;
        s0 += d;
        t0 += d * d;
    }
    for (; i < n; i++) {
        const T e = x[i] - m;
        rest += e;
        rest_t += e * e;
    }
    *sum = JOINED(s0, s1, s2, s3, rest);
    return JOINED(t0, t1, t2, t3, rest_t);
}

/* sum u (x - m) and sum u, u = g w; w is NULL or not where this is inlined: a test inside the loop
   would keep it scalar. */
CG_INLINE T NAME(products_of)(const T *g, const T *w, const T *x, int64_t n, T m, T *sum)
{
    enum { W = NAME(WIDTH) };
    NAME(lanes) s0 = {0}, s1 = {0}, t0 = {0}, t1 = {0}, u, v;
    T rest = 0, rest_t = 0;
    int64_t i;
    for (i = 0; i + 2 * W <= n; i += 2 * W) {
        u = LANES_AT(g + i);
        v = LANES_AT(g + i + W);
        if (w) {
            u *= LANES_AT(w + i);
            v *= LANES_AT(w + i + W);
        }
        s0 += u;
        s1 += v;
        t0 += (LANES_AT(x + i) - m) * u;
        t1 += (LANES_AT(x + i + W) - m) * v;
    }
    for (; i < n; i++) {
        const T e = w ? g[i] * w[i] : g[i];
        rest += e;
        rest_t += (x[i] - m) * e;
    }
    *sum = NAME(total)(&s0, &s1, rest);
    return NAME(total)(&t0, &t1, rest_t);
}

/* Long rows are summed up in double, piece by piece.  Not inlined: there are four places. */
CG_MV static T NAME(long_moments)(const T *x, int64_t n, double eps, int rms, T *mean)
{
    double all = 0, squares = 0, off;
    T m = 0, s;
    int64_t i;
    if (!rms) {
        for (i = 0; i < n; i += PIECE)
            all += NAME(sum_of)(x + i, n - i < PIECE ? n - i : PIECE);
        m = (T)(all / n);
        all = 0;
    }
    for (i = 0; i < n; i += PIECE) {
        squares += NAME(squares_of)(x + i, n - i < PIECE ? n - i : PIECE, m, &s);
        all += s;
    }
    off = rms ? 0 : all / n;
    squares = squares / n - off * off;
    *mean = m + (T)off;
    return (T)(1 / sqrt((squares < 0 ? 0 : squares) + eps));
}

CG_MV static double NAME(long_products)(const T *g, const T *w, const T *x, int64_t n, T m,
                                        double *sum)
{
    double products = 0;
    int64_t i;
    T s;
    *sum = 0;
    for (i = 0; i < n; i += PIECE) {
        const int64_t left = n - i < PIECE ? n - i : PIECE;
        products += w ? NAME(products_of)(g + i, w + i, x + i, left, m, &s)
                      : NAME(products_of)(g + i, NULL, x + i, left, m, &s);
        *sum += s;
    }
    return products;
}

/* Mean and reciprocal deviation.  The second pass also finds what rounding took from the mean (Chan,
   Golub and LeVeque, 1983). */
CG_INLINE T NAME(moments)(const T *x, int64_t n, double eps, int rms, T *mean)
{
    T m, s, t;
    if (n > PIECE)
        return NAME(long_moments)(x, n, eps, rms, mean);
    m = rms ? 0 : NAME(sum_of)(x, n) / (T)n;
    t = NAME(squares_of)(x, n, m, &s) / (T)n;
    s = rms ? 0 : s / (T)n;
    t -= s * s;
    *mean = m + s;
    return 1 / NAME(root)((t < 0 ? 0 : t) + (T)eps);
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

CG_INLINE void NAME(backward)(const T *g, const T *x, const T *w, T *dx, T *dw, int64_t n,
                              double eps, int rms, int64_t begin, int64_t end)
{
    int64_t row, i;
    if (dw)
        memset(dw, 0, 2 * (size_t)n * sizeof(T));
    for (row = begin; row < end; row++) {
        const T *a = x + row * n, *c = g + row * n;
        T *d = dx + row * n, m, r = NAME(moments)(a, n, eps, rms, &m), shift, slope;
        if (n <= PIECE) {
            slope = NAME(products_of)(c, w, a, n, m, &shift) / (T)n * r * r;
            shift /= (T)n;
        } else {
            double sum;
            slope = (T)(NAME(long_products)(c, w, a, n, m, &sum) / n * r * r);
            shift = (T)(sum / n);
        }
        shift = rms ? 0 : shift;
        CG_IVDEP
        for (i = 0; i < n; i++) {
            const T z = a[i] - m;
            d[i] = r * ((w ? c[i] * w[i] : c[i]) - shift - z * slope);
            if (dw) {
                dw[i] += c[i] * (z * r);
                dw[n + i] += c[i];
            }
        }
    }
}

CG_MV void NAME(cg_row_norm_backward)(const T *g, const T *x, const T *w, T *dx, T *dw, int64_t n,
                                      double eps, int rms, int64_t begin, int64_t end)
{
    if (dw)
        NAME(backward)(g, x, w ? w : g, dx, dw, n, eps, rms, begin, end);
    else if (w)
        NAME(backward)(g, x, w, dx, NULL, n, eps, rms, begin, end);
    else
        NAME(backward)(g, x, NULL, dx, NULL, n, eps, rms, begin, end);
}
