/* The thread pool: fixed blocks of work, handed out dynamically.

   Block boundaries depend on n and grain alone, never on the number of threads, so whatever a
   task computes per block is bit-identical for any number of threads.  Workers start with the
   first job that needs them.  A job runs in the calling thread alone if it is one block, if one
   thread is set, if the caller is itself inside a job, or if the pool is busy with another
   caller's job (two Python threads then compute side by side rather than in turn).  A forked
   child starts without workers and makes its own. */
#ifndef CG_POOL_H
#define CG_POOL_H
#include <stdint.h>

typedef void (*cg_task)(void *ctx, int64_t begin, int64_t end);

/* fn(ctx, b, min(b + grain, n)) for b = 0, grain, 2 grain, ...; returns when all are done. */
void cg_parallel_for(cg_task fn, void *ctx, int64_t n, int64_t grain);

/* Threads that a job may use, the caller included, as set; n < 1 restores the default: CGRAD_NUM_THREADS, or
   what the calling thread's affinity mask and the cgroup's CPU quota allow, which are read anew at
   each call. */
void cg_set_num_threads(int n);
int cg_get_num_threads(void);

/* Threads that a job does use: 1 where there is one processor, for taking turns costs only time. */
int cg_useful_threads(void);

#endif
