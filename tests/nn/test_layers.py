"""Every layer: values, parameters, default initialization, repr, errors."""
import gc
import math

import numpy as np
import pytest

import cgrad
from cgrad import nn

X = np.array([[-3.0, -1.0, -0.5, 0.0], [0.25, 1.0, 2.5, 30.0]], dtype=np.float64)


def erf(x):
    return np.vectorize(math.erf)(x)


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = [
    (nn.ReLU(), lambda x: np.maximum(x, 0), "ReLU()"),
    (nn.ReLU(inplace=True), lambda x: np.maximum(x, 0), "ReLU(inplace=True)"),
    (nn.Sigmoid(), sigmoid, "Sigmoid()"),
    (nn.Tanh(), np.tanh, "Tanh()"),
    (nn.GELU(), lambda x: x * (1 + erf(x / 2**0.5)) / 2, "GELU(approximate='none')"),
    (
        nn.GELU("tanh"),
        lambda x: x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))) / 2,
        "GELU(approximate='tanh')",
    ),
    (nn.SiLU(), lambda x: x * sigmoid(x), "SiLU()"),
    (nn.SiLU(inplace=True), lambda x: x * sigmoid(x), "SiLU(inplace=True)"),
    (nn.LeakyReLU(), lambda x: np.where(x > 0, x, 0.01 * x), "LeakyReLU(negative_slope=0.01)"),
    (
        nn.LeakyReLU(0.2, True),
        lambda x: np.where(x > 0, x, 0.2 * x),
        "LeakyReLU(negative_slope=0.2, inplace=True)",
    ),
    (nn.ELU(), lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), "ELU(alpha=1.0)"),
    (
        nn.ELU(0.5, inplace=True),
        lambda x: np.where(x > 0, x, 0.5 * np.expm1(np.minimum(x, 0))),
        "ELU(alpha=0.5, inplace=True)",
    ),
    (nn.Softplus(), lambda x: np.logaddexp(0, x), "Softplus(beta=1.0, threshold=20.0)"),
    (
        nn.Softplus(2.0, 4.0),
        lambda x: np.where(2 * x > 4, x, np.logaddexp(0, 2 * x) / 2),
        "Softplus(beta=2.0, threshold=4.0)",
    ),
    (nn.Hardtanh(), lambda x: np.clip(x, -1, 1), "Hardtanh(min_val=-1.0, max_val=1.0)"),
    (
        nn.Hardtanh(-2, 0.5, inplace=True),
        lambda x: np.clip(x, -2, 0.5),
        "Hardtanh(min_val=-2, max_val=0.5, inplace=True)",
    ),
    (nn.Softmax(dim=1), lambda x: softmax(x, 1), "Softmax(dim=1)"),
    (nn.Softmax(0), lambda x: softmax(x, 0), "Softmax(dim=0)"),
    (nn.LogSoftmax(dim=-1), lambda x: np.log(softmax(x, -1)), "LogSoftmax(dim=-1)"),
    (nn.Identity(1, any=2), lambda x: x, "Identity()"),
    (nn.Flatten(0), lambda x: x.reshape(-1), "Flatten(start_dim=0, end_dim=-1)"),
]


@pytest.mark.parametrize("layer, formula, text", ACTIVATIONS, ids=[c[2] for c in ACTIVATIONS])
def test_activation(layer, formula, text):
    assert repr(layer) == text
    x = cgrad.tensor(X.copy())
    result = layer(x)
    np.testing.assert_allclose(result.numpy(), formula(X), rtol=1e-12, atol=1e-15)
    if getattr(layer, "inplace", False):
        np.testing.assert_array_equal(x.numpy(), result.numpy())
    else:
        np.testing.assert_array_equal(x.numpy(), X)


@pytest.mark.parametrize(
    "layer", [c[0] for c in ACTIVATIONS if not getattr(c[0], "inplace", False)], ids=repr
)
def test_activation_gradients(layer):
    # Away from the kinks, and where nothing has saturated.
    values = [[-2.5, -0.7, 0.3], [0.6, 1.7, 1.9]]
    x = cgrad.tensor(values, dtype=cgrad.float64, requires_grad=True)
    assert cgrad.autograd.gradcheck(layer, x)
    assert cgrad.autograd.gradgradcheck(layer, x)


def test_hardtanh_has_no_gradient_at_its_limits():
    x = cgrad.tensor([-1.0, 0.0, 1.0, float("nan")], requires_grad=True)
    y = nn.Hardtanh()(x)
    y[:3].sum().backward()
    assert x.grad.tolist()[:3] == [0, 1, 0] and math.isnan(y[3].item())
    with pytest.raises(AssertionError, match="must be greater than"):
        nn.Hardtanh(1, 1)


