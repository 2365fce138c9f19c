"""The checker itself: what passes, what must fail, and what the report says."""
import numpy as np
import pytest

import cgrad
from cgrad.autograd import gradcheck, gradgradcheck
from cgrad.autograd.gradcheck import GradcheckError


def make(*shape, requires_grad=True):
    values = np.random.default_rng(0).standard_normal(shape)
    return cgrad.tensor(values, requires_grad=requires_grad)


def wrong(x):
    """x³, but with the gradient of x² · constant."""
    return x * x * x.detach()


def test_right_derivatives_pass():
    x, y = make(2, 3), make(3)
    assert gradcheck(lambda x, y: x * y.exp(), (x, y))
    assert gradgradcheck(lambda x, y: x * y.exp(), (x, y))
    assert gradcheck(lambda x: (x.sum(), x.t() @ x), x)
    assert gradgradcheck(lambda x: (x.sum(), x.t() @ x), [x])
    assert gradcheck(lambda x: x.sin(), make())
    assert gradcheck(lambda x: x.sin(), make(0))
    assert gradcheck(lambda x, k, c: x * k + c, (x, 3, make(3, requires_grad=False)))


def test_wrong_first_derivatives_fail():
    x = make(2, 3)
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0"):
        gradcheck(wrong, x)
    assert gradcheck(wrong, x, raise_exception=False) is False
    assert isinstance(GradcheckError(), RuntimeError)


def test_wrong_second_derivatives_fail():
    class Wrong:
        """Right first derivative, 2x, which the graph takes for a constant."""

        def __call__(self, x):
            return x * x.detach() * 2 - x.detach() ** 2

    x = make(3)
    assert gradcheck(lambda x: x**2, x)
    value = Wrong()(x)
    np.testing.assert_allclose(value.detach().numpy(), x.detach().numpy() ** 2)
    (grad,) = cgrad.autograd.grad(value.sum(), x)
    np.testing.assert_allclose(grad.numpy(), 2 * x.detach().numpy())
    with pytest.raises(GradcheckError):
        gradgradcheck(Wrong(), x)
    assert gradgradcheck(Wrong(), x, raise_exception=False) is False


def test_the_report():
    x = cgrad.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=cgrad.float64, requires_grad=True)
    c = cgrad.ones(2, dtype=cgrad.float64)
    mask = cgrad.tensor([[False, True], [True, False]])

    def partly_wrong(c, x):
        return c, cgrad.where(mask, x * x, x * x.detach())

    with pytest.raises(GradcheckError) as error:
        gradcheck(partly_wrong, (c, x))
    title, count, heading, *rows = str(error.value).split("\n")
    assert title.startswith(
        "Jacobian mismatch for output 1 with respect to input 1: 2 of 16 entries differ"
    )
    assert count == "The 2 worst:"
    assert heading.split("  ") and "numerical" in heading and "analytical" in heading
    assert len(rows) == 2
    assert "(1, 1)" in rows[0] and rows[0].split()[-3:] == ["8", "4", "4"]
    assert "(0, 0)" in rows[1] and rows[1].split()[-3:] == ["2", "1", "1"]


def test_a_constant_that_depends_on_the_input_fails():
    with pytest.raises(GradcheckError, match="does not require a gradient"):
        gradcheck(lambda x: x.detach() * 2, make(2))
    assert gradcheck(lambda x: (x * 2, cgrad.ones(2)), make(2))
    assert gradcheck(lambda x: (x * 2, x.argmax()), make(2))


def test_nan_never_passes():
    def nan_gradient(x):
        return x.sqrt()

    zero = cgrad.zeros(1, dtype=cgrad.float64, requires_grad=True)
    with pytest.raises(GradcheckError):
        gradcheck(nan_gradient, zero)


def test_changing_derivatives_fail():
    x = make(2)
    factors = iter(range(100))

    def changing(x):
        y = x * 1.0
        y.register_hook(lambda grad: grad * (1 + 1e-9 * next(factors)))
        return y

    with pytest.raises(GradcheckError, match="not the same in two evaluations"):
        gradcheck(changing, x)
    assert gradcheck(changing, x, nondet_tol=1e-6)


def test_inputs_are_left_as_they_were():
    x, y = make(2, 2), make(2, 2)
    before = x.detach().clone()
    assert gradcheck(lambda x, y: x @ y, (x, y))
    assert (x == before).all() and x.grad is None and y.grad is None

    def failing(x):
        if (x != before).any():
            raise KeyError("perturbed")
        return x * 1

    with pytest.raises(KeyError):
        gradcheck(failing, x)
    assert (x == before).all()


def test_non_contiguous_and_repeated_inputs():
    x = make(3, 2)
    assert gradcheck(lambda x: x.sin(), x.t().detach().requires_grad_())
    assert gradcheck(lambda a, b: a * b, (x, x))
    assert gradgradcheck(lambda a, b: a * b, (x, x))
    overlapping = make(2, requires_grad=False).expand(3, 2).requires_grad_()
    with pytest.raises(RuntimeError, match="dimension with stride 0"):
        gradcheck(lambda x: x.sin(), overlapping)


def test_gradgradcheck_with_given_gradients():
    x, g = make(3), make(3)
    assert gradgradcheck(lambda x: x.exp(), x, g)
    assert gradgradcheck(lambda x: x.exp(), x, [g])
    assert gradgradcheck(lambda x: x.exp(), x, gen_non_contig_grad_outputs=True)
    assert gradgradcheck(lambda x: (x.exp(), x.sum()), x)


def test_tolerances():
    x = make(2)
    slightly = lambda x: x * 1.0 + (x * 1e-4).detach()
    with pytest.raises(GradcheckError):
        gradcheck(slightly, x, rtol=0, atol=1e-5)
    assert gradcheck(slightly, x, rtol=0, atol=1e-3)
    assert gradcheck(slightly, x, rtol=1e-2, atol=0)
    assert gradcheck(lambda x: x.exp(), x, eps=1e-4)


def test_misuse():
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(lambda x: x * 2, make(2, requires_grad=False))
    with pytest.warns(UserWarning, match="not a double precision"):
        gradcheck(lambda x: x * 2, cgrad.ones(2, requires_grad=True), raise_exception=False)
    with pytest.raises(GradcheckError, match="output 0 is not a tensor"):
        gradcheck(lambda x: 3.0, make(2))
    assert gradcheck(wrong, make(2), check_backward_ad=False)
    assert gradgradcheck(wrong, make(2), check_rev_over_rev=False)
    assert gradcheck(lambda x: x * 2, make(2), check_grad_dtypes=True)
    with pytest.raises(NotImplementedError):
        gradcheck(lambda x: x, make(2), check_forward_ad=True)
    with pytest.raises(NotImplementedError):
        gradgradcheck(lambda x: x, make(2), check_batched_grad=True)
