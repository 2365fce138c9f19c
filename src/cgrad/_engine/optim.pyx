"""Optimizer steps: one call updates all parameters of a group, in place.

Everything is checked before anything is written.  The updates themselves run without the GIL if
the group is big enough, each parameter shared among threads.  Of a sparse gradient only the rows
that it holds are updated, each once.
"""
from libc.float cimport DBL_EPSILON, FLT_EPSILON
from libc.string cimport memcpy, memset
from cgrad._engine.types cimport *
from cgrad._engine.factored cimport Factored, factored_update, scratch_size
from cgrad._engine.handle cimport Handle, dtype_of, is_handle, row_of
from cgrad._engine.inplace cimport check_writable
from cgrad._engine.loops cimport BLOCK, NOGIL, copy_cast
from cgrad._engine.primitives cimport same_shape, sizes
from cgrad._engine.rows cimport is_float, item_size, row_dense, row_view, value
from cgrad._engine.softmax cimport hold
from cgrad._engine.sparse cimport is_sparse, sparse_object
from cgrad._engine.table cimport (
    get_number, grad_enable, grad_enabled, keep, scope_enter, scope_leave, set_number,
)
from cgrad._engine.take cimport index_row
from cgrad._engine.threads cimport parallel_for

cdef extern from "../_kernels/optim.h":
    enum:
        CG_STATES
        CG_NUMBERS
        CG_OPTIONS
        CG_CONSTANTS
        CG_SGD
        CG_ADAM
        CG_ADAGRAD
        CG_SPARSE_ADAM
        CG_ADAFACTOR
        CG_RULES
    ctypedef struct cg_rule:
        const char *name
        int numbers
        void (*prepare)(const double *o, double *number, int single, int fresh, double *c) nogil
        void (*update[2])(char *const *a, int64_t n, const double *c) nogil
    const cg_rule[1] cg_rules

cdef extern from "../_kernels/sort.h":
    int64_t cg_order_scratch(int64_t n)
    void cg_first_k(int dtype, const char *x, int64_t n, int64_t step, int64_t k, int descending,
                    void *scratch, int64_t *out, int64_t out_step) nogil

cdef enum:
    TENSORS = 5               # of a parameter: itself, its gradient, CG_STATES states

cdef struct Param:            # one parameter of a step
    int dtype
    int fresh                 # its state was made in this step
    int64_t n                 # elements; of a sparse gradient, rows to update
    int64_t width             # elements of a row; 0: the gradient is dense
    int64_t *at               # sparse: these rows,
    char **g                  # and the gradient of each
    char *data[TENSORS]       # NULL: not there
    Row row[TENSORS]
    Row copy[TENSORS]         # row-major stand-ins, or 0 where they are row-major themselves
    Row number[CG_NUMBERS]    # 0-d tensors of the state, or 0:
    double plain[CG_NUMBERS]  # Python numbers
    double c[CG_CONSTANTS]
    Factored factored         # of Adafactor

cdef struct Step:
    const cg_rule *rule
    Param *now                # the parameter at work
    Param *params
    int64_t n
    bint factored             # Adafactor
    double o[CG_OPTIONS]

_RULES = {cg_rules[i].name.decode(): i for i in range(CG_RULES)}


def rule(str name):
    """The number of an update rule, for :func:`fused_step`."""
    return _RULES[name]


cdef void _task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Step *s = <Step *>ctx
    cdef Param *q = s.now
    cdef int64_t size = item_size(q.dtype), i
    cdef char *a[TENSORS]
    cdef int k
    if not q.width:
        for k in range(TENSORS):
            a[k] = q.data[k] + begin * size if q.data[k] != NULL else NULL
        s.rule.update[q.dtype - F32](a, end - begin, q.c)
        return
    for i in range(begin, end):
        for k in range(TENSORS):
            a[k] = q.data[k] + q.at[i] * q.width * size if q.data[k] != NULL else NULL
        a[1] = q.g[i]
        s.rule.update[q.dtype - F32](a, q.width, q.c)


