/* Products with panels; see panels.h.  The inner loops are in panels_impl.h. */
#include "panels.h"
#include "common.h"
#include "cpu.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Up to a panel of numbers: for so few, memcpy is slow. */
#define COPY_FUNCTION(T, S)                                                                      \
    static void copy_##S(T *to, const T *from, int64_t width)                                    \
    {                                                                                            \
        enum { CHUNK = 32 / sizeof(T) };                                                         \
        int64_t j = 0;                                                                           \
        for (; j + CHUNK <= width; j += CHUNK)                                                   \
            memcpy(to + j, from + j, 32);                                                        \
        for (; j < width; j++)                                                                   \
            to[j] = from[j];                                                                     \
    }                                                                                            \
    /* What both kinds of panel have in common: zeros, and all of a turned one. */               \
    static int copied_##S(const T *w, int64_t ld, int turned, int64_t width, int64_t panel,      \
                          int64_t k, T *to)                                                      \
    {                                                                                            \
        int64_t i;                                                                               \
        if (width < panel)                                                                       \
            memset(to, 0, (size_t)(k * panel) * sizeof(T));                                      \
        for (i = 0; i < k && turned; i++)                                                        \
            copy_##S(to + i * panel, w + i * ld, width);                                         \
        return turned;                                                                           \
    }

COPY_FUNCTION(float, f32)
COPY_FUNCTION(double, f64)

void cg_pack_panel_f32(const float *w, int64_t ld, int turned, int64_t width, int64_t panel,
                       int64_t k, float *to)
{
    int64_t i, j;
    if (copied_f32(w, ld, turned, width, panel, k, to))
        return;
    for (j = 0; j < width; j++) {
        i = 0;
#ifdef __SSE2__
        if (j + 4 <= width) {                   /* four by four */
            const float *x = w + j * ld;
            float *y = to + j;
            for (; i + 4 <= k; i += 4, x += 4, y += 4 * panel) {
                __m128 a = _mm_loadu_ps(x), b = _mm_loadu_ps(x + ld);
                __m128 c = _mm_loadu_ps(x + 2 * ld), d = _mm_loadu_ps(x + 3 * ld);
                _MM_TRANSPOSE4_PS(a, b, c, d);
                _mm_storeu_ps(y, a);
                _mm_storeu_ps(y + panel, b);
                _mm_storeu_ps(y + 2 * panel, c);
                _mm_storeu_ps(y + 3 * panel, d);
            }
            for (; i < k; i++, x++, y += panel) {
                y[0] = x[0];
                y[1] = x[ld];
                y[2] = x[2 * ld];
                y[3] = x[3 * ld];
            }
            j += 3;
        }
#endif
        for (; i < k; i++)
            to[i * panel + j] = w[j * ld + i];
    }
}

void cg_pack_panel_f64(const double *w, int64_t ld, int turned, int64_t width, int64_t panel,
                       int64_t k, double *to)
{
    int64_t i, j;
    if (copied_f64(w, ld, turned, width, panel, k, to))
        return;
    for (j = 0; j < width; j++) {
        i = 0;
#ifdef __SSE2__
        if (j + 2 <= width) {                   /* two by two */
            const double *x = w + j * ld;
            for (; i + 2 <= k; i += 2) {
                const __m128d a = _mm_loadu_pd(x + i), b = _mm_loadu_pd(x + ld + i);
                _mm_storeu_pd(to + i * panel + j, _mm_unpacklo_pd(a, b));
                _mm_storeu_pd(to + (i + 1) * panel + j, _mm_unpackhi_pd(a, b));
            }
            if (i < k) {
                to[i * panel + j] = x[i];
                to[i * panel + j + 1] = x[ld + i];
            }
            j++;
            continue;
        }
#endif
        for (; i < k; i++)
            to[i * panel + j] = w[j * ld + i];
    }
}

/* One product for each instruction set: vectors of 64 bytes are fast with AVX-512 alone. */
#if defined(__GNUC__) && defined(__x86_64__) && !defined(CG_PORTABLE)
#  define V4 __attribute__((target("avx512f,avx512vl,avx2,fma")))
#  define V3 __attribute__((target("avx2,fma")))
#  define T float
#  define PANEL 32
#  define PACK cg_pack_panel_f32
#  define COPY copy_f32
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
#  undef PACK
#  undef COPY
#  define T double
#  define PANEL 16
#  define PACK cg_pack_panel_f64
#  define COPY copy_f64
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
#  undef PACK
#  undef COPY
#  define CG_DISPATCH(type, ...)                                                                 \
    if (cg_has_avx512()) {                                                                       \
        v4_panels_##type(__VA_ARGS__);                                                           \
        return;                                                                                  \
    }                                                                                            \
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {                       \
        v3_panels_##type(__VA_ARGS__);                                                           \
        return;                                                                                  \
    }
