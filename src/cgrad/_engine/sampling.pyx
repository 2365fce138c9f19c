"""Samples whose distribution is given by tensors, in-place draws, and dropout.

Arguments that may run code are read first; tensors that are drawn from or into are held with their
memory (`hold`), because others may run while a draw waits for its generator.
"""
from libc.float cimport DBL_MAX, FLT_MAX
from libc.math cimport INFINITY, isfinite
from cgrad._engine.types cimport *
from cgrad._engine cimport handle
from cgrad._engine.create cimport check_device, finish
from cgrad._engine.face import export
from cgrad._engine.handle cimport (
    Handle, dtype_code, dtype_of, is_handle, promote, row_of, wrap,
)
from cgrad._engine.inplace cimport assign, check_writable, write_out
from cgrad._engine.loops cimport BLOCK, NOGIL, copy_cast
from cgrad._engine.primitives cimport add, cast, expand, mul, number, same_shape
from cgrad._engine.random cimport (
    BERNOULLI, CAUCHY, Draw, EXPONENTIAL, GEOMETRIC, LOG_NORMAL, MASK, MULTINOMIAL, NORMAL, SAMPLE,
    UNIFORM, draw, fill, integer, integer_limits, integers_between, shape_of,
)
from cgrad._engine.rows cimport is_float, node, retain, row_dense, touched, value
from cgrad._engine.shape cimport parse_shape
from cgrad._engine.softmax cimport dense, float_input, hold
from cgrad._engine.table cimport (
    Ctx, apply, call2, grad_enabled, keep, op_id, register, scope_enter, scope_leave,
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

    Example::

        >>> cgrad.normal(0.0, 1.0, (2, 3)).shape
        cgrad.Size([2, 3])
    """
    cdef int64_t mark = scope_enter()
    cdef int64_t[MAX_DIMS] shape
    cdef double center = 0, spread = 1
    cdef bint leaf = requires_grad
    cdef int n, dt
    cdef Row r, m = 0, s = 0
    try:
        check_device(device)
        if not is_handle(mean):
            center = mean
        if not is_handle(std):
            spread = std
            if not spread >= 0:
                raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
        if not is_handle(mean) and not is_handle(std):
            if size is None:
                raise TypeError("normal() missing required argument: 'size'")
            n = parse_shape((size,), shape, "normal")
            r = keep(row_dense(dtype_code(dtype, handle.default_float), n, shape))
            float_input(r, "normal")
            fill(r, NORMAL, center, spread, generator)
            if out is None:
                retain(r)
                return finish(r, leaf)
            return _give(r, out, "normal")
        dt = handle.default_float
        if is_handle(mean):
            m = hold(mean, "normal")
            dt = value(m).dtype
        if is_handle(std):
            s = hold(std, "normal")
            dt = promote(m, s) if m else value(s).dtype
        m = cast(m, dt) if m else _number(center, dt)
        s = cast(s, dt) if s else _number(spread, dt)
        float_input(m, "normal")
        if not _non_negative(s):
            raise RuntimeError("normal expects all elements of std >= 0.0")
        r = add(m, s)                          # for the shape
        r = keep(row_dense(dt, value(r).ndim, value(r).shape))
        fill(r, NORMAL, 0, 1, generator)
        return _give(add(mul(r, s), m), out, "normal")
    finally:
        scope_leave(mark)


cdef Row _number(double x, int dt) except 0:
    cdef Row r = keep(row_dense(dt, 0, NULL))
    return number(x, r)


cdef bint _non_negative(Row a) except -1:
    # NaN passes.
    cdef Row r = dense(cast(a, F64))
    cdef const double *p = <const double *>value(r).data
    cdef int64_t i
    for i in range(value(r).numel):
        if p[i] < 0:
            return False
    return True


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

    Example::

        >>> cgrad.bernoulli(cgrad.tensor([0.0, 1.0]))
        tensor([0., 1.])
    """
    cdef int64_t mark = scope_enter()
    cdef int64_t[MAX_DIMS] shape
    cdef double q = 0 if p is None else p
    cdef int n, dt
    cdef Row x
    try:
        if p is None:
            x = hold(input, "bernoulli")
            float_input(x, "bernoulli")
            return _give(cast(_bernoulli(x, generator), value(x).dtype), out, "bernoulli")
        if not 0 <= q <= 1:
            raise RuntimeError(f"bernoulli: bernoulli_ expects p to be in [0, 1], but got p={p}")
        n = shape_of(input, "bernoulli", shape, &dt)
        return _give(cast(_mask(n, shape, q, generator), dt), out, "bernoulli")
    finally:
        scope_leave(mark)


cdef int _check_weights(const double *p, int64_t n, int64_t k, bint replacement) except -1:
    # One row of multinomial's weights.
    cdef int64_t j, positive = 0
    cdef double total = 0
    for j in range(n):
        if not 0 <= p[j] < INFINITY:
            raise RuntimeError("multinomial: probability tensor contains either `inf`, `nan` or "
                               "element < 0")
        total += p[j]
        positive += p[j] > 0
    if total <= 0 or not isfinite(total):
        raise RuntimeError("multinomial: invalid multinomial distribution (sum of probabilities "
                           "<= 0)")
    if not replacement and positive < k:
        raise RuntimeError("multinomial: invalid multinomial distribution (with "
                           "replacement=False, not enough non-negative category to sample)")
    return 0


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
    cdef int64_t[2] shape
    cdef int64_t i, room, count
    cdef bint again = replacement
    cdef const double *p
    cdef Value *v
    cdef Draw d
    cdef Row x, r
    try:
        count = integer("multinomial", num_samples)
        x = hold(input, "multinomial")
        v = value(x)
        if v.ndim != 1 and v.ndim != 2:
            raise RuntimeError("multinomial: prob_dist must be 1 or 2 dim")
        float_input(x, "multinomial")
        d.k = count
        d.n = v.shape[v.ndim - 1]
        d.rows = v.shape[0] if v.ndim == 2 else 1
        if d.k <= 0:
            raise RuntimeError("multinomial: cannot sample n_sample <= 0 samples")
        if not again and d.k > d.n:
            raise RuntimeError("multinomial: cannot sample n_sample > prob_dist.size(-1) samples "
                               "without replacement")
        if out is not None and value(row_of(out, "multinomial")).dtype != I64:
            raise RuntimeError("multinomial: multinomial expects Long tensor out, got: "
                               f"{dtype_of(value(row_of(out, 'multinomial')).dtype).name}")
        # A copy: what was checked must not change while it is drawn from.
        r = keep(row_dense(F64, v.ndim, v.shape))
        copy_cast(r, x)
        p = <const double *>value(r).data
        for i in range(d.rows):
            _check_weights(p + i * d.n, d.n, d.k, again)
        room = 2 * d.n
        shape[0] = d.rows
        shape[v.ndim - 1] = d.k
        r = keep(row_dense(I64, v.ndim, shape))
        d.what = MULTINOMIAL if again else SAMPLE
        d.p = p
        d.work = <double *>value(keep(row_dense(F64, 1, &room))).data
        d.y = value(r).data
        draw(&d, generator)
        return _give(r, out, "multinomial")
    finally:
        scope_leave(mark)


export(normal, method=False)
export(bernoulli)
export(multinomial)


# ---------------------------------------------------------------------------------------------
# In place.  A drawn value does not depend on the old one, so no gradient flows to it.

cdef object _change(object self, str name, int what, double a, double b, object generator):
    cdef int64_t mark = scope_enter()
    cdef bint tracked
    cdef Row x, y
    try:
        x = row_of(self, name.encode())
        check_writable(<Handle>self, x, name)
        tracked = grad_enabled() and node(x).flags & REQUIRES_GRAD
        x = hold(self, name.encode())
        if what != GEOMETRIC:
            float_input(x, name)
        elif value(x).dtype == BOOL:
            raise NotImplementedError(f"{name}: not implemented for cgrad.bool")
        if value(x).contiguous and not tracked and is_float(value(x).dtype):
            fill(x, what, a, b, generator)
            touched(value(x))
            return self
        y = keep(row_dense(value(x).dtype if is_float(value(x).dtype) else F64, value(x).ndim,
                           value(x).shape))
        fill(y, what, a, b, generator)
        assign(<Handle>self, cast(y, value(x).dtype), name)
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

    Example::

        >>> cgrad.empty(3).uniform_(2, 3).long()
        tensor([2, 2, 2])
    """
    cdef int64_t[MAX_DIMS] shape
    cdef double a, b, limit
    cdef int dt
    low, to = _from_to("uniform_", low, to, others)
    a, b = low, to
    shape_of(self, "uniform_", shape, &dt)
    limit = FLT_MAX if dt == F32 else DBL_MAX
    for name, bound in (("from", a), ("to", b)):
        if not -limit <= bound <= limit:
            raise RuntimeError(f"uniform_: {name}={bound} is out of bounds for "
                               f"{dtype_of(dt).name}")
    if not a <= b:
        raise RuntimeError("uniform_ expects to return a [from, to) range, but found "
                           f"from={low} > to={to}")
    if b - a > limit:
        raise RuntimeError("uniform_ expects to-from to be finite, but found "
                           f"to={to} and from={low}")
    return _change(self, "uniform_", UNIFORM, a, b, generator)


def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """normal_(mean=0, std=1, *, generator=None) -> Tensor

    Fill with normal numbers.

    Example::

        >>> cgrad.empty(3).normal_(5.0, 0.0)
        tensor([5., 5., 5.])
    """
    cdef double center = mean, spread = std
    if not spread >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return _change(self, "normal_", NORMAL, center, spread, generator)


def exponential_(self, lambd=1.0, *, generator=None):
    """exponential_(lambd=1, *, generator=None) -> Tensor

    Fill with numbers of density lambd e^(-lambd x), x > 0.

    Example::

        >>> cgrad.empty(3).exponential_().min() > 0
        tensor(True)
    """
    cdef double rate = lambd
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    return _change(self, "exponential_", EXPONENTIAL, rate, 0, generator)


def cauchy_(self, median=0.0, sigma=1.0, *, generator=None):
    """cauchy_(median=0, sigma=1, *, generator=None) -> Tensor

    Fill with numbers of density sigma / (pi (sigma^2 + (x - median)^2)).

    Example::

        >>> cgrad.empty(3).cauchy_().shape
        cgrad.Size([3])
    """
    cdef double center = median, scale = sigma
    if not scale > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    return _change(self, "cauchy_", CAUCHY, center, scale, generator)


def log_normal_(self, mean=1.0, std=2.0, *, generator=None):
    """log_normal_(mean=1, std=2, *, generator=None) -> Tensor

    Fill with e^x, x normal with this mean and standard deviation.

    Example::

        >>> cgrad.empty(3).log_normal_().min() > 0
        tensor(True)
    """
    cdef double center = mean, spread = std
    if not spread > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    return _change(self, "log_normal_", LOG_NORMAL, center, spread, generator)


def geometric_(self, p, *, generator=None):
    """geometric_(p, *, generator=None) -> Tensor

    Fill with the number of trials up to the first success of probability `p`: 1, 2, ...

    Example::

        >>> cgrad.empty(3).geometric_(0.5).min() >= 1
        tensor(True)
    """
    cdef double q = p
    if not 0 < q < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    return _change(self, "geometric_", GEOMETRIC, q, 0, generator)


cdef object _change_to(object self, Row y, str name):
    assign(<Handle>self, cast(y, value((<Handle>self).row).dtype), name)
    return self


cdef int _check_expands(Value *v, int ndim, const int64_t *shape) except -1:
    cdef int i, extra = ndim - v.ndim
    cdef bint fits = extra >= 0
    for i in range(v.ndim):
        fits = fits and (v.shape[i] == 1 or v.shape[i] == shape[i + extra])
    if not fits:
        raise RuntimeError(f"bernoulli_: p of shape {[v.shape[i] for i in range(v.ndim)]} does "
                           f"not expand to {[shape[i] for i in range(ndim)]}")
    return 0


def bernoulli_(self, p=0.5, *, generator=None):
    """bernoulli_(p=0.5, *, generator=None) -> Tensor

    Fill with 1 with probability `p` (a number, or a tensor that broadcasts to the shape), else 0.

    Example::

        >>> cgrad.empty(3).bernoulli_(1.0)
        tensor([1., 1., 1.])
    """
    cdef int64_t mark = scope_enter()
    cdef int64_t[MAX_DIMS] shape
    cdef double q = 0 if is_handle(p) else p
    cdef int n, dt
    cdef Row x
    try:
        check_writable(<Handle>self, row_of(self, "bernoulli_"), "bernoulli_")
        n = shape_of(self, "bernoulli_", shape, &dt)
        if is_handle(p):
            x = hold(p, "bernoulli_")
            _check_expands(value(x), n, shape)
            return _change_to(self, _bernoulli(expand(x, n, shape), generator), "bernoulli_")
        if not 0 <= q <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        return _change_to(self, _mask(n, shape, q, generator), "bernoulli_")
    finally:
        scope_leave(mark)


_NOT_GIVEN = object()


def random_(self, low=None, to=_NOT_GIVEN, *, generator=None, **others):
    """random_(from=0, to=None, *, generator=None) -> Tensor

    Fill with integers in [from, to); without `to` up to the greatest one of the dtype (2^24 for
    float32, 2^53 for float64).  One positional argument is `to`.

    Example::

        >>> cgrad.empty(3).random_(4, 5)
        tensor([4., 4., 4.])
    """
    cdef int64_t mark = scope_enter()
    cdef int64_t[MAX_DIMS] shape
    cdef int n, dt
    cdef bint single = to is _NOT_GIVEN and not others
    try:
        low, to = _from_to("random_", low, to, others)
        if single:
            low, to = None, low
        low = 0 if low is None else integer("random_", low)
        if to is not None and to is not _NOT_GIVEN:
            to = integer("random_", to)
        check_writable(<Handle>self, row_of(self, "random_"), "random_")
        n = shape_of(self, "random_", shape, &dt)
        if to is None or to is _NOT_GIVEN:
            to = integer_limits(dt)[1] + 1
        return _change_to(self, integers_between("random_", dt, n, shape, low, to, generator),
                          "random_")
    finally:
        scope_leave(mark)


for _f in (uniform_, normal_, exponential_, cauchy_, log_normal_, geometric_, bernoulli_, random_):
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
        if not same_shape(x[0], x[1]):
            raise RuntimeError("dropout: gradient and mask differ in shape")
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
    cdef int64_t[MAX_DIMS] shape
    cdef int n, dt
    cdef Row[2] x
    cdef Attr at
    try:
        n = shape_of(input, "dropout", shape, &dt)
        if not 0 <= q <= 1:
            raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
        if not training or q == 0:
            return input
        if not is_float(dt):
            raise RuntimeError("dropout: result type Float can't be cast to the desired output "
                               f"type {dtype_of(dt).name}")
        x[1] = _mask(n, shape, 1.0 - q, None)
        x[0] = row_of(input, "dropout")
        at.f[0] = 1.0 / (1.0 - q) if q < 1 else 0.0
        return wrap(apply(DROPOUT, x, 2, &at))
    finally:
        scope_leave(mark)

export(dropout, method=False)
