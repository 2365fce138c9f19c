"""Draws from a generator."""
from libc.stdint cimport uint64_t
from cgrad._engine.types cimport *

cdef extern from "../_kernels/random.h":
    ctypedef struct cg_bitgen:
        pass

cdef enum:
    UNIFORM
    NORMAL
    EXPONENTIAL               # these four: kinds of cg_draw, in its order
    CAUCHY
    LOG_NORMAL
    GEOMETRIC
    MASK
    BERNOULLI
    INTEGERS
    PERMUTATION
    MULTINOMIAL
    SAMPLE

cdef struct Draw:
    int what
    int dtype
    void *y                   # n numbers
    int64_t n
    double a, b               # parameters of a distribution
    int64_t low               # of integers, and how many of them (0: 2^64)
    uint64_t range
    const double *p           # probabilities
    double *work
    int64_t k                 # indices wanted, in each of `rows` rows
    int64_t rows

cdef class Generator:
    cdef object _bits         # the bit generator of NumPy; None before the first draw
    cdef object _lock         # held while its state changes
    cdef cg_bitgen *_c
    cdef object _seed         # None: to be taken from the system
    cdef int _start(self) except -1
    cdef bytes _pack(self)
    cdef int _unpack(self, bytes data) except -1

cdef int draw(Draw *d, object generator) except -1
cdef int fill(Row r, int what, double a, double b, object generator) except -1
cdef Row integers(int ndim, const int64_t *shape, int64_t low, uint64_t range,
                  object generator) except 0
cdef object integer_limits(int dt)
cdef object integer(str name, object x)
cdef Row integers_between(str name, int dt, int ndim, const int64_t *shape, object low,
                          object high, object generator) except 0
cdef int shape_of(object input, const char *name, int64_t *shape, int *dt) except -1
