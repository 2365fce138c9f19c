"""What every call of a layer and every look at its parts passes through.

`nn.Module` is a class in Python; `install` gives it the two steps that a small network takes dozens
of times for one training step in a form that costs no more than they do.

Attributes: a name that the class does not define is looked up in the instance's dictionary, then
in the tables of submodules, parameters and buffers that are in that dictionary.  Python's way to
the same, ``__getattr__``, first makes an AttributeError and throws it away, and slows every other
look at an attribute: Module does not define it.

Calls: without hooks ``forward`` is called at once.  An error on the way is given to `explain`,
which adds the path of the layer in the network (nn/modules/errors.py); without one, that costs
nothing.

A compiled base class would have these as its slots, but a class that inherits from it after another
one would lose them, and could not be copied.  So the two functions are put into the dictionary of
Module as the descriptors that Python's own types have there, which all subclasses inherit as slots.
"""
from types import FunctionType

from cpython.object cimport PyObject, PyTypeObject
from cgrad._engine.matmul import linear

cdef extern from "Python.h":
    cdef struct wrapperbase:
        pass
    ctypedef struct PyWrapperDescrObject:
        wrapperbase *d_base
    object PyDescr_NewWrapper(PyTypeObject *kind, wrapperbase *base, void *function)
    PyTypeObject *Py_TYPE(object o)
    PyObject *_PyType_Lookup(PyTypeObject *kind, object name)
    object PyObject_GenericGetDict(object o, void *context)
    object PyObject_GenericGetAttr(object o, object name)
    object PyObject_Call(object f, object args, PyObject *kwargs)
    object PyObject_Vectorcall(object f, PyObject **args, size_t n, PyObject *names)
    PyObject *PyDict_GetItemWithError(PyObject *table, object key)
    Py_ssize_t PyDict_Size(PyObject *table)
    bint PyType_HasFeature(PyTypeObject *kind, unsigned long flag)
    unsigned long Py_TPFLAGS_METHOD_DESCRIPTOR

cdef tuple _global_hooks = ()
cdef object _explain = None


cdef object _attribute(object module, object name):
    cdef PyObject *found
    cdef PyObject *table
    if _PyType_Lookup(Py_TYPE(module), name) != NULL:
        return PyObject_GenericGetAttr(module, name)
    attributes = PyObject_GenericGetDict(module, NULL)
    found = PyDict_GetItemWithError(<PyObject *>attributes, name)
    if found != NULL:
        return <object>found
    for key in ("_modules", "_parameters", "_buffers"):
        table = PyDict_GetItemWithError(<PyObject *>attributes, key)
        if table != NULL:
            found = PyDict_GetItemWithError(table, name)
            if found != NULL:
                return <object>found
    raise AttributeError(f"'{type(module).__name__}' object has no attribute '{name}'")


cdef inline bint _filled(PyObject *attributes, object name):
    cdef PyObject *table = PyDict_GetItemWithError(attributes, name)
    return table != NULL and PyDict_Size(table) > 0


cdef object _call(object module, object args, PyObject *kwargs):
    cdef PyObject *forward
    cdef PyObject *both[2]
    attributes = PyObject_GenericGetDict(module, NULL)
    cdef PyObject *d = <PyObject *>attributes
    cdef bint hooked = (_filled(d, "_forward_hooks") or _filled(d, "_forward_pre_hooks")
                        or _filled(d, "_backward_hooks") or _filled(d, "_backward_pre_hooks"))
    for table in _global_hooks:
        hooked |= PyDict_Size(<PyObject *>table) > 0
    try:
        if hooked:
            return module._call_with_hooks(args, {} if kwargs == NULL else <object>kwargs)
        if kwargs == NULL and len(<tuple>args) == 1:
            forward = _PyType_Lookup(Py_TYPE(module), "forward")
            if (forward != NULL  # a function, in Python or compiled, takes the module first
                    and PyType_HasFeature(Py_TYPE(<object>forward), Py_TPFLAGS_METHOD_DESCRIPTOR)
                    and PyDict_GetItemWithError(d, "forward") == NULL):
                both[0], both[1] = <PyObject *>module, <PyObject *>(<tuple>args)[0]
                return PyObject_Vectorcall(<object>forward, both, 2, NULL)
        return PyObject_Call(module.forward, args, kwargs)
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
        _explain(module, error, args)
        raise


def linear_forward(self, input):
    """``Linear.forward``; in a small network it would take longer in Python than its product."""
    attributes = PyObject_GenericGetDict(self, NULL)
    cdef PyObject *parameters = PyDict_GetItemWithError(<PyObject *>attributes, "_parameters")
    cdef PyObject *weight = PyDict_GetItemWithError(parameters, "weight")
    cdef PyObject *bias = PyDict_GetItemWithError(parameters, "bias")
    if weight == NULL or bias == NULL:       # replaced by something computed
        return linear(input, self.weight, self.bias)
    return linear(input, <object>weight, <object>bias)


def sequential_forward(self, input):
    """``Sequential.forward``: each module takes what the one before it returns."""
    for module in self._modules.values():
        input = module(input)
    return input


def install(type kind, tuple global_hooks, explain):
    """Give a class its ``__call__`` and ``__getattribute__``.

    global_hooks: the dictionaries of hooks on all modules; explain: what explains an error.
    """
    global _global_hooks, _explain
    _global_hooks = global_hooks
    _explain = explain
    call = FunctionType.__dict__["__call__"]
    look = object.__dict__["__getattribute__"]
    kind.__call__ = PyDescr_NewWrapper(
        <PyTypeObject *>kind, (<PyWrapperDescrObject *>call).d_base, <void *>_call)
    kind.__getattribute__ = PyDescr_NewWrapper(
        <PyTypeObject *>kind, (<PyWrapperDescrObject *>look).d_base, <void *>_attribute)
