"""Systems of equations: solve, inverses, triangular systems, least squares.

The derivatives are those of Giles, "Collected matrix derivative results for forward and reverse
mode algorithmic differentiation" (2008), section 2.2, and for the pseudoinverse of Golub and
Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
variables separate" (1973).  They are written in differentiable operations: all orders exist.
"""
from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import cgrad
from cgrad import Tensor
from cgrad._composite.register import check_tensors, stored, stored_all
from cgrad._engine import lapack
from cgrad.autograd import Function
from cgrad.linalg import checks


class InvEx(NamedTuple):
    """Result of `inv_ex`."""

    inverse: Tensor
    info: Tensor


class SolveEx(NamedTuple):
    """Result of `solve_ex`."""

    result: Tensor
    info: Tensor


class Lstsq(NamedTuple):
    """Result of `lstsq`."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


# -- general matrices ------------------------------------------------------------------------------


class LinalgSolve(Function):
    """X with A X = B (Aᵀ X = B if transposed), given the LU factors of A.

    dX = A⁻¹ (dB - dA X), hence with H = A⁻ᵀ G: the gradient of B is H, that of A is -H Xᵀ.
    """

    @staticmethod
    def forward(ctx: Any, A: Tensor, B: Tensor, LU: Tensor, pivots: Tensor,
                transposed: bool) -> Tensor:
        X = lapack.getrs(LU, pivots, B, transposed)
        ctx.save_for_backward(A, X, LU, pivots)
        ctx.transposed = transposed
        return X

    @staticmethod
    def backward(ctx: Any, G: Tensor) -> tuple[Tensor | None, ...]:
        A, X, LU, pivots = ctx.saved_tensors
        H = LinalgSolve.apply(A, G, LU, pivots, not ctx.transposed)
        gA = None
        if ctx.needs_input_grad[0]:
            gA = -(X @ H.mT) if ctx.transposed else -(H @ X.mT)
        return gA, H, None, None, None


def factors(A: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(LU, pivots, info) without history."""
    return lapack.getrf(A.detach())


def _solve(name: str, A: Tensor, B: Tensor, left: bool) -> tuple[Tensor, Tensor]:
    checks.square(name, A)
    checks.same_dtype(name, A, B)
    # PyTorch's rule: B is a batch of vectors if it has the shape of A without its last dimension.
    vector = B.ndim == 1 or (A.ndim == B.ndim + 1 and A.shape[:-1] == B.shape)
    if vector and not left:
        raise RuntimeError(f"{name}: Vector broadcasting of the left hand side is not supported "
                           f"for left=False; B has shape {list(B.shape)}. In this case "
                           f"{name} is equivalent to B / A.squeeze(-1)")
    X = B.unsqueeze(-1) if vector else B
    if X.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(f"{name}: Incompatible shapes of A and B for the equation "
                           f"{'AX = B' if left else 'XA = B'} ({list(A.shape)} and "
                           f"{list(B.shape)})")
    LU, pivots, info = factors(A)
    A, X = checks.broadcast_batches(name, A, X)
    batch = A.shape[:-2]
    LU, pivots = LU.expand(A.shape), pivots.expand((*batch, A.shape[-1]))
    if left:
        X = LinalgSolve.apply(A, X, LU, pivots, False)
    else:
        X = LinalgSolve.apply(A, X.mT, LU, pivots, True).mT
    return X.squeeze(-1) if vector else X, info


SINGULAR = "The solver failed because the input matrix is singular."


def solve(A: Tensor, B: Tensor, *, left: bool = True, out: Tensor | None = None) -> Tensor:
    """X with A X = B, or X A = B if `left` is False, for square A [..., n, n].

    B is [..., n, k] ([..., k, n] for left=False), or a vector, or a batch of vectors whose shape is
    that of A without the last dimension.  Batches are broadcast.

    Raises:
        LinAlgError: a matrix is singular.

    Example::

        >>> A = cgrad.tensor([[2.0, 0.0], [1.0, 4.0]])
        >>> cgrad.linalg.solve(A, cgrad.tensor([2.0, 9.0]))
        tensor([1., 2.])
    """
    X, info = _solve("linalg.solve", A, B, left)
    checks.first_failure(info, f"linalg.solve: {SINGULAR}")
    return stored(X, out, "linalg.solve")


