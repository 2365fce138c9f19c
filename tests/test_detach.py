"""Detached tensors share memory and begin a history of their own."""
import pytest

import cgrad
from cgrad._engine import rows


def weight(value=5.0):
    return cgrad.tensor(value, requires_grad=True)


def test_a_detached_tensor_has_a_history_of_its_own():
    # Changes recorded through `d` reach d and its views; those through `b` reach b and its views.
    a, w = cgrad.tensor([1.0, 2.0, 3.0], requires_grad=True), weight()
    b = a * 2
    v, d = b[:2], b.detach()
    e = d[1:]
    b.mul_(3)
    d.mul_(w)
    assert e.requires_grad and v.tolist() == [30.0, 60.0]
    (v.sum() * 10 + b.sum() + e.sum()).backward()
    assert a.grad.tolist() == [66.0, 66.0, 6.0] and w.grad.item() == 30.0


def test_a_view_of_a_detached_tensor_changes_it():
    a, w = cgrad.tensor([1.0, 2.0, 3.0], requires_grad=True), weight()
    b = a * 2
    d = b.detach()
    d[:1].mul_(w)
    (other := b.detach())[1:].mul_(w)
    assert d.tolist() == other.tolist() == [10.0, 20.0, 30.0]
    d.sum().backward()
    assert w.grad.item() == 2.0 and b.grad_fn.name() == "MulBackward0"
    other.sum().backward()
    assert w.grad.item() == 12.0


def test_detach_in_place_keeps_the_views_that_follow():
    a, w = cgrad.tensor([1.0, 2.0, 3.0], requires_grad=True), weight()
    c = a * 2
    same = c
    assert c.detach_() is same and c.is_leaf and not c.requires_grad
    v = c[1:]
    c.mul_(w)
    v.sum().backward()
    assert w.grad.item() == 10.0 and a.grad is None
    a.grad = cgrad.ones(3)
    a.detach_()
    assert not a.requires_grad and a.grad.tolist() == [1.0, 1.0, 1.0]


def test_histories_of_detached_tensors_go_with_them():
    before = rows.live_rows()
    for _ in range(3):
        w = weight()
        b = cgrad.ones(4).mul(w)
        d = b.detach()
        v = d[:2]
        v.mul_(w)
        d.add_(v.sum())
        del b, v, d, w
    assert rows.live_rows() == before


def test_changes_through_data_are_not_noticed():
    """As in PyTorch: a derivative that saved the memory computes with the new values."""
    a = cgrad.tensor([2.0, 3.0], requires_grad=True)
    y = (a * a).sum()
    a.data.mul_(10)
    a.data[0] = 5.0
    a.data.masked_fill_(a.data > 20, 7.0)
    y.backward()
    assert a.grad.tolist() == [10, 14]

    y = (a * a).sum()
    a.detach().mul_(2)  # those of detach() are
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_a_leaf_made_from_data_notices_changes():
    for make in (lambda x: x.data.requires_grad_(), lambda x: cgrad.nn.Parameter(x.data)):
        w = make(cgrad.ones(2))
        y = (w * w).sum()
        with cgrad.no_grad():
            w.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.backward()


@pytest.mark.parametrize("make", [cgrad.empty, cgrad.zeros, cgrad.ones])
def test_size_by_name(make):
    assert make(size=(2, 3)).shape == (2, 3) and make(size=[4], dtype=cgrad.int64).shape == (4,)
