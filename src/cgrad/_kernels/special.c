/* Special functions, scalar; see special.h.

   Numbers in tables were computed with 60 digits from the definitions: no table of another
   library is used. */
#include "special.h"
#include <math.h>
#include "loop_macros.h"
#include "vecmath.h"

#define PI 3.14159265358979323846
#define SQRT_2 1.41421356237309504880
#define SQRT_PI 1.77245385090551602730
#define LN_2PI 1.83787706640934548356
#define EULER 0.57721566490153286061
#define TINY 1e-17

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static double lgamma_of(double x)
{
#if defined(__GLIBC__)
    int sign;
    return lgamma_r(x, &sign);        /* lgamma writes a global */
#else
    return lgamma(x);
#endif
}

static float lgammaf_of(float x)
{
#if defined(__GLIBC__)
    int sign;
    return lgammaf_r(x, &sign);
#else
    return lgammaf(x);
#endif
}

/* ---- zeta and the derivatives of log Gamma ---- */

/* B_2k / (2k)! */
static const double bernoulli[] = {
    1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160,
    -691.0 / 1307674368000.0, 1.0 / 74724249600.0, -3617.0 / 10670622842880000.0,
    43867.0 / 5109094217170944000.0,
};

/* Hurwitz's zeta for s > 1, q > 0: Euler-Maclaurin summation after the first terms. */
static double zeta_positive(double s, double q)
{
    double sum = 0, a = q, factor, term, last;
    int k;
    for (k = 0; k < 10 || a < 10; k++, a += 1) {
        term = pow(a, -s);
        sum += term;
        if (term <= sum * TINY && k)
            return sum;
        if (isinf(sum))
            return sum;
    }
    last = pow(a, -s);
    sum += last * (a / (s - 1) + 0.5);
    factor = s * last / a;
    for (k = 0; k < COUNT(bernoulli); k++) {
        term = factor * bernoulli[k];
        sum += term;
        if (fabs(term) <= fabs(sum) * TINY)
            break;
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (a * a);
    }
    return sum;
}

static double zeta_of(double s, double q)
{
    double f, far;
    if (s != s || q != q)
        return NAN;
    if (s == 1)
        return INFINITY;
    if (s < 1)
        return NAN;
    if (isinf(q))
        return q > 0 ? 0.0 : NAN;
    if (q <= 0) {
        if (q == floor(q))
            return INFINITY;
        if (s != floor(s) || isinf(s))
            return NAN;
        /* The terms below 0, mirrored: a sum over all k, less what lies beyond q. */
        f = q - floor(q);
        far = zeta_positive(s, 1 - f) - zeta_positive(s, 1 - q);
        return zeta_positive(s, f) + (fmod(s, 2) == 0 ? far : -far);
    }
    return zeta_positive(s, q);
}

/* Recurrence up to 10, then the asymptotic series (Abramowitz and Stegun 6.3.5, 6.3.18). */
static double digamma_of(double x)
{
    double shift = 0, q, r;
    if (x == 0)
        return copysign(INFINITY, -x);
    if (x < 0) {
        r = x - trunc(x);
        if (r == 0)
            return NAN;
        shift = -PI / tan(PI * r);
        x = 1 - x;
    }
    for (; x < 10; x += 1)
        shift -= 1 / x;
    if (isinf(x))
        return x + shift;                 /* shift is NaN if that was -inf */
    q = 1 / (x * x);
    r = q * (1.0 / 12 - q * (1.0 / 120 - q * (1.0 / 252 - q * (1.0 / 240 - q * (
        1.0 / 132 - q * (691.0 / 32760 - q * (1.0 / 12)))))));
    return shift + (log(x) - 0.5 / x - r);
}

static double polygamma_of(double x, double n)
{
    double size = exp(lgamma_of(n + 1));
    int k;
    if (n <= 20)
        for (size = 1, k = 2; k <= (int)n; k++)
            size *= k;
    size *= zeta_of(n + 1, x);
    return fmod(n, 2) == 0 ? -size : size;
}

/* ---- error functions ---- */

