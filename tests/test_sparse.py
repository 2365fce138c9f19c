"""Sparse gradients of embeddings: the same numbers as dense ones, in fewer rows."""
import gc

import pytest

import cgrad
from cgrad._engine import rows
from cgrad.nn import functional as F

INDICES = cgrad.tensor([[1, 3], [1, 0]])


def table():
    return cgrad.arange(15.0).reshape(5, 3).sin().requires_grad_()


def gradient(function, weight, **kwargs):
    weight.grad = None
    (function(weight, **kwargs) ** 2).sum().backward()
    return weight.grad


def test_equals_the_dense_gradient():
    w = table()
    sparse = gradient(lambda w: F.embedding(INDICES, w, sparse=True), w)
    assert sparse.is_sparse and sparse.shape == w.shape and sparse._nnz() == 4
    dense = gradient(lambda w: F.embedding(INDICES, w), w)
    assert not dense.is_sparse
    assert sparse.to_dense().equal(dense)


def test_coalesce():
    g = gradient(lambda w: F.embedding(INDICES, w, sparse=True), table())
    with pytest.raises(RuntimeError, match="uncoalesced"):
        g.indices()
    c = g.coalesce()
    assert c.is_coalesced() and c.indices().tolist() == [[0, 1, 3]]
    assert c.to_dense().allclose(g.to_dense())
    assert c.norm().item() == pytest.approx(g.to_dense().norm().item())


def test_padding_row_is_left_out():
    g = gradient(lambda w: F.embedding(INDICES, w, padding_idx=1, sparse=True), table())
    assert sorted(g._indices()[0].tolist()) == [0, 3]


def test_sums():
    w = table()
    both = gradient(lambda w: F.embedding(INDICES, w, sparse=True)
                    + F.embedding(INDICES.flip(0), w, sparse=True), w)
    assert both.is_sparse and both._nnz() == 8
    mixed = gradient(lambda w: F.embedding(INDICES, w, sparse=True) + F.embedding(INDICES, w), w)
    assert not mixed.is_sparse
    F.embedding(INDICES, w, sparse=True).sum().backward()       # added to the dense .grad
    assert not w.grad.is_sparse


def test_accumulates_over_backwards():
    w = table()
    for _ in range(2):
        F.embedding(INDICES, w, sparse=True).sum().backward()
    assert w.grad._nnz() == 8
    assert w.grad.to_dense()[1].tolist() == [4.0, 4.0, 4.0]


def test_becomes_dense_behind_other_operations():
    w = table()
    assert not gradient(lambda w: F.embedding(INDICES, w * 2, sparse=True), w).is_sparse


def test_second_derivative():
    w = table()
    y = (F.embedding(INDICES, w, sparse=True) ** 3).sum()
    (g,) = cgrad.autograd.grad(y, w, create_graph=True)
    (h,) = cgrad.autograd.grad(g._values().sum(), w)
    expected = cgrad.zeros(5, 3).index_add(0, INDICES.flatten(), cgrad.ones(4, 3)) * 6 * w
    assert h.to_dense().allclose(expected)


def test_hooks_see_it():
    w = table()
    seen = []
    w.register_hook(seen.append)
    F.embedding(INDICES, w, sparse=True).sum().backward()
    assert seen[0].is_sparse
    w = table()
    w.register_hook(lambda g: g * 2.0)
    F.embedding(INDICES, w, sparse=True).sum().backward()
    assert w.grad.to_dense()[0].tolist() == [2.0, 2.0, 2.0]


def test_assignment_is_checked():
    w = table()
    F.embedding(INDICES, w, sparse=True).sum().backward()
    g = w.grad
    w.grad = g.clone()
    with pytest.raises(RuntimeError, match=r"\[5, 3\]"):
        cgrad.zeros(4, 3).requires_grad_().grad = g
    w.grad.zero_()
    assert w.grad.to_dense().abs().sum().item() == 0.0


def test_sgd_takes_it_and_adam_refuses_it():
    a, b = table(), table()
    for w, sparse in ((a, True), (b, False)):
        optimizer = cgrad.optim.SGD([w], lr=0.1)
        (F.embedding(INDICES, w, sparse=sparse) ** 2).sum().backward()
        optimizer.step()
    assert a.allclose(b)
    with pytest.raises(RuntimeError, match="sparse gradients"):
        cgrad.optim.Adam([a]).step()


def test_nothing_leaks():
    w = table()
    gradient(lambda w: F.embedding(INDICES, w, sparse=True), w)
    w.grad = None
    gc.collect()
    before = rows.live_rows()
    for _ in range(3):
        gradient(lambda w: F.embedding(INDICES, w, sparse=True), w)
    w.grad = None
    gc.collect()
    assert rows.live_rows() == before
