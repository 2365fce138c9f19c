"""Optimizers: updates against NumPy, groups, states, hooks, errors."""
import copy
import io
import pickle

import numpy as np
import pytest

import cgrad
from cgrad import nn, optim

# -- the updates, written in NumPy ----------------------------------------------------------------


def sgd(p, grads, lr, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False):
    buffer = None
    for g in grads:
        g = (-g if maximize else g) + weight_decay * p
        if momentum:
            buffer = g if buffer is None else momentum * buffer + (1 - dampening) * g
            g = g + momentum * buffer if nesterov else buffer
        p = p - lr * g
    return p


def adam(
    p, grads, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False,
    maximize=False, decoupled=False,
):  # fmt: skip
    m = v = largest = np.zeros_like(p)
    for t, g in enumerate(grads, 1):
        g = -g if maximize else g
        if decoupled:
            p = p * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        largest = np.maximum(largest, v)
        root = np.sqrt((largest if amsgrad else v) / (1 - betas[1] ** t))
        p = p - lr * m / (1 - betas[0] ** t) / (root + eps)
    return p


def adamw(p, grads, weight_decay=1e-2, **options):
    return adam(p, grads, weight_decay=weight_decay, decoupled=True, **options)


def adagrad(p, grads, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10):
    total = np.full_like(p, initial_accumulator_value)
    for t, g in enumerate(grads):
        g = g + weight_decay * p
        total = total + g * g
        p = p - lr / (1 + t * lr_decay) * g / (np.sqrt(total) + eps)
    return p


def adadelta(p, grads, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, maximize=False):
    v = u = np.zeros_like(p)
    for g in grads:
        g = (-g if maximize else g) + weight_decay * p
        v = rho * v + (1 - rho) * g * g
        x = g * np.sqrt(u + eps) / np.sqrt(v + eps)
        u = rho * u + (1 - rho) * x * x
        p = p - lr * x
    return p


