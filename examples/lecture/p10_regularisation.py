"""10. Regularisation: a penalty on all weights, weight decay, and early stopping.

A network of 4,000 weights learns 40 noisy points of a sine by heart: its error on other points
falls, then rises. With the penalty λ/2 Σ w² in the loss, which for SGD is the same as weight
decay, it stays low; or one stops where the error on other points is lowest.
"""
import sys

from common import claim, figure, save, start

import cgrad
import cgrad.nn.functional as F
from cgrad import nn, viz

KNOWN, OTHER = "the 40 points", "other points"


def data(count):
    x = cgrad.rand(count, 1) * 6 - 3
    return x, x.sin() + 0.3 * cgrad.randn(count, 1)


def train(steps, decay, train_set, test_set, every=20):
    """Train, and note the errors on the points learned and on others."""
    cgrad.manual_seed(1)
    model = nn.Sequential(nn.Linear(1, 60), nn.Tanh(), nn.Linear(60, 60), nn.Tanh(),
                          nn.Linear(60, 1))  # fmt: skip
    optimizer = cgrad.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=decay)
    history = viz.History()
    for step in range(steps + 1):
        loss = F.mse_loss(model(train_set[0]), train_set[1])
        if step % every == 0:
            with cgrad.no_grad():
                other = F.mse_loss(model(test_set[0]), test_set[1])
            history.log(step, **{KNOWN: loss, OTHER: other})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return history


def run(given):
    x = cgrad.randn(5, 3, dtype=cgrad.float64)
    weights = [cgrad.ones(3, dtype=cgrad.float64, requires_grad=True) for _ in range(2)]
    penalty = cgrad.optim.SGD([weights[0]], lr=0.1)
    decay = cgrad.optim.SGD([weights[1]], lr=0.1, weight_decay=0.3)
    for _ in range(5):
        for w, optimizer, extra in ((weights[0], penalty, 0.3), (weights[1], decay, 0.0)):
            optimizer.zero_grad()
            ((x @ w).tanh().sum() + extra / 2 * (w * w).sum()).backward()
            optimizer.step()
    claim("for SGD weight decay is the penalty λ/2 Σ w²", cgrad.allclose(*weights))

    steps = 1000 if given.quick else 4000
    train_set, test_set = data(40), data(1000)
    curves = {decay: train(steps, decay, train_set, test_set) for decay in (0.0, 1.0)}
    for decay, history in curves.items():
        known, other = history.values[KNOWN], history.values[OTHER]
        best = other.index(min(other))
        print(f"  weight decay {decay:g}: error on the 40 points {known[-1]:.3f}, on others "
              f"{other[-1]:.3f}; it was lowest after {20 * best} steps: {other[best]:.3f}")
    plain, decayed = ((h.values[KNOWN], h.values[OTHER]) for h in curves.values())
    claim("without decay the points are learned closer than their noise of 0.09 allows",
          plain[0][-1] < 0.08)  # fmt: skip
    claim("and other points get worse after a while (early stopping would have helped)",
          plain[1][-1] > 1.1 * min(plain[1]))  # fmt: skip
    claim("with decay they end better", decayed[1][-1] < plain[1][-1])

    picture = figure(9, 4)
    if picture is not None:
        both = picture.subplots(1, 2, sharey=True)
        for axes, (decay, history) in zip(both, curves.items()):
            axes.axhline(0.09, color="0.6", lw=0.8, label="variance of the noise")
            history.plot(best=OTHER, log=True, xlabel="steps", ylabel="mean squared error",
                         title=f"weight decay {decay:g}", ax=axes)  # fmt: skip
        save(picture, given.out, "p10_regularisation")


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
