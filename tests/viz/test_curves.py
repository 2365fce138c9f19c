"""cgrad.viz: curves, activations, gradient norms, the learning-rate finder."""
import doctest
import importlib
import math
import sys

import numpy as np
import pytest

import cgrad
from cgrad import nn, viz

pytest.importorskip("matplotlib")


@pytest.mark.parametrize("name", ["_curves", "_activations", "_gradients", "_lr_finder"])
def test_examples_of_the_docstrings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(f"cgrad.viz.{name}")
    done = doctest.testmod(module, extraglobs={"cgrad": cgrad})
    assert done.attempted and not done.failed


def lines(axes):
    return {line.get_label(): line for line in axes.lines}


# -- curves -----------------------------------------------------------------------------------


def test_history_notes_numbers():
    history = viz.History()
    for i in range(3):
        loss = cgrad.tensor(float(i), requires_grad=True)
        history.log(train=loss, right=np.float32(0.5))
        if i == 1:
            history.log(step=10, test=cgrad.tensor([[2.0]]))
    assert history.values == {"train": [0, 1, 2], "right": [0.5] * 3, "test": [2]}
    assert history.steps == {"train": [0, 1, 2], "right": [0, 1, 2], "test": [10]}
    assert all(type(v) is float for values in history.values.values() for v in values)
    assert len(history) == 3 and "train=2" in repr(history)


@pytest.mark.parametrize("wrong", [cgrad.ones(2), np.ones(3), "much", None])
def test_history_refuses_what_is_no_number(wrong):
    history = viz.History()
    with pytest.raises(ValueError, match=r"History.log: loss: expected a number or one element"):
        history.log(good=1, loss=wrong)
    assert not history.values


def test_curves_draw_what_was_noted():
    history = viz.History()
    for i, (train, test) in enumerate([(3, 4), (2, 2.5), (1, 3)]):
        history.log(step=5 * i, train=train, test=test)
    figure = history.plot(best="test", log=True, xlabel="epoch", title="run")
    (axes,) = figure.axes
    drawn = lines(axes)
    assert drawn["train"].get_xydata().tolist() == [[0, 3], [5, 2], [10, 1]]
    assert drawn["lowest: 2.5 at 5"].get_xydata().tolist() == [[5, 2.5]]
    assert axes.get_yscale() == "log" and axes.get_xlabel() == "epoch"
    assert [t.get_text() for t in axes.get_legend().get_texts()][:2] == ["train", "test"]


def test_curves_of_a_mapping_smoothed_into_given_axes():
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    assert viz.curves({"loss": [1.0, 0.0, 1.0, math.nan]}, smooth=0.5, ax=axes) is figure
    smooth = lines(axes)["loss"].get_ydata()
    # weights 1/2, 1/4, ... of the present and the past, divided by their sum
    assert smooth[:3] == pytest.approx([1, 1 / 3, (0.5 + 0.125) / 0.875])
    assert math.isnan(smooth[3])


@pytest.mark.parametrize(("history", "options", "error"), [
    ({}, {}, ValueError), ({"a": []}, {}, ValueError), ({"a": [1]}, {"smooth": 1.0}, ValueError),
    ({"a": [1]}, {"best": "b"}, KeyError), ({"a": [cgrad.ones(2)]}, {}, ValueError),
])
def test_curves_errors(history, options, error):
    with pytest.raises(error, match="curves: "):
        viz.curves(history, **options)


