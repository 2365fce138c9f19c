"""Learning-rate schedules against their closed forms; combination, resuming, warnings."""
import itertools
import math

import pytest

import cgrad
from cgrad import nn, optim
from cgrad.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)


def make_optimizer(*rates):
    rates = rates or (0.5, 0.1)
    groups = [{"params": nn.Parameter(cgrad.ones(1)), "lr": rate} for rate in rates]
    return optim.SGD(groups, momentum=0.0)


def follow(optimizer, scheduler, epochs):
    rates = []
    for _ in range(epochs):
        rates.append([group["lr"] for group in optimizer.param_groups])
        assert scheduler.get_last_lr() == rates[-1]
        optimizer.step()
        scheduler.step()
    return rates


CASES = [
    (lambda o: StepLR(o, 3), lambda t: 0.1 ** (t // 3)),
    (lambda o: StepLR(o, 2, gamma=0.5), lambda t: 0.5 ** (t // 2)),
    (lambda o: ExponentialLR(o, 0.9), lambda t: 0.9**t),
    (lambda o: LambdaLR(o, lambda t: 1 / (1 + t)), lambda t: 1 / (1 + t)),
    (lambda o: CosineAnnealingLR(o, 7), lambda t: (1 + math.cos(math.pi * t / 7)) / 2),
    (lambda o: MultiStepLR(o, [9, 4, 4]), lambda t: 0.1 ** (2 * (t >= 4) + (t >= 9))),
    (lambda o: ConstantLR(o, 0.25, 6), lambda t: 0.25 if t < 6 else 1.0),
    (lambda o: LinearLR(o, 0.2, 0.8, 6), lambda t: 0.2 + 0.1 * min(t, 6)),
    (lambda o: PolynomialLR(o, 8, 2.0), lambda t: (1 - min(t, 8) / 8) ** 2),
    (
        lambda o: CosineAnnealingWarmRestarts(o, 5),
        lambda t: (1 + math.cos(math.pi * (t % 5) / 5)) / 2,
    ),
]
CHAINED = [
    (lambda o: MultiplicativeLR(o, lambda t: 0.9), lambda t: 0.9**t),
    (
        lambda o: SequentialLR(o, [ConstantLR(o, 0.1, 3), ExponentialLR(o, 0.5)], [3]),
        lambda t: 0.1 if t < 3 else 0.5 ** (t - 3),
    ),
    (
        lambda o: ChainedScheduler([ConstantLR(o, 0.1, 3), ExponentialLR(o, 0.5)]),
        lambda t: (0.1 if t < 3 else 1.0) * 0.5**t,
    ),
]


@pytest.mark.parametrize("make, factor", CASES + CHAINED)
def test_closed_forms(make, factor):
    optimizer = make_optimizer()
    rates = follow(optimizer, make(optimizer), 20)
    for t, pair in enumerate(rates):
        expected = [0.5 * factor(t), 0.1 * factor(t)]
        assert pair == pytest.approx(expected, rel=1e-10, abs=1e-15)


def test_cosine_with_a_lowest_rate():
    optimizer = make_optimizer(1.0)
    rates = follow(optimizer, CosineAnnealingLR(optimizer, 4, eta_min=0.2), 9)
    assert [rate for (rate,) in rates] == pytest.approx(
        [0.2 + 0.8 * (1 + math.cos(math.pi * t / 4)) / 2 for t in range(9)]
    )


def triangle(t, up, down):
    """0 to 1 in `up` steps, and back in `down`."""
    t %= up + down
    return t / up if t <= up else (up + down - t) / down


@pytest.mark.parametrize(
    "options, scale",
    [
        ({}, lambda cycle, t: 1.0),
        ({"mode": "triangular2"}, lambda cycle, t: 0.5**cycle),
        ({"mode": "exp_range", "gamma": 0.9}, lambda cycle, t: 0.9**t),
        ({"scale_fn": lambda x: 1 / x}, lambda cycle, t: 1 / (cycle + 1)),
        (
            {"scale_fn": lambda x: 1 / (1 + x), "scale_mode": "iterations"},
            lambda cycle, t: 1 / (1 + t),
        ),
    ],
    ids=["triangular", "triangular2", "exp_range", "of cycles", "of iterations"],
)
def test_cycles(options, scale):
    optimizer = make_optimizer(1.0)
    scheduler = CyclicLR(optimizer, 0.1, 0.5, step_size_up=4, step_size_down=6, **options)
    for t in range(25):
        height = triangle(t, 4, 6) * scale(t // 10, t)
        group = optimizer.param_groups[0]
        assert scheduler.get_last_lr() == [group["lr"]]
        assert group["lr"] == pytest.approx(0.1 + 0.4 * height)
        assert group["momentum"] == pytest.approx(0.9 - 0.1 * height)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("three_phase", [False, True])
def test_one_cycle(strategy, three_phase):
    optimizer = optim.Adam([nn.Parameter(cgrad.ones(1))])
    scheduler = OneCycleLR(
        optimizer, 1.0, total_steps=41, pct_start=0.25, anneal_strategy=strategy,
        three_phase=three_phase, div_factor=10.0, final_div_factor=100.0,
    )  # fmt: skip
    knots = [(0, 0.1, 0.95), (9.25, 1.0, 0.85)]
    knots += [(18.5, 0.1, 0.95), (40, 0.001, 0.95)] if three_phase else [(40, 0.001, 0.95)]
    for t in range(41):
        a, b = next(pair for pair in itertools.pairwise(knots) if t <= pair[1][0])
        way = (t - a[0]) / (b[0] - a[0])
        way = (1 - math.cos(math.pi * way)) / 2 if strategy == "cos" else way
        group = optimizer.param_groups[0]
        assert group["lr"] == pytest.approx(a[1] + (b[1] - a[1]) * way)
        assert group["betas"] == pytest.approx((a[2] + (b[2] - a[2]) * way, 0.999))
        optimizer.step()
        if t < 40:
            scheduler.step()
    scheduler.step()
    with pytest.raises(ValueError, match="Tried to step 42 times"):
        scheduler.step()


def test_plateau():
    optimizer = make_optimizer(1.0)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1, cooldown=2, min_lr=0.3)
    losses = [5, 4, 4, 4, 4, 4, 4, 4, 4, 4]
    rates = []
    for loss in losses:
        scheduler.step(cgrad.tensor(float(loss)))
        rates += scheduler.get_last_lr()
    # Two epochs without improvement, then two that do not count, then two again.
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3]
    other = ReduceLROnPlateau(make_optimizer(1.0))
    other.load_state_dict(scheduler.state_dict())
    assert other.best == 4 and other.patience == 1


def test_groups_added_too_late():
    optimizer = make_optimizer(1.0)
    scheduler = ExponentialLR(optimizer, 0.5)
    plateau = ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.1])
    optimizer.add_param_group({"params": nn.Parameter(cgrad.ones(1))})
    optimizer.step()
    scheduler.step()  # from the present rates
    assert scheduler.get_last_lr() == [0.5, 0.0005]
    scheduler = LambdaLR(make_optimizer(1.0), lambda t: 1.0)
    scheduler.optimizer.add_param_group({"params": nn.Parameter(cgrad.ones(1))})
    scheduler.optimizer.step()
    with pytest.raises(ValueError, match="rates for 1 groups, but the optimizer has 2"):
        scheduler.step()
    plateau.step(1.0)
    with pytest.raises(RuntimeError, match="the optimizer has 2 groups, but min_lrs has 1"):
        plateau.step(1.0)


def test_rates_that_are_tensors_are_written_in_place():
    rate = cgrad.tensor(1.0)
    optimizer = optim.SGD([nn.Parameter(cgrad.ones(1))], lr=rate)
    scheduler = ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert rate.item() == 0.5 and optimizer.param_groups[0]["lr"] is rate
    last = scheduler.get_last_lr()[0]
    assert last.item() == 0.5 and last is not rate
    assert scheduler.base_lrs[0].item() == 1.0


def test_one_function_for_each_group():
    optimizer = make_optimizer()
    scheduler = LambdaLR(optimizer, [lambda t: t + 1, lambda t: 1])
    assert follow(optimizer, scheduler, 3) == [[0.5, 0.1], [1.0, 0.1], [1.5, 0.1]]
    with pytest.raises(ValueError, match="Expected 2 lr_lambdas, but got 1"):
        LambdaLR(optimizer, [lambda t: 1])


def test_schedules_combine():
    optimizer = make_optimizer(1.0)
    first, second = StepLR(optimizer, 1, gamma=0.5), ExponentialLR(optimizer, 0.1)
    optimizer.step()
    first.step()
    second.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)


