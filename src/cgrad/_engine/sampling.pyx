"""Samples whose distribution is given by tensors, in-place draws, and dropout."""
from libc.math cimport INFINITY, isfinite
from libc.stdint cimport uint64_t
from cgrad._engine.types cimport *
from cgrad._engine cimport handle
from cgrad._engine.create cimport check_device, finish
from cgrad._engine.face import export
from cgrad._engine.handle cimport (
    Handle, dtype_code, dtype_of, fresh_row, is_handle, promote, row_of, wrap,
)
from cgrad._engine.inplace cimport assign, check_writable, write_out
from cgrad._engine.loops cimport BLOCK, NOGIL
from cgrad._engine.primitives cimport add, cast, mul, number, same_shape
from cgrad._engine.random cimport (
    BERNOULLI, Draw, EXPONENTIAL, MASK, MULTINOMIAL, NORMAL, SAMPLE, UNIFORM, draw, fill,
    integer_limits, integers,
)
from cgrad._engine.rows cimport is_float, node, retain, row_dense, value
from cgrad._engine.shape cimport parse_shape
from cgrad._engine.softmax cimport dense, float_input
from cgrad._engine.table cimport (
    Ctx, apply, call2, grad_enable, grad_enabled, keep, op_id, register, scope_enter, scope_leave,
)
from cgrad._engine.threads cimport parallel_for

cdef extern from "../_kernels/loss.h":
    void cg_dropout_f32(const void *x, const uint8_t *mask, double scale, void *y,
                        int64_t n) nogil
    void cg_dropout_f64(const void *x, const uint8_t *mask, double scale, void *y,
                        int64_t n) nogil

cdef int DROPOUT = op_id("dropout")


cdef object _give(Row r, object out, str name):
    # The result of a function, from the current scope.
    if out is None:
        retain(r)
        return finish(r, False)
    write_out(out, r, name)
    return out


def normal(mean=0.0, std=1.0, size=None, *, generator=None, out=None, dtype=None, layout=None,
           device=None, requires_grad=False, pin_memory=False):
    """normal(mean, std, size=None, *, generator=None, out=None) -> Tensor

    Normal with mean and standard deviation given as tensors, which are broadcast, or, with
    `size`, as numbers.  No gradient flows to them.  Raises RuntimeError for a negative `std`.
    """
    cdef int64_t mark = scope_enter()
    cdef bint mode = grad_enabled()
    cdef int64_t[MAX_DIMS] shape
    cdef int n, dt
    cdef double least
    cdef Row r, m = 0, s = 0
    try:
        check_device(device)
        if not is_handle(mean) and not is_handle(std):
            if size is None:
                raise TypeError("normal() missing required argument: 'size'")
            if std < 0:
                raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
            n = parse_shape((size,), shape, "normal")
            r = row_dense(dtype_code(dtype, handle.default_float), n, shape)
            keep(r)
            float_input(r, "normal")
            fill(r, NORMAL, mean, std, generator)
            if out is None:
                retain(r)
                return finish(r, requires_grad)
            return _give(r, out, "normal")
        grad_enable(False)
        dt = handle.default_float
        if is_handle(mean):
            m = row_of(mean, "normal")
            dt = value(m).dtype
        if is_handle(std):
            s = row_of(std, "normal")
            dt = promote(m, s) if m else value(s).dtype
        m = cast(m, dt) if m else _number(mean, dt)
        s = cast(s, dt) if s else _number(std, dt)
        float_input(m, "normal")
        if _least(s) < 0:
            raise RuntimeError("normal expects all elements of std >= 0.0")
        r = add(m, s)                          # for the shape
        r = keep(row_dense(dt, value(r).ndim, value(r).shape))
        fill(r, NORMAL, 0, 1, generator)
        return _give(add(mul(r, s), m), out, "normal")
    finally:
        grad_enable(mode)
        scope_leave(mark)


cdef Row _number(object x, int dt) except 0:
    cdef Row r = keep(row_dense(dt, 0, NULL))
    return number(x, r)


