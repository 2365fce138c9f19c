/* Normalisation of rows; see norm.h.  The kernels are in norm_impl.h. */
#include "norm.h"
#include <math.h>
#include <string.h>
#include "common.h"

#define T float
#define NAME(x) x##_f32
#define LANES 32
#include "norm_impl.h"
#undef T
#undef NAME
#undef LANES
#define T double
#define NAME(x) x##_f64
#define LANES 16
#include "norm_impl.h"
