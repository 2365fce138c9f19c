/* Elementwise inner loops of activation functions, in the signature of loops.h; p0, p1 are the
   numbers in `data`. */
#ifndef CG_ACTIVATION_H
#define CG_ACTIVATION_H
#include <stdint.h>

#define CG_LOOP(name) void name(char **args, const intptr_t *n, const intptr_t *steps, void *data)
#define CG_LOOP_F(name) CG_LOOP(name##_f32); CG_LOOP(name##_f64)

CG_LOOP_F(cg_silu);         /* x sigmoid(x) */
CG_LOOP_F(cg_gelu);         /* x Phi(x), Phi the normal distribution function */
CG_LOOP_F(cg_gelu_tanh);    /* x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
CG_LOOP_F(cg_mish);         /* x tanh(log(1 + e^x)) */
CG_LOOP_F(cg_leaky_relu);   /* x > 0 ? x : p0 x */
CG_LOOP_F(cg_elu);          /* x > 0 ? x : p0 (e^x - 1) */
CG_LOOP_F(cg_celu);         /* x > 0 ? x : p0 (e^(x / p0) - 1) */
CG_LOOP_F(cg_selu);         /* p1 (x > 0 ? x : p0 (e^x - 1)) */
CG_LOOP_F(cg_softplus);     /* log(1 + e^(b x)) / b, or x where b x > p1; b = p0 */
CG_LOOP_F(cg_log_sigmoid);  /* -log(1 + e^-x) */
CG_LOOP_F(cg_hardsigmoid);  /* x / 6 + 1/2, limited to [0, 1] */
CG_LOOP_F(cg_hardswish);    /* x times that */
CG_LOOP_F(cg_hardshrink);   /* |x| <= p0 ? 0 : x */
CG_LOOP_F(cg_softshrink);   /* x moved towards 0 by p0, no further */
CG_LOOP_F(cg_threshold);    /* x <= p0 ? p1 : x */

/* Two that NumPy has as well.  With AVX2, where NumPy's vectors need gathers, these are three to four
   times faster; with AVX-512 they are slower, elsewhere nobody measured: cg_own_pays. */
CG_LOOP(cg_own_exp_f32);
CG_LOOP(cg_own_tanh_f32);
int cg_own_pays(void);

/* Two inputs */
CG_LOOP_F(cg_prelu);        /* x > 0 ? x : y x */

#undef CG_LOOP
#undef CG_LOOP_F
#endif
