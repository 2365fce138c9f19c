/* Softmax and the losses built on it.

   Data are contiguous [outer, n, inner]; n is the softmax dimension.  A row is one run of n
   elements inner apart; row r starts at (r / inner) n inner + r % inner.  Functions work on
   rows [begin, end) of outer * inner, so that callers can share the rows among threads; a row's
   result does not depend on the range it is computed in.  Output may be the input's memory. */
#ifndef CG_SOFTMAX_H
#define CG_SOFTMAX_H
#include <stdint.h>

#define CG_SOFTMAX(T, S)                                                                        \
    /* y = e^(x - max) / sum e^(x - max) */                                                     \
    void cg_softmax_##S(const T *x, T *y, int64_t n, int64_t inner, int64_t begin, int64_t end);\
    /* y = x - max - log sum e^(x - max) */                                                     \
    void cg_log_softmax_##S(const T *x, T *y, int64_t n, int64_t inner, int64_t begin,          \
                            int64_t end);                                                       \
    /* dx = y (g - sum g y) */                                                                  \
    void cg_softmax_backward_##S(const T *g, const T *y, T *dx, int64_t n, int64_t inner,       \
                                 int64_t begin, int64_t end);                                   \
    /* dx = g - e^y sum g */                                                                    \
    void cg_log_softmax_backward_##S(const T *g, const T *y, T *dx, int64_t n, int64_t inner,   \
                                     int64_t begin, int64_t end);                               \
    /* lse[row] = log sum e^x (-inf for an empty row or all -inf) */                            \
    void cg_logsumexp_##S(const T *x, T *lse, int64_t n, int64_t inner, int64_t begin,          \
                          int64_t end);                                                         \
    /* Cross entropy of logits x [rows, classes]; t = target[row], w = weight (NULL: ones):     \
       loss = -(1-s) w[t] logp[t] - s/classes sum_c w[c] logp[c]; logp = x - lse;               \
       loss = 0 and row_weight = 0 where t == ignore, else row_weight = w[t] (NULL: not wanted; \
       the mean of PyTorch is sum loss / sum row_weight).  lse, which saves the backward pass a \
       pass, is kept as the greatest logit and the rest, whose sum may have to be rounded.      \
       Returns -1, or the first row whose target is out of range (its loss is NaN). */          \
    int64_t cg_cross_entropy_##S(const T *x, int64_t classes, const int64_t *target,            \
                                 const T *weight, int64_t ignore, double smoothing, T *loss,    \
                                 T *max, T *log_sum, T *row_weight, int64_t begin, int64_t end);\
    /* dx = scale (W e^(x - lse) - q), q[c] = (1-s) w[t] [c == t] + s/classes w[c],             \
       W = sum_c q[c], scale = scale[row * scale_step]; 0 where t == ignore.  scale_step is 0   \
       for one scale for all rows. */                                                           \
    void cg_cross_entropy_backward_##S(const T *x, int64_t classes, const int64_t *target,      \
                                       const T *weight, int64_t ignore, double smoothing,       \
                                       const T *max, const T *log_sum, const T *scale,          \
                                       int64_t scale_step, T *dx, int64_t begin, int64_t end);

CG_SOFTMAX(float, f32)
CG_SOFTMAX(double, f64)
#undef CG_SOFTMAX
#endif
