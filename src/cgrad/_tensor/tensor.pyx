"""The Tensor: the Python face of a row.

What the operation table knows is attached at the end of this file (functions, methods, in-place
forms); written out here is what has no entry in the table: operators, properties, indexing,
gradients, conversion and exchange.
"""
cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBUF_WRITABLE
from cpython.object cimport PyObject, PyTypeObject
from libc.stdlib cimport free, malloc
import numpy as np
from cgrad._engine.types cimport *
from cgrad._engine cimport handle
from cgrad._engine.create cimport check_device
from cgrad._engine.elementwise cimport binary
from cgrad._engine.handle cimport (
    Handle, check_fits as handle_check_fits, drop_handle, dtype, dtype_code, dtype_of, fresh_row, is_handle, is_number, rebind,
    row_of, scalar_row, wrap,
)
from cgrad._engine.index cimport get_item, set_item
from cgrad._engine.inplace cimport assign, check_writable, replace
from cgrad._engine.memory cimport block_free, storage_release
from cgrad._engine.primitives cimport cast, expand_like, sizes
from cgrad._engine.rows cimport (
    is_float, item_size, node, release, retain, row_detach, row_view, set_dims, value, value_drop,
)
from cgrad._engine.shape cimport wrap_dim
from cgrad._engine.sparse cimport as_object, check_sparse, sparse_row
from cgrad._engine.table cimport (
    apply, apply_numbers, grad_enabled, inference_enabled, keep, op_id, ops, scope_enter, scope_leave,
)
from cgrad._tensor.graph cimport graph_node
from cgrad._tensor.interop cimport to_dlpack, to_numpy
from cgrad._engine import backward as _backward, face as _face
from cgrad._engine import binary as _b, reduce as _r, shape as _s, matmul as _m
from cgrad._engine import create as _create
from cgrad._tensor.hooks import RemovableHandle
from cgrad._tensor.size import Size, cpu

cdef extern from "Python.h":
    bint PyObject_TypeCheck(object, PyTypeObject *)
    int PyObject_GenericSetAttr(object, object, object) except -1
    int _delete "PyObject_GenericSetAttr"(object, object, void *) except -1
    void PyType_Modified(PyTypeObject *)

cdef int ADD = op_id("add"), SUB = op_id("sub"), MUL = op_id("mul"), DIV = op_id("div")
cdef int EQ = op_id("eq"), NE = op_id("ne"), LT = op_id("lt"), LE = op_id("le")
cdef int GT = op_id("gt"), GE = op_id("ge"), NEG = op_id("neg"), ABS = op_id("abs")
cdef int AND = op_id("bitwise_and"), OR = op_id("bitwise_or"), XOR = op_id("bitwise_xor")
cdef int FLOORDIV = op_id("floor_divide"), MOD = op_id("remainder"), NOT = op_id("bitwise_not")
cdef int LSHIFT = op_id("bitwise_left_shift"), RSHIFT = op_id("bitwise_right_shift")
cdef int TO = op_id("to"), CLONE = op_id("clone")

cdef const char **_formats = [b"?", b"B", b"b", b"h", b"i", b"q", b"f", b"d"]


cdef object _operand(object x):
    # NumPy scalars and arrays and subclasses of numbers as operands; None: not ours.
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray):
        return _create.as_tensor(x)
    if isinstance(x, float):
        return float(x)
    if isinstance(x, int):
        return int(x)
    return None


cdef object _binary(int op, object a, object b):
    # One operator.  Two floating point tensors of one dtype and a tensor with a float take the
    # short way; everything else goes by the general rules.
    cdef Row[2] x
    cdef Row y
    cdef int64_t mark
    cdef Value *v
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        x[0] = fresh_row(<Handle>a)
        x[1] = fresh_row(<Handle>b)
        y = apply_numbers(op, x[0], x[1])
        if y:
            return wrap(y)
    if is_handle(a):
        x[0] = fresh_row(<Handle>a)
        v = value(x[0])
        if v.dtype >= F32:
            if is_handle(b):
                x[1] = fresh_row(<Handle>b)
                if value(x[1]).dtype == v.dtype:
                    return wrap(apply(op, x, 2, NULL))
            elif type(b) is float or type(b) is int:
                x[1] = scalar_row(b, v.dtype)
                try:
                    y = apply_numbers(op, x[0], x[1]) or apply(op, x, 2, NULL)
                finally:
                    release(x[1])
                return wrap(y)
    if not is_number(a) and not is_handle(a):
        a = _operand(a)
    if not is_number(b) and not is_handle(b):
        b = _operand(b)
    if a is None or b is None:
        return NotImplemented
    mark = scope_enter()
    try:
        return wrap(binary(op, a, b))
    finally:
        scope_leave(mark)


cdef object _only_element(Handle a):
    if value(a.row).numel != 1:
        raise ValueError("only one element tensors can be converted to Python scalars, not one of "
                         f"shape {sizes(a.row)}")
    return a.item()


cdef object _unary(int op, Handle a):
    cdef Row x = fresh_row(a)
    if ops[op].loops[value(x).dtype] == NULL or value(x).dtype == BOOL:
        return _face.public[ops[op].name.decode()](a)      # converts, or says why not
    return wrap(apply(op, &x, 1, NULL))


