#include "reduce.h"
#include "common.h"

/* LANES strands side by side; after each CHUNK of elements their results are added (multiplied)
   to strands in double, so that rounding errors do not grow with the length of a run. */
enum { LANES = 64, CHUNK = 1024 };

#define RUN(name, T, OP, UNIT)                                                                  \
    CG_MV void name(char **args, const cg_size *count, const cg_size *steps, void *unused)      \
    {                                                                                           \
        const T *x = (const T *)args[1];                                                        \
        T *out = (T *)args[0];                                                                  \
        const cg_size n = *count;                                                               \
        cg_size i = 0, j, k;                                                                    \
        double total = UNIT;                                                                    \
        (void)steps;                                                                            \
        (void)unused;                                                                           \
        if (n >= LANES) {                                                                       \
            double strand[LANES];                                                               \
            for (j = 0; j < LANES; j++)                                                         \
                strand[j] = UNIT;                                                               \
            while (i + LANES <= n) {                                                            \
                const cg_size end = n - i < CHUNK ? n - (n - i) % LANES : i + CHUNK;            \
                T lane[LANES];                                                                  \
                for (j = 0; j < LANES; j++)                                                     \
                    lane[j] = x[i + j];                                                         \
                for (i += LANES; i < end; i += LANES)                                           \
                    for (j = 0; j < LANES; j++)                                                 \
                        lane[j] = lane[j] OP x[i + j];                                          \
                for (j = 0; j < LANES; j++)                                                     \
                    strand[j] = strand[j] OP (double)lane[j];                                   \
            }                                                                                   \
            for (k = LANES / 2; k; k /= 2)                                                      \
                for (j = 0; j < k; j++)                                                         \
                    strand[j] = strand[j] OP strand[j + k];                                     \
            total = strand[0];                                                                  \
        }                                                                                       \
        for (; i < n; i++)                                                                      \
            total = total OP (double)x[i];                                                      \
        *out = (T)((double)*out OP total);                                                      \
    }

RUN(cg_sum_run_f32, float, +, 0.0)
RUN(cg_sum_run_f64, double, +, 0.0)
RUN(cg_prod_run_f32, float, *, 1.0)
RUN(cg_prod_run_f64, double, *, 1.0)

/* Four rows at a time: what has been summed so far passes through memory a quarter as often. */
#define COLUMNS(name, T)                                                                        \
    CG_MV void name(char **args, const cg_size *n, const cg_size *steps, void *unused)          \
    {                                                                                           \
        T *CG_RESTRICT y = (T *)args[0];                                                        \
        cg_size row = 0, j;                                                                     \
        (void)unused;                                                                           \
        for (; row + 4 <= n[1]; row += 4) {                                                     \
            const T *a = (const T *)(args[1] + row * steps[1]);                                 \
            const T *b = (const T *)((const char *)a + steps[1]);                               \
            const T *c = (const T *)((const char *)b + steps[1]);                               \
            const T *d = (const T *)((const char *)c + steps[1]);                               \
            for (j = 0; j < n[0]; j++)                                                          \
                y[j] = y[j] + a[j] + b[j] + c[j] + d[j];                                        \
        }                                                                                       \
        for (; row < n[1]; row++) {                                                             \
            const T *a = (const T *)(args[1] + row * steps[1]);                                 \
            for (j = 0; j < n[0]; j++)                                                          \
                y[j] += a[j];                                                                   \
        }                                                                                       \
    }

COLUMNS(cg_sum_columns_f32, float)
COLUMNS(cg_sum_columns_f64, double)
