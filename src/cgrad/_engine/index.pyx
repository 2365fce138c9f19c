"""Indexing: x[key] and x[key] = v.

A key is taken apart once (`parse`): its ints and slices become one ``slice`` row, None inserts
dimensions, and tensors, masks and lists become one flat index (Note [Flat index] in take.pyx).
"""
import numpy as np
from cgrad._engine.types cimport *
from cgrad._engine import (  # noqa: F401  (enter their operations)
    gather as _gather, masks as _masks, select as _select,
)
from cgrad._engine.face import public
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport Handle, fresh_row, is_handle, is_number, scalar_row, wrap
from cgrad._engine.inplace cimport check_writable, finish_change
from cgrad._engine.loops cimport copy_cast
from cgrad._engine.masks cimport fill_into
from cgrad._engine.primitives cimport (
    add, cast, expand, mul, number, permute, reshape, same_shape, sizes,
)
from cgrad._engine.rows cimport is_float, node, release, row_dense, row_view, touched, value
from cgrad._engine.shape cimport clone
from cgrad._engine.table cimport (
    OPERATION, begin_event, call1, call3, end_event, event_made, grad_enabled, hold, keep, op_id,
    record, scope_enter, scope_leave,
)
from cgrad._engine.take cimport (
    index_dims, index_row, mask_positions, position_column, put_into, result_shape,
)

cdef extern from "Python.h":
    int PySlice_Unpack(object, Py_ssize_t *, Py_ssize_t *, Py_ssize_t *) except -1
    Py_ssize_t PySlice_AdjustIndices(Py_ssize_t, Py_ssize_t *, Py_ssize_t *, Py_ssize_t)
    bint PyLong_CheckExact(object)
    bint PySlice_Check(object)

cdef int SLICE = op_id("slice"), SLICE_ASSIGN = op_id("slice_assign")
cdef int INDEX_PUT = op_id("index_put")


# ---------------------------------------------------------------------------------------------
# Keys

cdef enum:
    MAX_ITEMS = 2 * MAX_DIMS

cdef struct Key:
    Attr at                   # the basic part, a slice of all dimensions
    bint sliced               # it is not the whole tensor
    bint inserted             # dimensions of size 1 are inserted
    int ndim                  # the view: after slicing and inserting
    int64_t[MAX_ITEMS] shape
    int n_index               # index rows, the dimensions of the view they stand at
    Row[MAX_ITEMS] index
    int[MAX_ITEMS] dim
    Row mask                  # the only one is a mask: its flat index
    int mask_dims


cdef bint _as_tuple(object key):
    # PyTorch (and NumPy before 1.23) takes a list that holds sequences or slices for a tuple.
    if len(key) >= 32:
        return False
    for x in key:
        if x is None or x is Ellipsis or PySlice_Check(x) or is_handle(x):
            return True
        if isinstance(x, (list, tuple, range, np.ndarray)):
            return True
    return False


cdef object _int_list(list x):
    # A list of Python integers as a tensor, or None if something else is in it.
    cdef int64_t i, n = len(x)
    cdef Row r
    for item in x:
        if not PyLong_CheckExact(item):
            return None
    r = row_dense(I64, 1, &n)
    result = wrap(r)
    for i in range(n):
        try:
            (<int64_t *>value(r).data)[i] = x[i]
        except OverflowError:
            raise IndexError(f"index {x[i]} does not fit into 64 bits") from None
    return result


cdef object _item(object x):
    # An item of a key as an int, a bool, a slice, None, Ellipsis or a tensor of >= 1 dimension.
    cdef Row r
    cdef int dt
    if PyLong_CheckExact(x) or x is None or x is Ellipsis or PySlice_Check(x) or type(x) is bool:
        return x
    if isinstance(x, (list, tuple, range)):
        x = list(x)
        ints = _int_list(x)
        if ints is not None:
            return ints
        if len(x) == 0 or np.size(x) == 0:
            x = np.zeros(np.shape(x), dtype=np.int64)
        x = public["tensor"](x)
    elif isinstance(x, np.ndarray):
        if x.dtype.kind == "u" and x.dtype.itemsize > 1:
            x = x.astype(np.int64)
        x = public["tensor"](x)
    elif isinstance(x, np.bool_):
        return bool(x)
    if is_handle(x):
        r = fresh_row(<Handle>x)
        dt = value(r).dtype
        if is_float(dt):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        if value(r).ndim:
            return x
        if dt == BOOL or dt == U8:
            return value(r).data[0] != 0
        return (<int64_t *>value(cast(r, I64)).data)[0]
    if hasattr(x, "__index__"):
        return int(x.__index__())
    raise IndexError("only integers, slices (`:`), ellipsis (`...`), None and long or byte "
                     f"Variables are valid indices (got {type(x).__name__})")


