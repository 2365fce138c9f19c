"""Optimizers that look at whole matrices, or at some rows only, against restatements in NumPy."""
import numpy as np
import pytest

import cgrad
from cgrad import nn, optim


def rms(x):
    return np.sqrt(np.mean(x * x))


def adafactor(
    p, grads, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0, maximize=False
):  # fmt: skip
    least = 2.0**-52 if eps[0] is None else eps[0]
    row = col = v = 0.0
    for t, g in enumerate(grads, 1):
        g = -g if maximize else g
        weight = t**beta2_decay
        if p.ndim > 1:
            row = row + weight * ((g * g).mean(-1, keepdims=True) - row)
            col = col + weight * ((g * g).mean(-2, keepdims=True) - col)
            square = row * col / np.maximum(row.mean(-2, keepdims=True), least)
        else:
            square = v = v + weight * (g * g - v)
        u = g / np.sqrt(np.maximum(square, least**2))
        step = max(eps[1], rms(p)) * min(lr, t**-0.5) / max(1.0, rms(u) / d)
        p = p * (1 - lr * weight_decay) - step * u
    return p


@pytest.mark.parametrize("shape", [(3, 4), (5,), (), (2, 3, 2), (1, 1), (4, 1), (1, 5)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.5, "weight_decay": 0.1, "maximize": True},
        {"beta2_decay": -0.3, "d": 3.0, "eps": (1e-2, 0.2)},
    ],
    ids=str,
)
def test_adafactor(shape, options):
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=shape), rng.normal(size=(12, *shape))
    for dtype, rtol in ((cgrad.float64, 1e-11), (cgrad.float32, 1e-4)):
        param = nn.Parameter(cgrad.tensor(start, dtype=dtype))
        optimizer = optim.Adafactor([param], **options)
        for g in grads:
            param.grad = cgrad.tensor(g, dtype=dtype)
            optimizer.step()
        # The resolution of float32 is 2^-23; no square in this test is that small.
        expected = adafactor(start, grads, **options)
        np.testing.assert_allclose(param.detach().numpy(), expected, rtol=rtol, atol=rtol)
    keys = {"step", "row_var", "col_var"} if len(shape) > 1 else {"step", "variance"}
    assert set(optimizer.state[param]) == keys


def test_adafactor_of_an_empty_parameter_and_zero_gradients():
    params = [nn.Parameter(cgrad.zeros(0, 3)), nn.Parameter(cgrad.zeros(3, 2))]
    optimizer = optim.Adafactor(params)
    for param in params:
        param.grad = cgrad.zeros_like(param)
    optimizer.step()
    assert params[1].tolist() == [[0, 0]] * 3
    params[1].grad = cgrad.full((3, 2), float("nan"))
    optimizer.step()
    assert params[1].isnan().all()


def orthogonalized(x, steps, coefficients, eps):
    a, b, c = coefficients
    u, s, v = np.linalg.svd(x, full_matrices=False)
    s = s / max(np.sqrt((s * s).sum()), eps)
    for _ in range(steps):
        s = a * s + b * s**3 + c * s**5
    return u * s @ v


def muon(
    p, grads, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True, ns_steps=5, eps=1e-7,
    ns_coefficients=(3.4445, -4.775, 2.0315), adjust_lr_fn=None,
):  # fmt: skip
    buffer = np.zeros_like(p)
    rows, columns = p.shape
    ratio = np.sqrt(max(1, rows / columns))
    if adjust_lr_fn == "match_rms_adamw":
        ratio = 0.2 * np.sqrt(max(rows, columns))
    for g in grads:
        buffer = momentum * buffer + (1 - momentum) * g
        update = (1 - momentum) * g + momentum * buffer if nesterov else buffer
        update = orthogonalized(update, ns_steps, ns_coefficients, eps)
        p = p * (1 - lr * weight_decay) - lr * ratio * update
    return p


@pytest.mark.parametrize("shape", [(3, 4), (5, 2), (3, 3), (1, 1), (1, 6)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.1, "nesterov": False, "momentum": 0.5, "weight_decay": 0.0},
        {"adjust_lr_fn": "match_rms_adamw", "ns_steps": 2},
        {"adjust_lr_fn": "original", "ns_coefficients": (1.5, -0.5, 0.0), "ns_steps": 9},
    ],
    ids=str,
)
def test_muon(shape, options):
    """The iterations act on the singular values alone."""
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=shape), rng.normal(size=(8, *shape))
    for dtype, rtol in ((cgrad.float64, 1e-10), (cgrad.float32, 1e-4)):
        param = nn.Parameter(cgrad.tensor(start, dtype=dtype))
        optimizer = optim.Muon([param], **options)
        for g in grads:
            param.grad = cgrad.tensor(g, dtype=dtype)
            optimizer.step()
        expected = muon(start, grads, **options)
        np.testing.assert_allclose(param.detach().numpy(), expected, rtol=rtol, atol=rtol)
    assert set(optimizer.state[param]) == {"momentum_buffer"}


def test_muon_wants_matrices():
    matrix, vector = nn.Parameter(cgrad.ones(2, 2)), nn.Parameter(cgrad.ones(3))
    with pytest.raises(ValueError, match="Muon only supports 2D parameters"):
        optim.Muon([matrix, vector])
    optimizer = optim.Muon([matrix], ns_steps=100)
    with pytest.raises(ValueError, match="2D parameters"):
        optimizer.add_param_group({"params": vector})
    assert len(optimizer.param_groups) == 1
    matrix.grad = cgrad.ones(2, 2)
    with pytest.raises(ValueError, match="less than 100"):
        optimizer.step()
    with pytest.raises(ValueError, match="exactly 3 values"):
        optimizer.param_groups[0].update(ns_steps=5, ns_coefficients=(1, 2))
        optimizer.step()
    with pytest.raises(ValueError, match="Adjust learning rate function x is not supported"):
        optim.Muon([matrix], adjust_lr_fn="x")


