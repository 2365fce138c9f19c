/* Attention of one type: included by attention.c with T and NAME(x) defined.  The status of products
   is not looked at: lengths of rows below 2^31 are the caller's promise. */

#define PART(X, B, H, ROW)                                                                       \
    ((T *)a->X.data + (B) * a->X.at[0] + (H) * a->X.at[1] + (ROW) * a->X.at[2])

/* The length of a row for BLAS, which wants it even where there is one row only. */
#define LENGTH(X, COLUMNS) (a->X.at[2] > (COLUMNS) ? a->X.at[2] : (COLUMNS) ? (COLUMNS) : 1)

/* One row of scores: the mask added, -inf where it is false.  Returns whether some key is seen. */
static int NAME(mask_row)(const cg_attention *a, const char *mask, int64_t keys, T *s)
{
    const int64_t step = a->mask_at[3];
    int64_t j;
    int seen = 0;
    if (a->mask_bool)
        for (j = 0; j < keys; j++)
            s[j] = mask[j * step] ? s[j] : -(T)INFINITY;
    else
        for (j = 0; j < keys; j++)
            s[j] += ((const T *)mask)[j * step];
    for (j = 0; j < keys; j++)
        seen |= !(s[j] == -(T)INFINITY);
    return seen;
}

/* Keys that the row sees, of those that its block computes. */
static int64_t NAME(seen)(const cg_attention *a, int64_t row, int64_t keys)
{
    return a->causal && row + 1 < keys ? row + 1 : keys;
}

typedef struct {        /* a block of rows, which threads share where each head has all of them */
    const cg_attention *a;
    int64_t b, h, first, keys;
    T *p, *d;
    int64_t length;
} NAME(block);

/* Where the weights of the block are: in a->p or in scratch. */
static void NAME(place)(NAME(block) *x, int64_t unit, T *scratch)
{
    const cg_attention *a = x->a;
    x->length = a->p ? a->keys : x->keys ? x->keys : 1;
    x->p = a->p ? (T *)a->p + (unit * a->rows + x->first) * a->keys : scratch;
}

/* Rows of p: from scores to weights. */
static void NAME(weigh)(void *ctx, int64_t begin, int64_t end)
{
    const NAME(block) *x = ctx;
    const cg_attention *a = x->a;
    const int64_t size = a->mask_bool ? 1 : (int64_t)sizeof(T);
    int64_t i;
    if (!a->mask && !a->causal) {
        NAME(cg_softmax)(x->p, x->p, x->keys, 1, begin, end);
        return;
    }
    for (i = begin; i < end; i++) {
        T *row = x->p + i * x->length;
        const int64_t n = NAME(seen)(a, x->first + i, x->keys);
        const int64_t at = x->b * a->mask_at[0] + x->h * a->mask_at[1] +
                           (x->first + i) * a->mask_at[2];
        if (a->mask && !NAME(mask_row)(a, a->mask + size * at, n, row)) {
            memset(row, 0, (size_t)x->length * sizeof(T));   /* it sees nothing */
            continue;
        }
        NAME(cg_softmax)(row, row, n, 1, 0, 1);
        memset(row + n, 0, (size_t)(x->length - n) * sizeof(T));
    }
}

/* Rows of d: from the gradient of the weights to that of the scores. */
static void NAME(unweigh)(void *ctx, int64_t begin, int64_t end)
{
    const NAME(block) *x = ctx;
    int64_t i;
    if (!x->a->causal) {
        NAME(cg_softmax_backward)(x->d, x->p, x->d, x->keys, 1, begin, end);
        return;
    }
    for (i = begin; i < end; i++) {
        const int64_t n = NAME(seen)(x->a, x->first + i, x->keys);
        T *row = x->d + i * x->keys;
        NAME(cg_softmax_backward)(row, x->p + i * x->length, row, n, 1, 0, 1);
        memset(row + n, 0, (size_t)(x->keys - n) * sizeof(T));
    }
}

/* The weights of a block; q: scratch for scale Q. */
static void NAME(weights)(NAME(block) *x, int64_t rows, T *q)
{
    const cg_attention *a = x->a;
    const T scale = (T)a->scale;
    int64_t i, j;
    for (i = 0; i < rows; i++) {
        const T *row = PART(q, x->b, x->h, x->first + i);
        for (j = 0; j < a->e; j++)
            q[i * a->e + j] = scale * row[j];
    }
    NAME(cg_gemm)(0, 1, rows, x->keys, a->e, 1, q, a->e ? a->e : 1, PART(k, x->b, x->h, 0),
                  LENGTH(k, a->e), 0, x->p, x->length);
    cg_parallel_for(NAME(weigh), x, rows, ROW_GRAIN / x->keys + 1);
}

