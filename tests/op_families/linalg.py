"""Linear algebra.

Matrices are made well conditioned on the way in (`regular`, `positive`, `symmetric`), alike for
cgrad, PyTorch and NumPy, and what is not unique (signs of vectors) on the way out.
"""
from __future__ import annotations

import math

import numpy as np

from op_families.spec import FLOATS, Bad, Case, Sample, T


def flip(a):
    """The transposed matrices of an array or a tensor."""
    return np.swapaxes(a, -1, -2) if isinstance(a, np.ndarray) else a.transpose(-2, -1)


def eye(xp, a, n):
    return np.eye(n) if isinstance(a, np.ndarray) else xp.eye(n, dtype=a.dtype)


def square(a):
    return a.ndim >= 2 and a.shape[-1] == a.shape[-2] and "float" in str(a.dtype)


def regular(xp, a):
    """a + 4 where it is square: far from singular."""
    return a + 4 * eye(xp, a, a.shape[-1]) if square(a) else a


def rectangular(xp, a):
    """a + 4 on the main diagonal, of any shape."""
    if a.ndim < 2:
        return a
    m, n = a.shape[-2:]
    return a + 4 * eye(xp, a, max(m, n))[:m, :n]


def positive(xp, a):
    """a aᵀ + 1: symmetric and positive definite."""
    return a @ flip(a) + eye(xp, a, a.shape[-1]) if square(a) else a


def symmetric(xp, a):
    """a + aᵀ, with distinct eigenvalues."""
    if not square(a):
        return a
    n = a.shape[-1]
    steps = np.diag(np.arange(n) * 3.0)
    if not isinstance(a, np.ndarray):
        steps = xp.tensor(steps, dtype=a.dtype)
    return a + flip(a) + steps


def lower(xp, a):
    """A triangular matrix with a diagonal far from 0."""
    if not square(a):
        return a
    return np.tril(regular(xp, a)) if isinstance(a, np.ndarray) else regular(xp, a).tril()


def resolve(xp, name):
    for part in name.split(":")[0].split("."):
        xp = getattr(xp, part)
    return xp


def plain(*results):
    return results[0] if len(results) == 1 else results


def case(name, numpy, samples, prepare=regular, after=plain, **options):
    """A case whose first argument is prepared, and whose results go through `after`."""
    def call(xp, a, *args, **kwargs):
        y = resolve(xp, name)(prepare(xp, a), *args, **kwargs)
        return after(*y) if isinstance(y, tuple) else after(y)

    def reference(a, *args, **kwargs):
        y = numpy(prepare(np, np.asarray(a)), *args, **kwargs)
        return after(*y) if isinstance(y, tuple) else after(y)

    return Case(name, reference, samples, **{
        "call": call, "dtypes": FLOATS, "method": False, "tolerance": 100, **options})


def each(*shapes, **kwargs):
    return [Sample(T(*s), **kwargs) for s in shapes]


def same(xp, a):
    return a


MATRICES = each((3, 3), (2, 3, 3), (1, 1), (0, 0), (0, 2, 2))
SQUARE = [Bad((T(2, 3),), RuntimeError, r"square.*2, 3"), Bad((T(3),), RuntimeError, "at least 2"),
          Bad((T(2, 2, dtype="int64"),), RuntimeError, "float")]
MATRIX = [Bad((T(3),), RuntimeError, "at least 2"),
          Bad((T(2, 2, dtype="int64"),), RuntimeError, "float")]


def solved(a, b, left=True):
    vector = b.ndim == 1 or (a.ndim == b.ndim + 1 and a.shape[:-1] == b.shape)
    if not left:
        return flip(np.linalg.solve(flip(a), flip(b)))
    return np.linalg.solve(a, b[..., None])[..., 0] if vector else np.linalg.solve(a, b)


def least_squares(a, b):
    return np.linalg.pinv(a) @ b


