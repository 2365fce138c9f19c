"""What the table of cases cannot say about linear algebra: failures, factors, rare arguments."""
from __future__ import annotations

import threading

import numpy as np
import pytest

import cgrad
from cgrad import linalg
from checker import check_gradients, check_second

RNG = np.random.default_rng(0)


def matrix(*shape):
    a = RNG.standard_normal(shape)
    return a + 3 * np.eye(*shape[-2:])


def test_failures_are_named():
    singular = cgrad.tensor([[1.0, 2.0], [2.0, 4.0]])
    batch = cgrad.stack([cgrad.eye(2), singular])
    assert issubclass(linalg.LinAlgError, RuntimeError)
    with pytest.raises(linalg.LinAlgError, match=r"linalg.inv: The diagonal element 2 is zero"):
        linalg.inv(singular)
    with pytest.raises(linalg.LinAlgError, match=r"linalg.solve: \(Batch element 1\).*singular"):
        linalg.solve(batch, cgrad.ones(2, 2, 1))
    with pytest.raises(linalg.LinAlgError, match=r"leading minor of order 2"):
        linalg.cholesky(-cgrad.eye(2) + 2 * cgrad.tensor([[1.0, 0], [0, 0]]))
    with pytest.raises(linalg.LinAlgError, match="non-finite"):
        linalg.svd(cgrad.full((3, 3), float("nan")))
    with pytest.raises(linalg.LinAlgError, match=r"U\[2,2\] is zero"):
        linalg.lu_factor(singular)
    with pytest.raises(linalg.LinAlgError, match="full rank"):
        linalg.lstsq(cgrad.eye(3, 1) * cgrad.ones(3, 2), cgrad.ones(3, 1), driver="gels")
    assert linalg.inv_ex(batch).info.tolist() == [0, 2]
    assert linalg.solve_ex(batch, cgrad.ones(2, 2, 1)).info.tolist() == [0, 2]
    assert linalg.cholesky_ex(-cgrad.eye(2)).info.item() == 1
    assert linalg.lu_factor_ex(singular).info.item() == 2
    for name in ("eig", "eigvals"):
        with pytest.raises(RuntimeError, match="no complex types"):
            getattr(linalg, name)(singular)


def test_results_lie_as_in_lapack_and_belong_to_nobody_else():
    a = cgrad.tensor(matrix(2, 4, 4))
    for y in (linalg.inv(a), linalg.lu_factor(a).LU, linalg.qr(a).Q, linalg.svd(a).U):
        assert y.stride() == (16, 1, 4)
        y.add_(1)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 3)])
def test_lu(shape):
    x = matrix(*shape)[..., ::-1].copy()         # rows are exchanged
    a = cgrad.tensor(x)
    P, L, U = linalg.lu(a)
    np.testing.assert_allclose((P @ L @ U).numpy(), x, 1e-12, 1e-12)
    packed, pivots = cgrad.lu(a)
    assert pivots.dtype is cgrad.int32 and cgrad.lu(a, get_infos=True)[2].sum() == 0
    for found, expected in zip(cgrad.lu_unpack(packed, pivots), (P, L, U)):
        assert found.equal(expected)
    assert [t.numel() for t in cgrad.lu_unpack(packed, pivots, unpack_data=False)[1:]] == [0, 0]

    def factors(a):
        return linalg.lu(a)[1:]

    check_gradients(factors, [x])
    check_second(factors, [x])
    check_gradients(lambda a: cgrad.lu(a)[0], [x])


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("adjoint", [True, False])
def test_lu_solve(left, adjoint):
    x, b = matrix(2, 3, 3)[..., ::-1].copy(), RNG.standard_normal((2, 3, 3))

    def solve(a, b):
        return linalg.lu_solve(*linalg.lu_factor(a), b, left=left, adjoint=adjoint)

    y = solve(cgrad.tensor(x), cgrad.tensor(b)).numpy()
    op = x.transpose(0, 2, 1) if adjoint else x
    np.testing.assert_allclose(op @ y if left else y @ op, b, 1e-10, 1e-10)
    check_gradients(solve, [x, b])
    check_second(solve, [x, b])
    packed, pivots = cgrad.lu(cgrad.tensor(x))
    found = cgrad.lu_solve(cgrad.tensor(b), packed, pivots)
    np.testing.assert_allclose(x @ found.numpy(), b, 1e-10, 1e-10)


