"""Functions composed of operations of the table: no derivative of their own.

Every name in `__all__` is a function of the package; those in `METHODS` are methods too.
"""
from __future__ import annotations

import builtins
from collections import namedtuple

from cgrad._engine.face import public as _op
from cgrad._tensor.size import Size
from cgrad._tensor.tensor import Tensor, attach, attach_inplace

__all__ = [
    "addcdiv", "addcmul", "addmm", "allclose", "broadcast_tensors", "broadcast_to", "chunk",
    "equal", "flatten", "hstack", "is_floating_point", "is_tensor", "isclose", "isfinite", "isinf",
    "isnan", "lerp", "max", "min", "movedim", "norm", "numel", "outer", "ravel", "split", "stack",
    "tile", "unbind", "unflatten", "vstack", "broadcast_shapes",
]
METHODS = [
    "addcdiv", "addcmul", "addmm", "allclose", "broadcast_to", "chunk", "equal", "flatten",
    "isclose", "isfinite", "isinf", "isnan", "lerp", "max", "min", "movedim", "norm", "outer",
    "ravel", "split", "tile", "unbind", "unflatten",
]

_Extreme = {name: namedtuple(name, ["values", "indices"]) for name in ("max", "min")}


def _dim(dim, ndim, name):
    n = ndim or 1
    if not -n <= dim < n:
        raise IndexError(f"{name}: Dimension out of range (expected to be in range of "
                         f"[{-n}, {n - 1}], but got {dim})")
    return dim % n


def _check_tensor(name, input):
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' must be Tensor, not {type(input).__name__}")


def _extreme(name, input, dim, keepdim):
    if dim is None:
        return _op["a" + name](input)
    if isinstance(dim, Tensor):
        return _op[name + "imum"](input, dim)
    index = _op["arg" + name](input, dim, keepdim=True)
    if input.ndim == 0:
        return _Extreme[name](input.clone(), index)
    values = _op["gather"](input, dim, index)
    if not keepdim:
        values, index = values.squeeze(dim), index.squeeze(dim)
    return _Extreme[name](values, index)


def max(input, dim=None, keepdim=False):
    """max(input) -> Tensor; max(input, dim, keepdim=False) -> (values, indices); max(input, other)

    Largest element; with `dim` a named tuple of the largest elements along it and their (first)
    positions; with a tensor as second argument :func:`maximum`.  NaN wins.  The gradient goes to
    the chosen position; without `dim` equal elements share it evenly.
    """
    return _extreme("max", input, dim, keepdim)


def min(input, dim=None, keepdim=False):
    """min(input) -> Tensor; min(input, dim, keepdim=False) -> (values, indices); min(input, other)

    Smallest element, as :func:`max`.
    """
    return _extreme("min", input, dim, keepdim)


def flatten(input, start_dim=0, end_dim=-1):
    """flatten(input, start_dim=0, end_dim=-1) -> Tensor

    The dimensions from `start_dim` to `end_dim` as one; a view where the memory allows.
    """
    if input.ndim == 0:
        return input.reshape(1)
    first = _dim(start_dim, input.ndim, "flatten")
    last = _dim(end_dim, input.ndim, "flatten")
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last:
        return input
    shape = input.shape
    return input.reshape(shape[:first] + (shape[first:last + 1].numel(),) + shape[last + 1:])


def unflatten(input, dim, sizes):
    """unflatten(input, dim, sizes) -> Tensor

    One dimension cut into several of the given sizes, one of which may be -1.
    """
    dim = _dim(dim, input.ndim, "unflatten")
    return input.reshape(input.shape[:dim] + tuple(sizes) + input.shape[dim + 1:])


def ravel(input):
    """ravel(input) -> Tensor

    All elements in one dimension.
    """
    return input.reshape(-1)


