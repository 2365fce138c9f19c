"""Linear algebra under its names at the top and as methods; the work is in ``cgrad.linalg``.

That package is imported by the first call: importing cgrad does not pay for it.
"""
from __future__ import annotations

from typing import Any

from cgrad._composite.register import check_tensors, public, stored
from cgrad._engine.face import public as _op
from cgrad._tensor.tensor import Tensor


def _linalg() -> Any:
    from cgrad import linalg

    return linalg


# -- norms and distances ---------------------------------------------------------------------------


@public()
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, *,
         dtype: Any = None, out: Tensor | None = None) -> Tensor:
    """norm(input, p="fro", dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The p-norm (sum |x|^p)^(1/p) over `dim`; "fro" is p = 2; inf and -inf give the largest and the
    smallest magnitude, 0 counts what is not 0; "nuc" is the sum of the singular values.  The
    gradient of the 2-norm at 0 is 0.  See :func:`linalg.vector_norm`.

    Example::

        >>> cgrad.norm(cgrad.tensor([3.0, 4.0]))
        tensor(5.)
    """
    from cgrad.linalg.norms import legacy_norm

    return stored(legacy_norm(input, p, dim, keepdim, dtype), out, "norm")


MODES = {"use_mm_for_euclid_dist_if_necessary": 25, "use_mm_for_euclid_dist": 0,
         "donot_use_mm_for_euclid_dist": float("inf")}    # rows up to which differences are taken
ELEMENTS = 1 << 17               # of differences taken at a time


