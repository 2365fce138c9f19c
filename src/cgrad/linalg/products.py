"""Products: of several matrices in the best order, of vectors along a dimension."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._composite.matrix import cross_product
from cgrad._composite.register import check_tensors, stored
from cgrad._engine import lapack
from cgrad.autograd import Function
from cgrad.linalg import checks
from cgrad.linalg.solve import inv


def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Matrix product, :func:`cgrad.matmul`.

    Example::

        >>> cgrad.linalg.matmul(cgrad.eye(2), cgrad.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([[1., 2.],
                [3., 4.]])
    """
    return cgrad.matmul(input, other, out=out)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """Inner products of the vectors along `dim`; the other dimensions are broadcast.

    Example::

        >>> cgrad.linalg.vecdot(cgrad.tensor([1.0, 2.0]), cgrad.tensor([3.0, 4.0]))
        tensor(11.)
    """
    check_tensors("linalg.vecdot", x=x, y=y)
    if x.dtype != y.dtype:
        raise RuntimeError(f"linalg.vecdot: expected both tensors to have the same dtype, but got "
                           f"{x.dtype} and {y.dtype}")
    x, y = cgrad.broadcast_tensors(x, y)
    a, b = x.movedim(dim, -1).unsqueeze(-2), y.movedim(dim, -1).unsqueeze(-1)
    return stored((a @ b).squeeze(-1).squeeze(-1), out, "linalg.vecdot")


