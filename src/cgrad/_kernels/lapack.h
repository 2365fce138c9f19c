/* LAPACK from the OpenBLAS library that blas.c has loaded: batches of factorizations.

   Matrices are column-major without gaps, one batch entry behind the other: entry i of an r x c
   matrix starts at i r c, its leading dimension is r.  A task has the form that the thread pool
   wants; `ctx` is a cg_lapack, [begin, end) are batch entries.  Nothing here checks sizes: all of
   them fit into 32 bits, which the caller has seen to.  LAPACK's `info` of entry i goes to
   info[i]; `failed` is set where memory for the work arrays is missing or they would be larger
   than LAPACK can count. */
#ifndef CG_LAPACK_H
#define CG_LAPACK_H
#include <stdint.h>

typedef struct {
    int f64;              /* double, else float */
    char uplo;            /* 'U', 'L': the triangle that is read */
    char trans;           /* 'N', 'T' */
    char side;            /* 'L', 'R' */
    char diag;            /* 'N', 'U': ones on the diagonal, not stored */
    char job;             /* as LAPACK's jobz: 'N', 'V', 'S', 'A' */
    int64_t m, n, k;      /* as in the formulas below */
    void *a, *b, *c, *d;
    int32_t *pivots;
    int32_t *rank;
    int32_t *info;
    double rcond;
    volatile int failed;
} cg_lapack;

/* Fill the table of functions; `symbol` finds a name.  NULL, or the name that is missing. */
const char *cg_lapack_load(void *(*symbol)(const char *name));

void cg_columns(void *ctx, int64_t begin, int64_t end); /* a: copy of the row-major b (m x n) */
void cg_getrf(void *ctx, int64_t begin, int64_t end);   /* A (m x n) = P L U in place; pivots */
void cg_getrs(void *ctx, int64_t begin, int64_t end);   /* op(A) X = B by LU; B is n x k */
void cg_potrf(void *ctx, int64_t begin, int64_t end);   /* A (n x n) = L L' or U' U */
void cg_trsm(void *ctx, int64_t begin, int64_t end);    /* op(A) X = B or X op(A) = B; B: m x n */
void cg_geqrf(void *ctx, int64_t begin, int64_t end);   /* A (m x n) = Q R; b: the factors tau */
void cg_orgqr(void *ctx, int64_t begin, int64_t end);   /* Q (m x n) of k reflectors; b: tau */
void cg_ormqr(void *ctx, int64_t begin, int64_t end);   /* op(Q) C or C op(Q); c: C (m x n), a: the
                                                           reflectors (r x k), b: tau */
void cg_syevd(void *ctx, int64_t begin, int64_t end);   /* A (n x n) -> vectors; b: values */
void cg_gesdd(void *ctx, int64_t begin, int64_t end);   /* A (m x n): b = S, c = U, d = V' */

/* min |A X - B|: A is m x n, B max(m, n) x k, whose first n rows become X. */
void cg_gels(void *ctx, int64_t begin, int64_t end);    /* A of full rank, by QR */
void cg_gelsy(void *ctx, int64_t begin, int64_t end);   /* by QR with column pivoting; rank */
void cg_gelsd(void *ctx, int64_t begin, int64_t end);   /* by SVD, divide and conquer; c = S */
void cg_gelss(void *ctx, int64_t begin, int64_t end);   /* by SVD; c = S */

#endif
