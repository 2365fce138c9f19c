/* Recurrent layers; see recurrent.h.  The gates are in recurrent_impl.h, the product in
   panels.c. */
#include "recurrent.h"
#include "common.h"
#include "panels.h"
#include "vecmath.h"

#define T float
#define NAME(x) x##_f32
#include "recurrent_impl.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#include "recurrent_impl.h"
