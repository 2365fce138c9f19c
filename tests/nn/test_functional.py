"""nn.functional: losses in all their forms, one_hot, deprecated arguments, errors."""
import numpy as np
import pytest

import cgrad
from cgrad.nn import functional as F

rng = np.random.default_rng(0)
LOGITS = rng.standard_normal((5, 3))
CLASSES = np.array([0, 2, 1, 1, 2])
WEIGHT = np.array([0.5, 1.0, 2.0])


def log_softmax(x, axis=1):
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def reduced(losses, factors, reduction):
    """Losses already weighted; factors are what the mean divides by."""
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / factors.sum()}[reduction]


def nll(logp, classes, weight=None, ignore_index=-100, reduction="mean", smoothing=0.0):
    """Reference on rows: logp (M, C), classes (M)."""
    weight = np.ones(logp.shape[1]) if weight is None else weight
    kept = classes != ignore_index
    index = np.where(kept, classes, 0)
    factor = weight[index] * kept
    hard = -logp[np.arange(len(logp)), index] * factor
    smooth = -(logp * weight).sum(1) * kept / logp.shape[1]
    return reduced((1 - smoothing) * hard + smoothing * smooth, factor, reduction)


def check(result, expected, rtol=1e-12):
    np.testing.assert_allclose(result.detach().numpy(), expected, rtol=rtol, atol=1e-14)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("ignore_index", [-100, 1])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_cross_entropy(weight, ignore_index, smoothing, reduction):
    options = dict(ignore_index=ignore_index, reduction=reduction)
    expected = nll(log_softmax(LOGITS), CLASSES, weight, smoothing=smoothing, **options)
    w = None if weight is None else cgrad.tensor(weight)
    result = F.cross_entropy(
        cgrad.tensor(LOGITS), cgrad.tensor(CLASSES), w, label_smoothing=smoothing, **options
    )
    check(result, expected)

    # The same rows as an image, classes in the second dimension: (1, C, 5).
    image = cgrad.tensor(LOGITS.T[None].copy())
    result = F.cross_entropy(
        image, cgrad.tensor(CLASSES[None]), w, label_smoothing=smoothing, **options
    )
    check(result, expected[None] if reduction == "none" else expected)
    if smoothing == 0:
        result = F.nll_loss(
            cgrad.tensor(log_softmax(LOGITS)), cgrad.tensor(CLASSES), w, **options
        )
        check(result, expected)
        result = F.nll_loss(
            cgrad.log_softmax(image, 1), cgrad.tensor(CLASSES[None]), w, **options
        )
        check(result, expected[None] if reduction == "none" else expected)


def test_cross_entropy_of_one_sample():
    expected = -log_softmax(LOGITS[:1])[0, 2]
    check(F.cross_entropy(cgrad.tensor(LOGITS[0]), cgrad.tensor(2)), expected)
    check(F.nll_loss(cgrad.tensor(log_softmax(LOGITS[:1])[0]), cgrad.tensor(2)), expected)
    assert F.cross_entropy(cgrad.tensor(LOGITS[0]), cgrad.tensor(2), reduction="none").dim() == 0


