"""Averaged models and their schedule against PyTorch."""
import inspect

import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")


def build(library):
    nn = library.nn
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1))
    rng = np.random.default_rng(0)
    with library.no_grad():
        for param in model.parameters():
            param.copy_(library.tensor(rng.normal(size=tuple(param.shape)).astype("float32")))
    return model


@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize("kind", ["default", "swa", "swa_multi", "ema", "ema_multi", "own"])
def test_training_with_an_average(kind, use_buffers):
    """The whole recipe: training, averaging, the schedule, statistics at the end."""
    if kind == "swa_multi" and use_buffers:
        kind = "default"  # PyTorch cannot average integer buffers in lists
    rng = np.random.default_rng(1)
    xs, ys = rng.normal(size=(12, 8, 3)).astype("f4"), rng.normal(size=(12, 8, 1)).astype("f4")
    results = []
    for library in (cgrad, torch):
        u = library.optim.swa_utils
        options = {
            "default": {},
            "swa": {"avg_fn": u.get_swa_avg_fn()},
            "swa_multi": {"multi_avg_fn": u.get_swa_multi_avg_fn()},
            "ema": {"avg_fn": u.get_ema_avg_fn(0.8)},
            "ema_multi": {"multi_avg_fn": u.get_ema_multi_avg_fn(0.8)},
            "own": {"avg_fn": lambda a, p, n: 0.5 * a + 0.5 * p},
        }[kind]
        model = build(library)
        average = u.AveragedModel(model, use_buffers=use_buffers, **options)
        optimizer = library.optim.SGD(model.parameters(), lr=0.1)
        scheduler = u.SWALR(optimizer, swa_lr=0.02, anneal_epochs=5)
        rates = []
        for x, y in zip(xs, ys):
            optimizer.zero_grad()
            loss = ((model(library.tensor(x)) - library.tensor(y)) ** 2).mean()
            loss.backward()
            optimizer.step()
            average.update_parameters(model)
            scheduler.step()
            rates += scheduler.get_last_lr()
        state = {key: value.numpy().copy() for key, value in average.state_dict().items()}
        u.update_bn([library.tensor(x) for x in xs], average)
        average.eval()
        results.append((state, rates, average(library.tensor(xs[0])).detach().numpy()))
    (state, rates, out), (other, other_rates, other_out) = results
    assert list(state) == list(other)
    for key in state:
        np.testing.assert_allclose(state[key], other[key], rtol=2e-4, atol=1e-5, err_msg=key)
    np.testing.assert_allclose(rates, other_rates, rtol=1e-10)
    np.testing.assert_allclose(out, other_out, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"anneal_strategy": "linear"}, {"anneal_epochs": 0},
                                     {"anneal_epochs": 1}, {"anneal_epochs": 30}])  # fmt: skip
def test_schedule(options):
    series, states = [], []
    for library in (cgrad, torch):
        groups = [{"params": library.zeros(1, requires_grad=True), "lr": lr} for lr in (0.5, 0.1)]
        optimizer = library.optim.SGD(groups)
        scheduler = library.optim.swa_utils.SWALR(optimizer, swa_lr=[0.05, 0.2], **options)
        rates = []
        for _ in range(20):
            rates.append(scheduler.get_last_lr())
            optimizer.step()
            scheduler.step()
        series.append(rates)
        states.append(scheduler.state_dict())
    np.testing.assert_allclose(series[0], series[1], rtol=1e-10)
    assert set(states[0]) == set(states[1])


@pytest.mark.parametrize("name", torch.optim.swa_utils.__all__)
def test_signature(name):
    ours = inspect.signature(getattr(cgrad.optim.swa_utils, name)).parameters
    theirs = inspect.signature(getattr(torch.optim.swa_utils, name)).parameters
    assert list(ours) == list(theirs)
    assert [p.default for p in ours.values()] == [p.default for p in theirs.values()]