def adamax(p, grads, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
    m = u = np.zeros_like(p)
    for t, g in enumerate(grads, 1):
        g = g + weight_decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        u = np.maximum(betas[1] * u, np.abs(g) + eps)
        p = p - lr / (1 - betas[0] ** t) * m / u
    return p


def nadam(
    p, grads, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
    decoupled_weight_decay=False,
):  # fmt: skip
    m = v = np.zeros_like(p)
    product = 1.0
    mu = lambda t: betas[0] * (1 - 0.96 ** (t * momentum_decay) / 2)  # noqa: E731
    for t, g in enumerate(grads, 1):
        if decoupled_weight_decay:
            p = p * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        product *= mu(t)
        mean = mu(t + 1) * m / (1 - product * mu(t + 1)) + (1 - mu(t)) * g / (1 - product)
        p = p - lr * mean / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
    return p


def radam(p, grads, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
    m = v = np.zeros_like(p)
    longest = 2 / (1 - betas[1]) - 1
    for t, g in enumerate(grads, 1):
        g = g + weight_decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        move = m / (1 - betas[0] ** t)
        power = betas[1] ** t
        r = longest - 2 * t * power / (1 - power)
        if r > 5:
            rectified = (r - 4) * (r - 2) * longest / ((longest - 4) * (longest - 2) * r)
            move = move * np.sqrt(rectified * (1 - power)) / (np.sqrt(v) + eps)
        p = p - lr * move
    return p


def rmsprop(
    p, grads, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False
):  # fmt: skip
    v = mean = buffer = np.zeros_like(p)
    for g in grads:
        g = g + weight_decay * p
        v = alpha * v + (1 - alpha) * g * g
        mean = alpha * mean + (1 - alpha) * g
        move = g / (np.sqrt(v - mean**2 if centered else v) + eps)
        buffer = momentum * buffer + move
        p = p - lr * buffer
    return p


def rprop(p, grads, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), maximize=False):
    before, step = np.zeros_like(p), np.full_like(p, lr)
    for g in grads:
        g = -g if maximize else g
        turn = np.sign(g * before)
        step = np.clip(step * np.select([turn > 0, turn < 0], etas[::-1], 1.0), *step_sizes)
        before = np.where(turn < 0, 0, g)
        p = p - np.sign(before) * step
    return p


def asgd(p, grads, lr=1e-2, lambd=1e-4, alpha=0.75, weight_decay=0):
    rate = lr
    for t, g in enumerate(grads, 1):
        g = g + weight_decay * p
        p = p * (1 - lambd * rate) - rate * g
        rate = lr / (1 + lambd * lr * t) ** alpha
    return p


CASES = [
    (optim.SGD, sgd, dict(lr=0.1)),
    (optim.SGD, sgd, dict(lr=0.1, maximize=True)),
    (optim.SGD, sgd, dict(lr=0.1, weight_decay=0.3)),
    (optim.SGD, sgd, dict(lr=0.1, momentum=0.9)),
    (optim.SGD, sgd, dict(lr=0.1, momentum=0.9, dampening=0.5, weight_decay=0.1)),
    (optim.SGD, sgd, dict(lr=0.1, momentum=0.9, nesterov=True, maximize=True)),
    (optim.Adam, adam, dict()),
    (optim.Adam, adam, dict(lr=0.1, betas=(0.5, 0.9), eps=1e-3)),
    (optim.Adam, adam, dict(lr=0.1, weight_decay=0.3)),
    (optim.Adam, adam, dict(lr=0.1, amsgrad=True, maximize=True)),
    (optim.AdamW, adamw, dict(lr=0.1)),
    (optim.AdamW, adamw, dict(lr=0.1, weight_decay=0.5, amsgrad=True)),
    (optim.Adagrad, adagrad, dict()),
    (optim.Adagrad, adagrad, dict(lr=0.3, lr_decay=0.1, initial_accumulator_value=0.5, eps=1e-2)),
    (optim.Adadelta, adadelta, dict()),
    (optim.Adadelta, adadelta, dict(lr=0.5, rho=0.5, weight_decay=0.1, maximize=True)),
    (optim.Adamax, adamax, dict(lr=0.1)),
    (optim.Adamax, adamax, dict(lr=0.1, betas=(0.5, 0.9), weight_decay=0.3)),
    (optim.NAdam, nadam, dict(lr=0.1, betas=(0.5, 0.9), eps=1e-3, weight_decay=0.3)),
    (optim.NAdam, nadam, dict(momentum_decay=0.1, weight_decay=0.1, decoupled_weight_decay=True)),
    (optim.RAdam, radam, dict(lr=0.1)),
    (optim.RAdam, radam, dict(lr=0.1, betas=(0.5, 0.9), weight_decay=0.3)),
    (optim.RMSprop, rmsprop, dict()),
    (optim.RMSprop, rmsprop, dict(lr=0.1, momentum=0.9, weight_decay=0.1)),
    (optim.RMSprop, rmsprop, dict(lr=0.1, alpha=0.5, centered=True, eps=1e-2)),
    (optim.Rprop, rprop, dict()),
    (optim.Rprop, rprop, dict(lr=0.1, etas=(0.3, 2.0), step_sizes=(0.01, 0.3), maximize=True)),
    (optim.ASGD, asgd, dict()),
    (optim.ASGD, asgd, dict(lr=0.1, lambd=0.1, alpha=0.5, weight_decay=0.1)),
]
ALL = sorted({case[0] for case in CASES}, key=lambda kind: kind.__name__)
IDS = [f"{c[0].__name__}-{c[2]}" for c in CASES]
SHAPES = [(3, 4), (5,), (), (2, 1, 2), (0, 3)]


def exact(kind):
    """Tolerance in float64; two optimizers keep a factor in float32, as PyTorch does."""
    return 1e-6 if kind in (optim.NAdam, optim.ASGD) else 1e-12



def trajectory_inputs(steps=10, seed=0):
    rng = np.random.default_rng(seed)
    start = [rng.standard_normal(shape) for shape in SHAPES]
    # Shrinking gradients, so that amsgrad makes a difference.
    grads = [
        [rng.standard_normal(shape) / (1 + t) for t in range(steps)] for shape in SHAPES
    ]
    return start, grads


def take_steps(optimizer, params, grads, first, last):
    for t in range(first, last):
        for param, series in zip(params, grads):
            param.grad = cgrad.tensor(series[t], dtype=param.dtype)
        optimizer.step()


@pytest.mark.parametrize("kind, formula, options", CASES, ids=IDS)
@pytest.mark.parametrize("dtype, rtol", [(cgrad.float64, 1e-12), (cgrad.float32, 2e-5)])
def test_updates(kind, formula, options, dtype, rtol):
    start, grads = trajectory_inputs()
    params = [nn.Parameter(cgrad.tensor(p, dtype=dtype)) for p in start]
    optimizer = kind(params, **options)
    rtol = max(rtol, exact(kind))
    take_steps(optimizer, params, grads, 0, 10)
    for param, p, series in zip(params, start, grads):
        expected = formula(p, series, **options)
        np.testing.assert_allclose(param.detach().numpy(), expected, rtol=rtol, atol=rtol)
        assert param.dtype == dtype and param.requires_grad and param.is_leaf


@pytest.mark.parametrize("kind, formula, options", CASES, ids=IDS)
@pytest.mark.parametrize("how", ["state_dict", "file", "pickle", "deepcopy"])
def test_a_restored_optimizer_continues(kind, formula, options, how):
    start, grads = trajectory_inputs()
    params = [nn.Parameter(cgrad.tensor(p)) for p in start]
    optimizer = kind(params, **options)
    take_steps(optimizer, params, grads, 0, 5)
    if how in ("state_dict", "file"):
        state = optimizer.state_dict()
        if how == "file":
            file = io.BytesIO()
            cgrad.save(state, file)
            file.seek(0)
            state = cgrad.load(file)
        others = [nn.Parameter(param.detach().clone()) for param in params]
        # Options come from the state, not from the constructor.
        other = kind(others, lr=123.0)
        other.load_state_dict(state)
    elif how == "pickle":
        others, other = pickle.loads(pickle.dumps((params, optimizer)))
    else:
        others, other = copy.deepcopy((params, optimizer))
    take_steps(other, others, grads, 5, 10)
    for param, p, series in zip(others, start, grads):
        expected = formula(p, series, **options)
        np.testing.assert_allclose(
            param.detach().numpy(), expected, rtol=exact(kind), atol=exact(kind)
        )
    # The two share nothing.
    for param, p, series in zip(params, start, grads):
        expected = formula(p, series[:5], **options)
        np.testing.assert_allclose(
            param.detach().numpy(), expected, rtol=exact(kind), atol=exact(kind)
        )


def parameters():
    return [nn.Parameter(cgrad.ones(2)), nn.Parameter(cgrad.ones(3))]


def test_parameters_without_gradient_are_left_alone():
    for kind in (optim.SGD, optim.Adam, optim.AdamW):
        a, b = parameters()
        optimizer = kind([a, b], lr=0.1)
        optimizer.step()
        assert a.tolist() == [1, 1] and not optimizer.state
        a.grad = cgrad.ones(2)
        optimizer.step()
        assert a.tolist() != [1, 1] and b.tolist() == [1, 1, 1]
        assert b not in optimizer.state


def test_groups_have_their_own_options():
    a, b = parameters()
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5]
    a.grad, b.grad = cgrad.ones(2), cgrad.ones(3)
    optimizer.step()
    np.testing.assert_allclose(a.detach().numpy(), 0.9)
    np.testing.assert_allclose(b.detach().numpy(), 0.5)
    c = nn.Parameter(cgrad.zeros(1))
    optimizer.add_param_group({"params": c, "momentum": 0.5})
    assert optimizer.param_groups[2]["lr"] == 0.1
    optimizer.param_groups[0]["lr"] = 0.0
    optimizer.step()
    np.testing.assert_allclose(a.detach().numpy(), 0.9)