static double erfcx_of(double x)
{
    double h, low, q, sum;
    int k;
    if (x < 10) {
        if (x < -27)
            return INFINITY;
        h = x * x;
        low = fma(x, x, -h);
        h = exp(h);
        return (h + h * low) * erfc(x);
    }
    /* sum over k of (-1)^k (2k - 1)!! / (2 x^2)^k, from the last term */
    q = 0.5 / (x * x);
    for (sum = 1, k = 12; k > 0; k--)
        sum = 1 - (2 * k - 1) * q * sum;
    return sum / (x * SQRT_PI);
}

static double polynomial(const double *c, int n, double x)
{
    double sum = c[n - 1];
    int k;
    for (k = n - 2; k >= 0; k--)
        sum = sum * x + c[k];
    return sum;
}

/* x > 0 with erf(x) = y; c = 1 - y, which may be known better.  A start x / y as a polynomial in
   w = -log(1 - y^2), or in sqrt(w) (as Giles 2010): relative errors 5e-9, 3e-8 and 4e-6 in the three
   intervals.  Then, for double, Halley's iteration, which triples the digits. */
static double erf_inverse(double y, double c, int is_double)
{
    static const double near[] = {
        1.62354201032, 0.241630401992, -0.00573816625, -0.000836174835423, 0.000195101916833,
        -1.27228172384e-5, -1.76749825104e-6, 4.52552928982e-7, -1.94267108828e-8,
        -5.98459661623e-9, 6.75192140896e-10, 2.23826679063e-11,
    };
    static const double middle[] = {
        3.31004656078, 1.00719938355, 0.00343990360028, -0.00218016418662, 0.00116523248925,
        -0.000737025413404, 0.00052010891632, -0.000266309180362, 2.88395634209e-5,
        2.39144902157e-5,
    };
    static const double far[] = {
        21.6819154032, 1.00207894291, -6.98389272648e-5, 2.31223129903e-6, -1.43079739742e-7,
        8.75410773884e-9, 5.18166424274e-10, -5.00728859819e-11, -3.31771504838e-12,
        2.38732723577e-13, 5.80411253026e-15, -3.90587224322e-16,
    };
    double w = -log(c) - log1p(y), s, x, f;
    int steps = is_double;
    if (w < 6) {
        x = y * polynomial(near, COUNT(near), w - 3);
    } else if ((s = sqrt(w)) < 4.5) {
        x = y * polynomial(middle, COUNT(middle), s - 3.474744871);
    } else {
        x = y * polynomial(far, COUNT(far), s - 21.75);
        steps++;
    }
    for (; steps > 0; steps--) {
        f = y < 0.5 ? y - erf(x) : erfc(x) - c;
        f *= 0.5 * SQRT_PI * exp(x * x);
        x += f / (1 - x * f);
    }
    return x;
}

static double erfinv_of(double x)
{
    double y = fabs(x);
    if (!(y < 1))
        return y == 1 ? x * INFINITY : NAN;
    return y < 1e-9 ? x * (SQRT_PI / 2) : copysign(erf_inverse(y, 1 - y, 1), x);
}

static double ndtri_of(double p, int is_double)
{
    double q = p < 0.5 ? p : 1 - p, x;
    if (!(q > 0))
        return q == 0 ? copysign(INFINITY, p - 0.5) : NAN;
    /* The tail c = 2 q of erfc, and erf = 1 - 2 q, exact where it counts. */
    x = 1 - 2 * q < 1e-9 ? (1 - 2 * q) * (SQRT_PI / 2)
                         : erf_inverse(1 - 2 * q, 2 * q, is_double);
    return p < 0.5 ? -SQRT_2 * x : SQRT_2 * x;
}

static double log_ndtr_of(double x)
{
    double t = x / SQRT_2;
    return x < -1 ? log(0.5 * erfcx_of(-t)) - 0.5 * x * x : log1p(-0.5 * erfc(t));
}

/* ---- modified Bessel functions ----

   Up to 8 their power series, all of whose terms are positive; beyond, sqrt(x) e^-x I(x) as a
   Chebyshev series in 16 / x - 1 (the arrangement of Clenshaw 1962). */
