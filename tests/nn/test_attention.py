"""Attention block by block; layers' functions with state; bags of embeddings."""
import pytest

import cgrad
from cgrad import _functions
from cgrad._engine import memory
from cgrad.nn import functional as F
from cgrad.nn.functional import attention

INF = float("inf")


def inputs(*shape, dtype=cgrad.float64):
    cgrad.manual_seed(0)
    return [cgrad.randn(*shape, dtype=dtype, requires_grad=True) for _ in range(3)]


def results(function, q, k, v, *more):
    y = function(q, k, v, *more)
    weight = cgrad.arange(y.numel(), dtype=y.dtype).cos().reshape(y.shape)
    return [y, *cgrad.autograd.grad((y * weight).sum(), [q, k, v])]


def masks(n, m):
    i, j = cgrad.arange(n).unsqueeze(1), cgrad.arange(m)
    return {
        "none": None, "bool": (i * m + j) % 3 > 0, "nothing seen": (i > 2).expand(n, m),
        "float": (i * m + j).to(cgrad.float64).sin(), "one row": j < 4,
        "for each head": (i + j + cgrad.arange(3).reshape(3, 1, 1)) % 4 > 0,
    }


def fused(q, k, v, mask, causal):
    return F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal, scale=0.4)


def whole(q, k, v, mask, causal):
    return attention._whole(q, k, v, mask, 0.0, causal, 0.4)


# One block of queries; several, the last incomplete; more queries than keys; none.
SIZES = [(7, 5), (7, 7), (150, 600), (150, 40), (5, 1), (1, 5), (0, 3), (3, 0)]


@pytest.mark.parametrize("name", [*masks(1, 1), "causal"])
@pytest.mark.parametrize("sizes", SIZES)
def test_the_same_as_with_the_whole_matrix(name, sizes):
    n, m = sizes
    cgrad.manual_seed(0)
    q, k, v = (cgrad.randn(2, 3, rows, e, dtype=cgrad.float64, requires_grad=True)
               for rows, e in ((n, 4), (m, 4), (m, 6)))
    mask = None if name == "causal" else masks(n, m)[name]
    found = results(fused, q, k, v, mask, name == "causal")
    for a, b in zip(found, results(whole, q, k, v, mask, name == "causal")):
        assert a.shape == b.shape and a.allclose(b, atol=1e-12) and not a.isnan().any()


def arrangements(rows):
    """Memory of a (2, 3, rows, 4) array in other orders, with gaps, and shared."""
    x = cgrad.randn(6000, dtype=cgrad.float64)
    return {
        "rows outermost": x[: 24 * rows].reshape(rows, 2, 3, 4).permute(1, 2, 0, 3),
        "heads inside": x[: 24 * rows].reshape(2, rows, 3, 4).transpose(1, 2),
        "columns apart": x[: 24 * rows].reshape(2, 3, 4, rows).transpose(2, 3),
        "gaps": x[: 60 * rows].reshape(2, 3, rows, 10)[..., 3:7],
        "backwards": x[: 24 * rows].reshape(2, 3, rows, 4).flip(2),
        "one head for all": x[: 8 * rows].reshape(2, 1, rows, 4).expand(2, 3, rows, 4),
        "one row for all": x[:24].reshape(2, 3, 1, 4).expand(2, 3, rows, 4),
    }


@pytest.mark.parametrize("name", arrangements(1))
def test_any_order_of_memory(name):
    cgrad.manual_seed(1)
    q, k, v = (arrangements(rows)[name].detach().requires_grad_() for rows in (5, 7, 7))
    mask = (cgrad.arange(35).reshape(7, 5) % 3 > 0).t()
    found = results(fused, q, k, v, mask, False)
    for a, b in zip(found, results(whole, q, k, v, mask, False)):
        assert a.allclose(b, atol=1e-12)


def test_three_in_one_tensor():
    cgrad.manual_seed(2)
    x = cgrad.randn(5, 2, 3, 3, 4, dtype=cgrad.float64, requires_grad=True)
    for mask in (None, masks(5, 5)["bool"].expand(2, 3, 5, 5)):
        together = _functions.attention(x.permute(2, 1, 3, 0, 4), None, None, mask, False, 0.4)
        q, k, v = x.permute(2, 1, 3, 0, 4)
        apart = whole(q, k, v, mask, False)
        assert together.allclose(apart, atol=1e-14)
        weight = cgrad.arange(together.numel()).reshape(together.shape).cos()
        a, b = (cgrad.autograd.grad((y * weight).sum(), x)[0] for y in (together, apart))
        assert a.allclose(b, atol=1e-12) and a.is_contiguous()
    three = lambda x: _functions.attention(x, None, None, None, True, 0.4)
    assert cgrad.autograd.gradgradcheck(three, x.detach().permute(2, 1, 3, 0, 4)[:, :1, :1]
                                        .requires_grad_())


@pytest.mark.parametrize("name", [*masks(1, 1), "causal"])
@pytest.mark.parametrize("wanted", [(0, 1, 2), (1,), (0, 2)])
def test_second_derivatives(name, wanted):
    given = [cgrad.randn(1, 3, n, 2, dtype=cgrad.float64) for n in (4, 5, 5)]
    mask = None if name == "causal" else masks(4, 5)[name]

    def call(*x):
        x = dict(zip(wanted, x))
        return fused(*(x.get(i, given[i]) for i in range(3)), mask, name == "causal")

    x = tuple(given[i].clone().requires_grad_() for i in wanted)
    assert cgrad.autograd.gradcheck(call, x) and cgrad.autograd.gradgradcheck(call, x)


