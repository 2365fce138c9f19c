"""Classification losses: cross entropy of logits, and negative log-likelihood.

The fused forwards have fused backwards with derivatives of their own, as in softmax.pyx.
"""
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_of, row_of
from cgrad._engine.loops cimport BLOCK, NOGIL
from cgrad._engine.loss cimport MEAN, NONE, get, put, reduction_code, total_of
from cgrad._engine.primitives cimport cast, expand, mul, number, reshape, sum_dims
from cgrad._engine.rows cimport is_float, item_size, retain, row_dense, value
from cgrad._engine.softmax cimport dense, float_input
from cgrad._engine.table cimport (
    Ctx, call1, call2, calln, keep, op_id, register, scope_enter, scope_leave,
)
from cgrad._engine.threads cimport parallel_for

# Pointers are untyped here; the kernels are chosen by dtype.
cdef extern from "../_kernels/softmax.h":
    int64_t cg_cross_entropy_f32(const void *x, int64_t classes, const int64_t *target,
                                 const void *weight, int64_t ignore, double smoothing, void *loss,
                                 void *max, void *log_sum, void *row_weight, int64_t begin,
                                 int64_t end) nogil
    int64_t cg_cross_entropy_f64(const void *x, int64_t classes, const int64_t *target,
                                 const void *weight, int64_t ignore, double smoothing, void *loss,
                                 void *max, void *log_sum, void *row_weight, int64_t begin,
                                 int64_t end) nogil
    void cg_cross_entropy_backward_f32(const void *x, int64_t classes, const int64_t *target,
                                       const void *weight, int64_t ignore, double smoothing,
                                       const void *max, const void *log_sum, const void *scale,
                                       int64_t scale_step, void *dx, int64_t begin,
                                       int64_t end) nogil
    void cg_cross_entropy_backward_f64(const void *x, int64_t classes, const int64_t *target,
                                       const void *weight, int64_t ignore, double smoothing,
                                       const void *max, const void *log_sum, const void *scale,
                                       int64_t scale_step, void *dx, int64_t begin,
                                       int64_t end) nogil

cdef extern from "../_kernels/loss.h":
    int64_t cg_nll_f32(const void *x, int64_t classes, const int64_t *target, const void *weight,
                       int64_t ignore, void *loss, void *row_weight, int64_t rows) nogil
    int64_t cg_nll_f64(const void *x, int64_t classes, const int64_t *target, const void *weight,
                       int64_t ignore, void *loss, void *row_weight, int64_t rows) nogil
    void cg_nll_backward_f32(int64_t classes, const int64_t *target, const void *weight,
                             int64_t ignore, const void *scale, int64_t scale_step, void *dx,
                             int64_t rows) nogil
    void cg_nll_backward_f64(int64_t classes, const int64_t *target, const void *weight,
                             int64_t ignore, const void *scale, int64_t scale_step, void *dx,
                             int64_t rows) nogil

cdef int SOFTMAX = op_id("softmax"), SOFTMAX_BACKWARD = op_id("softmax_backward")
cdef int CROSS_ENTROPY = op_id("cross_entropy"), NLL = op_id("nll_loss")
cdef int CROSS_ENTROPY_BACKWARD = op_id("cross_entropy_backward")
cdef int CROSS_ENTROPY_SCALE = op_id("cross_entropy_scale")
cdef int NLL_BACKWARD = op_id("nll_loss_backward")


# ---------------------------------------------------------------------------------------------
# Arguments

cdef int _class_rows(str name, object input, object target, object weight, Row *x) except -1:
    """Logits [N, C], classes [N] and weights (or 0) of a classification loss, checked."""
    cdef int64_t[2] shape
    cdef Value *v
    cdef Value *w
    x[0] = row_of(input, name.encode())
    x[1] = row_of(target, name.encode())
    x[2] = 0
    float_input(x[0], name)
    v = value(x[0])
    w = value(x[1])
    if w.dtype == U8:
        x[1] = cast(x[1], I64)
        w = value(x[1])
    if w.dtype != I64:
        raise RuntimeError(f"{name}: expected a target of dtype int64, but got "
                           f"{dtype_of(w.dtype).name}")
    if v.ndim == 1 and w.ndim == 0:
        shape[0] = 1
        shape[1] = v.shape[0]
        x[0] = reshape(x[0], 2, shape)
        x[1] = reshape(x[1], 1, shape)
    elif v.ndim != 2 or w.ndim != 1:
        raise ValueError(f"{name}: expected an input of shape (N, C) and a target of shape (N), "
                         f"but got {v.ndim}D and {w.ndim}D")
    elif v.shape[0] != w.shape[0]:
        raise ValueError(f"{name}: Expected input batch_size ({v.shape[0]}) to match target "
                         f"batch_size ({w.shape[0]}).")
    if weight is not None:
        x[2] = row_of(weight, name.encode())
        w = value(x[2])
        v = value(x[0])
        if w.ndim != 1 or w.shape[0] != v.shape[1]:
            raise RuntimeError(f"{name}: weight tensor should be defined either for all "
                               f"{v.shape[1]} classes or no classes but got weight tensor of "
                               f"shape: {[w.shape[i] for i in range(w.ndim)]}")
        if w.dtype != v.dtype:
            raise RuntimeError(f"{name}: expected a weight of dtype {dtype_of(v.dtype).name}, but "
                               f"found {dtype_of(w.dtype).name}")
    return 0