cdef double _least(Row a) except? -1:
    # The least element; NaN counts as nothing.
    cdef Row r = dense(cast(a, F64))
    cdef const double *p = <const double *>value(r).data
    cdef int64_t i
    cdef double least = INFINITY
    for i in range(value(r).numel):
        if p[i] < least:
            least = p[i]
    return least


cdef Row _bernoulli(Row p, object generator) except 0:
    # A bool for each probability.
    cdef Row q = dense(cast(p, F64)), r
    cdef const double *data = <const double *>value(q).data
    cdef int64_t i
    cdef Draw d
    for i in range(value(q).numel):
        if not 0 <= data[i] <= 1:
            raise RuntimeError("bernoulli: Expected p_in >= 0 && p_in <= 1 to be true, but got "
                               f"p_in={data[i]}")
    r = keep(row_dense(BOOL, value(q).ndim, value(q).shape))
    d.what = BERNOULLI
    d.p = data
    d.y = value(r).data
    d.n = value(r).numel
    draw(&d, generator)
    return r


cdef Row _mask(int ndim, const int64_t *shape, double p, object generator) except 0:
    # True with one probability for all.
    cdef Row r = keep(row_dense(BOOL, ndim, shape))
    fill(r, MASK, p, 0, generator)
    return r


def bernoulli(input, p=None, *, generator=None, out=None):
    """bernoulli(input, p=None, *, generator=None, out=None) -> Tensor

    1 with the probability that `input` holds (or `p` for all), else 0, in the dtype of `input`.
    """
    cdef int64_t mark = scope_enter()
    cdef bint mode = grad_enabled()
    cdef Row x
    try:
        grad_enable(False)
        x = row_of(input, "bernoulli")
        if p is None:
            float_input(x, "bernoulli")
            return _give(cast(_bernoulli(x, generator), value(x).dtype), out, "bernoulli")
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli expects p to be in [0, 1], but got p={p}")
        return _give(cast(_mask(value(x).ndim, value(x).shape, p, generator), value(x).dtype),
                     out, "bernoulli")
    finally:
        grad_enable(mode)
        scope_leave(mark)


def multinomial(input, num_samples, replacement=False, *, generator=None, out=None):
    """multinomial(input, num_samples, replacement=False, *, generator=None, out=None) -> Tensor

    int64 indices drawn with probabilities proportional to the rows of `input`, (C) or (N, C),
    which need not sum to 1; without `replacement` each index comes at most once.

    Raises:
        RuntimeError: negative, infinite or NaN weights, a row without enough positive ones, or
            more samples than categories without replacement.

    Example::

        >>> cgrad.multinomial(cgrad.tensor([0.0, 3.0]), 2, replacement=True)
        tensor([1, 1])
    """
    cdef int64_t mark = scope_enter()
    cdef bint mode = grad_enabled()
    cdef int64_t[2] shape
    cdef int64_t i, j, room, positive
    cdef const double *p
    cdef double total
    cdef Value *v
    cdef Draw d
    cdef Row x, r
    try:
        grad_enable(False)
        x = row_of(input, "multinomial")
        v = value(x)
        if v.ndim != 1 and v.ndim != 2:
            raise RuntimeError("multinomial: prob_dist must be 1 or 2 dim")
        float_input(x, "multinomial")
        d.k = num_samples
        d.n = v.shape[v.ndim - 1]
        d.rows = v.shape[0] if v.ndim == 2 else 1
        if d.k <= 0:
            raise RuntimeError("multinomial: cannot sample n_sample <= 0 samples")
        if not replacement and d.k > d.n:
            raise RuntimeError("multinomial: cannot sample n_sample > prob_dist.size(-1) samples "
                               "without replacement")
        p = <const double *>value(dense(cast(x, F64))).data
        for i in range(d.rows):
            total = 0
            positive = 0
            for j in range(d.n):
                if not 0 <= p[i * d.n + j] < INFINITY:
                    raise RuntimeError("multinomial: probability tensor contains either `inf`, "
                                       "`nan` or element < 0")
                total += p[i * d.n + j]
                positive += p[i * d.n + j] > 0
            if total <= 0 or not isfinite(total):
                raise RuntimeError("multinomial: invalid multinomial distribution (sum of "
                                   "probabilities <= 0)")
            if not replacement and positive < d.k:
                raise RuntimeError("multinomial: invalid multinomial distribution (with "
                                   "replacement=False, not enough non-negative category to "
                                   "sample)")
        room = 2 * d.n
        shape[0] = d.rows
        shape[v.ndim - 1] = d.k
        r = keep(row_dense(I64, v.ndim, shape))
        d.what = MULTINOMIAL if replacement else SAMPLE
        d.p = p
        d.work = <double *>value(keep(row_dense(F64, 1, &room))).data
        d.y = value(r).data
        draw(&d, generator)
        return _give(r, out, "multinomial")
    finally:
        grad_enable(mode)
        scope_leave(mark)


