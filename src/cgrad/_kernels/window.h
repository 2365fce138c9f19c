/* Maxima in windows, and products with a sparse matrix along one dimension. */
#ifndef CG_WINDOW_H
#define CG_WINDOW_H
#include <stdint.h>

/* Windows over the three dimensions of a plane (fewer have sizes of 1 in front): output place o of
   dimension d sees the count[d][o] > 0 places from start[d][o] on, step[d] apart. */
typedef struct {
    int64_t in[3], out[3], step[3], in_size, out_size;
    const int64_t *start[3], *count[3];
    int halves;                /* dimensions 1 and 2: windows of 2, side by side */
} cg_windows;

/* Planes begin..end: y = greatest of each window, index = its place in the plane: the first of
   equals, the last NaN.  By dtype (loops.h): float32, float64, int64. */
typedef void (*cg_window_max)(const cg_windows *g, const void *x, void *y, int64_t *index,
                              int64_t begin, int64_t end);
extern const cg_window_max cg_max_windows[8];

/* y[r, o, i] = sum over k in ptr[o]..ptr[o + 1] of val[k] x[r, col[k], i], for the rows begin..end
   of x [outer, n, inner] and y [outer, out, inner]; float32 or float64. */
void cg_band_f32(const float *x, float *y, int64_t n, int64_t out, int64_t inner,
                 const int64_t *ptr, const int64_t *col, const double *val, int64_t begin,
                 int64_t end);
void cg_band_f64(const double *x, double *y, int64_t n, int64_t out, int64_t inner,
                 const int64_t *ptr, const int64_t *col, const double *val, int64_t begin,
                 int64_t end);

/* The matrix transposed, from `out` to `n` rows; ptr_t has n + 2 entries, of which n + 1 count. */
void cg_transpose_csr(int64_t out, int64_t n, const int64_t *ptr, const int64_t *col,
                      const double *val, int64_t *ptr_t, int64_t *col_t, double *val_t);

/* Whether ptr and col describe a matrix of `out` rows, `n` columns and `nonzero` entries. */
int cg_check_csr(int64_t out, int64_t n, int64_t nonzero, const int64_t *ptr, const int64_t *col);

#endif
