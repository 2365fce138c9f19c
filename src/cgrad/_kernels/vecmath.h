/* Elementary functions without branches or tables, so that loops over them vectorise.

   Exact at +-inf and 0, NaN in gives NaN out, gradual underflow.  Errors measured over dense
   samples of the whole range: see each function.  The polynomials were fitted (minimax) for the
   intervals named. */
#ifndef CG_VECMATH_H
#define CG_VECMATH_H
#include <math.h>
#include "common.h"

CG_INLINE float cg_bits_f32(int32_t i) { float f; memcpy(&f, &i, sizeof f); return f; }
CG_INLINE int32_t cg_int_f32(float f) { int32_t i; memcpy(&i, &f, sizeof i); return i; }
CG_INLINE double cg_bits_f64(int64_t i) { double f; memcpy(&f, &i, sizeof f); return f; }
CG_INLINE int64_t cg_int_f64(double f) { int64_t i; memcpy(&i, &f, sizeof i); return i; }

/* c ? a : b with both computed: a branch would keep a loop from becoming vectors. */
CG_INLINE float cg_select_f32(int c, float a, float b)
{
    uint32_t mask = 0u - (uint32_t)c;
    return cg_bits_f32((int32_t)(((uint32_t)cg_int_f32(a) & mask) |
                                 ((uint32_t)cg_int_f32(b) & ~mask)));
}

/* Adding 1.5 * 2^23 (2^52) rounds to the nearest integer and leaves it in the low bits. */
#define CG_MAGIC_F32 12582912.0f
#define CG_MAGIC_F64 6755399441055744.0

/* f 2^n for the integers of `half` and `rest`, n = half + rest, given with CG_MAGIC added: two
   factors, because one alone overflows (underflows) before the product does. */
CG_INLINE float cg_scale_f32(float f, float half, float rest)
{
    uint32_t a = (uint32_t)cg_int_f32(half) << 23, b = (uint32_t)cg_int_f32(rest) << 23;
    return f * cg_bits_f32((int32_t)(a + 0x3f800000u)) * cg_bits_f32((int32_t)(b + 0x3f800000u));
}

CG_INLINE double cg_scale_f64(double f, double half, double rest)
{
    uint64_t a = (uint64_t)cg_int_f64(half) << 52, b = (uint64_t)cg_int_f64(rest) << 52;
    return f * cg_bits_f64((int64_t)(a + 0x3ff0000000000000u)) *
           cg_bits_f64((int64_t)(b + 0x3ff0000000000000u));
}

/* e^r - 1 for |r| <= ln(2) / 2 */
CG_INLINE float cg_expm1_small_f32(float r)
{
    float p = 0.00139506288f;
    p = p * r + 0.00836897014f;
    p = p * r + 0.0416662037f;
    p = p * r + 0.166665182f;
    p = p * r + 0.50000001f;
    return p * (r * r) + r;
}

CG_INLINE double cg_expm1_small_f64(double r)   /* Taylor; the next term is below 1e-17 */
{
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    return p * (r * r) + r;
}

/* e^(x + low), |low| small: for an argument known to more than one float.  Reduction by n ln 2
   in two parts (Cody and Waite), n ln 2 exact in the first. */
CG_INLINE float cg_exp2part_f32(float x, float low)
{
    float z, n, half, r;
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    z = x * 1.44269504f + CG_MAGIC_F32;
    n = z - CG_MAGIC_F32;
    r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f + low;
    half = n * 0.5f + CG_MAGIC_F32;
    return cg_scale_f32(1.0f + cg_expm1_small_f32(r), half,
                        n - (half - CG_MAGIC_F32) + CG_MAGIC_F32);
}

CG_INLINE float cg_exp_f32(float x) { return cg_exp2part_f32(x, 0.0f); }

CG_INLINE double cg_exp_f64(double x)
{
    double z, n, half, r;
    x = x < -746.0 ? -746.0 : x;
    x = x > 710.0 ? 710.0 : x;
    z = x * 1.4426950408889634 + CG_MAGIC_F64;
    n = z - CG_MAGIC_F64;
    r = x - n * 6.93145751953125e-1;
    r = r - n * 1.42860682030941723212e-6;
    half = n * 0.5 + CG_MAGIC_F64;
    return cg_scale_f64(1.0 + cg_expm1_small_f64(r), half,
                        n - (half - CG_MAGIC_F64) + CG_MAGIC_F64);
}

