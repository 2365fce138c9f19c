"""Exchange with NumPy and DLPack without copies.

Foreign views hold a `StorageRef`: the memory lives as long as one of them does, whatever becomes
of the tensor.
"""
from cpython.pycapsule cimport (
    PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New, PyCapsule_SetName,
)
from libc.stdlib cimport free, malloc
cimport numpy as np
import numpy as np
from cgrad._engine.types cimport *
from cgrad._engine.handle cimport Handle, fresh_row, wrap
from cgrad._engine.memory cimport storage_foreign, storage_release
from cgrad._engine.rows cimport item_size, release, row_new, set_dims, value

np.import_array()

cdef int[8] _type_num
_type_num[:] = [np.NPY_BOOL, np.NPY_UINT8, np.NPY_INT8, np.NPY_INT16, np.NPY_INT32, np.NPY_INT64,
                np.NPY_FLOAT32, np.NPY_FLOAT64]


cdef class StorageRef:
    """One reference to a storage."""
    cdef Storage *storage

    def __dealloc__(self):
        if self.storage != NULL:
            storage_release(self.storage)


cdef object storage_ref(Storage *s):
    cdef StorageRef r = StorageRef.__new__(StorageRef)
    s.refs += 1
    r.storage = s
    return r


cdef object to_numpy(Handle t):
    """A NumPy array over the memory of a tensor."""
    cdef Row r = fresh_row(t)
    cdef Value *v = value(r)
    cdef np.npy_intp[MAX_DIMS] shape
    cdef np.npy_intp[MAX_DIMS] strides
    cdef int i, size = item_size(v.dtype)
    cdef object keeper, a
    for i in range(v.ndim):
        shape[i] = v.shape[i]
        strides[i] = v.strides[i] * size
    keeper = storage_ref(v.storage)
    a = np.PyArray_New(np.ndarray, v.ndim, shape, _type_num[v.dtype], strides, v.data, 0,
                       0 if v.storage.flags & READ_ONLY else np.NPY_ARRAY_WRITEABLE, None)
    np.set_array_base(a, keeper)
    return a


# ---------------------------------------------------------------------------------------------
# DLPack, version 0 capsules ("dltensor"), https://dmlc.github.io/dlpack

cdef struct DLTensor:
    void *data
    int32_t device_type
    int32_t device_id
    int32_t ndim
    uint8_t code
    uint8_t bits
    uint16_t lanes
    int64_t *shape
    int64_t *strides
    size_t byte_offset

cdef struct Managed:
    DLTensor t
    void *context
    void (*deleter)(Managed *) noexcept

cdef enum:
    DL_INT = 0
    DL_UINT = 1
    DL_FLOAT = 2
    DL_BOOL = 6
    DL_CPU = 1


cdef void _delete(Managed *m) noexcept with gil:
    storage_release(<Storage *>m.context)
    free(m)


cdef void _destroy(object capsule) noexcept:
    cdef Managed *m
    if PyCapsule_IsValid(capsule, "dltensor"):       # nobody consumed it
        m = <Managed *>PyCapsule_GetPointer(capsule, "dltensor")
        m.deleter(m)


cdef object to_dlpack(Handle t):
    """A capsule that owns a reference to the memory of a tensor."""
    cdef Value *v = value(fresh_row(t))
    cdef Managed *m
    cdef int64_t *dims
    cdef int i
    if v.storage.flags & READ_ONLY:
        raise BufferError("__dlpack__: the memory of this tensor is read-only; clone() it first")
    m = <Managed *>malloc(sizeof(Managed) + 2 * MAX_DIMS * sizeof(int64_t))
    if m == NULL:
        raise MemoryError("__dlpack__: no memory for the capsule")
    dims = <int64_t *>(m + 1)
    for i in range(v.ndim):
        dims[i] = v.shape[i]
        dims[MAX_DIMS + i] = v.strides[i]
    m.t.data = v.data
    m.t.device_type = DL_CPU
    m.t.device_id = 0
    m.t.ndim = v.ndim
    m.t.code = (DL_BOOL if v.dtype == BOOL else DL_UINT if v.dtype == U8
                else DL_FLOAT if v.dtype >= F32 else DL_INT)
    m.t.bits = <uint8_t>(8 * item_size(v.dtype))
    m.t.lanes = 1
    m.t.shape = dims
    m.t.strides = dims + MAX_DIMS
    m.t.byte_offset = 0
    m.context = v.storage
    m.deleter = _delete
    v.storage.refs += 1
    return PyCapsule_New(m, "dltensor", _destroy)


