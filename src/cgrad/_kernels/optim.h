/* Optimizer updates, in PyTorch's formulas and order of operations.

   A rule has two parts.  `prepare` runs once for each parameter: from the options of its group and
   the numbers of its state (the count of steps, ...), which it brings up to date, it makes the
   constants of the loop.  `update` is the loop over n elements of contiguous arrays: a[0] the
   parameter, a[1] its gradient, a[2] and up what the rule keeps (NULL: not kept).  Elements are
   independent: callers may share them among threads, or update some rows only.  Constants are
   formed in double, then rounded to the parameter's type. */
#ifndef CG_OPTIM_H
#define CG_OPTIM_H
#include <stdint.h>

enum { CG_STATES = 3, CG_NUMBERS = 3, CG_OPTIONS = 12, CG_CONSTANTS = 12 };

/* Options: o[0] maximize, o[1] lr, o[2] weight decay, o[3] whether that shrinks the parameter
   (AdamW) instead of adding to the gradient; then those of the rule, as prepare reads them. */
typedef void (*cg_prepare)(const double *o, double *number, int single, int fresh, double *c);
typedef void (*cg_update)(char *const *a, int64_t n, const double *c);

typedef struct {
    const char *name;
    int numbers;            /* numbers of the state: the first counts the steps, this one included */
    cg_prepare prepare;     /* single: numbers are kept in float32; fresh: the state is new */
    cg_update update[2];    /* float32, float64; NULL: no loop over elements */
} cg_rule;

enum {
    CG_SGD, CG_ADAM, CG_ADAMAX, CG_NADAM, CG_RADAM, CG_ADAGRAD, CG_ADADELTA, CG_RMSPROP, CG_RPROP,
    CG_ASGD, CG_SPARSE_ADAM, CG_ADAFACTOR, CG_RULES
};
extern const cg_rule cg_rules[CG_RULES];

#endif
