/* Convolution of one to three dimensions: the parts around the matrix product.

   All arrays are row-major: input [n, c, in0, in1, in2], output [n, o, out0, out1, out2], weight
   [o, c / groups, k0, k1, k2]; fewer dimensions have sizes of 1 in front.  Output place p and tap k
   meet at input place p * stride - pad + k * dilation, nothing outside the input.  The caller has
   checked that no size, stride, padding or dilation exceeds 2^30. */
#ifndef CG_CONV_H
#define CG_CONV_H
#include <stdint.h>

typedef struct {
    int64_t n, c, o, groups;          /* c, o: all groups together */
    int64_t in[3], out[3], k[3], stride[3], pad[3], dilation[3];
    int64_t in_size, out_size, taps;  /* products of the three */
} cg_conv;

/* Columns begin..end (output places) of the matrix whose rows are the taps of `channels` channels,
   from x, the first of them; rows lie ld elements apart. */
void cg_im2col_f32(const cg_conv *g, const float *x, int64_t channels, int64_t begin, int64_t end,
                   float *col, int64_t ld);
void cg_im2col_f64(const cg_conv *g, const double *x, int64_t channels, int64_t begin, int64_t end,
                   double *col, int64_t ld);

/* The transpose: adds the matrix to x.  The matrix may be changed. */
void cg_col2im_f32(const cg_conv *g, float *x, int64_t channels, int64_t begin, int64_t end,
                   float *col, int64_t ld);
void cg_col2im_f64(const cg_conv *g, double *x, int64_t channels, int64_t begin, int64_t end,
                   double *col, int64_t ld);

/* Convolution, its gradients with respect to input and weight, by plain loops, for few channels in
   a group; float32, float64, int64 (which wraps around).  Items: planes of y (n * o), planes of x
   (n * c), outputs of the weight (o * c / groups).  By dtype (loops.h). */
typedef void (*cg_direct)(const cg_conv *g, const void *a, const void *b, void *out,
                          int64_t begin, int64_t end);
extern const cg_direct cg_conv_forward[8];     /* a = x, b = w; adds to y */
extern const cg_direct cg_conv_input[8];       /* a = gradient of y, b = w; adds to x's */
extern const cg_direct cg_conv_weight[8];      /* a = x, b = gradient of y; overwrites */

/* A place among `n` that no other thread holds: waits until there is one. */
int cg_slot_take(volatile int *slots, int n);
void cg_slot_give(volatile int *slots, int i);

#endif
