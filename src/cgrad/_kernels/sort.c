#include "sort.h"
#include "common.h"

/* ---- Sorting by digits -----------------------------------------------------------------------

   Least significant digit first (Knuth, volume 3, 5.2.5); digits that are the same everywhere are
   skipped, so small integers need one or two passes.  Selection goes from the most significant
   digit down and keeps the candidates. */

#define SHORT 32           /* lines up to here are sorted by insertion */
#define DIGIT 256

#define KEY uint32_t
#define NAME(x) x##_32
#include "sort_impl.h"
#undef KEY
#undef NAME

#define KEY uint64_t
#define NAME(x) x##_64
#include "sort_impl.h"
#undef KEY
#undef NAME

/* Two arrays of pairs of 16 bytes. */
int64_t cg_order_scratch(int64_t n)
{
    return 32 * n + 64;
}

static int narrow(int dtype, int64_t n)
{
    return dtype != 5 && dtype != 7 && n <= (int64_t)UINT32_MAX;
}

void cg_first_k(int dtype, const char *x, int64_t n, int64_t step, int64_t k, int descending,
                void *scratch, int64_t *out, int64_t out_step)
{
    if (narrow(dtype, n))
        first_k_32(dtype, x, n, step, k, descending, scratch, out, out_step);
    else
        first_k_64(dtype, x, n, step, k, descending, scratch, out, out_step);
}

int64_t cg_kth(int dtype, const char *x, int64_t n, int64_t step, int64_t k, void *scratch)
{
    return narrow(dtype, n) ? kth_32(dtype, x, n, step, k, scratch)
                            : kth_64(dtype, x, n, step, k, scratch);
}

int64_t cg_median(int dtype, const char *x, int64_t n, int64_t step, int skip, void *scratch)
{
    int64_t i, numbers = n;
    if (dtype >= 6)
        for (i = 0; i < n; i++) {
            const double v = dtype == 6 ? *(const float *)(x + i * step)
                                        : *(const double *)(x + i * step);
            if (v != v) {
                if (!skip)
                    return i;
                numbers--;
            }
        }
    return cg_kth(dtype, x, n, step, numbers ? (numbers - 1) / 2 : 0, scratch);
}

int64_t cg_mode(int dtype, const char *x, int64_t n, int64_t step, void *scratch)
{
    return narrow(dtype, n) ? mode_32(dtype, x, n, step, scratch)
                            : mode_64(dtype, x, n, step, scratch);
}

/* ---- Binary search --------------------------------------------------------------------------- */

#define SEARCH(T)                                                                               \
    do {                                                                                        \
        const T *line = (const T *)sorted + from, v = ((const T *)x)[i];                        \
        while (low < high) {                                                                    \
            const int64_t middle = low + (high - low) / 2;                                      \
            const T m = line[at ? at[middle] : middle];                                         \
            if (right ? !(m > v) : !(m >= v))                                                   \
                low = middle + 1;                                                               \
            else                                                                                \
                high = middle;                                                                  \
        }                                                                                       \
    } while (0)

void cg_search(int dtype, const void *sorted, const int64_t *order, int64_t n, int one,
               const void *x, int64_t per, int64_t begin, int64_t end, int right, int64_t *out)
{
    int64_t i;
    for (i = begin; i < end; i++) {
        const int64_t from = one ? 0 : i / per * n;
        const int64_t *at = order ? order + from : order;
        int64_t low = 0, high = n;
        switch (dtype) {
        case 0:
        case 1: SEARCH(uint8_t); break;
        case 2: SEARCH(int8_t); break;
        case 3: SEARCH(int16_t); break;
        case 4: SEARCH(int32_t); break;
        case 5: SEARCH(int64_t); break;
        case 6: SEARCH(float); break;
        default: SEARCH(double);
        }
        out[i] = low;
    }
}