@pytest.mark.parametrize("shape", [(3,), (4, 3), (4, 3, 2)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_with_probabilities(shape, reduction):
    logits = rng.standard_normal(shape)
    axis = 0 if len(shape) == 1 else 1
    target = rng.random(shape)
    target /= target.sum(axis, keepdims=True)
    broadcast = WEIGHT.reshape((3,) + (1,) * (len(shape) - axis - 1))
    smooth = target * 0.9 + 0.1 / 3
    for weight, factor in ((None, 1.0), (cgrad.tensor(WEIGHT), broadcast)):
        losses = -(log_softmax(logits, axis) * smooth * factor).sum(axis)
        result = F.cross_entropy(
            cgrad.tensor(logits), cgrad.tensor(target), weight, reduction=reduction,
            label_smoothing=0.1,
        )  # fmt: skip
        check(result, reduced(losses, np.ones(losses.shape), reduction))


def test_ignored_targets_do_not_spoil_the_gradient():
    x = cgrad.tensor([[0.0, -np.inf], [1.0, 2.0]], dtype=cgrad.float64, requires_grad=True)
    F.nll_loss(x, cgrad.tensor([-100, 1])).backward()
    assert x.grad.tolist() == [[0, 0], [0, -1]]
    everything = F.nll_loss(x, cgrad.tensor([-100, -100]))
    assert np.isnan(everything.item())


def test_losses_are_differentiable():
    x = cgrad.tensor(LOGITS, requires_grad=True)
    y = cgrad.tensor(CLASSES)
    cube = cgrad.tensor(rng.standard_normal((2, 3, 2)), requires_grad=True)
    cube_classes = cgrad.tensor([[0, 2], [1, 1]])
    p = cgrad.tensor(rng.random((5, 3)), requires_grad=True)
    w = cgrad.tensor(WEIGHT)
    factors = cgrad.tensor(rng.random((5, 3)))
    cases = [
        (lambda x: F.cross_entropy(x, y, w, label_smoothing=0.1), (x,)),
        (lambda x: F.cross_entropy(x, cube_classes, reduction="none"), (cube,)),
        (lambda x, p: F.cross_entropy(x, p, w), (x, p)),
        (lambda x: F.nll_loss(x, y, w, ignore_index=1), (x,)),
        (lambda x: F.nll_loss(x, cube_classes), (cube,)),
        (lambda x, p: F.mse_loss(x, p), (x, p)),
        (lambda x, p: F.mse_loss(x, p, weight=factors), (x, p)),
        (lambda x, p: F.l1_loss(x, p), (x, p)),
        (lambda x, p: F.binary_cross_entropy_with_logits(x, p, pos_weight=w), (x, p)),
    ]
    for function, inputs in cases:
        assert cgrad.autograd.gradcheck(function, inputs)
        assert cgrad.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_regression_losses(reduction):
    a, b = rng.standard_normal((2, 4, 3))
    ones = np.ones_like(a)
    x, y = cgrad.tensor(a), cgrad.tensor(b)
    check(F.mse_loss(x, y, reduction=reduction), reduced((a - b) ** 2, ones, reduction))
    check(F.l1_loss(x, y, reduction=reduction), reduced(abs(a - b), ones, reduction))
    w = rng.random((4, 3))
    result = F.mse_loss(x, y, reduction=reduction, weight=cgrad.tensor(w))
    check(result, reduced((a - b) ** 2 * w, w, reduction))
    result = F.l1_loss(x, y, reduction=reduction, weight=cgrad.tensor(w))
    check(result, reduced(abs(a - b) * w, w, reduction))
    with pytest.warns(UserWarning, match="Using a target size"):
        result = F.mse_loss(x, y[0], reduction=reduction)
    check(result, reduced((a - b[0]) ** 2, ones, reduction))
    with pytest.warns(UserWarning, match="please use reduction='sum'"):
        check(F.mse_loss(x, y, False), ((a - b) ** 2).sum())


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_binary_cross_entropy_with_logits(reduction):
    x, y = rng.standard_normal((4, 3)) * 5, rng.random((4, 3))
    p = 1 / (1 + np.exp(-x))
    ones = np.ones_like(x)
    plain = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    call = F.binary_cross_entropy_with_logits
    a, b, w = cgrad.tensor(x), cgrad.tensor(y), cgrad.tensor(WEIGHT)
    check(call(a, b, reduction=reduction), reduced(plain, ones, reduction), 1e-9)
    check(call(a, b, w, reduction=reduction), reduced(plain * WEIGHT, ones, reduction), 1e-9)
    positive = -(WEIGHT * y * np.log(p) + (1 - y) * np.log(1 - p))
    result = call(a, b, reduction=reduction, pos_weight=w)
    check(result, reduced(positive, ones, reduction), 1e-9)


def test_binary_cross_entropy_does_not_overflow():
    x = cgrad.tensor([-1000.0, 1000.0, -1000.0, 1000.0], requires_grad=True)
    y = cgrad.tensor([0.0, 1.0, 1.0, 0.0])
    loss = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    assert loss.tolist() == [0, 0, 1000, 1000]
    loss.sum().backward()
    assert x.grad.tolist() == [0, 0, -1, 1]
    with pytest.raises(ValueError, match="must be the same as"):
        F.binary_cross_entropy_with_logits(x, y[:2])


def test_loss_errors():
    x, y = cgrad.tensor(LOGITS), cgrad.tensor(CLASSES)
    cube = cgrad.zeros(2, 3, 4)
    with pytest.raises(ValueError, match="not a valid value for reduction"):
        F.cross_entropy(x, y, reduction="average")
    with pytest.raises(ValueError):
        F.cross_entropy(x, y[:2])
    with pytest.raises(RuntimeError, match=r"Expected target of shape \(2, 4\)"):
        F.cross_entropy(cube, cgrad.zeros(2, 3, dtype=cgrad.int64))
    with pytest.raises(ValueError, match="batch_size"):
        F.nll_loss(x, y[:2])
    with pytest.raises(RuntimeError, match="got a scalar"):
        F.nll_loss(cgrad.tensor(1.0), cgrad.tensor(0))
    with pytest.raises(ValueError, match="Weights and input must have the same size"):
        F.mse_loss(x, x, weight=y)
    with pytest.warns(UserWarning, match="please use reduction='sum'"):
        assert F.cross_entropy(x, y, size_average=False).item() > 0
    with pytest.raises(IndexError):
        F.cross_entropy(x, y + 1)
    with pytest.raises(IndexError, match="Target 3 is out of bounds"):
        F.nll_loss(x, y + 1)
    with pytest.raises(IndexError, match="Target -1 is out of bounds"):
        F.nll_loss(x, y - 1)
    with pytest.raises(RuntimeError, match="label_smoothing must be between"):
        F.cross_entropy(x, cgrad.ones(5, 3, dtype=cgrad.float64), label_smoothing=2.0)


def test_empty_batches():
    x = cgrad.zeros(0, 3, requires_grad=True)
    y = cgrad.zeros(0, dtype=cgrad.int64)
    assert F.cross_entropy(x, y, reduction="sum").item() == 0
    assert np.isnan(F.cross_entropy(x, y).item())
    assert F.nll_loss(x, y, reduction="none").shape == (0,)
    assert F.nll_loss(x.reshape(0, 3, 1), y.reshape(0, 1), reduction="sum").item() == 0


def test_kl_div_warns_of_its_mean():
    x, y = cgrad.tensor([[-1.0, -2.0]]), cgrad.tensor([[0.0, 1.0]])
    with pytest.warns(UserWarning, match="batchmean"):
        assert F.kl_div(x, y).item() == 1.0
    assert F.kl_div(x, y, reduction="batchmean").item() == 2.0


def test_cross_entropy_of_huge_logits():
    x = cgrad.full((1, 4), 1e8, requires_grad=True)
    F.cross_entropy(x, cgrad.tensor([0])).backward()
    np.testing.assert_allclose(x.grad.numpy(), [[-0.75, 0.25, 0.25, 0.25]], rtol=1e-6)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, np.inf])
