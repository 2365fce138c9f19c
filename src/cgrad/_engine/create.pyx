"""Creation: constants, ranges, and tensors from Python data and NumPy arrays."""
from libc.string cimport memset
cimport numpy as np
import numpy as np
from cgrad._engine.types cimport *
from cgrad._engine cimport handle
from cgrad._engine.face import export
from cgrad._engine.handle cimport (
    Handle, check_fits, dtype_code, dtype_of, is_handle, is_number, number_code, number_row,
    plain, promote, promote_codes, row_of, scalar_row, wrap,
)
from cgrad._engine.inplace cimport write_out
from cgrad._engine.loops cimport copy_cast
from cgrad._engine.memory cimport storage_foreign
from cgrad._engine.rows cimport (
    is_float, item_size, node, release, row_dense, row_new, set_dims, value,
)
from cgrad._engine.shape cimport integer, parse_shape
from cgrad._engine.table cimport (
    OPERATION, begin_named, end_event, inference_enabled, keep, scope_enter, scope_leave,
)

np.import_array()

cdef int[8] _type_num
_type_num[:] = [np.NPY_BOOL, np.NPY_UINT8, np.NPY_INT8, np.NPY_INT16, np.NPY_INT32, np.NPY_INT64,
                np.NPY_FLOAT32, np.NPY_FLOAT64]


cdef int check_device(object device) except -1:
    """There is one device; anything else is refused with a hint."""
    cdef str name
    if device is None:
        return 0
    name = str(device)
    if name in ("cpu", "cpu:0"):
        return 0
    if name.split(":")[0] in ("cuda", "mps", "xpu", "meta", "hip", "xla", "vulkan"):
        raise RuntimeError(f"device {name!r}: cgrad computes on the CPU only; use device='cpu' "
                           "(cgrad.cuda.is_available() is False)")
    raise RuntimeError(f"Invalid device string: {name!r}; the only device is 'cpu'")


cdef object finish(Row r, bint requires_grad):
    """Wrap a fresh row, as a leaf that wants a gradient if asked."""
    if requires_grad:
        if not is_float(value(r).dtype):
            release(r)
            raise RuntimeError("Only Tensors of floating point dtype can require gradients")
        node(r).flags |= REQUIRES_GRAD
    if inference_enabled():
        value(r).flags |= INFERENCE
    return wrap(r)


cdef int fill_number(Row r, object x, str name) except -1:
    """Set all elements to a Python number."""
    cdef Row c
    if is_handle(x):
        x = x.item()
    if isinstance(x, np.generic):
        x = x.item()
    if not is_number(x):
        raise TypeError(f"{name}(): argument 'fill_value' must be Number, not {type(x).__name__}")
    check_fits(x, value(r).dtype, name)
    cdef int64_t event = begin_named(OPERATION, "fill")
    c = scalar_row(x, value(r).dtype)
    copy_cast(r, c)
    release(c)
    end_event(event)
    return 0


cdef Row _sized(tuple size, object dt, object device, const char *name) except 0:
    cdef int64_t[MAX_DIMS] shape
    cdef int i, n = parse_shape(size, shape, name)
    check_device(device)
    for i in range(n):
        if shape[i] < 0:
            raise RuntimeError(f"{name.decode()}: Trying to create tensor with negative dimension "
                               f"{shape[i]}: {[shape[k] for k in range(n)]}")
    return row_dense(dtype_code(dt, handle.default_float), n, shape)


cdef object _kind(object dtype, object out, str name):
    # The dtype of a new tensor: that of `out`, if it is given, which `dtype` must not contradict.
    if out is None:
        return dtype
    if not is_handle(out):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if dtype is not None and dtype_code(dtype, 0) != dtype_code(out.dtype, 0):
        raise RuntimeError(f"{name}: dtype {dtype} does not match dtype of out parameter "
                           f"({out.dtype})")
    return out.dtype


