"""Factorizations: Cholesky, QR, eigenvalues of symmetric matrices, singular values.

Each is one call of LAPACK, and a derivative in differentiable operations, so that all orders
exist.  Where a factorization is not unique (signs of vectors; bases of repeated eigenvalues), the
derivative is right for what does not depend on the choice, as in PyTorch; for repeated eigenvalues
or singular values the derivative of the vectors is not finite.
"""
from __future__ import annotations

from typing import Any, NamedTuple

import cgrad
from cgrad import Tensor
from cgrad._composite.register import check_tensors, stored, stored_all
from cgrad._engine import lapack
from cgrad._engine.table import grad_mode
from cgrad.autograd import Function
from cgrad.linalg import checks
from cgrad.linalg.solve import solve_triangular


class CholeskyEx(NamedTuple):
    """Result of `cholesky_ex`."""

    L: Tensor
    info: Tensor


class QR(NamedTuple):
    """Result of `qr`."""

    Q: Tensor
    R: Tensor


class Eigh(NamedTuple):
    """Result of `eigh`."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVD(NamedTuple):
    """Result of `svd`."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def differentiated(*tensors: Tensor) -> bool:
    """Whether a result of these tensors will be recorded."""
    return grad_mode() and any(t.requires_grad for t in tensors)


# -- Cholesky --------------------------------------------------------------------------------------


class LinalgCholesky(Function):
    """A = L Lᵀ.  Murray, "Differentiation of the Cholesky decomposition" (2016), equation 10."""

    @staticmethod
    def forward(ctx: Any, A: Tensor, L: Tensor) -> Tensor:
        L = L.view_as(L)
        ctx.save_for_backward(L)
        return L

    @staticmethod
    def backward(ctx: Any, G: Tensor) -> tuple[Tensor | None, ...]:
        (L,) = ctx.saved_tensors
        P = (L.mT @ G).tril()
        P = (P + P.tril(-1).mT) * 0.5
        P = solve_triangular(L.mT, P, upper=True)
        return solve_triangular(L, P, upper=False, left=False), None


def _cholesky(name: str, A: Tensor, upper: bool) -> tuple[Tensor, Tensor]:
    checks.square(name, A)
    # PyTorch reads the upper triangle where the upper factor is wanted.
    L, info = lapack.potrf(A.detach(), upper)
    L = LinalgCholesky.apply(A, L.mT if upper else L)
    return L.mT if upper else L, info


INDEFINITE = ("The factorization could not be completed because the input is not "
              "positive-definite (the leading minor of order {code} is not positive-definite).")


def cholesky(A: Tensor, *, upper: bool = False, out: Tensor | None = None) -> Tensor:
    """The lower triangular L with A = L Lᵀ, or with `upper` U = Lᵀ, of positive definite A.

    Only one triangle of A is read, that of the result; the gradient is symmetric.

    Raises:
        LinAlgError: a matrix is not positive definite.

    Example::

        >>> cgrad.linalg.cholesky(cgrad.tensor([[4.0, 2.0], [2.0, 5.0]]))
        tensor([[2., 0.],
                [1., 2.]])
    """
    L, info = _cholesky("linalg.cholesky", A, upper)
    checks.first_failure(info, f"linalg.cholesky: {INDEFINITE}")
    return stored(L, out, "linalg.cholesky")


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False,
                out: Any = None) -> CholeskyEx:
    """(L, info): :func:`cholesky` that reports matrices not positive definite by info > 0.

    Example::

        >>> cgrad.linalg.cholesky_ex(cgrad.tensor([[4.0, 2.0], [2.0, 5.0]])).info
        tensor(0, dtype=cgrad.int32)
    """
    L, info = _cholesky("linalg.cholesky_ex", A, upper)
    if check_errors:
        checks.first_failure(info, f"linalg.cholesky_ex: {INDEFINITE}")
    return stored_all(CholeskyEx, "linalg.cholesky_ex", (L, info), out)


# -- QR --------------------------------------------------------------------------------------------