def sparse_adam(p, batches, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, maximize=False):
    """Adam for the rows that occur, with the common count of steps."""
    p, m, v = p.copy(), np.zeros_like(p), np.zeros_like(p)
    for t, (ids, rows) in enumerate(batches, 1):
        for i in set(ids.tolist()):
            g = rows[ids == i].sum(0) * (-1 if maximize else 1)
            m[i] = betas[0] * m[i] + (1 - betas[0]) * g
            v[i] = betas[1] * v[i] + (1 - betas[1]) * g * g
            size = lr * np.sqrt(1 - betas[1] ** t) / (1 - betas[0] ** t)
            p[i] -= size * m[i] / (np.sqrt(v[i]) + eps)
    return p


def make_batches(rows, width, count=10, most=30):
    rng = np.random.default_rng(0)
    for _ in range(count):
        ids = rng.integers(0, rows, size=rng.integers(0, most))
        yield ids, rng.normal(size=(len(ids), width))


@pytest.mark.parametrize("options", [{}, {"lr": 0.1, "betas": (0.5, 0.9), "maximize": True}])
@pytest.mark.parametrize("transposed", [False, True])
def test_sparse_adam(options, transposed):
    start = np.random.default_rng(1).normal(size=(12, 3))
    batches = list(make_batches(12, 3))
    weight = cgrad.tensor(start.T).t() if transposed else cgrad.tensor(start)
    table = nn.Embedding(12, 3, sparse=True, _weight=weight)
    optimizer = optim.SparseAdam(table.parameters(), **options)
    for ids, rows in batches:
        optimizer.zero_grad()
        (table(cgrad.tensor(ids)) * cgrad.tensor(rows)).sum().backward()
        optimizer.step()
    expected = sparse_adam(start, batches, **options)
    np.testing.assert_allclose(table.weight.detach().numpy(), expected, rtol=1e-11)
    state = optimizer.state[table.weight]
    assert state["step"] == len(batches) and isinstance(state["step"], int)
    assert set(state) == {"step", "exp_avg", "exp_avg_sq"}


@pytest.mark.parametrize("kind", [optim.SparseAdam, optim.Adagrad, optim.SGD])
def test_rows_that_are_not_there_stay(kind):
    table = nn.Embedding(1000, 4, sparse=True)
    before = table.weight.detach().numpy().copy()
    optimizer = kind(table.parameters(), lr=0.1)
    ids = cgrad.tensor([3, 999, 3, 0])
    table(ids).sum().backward()
    version = table.weight._version
    optimizer.step()
    changed = (table.weight.detach().numpy() != before).any(1)
    assert np.flatnonzero(changed).tolist() == [0, 3, 999]
    assert table.weight._version > version
    optimizer.zero_grad(set_to_none=False)
    assert table.weight.grad.is_sparse and table.weight.grad._nnz() == 0


def test_a_sparse_gradient_that_does_not_fit():
    table = nn.Embedding(4, 2, sparse=True)
    table(cgrad.tensor([1])).sum().backward()
    grad = table.weight.grad
    optimizer = optim.SparseAdam(table.parameters())
    before = table.weight.tolist()
    row, double = cgrad.ones(1, 2), cgrad.ones(1, 2, dtype=cgrad.float64)
    for rows, data in (([7], row), ([-1], row), ([0, 1], row), ([0], double)):
        grad._rows, grad._data = cgrad.tensor(rows), data
        with pytest.raises(RuntimeError):
            optimizer.step()
        assert table.weight.tolist() == before


KINDS = [optim.SGD, optim.Adam, optim.AdamW, optim.Adagrad, optim.Adadelta, optim.Adamax,
         optim.NAdam, optim.RAdam, optim.RMSprop, optim.Rprop, optim.ASGD, optim.Adafactor,
         optim.Muon, optim.SparseAdam, optim.LBFGS]  # fmt: skip


def test_every_optimizer_is_in_these_lists():
    """LBFGS has a file of its own."""
    exported = {getattr(optim, name) for name in optim.__all__ if name[0].isupper()}
    assert exported - {optim.Optimizer} == set(KINDS)


@pytest.mark.parametrize("kind", [k for k in KINDS if k is not optim.LBFGS])
@pytest.mark.parametrize("dtype", [cgrad.float32, cgrad.float64])
def test_the_same_bits_for_any_number_of_threads(kind, dtype):
    ends, threads = [], cgrad.get_num_threads()
    rng = np.random.default_rng(0)
    start, values = rng.normal(size=(300, 300)), rng.normal(size=(2, 300, 300))
    ids = rng.integers(0, 300, size=(2, 300))
    try:
        for count in (1, 2, 7):
            cgrad.set_num_threads(count)
            table = nn.Embedding(300, 300, sparse=kind is optim.SparseAdam,
                                 _weight=cgrad.tensor(start, dtype=dtype))  # fmt: skip
            optimizer = kind(table.parameters(), lr=0.01)
            for i, value in zip(ids, values):
                optimizer.zero_grad()
                (table(cgrad.tensor(i)) * cgrad.tensor(value, dtype=dtype)).sum().backward()
                optimizer.step()
            ends.append(table.weight.detach().numpy())
    finally:
        cgrad.set_num_threads(threads)
    assert (ends[0] == ends[1]).all() and (ends[0] == ends[2]).all()
    assert not np.allclose(ends[0], start, atol=1e-6) or kind is optim.Muon