/* e^x for x <= 0.  One factor less than above: f 2^(n + 64) does not overflow, and 2^-64 rounds it
   once where the result is subnormal.  Over all floats at most 1.05 units in the last place off,
   over samples of the doubles 1.5. */
CG_INLINE float cg_exp_negative_f32(float x)
{
    float z = x * 1.44269504f + CG_MAGIC_F32, n = z - CG_MAGIC_F32, r, y;
    r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    y = (1.0f + cg_expm1_small_f32(r)) * 5.42101086e-20f *
        cg_bits_f32((int32_t)(((uint32_t)cg_int_f32(z) << 23) + ((127u + 64u) << 23)));
    return x < -104.0f ? 0.0f : y;
}

CG_INLINE double cg_exp_negative_f64(double x)
{
    double z = x * 1.4426950408889634 + CG_MAGIC_F64, n = z - CG_MAGIC_F64, r, y;
    r = x - n * 6.93145751953125e-1;
    r = r - n * 1.42860682030941723212e-6;
    y = (1.0 + cg_expm1_small_f64(r)) * 7.458340731200207e-155 *
        cg_bits_f64((int64_t)(((uint64_t)cg_int_f64(z) << 52) + ((uint64_t)(1023 + 512) << 52)));
    return x < -746.0 ? 0.0 : y;
}

/* e^x - 1 for x <= 0 (ELU's branch): 2^n (e^r - 1) + (2^n - 1) */
CG_INLINE float cg_expm1_negative_f32(float x)
{
    float z, n, r, scale;
    x = x < -20.0f ? -20.0f : x;
    z = x * 1.44269504f + CG_MAGIC_F32;
    n = z - CG_MAGIC_F32;
    r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    scale = cg_scale_f32(1.0f, z, CG_MAGIC_F32);
    return scale * cg_expm1_small_f32(r) + (scale - 1.0f);
}

CG_INLINE double cg_expm1_negative_f64(double x)
{
    double z, n, r, scale;
    x = x < -40.0 ? -40.0 : x;
    z = x * 1.4426950408889634 + CG_MAGIC_F64;
    n = z - CG_MAGIC_F64;
    r = x - n * 6.93145751953125e-1;
    r = r - n * 1.42860682030941723212e-6;
    scale = cg_scale_f64(1.0, z, CG_MAGIC_F64);
    return scale * cg_expm1_small_f64(r) + (scale - 1.0);
}

/* tanh |x| = 1 - 2 e / (1 + e), e = e^(-2 |x|), which is exact where tanh is near 1; below 0.55
   a polynomial.  Over all floats at most 1.51 units in the last place off. */
CG_INLINE float cg_tanh1_f32(float x)
{
    float a = x < 0 ? -x : x, z, n, r, q, e, p = -0.00661575468f;
    a = a > 10.0f ? 10.0f : a;
    z = a * -2.88539008f + CG_MAGIC_F32;
    n = z - CG_MAGIC_F32;
    r = -2.0f * a - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    e = (1.0f + cg_expm1_small_f32(r)) *
        cg_bits_f32((int32_t)(((uint32_t)cg_int_f32(z) << 23) + (127u << 23)));
    q = a * a;
    p = p * q + 0.0213127453f;
    p = p * q - 0.0539100654f;
    p = p * q + 0.13333118f;
    p = p * q - 0.333333313f;
    e = cg_select_f32(a < 0.55f, a + a * (q * p), 1.0f - 2.0f * e / (1.0f + e));
    return cg_bits_f32((int32_t)((uint32_t)cg_int_f32(e) | ((uint32_t)cg_int_f32(x) & 1u << 31)));
}

/* log(1 + e) for 0 <= e <= 1: 2 atanh(s), s = e / (2 + e) <= 1/3 */
CG_INLINE float cg_log1p_unit_f32(float e)
{
    float s = e / (2.0f + e), q = s * s, p = 0.121504691f;
    p = p * q + 0.107138284f;
    p = p * q + 0.143084424f;
    p = p * q + 0.199994389f;
    p = p * q + 0.333333378f;
    return 2.0f * (s + s * (q * p));
}