@cython.binding(False)
@cython.embedsignature.format("clinic")
cdef class Tensor(Handle):
    """A multi-dimensional array of one number type that records what is done to it.

    ``Tensor(*sizes)`` is an uninitialised float tensor of that shape, ``Tensor(sequence)`` one
    with that data; :func:`cgrad.tensor` is the usual way.

    Example::

        >>> x = cgrad.tensor([1., 2.], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
    """
    __array_priority__ = 1000

    def __init__(self, *args, **kwargs):
        if self.row:
            return
        if kwargs and type(self) is Tensor:
            _check_options(kwargs)
        if len(args) == 1 and is_handle(args[0]):
            source = args[0].detach()
        elif len(args) == 1 and not isinstance(args[0], int):
            source = _create.tensor(args[0], dtype=dtype_of(handle.default_float))
        else:
            source = _create.empty(*(args if args else (0,)))
        adopt(self, <Handle>source)

    @staticmethod
    def _make_subclass(cls, data, bint requires_grad=False):
        """A tensor of class `cls` over the memory of `data`, as a leaf."""
        cdef Handle h = <Handle>Tensor.__new__(cls)
        cdef Row x = row_of(data, "_make_subclass")
        if requires_grad and not is_float(value(x).dtype):
            raise RuntimeError("Only Tensors of floating point dtype can require gradients")
        adopt(h, <Handle>data.detach())
        value(h.row).family = 0
        if requires_grad:
            node(h.row).flags |= REQUIRES_GRAD
        return h

    def as_subclass(self, cls):
        """as_subclass(cls) -> Tensor

        This tensor's memory and history as an instance of a subclass of Tensor.

        >>> Mine = type("Mine", (cgrad.Tensor,), {})
        >>> type(cgrad.zeros(2).as_subclass(Mine)).__name__
        'Mine'
        """
        if not issubclass(cls, Tensor):
            raise TypeError(f"as_subclass: expected a subclass of Tensor, got {cls!r}")
        cdef Handle h = <Handle>Tensor.__new__(cls)
        adopt(h, <Handle>self.view(self.shape))
        return h

    # --- operators

    def __add__(self, other):
        return _binary(ADD, self, other)

    def __radd__(self, other):
        return _binary(ADD, self, other)

    def __sub__(self, other):
        return _binary(SUB, self, other)

    def __rsub__(self, other):
        return _binary(SUB, other, self)

    def __mul__(self, other):
        return _binary(MUL, self, other)

    def __rmul__(self, other):
        return _binary(MUL, self, other)

    def __truediv__(self, other):
        return _binary(DIV, self, other)

    def __rtruediv__(self, other):
        return _binary(DIV, other, self)

    def __floordiv__(self, other):
        return _binary(FLOORDIV, self, other)

    def __rfloordiv__(self, other):
        return _binary(FLOORDIV, other, self)

    def __mod__(self, other):
        return _binary(MOD, self, other)

    def __rmod__(self, other):
        return _binary(MOD, other, self)

    def __pow__(self, other, modulo):
        return _b.pow(self, other if is_number(other) or is_handle(other) else _operand(other))

    def __rpow__(self, other, modulo):
        return _b.pow(other if is_number(other) else _operand(other), self)

    def __matmul__(self, other):
        return _m.matmul(self, other if is_handle(other) else _operand(other))

    def __rmatmul__(self, other):
        return _m.matmul(other if is_handle(other) else _operand(other), self)

    def __and__(self, other):
        return _binary(AND, self, other)

    def __rand__(self, other):
        return _binary(AND, self, other)

    def __or__(self, other):
        return _binary(OR, self, other)

    def __ror__(self, other):
        return _binary(OR, self, other)

    def __xor__(self, other):
        return _binary(XOR, self, other)

    def __rxor__(self, other):
        return _binary(XOR, self, other)

    def __lshift__(self, other):
        return _binary(LSHIFT, self, other)

    def __rlshift__(self, other):
        return _binary(LSHIFT, other, self)

    def __rshift__(self, other):
        return _binary(RSHIFT, self, other)

    def __rrshift__(self, other):
        return _binary(RSHIFT, other, self)

    def __neg__(self):
        return _unary(NEG, self)

    def __pos__(self):
        return self

    def __abs__(self):
        return _unary(ABS, self)

    def __invert__(self):
        if is_float(value(self.row).dtype):
            raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type "
                            f"tensors, not on {self.dtype!r}")
        return _face.public["bitwise_not"](self)

    def __iadd__(self, other):
        return self.add_(other)

    def __isub__(self, other):
        return self.sub_(other)

    def __imul__(self, other):
        return self.mul_(other)

    def __itruediv__(self, other):
        return self.div_(other)

    def __ifloordiv__(self, other):
        return self.floor_divide_(other)

    def __imod__(self, other):
        return self.remainder_(other)

    def __ipow__(self, other):
        return self.pow_(other)

    def __iand__(self, other):
        return self.bitwise_and_(other)

    def __ior__(self, other):
        return self.bitwise_or_(other)

    def __ixor__(self, other):
        return self.bitwise_xor_(other)

    def __eq__(self, other):
        return _binary(EQ, self, other)

    def __ne__(self, other):
        return _binary(NE, self, other)

    def __lt__(self, other):
        return _binary(LT, self, other)

    def __le__(self, other):
        return _binary(LE, self, other)

    def __gt__(self, other):
        return _binary(GT, self, other)

    def __ge__(self, other):
        return _binary(GE, self, other)

    def __hash__(self):
        return <Py_ssize_t><PyObject *>self >> 4

    # --- shape and type

    @property
    def shape(self):
        """The sizes of the dimensions, a :class:`cgrad.Size`.

        >>> cgrad.zeros(2, 3).shape
        cgrad.Size([2, 3])
        """
        return Size(sizes(self.row))

    def size(self, dim=None):
        """size(dim=None) -> Size or int

        The sizes of all dimensions, or of one.

        >>> cgrad.zeros(2, 3).size(1)
        3
        """
        if dim is None:
            return Size(sizes(self.row))
        if value(self.row).ndim == 0:
            wrap_dim(dim, 0, "size")
            raise IndexError("Dimension specified as 0 but tensor has no dimensions")
        return value(self.row).shape[wrap_dim(dim, value(self.row).ndim, "size")]

    def stride(self, dim=None):
        """stride(dim=None) -> tuple or int

        Steps in memory, in elements, from one entry of a dimension to the next.

        >>> cgrad.zeros(2, 3).stride()
        (3, 1)
        """
        cdef Value *v = value(self.row)
        if dim is None:
            return tuple(v.strides[i] for i in range(v.ndim))
        return v.strides[wrap_dim(dim, v.ndim, "stride")]

    def storage_offset(self):
        """Position of the first element in the storage, in elements.

        >>> cgrad.arange(5)[2:].storage_offset()
        2
        """
        cdef Value *v = value(self.row)
        return (v.data - v.storage.data) // item_size(v.dtype)

    def dim(self):
        """Number of dimensions.

        >>> cgrad.zeros(2, 3).dim()
        2
        """
        return value(self.row).ndim

    def numel(self):
        """Number of elements.

        >>> cgrad.zeros(2, 3).nelement()
        6
        """
        return value(self.row).numel

    def is_contiguous(self, memory_format=None):
        """Whether the elements lie row by row in memory without gaps.

        >>> cgrad.zeros(2, 3).T.is_contiguous()
        False
        """
        return bool(value(self.row).contiguous)

    def data_ptr(self):
        """Address of the first element.

        >>> x = cgrad.zeros(4)
        >>> x[1:].data_ptr() - x.data_ptr()
        4
        """
        return <size_t>value(self.row).data if value(self.row).numel else 0

    def element_size(self):
        """Bytes of one element.

        >>> cgrad.zeros(2).element_size()
        4
        """
        return item_size(value(self.row).dtype)

    def __len__(self):
        if value(self.row).ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return value(self.row).shape[0]

    @property
    def ndim(self):
        """Number of dimensions.

        >>> cgrad.zeros(2, 3).ndim
        2
        """
        return value(self.row).ndim

    @property
    def dtype(self):
        """The number type, e.g. ``cgrad.float32``.

        >>> cgrad.zeros(2).dtype
        cgrad.float32
        """
        return dtype_of(value(self.row).dtype)

    @property
    def device(self):
        """Always ``device(type='cpu')``.

        >>> cgrad.zeros(2).device
        device(type='cpu')
        """
        return cpu

    @property
    def nbytes(self):
        """Bytes of all elements.

        >>> cgrad.zeros(2, 3).nbytes
        24
        """
        return value(self.row).numel * item_size(value(self.row).dtype)

    @property
    def itemsize(self):
        """Bytes of one element.

        >>> cgrad.zeros(2).itemsize
        4
        """
        return item_size(value(self.row).dtype)

    @property
    def is_cuda(self):
        """False: there is no GPU.

        >>> cgrad.zeros(2).is_cuda
        False
        """
        return False

    @property
    def is_sparse(self):
        """False: all tensors are dense.

        >>> cgrad.zeros(2).is_sparse
        False
        """
        return False

    @property
    def T(self):
        """The tensor with its dimensions reversed.

        >>> cgrad.tensor([[1, 2], [3, 4]]).T
        tensor([[1, 3],
                [2, 4]])
        """
        return _s.permute_(self, *range(value(self.row).ndim - 1, -1, -1))

    @property
    def mT(self):
        """The tensor with its last two dimensions swapped.

        >>> cgrad.zeros(5, 2, 3).mT.shape
        cgrad.Size([5, 3, 2])
        """
        if value(self.row).ndim < 2:
            raise RuntimeError("tensor.mT is only supported on matrices or batches of matrices. "
                               f"Got {value(self.row).ndim}-D tensor.")
        return _s.transpose(self, -2, -1)

    def _bump_version(self):
        """Count a change of the memory that autograd did not see."""
        value(fresh_row(self)).storage.version += 1

    @property
    def _version(self):
        """Number of in-place changes of the storage."""
        return value(self.row).storage.version

    def is_floating_point(self):
        """Whether the dtype is float32 or float64.

        >>> cgrad.zeros(2).is_floating_point()
        True
        """
        return is_float(value(self.row).dtype)

    def is_inference(self):
        """Whether the tensor was made in inference mode.

        >>> cgrad.zeros(2).is_inference()
        False
        """
        return bool(value(self.row).flags & INFERENCE)

    # --- gradients

    @property
    def requires_grad(self):
        """Whether a gradient flows to this tensor.

        >>> x = cgrad.ones(2, requires_grad=True)
        >>> (2 * x).requires_grad
        True
        """
        return bool(node(fresh_row(self)).flags & REQUIRES_GRAD)

    @requires_grad.setter
    def requires_grad(self, on):
        cdef Row r = fresh_row(self)
        if not isinstance(on, (bool, np.bool_)):
            raise TypeError(f"requires_grad must be a bool, but got {type(on).__name__}")
        if on and not is_float(value(r).dtype):
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if node(r).n_in:
            if not on:
                raise RuntimeError("you can only change requires_grad flags of leaf variables. If "
                                   "you want to use a computed variable in a subgraph that doesn't "
                                   "require differentiation use var_no_grad = var.detach().")
            return
        if on and value(r).flags & INFERENCE and not inference_enabled():
            raise RuntimeError("Setting requires_grad=True on inference tensor outside "
                               "InferenceMode is not allowed.")
        if on:
            node(r).flags |= REQUIRES_GRAD
            value(r).family &= UNVERSIONED - 1       # derivatives will save it
        else:
            node(r).flags &= ~REQUIRES_GRAD

    def requires_grad_(self, requires_grad=True):
        """requires_grad_(requires_grad=True) -> Tensor

        Set :attr:`requires_grad` of a leaf and return the tensor.

        >>> cgrad.zeros(2).requires_grad_().requires_grad
        True
        """
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self):
        """Whether the tensor is no result of a recorded operation.

        >>> x = cgrad.ones(2, requires_grad=True)
        >>> x.is_leaf, (2 * x).is_leaf
        (True, False)
        """
        return node(fresh_row(self)).n_in == 0

    @property
    def grad(self):
        """The gradient that backward() has accumulated, or None.

        >>> x = cgrad.tensor(3.0, requires_grad=True)
        >>> (x * x).backward()
        >>> x.grad
        tensor(6.)
        """
        cdef Row g = value(self.row).grad
        return as_object(g) if g else None

    @grad.setter
    def grad(self, g):
        cdef Value *v = value(self.row)
        cdef Row r = 0, old = v.grad
        if g is not None and getattr(g, "is_sparse", False):
            check_sparse(g, self.row)
            r = sparse_row(g, v.dtype)
        elif g is not None:
            if not is_handle(g):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of "
                                f"type {type(g).__name__}")
            r = fresh_row(<Handle>g)
            if r == self.row:
                raise RuntimeError("can't assign Variable as its own grad")
            if sizes(r) != sizes(self.row):
                raise RuntimeError(f"assigned grad has data of a different size: {sizes(r)} for a "
                                   f"tensor of shape {sizes(self.row)}")
            if value(r).dtype != v.dtype:
                raise RuntimeError(f"assigned grad has data of a different type: "
                                   f"{dtype_of(value(r).dtype)!r} for {dtype_of(v.dtype)!r}")
            retain(r)
        v.grad = r
        if old:
            release(old)

    @grad.deleter
    def grad(self):
        self.grad = None

    @property
    def grad_fn(self):
        """The graph node of the operation that made this tensor; None for a leaf.

        >>> y = cgrad.ones(2, requires_grad=True).exp()
        >>> y.grad_fn.name()
        'ExpBackward0'
        """
        cdef Row r = fresh_row(self)
        return graph_node(r) if node(r).n_in else None

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
        """backward(gradient=None, retain_graph=None, create_graph=False, inputs=None)

        Add the gradient of this tensor with respect to the leaves of its graph (or to `inputs`)
        to their ``.grad``.

        `gradient` has the shape of the tensor and may be left out for a single element.  Without
        `retain_graph` the saved values are released, so a second call raises RuntimeError; with
        `create_graph` the gradients are recorded and can be differentiated again.

        >>> x = cgrad.tensor(3.0, requires_grad=True)
        >>> (x * x).backward()
        >>> x.grad
        tensor(6.)
        """
        if inputs is not None:
            inputs = ([inputs] if is_handle(inputs) else
                      list(inputs.values() if isinstance(inputs, dict) else inputs))
            if not inputs:
                raise RuntimeError("'inputs' argument to backward() cannot be empty.")
            if not all(t.requires_grad for t in inputs):
                raise RuntimeError("One of the differentiated Tensors does not require grad")
        if retain_graph is None:
            retain_graph = create_graph
        _backward.run([self], [gradient], inputs, retain_graph, create_graph, True)

    def retain_grad(self):
        """Keep ``.grad`` of this tensor in backward() although it is no leaf.

        >>> x = cgrad.tensor(2.0, requires_grad=True)
        >>> y = x * x
        >>> y.retain_grad()
        >>> (3 * y).backward()
        >>> y.grad
        tensor(3.)
        """
        cdef Row r = fresh_row(self)
        if not node(r).flags & REQUIRES_GRAD:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if node(r).n_in:
            node(r).flags |= RETAIN_GRAD

    @property
    def retains_grad(self):
        """Whether :meth:`retain_grad` was called on this non-leaf.

        >>> cgrad.ones(2, requires_grad=True).retains_grad
        False
        """
        return bool(node(self.row).flags & RETAIN_GRAD)

    def register_hook(self, hook):
        """register_hook(hook) -> handle

        Call ``hook(grad)`` when the gradient of this tensor has been computed; what it returns
        (if not None) replaces the gradient.  ``handle.remove()`` takes it back.

        >>> x = cgrad.tensor(2.0, requires_grad=True)
        >>> handle = x.register_hook(lambda grad: grad * 10)
        >>> (3 * x).backward()
        >>> x.grad
        tensor(30.)
        """
        cdef Row r = fresh_row(self)
        if not node(r).flags & REQUIRES_GRAD:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if not callable(hook):
            raise TypeError(f"register_hook: expected a callable, got {type(hook).__name__}")
        if self._extra is None:
            self._extra = {}
        hooks = self._extra.setdefault("hooks", {})
        node(r).flags |= HAS_HOOKS
        return RemovableHandle(hooks, hook)

    def register_post_accumulate_grad_hook(self, hook):
        """register_post_accumulate_grad_hook(hook) -> handle

        Call ``hook(tensor)`` on this leaf whenever backward() has added to its ``.grad``.

        >>> x = cgrad.tensor(2.0, requires_grad=True)
        >>> handle = x.register_post_accumulate_grad_hook(lambda x: print(x.grad.item()))
        >>> (3 * x).backward()
        3.0
        """
        cdef Row r = fresh_row(self)
        if not node(r).flags & REQUIRES_GRAD:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if node(r).n_in:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf "
                               "tensors")
        if self._extra is None:
            self._extra = {}
        hooks = self._extra.setdefault("post", {})
        node(r).flags |= HAS_HOOKS
        return RemovableHandle(hooks, hook)

    def detach(self):
        """detach() -> Tensor

        A tensor over the same memory without history.

        >>> x = cgrad.ones(2, requires_grad=True)
        >>> x.detach().requires_grad
        False
        """
        cdef Row x = fresh_row(self)
        cdef Value *v = value(x)
        cdef Row r = row_view(x, v.ndim, v.shape, v.strides, 0)
        value(r).flags &= ~NO_GRAD_VIEW
        row_detach(r)
        return wrap(r)

    def detach_(self):
        """Cut this tensor off its history.

        >>> y = cgrad.ones(2, requires_grad=True) * 2
        >>> y.detach_().is_leaf
        True
        """
        if value(self.row).flags & IS_VIEW and node(self.row).n_in:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        cdef Row x = fresh_row(self)
        cdef Value *v = value(x)
        cdef Row r = row_view(x, v.ndim, v.shape, v.strides, 0)
        value(r).flags &= ~IS_VIEW
        rebind(self, r)
        return self

    @property
    def data(self):
        """The tensor without history, over the same memory; assigning replaces the memory.

        Derivatives that have saved the memory do not notice changes through it: they compute with
        the new values. :meth:`detach` gives a tensor whose changes they notice.

        >>> x = cgrad.ones(2, requires_grad=True)
        >>> x.data.requires_grad
        False
        """
        cdef Row x = fresh_row(self)
        cdef Value *v = value(x)
        cdef Row r = row_view(x, v.ndim, v.shape, v.strides, 0)
        value(r).flags &= ~NO_GRAD_VIEW
        row_detach(r, False)
        return wrap(r)

    @data.setter
    def data(self, other):
        adopt(self, <Handle>_checked(other).detach())

    # --- values

    def item(self):
        """The value of a single-element tensor as a Python number.

        >>> cgrad.tensor([1.5]).item()
        1.5
        """
        cdef Value *v = value(self.row)
        cdef char *p = v.data
        if v.numel != 1:
            raise RuntimeError(f"item(): a Tensor with {v.numel} elements cannot be converted to "
                               "Scalar")
        if v.dtype == F32:
            return (<float *>p)[0]
        if v.dtype == F64:
            return (<double *>p)[0]
        if v.dtype == I64:
            return (<int64_t *>p)[0]
        if v.dtype == BOOL:
            return p[0] != 0
        if v.dtype == I32:
            return (<int32_t *>p)[0]
        if v.dtype == I16:
            return (<short *>p)[0]
        return (<uint8_t *>p)[0] if v.dtype == U8 else (<signed char *>p)[0]

    def tolist(self):
        """The values as nested lists of Python numbers; a number for a 0-d tensor.

        >>> cgrad.tensor([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
        """
        return to_numpy(self).tolist()

    def __float__(self):
        return float(_only_element(self))

    def __int__(self):
        return int(_only_element(self))

    def __index__(self):
        if is_float(value(self.row).dtype) or value(self.row).numel != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __bool__(self):
        cdef Value *v = value(self.row)
        if v.numel != 1:
            if v.numel == 0:
                raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def __contains__(self, x):
        return bool(_r.any(self == x))

    def __iter__(self):
        if value(self.row).ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter([get_item(self, i) for i in range(value(self.row).shape[0])])

    def __getitem__(self, key):
        return get_item(self, key)

    def __setitem__(self, key, x):
        set_item(self, key, x)

    def __delitem__(self, key):
        raise TypeError("Tensor does not support deleting items")

    def __repr__(self):
        from cgrad._tensor.printing import tensor_repr
        return tensor_repr(self)

    def __format__(self, str spec not None):
        if value(self.row).ndim == 0 and (spec or type(self) is Tensor):
            return format(self.item(), spec)
        return object.__format__(self, spec) if spec else repr(self)

    # --- conversion and copies

    def to(self, *args, dtype=None, device=None, copy=False, non_blocking=False,
           memory_format=None):
        """to(dtype) or to(device) or to(other), copy=False -> Tensor

        The tensor in another dtype, itself if it has it and `copy` is False.

        >>> cgrad.tensor([1, 2]).to(cgrad.float64)
        tensor([1., 2.], dtype=cgrad.float64)
        """
        cdef Row x = fresh_row(self)
        cdef Attr at
        for a in args:
            if is_handle(a):
                dtype = a.dtype
            elif isinstance(a, handle.dtype) or a in (float, int, bool):
                dtype = a
            elif not isinstance(a, bool):
                device = a
        flags = [a for a in args if isinstance(a, bool)]
        copy = copy or len(flags) > 1 and flags[1]     # after non_blocking
        check_device(device)
        at.k[0] = dtype_code(dtype, value(x).dtype)
        if at.k[0] == value(x).dtype:
            return wrap(apply(CLONE, &x, 1, NULL)) if copy else self
        return wrap(apply(TO, &x, 1, &at))

    def cpu(self):
        """The tensor itself: it is on the CPU.

        >>> x = cgrad.zeros(2)
        >>> x.cpu() is x
        True
        """
        return self

    def cuda(self, *args, **kwargs):
        """Raises RuntimeError: there is no GPU."""
        check_device("cuda")

    def type(self, dtype=None):
        """type(dtype=None) -> Tensor or str

        The tensor in another dtype, which may be named by a type of tensor (``cgrad.FloatTensor``);
        without argument the name of its type.

        >>> cgrad.zeros(2).type()
        'cgrad.FloatTensor'
        """
        if dtype is None:
            return f"cgrad.{_type_names[value(self.row).dtype]}"
        if isinstance(dtype, str):
            name = dtype.rpartition(".")[2]
            if name not in _type_names:
                raise ValueError(f"type: invalid type: {dtype!r}")
            dtype = dtype_of(_type_names.index(name))
        elif isinstance(dtype, type):
            if not hasattr(dtype, "dtype"):
                raise ValueError(f"type: invalid type: {dtype.__name__!r}")
            dtype = dtype.dtype
        return self.to(dtype)

    def copy_(self, src, non_blocking=False):
        """copy_(src) -> Tensor

        Copy the values of `src`, broadcast and converted, into this tensor.

        >>> cgrad.zeros(2).copy_(cgrad.tensor([1, 2]))
        tensor([1., 2.])
        """
        return _copied(self, src, "copy_")

    def fill_(self, value):
        """fill_(value) -> Tensor

        Set all elements to a number or a 0-d tensor.
        """
        if is_handle(value) and value.dim():
            raise RuntimeError("fill_ only supports 0-dimension value tensor but got tensor with "
                               f"{value.dim()} dimensions.")
        if not is_handle(value) and not is_number(value):
            number = _operand(value)
            if number is None:
                raise TypeError(f"fill_(): argument 'value' must be Number, not "
                                f"{type(value).__name__}")
            value = number
        return _copied(self, value, "fill_")

    def zero_(self):
        """zero_() -> Tensor

        Set all elements to 0.
        """
        return _copied(self, 0, "zero_")

    def numpy(self, *, force=False):
        """numpy(*, force=False) -> numpy.ndarray

        An array over the same memory.  Raises RuntimeError for a tensor that requires grad unless
        `force` is set.

        >>> cgrad.tensor([1.0, 2.0]).numpy()
        array([1., 2.], dtype=float32)
        """
        if node(fresh_row(self)).flags & REQUIRES_GRAD and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use "
                               "tensor.detach().numpy() instead.")
        return to_numpy(self)

    def __array__(self, dtype=None, copy=None):
        a = self.numpy()
        if dtype is not None and a.dtype != dtype:
            if copy is False:
                raise ValueError(f"cannot convert {a.dtype} to {dtype} without a copy")
            return a.astype(dtype)
        return a.copy() if copy else a

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """A DLPack capsule over the memory of this tensor."""
        if node(fresh_row(self)).flags & REQUIRES_GRAD:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        if stream is not None and stream != -1:
            raise BufferError(f"__dlpack__: there are no streams on the CPU, got {stream!r}")
        if dl_device is not None and tuple(dl_device) != (1, 0):
            raise BufferError(f"__dlpack__: cannot export to device {dl_device}")
        return to_dlpack((<Handle>self.clone()) if copy else self)

    def __dlpack_device__(self):
        """(1, 0): the CPU."""
        return (1, 0)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        cdef Row r = fresh_row(self)
        cdef Value *v = value(r)
        cdef Py_ssize_t *dims
        cdef int i
        if node(r).flags & REQUIRES_GRAD:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        if flags & PyBUF_WRITABLE and v.storage.flags & READ_ONLY:
            raise BufferError("the memory of this tensor is read-only")
        if not flags & PyBUF_STRIDES == PyBUF_STRIDES and not v.contiguous:
            raise BufferError("this tensor is not contiguous")
        # shape, strides, and the storage, which the view keeps alive whatever becomes of us
        dims = <Py_ssize_t *>malloc((2 * MAX_DIMS + 1) * sizeof(Py_ssize_t))
        if dims == NULL:
            raise MemoryError("no memory for a buffer view")
        for i in range(v.ndim):
            dims[i] = v.shape[i]
            dims[MAX_DIMS + i] = v.strides[i] * item_size(v.dtype)
        dims[2 * MAX_DIMS] = <Py_ssize_t>v.storage
        v.storage.refs += 1
        buffer.buf = v.data
        buffer.len = v.numel * item_size(v.dtype)
        buffer.itemsize = item_size(v.dtype)
        buffer.readonly = 1 if v.storage.flags & READ_ONLY else 0
        buffer.format = <char *>_formats[v.dtype] if flags & PyBUF_FORMAT else NULL
        buffer.ndim = v.ndim
        buffer.shape = dims
        buffer.strides = dims + MAX_DIMS
        buffer.suboffsets = NULL
        buffer.internal = dims
        buffer.obj = self

    def __releasebuffer__(self, Py_buffer *buffer):
        storage_release(<Storage *>(<Py_ssize_t *>buffer.internal)[2 * MAX_DIMS])
        free(buffer.internal)

    def __copy__(self):
        copy = self.detach()
        if type(self) is not Tensor:
            copy = type(self)._make_subclass(type(self), copy)
        if self.is_leaf:
            copy.requires_grad_(self.requires_grad)
        copy.__dict__.update(_attributes(self))
        return copy

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support "
                               "the deepcopy protocol at the moment. If you were attempting to "
                               "deepcopy a module, this may be because of a torch.nn.utils."
                               "weight_norm usage, see https://github.com/pytorch/pytorch/pull/"
                               "103001")
        copy = self.detach().clone()
        if type(self) is not Tensor:
            copy = type(self)._make_subclass(type(self), copy, self.requires_grad)
        else:
            copy.requires_grad = self.requires_grad
        if _attributes(self):
            from copy import deepcopy
            copy.__dict__.update(deepcopy(_attributes(self), memo))
        memo[id(self)] = copy
        if self.grad is not None:
            copy.grad = self.grad.detach().clone()
        return copy

    def __reduce_ex__(self, protocol):
        # A NumPy array carries the data: pickles need nothing but NumPy and this class to load.
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) can be "
                               "pickled; detach() this one first")
        return _rebuild, (type(self), to_numpy(self.detach().contiguous()), self.requires_grad,
                          _attributes(self) or None)

    # --- attributes that users set on tensors

    @property
    def __dict__(self):
        """The attributes that users have set on this tensor."""
        if self._extra is None:
            self._extra = {}
        return self._extra.setdefault("attributes", {})

    def __getattr__(self, name):
        extra = self._extra
        if extra is not None and "attributes" in extra and name in extra["attributes"]:
            return extra["attributes"][name]
        from cgrad._tensor.excluded import message
        raise AttributeError(message(f"'{type(self).__name__}' object", name))

    def __setattr__(self, name, x):
        try:
            PyObject_GenericSetAttr(self, name, x)
        except AttributeError:
            if hasattr(type(self), name):
                raise
            if self._extra is None:
                self._extra = {}
            self._extra.setdefault("attributes", {})[name] = x

    def __delattr__(self, name):
        extra = self._extra
        if extra is not None and name in extra.get("attributes", ()):
            del extra["attributes"][name]
        else:
            _delete(self, name, NULL)


