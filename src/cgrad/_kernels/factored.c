/* Adafactor; see factored.h.  The loops are in factored_impl.h. */
#include "factored.h"
#include <math.h>
#include "common.h"

#define T float
#define NAME(x) x##_f32
#define SQRT sqrtf
#include "factored_impl.h"
#undef T
#undef NAME
#undef SQRT
#define T double
#define NAME(x) x##_f64
#define SQRT sqrt
#include "factored_impl.h"