#  define CG_PRODUCT(type, ...)                                                                  \
    if (cg_has_product()) {                                                                      \
        v3_product_##type(__VA_ARGS__);                                                          \
        return;                                                                                  \
    }
#else
#  define CG_DISPATCH(type, ...)
#  define CG_PRODUCT(type, ...)
#endif

int cg_has_product(void)
{
#ifdef CG_PORTABLE
    return 0;
#else
    return cg_has_avx2_only();
#endif
}

#define DEFINE(T, S, PANEL)                                                                      \
    int64_t cg_padded_##S(int64_t columns)                                                       \
    {                                                                                            \
        return (columns + PANEL - 1) / PANEL * PANEL;                                            \
    }                                                                                            \
    void cg_pack_##S(const T *w, int turned, int64_t columns, int64_t k, T *packed)              \
    {                                                                                            \
        int64_t p;                                                                               \
        for (p = 0; p < columns; p += PANEL)                                                     \
            cg_pack_panel_##S(turned ? w + p : w + p * k, turned ? columns : k, turned,          \
                              columns - p < PANEL ? columns - p : PANEL, PANEL, k,               \
                              packed + p * k);                                                   \
    }                                                                                            \
    static void portable_##S(int kind, const T *x, int64_t ldx, const T *w, const int64_t *at,   \
                             const T *from, int64_t ldf, T *y, int64_t ldy, int64_t rows,        \
                             int64_t columns, int64_t k)                                         \
    {                                                                                            \
        int64_t p, r, i, j;                                                                      \
        for (p = 0; p < columns; p += PANEL)                                                     \
            for (r = 0; r < rows; r++) {                                                         \
                const T *row = x + (kind == CG_GATHERED ? at[r] : r * ldx);                      \
                T sum[PANEL];                                                                    \
                for (j = 0; j < PANEL; j++)                                                      \
                    sum[j] = from ? from[r * ldf + p + j] : 0;                                   \
                for (i = 0; i < k; i++) {                                                        \
                    const T *b = w + (kind == CG_SHIFTED ? at[i] + p : p * k + i * PANEL);       \
                    for (j = 0; j < PANEL; j++)                                                  \
                        sum[j] += row[i] * b[j];                                                 \
                }                                                                                \
                for (j = 0; j < PANEL; j++)                                                      \
                    y[r * ldy + p + j] = sum[j];                                                 \
            }                                                                                    \
    }                                                                                            \
    void cg_panels_##S(int kind, const T *x, int64_t ldx, const T *w, const int64_t *at,         \
                       const T *from, int64_t ldf, T *y, int64_t ldy, int64_t rows,              \
                       int64_t columns, int64_t k)                                               \
    {                                                                                            \
        CG_DISPATCH(S, kind, x, ldx, w, at, from, ldf, y, ldy, rows, columns, k)                 \
        portable_##S(kind, x, ldx, w, at, from, ldf, y, ldy, rows, columns, k);                  \
    }                                                                                            \
    void cg_product_##S(int depth, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k,    \
                        const T *a, int64_t lda, const T *b, int64_t ldb, const T *from,         \
                        int64_t ldf, T *c, int64_t ldc)                                          \
    {                                                                                            \
        int64_t i, j, l;                                                                         \
        CG_PRODUCT(S, depth, trans_a, trans_b, m, n, k, a, lda, b, ldb, from, ldf, c, ldc)       \
        (void)depth;                                                                             \
        for (i = 0; i < m; i++)                                                                  \
            for (j = 0; j < n; j++) {                                                            \
                T sum = from ? from[i * ldf + j] : 0;                                            \
                for (l = 0; l < k; l++)                                                          \
                    sum += a[trans_a ? l * lda + i : i * lda + l]                                \
                         * b[trans_b ? j * ldb + l : l * ldb + j];                               \
                c[i * ldc + j] = sum;                                                            \
            }                                                                                    \
    }

DEFINE(float, f32, 32)
DEFINE(double, f64, 16)