def test_pivots_out_of_range_are_refused():
    packed = cgrad.eye(3)
    for wrong in (0, 4, -1, 2**31 - 1):
        pivots = cgrad.tensor([1, 2, wrong], dtype=cgrad.int32)
        with pytest.raises(RuntimeError, match="pivots must be in"):
            linalg.lu_solve(packed, pivots, cgrad.ones(3, 1))
        with pytest.raises(RuntimeError, match="pivots must be in"):
            cgrad.lu_unpack(packed, pivots)
    with pytest.raises(RuntimeError, match="int32"):
        cgrad.lu_unpack(packed, cgrad.tensor([1, 2, 3]))
    with pytest.raises(RuntimeError, match="pivots"):
        linalg.lu_solve(packed, pivots[:2], cgrad.ones(3, 1))


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4, 3)])
def test_reflectors(shape):
    x = matrix(*shape)
    packed, tau = cgrad.geqrf(cgrad.tensor(x))
    Q = cgrad.orgqr(packed, tau)
    np.testing.assert_allclose((Q @ packed.triu()[..., :shape[-1], :]).numpy(), x, 1e-12, 1e-12)
    whole = linalg.qr(cgrad.tensor(x), "complete").Q
    b = RNG.standard_normal((*shape[:-1], 2))
    for transpose in (False, True):
        q = whole.mT if transpose else whole
        y = cgrad.ormqr(packed, tau, cgrad.tensor(b), True, transpose)
        np.testing.assert_allclose(y.numpy(), (q @ cgrad.tensor(b)).numpy(), 1e-12, 1e-12)
        y = cgrad.ormqr(packed, tau, cgrad.tensor(b).mT, False, transpose)
        np.testing.assert_allclose(y.numpy(), (cgrad.tensor(b).mT @ q).numpy(), 1e-12, 1e-12)
    below = [packed.numpy(), tau.numpy()]
    check_gradients(linalg.householder_product, below)
    check_second(linalg.householder_product, below)
    check_gradients(cgrad.ormqr, [*below, b])
    recorded = linalg.householder_product(packed.requires_grad_(), tau)
    np.testing.assert_allclose(recorded.detach().numpy(), Q.detach().numpy(), 1e-12, 1e-12)
    with pytest.raises(NotImplementedError, match="geqrf"):
        cgrad.geqrf(packed)[0].sum().backward()


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (0, 3), (3, 0)])
def test_qr_in_other_modes(shape):
    x = RNG.standard_normal(shape)
    Q, R = linalg.qr(cgrad.tensor(x), "complete")
    m = shape[0]
    assert Q.shape == (m, m) and R.shape == shape
    np.testing.assert_allclose((Q @ R).numpy(), x, 1e-12, 1e-12)
    np.testing.assert_allclose((Q.mT @ Q).numpy(), np.eye(m), 1e-12, 1e-12)
    empty, found = linalg.qr(cgrad.tensor(x), "r")
    assert empty.numel() == 0 and found.equal(R[:min(shape)])


def test_qr_without_derivative():
    a = cgrad.tensor(matrix(4, 2), requires_grad=True)
    with pytest.raises(RuntimeError, match="mode='complete' and nrows > ncols"):
        linalg.qr(a, "complete").R.sum().backward()
    with pytest.raises(RuntimeError, match="mode='r'"):
        linalg.qr(a, "r").R.sum().backward()
    with pytest.raises(RuntimeError, match="unrecognized mode"):
        linalg.qr(a, "raw")


@pytest.mark.parametrize("name", ["cholesky", "eigh", "eigvalsh"])
def test_only_one_triangle_is_read(name):
    x = matrix(3, 3)
    x = x @ x.T
    expected = getattr(linalg, name)(cgrad.tensor(x))
    wrong = cgrad.tensor(np.tril(x) + np.triu(np.full((3, 3), 77.0), 1))
    found = getattr(linalg, name)(wrong)
    for y, e in zip(*((r if isinstance(r, tuple) else (r,)) for r in (found, expected))):
        assert y.equal(e)
    wrong = cgrad.tensor(np.triu(x) + np.tril(np.full((3, 3), 77.0), -1))
    if name == "cholesky":
        found = linalg.cholesky(wrong, upper=True).mT
        np.testing.assert_allclose(found.numpy(), expected.numpy(), 1e-12)
    elif name == "eigvalsh":
        np.testing.assert_allclose(linalg.eigvalsh(wrong, "U").numpy(), expected.numpy(), 1e-12)


def test_third_derivatives():
    x = cgrad.tensor(matrix(2, 2) @ matrix(2, 2).T / 9, requires_grad=True)
    for function in (linalg.inv, linalg.det, linalg.cholesky, linalg.matrix_exp, linalg.eigvalsh,
                     linalg.svdvals, lambda a: linalg.lu(a)[2], lambda a: linalg.solve(a, a.mT)):
        def second(a, function=function):
            s = (a + a.mT) / 2
            (g,) = cgrad.autograd.grad(function(s).sin().sum(), s, create_graph=True)
            (h,) = cgrad.autograd.grad(g.square().sum(), s, create_graph=True)
            return h

        check_gradients(second, [x.detach().numpy()])


def test_matrix_exp_of_any_size():
    np.testing.assert_allclose(cgrad.matrix_exp(cgrad.tensor([[0.0, 1e4], [0, 0]])).numpy(),
                               [[1, 1e4], [0, 1]])
    rotation = cgrad.tensor([[0.0, -30], [30, 0]], dtype=cgrad.float64)
    both = cgrad.stack([rotation, rotation * 0])
    expected = [[[np.cos(30), -np.sin(30)], [np.sin(30), np.cos(30)]], np.eye(2)]
    np.testing.assert_allclose(cgrad.matrix_exp(both).numpy(), expected, 1e-10, 1e-10)
    assert cgrad.matrix_exp(cgrad.full((2, 2), float("nan"))).isnan().all()


