/* Convolution with stride 1 by shifts, of one type: included by conv.c with T and NAME(x) defined.

   A channel lies in a grid with its padding around it; the padding at the right of a row is that at
   the left of the next.  A tap then meets all output places at once
   at a fixed distance in the grid, so that the matrix of im2col need not be made: its rows are the
   grid read from different places (Georganas et al., 2018, go the same way).  Output places are
   counted in the grid too, which makes some that do not exist, at the end of each of its rows;
   their values are left out at the end, or meet zeros. */

/* Lines of `width` numbers: to (ld_to apart) from (ld_from apart).  The last vector of a line
   overlaps the one before: short lines are what this is for. */
CG_MV static void NAME(lines)(const T *CG_RESTRICT from, int64_t ld_from, T *CG_RESTRICT to,
                              int64_t ld_to, int64_t width, int64_t lines)
{
    enum { VECTOR = 32 / sizeof(T) };
    int64_t i, j;
    for (i = 0; i < lines; i++, to += ld_to, from += ld_from)
        if (width < VECTOR)
            for (j = 0; j < width; j++)
                to[j] = from[j];
        else {
            for (j = 0; j + VECTOR < width; j += VECTOR)
                memcpy(to + j, from + j, 32);
            memcpy(to + width - VECTOR, from + width - VECTOR, 32);
        }
}

/* All lines of one channel between the grid and its plane: to the plane with `back`. */
static void NAME(grid)(const cg_conv *g, const int64_t *size, T *grid, T *plane, int back)
{
    const int64_t row = grid_row(g), slice = row * (g->in[1] + 2 * g->pad[1]);
    int64_t i;
    for (i = 0; i < size[0]; i++, grid += slice, plane += size[1] * size[2])
        if (back)
            NAME(lines)(grid, row, plane, size[2], size[2], size[1]);
        else
            NAME(lines)(plane, size[2], grid, row, size[2], size[1]);
}

/* Where the channels, each `grid` numbers long, have their taps. */
static void NAME(distances)(const cg_conv *g, int64_t grid, int64_t channels, int64_t *at)
{
    const int64_t row = grid_row(g), slice = row * (g->in[1] + 2 * g->pad[1]);
    int64_t c, k0, k1, k2;
    for (c = 0; c < channels; c++)
        for (k0 = 0; k0 < g->k[0]; k0++)
            for (k1 = 0; k1 < g->k[1]; k1++)
                for (k2 = 0; k2 < g->k[2]; k2++)
                    *at++ = c * grid + k0 * g->dilation[0] * slice + k1 * g->dilation[1] * row
                            + k2 * g->dilation[2];
}

static int64_t NAME(first)(const cg_conv *g)      /* the place of plane 0, 0, 0 in the grid */
{
    const int64_t row = grid_row(g);
    return g->pad[0] * row * (g->in[1] + 2 * g->pad[1]) + g->pad[1] * row + g->pad[2];
}

static void NAME(shift_forward)(const cg_conv *g, const cg_shift *s, const void *from,
                                const void *weight, const void *summand, void *to, int64_t begin,
                                int64_t end, void *scratch)
{
    const T *x = from, *w = weight, *bias = summand;
    T *y = to;
    const int64_t cg = g->c / g->groups, og = g->o / g->groups;
    const int64_t columns = NAME(cg_padded)(s->places);
    const T zero = 0;
    int64_t *at = scratch;
    T *grid = (T *)(at + s->channels * g->taps);
    T *sums = grid + s->channels * s->grid + NAME(cg_padded)(1);
    int64_t c, i, count, group;
    NAME(distances)(g, s->grid, s->channels, at);
    memset(grid, 0, (size_t)(sums - grid) * sizeof(T));
    for (; begin < end; begin++) {
        group = begin % g->groups;
        for (i = 0; i < og; i++)
            NAME(fill)(bias ? bias + group * og + i : &zero, sums + i * columns, columns);
        for (c = 0; c < cg; c += count) {
            count = cg - c < s->channels ? cg - c : s->channels;
            for (i = 0; i < count; i++)
                NAME(grid)(g, g->in, grid + i * s->grid + NAME(first)(g),
                           (T *)x + (begin * cg + c + i) * g->in_size, 0);
            NAME(cg_panels)(CG_SHIFTED, w + (group * og * cg + c) * g->taps, cg * g->taps, grid, at,
                            sums, columns, sums, columns, og, s->places, count * g->taps);
        }
        for (i = 0; i < og; i++)
            NAME(grid)(g, g->out, sums + i * columns, y + (begin * og + i) * g->out_size, 1);
    }
}

