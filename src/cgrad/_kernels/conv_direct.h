/* Convolution by plain loops, of one type: included by conv.c with T and NAME(x) defined. */

enum { NAME(FORWARD), NAME(INPUT), NAME(WEIGHT) };

/* One plane of x against one plane of y, all taps: y += w x, x += w y, or w = sum of x y. */
CG_MV static void NAME(planes)(const cg_conv *g, T *x, T *y, T *w, int what)
{
    int64_t k0, k1, k2, i, j, l, a0, b0, a1, b1, a2, b2, s = g->stride[2];
    for (k0 = 0; k0 < g->k[0]; k0++)
        for (k1 = 0; k1 < g->k[1]; k1++)
            for (k2 = 0; k2 < g->k[2]; k2++, w++) {
                int64_t by0 = k0 * g->dilation[0] - g->pad[0];
                int64_t by1 = k1 * g->dilation[1] - g->pad[1];
                int64_t by2 = k2 * g->dilation[2] - g->pad[2];
                T sum = 0;
                range(g, 0, k0, &a0, &b0);
                range(g, 1, k1, &a1, &b1);
                range(g, 2, k2, &a2, &b2);
                for (i = a0; i < b0; i++)
                    for (j = a1; j < b1; j++) {
                        T *CG_RESTRICT row = x + ((i * g->stride[0] + by0) * g->in[1]
                                               + j * g->stride[1] + by1) * g->in[2] + by2;
                        T *CG_RESTRICT to = y + (i * g->out[1] + j) * g->out[2];
                        if (what == NAME(FORWARD) && s == 1)
                            for (l = a2; l < b2; l++)
                                to[l] += *w * row[l];
                        else if (what == NAME(FORWARD))
                            for (l = a2; l < b2; l++)
                                to[l] += *w * row[s * l];
                        else if (what == NAME(INPUT) && s == 1)
                            for (l = a2; l < b2; l++)
                                row[l] += *w * to[l];
                        else if (what == NAME(INPUT))
                            for (l = a2; l < b2; l++)
                                row[s * l] += *w * to[l];
                        else
                            for (l = a2; l < b2; l++)
                                sum += row[s * l] * to[l];
                    }
                if (what == NAME(WEIGHT))
                    *w += sum;
            }
}

static void NAME(forward)(const cg_conv *g, const void *a, const void *b, void *out, int64_t begin,
                          int64_t end)
{
    int64_t cg = g->c / g->groups, og = g->o / g->groups, c;
    for (; begin < end; begin++) {
        int64_t n = begin / g->o, o = begin % g->o;
        for (c = 0; c < cg; c++)
            NAME(planes)(g, (T *)a + (n * g->c + o / og * cg + c) * g->in_size,
                         (T *)out + begin * g->out_size, (T *)b + (o * cg + c) * g->taps,
                         NAME(FORWARD));
    }
}

static void NAME(input)(const cg_conv *g, const void *a, const void *b, void *out, int64_t begin,
                        int64_t end)
{
    int64_t cg = g->c / g->groups, og = g->o / g->groups, i;
    for (; begin < end; begin++) {
        int64_t n = begin / g->c, c = begin % g->c;
        for (i = 0; i < og; i++) {
            int64_t o = c / cg * og + i;
            NAME(planes)(g, (T *)out + begin * g->in_size, (T *)a + (n * g->o + o) * g->out_size,
                         (T *)b + (o * cg + c % cg) * g->taps, NAME(INPUT));
        }
    }
}

static void NAME(weight)(const cg_conv *g, const void *a, const void *b, void *out, int64_t begin,
                         int64_t end)
{
    int64_t cg = g->c / g->groups, og = g->o / g->groups, n;
    for (; begin < end; begin++) {
        int64_t o = begin / cg, c = o / og * cg + begin % cg;
        T *w = (T *)out + begin * g->taps;
        memset(w, 0, (size_t)g->taps * sizeof(T));
        for (n = 0; n < g->n; n++)
            NAME(planes)(g, (T *)a + (n * g->c + c) * g->in_size,
                         (T *)b + (n * g->o + o) * g->out_size, w, NAME(WEIGHT));
    }
}

CG_MV static void NAME(fill)(const void *number, void *y, int64_t n)
{
    const T x = *(const T *)number;
    T *to = y;
    int64_t i;
    for (i = 0; i < n; i++)
        to[i] = x;
}