cdef void _prepare(Step *s, Param *q) noexcept nogil:
    # Bring the numbers of a parameter's state up to date, and make the constants of its loop.
    cdef double number[CG_NUMBERS]
    cdef int k, single = 0
    for k in range(s.rule.numbers):
        if q.number[k]:
            number[k] = get_number(value(q.number[k]))
            single |= k > 0 and value(q.number[k]).dtype == F32
        else:
            number[k] = q.plain[k]
    if s.rule.numbers:
        number[0] += 1
    s.rule.prepare(s.o, number, single, q.fresh, q.c)
    for k in range(s.rule.numbers):
        q.plain[k] = number[k]
        if q.number[k]:
            set_number(value(q.number[k]), number[k])


cdef void _factored(Param *q, bint parallel) noexcept nogil:
    # Adafactor's update, which is no loop over independent elements.
    cdef Factored *f = &q.factored
    if q.n == 0:
        return
    f.sign, f.shrink, f.weight, f.rate = q.c[0], q.c[2], q.c[3], q.c[4]
    f.eps1, f.eps2, f.d = q.c[5], q.c[6], q.c[7]
    if f.eps1 < 0:
        f.eps1 = FLT_EPSILON if q.dtype == F32 else DBL_EPSILON
    factored_update(f, parallel)


cdef void _run(Step *s) noexcept:
    cdef int64_t i, grain, total = 0
    for i in range(s.n):
        total += s.params[i].n * (s.params[i].width or 1)
    if total < NOGIL:
        for i in range(s.n):
            s.now = s.params + i
            _prepare(s, s.now)
            if s.factored:
                _factored(s.now, False)
            else:
                _task(s, 0, s.now.n)
        return
    with nogil:
        for i in range(s.n):
            s.now = s.params + i
            _prepare(s, s.now)
            grain = BLOCK if s.now.width == 0 else BLOCK // s.now.width
            if s.factored:
                _factored(s.now, True)
            elif s.now.n <= grain:
                _task(s, 0, s.now.n)
            else:
                parallel_for(_task, s, s.now.n, grain if grain else 1)


cdef int _enter(Param *q, int which, Row r, str name, str what, int64_t index) except -1:
    # Check one tensor (held by the scope) of one parameter, and find or make its row-major memory.
    return _enter_like(q, which, r, q.row[0], name, what, index)


cdef int _enter_like(Param *q, int which, Row r, Row like, str name, str what,
                     int64_t index) except -1:
    cdef Value *v = value(r)
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
        if not same_shape(r, like):
            raise RuntimeError(f"{name}: parameter {index} has shape {sizes(q.row[0])}, but its "
                               f"{what} has shape {sizes(r)}")
    q.row[which] = r
    if v.contiguous and (which != 1 or v.storage != value(q.row[0]).storage):
        q.data[which] = v.data
    else:
        # Also where the gradient shares the parameter's memory: loops take them for apart.
        q.copy[which] = keep(row_dense(v.dtype, v.ndim, v.shape))
        copy_cast(q.copy[which], r)
        q.data[which] = value(q.copy[which]).data
    return 0


cdef Row _hold_written(object x, str name) except 0:
    # Hold a tensor that is to be written.
    cdef Row r = row_of(x, name.encode())
    check_writable(<Handle>x, r, name)
    return keep(row_view(r, value(r).ndim, value(r).shape, value(r).strides, 0))


