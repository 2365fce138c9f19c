"""Random numbers: generators, and random tensors of a given shape.

The bits come from NumPy's PCG64 through its C interface; `_kernels/random.c` makes numbers of
them, one after the other, so that a seed fixes every bit of what follows, for any number of
threads.  numpy.random is imported at the first draw, not before.
"""
cimport cython
import os
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uint64_t
from libc.string cimport memcpy
from cgrad._engine.types cimport *
from cgrad._engine cimport handle
from cgrad._engine.create cimport check_device, finish
from cgrad._engine.face import export, public
from cgrad._engine.handle cimport dtype_code, dtype_of, row_of, wrap
from cgrad._engine.inplace cimport write_out
from cgrad._engine.loops cimport NOGIL
from cgrad._engine.primitives cimport cast
from cgrad._engine.rows cimport is_float, item_size, release, retain, row_dense, value
from cgrad._engine.shape cimport parse_shape
from cgrad._engine.softmax cimport dense
from cgrad._engine.table cimport OPERATION, begin_named, end_event, keep, scope_enter, scope_leave

cdef extern from "../_kernels/random.h":
    void cg_random_init()
    void cg_uniform_f32(const cg_bitgen *b, float *y, int64_t n, double low, double high) nogil
    void cg_uniform_f64(const cg_bitgen *b, double *y, int64_t n, double low, double high) nogil
    void cg_normal_f32(const cg_bitgen *b, float *y, int64_t n, double mean, double std) nogil
    void cg_normal_f64(const cg_bitgen *b, double *y, int64_t n, double mean, double std) nogil
    void cg_draw_f32(const cg_bitgen *b, int kind, float *y, int64_t n, double p, double q) nogil
    void cg_draw_f64(const cg_bitgen *b, int kind, double *y, int64_t n, double p, double q) nogil
    void cg_mask(const cg_bitgen *b, uint8_t *y, int64_t n, double p) nogil
    void cg_bernoulli(const cg_bitgen *b, const double *p, uint8_t *y, int64_t n) nogil
    void cg_integers(const cg_bitgen *b, int64_t *y, int64_t n, int64_t low, uint64_t range) nogil
    void cg_permutation(const cg_bitgen *b, int64_t *y, int64_t n) nogil
    void cg_multinomial(const cg_bitgen *b, const double *p, double *cum, int64_t n, int64_t *y,
                        int64_t k) nogil
    void cg_sample(const cg_bitgen *b, const double *p, double *keys, int64_t n, int64_t *y,
                   int64_t k) nogil

cg_random_init()
cdef enum:
    STATE_BYTES = 48          # state, increment: 16 each; flag, half word: 4 each; seed: 8

_device = "cpu"


def set_device(device):
    """Tell this layer the object that `Generator.device` is."""
    global _device
    _device = device


# ---------------------------------------------------------------------------------------------
# Generators