def test_named_parameters():
    net = nn.Linear(2, 1)
    optimizer = optim.Adam(net.named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="with/without names"):
        optimizer.add_param_group({"params": parameters()})
    with pytest.raises(ValueError, match="Some param names are missing"):
        optim.SGD([("a", parameters()[0]), parameters()[1]])


def test_layout_of_the_state():
    a, b = parameters()
    optimizer = optim.Adam([{"params": [a]}, {"params": [b]}], amsgrad=True)
    b.grad = cgrad.ones(3)
    optimizer.step()
    state = optimizer.state_dict()
    assert list(state) == ["state", "param_groups"]
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert list(state["state"]) == [1]
    assert set(state["state"][1]) == {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"}
    assert state["state"][1]["step"].item() == 1
    assert set(state["param_groups"][0]) == {
        "lr", "betas", "eps", "weight_decay", "amsgrad", "maximize", "foreach", "capturable",
        "differentiable", "fused", "decoupled_weight_decay", "params",
    }  # fmt: skip
    a, b = parameters()
    optimizer = optim.SGD([a, b], momentum=0.9)
    a.grad = cgrad.ones(2)
    optimizer.step()
    assert list(optimizer.state_dict()["state"][0]) == ["momentum_buffer"]
    optimizer = optim.SGD([a, b])
    optimizer.step()
    assert optimizer.state_dict()["state"] == {}


def test_loading_converts_dtypes_and_fills_options():
    a = nn.Parameter(cgrad.ones(2, dtype=cgrad.float64))
    optimizer = optim.Adam([a])
    moments = {"exp_avg": cgrad.ones(2), "exp_avg_sq": cgrad.ones(2)}
    optimizer.load_state_dict(
        {
            "state": {0: {"step": 3, **moments}, "other": 5},
            "param_groups": [{"lr": 0.5, "betas": [0.5, 0.5], "eps": 0.0, "params": [0]}],
        }
    )
    assert optimizer.state[a]["exp_avg"].dtype == cgrad.float64
    assert optimizer.state[a]["step"].dtype == cgrad.float32
    assert optimizer.state["other"] == 5
    assert optimizer.param_groups[0]["amsgrad"] is False
    assert optimizer.param_groups[0]["params"] == [a] or optimizer.param_groups[0]["params"][0] is a


def test_loading_a_state_that_does_not_fit():
    a, b = parameters()
    optimizer = optim.SGD([a, b])
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optimizer.load_state_dict(optim.SGD([{"params": [a]}, {"params": [b]}]).state_dict())
    with pytest.raises(ValueError, match="doesn't match the size"):
        optimizer.load_state_dict(optim.SGD([a]).state_dict())


def test_adamw_stays_adamw():
    optimizer = optim.AdamW(parameters())
    optimizer.load_state_dict(optim.Adam(parameters()).state_dict())
    assert optimizer.param_groups[0]["decoupled_weight_decay"] is True


def test_zero_grad():
    a, b = parameters()
    optimizer = optim.SGD([a, b])
    a.grad = cgrad.ones(2)
    optimizer.zero_grad(set_to_none=False)
    assert a.grad.tolist() == [0, 0] and b.grad is None
    optimizer.zero_grad()
    assert a.grad is None


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW])
def test_closure(kind):
    a = nn.Parameter(cgrad.tensor([3.0]))
    optimizer = kind([a], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (a * a).sum()
        loss.backward()
        return loss

    with cgrad.no_grad():
        assert optimizer.step(closure).item() == 9
    assert a.item() < 3
    assert optimizer.step() is None


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW])
def test_minimum_of_a_bowl(kind):
    a = nn.Parameter(cgrad.tensor([3.0, -2.0]))
    optimizer = kind([a], lr=0.1, weight_decay=0.0)
    for _ in range(300):
        optimizer.zero_grad()
        ((a - 1) ** 2).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(a.detach().numpy(), 1, atol=1e-2)


