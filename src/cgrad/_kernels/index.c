/* Indexing, scans and arg-reductions; see index.h. */
#include "index.h"
#include "common.h"

int64_t cg_wrap_index(const int64_t *in, int64_t *out, int64_t n, int64_t size)
{
    int64_t i;
    for (i = 0; i < n; i++) {
        int64_t k = in[i];
        if (k < -size || k >= size)
            return i;
        out[i] = k < 0 ? k + size : k;
    }
    return -1;
}

void cg_take_rows(const char *src, int64_t row_bytes, const int64_t *index, char *dst,
                  int64_t begin, int64_t end)
{
    int64_t i;
    if (row_bytes == 4)                   /* single elements: a call of memcpy each is too much */
        for (i = begin; i < end; i++)
            memcpy(dst + i * 4, src + index[i] * 4, 4);
    else if (row_bytes == 8)
        for (i = begin; i < end; i++)
            memcpy(dst + i * 8, src + index[i] * 8, 8);
    else
        for (i = begin; i < end; i++)
            memcpy(dst + i * row_bytes, src + index[i] * row_bytes, (size_t)row_bytes);
}

#define SCATTER_ADD(name, T, ADD)                                                               \
    CG_MV void name(T *CG_RESTRICT dst, int64_t row_len, const int64_t *index,                  \
                    const T *CG_RESTRICT src, int64_t n, int64_t begin, int64_t end)            \
    {                                                                                           \
        int64_t i, j;                                                                           \
        for (i = 0; i < n; i++) {                                                               \
            T *to = dst + index[i] * row_len;                                                   \
            const T *from = src + i * row_len;                                                  \
            for (j = begin; j < end; j++)                                                       \
                to[j] = ADD(to[j], from[j]);                                                    \
        }                                                                                       \
    }

#define PLUS(a, b) ((a) + (b))
#define WRAP_PLUS(a, b) ((int64_t)((uint64_t)(a) + (uint64_t)(b)))
SCATTER_ADD(cg_scatter_add_rows_f32, float, PLUS)
SCATTER_ADD(cg_scatter_add_rows_f64, double, PLUS)
SCATTER_ADD(cg_scatter_add_rows_i64, int64_t, WRAP_PLUS)

/* Rows begin .. end in pieces of neighbours with the same outer index, at most SIDE of them, so
   that inner > 1 is worked through line by line. */
enum { SIDE = 64 };

static int64_t piece(int64_t row, int64_t end, int64_t inner)
{
    int64_t left = inner - row % inner;
    left = left < end - row ? left : end - row;
    return left < SIDE ? left : SIDE;
}

#define CUMSUM(name, T, A, ADD)                                                                 \
    CG_MV void name(const T *x, T *y, int64_t n, int64_t inner, int64_t begin, int64_t end)     \
    {                                                                                           \
        int64_t r, i, j, w;                                                                     \
        for (r = begin; inner == 1 && r < end; r++) {                                           \
            A run = 0;                                                                          \
            for (i = r * n; i < (r + 1) * n; i++) {                                             \
                run = ADD(run, x[i]);                                                           \
                y[i] = (T)run;                                                                  \
            }                                                                                   \
        }                                                                                       \
        for (; r < end; r += w) {                                                               \
            const int64_t start = r / inner * n * inner + r % inner;                            \
            const T *from = x + start;                                                          \
            T *to = y + start;                                                                  \
            A sum[SIDE] = {0};                                                                  \
            w = piece(r, end, inner);                                                           \
            for (i = 0; i < n; i++)                                                             \
                for (j = 0; j < w; j++) {                                                       \
                    sum[j] = ADD(sum[j], from[i * inner + j]);                                  \
                    to[i * inner + j] = (T)sum[j];                                              \
                }                                                                               \
        }                                                                                       \
    }

CUMSUM(cg_cumsum_f32, float, double, PLUS)
CUMSUM(cg_cumsum_f64, double, double, PLUS)
CUMSUM(cg_cumsum_i64, int64_t, int64_t, WRAP_PLUS)

/* Is a to be preferred to the earlier b?  NaN to everything but an earlier NaN. */
#define GREATER(a, b) ((a) > (b))
#define LESS(a, b) ((a) < (b))
#define GREATER_OR_NAN(a, b) ((a) > (b) || ((a) != (a) && (b) == (b)))
#define LESS_OR_NAN(a, b) ((a) < (b) || ((a) != (a) && (b) == (b)))

