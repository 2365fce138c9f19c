/* Optimizer updates of one contiguous parameter of n elements, in PyTorch's formulas and order
   of operations.  Scalars are formed in double, then rounded to the parameter's type.
   Elements are independent: callers may share them among threads. */
#ifndef CG_OPTIM_H
#define CG_OPTIM_H
#include <stdint.h>

typedef struct {
    double lr, momentum, dampening, weight_decay;
    int nesterov, maximize;
} cg_sgd_options;

typedef struct {
    double lr, beta1, beta2, eps, weight_decay;
    int decoupled;      /* AdamW: p *= 1 - lr weight_decay, instead of g += weight_decay p */
    int maximize;
} cg_adam_options;

/* g = -g if maximize; g += weight_decay p; buf = first ? g : momentum buf + (1 - dampening) g;
   g = nesterov ? g + momentum buf : buf; p -= lr g.  buf is NULL without momentum. */
void cg_sgd_f32(float *p, const float *g, float *buf, int64_t n, const cg_sgd_options *o,
                int first);
void cg_sgd_f64(double *p, const double *g, double *buf, int64_t n, const cg_sgd_options *o,
                int first);

/* m += (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g^2; vmax = max(vmax, v) (NULL: not
   amsgrad); p -= lr / (1 - beta1^step) m / (sqrt(vmax or v) / sqrt(1 - beta2^step) + eps).
   step counts from 1. */
void cg_adam_f32(float *p, const float *g, float *m, float *v, float *vmax, int64_t n,
                 int64_t step, const cg_adam_options *o);
void cg_adam_f64(double *p, const double *g, double *m, double *v, double *vmax, int64_t n,
                 int64_t step, const cg_adam_options *o);

#endif
