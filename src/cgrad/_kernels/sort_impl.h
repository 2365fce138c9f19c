/* The part of sort.c that depends on the width of the keys: KEY, and NAME for the functions. */

typedef struct {
    KEY key;
    KEY at;                /* position in the line */
} NAME(pair);

#define HIGH ((KEY)1 << (8 * sizeof(KEY) - 1))

static inline KEY NAME(float_key)(float x)
{
    uint32_t bits;
    if (x != x)
        return ~(KEY)0;
    x += 0.0f;             /* -0 becomes 0 */
    memcpy(&bits, &x, 4);
    return bits >> 31 ? (KEY)(uint32_t)~bits : (KEY)(bits | (uint32_t)1 << 31);
}

static inline KEY NAME(double_key)(double x)
{
    uint64_t bits;
    if (x != x)
        return ~(KEY)0;
    x += 0.0;
    memcpy(&bits, &x, 8);
    return (KEY)(bits >> 63 ? ~bits : bits | (uint64_t)1 << 63);
}

#define KEYS(T, EXPRESSION)                                                                     \
    for (i = 0; i < n; i++) {                                                                   \
        const T v = *(const T *)(x + i * step);                                                 \
        to[i * by] = flip ^ (EXPRESSION);                                                       \
    }                                                                                           \
    break

/* The keys of a line, `by` apart, inverted if descending. */
static void NAME(load)(int dtype, const char *x, int64_t n, int64_t step, int descending, KEY *to,
                       int64_t by)
{
    const KEY flip = descending ? ~(KEY)0 : 0;
    int64_t i;
    switch (dtype) {
    case 0:
    case 1: KEYS(uint8_t, (KEY)v);
    case 2: KEYS(int8_t, (KEY)v + HIGH);
    case 3: KEYS(int16_t, (KEY)v + HIGH);
    case 4: KEYS(int32_t, (KEY)v + HIGH);
    case 5: KEYS(int64_t, (KEY)v + HIGH);
    case 6: KEYS(float, NAME(float_key)(v));
    default: KEYS(double, NAME(double_key)(v));
    }
}

/* Sorts a[0 .. n-1], stable; returns a or b, whichever holds the result. */
static NAME(pair) *NAME(sort)(NAME(pair) *a, NAME(pair) *b, int64_t n)
{
    int64_t count[sizeof(KEY)][DIGIT];
    int64_t i, j;
    unsigned d;
    if (n <= SHORT) {
        for (i = 1; i < n; i++) {
            const NAME(pair) p = a[i];
            for (j = i; j > 0 && a[j - 1].key > p.key; j--)
                a[j] = a[j - 1];
            a[j] = p;
        }
        return a;
    }
    memset(count, 0, sizeof(count));
    for (i = 0; i < n; i++)
        for (d = 0; d < sizeof(KEY); d++)
            count[d][a[i].key >> 8 * d & 255]++;
    for (d = 0; d < sizeof(KEY); d++) {
        int64_t sum = 0;
        NAME(pair) *other;
        if (count[d][a[0].key >> 8 * d & 255] == n)
            continue;
        for (j = 0; j < DIGIT; j++) {
            const int64_t here = count[d][j];
            count[d][j] = sum;
            sum += here;
        }
        for (i = 0; i < n; i++)
            b[count[d][a[i].key >> 8 * d & 255]++] = a[i];
        other = a;
        a = b;
        b = other;
    }
    return a;
}

/* The k-th smallest of n keys, which are overwritten; *rank: how many equal ones come before. */
static KEY NAME(select)(KEY *keys, int64_t n, int64_t k, int64_t *rank)
{
    KEY found = 0;
    int d;
    for (d = (int)sizeof(KEY) - 1; d >= 0; d--) {
        int64_t count[DIGIT] = {0};
        int64_t i, left = 0;
        KEY digit = 0;
        for (i = 0; i < n; i++)
            count[keys[i] >> 8 * d & 255]++;
        while (k >= count[digit])
            k -= count[digit++];
        found |= digit << 8 * d;
        if (count[digit] != n) {
            for (i = 0; i < n; i++) {
                keys[left] = keys[i];
                left += (keys[i] >> 8 * d & 255) == digit;
            }
            n = left;
        }
    }
    *rank = k;
    return found;
}

static void NAME(first_k)(int dtype, const char *x, int64_t n, int64_t step, int64_t k,
                          int descending, void *scratch, int64_t *out, int64_t out_step)
{
    NAME(pair) *a = scratch, *b = a + n;
    int64_t i, m = n;
    if (k == 0)
        return;
    if (k > n / 4) {
        NAME(load)(dtype, x, n, step, descending, &a[0].key, 2);
        for (i = 0; i < n; i++)
            a[i].at = (KEY)i;
    } else {
        /* Only the elements up to the k-th: first all less than it, and of the equal ones as
           many as are needed, in the order of the line. */
        KEY *keys = scratch, *copy = keys + n, last;
        int64_t equal;
        NAME(load)(dtype, x, n, step, descending, keys, 1);
        memcpy(copy, keys, (size_t)n * sizeof(KEY));
        last = NAME(select)(copy, n, k - 1, &equal);
        a = (NAME(pair) *)(keys + n + (n & 1));
        b = a + k;
        m = 0;
        for (i = 0; i < n && m < k; i++)
            if (keys[i] < last || (keys[i] == last && equal-- >= 0)) {
                a[m].key = keys[i];
                a[m++].at = (KEY)i;
            }
    }
    a = NAME(sort)(a, b, m);
    for (i = 0; i < k; i++)
        out[i * out_step] = (int64_t)a[i].at;
}

static int64_t NAME(kth)(int dtype, const char *x, int64_t n, int64_t step, int64_t k,
                         void *scratch)
{
    KEY *keys = scratch, *copy = keys + n, wanted;
    int64_t i = 0, rank;
    NAME(load)(dtype, x, n, step, 0, keys, 1);
    memcpy(copy, keys, (size_t)n * sizeof(KEY));
    wanted = NAME(select)(copy, n, k, &rank);
    while (keys[i] != wanted || rank--)
        i++;
    return i;
}

static int64_t NAME(mode)(int dtype, const char *x, int64_t n, int64_t step, void *scratch)
{
    NAME(pair) *a = scratch;
    int64_t i, run = 0, best = 0, at = 0;
    NAME(load)(dtype, x, n, step, 0, &a[0].key, 2);
    for (i = 0; i < n; i++)
        a[i].at = (KEY)i;
    a = NAME(sort)(a, a + n, n);
    for (i = 0; i < n; i++) {
        run = i && a[i].key == a[i - 1].key ? run + 1 : 1;
        if (i + 1 == n || a[i + 1].key != a[i].key)
            if (run > best) {
                best = run;
                at = (int64_t)a[i].at;
            }
    }
    return at;
}

#undef HIGH
#undef KEYS