CG_INLINE double cg_log1p_unit_f64(double e)    /* Taylor; the next term is below 1e-17 */
{
    double s = e / (2.0 + e), q = s * s, p = 1.0 / 33.0;
    p = p * q + 1.0 / 31.0;
    p = p * q + 1.0 / 29.0;
    p = p * q + 1.0 / 27.0;
    p = p * q + 1.0 / 25.0;
    p = p * q + 1.0 / 23.0;
    p = p * q + 1.0 / 21.0;
    p = p * q + 1.0 / 19.0;
    p = p * q + 1.0 / 17.0;
    p = p * q + 1.0 / 15.0;
    p = p * q + 1.0 / 13.0;
    p = p * q + 1.0 / 11.0;
    p = p * q + 1.0 / 9.0;
    p = p * q + 1.0 / 7.0;
    p = p * q + 1.0 / 5.0;
    p = p * q + 1.0 / 3.0;
    return 2.0 * (s + s * (q * p));
}

/* log(x): x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), and log(1 + f) = f - f^2/2 + s (f^2/2 + R),
   s = f / (2 + f), R the rest of 2 atanh(s) / s as a series in s^2.  The magic number turns the
   exponent's bits into a number. */
CG_INLINE double cg_log1_f64(double x)
{
    int small = x < 2.2250738585072014e-308;
    double scaled = small ? x * 18014398509481984.0 : x, k, m, f, s, q, p, h, y;
    uint64_t bits = (uint64_t)cg_int_f64(scaled);
    k = cg_bits_f64((int64_t)((bits >> 52) | 0x4330000000000000u)) - 4503599627370496.0;
    k -= small ? 1076.0 : 1022.0;
    m = cg_bits_f64((int64_t)((bits & 0x000fffffffffffffu) | 0x3fe0000000000000u));
    k = m < 0.70710678118654752 ? k - 1.0 : k;
    f = m < 0.70710678118654752 ? m + m - 1.0 : m - 1.0;
    s = f / (2.0 + f);
    q = s * s;
    p = 2.0 / 23.0;
    p = p * q + 2.0 / 21.0;
    p = p * q + 2.0 / 19.0;
    p = p * q + 2.0 / 17.0;
    p = p * q + 2.0 / 15.0;
    p = p * q + 2.0 / 13.0;
    p = p * q + 2.0 / 11.0;
    p = p * q + 2.0 / 9.0;
    p = p * q + 2.0 / 7.0;
    p = p * q + 2.0 / 5.0;
    p = p * q + 2.0 / 3.0;
    h = 0.5 * f * f;
    y = k * 0.693147180369123816490 -
        ((h - (s * (h + p * q) + k * 1.90821492927058770002e-10)) - f);
    y = x > 1.7976931348623157e308 ? x : y;
    y = x > 0.0 ? y : (x == 0.0 ? -(double)INFINITY : (double)NAN);
    return y;
}

CG_INLINE float cg_log1_f32(float x)
{
    int small = x < 1.17549435e-38f;
    float scaled = small ? x * 16777216.0f : x, k, m, f, s, q, p, h, y;
    uint32_t bits = (uint32_t)cg_int_f32(scaled);
    k = cg_bits_f32((int32_t)((bits >> 23) | 0x4b000000u)) - 8388608.0f;
    k -= small ? 150.0f : 126.0f;
    m = cg_bits_f32((int32_t)((bits & 0x007fffffu) | 0x3f000000u));
    k = m < 0.707106781f ? k - 1.0f : k;
    f = m < 0.707106781f ? m + m - 1.0f : m - 1.0f;
    s = f / (2.0f + f);
    q = s * s;
    p = 2.0f / 11.0f;
    p = p * q + 2.0f / 9.0f;
    p = p * q + 2.0f / 7.0f;
    p = p * q + 2.0f / 5.0f;
    p = p * q + 2.0f / 3.0f;
    h = 0.5f * f * f;
    y = k * 0.693138123f - ((h - (s * (h + p * q) + k * 9.05800061e-6f)) - f);
    y = x > 3.40282347e38f ? x : y;
    y = x > 0.0f ? y : (x == 0.0f ? -INFINITY : NAN);
    return y;
}

/* log(1 + x): log(u) of the rounded u = 1 + x, corrected for the rounding */
CG_INLINE float cg_log1p1_f32(float x)
{
    float u = 1.0f + x, y = cg_log1_f32(u) + (x - (u - 1.0f)) / u;
    return u > 0.0f && u <= 3.40282347e38f ? y : cg_log1_f32(u);
}

