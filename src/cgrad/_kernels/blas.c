/* OpenBLAS behind our own threads; see blas.h.  Start reading at gemm() in blas_impl.h.

   Note [Panels and bits].  Results must not depend on the number of threads.  OpenBLAS does not
   promise that an element of C keeps its bits when the product is cut into panels; measured, it
   does keep them if C is cut along rows at multiples of ROW_ALIGN and no panel falls into the
   path for small matrices (<= 1e6 multiplications on SkylakeX): each element is then computed by
   the same micro-kernel, over the same blocks of k.  So rows are cut by the number of threads,
   which costs one thread nothing.  A probe checks the assumption on this core at the first large
   product; where it fails, and for products cut along columns or computed by gemv (where it does
   not hold), the panels are fixed by the shape alone. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE                 /* setenv, dlopen */
#endif
#include "blas.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cpu.h"
#include "panels.h"
#include "pool.h"
#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <intrin.h>
#else
#include <dlfcn.h>
#endif

enum {
    ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112,    /* of cblas.h */
    TINY = 64,                /* multiplications below which a plain loop is faster */
    LARGEST = 1 << 30,        /* of a dimension handed to BLAS */
    PANEL_WORK = 1 << 21,     /* multiplications that pay for a thread; above the small path */
    OWN_WORK = 1 << 18,       /* the same, for products by panels.c */
    LONG_SUM = 2048,          /* numbers of a sum by panels.c, at most */
    FEW_ROWS = 96,            /* from here on panels are deep */
    NEAR = 1 << 19,           /* bytes of a matrix that stays in the second cache, about */
    ROW_ALIGN = 12,           /* of row panels: three times the micro-kernel's width */
    MOST_ROWS = 256 * ROW_ALIGN,   /* of a panel: below the blocking OpenBLAS does itself */
    FIXED_ROWS = 32 * ROW_ALIGN,   /* of a panel where the bits depend on the panels */
    COLUMN_ALIGN = 512,
    BATCH_GRAIN = 1 << 17     /* multiplications a thread takes at a time in a batch */
};
static const double BATCH_WORK = 1 << 25;   /* from here on each product has all threads */

typedef void (*sgemm_type)(int, int, int, int, int, int, float, const float *, int, const float *,
                         int, float, float *, int);
typedef void (*dgemm_type)(int, int, int, int, int, int, double, const double *, int,
                         const double *, int, double, double *, int);
typedef void (*sgemv_type)(int, int, int, int, float, const float *, int, const float *, int, float,
                         float *, int);
typedef void (*dgemv_type)(int, int, int, int, double, const double *, int, const double *, int,
                         double, double *, int);
typedef float (*sdot_type)(int, const float *, int, const float *, int);
typedef double (*ddot_type)(int, const double *, int, const double *, int);

static sgemm_type sgemm;
static dgemm_type dgemm;
static sgemv_type sgemv;
static dgemv_type dgemv;
static sdot_type sdot;
static ddot_type ddot;
static char *(*get_corename)(void);
static char *(*get_config)(void);
static void *library;
static int loaded;

/* The outcome of a probe, found once: 0 not yet, 1 no, 2 yes.  Two threads may both probe; they
   find the same. */
#ifdef _MSC_VER
typedef volatile LONG probe_state;
#define PROBE_LOAD(s) (*(s))
#define PROBE_STORE(s, v) InterlockedExchange(s, v)
#else
#include <stdatomic.h>
typedef _Atomic int probe_state;
#define PROBE_LOAD(s) atomic_load_explicit(s, memory_order_relaxed)
#define PROBE_STORE(s, v) atomic_store_explicit(s, v, memory_order_relaxed)
#endif

static int probe_once(probe_state *state, int (*probe)(void))
{
    if (PROBE_LOAD(state) == 0)
        PROBE_STORE(state, probe() ? 2 : 1);
    return PROBE_LOAD(state) == 2;
}

