"""15. Learning rates: finding one by powers of ten, and letting it fall.

A rate that is too small learns slowly, one too large not at all: tried by powers of ten, and
found by a single run in which the rate grows at every step (Smith, 2017). During training it
falls by hand (half every k epochs), by a formula, lr = lr₀ e^(-k t) for epoch t, or goes up and
down.
"""
import math
import sys

from common import claim, figure, save, start

import cgrad
import cgrad.nn.functional as F
from cgrad import nn, viz
from cgrad.optim import SGD
from cgrad.optim import lr_scheduler as schedules


def problem():
    """Points of three rings, a network, in the same state each time."""
    cgrad.manual_seed(2)
    radius = cgrad.arange(600) % 3 + 1.0 + 0.2 * cgrad.randn(600)
    angle = 2 * math.pi * cgrad.rand(600)
    x = cgrad.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 3))
    return x, cgrad.arange(600) % 3, model


def losses(rate, epochs):
    """The loss of each epoch; an epoch is a pass over the shuffled data."""
    x, y, model = problem()
    optimizer = SGD(model.parameters(), lr=rate, momentum=0.9)
    result = []
    for _ in range(epochs):
        total = 0.0
        for part in cgrad.randperm(len(x)).split(32):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[part]), y[part])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(part) / len(x)
        result.append(total)
    return result


def finder():
    """One run of the same problem in which the rate grows from 1e-5 to 100."""
    x, y, model = problem()

    def closure():
        part = cgrad.randint(0, 600, (32,))
        return F.cross_entropy(model(x[part]), y[part])

    optimizer = SGD(model.parameters(), lr=1e-5, momentum=0.9)
    return viz.lr_finder(model, optimizer, closure, low=1e-5, high=100, steps=150)


def course(make, epochs=60):
    """The rate of each epoch under a schedule."""
    weight = cgrad.ones(1, requires_grad=True)
    weight.grad = cgrad.zeros(1)
    optimizer = SGD([weight], lr=1.0)
    schedule = make(optimizer)
    rates = []
    for epoch in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if isinstance(schedule, schedules.ReduceLROnPlateau):
            schedule.step(max(1.0 - epoch / 20, 0.3))  # a loss that stops falling
        else:
            schedule.step()
    return rates


SCHEDULES = {
    "half every 15 epochs": lambda o: schedules.StepLR(o, 15, 0.5),
    "e^(-0.05 t)": lambda o: schedules.LambdaLR(o, lambda t: math.exp(-0.05 * t)),
    "cosine": lambda o: schedules.CosineAnnealingLR(o, 60),
    "warm restarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 15),
    "cyclic": lambda o: schedules.CyclicLR(o, 0.1, 1.0, step_size_up=10, cycle_momentum=False),
    "one cycle": lambda o: schedules.OneCycleLR(o, 1.0, total_steps=61, cycle_momentum=False),
    "plateau": lambda o: schedules.ReduceLROnPlateau(o, factor=0.3, patience=5),
    "polynomial": lambda o: schedules.PolynomialLR(o, 60, 2.0),
}


def run(given):
    epochs = 8 if given.quick else 30
    tried = {10.0**k: losses(10.0**k, epochs) for k in range(-5, 2)}
    for rate, result in tried.items():
        print(f"  rate {rate:g}: loss {result[-1]:.3f} after {epochs} epochs")
    best = min(tried, key=lambda rate: tried[rate][-1])
    claim("the smallest rate and the largest are not the best", 1e-5 < best < 10)

    found = finder()
    print(f"  finder: the loss is lowest at {10 * found.suggestion:.2g}; a tenth of that is a good "
          f"rate: {found.suggestion:.2g}")  # fmt: skip
    claim("the rate found is within a factor of 30 of the best power of ten",
          1 / 30 <= found.suggestion / best <= 30)  # fmt: skip

    curves = {name: course(make) for name, make in SCHEDULES.items()}
    claim("the formula: lr = lr₀ e^(-k t)", all(
        abs(rate - math.exp(-0.05 * t)) < 1e-12 for t, rate in enumerate(curves["e^(-0.05 t)"])))
    claim("by hand: a half after 15 epochs, a quarter after 30",
          curves["half every 15 epochs"][15] == 0.5 and curves["half every 15 epochs"][30] == 0.25)
    claim("on a plateau the rate falls", curves["plateau"][-1] < 0.1 < curves["plateau"][10])

    picture = figure(12, 8)
    if picture is not None:
        top, bottom = picture.subfigures(2, 1)
        left, middle = top.subplots(1, 2)
        for rate, result in tried.items():
            off = "" if min(result) < 2 else " (above 2)"
            left.plot(range(1, epochs + 1), result, label=f"{rate:g}{off}")
        left.set(xlabel="epoch", ylabel="loss", title="powers of ten", ylim=(0, 2))
        left.legend(title="rate", fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
        found.plot(title="finder", ax=middle)
        small = bottom.subplots(2, 4, sharex=True, sharey=True).flat
        for axes, (name, curve) in zip(small, curves.items()):
            axes.plot(curve)
            axes.set_title(name, fontsize=10)
        bottom.supxlabel("epoch", fontsize=10)
        bottom.supylabel("rate", fontsize=10)
        save(picture, given.out, "p15_learning_rates")


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
