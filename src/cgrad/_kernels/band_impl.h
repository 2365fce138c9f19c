/* A sparse matrix along one dimension, of one type: included by window.c with T and NAME(x). */

CG_MV static void NAME(axpy)(T *CG_RESTRICT y, const T *CG_RESTRICT x, T a, int64_t n)
{
    int64_t i;
    for (i = 0; i < n; i++)
        y[i] += a * x[i];
}

CG_MV static void NAME(scaled)(T *CG_RESTRICT y, const T *CG_RESTRICT x, T a, int64_t n)
{
    int64_t i;
    for (i = 0; i < n; i++)
        y[i] = a * x[i];
}

void NAME(cg_band)(const T *x, T *y, int64_t n, int64_t out, int64_t inner, const int64_t *ptr,
                   const int64_t *col, const double *val, int64_t begin, int64_t end)
{
    int64_t r, o, k;
    for (r = begin; r < end; r++)
        for (o = 0; o < out; o++) {
            const T *from = x + r * n * inner;
            T *to = y + (r * out + o) * inner;
            if (inner == 1) {
                T sum = 0;
                for (k = ptr[o]; k < ptr[o + 1]; k++)
                    sum += (T)val[k] * from[col[k]];
                *to = sum;
                continue;
            }
            if (ptr[o] == ptr[o + 1])
                memset(to, 0, (size_t)inner * sizeof(T));
            for (k = ptr[o]; k < ptr[o + 1]; k++)
                if (k == ptr[o])
                    NAME(scaled)(to, from + col[k] * inner, (T)val[k], inner);
                else
                    NAME(axpy)(to, from + col[k] * inner, (T)val[k], inner);
        }
}