@pytest.mark.parametrize("draw", [
    lambda: viz.curves({"a": [1]}), lambda: viz.activations("tanh"),
    lambda: viz.RateSweep([1, 2], [1, 2], [1, 2], 1, 1).plot(),
])
def test_without_matplotlib_the_extra_is_named(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "cgrad\[viz\]"'):
        draw()


# -- activations ------------------------------------------------------------------------------


def test_activations_draw_value_and_derivative():
    figure = viz.activations(["tanh", "relu", nn.PReLU(), lambda x: x.floor()], low=-2, high=2)
    tanh, relu, prelu, floor = figure.axes
    x, y = lines(tanh)["value"].get_data()
    np.testing.assert_allclose(y, np.tanh(x), rtol=1e-5)
    slope = lines(tanh)["derivative"].get_ydata()
    np.testing.assert_allclose(slope, 1 - np.tanh(x) ** 2, atol=1e-5)
    assert set(lines(relu)["derivative"].get_ydata()) == {0, 1}
    assert set(lines(prelu)["derivative"].get_ydata()) == {0.25, 1}
    assert prelu.get_title() == "PReLU(num_parameters=1)"
    assert set(lines(floor)["derivative"].get_ydata()) == {0}


def test_activations_all_of_them_also_without_recording():
    with cgrad.no_grad():
        figure = viz.activations()
    assert len(figure.axes) == 22
    assert all(np.isfinite(line.get_ydata()).all() for a in figure.axes for line in a.lines)


@pytest.mark.parametrize(("functions", "options"), [
    ("no_such", {}), (cgrad.sum, {}), ([], {}), ("tanh", {"low": 1, "high": 1}),
    ("tanh", {"points": 1}),
])
def test_activations_errors(functions, options):
    with pytest.raises(ValueError, match="activations: "):
        viz.activations(functions, **options)


# -- gradients --------------------------------------------------------------------------------


def deep(layer, scale, depth=8):
    cgrad.manual_seed(0)
    parts = []
    for _ in range(depth):
        linear = nn.Linear(20, 20)
        nn.init.normal_(linear.weight, std=scale)
        parts += [linear, layer()]
    return nn.Sequential(*parts)


def test_norms_are_those_of_the_gradients():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1, bias=False))
    model[2].weight.requires_grad_()
    watched = viz.GradientNorms(model)
    each = viz.GradientNorms(model, each_parameter=True)
    model(cgrad.ones(5, 3)).sum().backward()
    watched.log()
    each.log()
    by_hand = math.hypot(model[0].weight.grad.norm().item(), model[0].bias.grad.norm().item())
    assert list(watched.norms) == ["0", "2"]
    assert watched.norms["0"] == [pytest.approx(by_hand)]
    assert list(each.norms) == ["0.weight", "0.bias", "2.weight"]
    assert len(watched) == 1


def test_sparse_and_missing_gradients():
    model = nn.Sequential(nn.Embedding(5, 2, sparse=True), nn.Linear(2, 1))
    watched = viz.GradientNorms(model)
    watched.log()
    model(cgrad.tensor([1, 1])).sum().backward()
    watched.log()
    before, after = watched.norms["0"]
    assert math.isnan(before)
    assert after == pytest.approx(2 * model[1].weight.detach().norm().item(), rel=1e-5)
    assert not watched.findings()
    watched.plot()


def test_vanishing_and_exploding_are_found_and_drawn():
    model = deep(nn.Sigmoid, 0.2)
    watched = viz.GradientNorms(model)
    model(cgrad.randn(10, 20)).sum().backward()
    watched.log()
    found = watched.findings()
    assert found[0].startswith("0: vanishing, ") and "where 14 has" in found[0]
    assert not any(line.startswith("14") for line in found)

    model = deep(nn.Identity, 1.0)
    watched = viz.GradientNorms(model)
    optimizer = cgrad.optim.SGD(model.parameters(), lr=1e-3)
    for _ in range(12):
        optimizer.zero_grad()
        model(cgrad.ones(10, 20)).square().mean().backward()
        watched.log()
        optimizer.step()
    found = watched.findings()
    assert found and all("exploding" in line or "not always finite" in line for line in found)
    figure = watched.plot()
    assert len(figure.axes[0].get_legend().get_texts()) == 8
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert any(len(line.get_xdata()) for line in crosses)


def test_many_layers_get_a_colour_bar():
    watched = viz.GradientNorms(deep(nn.Tanh, 0.2, depth=20))
    watched.log()
    figure = watched.plot(title="deep")
    assert len(figure.axes) == 2 and figure.axes[0].get_legend() is None


def test_gradients_errors():
    with pytest.raises(ValueError, match="no parameter that requires a gradient"):
        viz.GradientNorms(nn.ReLU())
    with pytest.raises(ValueError, match="nothing has been noted"):
        viz.gradients(viz.GradientNorms(nn.Linear(1, 1)))


# -- learning rates ---------------------------------------------------------------------------


