/* Loops with a fast way for usual numbers; see usual.h. */
#include "usual.h"
#include <math.h>
#include "common.h"
#include "vecmath.h"

enum { BLOCK = 256 };

/* The block at p as an array without gaps: itself, or a copy of it. */
#define AS_ARRAY(T)                                                                             \
    static const T *as_array_##T(const char *p, intptr_t step, intptr_t n, T *copy)             \
    {                                                                                           \
        intptr_t i;                                                                             \
        if (step == sizeof(T) && (uintptr_t)p % sizeof(T) == 0)                                 \
            return (const T *)p;                                                                \
        for (i = 0; i < n; i++)                                                                 \
            memcpy(copy + i, p + i * step, sizeof(T));                                          \
        return copy;                                                                            \
    }                                                                                           \
    static void store_##T(char *p, intptr_t step, intptr_t n, const T *from)                    \
    {                                                                                           \
        intptr_t i;                                                                             \
        if (step == sizeof(T))                                                                  \
            memcpy(p, from, (size_t)n * sizeof(T));                                             \
        else                                                                                    \
            for (i = 0; i < n; i++)                                                             \
                memcpy(p + i * step, from + i, sizeof(T));                                      \
    }

AS_ARRAY(float)
AS_ARRAY(double)

/* ---- remainders ----

   The quotient of |x| and |y|, cut, is right or one too large; its product with y is exact in
   double, or in a fused operation, so the remainder is exact after one step back. */

#define LIMIT_float 8388608.0f
#define LIMIT_double 2251799813685248.0
#define REST_float(q, b, a) (float)((double)(a) - (double)(q) * (double)(b))
#define REST_double(q, b, a) fma(-(q), b, a)

/* From x, y and r = fmod(x, y) */
#define RESULTS(T, FLOOR, COPYSIGN)                                                      \
    CG_INLINE T floor_quotient_##T(T x, T y, T r)                                               \
    {                                                                                           \
        T q = (x - r) / y, f;                                                                   \
        q = r != 0 && (y < 0) != (r < 0) ? q - 1 : q;                                           \
        f = FLOOR(q);                                                                           \
        f = q - f > (T)0.5 ? f + 1 : f;                                                         \
        f = q == 0 ? COPYSIGN((T)0, x / y) : f;                                                 \
        return y == 0 ? x / y : f;                                                              \
    }                                                                                           \
    CG_INLINE T remainder_##T(T x, T y, T r)                                                    \
    {                                                                                           \
        T z = (r < 0) != (y < 0) ? r + y : r;                                                   \
        (void)x;                                                                                \
        return r == 0 ? COPYSIGN((T)0, y) : z;                                                  \
    }                                                                                           \
    CG_INLINE T fmod_##T(T x, T y, T r) { (void)x; (void)y; return r; }

RESULTS(float, floorf, copysignf)
RESULTS(double, floor, copysign)

