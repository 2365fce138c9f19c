/* Casts, copies and choices; see moves.h. */
#include "moves.h"
#include <math.h>
#include "loop_macros.h"

/* ---- casts ---- */

/* Out of range, a cast to an integer is undefined in C: select first, then cast. */
CG_INLINE int32_t i32_of_f32(float x)
{
    int ok = x >= -2147483648.0f && x < 2147483648.0f;
    int32_t r = (int32_t)(ok ? x : 0.0f);
    return ok ? r : INT32_MIN;
}

CG_INLINE int32_t i32_of_f64(double x)
{
    int ok = x > -2147483649.0 && x < 2147483648.0;
    int32_t r = (int32_t)(ok ? x : 0.0);
    return ok ? r : INT32_MIN;
}

CG_INLINE int64_t i64_of_f32(float x)
{
    int ok = x >= -9223372036854775808.0f && x < 9223372036854775808.0f;
    int64_t r = (int64_t)(ok ? x : 0.0f);
    return ok ? r : INT64_MIN;
}

CG_INLINE int64_t i64_of_f64(double x)
{
    int ok = x >= -9223372036854775808.0 && x < 9223372036854775808.0;
    int64_t r = (int64_t)(ok ? x : 0.0);
    return ok ? r : INT64_MIN;
}

#define CAST(name, F, T, value)                                                                 \
    CG_MV static void name(char **args, const intptr_t *n, const intptr_t *steps, void *data)   \
    {                                                                                           \
        const intptr_t count = n[0], s0 = steps[0], s1 = steps[1];                              \
        intptr_t i;                                                                             \
        (void)data;                                                                             \
        if (s0 == sizeof(F) && s1 == sizeof(T) && ALIGNED(args[0], F) && ALIGNED(args[1], T)) { \
            const F *in = (const F *)args[0];                                                   \
            T *out = (T *)args[1];                                                              \
            for (i = 0; i < count; i++) {                                                       \
                const F x = in[i];                                                              \
                out[i] = (T)(value);                                                            \
            }                                                                                   \
            return;                                                                             \
        }                                                                                       \
        for (i = 0; i < count; i++) {                                                           \
            F x;                                                                                \
            T y;                                                                                \
            memcpy(&x, args[0] + i * s0, sizeof(F));                                            \
            y = (T)(value);                                                                     \
            memcpy(args[1] + i * s1, &y, sizeof(T));                                            \
        }                                                                                       \
    }

