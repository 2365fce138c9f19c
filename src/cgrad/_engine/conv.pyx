"""Convolution of one to three dimensions, transposed convolution, unfold and fold.

Three operations of the table, each linear in two of x, w and the gradient g of y = conv(x, w):
`convolution` gives y, `convolution_input` the gradient of x (which is the transposed convolution
of g), `convolution_weight` that of w.  They are the three derivatives of the number <g, conv(x, w)>,
so the rule of each is an expression of the other two, and all orders of derivatives exist.

Note [Pieces].  A convolution is a matrix product: weight [o, channels * taps] times a matrix with
a column for every output place and a row for every channel and tap (im2col).  That matrix is made
in pieces that fit the cache, in each thread its own, and multiplied at once.  Sizes of pieces
depend on the shape only, and so do the sums: results have the same bits for any number of threads.
A 1x1 kernel reads the input as it is; few channels in a group, and integers, take plain loops.

Note [Shifts].  With stride 1 and planes that fit the cache the matrix is not made at all: its rows
are shifted views of the padded input (`_kernels/conv_shift.h`), which `_kernels/panels.c`
multiplies with; `_by_shifts` says when.  The gradient of x is the same with the weight turned.
"""
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.loops cimport NOGIL, copy_cast
from cgrad._engine.memory cimport block_free, block_new
from cgrad._engine.primitives cimport sum_dims
from cgrad._engine.rows cimport is_float, item_size, release, row_dense, value
from cgrad._engine.softmax cimport dense
from cgrad._engine.table cimport (
    Ctx, call1, call2, keep, op_id, register, scope_enter, scope_leave,
)
from cgrad._engine.threads cimport gemm, load_blas, parallel_for
from cgrad._engine.threads import get_num_threads

cdef extern from "../_kernels/conv.h":
    ctypedef struct cg_conv:
        int64_t n, c, o, groups
        int64_t[3] out, k, stride, pad, dilation
        int64_t[3] size "in"
        int64_t in_size, out_size, taps
    ctypedef void (*cg_direct)(const cg_conv *g, const void *a, const void *b, void *out,
                               int64_t begin, int64_t end) noexcept nogil
    cg_direct[8] cg_conv_forward
    cg_direct[8] cg_conv_input
    cg_direct[8] cg_conv_weight
    void cg_im2col_f32(const cg_conv *g, const float *x, int64_t channels, int64_t begin,
                       int64_t end, float *col, int64_t ld) nogil
    void cg_im2col_f64(const cg_conv *g, const double *x, int64_t channels, int64_t begin,
                       int64_t end, double *col, int64_t ld) nogil
    void cg_col2im_f32(const cg_conv *g, float *x, int64_t channels, int64_t begin, int64_t end,
                       float *col, int64_t ld) nogil
    void cg_col2im_f64(const cg_conv *g, double *x, int64_t channels, int64_t begin, int64_t end,
                       double *col, int64_t ld) nogil
    ctypedef struct cg_shift:
        int64_t grid, places, channels, bytes
    void cg_shift_sizes(const cg_conv *g, int64_t depth, int64_t elements, cg_shift *s)
    void (*cg_shift_forward[8])(const cg_conv *g, const cg_shift *s, const void *x,
                                const void *w, const void *bias, void *y, int64_t begin,
                                int64_t end, void *scratch) noexcept nogil
    void (*cg_shift_weight[8])(const cg_conv *g, const cg_shift *s, const void *x, const void *y,
                               void *w, int64_t group, int64_t begin, int64_t end,
                               void *scratch) noexcept nogil
    void (*cg_shift_flip[8])(const cg_conv *g, const void *w, void *flipped) noexcept nogil
    int (*cg_any_nan[8])(const void *x, int64_t n) noexcept nogil
    void (*cg_fill[8])(const void *number, void *y, int64_t n) noexcept nogil
    int cg_slot_take(volatile int *slots, int n) nogil
    void cg_slot_give(volatile int *slots, int i) nogil

