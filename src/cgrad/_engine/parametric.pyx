"""Elementwise operations whose formula has numbers in it (a slope, a limit): how they are called."""
from cgrad._engine.types cimport *
from cgrad._engine.elementwise cimport result_dtype
from cgrad._engine.handle cimport row_of, wrap
from cgrad._engine.inplace cimport write_out
from cgrad._engine.primitives cimport cast
from cgrad._engine.rows cimport value
from cgrad._engine.table cimport apply, keep, ops, scope_enter, scope_leave


cdef object finished(Row r, object out, str name):
    """The Python object of a result that the caller owns; `out` if that is given."""
    if out is None:
        return wrap(r)
    write_out(out, keep(r), name)
    return out


cdef object with_numbers(int op, object input, double f0, double f1, int64_t k0, object out,
                         str name):
    """Apply `op` to one tensor, with the attributes f[0], f[1] and k[0]."""
    cdef int64_t mark = scope_enter()
    cdef Attr at
    cdef Row x = row_of(input, ops[op].name)
    at.f[0] = f0
    at.f[1] = f1
    at.k[0] = k0
    try:
        x = cast(x, result_dtype(op, value(x).dtype))
        return finished(apply(op, &x, 1, &at), out, name)
    finally:
        scope_leave(mark)


def store(result, out, name):
    """`result`, written into `out` if that is given: for functions composed in Python."""
    cdef int64_t mark
    if out is None:
        return result
    mark = scope_enter()
    try:
        write_out(out, row_of(result, b"out"), name)
        return out
    finally:
        scope_leave(mark)
