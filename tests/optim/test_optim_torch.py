"""Parity with PyTorch, where it is installed: trajectories, states, reprs."""
import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")

STEPS = 100
SHAPES = [(3, 4), (5,), ()]

OPTIMIZERS = [
    ("SGD", dict(lr=0.01)),
    ("SGD", dict(lr=0.01, momentum=0.9)),
    ("SGD", dict(lr=0.01, momentum=0.9, dampening=0.3, weight_decay=0.1)),
    ("SGD", dict(lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.1)),
    ("SGD", dict(lr=0.01, momentum=0.5, maximize=True)),
    ("Adam", dict()),
    ("Adam", dict(lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
    ("Adam", dict(lr=0.01, amsgrad=True)),
    ("Adam", dict(lr=0.01, maximize=True, decoupled_weight_decay=True, weight_decay=0.1)),
    ("AdamW", dict()),
    ("AdamW", dict(lr=0.01, weight_decay=0.1, amsgrad=True)),
]


def run(library, name, options, start, targets, steps, state=None, skip=0):
    """Minimize Σ c·(p - target)², with a different c at each step."""
    params = [library.tensor(p, requires_grad=True) for p in start]
    optimizer = getattr(library.optim, name)(params, **options)
    if state is not None:
        optimizer.load_state_dict(state)
    factors = np.random.default_rng(1).random(STEPS)[skip:]
    for factor in factors[:steps]:
        optimizer.zero_grad()
        loss = sum(((p - library.tensor(t)) ** 2).sum() for p, t in zip(params, targets))
        (loss * float(factor)).backward()
        optimizer.step()
    return [p.detach().numpy().copy() for p in params], optimizer


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return [[rng.standard_normal(shape) for shape in SHAPES] for _ in range(2)]


@pytest.mark.parametrize("name, options", OPTIMIZERS)
def test_trajectories(name, options, data):
    ours, optimizer = run(cgrad, name, options, *data, STEPS)
    theirs, other = run(torch, name, options, *data, STEPS)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    assert repr(optimizer) == repr(other)


def convert(value, library):
    if isinstance(value, (cgrad.Tensor, torch.Tensor)):
        return library.tensor(value.detach().numpy())
    if isinstance(value, dict):
        return {key: convert(item, library) for key, item in value.items()}
    return value


@pytest.mark.parametrize("name, options", OPTIMIZERS)
def test_states_move_both_ways(name, options, data):
    start, targets = data
    expected, _ = run(torch, name, options, start, targets, 40)
    half, mine = run(cgrad, name, options, start, targets, 20)
    half_torch, other = run(torch, name, options, start, targets, 20)
    assert mine.state_dict().keys() == other.state_dict().keys()
    for key, state in other.state_dict()["state"].items():
        saved = mine.state_dict()["state"][key]
        assert saved.keys() == state.keys()
        for field in state:
            assert str(saved[field].dtype)[-7:] == str(state[field].dtype)[-7:]
            np.testing.assert_allclose(saved[field].numpy(), state[field].numpy(), rtol=1e-6)
    for groups in zip(mine.state_dict()["param_groups"], other.state_dict()["param_groups"]):
        assert groups[0] == groups[1]

    # The second half in the other library.
    state = mine.state_dict()
    state = {"state": convert(state["state"], torch), "param_groups": state["param_groups"]}
    result, _ = run(torch, name, options, half, targets, 20, state, skip=20)
    for a, b in zip(result, expected):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
    state = other.state_dict()
    state = {"state": convert(state["state"], cgrad), "param_groups": state["param_groups"]}
    result, _ = run(cgrad, name, options, half_torch, targets, 20, state, skip=20)
    for a, b in zip(result, expected):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
