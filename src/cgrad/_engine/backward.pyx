"""The reverse sweep.

Three passes over contiguous arrays, none of them recursive:

1. *Reach*: from the roots along recorded edges; every reachable row gets a position, and every
   edge is written down as the position of its input.
2. *Order*: rows whose consumers have all been seen go into the order array (Kahn 1962).
3. *Sweep*: along the order, call each row's derivative rule once, with the sum of what its
   consumers sent back, and add the results to its inputs.

The first two passes run no foreign code, and after them only local arrays are read, so hooks may
start sweeps of their own.  Each reachable row and edge is seen a constant number of times: O(n).
"""
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.accumulate cimport SLICE, accumulate_into, add_to_slice, again, ours, seed, store
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.function cimport FUNCTION, call, collect
from cgrad._engine.handle cimport carried, row_of
from cgrad._engine.hooks cimport run_after_store, run_hooks, run_posthooks, run_prehooks
from cgrad._engine.primitives cimport cast, same_shape, sum_to
from cgrad._engine.rows cimport (
    hold_saved, inputs, let_go_saved, more_versions, node, release, release_saved, retain,
    row_scalar, value,
)
from cgrad._engine.sparse cimport as_object, dense, is_sparse
from cgrad._engine.table cimport (
    RANGE, RULE, Ctx, begin_event, begin_named, end_event, get_number, grad_enable, grad_enabled,
    hold, keep, ops, rounded, scope_enter, scope_leave, scope_owns, set_number, timed,
    traced_now,
)
from cgrad._engine.tracing cimport (
    begin_sweep, check_gradients, check_root, end_of_sweep, name_of, raise_version, unpack,
)

cdef uint32_t _epoch = 0
cdef int64_t _rule_calls = 0


cdef struct Sweep:
    bint timed               # a profiler runs, Note [Events] in table.pyx
    bint short_way           # numbers may take theirs, Note [Numbers]
    int32_t n, cap           # rows reached
    int32_t widest           # most inputs of one of them
    Row *rows                # by position (held by one graph reference each)
    int32_t *pending         # consumers that have not been swept yet
    int64_t *first_edge      # where the edges of a row begin
    int32_t *order           # positions in topological order
    Row *acc                 # sum of the gradients received so far (owned), or 0, or IN_NUMBER
    double *number           # the sum itself, for rows without dimensions (Note [Numbers])
    char *wanted             # on a path to a row whose gradient is asked for
    int64_t n_edges, cap_edges
    int32_t *edges           # positions of the inputs, -1 where no gradient flows


cdef enum:
    IN_NUMBER = -1           # in Sweep.acc: the gradient is in Sweep.number


cdef int _grow(Sweep *s) except -1:
    cdef int64_t cap = s.cap + s.cap // 2 + 64
    cdef void *p
    p = realloc(s.rows, cap * sizeof(Row))
    if p == NULL:
        raise MemoryError("backward: no memory for the order of the graph")
    s.rows = <Row *>p
    p = realloc(s.pending, cap * sizeof(int32_t))
    if p == NULL:
        raise MemoryError("backward: no memory for the order of the graph")
    s.pending = <int32_t *>p
    p = realloc(s.first_edge, (cap + 1) * sizeof(int64_t))
    if p == NULL:
        raise MemoryError("backward: no memory for the order of the graph")
    s.first_edge = <int64_t *>p
    s.cap = <int32_t>min(cap, 0x7fffffff)
    return 0


cdef inline int32_t _visit(Sweep *s, Row r) except -1:
    # The position of a row, a new one if it was not seen in this traversal.
    cdef Node *m = node(r)
    if m.mark != _epoch:
        if s.n == s.cap:
            _grow(s)
        m.mark = _epoch
        m.slot = s.n
        s.rows[s.n] = r
        s.pending[s.n] = 0
        s.n += 1
    return m.slot


cdef int _reach(Sweep *s) except -1:
    """Pass 1.  `rows` is its own queue: what was found is scanned in the order found."""
    cdef int32_t i = 0, k
    cdef int j
    cdef Node *m
    cdef Row *x
    cdef void *p
    while i < s.n:
        m = node(s.rows[i])
        if m.n_in > s.widest:
            s.widest = m.n_in
        s.first_edge[i] = s.n_edges
        if s.n_edges + m.n_in > s.cap_edges:
            s.cap_edges += s.cap_edges // 2 + m.n_in + 64
            p = realloc(s.edges, s.cap_edges * sizeof(int32_t))
            if p == NULL:
                raise MemoryError("backward: no memory for the edges of the graph")
            s.edges = <int32_t *>p
        if m.n_in:
            x = inputs(m)
            for j in range(m.n_in):
                if node(x[j]).flags & REQUIRES_GRAD:
                    k = _visit(s, x[j])
                    s.pending[k] += 1
                    s.edges[s.n_edges] = k
                else:
                    s.edges[s.n_edges] = -1
                s.n_edges += 1
        i += 1
    s.first_edge[s.n] = s.n_edges
    return 0


