"""The Python face of regular operations: functions, methods and in-place forms, from the table.

`OpFunction` is a callable that serves as ``cgrad.exp(x)``, as the method ``x.exp()`` and, with
`inplace`, as ``x.exp_()``.  It is called by the vectorcall protocol: no tuple, no dict.
Irregular operations are ``def`` functions in their family's file, entered in `public` by
`export`, which puts a `Renaming` around those whose arguments have further names.  The Tensor class
attaches everything in `public` and `methods` (tensor.pyx).
"""
cimport cython
import warnings
from cpython.object cimport PyObject, PyTypeObject
from cgrad._engine.types cimport *
from cgrad._engine.elementwise cimport (
    COMPARE, LOGIC, binary, elementwise, operand_rows, result_dtype, unary_row,
)
from cgrad._engine.handle cimport Handle, fresh_row, is_handle, is_number, row_of, wrap
from cgrad._engine.inplace cimport assign, change_elementwise, write_out
from cgrad._engine.rows cimport is_float, retain, value
from cgrad._engine.table cimport apply, keep, op_id, ops, scope_enter, scope_leave

ctypedef object (*vectorcall)(object f, PyObject **args, size_t nargs, PyObject *names)

cdef extern from *:
    """
    static PyObject *cg_call_f;
    #define CG_NARGS(n) PyVectorcall_NARGS(n)
    /* Give an extension type the vectorcall protocol; Cython has no declaration for it. */
    static void cg_set_vectorcall(PyTypeObject *t, Py_ssize_t offset) {
        t->tp_vectorcall_offset = offset;
        t->tp_call = PyVectorcall_Call;
        t->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR;
        PyType_Modified(t);
    }
    """
    void cg_set_vectorcall(PyTypeObject *t, Py_ssize_t offset)
    Py_ssize_t CG_NARGS(size_t n)
    object PyMethod_New(object f, object self)
    object PyObject_Vectorcall(object f, PyObject **args, size_t nargs, PyObject *names)

public = {}          # name -> function of the package
_SCALED = ("add", "sub", "subtract", "add_", "sub_", "subtract_")
methods = {}         # name -> function attached to Tensor


def export(function, *names, bint method=True, bint module=True, dict renamed=None):
    """Enter a public function under its own name and `names`; `renamed` as in `renaming`."""
    original, function = function, renaming(function, renamed)
    for name in (function.__name__,) + names:
        if module:
            public[name] = function
        if method:
            methods[name] = function
    return original


cdef dict _NUMPY = {"axis": "dim", "keepdims": "keepdim"}
cdef dict _renamed = {}      # name -> its Renaming, for pickles


def renaming(function, dict renamed=None):
    """`function`, which then takes arguments under further names too.

    These are NumPy's names of `dim` and `keepdim`, as in PyTorch, and those in `renamed`: further
    name -> name of the parameter, or None for what may also be given by position.
    """
    code = getattr(function, "__code__", None)
    if code is None:
        return function
    taken = code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]
    names = {k: v for k, v in _NUMPY.items() if v in taken and k not in taken}
    names.update(renamed or {})
    if not names:
        return function
    _renamed[function.__name__] = renamed_function = Renaming(function, names)
    return renamed_function


def numpy_names(str name, dim, keepdim, axis, keepdims):
    """`dim` and `keepdim`; NumPy's names of them may be given instead, but not both."""
    if axis is not None:
        if dim is not None and not (isinstance(dim, tuple) and not dim):
            raise TypeError(f"{name}() got multiple values for argument 'dim'")
        dim = axis
    if keepdims is not None:
        if keepdim:
            raise TypeError(f"{name}() got multiple values for argument 'keepdim'")
        keepdim = keepdims
    return dim, keepdim


@cython.binding(False)
cdef class Renaming:
    """A function, called by the vectorcall protocol, with further names for its arguments."""
    cdef vectorcall call
    cdef readonly object __wrapped__
    cdef readonly str __name__
    cdef readonly object __doc__
    cdef dict names

    def __init__(self, function, dict names):
        self.call = _rename
        self.__wrapped__ = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self.names = names

    def __getattr__(self, name):
        return getattr(self.__wrapped__, name)

    def __get__(self, instance, owner):
        return self if instance is None else PyMethod_New(self, instance)

    def __repr__(self):
        return f"<function cgrad.{self.__name__}>"

    def __reduce__(self):
        return _op_function, (self.__name__,)