def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False,
             out: Any = None) -> SolveEx:
    """(result, info): :func:`solve` that reports singular matrices by info > 0.

    Example::

        >>> cgrad.linalg.solve_ex(2 * cgrad.eye(2), cgrad.ones(2)).result
        tensor([0.5000, 0.5000])
    """
    X, info = _solve("linalg.solve_ex", A, B, left)
    if check_errors:
        checks.first_failure(info, f"linalg.solve_ex: {SINGULAR}")
    return stored_all(SolveEx, "linalg.solve_ex", (X, info), out)


class LinalgInv(Function):
    """Y = A⁻¹: dY = -Y dA Y."""

    @staticmethod
    def forward(ctx: Any, A: Tensor, LU: Tensor, pivots: Tensor) -> Tensor:
        n = A.shape[-1]
        Y = lapack.getrs(LU, pivots, cgrad.eye(n, dtype=A.dtype).expand(A.shape), False)
        ctx.save_for_backward(Y)
        return Y

    @staticmethod
    def backward(ctx: Any, G: Tensor) -> tuple[Tensor | None, ...]:
        (Y,) = ctx.saved_tensors
        return -(Y.mT @ G @ Y.mT), None, None


def _inv(name: str, A: Tensor) -> tuple[Tensor, Tensor]:
    checks.square(name, A)
    LU, pivots, info = factors(A)
    return LinalgInv.apply(A, LU, pivots), info


INVERSE = ("The diagonal element {code} is zero, the inversion could not be completed because the "
           "input matrix is singular.")