cdef int64_t _wrap(object index, int64_t size, int dim) except -1:
    # An integer of a key as a position.
    cdef int64_t i
    try:
        i = index
    except OverflowError:
        raise IndexError(f"index {index} is out of bounds for dimension {dim} with size {size}") \
            from None
    if i < -size or i >= size:
        raise IndexError(f"index {i} is out of bounds for dimension {dim} with size {size}")
    return i + size if i < 0 else i


cdef int _slice(Attr *at, int dim, object s, int64_t size) except -1:
    # Enter a slice; returns whether it leaves something out.
    cdef Py_ssize_t start, stop, step, n
    PySlice_Unpack(s, &start, &stop, &step)
    if step <= 0:
        raise ValueError("step must be greater than zero")
    n = PySlice_AdjustIndices(size, &start, &stop, step)
    if n == 0:
        start = 0 if size == 0 else (size - 1 if start >= size else start)
    at.d[dim] = start
    at.d[MAX_DIMS + dim] = step
    at.d[2 * MAX_DIMS + dim] = n
    return n != size


cdef inline void _whole(Attr *at, Value *v, int dim) noexcept:
    at.d[dim] = 0
    at.d[MAX_DIMS + dim] = 1
    at.d[2 * MAX_DIMS + dim] = v.shape[dim]


cdef int _new_dim(Key *k, int64_t size) except -1:
    if k.ndim == MAX_ITEMS:
        raise IndexError(f"too many indices: tensors have at most {MAX_DIMS} dimensions")
    k.shape[k.ndim] = size
    k.ndim += 1
    return 0


cdef int parse(Row x, object key, Key *k) except -1:
    """Take a key apart; the index rows go to the scope."""
    cdef Value *v = value(x)
    cdef int dim = 0, i, specified = 0, tensors = 0
    cdef list items = []
    cdef tuple given
    cdef Row r
    if type(key) is tuple:
        given = key
    elif isinstance(key, tuple) or (isinstance(key, list) and _as_tuple(key)):
        given = tuple(key)
    else:
        given = (key,)
    for item in given:
        item = _item(item)
        items.append(item)
        if is_handle(item):
            tensors += 1
            r = (<Handle>item).row
            specified += value(r).ndim if value(r).dtype <= U8 else 1
        elif type(item) is bool:
            tensors += 1
        elif item is not None and item is not Ellipsis:
            specified += 1
    if specified > v.ndim:
        if v.ndim == 0 and type(key) is not tuple:
            raise IndexError("invalid index of a 0-dim tensor. Use `tensor.item()` to convert a "
                             "0-dim tensor to a number")
        raise IndexError(f"too many indices for tensor of dimension {v.ndim}")
    k.at.k[0] = 0
    k.sliced = False
    k.inserted = False
    k.ndim = 0
    k.n_index = 0
    k.mask = 0
    for item in items:
        if item is None:
            _new_dim(k, 1)
            k.inserted = True
        elif item is Ellipsis:
            for i in range(v.ndim - specified):
                _whole(&k.at, v, dim)
                _new_dim(k, v.shape[dim])
                dim += 1
            specified = v.ndim
        elif PySlice_Check(item):
            if _slice(&k.at, dim, item, v.shape[dim]):
                k.sliced = True
            _new_dim(k, k.at.d[2 * MAX_DIMS + dim])
            dim += 1
        elif type(item) is bool:
            k.inserted = True
            _new_dim(k, 1)
            _add_index(k, _bool_index(item))
        elif is_handle(item):
            dim += _tensor_item(k, x, dim, (<Handle>item).row, tensors == 1)
        else:
            k.at.d[dim] = _wrap(item, v.shape[dim], dim)
            k.at.d[MAX_DIMS + dim] = 1
            k.at.d[2 * MAX_DIMS + dim] = 1
            k.at.k[0] |= 1 << dim
            k.sliced = True
            dim += 1
    while dim < v.ndim:
        _whole(&k.at, v, dim)
        _new_dim(k, v.shape[dim])
        dim += 1
    if k.ndim > MAX_DIMS:
        raise IndexError(f"the indexed tensor would have {k.ndim} dimensions; tensors have at "
                         f"most {MAX_DIMS}")
    return 0


