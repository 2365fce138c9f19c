/* Losses that are sums over entries, and dropout; contiguous data.

   Sums are over a range, in double, in an order that depends on the range alone: callers split
   at fixed places and add the parts in order, so that bits do not depend on threads. */
#ifndef CG_LOSS_H
#define CG_LOSS_H
#include <stdint.h>

/* y = -[t max(log x, -100) + (1 - t) max(log(1 - x), -100)], an elementwise loop as in loops.h */
void cg_bce_f32(char **args, const intptr_t *n, const intptr_t *steps, void *data);
void cg_bce_f64(char **args, const intptr_t *n, const intptr_t *steps, void *data);

/* y = x^2 / 2 where |x| <= d, d (|x| - d/2) elsewhere; d = data[0] */
void cg_huber_f32(char **args, const intptr_t *n, const intptr_t *steps, void *data);
void cg_huber_f64(char **args, const intptr_t *n, const intptr_t *steps, void *data);

#define CG_LOSS(T, S)                                                                           \
    /* sum (x - y)^2 */                                                                         \
    double cg_squared_error_##S(const T *x, const T *y, int64_t n);                             \
    /* dx = scale (x - y) */                                                                    \
    void cg_scaled_difference_##S(const T *x, const T *y, double scale, T *dx, int64_t n);      \
    /* y = mask ? scale x : 0; a selection, so that inf and NaN are dropped too */              \
    void cg_dropout_##S(const T *x, const uint8_t *mask, double scale, T *y, int64_t n);        \
    /* loss = -w[t] x[row, t], row_weight = w[t] (weight NULL: ones); both 0 where t == ignore. \
       Returns -1, or the first row whose target is out of range. */                            \
    int64_t cg_nll_##S(const T *x, int64_t classes, const int64_t *target, const T *weight,     \
                       int64_t ignore, T *loss, T *row_weight, int64_t rows);                   \
    /* dx[row, t] = -scale w[t], scale = scale[row * scale_step]; dx was zeroed before */       \
    void cg_nll_backward_##S(int64_t classes, const int64_t *target, const T *weight,           \
                             int64_t ignore, const T *scale, int64_t scale_step, T *dx,         \
                             int64_t rows);

CG_LOSS(float, f32)
CG_LOSS(double, f64)
#undef CG_LOSS
#endif
