/* Products with panels, included by panels.c for each instruction set, with T, PANEL (numbers in a
   panel), LANES (numbers in a vector), TARGET, NAME(x), PACK and COPY defined.  With 32 registers
   (WIDE) sums of eight rows fit; with 16, those of three rows, or of four or five in half a panel
   at a time. */

typedef T NAME(vector) __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T))));

#define UNROLL _Pragma("GCC unroll 8")    /* or the sums would pass through memory at the end */
#define ROWS_FUNCTION(R, TOTAL, WIDTH, KIND, X, STEP)                                            \
    TARGET static void NAME(KIND##R)(const T *x, int64_t ldx, const T *w, const int64_t *at,     \
                                     T *y, int64_t ldy, int64_t k, const T *from, int64_t ldf)   \
    {                                                                                            \
        enum { VECTORS = (WIDTH) / LANES };                                                      \
        NAME(vector) sum[R][VECTORS];                                                            \
        int64_t i, part;                                                                         \
        int r, j;                                                                                \
        (void)ldx, (void)at;                                                                     \
        for (part = 0; part < (TOTAL); part += (WIDTH), w += (WIDTH), y += (WIDTH)) {            \
            UNROLL for (r = 0; r < R; r++)                                                       \
                UNROLL for (j = 0; j < VECTORS; j++)                                             \
                    sum[r][j] = (NAME(vector)){0};                                               \
            for (i = 0; i < k; i++) {                                                            \
                const T *step = w + (STEP);                                                      \
                T a[R];                                                                          \
                UNROLL for (r = 0; r < R; r++)                                                   \
                    a[r] = x[X];                                                                 \
                UNROLL for (j = 0; j < VECTORS; j++) {                                           \
                    NAME(vector) b = *(const NAME(vector) *)(step + LANES * j);                  \
                    UNROLL for (r = 0; r < R; r++)                                               \
                        sum[r][j] += a[r] * b;                                                   \
                }                                                                                \
            }                                                                                    \
            if (from) {                                                                          \
                UNROLL for (r = 0; r < R; r++)                                                   \
                    UNROLL for (j = 0; j < VECTORS; j++)                                         \
                        sum[r][j] += *(const NAME(vector) *)(from + r * ldf + LANES * j);        \
                from += (WIDTH);                                                                 \
            }                                                                                    \
            UNROLL for (r = 0; r < R; r++)                                                       \
                UNROLL for (j = 0; j < VECTORS; j++)                                             \
                    *(NAME(vector) *)(y + r * ldy + LANES * j) = sum[r][j];                      \
        }                                                                                        \
    }
#define KINDS(R, WIDTH)                                                                          \
    ROWS_FUNCTION(R, PANEL, WIDTH, packed, r * ldx + i, i * PANEL)                               \
    ROWS_FUNCTION(R, PANEL, WIDTH, shifted, r * ldx + i, at[i])                                  \
    ROWS_FUNCTION(R, PANEL, WIDTH, gathered, at[r] + i, i * PANEL)                               \
    PRODUCT_KINDS(R, WIDTH)
#ifdef WIDE
#  define PRODUCT_KINDS(R, WIDTH)
#else
#  define PRODUCT_KINDS(R, WIDTH)                                                                \
    ROWS_FUNCTION(R, PANEL, WIDTH, turned, i * ldx + r, i * PANEL)                               \
    ROWS_FUNCTION(R, PANEL / 2, PANEL / 2, packed_half, r * ldx + i, i * (PANEL / 2))            \
    ROWS_FUNCTION(R, PANEL / 2, PANEL / 2, turned_half, i * ldx + r, i * (PANEL / 2))
#endif

KINDS(1, PANEL)
KINDS(2, PANEL)
#ifdef WIDE
KINDS(4, PANEL)
KINDS(8, PANEL)
#else
KINDS(3, PANEL)
KINDS(4, PANEL / 2)
KINDS(5, PANEL / 2)
#endif
#undef PRODUCT_KINDS
#undef KINDS
#undef ROWS_FUNCTION
#undef UNROLL

typedef void NAME(function)(const T *, int64_t, const T *, const int64_t *, T *, int64_t, int64_t,
                            const T *, int64_t);
