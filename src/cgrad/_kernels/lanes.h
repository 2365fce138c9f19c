/* Sums of rows, for a file that is included for each type, with T and NAME(x) defined.

   A sum has one partial sum per lane, because the compiler may not reorder a sum by itself.  They
   are of a vector type where there is one: GCC takes arrays of them apart into single numbers,
   which for rows of 64 takes longer than the sum.  Vectors are handed on by address: how they are
   passed depends on the instruction set. */
#include "common.h"

#if defined(__GNUC__) && defined(__x86_64__)
#  define LANE_BYTES 32
#else
#  define LANE_BYTES 16
#endif
#ifdef __GNUC__
typedef T NAME(lanes) __attribute__((vector_size(LANE_BYTES), aligned(sizeof(T)), may_alias));
#else
typedef T NAME(lanes);
#endif
#undef LANE_BYTES

enum { NAME(WIDTH) = sizeof(NAME(lanes)) / sizeof(T) };

/* The lanes from X on, as the part of an array. */
#define LANES_AT(X) (*(const NAME(lanes) *)(X))

/* The sum of the lanes of both, and the rest. */
CG_INLINE T NAME(total)(const NAME(lanes) *s, const NAME(lanes) *t, T rest)
{
    enum { N = NAME(WIDTH) };
    NAME(lanes) sum = *s + *t;
    T p[N];
    memcpy(p, &sum, sizeof p);
    if (N == 8)
        return ((p[0] + p[4 % N]) + (p[1 % N] + p[5 % N])) +
               ((p[2 % N] + p[6 % N]) + (p[3 % N] + p[7 % N])) + rest;
    if (N == 4)
        return (p[0] + p[2 % N]) + (p[1 % N] + p[3 % N]) + rest;
    return (N == 2 ? p[0] + p[1 % N] : p[0]) + rest;
}

/* Four strands of lanes: one alone would wait for its last addition. */
#define STRANDS NAME(lanes) s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}
#define JOINED(a, b, c, d, rest) (a += b, c += d, NAME(total)(&a, &c, rest))

/* sum x */
CG_INLINE T NAME(sum_of)(const T *x, int64_t n)
{
    enum { W = NAME(WIDTH) };
    STRANDS;
    T rest = 0;
    int64_t i;
    for (i = 0; i + 4 * W <= n; i += 4 * W) {
        s0 += LANES_AT(x + i);
        s1 += LANES_AT(x + i + W);
        s2 += LANES_AT(x + i + 2 * W);
        s3 += LANES_AT(x + i + 3 * W);
    }
    for (; i + W <= n; i += W)
        s0 += LANES_AT(x + i);
    for (; i < n; i++)
        rest += x[i];
    return JOINED(s0, s1, s2, s3, rest);
}