class LinalgQr(Function):
    """A = Q R, A [..., m, n] with m >= n, Q [..., m, n].

    Walter and Lehmann, "Algorithmic differentiation of linear algebra functions" (2010), 2.2.
    """

    @staticmethod
    def forward(ctx: Any, A: Tensor) -> tuple[Tensor, Tensor]:
        Q, R = _householder(A, A.shape[-1])
        ctx.save_for_backward(Q, R)
        ctx.set_materialize_grads(False)
        return Q, R

    @staticmethod
    def backward(ctx: Any, gQ: Tensor | None, gR: Tensor | None) -> Tensor | None:
        Q, R = ctx.saved_tensors
        if gQ is None and gR is None:
            return None
        M = cgrad.zeros_like(R) if gR is None else gR @ R.mT
        M = (M if gQ is None else M - Q.mT @ gQ).triu()
        gA = Q @ (M + M.triu(1).mT)
        gA = gA if gQ is None else gA + gQ
        return solve_triangular(R.mT, gA, upper=False, left=False)


class LinalgQrComplete(Function):
    """The square Q of a tall matrix: its columns beyond n are any basis, without derivative."""

    @staticmethod
    def forward(ctx: Any, A: Tensor) -> tuple[Tensor, Tensor]:
        return _householder(A, A.shape[-2])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and "
                           "nrows > ncols.")


class LinalgQrR(Function):
    """R alone."""

    @staticmethod
    def forward(ctx: Any, A: Tensor) -> Tensor:
        return _triangle(lapack.geqrf(A)[0], min(A.shape[-2:]))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        raise RuntimeError("The derivative of linalg.qr depends on Q, which is not computed when "
                           "mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to "
                           "require gradients.")


def _triangle(packed: Tensor, rows: int) -> Tensor:
    return packed.narrow(-2, 0, rows).triu()


def _householder(A: Tensor, columns: int) -> tuple[Tensor, Tensor]:
    packed, tau = lapack.geqrf(A)
    return lapack.orgqr(packed, tau, columns), _triangle(packed, columns)


def qr(A: Tensor, mode: str = "reduced", *, out: Any = None) -> QR:
    """(Q, R) with A = Q R, Q orthogonal and R upper triangular.

    `mode`: "reduced" for Q [..., m, k] and R [..., k, n], k = min(m, n); "complete" for Q
    [..., m, m] and R [..., m, n]; "r" for R alone, Q being empty.  The diagonal of R may have
    either sign.  The derivative needs the first k columns of A to be independent; it does not
    exist for "r", nor for "complete" with m > n.

    Example::

        >>> A = cgrad.tensor([[3.0, 1.0], [4.0, 2.0]])
        >>> Q, R = cgrad.linalg.qr(A)
        >>> cgrad.allclose(Q @ R, A, atol=1e-5), R[1, 0].item()
        (True, 0.0)
    """
    checks.matrices("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' "
                           "(default), 'r', or 'complete'")
    m, n = A.shape[-2:]
    if mode == "r":
        return stored_all(QR, "linalg.qr", (cgrad.empty(0, dtype=A.dtype), LinalgQrR.apply(A)), out)
    if m < n and differentiated(A):
        # Q comes from the first columns; R is [R₁, Qᵀ A₂].
        Q, R = LinalgQr.apply(A.narrow(-1, 0, m))
        R = cgrad.cat([R, Q.mT @ A.narrow(-1, m, n - m)], -1)
    elif mode == "complete" and m > n:
        Q, R = LinalgQrComplete.apply(A)
    elif m < n:
        Q, R = _householder(A, m)
    else:
        Q, R = LinalgQr.apply(A)
    return stored_all(QR, "linalg.qr", (Q, R), out)


