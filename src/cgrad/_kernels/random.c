/* See random.h. */
#include <math.h>
#include <stdlib.h>
#include "common.h"
#include "random.h"

#define PI 3.14159265358979323846
#define NEXT(b) ((b)->next_uint64((b)->state))

CG_INLINE double to_f64(uint64_t w) { return (double)(w >> 11) * 0x1p-53; }
CG_INLINE double to_open(uint64_t w) { return ((double)(w >> 12) + 0.5) * 0x1p-52; }
CG_INLINE float to_f32(uint32_t w) { return (float)(w >> 8) * 0x1p-24f; }

CG_INLINE float between_f32(uint32_t w, float low, float high)
{
    float v = low + to_f32(w) * (high - low);
    return v >= high ? low : v;           /* rounding may have reached the end */
}

void cg_uniform_f32(const cg_bitgen *b, float *y, int64_t n, double low, double high)
{
    int64_t i = 0;
    for (; i < n; i += 2) {
        uint64_t w = NEXT(b);
        y[i] = between_f32((uint32_t)w, (float)low, (float)high);
        if (i + 1 < n)
            y[i + 1] = between_f32((uint32_t)(w >> 32), (float)low, (float)high);
    }
}

void cg_uniform_f64(const cg_bitgen *b, double *y, int64_t n, double low, double high)
{
    for (int64_t i = 0; i < n; i++) {
        double v = low + to_f64(NEXT(b)) * (high - low);
        y[i] = v >= high ? low : v;
    }
}

/* -- normal ----------------------------------------------------------------------------------- */

enum { LAYERS = 128 };
static const double TAIL = 3.442619855899;          /* where the base layer ends */
static const double AREA = 9.91256303526217e-3;     /* of every layer */
static double edge[LAYERS + 1];                     /* right ends of the layers */
static double ratio[LAYERS];                        /* edge[i + 1] / edge[i] */

void cg_random_init(void)
{
    double f = exp(-0.5 * TAIL * TAIL);
    edge[0] = AREA / f;
    edge[1] = TAIL;
    edge[LAYERS] = 0;
    for (int i = 2; i < LAYERS; i++) {
        edge[i] = sqrt(-2 * log(AREA / edge[i - 1] + f));
        f = exp(-0.5 * edge[i] * edge[i]);
    }
    for (int i = 0; i < LAYERS; i++)
        ratio[i] = edge[i + 1] / edge[i];
}

static double normal_tail(const cg_bitgen *b, int negative)
{
    double x, y;
    do {
        x = log(to_open(NEXT(b))) / TAIL;
        y = log(to_open(NEXT(b)));
    } while (-2 * y < x * x);
    return negative ? x - TAIL : TAIL - x;
}

CG_INLINE double normal(const cg_bitgen *b)
{
    for (;;) {
        uint64_t w = NEXT(b);
        int i = (int)(w & (LAYERS - 1));             /* bits 0-6; the number takes bits 11-63 */
        double u = 2 * to_f64(w) - 1, x = u * edge[i], f0, f1;
        if (fabs(u) < ratio[i])
            return x;
        if (i == 0)
            return normal_tail(b, u < 0);
        f0 = exp(-0.5 * (edge[i] * edge[i] - x * x));
        f1 = exp(-0.5 * (edge[i + 1] * edge[i + 1] - x * x));
        if (f1 + to_f64(NEXT(b)) * (f0 - f1) < 1)
            return x;
    }
}

void cg_normal_f32(const cg_bitgen *b, float *y, int64_t n, double mean, double std)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(mean + std * normal(b));
}

void cg_normal_f64(const cg_bitgen *b, double *y, int64_t n, double mean, double std)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = mean + std * normal(b);
}

#define CG_DRAW(T, S)                                                                           \
    void cg_draw_##S(const cg_bitgen *b, int kind, T *y, int64_t n, double p, double q)         \
    {                                                                                           \
        const double slope = kind == 3 ? log1p(-p) : 1;                                         \
        for (int64_t i = 0; i < n; i++)                                                         \
            switch (kind) {                                                                     \
            case 0: y[i] = (T)(-log(to_open(NEXT(b))) / p); break;                              \
            case 1: y[i] = (T)(p + q * tan(PI * (to_open(NEXT(b)) - 0.5))); break;              \
            case 2: y[i] = (T)exp(p + q * normal(b)); break;                                    \
            default: y[i] = (T)ceil(log(to_open(NEXT(b))) / slope);                             \
            }                                                                                   \
    }

CG_DRAW(float, f32)
CG_DRAW(double, f64)

/* -- discrete --------------------------------------------------------------------------------- */

