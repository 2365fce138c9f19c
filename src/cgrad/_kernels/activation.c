/* Activation functions; see activation.h.  The loops are in activation_impl.h. */
#include "activation.h"
#include <math.h>
#include "cpu.h"
#include "loop_macros.h"
#include "vecmath.h"

#define T float
#define NAME(x) x##_f32
#include "activation_impl.h"
UNARY(cg_own_exp, cg_exp_f32(x))
UNARY(cg_own_tanh, cg_tanh1_f32(x))
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#include "activation_impl.h"

int cg_own_pays(void)
{
#ifdef CG_VERSIONS
    return cg_has_avx2_only();
#else
    return 0;
#endif
}
