"""autograd.functional and func: against each other, formulas, and PyTorch where it is installed."""
import math

import numpy as np
import pytest

import cgrad
from cgrad import func
from cgrad.autograd import functional as AF

F64 = cgrad.float64


def tensor(values, **kwargs):
    return cgrad.tensor(values, dtype=F64, **kwargs)


X = [0.3, -0.7, 1.2]
A = [[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]]


def f(x):
    return (tensor(A) @ x.sin()) * x.sum()


def scalar(x):
    return (x**3).sum() * x.prod() + x.exp().sum()


def pair(x, y):
    return x * y.sum(), x.sum() + y


def numeric_jacobian(function, x, eps=1e-6):
    columns = []
    for i in range(x.numel()):
        step = cgrad.zeros(x.numel(), dtype=F64)
        step[i] = eps
        step = step.reshape(x.shape)
        columns.append((function(x + step) - function(x - step)) / (2 * eps))
    return cgrad.stack(columns, -1)


def test_jacobian():
    x = tensor(X)
    expected = numeric_jacobian(f, x)
    for found in (AF.jacobian(f, x), func.jacrev(f)(x), func.jacfwd(f)(x)):
        assert found.shape == (2, 3) and not found.requires_grad
        assert found.allclose(expected, atol=1e-7)


def test_jacobian_of_tuples():
    x, y = tensor(X), tensor([2.0, 1.0])
    found = AF.jacobian(pair, (x, y))
    assert [[tuple(b.shape) for b in row] for row in found] == [[(3, 3), (3, 2)], [(2, 3), (2, 2)]]
    assert found[0][0].equal(cgrad.eye(3, dtype=F64) * 3)
    again = func.jacrev(pair, argnums=(0, 1))(x, y)
    assert all(a.equal(b) for r, s in zip(found, again) for a, b in zip(r, s))


def test_hessian():
    x = tensor(X)
    expected = numeric_jacobian(lambda x: AF.jacobian(scalar, x), x)
    for found in (AF.hessian(scalar, x), func.hessian(scalar)(x)):
        assert found.allclose(expected, atol=1e-5)
        assert found.allclose(found.T)


def test_products():
    x, v, u = tensor(X), tensor([1.0, 0.5, -2.0]), tensor([0.7, -0.2])
    jacobian = AF.jacobian(f, x)
    value, left = AF.vjp(f, x, u)
    assert value.equal(f(x)) and left.allclose(u @ jacobian)
    value, right = AF.jvp(f, x, v)
    assert value.equal(f(x)) and right.allclose(jacobian @ v)
    hessian = AF.hessian(scalar, x)
    for product in (AF.hvp, AF.vhp):
        value, found = product(scalar, x, v)
        assert value.equal(scalar(x)) and found.allclose(hessian @ v)


def test_products_of_func():
    x, v, u = tensor(X), tensor([1.0, 0.5, -2.0]), tensor([0.7, -0.2])
    jacobian = AF.jacobian(f, x)
    value, product = func.vjp(f, x)
    assert value.equal(f(x)) and product(u)[0].allclose(u @ jacobian)
    value, moved = func.jvp(f, (x,), (v,))
    assert value.equal(f(x)) and moved.allclose(jacobian @ v)
    value, linear = func.linearize(f, x)
    assert linear(v).allclose(jacobian @ v)
    value, (moved, same), aux = func.jvp(lambda x: ((f(x), x), 7), (x,), (v,), has_aux=True)
    assert same.equal(v) and aux == 7


def test_grad_nests():
    x = tensor(0.4)
    g = cgrad.sin
    for expected in (math.cos(0.4), -math.sin(0.4), -math.cos(0.4)):
        g = func.grad(g)
        y = g(x)
        assert y.item() == pytest.approx(expected) and not y.requires_grad


def test_grad_of_trees_and_aux():
    parameters = {"w": tensor([1.0, 2.0]), "b": [tensor(0.5)]}

    def loss(p, x):
        y = (p["w"] * x).sum() + p["b"][0]
        return y**2, y

    grads, (value, y) = func.grad_and_value(loss, has_aux=True)(parameters, tensor([1.0, -1.0]))
    assert value.item() == 0.25 and y.item() == -0.5
    assert grads["w"].tolist() == [-1.0, 1.0] and grads["b"][0].item() == -1.0
    assert not parameters["w"].requires_grad


