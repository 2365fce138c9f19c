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

/* Convolution with stride 1 by shifts in a padded grid (conv_shift.h), for grids that fit the
   cache.  `channels` of a group are worked on at a time, whose products add up at most `depth`
   numbers and whose grids have at most `elements`, if more than one; a task needs `bytes`. */
typedef struct {
    int64_t grid, places, channels, bytes;     /* numbers in a grid, output places counted in it */
} cg_shift;
void cg_shift_sizes(const cg_conv *g, int64_t depth, int64_t elements, cg_shift *s);

/* All by dtype (loops.h), float32 and float64.
   forward: samples and groups (one index) begin..end: y = the convolution, plus bias (or NULL).
   weight: its gradient, of one group by samples begin..end, at w, where the group's begins.
   flip: w (c, o / groups, taps) becomes (o, c / groups, taps backwards): with it, and input and
   output of g exchanged, the gradient of y gives that of x. */
typedef void (*cg_shift_forward_type)(const cg_conv *g, const cg_shift *s, const void *x,
                                      const void *w, const void *bias, void *y, int64_t begin,
                                      int64_t end, void *scratch);
typedef void (*cg_shift_weight_type)(const cg_conv *g, const cg_shift *s, const void *x,
                                     const void *y, void *w, int64_t group, int64_t begin,
                                     int64_t end, void *scratch);
typedef void (*cg_shift_flip_type)(const cg_conv *g, const void *w, void *flipped);
typedef int (*cg_any_nan_type)(const void *x, int64_t n);
extern const cg_shift_forward_type cg_shift_forward[8];
extern const cg_shift_weight_type cg_shift_weight[8];
extern const cg_shift_flip_type cg_shift_flip[8];
extern const cg_any_nan_type cg_any_nan[8];

/* n times *number */
typedef void (*cg_fill_type)(const void *number, void *y, int64_t n);
extern const cg_fill_type cg_fill[8];

/* A place among `n` that no other thread holds: waits until there is one. */
int cg_slot_take(volatile int *slots, int n);
void cg_slot_give(volatile int *slots, int i);

#endif
