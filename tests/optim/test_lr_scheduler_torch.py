"""Every schedule, with every option, against PyTorch: rates, momenta, states, warnings."""
import inspect
import re
import warnings

import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def factor(t):
    return 0.9**t + 0.1 * (t % 3)


def sequence(*names_and_args, milestones=()):
    """SequentialLR (or, without milestones, ChainedScheduler) of schedules."""

    def make(library, optimizer):
        s = library.optim.lr_scheduler
        parts = [
            part(library, optimizer) if callable(part)
            else getattr(s, part[0])(optimizer, *part[1:])
            for part in names_and_args
        ]  # fmt: skip
        if milestones:
            return s.SequentialLR(optimizer, parts, list(milestones))
        return s.ChainedScheduler(parts)

    return make


SCHEDULES = [
    ("LambdaLR", factor),
    ("LambdaLR", [factor, lambda t: 1 / (1 + t)]),
    ("MultiplicativeLR", lambda t: 0.95),
    ("MultiplicativeLR", [lambda t: 1 + 0.1 * (t % 2), factor]),
    ("StepLR", 3),
    ("StepLR", 4, dict(gamma=0.5)),
    ("MultiStepLR", [3, 7, 7, 20]),
    ("MultiStepLR", [9, 2], dict(gamma=0.5)),
    ("ConstantLR",),
    ("ConstantLR", dict(factor=0.25, total_iters=8)),
    ("ConstantLR", dict(factor=0.25, total_iters=0)),
    ("LinearLR",),
    ("LinearLR", dict(start_factor=0.2, end_factor=0.7, total_iters=12)),
    ("LinearLR", dict(start_factor=1.0, end_factor=0.0, total_iters=10)),
    ("ExponentialLR", 0.9),
    ("PolynomialLR",),
    ("PolynomialLR", dict(total_iters=20, power=2.5)),
    ("CosineAnnealingLR", 7),
    ("CosineAnnealingLR", 10, dict(eta_min=0.01)),
    ("CosineAnnealingWarmRestarts", 4),
    ("CosineAnnealingWarmRestarts", 3, dict(T_mult=2, eta_min=0.02)),
    ("CyclicLR", 0.01, 0.5, dict(step_size_up=5, cycle_momentum=False)),
    ("CyclicLR", 0.01, [0.5, 0.2], dict(step_size_up=4, step_size_down=7)),
    ("CyclicLR", [0.01, 0.02], 0.5, dict(step_size_up=4, mode="triangular2")),
    ("CyclicLR", 0.01, 0.5, dict(step_size_up=4, mode="exp_range", gamma=0.97)),
    ("CyclicLR", 0.1, 0.5, dict(step_size_up=4, scale_fn=lambda x: 1 / x)),
    (
        "CyclicLR", 0.1, 0.5,
        dict(step_size_up=4, scale_fn=lambda x: 0.99**x, scale_mode="iterations",
             base_momentum=[0.5, 0.6], max_momentum=0.95),
    ),
    ("OneCycleLR", 0.7, dict(total_steps=30)),
    ("OneCycleLR", [0.7, 0.3], dict(epochs=6, steps_per_epoch=5, anneal_strategy="linear")),
    ("OneCycleLR", 0.7, dict(total_steps=40, three_phase=True, pct_start=0.25)),
    ("OneCycleLR", 0.7, dict(total_steps=35, cycle_momentum=False, div_factor=10.0)),
    (
        "OneCycleLR", 0.7,
        dict(total_steps=33, base_momentum=0.8, max_momentum=[0.9, 0.99], final_div_factor=1e2),
    ),
    sequence(("ConstantLR", 0.1, 3), ("ExponentialLR", 0.9), milestones=[3]),
    sequence(
        ("LinearLR", 0.1, 1.0, 4), ("CosineAnnealingLR", 10), ("StepLR", 2), milestones=[4, 15]
    ),
    sequence(("CosineAnnealingWarmRestarts", 4), ("PolynomialLR", 9), milestones=[10]),
    sequence(("ExponentialLR", 0.9), ("CosineAnnealingWarmRestarts", 4), milestones=[5]),
    sequence(("ConstantLR", 0.1, 3), ("ExponentialLR", 0.9)),
    sequence(("LinearLR", 0.1, 1.0, 4), ("MultiStepLR", [5, 9]), ("CosineAnnealingLR", 12)),
    sequence(
        sequence(("LinearLR", 0.1, 1.0, 4), ("StepLR", 3)), ("ExponentialLR", 0.8), milestones=[9]
    ),
    sequence(
        sequence(("LinearLR", 0.1, 1.0, 4), ("StepLR", 3), milestones=[4]),
        ("ExponentialLR", 0.8), milestones=[9],
    ),
]  # fmt: skip


