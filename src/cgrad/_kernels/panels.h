/* A product with a matrix in panels of 128 bytes, for few rows: included by recurrent.c for each
   instruction set, with T, PANEL (numbers in a panel), LANES (numbers in a vector), TARGET,
   NAME(x) and the numbers of rows ROWS that are taken at once defined.

   BLAS would copy the matrix into such panels at each call, which for some rows costs as much as
   the product. */

typedef T NAME(vector) __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T))));

#define ROWS_FUNCTION(R)                                                                         \
    TARGET static void NAME(rows##R)(const T *x, int64_t ldx, const T *w, T *y, int64_t ldy,     \
                                     int64_t k)                                                  \
    {                                                                                            \
        NAME(vector) sum[R][PANEL / LANES], b[PANEL / LANES];                                    \
        int64_t i;                                                                               \
        int r, j;                                                                                \
        for (r = 0; r < R; r++)                                                                  \
            for (j = 0; j < PANEL / LANES; j++)                                                  \
                sum[r][j] = *(const NAME(vector) *)(y + r * ldy + LANES * j);                    \
        for (i = 0; i < k; i++, w += PANEL) {                                                    \
            for (j = 0; j < PANEL / LANES; j++)                                                  \
                b[j] = *(const NAME(vector) *)(w + LANES * j);                                   \
            for (r = 0; r < R; r++)                                                              \
                for (j = 0; j < PANEL / LANES; j++)                                              \
                    sum[r][j] += x[r * ldx + i] * b[j];                                          \
        }                                                                                        \
        for (r = 0; r < R; r++)                                                                  \
            for (j = 0; j < PANEL / LANES; j++)                                                  \
                *(NAME(vector) *)(y + r * ldy + LANES * j) = sum[r][j];                          \
    }

ROWS_FUNCTION(1)
ROWS_FUNCTION(2)
#if ROWS >= 4
ROWS_FUNCTION(4)
#endif
#if ROWS >= 8
ROWS_FUNCTION(8)
#endif
#undef ROWS_FUNCTION

static void NAME(panels)(const T *x, int64_t ldx, const T *packed, T *y, int64_t ldy,
                         int64_t rows, int64_t columns, int64_t k)
{
    int64_t p, i;
    for (p = 0; p < columns; p += PANEL, packed += PANEL * k) {
        i = 0;
#if ROWS >= 8
        for (; i + 8 <= rows; i += 8)
            NAME(rows8)(x + i * ldx, ldx, packed, y + i * ldy + p, ldy, k);
#endif
#if ROWS >= 4
        for (; i + 4 <= rows; i += 4)
            NAME(rows4)(x + i * ldx, ldx, packed, y + i * ldy + p, ldy, k);
#endif
        for (; i + 2 <= rows; i += 2)
            NAME(rows2)(x + i * ldx, ldx, packed, y + i * ldy + p, ldy, k);
        for (; i < rows; i++)
            NAME(rows1)(x + i * ldx, ldx, packed, y + i * ldy + p, ldy, k);
    }
}
