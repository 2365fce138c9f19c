/* Vectors; see vector.h.  The loops are in vector_impl.h. */
#include "vector.h"
#include <math.h>
#include "common.h"

#define T float
#define NAME(x) x##_f32
#include "vector_impl.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#include "vector_impl.h"