static const double bessel_0[] = {
    0.804490411014108832, 0.00336911647825569409, 0.0000688975834691682398,
    2.89137052083475648e-6, 2.04891858946906374e-7, 2.26666899049817806e-8,
    3.39623202570838635e-9, 4.94060238822496959e-10, 1.18891471078464383e-11,
    -3.14991652796324136e-11, -1.32158118404477131e-11, -1.79417853150680612e-12,
    7.18012445138366623e-13, 3.8527783827421427e-13, 1.54008621752140983e-14,
    -4.15056934728722209e-14, -9.55484669882830765e-15, 3.81168066935262242e-15,
    1.77256013305652638e-15, -3.42548561967721913e-16, -2.82762398051658348e-16,
    3.46122286769746109e-17, 4.46562142029676e-17, -4.83050448594418207e-18,
    -7.23318048788475395e-18, 1.19365089084598209e-18,
};
static const double bessel_1[] = {
    0.77857623501828012, -0.00976109749136146841, -0.000110588938762623716,
    -3.88256480887769039e-6, -2.51223623787020893e-7, -2.63146884688951951e-8,
    -3.83538038596423702e-9, -5.58974346219658381e-10, -1.89749581235054123e-11,
    3.25260358301548824e-11, 1.41258074366137813e-11, 2.03562854414708951e-12,
    -7.19855177624590851e-13, -4.08355111109219732e-13, -2.10154184277266431e-14,
    4.27244001671195135e-14, 1.04202769841288028e-14, -3.8144030724370078e-15,
    -1.88035477551078245e-15, 3.30820231092092828e-16, 2.96262899764595014e-16,
    -3.20952592199342396e-17, -4.65030536848935833e-17, 4.41434832307170795e-18,
    7.51729631084210481e-18, -1.24219327519489096e-18,
};

static double chebyshev(const double *c, int n, double t)
{
    double b0 = 0, b1 = 0, b2 = 0;
    int k;
    for (k = n - 1; k >= 0; k--) {
        b2 = b1;
        b1 = b0;
        b0 = 2 * t * b1 - b2 + c[k];
    }
    return 0.5 * (b0 - b2);
}

/* I_nu(x) for 0 <= x <= 8, nu 0 or 1: sum of (x^2/4)^k / (k! (k + nu)!), times (x/2)^nu */
static double bessel_series(int nu, double x)
{
    double q = 0.25 * x * x, sum = 1;
    int k;
    for (k = x < 3 ? 16 : 30; k > 0; k--)
        sum = 1 + q / (k * (k + nu)) * sum;
    return nu ? 0.5 * x * sum : sum;
}

static double bessel_scaled(int nu, double x)    /* e^-x I_nu(x) for x >= 0 */
{
    if (x <= 8)
        return bessel_series(nu, x) * exp(-x);
    return (nu ? chebyshev(bessel_1, COUNT(bessel_1), 16 / x - 1)
               : chebyshev(bessel_0, COUNT(bessel_0), 16 / x - 1)) / sqrt(x);
}

static double bessel(int nu, double x)
{
    double half;
    if (x <= 8)
        return bessel_series(nu, x);
    half = exp(0.5 * x);                         /* e^x may overflow before the product does */
    return bessel_scaled(nu, x) * half * half;
}

static double i0_of(double x) { return isinf(x) ? INFINITY : bessel(0, fabs(x)); }
static double i0e_of(double x) { return bessel_scaled(0, fabs(x)); }
static double i1_of(double x) { return isinf(x) ? x : copysign(bessel(1, fabs(x)), x); }
static double i1e_of(double x) { return copysign(bessel_scaled(1, fabs(x)), x); }

/* ---- incomplete gamma functions ---- */

/* log Gamma(1 + a) for |a| <= 1/2: sum over k >= 2 of (-1)^k (zeta(k) - 1) a^k / k and the rest
   in closed form (Abramowitz and Stegun 6.1.33). */
