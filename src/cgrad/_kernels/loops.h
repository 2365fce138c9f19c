/* Elementwise inner loops that NumPy lacks, in NumPy's signature, so that both are
   interchangeable: n[0] elements; args and byte steps: inputs first, then the output.  `data`,
   where a loop needs parameters, points to double[2].  An output may be the very same memory as
   an input (same pointer, same step), but may not overlap one otherwise. */
#ifndef CG_LOOPS_H
#define CG_LOOPS_H
#include <stdint.h>

typedef void (*cg_loop)(char **args, const intptr_t *n, const intptr_t *steps, void *data);

#define CG_LOOP(name) void name(char **args, const intptr_t *n, const intptr_t *steps, void *data)
#define CG_LOOP_F(name) CG_LOOP(name##_f32); CG_LOOP(name##_f64)

/* One input */
CG_LOOP_F(cg_relu);         /* x < 0 ? 0 : x; NaN stays NaN */
CG_LOOP_F(cg_sigmoid);      /* 1 / (1 + e^-x), without overflow */
CG_LOOP_F(cg_sgn);          /* -1, 0, 1 by sign; NaN gives 0, as PyTorch */
CG_LOOP_F(cg_rsqrt);        /* 1 / sqrt(x) */
CG_LOOP_F(cg_reciprocal);   /* 1 / x */
CG_LOOP_F(cg_erf);          /* 2/sqrt(pi) int_0^x e^-t^2 dt */
CG_LOOP_F(cg_erfc);         /* 1 - erf(x), relative accuracy kept in the tail */
CG_LOOP_F(cg_frac);         /* x - trunc(x) */
CG_LOOP_F(cg_log1p);        /* log(1 + x) */
CG_LOOP_F(cg_deg2rad);      /* pi x / 180 */
CG_LOOP_F(cg_rad2deg);      /* 180 x / pi */
CG_LOOP_F(cg_clamp);        /* min(max(x, data[0]), data[1]); NaN stays NaN */

/* Two inputs */
CG_LOOP_F(cg_logaddexp);    /* log(e^x + e^y) */
CG_LOOP_F(cg_logaddexp2);   /* log2(2^x + 2^y) */
CG_LOOP_F(cg_hypot);        /* sqrt(x^2 + y^2), without overflow */
CG_LOOP_F(cg_trunc_divide); /* trunc(x / y) */
CG_LOOP_F(cg_copysign);     /* |x| with the sign of y */

/* Three inputs */
CG_LOOP_F(cg_lerp);         /* x + w (y - x), from y where |w| >= 1/2 */

/* Two inputs: gradient of the output, then the output (or input, where said) */
CG_LOOP_F(cg_threshold_backward); /* y <= 0 ? 0 : g; a selection, so inf and NaN in g stay apart */
CG_LOOP_F(cg_safe_mul);           /* g y, and 0 where g is 0, whatever y */
CG_LOOP_F(cg_safe_div);           /* g / y, the same */
CG_LOOP_F(cg_square_backward);    /* 2 g y */
CG_LOOP_F(cg_sigmoid_backward);   /* g y (1 - y) */
CG_LOOP_F(cg_tanh_backward);      /* g (1 - y^2) */

#undef CG_LOOP
#undef CG_LOOP_F
#endif
