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

from cpython.dict cimport PyDict_Check, PyDict_Size
from cpython.object cimport PyObject, PyTypeObject
from cpython.tuple cimport PyTuple_GET_SIZE
from cgrad._engine.matmul import linear

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
    object PyObject_GenericGetAttr(object, object)
    object PyObject_VectorcallDict(object, PyObject **, size_t, PyObject *)
    PyTypeObject *Py_TYPE(object)
    void PyType_Modified(object)
    int Py_EnterRecursiveCall(const char *) except -1
    void Py_LeaveRecursiveCall()

cdef enum:
    MOST = 8              # positional arguments that are passed without a new tuple

# The hooks of all modules (cgrad.nn.modules.hooks fills the tables).
cdef object G0 = OrderedDict(), G1 = OrderedDict(), G2 = OrderedDict(), G3 = OrderedDict()
global_hooks = (G0, G1, G2, G3)


cdef object _explain = None
cdef bint COMPILED = False            # whether Module.compile was used


def compiled():
    """Let calls look for ``_compiled_call_impl`` from now on."""
    global COMPILED
    COMPILED = True


cdef inline object _dict(object module):
    cdef PyObject **place = _PyObject_GetDictPtr(module)
    if place == NULL or place[0] == NULL:
        return {}
    return <object>place[0]


cdef inline bint _set(object module, object attributes, object name) except -1:
    """Whether the hooks or the function `name` of a module are there."""
    cdef PyObject *found = PyDict_GetItemWithError(attributes, name)
    if found == NULL:
        return bool(getattr(module, name))
    if found == <PyObject *>None:
        return False
    if PyDict_Check(<object>found):
        return PyDict_Size(<object>found) != 0
    return bool(<object>found)


cdef inline bint _plain(object module, object attributes) except -1:
    """Whether a call is `forward` and nothing else."""
    return not (_set(module, attributes, "_backward_hooks")
                or _set(module, attributes, "_backward_pre_hooks")
                or _set(module, attributes, "_forward_hooks")
                or _set(module, attributes, "_forward_pre_hooks")
                or PyDict_Size(G0) or PyDict_Size(G1) or PyDict_Size(G2) or PyDict_Size(G3))


cdef object _forward(object module, object attributes, tuple args, PyObject *kwargs):
    cdef PyObject *function = _PyType_Lookup(Py_TYPE(module), "forward")
    cdef PyObject *stack[MOST + 1]
    cdef Py_ssize_t n = PyTuple_GET_SIZE(args), i
    if (function == NULL or not cgrad_is_method(function) or n > MOST
            or PyDict_GetItemWithError(attributes, "forward") != NULL):
        forward = module.forward
        return forward(*args) if kwargs == NULL else forward(*args, **<dict>kwargs)
    stack[0] = <PyObject *>module
    if n:
        stack[1] = <PyObject *>args[0]          # a loop over one is turned into a slow block copy
    for i in range(1, n):
        stack[i + 1] = <PyObject *>args[i]
    keep = <object>function
    return PyObject_VectorcallDict(keep, stack, n + 1, kwargs)


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


cdef object _call(object self, object args, PyObject *kwargs):
    try:
        attributes = _dict(self)
        if COMPILED and self._compiled_call_impl is not None:
            function = self._compiled_call_impl
        elif _plain(self, attributes):
            return _forward(self, attributes, <tuple>args, kwargs)
        else:
            function = self._call_impl
        return function(*<tuple>args) if kwargs == NULL else function(*<tuple>args, **<dict>kwargs)
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
        _explain(self, error, args)
        raise


def linear_forward(self, input):
    """``Linear.forward``; in a small network it would take longer in Python than its product."""
    cdef PyObject *parameters = PyDict_GetItemWithError(_dict(self), "_parameters")
    cdef PyObject *weight = NULL
    cdef PyObject *bias = NULL
    if parameters != NULL and PyDict_Check(<object>parameters):
        weight = PyDict_GetItemWithError(<object>parameters, "weight")
        bias = PyDict_GetItemWithError(<object>parameters, "bias")
    if weight == NULL or bias == NULL:       # replaced by something computed
        return linear(input, self.weight, self.bias)
    return linear(input, <object>weight, <object>bias)


def sequential_forward(self, input):
    """``Sequential.forward``: the input through all modules, one after the other."""
    cdef tuple args
    for module in self._modules.values():
        if cgrad_is_called_with(module, _call):
            args = (input,)
            Py_EnterRecursiveCall(" while calling a module")
            try:
                input = _call(module, args, NULL)
            finally:
                Py_LeaveRecursiveCall()
        else:
            input = module(input)
    return input


def quick(cls):
    """Let attributes of modules of a class be read by `_attribute`.

    Unless the class overrides ``__getattr__`` or ``__getattribute__``: then they decide.
    """
    if cls.__getattribute__ is object.__getattribute__ and cls.__getattr__ is find_member:
        cgrad_read_with(cls, _attribute)
        PyType_Modified(cls)


def install(type kind, explain):
    """Give a class its ``__call__`` and quick attributes.

    explain: what is called with the module, an error that leaves it, and the arguments.
    """
    global _explain
    _explain = explain
    call = FunctionType.__dict__["__call__"]
    kind.__call__ = PyDescr_NewWrapper(
        <PyTypeObject *>kind, (<PyWrapperDescrObject *>call).d_base, <void *>_call)
    quick(kind)