def householder_product(A: Tensor, tau: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The first n columns of H₁ H₂ ... H_k, H_i = 1 - tau_i v_i v_iᵀ, v_i below A's diagonal.

    v_i has a one on the diagonal, which is not read.  The derivative goes through the product
    reflector by reflector.

    Example::

        >>> a, tau = cgrad.geqrf(cgrad.tensor([[3.0], [4.0]]))
        >>> cgrad.linalg.householder_product(a, tau).abs()
        tensor([[0.6000],
                [0.8000]])
    """
    name = "linalg.householder_product"
    _check_reflectors(name, A, tau)
    m, n = A.shape[-2:]
    if differentiated(A, tau):
        # where() keeps the way to A where there are no reflectors.
        eye = cgrad.where(cgrad.tensor(False), A, cgrad.eye(m, n, dtype=A.dtype))
        result = _reflect(A, tau, eye, False)
    else:
        result = lapack.orgqr(A, tau, n)
    return stored(result, out, name)


def _check_reflectors(name: str, A: Tensor, tau: Tensor) -> None:
    checks.matrices(name, A, "input")
    checks.same_dtype(name, A, tau)
    if A.shape[-2] < A.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to "
                           f"input.shape[-1], but got shape {list(A.shape)}")
    if tau.ndim != A.ndim - 1 or tau.shape[:-1] != A.shape[:-2] or tau.shape[-1] > A.shape[-1]:
        raise RuntimeError(f"{name}: tau of shape {list(tau.shape)} does not fit input of shape "
                           f"{list(A.shape)}: input.shape[-1] must be greater than or equal to "
                           "tau.shape[-1], batches must be equal")


def _reflect(A: Tensor, tau: Tensor, C: Tensor, transposed: bool) -> Tensor:
    """Q C, or Qᵀ C, one reflector after the other."""
    m, k = A.shape[-2], tau.shape[-1]
    V = A.narrow(-1, 0, k).tril(-1) + cgrad.eye(m, k, dtype=A.dtype)
    for i in range(k) if transposed else range(k - 1, -1, -1):
        v = V.narrow(-1, i, 1)
        C = C - (tau.narrow(-1, i, 1).unsqueeze(-1) * v) @ (v.mT @ C)
    return C


def ormqr(input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False, *,
          out: Tensor | None = None) -> Tensor:
    """Q other, or other Q if `left` is False, with Qᵀ for `transpose`; Q by its reflectors."""
    checks.matrices("ormqr", input, "input")
    checks.same_dtype("ormqr", input, tau)
    checks.same_dtype("ormqr", input, other)
    checks.matrices("ormqr", other, "other")
    order = other.shape[-2 if left else -1]
    if input.shape[-2] != order or tau.shape[-1:] != (min(tau.shape[-1:] + input.shape[-1:]),):
        raise RuntimeError(f"ormqr: other.shape[{-2 if left else -1}] must be equal to "
                           f"input.shape[-2] and tau.shape[-1] at most input.shape[-1], but got "
                           f"{list(input.shape)}, {list(tau.shape)} and {list(other.shape)}")
    if tau.shape[:-1] != input.shape[:-2] or other.shape[:-2] != input.shape[:-2]:
        raise RuntimeError(f"ormqr: batch dimensions of tau and other should be equal to "
                           f"input.shape[:-2], but got {list(input.shape)}, {list(tau.shape)} and "
                           f"{list(other.shape)}")
    if not differentiated(input, tau, other):
        return stored(lapack.ormqr(input, tau, other, left, transpose), out, "ormqr")
    if left:
        return stored(_reflect(input, tau, other, transpose), out, "ormqr")
    return stored(_reflect(input, tau, other.mT, not transpose).mT, out, "ormqr")


class Packed(NamedTuple):
    """Result of `geqrf`."""

    a: Tensor
    tau: Tensor


class Geqrf(Function):
    """Reflectors and R packed in one matrix: no derivative, as in PyTorch."""

    @staticmethod
    def forward(ctx: Any, A: Tensor) -> tuple[Tensor, Tensor]:
        return lapack.geqrf(A)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        raise NotImplementedError("the derivative for 'geqrf' is not implemented; use linalg.qr")


def geqrf(A: Tensor, out: Any) -> Packed:
    """``cgrad.geqrf``."""
    checks.matrices("geqrf", A, "input")
    return stored_all(Packed, "geqrf", Geqrf.apply(A), out)


# -- eigenvalues of symmetric matrices -------------------------------------------------------------


class LinalgEigh(Function):
    """A = V diag(w) Vᵀ.  Giles (2008), section 3.1; with F_ij = 1 / (w_j - w_i)."""

    @staticmethod
    def forward(ctx: Any, A: Tensor, w: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
        w, V = w.view_as(w), V.view_as(V)
        ctx.save_for_backward(w, V)
        ctx.set_materialize_grads(False)
        return w, V

    @staticmethod
    def backward(ctx: Any, gw: Tensor | None, gV: Tensor | None) -> tuple[Tensor | None, ...]:
        w, V = ctx.saved_tensors
        if gV is None:
            return None if gw is None else (V * gw.unsqueeze(-2)) @ V.mT, None, None
        M = V.mT @ gV
        M = (M - M.mT) * 0.5 / _differences(w)
        if gw is not None:
            M = M + cgrad.diag_embed(gw)
        return V @ M @ V.mT, None, None


def _differences(w: Tensor) -> Tensor:
    """w_j - w_i with ones on the diagonal."""
    return w.unsqueeze(-2) - w.unsqueeze(-1) + cgrad.eye(w.shape[-1], dtype=w.dtype)


REPEATED = ("The algorithm failed to converge because the input matrix is ill-conditioned or has "
            "too many repeated eigenvalues (error code: {code}).")


def _eigh(name: str, A: Tensor, UPLO: str, vectors: bool) -> tuple[Tensor, Tensor]:
    checks.square(name, A)
    if not isinstance(UPLO, str) or UPLO not in ("L", "U", "l", "u"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    w, V, info = lapack.syevd(A.detach(), UPLO in "Uu", vectors)
    checks.first_failure(info, f"{name}: {REPEATED}")
    return w, V


def eigh(A: Tensor, UPLO: str = "L", *, out: Any = None) -> Eigh:
    """(eigenvalues, eigenvectors) of symmetric matrices, in ascending order.

    A = V diag(w) Vᵀ; the columns of V are the vectors, each up to its sign.  Only the triangle
    UPLO ("L" or "U") of A is read; the gradient is symmetric.

    Raises:
        LinAlgError: the algorithm did not converge.

    Example::

        >>> L, Q = cgrad.linalg.eigh(cgrad.tensor([[2.0, 1.0], [1.0, 2.0]]))
        >>> L
        tensor([1., 3.])
    """
    w, V = _eigh("linalg.eigh", A, UPLO, True)
    return stored_all(Eigh, "linalg.eigh", LinalgEigh.apply(A, w, V), out)


def eigvalsh(A: Tensor, UPLO: str = "L", *, out: Tensor | None = None) -> Tensor:
    """The eigenvalues of symmetric matrices in ascending order; see :func:`eigh`.

    Example::

        >>> cgrad.linalg.eigvalsh(cgrad.tensor([[2.0, 1.0], [1.0, 2.0]]))
        tensor([1., 3.])
    """
    check_tensors("eigvalsh", A=A)
    if differentiated(A):
        return stored(eigh(A, UPLO)[0], out, "linalg.eigvalsh")
    return stored(_eigh("linalg.eigvalsh", A, UPLO, False)[0], out, "linalg.eigvalsh")


# -- singular values -------------------------------------------------------------------------------


class LinalgSvd(Function):
    """A = U diag(S) Vᵀ.  Townsend, "Differentiating the singular value decomposition" (2016)."""

    @staticmethod
    def forward(ctx: Any, A: Tensor, U: Tensor, S: Tensor,
                Vh: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        U, S, Vh = U.view_as(U), S.view_as(S), Vh.view_as(Vh)
        ctx.save_for_backward(U, S, Vh)
        ctx.set_materialize_grads(False)
        return U, S, Vh

    @staticmethod
    def backward(ctx: Any, gU: Tensor | None, gS: Tensor | None,
                 gVh: Tensor | None) -> tuple[Tensor | None, ...]:
        U, S, Vh = ctx.saved_tensors
        if gU is None and gVh is None:
            return None if gS is None else U @ (gS.unsqueeze(-1) * Vh), None, None, None
        m, n, k = U.shape[-2], Vh.shape[-1], S.shape[-1]
        row, column = S.unsqueeze(-2), S.unsqueeze(-1)
        # With k = m (k = n) all of the change of U (V) is a rotation, M below.
        E = (row - column) * (row + column) + cgrad.eye(k, dtype=S.dtype)
        M = cgrad.diag_embed(gS) if gS is not None else 0
        if gU is not None:
            W = U.mT @ gU
            M = M + (W - W.mT) / E * row
        if gVh is not None:
            W = Vh @ gVh.mT
            M = M + column * ((W - W.mT) / E)
        gA = U @ M @ Vh
        if gU is not None and m > k:
            X = gU / row
            gA = gA + (X - U @ (U.mT @ X)) @ Vh
        if gVh is not None and n > k:
            X = gVh / column
            gA = gA + U @ (X - (X @ Vh.mT) @ Vh)
        return gA, None, None, None


class LinalgSvdFull(Function):
    """The full U and V: their further columns are any basis, without derivative."""

    @staticmethod
    def forward(ctx: Any, thin: Tensor, full: Tensor, rows: bool) -> Tensor:
        ctx.size, ctx.dim = thin.shape[-2 if rows else -1], -2 if rows else -1
        return full.view_as(full)

    @staticmethod
    def backward(ctx: Any, G: Tensor) -> tuple[Tensor | None, ...]:
        return G.narrow(ctx.dim, 0, ctx.size), None, None


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None,
        out: Any = None) -> SVD:
    """(U, S, Vh) with A = U diag(S) Vh, singular values in descending order.

    U is [..., m, m] and Vh [..., n, n], or with ``full_matrices=False`` [..., m, k] and
    [..., k, n], k = min(m, n).  Columns of U and rows of Vh are unique up to signs.  The derivative
    of the vectors needs distinct singular values, and for matrices that are not square values
    other than 0; of the values alone it always exists.

    Raises:
        LinAlgError: the algorithm did not converge, or A has elements that are not finite.

    Example::

        >>> A = cgrad.tensor([[3.0, 0.0], [0.0, 4.0]])
        >>> U, S, Vh = cgrad.linalg.svd(A)
        >>> S, cgrad.allclose(U @ S.diag() @ Vh, A)
        (tensor([4., 3.]), True)
    """
    checks.matrices("linalg.svd", A)
    if driver is not None:
        raise RuntimeError("linalg.svd: keyword argument `driver=` is only supported on CUDA "
                           "inputs")
    U, S, Vh = _svd("linalg.svd", A, True, full_matrices)
    if differentiated(A):
        k = S.shape[-1]
        thin = LinalgSvd.apply(A, U.narrow(-1, 0, k), S, Vh.narrow(-2, 0, k))
        if full_matrices:
            U = LinalgSvdFull.apply(thin[0], U, False) if U.shape[-1] > k else thin[0]
            Vh = LinalgSvdFull.apply(thin[2], Vh, True) if Vh.shape[-2] > k else thin[2]
            S = thin[1]
        else:
            U, S, Vh = thin
    return stored_all(SVD, "linalg.svd", (U, S, Vh), out)


def _svd(name: str, A: Tensor, vectors: bool, full: bool) -> tuple[Tensor, Tensor, Tensor]:
    m, n = A.shape[-2:]
    U, S, Vh, info = lapack.gesdd(A.detach(), vectors, full)
    if A.numel() == 0 and vectors and full:       # LAPACK leaves these alone
        U = cgrad.eye(m, dtype=A.dtype).expand(U.shape).clone()
        Vh = cgrad.eye(n, dtype=A.dtype).expand(Vh.shape).clone()
    if info.numel() and bool((info < 0).any()):
        checks.first_failure(info, f"{name}: The algorithm failed to converge because the input "
                             "matrix contained non-finite values.")
    checks.first_failure(info, f"{name}: {REPEATED.replace('eigen', 'singular ')}")
    return U, S, Vh


def svdvals(A: Tensor, *, driver: str | None = None, out: Tensor | None = None) -> Tensor:
    """The singular values of matrices in descending order.

    Example::

        >>> cgrad.linalg.svdvals(cgrad.tensor([[3.0, 0.0], [0.0, 4.0]]))
        tensor([4., 3.])
    """
    checks.matrices("linalg.svdvals", A)
    if differentiated(A):
        return stored(svd(A, False, driver=driver)[1], out, "linalg.svdvals")
    return stored(_svd("linalg.svdvals", A, False, False)[1], out, "linalg.svdvals")


class OldSVD(NamedTuple):
    """Result of ``cgrad.svd``."""

    U: Tensor
    S: Tensor
    V: Tensor


def old_svd(A: Tensor, some: bool, compute_uv: bool, out: Any) -> OldSVD:
    """``cgrad.svd``, whose V is not transposed."""
    if compute_uv:
        U, S, Vh = svd(A, not some)
        return stored_all(OldSVD, "svd", (U, S, Vh.mT), out)
    batch, (m, n) = tuple(A.shape[:-2]), A.shape[-2:]
    U, V = (cgrad.zeros((*batch, k, k), dtype=A.dtype) for k in (m, n))
    return stored_all(OldSVD, "svd", (U, svdvals(A), V), out)


def _complex(name: str, instead: str) -> Any:
    def refused(A: Tensor, *, out: Any = None) -> Any:
        raise RuntimeError(f"linalg.{name}: the eigenvalues of a general matrix are complex, and "
                           f"cgrad has no complex types; symmetric matrices have {instead}")
    refused.__name__ = refused.__qualname__ = name
    refused.__doc__ = (f"Not available: eigenvalues of general matrices are complex numbers, which "
                       f"cgrad does not have. For symmetric matrices there is :func:`{instead}`.")
    return refused


eig, eigvals = _complex("eig", "eigh"), _complex("eigvals", "eigvalsh")