cdef Row _bool_index(bint on) except 0:
    # x[True] is x[None][[0]], x[False] is x[None][[]].
    cdef int64_t n = on
    cdef Row r = keep(row_dense(I64, 1, &n))
    if on:
        (<int64_t *>value(r).data)[0] = 0
    return r


cdef int _add_index(Key *k, Row r) except -1:
    # `r` indexes the newest dimension of the view.
    k.index[k.n_index] = r
    k.dim[k.n_index] = k.ndim - 1
    k.n_index += 1
    return 0


cdef int _tensor_item(Key *k, Row x, int dim, Row r, bint alone) except -1:
    # Returns the number of dimensions that the tensor indexes.
    cdef Value *v = value(x)
    cdef Value *w = value(r)
    cdef int i, n
    cdef Row positions, column
    if w.dtype > U8:
        _whole(&k.at, v, dim)
        _new_dim(k, v.shape[dim])
        _add_index(k, index_row(r, v.shape[dim], dim, True, IndexError))
        return 1
    n = w.ndim
    for i in range(n):
        if w.shape[i] != v.shape[dim + i]:
            raise IndexError(f"The shape of the mask {sizes(r)} at index {i} does not match the "
                             f"shape of the indexed tensor {sizes(x)} at index {dim + i}")
    positions = mask_positions(r)
    for i in range(n):
        _whole(&k.at, v, dim + i)
        _new_dim(k, v.shape[dim + i])
        column = positions
        if not alone:
            column = keep(row_dense(I64, 1, value(positions).shape))
            position_column(positions, r, i, <int64_t *>value(column).data, 1)
        _add_index(k, column)
    if alone:
        k.mask = positions
        k.mask_dims = n
    return n


cdef Row _flat_index(Key *k) except 0:
    """All index rows as one (Note [Flat index])."""
    cdef int64_t[MAX_DIMS] shape
    cdef int i, j, d, ndim = 0
    cdef Value *v
    cdef Row flat
    if k.mask:
        return k.mask
    if k.n_index == 1:
        return k.index[0]
    for i in range(k.n_index):
        if value(k.index[i]).ndim > ndim:
            ndim = value(k.index[i]).ndim
    for d in range(ndim):
        shape[d] = 1
    for i in range(k.n_index):
        v = value(k.index[i])
        for j in range(v.ndim):
            d = j + ndim - v.ndim
            if shape[d] == 1:
                shape[d] = v.shape[j]
            elif v.shape[j] != 1 and v.shape[j] != shape[d]:
                names = ", ".join(str(sizes(k.index[i])) for i in range(k.n_index))
                raise IndexError("shape mismatch: indexing tensors could not be broadcast "
                                 f"together with shapes {names}")
    flat = k.index[0]
    for i in range(1, k.n_index):
        flat = add(mul(flat, number(<double>k.shape[k.dim[i]], flat)), k.index[i])
    return flat


cdef bint _adjacent(Key *k) noexcept:
    cdef int i
    for i in range(1, k.n_index):
        if k.dim[i] != k.dim[i - 1] + 1:
            return False
    return True


cdef void _front_order(Key *k, int64_t *order) noexcept:
    # The indexed dimensions first, then the others.
    cdef int i, j = 0, n = k.n_index
    for i in range(k.n_index):
        order[i] = k.dim[i]
    for i in range(k.ndim):
        if j < k.n_index and k.dim[j] == i:
            j += 1
        else:
            order[n] = i
            n += 1


cdef Row _view(Row x, Key *k) except 0:
    # The basic part of the key.
    if k.sliced or not (k.inserted or k.n_index):
        x = call1(SLICE, x, &k.at)
    if k.inserted:
        x = reshape(x, k.ndim, k.shape)
    return x