def name_of(schedule):
    if callable(schedule):
        return "combined"
    return re.sub(r"<function (\S+) at 0x\w+>", r"\1", f"{schedule[0]}{schedule[1:]}")


def make_optimizer(library, kind="SGD", tensor_lr=False):
    rates = [0.5, 0.1]
    groups = [{"params": [library.zeros(1, requires_grad=True)], "lr": lr} for lr in rates]
    if tensor_lr:
        for group in groups:
            group["lr"] = library.tensor(group["lr"], dtype=library.float64)
    return getattr(library.optim, kind)(groups, **({"momentum": 0.9} if kind == "SGD" else {}))


def make(library, schedule, optimizer):
    if callable(schedule):
        return schedule(library, optimizer)
    name, *args = schedule
    options = args.pop() if args and isinstance(args[-1], dict) else {}
    return getattr(library.optim.lr_scheduler, name)(optimizer, *args, **options)


def follow(optimizer, scheduler, steps):
    series = []
    for _ in range(steps):
        for group, rate in zip(optimizer.param_groups, scheduler.get_last_lr()):
            momentum = group["betas"][0] if "betas" in group else group["momentum"]
            series.append([float(group["lr"]), float(rate), float(momentum)])
            assert isinstance(rate, float) or rate is not group["lr"]
        optimizer.step()
        scheduler.step()
    return series


@pytest.mark.parametrize("schedule", SCHEDULES, ids=name_of)
@pytest.mark.parametrize("kind, tensor_lr", [("SGD", False), ("Adam", False), ("SGD", True)])
def test_rates(schedule, kind, tensor_lr):
    series, states = [], []
    for library in (cgrad, torch):
        optimizer = make_optimizer(library, kind, tensor_lr)
        kept = [group["lr"] for group in optimizer.param_groups]
        scheduler = make(library, schedule, optimizer)
        series.append(follow(optimizer, scheduler, 30))
        states.append(scheduler.state_dict())
        if tensor_lr:
            assert all(a is b["lr"] for a, b in zip(kept, optimizer.param_groups))
    np.testing.assert_allclose(series[0], series[1], rtol=1e-11, atol=1e-15)
    assert set(states[0]) == set(states[1])


@pytest.mark.parametrize("schedule", SCHEDULES, ids=name_of)
def test_states_move_both_ways(schedule):
    """15 steps in one library, 15 in the other, are 30 in one."""
    whole = make_optimizer(torch)
    expected = follow(whole, make(torch, schedule, whole), 30)
    for first, second in ((cgrad, torch), (torch, cgrad)):
        optimizer = make_optimizer(first)
        scheduler = make(first, schedule, optimizer)
        follow(optimizer, scheduler, 15)
        other = make_optimizer(second)
        resumed = make(second, schedule, other)
        other.load_state_dict(optimizer.state_dict())
        resumed.load_state_dict(scheduler.state_dict())
        result = follow(other, resumed, 15)
        np.testing.assert_allclose(result, expected[30:], rtol=1e-11, atol=1e-15)


CLOSED = [s for s in SCHEDULES if isinstance(s, tuple)
          and s[0] not in ("MultiplicativeLR", "OneCycleLR", "CyclicLR")]  # fmt: skip


@pytest.mark.parametrize("schedule", CLOSED, ids=name_of)
def test_epoch_argument(schedule):
    series = []
    for library in (cgrad, torch):
        optimizer = make_optimizer(library)
        scheduler = make(library, schedule, optimizer)
        rates = []
        for epoch in (3, 0, 12, 7, None, None):
            scheduler.step(epoch)
            rates.append([*scheduler.get_last_lr(), scheduler.last_epoch])
        series.append(rates)
    np.testing.assert_allclose(series[0], series[1], rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("epoch", [0.5, 3.25, 4.0, 11.75, 30.5])
@pytest.mark.parametrize("options", [dict(T_0=4), dict(T_0=4, T_mult=3)])
def test_warm_restarts_at_fractions(epoch, options):
    rates = []
    for library in (cgrad, torch):
        optimizer = make_optimizer(library)
        scheduler = library.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, **options)
        scheduler.step(epoch)
        rates.append([*scheduler.get_last_lr(), scheduler.T_i, scheduler.last_epoch])
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-11)


PLATEAU = [
    {},
    dict(patience=1),
    dict(patience=0, factor=0.5, cooldown=2),
    dict(mode="max", patience=2, threshold=0.05),
    dict(mode="max", threshold_mode="abs", threshold=0.3, patience=1),
    dict(threshold_mode="abs", threshold=0.1, patience=1, min_lr=0.02),
    dict(patience=0, min_lr=[0.3, 0.001], eps=0.05),
]


