/* Matrix products: OpenBLAS, loaded at run time, behind our own thread pool.

   All matrices are row-major; lda, ldb, ldc are row lengths in elements of the matrices as
   stored (before transposition).  C = alpha op(A) op(B) + beta C, op(A) m x k, op(B) k x n.
   beta = 0 overwrites C without reading it; k = 0 leaves beta C.  OpenBLAS itself runs single
   threaded (two pools would oversubscribe the machine); large products are split here. */
#ifndef CG_BLAS_H
#define CG_BLAS_H
#include <stdint.h>

/* Load the scipy_openblas32 shared library file; NULL on success, else the reason (static).
   Idempotent.  The caller holds the GIL: the environment is changed for the time of loading. */
const char *cg_blas_load(const char *path);
const char *cg_blas_corename(void);   /* "SkylakeX", ...; "" before loading */
const char *cg_blas_config(void);
void *cg_blas_symbol(const char *name);   /* a function of the library, NULL: none such */

enum { CG_BLAS_OK = 0, CG_BLAS_NOT_LOADED = 1, CG_BLAS_TOO_LARGE = 2 };

/* Return a CG_BLAS_ code; TOO_LARGE: a leading dimension does not fit BLAS's 32-bit integers. */
int cg_gemm_f32(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, double alpha,
                const float *a, int64_t lda, const float *b, int64_t ldb, double beta,
                float *c, int64_t ldc);
int cg_gemm_f64(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, double alpha,
                const double *a, int64_t lda, const double *b, int64_t ldb, double beta,
                double *c, int64_t ldc);

/* C = A op(B) + bias, which is added to every row; NULL: none. */
int cg_linear_f32(int trans_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                  const float *b, int64_t ldb, const float *bias, float *c, int64_t ldc);
int cg_linear_f64(int trans_b, int64_t m, int64_t n, int64_t k, const double *a, int64_t lda,
                  const double *b, int64_t ldb, const double *bias, double *c, int64_t ldc);

/* cg_gemm for `batch` products whose matrices lie stride_* elements apart (0: shared; not C). */
int cg_gemm_batched_f32(int trans_a, int trans_b, int64_t batch, int64_t m, int64_t n, int64_t k,
                        double alpha, const float *a, int64_t lda, int64_t stride_a,
                        const float *b, int64_t ldb, int64_t stride_b, double beta,
                        float *c, int64_t ldc, int64_t stride_c);
int cg_gemm_batched_f64(int trans_a, int trans_b, int64_t batch, int64_t m, int64_t n, int64_t k,
                        double alpha, const double *a, int64_t lda, int64_t stride_a,
                        const double *b, int64_t ldb, int64_t stride_b, double beta,
                        double *c, int64_t ldc, int64_t stride_c);

#endif
