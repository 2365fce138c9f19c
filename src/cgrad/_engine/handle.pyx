"""The Python handle of a row, the dtype objects, and type promotion.

A handle owns one reference to its row; a row knows its live handle (borrowed), so the same row
is always the same Python object.  Handles live and die fast: they carry a row id, and a
dictionary only where hooks or user attributes need one.

Note [In-place changes and views].  An in-place operation gives the handle a new row over the
same storage and raises the storage's version.  If other handles share the storage, the change
must reach their history too: `Storage.base` then is a row that stands for the whole storage in
one dimension, with the change recorded, and every handle whose row is older than
`Storage.base_version` is given a new row, a view of `base`, when it is next used (`fresh_row`).
The base row holds no memory, and it goes when the last handle of the storage goes, so no
reference cycle arises.

Note [Families].  `detach`, `.data` and views under no_grad share memory, but their history begins
anew: a change recorded through one of them reaches its own views and not the tensor it was taken
from, and the other way round.  Rows with one history are a family; the first family's base is in
the storage, the bases of others, which are rare, in `_family_bases`.
"""
cimport cython
import numpy as np

from cpython.object cimport PyObject, PyTypeObject, traverseproc, visitproc
from cpython.ref cimport Py_DECREF
from libc.stdint cimport int64_t
from cgrad._engine.types cimport *
from cgrad._engine.rows cimport (
    is_float, item_size, node, release, row_dense, row_view, value,
)
from cgrad._engine cimport rows
from cgrad._engine.table cimport op_id, record

cdef extern from "Python.h":
    bint PyFloat_CheckExact(object)
    bint PyLong_CheckExact(object)
    bint PyBool_Check(object)
    bint PyObject_TypeCheck(object, PyTypeObject *)

cdef extern from *:
    """
    #include <stddef.h>
    /* Handles come and go with every operation.  Those of the tensor type itself that carry neither
       attributes nor weak references are kept when they die and taken again: no allocation, and
       none of the generality of tp_new and tp_dealloc. */
    typedef struct {
        PyObject_HEAD
        int32_t row;
        PyObject *extra;
        PyObject *weak;
    } cg_handle;                              /* the layout of Handle, checked in cg_keep_handles */

    #define CG_KEPT 256
    static PyObject *cg_kept[CG_KEPT];
    static int cg_n_kept = 0;
    static PyTypeObject *cg_type = NULL;
    static destructor cg_plain_dealloc = NULL;
    static void (*cg_drop)(int32_t) = NULL;

    static void cg_dealloc(PyObject *o) {
        cg_handle *h = (cg_handle *)o;
        if (Py_TYPE(o) != cg_type || h->weak != NULL || h->extra != Py_None
                || cg_n_kept == CG_KEPT) {
            cg_plain_dealloc(o);
            return;
        }
        PyObject_GC_UnTrack(o);
        if (h->row) {
            int32_t row = h->row;
            h->row = 0;
            cg_drop(row);                     /* may end other handles, which take places */
        }
        if (cg_n_kept == CG_KEPT) {
            cg_plain_dealloc(o);
            return;
        }
        cg_kept[cg_n_kept++] = o;
    }

    static PyObject *cg_new(PyTypeObject *t, PyObject *args) {
        PyObject *o;
        if (cg_n_kept == 0 || t != cg_type) return t->tp_new(t, args, NULL);
        o = PyObject_Init(cg_kept[--cg_n_kept], t);
        PyObject_GC_Track(o);
        return o;
    }

    static void cg_keep_handles(PyTypeObject *t, void (*drop)(int32_t)) {
        if (t->tp_basicsize != (Py_ssize_t)sizeof(cg_handle)
                || t->tp_weaklistoffset != (Py_ssize_t)offsetof(cg_handle, weak)) return;
        cg_type = t;
        cg_drop = drop;
        cg_plain_dealloc = t->tp_dealloc;
        t->tp_dealloc = cg_dealloc;
    }

    static void cg_set_traverse(PyTypeObject *t, traverseproc f) { t->tp_traverse = f; }
    """
    PyObject *cg_new(PyTypeObject *t, object args)     # a new reference, or NULL
    void cg_keep_handles(PyTypeObject *t, void (*drop)(int32_t) noexcept)
    void cg_set_traverse(PyTypeObject *t, traverseproc f)

cdef int AS_STRIDED = op_id("as_strided")
cdef tuple _empty = ()
cdef dict _carried = {}      # what `carried` gives
cdef dict _family_bases = {} # address of a storage: {family: (base, version)}
cdef dict _orphans = {}      # hooks of rows whose handle died while the graph lives
default_float = F32
tensor_type = None


