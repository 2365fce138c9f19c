/* Attention; see attention.h.  The steps are in attention_impl.h, products in blas.c, softmax in
   softmax.c. */
#include "attention.h"
#include <math.h>
#include "blas.h"
#include "common.h"
#include "pool.h"
#include "softmax.h"

enum { ROW_GRAIN = 1 << 14 };   /* weights that pay for a thread */

int64_t cg_attention_scratch(const cg_attention *a, int backward)
{
    return a->block * (a->e + (backward + !a->p) * a->keys);
}

#define T float
#define NAME(x) x##_f32
#include "attention_impl.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#include "attention_impl.h"