void NAME(cg_attention_forward)(const cg_attention *a, void *scratch, int64_t begin, int64_t end)
{
    T *q = scratch;
    NAME(block) x = {.a = a};
    int64_t unit, rows;
    for (unit = begin; unit < end; unit++) {
        x.b = unit / a->heads;
        x.h = unit % a->heads;
        for (x.first = 0; x.first < a->rows; x.first += a->block) {
            rows = a->rows - x.first < a->block ? a->rows - x.first : a->block;
            x.keys = NAME(seen)(a, x.first + rows - 1, a->keys);
            NAME(place)(&x, unit, q + a->block * a->e);
            if (x.keys)
                NAME(weights)(&x, rows, q);
            NAME(cg_gemm)(0, 0, rows, a->ev, x.keys, 1, x.p, x.length, PART(v, x.b, x.h, 0),
                          LENGTH(v, a->ev), 0, PART(out, x.b, x.h, x.first), LENGTH(out, a->ev));
        }
    }
}

static void NAME(clear)(T *x, int64_t step, int64_t rows, int64_t columns)
{
    int64_t i;
    for (i = 0; i < rows; i++)
        memset(x + i * step, 0, (size_t)columns * sizeof(T));
}

static void NAME(times)(T *x, int64_t step, int64_t rows, int64_t columns, T factor)
{
    int64_t i, j;
    for (i = 0; i < rows; i++)
        for (j = 0; j < columns; j++)
            x[i * step + j] *= factor;
}

void NAME(cg_attention_backward)(const cg_attention *a, void *scratch, int64_t begin, int64_t end)
{
    T *q = scratch;
    const T scale = (T)a->scale;
    NAME(block) x = {.a = a, .d = q + a->block * a->e};
    /* A head's only block that sees all keys sets dK and dV; others add to zeros. */
    const int add = a->rows == 0 || a->rows > a->block || (a->causal && a->rows < a->keys);
    int64_t unit, rows;
    for (unit = begin; unit < end; unit++) {
        const int64_t b = x.b = unit / a->heads, h = x.h = unit % a->heads;
        if (add && a->dk.data)
            NAME(clear)(PART(dk, b, h, 0), a->dk.at[2], a->keys, a->e);
        if (add && a->dv.data)
            NAME(clear)(PART(dv, b, h, 0), a->dv.at[2], a->keys, a->ev);
        for (x.first = 0; x.first < a->rows; x.first += a->block) {
            const T *g = PART(g, b, h, x.first);
            rows = a->rows - x.first < a->block ? a->rows - x.first : a->block;
            x.keys = NAME(seen)(a, x.first + rows - 1, a->keys);
            if (!x.keys) {
                if (a->dq.data)
                    NAME(clear)(PART(dq, b, h, x.first), a->dq.at[2], rows, a->e);
                continue;
            }
            NAME(place)(&x, unit, x.d + a->block * a->keys);
            if (!a->p)
                NAME(weights)(&x, rows, q);
            if (a->dv.data)
                NAME(cg_gemm)(1, 0, x.keys, a->ev, rows, 1, x.p, x.length, g, LENGTH(g, a->ev), add,
                              PART(dv, b, h, 0), LENGTH(dv, a->ev));
            if (!a->dq.data && !a->dk.data)
                continue;
            NAME(cg_gemm)(0, 1, rows, x.keys, a->ev, 1, g, LENGTH(g, a->ev), PART(v, b, h, 0),
                          LENGTH(v, a->ev), 0, x.d, x.keys);
            cg_parallel_for(NAME(unweigh), &x, rows, ROW_GRAIN / x.keys + 1);
            if (a->dq.data) {
                NAME(cg_gemm)(0, 0, rows, a->e, x.keys, 1, x.d, x.keys, PART(k, b, h, 0),
                              LENGTH(k, a->e), 0, PART(dq, b, h, x.first), LENGTH(dq, a->e));
                NAME(times)(PART(dq, b, h, x.first), a->dq.at[2], rows, a->e, scale);
            }
            if (a->dk.data)
                NAME(cg_gemm)(1, 0, x.keys, a->e, rows, 1, x.d, x.keys, PART(q, b, h, x.first),
                              LENGTH(q, a->e), add, PART(dk, b, h, 0), LENGTH(dk, a->e));
        }
        if (a->dk.data)
            NAME(times)(PART(dk, b, h, 0), a->dk.at[2], a->keys, a->e, scale);
    }
}
#undef PART
#undef LENGTH
