#include "scan.h"
#include "common.h"
#include <math.h>

/* Element i of row r lies at `start` + i inner. */
#define FOR_ROWS                                                                                \
    for (r = begin; r < end; r++) {                                                             \
        const int64_t start = r / inner * n * inner + r % inner;                                \
        int64_t i, j = start;

#define SCAN(name, T, ACC, START, NEXT)                                                         \
    static void name(const void *from, void *to, int64_t n, int64_t inner, int64_t begin,       \
                     int64_t end)                                                               \
    {                                                                                           \
        const T *x = from;                                                                      \
        T *y = to;                                                                              \
        int64_t r;                                                                              \
        FOR_ROWS                                                                                \
            ACC s = START;                                                                      \
            for (i = 0; i < n; i++, j += inner) {                                               \
                const ACC v = (ACC)x[j];                                                        \
                s = NEXT;                                                                       \
                y[j] = (T)s;                                                                    \
            }                                                                                   \
        }                                                                                       \
    }

static double log_add(double a, double b)
{
    const double low = a < b ? a : b, high = a < b ? b : a;
    if (a != a || b != b)
        return a + b;
    if (low == high && isinf(low))
        return low;
    return high + log1p(exp(low - high));
}

SCAN(cumprod_f32, float, double, 1.0, s * v)
SCAN(cumprod_f64, double, double, 1.0, s * v)
SCAN(cumprod_i64, int64_t, uint64_t, 1, s * v)
SCAN(logcumsumexp_f32, float, double, -INFINITY, log_add(s, v))
SCAN(logcumsumexp_f64, double, double, -INFINITY, log_add(s, v))

/* Rows begin .. end in pieces of neighbours, at most SIDE, worked through side by side. */
enum { SIDE = 64 };

/* A NaN is taken by `v != v`, and stays: nothing compares with it. */
#define ARG_SCAN(name, T, NOT_WORSE)                                                            \
    static void name(const void *from, int64_t *index, int64_t n, int64_t inner, int64_t begin, \
                     int64_t end)                                                               \
    {                                                                                           \
        const T *x = from;                                                                      \
        int64_t r, i, j, w;                                                                     \
        for (r = begin; n && r < end; r += w) {                                                 \
            const int64_t start = r / inner * n * inner + r % inner;                            \
            T best[SIDE];                                                                       \
            int64_t at[SIDE];                                                                   \
            w = inner - r % inner < end - r ? inner - r % inner : end - r;                      \
            w = w < SIDE ? w : SIDE;                                                            \
            if (w == 1) {                                                                       \
                T most = x[start];                                                              \
                int64_t where = 0;                                                              \
                for (i = 0; i < n; i++) {                                                       \
                    const T v = x[start + i * inner];                                           \
                    if (v NOT_WORSE most || v != v) {                                           \
                        most = v;                                                               \
                        where = i;                                                              \
                    }                                                                           \
                    index[start + i * inner] = where;                                           \
                }                                                                               \
                continue;                                                                       \
            }                                                                                   \
            for (j = 0; j < w; j++) {                                                           \
                best[j] = x[start + j];                                                         \
                at[j] = 0;                                                                      \
            }                                                                                   \
            for (i = 0; i < n; i++)                                                             \
                for (j = 0; j < w; j++) {                                                       \
                    const T v = x[start + i * inner + j];                                       \
                    const int take = (v NOT_WORSE best[j]) | (v != v);                          \
                    best[j] = take ? v : best[j];                                               \
                    at[j] = take ? i : at[j];                                                   \
                    index[start + i * inner + j] = at[j];                                       \
                }                                                                               \
        }                                                                                       \
    }

#define ARG_SCANS(suffix, T) ARG_SCAN(cummax_##suffix, T, >=) ARG_SCAN(cummin_##suffix, T, <=)

ARG_SCANS(u8, uint8_t)
ARG_SCANS(i8, int8_t)
ARG_SCANS(i16, int16_t)
ARG_SCANS(i32, int32_t)
ARG_SCANS(i64, int64_t)
ARG_SCANS(f32, float)
ARG_SCANS(f64, double)

#define RECURRENCE(name, T)                                                                     \
    static void name(const void *factors, const void *terms, void *to, int64_t n, int64_t inner,\
                     int64_t begin, int64_t end, int back)                                      \
    {                                                                                           \
        const T *a = factors, *b = terms;                                                       \
        T *y = to;                                                                              \
        int64_t r;                                                                              \
        FOR_ROWS                                                                                \
            double s = 0.0;                                                                     \
            if (back)                                                                           \
                for (i = n - 1; i >= 0; i--) {                                                  \
                    j = start + i * inner;                                                      \
                    s = i == n - 1 ? (double)b[j] : b[j] + (double)a[j + inner] * s;            \
                    y[j] = (T)s;                                                                \
                }                                                                               \
            else                                                                                \
                for (i = 0; i < n; i++, j += inner) {                                           \
                    s = i == 0 ? (double)b[j] : b[j] + (double)a[j] * s;                        \
                    y[j] = (T)s;                                                                \
                }                                                                               \
        }                                                                                       \
    }

RECURRENCE(recurrence_f32, float)
RECURRENCE(recurrence_f64, double)

const cg_scan cg_cumprod[8] = {NULL, NULL, NULL, NULL, NULL, cumprod_i64, cumprod_f32,
                               cumprod_f64};
const cg_scan cg_logcumsumexp[8] = {NULL, NULL, NULL, NULL, NULL, NULL, logcumsumexp_f32,
                                    logcumsumexp_f64};
const cg_arg_scan cg_cummax[8] = {cummax_u8, cummax_u8, cummax_i8, cummax_i16,
                                  cummax_i32, cummax_i64, cummax_f32, cummax_f64};
const cg_arg_scan cg_cummin[8] = {cummin_u8, cummin_u8, cummin_i8, cummin_i16,
                                  cummin_i32, cummin_i64, cummin_f32, cummin_f64};
const cg_recur cg_recurrence[8] = {NULL, NULL, NULL, NULL, NULL, NULL, recurrence_f32,
                                   recurrence_f64};
