"""LU with partial pivoting, and what it gives: determinants."""
from __future__ import annotations

from typing import Any, NamedTuple

import cgrad
from cgrad import Tensor
from cgrad._composite.register import stored, stored_all
from cgrad._engine import lapack
from cgrad.autograd import Function
from cgrad.linalg import checks
from cgrad.linalg.decompositions import svd
from cgrad.linalg.solve import LinalgSolve, factors, solve_triangular


class LU(NamedTuple):
    """Result of `lu`."""

    P: Tensor
    L: Tensor
    U: Tensor


class LUFactor(NamedTuple):
    """Result of `lu_factor`."""

    LU: Tensor
    pivots: Tensor


class LUFactorEx(NamedTuple):
    """Result of `lu_factor_ex`."""

    LU: Tensor
    pivots: Tensor
    info: Tensor


class Slogdet(NamedTuple):
    """Result of `slogdet`."""

    sign: Tensor
    logabsdet: Tensor


class LinalgLu(Function):
    """The packed factors of a square matrix whose rows are in pivot order: A = L U."""

    @staticmethod
    def forward(ctx: Any, A: Tensor, packed: Tensor) -> Tensor:
        packed = packed.view_as(packed)
        ctx.save_for_backward(packed)
        return packed

    @staticmethod
    def backward(ctx: Any, G: Tensor) -> tuple[Tensor | None, ...]:
        (packed,) = ctx.saved_tensors
        L, U = _split(packed)
        M = (L.mT @ G.tril(-1)).tril(-1) + (G.triu() @ U.mT).triu()
        M = solve_triangular(L.mT, M, upper=True, unitriangular=True)
        return solve_triangular(U.mT, M, upper=False, left=False), None


def _split(packed: Tensor) -> tuple[Tensor, Tensor]:
    """L [..., m, k] with ones on its diagonal and U [..., k, n], k = min(m, n)."""
    m, n = packed.shape[-2:]
    k = min(m, n)
    L = packed.narrow(-1, 0, k).tril(-1) + cgrad.eye(m, k, dtype=packed.dtype)
    return L, packed.narrow(-2, 0, k).triu()


def _permuted(A: Tensor, order: Tensor) -> Tensor:
    """The rows of A in an order."""
    return A.gather(-2, order.unsqueeze(-1).expand(A.shape))


def _lu_factor(name: str, A: Tensor, pivot: bool) -> tuple[Tensor, Tensor, Tensor]:
    checks.matrices(name, A)
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")
    packed, pivots, info = factors(A)
    if not (A.requires_grad and cgrad.is_grad_enabled()):
        return packed, pivots, info
    m, n = A.shape[-2:]
    k = min(m, n)
    A = _permuted(A, lapack.row_order(pivots, m))
    square = LinalgLu.apply(A.narrow(-2, 0, k).narrow(-1, 0, k),
                            packed.narrow(-2, 0, k).narrow(-1, 0, k))
    L, U = _split(square)
    if m > n:
        below = solve_triangular(U, A.narrow(-2, k, m - k), upper=True, left=False)
        square = cgrad.cat([square, below], -2)
    elif n > m:
        right = solve_triangular(L, A.narrow(-1, k, n - k), upper=False, unitriangular=True)
        square = cgrad.cat([square, right], -1)
    return square, pivots, info


ZERO_PIVOT = ("U[{code},{code}] is zero and using it on lu_solve would result in a division by "
              "zero. If you still want to perform the factorization, consider calling "
              "linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)")


def lu_factor(A: Tensor, *, pivot: bool = True, out: Any = None) -> LUFactor:
    """(LU, pivots): L below the diagonal and U packed in one matrix; for :func:`lu_solve`.

    Row i was exchanged with row pivots[i] - 1, in this order.

    Raises:
        LinAlgError: a diagonal element of U is 0.

    Example::

        >>> LU, pivots = cgrad.linalg.lu_factor(cgrad.tensor([[2.0, 1.0], [4.0, 4.0]]))
        >>> LU, pivots
        (tensor([[ 4.0000,  4.0000],
                [ 0.5000, -1.0000]]), tensor([2, 2], dtype=cgrad.int32))
    """
    packed, pivots, info = _lu_factor("linalg.lu_factor", A, pivot)
    checks.first_failure(info, f"linalg.lu_factor: {ZERO_PIVOT}")
    return stored_all(LUFactor, "linalg.lu_factor", (packed, pivots), out)