def split(tensor, split_size_or_sections, dim=0):
    """split(tensor, split_size_or_sections, dim=0) -> tuple of Tensors

    Views of consecutive parts along `dim`: of one size (the last may be smaller), or of the sizes
    in a list, which add up to the whole.
    """
    dim = _dim(dim, tensor.ndim, "split")
    if tensor.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    n = tensor.shape[dim]
    size = split_size_or_sections
    if isinstance(size, int):
        if size < 0 or (size == 0 and n):
            raise RuntimeError(f"split expects split_size be non-negative, but got "
                               f"split_size={size}")
        sizes = [size] * (n // size) + [n % size] * (n % size > 0) if size else [0]
        sizes = sizes or [0]
    else:
        sizes = list(size)
        if sum(sizes) != n or any(s < 0 for s in sizes):
            raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to {n} "
                               f"(input tensor's size at dimension {dim}), but got "
                               f"split_sizes={sizes}")
    parts, start = [], 0
    for s in sizes:
        parts.append(tensor.narrow(dim, start, s))
        start += s
    return tuple(parts)


def chunk(input, chunks, dim=0):
    """chunk(input, chunks, dim=0) -> tuple of Tensors

    Views of at most `chunks` equal parts along `dim`; the last may be smaller.
    """
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[_dim(dim, input.ndim, "chunk")] if input.ndim else 0
    if n == 0:
        return split(input, [0] * chunks, dim)
    return split(input, -(-n // chunks), dim)


def unbind(input, dim=0):
    """unbind(input, dim=0) -> tuple of Tensors

    The views that have one dimension removed, one for each of its entries.
    """
    dim = _dim(dim, input.ndim, "unbind")
    if input.ndim == 0:
        raise RuntimeError("Dimension specified as 0 but tensor has no dimensions")
    index = (slice(None),) * dim
    return tuple(input[index + (i,)] for i in range(input.shape[dim]))


def stack(tensors, dim=0, *, out=None):
    """stack(tensors, dim=0) -> Tensor

    Tensors of one shape side by side along a new dimension.
    """
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"stack(): expected Tensor as element {i} in argument 0, but got "
                            f"{type(t).__name__}")
        if t.shape != tensors[0].shape:
            raise RuntimeError(f"stack expects each tensor to be equal size, but got "
                               f"{list(tensors[0].shape)} at entry 0 and {list(t.shape)} at entry "
                               f"{i}")
    dim = _dim(dim, tensors[0].ndim + 1, "stack")
    result = _op["cat"]([t.unsqueeze(dim) for t in tensors], dim)
    return result if out is None else out.copy_(result)


def hstack(tensors):
    """hstack(tensors) -> Tensor

    Concatenation along the second dimension (the first for vectors).
    """
    tensors = [t.reshape(1) if t.ndim == 0 else t for t in tensors]
    return _op["cat"](tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors):
    """vstack(tensors) -> Tensor

    Concatenation along the first dimension; vectors are rows.
    """
    return _op["cat"]([t.reshape(1, -1) if t.ndim < 2 else t for t in tensors], 0)


def movedim(input, source, destination):
    """movedim(input, source, destination) -> Tensor

    A view with the dimensions `source` moved to the positions `destination`.
    """
    n = input.ndim
    source = [source] if isinstance(source, int) else list(source)
    destination = [destination] if isinstance(destination, int) else list(destination)
    if len(source) != len(destination):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({source} dims) "
                           f"should contain the same number of dims as destination "
                           f"({destination} dims)")
    source = [_dim(d, n, "movedim") for d in source]
    destination = [_dim(d, n, "movedim") for d in destination]
    if len(set(source)) != len(source) or len(set(destination)) != len(destination):
        raise RuntimeError("movedim: repeated dim in `source` or `destination`")
    order = [d for d in range(n) if d not in source]
    for to, d in sorted(zip(destination, source)):
        order.insert(to, d)
    return input.permute(*order) if n else input


def tile(input, *dims):
    """tile(input, dims) -> Tensor

    The tensor repeated `dims` times along each dimension (missing leading ones count as 1).
    """
    dims = tuple(dims[0]) if len(dims) == 1 and not isinstance(dims[0], int) else dims
    return input.repeat((1,) * (input.ndim - len(dims)) + tuple(dims))


