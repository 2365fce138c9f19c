"""Elementwise operations."""
from cgrad._engine.types cimport *
from cgrad._engine.table cimport MAX_OPS, Ctx, Rule

cdef enum:                # kinds of signature: which dtypes go in and what comes out
    SAME = 0              # computes in the dtype of its inputs
    FLOAT = 1             # integers and bool are converted to the default float dtype
    COMPARE = 2           # gives bool
    LOGIC = 3             # gives bool, any input
    BITS = 4              # integers and bool only
    ARITH = 5             # like SAME, but bool is not allowed (subtraction, negation)

cdef char[MAX_OPS] tensors_only   # of the operands: 2 both are, 1 the first, 0 one of them, -1 none need be

cdef Row elementwise(int op, Row *x, int n, Attr *at) except 0
cdef int elementwise_into(int op, Row *x, int n, Attr *at, Row dst) except -1
cdef int combine_into(int op, Row *x, Row dst) except -1
cdef Row over(Ctx *c, int op, Row x) except 0
cdef int broadcast(int op, Row *x, int n, int64_t *shape) except -1
cdef Row binary(int op, object a, object b) except 0
cdef Row unary_row(int op, Row x) except 0
cdef int operand_rows(int op, object a, object b, Row *x) except -1
cdef int result_dtype(int op, int dt) except -1
cdef int define(str name, int kind, Rule rule, int n_in, str ufunc, Loop f32, Loop f64,
                int r0, int r1) except -1