def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False,
                 out: Any = None) -> LUFactorEx:
    """(LU, pivots, info): :func:`lu_factor` that reports zeros in U's diagonal by info > 0.

    Example::

        >>> cgrad.linalg.lu_factor_ex(cgrad.tensor([[2.0, 1.0], [4.0, 4.0]])).info
        tensor(0, dtype=cgrad.int32)
    """
    packed, pivots, info = _lu_factor("linalg.lu_factor_ex", A, pivot)
    if check_errors:
        checks.first_failure(info, f"linalg.lu_factor_ex: {ZERO_PIVOT}")
    return stored_all(LUFactorEx, "linalg.lu_factor_ex", (packed, pivots, info), out)


def lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True,
              unpack_pivots: bool = True, *, out: Any = None) -> LU:
    """(P, L, U) with A = P L U from its packed factors; what is not wanted is empty."""
    checks.matrices("lu_unpack", LU_data, "LU_data")
    checks.check_tensors("lu_unpack", LU_pivots=LU_pivots)
    if unpack_pivots and str(LU_pivots.dtype) != "cgrad.int32":
        raise RuntimeError(f"lu_unpack: LU_pivots is expected to be an int32 tensor, but got "
                           f"{LU_pivots.dtype}")
    P = L = U = cgrad.empty(0, dtype=LU_data.dtype)
    if unpack_pivots:
        m = LU_data.shape[-2]
        order = lapack.row_order(LU_pivots, m)
        eye = cgrad.eye(m, dtype=LU_data.dtype)
        P = _permuted(eye.expand((*order.shape[:-1], m, m)), order).mT.contiguous()
    if unpack_data:
        L, U = _split(LU_data)
    return stored_all(LU, "lu_unpack", (P, L, U), out)


def lu(A: Tensor, *, pivot: bool = True, out: Any = None) -> LU:
    """(P, L, U) with A = P L U: a permutation, a unit lower and an upper triangular matrix.

    Example::

        >>> A = cgrad.tensor([[2.0, 1.0], [4.0, 4.0]])
        >>> P, L, U = cgrad.linalg.lu(A)
        >>> cgrad.allclose(P @ L @ U, A), L
        (True, tensor([[1.0000, 0.0000],
                [0.5000, 1.0000]]))
    """
    packed, pivots, _ = _lu_factor("linalg.lu", A, pivot)
    return lu_unpack(packed, pivots, out=out)


def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False,
             out: Tensor | None = None) -> Tensor:
    """X with A X = B, or X A = B if `left` is False (Aᵀ for `adjoint`), A given by its factors.

    Example::

        >>> LU, pivots = cgrad.linalg.lu_factor(cgrad.tensor([[2.0, 0.0], [0.0, 4.0]]))
        >>> cgrad.linalg.lu_solve(LU, pivots, cgrad.tensor([[2.0], [4.0]]))
        tensor([[1.],
                [1.]])
    """
    name = "linalg.lu_solve"
    checks.square(name, LU, "LU")
    checks.matrices(name, B, "B")
    checks.same_dtype(name, LU, B)
    n = LU.shape[-1]
    checks.check_tensors(name, pivots=pivots)
    if str(pivots.dtype) != "cgrad.int32":
        raise RuntimeError(f"{name}: pivots should be a Tensor of scalar type int32, but got "
                           f"{pivots.dtype}")
    if pivots.shape != LU.shape[:-1]:
        raise RuntimeError(f"{name}: Number of pivots per batch should be same as the dimension of "
                           f"the matrix, but got {list(pivots.shape)} for LU {list(LU.shape)}")
    if B.shape[-2 if left else -1] != n:
        raise RuntimeError(f"{name}: Incompatible shapes of A and B for the equation "
                           f"{'AX = B' if left else 'XA = B'} ({list(LU.shape)} and "
                           f"{list(B.shape)})")
    order = lapack.row_order(pivots, n)
    if not left:                 # X A = B is Aᵀ Xᵀ = Bᵀ
        B, adjoint = B.mT, not adjoint
    LU, B = checks.broadcast_batches(name, LU, B)
    order = order.expand(LU.shape[:-1])
    if adjoint:                  # Aᵀ = Uᵀ Lᵀ Pᵀ
        X = solve_triangular(LU.mT, B, upper=False)
        X = solve_triangular(LU.mT, X, upper=True, unitriangular=True)
        places = cgrad.arange(n).expand(order.shape)
        X = _permuted(X, cgrad.zeros_like(order).scatter(-1, order, places))
    else:
        X = solve_triangular(LU, _permuted(B, order), upper=False, unitriangular=True)
        X = solve_triangular(LU, X, upper=True)
    return stored(X if left else X.mT, out, name)