cdef object _into(object out, object result, str name):
    cdef int64_t mark
    if out is None:
        return result
    mark = scope_enter()
    try:
        write_out(out, row_of(result, name.encode()), name)
        return out
    finally:
        scope_leave(mark)


cdef tuple _size_args(tuple size, object keyword):
    return size if keyword is None else (keyword,)


def empty(*args, size=None, dtype=None, device=None, requires_grad=False, layout=None,
          pin_memory=False, memory_format=None, out=None):
    """empty(*size, dtype=None, device=None, requires_grad=False) -> Tensor

    An uninitialised tensor.
    """
    dtype = _kind(dtype, out, "empty")
    result = finish(_sized(_size_args(args, size), dtype, device, "empty"), requires_grad)
    if out is None:
        return result
    return _into(out, result.zero_(), "empty")


def zeros(*args, size=None, dtype=None, device=None, requires_grad=False, layout=None,
          pin_memory=False, out=None):
    """zeros(*size, dtype=None, device=None, requires_grad=False) -> Tensor

    A tensor of zeros of the default float dtype unless `dtype` says otherwise.

    >>> cgrad.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    cdef Row r
    dtype = _kind(dtype, out, "zeros")
    r = _sized(_size_args(args, size), dtype, device, "zeros")
    memset(value(r).data, 0, value(r).numel * item_size(value(r).dtype))
    return _into(out, finish(r, requires_grad), "zeros")


def ones(*args, size=None, dtype=None, device=None, requires_grad=False, layout=None,
         pin_memory=False, out=None):
    """ones(*size, dtype=None, device=None, requires_grad=False) -> Tensor

    A tensor of ones.

    >>> cgrad.ones(2, 3)
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """
    cdef Row r
    dtype = _kind(dtype, out, "ones")
    r = _sized(_size_args(args, size), dtype, device, "ones")
    fill_number(r, 1, "ones")
    return _into(out, finish(r, requires_grad), "ones")


def full(size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None,
         pin_memory=False, out=None):
    """full(size, fill_value, *, dtype=None, device=None, requires_grad=False) -> Tensor

    A tensor of one value; without `dtype`: bool for a bool, int64 for an int, else the default
    float dtype.

    >>> cgrad.full((2,), 7)
    tensor([7, 7])
    """
    cdef Row r
    dtype = _kind(dtype, out, "full")
    if is_handle(fill_value):
        fill_value = fill_value.item()
    fill_value = plain(fill_value)
    r = _sized((size,), dtype if dtype is not None else dtype_of(number_code(fill_value)), device,
               "full")
    try:
        fill_number(r, fill_value, "full")
    except:
        release(r)
        raise
    return _into(out, finish(r, requires_grad), "full")


cdef Row _like(object input, object dt, object device, const char *name) except 0:
    cdef Row x = row_of(input, name)
    check_device(device)
    return row_dense(dtype_code(dt, value(x).dtype), value(x).ndim, value(x).shape)


def empty_like(input, *, dtype=None, device=None, requires_grad=False, layout=None,
               memory_format=None):
    """empty_like(input, *, dtype=None, requires_grad=False) -> Tensor

    An uninitialised tensor of the shape and dtype of `input`.
    """
    return finish(_like(input, dtype, device, "empty_like"), requires_grad)


def zeros_like(input, *, dtype=None, device=None, requires_grad=False, layout=None,
               memory_format=None):
    """zeros_like(input, *, dtype=None, requires_grad=False) -> Tensor

    Zeros in the shape and dtype of `input`.
    """
    cdef Row r = _like(input, dtype, device, "zeros_like")
    memset(value(r).data, 0, value(r).numel * item_size(value(r).dtype))
    return finish(r, requires_grad)


def ones_like(input, *, dtype=None, device=None, requires_grad=False, layout=None,
              memory_format=None):
    """ones_like(input, *, dtype=None, requires_grad=False) -> Tensor

    Ones in the shape and dtype of `input`.

    >>> cgrad.ones_like(cgrad.tensor([1, 2]))
    tensor([1, 1])
    """
    cdef Row r = _like(input, dtype, device, "ones_like")
    fill_number(r, 1, "ones_like")
    return finish(r, requires_grad)


def full_like(input, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None,
              memory_format=None):
    """full_like(input, fill_value, *, dtype=None, requires_grad=False) -> Tensor

    One value in the shape and dtype of `input`.
    """
    cdef Row r = _like(input, dtype, device, "full_like")
    try:
        fill_number(r, fill_value, "full_like")
    except:
        release(r)
        raise
    return finish(r, requires_grad)


def arange(start, end=None, step=1, *, dtype=None, device=None, requires_grad=False, layout=None,
           pin_memory=False, out=None):
    """arange(start=0, end, step=1, *, dtype=None) -> Tensor

    start, start + step, ... below `end`: ceil((end - start) / step) elements, int64 if all
    arguments are integers, else the default float dtype.

    >>> cgrad.arange(0, 1, 0.25)
    tensor([0.0000, 0.2500, 0.5000, 0.7500])
    """
    dtype = _kind(dtype, out, "arange")
    start, end, step = [x.item() if is_handle(x) else x for x in (start, end, step)]
    if end is None:
        start, end = 0, start
    if step == 0:
        raise RuntimeError("arange: step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("arange: upper bound and lower bound inconsistent with step sign: "
                           f"start {start}, end {end}, step {step}")
    if isinstance(start, float) or isinstance(end, float) or isinstance(step, float):
        for x in (start, end, step):
            if x != x or x in (float("inf"), -float("inf")):
                raise RuntimeError(f"arange: unsupported range: {start} -> {end}")
        dt = dtype_code(dtype, handle.default_float)
    else:
        dt = dtype_code(dtype, I64)
    if dt >= F32 or (dt != I64 and any([isinstance(x, float) for x in (start, end, step)])):
        n = -int((start - end) // step)
        if dt < F32:
            start, step = int(start), int(step)
        values = start + step * np.arange(n, dtype=np.float64)
    else:
        if int(step) == 0:
            raise ValueError(f"arange: step must be nonzero, but {step} is 0 in an integer dtype")
        n = len(range(int(start), int(end), int(step)))
        if n > (1 << 62) // 8:
            raise RuntimeError(f"arange: {n} elements: invalid size, possible overflow")
        values = np.arange(int(start), int(end), int(step), dtype=np.int64)
    result = _from_array(values, dt, True, requires_grad)
    check_device(device)
    return _into(out, result, "arange")


def linspace(start, end, steps, *, dtype=None, device=None, requires_grad=False, layout=None,
             pin_memory=False, out=None):
    """linspace(start, end, steps, *, dtype=None) -> Tensor

    `steps` evenly spaced values from `start` to `end`, both included.

    >>> cgrad.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    cdef int dt = dtype_code(_kind(dtype, out, "linspace"), handle.default_float)
    cdef int64_t count = integer(steps, "linspace", "steps")
    for x in (start, end):
        if is_handle(x) and x.ndim:
            raise RuntimeError("linspace only supports 0-dimensional start and end tensors, but "
                               f"got one of shape {list(x.shape)}")
    start, end = [x.item() if is_handle(x) else x for x in (start, end)]
    if count < 0:
        raise RuntimeError(f"linspace: number of steps must be non-negative, got {count}")
    check_device(device)
    if dt < F32:
        start, end = int(start), int(end)
    # From both ends, so that both are met.
    ramp = np.arange(count, dtype=np.float64) * ((end - start) / max(count - 1, 1))
    values = np.where(np.arange(count) < count // 2, start + ramp, end - ramp[::-1]) \
        if count != 1 else np.array([start], dtype=np.float64)
    return _into(out, _from_array(values, dt, True, requires_grad), "linspace")


def eye(n, m=None, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False,
        out=None):
    """eye(n, m=None, *, dtype=None) -> Tensor

    A matrix with ones on the diagonal and zeros elsewhere, n x n or n x m.

    >>> cgrad.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    m = n if m is None else m
    if n < 0 or m < 0:
        raise RuntimeError(f"eye: n and m must be greater or equal to 0, got {n}, {m}")
    if n * m > 1 << 60:
        raise RuntimeError(f"eye: size of shape [{n}, {m}] overflows")
    check_device(device)
    dtype = _kind(dtype, out, "eye")
    result = _from_array(np.eye(n, m, dtype=np.int8), dtype_code(dtype, handle.default_float),
                         True, requires_grad)
    return _into(out, result, "eye")


def scalar_tensor(s, *, dtype=None, device=None, requires_grad=False):
    """scalar_tensor(s, *, dtype=None) -> 0-d Tensor of the default float dtype.
    """
    return full((), s, dtype=dtype_of(dtype_code(dtype, handle.default_float)),
                requires_grad=requires_grad)


# ---------------------------------------------------------------------------------------------
# From NumPy and Python data

cdef int _array_code(object a) except -1:
    # The dtype code of a NumPy array that can be used as it is, or a clear error.
    cdef int code, num = np.PyArray_TYPE(a)
    for code in range(N_DTYPES):
        if _type_num[code] == num:
            break
    else:
        kind, size = a.dtype.kind, a.dtype.itemsize
        if kind == "i" and size == 8:
            code = I64
        else:
            raise TypeError(f"can't convert np.ndarray of type {a.dtype}. The only supported "
                            "types are: float64, float32, int64, int32, int16, int8, uint8, and "
                            "bool.")
    if not a.dtype.isnative:
        raise ValueError(f"given numpy array has byte order different from the native byte order "
                         f"({a.dtype}). Conversion between byte orders is currently not "
                         "supported; use array.astype(array.dtype.newbyteorder('='))")
    return code


def from_numpy(ndarray):
    """from_numpy(ndarray) -> Tensor

    A tensor that shares the memory of a NumPy array; changes of one are seen in the other.
    Raises TypeError for dtypes without counterpart, ValueError for negative or odd strides and
    for foreign byte order.  A read-only array gives a tensor whose in-place operations raise.

    >>> import numpy as np
    >>> cgrad.from_numpy(np.array([1.0, 2.0]))
    tensor([1., 2.], dtype=cgrad.float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    cdef int code = _array_code(ndarray)
    cdef int64_t[MAX_DIMS] shape
    cdef int64_t[MAX_DIMS] strides
    cdef int i, ndim = ndarray.ndim
    cdef int64_t size = item_size(code), high = 0
    cdef Row r
    cdef Value *v
    if ndim > MAX_DIMS:
        raise RuntimeError(f"from_numpy: an array of {ndim} dimensions; tensors have at most "
                           f"{MAX_DIMS}")
    for i in range(ndim):
        shape[i] = ndarray.shape[i]
        if ndarray.strides[i] % size:
            raise ValueError(f"given numpy array strides not a multiple of the element byte size "
                             f"({ndarray.strides} of {ndarray.dtype}); copy it first")
        strides[i] = ndarray.strides[i] // size
        if strides[i] < 0 and shape[i] > 1:
            raise ValueError("At least one stride in the given numpy array is negative, and "
                             "tensors with negative strides are not currently supported. (You can "
                             "probably work around this by making a copy of your array with "
                             "array.copy().)")
        if shape[i]:
            high += (shape[i] - 1) * strides[i]
    if <size_t>np.PyArray_DATA(ndarray) % size:
        raise ValueError("given numpy array is not aligned to its element size; copy it first")
    r = row_new()
    v = value(r)
    v.dtype = <uint8_t>code
    try:
        set_dims(v, ndim, shape, strides)
        v.storage = storage_foreign(<char *>np.PyArray_DATA(ndarray), (high + 1) * size, ndarray,
                                    not ndarray.flags.writeable)
    except:
        release(r)
        raise
    v.data = v.storage.data
    v.version = 0
    return finish(r, False)


cdef object _from_array(object a, int dt, bint copy, bint requires_grad):
    # A tensor of dtype `dt` from an array of any layout and byte order.
    cdef Row r
    cdef int code
    if copy and a.dtype.isnative and a.flags.c_contiguous and a.flags.aligned:
        x = a
    else:
        x = np.array(a, dtype=a.dtype.newbyteorder("="), order="C", copy=None if not copy else True)
    code = _array_code(x)
    shares = from_numpy(x)
    if dt == code and not copy:
        return shares
    cdef Row s = (<Handle>shares).row
    cdef int64_t event = begin_named(OPERATION, "from_array")
    r = row_dense(dt, value(s).ndim, value(s).shape)
    copy_cast(r, s)
    end_event(event)
    return finish(r, requires_grad)


cdef object _as_array(object data, const char *name):
    # Python data as an array; the dtype of its numbers decides, floats give the default dtype.
    cdef object a
    try:
        a = np.array(data)
    except ValueError as error:
        raise ValueError(f"{name.decode()}(): {_ragged(data, error)}") from None
    if a.dtype.kind in "OUSMmV":
        _reject(data, a, name)
    if a.dtype.kind == "u" and a.dtype.itemsize == 8:
        raise RuntimeError("Overflow when unpacking long: an integer does not fit into int64")
    return a


cdef str _ragged(object data, object error):
    if isinstance(data, (list, tuple)):
        lengths = [len(x) if isinstance(x, (list, tuple)) else None for x in data]
        for i, n in enumerate(lengths):
            if n != lengths[0]:
                first = "a number" if lengths[0] is None else f"length {lengths[0]}"
                other = "a number" if n is None else f"length {n}"
                return f"expected sequence of {first} at dim 1 (got {other} at position {i})"
    return f"the data is not a regular array: {error}"


cdef int _reject(object data, object a, const char *name) except -1:
    for x in (a.flat if a.ndim else [data]):
        if isinstance(x, int):
            raise RuntimeError(f"Overflow when unpacking long: {x} does not fit into 64 bits")
        if not isinstance(x, (float, bool)):
            raise TypeError(f"{name.decode()}(): new(): invalid data type '{type(x).__name__}': "
                            f"expected numbers, got {x!r}" if a.dtype.kind != "O" else
                            f"can't convert np.ndarray of type numpy.object_: element {x!r} of "
                            f"type '{type(x).__name__}' is not a number")
    raise TypeError(f"{name.decode()}(): can't convert data of type {a.dtype}")


def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """tensor(data, *, dtype=None, device=None, requires_grad=False) -> Tensor

    A new tensor with a copy of `data`: a number, nested sequences, a NumPy array, or a tensor.
    Python floats become the default float dtype, ints int64, bools bool; arrays keep their dtype.

    Example::

        >>> cgrad.tensor([[1., 2.], [3., 4.]], requires_grad=True)
        tensor([[1., 2.],
                [3., 4.]], requires_grad=True)
    """
    cdef Row r, x
    cdef int dt
    check_device(device)
    if type(data) is float or type(data) is int or type(data) is bool:
        dt = dtype_code(dtype, number_code(data))
        check_fits(data, dt, "tensor")
        return finish(scalar_row(data, dt), requires_grad)
    if is_handle(data):
        x = row_of(data, "tensor")
        r = row_dense(dtype_code(dtype, value(x).dtype), value(x).ndim, value(x).shape)
        copy_cast(r, x)
        return finish(r, requires_grad)
    kinds = []
    data = _plain(data, kinds, 0)
    typed = isinstance(data, (np.ndarray, np.generic)) or hasattr(data, "__array_interface__")
    a = _as_array(data, "tensor")
    if typed:
        dt = dtype_code(dtype, -2)
        if dt < 0:
            dt = _array_code(a if a.dtype.isnative else a.astype(a.dtype.newbyteorder("=")))
    else:
        dt = dtype_code(dtype, BOOL if a.dtype.kind == "b" else
                        handle.default_float if a.dtype.kind == "f" or not a.size else I64)
    if kinds and dtype is None:
        dt = kinds[0] if len(kinds) == a.size else dt
        for code in kinds:
            dt = promote_codes(dt, code)
    if a.dtype.kind == "c":
        raise TypeError("tensor(): complex numbers are not supported")
    if not typed and dt < F32 and a.size and a.dtype.kind != "b":
        for bound in (a.min(), a.max()):
            check_fits(bound, dt, "tensor")
    return _from_array(a if a.dtype.kind != "f" or a.dtype.itemsize in (4, 8)
                       else a.astype(np.float64), dt, True, requires_grad)


cdef object _plain(object x, list kinds, int depth):
    # Tensors inside a list are numbers of their dtypes, which go to `kinds` as NumPy's float64 does.
    if isinstance(x, (list, tuple)):
        if depth == 64:          # NumPy's limit; a list may contain itself
            raise ValueError(f"tensor(): too many dimensions '{type(x).__name__}'")
        return [_plain(y, kinds, depth + 1) for y in x]
    if is_handle(x):
        if x.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars; got one "
                             f"of shape {list(x.shape)}: cgrad.stack() puts tensors together")
        kinds.append(dtype_code(x.dtype, 0))
        return x.item()
    if isinstance(x, (np.ndarray, np.float64)) and x.dtype == np.float64:
        kinds.append(F64)
    return x


def as_tensor(data, dtype=None, device=None):
    """as_tensor(data, dtype=None, device=None) -> Tensor

    `data` as a tensor, without a copy where it is a tensor or a NumPy array of that dtype.
    """
    check_device(device)
    if is_handle(data):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray) and data.dtype.isnative:
        code = _array_code(data)
        if dtype is None or dtype_code(dtype, code) == code:
            try:
                return from_numpy(data)
            except ValueError:
                pass
    return tensor(data, dtype=dtype)


