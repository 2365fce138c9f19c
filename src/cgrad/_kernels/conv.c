/* Around the matrix product of a convolution; see conv.h.  The kernels are in conv_impl.h. */
#include "conv.h"
#include <string.h>
#include "common.h"
#include "panels.h"
#include "loop_macros.h"
#ifdef _MSC_VER
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#endif

/* The output places begin..end of one dimension at which tap k lies inside the input. */
static void range(const cg_conv *g, int d, int64_t k, int64_t *begin, int64_t *end)
{
    int64_t shift = k * g->dilation[d] - g->pad[d], s = g->stride[d];
    int64_t first = shift >= 0 ? 0 : (-shift + s - 1) / s;
    int64_t last = g->in[d] - 1 - shift;         /* in input places */
    last = last < 0 ? 0 : last / s + 1;
    if (last > g->out[d])
        last = g->out[d];
    *begin = first < last ? first : last;
    *end = last;
}

/* From row to row of a padded plane; see conv_shift.h. */
static int64_t grid_row(const cg_conv *g)
{
    const int64_t row = g->in[2] + g->pad[2];
    return row < g->out[2] ? g->out[2] : row;
}

#define T float
#define NAME(x) x##_f32
#include "conv_impl.h"
#include "conv_direct.h"
#include "conv_shift.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#include "conv_impl.h"
#include "conv_direct.h"
#include "conv_shift.h"
#undef T
#undef NAME
#define T uint64_t
#define NAME(x) x##_i64
#include "conv_direct.h"

void cg_shift_sizes(const cg_conv *g, int64_t depth, int64_t elements, cg_shift *s)
{
    const int64_t row = grid_row(g), slice = row * (g->in[1] + 2 * g->pad[1]);
    const int64_t cg = g->c / g->groups, og = g->o / g->groups;
    s->grid = slice * (g->in[0] + 2 * g->pad[0]) + g->pad[2];
    s->places = (g->out[0] - 1) * slice + (g->out[1] - 1) * row + g->out[2];
    s->channels = depth / g->taps < elements / s->grid ? depth / g->taps : elements / s->grid;
    s->channels = s->channels < 1 ? 1 : s->channels < cg ? s->channels : cg;
    /* distances; grids; packed gradient and sums, or sums alone.  64: more than a panel */
    s->bytes = 8 * (s->channels * g->taps
                    + s->channels * s->grid + 64
                    + (s->places + s->channels * g->taps + 64) * (og + 64));
}

const cg_direct cg_conv_forward[8] = {0, 0, 0, 0, 0, forward_i64, forward_f32, forward_f64};
const cg_direct cg_conv_input[8] = {0, 0, 0, 0, 0, input_i64, input_f32, input_f64};
const cg_direct cg_conv_weight[8] = {0, 0, 0, 0, 0, weight_i64, weight_f32, weight_f64};

const cg_shift_forward_type cg_shift_forward[8] = {0, 0, 0, 0, 0, 0, shift_forward_f32,
                                                   shift_forward_f64};
const cg_shift_weight_type cg_shift_weight[8] = {0, 0, 0, 0, 0, 0, shift_weight_f32,
                                                 shift_weight_f64};
const cg_shift_flip_type cg_shift_flip[8] = {0, 0, 0, 0, 0, 0, shift_flip_f32, shift_flip_f64};
const cg_fill_type cg_fill[8] = {0, 0, 0, 0, 0, fill_i64, fill_f32, fill_f64};
const cg_any_nan_type cg_any_nan[8] = {0, 0, 0, 0, 0, 0, any_nan_f32, any_nan_f64};

int cg_slot_take(volatile int *slots, int n)
{
    int i;
    for (;;)
        for (i = 0; i < n; i++) {
#ifdef _MSC_VER
            if (!InterlockedExchange((volatile LONG *)&slots[i], 1))
#else
            if (!__atomic_exchange_n(&slots[i], 1, __ATOMIC_ACQUIRE))
#endif
                return i;
        }
}

void cg_slot_give(volatile int *slots, int i)
{
#ifdef _MSC_VER
    InterlockedExchange((volatile LONG *)&slots[i], 0);
#else
    __atomic_store_n(&slots[i], 0, __ATOMIC_RELEASE);
#endif
}