def problem():
    cgrad.manual_seed(0)
    x = cgrad.randn(200, 5)
    y = x @ cgrad.randn(5, 1)
    model = nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = cgrad.optim.Adam(model.parameters(), lr=0.5)

    def closure():
        some = cgrad.randint(0, 200, (32,))
        return nn.functional.mse_loss(model(x[some]), y[some])

    return model, optimizer, closure


def test_finder_sweeps_and_puts_everything_back():
    model, optimizer, closure = problem()
    closure().backward()
    optimizer.step()
    parameters = {name: t.clone() for name, t in model.state_dict().items()}
    grads = [p.grad for p in model.parameters()]
    values = [g.clone() for g in grads]
    state = optimizer.state_dict()["state"][0]["exp_avg"].clone()
    following = cgrad.get_rng_state()
    found = viz.lr_finder(model, optimizer, closure, steps=60)
    assert all(t.equal(parameters[name]) for name, t in model.state_dict().items())
    assert all(p.grad is g and g.equal(v)
               for p, g, v in zip(model.parameters(), grads, values))
    assert optimizer.state_dict()["state"][0]["exp_avg"].equal(state)
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert cgrad.get_rng_state().equal(following)
    ratios = [b / a for a, b in zip(found.rates, found.rates[1:])]
    assert ratios == pytest.approx([1e7 ** (1 / 59)] * len(ratios))
    assert found.rates[0] == 1e-6 and 1e-4 < found.suggestion < 1
    assert len(found.rates) == len(found.losses) == len(found.smooth)
    figure = found.plot(title="finder")
    assert len(figure.axes[0].lines) == 4


def test_finder_puts_back_a_buffer_that_forward_replaces():
    class Counting(nn.Linear):
        def __init__(self):
            super().__init__(1, 1)
            self.register_buffer("calls", cgrad.zeros(()))

        def forward(self, x):
            self.calls = self.calls + 1
            return super().forward(x)

    model = Counting()
    calls = model.calls
    optimizer = cgrad.optim.SGD(model.parameters(), lr=1.0)
    viz.lr_finder(model, optimizer, lambda: (model(cgrad.ones(4, 1)) - 3).square().mean(), steps=9)
    assert model.calls is calls and calls.item() == 0


def test_finder_stops_where_the_loss_blows_up():
    weight = nn.Linear(1, 1)
    optimizer = cgrad.optim.SGD(weight.parameters(), lr=1.0)
    found = viz.lr_finder(weight, optimizer,
                          lambda: (weight(cgrad.ones(4, 1)) - 3).square().mean(), high=1e4)
    assert found.rates[-1] < 100 and all(map(math.isfinite, found.losses))


def test_finder_puts_back_after_an_error():
    model, optimizer, closure = problem()
    before = model[0].weight.detach().clone()
    calls = []

    def failing():
        calls.append(1)
        if len(calls) == 5:
            raise KeyError("batch")
        return closure()

    with pytest.raises(KeyError, match="batch"):
        viz.lr_finder(model, optimizer, failing)
    assert model[0].weight.equal(before) and model[0].weight.grad is None


@pytest.mark.parametrize("options", [{"low": 0}, {"low": 2, "high": 1}, {"steps": 1},
                                     {"smooth": 1.0}, {"high": math.inf}])
def test_finder_errors(options):
    model, optimizer, closure = problem()
    with pytest.raises(ValueError, match="lr_finder: "):
        viz.lr_finder(model, optimizer, closure, **options)


def test_finder_refuses_a_loss_that_is_not_finite():
    model, optimizer, _ = problem()
    with pytest.raises(ValueError, match="not finite"):
        viz.lr_finder(model, optimizer, lambda: model(cgrad.ones(2, 5)).sum() * math.nan)


def test_learning_rates_of_a_network_that_has_learned():
    # The first value is low by chance: it is hardly smoothed, and no step has led to it.
    model = nn.Linear(1, 1)
    optimizer = cgrad.optim.SGD(model.parameters(), lr=0.1)
    noise = iter([0.5, *[1.0] * 99])
    found = viz.lr_finder(model, optimizer, lambda: model.bias.sum() * 0 + next(noise))
    assert min(found.steepest, 10 * found.suggestion) >= found.rates[10]
    with pytest.raises(TypeError, match="closure must return the loss"):
        viz.lr_finder(model, optimizer, lambda: 1.0)
