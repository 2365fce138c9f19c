"""The thread pool and the BLAS library, for all other modules of the engine.

OpenBLAS comes with the package scipy-openblas32 and is opened at the first matrix product, with
the core chosen by _kernels/blas.c and one thread: products are split over our own pool.
"""
import _thread       # threading itself takes longer to load than the engine's rows
import os
from cgrad._engine.types cimport *

cdef extern from "../_kernels/pool.h":
    void cg_parallel_for(Task fn, void *ctx, int64_t n, int64_t grain) nogil
    void cg_set_num_threads(int n)
    int cg_get_num_threads()

cdef extern from "../_kernels/blas.h":
    const char *cg_blas_load(const char *path)
    const char *cg_blas_corename()
    void *cg_blas_symbol(const char *name)
    int cg_gemm_f32(int ta, int tb, int64_t m, int64_t n, int64_t k, double alpha, const float *a,
                    int64_t lda, const float *b, int64_t ldb, double beta, float *c,
                    int64_t ldc) nogil
    int cg_gemm_f64(int ta, int tb, int64_t m, int64_t n, int64_t k, double alpha,
                    const double *a, int64_t lda, const double *b, int64_t ldb, double beta,
                    double *c, int64_t ldc) nogil
    int cg_linear_f32(int tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                      const float *b, int64_t ldb, const float *bias, float *c, int64_t ldc) nogil
    int cg_linear_f64(int tb, int64_t m, int64_t n, int64_t k, const double *a, int64_t lda,
                      const double *b, int64_t ldb, const double *bias, double *c,
                      int64_t ldc) nogil

cdef bint _loaded = False
_lock = _thread.allocate_lock()


cdef void parallel_for(Task task, void *ctx, int64_t n, int64_t grain) noexcept nogil:
    cg_parallel_for(task, ctx, n, grain)


cdef int load_blas() except -1:
    """Open OpenBLAS if it is not open yet."""
    global _loaded
    cdef const char *error
    cdef bytes encoded
    if _loaded:
        return 0
    with _lock:
        if _loaded:
            return 0
        import glob
        import scipy_openblas32
        from cgrad._engine.table import begin_range, end_range
        event = begin_range("load OpenBLAS")     # once, but long: a profiler shows it apart
        folder = scipy_openblas32.get_lib_dir()
        found = sorted(glob.glob(os.path.join(folder, "*openblas*.so*"))
                       + glob.glob(os.path.join(folder, "*openblas*.dylib"))
                       + glob.glob(os.path.join(folder, "*openblas*.dll")))
        if not found:
            raise ImportError(f"no OpenBLAS library in {folder}: reinstall scipy-openblas32")
        encoded = os.fsencode(found[0])
        error = cg_blas_load(encoded)
        end_range(event)
        if error != NULL:
            raise ImportError(f"cannot load OpenBLAS from {found[0]}: "
                              f"{error.decode(errors='replace')}")
        _loaded = True
    return 0


cdef void *blas_symbol(const char *name) noexcept:
    """A function of OpenBLAS, once `load_blas` has loaded it; NULL if there is none."""
    return cg_blas_symbol(name)


cdef int gemm(int dtype, bint ta, bint tb, int64_t m, int64_t n, int64_t k, double alpha,
              const void *a, int64_t lda, const void *b, int64_t ldb, double beta,
              void *c, int64_t ldc) noexcept nogil:
    """C = alpha op(A) op(B) + beta C, all row-major; op transposes where ta, tb are set."""
    if dtype == F32:
        return cg_gemm_f32(ta, tb, m, n, k, alpha, <const float *>a, lda,
                           <const float *>b, ldb, beta, <float *>c, ldc)
    return cg_gemm_f64(ta, tb, m, n, k, alpha, <const double *>a, lda, <const double *>b, ldb,
                       beta, <double *>c, ldc)


cdef int gemm_bias(int dtype, bint tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
                   const void *b, int64_t ldb, const void *bias, void *c,
                   int64_t ldc) noexcept nogil:
    """C = A op(B) + bias, which is added to every row."""
    if dtype == F32:
        return cg_linear_f32(tb, m, n, k, <const float *>a, lda, <const float *>b, ldb,
                             <const float *>bias, <float *>c, ldc)
    return cg_linear_f64(tb, m, n, k, <const double *>a, lda, <const double *>b, ldb,
                         <const double *>bias, <double *>c, ldc)


def blas_core():
    """Name of the OpenBLAS kernel set in use, e.g. 'SkylakeX'."""
    load_blas()
    return cg_blas_corename().decode()


def set_num_threads(n):
    """Use at most `n` threads for kernels (default: the processors this process may use).

    The processors that the calling thread may use are counted anew at each call; if there is one,
    one thread computes whatever `n` is.

    Example::

        >>> before = cgrad.get_num_threads()
        >>> cgrad.set_num_threads(1)
        >>> cgrad.get_num_threads()
        1
        >>> cgrad.set_num_threads(before)
    """
    if not isinstance(n, int) or isinstance(n, bool):
        raise TypeError(f"set_num_threads expects an int, but got {type(n).__name__}")
    if n < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {n}")
    cg_set_num_threads(min(n, 1024))


def get_num_threads():
    """Number of threads that kernels may use, as it was set.

    Example::

        >>> cgrad.get_num_threads() >= 1
        True
    """
    return cg_get_num_threads()
