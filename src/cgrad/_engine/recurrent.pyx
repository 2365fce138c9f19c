"""Recurrent layers over whole sequences in one call each for values and gradients.

The matrix of the recurrence is put into panels once for all steps, and each thread takes its rows of
the batch through all of them: no step waits for another thread.  What the derivative needs is kept:
the states and the gates.  nn/modules/rnn.py makes a differentiable function of the two calls.
"""
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_of
from cgrad._engine.primitives cimport sizes
from cgrad._engine.rows cimport is_float, item_size, row_dense, value
from cgrad._engine.softmax cimport dense, hold
from cgrad._engine.table cimport keep, scope_enter, scope_leave
from cgrad._engine.threads cimport parallel_for

cdef extern from "../_kernels/panels.h":
    int64_t cg_padded_f32(int64_t columns) nogil
    int64_t cg_padded_f64(int64_t columns) nogil
    void cg_pack_f32(const float *w, int turned, int64_t columns, int64_t k, float *packed) nogil
    void cg_pack_f64(const double *w, int turned, int64_t columns, int64_t k, double *packed) nogil

cdef extern from "../_kernels/recurrent.h":
    enum:
        CG_RNN_TANH, CG_RNN_RELU, CG_LSTM, CG_GRU
    ctypedef struct cg_recurrent:
        int mode, reverse
        int64_t steps, n, h, pad
        const void *x
        const void *bias
        const void *packed
        void *hs
        void *cs
        void *saved
        void *scratch
        const void *dout
        void *dx
        void *dhh
        void *dh
        void *dc
    void cg_recurrent_forward_f32(const cg_recurrent *a, int64_t begin, int64_t end) nogil
    void cg_recurrent_forward_f64(const cg_recurrent *a, int64_t begin, int64_t end) nogil
    void cg_recurrent_backward_f32(const cg_recurrent *a, int64_t begin, int64_t end) nogil
    void cg_recurrent_backward_f64(const cg_recurrent *a, int64_t begin, int64_t end) nogil

cdef dict _modes = {"RNN_TANH": CG_RNN_TANH, "RNN_RELU": CG_RNN_RELU, "LSTM": CG_LSTM, "GRU": CG_GRU}

cdef enum:
    GRAIN = 8                 # rows of the batch that a thread takes at once

cdef struct Job:
    cg_recurrent a
    int dtype
    bint backward