def signs(Q, R):
    """Q and R made unique: the diagonal of R positive."""
    if isinstance(R, np.ndarray):
        s = np.sign(np.diagonal(R, 0, -2, -1))
    else:
        s = R.detach().diagonal(0, -2, -1).sign()
    return Q * s[..., None, :], R * s[..., :, None]


def unique(U, S, V):
    """What does not depend on signs, nor on the vectors of singular values of 0."""
    cube = (S ** 3)[..., None, :]
    return S, (U * S[..., None, :]) @ V, (U * cube) @ flip(U), (flip(V) * cube) @ V


def exponential(a):
    y, term = np.eye(a.shape[-1]) + 0 * a, np.eye(a.shape[-1])
    for k in range(1, 60):
        term = term @ a / k
        y = y + term
    return y


def vector_norm(x, ord=2, dim=None, keepdim=False):
    x = np.abs(x)
    if ord in (math.inf, -math.inf):
        return (np.max if ord > 0 else np.min)(x, dim, keepdims=keepdim)
    if ord == 0:
        return np.sum(x != 0, dim, keepdims=keepdim).astype(x.dtype)
    return np.sum(x ** ord, dim, keepdims=keepdim) ** (1 / ord)


def distances(a, b, p=2.0, compute_mode=None):
    return vector_norm(a[..., :, None, :] - b[..., None, :, :], p, -1)


