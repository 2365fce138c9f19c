"""cgrad.lstm, gru, rnn_* and the cells: the layers with the weights they are given."""
import numpy as np
import pytest

import cgrad
from cgrad import nn
from cgrad.nn.utils.rnn import pack_sequence

CALLS = {
    "lstm": (cgrad.lstm, nn.LSTM, {}),
    "gru": (cgrad.gru, nn.GRU, {}),
    "rnn_tanh": (cgrad.rnn_tanh, nn.RNN, {}),
    "rnn_relu": (cgrad.rnn_relu, nn.RNN, {"nonlinearity": "relu"}),
}


def flat(result):
    output, state = result
    return [output, *(state if isinstance(state, tuple) else (state,))]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "options",
    [
        {}, {"bias": False}, {"num_layers": 2, "bidirectional": True}, {"batch_first": True},
        {"num_layers": 2, "dropout": 0.5},
    ],
    ids=str,
)  # fmt: skip
def test_same_as_the_layer(name, options):
    function, kind, more = CALLS[name]
    layer = kind(3, 4, **options, **more).eval()
    sides = layer.num_layers * (2 if layer.bidirectional else 1)
    n = 5 if layer.batch_first else 2
    h = cgrad.randn(sides, n, 4)
    hx = (h, cgrad.randn(sides, n, 4)) if name == "lstm" else h
    x = cgrad.randn(5, 2, 3, requires_grad=True)
    weights = list(layer.parameters())
    got = function(
        x, hx, weights, layer.bias, layer.num_layers, layer.dropout, False, layer.bidirectional,
        layer.batch_first,
    )  # fmt: skip
    for a, b in zip(got, flat(layer(x, hx)), strict=True):
        assert cgrad.equal(a, b)
    ours = cgrad.autograd.grad(got[0].sum(), [x, *weights])
    theirs = cgrad.autograd.grad(layer(x, hx)[0].sum(), [x, *weights])
    assert all(cgrad.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", CALLS)
def test_packed(name):
    function, kind, more = CALLS[name]
    layer = kind(3, 4, **more)
    packed = pack_sequence([cgrad.randn(3, 3), cgrad.randn(1, 3)])
    h = cgrad.zeros(1, 2, 4)
    hx = (h, h) if name == "lstm" else h
    weights = list(layer.parameters())
    got = function(packed.data, packed.batch_sizes, hx, weights, True, 1, 0.0, False, False)
    expected = layer(packed, hx)
    assert cgrad.equal(got[0], expected[0].data)
    for a, b in zip(got[1:], flat(expected)[1:], strict=True):
        assert cgrad.equal(a, b)


def test_projection_and_keywords():
    layer = nn.LSTM(3, 4, proj_size=2)
    x, h, c = cgrad.randn(5, 1, 3), cgrad.zeros(1, 1, 2), cgrad.zeros(1, 1, 4)
    got = cgrad._VF.lstm(
        x, (h, c), list(layer.parameters()), has_biases=True, num_layers=1, dropout=0.0,
        train=True, bidirectional=False, batch_first=False,
    )  # fmt: skip
    assert cgrad.equal(got[0], layer(x)[0])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_cells_by_formula():
    rng = np.random.default_rng(0)
    x, h, c = rng.standard_normal((2, 3)), rng.standard_normal((2, 4)), rng.standard_normal((2, 4))
    for gates in (1, 3, 4):
        arrays = [rng.standard_normal(s) for s in (
            (4 * gates, 3), (4 * gates, 4), (4 * gates,), (4 * gates,))]  # fmt: skip
        w, u, b, d = arrays
        tensors = [cgrad.tensor(a) for a in arrays]
        a, r = x @ w.T + b, h @ u.T + d
        start = cgrad.tensor(x), cgrad.tensor(h)
        if gates == 1:
            np.testing.assert_allclose(cgrad.rnn_tanh_cell(*start, *tensors), np.tanh(a + r))
            np.testing.assert_allclose(
                cgrad.rnn_relu_cell(*start, *tensors), np.maximum(a + r, 0)
            )
            np.testing.assert_allclose(
                cgrad.rnn_tanh_cell(*start, *tensors[:2]), np.tanh(x @ w.T + h @ u.T)
            )
        elif gates == 3:
            reset, update = sigmoid(a[:, :4] + r[:, :4]), sigmoid(a[:, 4:8] + r[:, 4:8])
            new = np.tanh(a[:, 8:] + reset * r[:, 8:])
            np.testing.assert_allclose(
                cgrad.gru_cell(*start, *tensors), (1 - update) * new + update * h
            )
        else:
            i, f, g, o = np.split(a + r, 4, 1)
            cell = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            got = cgrad.lstm_cell(start[0], (start[1], cgrad.tensor(c)), *tensors)
            np.testing.assert_allclose(got[1], cell)
            np.testing.assert_allclose(got[0], sigmoid(o) * np.tanh(cell))


def test_errors():
    x, h = cgrad.zeros(2, 1, 3), cgrad.zeros(1, 1, 4)
    weights = list(nn.GRU(3, 4).parameters())
    with pytest.raises(RuntimeError, match="gru: expected 4 weights for each of 2 layers and 1"):
        cgrad.gru(x, h, weights, True, 2, 0.0, False, False, False)
    with pytest.raises(RuntimeError, match="gru: expected 4 weights"):
        cgrad.gru(x, h, weights, True, 0, 0.0, False, False, False)
    with pytest.raises(RuntimeError, match="lstm expects two hidden states"):
        cgrad.lstm(x, h, list(nn.LSTM(3, 4).parameters()), True, 1, 0.0, False, False, False)
    with pytest.raises(TypeError, match=r"gru\(\) missing required arguments: num_layers, dropout"):
        cgrad.gru(x, h, weights, True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
        cgrad.gru(x, h, weights, foo=1)
    with pytest.raises(TypeError, match="must be tuple of Tensors, but found element of type int"):
        cgrad.gru(x, h, [1, 2, 3, 4], True, 1, 0.0, False, False, False)
    with pytest.raises(RuntimeError, match="gru_cell: expected w_ih and w_hh with 3 · 4 rows"):
        cgrad.gru_cell(cgrad.zeros(1, 3), cgrad.zeros(1, 4), cgrad.zeros(3, 3), cgrad.zeros(3, 4))
    with pytest.raises(TypeError, match=r"lstm_cell\(\): argument 'w_ih' must be Tensor, not int"):
        cgrad.lstm_cell(cgrad.zeros(1, 3), (cgrad.zeros(1, 4),) * 2, 3, cgrad.zeros(3, 4))


def test_embedding_bag():
    weight = cgrad.randn(5, 3, requires_grad=True)
    indices, offsets = cgrad.tensor([0, 1, 4]), cgrad.tensor([0, 2])
    for mode, name in enumerate(("sum", "mean", "max")):
        bags, bag, count, _ = cgrad.embedding_bag(weight, indices, offsets, mode=mode)
        expected = nn.functional.embedding_bag(indices, weight, offsets, mode=name)
        assert cgrad.equal(bags, expected)
        assert bag.tolist() == [0, 0, 1] and count.tolist() == [2, 1]
    with pytest.raises(ValueError, match="mode must be 0"):
        cgrad.embedding_bag(weight, indices, offsets, mode=3)