cdef class _Imported:
    """Owner of memory that came by DLPack: calls the producer's deleter."""
    cdef Managed *m

    def __dealloc__(self):
        if self.m != NULL and self.m.deleter != NULL:
            self.m.deleter(self.m)


def from_dlpack(ext_tensor):
    """from_dlpack(ext_tensor) -> Tensor

    A tensor over the memory of any object with ``__dlpack__`` on the CPU (NumPy, PyTorch, ...),
    or of a "dltensor" capsule.

    Example::

        >>> import numpy as np
        >>> cgrad.from_dlpack(np.array([1.0, 2.0]))
        tensor([1., 2.], dtype=cgrad.float64)
    """
    cdef object capsule = ext_tensor
    cdef Managed *m
    cdef int code
    cdef int64_t[MAX_DIMS] strides
    cdef int64_t step = 1, high = 0
    cdef int i
    cdef Row r
    cdef Value *v
    cdef _Imported owner
    if hasattr(ext_tensor, "__dlpack__"):
        device = ext_tensor.__dlpack_device__()
        if device[0] != DL_CPU:
            raise RuntimeError(f"from_dlpack: the data is on device {tuple(device)}, not the CPU")
        capsule = ext_tensor.__dlpack__()
    if not PyCapsule_IsValid(capsule, "dltensor"):
        raise TypeError("from_dlpack: expected an object with __dlpack__ or an unused 'dltensor' "
                        f"capsule, got {type(ext_tensor).__name__}")
    m = <Managed *>PyCapsule_GetPointer(capsule, "dltensor")
    owner = _Imported.__new__(_Imported)
    owner.m = m
    PyCapsule_SetName(capsule, "used_dltensor")
    code = -1
    if m.t.lanes == 1:
        for i in range(N_DTYPES):
            if (8 * item_size(i) == m.t.bits and
                    m.t.code == (DL_BOOL if i == BOOL else DL_UINT if i == U8
                                 else DL_FLOAT if i >= F32 else DL_INT)):
                code = i
    if code < 0:
        raise TypeError(f"from_dlpack: no cgrad dtype for DLPack type code {m.t.code} with "
                        f"{m.t.bits} bits")
    if m.t.ndim > MAX_DIMS:
        raise RuntimeError(f"from_dlpack: {m.t.ndim} dimensions; tensors have at most {MAX_DIMS}")
    for i in range(m.t.ndim - 1, -1, -1):
        strides[i] = step if m.t.strides == NULL else m.t.strides[i]
        step *= m.t.shape[i]
        if strides[i] < 0 and m.t.shape[i] > 1:
            raise ValueError("from_dlpack: tensors with negative strides are not supported; make "
                             "a copy first")
        if m.t.shape[i]:
            high += (m.t.shape[i] - 1) * strides[i]
    r = row_new()
    v = value(r)
    v.dtype = <uint8_t>code
    try:
        set_dims(v, m.t.ndim, m.t.shape, strides)
        v.storage = storage_foreign(<char *>m.t.data + m.t.byte_offset,
                                    (high + 1) * item_size(code), owner, False)
    except:
        release(r)
        raise
    v.data = v.storage.data
    v.version = 0
    return wrap(r)
