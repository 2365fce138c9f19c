/* Recurrent layers; see recurrent.h.  The gates are in recurrent_impl.h, the product in panels.h. */
#include "recurrent.h"
#include "common.h"
#include "vecmath.h"

/* One product for each instruction set: vectors of 64 bytes are fast with AVX-512 alone. */
#if defined(__GNUC__) && defined(__x86_64__) && !defined(CG_NO_MV)
#  define V4 __attribute__((target("avx512f,avx512vl,avx2,fma")))
#  define V3 __attribute__((target("avx2,fma")))
#  define T float
#  define PANEL 32
#  define ROWS 8
#  define LANES 16
#  define TARGET V4
#  define NAME(x) v4_##x##_f32
#  include "panels.h"
#  undef ROWS
#  undef LANES
#  undef TARGET
#  undef NAME
#  define ROWS 2
#  define LANES 8
#  define TARGET V3
#  define NAME(x) v3_##x##_f32
#  include "panels.h"
#  undef ROWS
#  undef LANES
#  undef TARGET
#  undef NAME
#  undef PANEL
#  undef T
#  define T double
#  define PANEL 16
#  define ROWS 8
#  define LANES 8
#  define TARGET V4
#  define NAME(x) v4_##x##_f64
#  include "panels.h"
#  undef ROWS
#  undef LANES
#  undef TARGET
#  undef NAME
#  define ROWS 2
#  define LANES 4
#  define TARGET V3
#  define NAME(x) v3_##x##_f64
#  include "panels.h"
#  undef ROWS
#  undef LANES
#  undef TARGET
#  undef NAME
#  undef PANEL
#  undef T
#  define CG_DISPATCH(type, ...)                                                                 \
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) {               \
        v4_panels_##type(__VA_ARGS__);                                                           \
        return;                                                                                  \
    }                                                                                            \
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {                       \
        v3_panels_##type(__VA_ARGS__);                                                           \
        return;                                                                                  \
    }
#else
#  define CG_DISPATCH(type, ...)
#endif

#define T float
#define PANEL 32
#define NAME(x) x##_f32
#include "recurrent_impl.h"
#undef T
#undef PANEL
#undef NAME
#define T double
#define PANEL 16
#define NAME(x) x##_f64
#include "recurrent_impl.h"