/* Samples begin..end of one group: w (o / groups, c / groups, taps) = the gradient. */
static void NAME(shift_weight)(const cg_conv *g, const cg_shift *s, const void *input,
                               const void *gradient, void *weight, int64_t group, int64_t begin,
                               int64_t end, void *scratch)
{
    const T *x = input, *y = gradient;
    T *w = weight;
    const int64_t cg = g->c / g->groups, og = g->o / g->groups, ogp = NAME(cg_padded)(og);
    const int64_t panel = NAME(cg_padded)(1), row = grid_row(g);
    const int64_t slice = row * (g->in[1] + 2 * g->pad[1]), n_at = s->channels * g->taps;
    int64_t *at = scratch;
    T *grid = (T *)(at + n_at), *packed = grid + s->channels * s->grid + panel;
    T *sums = packed + s->places * ogp;
    int64_t c, i, j, k, sample, count;
    NAME(distances)(g, s->grid, s->channels, at);
    memset(grid, 0, (size_t)(sums - grid) * sizeof(T));
    for (c = 0; c < cg; c += count) {
        count = cg - c < s->channels ? cg - c : s->channels;
        memset(sums, 0, (size_t)(n_at * ogp) * sizeof(T));
        for (sample = begin; sample < end; sample++) {
            for (i = 0; i < og; i += panel)
                for (j = 0; j < g->out[0]; j++)
                    for (k = 0; k < g->out[1]; k++)
                        NAME(cg_pack_panel)(y + (sample * g->o + group * og + i) * g->out_size
                                            + (j * g->out[1] + k) * g->out[2],
                                            g->out_size, 0, og - i < panel ? og - i : panel, panel,
                                            g->out[2],
                                            packed + i * s->places + (j * slice + k * row) * panel);
            for (i = 0; i < count; i++)
                NAME(grid)(g, g->in, grid + i * s->grid + NAME(first)(g),
                           (T *)x + (sample * g->c + group * cg + c + i) * g->in_size, 0);
            NAME(cg_panels)(CG_GATHERED, grid, 0, packed, at, sums, ogp, sums, ogp,
                            count * g->taps, og, s->places);
        }
        for (i = 0; i < og; i++)
            for (j = 0; j < count * g->taps; j++)
                w[(i * cg + c) * g->taps + j] = sums[j * ogp + i];
    }
}

/* For the gradient of x, g being the geometry of that convolution: from w (c, o / groups, taps)
   to (o, c / groups, taps backwards). */
static void NAME(shift_flip)(const cg_conv *g, const void *weight, void *turned)
{
    const T *w = weight;
    T *flipped = turned;
    const int64_t cg = g->c / g->groups, og = g->o / g->groups;
    int64_t group, o, c, k;
    for (group = 0; group < g->groups; group++, w += og * cg * g->taps)
        for (o = 0; o < og; o++)
            for (c = 0; c < cg; c++)
                for (k = g->taps - 1; k >= 0; k--)
                    *flipped++ = w[(c * og + o) * g->taps + k];
}

CG_MV static int NAME(any_nan)(const void *values, int64_t n)
{
    const T *x = values;
    int64_t i;
    int found = 0;
    for (i = 0; i < n; i++)
        found |= x[i] != x[i];
    return found;
}
