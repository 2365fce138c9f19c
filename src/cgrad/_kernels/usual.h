/* Elementwise inner loops, in the signature of loops.h, that are fast for usual numbers: these go
   through arithmetic that becomes vectors, a block at a time; a block with another number (an
   infinity, a quotient beyond the digits of the type) goes to the C library. */
#ifndef CG_USUAL_H
#define CG_USUAL_H
#include <stdint.h>

#define CG_LOOP(name) void name(char **args, const intptr_t *n, const intptr_t *steps, void *data)
#define CG_LOOP_F(name) CG_LOOP(name##_f32); CG_LOOP(name##_f64)

CG_LOOP_F(cg_fmod);           /* x - y trunc(x / y), exact */
CG_LOOP_F(cg_remainder);      /* x - y floor(x / y): the sign of y */
CG_LOOP_F(cg_floor_divide);   /* floor(x / y), by way of the remainder as Python */
CG_LOOP(cg_sin_f64);
CG_LOOP(cg_cos_f64);

#undef CG_LOOP
#undef CG_LOOP_F
#endif
