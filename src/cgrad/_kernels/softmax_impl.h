/* Softmax kernels of one type: included by softmax.c with T, NAME(x), LANES, LOG
   and BITS, an integer as wide as T, with MAGNITUDE, its greatest, and LOWEST, -inf in its order.

   A row with inner = 1 is worked through in chunks of LANES elements with one partial maximum or
   sum per lane: the compiler may not reorder sums by itself, but may work lanes side by side.  The
   last, incomplete chunk is padded in a local array, so that short rows (ten classes) are vectors
   too.  With inner > 1 the lanes are neighbouring rows. */

#include "lanes.h"

/* Copy the last n - i < LANES elements from x + i into v, padded with `pad`. */
CG_INLINE void NAME(tail)(const T *x, int64_t i, int64_t n, T pad, T *v)
{
    int l;
    for (l = 0; l < LANES; l++)
        v[l] = pad;
    for (l = 0; l < n - i; l++)
        v[l] = x[i + l];
}

CG_INLINE T NAME(sum_lanes)(const T *s)
{
    enum { W = NAME(WIDTH) };
    NAME(lanes) a = {0}, b = {0};
    int l;
    for (l = 0; l < LANES; l += 2 * W) {
        a += LANES_AT(s + l);
        b += LANES_AT(s + l + W);
    }
    return NAME(total)(&a, &b, 0);
}

/* The greatest element, compared as integers in the order of the floats, whose maximum compilers
   turn into vectors.  NaN may be lost, but then the sum of the exponentials is NaN. */
CG_INLINE T NAME(row_max)(const T *x, int64_t n)
{
    BITS m = LOWEST;
    int64_t i;
    for (i = 0; i < n; i++) {
        BITS b = NAME(cg_int)(x[i]);
        b ^= (b >> (8 * sizeof(BITS) - 1)) & MAGNITUDE;
        m = b > m ? b : m;
    }
    return NAME(cg_bits)(m ^ ((m >> (8 * sizeof(BITS) - 1)) & MAGNITUDE));
}

CG_INLINE void NAME(exp_lanes)(T *s, T *v, const T *x, T max)
{
    int l;
    for (l = 0; l < LANES; l++)
        v[l] = NAME(cg_exp_negative)(x[l] - max);
    for (l = 0; l < LANES; l++)
        s[l] += v[l];
}

/* e^(x - max) of the last n - i < LANES elements, to v; returns their sum.  Not inlined everywhere. */
CG_MV static T NAME(tail_exp)(const T *x, int64_t i, int64_t n, T max, T *v)
{
    T s[LANES] = {0};
    /* Padding with -inf adds nothing, except where max is -inf itself, whose row is NaN. */
    NAME(tail)(x, i, n, -(T)INFINITY, v);
    NAME(exp_lanes)(s, v, v, max);
    return NAME(sum_lanes)(s);
}

/* sum e^(x - max) */
CG_INLINE T NAME(row_sum_exp)(const T *x, int64_t n, T max)
{
    T s[LANES], v[LANES];
    int64_t i;
    int l;
    for (l = 0; l < LANES; l++)
        s[l] = 0;
    for (i = 0; i + LANES <= n; i += LANES)
        NAME(exp_lanes)(s, v, x + i, max);
    return NAME(sum_lanes)(s) + (i < n ? NAME(tail_exp)(x, i, n, max, v) : 0);
}

/* y = e^(x - max), and the sum: after all of them, for sums in between would be slower. */
CG_INLINE T NAME(row_exp)(const T *x, T *y, int64_t n, T max)
{
    enum { W = NAME(WIDTH) };
    NAME(lanes) s = {0}, t = {0};
    const int64_t whole = n - n % LANES;
    T v[LANES], rest = 0;
    int64_t i;
    CG_IVDEP
    for (i = 0; i < whole; i++)
        y[i] = NAME(cg_exp_negative)(x[i] - max);
    if (whole < n) {
        rest = NAME(tail_exp)(x, whole, n, max, v);
        for (i = whole; i < n; i++)
            y[i] = v[i - whole];
    }
    for (i = 0; i < whole; i += 2 * W) {
        s += LANES_AT(y + i);
        t += LANES_AT(y + i + W);
    }
    return NAME(total)(&s, &t, rest);
}

