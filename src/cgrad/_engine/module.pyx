"""What every call of a layer and every look at its parts passes through.

`nn.Module` is a class in Python; `install` gives it the two steps that a small network takes dozens
of times for one training step in a form that costs no more than they do.

Calls: without hooks ``forward`` is called at once.  An error on the way is given to `_explain`,
which adds the path of the layer in the network (nn/modules/errors.py); without one, that costs
nothing.  The function is put into the dictionary of Module as the descriptor that Python's own
types have there, which all subclasses inherit as their slot.

Attributes: a name that the class does not define is looked up in the instance's dictionary, then
in the tables of parameters, buffers and submodules that are in that dictionary.  Python's way to
the same, a slot that calls ``__getattr__``, first makes an AttributeError and throws it away.  A
class that does not override ``__getattr__`` therefore gets another slot (`quick`).
"""
from collections import OrderedDict
from types import FunctionType

from cpython.dict cimport PyDict_Check
from cpython.object cimport PyObject, PyTypeObject
from cpython.tuple cimport PyTuple_GET_SIZE
from cgrad._engine.matmul import linear
from cgrad._engine import activation as _, unary as _
from cgrad._engine.face import public
from cgrad._engine.table cimport MODULE, begin_named, end_event
from libc.stdint cimport int64_t

cdef extern from *:
    """
    #define cgrad_is_method(f) PyType_HasFeature(Py_TYPE(f), Py_TPFLAGS_METHOD_DESCRIPTOR)
    #define cgrad_read_with(type, f) (((PyTypeObject *)(type))->tp_getattro = (f))
    #define cgrad_is_called_with(o, f) (Py_TYPE(o)->tp_call == (f))
    """
    bint cgrad_is_called_with(object, object (*)(object, object, PyObject *))
    void cgrad_read_with(object, object (*)(object, object))
    bint cgrad_is_method(PyObject *)

cdef extern from "Python.h":
    cdef struct wrapperbase:
        pass
    ctypedef struct PyWrapperDescrObject:
        wrapperbase *d_base
    object PyDescr_NewWrapper(PyTypeObject *kind, wrapperbase *base, void *function)
    PyObject **_PyObject_GetDictPtr(object)
    PyObject *_PyType_Lookup(PyTypeObject *, object)
    PyObject *PyDict_GetItemWithError(object, object) except? NULL
    Py_ssize_t PyDict_GET_SIZE(PyObject *)
    int PyDict_Next(PyObject *, Py_ssize_t *, PyObject **, PyObject **)
    object PyObject_GenericGetAttr(object, object)
    object PyObject_VectorcallDict(object, PyObject **, size_t, PyObject *)
    PyTypeObject *Py_TYPE(object)
    void PyType_Modified(PyTypeObject *)
    int Py_EnterRecursiveCall(const char *) except -1
    void Py_LeaveRecursiveCall()

cdef enum:
    MOST = 8              # positional arguments that are passed without a new tuple

cdef object relu = public["relu"], sigmoid = public["sigmoid"], tanh = public["tanh"]

# Python functions and what does the same; see `shortcut`.
cdef tuple SHORT_NAMES = ("Linear.forward", "Sequential.forward", "ReLU.forward", "Tanh.forward",
                          "Sigmoid.forward")
cdef list KEPT = []
cdef PyObject *SHORT[5]
cdef object (*SHORT_WAYS[5])(object, object)
SHORT[:] = [NULL, NULL, NULL, NULL, NULL]
SHORT_WAYS[:] = [_linear, _sequential, _relu, _tanh, _sigmoid]

# The hooks of all modules (cgrad.nn.modules.hooks fills the tables).
cdef object G0 = OrderedDict(), G1 = OrderedDict(), G2 = OrderedDict(), G3 = OrderedDict()
global_hooks = (G0, G1, G2, G3)

# Where Module.__init__ puts the tables of hooks into a new instance dictionary; elsewhere they are
# found by their names.
cdef Py_ssize_t FIRST_HOOKS = 4
cdef tuple HOOK_NAMES = ("_backward_hooks", "_backward_pre_hooks", "_forward_hooks",
                         "_forward_pre_hooks")
cdef PyObject *HOOKS[4]
for _i in range(4):
    HOOKS[_i] = <PyObject *>HOOK_NAMES[_i]


