/* im2col and col2im of one type: included by conv.c with T and NAME(x) defined. */

/* Whether the places of one output plane and of the input plane run alike, so that a tap is one
   shifted copy of the whole plane. */
static int NAME(alike)(const cg_conv *g)
{
    return g->stride[2] == 1 && g->stride[1] == 1 && g->out[2] == g->in[2];
}

/* One plane (dimensions 1 and 2) of one tap: col = x shifted, zero outside. */
CG_MV static void NAME(plane_get)(const cg_conv *g, const T *x, T *col, const int64_t *k)
{
    int64_t h0, h1, w0, w1, i, j, width = g->out[2], s = g->stride[2];
    int64_t by1 = k[1] * g->dilation[1] - g->pad[1], by2 = k[2] * g->dilation[2] - g->pad[2];
    range(g, 1, k[1], &h0, &h1);
    range(g, 2, k[2], &w0, &w1);
    if (h0 >= h1 || w0 >= w1) {
        memset(col, 0, (size_t)(g->out[1] * width) * sizeof(T));
        return;
    }
    memset(col, 0, (size_t)(h0 * width) * sizeof(T));
    memset(col + h1 * width, 0, (size_t)((g->out[1] - h1) * width) * sizeof(T));
    if (NAME(alike)(g)) {
        int64_t first = h0 * width + w0, last = (h1 - 1) * width + w1;
        memcpy(col + first, x + (first + by1 * width + by2), (size_t)(last - first) * sizeof(T));
        for (i = h0; i < h1; i++) {
            for (j = 0; j < w0; j++)
                col[i * width + j] = 0;
            for (j = w1; j < width; j++)
                col[i * width + j] = 0;
        }
        return;
    }
    for (i = h0; i < h1; i++) {
        const T *row = x + (i * g->stride[1] + by1) * g->in[2] + by2;
        T *to = col + i * width;
        for (j = 0; j < w0; j++)
            to[j] = 0;
        if (s == 1)
            memcpy(to + w0, row + w0, (size_t)(w1 - w0) * sizeof(T));
        else if (s == 2)
            for (j = w0; j < w1; j++)
                to[j] = row[2 * j];
        else
            for (j = w0; j < w1; j++)
                to[j] = row[s * j];
        for (j = w1; j < width; j++)
            to[j] = 0;
    }
}

/* The transpose: x += col shifted. */
CG_MV static void NAME(plane_add)(const cg_conv *g, T *x, T *col, const int64_t *k)
{
    int64_t h0, h1, w0, w1, i, j, width = g->out[2], s = g->stride[2];
    int64_t by1 = k[1] * g->dilation[1] - g->pad[1], by2 = k[2] * g->dilation[2] - g->pad[2];
    range(g, 1, k[1], &h0, &h1);
    range(g, 2, k[2], &w0, &w1);
    if (h0 >= h1 || w0 >= w1)
        return;
    if (NAME(alike)(g)) {
        int64_t first = h0 * width + w0, count = (h1 - 1) * width + w1 - first;
        T *CG_RESTRICT to = x + (first + by1 * width + by2);
        for (i = h0; i < h1; i++) {               /* nothing from places beside the input */
            for (j = 0; j < w0; j++)
                col[i * width + j] = 0;
            for (j = w1; j < width; j++)
                col[i * width + j] = 0;
        }
        for (j = 0; j < count; j++)
            to[j] += col[first + j];
        return;
    }
    for (i = h0; i < h1; i++) {
        T *CG_RESTRICT row = x + (i * g->stride[1] + by1) * g->in[2] + by2;
        const T *from = col + i * width;
        if (s == 1)
            for (j = w0; j < w1; j++)
                row[j] += from[j];
        else
            for (j = w0; j < w1; j++)
                row[s * j] += from[j];
    }
}

/* A part begin..end of a plane, row by row. */
static void NAME(part)(const cg_conv *g, T *x, T *col, const int64_t *k, int64_t begin, int64_t end,
                       int add)
{
    int64_t h0, h1, w0, w1, i, j, a, b, row_end, width = g->out[2], s = g->stride[2];
    int64_t by1 = k[1] * g->dilation[1] - g->pad[1], by2 = k[2] * g->dilation[2] - g->pad[2];
    range(g, 1, k[1], &h0, &h1);
    range(g, 2, k[2], &w0, &w1);
    for (i = begin / width; begin < end; i++, begin = row_end) {
        row_end = (i + 1) * width < end ? (i + 1) * width : end;
        a = begin - i * width > w0 ? begin - i * width : w0;
        b = row_end - i * width < w1 ? row_end - i * width : w1;
        if (!add)
            memset(col, 0, (size_t)(row_end - begin) * sizeof(T));
        if (i >= h0 && i < h1 && a < b) {
            T *to = col - (begin - i * width);
            T *row = x + (i * g->stride[1] + by1) * g->in[2] + by2;
            if (add)
                for (j = a; j < b; j++)
                    row[s * j] += to[j];
            else
                for (j = a; j < b; j++)
                    to[j] = row[s * j];
        }
        col += row_end - begin;
    }
}

/* All taps of all channels over the output places begin..end. */
static void NAME(columns)(const cg_conv *g, T *x, int64_t channels, int64_t begin, int64_t end,
                          T *col, int64_t ld, int add)
{
    int64_t k[3], c, i, d0, d1, first, last, plane = g->out[1] * g->out[2];
    int64_t x_plane = g->in[1] * g->in[2];
    for (c = 0; c < channels; c++, x += g->in_size)
        for (k[0] = 0; k[0] < g->k[0]; k[0]++) {
            range(g, 0, k[0], &d0, &d1);
            for (k[1] = 0; k[1] < g->k[1]; k[1]++)
                for (k[2] = 0; k[2] < g->k[2]; k[2]++, col += ld)
                    for (i = begin / plane; i * plane < end; i++) {
                        T *to = col + (i * plane > begin ? i * plane - begin : 0);
                        T *from = x + (i * g->stride[0] + k[0] * g->dilation[0] - g->pad[0])
                                      * x_plane;
                        first = i * plane > begin ? 0 : begin - i * plane;
                        last = (i + 1) * plane < end ? plane : end - i * plane;
                        if (i < d0 || i >= d1) {
                            if (!add)
                                memset(to, 0, (size_t)(last - first) * sizeof(T));
                        } else if (first || last < plane)
                            NAME(part)(g, from, to, k, first, last, add);
                        else if (add)
                            NAME(plane_add)(g, from, to, k);
                        else
                            NAME(plane_get)(g, from, to, k);
                    }
        }
}

void NAME(cg_im2col)(const cg_conv *g, const T *x, int64_t channels, int64_t begin, int64_t end,
                     T *col, int64_t ld)
{
    NAME(columns)(g, (T *)x, channels, begin, end, col, ld, 0);
}

void NAME(cg_col2im)(const cg_conv *g, T *x, int64_t channels, int64_t begin, int64_t end, T *col,
                     int64_t ld)
{
    NAME(columns)(g, x, channels, begin, end, col, ld, 1);
}
