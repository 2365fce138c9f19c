"""Operations of the table as functions on rows, for use in derivative rules and composites.

Every function hands its row to the current scope (Note [Temporaries] in table.pyx).
"""
from cgrad._engine.types cimport *

cdef Row add(Row a, Row b) except 0
cdef Row sub(Row a, Row b) except 0
cdef Row mul(Row a, Row b) except 0
cdef Row div(Row a, Row b) except 0
cdef Row safe_mul(Row a, Row b) except 0
cdef Row safe_div(Row a, Row b) except 0
cdef Row neg(Row a) except 0
cdef Row exp(Row a) except 0
cdef Row log(Row a) except 0
cdef Row square(Row a) except 0
cdef Row power(Row a, Row b) except 0
cdef Row eq(Row a, Row b) except 0
cdef Row ge(Row a, Row b) except 0
cdef Row le(Row a, Row b) except 0
cdef Row gt(Row a, Row b) except 0
cdef Row both(Row a, Row b) except 0
cdef Row where(Row c, Row a, Row b) except 0
cdef Row unary(str name, Row a) except 0
cdef Row cast(Row a, int dtype) except 0
cdef Row number(double x, Row like) except 0
cdef Row zeros_like(Row a) except 0
cdef Row times(Row a, double x) except 0
cdef Row plus(Row a, double x) except 0
cdef Row sum_dims(Row a, int64_t mask, bint keepdim) except 0
cdef Row sum_to(Row a, Row like) except 0
cdef Row expand(Row a, int ndim, const int64_t *shape) except 0
cdef Row expand_like(Row a, Row like) except 0
cdef Row reshape(Row a, int ndim, const int64_t *shape) except 0
cdef Row reshape_like(Row a, Row like) except 0
cdef Row permute(Row a, const int64_t *order) except 0
cdef Row transpose_last(Row a) except 0
cdef Row matmul(Row a, Row b) except 0
cdef Row zeros(int dtype, int ndim, const int64_t *shape) except 0
cdef bint same_shape(Row a, Row b) noexcept
cdef list sizes(Row a)
cdef bint tracked(Row a, Row b) noexcept