# -- determinants ----------------------------------------------------------------------------------


def _sign_and_diagonal(packed: Tensor, pivots: Tensor) -> tuple[Tensor, Tensor]:
    """The sign of the permutation, and U's diagonal."""
    n = packed.shape[-1]
    moved = (pivots != cgrad.arange(1, n + 1, dtype=cgrad.int32)).sum(-1)
    return (1 - 2 * (moved % 2)).to(packed.dtype), packed.diagonal(0, -2, -1)


class LinalgDet(Function):
    """d det A = det A tr(A⁻¹ dA); for singular A the cofactors, from singular values."""

    @staticmethod
    def forward(ctx: Any, A: Tensor, packed: Tensor, pivots: Tensor) -> Tensor:
        sign, diagonal = _sign_and_diagonal(packed, pivots)
        d = sign * diagonal.prod(-1)
        ctx.singular = bool((diagonal == 0).any())
        ctx.save_for_backward(A, d, packed, pivots)
        return d

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        A, d, packed, pivots = ctx.saved_tensors
        if ctx.singular:
            return g.unsqueeze(-1).unsqueeze(-1) * cofactors(A), None, None
        scaled = cgrad.diag_embed((g * d).unsqueeze(-1).expand(A.shape[:-1]))
        return LinalgSolve.apply(A, scaled, packed, pivots, True), None, None


def cofactors(A: Tensor) -> Tensor:
    """The derivative of the determinant, U diag(Π_{j≠i} S_j) Vᵀ det(U Vᵀ), also where it is 0."""
    U, S, Vh = svd(A)
    n = A.shape[-1]
    others = cgrad.where(cgrad.eye(n).bool(), 1.0, S.unsqueeze(-2)).prod(-1)
    with cgrad.no_grad():
        sign = det(U @ Vh).sign().unsqueeze(-1).unsqueeze(-1)
    return sign * ((U * others.unsqueeze(-2)) @ Vh)


def det(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The determinants of square matrices [..., n, n]; the derivative exists everywhere.

    Example::

        >>> cgrad.linalg.det(cgrad.tensor([[2.0, 1.0], [1.0, 3.0]]))
        tensor(5.)
    """
    checks.square("linalg.det", A)
    packed, pivots, _ = factors(A)
    return stored(LinalgDet.apply(A, packed, pivots), out, "linalg.det")


class LinalgSlogdet(Function):
    """d log|det A| = tr(A⁻¹ dA)."""

    @staticmethod
    def forward(ctx: Any, A: Tensor, packed: Tensor, pivots: Tensor) -> tuple[Tensor, Tensor]:
        sign, diagonal = _sign_and_diagonal(packed, pivots)
        sign = sign * diagonal.sign().prod(-1)
        ctx.save_for_backward(A, packed, pivots)
        return sign, diagonal.abs().log().sum(-1)

    @staticmethod
    def backward(ctx: Any, _: Tensor, g: Tensor) -> tuple[Tensor | None, ...]:
        A, packed, pivots = ctx.saved_tensors
        scaled = cgrad.diag_embed(g.unsqueeze(-1).expand(A.shape[:-1]))
        return LinalgSolve.apply(A, scaled, packed, pivots, True), None, None


def slogdet(A: Tensor, *, out: Any = None) -> Slogdet:
    """(sign, logabsdet): det A = sign exp(logabsdet), without overflow; (0, -inf) if singular.

    Example::

        >>> cgrad.linalg.slogdet(cgrad.tensor([[0.0, 1.0], [1.0, 0.0]]))
        Slogdet(sign=tensor(-1.), logabsdet=tensor(0.))
    """
    checks.square("linalg.slogdet", A)
    packed, pivots, _ = factors(A)
    return stored_all(Slogdet, "linalg.slogdet", LinalgSlogdet.apply(A, packed, pivots), out)


def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant; NaN where that is negative, -inf where it is 0."""
    checks.square("logdet", input)
    sign, logabsdet = slogdet(input)
    return cgrad.where(sign < 0, float("nan"), logabsdet)