static double lgamma1p(double a)
{
    static const double c[] = {
        0.322467033424113218, -0.0673523010531980951, 0.0205808084277845479,
        -0.00738555102867398527, 0.00289051033074152329, -0.00119275391170326098,
        0.000509669524743042422, -0.00022315475845357938, 0.0000994575127818085337,
        -0.0000449262367381331417, 0.0000205072127756706916, -9.4394882752683959e-6,
        4.3748667899074878e-6, -2.03921575380136624e-6, 9.55141213040741983e-7,
        -4.49246919876456604e-7, 2.12071848055546659e-7, -1.00432248239680996e-7,
        4.76981016936398057e-8, -2.27110946089431649e-8, 1.08386592148969541e-8,
        -5.18347504197004666e-9, 2.48367454380247832e-9, -1.19214014058609121e-9,
        5.73136724167886201e-10, -2.75952288512423315e-10,
    };
    double sum = 0;
    int k;
    for (k = COUNT(c) - 1; k >= 0; k--)
        sum = sum * a + c[k];
    return sum * a * a + a * (1 - EULER) - log1p(a);
}

/* d - log(1 + d) for |d| <= 0.2, without cancellation */
static double log1p_rest(double d)
{
    double v = d / (2 + d), q = v * v, sum = 0;
    int k;
    for (k = 19; k >= 3; k -= 2)                 /* log(1 + d) = 2 atanh(v) */
        sum = sum * q + 1.0 / k;
    return v * (d - 2 * q * sum);
}

/* x^a e^-x / Gamma(a + 1), for large a from the error of Stirling's formula (Loader 2000) */
static double gamma_factor(double a, double x)
{
    double q, stirling, d = (x - a) / a;
    if (a < 10)
        return exp(a * log(x) - x - (a < 0.5 ? lgamma1p(a) : lgamma_of(a + 1)));
    q = 1 / (a * a);
    stirling = (1.0 / 12 - q * (1.0 / 360 - q * (1.0 / 1260 - q * (1.0 / 1680 - q * (
        1.0 / 1188 - q * (691.0 / 360360 - q * (1.0 / 156))))))) / a;
    d = fabs(d) > 0.2 ? d - log(x / a) : log1p_rest(d);
    return exp(-stirling - a * d) / sqrt(2 * PI * a);
}

static double igamma_series(double a, double x)     /* lower, where x is not far above a */
{
    double sum = 1, term = 1, n = a;
    while (term > sum * TINY) {
        n += 1;
        term *= x / n;
        sum += term;
    }
    return sum * gamma_factor(a, x);
}

static double igammac_series(double a, double x)    /* upper, for small x and a */
{
    double term = 1, sum = 0, change, lower = a * log(x) - (a < 0.5 ? lgamma1p(a)
                                                                    : lgamma_of(a + 1));
    int n;
    for (n = 1; n < 100; n++) {
        term *= -x / n;
        change = term / (a + n);
        sum += change;
        if (fabs(change) <= fabs(sum) * TINY)
            break;
    }
    return -expm1(lower) - a * exp(lower) * sum;
}

static double igammac_fraction(double a, double x)  /* upper, x > a: Lentz's method */
{
    double b = x + 1 - a, c = 1e300, d = 1 / b, h = d, delta, n;
    for (n = 1; n < 1e5; n += 1) {
        double an = -n * (n - a);
        b += 2;
        d = an * d + b;
        c = b + an / c;
        d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
        delta = d * (fabs(c) < 1e-300 ? 1e-300 : c);
        c = fabs(c) < 1e-300 ? 1e-300 : c;
        h *= delta;
        if (fabs(delta - 1) < 1e-16)
            break;
    }
    return h * a * gamma_factor(a, x);
}

/* Upper (or lower), a > 1e5 and x near it: Temme's uniform expansion (1979; DLMF 8.12).  The
   coefficients are the Taylor series of its C_0, C_1, C_2 in eta. */