cdef int _row_slice(Row x, object key, Attr *at) except -1:
    # x[i] and x[a:b], the most frequent keys; returns whether the key is one of them.
    cdef Value *v = value(x)
    cdef int i
    if v.ndim == 0:
        return 0
    if PyLong_CheckExact(key):
        at.d[0] = _wrap(key, v.shape[0], 0)
        at.d[MAX_DIMS] = 1
        at.d[2 * MAX_DIMS] = 1
        at.k[0] = 1
    elif PySlice_Check(key):
        _slice(at, 0, key, v.shape[0])
        at.k[0] = 0
    else:
        return 0
    for i in range(1, v.ndim):
        _whole(at, v, i)
    return 1


cdef object get_item(Handle h, object key):
    """x[key]: a view for ints, slices, None and Ellipsis, else a copy."""
    cdef int64_t mark = scope_enter()
    cdef Row x = fresh_row(h), flat
    cdef Attr at
    cdef Key k
    cdef int64_t[MAX_DIMS] order
    cdef int first
    try:
        hold(x)                  # what a key's __index__ does must not take the row away
        if _row_slice(x, key, &at):
            return wrap_borrowed(call1(SLICE, x, &at))
        parse(x, key, &k)
        x = _view(x, &k)
        if k.n_index:
            flat = _flat_index(&k)
            first = k.dim[0]
            if not _adjacent(&k):
                _front_order(&k, order)
                x = permute(x, order)
                first = 0
            x = index_dims(x, flat, first, k.n_index)
        return wrap_borrowed(x)
    finally:
        scope_leave(mark)


# ---------------------------------------------------------------------------------------------
# Assignment

cdef Row value_row(object v, int dtype) except 0:
    """What is assigned, as a row of the dtype of the tensor."""
    if is_handle(v):
        return cast(fresh_row(<Handle>v), dtype)
    if isinstance(v, np.generic):
        v = v.item()
    if is_number(v):
        return keep(scalar_row(v != 0 if dtype == BOOL else v, dtype))
    if isinstance(v, (list, tuple, np.ndarray)):
        v = public["tensor"](v)
        return cast(hold((<Handle>v).row), dtype)
    raise TypeError(f"can't assign a {type(v).__name__} to a tensor")


cdef Row _fit(Row v, int ndim, const int64_t *shape, bint indexed) except 0:
    """`v` without leading ones that are too many; raise if it does not broadcast."""
    cdef Value *w = value(v)
    cdef int i, extra = w.ndim - ndim
    cdef bint fits = True
    for i in range(extra):
        fits = fits and w.shape[i] == 1
    if fits and extra > 0:
        v = reshape(v, ndim, w.shape + extra)
        w = value(v)
    for i in range(w.ndim):
        if not fits:
            break
        fits = w.shape[i] == 1 or w.shape[i] == shape[i + ndim - w.ndim]
    if not fits:
        wanted = [shape[i] for i in range(ndim)]
        if indexed:
            raise RuntimeError(f"shape mismatch: value tensor of shape {sizes(v)} cannot be "
                               f"broadcast to indexing result of shape {wanted}")
        raise RuntimeError(f"The expanded size of the tensor {wanted} must match the existing size "
                           f"{sizes(v)}: the value cannot be broadcast to the indexed part")
    return v


cdef int _fill_masked(Handle h, Row x, Handle mask, object v) except -1:
    # x[mask] = number, without the detour over positions; returns whether it was that.
    cdef Row m = fresh_row(mask), w
    if value(m).dtype != BOOL or not is_number(v) or not same_shape(m, x):
        return 0
    if grad_enabled() and node(x).flags & REQUIRES_GRAD:
        return 0
    check_writable(h, x, "__setitem__")
    w = value_row(v, value(x).dtype)
    if value(m).storage == value(x).storage:
        m = clone(m)
    fill_into(x, m, w)
    return 1


