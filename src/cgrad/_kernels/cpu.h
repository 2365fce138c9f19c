/* What the processor can do, where the choice is not left to CG_MV (common.h). */
#ifndef CG_CPU_H
#define CG_CPU_H

/* AVX-512 F, CD, BW, DQ, VL in the processor and enabled by the operating system.  Not with
   CGRAD_NO_AVX512 set in the environment: panels, exp, tanh and the core of OpenBLAS are then chosen
   as without (functions with CG_MV are not), for tests.  First called while cgrad is imported, by
   one thread. */
int cg_has_avx512(void);

/* AVX2 and FMA, but no AVX-512. */
int cg_has_avx2_only(void);

#endif