cdef int CONVOLUTION = op_id("convolution"), INPUT = op_id("convolution_input")
cdef int WEIGHT = op_id("convolution_weight"), IM2COL = op_id("im2col"), COL2IM = op_id("col2im")
cdef enum:
    SMALL = 256                  # elements of operands below which the GIL is kept, as in table.pyx
    DEPTH = 512                  # rows of a piece, the length of its products' sums
    PIECE = 1 << 17              # elements of a piece
    GRIDS = 1 << 15              # elements of padded channels worked on by shifts at a time
    BLOCKS = 16                  # parts of a batch whose weight gradients are added up
    BLOCKS_SIZE = 1 << 19        # elements of all these
    FEW = 1 << 16                # multiplications a thread takes at a time
    X = 1
    W = 2


# ---------------------------------------------------------------------------------------------
# The driver

cdef struct Work:
    cg_conv g
    int dtype
    int what                     # CONVOLUTION, ...
    bint plain                   # a 1x1 kernel: the matrix is the input itself
    char *x
    char *y                      # y, or its gradient
    char *w
    char *bias                   # NULL: none
    char *scratch                # a piece for each slot
    volatile int *slots
    int n_slots
    int64_t channels, chunks     # of a piece, in a group
    int64_t places, pieces       # output places of a piece
    int64_t samples, blocks      # of a part of the batch
    char *parts                  # weight gradients of the parts of the batch but the first
    cg_direct direct
    cg_shift shift               # bytes > 0: by shifts
    int64_t slot_bytes
    int status


# Attr: k[0] = groups, k[1] = dimensions, k[2] = channels of x; d = stride, padding, dilation,
# sizes of x, of the kernel, of y: three each

cdef int _geometry(Work *p, int what, int dtype, int64_t n, int64_t o, Attr *at) except -1:
    cdef cg_conv *g = &p.g
    cdef int i
    memset(p, 0, sizeof(Work))
    p.what = what
    p.dtype = dtype
    g.n = n
    g.o = o
    g.groups = at.k[0]
    g.c = at.k[2]
    g.in_size = g.out_size = g.taps = 1
    for i in range(3):
        g.stride[i] = at.d[i]
        g.pad[i] = at.d[3 + i]
        g.dilation[i] = at.d[6 + i]
        g.size[i] = at.d[9 + i]
        g.k[i] = at.d[12 + i]
        g.out[i] = at.d[15 + i]
        g.in_size *= g.size[i]
        g.out_size *= g.out[i]
        g.taps *= g.k[i]
    p.plain = g.taps == 1
    for i in range(3):
        if g.stride[i] != 1 or g.pad[i] != 0 or g.out[i] != g.size[i]:
            p.plain = False
    return 0


cdef int _expect(Row r, int64_t numel) except -1:
    # The table's rows fit by construction; a tensor given other memory by another thread may not.
    if value(r).numel != numel:
        raise RuntimeError("convolution: an operand was changed by another thread")
    return 0


cdef void _columns(Work *p, int64_t sample, int64_t channel, int64_t channels, int64_t begin,
                   int64_t end, char *col) noexcept nogil:
    cdef int64_t at = (sample * p.g.c + channel) * p.g.in_size
    if p.dtype == F32:
        cg_im2col_f32(&p.g, <float *>p.x + at, channels, begin, end, <float *>col, end - begin)
    else:
        cg_im2col_f64(&p.g, <double *>p.x + at, channels, begin, end, <double *>col, end - begin)


cdef void _add_columns(Work *p, int64_t sample, int64_t channel, int64_t channels, int64_t begin,
                       int64_t end, char *col) noexcept nogil:
    cdef int64_t at = (sample * p.g.c + channel) * p.g.in_size
    if p.dtype == F32:
        cg_col2im_f32(&p.g, <float *>p.x + at, channels, begin, end, <float *>col, end - begin)
    else:
        cg_col2im_f64(&p.g, <double *>p.x + at, channels, begin, end, <double *>col, end - begin)


