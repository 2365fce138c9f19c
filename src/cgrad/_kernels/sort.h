/* Order along one line of elements: positions in ascending or descending order, the first k of
   them, the k-th, the most frequent value; binary search.

   A line is n elements, `step` bytes apart.  Keys are unsigned integers in the order of the
   elements: -0 and 0 are equal, NaNs are equal to one another and greater than all else, as in
   PyTorch.  Equal elements keep their order (descending too).  dtypes as in loops.h.

   `scratch` has cg_order_scratch bytes, aligned to 8. */
#ifndef CG_SORT_H
#define CG_SORT_H
#include <stdint.h>

int64_t cg_order_scratch(int64_t n);

/* out[i out_step], i < k: position of the i-th element of the sorted line, 0 <= k <= n. */
void cg_first_k(int dtype, const char *x, int64_t n, int64_t step, int64_t k, int descending,
                void *scratch, int64_t *out, int64_t out_step);

/* Position of the k-th element of the sorted line, 0 <= k < n. */
int64_t cg_kth(int dtype, const char *x, int64_t n, int64_t step, int64_t k, void *scratch);

/* Position of the median, the lower of the two in the middle; n >= 1.  If there is a NaN: that of
   the first one, or with `skip` the median of the others (NaN if there are none). */
int64_t cg_median(int dtype, const char *x, int64_t n, int64_t step, int skip, void *scratch);

/* Position (the last one) of the most frequent element, the least of them; n >= 1. */
int64_t cg_mode(int dtype, const char *x, int64_t n, int64_t step, void *scratch);

/* out[i], begin <= i < end: where x[i] belongs in a sorted line, before its equals or after
   (`right`).  Row-major; x has lines of `per` elements for each line of n of `sorted`
   (`one`: a single line for all); a NaN belongs at the end.  order: positions that sort the
   lines, or NULL; every entry in 0 .. n-1. */
void cg_search(int dtype, const void *sorted, const int64_t *order, int64_t n, int one,
               const void *x, int64_t per, int64_t begin, int64_t end, int right, int64_t *out);

#endif