def test_third_derivatives():
    q, k, v = (cgrad.randn(1, 2, 3, 2, dtype=cgrad.float64, requires_grad=True) for _ in range(3))

    def second(function):
        y = function(q, k, v, masks(3, 3)["bool"], False)
        (first,) = cgrad.autograd.grad(y.sin().sum(), q, create_graph=True)
        (twice,) = cgrad.autograd.grad(first.square().sum(), k, create_graph=True)
        return cgrad.autograd.grad(twice.square().sum(), [q, k, v])

    for a, b in zip(second(fused), second(whole)):
        assert a.allclose(b, atol=1e-12)


@pytest.mark.parametrize("shape", [(), (4,), (3, 1), (1, 4), (2, 1, 1, 4), (1, 5, 3, 1),
                                   (2, 5, 3, 4), (5, 1, 4)])
@pytest.mark.parametrize("dtype", [cgrad.bool, cgrad.float64])
def test_masks_of_all_shapes(shape, dtype):
    cgrad.manual_seed(3)
    q, k, v = (cgrad.randn(2, 5, n, 3, dtype=cgrad.float64) for n in (3, 4, 4))
    mask = cgrad.randn(*shape) > -0.5 if dtype is cgrad.bool else cgrad.randn(*shape, dtype=dtype)
    assert fused(q, k, v, mask, False).allclose(whole(q, k, v, mask, False), atol=1e-12)


def test_a_query_that_sees_nothing_gets_zeros():
    x = cgrad.randn(1, 2, 3, 4, dtype=cgrad.float64, requires_grad=True)
    lost = cgrad.tensor([[0.0, 0, 0], [-INF, -INF, -INF], [0, -INF, 0]], dtype=cgrad.float64)
    for mask in (lost, lost == 0):
        for p in (0.0, 0.5):
            y = F.scaled_dot_product_attention(x, x, x, mask, p)
            (g,) = cgrad.autograd.grad(y.sum(), x, create_graph=True)
            (h,) = cgrad.autograd.grad(g.square().sum(), x)
            assert not y[0, :, 1].any() and all(t.isfinite().all() for t in (y, g, h))
    for layer in (cgrad.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
                  cgrad.nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True)):
        x = cgrad.randn(2, 3, 4)
        layer(x, src_key_padding_mask=cgrad.tensor([[False] * 3, [True] * 3])).sum().backward()
        assert all(p.grad.isfinite().all() for p in layer.parameters())


def test_a_masked_score_is_minus_infinity_also_in_the_second_derivative():
    q = cgrad.tensor([[[[1e16]]]], dtype=cgrad.float64, requires_grad=True)
    k = cgrad.tensor([[[[-1e15], [1.0]]]], dtype=cgrad.float64)
    v = cgrad.tensor([[[[1.0], [0.0]]]], dtype=cgrad.float64, requires_grad=True)
    g = cgrad.ones(1, 1, 1, 1, dtype=cgrad.float64, requires_grad=True)
    y = F.scaled_dot_product_attention(q, k, v, cgrad.tensor([[True, False]]))
    (dv,) = cgrad.autograd.grad(y, v, g, create_graph=True)
    assert dv.flatten().tolist() == [1, 0]
    assert cgrad.autograd.grad(dv[0, 0, 0, 0], g)[0].item() == 1


def test_a_change_of_what_is_read_again_is_seen():
    message = "modified by an inplace operation: operation attention"
    q, k, v = (cgrad.randn(1, 1, 4, 3).requires_grad_() for _ in range(3))
    mask = cgrad.ones(4, 4)
    for changed in (q, k, v, mask):
        y = F.scaled_dot_product_attention(q, k, v, mask)
        with cgrad.no_grad():
            changed.mul_(2)
        with pytest.raises(RuntimeError, match=message):
            y.sum().backward()
        y = F.scaled_dot_product_attention(q, k, v, mask)
        (g,) = cgrad.autograd.grad(y.sum(), q, create_graph=True)
        with cgrad.no_grad():
            changed.mul_(2)
        with pytest.raises(RuntimeError, match=message):
            g.sum().backward()


def test_weights_that_are_kept_are_all_written():
    seen = []
    q, k, v = (cgrad.randn(1, 1, 300, 2).requires_grad_() for _ in range(3))
    # Memory that held something else.
    for _ in range(3):
        cgrad.full((90_000,), float("nan"))
    with cgrad.autograd.graph.saved_tensors_hooks(lambda t: seen.append(t) or t, lambda t: t):
        F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert any(t.numel() == 90_000 for t in seen) and all(t.isfinite().all() for t in seen)


def test_no_queries_and_a_mask():
    layer = cgrad.nn.MultiheadAttention(4, 2)
    x = cgrad.ones(0, 3, 4)
    for need in (True, False):
        y, _ = layer(x, x, x, attn_mask=cgrad.ones(0, 0), need_weights=need)
        assert y.shape == (0, 3, 4)


def test_wrong_operands_of_the_fused_form():
    x = cgrad.ones(1, 2, 3, 4)
    for operands in ([x, x, x[:, :, :2]], [x, x[..., :2], x], [x, x[:, :1], x], [x], [x[0]] * 3,
                     [x, x, x.double()], [x.long()] * 3, [x, x, x, cgrad.ones(1, 2, 3, 4)]):
        with pytest.raises(RuntimeError, match=r"attention: operands .*\[1?.*do not fit"):
            _functions.attention(*operands[:3], *([None] * (3 - len(operands))), *operands[3:])
    with pytest.raises(RuntimeError, match="mask excludes causal"):
        _functions.attention(x, x, x, cgrad.ones(1, 2, 3, 3), causal=True)


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