static double igamma_large(double a, double x, int upper)
{
    static const double c[3][8] = {
        {-1.0 / 3, 1.0 / 12, -2.0 / 135, 1.0 / 864, 1.0 / 2835, -139.0 / 777600, 1.0 / 25515,
         -571.0 / 261273600},
        {-1.0 / 540, -1.0 / 288, 1.0 / 378, -77.0 / 77760, 1.0 / 4860, -1.0 / 2488320, 0, 0},
        {25.0 / 6048, -139.0 / 51840, 1.0 / 1296, 0, 0, 0, 0, 0},
    };
    double d = (x - a) / a, half = log1p_rest(d), eta = copysign(sqrt(2 * half), d);
    double sum = 0, part, power = 1;
    int i, k;
    for (i = 0; i < 3; i++, power /= a) {
        for (part = 0, k = 7; k >= 0; k--)
            part = part * eta + c[i][k];
        sum += part * power;
    }
    sum *= exp(-a * half) / sqrt(2 * PI * a);
    eta *= sqrt(0.5 * a);
    return upper ? 0.5 * erfc(eta) + sum : 0.5 * erfc(-eta) - sum;
}

/* The lower function for upper = 0, else the upper one.  Which of the two is computed, and how,
   follows Gautschi (1979): the smaller one, as far as it can be said. */
static double igamma_any(double a, double x, int upper)
{
    double y;
    int lower;
    if (a != a || x != x || a < 0 || x < 0)
        return NAN;
    if (a == 0)
        return x > 0 ? (upper ? 0.0 : 1.0) : NAN;
    if (x == 0)
        return upper ? 1.0 : 0.0;
    if (isinf(a))
        return isinf(x) ? NAN : (upper ? 1.0 : 0.0);
    if (isinf(x))
        return upper ? 0.0 : 1.0;
    if (a > 1e5 && fabs(x - a) < 0.2 * a)
        return igamma_large(a, x, upper);
    if (x <= 1.1) {
        lower = x <= 0.5 ? -0.4 / log(x) < a : x * 1.1 < a;
        y = lower ? igamma_series(a, x) : igammac_series(a, x);
    } else {
        lower = x <= a || (a > 0.5 && x < a + 1);
        y = lower ? igamma_series(a, x) : igammac_fraction(a, x);
    }
    return lower == upper ? 1 - y : y;
}

static double igamma_of(double a, double x) { return igamma_any(a, x, 0); }
static double igammac_of(double a, double x) { return igamma_any(a, x, 1); }

/* ---- the rest ---- */

static double sinc_of(double x)
{
    double t = PI * x;
    return x == 0 ? 1 : sin(t) / t;
}

static double entr_of(double x)
{
    return x > 0 ? -x * log(x) : (x == 0 ? 0 : (x != x ? x : -INFINITY));
}

static double xlogy_of(double x, double y) { return x == 0 && y == y ? 0 : x * log(y); }
static double xlog1py_of(double x, double y) { return x == 0 && y == y ? 0 : x * log1p(y); }

/* ---- the loops ---- */

#define LOOP1(name, T, value)                                                                   \
    void name(char **args, const intptr_t *n, const intptr_t *steps, void *data)                \
    {                                                                                           \
        const double p = data ? *(const double *)data : 0;                                      \
        intptr_t i;                                                                             \
        (void)p;                                                                                \
        for (i = 0; i < n[0]; i++) {                                                            \
            T x, y;                                                                             \
            memcpy(&x, args[0] + i * steps[0], sizeof(T));                                      \
            y = (T)(value);                                                                     \
            memcpy(args[1] + i * steps[1], &y, sizeof(T));                                      \
        }                                                                                       \
    }

#define LOOP2(name, T, value)                                                                   \
    void name(char **args, const intptr_t *n, const intptr_t *steps, void *data)                \
    {                                                                                           \
        intptr_t i;                                                                             \
        (void)data;                                                                             \
        for (i = 0; i < n[0]; i++) {                                                            \
            T x, y, z;                                                                          \
            memcpy(&x, args[0] + i * steps[0], sizeof(T));                                      \
            memcpy(&y, args[1] + i * steps[1], sizeof(T));                                      \
            z = (T)(value);                                                                     \
            memcpy(args[2] + i * steps[2], &z, sizeof(T));                                      \
        }                                                                                       \
    }

#define BOTH1(name, value) LOOP1(name##_f32, float, value) LOOP1(name##_f64, double, value)
#define BOTH2(name, value) LOOP2(name##_f32, float, value) LOOP2(name##_f64, double, value)

double cg_digamma(double x) { return digamma_of(x); }