cdef int _sort(Sweep *s) except -1:
    """Pass 2.  The tail of `order` serves as the stack of rows that are ready."""
    cdef int32_t i, k, done = 0, top = s.n
    cdef int64_t e
    for i in range(s.n):
        if s.pending[i] == 0:
            top -= 1
            s.order[top] = i
    while done < s.n:
        if top == s.n:
            raise RuntimeError("backward: the graph contains a circle")
        i = s.order[top]
        top += 1
        s.order[done] = i
        done += 1
        for e in range(s.first_edge[i], s.first_edge[i + 1]):
            k = s.edges[e]
            if k >= 0:
                s.pending[k] -= 1
                if s.pending[k] == 0:
                    top -= 1
                    s.order[top] = k
    return 0


cdef void _mark_wanted(Sweep *s) noexcept:
    # Backwards along the order: a row is wanted if it is a target or leads to one.
    cdef int32_t i, j
    cdef int64_t e
    for j in range(s.n - 1, -1, -1):
        i = s.order[j]
        for e in range(s.first_edge[i], s.first_edge[i + 1]):
            if s.edges[e] >= 0 and s.wanted[s.edges[e]]:
                s.wanted[i] = 1
                break


cdef int _check_saved(Row r) except -1:
    """Raise if a value that the rule reads was changed in place or released."""
    cdef Node *m = node(r)
    cdef Row *x
    cdef int i
    cdef uint32_t now, then
    if m.flags & FREED and _reads(m):
        raise RuntimeError(
            f"{name_of(r)}: Trying to backward through the graph a second time (or directly access "
            "saved tensors after they have already been freed). Saved intermediate values of the "
            "graph are freed when you call .backward() or autograd.grad(). Specify "
            "retain_graph=True if you need to backward through the graph a second time; if a "
            "tensor is kept from one iteration to the next, detach() it.")
    if m.saves == 0:
        return 0
    x = inputs(m)
    for i in range(min(m.n_in, 7)):
        if m.saves & (1 << i):
            now = value(x[i]).storage.version
            then = m.versions[i] if i < INLINE_INPUTS else more_versions(m)[i]
            if now != then:
                raise_version(r, x[i], i, then, now)
    if m.saves & SAVES_OUTPUT:
        now = value(r).storage.version
        if now != m.versions[INLINE_INPUTS]:
            raise_version(r, r, -1, m.versions[INLINE_INPUTS], now)
    return 0


cdef int _reads(Node *m) noexcept:
    # What the rule of a row reads, given which inputs want a gradient.
    cdef Row *x = inputs(m)
    cdef int i, reads = 0
    for i in range(m.n_in):
        if node(x[i]).flags & REQUIRES_GRAD:
            reads |= ops[m.op].reads[i if i < INLINE_INPUTS else INLINE_INPUTS]
    return reads


cdef int _to_row(Sweep *s, int32_t i) except -1:
    # The gradient of a row without dimensions, from a number to a row.
    cdef Row g
    if s.acc[i] == IN_NUMBER:
        s.acc[i] = 0
        g = row_scalar(value(s.rows[i]).dtype)
        set_number(value(g), s.number[i])
        s.acc[i] = g
    return 0


cdef int _add_number(Sweep *s, int32_t i, double g) except -1:
    cdef Row r = s.acc[i]
    cdef Value *v
    if r == 0:
        s.acc[i] = IN_NUMBER
        s.number[i] = g
    elif r == IN_NUMBER:
        s.number[i] = rounded(s.number[i] + g, value(s.rows[i]).dtype)
    else:
        v = value(r)
        if ours(r):
            set_number(v, get_number(v) + g)
        else:
            s.number[i] = rounded(get_number(v) + g, v.dtype)
            s.acc[i] = IN_NUMBER
            release(r)
    return 0


cdef bint _is_number(Value *v, int dtype) noexcept:
    return v.ndim == 0 and v.dtype == dtype