def test_results_stay_connected_to_what_requires_a_gradient():
    w = tensor(3.0, requires_grad=True)
    g = func.grad(lambda x: w * x * x)(tensor(2.0))
    assert g.requires_grad
    g.backward()
    assert w.grad.item() == 4.0
    x = tensor(2.0, requires_grad=True)
    func.grad(lambda x: x**3)(x).backward()
    assert x.grad.item() == 12.0


def test_per_argument():
    x, y = tensor(2.0), tensor(5.0)
    assert func.grad(lambda x, y: x * y, argnums=1)(x, y).item() == 2.0
    dx, dy = func.grad(lambda x, y: x * y, argnums=(0, 1))(x, y)
    assert (dx.item(), dy.item()) == (5.0, 2.0)


@pytest.mark.parametrize(("call", "error", "match"), [
    (lambda: func.grad(lambda x: x)(tensor(X)), RuntimeError, "scalar tensor.*1 dims"),
    (lambda: func.grad(lambda x: x.sum())(cgrad.tensor([1])), RuntimeError, "int64"),
    (lambda: func.grad(lambda x: 1.0)(tensor(1.0)), RuntimeError, "return tensor"),
    (lambda: func.grad(lambda x: x, argnums=3)(tensor(1.0)), RuntimeError, "argnum=3"),
    (lambda: func.vjp(f, tensor(X))[1](tensor(1.0)), RuntimeError, "cotangents"),
    (lambda: func.jvp(f, tensor(X), tensor(X)), RuntimeError, "tuples"),
    (lambda: func.jvp(f, (tensor(X),), (tensor(1.0),)), RuntimeError, "structure"),
    (lambda: AF.vjp(f, tensor(X)), RuntimeError, "can only be None"),
    (lambda: AF.vjp(f, tensor(X), tensor([1.0])), RuntimeError, "invalid size"),
    (lambda: AF.hessian(f, tensor(X)), RuntimeError, "single element"),
    (lambda: AF.jacobian(lambda x: 1, tensor(X)), TypeError, "outputs"),
    (lambda: AF.jacobian(f, 3), TypeError, "inputs"),
    (lambda: AF.jacobian(lambda x: tensor(1.0), tensor(X), strict=True), RuntimeError,
     "not require"),
])
def test_wrong_use(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_independent_outputs_give_zeros():
    found = AF.jacobian(lambda x: tensor([1.0, 2.0]), tensor(X))
    assert found.shape == (2, 3) and not found.any()
    assert func.grad(lambda x: tensor(1.0))(tensor(X)).tolist() == [0.0, 0.0, 0.0]


def test_functional_call():
    cgrad.manual_seed(0)
    model = cgrad.nn.Sequential(cgrad.nn.Linear(3, 2), cgrad.nn.Tanh(), cgrad.nn.Linear(2, 1))
    x = cgrad.randn(4, 3)
    parameters = {name: p.detach() * 2 for name, p in model.named_parameters()}
    y = func.functional_call(model, parameters, (x,))
    expected = (x @ parameters["0.weight"].T + parameters["0.bias"]).tanh() \
        @ parameters["2.weight"].T + parameters["2.bias"]
    assert y.allclose(expected)
    assert not model(x).equal(y)
    grads = func.grad(lambda p: func.functional_call(model, p, x).sum())(parameters)
    assert set(grads) == set(parameters) and grads["0.weight"].shape == (2, 3)
    with pytest.raises(RuntimeError, match="nothing"):
        func.functional_call(model, {"nothing": x}, x)
    with pytest.raises(RuntimeError, match="missing"):
        func.functional_call(model, {}, x, strict=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_against_torch():
    torch = pytest.importorskip("torch")

    def program(xp, func, functional):
        x = xp.tensor(X, dtype=xp.float64)
        v = xp.tensor([1.0, 0.5, -2.0], dtype=xp.float64)

        def g(x):
            return xp.tanh(x) * x.sum(), x.prod()

        def h(x):
            return (x.sin() * x).sum() ** 2

        return [*func.jacrev(g)(x), *func.jacfwd(g)(x), func.hessian(h)(x),
                *func.jvp(g, (x,), (v,))[1], *func.vjp(g, x)[0],
                *func.vjp(g, x)[1]((v, xp.tensor(2.0, dtype=xp.float64))),
                *functional.jacobian(g, x), functional.hessian(h, x), *functional.hvp(h, x, v),
                func.grad(lambda x: func.grad(h)(x).sum())(x)]

    ours = program(cgrad, func, AF)
    theirs = program(torch, torch.func, torch.autograd.functional)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-12)