def test_step_hooks():
    a, _ = parameters()
    optimizer, calls = optim.SGD([a], lr=1.0), []
    first = optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append("pre"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append("post"))
    optimizer.step()
    assert calls == ["pre", "post"]
    first.remove()
    optimizer.step()
    assert calls == ["pre", "post", "post"]
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((lambda: 5,), kwargs))
    assert optimizer.step() == 5
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        optimizer.step()


def test_state_hooks():
    optimizer, calls = optim.SGD(parameters()), []
    optimizer.register_state_dict_pre_hook(lambda o: calls.append("before"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 1})
    optimizer.register_state_dict_post_hook(lambda o, state: calls.append(1), prepend=True)
    state = optimizer.state_dict()
    assert state["extra"] == 1 and calls == ["before", 1]
    optimizer.register_load_state_dict_pre_hook(lambda o, state: calls.append(state["extra"]))
    optimizer.register_load_state_dict_post_hook(lambda o: calls.append("loaded"))
    optimizer.load_state_dict(state)
    assert calls == ["before", 1, 1, "loaded"]


def test_own_optimizers():
    class Plain(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def step(self, closure=None):
            with cgrad.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        p -= group["lr"] * p.grad

    a, _ = parameters()
    optimizer, calls = Plain([a], lr=0.5), []
    optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append(1))
    a.grad = cgrad.ones(2)
    optimizer.step()
    assert a.tolist() == [0.5, 0.5] and calls == [1]
    with pytest.raises(NotImplementedError):
        optim.Optimizer([a], {}).step()