cdef int set_item(Handle h, object key, object v) except -1:
    """x[key] = v."""
    cdef int64_t mark = scope_enter()
    cdef Row x = fresh_row(h), w, part
    cdef Key k
    cdef bint tracked
    try:
        hold(x)                  # as in get_item
        if is_handle(key) and _fill_masked(h, x, <Handle>key, v):
            return 0
        if _row_slice(x, key, &k.at):
            k.sliced = True
            k.inserted = False
            k.n_index = 0
        else:
            parse(x, key, &k)
        w = value_row(v, value(x).dtype)
        if h.row != x:
            raise RuntimeError("__setitem__: the tensor was changed while its index was read")
        check_writable(h, x, "__setitem__")
        tracked = grad_enabled() and (node(x).flags | node(w).flags) & REQUIRES_GRAD
        part = _view(x, &k)
        if value(w).storage == value(x).storage:
            w = clone(w)
        if k.n_index:
            return _set_indexed(h, x, part, w, &k, tracked)
        w = _fit(w, value(part).ndim, value(part).shape, False)
        if not tracked:
            _copy(part, w, 0)
            touched(value(x))
            return 0
        if k.inserted:
            w = _without_new(x, w, part, &k)
        return _assign_slice(h, x, w, &k.at)
    finally:
        scope_leave(mark)


cdef Row _without_new(Row x, Row w, Row part, Key *k) except 0:
    # A value for the view, inserted dimensions and all, in the shape of the slice.
    cdef int64_t[MAX_DIMS] shape
    cdef int i, n = 0
    for i in range(value(x).ndim):
        if not k.at.k[0] & (1 << i):
            shape[n] = k.at.d[2 * MAX_DIMS + i]
            n += 1
    return reshape(expand(w, value(part).ndim, value(part).shape), n, shape)


cdef int _copy(Row part, Row w, Row y) except -1:
    # y: the row that the change is recorded in, or 0; so in `_put`
    cdef int64_t event = begin_event(OPERATION, SLICE_ASSIGN, &w, 1, 0)
    copy_cast(part, w)
    event_made(event, y)
    end_event(event)
    return 0


cdef int _put(Row a, Row flat, Row w, Attr *at, Row y) except -1:
    cdef Row[3] ins
    cdef int64_t event
    ins[0], ins[1], ins[2] = a, flat, w
    event = begin_event(OPERATION, INDEX_PUT, ins, 3, 0)
    try:
        put_into(a, flat, w, at)
        event_made(event, y)
        return 0
    finally:
        end_event(event)


cdef int _assign_slice(Handle h, Row x, Row w, Attr *at) except -1:
    # The recorded form: the same memory as a new row, with the value laid into its history.
    cdef Row[2] ins
    cdef Row y = row_view(x, value(x).ndim, value(x).shape, value(x).strides, 0)
    try:
        ins[0] = x
        ins[1] = w
        record(y, SLICE_ASSIGN, ins, 2, at)
        _copy(call1(SLICE, x, at), w, y)
    except:
        release(y)
        raise
    return finish_change(h, x, y)


cdef int _set_indexed(Handle h, Row x, Row part, Row w, Key *k, bint tracked) except -1:
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t[MAX_DIMS] order
    cdef int64_t[MAX_DIMS] inverse
    cdef Attr at
    cdef Row[3] ins
    cdef Row flat = _flat_index(k), moved = part, y
    cdef bint adjacent = _adjacent(k)
    cdef int i, ndim
    at.k[0] = k.dim[0]
    at.k[1] = k.n_index
    if not adjacent:
        _front_order(k, order)
        moved = permute(part, order)
        at.k[0] = 0
    ndim = result_shape(moved, flat, <int>at.k[0], k.n_index, shape)
    w = _fit(w, ndim, shape, True)
    if not tracked:
        _put(moved, flat, w, &at, 0)
        touched(value(x))
        return 0
    if moved != x:
        # Through a view: the changed view as a new tensor, assigned as a whole.
        w = call3(INDEX_PUT, moved, flat, w, &at)
        if not adjacent:
            for i in range(k.ndim):
                inverse[order[i]] = i
            w = permute(w, inverse)
        if k.inserted:
            w = _without_new(x, w, part, k)
        return _assign_slice(h, x, w, &k.at)
    y = row_view(x, value(x).ndim, value(x).shape, value(x).strides, 0)
    try:
        ins[0] = x
        ins[1] = flat
        ins[2] = w
        record(y, INDEX_PUT, ins, 3, &at)
        _put(x, flat, w, &at, y)
    except:
        release(y)
        raise
    return finish_change(h, x, y)
