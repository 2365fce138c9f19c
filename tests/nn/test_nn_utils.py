"""Clipping of gradients, and parameters as one vector."""
import numpy as np
import pytest

import cgrad
from cgrad import nn
from cgrad.nn import utils


def filled(*values):
    tensors = []
    for v in values:
        t = cgrad.zeros(len(v), requires_grad=True)
        t.grad = cgrad.tensor(v)
        tensors.append(t)
    return tensors


def test_norm_is_clipped_over_all_gradients():
    tensors = [*filled([3.0], [0.0, 4.0]), cgrad.zeros(2, requires_grad=True)]
    assert utils.clip_grad_norm_(tensors, 1.0).item() == 5
    np.testing.assert_allclose(tensors[1].grad, [0, 0.8], rtol=1e-6)
    assert utils.clip_grad_norm_(filled([3.0], [-4.0]), 9.0, float("inf")).item() == 4
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    with pytest.raises(RuntimeError, match="non-finite"):
        utils.clip_grad_norm_(filled([float("nan")]), 1.0, error_if_nonfinite=True)


def test_values_are_clipped():
    (t,) = filled([-3.0, 0.5, 4.0])
    utils.clip_grad_value_(t, 1)
    assert t.grad.tolist() == [-1, 0.5, 1]


def test_sparse_gradients_are_clipped():
    layer = nn.Embedding(10, 2, sparse=True)
    layer(cgrad.tensor([1, 1, 4])).sum().backward()
    norm = utils.clip_grad_norm_(layer.parameters(), 1.0)
    np.testing.assert_allclose(norm.item(), np.sqrt(10), rtol=1e-6)
    np.testing.assert_allclose(layer.weight.grad.to_dense()[1], 2 / np.sqrt(10), rtol=1e-5)


def test_parameters_as_a_vector():
    layer = nn.Linear(2, 3)
    vector = utils.parameters_to_vector(layer.parameters())
    utils.vector_to_parameters(cgrad.arange(9.0), layer.parameters())
    assert vector.shape == (9,)
    assert layer.bias.tolist() == [6, 7, 8]
    assert layer.weight.requires_grad
