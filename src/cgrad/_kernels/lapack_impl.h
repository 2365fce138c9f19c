/* LAPACK's calls for one type: included by lapack.c with T, the table F of that type's functions
   and NAME(x) defined. */

/* The length of a work array from a query.  It comes as a floating point number, in float32
   possibly rounded down. */
static int NAME(length)(T answer)
{
    double n = (double)answer * (1 + 1e-6) + 1;
    return n < 1 ? 1 : n > INT_MAX ? -1 : (int)n;
}

static void NAME(columns)(cg_lapack *p, int64_t begin, int64_t end)
{
    int64_t m = p->m, n = p->n, e, i, j, top, left;
    for (e = begin; e < end; e++) {
        const T *from = (const T *)p->b + e * m * n;
        T *to = (T *)p->a + e * m * n;
        for (top = 0; top < m; top += TILE)
            for (left = 0; left < n; left += TILE)
                for (j = left; j < n && j < left + TILE; j++)
                    for (i = top; i < m && i < top + TILE; i++)
                        to[i + j * m] = from[i * n + j];
    }
}

/* LU of a small matrix, column by column as LAPACK's getf2: calling LAPACK costs more than the
   arithmetic. */
static void NAME(small_lu)(int m, int n, T *a, int32_t *pivots, int32_t *info)
{
    int i, j, k, at;
    *info = 0;
    for (k = 0; k < m && k < n; k++) {
        T *column = a + k * m, best;
        at = k;
        best = ABS(column[k]);
        for (i = k + 1; i < m; i++)
            if (ABS(column[i]) > best) {
                best = ABS(column[i]);
                at = i;
            }
        pivots[k] = at + 1;
        if (column[at] == 0) {
            if (*info == 0)
                *info = k + 1;
            continue;
        }
        if (at != k)
            for (j = 0; j < n; j++) {
                T x = a[k + j * m];
                a[k + j * m] = a[at + j * m];
                a[at + j * m] = x;
            }
        for (i = k + 1; i < m; i++)
            column[i] /= column[k];
        for (j = k + 1; j < n; j++)
            for (i = k + 1; i < m; i++)
                a[i + j * m] -= column[i] * a[k + j * m];
    }
}

/* Cholesky of a small matrix; (row, column) is at row rs + column cs. */
static void NAME(small_cholesky)(int n, T *a, int rs, int cs, int32_t *info)
{
    int i, j, k;
    *info = 0;
    for (k = 0; k < n; k++) {
        T x = a[k * (rs + cs)];
        if (!(x > 0)) {
            *info = k + 1;
            return;
        }
        a[k * (rs + cs)] = x = SQRT(x);
        for (i = k + 1; i < n; i++)
            a[i * rs + k * cs] /= x;
        for (j = k + 1; j < n; j++)
            for (i = j; i < n; i++)
                a[i * rs + j * cs] -= a[i * rs + k * cs] * a[j * rs + k * cs];
    }
}

static void NAME(getrf)(cg_lapack *p, int64_t begin, int64_t end)
{
    int m = (int)p->m, n = (int)p->n, ld = LD(m);
    int64_t i, r = p->m < p->n ? p->m : p->n;
    if (p->m <= SMALL_MATRIX && p->n <= SMALL_MATRIX) {
        for (i = begin; i < end; i++)
            NAME(small_lu)(m, n, (T *)p->a + i * m * n, p->pivots + i * r, p->info + i);
        return;
    }
    for (i = begin; i < end; i++)
        F.getrf(&m, &n, (T *)p->a + i * p->m * p->n, &ld, p->pivots + i * r, p->info + i);
}

static void NAME(getrs)(cg_lapack *p, int64_t begin, int64_t end)
{
    int n = (int)p->n, k = (int)p->k, ld = LD(n);
    int64_t i;
    for (i = begin; i < end; i++)
        F.getrs(&p->trans, &n, &k, (T *)p->a + i * p->n * p->n, &ld, p->pivots + i * p->n,
                (T *)p->b + i * p->n * p->k, &ld, p->info + i, 1);
}

static void NAME(potrf)(cg_lapack *p, int64_t begin, int64_t end)
{
    int n = (int)p->n, ld = LD(n);
    int64_t i, row, column;
    for (i = begin; i < end; i++) {
        T *a = (T *)p->a + i * p->n * p->n;
        if (p->n <= SMALL_MATRIX)
            NAME(small_cholesky)(n, a, p->uplo == 'L' ? 1 : n, p->uplo == 'L' ? n : 1, p->info + i);
        else
            F.potrf(&p->uplo, &n, a, &ld, p->info + i, 1);
        for (column = 0; column < p->n; column++)         /* the other triangle is zero */
            if (p->uplo == 'L')
                for (row = 0; row < column; row++)
                    a[row + column * p->n] = 0;
            else
                for (row = column + 1; row < p->n; row++)
                    a[row + column * p->n] = 0;
    }
}

