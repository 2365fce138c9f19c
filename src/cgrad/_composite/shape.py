"""Shapes and views: composed of reshape, permute, narrow and cat."""
from __future__ import annotations

import builtins

from cgrad._composite.register import dimension, public
from cgrad._engine.face import public as _op
from cgrad._tensor.size import Size
from cgrad._tensor.tensor import Tensor, attach


@public()
def flatten(input, start_dim=0, end_dim=-1):
    """flatten(input, start_dim=0, end_dim=-1) -> Tensor

    The dimensions from `start_dim` to `end_dim` as one; a view where the memory allows.
    """
    if input.ndim == 0:
        return input.reshape(1)
    first = dimension(start_dim, input.ndim, "flatten")
    last = dimension(end_dim, input.ndim, "flatten")
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last:
        return input
    shape = input.shape
    return input.reshape(shape[:first] + (shape[first:last + 1].numel(),) + shape[last + 1:])


@public()
def unflatten(input, dim, sizes):
    """unflatten(input, dim, sizes) -> Tensor

    One dimension cut into several of the given sizes, one of which may be -1.
    """
    dim = dimension(dim, input.ndim, "unflatten")
    return input.reshape(input.shape[:dim] + tuple(sizes) + input.shape[dim + 1:])


@public()
def ravel(input):
    """ravel(input) -> Tensor

    All elements in one dimension.
    """
    return input.reshape(-1)


@public()
def split(tensor, split_size_or_sections, dim=0):
    """split(tensor, split_size_or_sections, dim=0) -> tuple of Tensors

    Views of consecutive parts along `dim`: of one size (the last may be smaller), or of the sizes
    in a list, which add up to the whole.
    """
    dim = dimension(dim, tensor.ndim, "split")
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


@public()
def chunk(input, chunks, dim=0):
    """chunk(input, chunks, dim=0) -> tuple of Tensors

    Views of at most `chunks` equal parts along `dim`; the last may be smaller.
    """
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[dimension(dim, input.ndim, "chunk")] if input.ndim else 0
    if n == 0:
        return split(input, [0] * chunks, dim)
    return split(input, -(-n // chunks), dim)


@public()
def unbind(input, dim=0):
    """unbind(input, dim=0) -> tuple of Tensors

    The views that have one dimension removed, one for each of its entries.
    """
    dim = dimension(dim, input.ndim, "unbind")
    if input.ndim == 0:
        raise RuntimeError("Dimension specified as 0 but tensor has no dimensions")
    index = (slice(None),) * dim
    return tuple(input[index + (i,)] for i in range(input.shape[dim]))


@public(method=False)
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
    dim = dimension(dim, tensors[0].ndim + 1, "stack")
    result = _op["cat"]([t.unsqueeze(dim) for t in tensors], dim)
    return result if out is None else out.copy_(result)


@public(method=False)
def hstack(tensors):
    """hstack(tensors) -> Tensor

    Concatenation along the second dimension (the first for vectors).
    """
    tensors = [t.reshape(1) if t.ndim == 0 else t for t in tensors]
    return _op["cat"](tensors, 0 if tensors[0].ndim == 1 else 1)


@public(method=False)
def vstack(tensors):
    """vstack(tensors) -> Tensor

    Concatenation along the first dimension; vectors are rows.
    """
    return _op["cat"]([t.reshape(1, -1) if t.ndim < 2 else t for t in tensors], 0)


@public("moveaxis")
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
    source = [dimension(d, n, "movedim") for d in source]
    destination = [dimension(d, n, "movedim") for d in destination]
    if len(set(source)) != len(source) or len(set(destination)) != len(destination):
        raise RuntimeError("movedim: repeated dim in `source` or `destination`")
    order = [d for d in range(n) if d not in source]
    for to, d in sorted(zip(destination, source)):
        order.insert(to, d)
    return input.permute(*order) if n else input


@public()
def tile(input, *dims):
    """tile(input, dims) -> Tensor

    The tensor repeated `dims` times along each dimension (missing leading ones count as 1).
    """
    dims = tuple(dims[0]) if len(dims) == 1 and not isinstance(dims[0], int) else dims
    return input.repeat((1,) * (input.ndim - len(dims)) + tuple(dims))


@public(module=False)
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


@public(method=False)
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


@public(method=False)
def broadcast_tensors(*tensors):
    """broadcast_tensors(*tensors) -> tuple of Tensors

    The tensors expanded to their common shape.
    """
    tensors = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    shape = broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t.expand(shape) for t in tensors)


@public()
def broadcast_to(input, size):
    """broadcast_to(input, size) -> Tensor

    The tensor expanded to a shape.
    """
    return input.expand(size)


@public(module=False)
def expand_as(self, other):
    """expand_as(other) -> Tensor: the tensor expanded to the shape of another."""
    return self.expand(other.shape)


@public(module=False)
def view_as(self, other):
    """view_as(other) -> Tensor: a view in the shape of another tensor."""
    return self.view(other.shape)


@public(module=False)
def reshape_as(self, other):
    """reshape_as(other) -> Tensor: the elements in the shape of another tensor."""
    return self.reshape(other.shape)


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


for _name in ("unsqueeze", "squeeze", "transpose", "t"):
    attach(_name + "_", _shape_in_place(_op[_name], _name + "_"))