def test_derivatives_at_distance_zero():
    x = cgrad.zeros(2, 3, dtype=cgrad.float64, requires_grad=True)
    for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, float("inf")):
        for y in (cgrad.cdist(x, x, p), linalg.vector_norm(x, p), x.norm(p)):
            (g,) = cgrad.autograd.grad(y.sum(), x, create_graph=True)
            assert not g.any()
            if g.requires_grad:
                assert not cgrad.autograd.grad(g.sum(), x)[0].any()


def test_large_cdist_is_computed_piece_by_piece(monkeypatch):
    from cgrad._composite import linalg as composite

    x, y = RNG.standard_normal((2, 20, 3)), RNG.standard_normal((7, 3))
    whole = cgrad.cdist(cgrad.tensor(x), cgrad.tensor(y), 3.0)
    monkeypatch.setattr(composite, "ELEMENTS", 100)
    assert cgrad.cdist(cgrad.tensor(x), cgrad.tensor(y), 3.0).equal(whole)


def test_lstsq_results():
    a, b = matrix(5, 3), RNG.standard_normal((5, 2))
    x, residuals, rank, _ = np.linalg.lstsq(a, b)
    for driver in ("gels", "gelsd", "gelss"):
        found = linalg.lstsq(cgrad.tensor(a), cgrad.tensor(b), driver=driver)
        np.testing.assert_allclose(found.solution.numpy(), x, 1e-10)
        np.testing.assert_allclose(found.residuals.numpy(), residuals, 1e-10)
        assert found.rank.tolist() == ([] if driver == "gels" else rank)
    with pytest.raises(RuntimeError, match="driver"):
        linalg.lstsq(cgrad.tensor(a), cgrad.tensor(b), driver="qr")


def test_many_matrices_in_many_threads():
    a = matrix(500, 12, 12)
    n = cgrad.get_num_threads()
    results = []
    for threads in (1, 4):
        cgrad.set_num_threads(threads)
        results.append(linalg.inv(cgrad.tensor(a)))
    cgrad.set_num_threads(n)
    assert results[0].equal(results[1])
    np.testing.assert_allclose(results[0].numpy(), np.linalg.inv(a), 1e-8, 1e-8)


def test_out():
    a = cgrad.tensor(matrix(3, 3))
    y = cgrad.empty(3, 3, dtype=cgrad.float64)
    assert linalg.inv(a, out=y) is y and y.equal(linalg.inv(a))
    w, v = cgrad.empty(3, dtype=cgrad.float64), cgrad.empty(3, 3, dtype=cgrad.float64)
    found = linalg.eigh(a, out=(w, v))
    assert found.eigenvalues is w and found[1] is v


def test_names_of_results():
    a = cgrad.tensor(matrix(3, 3))
    assert linalg.svd(a)._fields == ("U", "S", "Vh") and cgrad.svd(a)._fields == ("U", "S", "V")
    assert linalg.eigh(a)._fields == ("eigenvalues", "eigenvectors")
    assert linalg.qr(a)._fields == ("Q", "R") and linalg.lu(a)._fields == ("P", "L", "U")
    assert cgrad.slogdet(a)._fields == ("sign", "logabsdet")
    U, S, V = cgrad.svd(a, compute_uv=False)
    assert not U.any() and not V.any() and S.equal(linalg.svdvals(a))


def test_chain_matmul():
    parts = [cgrad.tensor(RNG.standard_normal(s)) for s in ((2, 9), (9, 3), (3, 5))]
    expected = parts[0] @ parts[1] @ parts[2]
    np.testing.assert_allclose(cgrad.chain_matmul(*parts).numpy(), expected.numpy(), 1e-12)
    assert cgrad.chain_matmul(parts[0]).equal(parts[0])
    with pytest.raises(RuntimeError, match="argument 1"):
        cgrad.chain_matmul(parts[0], cgrad.ones(9))


def test_operands_are_replaced_while_others_factorize():
    """The memory that a factorization reads stays, whatever another thread makes of the tensor."""
    a = cgrad.tensor(matrix(20, 40, 40))
    parts = [cgrad.tensor(matrix(20, 40, 40)) for _ in range(4)]
    stop, errors = threading.Event(), []

    def factorize():
        try:
            while not stop.is_set():
                linalg.inv_ex(a)
                linalg.svdvals(a)
                linalg.lu_solve(*linalg.lu_factor_ex(a)[:2], a)
        except Exception as error:
            errors.append(error)

    workers = [threading.Thread(target=factorize) for _ in range(2)]
    for worker in workers:
        worker.start()
    for i in range(200):
        a.data = parts[i % 4] + 1
    stop.set()
    for worker in workers:
        worker.join()
    assert not errors