cdef object _rename(object f, PyObject **args, size_t nargsf, PyObject *names):
    cdef Renaming self = <Renaming>f
    cdef Py_ssize_t i, n = CG_NARGS(nargsf)
    cdef list given
    cdef dict named
    if names != NULL:
        for key in <tuple><object>names:
            if key in self.names:
                break
        else:
            return PyObject_Vectorcall(self.__wrapped__, args, nargsf, names)
        given, named = [<object>args[i] for i in range(n)], {}
        for i, key in enumerate(<tuple><object>names):
            name = self.names.get(key, key)
            if name is None:
                given.append(<object>args[n + i])
            elif name in named:
                raise TypeError(f"{self.__name__}() got multiple values for argument '{name}'")
            else:
                named[name] = <object>args[n + i]
        return self.__wrapped__(*given, **named)
    return PyObject_Vectorcall(self.__wrapped__, args, nargsf, names)


cdef object wrap_borrowed(Row r):
    """The Python object of a row that somebody else owns."""
    retain(r)
    return wrap(r)


@cython.binding(False)
@cython.embedsignature.format("clinic")
cdef class OpFunction:
    """A regular operation of the table as a Python function."""
    cdef vectorcall call
    cdef int op
    cdef int arity
    cdef bint inplace
    cdef readonly str __name__
    cdef str doc

    @property
    def __doc__(self):
        from cgrad._engine import examples        # read when help is asked for
        return self.doc + examples.of(self.__name__)

    @property
    def __qualname__(self):
        return self.__name__

    @property
    def __signature__(self):
        import inspect
        kind = inspect.Parameter
        names = ["input", "other"][:self.arity]
        params = [kind(n, kind.POSITIONAL_OR_KEYWORD) for n in names]
        if not self.inplace:
            params.append(kind("out", kind.KEYWORD_ONLY, default=None))
        return inspect.Signature(params)

    def __get__(self, instance, owner):
        return self if instance is None else PyMethod_New(self, instance)

    def __repr__(self):
        return f"<function cgrad.{self.__name__}>"

    def __reduce__(self):
        return _op_function, (self.__name__,)


def _op_function(name):
    return public.get(name) or methods.get(name) or _renamed[name]


cdef object _call(object f, PyObject **args, size_t nargsf, PyObject *names):
    cdef OpFunction self = <OpFunction>f
    cdef Py_ssize_t n = CG_NARGS(nargsf)
    cdef int64_t mark
    cdef Row r
    cdef object a, b = None, out = None
    if names != NULL or n != self.arity:
        a, b, out = _parse(self, args, n, names)
    else:
        a = <object>args[0]
        if n == 2:
            b = <object>args[1]
    mark = scope_enter()
    try:
        if self.inplace:
            _change(self, a, b)
            return a
        if self.arity == 1:
            r = unary_row(self.op, row_of(a, ops[self.op].name))
        else:
            r = binary(self.op, a, b)
        if out is not None:
            write_out(out, keep(r), self.__name__)
            return out
        return wrap(r)
    finally:
        scope_leave(mark)


cdef tuple _parse(OpFunction self, PyObject **args, Py_ssize_t n, PyObject *names):
    cdef list allowed = ["input", "other"][:self.arity]
    cdef dict got = {}
    cdef Py_ssize_t i
    if n == 3 and names == NULL and self.__name__ in _SCALED and is_number(<object>args[1]):
        # The order of old programs: input, alpha, other
        warnings.warn(f"{self.__name__}(input, alpha, other) is deprecated: pass alpha by keyword, "
                      "after other", UserWarning, 2)
        return <object>args[0], _scaled(<object>args[2], <object>args[1]), None
    if n > self.arity:
        raise TypeError(f"{self.__name__}() takes {self.arity} positional argument"
                        f"{'s' if self.arity > 1 else ''} but {n} were given")
    for i in range(n):
        got[allowed[i]] = <object>args[i]
    if names != NULL:
        for i, key in enumerate(<tuple><object>names):
            if key in got:
                raise TypeError(f"{self.__name__}() got multiple values for argument '{key}'")
            if key not in allowed and not (key == "out" and not self.inplace) and not (
                    key == "alpha" and self.__name__ in _SCALED):
                raise TypeError(f"{self.__name__}() got an unexpected keyword argument '{key}'")
            got[key] = <object>args[n + i]
    for key in allowed:
        if key not in got:
            raise TypeError(f"{self.__name__}() missing required argument: '{key}'")
    if "alpha" in got and got["alpha"] != 1:
        got["other"] = _scaled(got["other"], got["alpha"])
    return got["input"], got.get("other"), got.get("out")