void cg_mask(const cg_bitgen *b, uint8_t *y, int64_t n, double p)
{
    uint64_t bound = (uint64_t)(p * 0x1p32);
    for (int64_t i = 0; i < n; i += 2) {
        uint64_t w = NEXT(b);
        y[i] = (uint32_t)w < bound;
        if (i + 1 < n)
            y[i + 1] = (w >> 32) < bound;
    }
}

void cg_bernoulli(const cg_bitgen *b, const double *p, uint8_t *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = to_f64(NEXT(b)) < p[i];
}

/* [0, range), range below 2^32: multiply and shift (Lemire 2019) */
CG_INLINE uint64_t bounded(const cg_bitgen *b, uint64_t range)
{
    uint64_t w = (NEXT(b) >> 32) * range;
    if ((uint32_t)w < range) {
        uint32_t threshold = (uint32_t)(-(uint32_t)range) % (uint32_t)range;
        while ((uint32_t)w < threshold)
            w = (NEXT(b) >> 32) * range;
    }
    return w >> 32;
}

void cg_integers(const cg_bitgen *b, int64_t *y, int64_t n, int64_t low, uint64_t range)
{
    const uint64_t start = (uint64_t)low;
    if (range != 0 && range <= 0xffffffffu) {
        for (int64_t i = 0; i < n; i++)
            y[i] = (int64_t)(start + bounded(b, range));
    } else if ((range & (range - 1)) == 0) {      /* a power of 2, or 0, which is 2^64 */
        const uint64_t mask = range - 1;
        for (int64_t i = 0; i < n; i++)
            y[i] = (int64_t)(start + (NEXT(b) & mask));
    } else {
        const uint64_t few = (0 - range) % range; /* 2^64 mod range: that many are too many */
        for (int64_t i = 0; i < n; i++) {
            uint64_t w;
            do
                w = NEXT(b);
            while (w < few);
            y[i] = (int64_t)(start + w % range);
        }
    }
}

/* A number below `range`, which is positive. */
static uint64_t below(const cg_bitgen *b, uint64_t range)
{
    int64_t y;
    if (range <= 0xffffffffu)
        return bounded(b, range);
    cg_integers(b, &y, 1, 0, range);
    return (uint64_t)y;
}

void cg_permutation(const cg_bitgen *b, int64_t *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)below(b, (uint64_t)i + 1), t = y[i];
        y[i] = y[j];
        y[j] = t;
    }
}

void cg_multinomial(const cg_bitgen *b, const double *p, double *cum, int64_t n, int64_t *y,
                    int64_t k)
{
    double total = 0;
    int64_t last = 0;
    for (int64_t i = 0; i < n; i++) {
        cum[i] = total += p[i];
        if (p[i] > 0)
            last = i;
    }
    for (int64_t i = 0; i < k; i++) {
        double u = to_f64(NEXT(b)) * total;
        int64_t lo = 0, hi = last;        /* the first entry whose sum exceeds u */
        while (lo < hi) {
            int64_t mid = (lo + hi) / 2;
            if (cum[mid] > u)
                hi = mid;
            else
                lo = mid + 1;
        }
        y[i] = lo;
    }
}

typedef struct {
    double key;
    int64_t index;
} keyed;

static int by_key(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* Let the entry sink to its place in a heap whose greatest entry is the first. */
static void sink(keyed *heap, int64_t n, int64_t i)
{
    const keyed moved = heap[i];
    int64_t child;
    while ((child = 2 * i + 1) < n) {
        if (child + 1 < n && by_key(heap + child, heap + child + 1) < 0)
            child++;
        if (by_key(&moved, heap + child) >= 0)
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moved;
}

void cg_sample(const cg_bitgen *b, const double *p, double *keys, int64_t n, int64_t *y, int64_t k)
{
    keyed *heap = (keyed *)keys;          /* the k least so far, as a heap once there are k */
    double most = 0;
    int64_t found = 0;
    for (int64_t i = 0; i < n; i++)
        most = p[i] > most ? p[i] : most;
    for (int64_t i = 0; i < n; i++) {
        keyed one;
        if (!(p[i] > 0))
            continue;
        one.key = -log(to_open(NEXT(b))) / (p[i] / most);
        one.index = i;
        if (found < k) {
            heap[found++] = one;
            if (found == k)
                for (int64_t j = k / 2; j-- > 0;)
                    sink(heap, k, j);
        } else if (by_key(&one, heap) < 0) {
            heap[0] = one;
            sink(heap, k, 0);
        }
    }
    qsort(heap, (size_t)found, sizeof(keyed), by_key);
    for (int64_t i = 0; i < k; i++)
        y[i] = i < found ? heap[i].index : 0;
}
