/* Recurrent layers over whole sequences: the product with the hidden state, the gates, and their
   derivatives, for rows [begin, end) of the batch.  Rows are independent of each other, so that a
   thread can take its rows through all steps; each entry is summed in the order of k, whatever
   rows stand beside it, and has the same bits for any number of threads.

   n rows in the batch, h units; G = 4 h (LSTM: i f g o), 3 h (GRU: r z n) or h.  Arrays are
   row-major: x, dx: (steps, n, G), the projected input and its gradient; hs, cs: (steps + 1, n, h),
   the states, from the first one on in the order of the computation (with `reverse` the first one
   is the last row); saved: the gates, (steps, n, G), and for GRU the n part of the product as well,
   (steps, n, 4 h). */
#ifndef CG_RECURRENT_H
#define CG_RECURRENT_H
#include <stdint.h>

enum { CG_RNN_TANH, CG_RNN_RELU, CG_LSTM, CG_GRU };

typedef struct {
    int mode, reverse;
    int64_t steps, n, h;
    int64_t pad;            /* columns of a row of scratch */
    const void *x, *bias;   /* bias: (G) or NULL */
    const void *packed;     /* the matrix as cg_pack leaves it */
    void *hs, *cs, *saved;  /* cs: LSTM */
    void *scratch;          /* (n, pad) */
    const void *dout;       /* (steps, n, h) or NULL */
    void *dx, *dhh;         /* dhh: GRU, the gradient of the product; of the others it is dx */
    void *dh, *dc;          /* (n, h): gradient of the last state, becomes that of the first */
} cg_recurrent;

void cg_recurrent_forward_f32(const cg_recurrent *a, int64_t begin, int64_t end);
void cg_recurrent_forward_f64(const cg_recurrent *a, int64_t begin, int64_t end);
void cg_recurrent_backward_f32(const cg_recurrent *a, int64_t begin, int64_t end);
void cg_recurrent_backward_f64(const cg_recurrent *a, int64_t begin, int64_t end);

#endif
