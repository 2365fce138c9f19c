"""Every optimizer on parameters and gradients of all layouts, dtypes and sizes."""
import numpy as np
import pytest

import cgrad
from cgrad import nn, optim

KINDS = [optim.SGD, optim.Adam, optim.AdamW, optim.Adagrad, optim.Adadelta, optim.Adamax,
         optim.NAdam, optim.RAdam, optim.RMSprop, optim.Rprop, optim.ASGD, optim.Adafactor,
         optim.Muon]  # fmt: skip
EXTRA = [(optim.SGD, {"momentum": 0.9, "nesterov": True}), (optim.Adam, {"amsgrad": True}),
         (optim.RMSprop, {"momentum": 0.9, "centered": True})]  # fmt: skip
CASES = [(kind, {}) for kind in KINDS] + EXTRA


def steps(kind, options, param, grads):
    optimizer = kind([param], lr=0.1, **options)
    for g in grads:
        param.grad = g
        optimizer.step()
    return param.detach().numpy()


def layouts(values):
    """Parameters of the same values in other memory, and all of that memory."""
    rows, columns = values.shape
    for base, view in (
        (cgrad.zeros(columns, rows, dtype=cgrad.float64), lambda x: x.t()),
        (cgrad.full((rows, 2 * columns), 7.0, dtype=cgrad.float64), lambda x: x[:, ::2]),
        (cgrad.full((rows + 2, columns + 1), 7.0, dtype=cgrad.float64), lambda x: x[1:-1, 1:]),
    ):
        yield view(base).copy_(cgrad.tensor(values)), base


@pytest.mark.parametrize("kind, options", CASES)
def test_layouts(kind, options):
    rng = np.random.default_rng(0)
    values, grads = rng.normal(size=(4, 3)), rng.normal(size=(5, 4, 3))
    plain = [cgrad.tensor(g) for g in grads]
    expected = steps(kind, options, cgrad.tensor(values, requires_grad=True), plain)
    for param, base in layouts(values):
        assert not param.is_contiguous()
        outside = base.sum().item() - param.sum().item()
        param = param.detach().requires_grad_()
        transposed = [cgrad.tensor(g.T.copy()).t() for g in grads]
        np.testing.assert_array_equal(steps(kind, options, param, transposed), expected)
        assert base.sum().item() - param.sum().item() == pytest.approx(outside)
    # A gradient with one value for all
    param = cgrad.tensor(values, requires_grad=True)
    same = [cgrad.tensor(float(g[0, 0]), dtype=cgrad.float64).expand(4, 3) for g in grads]
    other = cgrad.tensor(values, requires_grad=True)
    whole = [g.clone() for g in same]
    np.testing.assert_array_equal(
        steps(kind, options, param, same), steps(kind, options, other, whole)
    )


@pytest.mark.parametrize("kind, options", [c for c in CASES if c[0] is not optim.Muon])
def test_sizes_and_dtypes(kind, options):
    shapes = [(), (0,), (1,), (0, 3), (2, 0), (1, 1, 1), (17,), (3, 5, 2), (1, 1, 2, 1, 1)]
    params = [cgrad.ones(shape, dtype=dtype, requires_grad=True)
              for shape in shapes for dtype in (cgrad.float32, cgrad.float64)]  # fmt: skip
    optimizer = kind(params, lr=0.1, **options)
    for _ in range(3):
        for param in params:
            param.grad = cgrad.full_like(param, 0.5)
        optimizer.step()
    for param, single in zip(params[1::2], params[::2]):
        assert param.dtype == cgrad.float64 and single.dtype == cgrad.float32
        np.testing.assert_allclose(param.tolist(), single.tolist(), rtol=1e-5)
        assert (param < 1).all()


