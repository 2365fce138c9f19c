"""Learning-rate schedules against their closed forms; combination, resuming, warnings."""
import math

import pytest

import cgrad
from cgrad import nn, optim
from cgrad.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LRScheduler,
    StepLR,
)


def make_optimizer(*rates):
    rates = rates or (0.5, 0.1)
    return optim.SGD([{"params": nn.Parameter(cgrad.ones(1)), "lr": rate} for rate in rates])


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
]


@pytest.mark.parametrize("make, factor", CASES)
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


@pytest.mark.parametrize("make, factor", CASES)
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