cdef list _type_names = ["BoolTensor", "ByteTensor", "CharTensor", "ShortTensor", "IntTensor",
                         "LongTensor", "FloatTensor", "DoubleTensor"]


cdef dict _attributes(object t):
    # What users have set on a tensor or on an instance of a subclass.
    return t.__dict__


cdef object _checked(object x):
    if not is_handle(x):
        raise TypeError(f"Variable data has to be a tensor, but got {type(x).__name__}")
    return x


cdef object _copied(Handle h, object src, str name):
    # copy_, fill_ and zero_
    cdef int64_t mark = scope_enter()
    cdef Row x = fresh_row(h), y
    try:
        if is_number(src):
            handle_check_fits(src, value(x).dtype, name)
            y = keep(scalar_row(src, value(x).dtype))
        else:
            y = row_of(src, name.encode())
        _check_source(x, y)
        y = expand_like(_same_memory(cast(y, value(x).dtype), x), x)
        assign(h, y, name)
        return h
    finally:
        scope_leave(mark)


cdef int _check_source(Row x, Row y) except -1:
    cdef Value *v = value(x)
    cdef Value *w = value(y)
    cdef int i, extra = v.ndim - w.ndim
    for i in range(w.ndim):
        if i + extra < 0 or (w.shape[i] != 1 and w.shape[i] != v.shape[i + extra]):
            raise RuntimeError(f"copy_: the source of shape {sizes(y)} cannot be broadcast to the "
                               f"shape {sizes(x)} of the tensor")
    return 0


