"""L-BFGS makes PyTorch's evaluations at PyTorch's points."""
import itertools

import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")


def rosenbrock(x, y):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2 + (y * y).sum() * (1 + x[0] ** 2)


def quartic(x, y):
    return ((x - 3) ** 4).sum() + (y.sin() * x[0]).sum() + (y * y).sum()


def follow(library, function, options, steps, start=None, state=None):
    start = start or [np.array([-1.2, 1.0]), np.array([[0.3, -0.2, 0.5]])]
    params = [library.tensor(p, dtype=library.float64, requires_grad=True) for p in start]
    optimizer = library.optim.LBFGS(params, **options)
    if state is not None:
        optimizer.load_state_dict(state)
    points, losses = [], []

    def closure():
        optimizer.zero_grad()
        loss = function(*params)
        loss.backward()
        points.append(np.concatenate([p.detach().numpy().ravel() for p in params]))
        return loss

    for _ in range(steps):
        losses.append(optimizer.step(closure).item())
    points.append(np.concatenate([p.detach().numpy().ravel() for p in params]))
    return points, losses, optimizer


GRID = {
    "lr": [1, 0.1],
    "max_iter": [20, 3],
    "history_size": [100, 2],
    "line_search_fn": [None, "strong_wolfe"],
}
CASES = [dict(zip(GRID, values)) for values in itertools.product(*GRID.values())]
CASES += [
    {"max_eval": 5, "line_search_fn": "strong_wolfe"},
    {"max_eval": 5},
    {"tolerance_grad": 0.5},
    {"tolerance_change": 0.1, "line_search_fn": "strong_wolfe"},
    {"tolerance_change": 0.1},
]


@pytest.mark.parametrize("function", [rosenbrock, quartic])
@pytest.mark.parametrize("options", CASES, ids=str)
def test_evaluations(options, function):
    steps = 3 if options.get("max_iter") == 20 else 8
    ours, losses, mine = follow(cgrad, function, options, steps)
    theirs, expected, other = follow(torch, function, options, steps)
    # Rounding grows from one iteration to the next: compare the first 40 evaluations.
    assert len(ours) == len(theirs)
    finite = [i for i, p in enumerate(theirs[:40]) if np.isfinite(p).all()]
    for i in finite:
        np.testing.assert_allclose(ours[i], theirs[i], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(losses[0], expected[0], rtol=1e-12)
    a, b = (o.state_dict()["state"][0] for o in (mine, other))
    assert a.keys() == b.keys()
    for key in ("func_evals", "n_iter"):
        assert a[key] == b[key]
    assert len(a["old_dirs"]) == len(b["old_dirs"]) == len(a["ro"]) == len(a["old_stps"])
    assert repr(mine) == repr(other)


def convert(library, value):
    if isinstance(value, (cgrad.Tensor, torch.Tensor)):
        return library.tensor(value.detach().numpy().copy())
    if isinstance(value, dict):
        return {key: convert(library, item) for key, item in value.items()}
    if isinstance(value, list):
        return [convert(library, item) for item in value]
    return value


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_states_move_both_ways(search):
    options = {"max_iter": 4, "line_search_fn": search, "lr": 0.3}
    whole = follow(torch, rosenbrock, options, 6)[0]
    for first, second in ((cgrad, torch), (torch, cgrad)):
        points, _, optimizer = follow(first, rosenbrock, options, 3)
        state = convert(second, optimizer.state_dict())
        middle = [points[-1][:2], points[-1][2:].reshape(1, 3)]
        rest = follow(second, rosenbrock, {}, 3, middle, state)[0]
        np.testing.assert_allclose(rest[-1], whole[-1], rtol=1e-6)


def test_float32_reaches_the_same_minimum():
    for library in (cgrad, torch):
        x = library.tensor([-1.2, 1.0], requires_grad=True)
        optimizer = library.optim.LBFGS([x], line_search_fn="strong_wolfe", max_iter=100)

        def closure(x=x, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
            loss.backward()
            return loss

        optimizer.step(closure)
        np.testing.assert_allclose(x.detach().numpy(), 1, atol=2e-3)
