/* Sums and products of runs of neighbours: loops with NumPy's signature, of which args[1] is read
   (elements next to one another) and args[0] is changed (one element). */
#ifndef CG_REDUCE_H
#define CG_REDUCE_H
#include <stddef.h>

typedef ptrdiff_t cg_size;
void cg_sum_run_f32(char **args, const cg_size *n, const cg_size *steps, void *data);
void cg_sum_run_f64(char **args, const cg_size *n, const cg_size *steps, void *data);
void cg_prod_run_f32(char **args, const cg_size *n, const cg_size *steps, void *data);
void cg_prod_run_f64(char **args, const cg_size *n, const cg_size *steps, void *data);

/* n[1] rows, steps[1] bytes apart, of n[0] neighbours are added to the row at args[0], one after
   the other. */
void cg_sum_columns_f32(char **args, const cg_size *n, const cg_size *steps, void *data);
void cg_sum_columns_f64(char **args, const cg_size *n, const cg_size *steps, void *data);

#endif