cdef object _scaled(object other, object alpha):
    # alpha * other, in the dtype of `other` where that is no floating point type.
    if not is_handle(other):
        return other * alpha
    if isinstance(alpha, float) and not other.dtype.is_floating_point:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating "
                           "point number.")
    return public["mul"](other, alpha).to(other.dtype)


cdef int _change(OpFunction self, object a, object b) except -1:
    cdef Row[2] x
    cdef Handle h
    cdef int dt
    cdef Row y
    if not is_handle(a):
        raise TypeError(f"{self.__name__}(): expected a Tensor, but got {type(a).__name__}")
    h = <Handle>a
    x[0] = fresh_row(h)
    if self.arity == 1:
        dt = result_dtype(self.op, value(x[0]).dtype)
    else:
        dt = operand_rows(self.op, a, b, x)
    # Straight into the memory where dtype and shape are those of the result already, unless a
    # forward of its own has to look at integers first.
    if (x[0] == h.row and dt == value(x[0]).dtype and ops[self.op].loops[dt] != NULL
            and ops[self.op].kind not in (COMPARE, LOGIC)
            and (ops[self.op].forward == elementwise or is_float(dt))):
        if self.arity == 1 or _fits(value(x[1]), value(x[0])):
            return change_elementwise(h, self.op, x, self.arity, self.__name__)
    if self.arity == 1:
        y = unary_row(self.op, x[0])
    else:
        y = apply(self.op, x, 2, NULL)
    return assign(h, keep(y), self.__name__)


cdef bint _fits(Value *w, Value *v) noexcept:
    # Whether w broadcasts to the shape of v, and does not overlap it at other places.
    cdef int i
    cdef int shift = v.ndim - w.ndim
    if shift < 0 or (w.storage == v.storage and w.data != v.data):
        return False
    for i in range(w.ndim):
        if w.shape[i] != v.shape[i + shift] and w.shape[i] != 1:
            return False
        if w.storage == v.storage and w.strides[i] != v.strides[i + shift]:
            return False
    return True


cdef OpFunction _make(str name, int op, int arity, bint inplace, str doc):
    cdef OpFunction f = OpFunction.__new__(OpFunction)
    f.call = _call
    f.op = op
    f.arity = arity
    f.inplace = inplace
    f.__name__ = name
    f.doc = doc
    return f


cdef int face(str name, int arity, str doc, bint inplace=True, tuple aliases=()) except -1:
    """Make function, method and in-place method of a table entry."""
    cdef int op = op_id(name)
    cdef str args = "input, other" if arity == 2 else "input"
    cdef OpFunction f = _make(name, op, arity, False,
                              f"{name}({args}, *, out=None) -> Tensor\n\n{doc}")
    cdef OpFunction g
    for n in (name,) + aliases:
        public[n] = f
        methods[n] = f
        if inplace:
            g = _make(n + "_", op, arity, True,
                      f"{n}_({'other' if arity == 2 else ''}) -> Tensor\n\n"
                      f"In-place version of :func:`{name}`.")
            methods[n + "_"] = g
    return 0


cdef _enable():
    cdef OpFunction f = _make("", 0, 1, False, "")
    cdef Renaming g = Renaming(_op_function, {})
    cg_set_vectorcall(<PyTypeObject *>OpFunction, <char *>&f.call - <char *><PyObject *>f)
    cg_set_vectorcall(<PyTypeObject *>Renaming, <char *>&g.call - <char *><PyObject *>g)

_enable()
