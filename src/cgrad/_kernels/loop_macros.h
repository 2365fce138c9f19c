/* UNARY, BINARY and TERNARY only expand a table: NAME(name), a loop in the signature of loops.h,
   applies expression `value` to x (y, w) of type T, with parameters p0, p1 from `data`.  The first
   branches are those that vectorise: arrays without gaps; for BINARY also one number for all,
   which is what the gradient of a sum is. */
#ifndef CG_LOOP_MACROS_H
#define CG_LOOP_MACROS_H
#include "common.h"

#define ALIGNED(p, T) ((uintptr_t)(p) % sizeof(T) == 0)

#define UNARY(name, value)                                                                      \
    CG_MV void NAME(name)(char **args, const intptr_t *n, const intptr_t *steps, void *data)    \
    {                                                                                           \
        const intptr_t count = n[0], s0 = steps[0], s1 = steps[1];                              \
        const T p0 = data ? (T)((const double *)data)[0] : 0;                                   \
        const T p1 = data ? (T)((const double *)data)[1] : 0;                                   \
        intptr_t i;                                                                             \
        (void)p0;                                                                               \
        (void)p1;                                                                               \
        if (s0 == sizeof(T) && s1 == sizeof(T) && ALIGNED(args[0], T) && ALIGNED(args[1], T)) { \
            const T *in = (const T *)args[0];                                                   \
            T *out = (T *)args[1];                                                              \
            CG_IVDEP                                                                            \
            for (i = 0; i < count; i++) {                                                       \
                const T x = in[i];                                                              \
                out[i] = value;                                                                 \
            }                                                                                   \
            return;                                                                             \
        }                                                                                       \
        for (i = 0; i < count; i++) {                                                           \
            T x, z;                                                                             \
            memcpy(&x, args[0] + i * s0, sizeof(T));                                            \
            z = value;                                                                          \
            memcpy(args[1] + i * s1, &z, sizeof(T));                                            \
        }                                                                                       \
    }

#define BINARY(name, value)                                                                     \
    CG_MV void NAME(name)(char **args, const intptr_t *n, const intptr_t *steps, void *data)    \
    {                                                                                           \
        const intptr_t count = n[0], s0 = steps[0], s1 = steps[1], s2 = steps[2];               \
        intptr_t i;                                                                             \
        (void)data;                                                                             \
        if (s0 == 0 && s1 == sizeof(T) && s2 == sizeof(T) && ALIGNED(args[0], T) &&             \
            ALIGNED(args[1], T) && ALIGNED(args[2], T) && count > 0) {                          \
            const T x = *(const T *)args[0], *in1 = (const T *)args[1];                         \
            T *out = (T *)args[2];                                                              \
            CG_IVDEP                                                                            \
            for (i = 0; i < count; i++) {                                                       \
                const T y = in1[i];                                                             \
                out[i] = value;                                                                 \
            }                                                                                   \
            return;                                                                             \
        }                                                                                       \
        if (s1 == 0 && s0 == sizeof(T) && s2 == sizeof(T) && ALIGNED(args[0], T) &&             \
            ALIGNED(args[1], T) && ALIGNED(args[2], T) && count > 0) {                          \
            const T *in0 = (const T *)args[0], y = *(const T *)args[1];                         \
            T *out = (T *)args[2];                                                              \
            CG_IVDEP                                                                            \
            for (i = 0; i < count; i++) {                                                       \
                const T x = in0[i];                                                             \
                out[i] = value;                                                                 \
            }                                                                                   \
            return;                                                                             \
        }                                                                                       \
        if (s0 == sizeof(T) && s1 == sizeof(T) && s2 == sizeof(T) && ALIGNED(args[0], T) &&     \
            ALIGNED(args[1], T) && ALIGNED(args[2], T)) {                                       \
            const T *in0 = (const T *)args[0], *in1 = (const T *)args[1];                       \
            T *out = (T *)args[2];                                                              \
            CG_IVDEP                                                                            \
            for (i = 0; i < count; i++) {                                                       \
                const T x = in0[i], y = in1[i];                                                 \
                out[i] = value;                                                                 \
            }                                                                                   \
            return;                                                                             \
        }                                                                                       \
        for (i = 0; i < count; i++) {                                                           \
            T x, y, z;                                                                          \
            memcpy(&x, args[0] + i * s0, sizeof(T));                                            \
            memcpy(&y, args[1] + i * s1, sizeof(T));                                            \
            z = value;                                                                          \
            memcpy(args[2] + i * s2, &z, sizeof(T));                                            \
        }                                                                                       \
    }

/* Three inputs, the third one number for all, or an array */
#define TERNARY(name, value)                                                                    \
    CG_MV void NAME(name)(char **args, const intptr_t *n, const intptr_t *steps, void *data)    \
    {                                                                                           \
        const intptr_t count = n[0], size = sizeof(T), s2 = steps[2];                           \
        intptr_t i;                                                                             \
        (void)data;                                                                             \
        if (steps[0] == size && steps[1] == size && (s2 == 0 || s2 == size) &&                  \
            steps[3] == size && ALIGNED(args[0], T) && ALIGNED(args[1], T) &&                   \
            ALIGNED(args[2], T) && ALIGNED(args[3], T) && count > 0) {                          \
            const T *in0 = (const T *)args[0], *in1 = (const T *)args[1];                       \
            const T *in2 = (const T *)args[2], w0 = *in2;                                       \
            T *out = (T *)args[3];                                                              \
            if (s2 == 0) {                                                                      \
                CG_IVDEP                                                                        \
                for (i = 0; i < count; i++) {                                                   \
                    const T x = in0[i], y = in1[i], w = w0;                                     \
                    out[i] = value;                                                             \
                }                                                                               \
                return;                                                                         \
            }                                                                                   \
            CG_IVDEP                                                                            \
            for (i = 0; i < count; i++) {                                                       \
                const T x = in0[i], y = in1[i], w = in2[i];                                     \
                out[i] = value;                                                                 \
            }                                                                                   \
            return;                                                                             \
        }                                                                                       \
        for (i = 0; i < count; i++) {                                                           \
            T x, y, w, z;                                                                       \
            memcpy(&x, args[0] + i * steps[0], sizeof(T));                                      \
            memcpy(&y, args[1] + i * steps[1], sizeof(T));                                      \
            memcpy(&w, args[2] + i * s2, sizeof(T));                                            \
            z = value;                                                                          \
            memcpy(args[3] + i * steps[3], &z, sizeof(T));                                      \
        }                                                                                       \
    }

#endif
