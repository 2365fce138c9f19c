"""The operation table, and how an operation becomes a row.

Each family (elementwise.pyx, reduce.pyx, ...) registers its operations here by name: a forward
function, which computes a new row from rows, and a derivative rule beside it.

Note [Rules are expressions of operations].  A rule computes gradients by calling operations of
this same table.  With recording off the rows it makes have no edges and vanish; with
``create_graph=True`` they are rows like any other, which is all it takes for second and higher
derivatives.

Note [Numbers].  A program that computes number by number spends its time on everything around one
multiplication.  So a few operations carry, beside their rule, a short form of forward and rule on
C doubles (`short_way`), for 0-d tensors of one floating point dtype: `apply_numbers` makes and
records the row at once, and the sweep passes such gradients on as numbers.  Each operation gives
the same bits: sum, product and quotient of float32 numbers computed in double and rounded once
are those computed in float32.  With create_graph=True, with hooks, and for every other shape or
dtype the general way is taken; the tests compare the two.

Note [Temporaries].  `apply` hands its row to the caller, who owns it.  `call1`, `call2`, ...
hand it to the pool of the current scope instead, so that a rule or a composite can be written
as one expression, ``mul(g, cos(x))``, and whatever it made in between is released when the
scope ends.  Who wants to keep a row beyond it retains it.

Note [Events].  While a profiler runs in a thread (`cgrad.profiler`), everything that takes time
is an event between `begin_event` and `end_event`: each application of an operation here, each derivative
rule in backward.pyx, each call of a module.  Events nest as the calls do.  The short way of
numbers is closed meanwhile, so that every operation is seen.  Otherwise all this costs nothing:
the flag is one that `apply` and `apply_numbers` look at anyway.
"""
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy
from cgrad._engine.types cimport *
from cgrad._engine.loops cimport NOGIL
from cgrad._engine.memory cimport attr_new, block_new, storage_release
from cgrad._engine.rows cimport (
    is_float, more_versions, node, release, retain, row_detach, row_scalar, value,
)

cdef extern from "state.h":
    ctypedef struct cg_state:
        int no_grad
        int inference
        int traced
        void *recorder
        int32_t *pool
        int64_t n
        int64_t cap
        int32_t fixed[32]
    enum:
        CG_POOL
        CG_RECORDS
        CG_TIMES
    cg_state cg_tls

cdef Op _ops[MAX_OPS]
ops = _ops
on_record = NULL
cdef dict _ids = {}
cdef list _names = []            # keeps the C strings of Op.name alive
cdef int _n_ops = 1              # 0 is "leaf or constant"


cdef int op_id(str name) except -1:
    """The id of an operation, also before its family has registered it."""
    global _n_ops
    cdef bytes encoded
    found = _ids.get(name)
    if found is not None:
        return found
    if _n_ops == MAX_OPS:
        raise RuntimeError("the operation table is full")
    encoded = name.encode()
    _names.append(encoded)
    _ids[name] = _n_ops
    _ops[_n_ops].name = encoded
    _n_ops += 1
    return _n_ops - 1


cdef int register(str name, Forward forward, Rule rule, int r0=0, int r1=0, int r2=0,
                  int r3=0) except -1:
    """Enter an operation; r0, r1, ...: what its rule reads for the gradient of input 0, 1, ..."""
    cdef int op = op_id(name)
    cdef Op *o = &_ops[op]
    if o.defined:
        raise RuntimeError(f"operation {name!r} is registered twice")
    o.forward = forward
    o.rule = rule
    o.reads[0] = <uint8_t>r0
    o.reads[1] = <uint8_t>r1
    o.reads[2] = <uint8_t>r2
    o.reads[3] = <uint8_t>r3
    o.defined = 1
    return op


def operations():
    """Names of all operations of the table."""
    return sorted(name for name, op in _ids.items() if _ops[<int>op].defined)


def undefined_operations():
    """Names that some rule mentions but no family registered: must be empty."""
    return sorted(name for name, op in _ids.items() if not _ops[<int>op].defined)


def differentiable(str name):
    """Whether the operation `name` has a derivative rule."""
    return _ops[<int>_ids[name]].rule != NULL