#define ARG_REDUCE(name, T, BETTER)                                                             \
    CG_MV static void name(const void *data, int64_t n, int64_t inner, int64_t begin,           \
                           int64_t end, void *value, int64_t *index)                            \
    {                                                                                           \
        const T *x = data;                                                                      \
        T *out = value;                                                                         \
        int64_t r, i, j, w;                                                                     \
        for (r = begin; r < end; r += w) {                                                      \
            const T *from = x + r / inner * n * inner + r % inner;                              \
            T best[SIDE];                                                                       \
            int64_t at[SIDE];                                                                   \
            if (inner == 1 && n >= 2 * SIDE) {  /* SIDE strands, the best of which is chosen */  \
                w = 1;                                                                          \
                for (j = 0; j < SIDE; j++) {                                                    \
                    best[j] = from[j];                                                          \
                    at[j] = j;                                                                  \
                }                                                                               \
                for (i = SIDE; i + SIDE <= n; i += SIDE)                                        \
                    for (j = 0; j < SIDE; j++) {                                                \
                        const T v = from[i + j];                                                \
                        const int take = BETTER(v, best[j]);                                    \
                        best[j] = take ? v : best[j];                                           \
                        at[j] = take ? i + j : at[j];                                           \
                    }                                                                           \
                for (j = 1; j < SIDE; j++)                                                      \
                    if (BETTER(best[j], best[0])                                                \
                        || (!BETTER(best[0], best[j]) && at[j] < at[0])) {                      \
                        best[0] = best[j];                                                      \
                        at[0] = at[j];                                                          \
                    }                                                                           \
                for (; i < n; i++)                                                              \
                    if (BETTER(from[i], best[0])) {                                             \
                        best[0] = from[i];                                                      \
                        at[0] = i;                                                              \
                    }                                                                           \
                index[r] = at[0];                                                               \
                if (out)                                                                        \
                    out[r] = best[0];                                                           \
                continue;                                                                       \
            }                                                                                   \
            w = piece(r, end, inner);                                                           \
            for (j = 0; j < w; j++) {                                                           \
                best[j] = from[j];                                                              \
                at[j] = 0;                                                                      \
            }                                                                                   \
            for (i = 1; i < n; i++)                                                             \
                for (j = 0; j < w; j++) {                                                       \
                    const T v = from[i * inner + j];                                            \
                    const int take = BETTER(v, best[j]);                                        \
                    best[j] = take ? v : best[j];                                               \
                    at[j] = take ? i : at[j];                                                   \
                }                                                                               \
            for (j = 0; j < w; j++) {                                                           \
                index[r + j] = at[j];                                                           \
                if (out)                                                                        \
                    out[r + j] = best[j];                                                       \
            }                                                                                   \
        }                                                                                       \
    }

ARG_REDUCE(argmax_u8, uint8_t, GREATER)
ARG_REDUCE(argmax_i8, int8_t, GREATER)
ARG_REDUCE(argmax_i16, int16_t, GREATER)
ARG_REDUCE(argmax_i32, int32_t, GREATER)
ARG_REDUCE(argmax_i64, int64_t, GREATER)
ARG_REDUCE(argmax_f32, float, GREATER_OR_NAN)
ARG_REDUCE(argmax_f64, double, GREATER_OR_NAN)
ARG_REDUCE(argmin_u8, uint8_t, LESS)
ARG_REDUCE(argmin_i8, int8_t, LESS)
ARG_REDUCE(argmin_i16, int16_t, LESS)
ARG_REDUCE(argmin_i32, int32_t, LESS)
ARG_REDUCE(argmin_i64, int64_t, LESS)
ARG_REDUCE(argmin_f32, float, LESS_OR_NAN)
ARG_REDUCE(argmin_f64, double, LESS_OR_NAN)

const cg_arg_reduce cg_argmax[8] = {argmax_u8, argmax_u8, argmax_i8, argmax_i16,
                                    argmax_i32, argmax_i64, argmax_f32, argmax_f64};
const cg_arg_reduce cg_argmin[8] = {argmin_u8, argmin_u8, argmin_i8, argmin_i16,
                                    argmin_i32, argmin_i64, argmin_f32, argmin_f64};