cdef int _raise_changed(str name) except -1:
    raise RuntimeError(f"{name}: a tensor has changed its shape or dtype since the loss was computed")


cdef int _check_rows(Row x, Row target, Row weight, str name) except -1:
    """Check anew what `_class_rows` found: `.data =` may have replaced it before the backward."""
    cdef Value *v = value(x)
    cdef Value *t = value(target)
    if v.ndim != 2 or not is_float(v.dtype) or t.dtype != I64 or t.numel != v.shape[0]:
        _raise_changed(name)
    if weight and (value(weight).numel != v.shape[1] or value(weight).dtype != v.dtype):
        _raise_changed(name)
    return 0


cdef int _check_gradient(Row g, int dtype, int64_t rows, Attr *at, str name) except -1:
    if value(g).dtype != dtype or value(g).numel != (rows if at.k[0] == NONE else 1):
        _raise_changed(name)
    return 0


cdef int _raise_target(const int64_t *target, int64_t rows, int64_t classes,
                       int64_t ignore) except -1:
    """Raise for the first target that is no class."""
    cdef int64_t i
    for i in range(rows):
        if target[i] != ignore and not 0 <= target[i] < classes:
            raise IndexError(f"Target {target[i]} is out of bounds.")
    raise IndexError("Target is out of bounds.")


cdef int _no_weight_derivative(str name) except -1:
    """Raise: weights of classes are constants."""
    raise RuntimeError(f"{name}: the derivative for 'weight' is not implemented.")


# ---------------------------------------------------------------------------------------------
# Cross entropy of logits [N, C] and classes [N].
# Inputs: logits, target, stats[, weight].  `stats` is filled by the forward and read by the
# backward: log-sum-exp of each row in two parts, the greatest logits and what is above them (the sum
# would have to be rounded), then the sum of the weights of all rows.  It carries no history, the
# rules treat it as the function of the logits that it is.
# Attr: k[0] = reduction, k[1] = ignored class, f[0] = label smoothing

cdef struct Job:              # one run over the rows of a cross entropy
    bint backward
    int dtype
    int64_t n, rows           # classes, rows
    const void *x
    void *y                   # losses, or the gradient of x
    const int64_t *target
    const void *weight
    int64_t ignore
    double smoothing
    void *max                 # of each row, and the log of the sum of e^(x - max)
    void *log_sum
    void *total               # the sum of the weights of all rows
    void *row_weight
    const void *scale
    int64_t scale_step
    int64_t bad               # a row whose target is no class, or -1


cdef void _task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Job *j = <Job *>ctx
    cdef int64_t bad = -1
    if j.backward:
        if j.dtype == F32:
            cg_cross_entropy_backward_f32(j.x, j.n, j.target, j.weight, j.ignore, j.smoothing,
                                          j.max, j.log_sum, j.scale, j.scale_step, j.y, begin,
                                          end)
        else:
            cg_cross_entropy_backward_f64(j.x, j.n, j.target, j.weight, j.ignore, j.smoothing,
                                          j.max, j.log_sum, j.scale, j.scale_step, j.y, begin,
                                          end)
        return
    if j.dtype == F32:
        bad = cg_cross_entropy_f32(j.x, j.n, j.target, j.weight, j.ignore, j.smoothing, j.y,
                                   j.max, j.log_sum, j.row_weight, begin, end)
    else:
        bad = cg_cross_entropy_f64(j.x, j.n, j.target, j.weight, j.ignore, j.smoothing, j.y,
                                   j.max, j.log_sum, j.row_weight, begin, end)
    if bad >= 0:
        j.bad = bad           # threads may race here: any bad row will do