export(normal, method=False)
export(bernoulli)
export(multinomial)


# ---------------------------------------------------------------------------------------------
# In place.  A drawn value does not depend on the old one, so no gradient flows to it.

cdef object _change(object self, str name, int what, double a, double b, object generator):
    cdef int64_t mark = scope_enter()
    cdef Row x, y
    try:
        x = row_of(self, name.encode())
        check_writable(<Handle>self, x, name)
        float_input(x, name)
        if value(x).contiguous and not (grad_enabled() and node(x).flags & REQUIRES_GRAD):
            fill(x, what, a, b, generator)
            value(x).storage.version += 1
        else:
            y = keep(row_dense(value(x).dtype, value(x).ndim, value(x).shape))
            fill(y, what, a, b, generator)
            assign(<Handle>self, y, name)
        return self
    finally:
        scope_leave(mark)


cdef tuple _from_to(str name, object low, object to, dict others):
    # `from` is a keyword of Python: it can only come in by name like this.
    if "from" in others:
        low = others.pop("from")
    for key in others:
        raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
    return low, to


def uniform_(self, low=0.0, to=1.0, *, generator=None, **others):
    """uniform_(from=0, to=1, *, generator=None) -> Tensor

    Fill with numbers uniform in [from, to).
    """
    low, to = _from_to("uniform_", low, to, others)
    if not low <= to:
        raise RuntimeError("uniform_ expects to return a [from, to) range, but found "
                           f"from={low} > to={to}")
    return _change(self, "uniform_", UNIFORM, low, to, generator)


def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """normal_(mean=0, std=1, *, generator=None) -> Tensor

    Fill with normal numbers.
    """
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return _change(self, "normal_", NORMAL, mean, std, generator)


def exponential_(self, lambd=1.0, *, generator=None):
    """exponential_(lambd=1, *, generator=None) -> Tensor

    Fill with numbers of density lambd e^(-lambd x), x > 0.
    """
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    return _change(self, "exponential_", EXPONENTIAL, lambd, 0, generator)


cdef object _change_to(object self, Row y, str name):
    assign(<Handle>self, cast(y, value((<Handle>self).row).dtype), name)
    return self


def bernoulli_(self, p=0.5, *, generator=None):
    """bernoulli_(p=0.5, *, generator=None) -> Tensor

    Fill with 1 with probability `p` (a number, or a tensor of the same shape), else 0.
    """
    cdef int64_t mark = scope_enter()
    cdef Row x, q
    try:
        x = row_of(self, "bernoulli_")
        check_writable(<Handle>self, x, "bernoulli_")
        if is_handle(p):
            q = row_of(p, "bernoulli_")
            if not same_shape(x, q):
                raise RuntimeError("bernoulli_: the shape of p must be that of self")
            return _change_to(self, _bernoulli(q, generator), "bernoulli_")
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        return _change_to(self, _mask(value(x).ndim, value(x).shape, p, generator), "bernoulli_")
    finally:
        scope_leave(mark)