cdef bint _step_number(Sweep *s, int32_t i, bint keep_graph, bint accumulate,
                       char *target) except -1:
    """The short way of `_step`, Note [Numbers] in table.pyx; False: not for this row."""
    global _rule_calls
    cdef Row r = s.rows[i]
    cdef Node *m = node(r)
    cdef Value *v = value(r)
    cdef Value *a
    cdef Value *b
    cdef double g
    cdef double[2] out
    cdef int32_t k
    cdef int64_t e
    cdef int j, dt = v.dtype
    if v.ndim or dt < F32 or m.flags & (HAS_HOOKS | RETAIN_GRAD | FREED) or m.n_in > 2:
        return False
    if m.n_in and ops[m.op].number_rule == NULL:
        return False
    if s.acc[i] == IN_NUMBER:
        g = s.number[i]
    elif _is_number(value(s.acc[i]), dt):
        g = get_number(value(s.acc[i]))
    else:
        return False
    if m.n_in == 0:
        if accumulate and v.handle != NULL and (target == NULL or target[i]):
            if v.grad:
                a = value(v.grad)
                if (not _is_number(a, dt) or node(v.grad).flags & REQUIRES_GRAD
                        or a.storage.flags & READ_ONLY):
                    return False
                set_number(a, get_number(a) + g)
                a.storage.version += 1
            else:
                v.grad = row_scalar(dt)
                set_number(value(v.grad), g)
        return True
    if target != NULL and target[i]:
        return False
    a = value(m.inputs[0])
    b = a if m.n_in == 1 else value(m.inputs[1])
    if not _is_number(a, dt) or not _is_number(b, dt):
        return False
    _check_saved(r)
    # What was not saved is not read either.
    ops[m.op].number_rule(g, get_number(a) if a.storage != NULL else 0,
                          get_number(b) if b.storage != NULL else 0,
                          get_number(v) if v.storage != NULL else 0, dt, out)
    _rule_calls += 1
    e = s.first_edge[i]
    for j in range(m.n_in):
        k = s.edges[e + j]
        if k >= 0 and s.wanted[k]:
            _add_number(s, k, out[j])
    if not keep_graph:
        m.flags |= FREED
        release_saved(r)
    return True


cdef int _rule(Sweep *s, int32_t i, Row g, char *need, Row *out, Row *ins,
               dict bundles) except -1:
    """Evaluate the derivative rule of a row: out[j] becomes the gradient of input j."""
    cdef Row r = s.rows[i]
    cdef int64_t event
    if not s.timed:
        return _evaluate(s, i, g, need, out, ins, bundles)
    event = begin_event(RULE, node(r).op, &g, 1, r)
    try:
        return _evaluate(s, i, g, need, out, ins, bundles)
    finally:
        end_event(event)


cdef int _evaluate(Sweep *s, int32_t i, Row g, char *need, Row *out, Row *ins,
                   dict bundles) except -1:
    cdef Row r = s.rows[i]
    cdef Node *m = node(r)
    cdef Ctx c
    cdef dict own
    cdef int j
    if m.op == FUNCTION:
        return call(r, bundles.pop(i), need, out)
    c.g = g
    c.y = r
    c.x = inputs(m)
    c.n = m.n_in
    c.at = m.attr
    c.need = need
    c.out = out
    c.spare = s.acc[i] == 0 and ours(g)
    if m.flags & HAS_HOOKS:
        own = carried(r)
        if own is not None and "packed" in own:
            for j in range(m.n_in):
                ins[j] = c.x[j]
            c.x = ins
            unpack(r, ins, &c.y)
    elif m.op == SLICE and add_to_slice(s.acc[s.edges[s.first_edge[i]]], g, c.x[0], m.attr):
        return 0
    ops[m.op].rule(&c)
    return 0