#ifdef WIDE
#  define OF_KIND(f) {NULL, f(1), f(2), NULL, f(4), NULL, NULL, NULL, f(8)}
#else
#  define OF_KIND(f) {NULL, f(1), f(2), f(3), f(4), f(5)}
#endif
#define PACKED(R) NAME(packed##R)
#define SHIFTED(R) NAME(shifted##R)
#define GATHERED(R) NAME(gathered##R)
/* By kind and number of rows. */
static NAME(function) *const NAME(functions)[3][9] = {
    OF_KIND(PACKED), OF_KIND(SHIFTED), OF_KIND(GATHERED)
};
#undef SHIFTED
#undef GATHERED

static int NAME(take)(int64_t left)      /* so many rows of those that are left */
{
#ifdef WIDE
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
#else
    return left <= 5 ? (int)left : 3;
#endif
}

#ifndef WIDE
static int NAME(take_half)(int64_t left)  /* of half a panel: few sums would wait for each other */
{
    return left <= 5 ? (int)left : left == 6 ? 3 : left < 9 ? 4 : 5;
}
#endif

static void NAME(panels)(int kind, const T *x, int64_t ldx, const T *w, const int64_t *at,
                         const T *from, int64_t ldf, T *y, int64_t ldy, int64_t rows,
                         int64_t columns, int64_t k)
{
    int64_t p, r, take;
    for (p = 0; p < columns; p += PANEL) {
        const T *panel = kind == CG_SHIFTED ? w + p : w + p * k;
        for (r = 0; r < rows; r += take) {
            take = NAME(take)(rows - r);
            NAME(functions)[kind][take](kind == CG_GATHERED ? x : x + r * ldx, ldx, panel,
                                        kind == CG_GATHERED ? at + r : at, y + r * ldy + p, ldy,
                                        k, from ? from + r * ldf + p : NULL, ldf);
        }
    }
}

#ifndef WIDE
#define TURNED(R) NAME(turned##R)
#define PACKED_HALF(R) NAME(packed_half##R)
#define TURNED_HALF(R) NAME(turned_half##R)
static void NAME(product)(int most, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k,
                          const T *a, int64_t lda, const T *b, int64_t ldb, const T *from,
                          int64_t ldf, T *c, int64_t ldc)
{
    static NAME(function) *const functions[2][2][9] = {
        {OF_KIND(PACKED), OF_KIND(TURNED)}, {OF_KIND(PACKED_HALF), OF_KIND(TURNED_HALF)}
    };
    T packed[CG_DEEP * PANEL], edge[5 * PANEL] = {0};
    _Static_assert(sizeof packed <= 1 << 15, "threads may have a stack of 64 KiB");
    int64_t p, r, take, row, k0;
    for (p = 0; p < n; p += PANEL) {
        const int half = n - p <= PANEL / 2;
        const int64_t panel = half ? PANEL / 2 : PANEL, width = n - p < panel ? n - p : panel;
        NAME(function) *const *const function = functions[half][trans_a != 0];
        for (k0 = 0; k0 < k; k0 += most) {
            const int64_t depth = k - k0 < most ? k - k0 : most;
            const T *start = k0 ? c : from;      /* what the sums are added to */
            const int64_t lds = k0 ? ldc : ldf;
            PACK(b + (trans_b ? p * ldb + k0 : k0 * ldb + p), ldb, !trans_b, width, panel, depth,
                 packed);
            for (r = 0; r < m; r += take) {
                const T *x = a + (trans_a ? k0 * lda + r : r * lda + k0);
                const T *first = start ? start + r * lds + p : NULL;
                T *y = c + r * ldc + p;
                take = half ? NAME(take_half)(m - r) : NAME(take)(m - r);
                if (width == panel) {
                    function[take](x, lda, packed, NULL, y, ldc, depth, first, lds);
                    continue;
                }
                for (row = 0; row < take && first; row++)
                    COPY(edge + row * panel, first + row * lds, width);
                function[take](x, lda, packed, NULL, edge, panel, depth, first ? edge : NULL,
                               panel);
                for (row = 0; row < take; row++)
                    COPY(y + row * ldc, edge + row * panel, width);
            }
        }
    }
}
#undef TURNED
#undef PACKED_HALF
#undef TURNED_HALF
#endif
#undef PACKED
#undef OF_KIND