cdef Row _same_memory(Row y, Row x) except 0:
    # A source that shares the destination's memory is copied first.
    if value(y).storage == value(x).storage and y != x:
        return contiguous_copy(y)
    return y


cdef Row contiguous_copy(Row y) except 0:
    return keep(apply(CLONE, &y, 1, NULL))


cdef int adopt(Handle h, Handle source) except -1:
    """Give `h` the memory of `source`: the row of `h` stays, if it has one."""
    cdef Value *v
    cdef Value *w = value(source.row)
    if h.row == 0:
        # A handle that was just made: it takes the row itself.
        h.row = source.row
        source.row = 0
        w.handle = <PyObject *>h
        return 0
    v = value(h.row)
    if v.dtype != w.dtype and node(h.row).flags & REQUIRES_GRAD and not is_float(w.dtype):
        raise RuntimeError("data set to a tensor that requires gradients must be floating point "
                           "dtype")
    if v.dtype != w.dtype or sizes(h.row) != sizes(source.row):
        if node(h.row).n_in:
            raise RuntimeError("data: a tensor with history cannot be given data of another shape "
                               "or type; detach() it first")
        if node(h.row).graph_refs > 1:
            replace(h, row_view(source.row, w.ndim, w.shape, w.strides, 0))
            return 0
    w.storage.refs += 1
    w.storage.handles += 1
    drop_handle(v)
    value_drop(v)
    v.storage = w.storage
    v.data = w.data
    v.dtype = w.dtype
    if v.shape != v.dims:
        from_block(v)
    set_dims(v, w.ndim, w.shape, w.strides)
    v.version = w.storage.version
    return 0


