/* Products with panels; see panels.h.  The inner loops are in panels_impl.h. */
#include "panels.h"
#include "common.h"

/* One product for each instruction set: vectors of 64 bytes are fast with AVX-512 alone. */
#if defined(__GNUC__) && defined(__x86_64__) && !defined(CG_NO_MV)
#  define V4 __attribute__((target("avx512f,avx512vl,avx2,fma")))
#  define V3 __attribute__((target("avx2,fma")))
#  define T float
#  define PANEL 32
#  define WIDE
#  define LANES 16
#  define TARGET V4
#  define NAME(x) v4_##x##_f32
#  include "panels_impl.h"
#  undef WIDE
#  undef LANES
#  undef TARGET
#  undef NAME
#  define LANES 8
#  define TARGET V3
#  define NAME(x) v3_##x##_f32
#  include "panels_impl.h"
#  undef LANES
#  undef TARGET
#  undef NAME
#  undef PANEL
#  undef T
#  define T double
#  define PANEL 16
#  define WIDE
#  define LANES 8
#  define TARGET V4
#  define NAME(x) v4_##x##_f64
#  include "panels_impl.h"
#  undef WIDE
#  undef LANES
#  undef TARGET
#  undef NAME
#  define LANES 4
#  define TARGET V3
#  define NAME(x) v3_##x##_f64
#  include "panels_impl.h"
#  undef LANES
#  undef TARGET
#  undef NAME
#  undef PANEL
#  undef T
#  define CG_DISPATCH(type, ...)                                                                 \
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) {               \
        v4_panels_##type(__VA_ARGS__);                                                           \
        return;                                                                                  \
    }                                                                                            \
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {                       \
        v3_panels_##type(__VA_ARGS__);                                                           \
        return;                                                                                  \
    }
#else
#  define CG_DISPATCH(type, ...)
#endif

#define DEFINE(T, S, PANEL)                                                                      \
    int64_t cg_padded_##S(int64_t columns)                                                       \
    {                                                                                            \
        return (columns + PANEL - 1) / PANEL * PANEL;                                            \
    }                                                                                            \
    void cg_pack_##S(const T *w, int turned, int64_t columns, int64_t k, T *packed)              \
    {                                                                                            \
        int64_t p, i, j;                                                                         \
        for (p = 0; p < columns; p += PANEL)                                                     \
            for (i = 0; i < k; i++, packed += PANEL)                                             \
                for (j = 0; j < PANEL; j++)                                                      \
                    packed[j] = p + j >= columns ? 0                                             \
                              : turned ? w[i * columns + p + j] : w[(p + j) * k + i];            \
    }                                                                                            \
    static void portable_##S(int kind, const T *x, int64_t ldx, const T *w, const int64_t *at,   \
                             T *y, int64_t ldy, int64_t rows, int64_t columns, int64_t k)        \
    {                                                                                            \
        int64_t p, r, i, j;                                                                      \
        for (p = 0; p < columns; p += PANEL)                                                     \
            for (r = 0; r < rows; r++) {                                                         \
                const T *row = x + (kind == CG_GATHERED ? at[r] : r * ldx);                      \
                T sum[PANEL];                                                                    \
                for (j = 0; j < PANEL; j++)                                                      \
                    sum[j] = y[r * ldy + p + j];                                                 \
                for (i = 0; i < k; i++) {                                                        \
                    const T *b = w + (kind == CG_SHIFTED ? at[i] + p : p * k + i * PANEL);       \
                    for (j = 0; j < PANEL; j++)                                                  \
                        sum[j] += row[i] * b[j];                                                 \
                }                                                                                \
                for (j = 0; j < PANEL; j++)                                                      \
                    y[r * ldy + p + j] = sum[j];                                                 \
            }                                                                                    \
    }                                                                                            \
    void cg_panels_##S(int kind, const T *x, int64_t ldx, const T *w, const int64_t *at, T *y,   \
                       int64_t ldy, int64_t rows, int64_t columns, int64_t k)                    \
    {                                                                                            \
        CG_DISPATCH(S, kind, x, ldx, w, at, y, ldy, rows, columns, k)                            \
        portable_##S(kind, x, ldx, w, at, y, ldy, rows, columns, k);                             \
    }

DEFINE(float, f32, 32)
DEFINE(double, f64, 16)