cdef int _step(Sweep *s, int32_t i, bint keep_graph, bint accumulate, char *need, Row *out,
               Row *ins, char *target, dict bundles) except -1:
    """Sweep one row: hooks, .grad, then the rule, and send the results to the inputs."""
    global _rule_calls
    cdef Row r = s.rows[i], g, x
    cdef Node *m = node(r)
    cdef dict own
    cdef int j, any_need = 0
    cdef uint8_t saves
    cdef int64_t e = s.first_edge[i], mark = scope_enter()
    cdef int32_t k
    if s.acc[i] == 0:
        return 0
    if s.short_way and _step_number(s, i, keep_graph, accumulate, target):
        return 0
    _to_row(s, i)
    g = s.acc[i]
    if m.flags & HAS_HOOKS:
        g = run_hooks(r, g)
        g = run_prehooks(r, g, bundles.get(i) if m.op == FUNCTION else None)
        if g != s.acc[i]:
            retain(g)
            release(s.acc[i])
            s.acc[i] = g
    if m.flags & RETAIN_GRAD or (accumulate and (target[i] if target != NULL else m.n_in == 0)):
        store(r, g, grad_enabled())
        if m.flags & HAS_HOOKS and m.n_in == 0:
            run_after_store(r)
    if m.n_in == 0:
        return 0
    for j in range(m.n_in):
        k = s.edges[e + j]
        need[j] = k >= 0 and s.wanted[k]
        any_need |= need[j]
        out[j] = 0
    if any_need:
        if not (grad_enabled() or m.flags & HAS_HOOKS or (target != NULL and target[i])):
            s.acc[i] = 0         # the step's own from here on
            keep(g)
        g = dense(g)
        _check_saved(r)
        saves = m.saves
        hold_saved(r, saves)
        try:
            _rule(s, i, g, need, out, ins, bundles)
        finally:
            let_go_saved(r, saves)
        _rule_calls += 1
        if m.flags & HAS_HOOKS:
            run_posthooks(r, g, m.n_in, need, out)
            check_gradients(r, name_of(r), need, out, m.n_in)
        for j in range(m.n_in):
            if need[j] and out[j]:
                x = inputs(m)[j]
                g = out[j]
                k = s.edges[e + j]
                if node(x).op == FUNCTION:
                    collect(bundles, k, m.attr.k[0], g)
                    if s.acc[k] == 0:
                        s.acc[k] = row_scalar(F32)
                    continue
                if is_sparse(g):
                    pass
                elif not same_shape(g, x):
                    g = sum_to(g, x)
                if value(g).dtype != value(x).dtype:
                    g = cast(g, value(x).dtype)
                _to_row(s, k)
                accumulate_into(&s.acc[k], g, s.acc[k] and scope_owns(mark, g)
                                and not again(g, need, out, j + 1, m.n_in))
    if not keep_graph:
        if not m.flags & FREED:
            m.flags |= FREED
            release_saved(r)
            if m.flags & HAS_HOOKS:
                own = carried(r)
                if own is not None:
                    own.pop("packed", None)
                    if m.op == FUNCTION:
                        own["function"]._release()
    return 0


cdef void _free(Sweep *s) noexcept:
    cdef int32_t i
    if s.acc != NULL:
        for i in range(s.n):
            if s.acc[i] > 0:
                release(s.acc[i])
    free(s.number)
    free(s.rows)
    free(s.pending)
    free(s.first_edge)
    free(s.order)
    free(s.acc)
    free(s.wanted)
    free(s.edges)


