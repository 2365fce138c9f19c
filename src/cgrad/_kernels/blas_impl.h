/* Matrix products of one type: included by blas.c with T, NAME(x) and the BLAS function pointers
   GEMM, GEMV, DOT defined. */

typedef struct {
    int trans_a, trans_b;
    int64_t m, n, k;
    T alpha, beta;
    const T *a, *b;
    T *c;
    int64_t lda, ldb, ldc;
    int64_t panel;                        /* rows (or columns) a task computes */
    int64_t stride_a, stride_b, stride_c; /* batched only */
    int own;                              /* depth() of the whole product */
    const T *bias;                        /* a row that is added to all rows, with beta = 0; or NULL */
} NAME(product);

/* Numbers of a sum that panels.c adds up at a time; 0 for BLAS.  panels.c takes products that BLAS
   copies more than it multiplies: short sums, and rows that fill the vectors; long sums of many
   rows, if A stays in the cache or is read for a few panels only; and those too small for BLAS to
   be split.  Decided by the whole product, not by the part of a thread: the bits depend on it.
   Measured with AVX2: 1.05 to 2 times faster than OpenBLAS, which without AVX-512 has one way for
   all sizes; for long sums as fast to 1.17 times. */
static int NAME(depth)(const NAME(product) *p)
{
    const int64_t half = 64 / sizeof(T), many = !p->trans_a && p->m >= FEW_ROWS;
    const int64_t far = p->m <= NEAR ? p->m * p->k * (int64_t)sizeof(T) / NEAR : NEAR;
    const int near = many && (far == 0 || (far < 4 && p->n * (int64_t)sizeof(T) <= 4 * 128));
    const double work = (double)p->m * (double)p->n * (double)p->k;
    const int sums = p->k <= CG_SHALLOW || (p->k <= LONG_SUM && (near || work < 4.0 * PANEL_WORK));
    /* A shallow panel stays in the first cache: for few rows, and for turned ones, of which each
       number is in another line.  For many a deep one has fewer sums to begin and to end. */
    const int64_t most = many ? CG_DEEP : CG_SHALLOW, parts = (p->k + most - 1) / most;
    if (p->k > 0 && sums && work > TINY && p->m > 1 && p->n >= half * 3 / 4 && p->n <= 512 &&
        4 * p->n >= 3 * ((p->n + half - 1) / half * half) && (!p->trans_a || p->m <= 256) &&
        p->alpha == 1 && (p->beta == 0 || p->beta == 1))
        return (int)((p->k + parts - 1) / parts);
    return 0;
}

/* C = beta C */
static void NAME(scale)(const NAME(product) *p)
{
    int64_t i, j;
    for (i = 0; i < p->m; i++)
        for (j = 0; j < p->n; j++)
            p->c[i * p->ldc + j] = p->beta == 0 ? 0 : p->beta * p->c[i * p->ldc + j];
}

/* Products so small that the way into BLAS costs more than the arithmetic. */
static void NAME(tiny)(const NAME(product) *p)
{
    int64_t ai = p->trans_a ? 1 : p->lda, al = p->trans_a ? p->lda : 1;
    int64_t bl = p->trans_b ? 1 : p->ldb, bj = p->trans_b ? p->ldb : 1, i, j, l;
    for (i = 0; i < p->m; i++)
        for (j = 0; j < p->n; j++) {
            T sum = 0, *c = p->c + i * p->ldc + j;
            for (l = 0; l < p->k; l++)
                sum += p->a[i * ai + l * al] * p->b[l * bl + j * bj];
            *c = p->beta == 0 ? p->alpha * sum : p->alpha * sum + p->beta * *c;
        }
}