/* From an integer type (or bool, held as uint8_t) to everything but itself */
#define CAST_INT(s, F)                                                                          \
    CAST(s##_b8, F, uint8_t, x != 0)                                                            \
    CAST(s##_f32, F, float, x)                                                                  \
    CAST(s##_f64, F, double, x)

#define CAST_FLOAT(s, F)                                                                        \
    CAST(s##_b8, F, uint8_t, x != 0)                                                            \
    CAST(s##_u8, F, uint8_t, i32_of_##s(x))                                                     \
    CAST(s##_i8, F, int8_t, i32_of_##s(x))                                                      \
    CAST(s##_i16, F, int16_t, i32_of_##s(x))                                                    \
    CAST(s##_i32, F, int32_t, i32_of_##s(x))                                                    \
    CAST(s##_i64, F, int64_t, i64_of_##s(x))

CAST_INT(u8, uint8_t)
CAST(u8_i8, uint8_t, int8_t, x)
CAST(u8_i16, uint8_t, int16_t, x)
CAST(u8_i32, uint8_t, int32_t, x)
CAST(u8_i64, uint8_t, int64_t, x)
CAST_INT(i8, int8_t)
CAST(i8_u8, int8_t, uint8_t, x)
CAST(i8_i16, int8_t, int16_t, x)
CAST(i8_i32, int8_t, int32_t, x)
CAST(i8_i64, int8_t, int64_t, x)
CAST_INT(i16, int16_t)
CAST(i16_u8, int16_t, uint8_t, x)
CAST(i16_i8, int16_t, int8_t, x)
CAST(i16_i32, int16_t, int32_t, x)
CAST(i16_i64, int16_t, int64_t, x)
CAST_INT(i32, int32_t)
CAST(i32_u8, int32_t, uint8_t, x)
CAST(i32_i8, int32_t, int8_t, x)
CAST(i32_i16, int32_t, int16_t, x)
CAST(i32_i64, int32_t, int64_t, x)
CAST_INT(i64, int64_t)
CAST(i64_u8, int64_t, uint8_t, x)
CAST(i64_i8, int64_t, int8_t, x)
CAST(i64_i16, int64_t, int16_t, x)
CAST(i64_i32, int64_t, int32_t, x)
CAST_FLOAT(f32, float)
CAST(f32_f64, float, double, x)
CAST_FLOAT(f64, double)
CAST(f64_f32, double, float, x)

/* ---- copies, by item size ---- */

#define COPY(name, T)                                                                           \
    CG_MV static void name(char **args, const intptr_t *n, const intptr_t *steps, void *data)   \
    {                                                                                           \
        const intptr_t count = n[0], s0 = steps[0], s1 = steps[1];                              \
        intptr_t i;                                                                             \
        (void)data;                                                                             \
        if (count <= 0)                                                                         \
            return;                                                                             \
        if (s0 == sizeof(T) && s1 == sizeof(T)) {                                               \
            memmove(args[1], args[0], (size_t)count * sizeof(T));                               \
            return;                                                                             \
        }                                                                                       \
        if (s0 == 0 && s1 == sizeof(T) && ALIGNED(args[1], T)) {                                \
            T x, *out = (T *)args[1];                                                           \
            memcpy(&x, args[0], sizeof(T));                                                     \
            for (i = 0; i < count; i++)                                                         \
                out[i] = x;                                                                     \
            return;                                                                             \
        }                                                                                       \
        for (i = 0; i < count; i++)                                                             \
            memcpy(args[1] + i * s1, args[0] + i * s0, sizeof(T));                              \
    }

COPY(copy_1, uint8_t)
COPY(copy_2, uint16_t)
COPY(copy_4, uint32_t)
COPY(copy_8, uint64_t)

/* ---- where, by item size ---- */

/* step 0 or 1, a constant where this is inlined: array or scalar */
#define WHERE(name, T)                                                                          \
    CG_INLINE void name##_run(const uint8_t *c, const T *x, intptr_t sx, const T *y,            \
                              intptr_t sy, T *out, intptr_t count)                              \
    {                                                                                           \
        intptr_t i;                                                                             \
        CG_IVDEP                                                                                \
        for (i = 0; i < count; i++) {                                                           \
            const T a = x[i * sx], b = y[i * sy];                                               \
            out[i] = c[i] ? a : b;                                                              \
        }                                                                                       \
    }                                                                                           \
    CG_MV static void name(char **args, const intptr_t *n, const intptr_t *steps, void *data)   \
    {                                                                                           \
        const intptr_t count = n[0], s0 = steps[0], s1 = steps[1], s2 = steps[2];               \
        const intptr_t s3 = steps[3], size = sizeof(T);                                         \
        intptr_t i;                                                                             \
        (void)data;                                                                             \
        if (count <= 0)                                                                         \
            return;                                                                             \
        if (s0 == 1 && s3 == size && (s1 == 0 || s1 == size) && (s2 == 0 || s2 == size) &&      \
            ALIGNED(args[1], T) && ALIGNED(args[2], T) && ALIGNED(args[3], T)) {                \
            const uint8_t *c = (const uint8_t *)args[0];                                        \
            const T *x = (const T *)args[1], *y = (const T *)args[2];                           \
            T *out = (T *)args[3], x0 = *x, y0 = *y;                                            \
            if (s1 && s2)                                                                       \
                name##_run(c, x, 1, y, 1, out, count);                                          \
            else if (s1)                                                                        \
                name##_run(c, x, 1, &y0, 0, out, count);                                        \
            else if (s2)                                                                        \
                name##_run(c, &x0, 0, y, 1, out, count);                                        \
            else                                                                                \
                name##_run(c, &x0, 0, &y0, 0, out, count);                                      \
            return;                                                                             \
        }                                                                                       \
        for (i = 0; i < count; i++)                                                             \
            memmove(args[3] + i * s3,                                                           \
                    args[0][i * s0] ? args[1] + i * s1 : args[2] + i * s2, sizeof(T));          \
    }

WHERE(where_1, uint8_t)
WHERE(where_2, uint16_t)
WHERE(where_4, uint32_t)
WHERE(where_8, uint64_t)

/* bool, uint8, int8, int16, int32, int64, float32, float64 */
const cg_loop cg_copy[8] = {copy_1, copy_1, copy_1, copy_2, copy_4, copy_8, copy_4, copy_8};
const cg_loop cg_where[8] = {where_1, where_1, where_1, where_2, where_4, where_8, where_4,
                             where_8};
const cg_loop cg_cast[8][8] = {
    /* A bool is a byte 0 or 1, so it converts as uint8. */
    {copy_1, copy_1, copy_1, u8_i16, u8_i32, u8_i64, u8_f32, u8_f64},
    {u8_b8, copy_1, u8_i8, u8_i16, u8_i32, u8_i64, u8_f32, u8_f64},
    {i8_b8, i8_u8, copy_1, i8_i16, i8_i32, i8_i64, i8_f32, i8_f64},
    {i16_b8, i16_u8, i16_i8, copy_2, i16_i32, i16_i64, i16_f32, i16_f64},
    {i32_b8, i32_u8, i32_i8, i32_i16, copy_4, i32_i64, i32_f32, i32_f64},
    {i64_b8, i64_u8, i64_i8, i64_i16, i64_i32, copy_8, i64_f32, i64_f64},
    {f32_b8, f32_u8, f32_i8, f32_i16, f32_i32, f32_i64, copy_4, f32_f64},
    {f64_b8, f64_u8, f64_i8, f64_i16, f64_i32, f64_i64, f64_f32, copy_8},
};
