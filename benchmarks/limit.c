/* What the processor can do at best: multiply-adds in registers.  Compiled by limit.py for the
   machine at hand; nothing of it is part of the package. */
#include <stddef.h>

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif

typedef float vector __attribute__((vector_size(BYTES)));

/* Floating point operations of one round: 12 independent vectors, to hide the latency. */
size_t flops_per_round(void) { return 12 * (BYTES / sizeof(float)) * 2; }

float multiply_add(size_t rounds) {
    const vector zero = {0}, a = zero + 0.999f, b = zero + 0.001f;
    /* Each starts elsewhere: chains that are alike would be computed once. */
    vector s0 = b, s1 = b + 1, s2 = b + 2, s3 = b + 3, s4 = b + 4, s5 = b + 5, s6 = b + 6;
    vector s7 = b + 7, s8 = b + 8, s9 = b + 9, s10 = b + 10, s11 = b + 11;
    for (size_t i = 0; i < rounds; i++) {
        s0 = s0 * a + b, s1 = s1 * a + b, s2 = s2 * a + b, s3 = s3 * a + b;
        s4 = s4 * a + b, s5 = s5 * a + b, s6 = s6 * a + b, s7 = s7 * a + b;
        s8 = s8 * a + b, s9 = s9 * a + b, s10 = s10 * a + b, s11 = s11 * a + b;
        /* The rounds must not be folded into one formula. */
        __asm__ volatile("" : "+m"(rounds));
    }
    s0 += s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11;
    return s0[0];
}
