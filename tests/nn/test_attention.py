"""Attention block by block; layers' functions with state; bags of embeddings."""
import pytest

import cgrad
from cgrad._engine import memory
from cgrad.nn import functional as F
from cgrad.nn.functional import attention


def inputs(*shape, dtype=cgrad.float64):
    cgrad.manual_seed(0)
    return [cgrad.randn(*shape, dtype=dtype, requires_grad=True) for _ in range(3)]


def results(q, k, v, **options):
    y = F.scaled_dot_product_attention(q, k, v, **options)
    weight = cgrad.arange(y.numel(), dtype=y.dtype).cos().reshape(y.shape)
    return [y, *cgrad.autograd.grad((y * weight).sum(), [q, k, v])]


MASKS = {
    "none": {}, "causal": {"is_causal": True}, "scale": {"scale": 0.2},
    "bool": {"attn_mask": cgrad.arange(49).reshape(7, 7) % 3 > 0},
    "nothing seen": {"attn_mask": cgrad.arange(7).unsqueeze(1).expand(7, 7) > 2},
    "float": {"attn_mask": cgrad.arange(49.0, dtype=cgrad.float64).reshape(7, 7).sin()},
    "one row": {"attn_mask": cgrad.arange(7) < 4},
}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("block", [1, 40, 100])
def test_blocks_give_the_same(name, block, monkeypatch):
    q, k, v = inputs(2, 3, 7, 4)
    expected = results(q, k, v, **MASKS[name])
    monkeypatch.setattr(attention, "_BLOCK", block)
    for a, b in zip(results(q, k, v, **MASKS[name]), expected):
        assert a.allclose(b, atol=1e-12) and not a.isnan().any()


def test_second_derivatives_of_blocks(monkeypatch):
    monkeypatch.setattr(attention, "_BLOCK", 4)
    q, k, v = inputs(3, 2)
    call = lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert cgrad.autograd.gradcheck(call, (q, k, v))
    assert cgrad.autograd.gradgradcheck(call, (q, k, v))


def test_memory_grows_with_the_length_only():
    def peak(n):
        q, k, v = inputs(1, 1, n, 16, dtype=cgrad.float32)
        memory.reset_peak()
        before = memory.live_bytes()
        F.scaled_dot_product_attention(q, k, v).sum().backward()
        return memory.peak_bytes() - before

    assert peak(8192) < 40e6              # the scores alone would be 268 MB
    assert peak(8192) < 2.5 * peak(4096)


def test_grouped_heads_must_divide():
    q, k, v = cgrad.ones(1, 4, 2, 3), cgrad.ones(1, 3, 2, 3), cgrad.ones(1, 3, 2, 3)
    with pytest.raises(RuntimeError, match="heads"):
        F.scaled_dot_product_attention(q, k, v, enable_gqa=True)


def test_batch_norm_moves_running_values():
    x = cgrad.tensor([[1.0, 2.0], [3.0, 6.0]])
    mean, var = cgrad.zeros(2), cgrad.ones(2)
    F.batch_norm(x, mean, var, training=True, momentum=0.5)
    assert mean.tolist() == [1.0, 2.0] and var.tolist() == [1.5, 4.5]
    mean, var = cgrad.zeros(2), cgrad.ones(2)
    F.instance_norm(x.reshape(1, 2, 2), mean, var, momentum=0.5)
    assert mean.tolist() == [0.75, 2.25]


def test_embedding_options():
    w = cgrad.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]], requires_grad=True)
    i = cgrad.tensor([0, 0, 1])
    y = F.embedding(i, w, max_norm=1.0)
    assert y[0].norm().item() == pytest.approx(1.0) and w[1].norm().item() == pytest.approx(0.5)
    assert w[2].tolist() == [6.0, 8.0]
    F.embedding(i, w, scale_grad_by_freq=True).sum().backward()
    assert w.grad.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]
    w.grad = None
    F.embedding_bag(i.reshape(1, 3), w, mode="sum", sparse=True).sum().backward()
    assert w.grad.is_sparse and w.grad.to_dense()[0].tolist() == [2.0, 2.0]


@pytest.mark.parametrize(("arguments", "error", "match"), [
    (([[0]], None, {"mode": "most"}), ValueError, "mode"),
    (([0], None, {}), ValueError, "offsets"),
    (([[0]], [0], {}), ValueError, "offsets has to be None"),
    (([0, 1], [1], {}), RuntimeError, r"offsets\[0\]"),
    (([0, 1], [0, 5], {}), RuntimeError, "length 2"),
    (([[9]], None, {}), IndexError, "9"),
    (([[0]], None, {"padding_idx": 7}), AssertionError, "padding_idx"),
])
def test_wrong_bags(arguments, error, match):
    indices, offsets, options = arguments
    with pytest.raises(error, match=match):
        F.embedding_bag(cgrad.tensor(indices), cgrad.ones(3, 2),
                        None if offsets is None else cgrad.tensor(offsets), **options)


def test_padding_counts_for_nothing():
    w = cgrad.tensor([[1.0], [2.0], [4.0]])
    i = cgrad.tensor([[0, 2, 2], [2, 2, 2]])
    for mode, expected in (("sum", [[1.0], [0.0]]), ("mean", [[1.0], [0.0]]),
                           ("max", [[1.0], [0.0]])):
        assert F.embedding_bag(i, w, mode=mode, padding_idx=-1).tolist() == expected