/* One product in this thread. */
static void NAME(serial)(NAME(product) p)
{
    int64_t part;
    if (p.m == 0 || p.n == 0)
        return;
    if (p.bias && !p.own) {
        for (part = 0; part < p.m; part++)
            memcpy(p.c + part * p.ldc, p.bias, (size_t)p.n * sizeof(T));
        p.bias = NULL;
        p.beta = 1;
    }
    if (p.k == 0) {
        NAME(scale)(&p);
        return;
    }
    if (p.own) {                          /* before all that depends on the size of a part */
        NAME(cg_product)(p.own, p.trans_a, p.trans_b, p.m, p.n, p.k, p.a, p.lda, p.b, p.ldb,
                         p.bias ? p.bias : p.beta == 1 ? p.c : NULL, p.bias ? 0 : p.ldc, p.c,
                         p.ldc);
        return;
    }
    if (p.m <= TINY && p.n <= TINY && p.k <= TINY && p.m * p.n * p.k <= TINY) {
        NAME(tiny)(&p);
        return;
    }
    if (p.m > LARGEST || p.n > LARGEST || p.k > LARGEST) {
        NAME(product) q = p;              /* BLAS counts in 32 bits: piece by piece */
        if (p.m > LARGEST) {
            for (part = 0; part < p.m; part += LARGEST) {
                q.m = p.m - part < LARGEST ? p.m - part : LARGEST;
                q.a = p.a + part * (p.trans_a ? 1 : p.lda);
                q.c = p.c + part * p.ldc;
                NAME(serial)(q);
            }
        } else if (p.n > LARGEST) {
            for (part = 0; part < p.n; part += LARGEST) {
                q.n = p.n - part < LARGEST ? p.n - part : LARGEST;
                q.b = p.b + part * (p.trans_b ? p.ldb : 1);
                q.c = p.c + part;
                NAME(serial)(q);
            }
        } else {
            for (part = 0; part < p.k; part += LARGEST) {
                q.k = p.k - part < LARGEST ? p.k - part : LARGEST;
                q.a = p.a + part * (p.trans_a ? p.lda : 1);
                q.b = p.b + part * (p.trans_b ? 1 : p.ldb);
                NAME(serial)(q);
                q.beta = 1;
            }
        }
        return;
    }
    if (p.m == 1 && p.n == 1 && p.beta == 0) {
        *p.c = p.alpha * DOT((int)p.k, p.a, (int)(p.trans_a ? p.lda : 1), p.b,
                             (int)(p.trans_b ? 1 : p.ldb));
    } else if (p.n == 1) {                /* C = op(A) b */
        GEMV(ROW_MAJOR, p.trans_a ? TRANS : NO_TRANS, (int)(p.trans_a ? p.k : p.m),
             (int)(p.trans_a ? p.m : p.k), p.alpha, p.a, (int)p.lda, p.b,
             (int)(p.trans_b ? 1 : p.ldb), p.beta, p.c, (int)p.ldc);
    } else if (p.m == 1) {                /* C = a op(B), that is C' = op(B)' a' */
        GEMV(ROW_MAJOR, p.trans_b ? NO_TRANS : TRANS, (int)(p.trans_b ? p.n : p.k),
             (int)(p.trans_b ? p.k : p.n), p.alpha, p.b, (int)p.ldb, p.a,
             (int)(p.trans_a ? p.lda : 1), p.beta, p.c, 1);
    } else {
        GEMM(ROW_MAJOR, p.trans_a ? TRANS : NO_TRANS, p.trans_b ? TRANS : NO_TRANS, (int)p.m,
             (int)p.n, (int)p.k, p.alpha, p.a, (int)p.lda, p.b, (int)p.ldb, p.beta, p.c,
             (int)p.ldc);
    }
}

static void NAME(row_panels)(void *ctx, int64_t begin, int64_t end)
{
    const NAME(product) *p = ctx;
    NAME(product) q = *p;
    for (; begin < end; begin++) {
        int64_t row = begin * p->panel;
        q.m = p->m - row < p->panel ? p->m - row : p->panel;
        q.a = p->a + row * (p->trans_a ? 1 : p->lda);
        q.c = p->c + row * p->ldc;
        NAME(serial)(q);
    }
}

static void NAME(column_panels)(void *ctx, int64_t begin, int64_t end)
{
    const NAME(product) *p = ctx;
    NAME(product) q = *p;
    for (; begin < end; begin++) {
        int64_t column = begin * p->panel;
        q.n = p->n - column < p->panel ? p->n - column : p->panel;
        q.b = p->b + column * (p->trans_b ? p->ldb : 1);
        q.c = p->c + column;
        q.bias = p->bias ? p->bias + column : NULL;
        NAME(serial)(q);
    }
}

