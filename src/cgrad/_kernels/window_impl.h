/* Maxima in windows of one type: included by window.c with T, PLACE (an integer as wide as T),
   IS_NAN(x) and NAME(x) defined. */

enum { NAME(CHUNK) = 64 / sizeof(T) };

/* The maxima of two rows of a plane whose windows are 2 by 2, side by side: a chunk of them, so
   that there is no rest that vectors would not fit. */
CG_INLINE void NAME(chunk)(const T *a, const T *b, T *y, int64_t *index, PLACE first, PLACE second)
{
    int j;
    CG_IVDEP
    for (j = 0; j < NAME(CHUNK); j++) {
        T v = a[2 * j], w = a[2 * j + 1];
        PLACE i = first + 2 * (PLACE)j, k = second + 2 * (PLACE)j;
        int take = w > v || IS_NAN(w);
        v = take ? w : v;
        i = take ? i + 1 : i;
        w = b[2 * j];
        take = w > v || IS_NAN(w);
        v = take ? w : v;
        i = take ? k : i;
        w = b[2 * j + 1];
        take = w > v || IS_NAN(w);
        v = take ? w : v;
        i = take ? k + 1 : i;
        y[j] = v;
        index[j] = i;
    }
}

/* n of them.  With room, more may be read and written than there are: what comes next in y is
   written later. */
CG_MV static void NAME(halves)(const T *a, const T *b, T *y, int64_t *index, int64_t n,
                               PLACE first, PLACE second, int room)
{
    int64_t j;
    for (j = 0; j < n; j += NAME(CHUNK)) {
        const size_t left = (size_t)(n - j);
        if (room || left >= NAME(CHUNK))
            NAME(chunk)(a + 2 * j, b + 2 * j, y + j, index + j, first + 2 * (PLACE)j,
                        second + 2 * (PLACE)j);
        else {
            T ends[2][2 * NAME(CHUNK)] = {{0}}, v[NAME(CHUNK)];
            int64_t i[NAME(CHUNK)];
            memcpy(ends[0], a + 2 * j, 2 * left * sizeof(T));
            memcpy(ends[1], b + 2 * j, 2 * left * sizeof(T));
            NAME(chunk)(ends[0], ends[1], v, i, first + 2 * (PLACE)j, second + 2 * (PLACE)j);
            memcpy(y + j, v, left * sizeof(T));
            memcpy(index + j, i, left * sizeof(int64_t));
        }
    }
}

static void NAME(maxima)(const cg_windows *g, const void *from, void *to, int64_t *index,
                         int64_t begin, int64_t end)
{
    const T *x = (const T *)from + begin * g->in_size;
    const T *x_end = (const T *)from + end * g->in_size;
    T *y = (T *)to + begin * g->out_size, *y_end = (T *)to + end * g->out_size;
    const int64_t chunks = (g->out[2] + NAME(CHUNK) - 1) / NAME(CHUNK) * NAME(CHUNK);
    int64_t plane, a, b, c, i, j, k, p, q;
    index += begin * g->out_size;
    for (plane = begin; plane < end; plane++, x += g->in_size)
        for (a = 0; a < g->out[0]; a++)
            for (b = 0; b < g->out[1]; b++) {
                if (g->halves) {
                    p = (a * g->in[1] + g->start[1][b]) * g->in[2];
                    q = p + g->in[2];
                    NAME(halves)(x + p, x + q, y, index, g->out[2], (PLACE)p, (PLACE)q,
                                 y_end - y >= chunks && x_end - (x + q) >= 2 * chunks);
                    y += g->out[2];
                    index += g->out[2];
                    continue;
                }
                for (c = 0; c < g->out[2]; c++, y++, index++) {
                    int64_t best = (g->start[0][a] * g->in[1] + g->start[1][b]) * g->in[2]
                                   + g->start[2][c];
                    T v = x[best];
                    for (i = 0; i < g->count[0][a]; i++)
                        for (j = 0; j < g->count[1][b]; j++) {
                            p = g->start[0][a] + i * g->step[0];
                            q = g->start[1][b] + j * g->step[1];
                            p = (p * g->in[1] + q) * g->in[2] + g->start[2][c];
                            for (k = 0; k < g->count[2][c]; k++, p += g->step[2]) {
                                const T w = x[p];
                                const int take = w > v || IS_NAN(w);
                                v = take ? w : v;
                                best = take ? p : best;
                            }
                        }
                    *y = v;
                    *index = best;
                }
            }
}