def inv(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverses of square matrices [..., n, n].

    Raises:
        LinAlgError: a matrix is singular.

    Example::

        >>> cgrad.linalg.inv(cgrad.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    Y, info = _inv("linalg.inv", A)
    checks.first_failure(info, f"linalg.inv: {INVERSE}")
    return stored(Y, out, "linalg.inv")


def inv_ex(A: Tensor, *, check_errors: bool = False, out: Any = None) -> InvEx:
    """(inverse, info): :func:`inv` that reports singular matrices by info > 0.

    Example::

        >>> cgrad.linalg.inv_ex(cgrad.tensor([[2.0, 0.0], [0.0, 0.0]])).info
        tensor(2, dtype=cgrad.int32)
    """
    Y, info = _inv("linalg.inv_ex", A)
    if check_errors:
        checks.first_failure(info, f"linalg.inv_ex: {INVERSE}")
    return stored_all(InvEx, "linalg.inv_ex", (Y, info), out)


def tensorinv(A: Tensor, ind: int = 2, *, out: Tensor | None = None) -> Tensor:
    """The inverse of A as a map from its last dimensions to its first `ind` ones.

    Example::

        >>> cgrad.linalg.tensorinv(cgrad.eye(4).reshape(2, 2, 2, 2), ind=2).shape
        cgrad.Size([2, 2, 2, 2])
    """
    check_tensors("linalg.tensorinv", A=A)
    if ind <= 0:
        raise RuntimeError(f"linalg.tensorinv: Expected a strictly positive integer for 'ind', got "
                           f"{ind}")
    rows, columns = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    if prod(rows) != prod(columns):
        raise RuntimeError("linalg.tensorinv: Expected self to satisfy the requirement "
                           f"prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
                           f"{prod(columns)} != {prod(rows)} for shape {list(A.shape)}")
    Y = inv(A.reshape(prod(rows), prod(columns))).reshape((*columns, *rows))
    return stored(Y, out, "linalg.tensorinv")


def tensorsolve(A: Tensor, B: Tensor, dims: Sequence[int] | None = None, *,
                out: Tensor | None = None) -> Tensor:
    """X with tensordot(A, X, X.ndim) = B; `dims` of A are moved to its end first.

    Example::

        >>> cgrad.linalg.tensorsolve(cgrad.eye(4).reshape(2, 2, 2, 2), cgrad.ones(2, 2))
        tensor([[1., 1.],
                [1., 1.]])
    """
    check_tensors("linalg.tensorsolve", A=A, B=B)
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    rest = tuple(A.shape[B.ndim:])
    n = prod(rest)
    if n != prod(A.shape[:B.ndim]) or n != B.numel():
        raise RuntimeError("linalg.tensorsolve: Expected self to satisfy the requirement "
                           "prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but "
                           f"got shapes {list(A.shape)} and {list(B.shape)}")
    X = solve(A.reshape(n, n), B.reshape(n)).reshape(rest)
    return stored(X, out, "linalg.tensorsolve")


# -- triangular systems ----------------------------------------------------------------------------


class LinalgSolveTriangular(Function):
    """X with A X = B, or X A = B, A triangular: only its triangle has a gradient."""

    @staticmethod
    def forward(ctx: Any, A: Tensor, B: Tensor, upper: bool, left: bool, unit: bool) -> Tensor:
        X = lapack.trsm(A, B, upper, left, False, unit)
        ctx.save_for_backward(A, X)
        ctx.how = upper, left, unit
        return X

    @staticmethod
    def backward(ctx: Any, G: Tensor) -> tuple[Tensor | None, ...]:
        A, X = ctx.saved_tensors
        upper, left, unit = ctx.how
        H = LinalgSolveTriangular.apply(A.mT, G, not upper, left, unit)
        gA = None
        if ctx.needs_input_grad[0]:
            gA = -(H @ X.mT) if left else -(X.mT @ H)
            gA = gA.triu(int(unit)) if upper else gA.tril(-int(unit))
        return gA, H, None, None, None


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True,
                     unitriangular: bool = False, out: Tensor | None = None) -> Tensor:
    """X with A X = B, or X A = B if `left` is False, for triangular A [..., n, n].

    Only the triangle that `upper` says is read; with `unitriangular` its diagonal is taken for
    ones.  Nothing is checked: a zero on the diagonal gives infinities.

    Example::

        >>> A = cgrad.tensor([[2.0, 0.0], [1.0, 4.0]])
        >>> cgrad.linalg.solve_triangular(A, cgrad.tensor([[2.0], [5.0]]), upper=False)
        tensor([[1.],
                [1.]])
    """
    checks.square("linalg.solve_triangular", A)
    checks.matrices("linalg.solve_triangular", B, "B")
    checks.same_dtype("linalg.solve_triangular", A, B)
    if B.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(f"linalg.solve_triangular: Incompatible shapes of A and B for the "
                           f"equation {'AX = B' if left else 'XA = B'} ({list(A.shape)} and "
                           f"{list(B.shape)})")
    A, B = checks.broadcast_batches("linalg.solve_triangular", A, B)
    X = LinalgSolveTriangular.apply(A, B, upper, left, unitriangular)
    return stored(X, out, "linalg.solve_triangular")


class TriangularSolve(NamedTuple):
    """Result of ``cgrad.triangular_solve``."""

    solution: Tensor
    cloned_coefficient: Tensor


def triangular_solve(b: Tensor, A: Tensor, upper: bool, transpose: bool, unitriangular: bool,
                     out: Any) -> TriangularSolve:
    """``cgrad.triangular_solve``."""
    checks.matrices("triangular_solve", b, "b")
    checks.square("triangular_solve", A)
    X = solve_triangular(A.mT if transpose else A, b, upper=upper != transpose,
                         unitriangular=unitriangular)
    copy = A.expand((*X.shape[:-2], *A.shape[-2:])).clone()
    if out is not None:
        X, copy = stored(X, out[0], "triangular_solve"), stored(copy, out[1], "triangular_solve")
    return TriangularSolve(X, copy)


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False, *,
                   out: Tensor | None = None) -> Tensor:
    """X with A X = B, A given by its Cholesky factor: A = L Lᵀ, or Lᵀ L if `upper`."""
    checks.matrices("cholesky_solve", B, "B")
    checks.square("cholesky_solve", L, "L")
    if L.shape[-1] != B.shape[-2]:
        raise RuntimeError("cholesky_solve: Incompatible matrix sizes for cholesky_solve: each L "
                           f"matrix is {L.shape[-1]} by {L.shape[-1]} but each B matrix is "
                           f"{B.shape[-2]} by {B.shape[-1]}.")
    first, second = (L.mT, L) if upper else (L, L.mT)
    Y = solve_triangular(first, B, upper=False)
    return stored(solve_triangular(second, Y, upper=True), out, "cholesky_solve")