LOOP1(cg_lgamma_f32, float, lgammaf_of(x))
LOOP1(cg_lgamma_f64, double, lgamma_of(x))
BOTH1(cg_digamma, digamma_of(x))
BOTH1(cg_polygamma, polygamma_of(x, p))
LOOP1(cg_erfinv_f64, double, erfinv_of(x))
BOTH1(cg_erfcx, erfcx_of(x))
BOTH1(cg_ndtri, ndtri_of(x, sizeof x == sizeof(double)))
BOTH1(cg_log_ndtr, log_ndtr_of(x))
BOTH1(cg_i0, i0_of(x))
BOTH1(cg_i0e, i0e_of(x))
BOTH1(cg_i1, i1_of(x))
BOTH1(cg_i1e, i1e_of(x))
BOTH2(cg_zeta, zeta_of(x, y))
BOTH2(cg_igamma, igamma_of(x, y))
BOTH2(cg_igammac, igammac_of(x, y))

/* In the arithmetic of the type: as fast as the C library's functions of it. */
LOOP1(cg_sinc_f32, float, x == 0 ? 1.0f : sinf((float)PI * x) / ((float)PI * x))
LOOP1(cg_sinc_f64, double, sinc_of(x))
LOOP1(cg_entr_f32, float, x > 0 ? -x * logf(x) : entr_of(x))
LOOP1(cg_entr_f64, double, entr_of(x))
LOOP2(cg_xlogy_f32, float, x == 0 && y == y ? 0.0f : x * logf(y))
LOOP2(cg_xlogy_f64, double, xlogy_of(x, y))
LOOP2(cg_xlog1py_f32, float, x == 0 && y == y ? 0.0f : x * log1pf(y))
LOOP2(cg_xlog1py_f64, double, xlog1py_of(x, y))

/* These two become vectors. */
/* x / y as a polynomial in w = -log(1 - x^2), or sqrt(w): the starting values of special.c */
CG_INLINE float erfinv1(float x)
{
    float w = -cg_log1_f32((1.0f - x) * (1.0f + x)), u = w - 3.0f, v, p, q;
    v = sqrtf(w > 6.0f ? w : 6.0f) - 3.474744871f;
    p = 2.23826679e-11f;
    p = p * u + 6.75192141e-10f;
    p = p * u + -5.98459662e-9f;
    p = p * u + -1.94267109e-8f;
    p = p * u + 4.52552929e-7f;
    p = p * u + -1.76749825e-6f;
    p = p * u + -1.27228172e-5f;
    p = p * u + 0.000195101917f;
    p = p * u + -0.000836174835f;
    p = p * u + -0.00573816625f;
    p = p * u + 0.241630402f;
    p = p * u + 1.62354201f;
    q = 2.39144902e-5f;
    q = q * v + 2.88395634e-5f;
    q = q * v + -0.00026630918f;
    q = q * v + 0.000520108916f;
    q = q * v + -0.000737025413f;
    q = q * v + 0.00116523249f;
    q = q * v + -0.00218016419f;
    q = q * v + 0.0034399036f;
    q = q * v + 1.00719938f;
    q = q * v + 3.31004656f;
    p = x * (w < 6.0f ? p : q);
    p = x == 1.0f || x == -1.0f ? x * INFINITY : p;
    return x <= 1.0f && x >= -1.0f ? p : NAN;
}

#define LOGIT(T, name)                                                                          \
    CG_INLINE T name(T x, T e)                                                                  \
    {                                                                                           \
        T low = e >= 0 ? e : -(T)INFINITY, high = e >= 0 ? 1 - e : (T)INFINITY;                 \
        T z = x < low ? low : (x > high ? high : x), y = NAME(cg_log1)(z / (1 - z));            \
        return z == 1 ? (T)INFINITY : y;                                                        \
    }

#define T float
#define NAME(x) x##_f32
LOGIT(float, logit1_f32)
UNARY(cg_logit, logit1_f32(x, p0))
UNARY(cg_erfinv, erfinv1(x))
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
LOGIT(double, logit1_f64)
UNARY(cg_logit, logit1_f64(x, p0))
