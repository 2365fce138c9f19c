/* Products with panels, included by panels.c for each instruction set, with T, PANEL (numbers in a
   panel), LANES (numbers in a vector), TARGET and NAME(x) defined.  With 32 registers (WIDE) sums of
   eight rows fit; with 16, those of three rows, or of four or five in half a panel at a time. */

typedef T NAME(vector) __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T))));

#define UNROLL _Pragma("GCC unroll 8")    /* or the sums would pass through memory at the end */
#define ROWS_FUNCTION(R, WIDTH, KIND, ROW, STEP)                                                 \
    TARGET static void NAME(KIND##R)(const T *x, int64_t ldx, const T *w, const int64_t *at,     \
                                     T *y, int64_t ldy, int64_t k)                               \
    {                                                                                            \
        enum { VECTORS = (WIDTH) / LANES };                                                      \
        NAME(vector) sum[R][VECTORS];                                                            \
        int64_t i, part;                                                                         \
        int r, j;                                                                                \
        (void)ldx, (void)at;                                                                     \
        for (part = 0; part < PANEL; part += (WIDTH), w += (WIDTH), y += (WIDTH)) {              \
            UNROLL for (r = 0; r < R; r++)                                                       \
                UNROLL for (j = 0; j < VECTORS; j++)                                             \
                    sum[r][j] = *(const NAME(vector) *)(y + r * ldy + LANES * j);                \
            for (i = 0; i < k; i++) {                                                            \
                const T *step = w + (STEP);                                                      \
                T a[R];                                                                          \
                UNROLL for (r = 0; r < R; r++)                                                   \
                    a[r] = x[(ROW) + i];                                                         \
                UNROLL for (j = 0; j < VECTORS; j++) {                                           \
                    NAME(vector) b = *(const NAME(vector) *)(step + LANES * j);                  \
                    UNROLL for (r = 0; r < R; r++)                                               \
                        sum[r][j] += a[r] * b;                                                   \
                }                                                                                \
            }                                                                                    \
            UNROLL for (r = 0; r < R; r++)                                                       \
                UNROLL for (j = 0; j < VECTORS; j++)                                             \
                    *(NAME(vector) *)(y + r * ldy + LANES * j) = sum[r][j];                      \
        }                                                                                        \
    }
#define KINDS(R, WIDTH)                                                                          \
    ROWS_FUNCTION(R, WIDTH, packed, r * ldx, i * PANEL)                                          \
    ROWS_FUNCTION(R, WIDTH, shifted, r * ldx, at[i])                                             \
    ROWS_FUNCTION(R, WIDTH, gathered, at[r], i * PANEL)

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
#undef KINDS
#undef ROWS_FUNCTION
#undef UNROLL

static void NAME(panels)(int kind, const T *x, int64_t ldx, const T *w, const int64_t *at, T *y,
                         int64_t ldy, int64_t rows, int64_t columns, int64_t k)
{
    typedef void function(const T *, int64_t, const T *, const int64_t *, T *, int64_t, int64_t);
#ifdef WIDE
#  define OF_KIND(f) {NULL, f(1), f(2), NULL, f(4), NULL, NULL, NULL, f(8)}
#else
#  define OF_KIND(f) {NULL, f(1), f(2), f(3), f(4), f(5)}
#endif
#define PACKED(R) NAME(packed##R)
#define SHIFTED(R) NAME(shifted##R)
#define GATHERED(R) NAME(gathered##R)
    static function *const functions[3][9] = {OF_KIND(PACKED), OF_KIND(SHIFTED), OF_KIND(GATHERED)};
#undef OF_KIND
#undef PACKED
#undef SHIFTED
#undef GATHERED
    int64_t p, r, take;
    for (p = 0; p < columns; p += PANEL) {
        const T *panel = kind == CG_SHIFTED ? w + p : w + p * k;
        for (r = 0; r < rows; r += take) {
            const int64_t left = rows - r;
#ifdef WIDE
            take = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
#else
            take = left <= 5 ? left : 3;
#endif
            functions[kind][take](kind == CG_GATHERED ? x : x + r * ldx, ldx, panel,
                                  kind == CG_GATHERED ? at + r : at, y + r * ldy + p, ldy, k);
        }
    }
}
