/* Adafactor (Shazeer and Stern, 2018): the square of a matrix's gradient is kept as a row and a
   column factor only.  p, g: matrices of `cols` columns; all functions look at rows [begin, end).
   row, col: the factors, `scale` the reciprocal of the mean of row; var: the squares themselves,
   in the place of the factors (vectors).  An element's square is v = max(row col scale, least). */
#ifndef CG_FACTORED_H
#define CG_FACTORED_H
#include <stdint.h>

/* *psum += p^2; mean[i] = mean of g^2 in row i; col[j] += g^2 (mean, col may be NULL). */
void cg_factored_sums_f32(const float *p, const float *g, int64_t cols, int64_t begin, int64_t end,
                          double *psum, double *mean, double *col);
void cg_factored_sums_f64(const double *p, const double *g, int64_t cols, int64_t begin,
                          int64_t end, double *psum, double *mean, double *col);

/* x += weight (y - x), from the nearer end. */
void cg_factored_lerp_f32(float *x, const double *y, double weight, int64_t n);
void cg_factored_lerp_f64(double *x, const double *y, double weight, int64_t n);

/* var += weight (g^2 - var) */
void cg_factored_square_f32(float *var, const float *g, double weight, int64_t begin, int64_t end);
void cg_factored_square_f64(double *var, const double *g, double weight, int64_t begin,
                            int64_t end);

/* Sum of g^2 / v; if `write`, p = shrink p - step g / sqrt(v) instead. */
double cg_factored_move_f32(float *p, const float *g, const float *row, const float *col,
                            const float *var, int64_t cols, int64_t begin, int64_t end,
                            double scale, double least, double shrink, double step, int write);
double cg_factored_move_f64(double *p, const double *g, const double *row, const double *col,
                            const double *var, int64_t cols, int64_t begin, int64_t end,
                            double scale, double least, double shrink, double step, int write);

#endif