#define T float
#define NAME(x) x##_f32
#define GEMM sgemm
#define GEMV sgemv
#define DOT sdot
#include "blas_impl.h"
#undef T
#undef NAME
#undef GEMM
#undef GEMV
#undef DOT
#define T double
#define NAME(x) x##_f64
#define GEMM dgemm
#define GEMV dgemv
#define DOT ddot
#include "blas_impl.h"

#ifdef _WIN32
static void set_variable(const char *name, const char *value)
{
    _putenv_s(name, value ? value : "");
}
static void *open_library(const char *path) { return (void *)LoadLibraryA(path); }
static void close_library(void *lib) { FreeLibrary((HMODULE)lib); }
static void *symbol(void *lib, const char *name) { return (void *)GetProcAddress((HMODULE)lib, name); }
static const char *load_error(void) { return "LoadLibrary failed"; }
#else
static void set_variable(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}
static void *open_library(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }
static void close_library(void *lib) { dlclose(lib); }
static void *symbol(void *lib, const char *name) { return dlsym(lib, name); }
static const char *load_error(void)
{
    const char *text = dlerror();
    return text ? text : "dlopen failed";
}
#endif

/* A copy of an environment variable, which setting it would invalidate; NULL if unset. */
static char *saved_variable(const char *name)
{
    const char *value = getenv(name);
    size_t size = value ? strlen(value) + 1 : 0;
    char *copy = value ? malloc(size) : NULL;
    if (copy)
        memcpy(copy, value, size);
    return copy;
}

const char *cg_blas_load(const char *path)
{
    static char text[512];
    const char *names[] = {"scipy_cblas_sgemm", "scipy_cblas_dgemm", "scipy_cblas_sgemv",
                           "scipy_cblas_dgemv", "scipy_cblas_sdot", "scipy_cblas_ddot",
                           "scipy_openblas_set_num_threads", "scipy_openblas_get_corename",
                           "scipy_openblas_get_config"};
    void *found[sizeof names / sizeof *names], *lib;
    void (*set_threads)(int);
    char *threads, *core;
    size_t i;
    int choose;
    if (loaded)
        return NULL;
    /* OpenBLAS reads its environment while it is loaded, and only then. */
    threads = saved_variable("OPENBLAS_NUM_THREADS");
    core = saved_variable("OPENBLAS_CORETYPE");
    choose = !getenv("OPENBLAS_CORETYPE") && cg_has_avx512();
    set_variable("OPENBLAS_NUM_THREADS", "1");
    if (choose)                 /* OpenBLAS up to 0.3.34 takes AMD's AVX-512 cores for Haswell */
        set_variable("OPENBLAS_CORETYPE", "SkylakeX");
    lib = open_library(path);
    if (!lib)
        snprintf(text, sizeof text, "%s", load_error());
    set_variable("OPENBLAS_NUM_THREADS", threads);
    if (choose)
        set_variable("OPENBLAS_CORETYPE", core);
    free(threads);
    free(core);
    if (!lib)
        return text;
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        found[i] = symbol(lib, names[i]);
        if (!found[i]) {
            snprintf(text, sizeof text, "%s: no symbol %s", path, names[i]);
            close_library(lib);
            return text;
        }
    }
    memcpy(&sgemm, &found[0], sizeof sgemm);
    memcpy(&dgemm, &found[1], sizeof dgemm);
    memcpy(&sgemv, &found[2], sizeof sgemv);
    memcpy(&dgemv, &found[3], sizeof dgemv);
    memcpy(&sdot, &found[4], sizeof sdot);
    memcpy(&ddot, &found[5], sizeof ddot);
    memcpy(&set_threads, &found[6], sizeof set_threads);
    memcpy(&get_corename, &found[7], sizeof get_corename);
    memcpy(&get_config, &found[8], sizeof get_config);
    set_threads(1);
    library = lib;
    loaded = 1;
    return NULL;
}

const char *cg_blas_corename(void)
{
    return loaded ? get_corename() : "";
}

const char *cg_blas_config(void)
{
    return loaded ? get_config() : "";
}

void *cg_blas_symbol(const char *name)
{
    return loaded ? symbol(library, name) : NULL;
}
