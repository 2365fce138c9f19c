/* Vectors of one type: included by vector.c with T, NAME(x) defined. */

enum { NAME(LANES) = 16 };    /* independent sums, so that additions need not wait for each other */

CG_MV double NAME(cg_dot)(const T *x, const T *y, int64_t n)
{
    double sum[NAME(LANES)] = {0}, total = 0;
    int64_t i = 0;
    int k;
    for (; i + NAME(LANES) <= n; i += NAME(LANES))
        for (k = 0; k < NAME(LANES); k++)
            sum[k] += (double)x[i + k] * (double)y[i + k];
    for (; i < n; i++)
        total += (double)x[i] * (double)y[i];
    for (k = 0; k < NAME(LANES); k++)
        total += sum[k];
    return total;
}

CG_MV void NAME(cg_combine)(double a, const T *x, double b, const T *y, T *z, int64_t n)
{
    const T p = (T)a, q = (T)b;
    int64_t i;
    if (!y) {
        CG_IVDEP
        for (i = 0; i < n; i++)
            z[i] = p * x[i];
        return;
    }
    CG_IVDEP
    for (i = 0; i < n; i++)
        z[i] = p * x[i] + q * y[i];
}

CG_MV double NAME(cg_sizes)(const T *x, int64_t n, double *sum)
{
    double greatest = 0, total = 0;
    int64_t i;
    for (i = 0; i < n; i++) {
        const double size = fabs((double)x[i]);
        greatest = size > greatest || size != size ? size : greatest;
        total += size;
    }
    *sum += total;
    return total != total ? total : greatest;
}