static void NAME(trsm)(cg_lapack *p, int64_t begin, int64_t end)
{
    int m = (int)p->m, n = (int)p->n, lda, ldb = LD(m);
    int64_t i, order = p->side == 'L' ? p->m : p->n;
    T one = 1;
    lda = LD(order);
    for (i = begin; i < end; i++)
        F.trsm(&p->side, &p->uplo, &p->trans, &p->diag, &m, &n, &one,
               (T *)p->a + i * order * order, &lda, (T *)p->b + i * p->m * p->n, &ldb, 1, 1, 1, 1);
}

static void NAME(geqrf)(cg_lapack *p, int64_t begin, int64_t end)
{
    int m = (int)p->m, n = (int)p->n, ld = LD(m), query = -1, info = 0, length;
    int64_t i, r = p->m < p->n ? p->m : p->n;
    T answer = 1, *work;
    F.geqrf(&m, &n, (T *)p->a, &ld, (T *)p->b, &answer, &query, &info);
    length = NAME(length)(answer);
    work = WORK(T, length);
    if (work)
        for (i = begin; i < end; i++)
            F.geqrf(&m, &n, (T *)p->a + i * p->m * p->n, &ld, (T *)p->b + i * r, work, &length,
                    p->info + i);
    else
        p->failed = 1;
    free(work);
}

static void NAME(orgqr)(cg_lapack *p, int64_t begin, int64_t end)
{
    int m = (int)p->m, n = (int)p->n, k = (int)p->k, ld = LD(m), query = -1, info = 0, length;
    int64_t i;
    T answer = 1, *work;
    F.orgqr(&m, &n, &k, (T *)p->a, &ld, (T *)p->b, &answer, &query, &info);
    length = NAME(length)(answer);
    work = WORK(T, length);
    if (work)
        for (i = begin; i < end; i++)
            F.orgqr(&m, &n, &k, (T *)p->a + i * p->m * p->n, &ld, (T *)p->b + i * p->k, work,
                    &length, p->info + i);
    else
        p->failed = 1;
    free(work);
}

static void NAME(ormqr)(cg_lapack *p, int64_t begin, int64_t end)
{
    int64_t i, order = p->side == 'L' ? p->m : p->n;
    int m = (int)p->m, n = (int)p->n, k = (int)p->k, lda = LD(order), ldc = LD(m);
    int query = -1, info = 0, length;
    T answer = 1, *work;
    F.ormqr(&p->side, &p->trans, &m, &n, &k, (T *)p->a, &lda, (T *)p->b, (T *)p->c, &ldc, &answer,
            &query, &info, 1, 1);
    length = NAME(length)(answer);
    work = WORK(T, length);
    if (work)
        for (i = begin; i < end; i++)
            F.ormqr(&p->side, &p->trans, &m, &n, &k, (T *)p->a + i * order * p->k, &lda,
                    (T *)p->b + i * p->k, (T *)p->c + i * p->m * p->n, &ldc, work, &length,
                    p->info + i, 1, 1);
    else
        p->failed = 1;
    free(work);
}

static void NAME(syevd)(cg_lapack *p, int64_t begin, int64_t end)
{
    int n = (int)p->n, ld = LD(n), query = -1, info = 0, length, whole = 1, *integers;
    int64_t i;
    T answer = 1, *work;
    F.syevd(&p->job, &p->uplo, &n, (T *)p->a, &ld, (T *)p->b, &answer, &query, &whole, &query,
            &info, 1, 1);
    length = NAME(length)(answer);
    work = WORK(T, length);
    integers = WORK(int, whole);
    if (work && integers)
        for (i = begin; i < end; i++)
            F.syevd(&p->job, &p->uplo, &n, (T *)p->a + i * p->n * p->n, &ld,
                    (T *)p->b + i * p->n, work, &length, integers, &whole, p->info + i, 1, 1);
    else
        p->failed = 1;
    free(work);
    free(integers);
}

static void NAME(gesdd)(cg_lapack *p, int64_t begin, int64_t end)
{
    int64_t i, r = p->m < p->n ? p->m : p->n;
    int64_t cu = p->job == 'A' ? p->m : p->job == 'S' ? r : 0;     /* columns of U */
    int64_t rv = p->job == 'A' ? p->n : p->job == 'S' ? r : 0;     /* rows of V' */
    int m = (int)p->m, n = (int)p->n, lda = LD(m), ldu = LD(m), ldv = LD(rv);
    int query = -1, info = 0, length, *integers;
    T answer = 1, *work;
    F.gesdd(&p->job, &m, &n, (T *)p->a, &lda, (T *)p->b, (T *)p->c, &ldu, (T *)p->d, &ldv, &answer,
            &query, &query, &info, 1);
    length = NAME(length)(answer);
    work = WORK(T, length);
    integers = WORK(int, 8 * r);
    if (work && integers)
        for (i = begin; i < end; i++)
            F.gesdd(&p->job, &m, &n, (T *)p->a + i * p->m * p->n, &lda, (T *)p->b + i * r,
                    (T *)p->c + i * p->m * cu, &ldu, (T *)p->d + i * rv * p->n, &ldv, work, &length,
                    integers, p->info + i, 1);
    else
        p->failed = 1;
    free(work);
    free(integers);
}