@cython.binding(False)
@cython.embedsignature.format("clinic")
cdef class dtype:
    """A number type: ``cgrad.float32``, ``float64``, ``int8`` ... ``int64``, ``uint8``, ``bool``.

    >>> import cgrad
    >>> cgrad.float32.itemsize, cgrad.int64.is_floating_point
    (4, False)
    """
    @property
    def is_floating_point(self):
        """Whether the type is float32, float64 or one of half precision."""
        return self.code < 0 or is_float(self.code)

    @property
    def is_complex(self):
        """False: there are no complex types."""
        return False

    @property
    def is_signed(self):
        """Whether the type has negative values."""
        return self.code < 0 or self.code > U8

    def __repr__(self):
        return f"cgrad.{self.name}"

    def __reduce__(self):
        return _dtype_by_name, (self.name,)


cdef dtype _make_dtype(int code, str name, int itemsize):
    cdef dtype d = dtype.__new__(dtype)
    d.code = code
    d.name = name
    d.itemsize = itemsize
    return d

cdef list _dtypes = [_make_dtype(code, name, item_size(code)) for code, name in enumerate(
    ["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"])]

# No tensor has these.  Programs name them where they choose a dtype, or ask for a tensor's.
cdef list _half_dtypes = [_make_dtype(-1, name, 2) for name in ("float16", "bfloat16")]


def _dtype_by_name(name):
    for d in _dtypes + _half_dtypes:
        if (<dtype>d).name == name:
            return d
    raise ValueError(f"no dtype named {name!r}")


def all_dtypes():
    """The dtypes in the order of their codes."""
    return list(_dtypes)


def half_dtypes():
    """float16 and bfloat16, which can be named and compared, and nothing more."""
    return list(_half_dtypes)


cdef dtype dtype_of(int code):
    return <dtype>_dtypes[code]


cdef int dtype_code(object d, int default) except -1:
    """The code of a `dtype=` argument: None, a dtype, or Python's float, int and bool."""
    if d is None:
        return default
    if isinstance(d, dtype):
        if (<dtype>d).code < 0:
            raise NotImplementedError(f"{d!r}: cgrad has no half precision; use cgrad.float32")
        return (<dtype>d).code
    if d is float:
        return F64
    if d is int:
        return I64
    if d is bool:
        return BOOL
    raise TypeError(f"expected a cgrad.dtype, got {d!r}")


def get_default_dtype():
    """The dtype of new floating point tensors (float32 unless changed).

    Example::

        >>> cgrad.get_default_dtype()
        cgrad.float32
    """
    return dtype_of(default_float)


def set_default_dtype(d):
    """Set the dtype of new floating point tensors to float32 or float64.

    Example::

        >>> cgrad.set_default_dtype(cgrad.float64)
        >>> cgrad.tensor(1.0).dtype
        cgrad.float64
        >>> cgrad.set_default_dtype(cgrad.float32)
    """
    global default_float
    cdef int code = dtype_code(d, F32)
    if not is_float(code):
        raise TypeError(f"only floating-point types are supported as the default type, got {d!r}")
    default_float = code


@cython.binding(False)
@cython.embedsignature.format("clinic")
cdef class Handle:
    """A Python object that keeps one row alive; `Tensor` derives from it."""

    def __dealloc__(self):
        cdef Row r = self.row
        if r == 0:
            return
        if node(r).flags & HAS_HOOKS and node(r).graph_refs > 1 and self._extra is not None:
            _orphans[r] = self._extra      # the graph may still call the hooks
        _drop(r)


cdef void _drop(Row r) noexcept:
    # The handle of a row is gone, and its gradient with it.
    cdef Value *v = value(r)
    cdef Row g = v.grad
    v.handle = NULL
    drop_handle(v)
    if g:
        v.grad = 0
        release(g)
    release(r)


cdef int _traverse(PyObject *o, visitproc visit, void *arg) noexcept:
    # The collector may see the hooks only while nothing but the handle can reach the row: hooks
    # of a row that a living graph will sweep are not garbage, even if they hold the handle.
    cdef Row r = (<Handle>o).row
    if (<Handle>o)._extra is not None and (r == 0 or not node(r).flags & HAS_HOOKS
                                           or node(r).graph_refs == 1):
        return visit(<PyObject *>(<Handle>o)._extra, arg)
    return 0

cg_set_traverse(<PyTypeObject *>Handle, <traverseproc>_traverse)


cdef void drop_handle(Value *v) noexcept:
    # The last handle of a storage takes the history kept for its siblings with it.
    cdef Storage *s = v.storage
    cdef Row base
    s.handles -= 1
    if s.handles == 0:
        if s.base:
            base = s.base
            s.base = 0
            release(base)
        if s.flags & FAMILY_BASES:
            s.flags &= ~FAMILY_BASES
            for base, _ in _family_bases.pop(<size_t>s).values():
                release(base)


