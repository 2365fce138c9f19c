"""The thread pool and BLAS, which keep state and therefore live in this one extension."""
from cgrad._engine.types cimport *

ctypedef void (*Task)(void *ctx, int64_t begin, int64_t end) noexcept nogil

cdef void parallel_for(Task task, void *ctx, int64_t n, int64_t grain) noexcept nogil
cdef int load_blas() except -1
cdef void *blas_symbol(const char *name) noexcept
cdef int gemm(int dtype, bint ta, bint tb, int64_t m, int64_t n, int64_t k, double alpha,
              const void *a, int64_t lda, const void *b, int64_t ldb, double beta,
              void *c, int64_t ldc) noexcept nogil
cdef int gemm_bias(int dtype, bint tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
                   const void *b, int64_t ldb, const void *bias, void *c,
                   int64_t ldc) noexcept nogil
