/* Products of a few rows with a matrix in panels of 128 bytes (32 floats, 16 doubles): for each row
   r, and the columns panel by panel,

       y_r = from_r + sum over i < k of x_r[i] * w_i

   BLAS would copy the matrix into such panels at each call, which for some rows costs as much as
   the product.  Entries are summed in the order of i, whatever rows stand beside them, and then
   added to from_r = from + r ldf; `from` may be y, or NULL for zeros.  Both have all columns of the
   last panel. */
#ifndef CG_PANELS_H
#define CG_PANELS_H
#include <stdint.h>

enum {
    CG_PACKED,    /* x_r = x + r ldx, w as cg_pack leaves it */
    CG_SHIFTED,   /* x_r = x + r ldx, w_i = w + at[i] */
    CG_GATHERED   /* x_r = x + at[r], w as cg_pack leaves it */
};

/* Whole products of other matrices likewise: is that faster than BLAS here?  Only with AVX2 and without
   AVX-512, with which OpenBLAS has kernels of its own for small ones. */
int cg_has_product(void);
enum { CG_SHALLOW = 128, CG_DEEP = 256 };     /* rows of its panels */

#define CG_PANELS(T, S)                                                                          \
    /* Columns that a matrix of `columns` takes in panels. */                                    \
    int64_t cg_padded_##S(int64_t columns);                                                      \
    /* w (columns, k), or with `turned` (k, columns), in panels: cg_padded(columns) * k. */      \
    void cg_pack_##S(const T *w, int turned, int64_t columns, int64_t k, T *packed);             \
    /* `width` columns of k numbers as a panel of `panel` columns, the others zero: column j is  \
       w[j ld], ..., or with `turned` every ld-th number from w[j]. */                           \
    void cg_pack_panel_##S(const T *w, int64_t ld, int turned, int64_t width, int64_t panel,     \
                           int64_t k, T *packed);                                                \
    /* The sums above. */                                                                        \
    void cg_panels_##S(int kind, const T *x, int64_t ldx, const T *w, const int64_t *at,         \
                       const T *from, int64_t ldf, T *y, int64_t ldy, int64_t rows,              \
                       int64_t columns, int64_t k);                                              \
    /* C = op(A) op(B) + F, k > 0, the rows of F ldf apart; F may be C, or NULL for zeros.       \
       `depth` numbers of a sum, CG_DEEP at most, are added up at a time, which bounds the       \
       error of long sums.  Other arguments as in blas.h. */                                     \
    void cg_product_##S(int depth, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k,    \
                        const T *a, int64_t lda, const T *b, int64_t ldb, const T *from,         \
                        int64_t ldf, T *c, int64_t ldc);

CG_PANELS(float, f32)
CG_PANELS(double, f64)
#undef CG_PANELS
#endif