cdef void from_block(Value *v) noexcept:
    block_free(v.shape, 2 * MAX_DIMS * sizeof(int64_t))
    v.shape = v.dims
    v.strides = v.dims + INLINE_DIMS


def _rebuild(cls, array, requires_grad, state):
    t = _create.tensor(array)
    t = t.requires_grad_(requires_grad) if cls is Tensor else \
        cls._make_subclass(cls, t, requires_grad)
    if state:
        t.__dict__.update(state)
    return t


def _check_options(kwargs):
    for name in kwargs:
        if name != "device":
            raise TypeError(f"Tensor() got an unexpected keyword argument '{name}'; cgrad.tensor "
                            "takes dtype and requires_grad")
    _create.empty(0, device=kwargs["device"])


class InPlace:
    """The in-place form of a function: computes it and writes the result into its first input."""

    def __init__(self, function, name):
        self.function = function
        self.__name__ = self.__qualname__ = name
        self.__doc__ = f"In-place version of :func:`{function.__name__}`."

    def __get__(self, instance, owner):
        if instance is None:
            return self
        import types
        return types.MethodType(self, instance)

    def __call__(self, input, *args, **kwargs):
        cdef Handle h = <Handle>_checked(input)
        cdef bint track = grad_enabled() and (
            h.requires_grad or any(is_handle(a) and a.requires_grad for a in args))
        check_writable(h, fresh_row(h), self.__name__)
        # The derivative must not read the memory that is about to change.
        result = self.function(input.clone() if track else input, *args, **kwargs)
        assign(h, fresh_row(<Handle>result), self.__name__)
        return input


