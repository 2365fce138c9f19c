"""Norms of vectors and matrices, and what they measure: condition and rank."""
from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._composite.register import dimension, stored
from cgrad.linalg import checks
from cgrad.linalg.decompositions import eigvalsh, svdvals
from cgrad.linalg.solve import _bound, inv_ex, tolerance


def _promoted(name: str, x: Tensor, dtype: Any) -> Tensor:
    checks.floating(name, x, "x")
    if dtype is None:
        return x
    if not dtype.is_floating_point:
        raise RuntimeError(f"{name}: dtype should be floating point, but got {dtype}")
    if x.dtype == cgrad.float64 and dtype == cgrad.float32:
        raise RuntimeError(f"{name}: the dtype of the input {x.dtype} should be convertible "
                           f"without narrowing to the specified dtype {dtype}")
    return x.to(dtype)


def _dims(name: str, dim: Any, ndim: int) -> tuple[int, ...]:
    if dim is None:
        return tuple(range(ndim))
    given = (dim,) if isinstance(dim, int) else tuple(dim)
    dims = tuple(dimension(d, ndim, name) for d in given)
    if len(set(dims)) < len(dims):
        raise RuntimeError(f"{name}: dim {dims[0]} appears multiple times in the list of dims "
                           f"{list(given)}")
    # An empty list stands for all dimensions, as PyTorch has it.
    return (dims or tuple(range(ndim))) if ndim else ()


def vector_norm(x: Tensor, ord: float = 2, dim: int | Sequence[int] | None = None,
                keepdim: bool = False, *, dtype: Any = None, out: Tensor | None = None) -> Tensor:
    """(Σ |x|^ord)^(1/ord) over `dim` (default: all elements as one vector).

    ord = inf and -inf give the largest and the smallest magnitude, 0 the number of elements that
    are not 0.  The derivative at a norm of 0 is 0.  Several largest elements share the
    derivative.

    Example::

        >>> cgrad.linalg.vector_norm(cgrad.tensor([[3.0, 4.0], [6.0, 8.0]]), dim=1)
        tensor([ 5., 10.])
    """
    name = "linalg.vector_norm"
    if not isinstance(ord, (int, float)) or isinstance(ord, bool):
        raise RuntimeError(f"{name}: Expected a number as ord, but got {ord!r}")
    x = _promoted(name, x, dtype)
    dims = _dims(name, dim, x.ndim)
    if (ord < 0 or ord == inf) and x.numel() == 0 and (
            dim is None or any(x.shape[d] == 0 for d in dims)):
        raise RuntimeError(f"{name} cannot compute the {ord} norm on an empty tensor because the "
                           "operation does not have an identity")
    return stored(_vector_norm(x, float(ord), dims, keepdim), out, name)


def _vector_norm(x: Tensor, p: float, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    if not dims:                 # a single number
        return (x != 0).to(x.dtype) + 0 * _finite(x) if p == 0 else x.abs()
    if p == inf:
        return x.abs().amax(dims, keepdim)
    if p == -inf:
        return x.abs().amin(dims, keepdim)
    if p == 0:
        return ((x != 0).to(x.dtype) + 0 * _finite(x)).sum(dims, keepdim)
    if p == 1:
        return x.abs().sum(dims, keepdim)
    if p == 2:
        # sqrt has an infinite slope at 0: there the norm is taken as constant.
        if len(dims) == x.ndim and not keepdim:
            x = x.reshape(-1)
            return _root(x @ x, lambda s: s.sqrt())
        return _root((x * x).sum(dims, keepdim), lambda s: s.sqrt())
    magnitude = x.abs()
    if p < 2:                    # the slope of |x|^p, or of its derivative, is infinite at 0
        zero = magnitude == 0
        magnitude = cgrad.where(zero, cgrad.where(zero, x, x).detach().abs(), magnitude)
        powers = cgrad.where(zero, magnitude.detach() ** p,
                             cgrad.where(zero, 1.0, magnitude) ** p)
    else:
        powers = magnitude ** p
    return _root(powers.sum(dims, keepdim), lambda s: s ** (1 / p))


def _finite(x: Tensor) -> Tensor:
    """x with 0 for what is not finite: a way for a derivative of 0."""
    return cgrad.where(x - x == 0, x, 0.0)


def _root(s: Tensor, root: Any) -> Tensor:
    """A root whose derivative at 0 is 0."""
    if not s.requires_grad:
        return root(s)
    positive = s != 0
    return cgrad.where(positive, root(cgrad.where(positive, s, 1.0)), root(s.detach()))


def matrix_norm(A: Tensor, ord: float | str = "fro", dim: Sequence[int] = (-2, -1),
                keepdim: bool = False, *, dtype: Any = None, out: Tensor | None = None) -> Tensor:
    """Norms of the matrices in two dimensions.

    "fro": root of the sum of squares; "nuc": sum of the singular values; 2 and -2: the largest and
    the smallest singular value; 1 and -1: the largest and the smallest sum of magnitudes in a
    column; inf and -inf: in a row.

    Example::

        >>> cgrad.linalg.matrix_norm(cgrad.tensor([[3.0, 0.0], [0.0, 4.0]]))
        tensor(5.)
    """
    name = "linalg.matrix_norm"
    checks.matrices(name, A)
    A = _promoted(name, A, dtype)
    if isinstance(dim, int) or len(dim) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple, but got {dim}")
    row, column = (dimension(d, A.ndim, name) for d in dim)
    if row == column:
        raise RuntimeError(f"{name}: dims must be different. Got ({dim[0]}, {dim[1]})")
    return stored(_matrix_norm(name, A, ord, row, column, keepdim), out, name)


def _matrix_norm(name: str, A: Tensor, ord: float | str, row: int, column: int,
                 keepdim: bool) -> Tensor:
    if ord == "fro":
        return _vector_norm(A, 2.0, (row, column), keepdim)
    if ord == "nuc" or ord in (2, -2):
        S = svdvals(A.movedim((row, column), (-2, -1)))
        if ord == "nuc" or (ord == 2 and S.shape[-1] == 0):
            S = S.sum(-1)
        else:
            S = S.amax(-1) if ord == 2 else S.amin(-1)
        if keepdim:
            for d in sorted((row, column)):
                S = S.unsqueeze(d)
        return S
    if ord not in (1, -1, inf, -inf):
        raise RuntimeError(f"{name}: Order {ord!r} not supported")
    over, along = (row, column) if ord in (1, -1) else (column, row)
    sums = A.abs().sum(over, True)
    if ord < 0:
        extreme = sums.amin((along,), True)
    else:
        extreme = sums.amax((along,), True) if sums.shape[along] else sums.sum((along,), True)
    if keepdim:
        return extreme
    for d in sorted((row, column), reverse=True):
        extreme = extreme.squeeze(d)
    return extreme


def norm(A: Tensor, ord: float | str | None = None, dim: int | Sequence[int] | None = None,
         keepdim: bool = False, *, dtype: Any = None, out: Tensor | None = None) -> Tensor:
    """A vector or a matrix norm: :func:`matrix_norm` where `ord` is given and two dimensions are.

    ord=None: the 2-norm of all elements, or of those along `dim`.

    Example::

        >>> cgrad.linalg.norm(cgrad.tensor([3.0, 4.0]))
        tensor(5.)
    """
    checks.floating("linalg.norm", A)
    if dim is not None and not isinstance(dim, int) and len(dim) not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got "
                           f"{list(dim)}")
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype, out=out)
    if dim is None and A.ndim not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is not specified but ord is, the input must be 1D "
                           f"or 2D. Got {A.ndim}D.")
    two = A.ndim == 2 if dim is None else not isinstance(dim, int) and len(dim) == 2
    if two:
        where: Any = (-2, -1) if dim is None else dim
        return matrix_norm(A, ord, where, keepdim, dtype=dtype, out=out)
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: Order {ord!r} is a matrix norm: it needs two dimensions, "
                           f"but got shape {list(A.shape)} and dim={dim}")
    return vector_norm(A, ord, dim, keepdim, dtype=dtype, out=out)