def test_distances_at_zero_have_finite_derivatives(p):
    zero = cgrad.zeros(2, 3, dtype=cgrad.float64, requires_grad=True)
    one = cgrad.ones(2, 3, dtype=cgrad.float64)
    for f in (lambda x: cgrad.pdist(x, p), lambda x: cgrad.pairwise_distance(x, x * 0, p, eps=0.0),
              lambda x: F.normalize(x, p), lambda x: cgrad.cosine_similarity(x, one)):
        (g,) = cgrad.autograd.grad(f(zero).sum(), zero, create_graph=True)
        assert g.isfinite().all()
        (h,) = cgrad.autograd.grad((g * one).sum() + (zero * 0).sum(), zero)
        assert h.isfinite().all()


def test_logsumexp_of_nothing_has_no_gradient():
    x = cgrad.tensor([[0.0, 1.0], [-np.inf, -np.inf]], requires_grad=True)
    y = cgrad.logsumexp(x, 1)
    (g,) = cgrad.autograd.grad(y.sum(), x, create_graph=True)
    assert g[1].tolist() == [0.0, 0.0]
    assert cgrad.autograd.grad((g * g).sum(), x)[0].isfinite().all()


def test_losses_at_extremes():
    big = cgrad.tensor([1e4, -1e4, float("inf")], requires_grad=True)
    for f in (F.smooth_l1_loss, F.huber_loss):
        (g,) = cgrad.autograd.grad(f(big, cgrad.zeros(3), reduction="sum"), big)
        assert g.tolist() == [1.0, -1.0, 1.0]
    x = cgrad.tensor([200.0, -200.0], requires_grad=True)
    y = F.soft_margin_loss(x, cgrad.ones(2), reduction="none")
    assert y.tolist() == [0.0, 200.0]
    assert cgrad.autograd.grad(y.sum(), x)[0].tolist() == [0.0, -1.0]
    p = cgrad.tensor([0.0, 1.0], requires_grad=True)
    y = F.binary_cross_entropy(p, cgrad.tensor([1.0, 0.0]), reduction="none")
    assert y.tolist() == [100.0, 100.0]
    (g,) = cgrad.autograd.grad(y.sum(), p, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), [-1e12, 1e12])
    assert cgrad.autograd.grad(g.sum(), p)[0].isfinite().all()