cdef int _enter_sparse(Param *q, object gradient, str name, int64_t index) except -1:
    # The rows of a sparse gradient: each once, in ascending order, entries of one row summed.
    cdef Value *p = value(q.row[0])
    cdef Row ids, data, order, scratch, unique, pointers, sums
    cdef int64_t n, i, j = -1, last = -1, size, groups = 0
    cdef int64_t[2] shape
    cdef bint summed = False
    cdef int64_t *at
    cdef int64_t *first
    cdef char *into
    if p.ndim == 0:
        raise RuntimeError(f"{name}: parameter {index} is 0-d and cannot have a sparse gradient")
    ids = hold(gradient._indices(), name.encode())
    data = hold(gradient._values(), name.encode())
    n = value(ids).numel
    q.width = 1
    for i in range(1, p.ndim):
        q.width *= p.shape[i]
    if value(data).dtype != q.dtype or value(data).numel != n * q.width:
        raise RuntimeError(f"{name}: parameter {index} has shape {sizes(q.row[0])} and dtype "
                           f"{dtype_of(q.dtype).name}, but its gradient has {n} rows in values "
                           f"of shape {sizes(data)} and dtype {dtype_of(value(data).dtype).name}")
    if n == 0 or q.width == 0:
        q.n = 0
        q.width = 1
        return 0
    ids = index_row(ids, p.shape[0], 0, False, RuntimeError, name.encode())
    if not value(data).contiguous:
        scratch = keep(row_dense(q.dtype, value(data).ndim, value(data).shape))
        copy_cast(scratch, data)
        data = scratch
    order = keep(row_dense(I64, 1, &n))
    size = cg_order_scratch(n)
    scratch = keep(row_dense(U8, 1, &size))
    unique = keep(row_dense(I64, 1, &n))
    pointers = keep(row_dense(I64, 1, &n))
    first = <int64_t *>value(order).data
    at = <int64_t *>value(ids).data
    cg_first_k(I64, <const char *>at, n, sizeof(int64_t), n, False, value(scratch).data, first, 1)
    q.at = <int64_t *>value(unique).data
    q.g = <char **>value(pointers).data
    size = q.width * item_size(q.dtype)
    for i in range(n):
        if at[first[i]] != last:
            last = at[first[i]]
            q.at[groups] = last
            q.g[groups] = value(data).data + first[i] * size
            groups += 1
    q.n = groups
    if groups == n:
        return 0
    # Rows that occur several times get memory of their own for their sum.
    shape[0] = n - groups
    shape[1] = q.width
    sums = keep(row_dense(q.dtype, 2, shape))
    into = value(sums).data
    for i in range(n):
        if i == 0 or at[first[i]] != at[first[i - 1]]:
            j += 1
            summed = False
            continue
        if not summed:
            memcpy(into, q.g[j], size)
            q.g[j] = into
            into += size
            summed = True
        _add(q.g[j], value(data).data + first[i] * size, q.width, q.dtype)
    return 0


cdef void _add(char *to, const char *x, int64_t n, int dtype) noexcept:
    cdef int64_t i
    if dtype == F32:
        for i in range(n):
            (<float *>to)[i] += (<const float *>x)[i]
    else:
        for i in range(n):
            (<double *>to)[i] += (<const double *>x)[i]


cdef int _enter_factors(Param *q, dict kept, tuple keys, str name, int64_t index) except -1:
    # What Adafactor keeps: squares of a vector, or their factors for the last two dimensions.
    cdef Factored *f = &q.factored
    cdef Value *v = value(q.row[0])
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t size
    cdef Row r
    cdef int i, k, ndim = v.ndim
    f.dtype = q.dtype
    f.vector = ndim < 2
    f.data = &q.data[0]
    f.rows = 1 if f.vector else v.shape[ndim - 2]
    f.cols = v.numel if f.vector else v.shape[ndim - 1]
    f.batch = v.numel // (f.rows * f.cols) if v.numel else 0
    if f.vector:
        _enter(q, 4, _hold_written(kept[keys[2]], name), name, keys[2], index)
        return 0
    for k in range(2):
        for i in range(ndim):
            shape[i] = v.shape[i]
        shape[ndim - 1 - k] = 1
        r = row_dense(q.dtype, ndim, shape)
        keep(r)
        _enter_like(q, 2 + k, _hold_written(kept[keys[k]], name), r, name, keys[k], index)
    size = scratch_size(f.rows, f.cols)
    f.scratch = <double *>value(keep(row_dense(F64, 1, &size))).data
    return 0


cdef int _enter_state(Param *q, dict kept, tuple keys, tuple numbers, str name, int64_t index,
                      int64_t position, list plain, bint factored) except -1:
    # The tensors and numbers that the optimizer keeps for one parameter.
    cdef int k
    cdef Row r
    if factored:
        _enter_factors(q, kept, keys, name, index)
    for k in range(0 if factored else len(keys)):
        if keys[k] is not None:
            _enter(q, 2 + k, _hold_written(kept[keys[k]], name), name, keys[k], index)
    for k in range(len(numbers)):
        x = kept[numbers[k]]
        if is_handle(x):
            r = _hold_written(x, name)
            if value(r).numel != 1:
                raise RuntimeError(f"{name}: {numbers[k]} of parameter {index} must have one "
                                   f"element, but has shape {sizes(r)}")
            if is_float(value(r).dtype):
                q.number[k] = r
                continue
        q.plain[k] = float(x)
        plain.append((kept, numbers[k], position, k))
    return 0