@pytest.mark.parametrize("make, factor", CASES + CHAINED)
def test_resuming(make, factor, tmp_path):
    straight = make_optimizer()
    expected = follow(straight, make(straight), 12)
    optimizer = make_optimizer()
    scheduler = make(optimizer)
    follow(optimizer, scheduler, 5)
    path = tmp_path / "checkpoint"
    cgrad.save({"o": optimizer.state_dict(), "s": scheduler.state_dict()}, path)
    state = cgrad.load(path)
    again = make_optimizer()
    resumed = make(again)
    again.load_state_dict(state["o"])
    resumed.load_state_dict(state["s"])
    assert follow(again, resumed, 7) == expected[5:]


def test_resuming_by_last_epoch():
    optimizer = make_optimizer(1.0)
    with pytest.raises(KeyError, match="param 'initial_lr' is not specified in param_groups"):
        StepLR(optimizer, 2, last_epoch=3)
    optimizer.param_groups[0]["initial_lr"] = 1.0
    scheduler = CosineAnnealingLR(optimizer, 10, last_epoch=4)
    assert scheduler.last_epoch == 5
    assert scheduler.get_last_lr() == [1.0]  # the present rate is left to the loaded state


def test_callable_objects_are_saved_with_their_attributes():
    class Factor:
        def __init__(self, power):
            self.power = power

        def __call__(self, t):
            return self.power**t

    scheduler = LambdaLR(make_optimizer(1.0), Factor(0.5))
    state = scheduler.state_dict()
    assert state["lr_lambdas"] == [{"power": 0.5}]
    other = LambdaLR(make_optimizer(1.0), Factor(0.1))
    other.load_state_dict(state)
    assert other.lr_lambdas[0].power == 0.5
    assert LambdaLR(make_optimizer(), lambda t: 1).state_dict()["lr_lambdas"] == [None, None]