def promote_types(type1, type2):
    """promote_types(type1, type2) -> dtype

    The smallest dtype that holds the values of both (floating point: of the larger type).
    """
    return dtype_of(promote_codes(dtype_code(type1, -1), dtype_code(type2, -1)))


def can_cast(from_, to):
    """can_cast(from_, to) -> bool

    Whether an operation may convert a result of the first dtype to the second: not from floating
    point to integers, not from numbers to bool.
    """
    cdef int a = dtype_code(from_, F32), b = dtype_code(to, F32)
    return not ((is_float(a) and not is_float(b)) or (a != BOOL and b == BOOL))


cdef Row _operand(object x) except 0:
    if is_handle(x):
        return row_of(x, "result_type")
    if isinstance(x, np.generic):
        x = x.item()
    if not is_number(x):
        raise TypeError(f"result_type(): expected a Tensor or a number, not {type(x).__name__}")
    return keep(number_row(x))


def result_type(tensor1, tensor2):
    """result_type(tensor1, tensor2) -> dtype

    The dtype of an arithmetic operation on two tensors or numbers: a 0-d tensor, and even more a
    number, counts only if it is of a higher category than the other operand.
    """
    cdef int64_t mark = scope_enter()
    try:
        return dtype_of(promote(_operand(tensor1), _operand(tensor2)))
    finally:
        scope_leave(mark)


for _f in (empty, zeros, ones, full, empty_like, zeros_like, ones_like, full_like, arange, linspace,
           eye, scalar_tensor, from_numpy, tensor, as_tensor, promote_types, can_cast, result_type):
    export(_f, method=False)