def test_repr():
    text = repr(optim.SGD(parameters(), lr=0.25))
    assert text.startswith("SGD (\nParameter Group 0\n    dampening: 0\n")
    assert "    lr: 0.25\n" in text and "params" not in text and text.endswith("\n)")


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda p: optim.SGD(p, lr=-1), "Invalid learning rate: -1"),
        (lambda p: optim.SGD(p, lr=float("nan")), "Invalid learning rate: nan"),
        (lambda p: optim.SGD(p, momentum=-1), "Invalid momentum value: -1"),
        (lambda p: optim.SGD(p, weight_decay=-1), "Invalid weight_decay value: -1"),
        (lambda p: optim.SGD(p, nesterov=True), "Nesterov momentum requires"),
        (lambda p: optim.Adam(p, lr=-1), "Invalid learning rate: -1"),
        (lambda p: optim.Adam(p, eps=-1), "Invalid epsilon value: -1"),
        (lambda p: optim.Adam(p, betas=(1.0, 0.9)), "Invalid beta parameter at index 0: 1.0"),
        (lambda p: optim.Adam(p, betas=(0.9, -1.0)), "Invalid beta parameter at index 1: -1.0"),
        (lambda p: optim.AdamW(p, weight_decay=-1), "Invalid weight_decay value: -1"),
        (lambda p: optim.SGD([]), "optimizer got an empty parameter list"),
        (lambda p: optim.SGD([{"params": p}, {"params": p[0]}]), "more than one parameter group"),
        (lambda p: optim.SGD([p[0] * 2]), "can't optimize a non-leaf Tensor"),
    ],
)
def test_wrong_values(make, message):
    with pytest.raises(ValueError, match=message):
        make(parameters())


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda p: optim.SGD(p[0]), "should be an iterable of Tensors or dicts"),
        (lambda p: optim.SGD([3]), "optimizer can only optimize Tensors"),
        (lambda p: optim.SGD([{"params": set(p)}]), "ordered collections"),
        (lambda p: optim.SGD(p).add_param_group(p), "param_group must be a dict"),
    ],
)
def test_wrong_types(make, message):
    with pytest.raises(TypeError, match=message):
        make(parameters())


def test_duplicates_warn():
    a, _ = parameters()
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optim.SGD([a, a])


def test_an_interrupted_run_continues_to_the_same_numbers(tmp_path):
    path = tmp_path / "checkpoint"
    cgrad.manual_seed(0)
    data = cgrad.utils.data.TensorDataset(cgrad.randn(50, 4), cgrad.randint(0, 3, (50,)))

    def run(epochs, interrupted_after=None):
        cgrad.manual_seed(1)
        net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))
        optimizer = optim.AdamW(net.parameters(), lr=0.01)
        scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
        first = 0
        if interrupted_after is None and path.exists():
            state = cgrad.load(path)
            net.load_state_dict(state["net"])
            optimizer.load_state_dict(state["optimizer"])
            scheduler.load_state_dict(state["scheduler"])
            cgrad.set_rng_state(state["rng"])
            first = state["epoch"]
        losses = []
        for epoch in range(first, epochs):
            for x, y in cgrad.utils.data.DataLoader(data, 16, shuffle=True):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(net(x), y)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            scheduler.step()
            if epoch + 1 == interrupted_after:
                state = {
                    "net": net.state_dict(), "optimizer": optimizer.state_dict(),
                    "scheduler": scheduler.state_dict(), "rng": cgrad.get_rng_state(),
                    "epoch": epoch + 1,
                }  # fmt: skip
                cgrad.save(state, path)
                break
        return losses

    straight = run(4)
    start = run(4, interrupted_after=2)
    rest = run(4)
    assert start + rest == straight  # bit by bit


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_a_step_invalidates_graphs_that_saved_the_parameters(kind):
    a = nn.Parameter(cgrad.ones(2))
    optimizer = kind([a])
    loss = (a * a).sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