cdef int record(Row y, int op, Row *x, int n, Attr *at) except -1:
    """Make `y` a consumer of its inputs: edges, saved values, their versions."""
    cdef Node *m = node(y)
    cdef Node *input
    cdef Op *o = &_ops[op]
    cdef Attr *a
    cdef int i
    cdef int reads = 0
    if o.rule == NULL or not is_float(value(y).dtype):
        return 0
    for i in range(n):
        if node(x[i]).flags & REQUIRES_GRAD:
            reads |= o.reads[i if i < INLINE_INPUTS else INLINE_INPUTS]
    if n < 7:
        reads &= SAVES_OUTPUT | ((1 << n) - 1)        # optional inputs that are not there
    for i in range(n if n < 7 else 7):
        if reads & (1 << i) and value(x[i]).flags & INFERENCE:
            _raise_inference(op)
    if at != NULL or n > INLINE_INPUTS:
        a = attr_new()
        if at != NULL:
            memcpy(a, at, sizeof(Attr))
        a.rows = NULL
        m.attr = a
        if n > INLINE_INPUTS:
            a.rows = <Row *>block_new(n * (sizeof(Row) + sizeof(uint32_t)))
            a.n_rows = n
            memcpy(a.rows, x, n * sizeof(Row))
    m.op = <uint16_t>op
    m.n_in = n
    m.flags |= REQUIRES_GRAD
    m.saves = <uint8_t>reads
    for i in range(n):
        input = node(x[i])
        input.graph_refs += 1
        if i < INLINE_INPUTS:
            m.inputs[i] = x[i]
            if reads & (1 << i):
                input.value_refs += 1
                m.versions[i] = value(x[i]).storage.version
        elif i < 7 and reads & (1 << i):
            input.value_refs += 1
            more_versions(m)[i] = value(x[i]).storage.version
    if reads & SAVES_OUTPUT:
        m.value_refs += 1
        m.versions[INLINE_INPUTS] = value(y).storage.version
    return 0


cdef int _raise_inference(int op) except -1:
    raise RuntimeError(f"{_ops[op].name.decode()}: Inference tensors cannot be saved for backward. "
                       "To work around you can make a clone to get a normal tensor and use it in "
                       "autograd.")


cdef int _record_or_release(Row y, int op, Row *x, int n, Attr *at) except -1:
    try:
        return record(y, op, x, n, at)
    except:
        release(y)
        raise


cdef Row _apply_held(int op, Row *x, int n, Attr *at) except 0:
    # While a kernel runs without the GIL another thread may let go of an input, or give it other
    # memory (`.data = `): hold the rows and what they point to now, until the row is recorded.
    cdef int i, k = min(n, 8)
    cdef Storage *memory[8]
    for i in range(n):
        retain(x[i])
    for i in range(k):
        memory[i] = value(x[i]).storage
        if memory[i] != NULL:
            memory[i].refs += 1
    try:
        return _apply_timed(op, x, n, at) if cg_tls.traced & CG_TIMES else _apply(op, x, n, at)
    finally:
        for i in range(k):
            if memory[i] != NULL:
                storage_release(memory[i])
        for i in range(n):
            release(x[i])


cdef Row apply(int op, Row *x, int n, Attr *at) except 0:
    """Apply an operation and record it if a gradient may be asked for; the caller owns the row."""
    cdef int i
    cdef int64_t work = 1
    # Small operands that may have a large result (an outer product, a size among the attributes)
    # are held as well.
    cdef bint small = n <= 3 and at == NULL and not cg_tls.traced
    for i in range(n):
        work *= value(x[i]).numel
        if value(x[i]).numel >= SMALL:
            small = False
            break
    return _apply(op, x, n, at) if small and work < NOGIL else _apply_held(op, x, n, at)


