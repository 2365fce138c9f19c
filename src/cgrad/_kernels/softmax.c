/* Softmax and cross entropy; see softmax.h.  The kernels are in softmax_impl.h. */
#include "softmax.h"
#include <math.h>
#include "common.h"
#include "vecmath.h"

enum { SIDE = 128 };      /* rows worked on side by side where inner > 1 */

#define T float
#define NAME(x) x##_f32
#define LANES 16
#define LOG logf
#define BITS int32_t
#define MAGNITUDE INT32_MAX
#define LOWEST (int32_t)0x807fffff
#define FINITE(x) ((x) - (x) == 0)
#include "softmax_impl.h"
#undef T
#undef NAME
#undef LANES
#undef LOG
#undef BITS
#undef MAGNITUDE
#undef LOWEST
#define T double
#define NAME(x) x##_f64
#define LANES 8
#define LOG log
#define BITS int64_t
#define MAGNITUDE INT64_MAX
#define LOWEST (int64_t)0x800fffffffffffff
#include "softmax_impl.h"
