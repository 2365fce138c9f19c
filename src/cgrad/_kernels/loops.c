/* Elementwise inner loops; see loops.h.  The floating-point ones are in loops_impl.h. */
#include "loops.h"
#include <math.h>
#include "loop_macros.h"
#include "vecmath.h"

#define T float
#define NAME(x) x##_f32
#define SQRT sqrtf
#define TRUNC truncf
#define COPYSIGN copysignf
#define MAX 3.40282347e38f
#include "loops_impl.h"
#undef T
#undef NAME
#undef SQRT
#undef TRUNC
#undef COPYSIGN
#undef MAX
#define T double
#define NAME(x) x##_f64
#define SQRT sqrt
#define TRUNC trunc
#define COPYSIGN copysign
#define MAX 1.7976931348623157e308
#include "loops_impl.h"
#undef T
#undef NAME
#undef SQRT
#undef TRUNC
#undef COPYSIGN
#undef MAX