/* sum g y */
CG_INLINE T NAME(row_dot)(const T *g, const T *y, int64_t n)
{
    enum { W = NAME(WIDTH) };
    NAME(lanes) s = {0}, t = {0};
    T rest = 0;
    int64_t i;
    for (i = 0; i + 2 * W <= n; i += 2 * W) {
        s += LANES_AT(g + i) * LANES_AT(y + i);
        t += LANES_AT(g + i + W) * LANES_AT(y + i + W);
    }
    for (; i < n; i++)
        rest += g[i] * y[i];
    return NAME(total)(&s, &t, rest);
}

/* sum w (x - max) (w = NULL: ones) */
CG_INLINE T NAME(row_weighted)(const T *x, const T *w, int64_t n, T max)
{
    T s[LANES], v[LANES], u[LANES];
    int64_t i;
    int l;
    for (l = 0; l < LANES; l++)
        s[l] = 0;
    for (i = 0; i + LANES <= n; i += LANES)
        for (l = 0; l < LANES; l++)
            s[l] += w ? w[i + l] * (x[i + l] - max) : x[i + l] - max;
    if (i < n) {
        NAME(tail)(x, i, n, max, v);
        for (l = 0; l < LANES; l++)
            u[l] = 1;
        if (w)
            NAME(tail)(w, i, n, 0, u);
        for (l = 0; l < LANES; l++)
            s[l] += u[l] * (v[l] - max);
    }
    return NAME(sum_lanes)(s);
}

/* Rows begin .. end lie side by side in pieces of at most `width` with the same outer index. */
CG_INLINE int64_t NAME(piece)(int64_t row, int64_t end, int64_t inner, int64_t width)
{
    int64_t left = inner - row % inner;
    left = left < end - row ? left : end - row;
    return left < width ? left : width;
}

/* max[j] and, of e^(x - max), sum[j] for w neighbouring rows from x; y as in row_exp */
CG_INLINE void NAME(side_sums)(const T *x, T *y, int64_t n, int64_t inner, int64_t w, T *max,
                               T *sum)
{
    int64_t i, j;
    for (j = 0; j < w; j++) {
        max[j] = -(T)INFINITY;
        sum[j] = 0;
    }
    for (i = 0; i < n; i++)
        for (j = 0; j < w; j++)
            max[j] = x[i * inner + j] > max[j] ? x[i * inner + j] : max[j];
    for (i = 0; i < n; i++)
        for (j = 0; j < w; j++) {
            T e = NAME(cg_exp_negative)(x[i * inner + j] - max[j]);
            sum[j] += e;
            if (y)
                y[i * inner + j] = e;
        }
}

/* The same for w whole rows below each other, n numbers each: for rows too short to be vectors */
CG_INLINE void NAME(short_sums)(const T *x, int64_t n, int64_t w, T *max, T *sum)
{
    int64_t i, j;
    for (j = 0; j < w; j++) {
        max[j] = x[j * n];
        sum[j] = 0;
    }
    for (i = 1; i < n; i++)
        for (j = 0; j < w; j++)
            max[j] = x[j * n + i] > max[j] ? x[j * n + i] : max[j];
    for (i = 0; i < n; i++)
        for (j = 0; j < w; j++)
            sum[j] += NAME(cg_exp_negative)(x[j * n + i] - max[j]);
}

CG_MV void NAME(cg_softmax)(const T *x, T *y, int64_t n, int64_t inner, int64_t begin,
                            int64_t end)
{
    int64_t r, i, j, w;
    if (inner == 1) {
        for (r = begin; r < end; r++) {
            const T *xr = x + r * n;
            T *yr = y + r * n, scale = 1 / NAME(row_exp)(xr, yr, n, NAME(row_max)(xr, n));
            CG_IVDEP
            for (i = 0; i < n; i++)
                yr[i] *= scale;
        }
        return;
    }
    for (r = begin; r < end; r += w) {
        const T *xr = x + r / inner * n * inner + r % inner;
        T *yr = y + (xr - x), max[SIDE], sum[SIDE];
        w = NAME(piece)(r, end, inner, SIDE);
        NAME(side_sums)(xr, yr, n, inner, w, max, sum);
        for (j = 0; j < w; j++)
            sum[j] = 1 / sum[j];
        for (i = 0; i < n; i++)
            CG_IVDEP
            for (j = 0; j < w; j++)
                yr[i * inner + j] *= sum[j];
    }
}

