"""Recurrent layers and packed sequences: against loops in NumPy, and PyTorch where installed."""
import itertools

import numpy as np
import pytest

import cgrad
from cgrad import nn
from cgrad.nn.utils import rnn

KINDS = ["RNN", "LSTM", "GRU"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_step(kind, x, h, c, w):
    w_ih, w_hh, b_ih, b_hh = w
    a, b = x @ w_ih.T + b_ih, h @ w_hh.T + b_hh
    if kind == "RNN":
        return np.tanh(a + b), c
    if kind == "LSTM":
        i, f, g, o = np.split(a + b, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    (ar, az, an), (br, bz, bn) = np.split(a, 3, -1), np.split(b, 3, -1)
    z = sigmoid(az + bz)
    return (1 - z) * np.tanh(an + sigmoid(ar + br) * bn) + z * h, c


@pytest.mark.parametrize("kind", KINDS)
def test_layer_and_cell_equal_a_loop(kind):
    cgrad.manual_seed(0)
    layer = getattr(nn, kind)(3, 4, dtype=cgrad.float64)
    cell = getattr(nn, kind + "Cell")(3, 4, dtype=cgrad.float64)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x = cgrad.randn(5, 2, 3, dtype=cgrad.float64)
    w = [p.detach().numpy() for p in layer.parameters()]
    h = c = np.zeros((2, 4))
    out, _ = layer(x)
    state = None
    for t in range(5):
        h, c = numpy_step(kind, x[t].numpy(), h, c, w)
        np.testing.assert_allclose(out[t].detach().numpy(), h, rtol=1e-12)
        state = cell(x[t], state)
        step = state[0] if kind == "LSTM" else state
        np.testing.assert_allclose(step.detach().numpy(), h, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_packed_equals_each_sequence_alone(kind):
    cgrad.manual_seed(0)
    layer = getattr(nn, kind)(3, 4, num_layers=2, bidirectional=True, dtype=cgrad.float64)
    sequences = [cgrad.randn(n, 3, dtype=cgrad.float64) for n in (2, 5, 1, 5)]
    out, state = layer(rnn.pack_sequence(sequences, enforce_sorted=False))
    for k, (x, got) in enumerate(zip(sequences, rnn.unpack_sequence(out), strict=True)):
        want, last = layer(x)
        np.testing.assert_allclose(got.detach(), want.detach(), rtol=1e-10)
        h, last_h = (state[1], last[1]) if kind == "LSTM" else (state, last)
        np.testing.assert_allclose(h[:, k].detach(), last_h.detach(), rtol=1e-10)


def test_gradients_of_two_orders():
    layer = nn.LSTM(2, 3, proj_size=2, dtype=cgrad.float64)
    x = cgrad.randn(2, 1, 2, dtype=cgrad.float64, requires_grad=True)
    assert cgrad.autograd.gradcheck(lambda x: layer(x)[0], (x,))
    assert cgrad.autograd.gradgradcheck(lambda x: layer(x)[0], (x,))


def test_padding_there_and_back():
    sequences = [cgrad.arange(n) + 1 for n in (3, 1, 2)]
    padded = rnn.pad_sequence(sequences, batch_first=True, padding_value=-1)
    assert padded.tolist() == [[1, 2, 3], [1, -1, -1], [1, 2, -1]]
    left = rnn.pad_sequence(sequences, batch_first=True, padding_side="left")
    assert left.tolist() == [[1, 2, 3], [0, 0, 1], [0, 1, 2]]
    packed = rnn.pack_padded_sequence(padded, [3, 1, 2], batch_first=True, enforce_sorted=False)
    assert packed.data.tolist() == [1, 1, 1, 2, 2, 3]
    assert packed.batch_sizes.tolist() == [3, 2, 1]
    back, lengths = rnn.pad_packed_sequence(packed, batch_first=True, total_length=4)
    assert back.tolist() == [[1, 2, 3, 0], [1, 0, 0, 0], [1, 2, 0, 0]]
    assert lengths.tolist() == [3, 1, 2]


def test_errors():
    layer = nn.LSTM(3, 4)
    with pytest.raises(RuntimeError, match="Expected 3, got 2"):
        layer(cgrad.ones(5, 1, 2))
    with pytest.raises(RuntimeError, match=r"Expected hidden\[0\] size \(1, 1, 4\)"):
        layer(cgrad.ones(5, 1, 3), (cgrad.ones(1, 2, 4), cgrad.ones(1, 2, 4)))
    with pytest.raises(ValueError, match="dtype"):
        layer(cgrad.ones(5, 1, 3, dtype=cgrad.float64))
    with pytest.raises(RuntimeError, match="sorted in decreasing order"):
        rnn.pack_sequence([cgrad.ones(1), cgrad.ones(2)])
    with pytest.raises(RuntimeError, match="greater than 0"):
        rnn.pack_padded_sequence(cgrad.ones(2, 2), [1, 0])
    with pytest.raises(ValueError, match="proj_size"):
        nn.GRU(3, 4, proj_size=2)


OPTIONS = list(itertools.product(KINDS, [1, 2], [True, False], [True, False], [0, 2]))


@pytest.mark.parametrize(("kind", "layers", "both", "bias", "proj"), OPTIONS)
def test_as_pytorch(kind, layers, both, bias, proj):
    torch = pytest.importorskip("torch")
    if proj and kind != "LSTM":
        return
    options = {"num_layers": layers, "bidirectional": both, "bias": bias, "batch_first": both}
    options |= {"proj_size": proj} if proj else {}
    theirs = getattr(torch.nn, kind)(3, 4, **options).double()
    ours = getattr(nn, kind)(3, 4, **options, dtype=cgrad.float64)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: cgrad.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    data = np.random.default_rng(0).normal(size=(4, 3, 3))
    x, y = cgrad.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    a, b = ours(x)[0], theirs(y)[0]
    np.testing.assert_allclose(a.detach(), b.detach(), rtol=1e-9)
    (a * a).sum().backward()
    (b * b).sum().backward()
    np.testing.assert_allclose(x.grad, y.grad, rtol=1e-9)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layers", [1, 2])
def test_last_state_has_its_own_memory(kind, layers):
    network = getattr(nn, kind)(3, 4, layers)
    x = cgrad.randn(5, 2, 3, requires_grad=True)
    out, state = network(x)
    before = out.detach().clone()
    for s in state if kind == "LSTM" else (state,):
        with cgrad.no_grad():
            s[:, 0] = 7.0           # a sequence starts anew: neither output nor derivative knows
    assert out.equal(before)
    out.sum().backward()
    assert x.grad.isfinite().all() and x.grad.any()
