"""The operation table: how an operation is described, applied and recorded."""
from cgrad._engine.types cimport *

cdef enum:
    MAX_OPS = 1024
    SMALL = 256           # elements of an operand below which `apply` need not hold it

cdef struct Ctx:          # one evaluation of a derivative rule
    Row g                 # gradient of the output
    Row y                 # the output (its value is there only if the operation reads it)
    Row *x                # the inputs
    int n
    Attr *at              # the attributes of the operation
    char *need            # need[i]: the gradient of input i is wanted
    Row *out              # out[i]: to be set to the gradient of input i, or left 0
    bint spare            # nobody else sees the memory of g: it may be written over

# The same for single numbers, Note [Numbers] in table.pyx: out[0], out[1] from g, inputs, output.
ctypedef double (*Number)(double a, double b) noexcept nogil
ctypedef void (*NumberRule)(double g, double a, double b, double y, int dtype,
                            double *out) noexcept nogil

ctypedef Row (*Forward)(int op, Row *x, int n, Attr *at) except 0
ctypedef int (*Rule)(Ctx *c) except -1

cdef struct Op:
    const char *name
    Forward forward
    Rule rule             # NULL: no derivative
    uint8_t reads[INLINE_INPUTS + 1]   # values the rule reads for the gradient of input i
                                       # (the last entry: for input 3 and up)
    uint8_t kind          # of its signature, see elementwise.pyx
    uint8_t defined
    Number number         # on single numbers, NULL: no short way
    NumberRule number_rule
    Loop loops[N_DTYPES]  # inner loops of elementwise operations, by dtype of the inputs
    void *data[N_DTYPES]

cdef Op *ops

cdef int op_id(str name) except -1
cdef int register(str name, Forward forward, Rule rule, int r0=*, int r1=*, int r2=*,
                  int r3=*) except -1

cdef int short_way(int op, Number number, NumberRule rule) except -1
cdef Row apply_numbers(int op, Row a, Row b) except? 0
cdef Row apply(int op, Row *x, int n, Attr *at) except 0
cdef int record(Row y, int op, Row *x, int n, Attr *at) except -1
cdef int traced(Row y) except -1
cdef bint traced_now() noexcept
cdef int (*on_record)(Row y) except -1      # set by tracing.pyx

# Taking times, Note [Events]: profile.pyx sets what is called while a thread is watched.
cdef enum Kind:
    OPERATION             # of the table
    RULE                  # the derivative rule of a row
    FUNCTION_FORWARD      # of a custom function
    ACCUMULATE            # adding to the .grad of a leaf
    MODULE                # a call of nn.Module
    RANGE                 # anything that has a name: record_function, an optimizer's step

cdef struct Watch:
    int64_t (*begin)(void *recorder, int kind, int op, Row *x, int n, Row of) except -2
    int64_t (*begin_named)(void *recorder, int kind, object what) except -2
    int (*made)(void *recorder, int64_t event, Row y) noexcept
    int (*end)(void *recorder, int64_t event) noexcept
    int64_t (*latest)(void *recorder) noexcept      # the event that has begun last and not ended

cdef Watch watch
cdef bint timed() noexcept
cdef int64_t begin_event(int kind, int op, Row *x, int n, Row of) except -2
cdef int64_t begin_named(int kind, object what) except -2
cdef void event_made(int64_t event, Row y) noexcept
cdef void end_event(int64_t event) noexcept
cdef int64_t latest_event() noexcept
cdef void *recorder_now() noexcept
cdef void record_into(void *recorder) noexcept
cdef Row keep(Row r) except 0
cdef Row hold(Row r) except 0
cdef int64_t scope_enter() noexcept
cdef bint scope_owns(int64_t mark, Row r) noexcept
cdef void scope_leave(int64_t mark) noexcept
cdef bint grad_enabled() noexcept
cdef bint inference_enabled() noexcept
cdef void grad_enable(bint on) noexcept
cdef void inference_enable(bint on) noexcept


cdef inline double get_number(Value *v) noexcept nogil:
    return (<float *>v.data)[0] if v.dtype == F32 else (<double *>v.data)[0]

cdef inline void set_number(Value *v, double x) noexcept nogil:
    if v.dtype == F32:
        (<float *>v.data)[0] = <float>x
    else:
        (<double *>v.data)[0] = x

cdef extern from *:
    """
    #ifndef CG_ROUNDED
    #define CG_ROUNDED
    /* GCC 12 at -O2 drops the conversion to float and back where it merges the two cases of a
       condition; `volatile` keeps it. */
    static inline double cg_rounded(double x, int is_float32) {
        volatile float f = (float)x;
        return is_float32 ? (double)f : x;
    }
    #endif
    """
    double cg_rounded(double x, int is_float32) noexcept nogil

cdef inline double rounded(double x, int dtype) noexcept nogil:
    return cg_rounded(x, dtype == F32)

cdef Row call1(int op, Row a, Attr *at=*) except 0
cdef Row call2(int op, Row a, Row b, Attr *at=*) except 0
cdef Row call3(int op, Row a, Row b, Row c, Attr *at=*) except 0
cdef Row calln(int op, Row *x, int n, Attr *at=*) except 0
