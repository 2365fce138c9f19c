"""The recurrent layers in one call against the same step by step: values, gradients, threads."""
import numpy as np
import pytest

import cgrad
from cgrad import nn
from cgrad.nn.modules import rnn
from cgrad.nn.modules.recurrent import layer

MODES = ["LSTM", "GRU", "RNN_TANH", "RNN_RELU"]


def inputs(mode, steps, n, h, dtype, seed=0):
    rng = np.random.default_rng(seed)
    gates = {"LSTM": 4, "GRU": 3}.get(mode, 1) * h
    shapes = [(steps, n, gates), (n, h), (n, h), (gates, h), (gates,)]
    made = [cgrad.tensor(rng.normal(size=s) / 2).to(dtype).requires_grad_() for s in shapes]
    x, h0, c0, w, b = made
    return x, ((h0, c0) if mode == "LSTM" else (h0,)), w, b


def run(how, mode, reverse, x, state, w, b):
    """Outputs and gradients of a weighted sum of all of them."""
    def steps(*args):
        return rnn._steps(mode, reverse, *args)

    out, last = layer(steps, mode, reverse, x, state, w, b) if how == "layer" else \
        steps(x, state, w, b)
    out = cgrad.stack(out) if isinstance(out, list) else out
    total = (out * out.detach().cos()).sum() + sum((s**2).sum() for s in last)
    leaves = [t for t in (x, *state, w, b) if t is not None]
    return [out, *last, *cgrad.autograd.grad(total, leaves)]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("steps", "n", "h"),
                         [(1, 1, 1), (3, 5, 7), (4, 17, 33), (2, 9, 64), (3, 10, 6), (3, 2, 8),
                          (5, 0, 4)])
def test_same_as_step_by_step(mode, reverse, steps, n, h):
    for dtype, tolerance in ((cgrad.float64, 1e-12), (cgrad.float32, 2e-5)):
        given = inputs(mode, steps, n, h, dtype)
        for b in (given[3], None):
            one = run("layer", mode, reverse, *given[:3], b)
            many = run("steps", mode, reverse, *given[:3], b)
            for a, c in zip(one, many, strict=True):
                assert a.dtype == c.dtype == dtype
                scale = max(1.0, c.detach().abs().max().item()) if c.numel() else 1.0
                np.testing.assert_allclose(a.detach(), c.detach(), atol=tolerance * scale)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("mode", MODES[:3])
def test_derivatives_against_differences(mode, reverse):
    x, state, w, b = inputs(mode, 3, 2, 2, cgrad.float64)

    def f(x, w, b, *state):
        out, last = layer(lambda *a: rnn._steps(mode, reverse, *a), mode, reverse, x, state, w, b)
        return (out, *last)

    assert cgrad.autograd.gradcheck(f, (x, w, b, *state))
    assert cgrad.autograd.gradgradcheck(f, (x, w, b, *state))


@pytest.mark.parametrize("mode", MODES)
def test_bits_do_not_depend_on_threads(mode):
    given = inputs(mode, 6, 37, 20, cgrad.float32)
    before = cgrad.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            cgrad.set_num_threads(threads)
            results.append(run("layer", mode, False, *given))
        for one, *others in zip(*results):
            for other in others:
                assert (one == other).all()
    finally:
        cgrad.set_num_threads(before)


def test_layouts_and_parts_of_gradients():
    x, state, w, b = inputs("GRU", 4, 3, 5, cgrad.float64)
    turned = x.detach().permute(1, 0, 2).contiguous().permute(1, 0, 2).requires_grad_()
    wide = cgrad.cat([w.detach(), w.detach()], 1)[:, :5].requires_grad_()
    assert not turned.is_contiguous() and not wide.is_contiguous()
    one, two = run("layer", "GRU", False, x, state, w, b), \
        run("layer", "GRU", False, turned, state, wide, b)
    for a, c in zip(one, two, strict=True):
        assert (a == c).all()
    # The last state alone is used; the weights alone want a gradient.
    lstm = nn.LSTM(3, 4)
    _, (_, c) = lstm(cgrad.ones(5, 2, 3))
    c.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in lstm.parameters())
    with cgrad.no_grad():
        assert not lstm(cgrad.ones(5, 2, 3))[0].requires_grad


@pytest.mark.parametrize("mode", MODES)
def test_numbers_that_are_not_finite_stay_in_their_row(mode):
    x, state, w, b = (t.detach() if isinstance(t, cgrad.Tensor) else t
                      for t in inputs(mode, 3, 4, 5, cgrad.float32))  # fmt: skip
    x[1, 2, 0] = float("nan")
    x[0, 1] = 1e30
    out, _ = layer(None, mode, False, x, tuple(s.detach() for s in state), w, b)
    bad = out.isnan().any(2)
    assert bad.tolist() == [[False] * 4, [False, False, True, False], [False, False, True, False]] \
        or mode == "RNN_RELU"  # which overflows
    assert not out[:, 0].isnan().any() and not out[:, 3].isnan().any()


def test_wrong_shapes():
    from cgrad._engine import recurrent

    x, (h, c), w, b = inputs("LSTM", 3, 2, 4, cgrad.float64)
    for bad in ((x[0], h, c, w, b), (x, h[:1], c, w, b), (x, h, c[:, :2], w, b),
                (x, h, c, w[:8], b), (x, h, c, w.float(), b), (x, h, c, w, b[:3]),
                (x.long(), h, c, w.long(), b)):  # fmt: skip
        with pytest.raises(RuntimeError, match="recurrent layer"):
            recurrent.forward("LSTM", *(t.detach() for t in bad), False)
    hs, cs, saved = recurrent.forward("LSTM", *(t.detach() for t in (x, h, c, w, b)), False)
    for bad in ((hs[0], None, None), (x[:2, :, :4], None, None), (None, h[:1], None),
                (None, None, c[:, :1])):  # fmt: skip
        with pytest.raises(RuntimeError, match="recurrent layer"):
            recurrent.backward("LSTM", *bad, hs, cs, saved, w, False)
    with pytest.raises(RuntimeError, match="recurrent layer"):
        recurrent.backward("LSTM", None, None, None, hs[0], cs, saved, w, False)
    with pytest.raises(RuntimeError, match="recurrent layer"):
        recurrent.backward("LSTM", None, None, None, hs, cs, saved, w[0], False)
