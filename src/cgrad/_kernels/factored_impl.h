/* Adafactor for one type: included by factored.c with T, NAME(x), SQRT defined. */

CG_MV void NAME(cg_factored_sums)(const T *p, const T *g, int64_t cols, int64_t begin, int64_t end,
                                  double *psum, double *mean, double *col)
{
    double total = 0;
    int64_t i, j;
    for (i = begin; i < end; i++) {
        const T *x = p + i * cols, *y = g + i * cols;
        double sum = 0;
        for (j = 0; j < cols; j++)
            total += (double)x[j] * (double)x[j];
        if (!mean)
            continue;
        for (j = 0; j < cols; j++) {
            const double square = (double)y[j] * (double)y[j];
            sum += square;
            col[j] += square;
        }
        mean[i] = sum / (double)cols;
    }
    *psum += total;
}

CG_MV void NAME(cg_factored_lerp)(T *x, const double *y, double weight, int64_t n)
{
    int64_t i;
    for (i = 0; i < n; i++) {
        const double a = x[i], d = y[i];
        x[i] = (T)(weight < 0.5 ? a + weight * (d - a) : d - (d - a) * (1 - weight));
    }
}

CG_MV void NAME(cg_factored_square)(T *var, const T *g, double weight, int64_t begin, int64_t end)
{
    int64_t i;
    for (i = begin; i < end; i++) {
        const double a = var[i], d = (double)g[i] * (double)g[i];
        var[i] = (T)(weight < 0.5 ? a + weight * (d - a) : d - (d - a) * (1 - weight));
    }
}

CG_MV double NAME(cg_factored_move)(T *p, const T *g, const T *row, const T *col, const T *var,
                                    int64_t cols, int64_t begin, int64_t end, double scale,
                                    double least, double shrink, double step, int write)
{
    const T low = (T)least, keep = (T)shrink, by = (T)step;
    double sum = 0;
    int64_t i, j;
    for (i = begin; i < end; i++) {
        const T factor = var ? 0 : (T)(row[i] * scale);
        const T *y = g + i * cols;
        T *x = p + i * cols;
        for (j = 0; j < cols; j++) {
            const T square = var ? var[i * cols + j] : factor * col[j];
            const T u = y[j] / SQRT(square < low ? low : square);
            if (write)
                x[j] = keep * x[j] - by * u;
            else
                sum += (double)u * (double)u;
        }
    }
    return sum;
}