@pytest.mark.parametrize("options", PLATEAU, ids=str)
def test_plateau(options):
    figures = np.random.default_rng(0).normal(size=60).cumsum() / 4 + 3
    series, states = [], []
    for library in (cgrad, torch):
        optimizer = make_optimizer(library)
        scheduler = library.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        rates = []
        for figure in figures:
            scheduler.step(library.tensor(figure) if figure > 0 else figure)
            rates.append([*scheduler.get_last_lr(), scheduler.num_bad_epochs, scheduler.best])
        series.append(rates)
        states.append(scheduler.state_dict())
    np.testing.assert_allclose(series[0], series[1], rtol=1e-6)
    assert set(states[0]) == set(states[1])


@pytest.mark.parametrize(
    "call",
    [
        lambda s, o: s.ReduceLROnPlateau(o, factor=1.0),
        lambda s, o: s.ReduceLROnPlateau(o, mode="x"),
        lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="x"),
        lambda s, o: s.ReduceLROnPlateau(o, min_lr=[1.0]),
        lambda s, o: s.ReduceLROnPlateau(3),
        lambda s, o: s.MultiplicativeLR(o, 0.5),
        lambda s, o: s.MultiplicativeLR(o, [len]),
        lambda s, o: s.LambdaLR(o, [len]),
        lambda s, o: s.ConstantLR(o, factor=1.5),
        lambda s, o: s.LinearLR(o, start_factor=0.0),
        lambda s, o: s.LinearLR(o, end_factor=1.5),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 0),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, T_mult=1.5),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, eta_min="0"),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 2).step(-1),
        lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="x"),
        lambda s, o: s.CyclicLR(o, 0.1, [0.2]),
        lambda s, o: s.OneCycleLR(o, 0.1),
        lambda s, o: s.OneCycleLR(o, 0.1, total_steps=-1),
        lambda s, o: s.OneCycleLR(o, 0.1, epochs=2, steps_per_epoch=0),
        lambda s, o: s.OneCycleLR(o, 0.1, total_steps=5, pct_start=2),
        lambda s, o: s.OneCycleLR(o, 0.1, total_steps=5, anneal_strategy="x"),
        lambda s, o: [x.step() for x in [s.OneCycleLR(o, 0.1, total_steps=2)] for _ in range(5)],
        lambda s, o: s.SequentialLR(o, [], []),
        lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [1]),
        lambda s, o: s.SequentialLR(o, [3], []),
        lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
        lambda s, o: s.ChainedScheduler([]),
        lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]),
        lambda s, o: s.StepLR(o, 1, last_epoch=3),
    ],
)
def test_errors_are_of_the_same_class(call):
    kinds = []
    for library in (cgrad, torch):
        try:
            call(library.optim.lr_scheduler, make_optimizer(library))
            kinds.append(None)
        except Exception as error:
            kinds.append(type(error))
    assert kinds[0] is kinds[1]


def test_momentum_is_needed_to_be_cycled():
    for library in (cgrad, torch):
        s = library.optim.lr_scheduler
        optimizer = library.optim.Adagrad([library.zeros(1, requires_grad=True)])
        with pytest.raises(ValueError, match="must support momentum or beta1"):
            s.CyclicLR(optimizer, 0.1, 1.0)
        with pytest.raises(ValueError, match="must support momentum or beta1"):
            s.OneCycleLR(optimizer, 1.0, 5)


@pytest.mark.parametrize("name", sorted(torch.optim.lr_scheduler.__all__ + ["_LRScheduler"]))
def test_every_schedule_exists_with_its_signature(name):
    ours = getattr(cgrad.optim.lr_scheduler, name)
    theirs = getattr(torch.optim.lr_scheduler, name)
    for method in ("__init__", "step"):
        a, b = (inspect.signature(getattr(c, method)).parameters for c in (ours, theirs))
        assert list(a) == list(b), method
        assert [p.default for p in a.values()] == [p.default for p in b.values()]
    if name not in ("LRScheduler", "_LRScheduler", "ReduceLROnPlateau"):
        names = {s[0] for s in SCHEDULES if isinstance(s, tuple)}
        assert name in names | {"SequentialLR", "ChainedScheduler"}


def test_wrong_order_warns_as_pytorch():
    for library in (cgrad, torch):
        optimizer = make_optimizer(library)
        scheduler = library.optim.lr_scheduler.StepLR(optimizer, 1)
        with pytest.warns(UserWarning, match="before `optimizer.step"):
            scheduler.step()
        optimizer = make_optimizer(library)
        scheduler = library.optim.lr_scheduler.StepLR(optimizer, 1)
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            scheduler.step()
