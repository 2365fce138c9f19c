/* What the processor can do; see cpu.h. */
#include "cpu.h"
#include <stdlib.h>
#if defined(_MSC_VER) && defined(_M_X64)
#include <intrin.h>
#endif

static int avx512_found(void)
{
#if defined(_MSC_VER) && defined(_M_X64)
    int r[4];
    const int need = (1 << 16) | (1 << 17) | (1 << 28) | (1 << 30) | (int)(1u << 31);
    __cpuid(r, 0);
    if (r[0] < 7)
        return 0;
    __cpuid(r, 1);
    if (!(r[2] & (1 << 27)) || (_xgetbv(0) & 0xe6) != 0xe6)
        return 0;
    __cpuidex(r, 7, 0);
    return (r[1] & need) == need;
#elif defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#else
    return 0;
#endif
}

int cg_has_avx512(void)
{
    static volatile int known;       /* 1: no, 2: yes */
    if (!known) {
        const char *refused = getenv("CGRAD_NO_AVX512");
        known = !(refused && *refused) && avx512_found() ? 2 : 1;
    }
    return known == 2;
}

int cg_has_avx2_only(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    return !cg_has_avx512() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}
