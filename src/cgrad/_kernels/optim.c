/* Optimizer updates; see optim.h.  The loops are in optim_impl.h. */
#include "optim.h"
#include <math.h>
#include "common.h"

#define T float
#define NAME(x) x##_f32
#define SQRT sqrtf
#define ABS fabsf
#include "optim_impl.h"
#undef T
#undef NAME
#undef SQRT
#undef ABS
#define T double
#define NAME(x) x##_f64
#define SQRT sqrt
#define ABS fabs
#include "optim_impl.h"

/* Every loop has c[0]: the sign of the gradient, c[1]: the decay added to the gradient, c[2]: the
   factor of the parameter. */
static void common(const double *o, double *c)
{
    c[0] = o[0] != 0 ? -1 : 1;
    c[1] = o[3] != 0 ? 0 : o[2];
    c[2] = o[3] != 0 ? 1 - o[1] * o[2] : 1;
}

static double rounded(double x, int single)
{
    volatile float y = (float)x;
    return single ? (double)y : x;
}

/* momentum, dampening, nesterov */
static void prepare_sgd(const double *o, double *number, int single, int fresh, double *c)
{
    (void)number;
    (void)single;
    common(o, c);
    c[3] = o[1];
    c[4] = o[4];
    c[5] = 1 - o[5];
    c[6] = o[6];
    c[7] = fresh;
}

/* beta1, beta2, eps */
static void prepare_adam(const double *o, double *number, int single, int fresh, double *c)
{
    (void)single;
    (void)fresh;
    common(o, c);
    c[3] = o[1] / (1 - pow(o[4], number[0]));
    c[4] = sqrt(1 - pow(o[5], number[0]));
    c[5] = 1 - o[4];
    c[6] = o[5];
    c[7] = 1 - o[5];
    c[8] = o[6];
}

static void prepare_sparse_adam(const double *o, double *number, int single, int fresh, double *c)
{
    prepare_adam(o, number, single, fresh, c);
    c[3] *= c[4];
}

/* beta1, beta2, eps */
static void prepare_adamax(const double *o, double *number, int single, int fresh, double *c)
{
    (void)single;
    (void)fresh;
    common(o, c);
    c[3] = o[1] / (1 - pow(o[4], number[0]));
    c[4] = 1 - o[4];
    c[5] = o[5];
    c[6] = o[6];
}

/* beta1, beta2, eps, momentum_decay; numbers: step, product of the momenta */
static void prepare_nadam(const double *o, double *number, int single, int fresh, double *c)
{
    const double step = number[0];
    const double mu = o[4] * (1 - 0.5 * pow(0.96, step * o[7]));
    const double next = o[4] * (1 - 0.5 * pow(0.96, (step + 1) * o[7]));
    (void)fresh;
    common(o, c);
    number[1] = rounded(number[1] * mu, single);
    c[3] = -o[1] * (1 - mu) / (1 - number[1]);
    c[4] = -o[1] * next / (1 - number[1] * next);
    c[5] = 1 - o[4];
    c[6] = o[5];
    c[7] = 1 - o[5];
    c[8] = 1 - pow(o[5], step);
    c[9] = o[6];
}

/* beta1, beta2, eps */
static void prepare_radam(const double *o, double *number, int single, int fresh, double *c)
{
    const double step = number[0], power = pow(o[5], step), correction2 = 1 - power;
    const double longest = 2 / (1 - o[5]) - 1;   /* of the average that v approximates */
    const double length = longest - 2 * step * power / correction2;
    (void)single;
    (void)fresh;
    common(o, c);
    c[3] = 1 - pow(o[4], step);
    c[4] = o[1];
    c[5] = 1 - o[4];
    c[6] = o[5];
    c[7] = 1 - o[5];
    c[8] = o[6];
    c[9] = sqrt(correction2);
    c[10] = length > 5 ? sqrt((length - 4) * (length - 2) * longest /
                              ((longest - 4) * (longest - 2) * length)) : 0;
}

/* lr_decay, eps */
static void prepare_adagrad(const double *o, double *number, int single, int fresh, double *c)
{
    (void)single;
    (void)fresh;
    common(o, c);
    c[3] = o[1] / (1 + (number[0] - 1) * o[4]);
    c[4] = o[5];
}

/* rho, eps */
static void prepare_adadelta(const double *o, double *number, int single, int fresh, double *c)
{
    (void)number;
    (void)single;
    (void)fresh;
    common(o, c);
    c[3] = o[1];
    c[4] = o[4];
    c[5] = 1 - o[4];
    c[6] = o[5];
}

/* alpha, eps, momentum */
static void prepare_rmsprop(const double *o, double *number, int single, int fresh, double *c)
{
    prepare_adadelta(o, number, single, fresh, c);
    c[7] = o[6];
}

/* eta minus, eta plus, least and greatest step */
static void prepare_rprop(const double *o, double *number, int single, int fresh, double *c)
{
    int i;
    (void)number;
    (void)single;
    (void)fresh;
    common(o, c);
    for (i = 0; i < 4; i++)
        c[3 + i] = o[4 + i];
}

/* lambd, alpha, t0; numbers: step, eta, mu of the next step */
static void prepare_asgd(const double *o, double *number, int single, int fresh, double *c)
{
    const double step = number[0];
    (void)single;
    (void)fresh;
    common(o, c);
    c[3] = number[1];
    c[4] = 1 - o[4] * number[1];
    c[5] = number[2];
    number[1] = o[1] / pow(1 + o[4] * o[1] * step, o[5]);
    number[2] = 1 / (step - o[6] > 1 ? step - o[6] : 1);
}

/* beta2_decay, eps1, eps2, d; what the engine's factored.pyx takes */
static void prepare_adafactor(const double *o, double *number, int single, int fresh, double *c)
{
    const double most = 1 / sqrt(number[0]);
    int i;
    (void)single;
    (void)fresh;
    common(o, c);
    c[3] = pow(number[0], o[4]);
    c[4] = o[1] < most ? o[1] : most;
    for (i = 5; i < 8; i++)
        c[i] = o[i];
}

#define RULE(name, numbers) {#name, numbers, prepare_##name, {name##_f32, name##_f64}}
const cg_rule cg_rules[CG_RULES] = {
    RULE(sgd, 0), RULE(adam, 1), RULE(adamax, 1), RULE(nadam, 2), RULE(radam, 1), RULE(adagrad, 1),
    RULE(adadelta, 1), RULE(rmsprop, 1), RULE(rprop, 1), RULE(asgd, 3), RULE(sparse_adam, 1),
    {"adafactor", 1, prepare_adafactor, {NULL, NULL}},
};
