/* Elementwise inner loops of special functions, in the signature of loops.h.  They compute in
   double, also for float: relative errors are a few 1e-16 where not said otherwise.  NaN in gives
   NaN out. */
#ifndef CG_SPECIAL_H
#define CG_SPECIAL_H
#include <stdint.h>

#define CG_LOOP(name) void name(char **args, const intptr_t *n, const intptr_t *steps, void *data)
#define CG_LOOP_F(name) CG_LOOP(name##_f32); CG_LOOP(name##_f64)

/* One input */
CG_LOOP_F(cg_lgamma);       /* log |Gamma(x)| */
CG_LOOP_F(cg_digamma);      /* Gamma'(x) / Gamma(x); relative accuracy is lost near its zeros */
CG_LOOP_F(cg_polygamma);    /* data[0]-th derivative (an integer >= 1) of digamma */
CG_LOOP_F(cg_erfinv);       /* y with erf(y) = x */
CG_LOOP_F(cg_erfcx);        /* e^(x^2) erfc(x) */
CG_LOOP_F(cg_ndtri);        /* y with Phi(y) = x, Phi the normal distribution function */
CG_LOOP_F(cg_log_ndtr);     /* log Phi(x) */
CG_LOOP_F(cg_i0);           /* modified Bessel functions of the first kind */
CG_LOOP_F(cg_i0e);          /* e^-|x| I0(x) */
CG_LOOP_F(cg_i1);
CG_LOOP_F(cg_i1e);
CG_LOOP_F(cg_sinc);         /* sin(pi x) / (pi x) */
CG_LOOP_F(cg_logit);        /* log(x / (1 - x)), x limited to [e, 1 - e] if e = data[0] >= 0 */
CG_LOOP_F(cg_entr);         /* -x log x; 0 at 0, -inf below */

/* Two inputs */
CG_LOOP_F(cg_xlogy);        /* x log y, 0 where x = 0 and y is no NaN */
CG_LOOP_F(cg_xlog1py);      /* x log(1 + y), the same */
CG_LOOP_F(cg_zeta);         /* sum over k >= 0 of (y + k)^-x */
CG_LOOP_F(cg_igamma);       /* 1/Gamma(x) int_0^y t^(x-1) e^-t dt; near 1e-14 */
CG_LOOP_F(cg_igammac);      /* 1 - that, its own relative accuracy kept */

double cg_digamma(double x);     /* of one number */

#undef CG_LOOP
#undef CG_LOOP_F
#endif
