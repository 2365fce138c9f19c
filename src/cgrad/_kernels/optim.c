/* Optimizer updates; see optim.h.  The kernels are in optim_impl.h. */
#include "optim.h"
#include <math.h>
#include "common.h"

#define T float
#define NAME(x) x##_f32
#define SQRT sqrtf
#include "optim_impl.h"
#undef T
#undef NAME
#undef SQRT
#define T double
#define NAME(x) x##_f64
#define SQRT sqrt
#include "optim_impl.h"
