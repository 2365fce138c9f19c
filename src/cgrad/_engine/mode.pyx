"""The two switches of a thread, recording and inference mode, for the duration of a block.

The classes that programs use, with their uses as decorators, are in autograd/grad_mode.py.
"""
cimport cython
from cpython.object cimport PyObject, PyTypeObject
from cpython.tuple cimport PyTuple_GET_SIZE
from cgrad._engine.table cimport grad_enable, grad_enabled, inference_enable, inference_enabled


cdef extern from *:
    """
    static PyObject *cg_empty;
    static PyObject *cg_new(PyTypeObject *base, PyTypeObject *cls) {
        if (cg_empty == NULL && (cg_empty = PyTuple_New(0)) == NULL)
            return NULL;
        return base->tp_new(cls, cg_empty, NULL);
    }
    #define cg_set_new(cls, f) (((PyTypeObject *)(cls))->tp_new = (newfunc)(f))
    """
    object cg_new(PyTypeObject *base, PyTypeObject *cls)
    void cg_set_new(object cls, object (*f)(PyTypeObject *, PyObject *, PyObject *))

cdef enum:
    OFF = 1
    ON = 2


cdef inline int _switches():
    return <int>grad_enabled() | <int>inference_enabled() << 1


@cython.auto_pickle(False)
@cython.binding(False)
@cython.embedsignature.format("clinic")
cdef class Mode:
    """Base of `no_grad` and its relatives.

    Attributes:
        recording, inference: what the block sets: 1 for off and 2 for on, or 0 to leave a switch
            as it is.
        before: the switches where the outermost block began: recording + 2 · inference.
    """
    cdef public int recording
    cdef public int inference
    cdef public int before
    cdef int depth                # one object may be entered again while it is active
    cdef list inner               # the switches where the inner blocks began

    def _apply(self):
        """Set the switches."""
        if self.inference:
            inference_enable(self.inference - 1)
        if self.recording:
            grad_enable(self.recording - 1)

    def __enter__(self):
        if self.depth == 0:
            self.before = _switches()
        else:
            if self.inner is None:
                self.inner = []
            self.inner.append(_switches())
        self.depth += 1
        if self.inference:
            inference_enable(self.inference - 1)
        if self.recording:
            grad_enable(self.recording - 1)

    def __exit__(self, kind, error, trace):
        cdef int switches
        if self.depth == 0:
            raise RuntimeError(f"{type(self).__name__}: left more often than entered")
        self.depth -= 1
        switches = self.before if self.depth == 0 else self.inner.pop()
        inference_enable(switches >> 1)
        grad_enable(switches & 1)


cdef object _off(PyTypeObject *cls, PyObject *args, PyObject *kwargs):
    return _new(cls, args, kwargs, OFF)


cdef object _on(PyTypeObject *cls, PyObject *args, PyObject *kwargs):
    return _new(cls, args, kwargs, ON)


cdef inline object _new(PyTypeObject *cls, PyObject *args, PyObject *kwargs, int recording):
    """Make the mode, or decorate a function with it."""
    mode = cg_new(<PyTypeObject *>Mode, cls)
    (<Mode>mode).recording = recording
    if PyTuple_GET_SIZE(<object>args) == 0 and kwargs == NULL:
        return mode
    return _decorated(mode, *<tuple>args, **({} if kwargs == NULL else <dict>kwargs))


def _decorated(mode, function=None):
    return mode if function is None else mode(function)


def new_no_grad(cls, function=None):
    """``no_grad.__new__``."""
    mode = cg_new(<PyTypeObject *>Mode, <PyTypeObject *>cls)
    (<Mode>mode).recording = OFF
    return _decorated(mode, function)


def new_enable_grad(cls, function=None):
    """``enable_grad.__new__``."""
    mode = cg_new(<PyTypeObject *>Mode, <PyTypeObject *>cls)
    (<Mode>mode).recording = ON
    return _decorated(mode, function)


def quick(cls, bint on):
    """Make ``cls()`` do what its ``__new__``, one of the two above, does, without calling it."""
    cg_set_new(cls, _on if on else _off)


def switches():
    """The thread's switches: recording + 2 · inference."""
    return _switches()