cdef object _explain = None
cdef bint COMPILED = False            # whether Module.compile was used
cdef int PROFILERS = 0                # that run, in all threads


def profilers(int more):
    """Count one profiler more (1) or less (-1): while there are any, calls are events."""
    global PROFILERS
    PROFILERS += more


def compiled():
    """Let calls look for ``_compiled_call_impl`` from now on."""
    global COMPILED
    COMPILED = True


cdef inline object _dict(object module):
    cdef PyObject **place = _PyObject_GetDictPtr(module)
    if place == NULL or place[0] == NULL:
        return {}
    return <object>place[0]


cdef bint _set(object module, object attributes, object name) except -1:
    """Whether a table of hooks of a module has any."""
    cdef PyObject *found = PyDict_GetItemWithError(attributes, name)
    if found == NULL:
        return bool(getattr(module, name))
    return bool(<object>found)


cdef inline bint _unhooked(PyObject *attributes):
    # The four tables stand where Module.__init__ put them, and are empty.
    cdef Py_ssize_t place = FIRST_HOOKS
    cdef PyObject *key
    cdef PyObject *table
    cdef int i
    for i in range(4):
        if (not PyDict_Next(attributes, &place, &key, &table) or key != HOOKS[i]
                or not PyDict_Check(<object>table) or PyDict_GET_SIZE(table)):
            return False
    return True


cdef inline bint _plain(object module, object attributes) except -1:
    """Whether a call is `forward` and nothing else."""
    if (PyDict_GET_SIZE(<PyObject *>G0) | PyDict_GET_SIZE(<PyObject *>G1)
            | PyDict_GET_SIZE(<PyObject *>G2) | PyDict_GET_SIZE(<PyObject *>G3)):
        return False
    if _unhooked(<PyObject *>attributes):
        return True
    return not (_set(module, attributes, "_backward_hooks")
                or _set(module, attributes, "_backward_pre_hooks")
                or _set(module, attributes, "_forward_hooks")
                or _set(module, attributes, "_forward_pre_hooks"))


def find_member(self, name):
    """``Module.__getattr__``: what the tables hold under ``name``."""
    cdef PyObject *table
    cdef PyObject *found
    attributes = _dict(self)
    for which in ("_parameters", "_buffers", "_modules"):
        table = PyDict_GetItemWithError(attributes, which)
        if table != NULL and PyDict_Check(<object>table):
            found = PyDict_GetItemWithError(<object>table, name)
            if found != NULL:
                return <object>found
        elif table != NULL and name in <object>table:
            return (<object>table)[name]
    raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


cdef object _attribute(object self, object name):
    # What the interpreter does for a class with __getattr__, without the exception in between.
    cdef PyObject *found
    if _PyType_Lookup(Py_TYPE(self), name) == NULL:
        found = PyDict_GetItemWithError(_dict(self), name)
        return <object>found if found != NULL else find_member(self, name)
    try:
        return PyObject_GenericGetAttr(self, name)
    except AttributeError:         # of a property: its name may be in a table all the same
        try:
            return find_member(self, name)
        except AttributeError:
            pass
        raise


cdef object _slowly(object self, tuple args, PyObject *kwargs, bint plain):
    """A call with hooks, or of a `forward` that is no ordinary method."""
    if COMPILED and self._compiled_call_impl is not None:
        function = self._compiled_call_impl
    else:
        function = self.forward if plain else self._call_impl
    return function(*args) if kwargs == NULL else function(*args, **<dict>kwargs)


cdef object _call(object self, PyObject **stack, Py_ssize_t n, tuple args, PyObject *kwargs):
    """Call a module with the arguments stack[1..n]; stack[0] is free. Or with `args`, if not None.
    """
    cdef PyObject *function
    cdef bint plain
    cdef int i
    try:
        attributes = _dict(self)
        if COMPILED and self._compiled_call_impl is not None:
            plain = False
        else:
            plain = _plain(self, attributes)
        if plain and args is None:
            function = _PyType_Lookup(Py_TYPE(self), "forward")
            if (function != NULL and cgrad_is_method(function)
                    and PyDict_GetItemWithError(attributes, "forward") == NULL):
                if n == 1 and kwargs == NULL:
                    for i in range(5):
                        if function == SHORT[i]:
                            return SHORT_WAYS[i](self, <object>stack[1])
                stack[0] = <PyObject *>self
                forward = <object>function
                return PyObject_VectorcallDict(forward, stack, n + 1, kwargs)
        return _slowly(self, _tuple(stack, n) if args is None else args, kwargs, plain)
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
        _explain(self, error, _tuple(stack, n) if args is None else args)
        raise


