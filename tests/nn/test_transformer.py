"""Attention and transformer layers: shapes, masks, and PyTorch where installed."""
import numpy as np
import pytest

import cgrad
from cgrad import nn


def test_a_causal_mask_hides_the_future():
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2)
    x = cgrad.randn(2, 4, 8)
    y = x.clone()
    y[:, 3] = 0
    a, b = encoder(x, mask=mask), encoder(y, mask=mask)
    np.testing.assert_allclose(a[:, :3].detach(), b[:, :3].detach(), rtol=1e-5, atol=1e-6)


def test_weights_sum_to_one_and_padding_is_left_out():
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    x = cgrad.randn(2, 3, 8)
    hidden = cgrad.tensor([[False, False, True], [False, False, False]])
    output, weights = attention(x, x, x, key_padding_mask=hidden)
    assert output.shape == (2, 3, 8)
    np.testing.assert_allclose(weights.sum(-1).detach(), 1, rtol=1e-6)
    assert (weights[0, :, 2] == 0).all()


def test_errors():
    with pytest.raises(AssertionError, match="divisible"):
        nn.MultiheadAttention(8, 3)
    with pytest.raises(RuntimeError, match="relu/gelu"):
        nn.TransformerEncoderLayer(8, 2, activation="tanh")
    with pytest.raises(RuntimeError, match="d_model"):
        nn.Transformer(8, 2, 1, 1, 16)(cgrad.ones(3, 1, 7), cgrad.ones(3, 1, 7))


# PyTorch warns that its fast path needs batch_first.
@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning")
@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_transformer_as_pytorch(norm_first, bias):
    torch = pytest.importorskip("torch")
    options = {"dropout": 0.0, "norm_first": norm_first, "bias": bias, "activation": "gelu"}
    theirs = torch.nn.Transformer(8, 2, 2, 2, 16, **options).double()
    ours = nn.Transformer(8, 2, 2, 2, 16, **options, dtype=cgrad.float64)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: cgrad.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    rng = np.random.default_rng(0)
    src, tgt = rng.normal(size=(5, 3, 8)), rng.normal(size=(4, 3, 8))
    mask = np.triu(np.ones((4, 4), bool), 1)
    padding = np.zeros((3, 5), bool)
    padding[1, 3:] = True
    results = []
    for lib, model in ((cgrad, ours), (torch, theirs)):
        out = model(
            lib.tensor(src), lib.tensor(tgt), tgt_mask=lib.tensor(mask),
            src_key_padding_mask=lib.tensor(padding),
        )  # fmt: skip
        (out * out * out).sum().backward()
        results.append([out.detach(), *(p.grad for p in model.parameters())])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    "options",
    [{}, {"kdim": 5, "vdim": 3}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"bias": False}],
)
def test_attention_as_pytorch(options):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.MultiheadAttention(8, 2, **options).double()
    ours = nn.MultiheadAttention(8, 2, **options, dtype=cgrad.float64)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: cgrad.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    rng = np.random.default_rng(0)
    sizes = (8, options.get("kdim", 8), options.get("vdim", 8))
    data = [rng.normal(size=(4, 2, n)) for n in sizes]
    got, want = ours(*map(cgrad.tensor, data)), theirs(*map(torch.tensor, data))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a.detach(), b.detach(), rtol=1e-9, atol=1e-12)