CASES = [
    case("linalg.solve", solved, [
        Sample(T(3, 3), T(3, 2)), Sample(T(3, 3), T(3)), Sample(T(2, 3, 3), T(2, 3)),
        Sample(T(2, 1, 3, 3), T(4, 3, 2)), Sample(T(3, 3), T(2, 3), left=False),
        Sample(T(0, 0), T(0, 2)), Sample(T(2, 2, 2), T(2, 1))], errors=[
            *SQUARE, Bad((T(3, 3), T(2, 2)), RuntimeError, "shapes.*3, 3.*2, 2"),
            Bad((T(3, 3), T(3, 2, dtype="float64")), RuntimeError, "dtype"),
            Bad((T(2, 3, 3), T(3, 3, 2)), RuntimeError, "batch|broadcast")][3:]),
    case("linalg.inv", np.linalg.inv, MATRICES, errors=SQUARE),
    case("inverse", np.linalg.inv, each((3, 3))),
    case("linalg.inv_ex", np.linalg.inv, each((3, 3), (2, 2, 2)), after=lambda y, info=0: y),
    case("linalg.solve_ex", solved, [Sample(T(3, 3), T(3, 2))], after=lambda y, info=0: y),
    case("linalg.det", np.linalg.det, MATRICES, errors=SQUARE),
    case("linalg.det:singular", np.linalg.det, each((3, 3), (2, 3, 3)), domain="positive",
         prepare=lambda xp, a: a - a[..., :1] * (a[..., :1, :] / a[..., :1, :1])),
    case("det", np.linalg.det, each((3, 3))),
    case("linalg.slogdet", np.linalg.slogdet, MATRICES, after=lambda *y: (y[0], y[1]),
         errors=SQUARE),
    case("slogdet", np.linalg.slogdet, each((2, 2)), after=lambda *y: (y[0], y[1])),
    case("logdet", lambda a: np.linalg.slogdet(a)[1], MATRICES, prepare=positive, errors=SQUARE),
    case("linalg.tensorinv", lambda a, ind=2: np.linalg.inv(a.reshape(4, 4)).reshape(2, 2, 2, 2), [
        Sample(T(4, 4), ind=2)], prepare=lambda xp, a: regular(xp, a).reshape(2, 2, 2, 2)),
    case("linalg.tensorsolve", lambda a, b: np.linalg.solve(a.reshape(4, 4), b.ravel()).reshape(
        2, 2), [Sample(T(4, 4), T(2, 2))],
        prepare=lambda xp, a: regular(xp, a).reshape(2, 2, 2, 2)),
    case("linalg.solve_triangular", lambda a, b, upper, left=True, unitriangular=False: solved(
        a, b, left), [Sample(T(3, 3), T(3, 2), upper=False),
                      Sample(T(2, 3, 3), T(3, 2), upper=False),
                      Sample(T(3, 3), T(2, 3), upper=False, left=False),
                      Sample(T(0, 0), T(0, 2), upper=False)], prepare=lower, errors=[
             Bad((T(3, 3), T(2, 2)), RuntimeError, "shapes.*3, 3.*2, 2", {"upper": True})]),
    case("linalg.solve_triangular:unit", lambda a, b, **kw: solved(
        np.triu(a, 1) + np.eye(3), b), [Sample(T(3, 3), T(3, 2), upper=True, unitriangular=True)]),
    Case("triangular_solve", lambda b, a: np.linalg.solve(np.triu(a) + 4 * np.eye(3), b), [
        Sample(T(3, 2), T(3, 3))], dtypes=FLOATS, method=False, tolerance=100,
        call=lambda xp, b, a: xp.triangular_solve(b, regular(xp, a))[0]),
    Case("cholesky_solve", lambda b, a: np.linalg.solve(lower(np, a) @ lower(np, a).T, b), [
        Sample(T(3, 2), T(3, 3))], dtypes=FLOATS, method=False, tolerance=100,
        call=lambda xp, b, a: xp.cholesky_solve(b, lower(xp, a)), errors=[
            Bad((T(3, 2), T(2, 2)), RuntimeError, "cholesky_solve")]),
    case("cholesky_inverse", lambda a: np.linalg.inv(a @ flip(a)), each((3, 3), (2, 2, 2)),
         prepare=lower, errors=SQUARE[:1]),
    case("linalg.pinv", np.linalg.pinv, each((3, 3), (4, 2), (2, 2, 3), (0, 2)), errors=MATRIX),
    case("linalg.pinv:low rank", np.linalg.pinv, each((3, 4)), domain="positive",
         prepare=lambda xp, a: a[..., :2] @ flip(a)[..., :2, :], dtypes=("float64",)),
    case("linalg.pinv:hermitian", lambda a, hermitian: np.linalg.pinv(a),
         each((3, 3), hermitian=True), prepare=symmetric),
    # With the default of 1e-15, what a rank-deficient float32 matrix gives is rounding alone.
    case("pinverse", np.linalg.pinv, each((4, 2), rcond=1e-5)),
    *(case(f"linalg.lstsq:{driver}", least_squares, [
        Sample(T(4, 2), T(4, 3)), Sample(T(2, 4, 2), T(2, 4, 1)), Sample(T(2, 4), T(2, 3))],
        prepare=rectangular,
        call=lambda xp, a, b, driver=driver: xp.linalg.lstsq(
            rectangular(xp, a), b, driver=driver).solution)
      for driver in ("gels", "gelsy", "gelsd", "gelss")),
    Case("linalg.lstsq", None, [Sample(T(4, 2), T(4, 3)), Sample(T(4, 2), T(4))], dtypes=FLOATS,
         method=False, call=lambda xp, a, b: xp.linalg.lstsq(a, b, driver="gelsd")[:2], errors=[
             Bad((T(3, 2), T(4, 2)), RuntimeError, "3, 2.*4, 2"), Bad((T(3), T(3)), RuntimeError,
                                                                     "at least 2")]),

    case("linalg.cholesky", np.linalg.cholesky, MATRICES, prepare=positive, errors=SQUARE),
    case("linalg.cholesky:upper", lambda a, upper: flip(np.linalg.cholesky(a)),
         each((3, 3), upper=True), prepare=positive),
    case("cholesky", np.linalg.cholesky, each((3, 3)), prepare=positive),
    case("linalg.cholesky_ex", np.linalg.cholesky, each((2, 2)), prepare=positive,
         after=lambda L, info=0: L),
    *(case(name, lambda a, **kw: tuple(np.linalg.qr(a)),
           each((3, 3), (4, 2), (2, 2, 4), (0, 2), (3, 0)) if name == "linalg.qr" else each((3, 2)),
           after=signs, prepare=rectangular,
           errors=[Bad((T(3),), RuntimeError, "at least 2")]) for name in ("linalg.qr", "qr")),
    case("linalg.eigh", lambda a: tuple(np.linalg.eigh(a)), MATRICES, prepare=symmetric,
         after=lambda w, V: (w, V * V), errors=[
             *SQUARE, Bad((T(2, 2), "X"), RuntimeError, "UPLO")]),
    case("linalg.eigvalsh", np.linalg.eigvalsh, MATRICES, prepare=symmetric, errors=SQUARE),
    case("linalg.svd", lambda a, full_matrices=False: tuple(np.linalg.svd(a, full_matrices)),
         each((3, 3), (4, 2), (2, 2, 3), (0, 2), full_matrices=False), prepare=same,
         after=unique, errors=MATRIX),
    case("linalg.svd:full", lambda a: tuple(np.linalg.svd(a)), each((4, 2), (2, 4)), prepare=same,
         after=lambda U, S, V: unique(U[..., :2], S, V[..., :2, :])),
    case("svd", lambda a: np.linalg.svd(a)[1], each((4, 2)), prepare=same,
         after=lambda *y: y[len(y) // 2]),
    case("linalg.svdvals", lambda a: np.linalg.svd(a)[1], each((3, 3), (4, 2), (2, 2, 3)),
         prepare=same, errors=MATRIX),
    case("linalg.lu", lambda a: a, each((3, 3), (4, 2), (2, 2, 4), (0, 2)), prepare=same,
         after=lambda P, L=None, U=None: P if L is None else P @ L @ U, errors=MATRIX),
    case("linalg.lu:factors", lambda a: (np.tril(a, -1) * 0 + np.eye(3), a), each((3, 3)),
         prepare=lambda xp, a: flip(lower(xp, a)), after=lambda *y: y[-2:]),
    case("linalg.householder_product", lambda a, tau: np.eye(3)[:, :2] @ np.eye(2) - a[:, :2] * 0
         - tau[0] * np.array([[1.0], [0], [0]]) @ np.array([[1.0, 0]]), [
             Sample(T(3, 2), T(1))], prepare=lambda xp, a: a * 0, covers=()),

    case("linalg.matrix_power", np.linalg.matrix_power, [
        Sample(T(3, 3), 3), Sample(T(2, 2, 2), -2), Sample(T(2, 2), 1), Sample(T(0, 0), 2)],
        errors=[Bad((T(2, 3), 2), RuntimeError, "square")]),
    case("matrix_power", np.linalg.matrix_power, [Sample(T(3, 3), 5)]),
    case("linalg.matrix_exp", exponential, each((3, 3), (2, 2, 2), (0, 0)), prepare=same,
         errors=SQUARE[:2]),
    case("matrix_exp", exponential, each((2, 2))),
    case("linalg.multi_dot", lambda *a: np.linalg.multi_dot(a), [
        Sample(T(2, 3), T(3, 4), T(4, 2)), Sample(T(3), T(3, 4), T(4))], prepare=same,
        call=lambda xp, *a: xp.linalg.multi_dot(a), errors=[
            Bad((T(2, 3),), RuntimeError, "at least 2"),
            Bad((T(2, 3), T(2, 3)), RuntimeError, "2, 3.*2, 3")]),
    case("linalg.vecdot", lambda a, b, dim=-1: (a * b).sum(dim), [
        Sample(T(3), T(3)), Sample(T(2, 3), T(3)), Sample(T(2, 3), T(2, 1), dim=0)], prepare=same,
        errors=[Bad((T(3), T(3, dtype="float64")), RuntimeError, "dtype")]),
    case("linalg.cross", np.cross, [Sample(T(2, 3), T(2, 3))], prepare=same),
    case("linalg.matmul", np.matmul, [Sample(T(2, 3), T(3, 2))], prepare=same),
    case("linalg.diagonal", lambda a: np.diagonal(a, 0, -2, -1), each((3, 3), (2, 2, 3)),
         prepare=same),
    case("linalg.vander", lambda x, N=None: np.stack([x ** i for i in range(N or x.shape[-1])], -1),
         [Sample(T(3)), Sample(T(2, 3), N=2)], prepare=same),

    case("linalg.vector_norm", vector_norm, [
        Sample(T(3, 4)), Sample(T(3, 4), 1), Sample(T(3, 4), math.inf, 1),
        Sample(T(3, 4), -math.inf, 0, True), Sample(T(3, 4), 0), Sample(T(3, 4), 3.5, 1),
        Sample(T(3, 4), 1.5, (0, 1)), Sample(T(3, 4), 0.5, 1), Sample(T(3), -2), Sample(T(0, 3)),
        Sample(T())], prepare=same, domain="distinct", errors=[
            Bad((T(0), math.inf), RuntimeError, "empty"),
            Bad((T(2, 2), "fro"), (RuntimeError, TypeError), "ord", torch=False),
            Bad((T(2), 2, 1), IndexError, "out of range")]),
    case("linalg.matrix_norm", lambda a, ord="fro", dim=(-2, -1), keepdim=False: np.linalg.norm(
        a, ord, dim, keepdim), [
            Sample(T(3, 4), ord) for ord in ("fro", "nuc", 2, -2, 1, -1, math.inf, -math.inf)] + [
                Sample(T(3, 2, 4), 1, (0, 2)), Sample(T(3, 2, 4), 2, (2, 0), True),
                Sample(T(0, 2), "nuc")], prepare=same, domain="distinct", errors=[
            Bad((T(2, 2), 3), RuntimeError, "3"), Bad((T(2, 2), "fro", (0, 0)), RuntimeError,
                                                      "different")]),
    case("linalg.norm", lambda a, ord=None, dim=None: np.linalg.norm(
        a if ord is not None or dim is not None else a.ravel(), ord, dim), [
            Sample(T(3, 4)), Sample(T(3), 1), Sample(T(3, 4), 1), Sample(T(3, 4), "nuc"),
            Sample(T(2, 3, 4), 2, (1, 2)), Sample(T(3, 4), 3, 1), Sample(T(2, 3, 4))], prepare=same,
         domain="distinct", errors=[Bad((T(2, 2, 2), 1), RuntimeError, "1D or 2D"),
                                    Bad((T(2), "fro"), RuntimeError, "fro")]),
    case("linalg.cond", np.linalg.cond, [
        Sample(T(2, 3, 3)), Sample(T(3, 3), -2), Sample(T(2, 4), 2)], prepare=rectangular, errors=[
            Bad((T(2, 3), 1), RuntimeError, "square")]),
    # PyTorch 2.13 changes the inverse in place and cannot differentiate these.
    case("linalg.cond:by inverse", lambda a, p: np.linalg.cond(a, p), [
        Sample(T(2, 3, 3), 1), Sample(T(3, 3), "fro"), Sample(T(3, 3), -math.inf)], torch=False),
    case("linalg.matrix_rank", np.linalg.matrix_rank, [
        Sample(T(3, 3)), Sample(T(2, 3, 2)), Sample(T(0, 2))], grad=False, result="int64"),
    case("cdist", distances, [
        Sample(T(3, 4), T(2, 4)), Sample(T(2, 3, 4), T(5, 4), 1.0), Sample(T(3, 2), T(4, 2), 1.5),
        Sample(T(3, 2), T(4, 2), math.inf), Sample(T(3, 2), T(4, 2), 3.0), Sample(T(0, 2), T(3, 2)),
        Sample(T(3, 2), T(4, 2), 2.0, "use_mm_for_euclid_dist")], prepare=same, errors=[
            Bad((T(2, 3), T(2, 4)), RuntimeError, "columns.*3.*4"),
            Bad((T(2, 3), T(2, 3), -1.0), RuntimeError, "non-negative"),
            Bad((T(3), T(2, 3)), RuntimeError, "2D")]),
]
ELSEWHERE = dict.fromkeys(("geqrf", "lu", "lu_solve", "lu_unpack", "orgqr", "ormqr"),
                          "tests/test_linalg.py")
