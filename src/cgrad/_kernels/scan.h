/* Scans on contiguous data: [outer, n, inner] and rows [begin, end) of outer * inner as in index.h.
   By dtype (loops.h); entries without a kernel are NULL. */
#ifndef CG_SCAN_H
#define CG_SCAN_H
#include <stdint.h>

/* y[i] = x[0] ... x[i] (cumprod), log(e^x[0] + ... + e^x[i]) (logcumsumexp): float32 is computed in
   double, int64 wraps around. */
typedef void (*cg_scan)(const void *x, void *y, int64_t n, int64_t inner, int64_t begin,
                        int64_t end);
extern const cg_scan cg_cumprod[8];
extern const cg_scan cg_logcumsumexp[8];

/* index[i] = position of the last greatest (least) of x[0] .. x[i]; the last NaN counts as both. */
typedef void (*cg_arg_scan)(const void *x, int64_t *index, int64_t n, int64_t inner, int64_t begin,
                            int64_t end);
extern const cg_arg_scan cg_cummax[8];
extern const cg_arg_scan cg_cummin[8];

/* A linear recurrence: y[i] = b[i] + a[i] y[i-1], a[0] unused; or, with `back`, its adjoint
   y[i] = b[i] + a[i+1] y[i+1]. */
typedef void (*cg_recur)(const void *a, const void *b, void *y, int64_t n, int64_t inner,
                         int64_t begin, int64_t end, int back);
extern const cg_recur cg_recurrence[8];

#endif
