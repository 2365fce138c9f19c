"""L-BFGS against a restatement in NumPy, and the conditions that its line search promises."""
import copy
import pickle

import numpy as np
import pytest

import cgrad
from cgrad import nn, optim


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def rosenbrock_gradient(x):
    inner = x[1] - x[0] ** 2
    return np.array([-2 * (1 - x[0]) - 400 * x[0] * inner, 200 * inner])


def closure_of(optimizer, function, params, calls=None):
    def closure():
        optimizer.zero_grad()
        loss = function(*params)
        loss.backward()
        if calls is not None:
            calls.append([p.detach().numpy().copy() for p in params])
        return loss

    return closure


def lbfgs(x, gradient, steps, lr, history):
    """Nocedal (1980) with steps of fixed length, by the recursion for the matrix itself."""
    pairs, g, scale = [], gradient(x), 1.0
    for step in range(steps):
        h = scale * np.eye(len(x))
        for s, y in pairs:
            v = np.eye(len(x)) - np.outer(y, s) / (y @ s)
            h = v.T @ h @ v + np.outer(s, s) / (y @ s)
        t = min(1.0, 1.0 / np.abs(g).sum()) * lr if step == 0 else lr
        moved = x - t * h @ g
        new = gradient(moved)
        s, y = moved - x, new - g
        if y @ s > 1e-10:
            pairs = [*pairs, (s, y)][-history:]
            scale = (y @ s) / (y @ y)
        x, g = moved, new
    return x


@pytest.mark.parametrize("history", [1, 2, 100])
@pytest.mark.parametrize("lr", [1.0, 0.5, 0.01])
def test_fixed_steps(lr, history):
    start = np.array([-1.2, 1.0])
    param = cgrad.tensor(start, requires_grad=True)
    optimizer = optim.LBFGS([param], lr=lr, max_iter=4, history_size=history, tolerance_change=0)
    for _ in range(3):
        optimizer.step(closure_of(optimizer, rosenbrock, [param]))
    expected = lbfgs(start, rosenbrock_gradient, 12, lr, history)
    np.testing.assert_allclose(param.detach().numpy(), expected, rtol=1e-6)


def test_the_line_search_meets_the_strong_wolfe_conditions():
    param = cgrad.tensor([-1.2, 1.0], dtype=cgrad.float64, requires_grad=True)
    optimizer = optim.LBFGS([param], max_iter=1, max_eval=50, line_search_fn="strong_wolfe")
    for _ in range(40):
        before = param.detach().numpy().copy()
        loss = optimizer.step(closure_of(optimizer, rosenbrock, [param]))
        after = param.detach().numpy()
        g = rosenbrock_gradient(before)
        if np.abs(g).max() < 1e-6:
            break
        slope, new_slope = g @ (after - before), rosenbrock_gradient(after) @ (after - before)
        assert loss.item() == pytest.approx(rosenbrock(before))
        assert rosenbrock(after) <= rosenbrock(before) + 1e-4 * slope
        assert abs(new_slope) <= 0.9 * abs(slope)
    np.testing.assert_allclose(param.detach().numpy(), [1, 1], atol=1e-3)


def bowl(a, b, c, unused):
    return ((a - 1) ** 2).sum() + 3 * ((b + 2) ** 2).sum() + (c * c).sum()


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_several_parameters(search):
    """In other layouts and dtypes, 0-d, empty, and one without a gradient."""
    params = [
        cgrad.ones(3, 2).t().requires_grad_(),
        cgrad.zeros((), dtype=cgrad.float64, requires_grad=True),
        cgrad.ones(0, 2, requires_grad=True),
        cgrad.full((2,), 7.0, requires_grad=True),
    ]
    params[0].data.mul_(5)
    optimizer = optim.LBFGS(params, line_search_fn=search)
    for _ in range(3):
        optimizer.step(closure_of(optimizer, bowl, params))
    np.testing.assert_allclose(params[0].detach().numpy(), 1, atol=1e-5)
    assert params[1].item() == pytest.approx(-2, abs=1e-5)
    assert params[3].tolist() == [7, 7]
    assert params[0].dtype == cgrad.float32


def test_large_vectors_have_the_same_bits_for_any_number_of_threads():
    ends, threads = [], cgrad.get_num_threads()
    scale = cgrad.linspace(1, 2, 200_001)
    try:
        for count in (1, 2, 5):
            cgrad.set_num_threads(count)
            param = cgrad.ones(200_001, requires_grad=True)
            optimizer = optim.LBFGS([param], max_iter=6, line_search_fn="strong_wolfe")

            def loss(p):
                return (scale * p.cosh()).sum()

            optimizer.step(closure_of(optimizer, loss, [param]))
            ends.append(param.detach().numpy())
    finally:
        cgrad.set_num_threads(threads)
    assert np.abs(ends[0]).max() < 0.95      # how far depends on how the processor's sums round
    assert all((end == ends[0]).all() for end in ends)