def repeat(self, *sizes):
    """repeat(*sizes) -> Tensor

    Copies of the tensor side by side: `sizes` times along each dimension, new ones in front.
    """
    sizes = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    if len(sizes) < self.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of "
                           "dimensions of tensor")
    if any(s < 0 for s in sizes):
        raise RuntimeError(f"repeat: Trying to create tensor with negative dimension: {sizes}")
    result = self.reshape((1,) * (len(sizes) - self.ndim) + tuple(self.shape))
    for dim, times in enumerate(sizes):
        if times != 1:
            result = _op["cat"]([result] * times, dim) if times else result.narrow(dim, 0, 0)
    return result.clone() if result is self or all(s == 1 for s in sizes) else result


def broadcast_shapes(*shapes):
    """broadcast_shapes(*shapes) -> Size

    The shape that tensors of these shapes broadcast to.
    """
    shapes = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    result = [1] * builtins.max(map(len, shapes), default=0)
    for shape in shapes:
        for i in range(-len(shape), 0):
            if result[i] == 1:
                result[i] = shape[i]
            elif shape[i] not in (1, result[i]):
                raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape: "
                                   + ", ".join(str(list(s)) for s in shapes))
    return Size(result)


def broadcast_tensors(*tensors):
    """broadcast_tensors(*tensors) -> tuple of Tensors

    The tensors expanded to their common shape.
    """
    tensors = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    shape = broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t.expand(shape) for t in tensors)


def broadcast_to(input, size):
    """broadcast_to(input, size) -> Tensor

    The tensor expanded to a shape.
    """
    return input.expand(size)


def outer(input, vec2):
    """outer(input, vec2) -> Tensor

    The matrix of products of two vectors' elements: [n] and [m] give [n, m].
    """
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D arguments, but got {input.ndim}-D and "
                           f"{vec2.ndim}-D")
    return input.unsqueeze(1) * vec2


def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """addmm(input, mat1, mat2, *, beta=1, alpha=1) -> Tensor

    beta input + alpha mat1 @ mat2.
    """
    product = _op["mm"](mat1, mat2)
    product = product if alpha == 1 else product * alpha
    return product + (input if beta == 1 else input * beta)


def addcmul(input, tensor1, tensor2, *, value=1):
    """addcmul(input, tensor1, tensor2, *, value=1) -> Tensor

    input + value tensor1 tensor2.
    """
    return input + value * tensor1 * tensor2


def addcdiv(input, tensor1, tensor2, *, value=1):
    """addcdiv(input, tensor1, tensor2, *, value=1) -> Tensor

    input + value tensor1 / tensor2.
    """
    return input + value * tensor1 / tensor2


def lerp(input, end, weight):
    """lerp(input, end, weight) -> Tensor

    input + weight (end - input).
    """
    return input + weight * (end - input)


def norm(input, p="fro", dim=None, keepdim=False, *, dtype=None):
    """norm(input, p="fro", dim=None, keepdim=False) -> Tensor

    The p-norm (sum |x|^p)^(1/p) over `dim`; "fro" is p = 2; inf and -inf give the largest and the
    smallest magnitude, 0 counts what is not 0.  The gradient of the 2-norm at 0 is 0.
    """
    x = input if dtype is None else input.to(dtype)
    if not x.dtype.is_floating_point:
        raise RuntimeError("norm(): the dtype for the input should be floating point or complex, "
                           f"but got {x.dtype}")
    if p is None or p == "fro" or p == 2:
        square = (x * x).sum(dim, keepdim)
        # sqrt has an infinite slope at 0: there the norm is taken as constant
        positive = square > 0
        return _op["where"](positive, _op["where"](positive, square, 1.0).sqrt(),
                            square.detach().sqrt())
    if isinstance(p, str):
        raise RuntimeError(f"norm: unsupported norm {p!r}")
    x = x.abs()
    if p == float("inf"):
        return x.amax(() if dim is None else dim, keepdim)
    if p == -float("inf"):
        return x.amin(() if dim is None else dim, keepdim)
    if p == 0:
        return _op["where"](x != 0, x * 0 + 1, x).sum(dim, keepdim)     # zero gradient
    if p == 1:
        return x.sum(dim, keepdim)
    return (x ** p).sum(dim, keepdim) ** (1 / p)