def legacy_norm(input: Tensor, p: Any, dim: Any, keepdim: bool, dtype: Any) -> Tensor:
    """``cgrad.norm``."""
    x = input if dtype is None else input.to(dtype)
    checks.floating("norm", x, "input")
    if p == "nuc":
        dims = (-2, -1) if dim is None else dim
        if dim is None and x.ndim != 2:
            raise RuntimeError(f"norm: the nuclear norm needs two dimensions, but got shape "
                               f"{list(x.shape)}")
        return matrix_norm(x, "nuc", dims, keepdim)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm: unsupported norm {p!r}")
    return _vector_norm(x, 2.0 if p is None or p == "fro" else float(p), _dims("norm", dim, x.ndim),
                        keepdim)


def cond(A: Tensor, p: float | str | None = None, *, out: Tensor | None = None) -> Tensor:
    """Condition numbers |A| |A⁻¹| in the norm `p` of :func:`matrix_norm`; by default p = 2.

    For p = 2 and -2 from singular values, also of matrices that are not square.  A singular
    matrix has condition inf.

    Example::

        >>> cgrad.linalg.cond(cgrad.tensor([[10.0, 0.0], [0.0, 1.0]]))
        tensor(10.)
    """
    name = "linalg.cond"
    checks.matrices(name, A)
    if p is None or p in (2, -2):
        S = svdvals(A)
        if S.shape[-1] == 0:
            return stored(S.sum(-1), out, name)
        low, high = S.select(-1, S.shape[-1] - 1), S.select(-1, 0)
        return stored(low / high if p == -2 else high / low, out, name)
    if p not in ("fro", "nuc", inf, -inf, 1, -1):
        raise RuntimeError(f"{name}: got an invalid norm type: {p}")
    checks.square(name, A)
    if A.numel() == 0:
        return stored(A.sum((-2, -1)), out, name)
    inverse, info = inv_ex(A)
    result = matrix_norm(A, p) * matrix_norm(inverse, p)
    return stored(cgrad.where(info > 0, inf, result), out, name)


def matrix_rank(A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None,
                rtol: Any = None, out: Tensor | None = None) -> Tensor:
    """The number of singular values above max(atol, rtol σ₁); by default rtol is max(m, n) eps.

    `tol` is an older name of atol.

    Example::

        >>> cgrad.linalg.matrix_rank(cgrad.tensor([[1.0, 2.0], [2.0, 4.0]]))
        tensor(1)
    """
    name = "linalg.matrix_rank"
    checks.matrices(name, A)
    if tol is not None:
        atol, rtol = tol, 0.0
    with cgrad.no_grad():
        atol, rtol = tolerance(A, atol, rtol)
        S = eigvalsh(A).abs() if hermitian else svdvals(A)
        if S.shape[-1] == 0:
            rank = S.sum(-1).long()
        else:
            rank = S.gt(_bound(S, atol, rtol)).sum(-1)
    return stored(rank, out, name)
