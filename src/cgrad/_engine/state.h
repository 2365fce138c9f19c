/* What each thread has of its own: the recording switches and the pool of temporaries. */
#ifndef CG_STATE_H
#define CG_STATE_H
#include <stdint.h>

#define CG_POOL 32
#define CG_RECORDS 1
#define CG_TIMES 2

typedef struct {
    int no_grad;        /* recording is off */
    int inference;      /* in inference_mode */
    int traced;         /* CG_RECORDS: anomaly mode or saved-tensor hooks, `on_record` is told of
                           each row; CG_TIMES: `recorder` takes the time of each operation */
    void *recorder;     /* of profile.pyx */
    int32_t *pool;      /* rows that the current scope releases */
    int64_t n, cap;
    int32_t fixed[CG_POOL];   /* room for most scopes: nothing to free when a thread ends */
} cg_state;

#if defined(_MSC_VER)
static __declspec(thread) cg_state cg_tls;
#elif defined(__linux__) && defined(__GLIBC__)
/* A few words fit into the static block that the C library reserves: no call per access. */
static __thread cg_state cg_tls __attribute__((tls_model("initial-exec")));
#else
static _Thread_local cg_state cg_tls;
#endif
#endif