@pytest.mark.parametrize("kind, options", CASES)
def test_a_gradient_in_the_memory_of_the_parameter(kind, options):
    values = np.random.default_rng(0).normal(size=(3, 3))
    expected = steps(
        kind, options, cgrad.tensor(values, requires_grad=True), [cgrad.tensor(values.T.copy())]
    )
    param = cgrad.tensor(values, requires_grad=True)
    np.testing.assert_array_equal(steps(kind, options, param, [param.detach().t()]), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_written(kind):
    """Nothing changes, and the message names the optimizer and the fault."""
    whole = cgrad.ones(2, 2, requires_grad=True)
    array = np.ones((2, 2))
    array.flags.writeable = False
    expanded = cgrad.ones(1, 2).expand(2, 2).detach().requires_grad_()
    cases = [(expanded, "more than one element"),
             (cgrad.from_numpy(array).requires_grad_(), "read-only")]  # fmt: skip
    for param, message in cases:
        optimizer = kind([whole, param], lr=0.1)
        whole.grad, param.grad = cgrad.ones(2, 2), cgrad.ones(2, 2, dtype=param.dtype)
        with pytest.raises(RuntimeError, match=message):
            optimizer.step()
        if kind is not optim.Muon:  # whose parameters are updated one by one
            assert whole.tolist() == [[1, 1]] * 2


@pytest.mark.parametrize("kind, options", CASES)
def test_state_that_does_not_fit(kind, options):
    param = cgrad.ones(2, 2, requires_grad=True)
    optimizer = kind([param], lr=0.1, **options)
    param.grad = cgrad.ones(2, 2)
    optimizer.step()
    kept, before = optimizer.state[param], param.tolist()
    for key in [key for key, value in kept.items() if value.dim()]:
        for wrong in (cgrad.ones(3, 2), cgrad.ones(2, 2, dtype=cgrad.int64), 3):
            saved, kept[key] = kept[key], wrong
            with pytest.raises((RuntimeError, TypeError, AttributeError)):
                optimizer.step()
            kept[key] = saved
            assert param.tolist() == before or kind is optim.Muon
    optimizer.step()
    assert param.tolist() != before


@pytest.mark.parametrize("kind", [k for k in KINDS if k is not optim.Muon])
def test_values_that_are_not_finite(kind):
    """One bad element stays one bad element; decay of 0 does not touch infinite parameters."""
    param = cgrad.tensor([1.0, 2.0, float("inf"), 4.0], requires_grad=True)
    optimizer = kind([param], lr=0.1)
    for _ in range(3):
        param.grad = cgrad.tensor([1.0, float("nan"), 1.0, 1.0])
        optimizer.step()
    if kind is optim.Rprop:
        assert param[1].item() == 2  # a gradient that is no number has no sign
    elif kind is not optim.Adafactor:  # whose steps depend on all elements
        assert param.isnan().tolist() == [False, True, False, False]
        assert param[2].item() == float("inf")
        assert 0 < param[3].item() < 4


def test_differentiable_steps_are_refused():
    param = cgrad.ones(2, requires_grad=True)
    for kind in (optim.SGD, optim.Adam, optim.Adadelta, optim.ASGD):
        with pytest.raises(NotImplementedError, match="differentiable=True is not supported"):
            kind([param], differentiable=True)
        optimizer = kind([param])
        optimizer.param_groups[0]["differentiable"] = True
        with pytest.raises(NotImplementedError):
            optimizer.step()


def test_options_that_change_nothing():
    ends = []
    for options in ({}, {"foreach": True}, {"foreach": False}, {"capturable": True},
                    {"fused": True}):  # fmt: skip
        param = cgrad.ones(2, requires_grad=True)
        ends.append(steps(optim.Adam, options, param, [cgrad.tensor([0.5, 2.0])] * 3).tolist())
    assert all(end == ends[0] for end in ends)


def test_duplicates_are_updated_twice():
    with pytest.warns(UserWarning, match="duplicate"):
        param = cgrad.ones(2, requires_grad=True)
        optimizer = optim.Adam([param, param], lr=0.1)
    param.grad = cgrad.ones(2)
    optimizer.step()
    assert optimizer.state[param]["step"].item() == 2
    np.testing.assert_allclose(param.tolist(), 0.8, rtol=1e-6)


def test_zero_grad_keeps_the_tensor_if_wanted():
    param = cgrad.ones(2, requires_grad=True)
    optimizer = optim.SGD([param])
    grad = param.grad = cgrad.ones(2)
    optimizer.zero_grad(set_to_none=False)
    assert param.grad is grad and grad.tolist() == [0, 0]
    (param * param).sum().backward(create_graph=True)
    assert param.grad.requires_grad or param.grad.tolist() == [2, 2]
    optimizer.zero_grad(set_to_none=False)
    assert not param.grad.requires_grad and param.grad.tolist() == [0, 0]


def test_loading_keeps_collections():
    from collections import deque, namedtuple

    Pair = namedtuple("Pair", ["a", "b"])
    param = nn.Parameter(cgrad.ones(2, dtype=cgrad.float64))
    optimizer = optim.Adam([param], fused=True)
    state = optimizer.state_dict()
    state["state"] = {0: {
        "step": cgrad.tensor(3.0, dtype=cgrad.float64), "text": "abc", "none": None,
        "list": [cgrad.ones(2), 1], "pair": Pair(cgrad.ones(1), 2), "queue": deque([1, 2]),
        "set": {1}, "inner": {"step": cgrad.tensor(1), "x": cgrad.ones(1)},
    }}  # fmt: skip
    optimizer.load_state_dict(state)
    kept = optimizer.state[param]
    assert kept["step"].dtype == cgrad.float32  # as fused steps have it
    assert kept["text"] == "abc" and kept["none"] is None
    assert kept["list"][0].dtype == cgrad.float64 and kept["list"][1] == 1
    assert isinstance(kept["pair"], Pair) and kept["pair"].a.dtype == cgrad.float64
    assert kept["queue"] == deque([1, 2]) and kept["set"] == {1}
    assert kept["inner"]["x"].dtype == cgrad.float64