def cholesky_inverse(L: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The inverse of A given by its Cholesky factor: A = L Lᵀ, or Lᵀ L if `upper`."""
    checks.square("cholesky_inverse", L, "L")
    eye = cgrad.eye(L.shape[-1], dtype=L.dtype).expand(L.shape)
    Y = solve_triangular(L, eye, upper=upper)
    return stored(Y @ Y.mT if upper else Y.mT @ Y, out, "cholesky_inverse")


# -- pseudoinverse and least squares ---------------------------------------------------------------


def precision(A: Tensor) -> float:
    """The distance from 1 to the next number of A's dtype."""
    return 2.220446049250313e-16 if A.dtype == cgrad.float64 else 1.1920928955078125e-07


def tolerance(A: Tensor, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """Absolute and relative bound for singular values; by default max(m, n) eps, relative."""
    if rtol is None:
        given = atol is not None and (not isinstance(atol, Tensor) and atol > 0)
        rtol = 0.0 if given else precision(A) * max(A.shape[-2:])
        if isinstance(atol, Tensor):     # PyTorch: the default holds where atol is 0
            rtol = cgrad.where(atol > 0, 0.0, rtol)
    return 0.0 if atol is None else atol, rtol


def _bound(S: Tensor, atol: Any, rtol: Any) -> Tensor:
    """The bound for each batch entry, [..., 1], from all its singular values."""
    largest = S.abs().amax(-1) if S.shape[-1] else S.sum(-1)
    absolute = atol.to(S.dtype) if isinstance(atol, Tensor) else largest * 0 + atol
    relative = (rtol.to(S.dtype) if isinstance(rtol, Tensor) else rtol) * largest
    return cgrad.maximum(absolute, relative).unsqueeze(-1)


class LinalgPinv(Function):
    """P = A⁺: dP = -P dA P + P Pᵀ dAᵀ (1 - A P) + (1 - P A) dAᵀ Pᵀ P."""

    @staticmethod
    def forward(ctx: Any, A: Tensor, P: Tensor) -> Tensor:
        P = P.clone()
        ctx.save_for_backward(A, P)
        return P

    @staticmethod
    def backward(ctx: Any, G: Tensor) -> tuple[Tensor | None, ...]:
        A, P = ctx.saved_tensors
        return pinv_gradient(A, P, G), None


def pinv_gradient(A: Tensor, P: Tensor, G: Tensor) -> Tensor:
    """The gradient of A from that of its pseudoinverse P."""
    gt, pt = G.mT, P.mT
    return ((gt - A @ (P @ gt)) @ P @ pt + pt @ (P @ (gt - (gt @ P) @ A)) - pt @ G @ pt)


def pinv(A: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None,
         rtol: Any = None, out: Tensor | None = None) -> Tensor:
    """The Moore-Penrose pseudoinverses of matrices [..., m, n], by singular values.

    Singular values up to max(atol, rtol σ₁) count as 0; by default rtol is max(m, n) times the
    precision of the dtype.  `hermitian` says that A is symmetric, which is then read from its lower
    triangle.  `rcond` is an older name of rtol.

    Example::

        >>> cgrad.linalg.pinv(cgrad.tensor([[2.0, 0.0]]))
        tensor([[0.5000],
                [0.0000]])
    """
    checks.matrices("linalg.pinv", A)
    if hermitian:
        checks.square("linalg.pinv", A)
    atol, rtol = tolerance(A, atol, rcond if rtol is None else rtol)
    if A.numel() == 0:
        return stored(A.mT * 1.0, out, "linalg.pinv")
    with cgrad.no_grad():
        if hermitian:
            from cgrad.linalg.decompositions import eigh

            S, V = eigh(A)
            U, Vt = V, V.mT
        else:
            from cgrad.linalg.decompositions import svd

            U, S, Vt = svd(A, full_matrices=False)
        kept = S.abs() > _bound(S, atol, rtol)
        inverse = cgrad.where(kept, cgrad.where(kept, S, 1.0).reciprocal(), 0.0)
        P = Vt.mT @ (inverse.unsqueeze(-1) * U.mT)
    return stored(LinalgPinv.apply(A, P), out, "linalg.pinv")


class LinalgLstsq(Function):
    """X = A⁺ B, computed otherwise."""

    @staticmethod
    def forward(ctx: Any, A: Tensor, B: Tensor, X: Tensor) -> Tensor:
        ctx.save_for_backward(A, B)
        return X.clone()

    @staticmethod
    def backward(ctx: Any, G: Tensor) -> tuple[Tensor | None, ...]:
        A, B = ctx.saved_tensors
        P = pinv(A)
        gA = pinv_gradient(A, P, G @ B.mT) if ctx.needs_input_grad[0] else None
        return gA, P.mT @ G, None


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *,
          driver: str | None = None, out: Any = None) -> Lstsq:
    """(solution, residuals, rank, singular_values): X that minimizes |A X - B|, of least norm.

    A is [..., m, n], B [..., m, k] (or a batch of vectors [..., m]).  `driver` is a LAPACK routine:
    "gelsy" (QR with pivoting, the default), "gels" (A must have full rank), "gelsd" or "gelss" (by
    singular values).  Residuals are the sums of squares for m > n and A of full rank, else empty;
    `rank` is empty for "gels", singular values are there for "gelsd" and "gelss".

    Example::

        >>> A, B = cgrad.tensor([[1.0], [1.0]]), cgrad.tensor([[1.0], [3.0]])
        >>> cgrad.linalg.lstsq(A, B).solution
        tensor([[2.0000]])
    """
    name = "linalg.lstsq"
    checks.matrices(name, A)
    checks.same_dtype(name, A, B)
    if B.ndim < 1:
        raise RuntimeError(f"{name}: input 'B' must have at least 1 dimension")
    driver = "gelsy" if driver is None else driver
    if driver not in ("gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, "
                           f"gelss), but got {driver!r}")
    vector = B.ndim == 1 or (A.ndim == B.ndim + 1 and A.shape[:-1] == B.shape)
    X = B.unsqueeze(-1) if vector else B
    m, n = A.shape[-2:]
    if X.shape[-2] != m:
        raise RuntimeError(f"{name}: input.size(-2) should match other.size(-{1 if vector else 2}),"
                           f" but got shapes {list(A.shape)} and {list(B.shape)}")
    A, right = checks.broadcast_batches(name, A, X)
    if not bool(A.isfinite().all()) or not bool(B.isfinite().all()):
        raise checks.LinAlgError(f"{name}: the input contains non-finite values")
    rcond = precision(A) * max(m, n) if rcond is None else rcond
    found, rank, S, info = lapack.lstsq(A.detach(), right.detach(), driver, rcond)
    if driver == "gels":
        checks.first_failure(info, f"{name}: The least squares solution could not be computed "
                             "because the input matrix does not have full rank (error code: "
                             "{code}).")
    else:
        checks.first_failure(info, f"{name}: The algorithm failed to converge (error code: "
                             "{code}).")
    X = LinalgLstsq.apply(A, right, found.narrow(-2, 0, n))
    empty = cgrad.empty(0, dtype=A.dtype)
    residuals = empty
    if m > n and driver != "gelsy" and (driver == "gels" or bool((rank == n).all())):
        residuals = (A @ X - right).square().sum(-2)
    rank = cgrad.empty(0, dtype=cgrad.int64) if driver == "gels" else rank
    results = (X.squeeze(-1) if vector else X, residuals, rank,
               S if driver in ("gelsd", "gelss") else empty)
    return stored_all(Lstsq, name, results, out)
