"""Optimizer steps: one call updates all parameters of a group, in place.

Everything is checked before anything is written.  The updates themselves run without the GIL if
the group is big enough, each parameter shared among threads.
"""
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.handle cimport dtype_of
from cgrad._engine.loops cimport BLOCK, NOGIL, copy_cast
from cgrad._engine.primitives cimport same_shape, sizes
from cgrad._engine.rows cimport is_float, row_dense, value
from cgrad._engine.softmax cimport hold
from cgrad._engine.table cimport keep, scope_enter, scope_leave
from cgrad._engine.threads cimport parallel_for

cdef extern from "../_kernels/optim.h":
    ctypedef struct cg_sgd_options:
        double lr, momentum, dampening, weight_decay
        int nesterov, maximize
    ctypedef struct cg_adam_options:
        double lr, beta1, beta2, eps, weight_decay
        int decoupled
        int maximize
    void cg_sgd_f32(float *p, const float *g, float *buf, int64_t n, const cg_sgd_options *o,
                    int first) nogil
    void cg_sgd_f64(double *p, const double *g, double *buf, int64_t n, const cg_sgd_options *o,
                    int first) nogil
    void cg_adam_f32(float *p, const float *g, float *m, float *v, float *vmax, int64_t n,
                     int64_t step, const cg_adam_options *o) nogil
    void cg_adam_f64(double *p, const double *g, double *m, double *v, double *vmax, int64_t n,
                     int64_t step, const cg_adam_options *o) nogil

cdef enum:
    MAX_STATES = 3            # momentum buffer, or the averages m, v and the maximum of v

cdef struct Param:            # one parameter of a step
    int dtype
    int64_t n
    int64_t step              # of Adam; of SGD: whether the buffer is fresh
    char *p
    char *g
    char *state[MAX_STATES]   # NULL: not there
    Row row[2 + MAX_STATES]   # the tensors: parameter, gradient, states
    Row copy[2 + MAX_STATES]  # their row-major stand-ins, or 0 where they are row-major themselves

cdef struct Step:
    Param *now                # the parameter at work
    Param *params
    int64_t n
    bint adam
    cg_sgd_options sgd
    cg_adam_options opt


cdef void _task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Step *s = <Step *>ctx
    cdef Param *q = s.now
    cdef int64_t n = end - begin, size = 4 if q.dtype == F32 else 8
    cdef int64_t at = begin * size
    cdef char *p = q.p + at
    cdef char *g = q.g + at
    cdef char *b[MAX_STATES]
    cdef int i
    for i in range(MAX_STATES):
        b[i] = q.state[i] + at if q.state[i] != NULL else NULL
    if s.adam:
        if q.dtype == F32:
            cg_adam_f32(<float *>p, <float *>g, <float *>b[0], <float *>b[1], <float *>b[2], n,
                        q.step, &s.opt)
        else:
            cg_adam_f64(<double *>p, <double *>g, <double *>b[0], <double *>b[1], <double *>b[2],
                        n, q.step, &s.opt)
    elif q.dtype == F32:
        cg_sgd_f32(<float *>p, <float *>g, <float *>b[0], n, &s.sgd, <int>q.step)
    else:
        cg_sgd_f64(<double *>p, <double *>g, <double *>b[0], n, &s.sgd, <int>q.step)


cdef void _run(Step *s) noexcept:
    cdef int64_t i, total = 0
    for i in range(s.n):
        total += s.params[i].n
    if total < NOGIL:
        for i in range(s.n):
            s.now = s.params + i
            _task(s, 0, s.now.n)
        return
    with nogil:
        for i in range(s.n):
            s.now = s.params + i
            if s.now.n < NOGIL:
                _task(s, 0, s.now.n)
            else:
                parallel_for(_task, s, s.now.n, BLOCK)


cdef int _enter(Param *q, int which, object tensor, str name, str what, int64_t index,
                bint written) except -1:
    # Check one tensor of one parameter, hold on to it and to its memory (reading the next argument
    # may run any code, and other threads run beside the kernels), and find or make its row-major
    # memory.
    cdef Row r = hold(tensor, name.encode())
    cdef Value *v = value(r)
    cdef char *data
    if which == 0:
        if not is_float(v.dtype):
            raise RuntimeError(f"{name}: parameter {index} has dtype {dtype_of(v.dtype).name}; it "
                               "must be of floating point")
        q.dtype = v.dtype
        q.n = v.numel
    else:
        if v.dtype != q.dtype:
            raise RuntimeError(f"{name}: parameter {index} has dtype {dtype_of(q.dtype).name}, "
                               f"but its {what} has dtype {dtype_of(v.dtype).name}")
        if not same_shape(r, q.row[0]):
            raise RuntimeError(f"{name}: parameter {index} has shape {sizes(q.row[0])}, but its "
                               f"{what} has shape {sizes(r)}")
    if written and v.storage.flags & READ_ONLY:
        raise RuntimeError(f"{name}: the memory of the {what} of parameter {index} is read-only")
    q.row[which] = r
    q.copy[which] = 0
    if not v.contiguous:
        q.copy[which] = keep(row_dense(v.dtype, v.ndim, v.shape))
        copy_cast(q.copy[which], r)
        data = value(q.copy[which]).data
    else:
        data = v.data
    if which == 0:
        q.p = data
    elif which == 1:
        q.g = data
    else:
        q.state[which - 2] = data
    return 0