CG_INLINE double cg_log1p1_f64(double x)
{
    double u = 1.0 + x, y = cg_log1_f64(u) + (x - (u - 1.0)) / u;
    return u > 0.0 && u <= 1.7976931348623157e308 ? y : cg_log1_f64(u);
}

/* 1 / (1 + e^-x); e^-|x| never overflows, and small results keep their digits */
CG_INLINE float cg_sigmoid1_f32(float x)
{
    float e = cg_exp_negative_f32(x < 0.0f ? x : -x);
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

CG_INLINE double cg_sigmoid1_f64(double x)
{
    double e = cg_exp_negative_f64(x < 0.0 ? x : -x);
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

/* e^(x^2) erfc(x) for x >= 0, in u = (x - 3) / (x + 3) */
CG_INLINE float cg_erfcx1_f32(float x)
{
    float t = 1.0f / (x + 3.0f), u = (x - 3.0f) * t, p = -0.000325335515f;
    p = p * u + -0.000483179367f;
    p = p * u + 0.00308032947f;
    p = p * u + -0.00122642889f;
    p = p * u + -0.0268398268f;
    p = p * u + 0.119529068f;
    p = p * u + -0.310466008f;
    p = p * u + 0.590228299f;
    p = p * u + -0.883394486f;
    p = p * u + 1.07400691f;
    return t * p;
}

/* x without its low 12 bits: its square is exact */
CG_INLINE float cg_high_f32(float x)
{
    return cg_bits_f32((int32_t)((uint32_t)cg_int_f32(x) & 0xfffff000u));
}

CG_INLINE float cg_erfc_positive_f32(float x)   /* x >= 0 or NaN */
{
    float h;
    x = x > 11.0f ? 11.0f : x;
    h = cg_high_f32(x);
    return cg_exp2part_f32(-h * h, -(x - h) * (x + h)) * cg_erfcx1_f32(x);
}

/* erf(x) for |x| < 0.92 */
CG_INLINE float cg_erf_small_f32(float x)
{
    float s = x * x, p = -0.000584535367f;
    p = p * s + 0.00496465088f;
    p = p * s + -0.0267473576f;
    p = p * s + 0.112812972f;
    p = p * s + -0.376124463f;
    p = p * s + 0.128379143f;
    return p * x + x;
}

CG_INLINE float cg_erfc1_f32(float x)
{
    float a = x < 0.0f ? -x : x, q = cg_erfc_positive_f32(a);
    q = cg_select_f32(x < 0.0f, 2.0f - q, q);
    return cg_select_f32(a < 0.75f, 1.0f - cg_erf_small_f32(x), q);
}

CG_INLINE float cg_erf1_f32(float x)
{
    float a = x < 0.0f ? -x : x, far;
    a = a > 4.0f ? 4.0f : a;
    far = 1.0f - cg_erfc_positive_f32(a);
    far = cg_select_f32(x < 0.0f, -far, far);
    return cg_select_f32(a < 0.92f, cg_erf_small_f32(x), far);
}

/* x Phi(x) = x/2 erfc(-x / sqrt(2)): no cancellation for negative x.  e^(-x^2/2) is formed from
   x, not from the rounded x / sqrt(2), whose error it would multiply. */
CG_INLINE float cg_gelu1_f32(float x)
{
    float a = x < 0.0f ? -x : x, h, q, b;
    a = a > 15.0f ? 15.0f : a;
    h = cg_high_f32(a);
    b = a * 0.707106781f;
    q = 0.5f * cg_exp2part_f32(-0.5f * (h * h), -0.5f * ((a - h) * (a + h))) * cg_erfcx1_f32(b);
    q = cg_select_f32(b < 0.75f, 0.5f - 0.5f * cg_erf_small_f32(b), q);
    q = cg_select_f32(x < 0.0f, q, 1.0f - q);
    return cg_select_f32(x < -15.0f, -0.0f, x * q);      /* not -inf * 0 */
}

/* The C library's: accurate to an ulp, not vectorised */
CG_INLINE double cg_erf1_f64(double x) { return erf(x); }
CG_INLINE double cg_erfc1_f64(double x) { return erfc(x); }
CG_INLINE double cg_gelu1_f64(double x)
{
    return x < -40.0 ? -0.0 : 0.5 * x * erfc(x * -0.70710678118654752440);
}

#endif
