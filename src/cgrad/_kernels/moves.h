/* Elementwise inner loops that move numbers, in the signature of loops.h, by dtype: bool 0, uint8 1,
   int8 2, int16 3, int32 4, int64 5, float32 6, float64 7. */
#ifndef CG_MOVES_H
#define CG_MOVES_H
#include "loops.h"

/* cg_cast[from][to].  To bool: x != 0 (NaN is true).  Float to integer: truncation; what the
   target cannot hold (NaN, inf, out of range) is defined here where C leaves it undefined:
   int32, int64: the least value (what x86 gives); narrower: the low bits of the int32 result. */
extern const cg_loop cg_cast[8][8];
extern const cg_loop cg_copy[8];      /* y = x, by dtype */
extern const cg_loop cg_where[8];     /* y = c ? x1 : x2, c bool, by dtype of x1, x2, y */

#endif
