"""Adagrad and RMSprop follow PyTorch's trajectories."""
import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")

CASES = [
    ("Adagrad", {}),
    ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.05, "initial_accumulator_value": 0.2}),
    ("Adagrad", {"maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"centered": True, "momentum": 0.9, "weight_decay": 0.05}),
    ("RMSprop", {"momentum": 0.5, "maximize": True, "alpha": 0.9}),
]


@pytest.mark.parametrize("name, options", CASES)
def test_trajectory(name, options):
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=(3, 4)), rng.normal(size=(100, 3, 4))
    ends = []
    for lib in (torch, cgrad):
        param = lib.tensor(start.tolist(), dtype=lib.float64, requires_grad=True)
        optimizer = getattr(lib.optim, name)([param], **options)
        for grad in grads:
            param.grad = lib.tensor(grad.tolist(), dtype=lib.float64)
            optimizer.step()
        ends.append(param.detach().numpy())
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-10, atol=1e-12)
