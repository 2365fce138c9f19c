/* Scaled dot-product attention (Vaswani et al., 2017, section 3.2.1), block of queries by block of
   queries (Rabe and Staats, 2021): scores and gradients live in `scratch`, which stays in cache.

   For each head, with Q (rows, e), K (keys, e), V (keys, ev):
       forward    P = softmax(scale Q K' + mask), out = P V
       backward   P again, if it was not kept; dV = P' G, dS = P (D - rowsum(P D)) with D = G V',
                  dQ = scale dS K, dK = scale dS' Q
   Functions work on heads [begin, end) of all batch entries, which are independent of each other;
   the result does not depend on the range.  Matrix products go through blas.h, which splits them
   among threads where the caller is not one of them already. */
#ifndef CG_ATTENTION_H
#define CG_ATTENTION_H
#include <stdint.h>

/* An array [batch, heads, rows, columns] whose columns are neighbours and whose rows do not overlap;
   less than 2^31 elements from row to row. */
typedef struct {
    void *data;
    int64_t at[3];      /* elements from one to the next batch entry, head, row */
} cg_heads;

typedef struct {
    int64_t heads;              /* of a batch entry */
    int64_t rows, keys, e, ev;
    int64_t block;              /* rows computed at once */
    cg_heads q, k, v, out;      /* forward */
    cg_heads g, dq, dk, dv;     /* backward; data of dq, dk, dv is NULL where not wanted */
    void *p;                    /* P of all heads, row-major: written forward, read backward; or NULL */
    const char *mask;           /* bool: 1 where a key takes part; else added; NULL: none.  A row that
                                   sees no key has weights of 0 */
    int64_t mask_at[4];         /* its elements from one to the next in each dimension, 0: the same */
    int mask_bool;
    int causal;                 /* row i sees keys 0 ... i */
    double scale;
} cg_attention;

/* Elements of scratch that a call needs. */
int64_t cg_attention_scratch(const cg_attention *a, int backward);

void cg_attention_forward_f32(const cg_attention *a, void *scratch, int64_t begin, int64_t end);
void cg_attention_forward_f64(const cg_attention *a, void *scratch, int64_t begin, int64_t end);
void cg_attention_backward_f32(const cg_attention *a, void *scratch, int64_t begin, int64_t end);
void cg_attention_backward_f64(const cg_attention *a, void *scratch, int64_t begin, int64_t end);

#endif