def test_one_hot():
    index = cgrad.tensor([[0, 2], [1, 0]])
    expected = np.eye(3, dtype=np.int64)[index.numpy()]
    result = F.one_hot(index)
    assert result.dtype == cgrad.int64
    np.testing.assert_array_equal(result.numpy(), expected)
    assert F.one_hot(index, 5).shape == (2, 2, 5)
    assert F.one_hot(cgrad.zeros(0, dtype=cgrad.int64), 3).shape == (0, 3)
    with pytest.raises(RuntimeError, match="must be smaller than num_classes"):
        F.one_hot(index, 2)
    with pytest.raises(RuntimeError, match="must be non-negative"):
        F.one_hot(index - 1)
    with pytest.raises(RuntimeError, match="LongTensor"):
        F.one_hot(cgrad.zeros(2))
    with pytest.raises(RuntimeError, match="empty tensor"):
        F.one_hot(cgrad.zeros(0, dtype=cgrad.int64))


def test_functional_activations():
    x = cgrad.tensor([-1.0, 2.0])
    assert F.relu(x).tolist() == [0, 2]
    np.testing.assert_allclose(F.sigmoid(x).numpy(), 1 / (1 + np.exp([1.0, -2.0])), rtol=1e-6)
    np.testing.assert_allclose(F.tanh(x).numpy(), np.tanh([-1.0, 2.0]), rtol=1e-6)
    assert F.softmax(x, 0, dtype=cgrad.float64).dtype == cgrad.float64
    assert F.log_softmax(x, dim=-1, dtype=cgrad.float64).dtype == cgrad.float64
    y = x.clone()
    assert F.relu(y, inplace=True) is y and y.tolist() == [0, 2]
    with pytest.raises(ValueError, match="min_val cannot be greater"):
        F.hardtanh(x, 1, -1)


def test_functional_dropout_and_embedding():
    x = cgrad.ones(10)
    assert F.dropout(x, training=False) is x
    assert F.dropout(x, 0.0) is x
    with pytest.raises(ValueError, match="between 0 and 1"):
        F.dropout(x, 1.5)
    table = cgrad.tensor([[1.0, 2], [3, 4]])
    assert F.embedding(cgrad.tensor([1, 0]), table).tolist() == [[3, 4], [1, 2]]
    assert F.embedding(cgrad.tensor([[1]]), table, padding_idx=-1).shape == (1, 1, 2)
    with pytest.raises(AssertionError):
        F.embedding(cgrad.tensor([0]), table, padding_idx=2)
