/* What every kernel shares: the function multiversioning macro, small portability helpers. */
#ifndef CG_COMMON_H
#define CG_COMMON_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* CG_MV before a function compiles it once per instruction set; the dynamic loader picks the
   best one the machine has.  Only where compiler, C library and object format support that
   (GNU ifunc); elsewhere, and under sanitizers (ifunc resolvers run before their run time is up),
   there is one portable version.  -DCG_NO_MV turns it off, and what chooses by itself (panels.c). */
#ifdef CG_NO_MV
#  define CG_PORTABLE
#endif
#if defined(__has_feature)
#  if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
      __has_feature(memory_sanitizer)
#    undef CG_NO_MV
#    define CG_NO_MV 1
#  endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#  undef CG_NO_MV
#  define CG_NO_MV 1
#endif
#if defined(CG_NO_MV) || !defined(__x86_64__) || !defined(__linux__) || !defined(__GLIBC__)
#  define CG_MV
#elif defined(__clang__)
#  define CG_MV    /* Clang names the dispatched symbol so that other files cannot link to it */
#elif defined(__GNUC__) && __GNUC__ >= 12
#  define CG_MV __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#  define CG_VERSIONS                   /* there are some */
#elif defined(__GNUC__) && __GNUC__ >= 9
#  define CG_MV __attribute__((target_clones("avx512f", "avx2", "default")))
#  define CG_VERSIONS
#else
#  define CG_MV
#endif

/* Helpers must be inlined into each version of their caller, or they would stay scalar. */
#if defined(__GNUC__)
#  define CG_INLINE static inline __attribute__((always_inline))
#elif defined(_MSC_VER)
#  define CG_INLINE static __forceinline
#else
#  define CG_INLINE static inline
#endif

/* Restrict: the caller promises that the arrays do not overlap. */
#if defined(_MSC_VER)
#  define CG_RESTRICT __restrict
#else
#  define CG_RESTRICT restrict
#endif

/* Before a loop whose items are independent even where the output is an input: no run-time
   overlap check, which would send every in-place operation down the scalar path. */
#if defined(__clang__)
#  pragma clang diagnostic ignored "-Wpass-failed"    /* erf in double is a call: no vectors */
#  define CG_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#  define CG_IVDEP _Pragma("GCC ivdep")
#elif defined(_MSC_VER)
#  define CG_IVDEP __pragma(loop(ivdep))
#else
#  define CG_IVDEP
#endif

#endif
