/* See lapack.h.  The functions are Fortran's: every argument is a pointer, and each character
   argument adds its length, by value, behind the last one. */
#include "lapack.h"
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LD(rows) ((int)((rows) > 0 ? (rows) : 1))
/* A work array of `n` elements; NULL where n < 0, which is a length beyond 32 bits. */
#define WORK(type, n) ((n) < 0 ? NULL : (type *)malloc(((size_t)(n) + 1) * sizeof(type)))

enum {
    SMALL_MATRIX = 16,        /* up to this order LU and Cholesky are loops of our own */
    TILE = 16                 /* of a transposing copy */
};

#define TABLE(T)                                                                                   \
    struct {                                                                                       \
        void (*getrf)(int *, int *, T *, int *, int *, int *);                                     \
        void (*getrs)(char *, int *, int *, T *, int *, int *, T *, int *, int *, size_t);         \
        void (*potrf)(char *, int *, T *, int *, int *, size_t);                                   \
        void (*trsm)(char *, char *, char *, char *, int *, int *, T *, T *, int *, T *, int *,    \
                     size_t, size_t, size_t, size_t);                                              \
        void (*geqrf)(int *, int *, T *, int *, T *, T *, int *, int *);                           \
        void (*orgqr)(int *, int *, int *, T *, int *, T *, T *, int *, int *);                    \
        void (*ormqr)(char *, char *, int *, int *, int *, T *, int *, T *, T *, int *, T *,       \
                      int *, int *, size_t, size_t);                                               \
        void (*syevd)(char *, char *, int *, T *, int *, T *, T *, int *, int *, int *, int *,     \
                      size_t, size_t);                                                             \
        void (*gesdd)(char *, int *, int *, T *, int *, T *, T *, int *, T *, int *, T *, int *,   \
                      int *, int *, size_t);                                                       \
        void (*gels)(const char *, int *, int *, int *, T *, int *, T *, int *, T *, int *,        \
                     int *, size_t);                                                               \
        void (*gelsy)(int *, int *, int *, T *, int *, T *, int *, int *, T *, int *, T *, int *,  \
                      int *);                                                                      \
        void (*gelsd)(int *, int *, int *, T *, int *, T *, int *, T *, T *, int *, T *, int *,    \
                      int *, int *);                                                               \
        void (*gelss)(int *, int *, int *, T *, int *, T *, int *, T *, T *, int *, T *, int *,    \
                      int *);                                                                      \
    }

static TABLE(float) singles;
static TABLE(double) doubles;

/* In the order of the table. */
static const char *const names[] = {"getrf", "getrs", "potrf", "trsm", "geqrf",
                                    "orgqr", "ormqr", "syevd", "gesdd", "gels", "gelsy", "gelsd",
                                    "gelss"};
enum { FUNCTIONS = sizeof names / sizeof *names };

const char *cg_lapack_load(void *(*symbol)(const char *name))
{
    static char text[32];
    void *found[2][FUNCTIONS];
    size_t i, t;
    for (t = 0; t < 2; t++)
        for (i = 0; i < FUNCTIONS; i++) {
            strcpy(text, t ? "scipy_d" : "scipy_s");
            strcat(text, names[i]);
            strcat(text, "_");
            found[t][i] = symbol(text);
            if (!found[t][i])
                return text;
        }
    memcpy(&singles, found[0], sizeof singles);
    memcpy(&doubles, found[1], sizeof doubles);
    return NULL;
}

_Static_assert(sizeof singles == FUNCTIONS * sizeof(void *), "a name for each function");
_Static_assert(sizeof(int) == 4, "LAPACK of 32-bit integers");

#define T float
#define ABS fabsf
#define SQRT sqrtf
#define F singles
#define NAME(x) x##_f32
#include "lapack_impl.h"
#undef T
#undef ABS
#undef SQRT
#undef F
#undef NAME
#define T double
#define ABS fabs
#define SQRT sqrt
#define F doubles
#define NAME(x) x##_f64
#include "lapack_impl.h"

#define TASK(x)                                                                                    \
    void cg_##x(void *ctx, int64_t begin, int64_t end)                                             \
    {                                                                                              \
        cg_lapack *p = ctx;                                                                        \
        (p->f64 ? x##_f64 : x##_f32)(p, begin, end);                                               \
    }

TASK(columns)
TASK(getrf)
TASK(getrs)
TASK(potrf)
TASK(trsm)
TASK(geqrf)
TASK(orgqr)
TASK(ormqr)
TASK(syevd)
TASK(gesdd)
TASK(gels)
TASK(gelsy)
TASK(gelsd)
TASK(gelss)