cdef void _rows(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Job *j = <Job *>ctx
    if j.dtype == F32:
        if j.backward:
            cg_recurrent_backward_f32(&j.a, begin, end)
        else:
            cg_recurrent_forward_f32(&j.a, begin, end)
    elif j.backward:
        cg_recurrent_backward_f64(&j.a, begin, end)
    else:
        cg_recurrent_forward_f64(&j.a, begin, end)


cdef void _run(Job *j, const void *w, void *packed, int64_t gates) noexcept nogil:
    cdef int64_t columns = j.a.h if j.backward else gates, k = gates if j.backward else j.a.h
    if j.dtype == F32:
        cg_pack_f32(<const float *>w, j.backward, columns, k, <float *>packed)
    else:
        cg_pack_f64(<const double *>w, j.backward, columns, k, <double *>packed)
    j.a.packed = packed
    parallel_for(_rows, j, j.a.n, GRAIN)


cdef Row _new(int dtype, int64_t a, int64_t b, int64_t c, bint zeros) except 0:
    """A row of shape (a, b, c), held by the scope."""
    cdef int64_t[3] dims
    cdef Row r
    dims[0], dims[1], dims[2] = a, b, c
    r = keep(row_dense(dtype, 3, dims))
    if zeros:
        memset(value(r).data, 0, a * b * c * item_size(dtype))
    return r


cdef Row _given(object x, int dtype, int64_t a, int64_t b, int64_t c, const char *what) except 0:
    """The row of a tensor of that shape (c < 0: (a, b); b < 0 as well: (a)), row-major."""
    cdef Row r = hold(x, what)
    cdef Value *v = value(r)
    cdef int ndim = 3 if c >= 0 else 2 if b >= 0 else 1
    if (v.dtype != dtype or v.ndim != ndim or v.shape[0] != a or (ndim > 1 and v.shape[1] != b)
            or (ndim > 2 and v.shape[2] != c)):
        raise RuntimeError(f"{what.decode()}: a tensor of shape {sizes(r)} and dtype "
                           f"{dtype_of(v.dtype).name} does not fit the layer")
    r = dense(r)
    return r


cdef int _begin(Job *j, mode, bint reverse, Row x, Row w, const char *what) except -1:
    """Read the sizes off the projected input and the matrix; returns the gates of a unit."""
    cdef Value *v = value(x)
    cdef Value *m = value(w)
    cdef int per
    j.a.mode = _modes[mode]
    per = 4 if j.a.mode == CG_LSTM else 3 if j.a.mode == CG_GRU else 1
    if v.ndim != 3 or m.ndim != 2 or not is_float(v.dtype) or m.dtype != v.dtype:
        raise RuntimeError(f"{what.decode()}: expected a projected input of three dimensions and a "
                           f"matrix, got {sizes(x)} and {sizes(w)}")
    j.dtype = v.dtype
    j.a.reverse = reverse
    j.a.steps, j.a.n = v.shape[0], v.shape[1]
    j.a.h = m.shape[1]
    if m.shape[0] != per * j.a.h or v.shape[2] != m.shape[0]:
        raise RuntimeError(f"{what.decode()}: a projected input of shape {sizes(x)} does not fit a "
                           f"matrix of shape {sizes(w)}")
    return per


def forward(mode, x, h, c, w, b, bint reverse):
    """forward(mode, x, h, c, w, b, reverse) -> (hs, cs, saved)

    All steps. mode: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU"; x: projected input, (T, N, G); h, c:
    first state, (N, H); w: (G, H); b: (G) or None. hs and cs are (T + 1, N, H), with the first state
    at the beginning or, with `reverse`, at the end; cs and saved may be None.
    """
    cdef int64_t mark = scope_enter()
    cdef Job j
    cdef Row hs, cs = 0, saved = 0, packed, scratch, r, x_row
    cdef int per
    cdef int64_t gates, place, state
    cdef const char *what = "recurrent layer"
    cdef const void *m
    cdef void *p
    memset(&j, 0, sizeof(j))
    try:
        r = dense(hold(w, what))
        x_row = dense(hold(x, what))
        per = _begin(&j, mode, reverse, x_row, r, what)
        gates = per * j.a.h
        m = value(r).data
        j.a.x = value(x_row).data
        hs = _new(j.dtype, j.a.steps + 1, j.a.n, j.a.h, False)
        j.a.hs = value(hs).data
        place = (j.a.steps if reverse else 0) * j.a.n * j.a.h * item_size(j.dtype)
        state = j.a.n * j.a.h * item_size(j.dtype)
        r = _given(h, j.dtype, j.a.n, j.a.h, -1, what)
        memcpy(<char *>j.a.hs + place, value(r).data, state)
        if j.a.mode == CG_LSTM:
            cs = _new(j.dtype, j.a.steps + 1, j.a.n, j.a.h, False)
            j.a.cs = value(cs).data
            r = _given(c, j.dtype, j.a.n, j.a.h, -1, what)
            memcpy(<char *>j.a.cs + place, value(r).data, state)
        if per > 1:
            saved = _new(j.dtype, j.a.steps, j.a.n, 4 * j.a.h, False)
            j.a.saved = value(saved).data
        if b is not None:
            j.a.bias = value(_given(b, j.dtype, gates, -1, -1, what)).data
        j.a.pad = cg_padded_f32(gates) if j.dtype == F32 else cg_padded_f64(gates)
        packed = _new(j.dtype, 1, j.a.pad, j.a.h, False)
        scratch = _new(j.dtype, 1, j.a.n, j.a.pad, True)
        j.a.scratch = value(scratch).data
        p = value(packed).data
        with nogil:
            _run(&j, m, p, gates)
        return (wrap_borrowed(hs), wrap_borrowed(cs) if cs else None,
                wrap_borrowed(saved) if saved else None)
    finally:
        scope_leave(mark)


def backward(mode, dout, dh, dc, hs, cs, saved, w, bint reverse):
    """backward(mode, dout, dh, dc, hs, cs, saved, w, reverse) -> (dx, dhh, dh, dc)

    Gradients of the projected input, of the product with the state (the same tensor, but for GRU)
    and of the first state, from those of the outputs (T, N, H), None for zeros, and of the last
    state.
    """
    cdef int64_t mark = scope_enter()
    cdef Job j
    cdef Row dx, dhh, first, last, packed, scratch, r, w_row
    cdef int64_t gates, state
    cdef int per
    cdef const char *what = "recurrent layer"
    cdef const void *m
    cdef void *p
    memset(&j, 0, sizeof(j))
    try:
        w_row = dense(hold(w, what))
        m = value(w_row).data
        j.a.mode = _modes[mode]
        per = 4 if j.a.mode == CG_LSTM else 3 if j.a.mode == CG_GRU else 1
        r = dense(hold(hs, what))
        j.dtype = value(r).dtype
        j.backward = True
        j.a.reverse = reverse
        j.a.steps, j.a.n, j.a.h = value(r).shape[0] - 1, value(r).shape[1], value(r).shape[2]
        gates = per * j.a.h
        if value(w_row).shape[0] != gates or value(w_row).shape[1] != j.a.h:
            raise RuntimeError(f"recurrent layer: a matrix of shape {sizes(w_row)} does not fit")
        j.a.hs = value(r).data
        if cs is not None:
            r = _given(cs, j.dtype, j.a.steps + 1, j.a.n, j.a.h, what)
            j.a.cs = value(r).data
        if saved is not None:
            j.a.saved = value(_given(saved, j.dtype, j.a.steps, j.a.n, 4 * j.a.h, what)).data
        if dout is not None:
            j.a.dout = value(_given(dout, j.dtype, j.a.steps, j.a.n, j.a.h, what)).data
        dx = _new(j.dtype, j.a.steps, j.a.n, gates, False)
        dhh = _new(j.dtype, j.a.steps, j.a.n, gates, False) if j.a.mode == CG_GRU else dx
        j.a.dx, j.a.dhh = value(dx).data, value(dhh).data
        first = _new(j.dtype, 1, j.a.n, j.a.h, True)
        last = _new(j.dtype, 1, j.a.n, j.a.h, True)
        state = j.a.n * j.a.h * item_size(j.dtype)
        j.a.dh, j.a.dc = value(first).data, value(last).data
        if dh is not None:
            memcpy(j.a.dh, value(_given(dh, j.dtype, j.a.n, j.a.h, -1, what)).data, state)
        if dc is not None:
            memcpy(j.a.dc, value(_given(dc, j.dtype, j.a.n, j.a.h, -1, what)).data, state)
        j.a.pad = cg_padded_f32(j.a.h) if j.dtype == F32 else cg_padded_f64(j.a.h)
        packed = _new(j.dtype, 1, j.a.pad, gates, False)
        scratch = _new(j.dtype, 1, j.a.n, j.a.pad, True)
        j.a.scratch = value(scratch).data
        p = value(packed).data
        with nogil:
            _run(&j, m, p, gates)
        return (wrap_borrowed(dx), wrap_borrowed(dhh) if dhh != dx else None,
                wrap_borrowed(first), wrap_borrowed(last))
    finally:
        scope_leave(mark)