/* Does this core's kernel give every element the same bits when the rows are cut at a multiple
   of ROW_ALIGN?  See the Note in blas.c. */
static int NAME(probe)(void)
{
    enum { CUT = 5 * ROW_ALIGN, M = 2 * CUT - 1, N = 135, K = 200 };   /* both above 1e6 */
    T *a = malloc((M * K + K * N + 2 * M * N) * sizeof(T)), *b, *whole, *cut;
    int64_t i;
    int trans, same = 1;
    uint32_t state = 1;
    if (!a)
        return 0;
    b = a + M * K;
    whole = b + K * N;
    cut = whole + M * N;
    for (i = 0; i < M * K + K * N; i++) {
        state = state * 1664525u + 1013904223u;
        a[i] = (T)(int32_t)state * (T)4.656612873077393e-10;
    }
    for (trans = 0; trans < 4 && same; trans++) {
        NAME(product) p = {trans & 1, trans >> 1, M, N, K, 1, 0, a, b, whole,
                           trans & 1 ? M : K, trans >> 1 ? K : N, N, CUT, 0, 0, 0, 0, NULL};
        NAME(serial)(p);
        p.c = cut;
        NAME(row_panels)(&p, 0, 2);
        same = !memcmp(whole, cut, M * N * sizeof(T));
    }
    free(a);
    return same;
}

static int NAME(rows_exact)(void)
{
    static probe_state state;
    return probe_once(&state, NAME(probe));
}