def test_a_sparse_gradient():
    table = nn.Embedding(5, 2, sparse=True)
    optimizer = optim.LBFGS(table.parameters())
    untouched = table.weight[0].tolist()
    for _ in range(2):
        optimizer.step(
            closure_of(optimizer, lambda w: (table(cgrad.tensor([3, 1])) ** 2).sum(),
                       list(table.parameters()))
        )  # fmt: skip
    assert table.weight[0].tolist() == untouched
    np.testing.assert_allclose(table.weight[3].detach().numpy(), 0, atol=1e-5)


@pytest.mark.parametrize("how", ["state_dict", "pickle", "deepcopy"])
def test_a_restored_optimizer_continues(how):
    options = {"max_iter": 3, "line_search_fn": "strong_wolfe"}

    def steps(param, optimizer, count):
        for _ in range(count):
            optimizer.step(closure_of(optimizer, rosenbrock, [param]))

    start = [-1.2, 1.0]
    whole = cgrad.tensor(start, requires_grad=True)
    steps(whole, optim.LBFGS([whole], **options), 6)
    param = cgrad.tensor(start, requires_grad=True)
    optimizer = optim.LBFGS([param], **options)
    steps(param, optimizer, 3)
    if how == "state_dict":
        other = param.detach().clone().requires_grad_()
        resumed = optim.LBFGS([other])
        resumed.load_state_dict(optimizer.state_dict())
    elif how == "pickle":
        other, resumed = pickle.loads(pickle.dumps((param, optimizer)))
    else:
        other, resumed = copy.deepcopy((param, optimizer))
    steps(other, resumed, 3)
    assert other.tolist() == whole.tolist()


def test_limits():
    param = cgrad.tensor([-1.2, 1.0], requires_grad=True)
    for options, most in (({"max_iter": 3}, 3), ({"max_iter": 50, "max_eval": 7}, 7)):
        calls = []
        optimizer = optim.LBFGS([param], **options)
        optimizer.step(closure_of(optimizer, rosenbrock, [param], calls))
        assert len(calls) == most
        assert optimizer.state[param]["func_evals"] == most
    with cgrad.no_grad():
        param.fill_(1)
    calls = []
    optimizer.step(closure_of(optimizer, rosenbrock, [param], calls))
    assert len(calls) == 1  # the gradient is 0


def test_a_loss_that_is_not_a_number_ends():
    param = cgrad.tensor([1.0], requires_grad=True)
    for search in (None, "strong_wolfe"):
        optimizer = optim.LBFGS([param], line_search_fn=search)
        optimizer.step(closure_of(optimizer, lambda p: (p * float("nan")).sum(), [param]))


def test_errors():
    a, b = cgrad.ones(1, requires_grad=True), cgrad.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="doesn't support per-parameter options"):
        optim.LBFGS([{"params": a}, {"params": b}])
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        optim.LBFGS([a], lr=-1)
    with pytest.raises(TypeError, match="closure"):
        optim.LBFGS([a]).step()
    optimizer = optim.LBFGS([a], line_search_fn="x")
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        optimizer.step(closure_of(optimizer, lambda p: (p * p).sum(), [a]))
    optimizer = optim.LBFGS([a])
    optimizer.step(closure_of(optimizer, lambda p: ((p - 3) ** 4).sum(), [a]))
    optimizer.state[a]["old_dirs"][0] = cgrad.ones(2)
    with pytest.raises(RuntimeError, match="vectors of 1 and 2 elements"):
        optimizer.step(closure_of(optimizer, lambda p: ((p - 3) ** 4).sum(), [a]))


def test_vectors_of_the_engine():
    from cgrad._engine import flat

    rng = np.random.default_rng(0)
    for n in (0, 1, 15, 16, 17, 1000, 70_000):
        for dtype, rtol in ((cgrad.float32, 1e-6), (cgrad.float64, 1e-12)):
            x, y = (cgrad.tensor(rng.normal(size=n), dtype=dtype) for _ in range(2))
            a, b = x.numpy().astype(float), y.numpy().astype(float)
            assert flat.dot(x, y) == pytest.approx(a @ b, rel=rtol, abs=1e-9)
            greatest, total = flat.magnitudes(x)
            assert greatest == (np.abs(a).max() if n else 0)
            assert total == pytest.approx(np.abs(a).sum(), rel=rtol)
    assert np.isnan(flat.magnitudes(cgrad.tensor([1.0, float("nan"), 2.0]))[0])
    for call in (
        lambda: flat.dot(cgrad.ones(2, 2), cgrad.ones(4)),
        lambda: flat.dot(cgrad.ones(2), cgrad.ones(3)),
        lambda: flat.dot(cgrad.ones(4)[::2], cgrad.ones(2)),
        lambda: flat.magnitudes(cgrad.ones(2, dtype=cgrad.int64)),
        lambda: flat.move([cgrad.ones(3)], cgrad.ones(2), 1.0, cgrad.ones(2)),
        lambda: flat.move([cgrad.ones(1).expand(2)], cgrad.ones(2), 1.0, cgrad.ones(2)),
        lambda: flat.gather([cgrad.ones(2, dtype=cgrad.int64)], False),
    ):
        with pytest.raises(RuntimeError):
            call()
    with pytest.raises(ValueError):
        flat.direction(cgrad.ones(2), [cgrad.ones(2)], [], [], 1.0)
