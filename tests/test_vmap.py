"""vmap: slices in, stacked results out, with everything else of cgrad.func inside and around it."""
import numpy as np
import pytest

import cgrad
from cgrad.func import functional_call, grad, hessian, jacrev, stack_module_state, vjp, vmap


def numbers(*shape):
    return cgrad.arange(float(np.prod(shape))).reshape(*shape)


def same(result, expected):
    np.testing.assert_allclose(result.detach().numpy(), expected, rtol=1e-6)


def test_slices_of_the_first_dimension():
    same(vmap(cgrad.dot)(numbers(3, 2), numbers(3, 2)), [1, 13, 41])
    same(cgrad.vmap(cgrad.sin)(numbers(3, 2)), np.sin(np.arange(6.0)).reshape(3, 2))


@pytest.mark.parametrize("in_dims, shapes", [
    ((0, 1), [(3, 2), (2, 3)]), ((-1, 0), [(2, 3), (3, 2)]), ((0, None), [(3, 2), (2,)]),
    ((None, -2), [(2,), (3, 2)])])  # fmt: skip
def test_in_dims(in_dims, shapes):
    x, y = (numbers(*shape) for shape in shapes)
    sides = [v if d is None else np.moveaxis(v, d, 0)
             for v, d in zip((x.numpy(), y.numpy()), in_dims)]  # fmt: skip
    same(vmap(cgrad.dot, in_dims)(x, y), (sides[0] * sides[1]).sum(-1))


@pytest.mark.parametrize("out_dims", [0, 1, 2, -1, -3, (1,)])
def test_out_dims(out_dims):
    x = numbers(4, 2, 3)
    place = out_dims[0] if isinstance(out_dims, tuple) else out_dims
    same(vmap(lambda y: y * 2, out_dims=out_dims)(x), np.moveaxis(2 * x.numpy(), 0, place))


def test_structures_of_arguments_and_results():
    def both(d, factor):
        return {"sum": d["a"] + d["b"][0], "pair": (d["a"] * factor, [d["b"][0]])}

    result = vmap(both, in_dims=({"a": 0, "b": (None,)}, None),
                  out_dims={"sum": 1, "pair": 0})({"a": numbers(3, 2), "b": (numbers(2),)}, 2.0)
    same(result["sum"], (numbers(3, 2) + numbers(2)).numpy().T)
    same(result["pair"][0], 2 * numbers(3, 2).numpy())
    same(result["pair"][1][0], [[0, 1]] * 3)


def test_keyword_arguments_are_the_same_for_all():
    same(vmap(lambda x, y: x + y)(numbers(3, 2), y=cgrad.ones(2)), 1 + numbers(3, 2).numpy())


def test_a_result_that_is_the_same_for_all():
    assert vmap(lambda x: cgrad.ones(2))(numbers(3)).tolist() == [[1, 1]] * 3


def test_nested():
    x, y = numbers(3, 2), numbers(4, 2)
    outer = vmap(vmap(cgrad.dot, in_dims=(None, 0)), in_dims=(0, None))
    same(outer(x, y), x.numpy() @ y.numpy().T)


def test_no_slices_at_all():
    assert vmap(lambda x: (x * 2).sum())(cgrad.zeros(0, 2)).shape == (0,)
    assert vmap(lambda x: x * 2, in_dims=1, out_dims=1)(cgrad.zeros(3, 0)).shape == (3, 0)


def test_changes_in_place_reach_the_argument():
    x = numbers(3, 2)
    vmap(lambda y: y.add_(1))(x)
    same(x, 1 + numbers(3, 2).numpy())


def test_derivatives_inside_and_around():
    x = numbers(3, 2) + 1
    squares = 3 * x.numpy() ** 2
    same(vmap(grad(lambda y: (y**3).sum()))(x), squares)
    same(grad(lambda z: vmap(lambda y: (y**3).sum())(z).sum())(x), squares)
    same(vmap(hessian(lambda y: y[0] * y[1]))(x), [[[0, 1], [1, 0]]] * 3)
    jacobian = jacrev(vmap(lambda y: (y**3).sum()))(x)
    same(jacobian, np.eye(3)[:, :, None] * squares)
    product = vjp(lambda y: y**2, x[0])[1]
    same(vmap(product)(cgrad.eye(2))[0], [[2, 0], [0, 4]])
    x.requires_grad_()
    vmap(lambda y: y**3)(x).sum().backward()
    same(x.grad, squares)