def run(list roots, list grads, list targets, bint retain_graph, bint create_graph,
        bint accumulate, bint allow_unused=False):
    """Sweep from `roots`, whose gradients are `grads` (None: 1 for a single element).

    With `accumulate` the gradients go to ``.grad`` of the leaves (of `targets` if given) and None
    is returned; else a list with the gradient of each target, None where there is none.
    """
    global _epoch
    cdef Sweep s
    cdef int32_t i, j
    cdef Row r, g
    cdef object outer = begin_sweep()
    cdef int64_t mark = scope_enter(), step_mark
    cdef int64_t event = begin_named(RANGE, "backward")
    cdef uint32_t epoch
    cdef int n_seeds = 0
    cdef int32_t *slots = NULL       # positions of the roots, then of the targets or -1
    cdef bint complete = False, mode = grad_enabled()
    cdef char *need = NULL
    cdef Row *out = NULL
    cdef Row *ins = NULL
    cdef dict bundles = {}
    cdef char *target = NULL
    cdef bint chosen = targets is not None
    cdef list result = []
    cdef list seeds = []             # (row, gradient) of the roots
    cdef list wanted = []            # rows of the targets
    cdef list held = []              # their positions, -1 if not reached
    memset(&s, 0, sizeof(Sweep))
    try:
        # Everything that may run other code comes first: rows brought up to date, gradients made.
        # The sweep holds on to the rows, hooks may let go of everything else.
        for root, grad in zip(roots, grads):
            r = hold(row_of(root, "backward"))
            g = hold(seed(r, grad))
            seeds.append((r, g))
            n_seeds += 1
        for t in targets or ():
            wanted.append(hold(row_of(t, "backward")))
        slots = <int32_t *>malloc((n_seeds + len(wanted) + 1) * sizeof(int32_t))
        if slots == NULL:
            raise MemoryError("backward: no memory for the order of the graph")
        # From here to the positions in `slots` no other code can run, also no destructor: the
        # marks of rows are shared by all sweeps.
        _grow(&s)
        _epoch += 1
        epoch = _epoch
        for r, g in seeds:
            _visit(&s, r)
        _reach(&s)
        s.order = <int32_t *>malloc(s.n * sizeof(int32_t))
        s.acc = <Row *>malloc(s.n * sizeof(Row))
        s.number = <double *>malloc(s.n * sizeof(double))
        s.wanted = <char *>malloc(s.n)
        target = <char *>malloc(s.n)
        if (s.order == NULL or s.acc == NULL or s.wanted == NULL or target == NULL
                or s.number == NULL):
            free(s.acc)
            s.acc = NULL
            raise MemoryError("backward: no memory for the order of the graph")
        memset(s.acc, 0, s.n * sizeof(Row))
        memset(s.wanted, targets is None, s.n)
        memset(target, 0, s.n)
        _sort(&s)
        j = 0
        for r, g in seeds:
            slots[j] = node(r).slot
            j += 1
        for r in wanted:
            slots[j] = -1
            if node(r).mark == epoch:
                slots[j] = node(r).slot
                s.wanted[slots[j]] = 1
                target[slots[j]] = 1
            j += 1
        held = [slots[n_seeds + j] for j in range(len(wanted))]
        if targets is not None:
            _mark_wanted(&s)
        need = <char *>malloc(s.widest + 1)
        out = <Row *>malloc((s.widest + 1) * sizeof(Row))
        ins = <Row *>malloc((s.widest + 1) * sizeof(Row))
        if need == NULL or out == NULL or ins == NULL:
            raise MemoryError("backward: no memory for the gradients of a row")
        if traced_now():
            for r, g in seeds:
                check_root(r, [s.rows[j] for j in range(s.n)])
        grad_enable(create_graph)
        s.timed = timed()
        s.short_way = not create_graph and not s.timed
        for j, (r, g) in enumerate(seeds):
            accumulate_into(&s.acc[slots[j]], g, False)
        for j in range(s.n):
            i = s.order[j]
            if not s.wanted[i]:
                continue
            # After an error the scope of the whole sweep releases what a step has made.
            step_mark = scope_enter()
            _step(&s, i, retain_graph, accumulate, need, out, ins, target if chosen else NULL,
                  bundles)
            scope_leave(step_mark)
            if s.acc[i] and not target[i]:
                if s.acc[i] != IN_NUMBER:
                    release(s.acc[i])
                s.acc[i] = 0
        complete = True
        if accumulate:
            return None
        for i in held:
            if i < 0 or s.acc[i] == 0:
                if not allow_unused:
                    raise RuntimeError(
                        "One of the differentiated Tensors appears to not have been used in the "
                        "graph. Set allow_unused=True if this is the desired behavior.")
                result.append(None)
            else:
                _to_row(&s, i)
                result.append(as_object(s.acc[i]))
        return result
    finally:
        grad_enable(mode)
        _free(&s)
        free(slots)
        free(need)
        free(out)
        free(ins)
        free(target)
        scope_leave(mark)
        end_event(event)
        end_of_sweep(outer, complete)


def leaves(list roots):
    """The leaf tensors that a gradient of `roots` would reach and that somebody still holds."""
    cdef Sweep s
    cdef int64_t mark = scope_enter()
    cdef int32_t i
    cdef list rows = [], found = []
    global _epoch
    memset(&s, 0, sizeof(Sweep))
    try:
        for root in roots:
            rows.append(row_of(root, "backward"))
        _grow(&s)
        _epoch += 1
        for r in rows:
            _visit(&s, r)
        _reach(&s)
        # Making lists may run other code: the rows are held while it can.
        for i in range(s.n):
            if node(s.rows[i]).n_in == 0 and value(s.rows[i]).handle != NULL:
                found.append(hold(s.rows[i]))
        return [wrap_borrowed(r) for r in found]
    finally:
        _free(&s)
        scope_leave(mark)


def rule_calls():
    """Number of derivative rules evaluated since the start."""
    return _rule_calls
