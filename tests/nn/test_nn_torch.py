"""Parity with PyTorch, where it is installed: outputs, gradients, state dicts, reprs, errors."""
import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)


def pair(values, requires_grad=False):
    """The same values as a cgrad and a torch tensor."""
    a, b = cgrad.from_numpy(values.copy()), torch.from_numpy(values.copy())
    if requires_grad:
        a.requires_grad_()
        b.requires_grad_()
    return a, b


def close(a, b, rtol=1e-6, atol=1e-7):
    np.testing.assert_allclose(
        np.asarray(a.detach().numpy()), b.detach().numpy(), rtol=rtol, atol=atol
    )


LAYERS = [
    ("Linear", (4, 3), {}, (5, 4)),
    ("Linear", (4, 3), {"bias": False}, (2, 5, 4)),
    ("Identity", (), {}, (3,)),
    ("Flatten", (), {}, (2, 3, 4)),
    ("Flatten", (0, 1), {}, (2, 3, 4)),
    ("ReLU", (), {}, (3, 4)),
    ("Sigmoid", (), {}, (3, 4)),
    ("Tanh", (), {}, (3, 4)),
    ("GELU", (), {}, (3, 4)),
    ("GELU", ("tanh",), {}, (3, 4)),
    ("SiLU", (), {}, (3, 4)),
    ("LeakyReLU", (0.2,), {}, (3, 4)),
    ("ELU", (0.7,), {}, (3, 4)),
    ("Softplus", (), {}, (3, 4)),
    ("Softplus", (3.0, 2.0), {}, (3, 4)),
    ("Hardtanh", (-0.5, 0.7), {}, (3, 4)),
    ("Softmax", (), {"dim": 0}, (3, 4)),
    ("LogSoftmax", (1,), {}, (3, 4)),
    ("Dropout", (0.0,), {}, (3, 4)),
]


@pytest.mark.parametrize("name, args, kwargs, shape", LAYERS)
def test_layers(name, args, kwargs, shape):
    ours = getattr(cgrad.nn, name)(*args, **kwargs)
    theirs = getattr(torch.nn, name)(*args, **kwargs)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    with torch.no_grad():
        for (key, p), q in zip(ours.named_parameters(), theirs.parameters()):
            assert tuple(p.shape) == tuple(q.shape), key
            q.copy_(torch.from_numpy(p.detach().numpy()))
    theirs.double()      # PyTorch's float32 is 2.5e-7 off on some processors (GELU's tail)
    x, y = pair(RNG.standard_normal(shape).astype(np.float32) * 2, requires_grad=True)
    a, b = ours(x), theirs(y.double())
    close(a, b)
    seed, seed_torch = pair(RNG.standard_normal(tuple(a.shape)).astype(np.float32))
    a.backward(seed)
    b.backward(seed_torch.double())
    close(x.grad, y.grad, rtol=1e-5, atol=1e-6)
    for p, q in zip(ours.parameters(), theirs.parameters()):
        close(p.grad, q.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"padding_idx": 2}, {"padding_idx": -1}])
def test_embedding(options):
    ours, theirs = cgrad.nn.Embedding(6, 3, **options), torch.nn.Embedding(6, 3, **options)
    assert repr(ours) == repr(theirs)
    with torch.no_grad():
        theirs.weight.copy_(torch.from_numpy(ours.weight.detach().numpy()))
    index, index_torch = pair(RNG.integers(0, 6, (4, 5)))
    a, b = ours(index), theirs(index_torch)
    close(a, b)
    a.square().sum().backward()
    b.square().sum().backward()
    close(ours.weight.grad, theirs.weight.grad)


WEIGHT = np.array([0.5, 1.0, 2.0], dtype=np.float32)
LOSSES = [
    ("MSELoss", {}, "real"),
    ("L1Loss", {}, "real"),
    ("BCEWithLogitsLoss", {}, "probability"),
    ("BCEWithLogitsLoss", {"pos_weight": WEIGHT, "weight": WEIGHT}, "probability"),
    ("CrossEntropyLoss", {}, "class"),
    ("CrossEntropyLoss", {"weight": WEIGHT, "label_smoothing": 0.1}, "class"),
    ("CrossEntropyLoss", {"weight": WEIGHT, "ignore_index": 1}, "class"),
    ("CrossEntropyLoss", {"ignore_index": 1, "label_smoothing": 0.3}, "class"),
    ("CrossEntropyLoss", {"weight": WEIGHT, "label_smoothing": 0.1}, "probability"),
    ("NLLLoss", {"weight": WEIGHT}, "class"),
    ("NLLLoss", {"ignore_index": 0}, "class"),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name, options, kind", LOSSES)
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2, 2)])
def test_losses(name, options, kind, shape, reduction):
    if "BCE" in name and options and len(shape) > 2:
        shape = (4, 2, 2, 3)
    arrays = {k: v for k, v in options.items() if isinstance(v, np.ndarray)}
    ours = getattr(cgrad.nn, name)(
        reduction=reduction, **{**options, **{k: cgrad.from_numpy(v) for k, v in arrays.items()}}
    )
    theirs = getattr(torch.nn, name)(
        reduction=reduction, **{**options, **{k: torch.from_numpy(v) for k, v in arrays.items()}}
    )
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x, y = pair(RNG.standard_normal(shape).astype(np.float32), requires_grad=True)
    if kind == "class":
        target = RNG.integers(0, 3, (shape[0], *shape[2:]))
    elif kind == "probability":
        target = RNG.random(shape).astype(np.float32)
    else:
        target = RNG.standard_normal(shape).astype(np.float32)
    t, t_torch = pair(target)
    a, b = ours(x, t), theirs(y, t_torch)
    close(a, b, rtol=1e-5, atol=1e-6)
    a.sum().backward()
    b.sum().backward()
    close(x.grad, y.grad, rtol=1e-5, atol=1e-6)


