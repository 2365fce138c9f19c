/* Normalisation of rows: layer, group and instance normalisation, and that by root mean square.

   Data are contiguous [rows, n].  With m the mean of a row (0 for `rms`) and
   r = 1 / sqrt(mean((x - m)^2) + eps):
       forward    y = r (x - m), times w, plus b
       backward   dx = r (u - mean(u) - z mean(u z)), u = g w, z = r (x - m)
                                                         (without mean(u) for `rms`)
                  dw = sum of g z over the rows, followed by db, the sum of g
   w and b have n elements and may be NULL, which are factors of 1 and no summand (b only with w);
   so may dw.  With dw and without w only dw is of use.
   Functions work on rows [begin, end); a row's result does not depend on the range. */
#ifndef CG_NORM_H
#define CG_NORM_H
#include <stdint.h>

#define CG_NORM(T, S)                                                                           \
    void cg_row_norm_##S(const T *x, const T *w, const T *b, T *y, int64_t n, double eps,       \
                         int rms, int64_t begin, int64_t end);                                                        \
    void cg_row_norm_backward_##S(const T *g, const T *x, const T *w, T *dx, T *dw, int64_t n,  \
                                  double eps, int rms, int64_t begin, int64_t end);

CG_NORM(float, f32)
CG_NORM(double, f64)
#undef CG_NORM
#endif