cdef Row _apply_timed(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t event = begin_event(OPERATION, op, x, n, 0)
    cdef Row y
    try:
        y = _apply(op, x, n, at)
        event_made(event, y)
        return y
    finally:
        end_event(event)


cdef inline Row _apply(int op, Row *x, int n, Attr *at) except 0:
    cdef Row y = _ops[op].forward(op, x, n, at)
    cdef int i
    if cg_tls.no_grad:
        if cg_tls.inference:
            value(y).flags |= INFERENCE
        elif value(y).flags & IS_VIEW:
            row_detach(y)
            if node(x[0]).flags & REQUIRES_GRAD:
                value(y).flags |= NO_GRAD_VIEW
        return y
    for i in range(n):
        if node(x[i]).flags & REQUIRES_GRAD:
            _record_or_release(y, op, x, n, at)
            if cg_tls.traced & CG_RECORDS:
                _tell(y)
            break
    return y


cdef int _tell(Row y) except -1:
    try:
        return traced(y)
    except:
        release(y)
        raise


cdef int traced(Row y) except -1:
    """Tell tracing.pyx of a row that has just been recorded and computed."""
    if cg_tls.traced & CG_RECORDS and on_record != NULL and node(y).n_in:
        on_record(y)
    return 0


cdef bint traced_now() noexcept:
    return cg_tls.traced & CG_RECORDS


def set_traced(bint on):
    """Whether tracing.pyx is told of the rows that this thread makes."""
    cg_tls.traced = cg_tls.traced & ~CG_RECORDS | (CG_RECORDS if on else 0)


cdef bint timed() noexcept:
    """Whether a profiler runs in this thread."""
    return cg_tls.traced & CG_TIMES


cdef int64_t begin_event(int kind, int op, Row *x, int n, Row of) except -2:
    """Begin an event, Note [Events]; -1 where none is wanted. of: the row whose rule it is."""
    if not cg_tls.traced & CG_TIMES:
        return -1
    return watch.begin(cg_tls.recorder, kind, op, x, n, of)


cdef int64_t begin_named(int kind, object what) except -2:
    """The same for what has a name, or for a module."""
    if not cg_tls.traced & CG_TIMES:
        return -1
    return watch.begin_named(cg_tls.recorder, kind, what)


cdef void event_made(int64_t event, Row y) noexcept:
    """Say which row came of an event: its derivative belongs there."""
    if event >= 0 and cg_tls.traced & CG_TIMES:
        watch.made(cg_tls.recorder, event, y)


cdef void end_event(int64_t event) noexcept:
    if event >= 0 and cg_tls.traced & CG_TIMES:
        watch.end(cg_tls.recorder, event)


cdef int64_t latest_event() noexcept:
    """The event that has begun last and not ended; -1 if there is none."""
    return watch.latest(cg_tls.recorder) if cg_tls.traced & CG_TIMES else -1


def begin_range(what):
    """Begin an event of Python's making; what: its name. Returns what `end_range` takes."""
    return begin_named(RANGE, what)


def begin_function(str name):
    """The same for the forward of a custom function."""
    return begin_named(FUNCTION_FORWARD, name)


def end_range(int64_t event):
    """End an event; nothing if there was no profiler when it began."""
    end_event(event)


cdef void *recorder_now() noexcept:
    return cg_tls.recorder


cdef void record_into(void *recorder) noexcept:
    """Begin or (NULL) end to take times in this thread."""
    cg_tls.recorder = recorder
    cg_tls.traced = cg_tls.traced & ~CG_TIMES | (CG_TIMES if recorder != NULL else 0)


cdef int short_way(int op, Number number, NumberRule rule) except -1:
    """Give an operation its form on single numbers, Note [Numbers]."""
    _ops[op].number = number
    _ops[op].number_rule = rule
    return 0


cdef inline void _edge(Node *m, int i, Row x, bint saved) noexcept:
    cdef Node *input = node(x)
    m.inputs[i] = x
    input.graph_refs += 1
    if saved:
        input.value_refs += 1
        m.versions[i] = value(x).storage.version


cdef Row apply_numbers(int op, Row a, Row b) except? 0:
    """`apply` for two 0-d rows, Note [Numbers]; 0 without an error: take the general way."""
    cdef Value *v = value(a)
    cdef Value *w = value(b)
    cdef Op *o = &_ops[op]
    cdef Node *m
    cdef int reads = 0
    cdef Row r
    if (v.ndim or w.ndim or v.dtype != w.dtype or v.dtype < F32 or o.number == NULL
            or cg_tls.inference or cg_tls.traced or (v.flags | w.flags) & INFERENCE):
        return 0
    r = row_scalar(v.dtype)
    set_number(value(r), o.number(get_number(v), get_number(w)))
    if cg_tls.no_grad:
        return r
    if node(a).flags & REQUIRES_GRAD:
        reads = o.reads[0] | 0x100
    if node(b).flags & REQUIRES_GRAD:
        reads |= o.reads[1] | 0x100
    if reads:
        m = node(r)
        m.op = <uint16_t>op
        m.n_in = 2
        m.flags = REQUIRES_GRAD
        m.saves = <uint8_t>reads
        _edge(m, 0, a, reads & 1)
        _edge(m, 1, b, reads & 2)
    return r


cdef Row keep(Row r) except 0:
    """Hand a row that the caller owns to the current scope."""
    if cg_tls.n == cg_tls.cap:
        _grow_pool(r)
    cg_tls.pool[cg_tls.n] = r
    cg_tls.n += 1
    return r


cdef Row hold(Row r) except 0:
    """Keep a row that somebody else owns until the current scope ends.

    For rows that are read again after foreign code or a large kernel has run: in the meantime
    their handle may have gone over to another row.
    """
    retain(r)
    return keep(r)


cdef int _grow_pool(Row r) except -1:
    cdef int64_t cap = 2 * cg_tls.cap + CG_POOL
    cdef int32_t *grown
    if cg_tls.cap == 0:
        cg_tls.pool = cg_tls.fixed
    else:
        grown = <int32_t *>realloc(NULL if cg_tls.cap == CG_POOL else cg_tls.pool,
                                   cap * sizeof(int32_t))
        if grown == NULL:
            release(r)
            raise MemoryError("cannot grow the pool of temporaries")
        if cg_tls.cap == CG_POOL:
            memcpy(grown, cg_tls.fixed, CG_POOL * sizeof(int32_t))
        cg_tls.pool = grown
    cg_tls.cap = cap
    return 0


cdef int64_t scope_enter() noexcept:
    return cg_tls.n


cdef bint scope_owns(int64_t mark, Row r) noexcept:
    """Whether what was handed to the pool since `mark` is all that holds this row."""
    cdef int64_t i
    if node(r).graph_refs == 1:
        for i in range(cg_tls.n - 1, mark - 1, -1):
            if cg_tls.pool[i] == r:
                return True
    return False


cdef void scope_leave(int64_t mark) noexcept:
    while cg_tls.n > mark:
        cg_tls.n -= 1
        release(cg_tls.pool[cg_tls.n])
    if mark == 0 and cg_tls.cap > CG_POOL:
        free(cg_tls.pool)
        cg_tls.pool = cg_tls.fixed
        cg_tls.cap = CG_POOL


cdef bint grad_enabled() noexcept:
    return not cg_tls.no_grad


cdef bint inference_enabled() noexcept:
    return cg_tls.inference


cdef void inference_enable(bint on) noexcept:
    cg_tls.inference = on


cdef void grad_enable(bint on) noexcept:
    cg_tls.no_grad = not on


def grad_mode():
    """Whether operations are recorded in this thread."""
    return not cg_tls.no_grad


def set_grad_mode(bint on):
    """Switch recording in this thread on or off."""
    cg_tls.no_grad = not on


def inference_mode_flag():
    """Whether this thread is in inference mode."""
    return bool(cg_tls.inference)


def set_inference_mode(bint on):
    """Enter or leave inference mode in this thread (recording is a switch of its own)."""
    cg_tls.inference = on


cdef Row call1(int op, Row a, Attr *at=NULL) except 0:
    return keep(apply(op, &a, 1, at))


cdef Row call2(int op, Row a, Row b, Attr *at=NULL) except 0:
    cdef Row[2] x
    x[0] = a
    x[1] = b
    return keep(apply(op, x, 2, at))


cdef Row call3(int op, Row a, Row b, Row c, Attr *at=NULL) except 0:
    cdef Row[3] x
    x[0] = a
    x[1] = b
    x[2] = c
    return keep(apply(op, x, 3, at))


cdef Row calln(int op, Row *x, int n, Attr *at=NULL) except 0:
    return keep(apply(op, x, n, at))
