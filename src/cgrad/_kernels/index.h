/* Indexing, scans and arg-reductions on contiguous data.

   [outer, n, inner] and rows [begin, end) of outer * inner are as in softmax.h: row r starts at
   (r / inner) n inner + r % inner and its elements lie inner apart.  dtypes as in loops.h. */
#ifndef CG_INDEX_H
#define CG_INDEX_H
#include <stdint.h>

/* out[i] = in[i] + (in[i] < 0 ? size : 0); returns -1, or the first i with an index outside
   [-size, size).  out may be in. */
int64_t cg_wrap_index(const int64_t *in, int64_t *out, int64_t n, int64_t size);

/* dst[i] = src[index[i]] for rows i in [begin, end) of row_bytes each; index is in range. */
void cg_take_rows(const char *src, int64_t row_bytes, const int64_t *index, char *dst,
                  int64_t begin, int64_t end);

/* dst[index[i]] += src[i], i = 0 .. n-1 in this order, for rows of row_len elements.  Only the
   columns [begin, end) are touched: sharing columns, not rows, among threads keeps the order of
   the sums, and hence their bits. */
void cg_scatter_add_rows_f32(float *dst, int64_t row_len, const int64_t *index, const float *src,
                             int64_t n, int64_t begin, int64_t end);
void cg_scatter_add_rows_f64(double *dst, int64_t row_len, const int64_t *index,
                             const double *src, int64_t n, int64_t begin, int64_t end);
void cg_scatter_add_rows_i64(int64_t *dst, int64_t row_len, const int64_t *index,
                             const int64_t *src, int64_t n, int64_t begin, int64_t end);

/* y[i] = x[0] + ... + x[i]; float32 sums in double, int64 wraps around. */
void cg_cumsum_f32(const float *x, float *y, int64_t n, int64_t inner, int64_t begin, int64_t end);
void cg_cumsum_f64(const double *x, double *y, int64_t n, int64_t inner, int64_t begin,
                   int64_t end);
void cg_cumsum_i64(const int64_t *x, int64_t *y, int64_t n, int64_t inner, int64_t begin,
                   int64_t end);

/* index[row] = position of the first greatest (least) element, value[row] = that element (value
   may be NULL); a NaN is greater and less than everything, as in PyTorch.  n >= 1.  By dtype. */
typedef void (*cg_arg_reduce)(const void *x, int64_t n, int64_t inner, int64_t begin, int64_t end,
                              void *value, int64_t *index);
extern const cg_arg_reduce cg_argmax[8];
extern const cg_arg_reduce cg_argmin[8];

#endif