cdef Row base_of(Storage *s, uint32_t family, uint32_t *version) noexcept:
    """The history of a storage for a family (borrowed; 0: none), and the version it is of."""
    cdef tuple found
    if family == 0:
        if version != NULL:
            version[0] = s.base_version
        return s.base
    if not s.flags & FAMILY_BASES:
        return 0
    found = _family_bases[<size_t>s].get(family, (0, 0))
    if version != NULL:
        version[0] = found[1]
    return found[0]


cdef int set_base(Storage *s, uint32_t family, Row base) except -1:
    """Replace the history of a storage for a family, as of now; takes over `base` (0: none)."""
    cdef Row old = base_of(s, family, NULL)
    cdef dict bases
    if family == 0:
        s.base = base
        s.base_version = s.version
    elif base or old:
        try:
            bases = _family_bases.setdefault(<size_t>s, {})
            s.flags |= FAMILY_BASES
            if base:
                bases[family] = (base, s.version)
            else:
                del bases[family]
        except:
            release(base)
            raise
    if old:
        release(old)
    return 0


def set_tensor_type(type t):
    """Called once by the layer above: the class that `wrap` makes."""
    global tensor_type
    if not issubclass(t, Handle):
        raise TypeError("the tensor type must derive from Handle")
    tensor_type = t
    cg_keep_handles(<PyTypeObject *>t, _drop)


cdef int _raise_current() except -1:
    # The exception is set already.
    return -1


cdef object wrap(Row r):
    """The Python object of a row; takes over the caller's reference."""
    cdef Value *v = value(r)
    cdef PyObject *made
    cdef Handle h
    if v.handle != NULL:
        h = <Handle>v.handle
        release(r)
        return h
    made = cg_new(<PyTypeObject *>tensor_type, _empty)
    if made == NULL:
        release(r)
        _raise_current()
    h = <Handle>made
    Py_DECREF(h)                   # `made` is ours, and Cython counts `h` as a second reference
    h.row = r
    v.handle = <PyObject *>h
    v.storage.handles += 1
    if node(r).flags & HAS_HOOKS:
        h._extra = _orphans.pop(r, None)
    return h


def orphans():
    """Hooks of live rows without a handle (for the sweep)."""
    return _orphans


cdef void _forget_hooks(Row r) noexcept:
    _orphans.pop(r, None)
    _carried.pop(r, None)


cdef dict carried(Row r, bint make=False):
    """The Python objects that a row carries beside the hooks of its tensor, by name; or None.

    They go with the row: contexts of custom functions, hooks on graph nodes, packed values, and
    where the row was made (tracing.pyx).
    """
    cdef dict found
    if not node(r).flags & HAS_HOOKS:
        if not make:
            return None
        node(r).flags |= HAS_HOOKS
    found = _carried.get(r)
    if found is None and make:
        found = _carried[r] = {}
    return found

rows.on_free = _forget_hooks


cdef object hooks_of(Row r):
    """The dictionary that holds the hooks of a row."""
    if value(r).handle != NULL:
        return (<Handle>value(r).handle)._extra
    return _orphans.get(r)


cdef bint is_handle(object x) noexcept:
    return PyObject_TypeCheck(x, <PyTypeObject *>tensor_type)


cdef Row row_of(object x, const char *op) except 0:
    """The row of a tensor argument; `op` names the operation in the error."""
    if not PyObject_TypeCheck(x, <PyTypeObject *>tensor_type):
        raise TypeError(f"{op.decode()}(): expected a Tensor, but got {type(x).__name__}")
    return fresh_row(<Handle>x)


cdef Row fresh_row(Handle h) except 0:
    """The row of a handle, brought up to date after in-place changes of its siblings."""
    cdef Value *v
    cdef Storage *s
    cdef Row r, base
    cdef uint32_t version
    if h.row == 0:
        raise RuntimeError("this Tensor was created without data; use cgrad.tensor")
    v = value(h.row)
    s = v.storage
    if s.base == 0 and not s.flags & FAMILY_BASES:
        return h.row
    base = base_of(s, v.family, &version)
    if base == 0 or v.version >= version:
        return h.row
    r = row_view(h.row, v.ndim, v.shape, v.strides, 0)
    try:
        record_strided(r, base, v)
    except:
        release(r)
        raise
    rebind(h, r)
    return r


cdef int record_strided(Row r, Row base, Value *v) except -1:
    """Record `r` as the view of the flat row `base` that has the geometry of `v`."""
    cdef Attr at
    strided_attr(&at, v)
    return record(r, AS_STRIDED, &base, 1, &at)


cdef void strided_attr(Attr *at, Value *v) noexcept:
    # k: ndim, offset in elements from the start of the storage; d: shape, strides
    cdef int i
    at.rows = NULL
    at.n_rows = 0
    at.k[0] = v.ndim
    at.k[1] = (<int64_t><size_t>v.data if v.storage == NULL else v.data - v.storage.data) \
        // item_size(v.dtype)
    for i in range(v.ndim):
        at.d[i] = v.shape[i]
        at.d[MAX_DIMS + i] = v.strides[i]