cdef int _finish(Step *s) noexcept:
    # Copy back what is not row-major, and tell what has changed.
    cdef int64_t i
    cdef int k
    cdef Param *q
    for i in range(s.n):
        q = s.params + i
        for k in range(TENSORS):
            if k == 1 or not q.row[k]:
                continue
            if q.copy[k]:
                copy_cast(q.row[k], q.copy[k])
            value(q.row[k]).storage.version += 1
        for k in range(s.rule.numbers):
            if q.number[k]:
                value(q.number[k]).storage.version += 1
    return 0


def fused_step(int rule, str name, params, state, start, tuple keys, tuple numbers,
               tuple options):
    """One step of an optimizer for the parameters of a group that have a gradient, in place.

    `rule`: see :func:`rule`; `name` is for errors; `state[param]`: a dict of what is kept for a
    parameter, which `start(param, dict)` fills at its first step; `keys`: the tensors in it that
    the rule uses, None where it does without; `numbers`: the numbers, 0-d tensors or Python
    numbers; `options`: those of the group, as optim.h lists them.
    Raises RuntimeError where dtypes or shapes differ; then nothing has been changed but for
    states made by `start`.
    """
    cdef int64_t mark = scope_enter()
    cdef int64_t i = 0, size
    cdef int k
    cdef bint recording = grad_enabled()
    cdef Row r, g
    cdef Param *q
    cdef Step s
    cdef tuple all_params = tuple(params)
    cdef list plain = []
    cdef dict kept
    grad_enable(False)
    try:
        if not 0 <= rule < CG_RULES or len(keys) > CG_STATES or len(options) > CG_OPTIONS:
            raise ValueError(f"{name}: no such rule, or too many states or options")
        s.rule = &cg_rules[rule]
        if len(numbers) != s.rule.numbers:
            raise ValueError(f"{name}: {len(numbers)} numbers in place of {s.rule.numbers}")
        memset(s.o, 0, sizeof(s.o))
        for k in range(len(options)):
            s.o[k] = options[k]
        size = (len(all_params) + 1) * sizeof(Param)
        s.params = <Param *>value(keep(row_dense(U8, 1, &size))).data
        memset(s.params, 0, size)
        s.n = 0
        s.factored = rule == CG_ADAFACTOR
        for i in range(len(all_params)):
            param = all_params[i]
            g = value(row_of(param, name.encode())).grad
            if g == 0:
                continue
            q = s.params + s.n
            gradient = None
            if is_sparse(g):
                gradient = _sparse_gradient(rule, name, sparse_object(g), s.o, keys)
                g = 0
                if is_handle(gradient):
                    g = row_of(gradient, name.encode())
            elif rule == CG_SPARSE_ADAM:
                raise RuntimeError(f"{name} does not support dense gradients, please consider "
                                   "Adam instead")
            if g:
                g = keep(row_view(g, value(g).ndim, value(g).shape, value(g).strides, 0))
            _enter(q, 0, _hold_written(param, name), name, "value", i)
            if g:
                _enter(q, 1, g, name, "gradient", i)
            else:
                _enter_sparse(q, gradient, name, i)
            if keys or numbers:
                kept = state[param]
                if not kept or (rule == CG_SGD and kept.get(keys[0]) is None):
                    q.fresh = True
                    start(param, kept)
                _enter_state(q, kept, keys, numbers, name, i, s.n, plain,
                             s.factored)
            s.n += 1
        _run(&s)
        _finish(&s)
        for kept, key, size, k in plain:
            x, y = kept[key], (s.params + size).plain[k]
            if is_handle(x):
                x.fill_(y)
            else:
                kept[key] = type(x)(y)
    finally:
        grad_enable(recording)
        scope_leave(mark)


cdef object _sparse_gradient(int rule, str name, object gradient, const double *o, tuple keys):
    # The gradient as the rule takes it: sparse, or dense where it looks at every element anyway.
    if rule == CG_SGD:
        return gradient.to_dense() if keys or o[2] != 0 else gradient
    if rule == CG_ADAGRAD:
        if o[2] != 0:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        return gradient
    if rule == CG_SPARSE_ADAM:
        return gradient
    hint = ", please consider SparseAdam instead" if rule == CG_ADAM else ""
    raise RuntimeError(f"{name} does not support sparse gradients{hint}")
