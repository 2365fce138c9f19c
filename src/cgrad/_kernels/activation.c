/* Activation functions; see activation.h.  The loops are in activation_impl.h. */
#include "activation.h"
#include <math.h>
#include "loop_macros.h"
#include "vecmath.h"

#define T float
#define NAME(x) x##_f32
#include "activation_impl.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#include "activation_impl.h"