@public(method=False)
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0,
          compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """cdist(x1, x2, p=2, compute_mode="use_mm_for_euclid_dist_if_necessary") -> Tensor

    The p-norm distances of all rows of x1 [..., P, M] to all rows of x2 [..., R, M]: [..., P, R].
    The derivative at distance 0 is 0.  For p = 2 and more than 25 rows one matrix product,
    |x|² + |y|² - 2 xᵀy, takes the place of differences: faster, less precise for near points.

    Example::

        >>> cgrad.cdist(cgrad.tensor([[0.0, 0.0]]), cgrad.tensor([[3.0, 4.0], [0.0, 1.0]]))
        tensor([[5., 1.]])
    """
    from cgrad.linalg.norms import _root, _vector_norm

    check_tensors("cdist", x1=x1, x2=x2)
    for i, x in enumerate((x1, x2), 1):
        if not x.dtype.is_floating_point:
            raise RuntimeError(f"cdist only supports floating-point dtypes, X{i} got: {x.dtype}")
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, X{i} got: {x.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} "
                           f"X2: {x2.shape[-1]}")
    if not p >= 0:
        raise RuntimeError(f"cdist only supports non-negative p values, but got p={p}")
    if compute_mode not in MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    if x1.dtype != x2.dtype:
        x1, x2 = x1.double(), x2.double()
    rows = max(x1.shape[-2], x2.shape[-2])
    if p == 2 and rows > MODES[compute_mode]:
        # One product of rows [-2x, |x|², 1] and columns [y, 1, |y|²].
        a, b = (x1 * x1).sum(-1, keepdim=True), (x2 * x2).sum(-1, keepdim=True)
        square = (_op["cat"]([x1 * -2, a, _op["ones_like"](a)], -1)
                  @ _op["cat"]([x2, _op["ones_like"](b), b], -1).mT)
        return _root(square.clamp(min=0.0), lambda s: s.sqrt())
    x1, x2 = x1.unsqueeze(-2), x2.unsqueeze(-3)
    step = max(ELEMENTS // max(x1.numel() // max(x1.shape[-3], 1), x2.numel(), 1), 1)
    parts = [_vector_norm(part - x2, float(p), (x1.ndim - 1,) if x1.ndim >= x2.ndim
                          else (x2.ndim - 1,), False)
             for part in x1.split(step, -3)]
    return parts[0] if len(parts) == 1 else _op["cat"](parts, -2)


# -- determinants, inverses, factorizations --------------------------------------------------------


@public()
def det(input: Tensor) -> Tensor:
    """det(input) -> Tensor

    The determinants of square matrices, :func:`linalg.det`.

    Example::

        >>> cgrad.det(cgrad.tensor([[2.0, 1.0], [1.0, 3.0]]))
        tensor(5.)
    """
    return _linalg().det(input)


@public()
def slogdet(input: Tensor) -> tuple[Tensor, Tensor]:
    """slogdet(input) -> (sign, logabsdet)

    Sign and logarithm of the determinants, :func:`linalg.slogdet`.

    Example::

        >>> cgrad.slogdet(cgrad.tensor([[0.0, 1.0], [1.0, 0.0]]))
        Slogdet(sign=tensor(-1.), logabsdet=tensor(0.))
    """
    return _linalg().slogdet(input)


@public()
def logdet(input: Tensor) -> Tensor:
    """logdet(input) -> Tensor

    The logarithm of the determinants: NaN where that is negative, -inf where it is 0.

    Example::

        >>> cgrad.logdet(cgrad.tensor([[2.0, 0.0], [0.0, 0.5]]))
        tensor(0.)
    """
    from cgrad.linalg.lu import logdet as function

    return function(input)


@public()
def inverse(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """inverse(input, *, out=None) -> Tensor

    The inverses of square matrices, :func:`linalg.inv`.

    Example::

        >>> cgrad.inverse(cgrad.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    return _linalg().inv(input, out=out)


@public()
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """pinverse(input, rcond=1e-15) -> Tensor

    The pseudoinverses of matrices, :func:`linalg.pinv`.

    Example::

        >>> cgrad.pinverse(cgrad.tensor([[2.0, 0.0]]))
        tensor([[0.5000],
                [0.0000]])
    """
    return _linalg().pinv(input, rcond=rcond)


@public()
def matrix_power(input: Tensor, n: int, *, out: Tensor | None = None) -> Tensor:
    """matrix_power(input, n, *, out=None) -> Tensor

    The n-th power of square matrices, :func:`linalg.matrix_power`.

    Example::

        >>> cgrad.matrix_power(cgrad.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
        tensor([[1., 3.],
                [0., 1.]])
    """
    return _linalg().matrix_power(input, n, out=out)


@public()
def matrix_exp(input: Tensor) -> Tensor:
    """matrix_exp(input) -> Tensor

    The exponential of square matrices, :func:`linalg.matrix_exp`.

    Example::

        >>> cgrad.matrix_exp(cgrad.tensor([[0.0, 1.0], [0.0, 0.0]]))
        tensor([[1., 1.],
                [0., 1.]])
    """
    return _linalg().matrix_exp(input)


@public()
def cholesky(input: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """cholesky(input, upper=False, *, out=None) -> Tensor

    The triangular factors of positive definite matrices, :func:`linalg.cholesky`.

    Example::

        >>> cgrad.cholesky(cgrad.tensor([[4.0, 2.0], [2.0, 5.0]]))
        tensor([[2., 0.],
                [1., 2.]])
    """
    return _linalg().cholesky(input, upper=upper, out=out)


@public()
def cholesky_solve(input: Tensor, input2: Tensor, upper: bool = False, *,
                   out: Tensor | None = None) -> Tensor:
    """cholesky_solve(input, input2, upper=False, *, out=None) -> Tensor

    X with A X = input, A given by its Cholesky factor input2: A = L Lᵀ, or Lᵀ L if `upper`.

    Example::

        >>> L = cgrad.tensor([[2.0, 0.0], [0.0, 1.0]])
        >>> cgrad.cholesky_solve(cgrad.tensor([[4.0], [1.0]]), L)
        tensor([[1.],
                [1.]])
    """
    from cgrad.linalg.solve import cholesky_solve as function

    return function(input, input2, upper, out=out)


@public()
def cholesky_inverse(input: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """cholesky_inverse(input, upper=False, *, out=None) -> Tensor

    The inverse of the matrix whose Cholesky factor is given: of L Lᵀ, or Lᵀ L if `upper`.

    Example::

        >>> cgrad.cholesky_inverse(cgrad.tensor([[2.0, 0.0], [0.0, 1.0]]))
        tensor([[0.2500, 0.0000],
                [0.0000, 1.0000]])
    """
    from cgrad.linalg.solve import cholesky_inverse as function

    return function(input, upper, out=out)


@public()
def qr(input: Tensor, some: bool = True, *, out: Any = None) -> tuple[Tensor, Tensor]:
    """qr(input, some=True, *, out=None) -> (Q, R)

    input = Q R, :func:`linalg.qr` in mode "reduced", or "complete" for ``some=False``.

    Example::

        >>> Q, R = cgrad.qr(cgrad.tensor([[3.0, 1.0], [4.0, 2.0]]))
        >>> cgrad.allclose(Q @ R, cgrad.tensor([[3.0, 1.0], [4.0, 2.0]]), atol=1e-5)
        True
    """
    return _linalg().qr(input, "reduced" if some else "complete", out=out)


@public()
def svd(input: Tensor, some: bool = True, compute_uv: bool = True, *,
        out: Any = None) -> tuple[Tensor, Tensor, Tensor]:
    """svd(input, some=True, compute_uv=True, *, out=None) -> (U, S, V)

    input = U diag(S) Vᵀ, as :func:`linalg.svd` but for V, which is not transposed.  Without
    `compute_uv` U and V are zeros.

    Example::

        >>> U, S, V = cgrad.svd(cgrad.tensor([[3.0, 0.0], [0.0, 4.0]]))
        >>> S
        tensor([4., 3.])
    """
    from cgrad.linalg.decompositions import old_svd

    return old_svd(input, some, compute_uv, out)


@public()
def orgqr(input: Tensor, tau: Tensor, *, out: Tensor | None = None) -> Tensor:
    """orgqr(input, tau, *, out=None) -> Tensor

    :func:`linalg.householder_product`.

    Example::

        >>> A = cgrad.tensor([[3.0], [4.0]])
        >>> q = cgrad.orgqr(*cgrad.geqrf(A))
        >>> cgrad.allclose(q.T @ q, cgrad.eye(1))
        True
    """
    return _linalg().householder_product(input, tau, out=out)


@public()
def ormqr(input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False, *,
          out: Tensor | None = None) -> Tensor:
    """ormqr(input, tau, other, left=True, transpose=False, *, out=None) -> Tensor

    Q other (or other Q), Q the product of the reflectors that :func:`geqrf` gives; Qᵀ for
    `transpose`.

    Example::

        >>> A = cgrad.tensor([[3.0], [4.0]])
        >>> a, tau = cgrad.geqrf(A)
        >>> cgrad.ormqr(a, tau, A, transpose=True).abs().round(decimals=4)
        tensor([[5.],
                [0.]])
    """
    from cgrad.linalg.decompositions import ormqr as function

    return function(input, tau, other, left, transpose, out=out)


@public()
def geqrf(input: Tensor, *, out: Any = None) -> tuple[Tensor, Tensor]:
    """geqrf(input, *, out=None) -> (a, tau)

    R above the diagonal of `a`, the Householder vectors of Q below it, as LAPACK has them; for
    :func:`ormqr` and :func:`orgqr`.  No derivative: use :func:`linalg.qr`.

    Example::

        >>> a, tau = cgrad.geqrf(cgrad.tensor([[3.0], [4.0]]))
        >>> a.shape, tau.shape
        (cgrad.Size([2, 1]), cgrad.Size([1]))
    """
    from cgrad.linalg.decompositions import geqrf as function

    return function(input, out)


@public()
def lu(input: Tensor, pivot: bool = True, get_infos: bool = False, *, out: Any = None) -> Any:
    """lu(input, pivot=True, get_infos=False, *, out=None) -> (LU, pivots) or (LU, pivots, info)

    The packed factors of :func:`linalg.lu_factor`.

    Example::

        >>> LU, pivots = cgrad.lu(cgrad.tensor([[2.0, 1.0], [4.0, 4.0]]))
        >>> LU, pivots
        (tensor([[ 4.0000,  4.0000],
                [ 0.5000, -1.0000]]), tensor([2, 2], dtype=cgrad.int32))
    """
    found = _linalg().lu_factor_ex(input, pivot=pivot, check_errors=not get_infos, out=out)
    return found if get_infos else tuple(found[:2])


@public(method=False)
def lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True,
              unpack_pivots: bool = True, *, out: Any = None) -> tuple[Tensor, Tensor, Tensor]:
    """lu_unpack(LU_data, LU_pivots, unpack_data=True, unpack_pivots=True) -> (P, L, U)

    P, L, U with A = P L U from the packed factors; what is not wanted is empty.

    Example::

        >>> LU, pivots = cgrad.linalg.lu_factor(cgrad.tensor([[2.0, 1.0], [4.0, 4.0]]))
        >>> P, L, U = cgrad.lu_unpack(LU, pivots)
        >>> P @ L @ U
        tensor([[2., 1.],
                [4., 4.]])
    """
    from cgrad.linalg.lu import lu_unpack as function

    return function(LU_data, LU_pivots, unpack_data, unpack_pivots, out=out)


@public()
def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor, *, out: Tensor | None = None) -> Tensor:
    """lu_solve(b, LU_data, LU_pivots, *, out=None) -> Tensor

    X with A X = b, A given by its packed factors, :func:`linalg.lu_solve`.

    Example::

        >>> LU, pivots = cgrad.linalg.lu_factor(cgrad.tensor([[2.0, 0.0], [0.0, 4.0]]))
        >>> cgrad.lu_solve(cgrad.tensor([[2.0], [4.0]]), LU, pivots)
        tensor([[1.],
                [1.]])
    """
    return _linalg().lu_solve(LU_data, LU_pivots, b, out=out)


@public()
def triangular_solve(b: Tensor, A: Tensor, upper: bool = True, transpose: bool = False,
                     unitriangular: bool = False, *, out: Any = None) -> tuple[Tensor, Tensor]:
    """triangular_solve(b, A, upper=True, transpose=False, unitriangular=False)

    (X, a copy of A) with A X = b, or Aᵀ X = b; see :func:`linalg.solve_triangular`.

    Example::

        >>> A = cgrad.tensor([[2.0, 0.0], [0.0, 4.0]])
        >>> cgrad.triangular_solve(cgrad.tensor([[2.0], [4.0]]), A).solution
        tensor([[1.],
                [1.]])
    """
    from cgrad.linalg.solve import triangular_solve as function

    return function(b, A, upper, transpose, unitriangular, out)
