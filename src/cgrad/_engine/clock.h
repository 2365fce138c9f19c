/* A clock that never goes back, in nanoseconds: that of Python's time.perf_counter_ns. */
#ifndef CG_CLOCK_H
#define CG_CLOCK_H
#include <stdint.h>
#if defined(_WIN32)
#include <windows.h>
static int64_t cg_now(void) {
    LARGE_INTEGER f, t;
    QueryPerformanceFrequency(&f);
    QueryPerformanceCounter(&t);
    return t.QuadPart / f.QuadPart * 1000000000 + t.QuadPart % f.QuadPart * 1000000000 / f.QuadPart;
}
#else
#include <time.h>
static int64_t cg_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
#endif
#endif