#define DIVISION(name, T, what, FMODF, TRUNC, COPYSIGN)                                         \
    CG_MV static int name##_block(const T *a, const T *b, T *out, intptr_t n)                   \
    {                                                                                           \
        int usual = 1;                                                                          \
        intptr_t i;                                                                             \
        for (i = 0; i < n; i++) {                                                               \
            const T x = a[i], y = b[i], u = x < 0 ? -x : x, v = y < 0 ? -y : y;                 \
            const T q = TRUNC(u / v);                                                           \
            T r = REST_##T(q, v, u);                                                            \
            r = r < 0 ? r + v : r;                                                              \
            r = COPYSIGN(r, x);                                                                 \
            usual &= (q < LIMIT_##T) & (v <= v + v) & (v + v > v);                              \
            out[i] = what##_##T(x, y, r);                                                       \
        }                                                                                       \
        return usual;                                                                           \
    }                                                                                           \
    void name(char **args, const intptr_t *n, const intptr_t *steps, void *data)                \
    {                                                                                           \
        T x[BLOCK], y[BLOCK], z[BLOCK];                                                         \
        const T *a, *b;                                                                         \
        intptr_t start, m, i;                                                                   \
        (void)data;                                                                             \
        for (start = 0; start < n[0]; start += m) {                                             \
            m = n[0] - start < BLOCK ? n[0] - start : BLOCK;                                    \
            a = as_array_##T(args[0] + start * steps[0], steps[0], m, x);                       \
            b = as_array_##T(args[1] + start * steps[1], steps[1], m, y);                       \
            if (!name##_block(a, b, z, m))                                                      \
                for (i = 0; i < m; i++)                                                         \
                    z[i] = what##_##T(a[i], b[i], FMODF(a[i], b[i]));                           \
            store_##T(args[2] + start * steps[2], steps[2], m, z);                              \
        }                                                                                       \
    }

DIVISION(cg_fmod_f32, float, fmod, fmodf, truncf, copysignf)
DIVISION(cg_fmod_f64, double, fmod, fmod, trunc, copysign)
DIVISION(cg_remainder_f32, float, remainder, fmodf, truncf, copysignf)
DIVISION(cg_remainder_f64, double, remainder, fmod, trunc, copysign)
DIVISION(cg_floor_divide_f32, float, floor_quotient, fmodf, truncf, copysignf)
DIVISION(cg_floor_divide_f64, double, floor_quotient, fmod, trunc, copysign)

/* ---- sine and cosine ----

   |x| < 5e5: x - n pi/2 with pi/2 in three parts (Cody and Waite), whose first products are exact,
   and the Taylor series of both functions on [-pi/4, pi/4]; the next terms are below 1e-17. */
CG_INLINE double sin_usual(double x, uint64_t quarter)
{
    double z = x * 0.63661977236758134308 + CG_MAGIC_F64, n = z - CG_MAGIC_F64, r, q, s, c, y;
    uint64_t k = (uint64_t)cg_int_f64(z) + quarter;
    r = x - n * 1.57079632673412561417;
    r = r - n * 6.07710050630396597660e-11;
    r = r - n * 2.02226624879595063154e-21;
    q = r * r;
    s = 1.0 / 355687428096000.0;
    s = s * q - 1.0 / 1307674368000.0;
    s = s * q + 1.0 / 6227020800.0;
    s = s * q - 1.0 / 39916800.0;
    s = s * q + 1.0 / 362880.0;
    s = s * q - 1.0 / 5040.0;
    s = s * q + 1.0 / 120.0;
    s = s * q - 1.0 / 6.0;
    s = s * (q * r) + r;
    c = 1.0 / 20922789888000.0;
    c = c * q - 1.0 / 87178291200.0;
    c = c * q + 1.0 / 479001600.0;
    c = c * q - 1.0 / 3628800.0;
    c = c * q + 1.0 / 40320.0;
    c = c * q - 1.0 / 720.0;
    c = c * q + 1.0 / 24.0;
    c = c * (q * q) + (1.0 - 0.5 * q);
    y = k & 1 ? c : s;
    return cg_bits_f64(cg_int_f64(y) ^ (int64_t)((k & 2) << 62));
}

#define CIRCULAR(name, quarter, exact)                                                          \
    CG_MV static int name##_block(const double *a, double *out, intptr_t n)                     \
    {                                                                                           \
        int usual = 1;                                                                          \
        intptr_t i;                                                                             \
        for (i = 0; i < n; i++) {                                                               \
            const double x = a[i];                                                              \
            usual &= (x < 5e5) & (x > -5e5);                                                    \
            out[i] = sin_usual(x, quarter);                                                     \
        }                                                                                       \
        return usual;                                                                           \
    }                                                                                           \
    void name(char **args, const intptr_t *n, const intptr_t *steps, void *data)                \
    {                                                                                           \
        double x[BLOCK], z[BLOCK];                                                              \
        const double *a;                                                                        \
        intptr_t start, m, i;                                                                   \
        (void)data;                                                                             \
        for (start = 0; start < n[0]; start += m) {                                             \
            m = n[0] - start < BLOCK ? n[0] - start : BLOCK;                                    \
            a = as_array_double(args[0] + start * steps[0], steps[0], m, x);                    \
            if (!name##_block(a, z, m))                                                         \
                for (i = 0; i < m; i++)                                                         \
                    z[i] = exact(a[i]);                                                         \
            store_double(args[1] + start * steps[1], steps[1], m, z);                           \
        }                                                                                       \
    }

CIRCULAR(cg_sin_f64, 0, sin)
CIRCULAR(cg_cos_f64, 1, cos)