def isnan(input):
    """isnan(input) -> bool Tensor

    Whether each element is not a number.
    """
    _check_tensor("isnan", input)
    return input != input


def isinf(input):
    """isinf(input) -> bool Tensor

    Whether each element is infinite.
    """
    _check_tensor("isinf", input)
    return input.abs() == float("inf") if input.dtype.is_floating_point else input != input


def isfinite(input):
    """isfinite(input) -> bool Tensor

    Whether each element is neither infinite nor NaN.
    """
    _check_tensor("isfinite", input)
    if not input.dtype.is_floating_point:
        return input == input
    return input.abs() < float("inf")


def isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False) -> bool Tensor

    |input - other| <= atol + rtol |other|, elementwise.
    """
    if input.dtype != other.dtype:
        raise RuntimeError(f"{input.dtype} did not match {other.dtype}")
    close = input == other
    if input.dtype.is_floating_point:
        bound = atol + (rtol * other).abs()
        close = close | (((input - other).abs() <= bound) & isfinite(other))
        if equal_nan:
            close = close | (isnan(input) & isnan(other))
    else:
        a, b = input.to(float), other.to(float)
        close = close | ((a - b).abs() <= atol + (rtol * b).abs())
    return close


def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False) -> bool

    Whether :func:`isclose` holds everywhere.
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


def equal(input, other):
    """equal(input, other) -> bool

    Whether two tensors have the same shape and elements.
    """
    return input.shape == other.shape and bool((input == other).all())


def numel(input):
    """numel(input) -> int

    Number of elements.
    """
    return input.numel()


def is_tensor(obj):
    """is_tensor(obj) -> bool

    Whether an object is a Tensor.
    """
    return isinstance(obj, Tensor)


def is_floating_point(input):
    """is_floating_point(input) -> bool

    Whether the dtype is float32 or float64.
    """
    return input.dtype.is_floating_point


def expand_as(self, other):
    """expand_as(other) -> Tensor: the tensor expanded to the shape of another."""
    return self.expand(other.shape)


def view_as(self, other):
    """view_as(other) -> Tensor: a view in the shape of another tensor."""
    return self.view(other.shape)


def reshape_as(self, other):
    """reshape_as(other) -> Tensor: the elements in the shape of another tensor."""
    return self.reshape(other.shape)


def type_as(self, other):
    """type_as(other) -> Tensor: the tensor in the dtype of another."""
    return self.to(other.dtype)


def _new(name):
    def new(self, *args, dtype=None, device=None, requires_grad=False):
        return _op[name](*args, dtype=self.dtype if dtype is None else dtype, device=device,
                         requires_grad=requires_grad)
    new.__name__ = new.__qualname__ = "new_" + name
    new.__doc__ = f"new_{name}(...) -> Tensor: :func:`cgrad.{name}` in this tensor's dtype."
    return new


def _attach():
    scope = globals()
    for name in METHODS:
        attach(name, scope[name])
    for f in (repeat, expand_as, view_as, reshape_as, type_as):
        attach(f.__name__, f)
    for name in ("zeros", "ones", "empty", "full", "tensor"):
        attach("new_" + name, _new(name))
    attach("moveaxis", movedim)
    for name in ("addcdiv", "addcmul", "addmm", "lerp"):
        attach_inplace(name + "_", scope[name])
    for name in ("unsqueeze", "squeeze", "transpose", "t"):
        attach(name + "_", _shape_in_place(_op[name], name + "_"))


def _shape_in_place(function, name):
    # The handle takes the view's shape: no data moves, so this is a change of `data` only.
    def change(self, *args):
        if self.requires_grad:
            raise RuntimeError(f"{name}: changing the shape of a tensor that requires grad in "
                               f"place is not supported; use {name[:-1]}()")
        self.data = function(self.detach(), *args)
        return self
    change.__name__ = change.__qualname__ = name
    change.__doc__ = f"{name}(...) -> Tensor: in-place version of :func:`{function.__name__}`."
    return change


_attach()