def test_gradients_of_every_example():
    cgrad.manual_seed(0)
    model = cgrad.nn.Sequential(cgrad.nn.Linear(4, 5), cgrad.nn.Tanh(), cgrad.nn.Linear(5, 3))
    parameters = {k: v.detach() for k, v in model.named_parameters()}
    x, labels = cgrad.randn(6, 4), cgrad.randint(3, (6,))

    def loss(parameters, x, label):
        scores = functional_call(model, parameters, (x.unsqueeze(0),))
        return cgrad.nn.functional.cross_entropy(scores, label.unsqueeze(0))

    result = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, labels)
    for i in range(6):
        model.zero_grad()
        cgrad.nn.functional.cross_entropy(model(x[i : i + 1]), labels[i : i + 1]).backward()
        for name, p in model.named_parameters():
            np.testing.assert_allclose(result[name][i].numpy(), p.grad.numpy(), atol=1e-6)


def test_an_ensemble():
    models = [cgrad.nn.Linear(4, 2) for _ in range(3)]
    parameters, buffers = stack_module_state(models)
    x = cgrad.randn(5, 4)
    result = vmap(lambda p, b, x: functional_call(models[0], (p, b), (x,)),
                  in_dims=(0, 0, None))(parameters, buffers, x)  # fmt: skip
    np.testing.assert_allclose(result.detach().numpy(),
                               [m(x).detach().numpy() for m in models], atol=1e-6)


def test_randomness():
    cgrad.manual_seed(0)
    x = cgrad.zeros(3, 2)
    alike = vmap(lambda y: y + cgrad.rand(2), randomness="same")(x)
    assert (alike == alike[0]).all()
    unlike = vmap(lambda y: y + cgrad.rand(2), randomness="different")(x)
    assert len(set(unlike.flatten().tolist())) == 6
    with pytest.raises(RuntimeError, match="random operation"):
        vmap(lambda y: y + cgrad.rand(2))(x)


CASES = [  # what the function is given and returns, in and out dims: error
    (lambda x: x, [(3,)], None, 0, ValueError, "in_dims must be an int or a tuple"),
    (lambda x: x, [(3,)], [0], 0, ValueError, "in_dims must be an int or a tuple"),
    (lambda x: x, [(3,)], "a", 0, ValueError, "in_dims must be an int or a tuple"),
    (lambda x: x, [(3,)], (0, 0), 0, ValueError, r"in_dims=\(0, 0\) is not compatible"),
    (lambda x: x, [(3,)], (None,), 0, ValueError, "nothing to slice"),
    (lambda: 1, [], 0, 0, ValueError, "nothing to slice"),
    (lambda x: x, [(3,)], 1, 0, ValueError, "Got in_dim=1 for a tensor of dimensionality 1"),
    (lambda x: x, [()], 0, 0, ValueError, "Got in_dim=0 for a tensor of dimensionality 0"),
    (lambda x, y: x, [(3,), (2,)], 0, 0, ValueError, r"same size.*\[2, 3\]"),
    (lambda x: 1.0, [(3,)], 0, 0, ValueError, "only return Tensors, got type float"),
    (lambda x: (x, x), [(3,)], 0, (0, 0, 0), ValueError, "out_dims=.* structure of the results"),
    (lambda x: x, [(3,)], 0, None, ValueError, "out_dims must be an int"),
    (lambda x: x, [(3,)], 0, 5, IndexError, "out of range"),
]


@pytest.mark.parametrize("function, shapes, in_dims, out_dims, error, message", CASES)
def test_wrong_use(function, shapes, in_dims, out_dims, error, message):
    with pytest.raises(error, match=message):
        vmap(function, in_dims, out_dims)(*(cgrad.zeros(shape) for shape in shapes))


def test_wrong_options():
    with pytest.raises(ValueError, match="Got in_dim=0 for an input of type float"):
        vmap(lambda x: x)(1.0)
    with pytest.raises(ValueError, match="chunk_size should be None or greater than 0"):
        vmap(cgrad.sin, chunk_size=0)
    with pytest.raises(RuntimeError, match="'error', 'different', or 'same', got 'never'"):
        vmap(cgrad.sin, randomness="never")


@pytest.mark.parametrize("function, shapes, in_dims, out_dims, error, message", CASES)
def test_pytorch_raises_the_same(function, shapes, in_dims, out_dims, error, message):
    torch = pytest.importorskip("torch")
    with pytest.raises(error):
        torch.vmap(function, in_dims, out_dims)(*(torch.zeros(shape) for shape in shapes))