cdef object _timed(object self, PyObject **stack, Py_ssize_t n, tuple args, PyObject *kwargs):
    """The same as an event, Note [Events] in table.pyx."""
    cdef int64_t event = begin_named(MODULE, self)
    try:
        return _call(self, stack, n, args, kwargs)
    finally:
        end_event(event)


cdef inline object _enter(object self, PyObject **stack, Py_ssize_t n, tuple args,
                          PyObject *kwargs):
    if PROFILERS:
        return _timed(self, stack, n, args, kwargs)
    return _call(self, stack, n, args, kwargs)


cdef tuple _tuple(PyObject **stack, Py_ssize_t n):
    cdef Py_ssize_t i
    return tuple([<object>stack[i + 1] for i in range(n)])


cdef object _called(object self, object args, PyObject *kwargs):
    # The slot.
    cdef PyObject *stack[MOST + 1]
    cdef Py_ssize_t n = PyTuple_GET_SIZE(args), i
    if n > MOST:
        return _enter(self, NULL, 0, <tuple>args, kwargs)
    if n:
        stack[1] = <PyObject *>(<tuple>args)[0]   # a loop over one becomes a slow block copy
    for i in range(1, n):
        stack[i + 1] = <PyObject *>(<tuple>args)[i]
    return _enter(self, stack, n, None, kwargs)


# --- layers that small networks consist of, without the way through Python

cdef object _linear(object self, object input):
    cdef PyObject *parameters = PyDict_GetItemWithError(_dict(self), "_parameters")
    cdef PyObject *weight = NULL
    cdef PyObject *bias = NULL
    if parameters != NULL and PyDict_Check(<object>parameters):
        weight = PyDict_GetItemWithError(<object>parameters, "weight")
        bias = PyDict_GetItemWithError(<object>parameters, "bias")
    if weight == NULL or bias == NULL:       # replaced by something computed
        return linear(input, self.weight, self.bias)
    return linear(input, <object>weight, <object>bias)


cdef object _relu(object self, object input):
    return input.relu_() if self.inplace else relu(input)


cdef object _sigmoid(object self, object input):
    return sigmoid(input)


cdef object _tanh(object self, object input):
    return tanh(input)


cdef object _sequential(object self, object input):
    cdef PyObject *stack[2]
    for module in self._modules.values():
        if cgrad_is_called_with(module, _called):
            stack[1] = <PyObject *>input
            Py_EnterRecursiveCall(" while calling a module")
            try:
                input = _enter(module, stack, 1, None, NULL)
            finally:
                Py_LeaveRecursiveCall()
        else:
            input = module(input)
    return input


def shortcut(forward):
    """Let a call of a module whose ``forward`` is this one, with one argument, take a short way.

    It does what the function says. Used as a decorator, in the class of that name.
    """
    cdef str name = forward.__qualname__
    cdef int place = SHORT_NAMES.index(name)
    KEPT.append(forward)
    SHORT[place] = <PyObject *>forward
    return forward


def quick(cls):
    """Let attributes of modules of a class, whatever its metaclass, be read by `_attribute`.

    Unless the class overrides ``__getattr__`` or ``__getattribute__``: then they decide.
    """
    if not isinstance(cls, type):
        raise TypeError(f"quick(): expected a class, but got {type(cls).__name__}")
    if cls.__getattribute__ is object.__getattribute__ and cls.__getattr__ is find_member:
        cgrad_read_with(cls, _attribute)
        PyType_Modified(<PyTypeObject *>cls)


def install(type kind, explain):
    """Give a class its ``__call__`` and quick attributes.

    explain: what is called with the module, an error that leaves it, and the arguments.
    """
    global _explain
    _explain = explain
    call = FunctionType.__dict__["__call__"]
    kind.__call__ = PyDescr_NewWrapper(
        <PyTypeObject *>kind, (<PyWrapperDescrObject *>call).d_base, <void *>_called)
    quick(kind)