cdef void _fill_bias(Work *p, char *y, int64_t o, int64_t rows, int64_t n) noexcept nogil:
    # n places of `rows` rows of y
    cdef int64_t i, size = item_size(p.dtype)
    for i in range(rows):
        cg_fill[p.dtype](p.bias + (o + i) * size, y + i * p.g.out_size * size, n)


cdef void _forward(Work *p, int64_t item, char *col) noexcept nogil:
    # A piece of the places of one sample and group.
    cdef cg_conv *g = &p.g
    cdef int64_t size = item_size(p.dtype), og = g.o // g.groups, cg = g.c // g.groups
    cdef int64_t begin = item % p.pieces * p.places, end = min(begin + p.places, g.out_size)
    cdef int64_t group = item // p.pieces % g.groups, sample = item // p.pieces // g.groups
    cdef int64_t c, count, ld = end - begin
    cdef char *y = p.y + ((sample * g.o + group * og) * g.out_size + begin) * size
    cdef double beta = 0.0
    if p.bias != NULL:
        _fill_bias(p, y, group * og, og, end - begin)
        beta = 1.0
    c = 0
    while c < cg:
        count = min(p.channels, cg - c)
        if p.plain:
            col = p.x + ((sample * g.c + group * cg + c) * g.in_size + begin) * size
            ld = g.in_size
        else:
            _columns(p, sample, group * cg + c, count, begin, end, col)
        if gemm(p.dtype, False, False, og, end - begin, count * g.taps, 1.0,
                p.w + (group * og * cg + c) * g.taps * size, cg * g.taps, col, ld, beta, y,
                g.out_size):
            p.status = 1
        beta = 1.0
        c += count


cdef void _input(Work *p, int64_t item, char *col) noexcept nogil:
    # Some channels of one sample and group.
    cdef cg_conv *g = &p.g
    cdef int64_t size = item_size(p.dtype), og = g.o // g.groups, cg = g.c // g.groups
    cdef int64_t c = item % p.chunks * p.channels, count = min(p.channels, cg - c)
    cdef int64_t group = item // p.chunks % g.groups, sample = item // p.chunks // g.groups
    cdef int64_t begin = 0, end, ld
    cdef char *x = p.x + (sample * g.c + group * cg + c) * g.in_size * size
    if not p.plain:
        memset(x, 0, count * g.in_size * size)
    while begin < g.out_size:
        end = min(begin + p.places, g.out_size)
        ld = end - begin
        if p.plain:
            col = x + begin * size
            ld = g.in_size
        if gemm(p.dtype, True, False, count * g.taps, end - begin, og, 1.0,
                p.w + (group * og * cg + c) * g.taps * size, cg * g.taps,
                p.y + ((sample * g.o + group * og) * g.out_size + begin) * size, g.out_size, 0.0,
                col, ld):
            p.status = 1
        if not p.plain:
            _add_columns(p, sample, group * cg + c, count, begin, end, col)
        begin = end


cdef void _weight(Work *p, int64_t item, char *col) noexcept nogil:
    # Some channels of one group, over a part of the batch.
    cdef cg_conv *g = &p.g
    cdef int64_t size = item_size(p.dtype), og = g.o // g.groups, cg = g.c // g.groups
    cdef int64_t c = item % p.chunks * p.channels, count = min(p.channels, cg - c)
    cdef int64_t group = item // p.chunks % g.groups, block = item // p.chunks // g.groups
    cdef int64_t sample, begin, end, ld
    cdef char *w = p.w if block == 0 else p.parts + (block - 1) * g.o * cg * g.taps * size
    cdef double beta = 0.0
    w += (group * og * cg + c) * g.taps * size
    for sample in range(block * p.samples, min((block + 1) * p.samples, g.n)):
        begin = 0
        while begin < g.out_size:
            end = min(begin + p.places, g.out_size)
            ld = end - begin
            if p.plain:
                col = p.x + ((sample * g.c + group * cg + c) * g.in_size + begin) * size
                ld = g.in_size
            else:
                _columns(p, sample, group * cg + c, count, begin, end, col)
            if gemm(p.dtype, False, True, og, count * g.taps, end - begin, 1.0,
                    p.y + ((sample * g.o + group * og) * g.out_size + begin) * size, g.out_size,
                    col, ld, beta, w, cg * g.taps):
                p.status = 1
            beta = 1.0
            begin = end


