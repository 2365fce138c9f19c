/* How a draw moves with a parameter of its distribution while its probability F stays:
   dz/da = -(dF/da) / (dF/dz) (Figurnov, Mohamed and Mnih, 2018). */
#ifndef CG_IMPLICIT_H
#define CG_IMPLICIT_H
#include <stdint.h>

/* y[i] = dz/da of a draw z of the Gamma distribution with concentration a and rate 1. */
void cg_gamma_slope(const double *a, const double *z, double *y, int64_t n);

/* y[i] = dz/da / (1 - z) of a draw z of the Beta distribution with concentrations a and b. */
void cg_beta_slope(const double *a, const double *b, const double *z, double *y, int64_t n);

#endif