def test_implicit_softmax_dimension_warns():
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        y = nn.Softmax()(cgrad.zeros(2, 4))
    assert y[0, 0].item() == 0.25
    with pytest.warns(UserWarning, match="Implicit dimension choice for log_softmax"):
        nn.LogSoftmax()(cgrad.zeros(3))


def test_linear():
    cgrad.manual_seed(0)
    layer = nn.Linear(3, 2)
    assert layer.weight.shape == (2, 3) and layer.bias.shape == (2,)
    w, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    for shape in [(3,), (4, 3), (2, 5, 3), (0, 3)]:
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        result = layer(cgrad.from_numpy(x))
        assert result.shape == (*shape[:-1], 2)
        np.testing.assert_allclose(result.detach().numpy(), x @ w.T + b, rtol=1e-5, atol=1e-6)
    assert nn.Linear(3, 2, bias=False).bias is None
    assert nn.Linear(3, 2, dtype=cgrad.float64).weight.dtype == cgrad.float64
    assert nn.Linear(3, 2, device="cpu").weight.dtype == cgrad.float32
    with pytest.raises(RuntimeError):
        layer(cgrad.zeros(2, 4))


def test_linear_gradients():
    layer = nn.Linear(3, 2).double()
    x = cgrad.tensor([[1.0, -2, 3], [0, 1, 1]], dtype=cgrad.float64, requires_grad=True)
    layer(x).sum().backward()
    w = layer.weight.detach().numpy()
    np.testing.assert_allclose(x.grad.numpy(), np.tile(w.sum(0), (2, 1)))
    np.testing.assert_allclose(layer.weight.grad.numpy(), np.tile([1.0, -1, 4], (2, 1)))
    assert layer.bias.grad.tolist() == [2, 2]


def test_linear_takes_computed_weights():
    class Doubled(nn.Linear):
        weight = property(lambda self: self.part * 2)

    layer = nn.Linear(2, 1, bias=False)
    layer.part = layer.weight
    del layer.weight
    layer.__class__ = Doubled
    with cgrad.no_grad():
        layer.part.fill_(1)
    assert layer(cgrad.ones(1, 2)).item() == 4


def test_default_initialization_of_linear():
    cgrad.manual_seed(1)
    layer = nn.Linear(100, 400)
    bound = 0.1
    for values in (layer.weight.detach().numpy(), layer.bias.detach().numpy()):
        assert np.abs(values).max() <= bound
        np.testing.assert_allclose(values.std(), bound / 3**0.5, rtol=0.1)
    before = layer.weight.detach().clone()
    layer.reset_parameters()
    assert (layer.weight != before).any()
    with pytest.warns(UserWarning, match="zero-element"):
        nn.Linear(0, 3)


def test_dropout():
    cgrad.manual_seed(0)
    layer = nn.Dropout(0.25)
    x = cgrad.ones(400, 100, requires_grad=True)
    y = layer(x)
    values = y.detach().numpy()
    assert set(np.unique(values)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((values == 0).mean() - 0.25) < 0.01
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), values)
    assert layer.eval()(x) is x
    assert (nn.Dropout(1.0)(cgrad.ones(5)) == 0).all()
    x = cgrad.ones(1000)
    assert nn.Dropout(0.5, inplace=True)(x) is x and (x == 0).any()
    for p in (-0.1, 1.1):
        with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
            nn.Dropout(p)
    assert repr(nn.Dropout(0.1, True)) == "Dropout(p=0.1, inplace=True)"


def test_embedding():
    cgrad.manual_seed(0)
    table = nn.Embedding(200, 50)
    values = table.weight.detach().numpy()
    assert abs(values.mean()) < 0.05 and abs(values.std() - 1) < 0.05
    index = np.array([[3, 0], [3, 199]])
    result = table(cgrad.tensor(index))
    np.testing.assert_array_equal(result.detach().numpy(), values[index])
    result.sum().backward()
    counts = np.bincount(index.ravel(), minlength=200)
    np.testing.assert_array_equal(table.weight.grad.numpy(), np.tile(counts[:, None], (1, 50)))
    with pytest.raises(IndexError):
        table(cgrad.tensor([200]))
    assert repr(table) == "Embedding(200, 50)"