def random_(self, low=None, to=None, *, generator=None, **others):
    """random_(from=0, to=None, *, generator=None) -> Tensor

    Fill with integers in [from, to); without bounds in [0, the greatest one of the dtype] (2^24
    for float32, 2^53 for float64).  One argument is `to`.
    """
    cdef int64_t mark = scope_enter()
    cdef Row x
    try:
        x = row_of(self, "random_")
        low, to = _from_to("random_", low, to, others)
        check_writable(<Handle>self, x, "random_")
        least, greatest = integer_limits(value(x).dtype)
        if to is None:
            to = greatest + 1 if low is None else low
            low = 0
        low = 0 if low is None else low
        if low >= to:
            raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} "
                               f">= to={to}")
        if low < least or to - 1 > greatest:
            raise RuntimeError(f"random_: from or to - 1 is out of bounds for "
                               f"{dtype_of(value(x).dtype).name}")
        return _change_to(self, integers(value(x).ndim, value(x).shape, low,
                                         (to - low) % (1 << 64), generator), "random_")
    finally:
        scope_leave(mark)


for _f in (uniform_, normal_, exponential_, bernoulli_, random_):
    export(_f, module=False)


# ---------------------------------------------------------------------------------------------
# Dropout.  Inputs: x, mask (bool).  Attr: f[0] = scale.  Linear in x.

cdef struct Job:
    int dtype
    const char *x
    const uint8_t *mask
    char *y
    double scale


cdef void _task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Job *j = <Job *>ctx
    cdef int64_t offset = begin * (4 if j.dtype == F32 else 8)
    cdef const void *x = j.x + offset
    cdef void *y = j.y + offset
    if j.dtype == F32:
        cg_dropout_f32(x, j.mask + begin, j.scale, y, end - begin)
    else:
        cg_dropout_f64(x, j.mask + begin, j.scale, y, end - begin)


cdef Row f_dropout(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef Value *v = value(x[0])
    cdef Job j
    cdef Row y
    try:
        j.dtype = v.dtype
        j.x = value(dense(x[0])).data
        j.mask = <const uint8_t *>value(dense(x[1])).data
        j.scale = at.f[0]
        y = row_dense(v.dtype, v.ndim, v.shape)
        j.y = value(y).data
        if v.numel < NOGIL:
            _task(&j, 0, v.numel)
        else:
            with nogil:
                parallel_for(_task, &j, v.numel, BLOCK)
        return y
    finally:
        scope_leave(mark)

cdef int d_dropout(Ctx *c) except -1:
    c.out[0] = call2(DROPOUT, c.g, c.x[1], c.at)
    return 0

register("dropout", f_dropout, d_dropout, 2)


def dropout(input, p, train):
    """dropout(input, p, train) -> Tensor

    Each element is dropped (set to 0) with probability `p`, the others are divided by 1 - p; the
    input itself if not in training or if p = 0.  Raises RuntimeError for p outside [0, 1].

    Example::

        >>> bool((cgrad.dropout(cgrad.ones(8), 0.5, True) % 2 == 0).all())
        True
    """
    cdef double q = p              # numbers first: asking for them may run any code
    cdef bint training = train
    cdef int64_t mark = scope_enter()
    cdef Row[2] x
    cdef Attr at
    try:
        x[0] = row_of(input, "dropout")
        if not 0 <= q <= 1:
            raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
        if not training or q == 0:
            return input
        if not is_float(value(x[0]).dtype):
            raise RuntimeError("dropout: result type Float can't be cast to the desired output "
                               f"type {dtype_of(value(x[0]).dtype).name}")
        x[1] = _mask(value(x[0]).ndim, value(x[0]).shape, 1.0 - q, None)
        at.f[0] = 1.0 / (1.0 - q) if q < 1 else 0.0
        return wrap(apply(DROPOUT, x, 2, &at))
    finally:
        scope_leave(mark)

export(dropout, method=False)