def test_wrong_order_warns():
    optimizer = make_optimizer()
    scheduler = StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match=r"lr_scheduler.step\(\)` before `optimizer.step"):
        scheduler.step()


@pytest.mark.parametrize("make, factor", CASES)
def test_epoch_argument_uses_the_closed_form(make, factor):
    optimizer = make_optimizer(1.0)
    scheduler = make(optimizer)
    optimizer.step()
    if isinstance(scheduler, CosineAnnealingWarmRestarts):
        scheduler.step(3)  # where epochs are an ordinary argument
    else:
        with pytest.warns(UserWarning, match="epoch parameter"):
            scheduler.step(3)
    assert scheduler.get_last_lr() == pytest.approx([factor(3)])


def test_get_lr_outside_of_step_warns():
    scheduler = StepLR(make_optimizer(), 1)
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        scheduler.get_lr()


def test_own_schedules():
    class Halving(LRScheduler):
        def get_lr(self):
            return [base / 2**self.last_epoch for base in self.base_lrs]

    optimizer = make_optimizer(1.0)
    assert follow(optimizer, Halving(optimizer), 3) == [[1], [0.5], [0.25]]
    with pytest.raises(TypeError, match="int is not an Optimizer"):
        Halving(3)
    with pytest.raises(NotImplementedError):
        LRScheduler(optimizer)