static void NAME(gemm)(NAME(product) *p)
{
    double work = (double)p->m * (double)p->n * (double)p->k;
    int64_t row_work = p->n * p->k, least, share, threads;
    if (p->own && work >= 2.0 * OWN_WORK && p->m <= LARGEST) {
        const int64_t width = 128 / sizeof(T), panels = (p->n + width - 1) / width;
        threads = cg_useful_threads();
        /* By columns B is copied once, and single panels let threads end together also where
           another program, or its kind of core, makes one slower; but each reads A for a panel. */
        if (panels >= 3 * threads || (p->n >= p->m && panels % threads == 0)) {
            least = OWN_WORK / (p->m * p->k * width) + 1;
            p->panel = (least < panels / threads ? least : panels / threads) * width;
            cg_parallel_for(NAME(column_panels), p, (p->n + p->panel - 1) / p->panel, 1);
            return;
        }
        least = OWN_WORK / row_work + 1;
        share = (p->m + threads - 1) / threads;
        p->panel = share < least ? least : share;
        cg_parallel_for(NAME(row_panels), p, (p->m + p->panel - 1) / p->panel, 1);
        return;
    }
    if (work < 2.0 * PANEL_WORK || p->k == 0 || p->n > LARGEST || p->k > LARGEST) {
        NAME(serial)(*p);
        return;
    }
    if (p->n == 1 || p->m == 1) {         /* gemv: memory bound; panels fixed by the shape */
        p->panel = PANEL_WORK / p->k / 64 * 64 + 64;
        if (p->n == 1)
            cg_parallel_for(NAME(row_panels), p, (p->m + p->panel - 1) / p->panel, 1);
        else
            cg_parallel_for(NAME(column_panels), p, (p->n + p->panel - 1) / p->panel, 1);
        return;
    }
    if (p->m < 4 * ROW_ALIGN) {           /* few rows: columns; panels fixed by the shape */
        p->panel = (PANEL_WORK / (p->m * p->k) / COLUMN_ALIGN + 1) * COLUMN_ALIGN;
        if (p->n < 2 * p->panel)
            NAME(serial)(*p);
        else
            cg_parallel_for(NAME(column_panels), p, p->n / p->panel + (p->n % p->panel != 0), 1);
        return;
    }
    least = (PANEL_WORK / row_work / ROW_ALIGN + 1) * ROW_ALIGN;
    if (NAME(rows_exact)()) {
        threads = cg_useful_threads();
        share = (p->m / threads + ROW_ALIGN) / ROW_ALIGN * ROW_ALIGN;
        if (p->m % (threads * ROW_ALIGN) == 0)
            share = p->m / threads;
    } else
        share = FIXED_ROWS;
    p->panel = share < least ? least : share;
    if (p->panel > MOST_ROWS)
        p->panel = MOST_ROWS;
    /* A last panel below PANEL_WORK could fall into OpenBLAS's path for small matrices, whose
       sums are rounded differently: then the last two share their rows evenly. */
    if (p->m % p->panel && p->m % p->panel < least) {
        int64_t panels = p->m / p->panel;
        if (panels == 0)
            panels = 1;
        p->panel = ((p->m + panels - 1) / panels + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN;
        if (p->m % p->panel && p->m % p->panel < least)
            p->panel = p->m;
    }
    cg_parallel_for(NAME(row_panels), p, (p->m + p->panel - 1) / p->panel, 1);
}

static void NAME(batch)(void *ctx, int64_t begin, int64_t end)
{
    const NAME(product) *p = ctx;
    NAME(product) q = *p;
    for (; begin < end; begin++) {
        q.a = p->a + begin * p->stride_a;
        q.b = p->b + begin * p->stride_b;
        q.c = p->c + begin * p->stride_c;
        NAME(serial)(q);
    }
}

static int NAME(start)(NAME(product) p, int64_t batch)
{
    double work = (double)p.m * (double)p.n * (double)p.k;
    int64_t i, grain;
    if (!loaded)
        return CG_BLAS_NOT_LOADED;
    if (batch <= 0 || p.m <= 0 || p.n <= 0)
        return CG_BLAS_OK;
    if (p.alpha == 0)
        p.k = 0;
    /* A matrix of one row has no row length; whatever the caller has there must not reach BLAS,
       which insists on row length >= columns. */
    if ((p.trans_a ? p.k : p.m) <= 1)
        p.lda = (p.trans_a ? p.m : p.k) > 1 ? (p.trans_a ? p.m : p.k) : 1;
    if ((p.trans_b ? p.n : p.k) <= 1)
        p.ldb = (p.trans_b ? p.k : p.n) > 1 ? (p.trans_b ? p.k : p.n) : 1;
    if (p.m == 1)
        p.ldc = p.n;
    if (p.lda > INT32_MAX || p.ldb > INT32_MAX || p.ldc > INT32_MAX)
        return CG_BLAS_TOO_LARGE;
    p.own = cg_has_product() ? NAME(depth)(&p) : 0;
    /* Large matrices one after the other, each by all threads; small ones side by side. */
    if (batch == 1 || work >= BATCH_WORK) {
        for (i = 0; i < batch; i++) {
            NAME(product) q = p;
            q.a = p.a + i * p.stride_a;
            q.b = p.b + i * p.stride_b;
            q.c = p.c + i * p.stride_c;
            NAME(gemm)(&q);
        }
        return CG_BLAS_OK;
    }
    grain = (int64_t)(BATCH_GRAIN / (work + 64)) + 1;
    cg_parallel_for(NAME(batch), &p, batch, grain);
    return CG_BLAS_OK;
}

int NAME(cg_gemm_batched)(int trans_a, int trans_b, int64_t batch, int64_t m, int64_t n,
                          int64_t k, double alpha, const T *a, int64_t lda, int64_t stride_a,
                          const T *b, int64_t ldb, int64_t stride_b, double beta, T *c,
                          int64_t ldc, int64_t stride_c)
{
    NAME(product) p = {trans_a, trans_b, m, n, k, (T)alpha, (T)beta, a, b, c, lda, ldb, ldc,
                       0, stride_a, stride_b, stride_c, 0, NULL};
    return NAME(start)(p, batch);
}

int NAME(cg_gemm)(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, double alpha,
                  const T *a, int64_t lda, const T *b, int64_t ldb, double beta, T *c,
                  int64_t ldc)
{
    return NAME(cg_gemm_batched)(trans_a, trans_b, 1, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta,
                                 c, ldc, 0);
}

int NAME(cg_linear)(int trans_b, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda,
                    const T *b, int64_t ldb, const T *bias, T *c, int64_t ldc)
{
    NAME(product) p = {0, trans_b, m, n, k, 1, 0, a, b, c, lda, ldb, ldc, 0, 0, 0, 0, 0, bias};
    return NAME(start)(p, 1);
}