cdef void _run(Job *j) noexcept:
    cdef int64_t grain = BLOCK // j.n if j.n > 0 else BLOCK
    if j.rows * j.n < NOGIL:
        _task(j, 0, j.rows)
        return
    with nogil:
        parallel_for(_task, j, j.rows, grain if grain > 1 else 1)


cdef int _cross_entropy_job(Job *j, Row x, Row target, Row stats, Row weight, Attr *at) except -1:
    cdef int64_t size
    _check_rows(x, target, weight, "cross_entropy")
    j.dtype = value(x).dtype
    j.rows = value(x).shape[0]
    j.n = value(x).shape[1]
    size = j.rows * item_size(j.dtype)
    if value(stats).numel != 2 * j.rows + 1 or value(stats).dtype != j.dtype:
        _raise_changed("cross_entropy")
    j.x = value(dense(x)).data
    j.target = <const int64_t *>value(dense(target)).data
    j.max = value(stats).data
    j.log_sum = value(stats).data + size
    j.total = value(stats).data + 2 * size
    j.weight = value(dense(weight)).data if weight else NULL
    j.ignore = at.k[1]
    j.smoothing = at.f[0]
    j.bad = -1
    return 0


cdef Row f_cross_entropy(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef int64_t rows
    cdef double total
    cdef int dt
    cdef Job j
    cdef Row y, loss
    try:
        _cross_entropy_job(&j, x[0], x[1], x[2], x[3] if n > 3 else 0, at)
        dt = j.dtype
        rows = j.rows
        j.backward = False
        j.row_weight = value(keep(row_dense(dt, 1, &rows))).data
        loss = keep(row_dense(dt, 1, &rows))
        j.y = value(loss).data
        _run(&j)
        if j.bad >= 0:
            _raise_target(j.target, rows, j.n, j.ignore)
        total = total_of(j.row_weight, dt, rows)
        put(j.total, dt, 0, total)
        if at.k[0] == NONE:
            retain(loss)
            return loss
        y = row_dense(dt, 0, NULL)
        put(value(y).data, dt, 0,
             total_of(j.y, dt, rows) / (total if at.k[0] == MEAN else 1.0))
        return y
    finally:
        scope_leave(mark)


cdef Row f_cross_entropy_backward(int op, Row *x, int n, Attr *at) except 0:
    # x: gradient of the loss, logits, target, stats[, weight]
    cdef int64_t mark = scope_enter()
    cdef Value *v = value(x[1])
    cdef double scale, one
    cdef Row y
    cdef Job j
    try:
        _cross_entropy_job(&j, x[1], x[2], x[3], x[4] if n > 4 else 0, at)
        _check_gradient(x[0], j.dtype, j.rows, at, "cross_entropy")
        j.backward = True
        if at.k[0] == NONE:
            j.scale = value(dense(x[0])).data
            j.scale_step = 1
        else:
            scale = get(value(x[0]).data, j.dtype, 0)
            if at.k[0] == MEAN:
                scale /= get(j.total, j.dtype, 0)
            put(<void *>&one, j.dtype, 0, scale)
            j.scale = <void *>&one
            j.scale_step = 0
        y = row_dense(v.dtype, 2, v.shape)
        j.y = value(y).data
        _run(&j)
        return y
    finally:
        scope_leave(mark)


cdef Row f_cross_entropy_scale(int op, Row *x, int n, Attr *at) except 0:
    # [N, 1]: what multiplies the softmax in the gradient of each row, before that of the loss.
    cdef int64_t mark = scope_enter()
    cdef int64_t[2] shape
    cdef int64_t i
    cdef double all_weights, scale
    cdef void *out
    cdef Row y
    cdef Job j
    try:
        _cross_entropy_job(&j, x[0], x[1], x[2], x[3] if n > 3 else 0, at)
        shape[0] = j.rows
        shape[1] = 1
        y = row_dense(j.dtype, 2, shape)
        out = value(y).data
        all_weights = total_of(j.weight, j.dtype, j.n) if j.weight else j.n
        for i in range(j.rows):
            scale = 0
            if j.target[i] != j.ignore and 0 <= j.target[i] < j.n:
                scale = get(j.weight, j.dtype, j.target[i]) if j.weight else 1
                scale = (1 - j.smoothing) * scale + j.smoothing / j.n * all_weights
                if at.k[0] == MEAN:
                    scale /= get(j.total, j.dtype, 0)
            put(out, j.dtype, i, scale)
        return y
    finally:
        scope_leave(mark)


cdef int d_cross_entropy(Ctx *c) except -1:
    cdef Row[5] x
    cdef int i
    if c.n > 3 and c.need[3]:
        _no_weight_derivative("cross_entropy")
    if c.need[0]:
        x[0] = c.g
        for i in range(c.n):
            x[i + 1] = c.x[i]
        c.out[0] = calln(CROSS_ENTROPY_BACKWARD, x, c.n + 1, c.at)
    return 0


cdef int d_cross_entropy_backward(Ctx *c) except -1:
    # z[r, c] = g[r] a[r] (p[r, c] - q[r, c]), p the softmax of the logits
    cdef Row[5] x
    cdef Row g = c.x[0], scale
    cdef int64_t[2] shape
    cdef Attr at
    cdef int i
    if c.need[0]:                  # z is linear in g
        x[0] = expand(number(1, g), value(g).ndim, value(g).shape)
        for i in range(1, c.n):
            x[i] = c.x[i]
        c.out[0] = sum_dims(mul(c.g, calln(CROSS_ENTROPY_BACKWARD, x, c.n, c.at)),
                            2 if value(g).ndim else 3, False)
    if c.need[1]:
        scale = calln(CROSS_ENTROPY_SCALE, c.x + 1, c.n - 1, c.at)
        if value(g).ndim:
            shape[0] = value(g).shape[0]
            shape[1] = 1
            g = reshape(g, 2, shape)
        at.k[0] = 1
        c.out[1] = mul(mul(g, scale),
                       call2(SOFTMAX_BACKWARD, c.g, call1(SOFTMAX, c.x[1], &at), &at))
    return 0

register("cross_entropy", f_cross_entropy, d_cross_entropy, 15, 0, 0, 0)
register("cross_entropy_backward", f_cross_entropy_backward, d_cross_entropy_backward, 30, 31)
register("cross_entropy_scale", f_cross_entropy_scale, NULL)


cdef object _classification(int op, str name, object input, object target, object weight,
                            object reduction, object ignore_index, object smoothing):
    cdef int64_t mark = scope_enter()
    cdef Row[4] x
    cdef Row y
    cdef Attr at
    cdef int64_t n
    try:
        at.k[0] = reduction_code(reduction, name)
        at.k[1] = ignore_index
        at.f[0] = smoothing
        if not 0.0 <= at.f[0] <= 1.0:
            raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {smoothing}")
        _class_rows(name, input, target, weight, x)
        x[3] = x[2]
        n = 2 * value(x[0]).shape[0] + 1 if op == CROSS_ENTROPY else 1
        at.k[2] = value(x[0]).shape[1]
        x[2] = keep(row_dense(value(x[0]).dtype, 1, &n))
        y = calln(op, x, 4 if x[3] else 3, &at)
        if at.k[0] == NONE and not _is_batch(input):
            y = reshape(y, 0, NULL)
        return wrap_borrowed(y)
    finally:
        scope_leave(mark)


cdef bint _is_batch(object input) except -1:
    return value(row_of(input, "cross_entropy")).ndim == 2


def cross_entropy(input, target, weight=None, reduction="mean", ignore_index=-100,
                  label_smoothing=0.0):
    """cross_entropy(input, target, weight=None, reduction="mean", ignore_index=-100,
    label_smoothing=0.0) -> Tensor

    -log of the softmax probability of the target class, one fused operation.

    `input` holds logits, (N, C) or (C); `target` int64 classes, (N) or ().  `weight`, (C): a
    factor for each class; the mean is divided by the sum of the factors of the targets.  Rows
    whose target is `ignore_index` count for nothing.  `label_smoothing` in [0, 1] is spread
    evenly over the classes.  Raises IndexError for a target that is no class.

    Example::

        >>> cgrad.nn.functional.cross_entropy(cgrad.zeros(2, 4), cgrad.tensor([0, 3]))
        tensor(1.3863)
    """
    return _classification(CROSS_ENTROPY, "cross_entropy", input, target, weight, reduction,
                           ignore_index, label_smoothing)


# ---------------------------------------------------------------------------------------------
# Negative log-likelihood.  Inputs: log-probabilities [N, C], target, stats[, weight]; stats[0] is
# the sum of the weights of all rows, filled by the forward.
# Attr: k[0] = reduction, k[1] = ignored class, k[2] = C.  Linear in the log-probabilities.

cdef Row f_nll(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef int64_t rows, classes, bad
    cdef int dt = value(x[0]).dtype
    cdef const int64_t *target
    cdef const void *weight
    cdef const void *a
    cdef void *row_weight
    cdef void *out
    cdef double total
    cdef Row y, loss
    try:
        _check_rows(x[0], x[1], x[3] if n > 3 else 0, "nll_loss")
        rows = value(x[0]).shape[0]
        classes = value(x[0]).shape[1]
        a = value(dense(x[0])).data
        target = <const int64_t *>value(dense(x[1])).data
        weight = value(dense(x[3])).data if n > 3 else NULL
        row_weight = value(keep(row_dense(dt, 1, &rows))).data
        loss = keep(row_dense(dt, 1, &rows))
        out = value(loss).data
        if dt == F32:
            bad = cg_nll_f32(a, classes, target, weight, at.k[1], out, row_weight, rows)
        else:
            bad = cg_nll_f64(a, classes, target, weight, at.k[1], out, row_weight, rows)
        if bad >= 0:
            _raise_target(target, rows, classes, at.k[1])
        total = total_of(row_weight, dt, rows)
        put(value(x[2]).data, dt, 0, total)
        if at.k[0] == NONE:
            retain(loss)
            return loss
        y = row_dense(dt, 0, NULL)
        put(value(y).data, dt, 0,
             total_of(out, dt, rows) / (total if at.k[0] == MEAN else 1.0))
        return y
    finally:
        scope_leave(mark)


cdef Row f_nll_backward(int op, Row *x, int n, Attr *at) except 0:
    # x: gradient of the loss, target, stats[, weight]
    cdef int64_t mark = scope_enter()
    cdef int64_t[2] shape
    cdef int dt = value(x[0]).dtype
    cdef const int64_t *target
    cdef const void *weight
    cdef const void *scale
    cdef void *out
    cdef double one, s
    cdef Row y
    try:
        shape[0] = value(x[1]).numel
        shape[1] = at.k[2]
        y = keep(row_dense(dt, 2, shape))
        _check_rows(y, x[1], x[3] if n > 3 else 0, "nll_loss")
        _check_gradient(x[0], dt, shape[0], at, "nll_loss")
        target = <const int64_t *>value(dense(x[1])).data
        weight = value(dense(x[3])).data if n > 3 else NULL
        scale = value(dense(x[0])).data
        if at.k[0] != NONE:
            s = get(scale, dt, 0)
            if at.k[0] == MEAN:
                s /= get(value(x[2]).data, dt, 0)
            put(<void *>&one, dt, 0, s)
            scale = <void *>&one
        out = value(y).data
        memset(out, 0, value(y).numel * item_size(dt))
        if dt == F32:
            cg_nll_backward_f32(shape[1], target, weight, at.k[1], scale, at.k[0] == NONE,
                                out, shape[0])
        else:
            cg_nll_backward_f64(shape[1], target, weight, at.k[1], scale, at.k[0] == NONE,
                                out, shape[0])
        retain(y)
        return y
    finally:
        scope_leave(mark)


cdef int d_nll(Ctx *c) except -1:
    cdef Row[4] x
    cdef int i
    if c.n > 3 and c.need[3]:
        _no_weight_derivative("nll_loss")
    if c.need[0]:
        x[0] = c.g
        for i in range(1, c.n):
            x[i] = c.x[i]
        c.out[0] = calln(NLL_BACKWARD, x, c.n, c.at)
    return 0

cdef int d_nll_backward(Ctx *c) except -1:        # linear: the loss of the gradient's gradient
    cdef Row[4] x
    cdef int i
    if c.need[0]:
        x[0] = c.g
        for i in range(1, c.n):
            x[i] = c.x[i]
        c.out[0] = calln(NLL, x, c.n, c.at)
    return 0

register("nll_loss", f_nll, d_nll, 2 | 4 | 8)
register("nll_loss_backward", f_nll_backward, d_nll_backward, 2 | 4 | 8)


def nll_loss(input, target, weight=None, reduction="mean", ignore_index=-100):
    """nll_loss(input, target, weight=None, reduction="mean", ignore_index=-100) -> Tensor

    -input[n, target[n]], for log-probabilities (N, C) or (C); arguments as for
    :func:`cross_entropy`.

    Example::

        >>> cgrad.nn.functional.nll_loss(cgrad.tensor([[-1.0, -2.0]]), cgrad.tensor([1]))
        tensor(2.)
    """
    return _classification(NLL, "nll_loss", input, target, weight, reduction, ignore_index, 0.0)


functional = {
    "cross_entropy": cross_entropy,
    "nll_loss": nll_loss,
}
