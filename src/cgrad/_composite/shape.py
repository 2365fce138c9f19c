"""Shapes and views: composed of reshape, permute, narrow and as_strided."""
from __future__ import annotations

import builtins
import itertools
from collections.abc import Sequence

from cgrad._composite.register import check_tensor, dimension, integers, public, stored
from cgrad._engine.annotations import Ints
from cgrad._tensor.size import Size
from cgrad._tensor.tensor import Tensor


@public()
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """flatten(input, start_dim=0, end_dim=-1) -> Tensor

    The dimensions from `start_dim` to `end_dim` as one; a view where the memory allows.

    Example::

        >>> cgrad.flatten(cgrad.zeros(2, 3, 4), 1).shape
        cgrad.Size([2, 12])
    """
    if not isinstance(input, Tensor):
        check_tensor("flatten", input)
    first = dimension(start_dim, input.ndim, "flatten")
    last = dimension(end_dim, input.ndim, "flatten")
    if input.ndim == 0:
        return input.reshape(1)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if first == last:
        return input
    shape = input.shape
    return input.reshape((*shape[:first], shape[first:last + 1].numel(), *shape[last + 1:]))


@public()
def unflatten(input: Tensor, dim: int, sizes: Ints) -> Tensor:
    """unflatten(input, dim, sizes) -> Tensor

    One dimension cut into several of the given sizes, one of which may be -1.

    Example::

        >>> cgrad.unflatten(cgrad.arange(6), 0, (2, 3))
        tensor([[0, 1, 2],
                [3, 4, 5]])
    """
    check_tensor("unflatten", input)
    dim = dimension(dim, input.ndim, "unflatten")
    cut = integers(sizes, "unflatten", "sizes")
    if not cut:
        raise RuntimeError("unflatten: sizes must be non-empty")
    n = input.shape[dim]
    known = 1
    for size in cut:
        known *= 1 if size == -1 else size
    if cut.count(-1) > 1:
        raise RuntimeError("unflatten: only one dimension can be inferred")
    if -1 in cut and known and n % known == 0:
        cut = tuple(n // known if size == -1 else size for size in cut)
        known = n
    if known != n or -1 in cut:
        raise RuntimeError(f"unflatten: Provided sizes {list(cut)} don't multiply up to the size "
                           f"of dim {dim} ({n}) in the input tensor")
    return input.reshape((*input.shape[:dim], *cut, *input.shape[dim + 1:]))


@public()
def ravel(input: Tensor) -> Tensor:
    """ravel(input) -> Tensor

    All elements in one dimension; a view if the input is contiguous.

    Example::

        >>> cgrad.ravel(cgrad.tensor([[1, 2], [3, 4]]))
        tensor([1, 2, 3, 4])
    """
    check_tensor("ravel", input)
    return input.contiguous().view(-1)


@public()
def movedim(input: Tensor, source: Ints, destination: Ints) -> Tensor:
    """movedim(input, source, destination) -> Tensor

    A view with the dimensions `source` moved to the positions `destination`.

    Example::

        >>> cgrad.moveaxis(cgrad.zeros(2, 3, 4), 0, 2).shape
        cgrad.Size([3, 4, 2])
    """
    check_tensor("movedim", input)
    n = input.ndim
    given, wanted = (integers(d, "movedim", "source") for d in (source, destination))
    if len(given) != len(wanted):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({list(given)} "
                           f"dims) should contain the same number of dims as destination "
                           f"({list(wanted)} dims)")
    given, wanted = (tuple(dimension(d, n, "movedim") for d in dims) for dims in (given, wanted))
    if len(set(given)) != len(given) or len(set(wanted)) != len(wanted):
        raise RuntimeError("movedim: repeated dim in `source` or `destination`")
    order = [d for d in range(n) if d not in given]
    for to, d in sorted(zip(wanted, given)):
        order.insert(to, d)
    return input.permute(order) if n else input.view(())


public("moveaxis")(movedim)


@public()
def adjoint(input: Tensor) -> Tensor:
    """adjoint(input) -> Tensor

    The view with the last two dimensions swapped: the adjoint of real matrices.

    Example::

        >>> cgrad.adjoint(cgrad.tensor([[1.0, 2.0]]))
        tensor([[1.],
                [2.]])
    """
    check_tensor("adjoint", input)
    if input.ndim == 1:
        raise RuntimeError("tensor.adjoint() is only supported on matrices or batches of matrices. "
                           f"Got {input.ndim}-D tensor.")
    return input.transpose(-2, -1) if input.ndim else input.view(())


# -- parts -----------------------------------------------------------------------------------------


def _parts(input: Tensor, sizes: Sequence[int], dim: int) -> tuple[Tensor, ...]:
    # Consecutive views along `dim`.
    parts, start = [], 0
    for size in sizes:
        parts.append(input.narrow(dim, start, size))
        start += size
    return tuple(parts)


@public("unsafe_split", renamed={"split_size": "split_size_or_sections"})
def split(
    tensor: Tensor, split_size_or_sections: Ints, dim: int = 0
) -> tuple[Tensor, ...]:
    """split(tensor, split_size_or_sections, dim=0) -> tuple of Tensors

    Views of consecutive parts along `dim`: of one size (the last may be smaller), or of the sizes
    in a list, which add up to the whole.

    Example::

        >>> cgrad.split(cgrad.arange(5), 2)
        (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    if not isinstance(split_size_or_sections, int):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    size = split_size_or_sections
    dim = dimension(dim, tensor.ndim, "split")
    if tensor.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    n = tensor.shape[dim]
    if size < 0 or (size == 0 and n):
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    sizes = [size] * (n // size) + [n % size] * (n % size > 0) if size else [0]
    return _parts(tensor, sizes or [0], dim)


@public("unsafe_split_with_sizes")
def split_with_sizes(input: Tensor, split_sizes: Ints, dim: int = 0) -> tuple[Tensor, ...]:
    """split_with_sizes(input, split_sizes, dim=0) -> tuple of Tensors

    Views of consecutive parts of the given sizes along `dim`, which add up to the whole.

    Example::

        >>> cgrad.split_with_sizes(cgrad.arange(5), [1, 4])
        (tensor([0]), tensor([1, 2, 3, 4]))
    """
    sizes = integers(split_sizes, "split_with_sizes", "split_sizes")
    dim = dimension(dim, input.ndim, "split_with_sizes")
    if input.ndim == 0:
        raise RuntimeError("split_with_sizes expects at least a 1-dimensional tensor")
    if sum(sizes) != input.shape[dim] or any(s < 0 for s in sizes):
        raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to "
                           f"{input.shape[dim]} (input tensor's size at dimension {dim}) and to be "
                           f"non-negative, but got split_sizes={list(sizes)}")
    return _parts(input, sizes, dim)


@public("unsafe_chunk")
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """chunk(input, chunks, dim=0) -> tuple of Tensors

    Views of at most `chunks` equal parts along `dim`; the last may be smaller.

    Example::

        >>> cgrad.chunk(cgrad.arange(5), 2)
        (tensor([0, 1, 2]), tensor([3, 4]))
    """
    if not isinstance(input, Tensor):
        check_tensor("chunk", input)
    dim = dimension(dim, input.ndim, "chunk")
    if input.ndim == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[dim]
    return split(input, -(-n // chunks), dim) if n else _parts(input, [0] * chunks, dim)


@public(renamed={"tensor_indices_or_sections": "indices_or_sections"})
def tensor_split(
    input: Tensor, indices_or_sections: Ints | Tensor | None = None, dim: int = 0, *,
    indices: Ints | None = None, sections: int | None = None,
) -> tuple[Tensor, ...]:
    """tensor_split(input, indices_or_sections, dim=0) -> tuple of Tensors

    Views of consecutive parts along `dim`: a number of parts whose sizes differ by at most 1, or
    the parts between the given positions, as slices take them.

    Example::

        >>> cgrad.tensor_split(cgrad.arange(5), 2)
        (tensor([0, 1, 2]), tensor([3, 4]))
    """
    check_tensor("tensor_split", input)
    where: object = indices_or_sections
    if where is None:
        where = indices if indices is not None else sections
    if isinstance(where, Tensor):
        if where.dtype.is_floating_point or where.ndim > 1 or where.dtype.itemsize != 8:
            raise RuntimeError("tensor_split expected tensor_indices_or_sections to be a "
                               "zero-dimensional or one-dimensional int64 tensor, but got "
                               f"{where.ndim} dimensions of {where.dtype}")
        where = where.tolist()
    if input.ndim == 0:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a "
                           "tensor with 0 dims")
    dim = dimension(dim, input.ndim, "tensor_split")
    n = input.shape[dim]
    if isinstance(where, int):
        if where <= 0:
            raise RuntimeError("tensor_split: number of sections must be larger than 0, got "
                               f"{where}")
        return _parts(input, [n // where + (i < n % where) for i in range(where)], dim)
    marks = [0, *integers(where, "tensor_split", "indices"), n]
    marks = [builtins.max(m + n, 0) if m < 0 else builtins.min(m, n) for m in marks]
    return tuple(input.narrow(dim, a, builtins.max(b - a, 0))
                 for a, b in itertools.pairwise(marks))


def _split_along(name: str, dim: int, least: int):
    def function(input: Tensor, indices_or_sections: Ints) -> tuple[Tensor, ...]:
        check_tensor(name, input)
        if input.ndim < least:
            raise RuntimeError(f"{name} requires a tensor with at least {least} dimension, but got "
                               f"a tensor with {input.ndim} dimensions!")
        along = 0 if input.ndim == 1 else dim
        if isinstance(indices_or_sections, int):
            count, n = indices_or_sections, input.shape[along]
            if count <= 0:
                raise RuntimeError(f"{name}: number of sections must be larger than 0, got {count}")
            if n % count:
                raise RuntimeError(f"{name} attempted to split along dimension {along}, but the "
                                   f"size of the dimension {n} is not divisible by the "
                                   f"split_size {count}!")
        elif not isinstance(indices_or_sections, (list, tuple, Tensor)):
            raise TypeError(f"{name}(): argument 'indices_or_sections' must be int or tuple of "
                            f"ints, not {type(indices_or_sections).__name__}")
        return tensor_split(input, indices_or_sections, along)
    function.__name__ = function.__qualname__ = name
    return function


hsplit = _split_along("hsplit", 1, 1)
hsplit.__doc__ = """hsplit(input, indices_or_sections) -> tuple of Tensors

    Parts along the second dimension (the first of a vector), as :func:`tensor_split`; a number of
    parts must divide the size.

    Example::

        >>> cgrad.hsplit(cgrad.arange(4), 2)
        (tensor([0, 1]), tensor([2, 3]))
    """
vsplit = _split_along("vsplit", 0, 2)
vsplit.__doc__ = """vsplit(input, indices_or_sections) -> tuple of Tensors

    Parts along the first dimension of two or more, as :func:`hsplit`.

    Example::

        >>> cgrad.vsplit(cgrad.tensor([[1, 2], [3, 4]]), 2)
        (tensor([[1, 2]]), tensor([[3, 4]]))
    """
dsplit = _split_along("dsplit", 2, 3)
dsplit.__doc__ = """dsplit(input, indices_or_sections) -> tuple of Tensors

    Parts along the third dimension, as :func:`hsplit`.

    Example::

        >>> [part.shape[2] for part in cgrad.dsplit(cgrad.zeros(1, 1, 4), 2)]
        [2, 2]
    """
for _f in (hsplit, vsplit, dsplit):
    public(renamed={"indices": "indices_or_sections", "sections": "indices_or_sections"})(_f)


@public()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """unbind(input, dim=0) -> tuple of Tensors

    The views that have one dimension removed, one for each of its entries.

    Example::

        >>> cgrad.unbind(cgrad.tensor([[1, 2], [3, 4]]))
        (tensor([1, 2]), tensor([3, 4]))
    """
    if not isinstance(input, Tensor):
        check_tensor("unbind", input)
    dim = dimension(dim, input.ndim, "unbind")
    if input.ndim == 0:
        raise IndexError("unbind: Dimension specified as 0 but tensor has no dimensions")
    return tuple(input.select(dim, i) for i in range(input.shape[dim]))


@public()
def narrow_copy(
    input: Tensor, dim: int, start: int, length: int, *, out: Tensor | None = None
) -> Tensor:
    """narrow_copy(input, dim, start, length) -> Tensor

    A copy of :func:`narrow`.

    Example::

        >>> cgrad.narrow_copy(cgrad.arange(5), 0, 1, 3)
        tensor([1, 2, 3])
    """
    check_tensor("narrow_copy", input)
    return stored(input.narrow(dim, start, length).clone(), out, "narrow_copy")


# -- broadcasting ------------------------------------------------------------------------------


@public(method=False)
def broadcast_shapes(*shapes: Ints) -> Size:
    """broadcast_shapes(*shapes) -> Size

    The shape that tensors of these shapes broadcast to.

    Example::

        >>> cgrad.broadcast_shapes((2, 1), (3,))
        cgrad.Size([2, 3])
    """
    all = [integers(s, "broadcast_shapes", "shapes") for s in shapes]
    result = [1] * builtins.max(map(len, all), default=0)
    for shape in all:
        for i in range(-len(shape), 0):
            if shape[i] < 0:
                raise RuntimeError("broadcast_shapes: Trying to create tensor with negative "
                                   f"dimension ({shape[i]}): {list(shape)}")
            if result[i] == 1:
                result[i] = shape[i]
            elif shape[i] not in (1, result[i]):
                raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape: "
                                   + ", ".join(str(list(s)) for s in all))
    return Size(result)


@public(method=False)
def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """broadcast_tensors(*tensors) -> tuple of Tensors

    The tensors expanded to their common shape.

    Example::

        >>> a, b = cgrad.broadcast_tensors(cgrad.zeros(2, 1), cgrad.zeros(3))
        >>> a.shape == b.shape == (2, 3)
        True
    """
    if len(tensors) == 1 and not isinstance(tensors[0], Tensor):
        tensors = tuple(tensors[0])
    for t in tensors:
        check_tensor("broadcast_tensors", t)
    shape = broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t.expand(shape) for t in tensors)


@public()
def broadcast_to(input: Tensor, size: Ints) -> Tensor:
    """broadcast_to(input, size) -> Tensor

    The tensor expanded to a shape.

    Example::

        >>> cgrad.broadcast_to(cgrad.tensor([1, 2]), (2, 2))
        tensor([[1, 2],
                [1, 2]])
    """
    check_tensor("broadcast_to", input)
    return input.expand(size)


@public(module=False)
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """expand_as(other) -> Tensor: the tensor expanded to the shape of another.

    Example::

        >>> cgrad.tensor([1, 2]).expand_as(cgrad.zeros(2, 2))
        tensor([[1, 2],
                [1, 2]])
    """
    return self.expand(other.shape)


@public(module=False)
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """view_as(other) -> Tensor: a view in the shape of another tensor.

    Example::

        >>> cgrad.arange(4).view_as(cgrad.zeros(2, 2))
        tensor([[0, 1],
                [2, 3]])
    """
    return self.view(other.shape)


@public(module=False)
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """reshape_as(other) -> Tensor: the elements in the shape of another tensor.

    Example::

        >>> cgrad.arange(4).reshape_as(cgrad.zeros(2, 2))
        tensor([[0, 1],
                [2, 3]])
    """
    return self.reshape(other.shape)


@public(module=False)
def sum_to_size(self: Tensor, *size: Ints) -> Tensor:
    """sum_to_size(*size) -> Tensor

    The sums that undo a broadcast from `size` to the shape of the tensor.

    Example::

        >>> cgrad.ones(3, 2).sum_to_size(1, 2)
        tensor([[3., 3.]])
    """
    wanted = integers(size[0] if len(size) == 1 else size, "sum_to_size", "size")
    extra = self.ndim - len(wanted)
    if extra < 0 or any(w not in (1, n) for w, n in zip(wanted, self.shape[extra:])):
        raise RuntimeError(f"sum_to_size: size {list(wanted)} is not expandable to size "
                           f"{list(self.shape)}.")
    if not wanted:
        return self.sum()
    dims = [d for d in range(self.ndim)
            if d < extra or (wanted[d - extra] == 1 and self.shape[d] != 1)]
    return self.sum(dims, keepdim=True).reshape(wanted) if dims else self


def _at_least(name: str, shape):
    def function(*tensors: Tensor) -> Tensor | tuple[Tensor, ...]:
        many = len(tensors) != 1 or not isinstance(tensors[0], Tensor)
        if many and len(tensors) == 1:
            tensors = tuple(tensors[0])
        for t in tensors:
            check_tensor(name, t)
        shapes = [shape(t.shape) for t in tensors]
        results = tuple(t if s == t.shape else t.reshape(s) for t, s in zip(tensors, shapes))
        return results if many else results[0]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{name}(*tensors) -> Tensor or tuple of Tensors

    Views with at least {name[8]} dimension{"s" * (name[8] != "1")}; of several tensors or of a
    sequence a tuple.

    Example::

        >>> cgrad.{name}(cgrad.tensor(7)).shape
        cgrad.Size({[1] * int(name[8])})
    """
    return public(method=False)(function)


atleast_1d = _at_least("atleast_1d", lambda s: s or (1,))
atleast_2d = _at_least("atleast_2d", lambda s: s if len(s) > 1 else (1, *(s or (1,))))
atleast_3d = _at_least("atleast_3d", lambda s: (s if len(s) > 2 else (*s, 1) if len(s) == 2 else
                                                (1, *(s or (1,)), 1)))


# -- diagonals -----------------------------------------------------------------------------------


@public()
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """diag_embed(input, offset=0, dim1=-2, dim2=-1) -> Tensor

    Zeros with the last dimension of `input` on the `offset`-th diagonal of the matrices that the
    new dimensions `dim1` and `dim2` span: the reverse of :func:`diagonal`.

    Example::

        >>> cgrad.diag_embed(cgrad.tensor([1.0, 2.0]))
        tensor([[1., 0.],
                [0., 2.]])
    """
    check_tensor("diag_embed", input)
    if input.ndim == 0:
        raise IndexError("diag_embed: Dimension specified as -1 but tensor has no dimensions")
    n = input.ndim + 1
    a, b = dimension(dim1, n, "diag_embed"), dimension(dim2, n, "diag_embed")
    if a == b:
        raise RuntimeError(f"diag_embed: diagonal dimensions cannot be identical {dim1}, {dim2}")
    side = input.shape[-1] + abs(offset)
    shape = list(input.shape[:-1])
    for d in sorted((a, b)):
        shape.insert(d, side)
    result = input.new_zeros(shape)
    result.diagonal(offset, a, b).copy_(input)
    return result


@public()
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """diagflat(input, offset=0) -> Tensor

    The square matrix with all elements of `input` on its `offset`-th diagonal.

    Example::

        >>> cgrad.diagflat(cgrad.tensor([[1, 2]]))
        tensor([[1, 0],
                [0, 2]])
    """
    check_tensor("diagflat", input)
    return diag_embed(input.reshape(-1), offset)


@public()
def trace(input: Tensor) -> Tensor:
    """trace(input) -> Tensor

    The sum of the main diagonal of a matrix.
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return input.diagonal().sum()