static void NAME(gels)(cg_lapack *p, int64_t begin, int64_t end)
{
    int64_t i, rows = p->m > p->n ? p->m : p->n;
    int m = (int)p->m, n = (int)p->n, k = (int)p->k, lda = LD(m), ldb = LD(rows);
    int query = -1, info = 0, length;
    T answer = 1, *work;
    F.gels("N", &m, &n, &k, (T *)p->a, &lda, (T *)p->b, &ldb, &answer, &query, &info, 1);
    length = NAME(length)(answer);
    work = WORK(T, length);
    if (work)
        for (i = begin; i < end; i++)
            F.gels("N", &m, &n, &k, (T *)p->a + i * p->m * p->n, &lda, (T *)p->b + i * rows * p->k,
                   &ldb, work, &length, p->info + i, 1);
    else
        p->failed = 1;
    free(work);
}

static void NAME(gelsy)(cg_lapack *p, int64_t begin, int64_t end)
{
    int64_t i, rows = p->m > p->n ? p->m : p->n;
    int m = (int)p->m, n = (int)p->n, k = (int)p->k, lda = LD(m), ldb = LD(rows);
    int query = -1, info = 0, length, rank = 0, *order;
    T answer = 1, rcond = (T)p->rcond, *work;
    F.gelsy(&m, &n, &k, (T *)p->a, &lda, (T *)p->b, &ldb, &query, &rcond, &rank, &answer, &query,
            &info);
    length = NAME(length)(answer);
    work = WORK(T, length);
    order = WORK(int, p->n);
    if (work && order)
        for (i = begin; i < end; i++) {
            memset(order, 0, p->n * sizeof(int));          /* every column may be moved */
            F.gelsy(&m, &n, &k, (T *)p->a + i * p->m * p->n, &lda, (T *)p->b + i * rows * p->k,
                    &ldb, order, &rcond, p->rank + i, work, &length, p->info + i);
        }
    else
        p->failed = 1;
    free(work);
    free(order);
}

static void NAME(gelsd)(cg_lapack *p, int64_t begin, int64_t end)
{
    int64_t i, rows = p->m > p->n ? p->m : p->n, r = p->m < p->n ? p->m : p->n;
    int m = (int)p->m, n = (int)p->n, k = (int)p->k, lda = LD(m), ldb = LD(rows);
    int query = -1, info = 0, length, rank = 0, whole = 1, *integers;
    T answer = 1, rcond = (T)p->rcond, *work;
    F.gelsd(&m, &n, &k, (T *)p->a, &lda, (T *)p->b, &ldb, (T *)p->c, &rcond, &rank, &answer, &query,
            &whole, &info);
    length = NAME(length)(answer);
    work = WORK(T, length);
    integers = WORK(int, whole);
    if (work && integers)
        for (i = begin; i < end; i++)
            F.gelsd(&m, &n, &k, (T *)p->a + i * p->m * p->n, &lda, (T *)p->b + i * rows * p->k,
                    &ldb, (T *)p->c + i * r, &rcond, p->rank + i, work, &length, integers,
                    p->info + i);
    else
        p->failed = 1;
    free(work);
    free(integers);
}

static void NAME(gelss)(cg_lapack *p, int64_t begin, int64_t end)
{
    int64_t i, rows = p->m > p->n ? p->m : p->n, r = p->m < p->n ? p->m : p->n;
    int m = (int)p->m, n = (int)p->n, k = (int)p->k, lda = LD(m), ldb = LD(rows);
    int query = -1, info = 0, length, rank = 0;
    T answer = 1, rcond = (T)p->rcond, *work;
    F.gelss(&m, &n, &k, (T *)p->a, &lda, (T *)p->b, &ldb, (T *)p->c, &rcond, &rank, &answer, &query,
            &info);
    length = NAME(length)(answer);
    work = WORK(T, length);
    if (work)
        for (i = begin; i < end; i++)
            F.gelss(&m, &n, &k, (T *)p->a + i * p->m * p->n, &lda, (T *)p->b + i * rows * p->k,
                    &ldb, (T *)p->c + i * r, &rcond, p->rank + i, work, &length, p->info + i);
    else
        p->failed = 1;
    free(work);
}
