"""Convolution, pooling and normalisation layers against PyTorch's with the same weights."""
import copy

import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")

LAYERS = [
    ("LayerNorm", (4,), {}, (3, 4)), ("LayerNorm", ([3, 4],), {"bias": False}, (2, 3, 4)),
    ("LayerNorm", (4,), {"elementwise_affine": False}, (3, 4)),
    ("RMSNorm", (4,), {}, (3, 4)), ("RMSNorm", (4, 0.1, False), {}, (3, 4)),
    ("GroupNorm", (2, 4), {}, (3, 4, 5)), ("GroupNorm", (2, 4), {"affine": False}, (3, 4)),
    ("BatchNorm1d", (4,), {}, (5, 4)), ("BatchNorm1d", (4,), {"momentum": None}, (5, 4, 2)),
    ("BatchNorm2d", (3,), {"affine": False}, (2, 3, 4, 4)),
    ("BatchNorm3d", (3,), {"track_running_stats": False}, (2, 3, 2, 2, 2)),
    ("Conv1d", (2, 4, 3), {}, (3, 2, 7)), ("Conv1d", (2, 4, 3), {"padding": "same"}, (2, 7)),
    ("Conv2d", (2, 4, (3, 2)), {"stride": 2, "padding": (1, 0), "bias": False}, (2, 2, 6, 5)),
    ("Conv2d", (4, 4, 3), {"groups": 2, "dilation": 2, "padding": 2}, (1, 4, 6, 6)),
    ("Conv2d", (2, 3, 3), {"padding": 1, "padding_mode": "circular"}, (1, 2, 5, 5)),
    ("Conv2d", (2, 3, 4), {"padding": "same", "padding_mode": "reflect"}, (1, 2, 6, 6)),
    ("Conv3d", (1, 2, 2), {}, (1, 1, 3, 4, 5)),
    ("MaxPool1d", (2,), {}, (1, 2, 6)), ("MaxPool2d", (3, 2, 1), {}, (1, 2, 7, 6)),
    ("MaxPool2d", (2,), {"ceil_mode": True}, (2, 5, 5)),
    ("AvgPool2d", (3,), {"padding": 1, "count_include_pad": False}, (1, 2, 6, 6)),
    ("AdaptiveAvgPool2d", ((2, 3),), {}, (1, 2, 5, 7)),
]


@pytest.mark.parametrize(("name", "args", "kwargs", "shape"), LAYERS, ids=lambda x: str(x)[:40])
def test_layer(name, args, kwargs, shape):
    cgrad.manual_seed(0)
    ours, theirs = (getattr(xp.nn, name)(*args, **kwargs) for xp in (cgrad, torch))
    assert repr(ours) == repr(theirs)
    assert [(k, tuple(v.shape)) for k, v in ours.state_dict().items()] == \
        [(k, tuple(v.shape)) for k, v in theirs.state_dict().items()]
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    rng = np.random.default_rng(0)
    for train in (True, True, False):
        a = rng.standard_normal(shape).astype(np.float32)
        ours.train(train), theirs.train(train)
        x, y = cgrad.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
        out, expected = ours(x), theirs(y)
        np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), atol=2e-5)
        (out * out).sum().backward(), (expected * expected).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), atol=2e-4)
        for p, q in zip(ours.parameters(), theirs.parameters()):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), atol=5e-4)
            p.grad = q.grad = None
    for k, v in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[k].numpy(), v.numpy(), atol=1e-5)
    copy.deepcopy(ours)


@pytest.mark.parametrize(("name", "args", "kwargs"), [
    ("Conv2d", (3, 4, 3), {"groups": 2}), ("Conv2d", (2, 4, 3), {"padding": "some"}),
    ("Conv2d", (2, 4, 3), {"padding": "same", "stride": 2}),
    ("Conv2d", (2, 4, 3), {"padding_mode": "ones"}), ("GroupNorm", (3, 4), {}),
])
def test_wrong_arguments(name, args, kwargs):
    for xp in (cgrad, torch):
        with pytest.raises(ValueError):
            getattr(xp.nn, name)(*args, **kwargs)
