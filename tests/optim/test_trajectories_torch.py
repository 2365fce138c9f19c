"""Trajectories over 100 steps, equal to PyTorch's to float rounding, for all options together."""
import inspect
import itertools

import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")
optim_db = pytest.importorskip("torch.testing._internal.common_optimizers").optim_db

STEPS = 100
SHAPES = [(3, 4), (5,), (), (2, 1, 2), (0,), (0, 3)]
SHAPES_OF = {  # PyTorch divides by zero where a parameter of Adafactor is empty
    "Adafactor": [(3, 4), (5,), (), (2, 3, 2), (1, 1)],
    "Muon": [(3, 4), (5, 2), (3, 3), (1, 1)],
}


@pytest.fixture(autouse=True)
def muon_in_full_precision(monkeypatch):
    """PyTorch's Muon rounds to bfloat16; without that, both are equal to float rounding."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda self: self.clone())

DECAY = {"weight_decay": [0, 0.1], "maximize": [False, True]}
# Every combination of the values in a dictionary is a case.
GRID = {
    "SGD": [
        {"lr": [0.01], "momentum": [0, 0.9], "dampening": [0, 0.3], **DECAY},
        {"lr": [0.01], "momentum": [0.9], "nesterov": [True], **DECAY},
    ],
    "Adam": [
        {"amsgrad": [False, True], "decoupled_weight_decay": [False, True], **DECAY},
        {"lr": [0.05], "betas": [(0.3, 0.5), (0.0, 0.99)], "eps": [1e-3, 0.0]},
    ],
    "AdamW": [{"amsgrad": [False, True], "lr": [1e-3, 0.1], **DECAY}],
    "Adagrad": [
        {"lr_decay": [0, 0.1], "initial_accumulator_value": [0, 0.2], **DECAY},
        {"lr": [0.5], "eps": [1e-2]},
    ],
    "Adadelta": [{"lr": [1.0, 0.1], "rho": [0.9, 0.5], "eps": [1e-6, 1e-2], **DECAY}],
    "Adamax": [{"lr": [2e-3, 0.1], "betas": [(0.9, 0.999), (0.3, 0.5)], **DECAY}],
    "NAdam": [
        {"momentum_decay": [4e-3, 0.1], "decoupled_weight_decay": [False, True], **DECAY},
        {"lr": [0.1], "betas": [(0.5, 0.9)], "eps": [1e-3]},
    ],
    "RAdam": [
        {"decoupled_weight_decay": [False, True], **DECAY},
        {"lr": [0.1], "betas": [(0.5, 0.9), (0.9, 0.5)], "eps": [1e-3]},
    ],
    "RMSprop": [
        {"momentum": [0, 0.9], "centered": [False, True], **DECAY},
        {"lr": [0.1], "alpha": [0.5], "eps": [1e-3], "centered": [False, True]},
    ],
    "Rprop": [
        {"maximize": [False, True], "etas": [(0.5, 1.2), (0.3, 2.0)],
         "step_sizes": [(1e-6, 50), (1e-3, 0.1)], "lr": [0.01]},
    ],
    "Adafactor": [
        {"lr": [0.01, 0.5], "eps": [(None, 1e-3), (1e-2, 0.1)], **DECAY},
        {"beta2_decay": [-1.0, -0.3], "d": [1.0, 3.0]},
    ],
    "Muon": [
        {"nesterov": [True, False], "weight_decay": [0.0, 0.3], "momentum": [0.95, 0.5],
         "adjust_lr_fn": [None, "original", "match_rms_adamw"]},
    ],
    "ASGD": [{"lambd": [1e-4, 0.1], "alpha": [0.75, 0.5], "t0": [1e6, 20], **DECAY}],
}  # fmt: skip
CASES = [
    (name, dict(zip(grid, values)))
    for name, grids in GRID.items()
    for grid in grids
    for values in itertools.product(*grid.values())
]
CASES += [
    (info.optim_cls.__name__, case.kwargs)
    for info in optim_db
    if info.optim_cls.__name__ in GRID
    for case in info.optim_inputs_func(device="cpu")
]


def series(name, steps, seed=0):
    shapes = SHAPES_OF.get(name, SHAPES)
    rng = np.random.default_rng(seed)
    start = [rng.normal(size=shape) for shape in shapes]
    # One parameter gets a gradient at every other step only.
    grads = [[rng.normal(size=shape) / (1 + t / 10) for shape in shapes] for t in range(steps)]
    return start, [[None if i == 1 and t % 2 else g for i, g in enumerate(gs)]
                   for t, gs in enumerate(grads)]  # fmt: skip


def convert(library, value):
    if isinstance(value, (cgrad.Tensor, torch.Tensor)):
        return library.tensor(value.detach().numpy().copy())
    if isinstance(value, dict):
        return {key: convert(library, item) for key, item in value.items()}
    return value


def make(library, name, options, start, dtype):
    params = [library.tensor(p, dtype=getattr(library, dtype)) for p in start]
    for param in params:
        param.requires_grad_()
    return params, getattr(library.optim, name)(params, **convert(library, options))


def follow(library, params, optimizer, grads):
    for gs in grads:
        for param, g in zip(params, gs):
            param.grad = None if g is None else library.tensor(g, dtype=param.dtype)
        optimizer.step()


def compare(ours, theirs, rtol):
    for a, b in zip(ours, theirs):
        a, b = a.detach().numpy(), b.detach().numpy()
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol, equal_nan=True)


def compare_states(mine, theirs, rtol):
    assert mine.keys() == theirs.keys()
    assert mine["state"].keys() == theirs["state"].keys()
    for key, state in theirs["state"].items():
        saved = mine["state"][key]
        assert saved.keys() == state.keys()
        for field, value in state.items():
            assert isinstance(value, torch.Tensor) == isinstance(saved[field], cgrad.Tensor), field
            if isinstance(value, torch.Tensor):
                assert str(saved[field].dtype).split(".")[1] == str(value.dtype).split(".")[1]
                assert tuple(saved[field].shape) == tuple(value.shape)
                np.testing.assert_allclose(
                    saved[field].numpy(), value.numpy(), rtol=rtol, atol=rtol, equal_nan=True
                )
            else:
                assert saved[field] == value
    assert len(mine["param_groups"]) == len(theirs["param_groups"])
    for a, b in zip(mine["param_groups"], theirs["param_groups"]):
        assert a.keys() == b.keys()
        for key in a:
            assert convert(torch, a[key]) == b[key], key


@pytest.mark.parametrize("dtype, rtol", [("float64", 1e-9), ("float32", 2e-4)])
@pytest.mark.parametrize("name, options", CASES, ids=str)
def test_trajectory(name, options, dtype, rtol):
    start, grads = series(name, STEPS if dtype == "float64" else 40)
    ours, mine = make(cgrad, name, options, start, dtype)
    theirs, other = make(torch, name, options, start, dtype)
    follow(cgrad, ours, mine, grads)
    follow(torch, theirs, other, grads)
    if isinstance(options.get("lr"), torch.Tensor):
        rtol = max(rtol, 1e-5)  # the rate is in float32
    compare(ours, theirs, rtol)
    compare_states(mine.state_dict(), other.state_dict(), rtol)
    if not isinstance(options.get("lr"), torch.Tensor):
        assert repr(mine) == repr(other)


@pytest.mark.parametrize("name, options", CASES[::3], ids=str)
def test_states_move_both_ways(name, options):
    """20 steps in one library and 20 in the other are 40 in one."""
    start, grads = series(name, 40)
    whole, optimizer = make(torch, name, options, start, "float64")
    follow(torch, whole, optimizer, grads)
    for first, second in ((cgrad, torch), (torch, cgrad)):
        params, optimizer = make(first, name, options, start, "float64")
        follow(first, params, optimizer, grads[:20])
        values = [param.detach().numpy() for param in params]
        others, resumed = make(second, name, {}, values, "float64")
        state = optimizer.state_dict()
        groups = [convert(second, group) for group in state["param_groups"]]
        resumed.load_state_dict({"state": convert(second, state["state"]), "param_groups": groups})
        follow(second, others, resumed, grads[20:])
        compare(others, whole, 1e-9)


@pytest.mark.parametrize("name", sorted(GRID))
def test_signature(name):
    ours = inspect.signature(getattr(cgrad.optim, name).__init__).parameters
    theirs = inspect.signature(getattr(torch.optim, name).__init__).parameters
    assert list(ours) == list(theirs)
    for key in ours:
        assert ours[key].default == theirs[key].default, key
        assert ours[key].kind == theirs[key].kind, key


@pytest.mark.parametrize("name", sorted(set(GRID) - {"Muon"}))
def test_optimizing_a_function(name):
    """With gradients that depend on the path, weights in other layouts, and two groups."""
    rng = np.random.default_rng(3)
    start, target = rng.normal(size=(2, 4, 6))
    ends = []
    for library in (cgrad, torch):
        a = library.tensor(start).t().requires_grad_()  # not row-major
        b = library.tensor(start[0].tolist(), requires_grad=True)
        c = library.tensor(start, dtype=library.float64)[:, ::2].detach().requires_grad_()
        optimizer = getattr(library.optim, name)([{"params": [a, c]}, {"params": b, "lr": 0.01}])
        goal = library.tensor(target)
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = ((a.t() - goal) ** 2).sum() + (b * b).sum() + (c.cos() * b[:3]).sum()
            loss.backward()
            optimizer.step()
        ends.append([a, b, c])
    compare(ends[0], ends[1], 2e-5)
    compare(ends[0][:1], ends[1][:1], 1e-8)


BAD = {
    "SGD": [{"lr": -1}, {"momentum": -1}, {"weight_decay": -1}, {"nesterov": True},
            {"nesterov": True, "momentum": 0.9, "dampening": 0.1}],
    "Adam": [{"lr": -1}, {"eps": -1}, {"betas": (1.0, 0.9)}, {"betas": (0.9, -0.1)},
             {"weight_decay": -1}],
    "AdamW": [{"lr": -1}, {"betas": (0.9, 1.5)}],
    "Adagrad": [{"lr": -1}, {"lr_decay": -1}, {"weight_decay": -1}, {"eps": -1},
                {"initial_accumulator_value": -1}],
    "Adadelta": [{"lr": -1}, {"rho": -0.1}, {"rho": 1.1}, {"eps": -1}, {"weight_decay": -1}],
    "Adamax": [{"lr": -1}, {"eps": -1}, {"betas": (0.9, 1.0)}, {"weight_decay": -1}],
    "NAdam": [{"lr": -1}, {"eps": -1}, {"betas": (0.9, 1.0)}, {"weight_decay": -1},
              {"momentum_decay": -1}],
    "RAdam": [{"lr": -1}, {"eps": -1}, {"betas": (1.0, 0.9)}, {"weight_decay": -1}],
    "RMSprop": [{"lr": -1}, {"eps": -1}, {"momentum": -1}, {"weight_decay": -1}, {"alpha": -1}],
    "Rprop": [{"lr": -1}, {"etas": (1.0, 1.2)}, {"etas": (0.5, 1.0)}, {"etas": (0.0, 1.2)}],
    "ASGD": [{"lr": -1}, {"weight_decay": -1}],
    "Adafactor": [{"lr": -1}, {"beta2_decay": 0.1}, {"eps": (-1, 1e-3)}, {"eps": (None, -1)},
                  {"d": 0.5}, {"weight_decay": -1}],
    "SparseAdam": [{"lr": 0.0}, {"lr": -1}, {"eps": 0.0}, {"betas": (0.9, 1.0)}],
}  # fmt: skip
BAD_CASES = [(name, options) for name, cases in BAD.items() for options in cases]


@pytest.mark.parametrize("name, options", BAD_CASES, ids=str)
def test_bad_options(name, options):
    messages = []
    for library in (cgrad, torch):
        with pytest.raises(ValueError) as error:
            getattr(library.optim, name)([library.zeros(2, requires_grad=True)], **options)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_rate_that_is_a_tensor_of_several_elements(name):
    for library in (cgrad, torch):
        with pytest.raises(ValueError, match="Tensor lr must be 1-element"):
            param = library.zeros(2, requires_grad=True)
            getattr(library.optim, name)([param], lr=library.ones(2))


def test_fused_and_foreach_exclude_each_other():
    for library in (cgrad, torch):
        params = [library.zeros(2, requires_grad=True)]
        for kind in (library.optim.SGD, library.optim.Adam, library.optim.Adagrad):
            with pytest.raises(RuntimeError, match="cannot be `True` together"):
                kind(params, fused=True, foreach=True)
            with pytest.raises(RuntimeError, match="`fused` does not support `differentiable`"):
                kind(params, fused=True, differentiable=True)
            kind(params, fused=True)
        with pytest.raises(ValueError, match="lr as a Tensor is not supported"):
            library.optim.Adam(params, lr=library.tensor(0.1), foreach=True)


@pytest.mark.filterwarnings("ignore:Sparse invariant")
@pytest.mark.parametrize("name", sorted(BAD))
def test_dense_and_sparse_gradients(name):
    """The same kinds of gradients are refused, with the same words."""
    results = []
    for library in (cgrad, torch):
        for sparse in (True, False):
            table = library.nn.Embedding(6, 3, sparse=sparse)
            table.weight.data.copy_(library.arange(18.0).reshape(6, 3) / 10)
            optimizer = getattr(library.optim, name)(table.parameters(), lr=0.1)
            try:
                for ids in ([1, 4, 1], [4, 4, 5], [0]):
                    optimizer.zero_grad()
                    (table(library.tensor(ids)) ** 2).sum().backward()
                    optimizer.step()
                results.append(table.weight.detach().numpy())
            except RuntimeError as error:
                results.append(str(error))
    for mine, other in zip(results[:2], results[2:]):
        if isinstance(other, str):
            assert mine.replace("AdamW", "Adam") == other
        else:
            np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-7)


@pytest.mark.filterwarnings("ignore:Sparse invariant")
@pytest.mark.parametrize(
    "name, options",
    [
        ("SparseAdam", {}),
        ("SparseAdam", {"lr": 0.1, "betas": (0.3, 0.5), "eps": 1e-3}),
        ("SparseAdam", {"maximize": True}),
        ("Adagrad", {}),
        ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.3}),
        ("Adagrad", {"maximize": True, "eps": 1e-2}),
        ("SGD", {"lr": 0.1}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "maximize": True, "dampening": 0.2}),
    ],
)
@pytest.mark.parametrize("dtype, rtol", [("float64", 1e-11), ("float32", 1e-4)])
def test_sparse_trajectory(name, options, dtype, rtol):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(20, 3))
    batches = [rng.integers(0, 20, size=rng.integers(0, 40)) for _ in range(STEPS)]
    factors = rng.normal(size=(STEPS, 40, 3))
    ends = []
    for library in (cgrad, torch):
        table = library.nn.Embedding(20, 3, sparse=True, padding_idx=2)
        table = table.to(getattr(library, dtype))
        table.weight.data.copy_(library.tensor(start))
        optimizer = getattr(library.optim, name)(table.parameters(), **options)
        for ids, factor in zip(batches, factors):
            optimizer.zero_grad()
            weights = library.tensor(factor[: len(ids)], dtype=getattr(library, dtype))
            (table(library.tensor(ids)) * weights).sum().backward()
            optimizer.step()
        ends.append((table.weight, optimizer.state_dict()))
    compare([ends[0][0]], [ends[1][0]], rtol)
    if name != "SGD":
        compare_states(ends[0][1], ends[1][1], rtol)


@pytest.mark.parametrize("name", sorted(set(GRID) - {"Muon"}) + ["LBFGS"])
def test_a_checkpoint_of_pytorch_is_continued(name, tmp_path):
    path = str(tmp_path / "checkpoint.pt")

    def build(library):
        net = library.nn.Sequential(library.nn.Linear(3, 4), library.nn.Tanh())
        return net, getattr(library.optim, name)(net.parameters(), lr=0.01)

    def train(library, net, optimizer, batches):
        for x in batches:
            def closure(x=x):
                optimizer.zero_grad()
                loss = (net(library.tensor(x)) ** 2).mean()
                loss.backward()
                return loss

            optimizer.step(closure)
        return [param.detach().numpy() for param in net.parameters()]

    batches = np.random.default_rng(0).normal(size=(12, 5, 3)).astype("f4")
    if name == "LBFGS":
        batches[:] = batches[0]
    net, optimizer = build(torch)
    train(torch, net, optimizer, batches[:6])
    torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 6}, path)
    expected = train(torch, net, optimizer, batches[6:])
    state = cgrad.load(path)
    net, optimizer = build(cgrad)
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    for mine, other in zip(train(cgrad, net, optimizer, batches[6:]), expected):
        np.testing.assert_allclose(mine, other, rtol=2e-4, atol=2e-5)