def attach(name, function):
    """Make `function` a method of Tensor."""
    (<dict>(<PyTypeObject *>Tensor).tp_dict)[name] = function
    PyType_Modified(<PyTypeObject *>Tensor)


def attach_inplace(name, function):
    """Make the in-place form of `function` the method `name`."""
    attach(name, InPlace(function, name))


def _attach_table():
    for name, function in _face.methods.items():
        if name not in (<dict>(<PyTypeObject *>Tensor).tp_dict):
            attach(name, function)
    for name in ("div", "divide", "true_divide", "pow", "clamp", "clip", "round", "cumsum"):
        attach_inplace(name + "_", _face.methods[name])
    for name, code in (("float", F32), ("double", F64), ("long", I64), ("int", I32),
                       ("short", I16), ("char", I8), ("byte", U8), ("bool", BOOL)):
        attach(name, _conversion(name, dtype_of(code)))
    for name, same in (("nelement", "numel"), ("ndimension", "dim")):
        attach(name, (<dict>(<PyTypeObject *>Tensor).tp_dict)[same])


def _conversion(name, dt):
    def convert(self, memory_format=None):
        return self.to(dt)
    convert.__name__ = convert.__qualname__ = name
    result = {"float": "tensor([0., 2.])", "bool": "tensor([False,  True])",
              "long": "tensor([0, 2])"}.get(name, f"tensor([0, 2], dtype={dt!r})")
    if name == "double":
        result = "tensor([0., 2.], dtype=cgrad.float64)"
    convert.__doc__ = (f"{name}() -> Tensor\n\nThe tensor as {dt!r}.\n\n"
                       f">>> cgrad.tensor([0, 2]).{name}()\n{result}")
    return convert


from cgrad._engine.handle import set_tensor_type
set_tensor_type(Tensor)
_attach_table()
