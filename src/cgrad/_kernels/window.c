#include "window.h"
#include <string.h>
#include "common.h"

#define T float
#define IS_NAN(x) ((x) != (x))
#define PLACE int32_t
#define NAME(x) x##_f32
#include "window_impl.h"
#include "band_impl.h"
#undef T
#undef PLACE
#undef NAME
#define T double
#define PLACE int64_t
#define NAME(x) x##_f64
#include "window_impl.h"
#include "band_impl.h"
#undef T
#undef IS_NAN
#undef NAME
#define T int64_t
#define IS_NAN(x) 0
#define NAME(x) x##_i64
#include "window_impl.h"

const cg_window_max cg_max_windows[8] = {0, 0, 0, 0, 0, maxima_i64, maxima_f32, maxima_f64};

void cg_transpose_csr(int64_t out, int64_t n, const int64_t *ptr, const int64_t *col,
                      const double *val, int64_t *ptr_t, int64_t *col_t, double *val_t)
{
    int64_t o, k;
    memset(ptr_t, 0, (size_t)(n + 2) * sizeof(int64_t));
    for (k = 0; k < ptr[out]; k++)
        ptr_t[col[k] + 2]++;
    for (o = 0; o < n; o++)
        ptr_t[o + 2] += ptr_t[o + 1];
    for (o = 0; o < out; o++)                 /* ptr_t[i + 1] runs from row i's start to its end */
        for (k = ptr[o]; k < ptr[o + 1]; k++) {
            int64_t to = ptr_t[col[k] + 1]++;
            col_t[to] = o;
            val_t[to] = val[k];
        }
}

int cg_check_csr(int64_t out, int64_t n, int64_t nonzero, const int64_t *ptr, const int64_t *col)
{
    int64_t o, k;
    if (ptr[0] != 0 || ptr[out] != nonzero)
        return 0;
    for (o = 0; o < out; o++)
        if (ptr[o] > ptr[o + 1])
            return 0;
    for (k = 0; k < nonzero; k++)
        if (col[k] < 0 || col[k] >= n)
            return 0;
    return 1;
}
