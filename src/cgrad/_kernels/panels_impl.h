/* Products with panels, included by panels.c for each instruction set, with T, PANEL (numbers in a
   panel), LANES (numbers in a vector), TARGET, NAME(x) and the greatest number of rows ROWS that
   are taken at once defined. */

typedef T NAME(vector) __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T))));

#define ROWS_FUNCTION(R, KIND, ROW, STEP)                                                        \
    TARGET static void NAME(KIND##R)(const T *x, int64_t ldx, const T *w, const int64_t *at,     \
                                     T *y, int64_t ldy, int64_t k)                               \
    {                                                                                            \
        NAME(vector) sum[R][PANEL / LANES], b[PANEL / LANES];                                    \
        int64_t i;                                                                               \
        int r, j;                                                                                \
        (void)ldx, (void)at;                                                                     \
        for (r = 0; r < R; r++)                                                                  \
            for (j = 0; j < PANEL / LANES; j++)                                                  \
                sum[r][j] = *(const NAME(vector) *)(y + r * ldy + LANES * j);                    \
        for (i = 0; i < k; i++) {                                                                \
            const T *step = w + (STEP);                                                          \
            for (j = 0; j < PANEL / LANES; j++)                                                  \
                b[j] = *(const NAME(vector) *)(step + LANES * j);                                \
            for (r = 0; r < R; r++)                                                              \
                for (j = 0; j < PANEL / LANES; j++)                                              \
                    sum[r][j] += x[(ROW) + i] * b[j];                                            \
        }                                                                                        \
        for (r = 0; r < R; r++)                                                                  \
            for (j = 0; j < PANEL / LANES; j++)                                                  \
                *(NAME(vector) *)(y + r * ldy + LANES * j) = sum[r][j];                          \
    }
#define KINDS(R)                                                                                 \
    ROWS_FUNCTION(R, packed, r * ldx, i * PANEL)                                                 \
    ROWS_FUNCTION(R, shifted, r * ldx, at[i])                                                    \
    ROWS_FUNCTION(R, gathered, at[r], i * PANEL)

KINDS(1)
KINDS(2)
#if ROWS >= 8
KINDS(4)
KINDS(8)
#endif
#undef KINDS
#undef ROWS_FUNCTION

static void NAME(panels)(int kind, const T *x, int64_t ldx, const T *w, const int64_t *at, T *y,
                         int64_t ldy, int64_t rows, int64_t columns, int64_t k)
{
    typedef void function(const T *, int64_t, const T *, const int64_t *, T *, int64_t, int64_t);
    static function *const functions[3][4] = {
#if ROWS >= 8
        {NAME(packed1), NAME(packed2), NAME(packed4), NAME(packed8)},
        {NAME(shifted1), NAME(shifted2), NAME(shifted4), NAME(shifted8)},
        {NAME(gathered1), NAME(gathered2), NAME(gathered4), NAME(gathered8)},
#else
        {NAME(packed1), NAME(packed2)},
        {NAME(shifted1), NAME(shifted2)},
        {NAME(gathered1), NAME(gathered2)},
#endif
    };
    int64_t p, r;
    for (p = 0; p < columns; p += PANEL) {
        const T *panel = kind == CG_SHIFTED ? w + p : w + p * k;
        int log = ROWS >= 8 ? 3 : 1;
        for (r = 0; r < rows; r += 1 << log) {
            while (r + (1 << log) > rows)
                log--;
            functions[kind][log](kind == CG_GATHERED ? x : x + r * ldx, ldx, panel,
                                 kind == CG_GATHERED ? at + r : at, y + r * ldy + p, ldy, k);
        }
    }
}
