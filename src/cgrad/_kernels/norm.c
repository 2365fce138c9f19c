/* Normalisation of rows; see norm.h.  The kernels are in norm_impl.h. */
#include "norm.h"
#include <math.h>
#include <string.h>
#include "common.h"

enum { PIECE = 1024 };          /* numbers of a row that are added up in its own type */

#define root_f32 sqrtf
#define root_f64 sqrt
#define T float
#define NAME(x) x##_f32
#include "norm_impl.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#include "norm_impl.h"
