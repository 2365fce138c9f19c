/* See loss.h. */
#include <math.h>
#include "common.h"
#include "loss.h"

enum { LANES = 16 };    /* partial sums that are independent, so that the compiler vectorizes */

#define CG_LOSS(T, S)                                                                           \
    CG_MV double cg_squared_error_##S(const T *x, const T *y, int64_t n)                        \
    {                                                                                           \
        double acc[LANES] = {0}, total = 0;                                                     \
        int64_t i = 0;                                                                          \
        for (; i + LANES <= n; i += LANES)                                                      \
            for (int k = 0; k < LANES; k++) {                                                   \
                double d = (double)x[i + k] - (double)y[i + k];                                 \
                acc[k] += d * d;                                                                \
            }                                                                                   \
        for (int k = 0; i < n; i++, k++) {                                                      \
            double d = (double)x[i] - (double)y[i];                                             \
            acc[k] += d * d;                                                                    \
        }                                                                                       \
        for (int k = 0; k < LANES; k++)                                                         \
            total += acc[k];                                                                    \
        return total;                                                                           \
    }                                                                                           \
                                                                                                \
    CG_MV void cg_scaled_difference_##S(const T *x, const T *y, double scale,                   \
                                        T *CG_RESTRICT dx, int64_t n)                           \
    {                                                                                           \
        T s = (T)scale;                                                                         \
        for (int64_t i = 0; i < n; i++)                                                         \
            dx[i] = s * (x[i] - y[i]);                                                          \
    }                                                                                           \
                                                                                                \
    CG_MV void cg_dropout_##S(const T *x, const uint8_t *mask, double scale,                    \
                              T *CG_RESTRICT y, int64_t n)                                      \
    {                                                                                           \
        T s = (T)scale;                                                                         \
        for (int64_t i = 0; i < n; i++) {                                                       \
            T v = s * x[i];                                                                     \
            y[i] = mask[i] ? v : (T)0;                                                          \
        }                                                                                       \
    }                                                                                           \
                                                                                                \
    int64_t cg_nll_##S(const T *x, int64_t classes, const int64_t *target, const T *weight,     \
                       int64_t ignore, T *loss, T *row_weight, int64_t rows)                    \
    {                                                                                           \
        for (int64_t r = 0; r < rows; r++) {                                                    \
            int64_t t = target[r];                                                              \
            loss[r] = row_weight[r] = 0;                                                        \
            if (t == ignore)                                                                    \
                continue;                                                                       \
            if (t < 0 || t >= classes)                                                          \
                return r;                                                                       \
            row_weight[r] = weight ? weight[t] : (T)1;                                          \
            loss[r] = -x[r * classes + t] * row_weight[r];                                      \
        }                                                                                       \
        return -1;                                                                              \
    }                                                                                           \
                                                                                                \
    void cg_nll_backward_##S(int64_t classes, const int64_t *target, const T *weight,           \
                             int64_t ignore, const T *scale, int64_t scale_step, T *dx,         \
                             int64_t rows)                                                      \
    {                                                                                           \
        for (int64_t r = 0; r < rows; r++) {                                                    \
            int64_t t = target[r];                                                              \
            if (t != ignore && t >= 0 && t < classes)                                           \
                dx[r * classes + t] = -scale[r * scale_step] * (weight ? weight[t] : (T)1);     \
        }                                                                                       \
    }

#define CG_BCE(T, S, LOG, LOG1P)                                                                \
    void cg_bce_##S(char **args, const intptr_t *n, const intptr_t *steps, void *data)          \
    {                                                                                           \
        const T least = -100;                                                                   \
        (void)data;                                                                             \
        for (intptr_t i = 0; i < n[0]; i++) {                                                   \
            T x, t, y, a, b;                                                                    \
            memcpy(&x, args[0] + i * steps[0], sizeof(T));                                      \
            memcpy(&t, args[1] + i * steps[1], sizeof(T));                                      \
            a = LOG(x);                                                                         \
            b = LOG1P(-x);                                                                      \
            y = (t - 1) * (b < least ? least : b) - t * (a < least ? least : a);                \
            memcpy(args[2] + i * steps[2], &y, sizeof(T));                                      \
        }                                                                                       \
    }

/* The step is a constant in the first call, so that it is compiled to vectors. */
#define CG_HUBER(T, S)                                                                          \
    CG_INLINE void huber_##S(const char *x, char *y, int64_t n, intptr_t s0, intptr_t s1, T d)  \
    {                                                                                           \
        for (int64_t i = 0; i < n; i++) {                                                       \
            T v, near;                                                                          \
            memcpy(&v, x + i * s0, sizeof(T));                                                  \
            near = v < -d ? -d : v;                                                             \
            near = near > d ? d : near;                                                         \
            v = near * (v - (T)0.5 * near);                                                     \
            memcpy(y + i * s1, &v, sizeof(T));                                                  \
        }                                                                                       \
    }                                                                                           \
                                                                                                \
    CG_MV void cg_huber_##S(char **args, const intptr_t *n, const intptr_t *steps, void *data)  \
    {                                                                                           \
        const T d = (T)((const double *)data)[0];                                               \
        if (steps[0] == sizeof(T) && steps[1] == sizeof(T))                                     \
            huber_##S(args[0], args[1], n[0], sizeof(T), sizeof(T), d);                         \
        else                                                                                    \
            huber_##S(args[0], args[1], n[0], steps[0], steps[1], d);                           \
    }

CG_HUBER(float, f32)
CG_HUBER(double, f64)
CG_BCE(float, f32, logf, log1pf)
CG_BCE(double, f64, log, log1p)
CG_LOSS(float, f32)
CG_LOSS(double, f64)