cdef void _shifted_weight(Work *p, int64_t item, char *scratch) noexcept nogil:
    # One group, over a part of the batch.
    cdef int64_t group = item % p.g.groups, block = item // p.g.groups
    cdef int64_t cg = p.g.c // p.g.groups, size = p.g.o * cg * p.g.taps
    cdef int64_t first = block * p.samples, last = min(first + p.samples, p.g.n)
    cdef char *w = p.w if block == 0 else p.parts + (block - 1) * size * item_size(p.dtype)
    w += group * (size // p.g.groups) * item_size(p.dtype)
    cg_shift_weight[p.dtype](&p.g, &p.shift, p.x, p.y, w, group, first, last, scratch)


cdef void _task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    cdef Work *p = <Work *>ctx
    cdef int64_t item
    cdef int slot
    cdef char *col
    if p.direct != NULL:
        if p.what == CONVOLUTION:
            p.direct(&p.g, p.x, p.w, p.y, begin, end)
        elif p.what == INPUT:
            p.direct(&p.g, p.y, p.w, p.x, begin, end)
        else:
            p.direct(&p.g, p.x, p.y, p.w, begin, end)
        return
    slot = cg_slot_take(p.slots, p.n_slots)
    col = p.scratch + slot * p.slot_bytes
    if p.shift.bytes and p.what != WEIGHT:
        cg_shift_forward[p.dtype](&p.g, &p.shift, p.x, p.w, p.bias, p.y, begin, end, col)
        begin = end
    for item in range(begin, end):
        if p.shift.bytes:
            _shifted_weight(p, item, col)
        elif p.what == CONVOLUTION:
            _forward(p, item, col)
        elif p.what == INPUT:
            _input(p, item, col)
        else:
            _weight(p, item, col)
    cg_slot_give(p.slots, slot)


cdef void _sum_parts(Work *p) noexcept nogil:
    cdef int64_t i, b, n = p.g.o * (p.g.c // p.g.groups) * p.g.taps
    for b in range(p.blocks - 1):
        if p.dtype == F32:
            for i in range(n):
                (<float *>p.w)[i] += (<float *>p.parts)[b * n + i]
        else:
            for i in range(n):
                (<double *>p.w)[i] += (<double *>p.parts)[b * n + i]


cdef int64_t _plan(Work *p) noexcept:
    # The sizes of pieces, and how many items there are.
    cdef cg_conv *g = &p.g
    cdef int64_t cg = g.c // g.groups, weights = g.o * cg * g.taps
    p.channels = min(cg, max(1, DEPTH // g.taps))
    p.places = min(g.out_size, max(64, PIECE // (p.channels * g.taps)))
    if p.plain and p.what == CONVOLUTION:
        p.channels = cg
    p.chunks = (cg + p.channels - 1) // p.channels
    p.pieces = (g.out_size + p.places - 1) // p.places
    if p.what == CONVOLUTION:
        return g.n * g.groups * p.pieces
    if p.what == INPUT:
        return g.n * g.groups * p.chunks
    p.blocks = max(1, min(BLOCKS, min(g.n, BLOCKS_SIZE // max(1, weights))))
    p.samples = (g.n + p.blocks - 1) // p.blocks
    p.blocks = (g.n + p.samples - 1) // p.samples
    return p.blocks * g.groups * p.chunks


cdef int _turned(Work *p) noexcept:
    # The gradient of x as the convolution of the gradient of y with another weight.
    cdef cg_conv g = p.g
    cdef int i
    g.c, g.o = p.g.o, p.g.c
    g.in_size, g.out_size = p.g.out_size, p.g.in_size
    for i in range(3):
        g.size[i] = p.g.out[i]
        g.out[i] = p.g.size[i]
        g.pad[i] = g.dilation[i] * (g.k[i] - 1) - p.g.pad[i]
    p.g = g
    p.x, p.y = p.y, p.x
    return 0


cdef bint _by_shifts(Work *p) noexcept:
    """Whether it pays; prepares the work then."""
    cdef Work q = p[0]
    cdef int64_t og, depth
    cdef int i
    for i in range(3):
        if q.g.stride[i] != 1 or (q.what == INPUT and q.g.pad[i] > q.g.dilation[i] * (q.g.k[i] - 1)):
            return False
    if q.what == INPUT:
        _turned(&q)
    og = q.g.o // q.g.groups
    cg_shift_sizes(&q.g, DEPTH, GRIDS, &q.shift)
    if q.g.taps == 1 or 2 * q.shift.places > 3 * q.g.out_size or og * q.shift.places > PIECE or \
            q.shift.grid > GRIDS:
        return False
    # Measured: few rows or steps leave the product behind what surrounds it, and many pay for im2col.
    depth = q.g.c // q.g.groups * q.g.taps
    if og < 16 or not 96 <= depth <= 2 * DEPTH if q.what == WEIGHT else og < 8 or depth < 32:
        return False
    p[0] = q
    return True


cdef int _run(Work *p, bint small) except -1:
    # Zeros in a grid, which im2col leaves out, meet infinite numbers and make NaN: then again.
    cdef Work q = p[0]
    if not _run_as(p, small, True):
        return 0
    if p.what == WEIGHT and cg_any_nan[p.dtype](q.w, q.g.o * (q.g.c // q.g.groups) * q.g.taps) or \
            p.what == INPUT and cg_any_nan[p.dtype](q.x, q.g.n * q.g.c * q.g.in_size):
        _run_as(&q, small, False)
    return 0


cdef int _run_as(Work *p, bint small, bint shifts) except -1:
    """1 if it was done by shifts."""
    cdef cg_conv *g = &p.g
    cdef int64_t cg = g.c // g.groups, items, grain, bytes_scratch = 0, bytes_parts = 0
    cdef int64_t bytes_flipped = 0
    cdef double work = <double>g.n * g.o * g.out_size * cg * g.taps
    cdef int[64] slots
    cdef int i
    # One channel in a group leaves the product nothing to add up but the taps.
    if not is_float(p.dtype) or (g.groups > 1 and cg == 1) or work < 512:
        if p.what == CONVOLUTION:
            p.direct = cg_conv_forward[p.dtype]
            items = g.n * g.o
            if p.bias != NULL:
                for i in range(g.n):
                    _fill_bias(p, p.y + i * g.o * g.out_size * item_size(p.dtype), 0, g.o,
                               g.out_size)
            else:
                memset(p.y, 0, items * g.out_size * item_size(p.dtype))
        elif p.what == INPUT:
            p.direct = cg_conv_input[p.dtype]
            items = g.n * g.c
            memset(p.x, 0, items * g.in_size * item_size(p.dtype))
        else:
            p.direct = cg_conv_weight[p.dtype]
            items = g.o * cg
    else:
        if shifts and _by_shifts(p):
            _plan(p)
            items = g.groups * (p.blocks if p.what == WEIGHT else g.n)
            p.slot_bytes = p.shift.bytes
            if p.what == INPUT:
                bytes_flipped = g.o * (g.c // g.groups) * g.taps * item_size(p.dtype)
        else:
            load_blas()
            items = _plan(p)
            if not p.plain:
                p.slot_bytes = p.channels * g.taps * p.places * item_size(p.dtype)
        p.n_slots = <int>max(1, min(64, min(<int64_t>get_num_threads(), items)))
        memset(slots, 0, sizeof(slots))
        p.slots = slots
        bytes_parts = max(0, p.blocks - 1) * g.o * cg * g.taps * item_size(p.dtype)
        p.slot_bytes = (p.slot_bytes + 63) // 64 * 64
        bytes_scratch = p.n_slots * p.slot_bytes
    if items == 0:
        return 0
    if bytes_scratch + bytes_parts + bytes_flipped:
        p.scratch = <char *>block_new(bytes_scratch + bytes_parts + bytes_flipped)
        p.parts = p.scratch + bytes_scratch
    if bytes_flipped:
        cg_shift_flip[p.dtype](g, p.w, p.parts + bytes_parts)
        p.w = p.parts + bytes_parts
    grain = 1 + <int64_t>(FEW / max(work / items, 1.0))
    if p.shift.bytes and p.what != WEIGHT:
        grain = max(grain, items // 32)      # a grid is cleared once for several samples
    if work < NOGIL or small:
        _task(p, 0, items)
    else:
        with nogil:
            parallel_for(_task, p, items, grain)
    if p.blocks > 1:
        _sum_parts(p)
    if p.scratch != NULL:
        block_free(p.scratch, bytes_scratch + bytes_parts + bytes_flipped)
    if p.status:
        raise RuntimeError("convolution: a matrix product is beyond BLAS, whose row lengths are "
                           "32-bit integers")
    return p.shift.bytes > 0


cdef Row _result(int dtype, int64_t n, int64_t c, Attr *at, int first) except 0:
    cdef int64_t[5] shape
    cdef int i, nd = <int>at.k[1]
    shape[0] = n
    shape[1] = c
    for i in range(nd):
        shape[2 + i] = at.d[first + 3 - nd + i]
    return row_dense(dtype, 2 + nd, shape)


cdef Row f_convolution(int op, Row *x, int n, Attr *at) except 0:
    # All three: x and w, g and w, or x and g.
    cdef int64_t mark = scope_enter()
    cdef Work p
    cdef Row a, b, y
    cdef int dt = value(x[0]).dtype
    cdef bint small = value(x[0]).numel < SMALL and value(x[1]).numel < SMALL
    try:
        a = dense(x[0])
        b = dense(x[1])
        if op == WEIGHT:
            _geometry(&p, op, dt, value(a).shape[0], value(b).shape[1], at)
        else:
            _geometry(&p, op, dt, value(a).shape[0], value(b).shape[0], at)
        if value(b).dtype != dt or value(a).dtype != dt:
            raise RuntimeError("convolution: an operand was changed by another thread")
        _expect(a, p.g.n * (p.g.o * p.g.out_size if op == INPUT else p.g.c * p.g.in_size))
        _expect(b, p.g.n * p.g.o * p.g.out_size if op == WEIGHT
                else p.g.o * (p.g.c // p.g.groups) * p.g.taps)
        if op == CONVOLUTION:
            y = _result(dt, p.g.n, p.g.o, at, 15)
        elif op == INPUT:
            y = _result(dt, p.g.n, p.g.c, at, 9)
        else:
            y = _result(dt, p.g.o, p.g.c // p.g.groups, at, 12)
        try:
            p.x = value(y if op == INPUT else a).data
            p.w = value(y if op == WEIGHT else b).data
            p.y = value(y if op == CONVOLUTION else (a if op == INPUT else b)).data
            if n == 3:
                p.bias = value(_bias(x[2], p.g.o, dt)).data
            if op == WEIGHT and p.g.n == 0:
                memset(p.w, 0, value(y).numel * item_size(dt))
            elif op != INPUT or p.g.o:
                _run(&p, small)
            else:
                memset(p.x, 0, value(y).numel * item_size(dt))
        except:
            release(y)
            raise
        return y
    finally:
        scope_leave(mark)


cdef Row _bias(Row b, int64_t o, int dt) except 0:
    _expect(b, o)
    if value(b).dtype != dt:
        raise RuntimeError("convolution: an operand was changed by another thread")
    return dense(b)


cdef int d_convolution(Ctx *c) except -1:
    if c.need[0]:
        c.out[0] = call2(INPUT, c.g, c.x[1], c.at)
    if c.need[1]:
        c.out[1] = call2(WEIGHT, c.x[0], c.g, c.at)
    if c.n == 3 and c.need[2]:
        c.out[2] = sum_dims(c.g, ((1 << value(c.g).ndim) - 1) & ~2, False)
    return 0

cdef int d_input(Ctx *c) except -1:
    if c.need[0]:
        c.out[0] = call2(CONVOLUTION, c.g, c.x[1], c.at)
    if c.need[1]:
        c.out[1] = call2(WEIGHT, c.g, c.x[0], c.at)
    return 0

cdef int d_weight(Ctx *c) except -1:
    if c.need[0]:
        c.out[0] = call2(INPUT, c.x[1], c.g, c.at)
    if c.need[1]:
        c.out[1] = call2(CONVOLUTION, c.x[0], c.g, c.at)
    return 0

register("convolution", f_convolution, d_convolution, W, X)
register("convolution_input", f_convolution, d_input, W, X)
register("convolution_weight", f_convolution, d_weight, W, X)


# ---------------------------------------------------------------------------------------------
# unfold and fold: the matrix itself.  Attr as above

cdef void _unfold_task(void *ctx, int64_t begin, int64_t end) noexcept nogil:
    # Items are planes of x.
    cdef Work *p = <Work *>ctx
    cdef int64_t i, step = p.g.taps * p.g.out_size * item_size(p.dtype)
    for i in range(begin, end):
        if p.what == IM2COL:
            _columns(p, 0, i, 1, 0, p.g.out_size, p.y + i * step)
        else:
            _add_columns(p, 0, i, 1, 0, p.g.out_size, p.y + i * step)


cdef Row f_unfold(int op, Row *x, int n, Attr *at) except 0:
    cdef int64_t mark = scope_enter()
    cdef Work p
    cdef Row a, y
    cdef int64_t[3] shape
    cdef int64_t planes, other
    cdef int dt = value(x[0]).dtype
    cdef bint small = value(x[0]).numel < SMALL
    try:
        a = dense(x[0])
        _geometry(&p, op, dt, value(a).shape[0], 0, at)
        planes = p.g.n * p.g.c
        _expect(a, planes * (p.g.in_size if op == IM2COL else p.g.taps * p.g.out_size))
        if op == IM2COL:
            shape[0] = p.g.n
            shape[1] = p.g.c * p.g.taps
            shape[2] = p.g.out_size
            y = row_dense(dt, 3, shape)
        else:
            if a == x[0]:            # col2im changes the matrix
                a = keep(row_dense(dt, value(x[0]).ndim, value(x[0]).shape))
                copy_cast(a, x[0])
            y = _result(dt, p.g.n, p.g.c, at, 9)
            memset(value(y).data, 0, value(y).numel * item_size(dt))
        p.x = value(a if op == IM2COL else y).data
        p.y = value(y if op == IM2COL else a).data
        other = p.g.taps * p.g.out_size
        if planes * other < NOGIL or small:
            _unfold_task(&p, 0, planes)
        else:
            with nogil:
                parallel_for(_unfold_task, &p, planes, 1 + NOGIL // other)
        return y
    finally:
        scope_leave(mark)


cdef int d_unfold(Ctx *c) except -1:
    c.out[0] = call1(COL2IM, c.g, c.at)
    return 0

cdef int d_fold(Ctx *c) except -1:
    c.out[0] = call1(IM2COL, c.g, c.at)
    return 0

register("im2col", f_unfold, d_unfold)
register("col2im", f_unfold, d_fold)
