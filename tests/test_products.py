"""What the table of cases cannot say about matrix products."""
from __future__ import annotations

import numpy as np
import pytest

import cgrad
from cgrad._engine import memory

NAN = float("nan")
SUMS = {
    "addmm": ((2, 3), (2, 4), (4, 3)), "addmv": ((2,), (2, 4), (4,)),
    "addr": ((2, 3), (2,), (3,)), "addbmm": ((2, 3), (5, 2, 4), (5, 4, 3)),
    "baddbmm": ((5, 2, 3), (5, 2, 4), (5, 4, 3)),
}


def with_peak(function):
    """The result of a call, and the most bytes of tensors it needed beyond those there were."""
    before = memory.live_bytes()
    memory.reset_peak()
    return function(), memory.peak_bytes() - before


@pytest.mark.parametrize("name", SUMS)
def test_beta_zero_ignores_what_the_summand_holds(name):
    shape, *factors = SUMS[name]
    c = cgrad.full(shape, NAN, requires_grad=True)
    a, b = (cgrad.ones(s, requires_grad=True) for s in factors)
    y = getattr(cgrad, name)(c, a, b, beta=0)
    assert y.isfinite().all()
    y.sum().backward()
    assert not c.grad.any() and a.grad.isfinite().all()
    with cgrad.no_grad():
        assert getattr(c, name + "_")(a, b, beta=0) is c
    assert c.equal(y)


def test_factors_of_integers_are_truncated():
    a = cgrad.tensor([[1, 2], [3, 4]])
    assert cgrad.addmm(a, a, a, beta=0.7, alpha=1.9).equal(a @ a)


def test_products_of_integer_batches_need_little_memory():
    a = cgrad.ones(8, 100, 100, dtype=cgrad.int32)
    y, peak = with_peak(lambda: a @ a)
    assert (y == 100).all() and y.dtype is cgrad.int32
    assert peak < 20 * a.numel() * 4
    x = np.arange(24).reshape(2, 3, 4)
    t = cgrad.tensor(x)
    assert np.array_equal((t @ t.transpose(1, 2)).numpy(), x @ x.swapaxes(1, 2))
    assert np.array_equal((t[:, ::2] @ t[:1].transpose(1, 2)).numpy(),
                          x[:, ::2] @ x[:1].swapaxes(1, 2))


def test_operands_without_unit_stride_are_copied_without_history():
    x = cgrad.randn(6, 8, requires_grad=True)
    y = x[::2, ::2] @ x[::2, ::2].t()
    names = set()
    todo = [y.grad_fn]
    while todo:
        fn = todo.pop()
        if fn is not None:
            names.add(fn.name())
            todo += [n for n, _ in fn.next_functions]
    assert not any("Clone" in n for n in names)


def test_einsum_makes_no_product_of_all_dimensions():
    a, b, c = (cgrad.ones(50, 50) for _ in range(3))
    y, peak = with_peak(lambda: cgrad.einsum("ij,jk,kl->il", a, b, c))
    assert (y == 2500).all() and peak < 10 * a.numel() * 4
    big = cgrad.ones(2000, 2000)
    assert cgrad.einsum("ij,jk->", big[:, :10], big[:10]).item() == 4e7


def test_einsum_takes_operands_as_a_list():
    a, b = cgrad.randn(2, 3), cgrad.randn(3, 4)
    assert cgrad.einsum("ij,jk", [a, b]).equal(a @ b)
    assert cgrad.einsum("ij->ji", a).data_ptr() == a.data_ptr()
    with pytest.raises(ValueError, match="must specify"):
        cgrad.einsum()
    with pytest.raises(TypeError, match="operand 1 must be Tensor"):
        cgrad.einsum("i,i", cgrad.ones(2), [1.0, 2.0])


def test_out_and_dtype_errors():
    a, b = cgrad.ones(2, 3), cgrad.ones(3, 2)
    out, c = cgrad.empty(2, 2), cgrad.ones(2, 2)
    for name, args in (("addmm", (c, a, b)), ("kron", (cgrad.ones(1, 2), cgrad.ones(2, 1))),
                       ("inner", (a, a))):
        assert getattr(cgrad, name)(*args, out=out) is out
        assert out.equal(getattr(cgrad, name)(*args))
    with pytest.raises(RuntimeError, match="addmm.*dtype"):
        cgrad.addmm(cgrad.ones(2, 2, dtype=cgrad.float64), a, b)
    with pytest.raises(RuntimeError, match="out"):
        cgrad.addmm(c, a.clone().requires_grad_(), b, out=out)


def test_reflected_matmul():
    a, b = cgrad.randn(2, 3), cgrad.randn(3, 2)
    assert cgrad.Tensor.__rmatmul__(a, b).equal(b @ a)
    assert np.allclose((np.ones((2, 2), np.float32) @ a).numpy(), np.ones((2, 2)) @ a.numpy())
