/* Vectors of n contiguous elements. */
#ifndef CG_VECTOR_H
#define CG_VECTOR_H
#include <stdint.h>

/* Sum of x[i] y[i], in double. */
double cg_dot_f32(const float *x, const float *y, int64_t n);
double cg_dot_f64(const double *x, const double *y, int64_t n);

/* z = a x + b y (y NULL: z = a x); z may be x or y. */
void cg_combine_f32(double a, const float *x, double b, const float *y, float *z, int64_t n);
void cg_combine_f64(double a, const double *x, double b, const double *y, double *z, int64_t n);

/* Returns the greatest |x[i]|, NaN if there is one, 0 if n is 0; adds the sum of all to *sum. */
double cg_sizes_f32(const float *x, int64_t n, double *sum);
double cg_sizes_f64(const double *x, int64_t n, double *sum);

#endif
