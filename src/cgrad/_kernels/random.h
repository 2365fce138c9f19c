/* Draws from a bit generator, one after the other; n values to contiguous memory.

   float32 uniforms have 24 random bits, float64 ones 53.  Two float32 uniforms, or two booleans,
   come from one 64-bit word, low half first; an odd one at the end discards the high half. */
#ifndef CG_RANDOM_H
#define CG_RANDOM_H
#include <stdint.h>

typedef struct {         /* as in numpy/random/bitgen.h */
    void *state;
    uint64_t (*next_uint64)(void *state);
    uint32_t (*next_uint32)(void *state);
    double (*next_double)(void *state);
    uint64_t (*next_raw)(void *state);
} cg_bitgen;

void cg_random_init(void);                    /* tables of the normal distribution; call once */

/* [low, high) (low if they are equal) */
void cg_uniform_f32(const cg_bitgen *b, float *y, int64_t n, double low, double high);
void cg_uniform_f64(const cg_bitgen *b, double *y, int64_t n, double low, double high);
/* Normal: ziggurat of 128 layers (Marsaglia and Tsang 2000, in the form of Doornik 2005) */
void cg_normal_f32(const cg_bitgen *b, float *y, int64_t n, double mean, double std);
void cg_normal_f64(const cg_bitgen *b, double *y, int64_t n, double mean, double std);
/* By inversion, u in (0, 1).  0 exponential: -log(u) / p; 1 Cauchy: p + q tan(pi (u - 1/2));
   2 log-normal: e^(p + q normal); 3 geometric, 1, 2, ...: log(u) / log(1 - p), rounded up */
void cg_draw_f32(const cg_bitgen *b, int kind, float *y, int64_t n, double p, double q);
void cg_draw_f64(const cg_bitgen *b, int kind, double *y, int64_t n, double p, double q);
/* 1 with probability p (a multiple of 2^-32), else 0 */
void cg_mask(const cg_bitgen *b, uint8_t *y, int64_t n, double p);
/* 1 with probability p[i], else 0 */
void cg_bernoulli(const cg_bitgen *b, const double *p, uint8_t *y, int64_t n);
/* low + [0, range), without bias; range 0 stands for 2^64 */
void cg_integers(const cg_bitgen *b, int64_t *y, int64_t n, int64_t low, uint64_t range);
/* A permutation of 0 ... n-1 (Fisher and Yates) */
void cg_permutation(const cg_bitgen *b, int64_t *y, int64_t n);
/* k indices with probabilities proportional to p; cum: room for n.  With replacement */
void cg_multinomial(const cg_bitgen *b, const double *p, double *cum, int64_t n, int64_t *y,
                    int64_t k);
/* ... and without: the k least of e_i / p_i, e exponential; k positive p are there; keys: room for
   2 n */
void cg_sample(const cg_bitgen *b, const double *p, double *keys, int64_t n, int64_t *y,
               int64_t k);

#endif