CG_MV void NAME(cg_log_softmax)(const T *x, T *y, int64_t n, int64_t inner, int64_t begin,
                                int64_t end)
{
    int64_t r, i, j, w;
    if (inner == 1) {
        for (r = begin; r < end; r++) {
            const T *xr = x + r * n;
            T *yr = y + r * n, max = NAME(row_max)(xr, n);
            T log_sum = LOG(NAME(row_sum_exp)(xr, n, max));
            CG_IVDEP
            for (i = 0; i < n; i++)
                yr[i] = xr[i] - max - log_sum;
        }
        return;
    }
    for (r = begin; r < end; r += w) {
        const T *xr = x + r / inner * n * inner + r % inner;
        T *yr = y + (xr - x), max[SIDE], sum[SIDE];
        w = NAME(piece)(r, end, inner, SIDE);
        NAME(side_sums)(xr, NULL, n, inner, w, max, sum);
        for (j = 0; j < w; j++)
            sum[j] = LOG(sum[j]);
        for (i = 0; i < n; i++)
            CG_IVDEP
            for (j = 0; j < w; j++)
                yr[i * inner + j] = xr[i * inner + j] - max[j] - sum[j];
    }
}

CG_MV void NAME(cg_softmax_backward)(const T *g, const T *y, T *dx, int64_t n, int64_t inner,
                                     int64_t begin, int64_t end)
{
    int64_t r, i, j, w;
    if (inner == 1) {
        for (r = begin; r < end; r++) {
            const T *gr = g + r * n, *yr = y + r * n;
            T *dr = dx + r * n, sum = NAME(row_dot)(gr, yr, n);
            CG_IVDEP
            for (i = 0; i < n; i++)
                dr[i] = yr[i] * (gr[i] - sum);
        }
        return;
    }
    for (r = begin; r < end; r += w) {
        const T *gr = g + r / inner * n * inner + r % inner, *yr = y + (gr - g);
        T *dr = dx + (gr - g), sum[SIDE];
        w = NAME(piece)(r, end, inner, SIDE);
        for (j = 0; j < w; j++)
            sum[j] = 0;
        for (i = 0; i < n; i++)
            for (j = 0; j < w; j++)
                sum[j] += gr[i * inner + j] * yr[i * inner + j];
        for (i = 0; i < n; i++)
            CG_IVDEP
            for (j = 0; j < w; j++)
                dr[i * inner + j] = yr[i * inner + j] * (gr[i * inner + j] - sum[j]);
    }
}

CG_MV void NAME(cg_log_softmax_backward)(const T *g, const T *y, T *dx, int64_t n, int64_t inner,
                                         int64_t begin, int64_t end)
{
    int64_t r, i, j, w;
    if (inner == 1) {
        for (r = begin; r < end; r++) {
            const T *gr = g + r * n, *yr = y + r * n;
            T *dr = dx + r * n, sum = NAME(sum_of)(gr, n);
            CG_IVDEP
            for (i = 0; i < n; i++)
                dr[i] = gr[i] - NAME(cg_exp_negative)(yr[i]) * sum;
        }
        return;
    }
    for (r = begin; r < end; r += w) {
        const T *gr = g + r / inner * n * inner + r % inner, *yr = y + (gr - g);
        T *dr = dx + (gr - g), sum[SIDE];
        w = NAME(piece)(r, end, inner, SIDE);
        for (j = 0; j < w; j++)
            sum[j] = 0;
        for (i = 0; i < n; i++)
            for (j = 0; j < w; j++)
                sum[j] += gr[i * inner + j];
        for (i = 0; i < n; i++)
            CG_IVDEP
            for (j = 0; j < w; j++)
                dr[i * inner + j] = gr[i * inner + j] - NAME(cg_exp_negative)(yr[i * inner + j]) * sum[j];
    }
}

/* An infinite maximum is the result itself, unless there is NaN: x - max would be NaN. */
CG_INLINE T NAME(row_infinite)(const T *x, int64_t n, T max)
{
    int64_t i;
    for (i = 0; i < n; i++)
        max = x[i] != x[i] ? x[i] : max;
    return max;
}