@cython.binding(False)
@cython.embedsignature.format("clinic")
cdef class Generator:
    """Generator(device="cpu")

    A source of random bits (NumPy's PCG64) with a seed of its own.

    Example::

        >>> g = cgrad.Generator().manual_seed(3)
        >>> a = cgrad.rand(2, generator=g)
        >>> g.manual_seed(3) is g and bool((cgrad.rand(2, generator=g) == a).all())
        True
    """
    def __init__(self, device="cpu"):
        check_device(device)
        self._seed = 67280421310721

    @property
    def device(self):
        """Always ``device(type='cpu')``."""
        return _device

    cdef int _start(self) except -1:
        if self._bits is not None:
            return 0
        from numpy.random import PCG64
        bits = PCG64(self.initial_seed())
        capsule, lock = bits.capsule, bits.lock
        if self._bits is None:         # another thread may have been faster
            self._c = <cg_bitgen *>PyCapsule_GetPointer(capsule, "BitGenerator")
            self._lock = lock
            self._bits = bits
        return 0

    def _numpy(self):
        """NumPy's Generator over the same bits, for distributions that are drawn by NumPy."""
        self._start()
        from numpy.random import Generator as Numpy
        return Numpy(self._bits)

    def manual_seed(self, seed):
        """Restart from a seed in [-2^63, 2^64); negative ones count from 2^64.  Returns self."""
        if hasattr(seed, "__index__"):
            seed = seed.__index__()
        else:
            seed = int(seed)
        if not -(1 << 63) <= seed < (1 << 64):
            raise ValueError(f"manual_seed: Overflow when unpacking long: the seed {seed} is not "
                               "in [-2^63, 2^64)")
        self._seed = seed % (1 << 64)
        if self._bits is not None:
            # The state changes in place: another thread may be drawing from this generator.
            state = type(self._bits)(self._seed).state
            with self._lock:
                self._bits.state = state
        return self

    def seed(self):
        """Restart from a seed that the system chooses, and return it."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self):
        """The seed of the last start."""
        if self._seed is None:
            self._seed = int.from_bytes(os.urandom(8), "little")
        return self._seed

    cdef bytes _pack(self):
        self._start()
        with self._lock:
            state = self._bits.state
        return (state["state"]["state"].to_bytes(16, "little")
                + state["state"]["inc"].to_bytes(16, "little")
                + int(state["has_uint32"]).to_bytes(4, "little")
                + int(state["uinteger"]).to_bytes(4, "little")
                + self.initial_seed().to_bytes(8, "little"))

    cdef int _unpack(self, bytes data) except -1:
        self._start()
        number = int.from_bytes
        state = {"bit_generator": "PCG64",
                 "state": {"state": number(data[:16], "little"),
                           "inc": number(data[16:32], "little")},
                 "has_uint32": number(data[32:36], "little"),
                 "uinteger": number(data[36:40], "little")}
        with self._lock:
            self._bits.state = state
        self._seed = number(data[40:], "little")
        return 0

    def get_state(self):
        """The state as a tensor of bytes."""
        cdef bytes data = self._pack()
        cdef int64_t n = STATE_BYTES
        cdef Row r = row_dense(U8, 1, &n)
        memcpy(value(r).data, <const char *>data, STATE_BYTES)
        return wrap(r)

    def set_state(self, new_state):
        """Return to a state that `get_state` gave."""
        cdef int64_t mark = scope_enter()
        cdef Row r
        try:
            r = row_of(new_state, "set_state")
            if value(r).dtype != U8:
                raise TypeError("RNG state must be a cgrad.uint8 tensor")
            if value(r).numel != STATE_BYTES:
                raise RuntimeError(f"RNG state is wrong size: {value(r).numel} bytes, expected "
                                   f"{STATE_BYTES}")
            self._unpack(value(dense(r)).data[:STATE_BYTES])
        finally:
            scope_leave(mark)

    def clone_state(self):
        """A generator of its own in the same state."""
        return _restore(self._pack())

    def __reduce__(self):
        return _restore, (self._pack(),)


def _restore(bytes state):
    cdef Generator g = Generator()
    g._unpack(state)
    return g


cdef Generator _default = Generator()
_default._seed = None
default_generator = _default


def manual_seed(seed):
    """manual_seed(seed) -> Generator

    Restart the default generator: the same calls then give the same numbers, bit for bit.

    >>> cgrad.manual_seed(0).initial_seed()
    0
    """
    return _default.manual_seed(seed)


def seed():
    """seed() -> int

    Restart the default generator from a seed that the system chooses; returns the seed.
    """
    return _default.seed()


def initial_seed():
    """initial_seed() -> int

    The seed of the default generator.
    """
    return _default.initial_seed()


def get_rng_state():
    """get_rng_state() -> Tensor

    The state of the default generator as a tensor of bytes.
    """
    return _default.get_state()


def set_rng_state(new_state):
    """set_rng_state(new_state) -> None

    Return the default generator to a state that :func:`get_rng_state` gave.
    """
    _default.set_state(new_state)


public["Generator"] = Generator
public["default_generator"] = default_generator
for _f in (manual_seed, seed, initial_seed, get_rng_state, set_rng_state):
    export(_f, method=False)


# ---------------------------------------------------------------------------------------------
# Drawing

cdef void _draw_with(Draw *d, const cg_bitgen *g) noexcept nogil:
    cdef int64_t i
    if d.what == UNIFORM:
        if d.dtype == F32:
            cg_uniform_f32(g, <float *>d.y, d.n, d.a, d.b)
        else:
            cg_uniform_f64(g, <double *>d.y, d.n, d.a, d.b)
    elif d.what == NORMAL:
        if d.dtype == F32:
            cg_normal_f32(g, <float *>d.y, d.n, d.a, d.b)
        else:
            cg_normal_f64(g, <double *>d.y, d.n, d.a, d.b)
    elif d.what in (EXPONENTIAL, CAUCHY, LOG_NORMAL, GEOMETRIC):
        if d.dtype == F32:
            cg_draw_f32(g, d.what - EXPONENTIAL, <float *>d.y, d.n, d.a, d.b)
        else:
            cg_draw_f64(g, d.what - EXPONENTIAL, <double *>d.y, d.n, d.a, d.b)
    elif d.what == MASK:
        cg_mask(g, <uint8_t *>d.y, d.n, d.a)
    elif d.what == BERNOULLI:
        cg_bernoulli(g, d.p, <uint8_t *>d.y, d.n)
    elif d.what == INTEGERS:
        cg_integers(g, <int64_t *>d.y, d.n, d.low, d.range)
    elif d.what == PERMUTATION:
        cg_permutation(g, <int64_t *>d.y, d.n)
    else:
        for i in range(d.rows):
            if d.what == MULTINOMIAL:
                cg_multinomial(g, d.p + i * d.n, d.work, d.n, <int64_t *>d.y + i * d.k, d.k)
            else:
                cg_sample(g, d.p + i * d.n, d.work, d.n, <int64_t *>d.y + i * d.k, d.k)


def source(generator):
    """The generator that an argument `generator=` means: None is the default one."""
    if generator is None:
        return _default
    if not isinstance(generator, Generator):
        raise TypeError(f"argument 'generator' must be a Generator, not "
                        f"{type(generator).__name__}")
    return generator


cdef int draw(Draw *d, object generator) except -1:
    """Fill d.y, memory that the caller holds: others may run until the generator is free."""
    cdef Generator g = source(generator)
    cdef const cg_bitgen *c
    cdef int64_t event
    g._start()
    c = g._c
    event = begin_named(OPERATION, "random")
    with g._lock:
        if d.n < NOGIL:
            _draw_with(d, c)
        else:
            with nogil:
                _draw_with(d, c)
    end_event(event)
    return 0


cdef int fill(Row r, int what, double a, double b, object generator) except -1:
    """Draw all elements of a row-major row."""
    cdef Draw d
    d.what = what
    d.dtype = value(r).dtype
    d.y = value(r).data
    d.n = value(r).numel
    d.a = a
    d.b = b
    return draw(&d, generator)


cdef Row integers(int ndim, const int64_t *shape, int64_t low, uint64_t range,
                  object generator) except 0:
    """Integers low + [0, range) in the current scope."""
    cdef Row r = keep(row_dense(I64, ndim, shape))
    cdef Draw d
    d.what = INTEGERS
    d.y = value(r).data
    d.n = value(r).numel
    d.low = low
    d.range = range
    draw(&d, generator)
    return r


cdef int _shape(tuple size, object keyword, int64_t *shape, const char *name) except -1:
    cdef int i, n = parse_shape(size if keyword is None else (keyword,), shape, name)
    for i in range(n):
        if shape[i] < 0:
            raise RuntimeError(f"{name.decode()}: Trying to create tensor with negative dimension "
                               f"{shape[i]}: {[shape[k] for k in range(n)]}")
    return n


cdef object _give(Row r, object out, bint requires_grad, str name):
    # The result of a function; takes over `r`.
    cdef int64_t mark
    if out is None:
        return finish(r, requires_grad)
    mark = scope_enter()
    try:
        write_out(out, keep(r), name)
        return out
    finally:
        scope_leave(mark)


cdef int _out_dtype(object out, int dt, bint given, const char *name) except -1:
    # The dtype of a result for `out=` and `dtype=`.
    cdef int wanted
    if out is None:
        return dt
    wanted = value(row_of(out, name)).dtype
    if given and wanted != dt:
        raise RuntimeError(f"{name.decode()}: dtype {dtype_of(dt).name} does not match dtype of "
                           f"out parameter ({dtype_of(wanted).name})")
    return wanted


cdef object _new(const char *name, int what, int ndim, const int64_t *shape, int dt,
                 object generator, object out, bint requires_grad):
    # Standard uniform or normal numbers.
    cdef Row r
    if not is_float(dt):
        raise NotImplementedError(f"{name.decode()}: not implemented for {dtype_of(dt)!r}; the "
                                  "dtype must be of floating point")
    r = row_dense(dt, ndim, shape)
    try:
        fill(r, what, 0, 1, generator)
    except:
        release(r)
        raise
    return _give(r, out, requires_grad, name.decode())


# ---------------------------------------------------------------------------------------------
# Random tensors.  Arguments that may run code are read before rows are taken.

cdef object _made(const char *name, int what, tuple args, object size, object generator,
                  object out, object dtype, object device, object requires_grad):
    cdef int64_t[MAX_DIMS] shape
    cdef int n = _shape(args, size, shape, name)
    cdef bint leaf = requires_grad
    check_device(device)
    return _new(name, what, n, shape, _out_dtype(out, dtype_code(dtype, handle.default_float),
                                                 dtype is not None, name), generator, out, leaf)


cdef object _made_like(const char *name, int what, object input, object generator, object dtype,
                       object device, object requires_grad):
    cdef int64_t[MAX_DIMS] shape
    cdef bint leaf = requires_grad
    cdef int n, dt
    check_device(device)
    n = shape_of(input, name, shape, &dt)
    return _new(name, what, n, shape, dtype_code(dtype, dt), generator, None, leaf)


cdef int shape_of(object input, const char *name, int64_t *shape, int *dt) except -1:
    """Copies of shape and dtype; returns the number of dimensions."""
    cdef Value *v = value(row_of(input, name))
    cdef int i
    for i in range(v.ndim):
        shape[i] = v.shape[i]
    dt[0] = v.dtype
    return v.ndim


def rand(*args, size=None, generator=None, out=None, dtype=None, layout=None, device=None,
         requires_grad=False, pin_memory=False):
    """rand(*size, generator=None, out=None, dtype=None, requires_grad=False) -> Tensor

    Uniform in [0, 1): multiples of 2^-24 in float32, of 2^-53 in float64.

    Example::

        >>> cgrad.rand(2, 3).shape
        cgrad.Size([2, 3])
    """
    return _made("rand", UNIFORM, args, size, generator, out, dtype, device, requires_grad)


def randn(*args, size=None, generator=None, out=None, dtype=None, layout=None, device=None,
          requires_grad=False, pin_memory=False):
    """randn(*size, generator=None, out=None, dtype=None, requires_grad=False) -> Tensor

    Normal with mean 0 and variance 1 (ziggurat).

    >>> cgrad.randn(2, 3).shape
    cgrad.Size([2, 3])
    """
    return _made("randn", NORMAL, args, size, generator, out, dtype, device, requires_grad)


def rand_like(input, *, generator=None, dtype=None, layout=None, device=None,
              requires_grad=False, memory_format=None):
    """rand_like(input, *, generator=None, dtype=None, requires_grad=False) -> Tensor

    :func:`rand` in the shape and dtype of `input`.
    """
    return _made_like("rand_like", UNIFORM, input, generator, dtype, device, requires_grad)


def randn_like(input, *, generator=None, dtype=None, layout=None, device=None,
               requires_grad=False, memory_format=None):
    """randn_like(input, *, generator=None, dtype=None, requires_grad=False) -> Tensor

    :func:`randn` in the shape and dtype of `input`.

    >>> cgrad.randn_like(cgrad.zeros(2, 3)).shape
    cgrad.Size([2, 3])
    """
    return _made_like("randn_like", NORMAL, input, generator, dtype, device, requires_grad)


cdef object integer_limits(int dt):
    """The integers a dtype holds exactly: least, greatest."""
    if dt == F32:
        return -(1 << 24), 1 << 24
    if dt == F64:
        return -(1 << 53), 1 << 53
    if dt == BOOL:
        return 0, 1
    if dt == U8:
        return 0, 255
    bits = 8 * item_size(dt)
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


cdef object integer(str name, object x):
    """A Python integer argument."""
    if not hasattr(x, "__index__"):
        raise TypeError(f"{name}(): expected an integer, but got {type(x).__name__}")
    return x.__index__()


cdef Row integers_between(str name, int dt, int ndim, const int64_t *shape, object low,
                          object high, object generator) except 0:
    """Integers in [low, high) as `dt`, in the current scope; low and high are Python integers."""
    if low >= high:
        raise RuntimeError(f"{name}: random_ expects 'from' to be less than 'to', but got "
                           f"from={low} >= to={high}")
    least, greatest = integer_limits(dt)
    if low < least or low > greatest:
        raise RuntimeError(f"{name}: from={low} is out of bounds for {dtype_of(dt).name}")
    if high - 1 > greatest:
        raise RuntimeError(f"{name}: to - 1 = {high - 1} is out of bounds for {dtype_of(dt).name}")
    return cast(integers(ndim, shape, low, (high - low) % (1 << 64), generator), dt)


cdef object _give_kept(Row r, object out, bint requires_grad, str name):
    # The same for a row of the current scope.
    if out is None:
        retain(r)
        return finish(r, requires_grad)
    write_out(out, r, name)
    return out


def randint(low=None, high=None, size=None, *, generator=None, out=None, dtype=None, layout=None,
            device=None, requires_grad=False, pin_memory=False):
    """randint(low=0, high, size, *, generator=None, out=None, dtype=int64) -> Tensor

    Integers in [low, high), each as likely as any other.  Raises RuntimeError if there is none,
    or if the dtype cannot hold them.

    Example::

        >>> cgrad.randint(5, (3,)).dtype
        cgrad.int64
    """
    cdef int64_t mark = scope_enter()
    cdef int64_t[MAX_DIMS] shape
    cdef bint leaf = requires_grad
    cdef int n, dt
    try:
        if size is None and high is not None and hasattr(high, "__iter__"):
            size = high
            high = None
        if high is None:
            high = low
            low = 0
        if high is None or size is None:
            raise TypeError("randint() missing required arguments: 'high' and 'size'")
        n = _shape((size,), None, shape, "randint")
        check_device(device)
        low, high = integer("randint", 0 if low is None else low), integer("randint", high)
        dt = _out_dtype(out, dtype_code(dtype, I64), dtype is not None, "randint")
        return _give_kept(integers_between("randint", dt, n, shape, low, high, generator), out,
                          leaf, "randint")
    finally:
        scope_leave(mark)


def randint_like(input, low=None, high=None, *, generator=None, dtype=None, layout=None, device=None,
                 requires_grad=False, memory_format=None):
    """randint_like(input, low=0, high, *, dtype=None) -> Tensor

    :func:`randint` in the shape and dtype of `input`.
    """
    cdef int64_t mark = scope_enter()
    cdef int64_t[MAX_DIMS] shape
    cdef bint leaf = requires_grad
    cdef int n, dt
    try:
        check_device(device)
        if high is None:
            high = low
            low = 0
        if high is None:
            raise TypeError("randint_like() missing required argument: 'high'")
        low = integer("randint_like", 0 if low is None else low)
        high = integer("randint_like", high)
        n = shape_of(input, "randint_like", shape, &dt)
        return _give_kept(integers_between("randint_like", dtype_code(dtype, dt), n, shape, low,
                                           high, generator), None, leaf, "randint_like")
    finally:
        scope_leave(mark)


def randperm(n, *, generator=None, out=None, dtype=None, layout=None, device=None,
             requires_grad=False, pin_memory=False):
    """randperm(n, *, generator=None, out=None, dtype=int64) -> Tensor

    The integers 0 to n-1 in random order.

    >>> cgrad.randperm(4).sort().values
    tensor([0, 1, 2, 3])
    """
    cdef int64_t mark = scope_enter()
    cdef int64_t count = integer("randperm", n)
    cdef bint leaf = requires_grad
    cdef int dt
    cdef Draw d
    cdef Row r
    try:
        check_device(device)
        if count < 0:
            raise RuntimeError("randperm: Trying to create tensor with negative dimension "
                               f"{count}: [{count}]")
        dt = _out_dtype(out, dtype_code(dtype, I64), dtype is not None, "randperm")
        if count > 0 and count - 1 > integer_limits(dt)[1]:
            raise RuntimeError(f"randperm: n = {count} is too large for {dtype_of(dt).name}")
        r = keep(row_dense(I64, 1, &count))
        d.what = PERMUTATION
        d.y = value(r).data
        d.n = count
        draw(&d, generator)
        return _give_kept(cast(r, dt), out, leaf, "randperm")
    finally:
        scope_leave(mark)


for _f in (rand, randn, rand_like, randn_like, randint, randint_like, randperm):
    export(_f, method=False)
