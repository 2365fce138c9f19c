"""Averaged models, their statistics, and the schedule that goes with them."""
import copy
import math
import subprocess
import sys

import numpy as np
import pytest

import cgrad
from cgrad import nn, optim
from cgrad.optim import swa_utils


def make_model(seed=0):
    cgrad.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1, bias=False))
    model.register_buffer("own", cgrad.zeros(2))
    return model


def models(count):
    result = []
    for seed in range(count):
        model = make_model(seed)
        model.own.fill_(seed)
        result.append(model)
    return result


def values(model):
    return [param.detach().numpy().copy() for param in model.parameters()]


AVERAGES = [
    ({}, lambda a, p, n: a + (p - a) / (n + 1)),
    ({"avg_fn": swa_utils.get_swa_avg_fn()}, lambda a, p, n: a + (p - a) / (n + 1)),
    ({"multi_avg_fn": swa_utils.get_swa_multi_avg_fn()}, lambda a, p, n: a + (p - a) / (n + 1)),
    ({"avg_fn": swa_utils.get_ema_avg_fn(0.7)}, lambda a, p, n: 0.7 * a + 0.3 * p),
    ({"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.7)}, lambda a, p, n: 0.7 * a + 0.3 * p),
    ({"avg_fn": lambda a, p, n: 0.1 * a + 0.9 * p}, lambda a, p, n: 0.1 * a + 0.9 * p),
]


@pytest.mark.parametrize("options, formula", AVERAGES)
@pytest.mark.parametrize("use_buffers", [False, True])
def test_averages(options, formula, use_buffers):
    sources = models(4)
    average = swa_utils.AveragedModel(make_model(9), use_buffers=use_buffers, **options)
    expected, own = None, None
    for n, source in enumerate(sources):
        average.update_parameters(source)
        new, new_own = values(source), source.own.numpy()
        if expected is None:
            expected, own = new, new_own
        else:
            expected = [formula(a, p, n) for a, p in zip(expected, new)]
            own = formula(own, new_own, n) if use_buffers else new_own
    for mine, p in zip(values(average.module), expected):
        np.testing.assert_allclose(mine, p, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(average.module.own.numpy(), own, rtol=1e-5)
    assert average.n_averaged.item() == 4 and average.n_averaged.dtype == cgrad.int64


def test_the_copy_is_independent_and_can_be_saved():
    model = make_model()
    average = swa_utils.AveragedModel(model)
    average.update_parameters(model)
    x = cgrad.randn(5, 3)
    model.eval(), average.eval()
    np.testing.assert_array_equal(average(x).detach().numpy(), model(x).detach().numpy())
    with cgrad.no_grad():
        model[0].weight.add_(1)
    assert not np.allclose(average(x).detach().numpy(), model(x).detach().numpy())
    state = average.state_dict()
    assert next(iter(state)) == "n_averaged" and "module.0.weight" in state
    other = swa_utils.AveragedModel(make_model(5))
    other.load_state_dict(state)
    np.testing.assert_array_equal(other.eval()(x).detach().numpy(), average(x).detach().numpy())
    assert other.n_averaged.item() == 1
    copy.deepcopy(average)
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        swa_utils.AveragedModel(model, avg_fn=len, multi_avg_fn=len)


@pytest.mark.parametrize("make", [swa_utils.get_ema_avg_fn, swa_utils.get_ema_multi_avg_fn])
def test_decays(make):
    for decay in (-0.1, 1.1):
        with pytest.raises(ValueError, match="Invalid decay value"):
            make(decay)


@pytest.mark.parametrize("pairs", [False, True])
def test_statistics(pairs):
    model = make_model().eval()
    data = cgrad.randn(30, 3) * 2 + 1
    batches = data.split(10)
    swa_utils.update_bn([(b, 0) for b in batches] if pairs else batches, model, device="cpu")
    features = [model[0](b).detach().numpy() for b in batches]
    norm = model[1]
    np.testing.assert_allclose(
        norm.running_mean.numpy(), np.mean([f.mean(0) for f in features], 0), rtol=1e-4
    )
    np.testing.assert_allclose(
        norm.running_var.numpy(), np.mean([f.var(0, ddof=1) for f in features], 0), rtol=1e-4
    )
    assert norm.momentum == 0.1 and not model.training and norm.num_batches_tracked.item() == 3
    assert all(param.grad is None for param in model.parameters())
    swa_utils.update_bn(iter([1, 2]), nn.Linear(2, 2))  # nothing to do: the data is not read


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_schedule(strategy):
    groups = [{"params": nn.Parameter(cgrad.ones(1)), "lr": lr} for lr in (0.5, 0.1)]
    optimizer = optim.SGD(groups)
    scheduler = swa_utils.SWALR(optimizer, [0.05, 0.2], anneal_epochs=4, anneal_strategy=strategy)
    for t in range(8):
        way = min(t / 4, 1)
        way = way if strategy == "linear" else (1 - math.cos(math.pi * way)) / 2
        expected = [0.5 + (0.05 - 0.5) * way, 0.1 + (0.2 - 0.1) * way]
        assert scheduler.get_last_lr() == pytest.approx(expected)
        optimizer.step()
        scheduler.step()
    for options in ({"anneal_strategy": "x"}, {"anneal_epochs": -1}, {"anneal_epochs": 1.5}):
        with pytest.raises(ValueError):
            swa_utils.SWALR(optimizer, 0.1, **options)


def test_optimizers_do_without_layers():
    program = (
        "import sys, cgrad.optim; assert 'cgrad.nn' not in sys.modules\n"
        "assert cgrad.optim.swa_utils.AveragedModel and 'cgrad.nn' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