CG_MV void NAME(cg_logsumexp)(const T *x, T *lse, int64_t n, int64_t inner, int64_t begin,
                              int64_t end)
{
    int64_t r, j, w;
    if (inner == 1) {
        for (r = begin; r < end; r++) {
            const T *xr = x + r * n;
            const T max = NAME(row_max)(xr, n);
            lse[r] = FINITE(max) ? max + LOG(NAME(row_sum_exp)(xr, n, max))
                                 : NAME(row_infinite)(xr, n, max);
        }
        return;
    }
    for (r = begin; r < end; r += w) {
        const T *xr = x + r / inner * n * inner + r % inner;
        T max[SIDE], sum[SIDE];
        int64_t i;
        w = NAME(piece)(r, end, inner, SIDE);
        for (j = 0; j < w; j++) {
            max[j] = -(T)INFINITY;
            sum[j] = 0;
        }
        for (i = 0; i < n; i++)
            for (j = 0; j < w; j++)
                max[j] = xr[i * inner + j] > max[j] ? xr[i * inner + j] : max[j];
        for (j = 0; j < w; j++)
            max[j] = FINITE(max[j]) ? max[j] : 0;
        for (i = 0; i < n; i++)
            for (j = 0; j < w; j++)
                sum[j] += NAME(cg_exp)(xr[i * inner + j] - max[j]);    /* max 0: inf - 0 */
        for (j = 0; j < w; j++)
            lse[r + j] = max[j] + LOG(sum[j]);
    }
}

CG_MV int64_t NAME(cg_cross_entropy)(const T *x, int64_t classes, const int64_t *target,
                                     const T *weight, int64_t ignore, double smoothing, T *loss,
                                     T *shift, T *log_sums, T *row_weight, int64_t begin,
                                     int64_t end)
{
    int64_t r, j, count, bad = -1;
    const T hard = (T)(1 - smoothing), soft = (T)(smoothing / (double)classes);
    const T total = weight ? NAME(sum_of)(weight, classes) : (T)classes;
    for (r = begin; classes && classes < LANES && r < end; r += count) {
        count = end - r < SIDE ? end - r : SIDE;
        NAME(short_sums)(x + r * classes, classes, count, shift + r, log_sums + r);
        for (j = r; j < r + count; j++)
            log_sums[j] = NAME(cg_log1)(log_sums[j]);
    }
    for (r = begin; r < end; r++) {
        const T *xr = x + r * classes;
        const int64_t t = target[r];
        T max, log_sum, w;
        if (classes >= LANES || !classes) {
            shift[r] = NAME(row_max)(xr, classes);
            log_sums[r] = LOG(NAME(row_sum_exp)(xr, classes, shift[r]));
        }
        max = shift[r];
        log_sum = log_sums[r];
        if (t == ignore) {
            loss[r] = 0;
            w = 0;
        } else if (t < 0 || t >= classes) {
            if (bad < 0)
                bad = r;
            loss[r] = w = (T)NAN;
        } else {
            w = weight ? weight[t] : 1;
            /* x - max before the logarithm: exact where lse alone would have been rounded */
            loss[r] = hard * (w * (log_sum - (xr[t] - max)));
            if (smoothing != 0)
                loss[r] += soft * (total * log_sum - NAME(row_weighted)(xr, weight, classes, max));
        }
        if (row_weight)
            row_weight[r] = w;
    }
    return bad;
}

CG_MV void NAME(cg_cross_entropy_backward)(const T *x, int64_t classes, const int64_t *target,
                                           const T *weight, int64_t ignore, double smoothing,
                                           const T *shift, const T *log_sums, const T *scale,
                                           int64_t scale_step, T *dx, int64_t begin, int64_t end)
{
    int64_t r, i;
    const T hard = (T)(1 - smoothing), soft = (T)(smoothing / (double)classes);
    const T total = weight ? NAME(sum_of)(weight, classes) : (T)classes;
    for (r = begin; r < end; r++) {
        const T *xr = x + r * classes, g = scale[r * scale_step];
        const T max = shift[r], log_sum = log_sums[r];
        T *dr = dx + r * classes, all, q;
        const int64_t t = target[r];
        if (t == ignore || t < 0 || t >= classes) {
            memset(dr, 0, (size_t)classes * sizeof(T));
            continue;
        }
        q = hard * (weight ? weight[t] : 1);
        all = g * (q + soft * total);
        if (smoothing == 0)
            CG_IVDEP
            for (i = 0; i < classes; i++)
                dr[i] = all * NAME(cg_exp_negative)(xr[i] - max - log_sum);
        else if (!weight)
            CG_IVDEP
            for (i = 0; i < classes; i++)
                dr[i] = all * NAME(cg_exp_negative)(xr[i] - max - log_sum) - g * soft;
        else
            CG_IVDEP
            for (i = 0; i < classes; i++)
                dr[i] = all * NAME(cg_exp_negative)(xr[i] - max - log_sum) - g * soft * weight[i];
        dr[t] -= g * q;
    }
}
