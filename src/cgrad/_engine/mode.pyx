"""The two switches of a thread, recording and inference mode, for the duration of a block.

The classes that programs use, with their uses as decorators, are in autograd/grad_mode.py.
"""
cimport cython
from cgrad._engine.table cimport grad_enable, grad_enabled, inference_enable, inference_enabled


cdef inline int _switches():
    return <int>grad_enabled() | <int>inference_enabled() << 1


@cython.auto_pickle(False)
cdef class Mode:
    """Base of `no_grad` and its relatives.

    Attributes:
        recording, inference: what the block sets: 0 or 1, or -1 to leave a switch as it is.
        before: the switches where the outermost block began: recording + 2 · inference.
    """
    cdef public int recording
    cdef public int inference
    cdef public int before
    cdef int depth                # one object may be entered again while it is active
    cdef list inner               # the switches where the inner blocks began

    def __cinit__(self, *args, **kwargs):
        self.recording = self.inference = -1

    def _apply(self):
        """Set the switches."""
        if self.inference >= 0:
            inference_enable(self.inference)
        if self.recording >= 0:
            grad_enable(self.recording)

    def __enter__(self):
        if self.depth == 0:
            self.before = _switches()
        else:
            if self.inner is None:
                self.inner = []
            self.inner.append(_switches())
        self.depth += 1
        if self.inference >= 0:
            inference_enable(self.inference)
        if self.recording >= 0:
            grad_enable(self.recording)

    def __exit__(self, kind, error, trace):
        cdef int switches
        if self.depth == 0:
            raise RuntimeError(f"{type(self).__name__}: left more often than entered")
        self.depth -= 1
        switches = self.before if self.depth == 0 else self.inner.pop()
        inference_enable(switches >> 1)
        grad_enable(switches & 1)


cdef object _new(cls, int recording, function):
    """Make the mode, or decorate a function with it."""
    cdef Mode mode = Mode.__new__(cls)
    mode.recording = recording
    return mode if function is None else mode(function)


def new_no_grad(cls, function=None):
    """``no_grad.__new__``."""
    return _new(cls, 0, function)


def new_enable_grad(cls, function=None):
    """``enable_grad.__new__``."""
    return _new(cls, 1, function)


def switches():
    """The thread's switches: recording + 2 · inference."""
    return _switches()