def build(nn):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(5, 4, padding_idx=0)
            self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
            self.heads = nn.ModuleDict({"a": nn.Linear(4, 2), "b": nn.Linear(4, 2, bias=False)})
            self.act = nn.Sequential(nn.GELU(), nn.Dropout(0.3), nn.Softmax(dim=-1))

        def forward(self, index):
            x = self.table(index)
            for layer in self.layers:
                x = layer(x)
            return self.heads["a"](self.act(x)) + self.heads["b"](x)

    return Net()


def test_state_dicts_move_both_ways():
    ours, theirs = build(cgrad.nn), build(torch.nn)
    assert repr(ours) == repr(theirs)
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict({k: cgrad.from_numpy(v.numpy()) for k, v in state.items()})
    index, index_torch = pair(RNG.integers(0, 5, (3, 2)))
    ours.eval()
    theirs.eval()
    close(ours(index), theirs(index_torch), rtol=1e-5, atol=1e-6)
    again = build(torch.nn)
    again.load_state_dict({k: torch.from_numpy(v.numpy()) for k, v in ours.state_dict().items()})
    close(ours(index), again.eval()(index_torch), rtol=1e-5, atol=1e-6)


def test_messages_of_strict_loading():
    messages = []
    for library in (cgrad, torch):
        state = build(library.nn).state_dict()
        del state["layers.1.bias"]
        state["extra.weight"] = library.zeros(1)
        state["heads.a.weight"] = library.zeros(3, 4)
        with pytest.raises(RuntimeError) as error:
            build(library.nn).load_state_dict(state)
        messages.append(str(error.value).replace("cgrad.", "").replace("torch.", ""))
    assert messages[0] == messages[1]


def test_default_initializations_have_the_same_spread():
    cgrad.manual_seed(0)
    torch.manual_seed(0)
    for make in (lambda nn: nn.Linear(64, 256), lambda nn: nn.Embedding(256, 64)):
        for p, q in zip(make(cgrad.nn).parameters(), make(torch.nn).parameters()):
            p, q = p.detach().numpy(), q.detach().numpy()
            np.testing.assert_allclose(p.std(), q.std(), rtol=0.1)
            np.testing.assert_allclose(np.abs(p).max(), np.abs(q).max(), rtol=0.25)


def test_gains():
    names = ["linear", "conv1d", "conv_transpose2d", "sigmoid", "tanh", "relu", "selu"]
    for name in [*names, "leaky_relu"]:
        ours = cgrad.nn.init.calculate_gain(name)
        assert ours == torch.nn.init.calculate_gain(name)


def test_training_gives_the_same_losses():
    ours = cgrad.nn.Sequential(
        cgrad.nn.Linear(6, 16), cgrad.nn.Tanh(), cgrad.nn.Linear(16, 3)
    )
    theirs = torch.nn.Sequential(
        torch.nn.Linear(6, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)
    )
    theirs.load_state_dict({k: torch.from_numpy(v.numpy().copy()) for k, v in
                            ours.state_dict().items()})  # fmt: skip
    x, x_torch = pair(RNG.standard_normal((32, 6)).astype(np.float32))
    y, y_torch = pair(RNG.integers(0, 3, 32))
    losses = []
    for library, net, inputs, targets in (
        (cgrad, ours, x, y), (torch, theirs, x_torch, y_torch),
    ):  # fmt: skip
        optimizer = library.optim.AdamW(net.parameters(), lr=0.01)
        scheduler = library.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
        series = []
        for _ in range(20):
            optimizer.zero_grad()
            loss = library.nn.functional.cross_entropy(net(inputs), targets)
            loss.backward()
            optimizer.step()
            scheduler.step()
            series.append(loss.item())
        losses.append(series)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