def cross(input: Tensor, other: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """Cross product of vectors of length 3 along `dim`; the other dimensions are broadcast.

    Example::

        >>> cgrad.linalg.cross(cgrad.tensor([1.0, 0.0, 0.0]), cgrad.tensor([0.0, 1.0, 0.0]))
        tensor([0., 0., 1.])
    """
    return cross_product("linalg.cross", input, other, dim, out)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices as a view, :func:`cgrad.diagonal` over the last two dimensions.

    Example::

        >>> cgrad.linalg.diagonal(cgrad.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([1., 4.])
    """
    check_tensors("linalg.diagonal", A=A)
    return A.diagonal(offset, dim1, dim2)


def multi_dot(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Product of two or more matrices in the order that needs the fewest multiplications.

    The first and the last may be vectors, a row and a column.  The order is found by the dynamic
    program of matrix chain multiplication (Cormen, Leiserson, Rivest and Stein, *Introduction to
    Algorithms*, section 14.2).

    Example::

        >>> cgrad.linalg.multi_dot([cgrad.ones(1, 2), cgrad.ones(2, 3), cgrad.ones(3, 1)])
        tensor([[6.]])
    """
    tensors = list(tensors)
    for t in tensors:
        check_tensors("multi_dot", tensors=t)
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    first, last = tensors[0], tensors[-1]
    for i, t in enumerate(tensors):
        if t.dtype != first.dtype:
            raise RuntimeError(f"multi_dot(): all tensors must have be the same dtype but tensor 0 "
                               f"is {first.dtype} and tensor {i} {t.dtype}")
        if t.ndim != 2 and not (t.ndim == 1 and i in (0, len(tensors) - 1)):
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D"
                               f"{' or 1D' if i in (0, len(tensors) - 1) else ''} but got "
                               f"{t.ndim}D")
    chain = [first.unsqueeze(0) if first.ndim == 1 else first, *tensors[1:-1],
             last.unsqueeze(1) if last.ndim == 1 else last]
    for i in range(1, len(chain)):
        if chain[i - 1].shape[1] != chain[i].shape[0]:
            raise RuntimeError(f"multi_dot(): tensors {i - 1} and {i} with shapes "
                               f"{list(tensors[i - 1].shape)} and {list(tensors[i].shape)} cannot "
                               "be multiplied")
    cut = _cuts([chain[0].shape[0], *(t.shape[1] for t in chain)])

    def product(i: int, j: int) -> Tensor:       # as deep as the list is long
        if i == j:
            return chain[i]
        k = cut[i, j]
        return product(i, k) @ product(k + 1, j)

    result = product(0, len(chain) - 1)
    if first.ndim == 1:
        result = result.squeeze(0)
    if last.ndim == 1:
        result = result.squeeze(-1)
    return stored(result, out, "multi_dot")


def _cuts(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to cut the chain of matrices i..j, matrix i being sizes[i] by sizes[i + 1]."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    cut = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], cut[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j))
    return cut


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Vandermonde matrices of the vectors [..., n]: columns x⁰, ..., xᴺ⁻¹ (default N = n).

    Example::

        >>> cgrad.linalg.vander(cgrad.tensor([1, 2, 3]))
        tensor([[1, 1, 1],
                [1, 2, 4],
                [1, 3, 9]])
    """
    check_tensors("linalg.vander", x=x)
    x = x.reshape(1) if x.ndim == 0 else x
    n = x.shape[-1] if N is None else N
    if n <= 1:
        raise RuntimeError(f"linalg.vander: N must be greater than 1, but got {n}")
    return powers(x, n)


def powers(x: Tensor, n: int) -> Tensor:
    """1, x, ..., xⁿ⁻¹ along a new last dimension."""
    x = x if x.dtype.is_floating_point else x.long()
    columns = [cgrad.ones_like(x)]
    for _ in range(n - 1):
        columns.append(columns[-1] * x)
    return cgrad.stack(columns, -1) if n else x.unsqueeze(-1).narrow(-1, 0, 0)


def matrix_power(A: Tensor, n: int, *, out: Tensor | None = None) -> Tensor:
    """The product of n factors A, by repeated squaring; of -n factors A⁻¹ for negative n.

    Example::

        >>> cgrad.linalg.matrix_power(cgrad.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
        tensor([[1., 3.],
                [0., 1.]])
    """
    checks.square("linalg.matrix_power", A)
    if not isinstance(n, int):
        raise TypeError(f"linalg.matrix_power(): argument 'n' must be int, not {type(n).__name__}")
    if n < 0:
        A, n = inv(A), -n
    if n == 0:
        # where() keeps the way to A, whose derivative is 0.
        eye = cgrad.where(cgrad.tensor(False), A, cgrad.eye(A.shape[-1], dtype=A.dtype))
        return stored(eye, out, "linalg.matrix_power")
    result = None
    while n:
        if n & 1:
            result = A if result is None else result @ A
        n >>= 1
        A = A @ A if n else A
    assert result is not None
    return stored(result, out, "linalg.matrix_power")


# The coefficients of the Padé approximant of order 13, and the norm up to which it is exact to
# double precision (Higham, "The scaling and squaring method for the matrix exponential revisited",
# 2005, table 2.3).
PADE = (64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0,
        129060195264000.0, 10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0,
        40840800.0, 960960.0, 16380.0, 182.0, 1.0)
THETA = 5.371920351148152


class LinalgMatrixExp(Function):
    """exp of a matrix; its derivative is a block of exp([[Aᵀ, G], [0, Aᵀ]]).

    Najfeld and Havel, "Derivatives of the matrix exponential and their computation" (1995).
    """

    @staticmethod
    def forward(ctx: Any, A: Tensor) -> Tensor:
        ctx.save_for_backward(A)
        return _exp(A)

    @staticmethod
    def backward(ctx: Any, G: Tensor) -> Tensor:
        (A,) = ctx.saved_tensors
        n = A.shape[-1]
        upper = cgrad.cat([A.mT, G], -1)
        lower = cgrad.cat([cgrad.zeros_like(G), A.mT], -1)
        whole = LinalgMatrixExp.apply(cgrad.cat([upper, lower], -2))
        return whole.narrow(-2, 0, n).narrow(-1, n, n)


def _exp(A: Tensor) -> Tensor:
    """Scaling and squaring, each matrix of a batch with its own scale."""
    n = A.shape[-1]
    if A.numel() == 0:
        return A.clone()
    b, eye = PADE, cgrad.eye(n, dtype=A.dtype)
    size = A.abs().sum(-2).amax(-1)
    scaled = cgrad.where(size > THETA, size / THETA, 1.0).log2().ceil()
    scaled = cgrad.where(scaled - scaled == 0, scaled, 0.0)     # inf and NaN: no scale helps
    times = scaled.unsqueeze(-1).unsqueeze(-1)
    A = A * (2.0 ** -times)
    A2 = A @ A
    A4 = A2 @ A2
    A6 = A4 @ A2
    U = A @ (A6 @ (b[13] * A6 + b[11] * A4 + b[9] * A2)
             + b[7] * A6 + b[5] * A4 + b[3] * A2 + b[1] * eye)
    V = (A6 @ (b[12] * A6 + b[10] * A4 + b[8] * A2)
         + b[6] * A6 + b[4] * A4 + b[2] * A2 + b[0] * eye)
    packed, pivots, _ = lapack.getrf(V - U)
    result = lapack.getrs(packed, pivots, V + U, False)
    for i in range(int(scaled.amax())):
        result = cgrad.where(times > i, result @ result, result)
    return result


def matrix_exp(input: Tensor) -> Tensor:
    """The matrix exponential Σ Aᵏ / k! of square matrices [..., n, n].

    Example::

        >>> cgrad.linalg.matrix_exp(cgrad.tensor([[0.0, 1.0], [0.0, 0.0]]))
        tensor([[1., 1.],
                [0., 1.]])
    """
    checks.square("linalg.matrix_exp", input)
    return LinalgMatrixExp.apply(input)