cdef void rebind(Handle h, Row r) noexcept:
    """Let a handle stand for another row; takes over the caller's reference to it."""
    cdef Row old = h.row
    cdef Value *v = value(old)
    cdef Value *w = value(r)
    w.storage.handles += 1
    w.handle = <PyObject *>h
    v.handle = NULL
    drop_handle(v)
    if w.grad == 0:
        w.grad = v.grad
        v.grad = 0
    node(r).flags |= node(old).flags & RETAIN_GRAD
    node(old).flags &= ~RETAIN_GRAD
    if node(old).flags & HAS_HOOKS and h._extra is not None and "hooks" in h._extra:
        # Hooks stay with the value they were registered on.
        _orphans[old] = {"hooks": h._extra.pop("hooks")}
    h.row = r
    release(old)


cdef bint is_number(object x) noexcept:
    return PyFloat_CheckExact(x) or PyLong_CheckExact(x) or PyBool_Check(x)


cdef object plain(object x):
    """A number of NumPy, or of a subclass of int or float, as Python's own; others unchanged."""
    if is_number(x):
        return x
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, float):
        return float(x)
    return int(x) if isinstance(x, int) else x


cdef Row scalar_row(object x, int dt) except 0:
    """A 0-d constant of a given dtype."""
    cdef Row r
    cdef double f
    cdef int64_t i
    cdef char *p
    if PyFloat_CheckExact(x):
        f = x
        i = 0 if dt >= F32 else (f != 0 if dt == BOOL else <int64_t>f)
    elif dt >= F32:
        i = 0
        f = x
    else:
        try:
            i = x
        except OverflowError:
            raise RuntimeError(f"Overflow when unpacking long: {x} does not fit into 64 bits") \
                from None
        f = 0
    r = row_dense(dt, 0, NULL)
    p = value(r).data
    if dt == F32:
        (<float *>p)[0] = <float>f
    elif dt == F64:
        (<double *>p)[0] = f
    elif dt == I64:
        (<int64_t *>p)[0] = i
    elif dt == I32:
        (<int32_t *>p)[0] = <int32_t>i
    elif dt == I16:
        (<short *>p)[0] = <short>i
    elif dt == BOOL:
        p[0] = i != 0
    else:
        p[0] = <char>i
    return r


cdef dict _half_range = {1: 128, 2: 32768, 4: 2147483648, 8: 9223372036854775808}


cdef int check_fits(object x, int dt, str name) except -1:
    """Raise if a number would be another one in the dtype `dt`."""
    cdef object half
    if dt >= F32 or dt == BOOL:
        return 0
    half = _half_range[item_size(dt)]
    low, high = (-255, 255) if dt == U8 else (-half, half - 1)    # unsigned ones wrap around
    if not low <= x <= high:             # NaN too
        raise RuntimeError(f"{name}: value {x} cannot be converted to type {dtype_of(dt).name} "
                           "without overflow")
    return 0


cdef int number_code(object x) noexcept:
    # The dtype that a Python number has for promotion.
    if PyBool_Check(x):
        return BOOL
    return I64 if PyLong_CheckExact(x) else default_float


cdef Row number_row(object x) except 0:
    """A Python number as a weak 0-d constant."""
    cdef Row r = scalar_row(x, number_code(x))
    value(r).flags |= WEAK
    return r


cdef int promote_codes(int a, int b) noexcept:
    """torch.promote_types on codes."""
    cdef int hi = a if a > b else b
    cdef int lo = b if a > b else a
    if lo == U8 and hi == I8:
        return I16
    return hi


cdef int weaker(int strong, int weak) noexcept:
    # The dtype of lower priority counts only if it is of a higher category.
    if strong >= F32:
        return strong
    if strong == BOOL or weak >= F32:
        return promote_codes(strong, weak)
    return strong


cdef int _rank(Value *v) noexcept:
    return 2 if v.ndim else (0 if v.flags & WEAK else 1)


cdef int promote(Row a, Row b) noexcept:
    """The dtype of an operation on two rows (torch.result_type)."""
    cdef Value *v = value(a)
    cdef Value *w = value(b)
    cdef int r, s
    if v.dtype == w.dtype:
        return v.dtype
    r = _rank(v)
    s = _rank(w)
    if r == s:
        return promote_codes(v.dtype, w.dtype)
    if r > s:
        return weaker(v.dtype, w.dtype)
    return weaker(w.dtype, v.dtype)


cdef int promote_number(Row a, object x) noexcept:
    """The dtype of an operation on a row and a Python number."""
    return weaker(value(a).dtype, number_code(x))