def test_embedding_padding():
    table = nn.Embedding(4, 2, padding_idx=-1)
    assert table.padding_idx == 3 and repr(table) == "Embedding(4, 2, padding_idx=3)"
    assert table.weight[3].tolist() == [0, 0]
    table(cgrad.tensor([3, 1, 3])).sum().backward()
    assert table.weight.grad.tolist() == [[0, 0], [1, 1], [0, 0], [0, 0]]
    for wrong in (4, -5):
        with pytest.raises(AssertionError, match="Padding_idx must be within num_embeddings"):
            nn.Embedding(4, 2, padding_idx=wrong)
    table = nn.Embedding(4, 2, max_norm=1.0, sparse=True)
    table.weight.data.fill_(2.0)
    rows = table(cgrad.tensor([1, 3, 1]))
    assert rows.norm(dim=1).tolist() == pytest.approx([1.0] * 3, rel=1e-5)
    rows.sum().backward()
    assert table.weight.grad.is_sparse
    table = nn.Embedding(4, 2, scale_grad_by_freq=True)
    table(cgrad.tensor([1, 3, 1])).sum().backward()
    assert table.weight.grad.tolist() == [[0, 0], [1, 1], [0, 0], [1, 1]]
    assert repr(nn.Embedding(4, 2, sparse=True)) == "Embedding(4, 2, sparse=True)"
    with pytest.raises(AssertionError, match="Shape of weight does not match"):
        nn.Embedding(4, 2, _weight=cgrad.zeros(2, 4))


def test_embedding_from_pretrained():
    vectors = cgrad.tensor([[1.0, 2], [3, 4]])
    table = nn.Embedding.from_pretrained(vectors)
    assert not table.weight.requires_grad
    assert table(cgrad.tensor([1])).tolist() == [[3, 4]]
    assert nn.Embedding.from_pretrained(vectors, freeze=False).weight.requires_grad
    with pytest.raises(AssertionError, match="2-dimensional"):
        nn.Embedding.from_pretrained(cgrad.zeros(2))


@pytest.mark.parametrize(
    "loss, text",
    [
        (nn.MSELoss(), "MSELoss()"),
        (nn.L1Loss(reduction="sum"), "L1Loss()"),
        (nn.CrossEntropyLoss(label_smoothing=0.1), "CrossEntropyLoss()"),
        (nn.NLLLoss(ignore_index=0), "NLLLoss()"),
        (nn.BCEWithLogitsLoss(), "BCEWithLogitsLoss()"),
    ],
)
def test_loss_repr(loss, text):
    assert repr(loss) == text


def test_losses_hold_their_weights_as_buffers():
    weight = cgrad.tensor([1.0, 2.0])
    loss = nn.CrossEntropyLoss(weight=weight, reduction="sum").double()
    assert list(loss.state_dict()) == ["weight"]
    assert loss.weight.dtype == cgrad.float64
    assert list(nn.BCEWithLogitsLoss(pos_weight=weight).state_dict()) == ["pos_weight"]
    assert list(nn.NLLLoss().state_dict()) == []
    with pytest.raises(ValueError, match="not a valid value for reduction"):
        nn.MSELoss(reduction="average")(weight, weight)
    with pytest.warns(UserWarning, match="please use reduction='sum'"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning, match="please use reduction='none'"):
        assert nn.MSELoss(reduce=False).reduction == "none"


def test_a_small_network_learns_xor():
    cgrad.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    x = cgrad.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    y = cgrad.tensor([0, 1, 1, 0])
    optimizer, loss_of = cgrad.optim.Adam(net.parameters(), lr=0.05), nn.CrossEntropyLoss()
    for _ in range(200):
        optimizer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
    assert net(x).argmax(1).tolist() == [0, 1, 1, 0]


def test_training_leaves_no_rows_or_bytes_behind():
    from cgrad._engine import memory, rows

    def train(optimizer_of):
        net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.ReLU(), nn.Linear(8, 3))
        data = cgrad.utils.data.TensorDataset(cgrad.rand(20, 4), cgrad.arange(20) % 3)
        loader = cgrad.utils.data.DataLoader(data, 8, shuffle=True)
        optimizer = optimizer_of(net.parameters())
        scheduler = cgrad.optim.lr_scheduler.StepLR(optimizer, 1)
        for _ in range(2):
            for x, y in loader:
                optimizer.zero_grad()
                nn.CrossEntropyLoss()(net(x), y).backward()
                optimizer.step()
            scheduler.step()
        copies = [cgrad.from_numpy(p.detach().numpy().copy()) for p in net.parameters()]
        net.load_state_dict(dict(zip(net.state_dict(), copies)))
        with pytest.raises(RuntimeError):
            net(cgrad.zeros(2, 5))

    # The collector stays off: nothing may depend on it.
    gc.collect()
    gc.disable()
    try:
        for optimizer_of in (
            lambda params: cgrad.optim.SGD(params, momentum=0.9),
            lambda params: cgrad.optim.Adam(params, amsgrad=True),
        ):
            train(optimizer_of)  # whatever is made once and kept
            before = rows.live_rows(), memory.live_bytes()
            train(optimizer_of)
            assert (rows.live_rows(), memory.live_bytes()) == before
    finally:
        gc.enable()