cdef int _finish(Step *s) noexcept:
    # Copy back what is not row-major, and tell what has changed.
    cdef int64_t i
    cdef int k
    cdef Param *q
    for i in range(s.n):
        q = s.params + i
        for k in range(2 + MAX_STATES):
            if k == 1 or not q.row[k]:
                continue
            if q.copy[k]:
                copy_cast(q.row[k], q.copy[k])
            value(q.row[k]).storage.version += 1
    return 0


cdef int _check_lists(str name, list lists, int64_t n) except -1:
    for x in lists:
        if x is not None and len(x) != n:
            raise ValueError(f"{name}: lists of different lengths: {n} parameters, and "
                             f"{[len(y) for y in lists if y is not None]}")
    return 0


cdef int _allocate(Step *s, int64_t n) except -1:
    # Room for n parameters, in the current scope.
    cdef int64_t size = (n if n else 1) * sizeof(Param)
    s.params = <Param *>value(keep(row_dense(U8, 1, &size))).data
    memset(s.params, 0, size)
    s.n = n
    return 0


def sgd_step(params, grads, bufs, double lr, double momentum, double dampening,
             double weight_decay, bint nesterov, bint maximize, first):
    """One step of stochastic gradient descent for lists of tensors, in place.

    `bufs`: momentum buffers, or None without momentum; `first`: which of them are fresh and are
    to be set to the gradient.  The formula is that of :class:`cgrad.optim.SGD`.
    Raises RuntimeError where dtypes or shapes differ; then nothing has been changed.
    """
    cdef int64_t mark = scope_enter()
    cdef int64_t i, n = len(params)
    cdef Param *q
    cdef Step s
    cdef bint with_buffer = bufs is not None and momentum != 0
    try:
        _check_lists("sgd_step", [grads, bufs, first if with_buffer else None], n)
        _allocate(&s, n)
        s.adam = False
        s.sgd.lr = lr
        s.sgd.momentum = momentum if with_buffer else 0
        s.sgd.dampening = dampening
        s.sgd.weight_decay = weight_decay
        s.sgd.nesterov = nesterov and with_buffer
        s.sgd.maximize = maximize
        for i in range(n):
            q = s.params + i
            _enter(q, 0, params[i], "sgd_step", "value", i, True)
            _enter(q, 1, grads[i], "sgd_step", "gradient", i, False)
            if with_buffer:
                _enter(q, 2, bufs[i], "sgd_step", "momentum buffer", i, True)
                q.step = bool(first[i])
        _run(&s)
        _finish(&s)
    finally:
        scope_leave(mark)


def adam_step(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps, double lr,
              double beta1, double beta2, double eps, double weight_decay, bint decoupled,
              bint maximize):
    """One step of Adam for lists of tensors, in place.

    `max_exp_avg_sqs`: None unless amsgrad; `steps`: the count of each parameter, this step
    included; `decoupled`: AdamW.  The formula is that of :class:`cgrad.optim.Adam`.
    Raises RuntimeError where dtypes or shapes differ; then nothing has been changed.
    """
    cdef int64_t mark = scope_enter()
    cdef int64_t i, n = len(params)
    cdef Param *q
    cdef Step s
    try:
        _check_lists("adam_step", [grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps], n)
        _allocate(&s, n)
        s.adam = True
        s.opt.lr = lr
        s.opt.beta1 = beta1
        s.opt.beta2 = beta2
        s.opt.eps = eps
        s.opt.weight_decay = weight_decay
        s.opt.decoupled = decoupled
        s.opt.maximize = maximize
        for i in range(n):
            q = s.params + i
            _enter(q, 0, params[i], "adam_step", "value", i, True)
            _enter(q, 1, grads[i], "adam_step", "gradient", i, False)
            _enter(q, 2, exp_avgs[i], "adam_step", "exp_avg", i, True)
            _enter(q, 3, exp_avg_sqs[i], "adam_step", "exp_avg_sq", i, True)
            if max_exp_avg_sqs is not None:
                _enter(q, 4, max_exp_avg_sqs[i], "adam_step", "max_exp_avg_sq", i, True)
            q.step = steps[i]
            if q.step < 1:
                raise ValueError(f"adam_step: step {q.step} of parameter {i}: steps count from 1")
        _run(&s)
        _finish(&s)
    finally:
        scope_leave(mark)
