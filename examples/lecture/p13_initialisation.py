"""13. Initialisation: small random weights break the symmetry, and their size keeps signals alive.

With equal weights all hidden units compute the same and get the same gradient for ever: the
network behaves as if it had one. With too small or too large weights the activations of a deep
network die out or saturate; Xavier's, of variance 2 / (fan_in + fan_out) (Glorot and Bengio,
2010), keep them. Biases start at zero.
"""
import sys

from common import claim, figure, save, start

import cgrad
import cgrad.nn.functional as F
from cgrad import nn


def learn(equal, x, y, steps):
    """Train a network 2-8-1 on exclusive or; the loss, and how much its hidden units differ."""
    cgrad.manual_seed(3)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    for layer in (model[0], model[2]):
        nn.init.zeros_(layer.bias)
        if equal:
            nn.init.constant_(layer.weight, 0.5)
    optimizer = cgrad.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(x), y)
        loss.backward()
        optimizer.step()
    return loss.item(), model[0].weight.detach().std(0).max().item()


def depth(std, layers=20, width=200):
    """Standard deviation of tanh activations by depth, and of the gradients that come back."""
    x = cgrad.randn(100, width)
    kept = []
    for _ in range(layers):
        weight = cgrad.empty(width, width)
        nn.init.xavier_normal_(weight) if std is None else nn.init.normal_(weight, std=std)
        x = F.linear(x, weight.requires_grad_()).tanh()
        x.retain_grad()
        kept.append(x)
    cgrad.manual_seed(5)
    (x * cgrad.randn_like(x)).sum().backward()
    return [h.std().item() for h in kept], [h.grad.std().item() for h in kept]


def run(given):
    x = cgrad.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    y = cgrad.tensor([[0.0], [1], [1], [0]])
    for equal in (True, False):
        loss, differ = learn(equal, x, y, 300)
        print(f"  {'equal' if equal else 'random'} weights: loss {loss:.3f}, "
              f"hidden units differ by {differ:.2g}")  # fmt: skip
        if equal:
            claim("with equal weights the units stay equal and exclusive or is not learned",
                  differ < 1e-5 and loss > 0.3)  # fmt: skip
        else:
            claim("with random ones it is", loss < 0.1)

    weight = nn.init.xavier_uniform_(cgrad.empty(300, 500))
    bound = (6 / (300 + 500)) ** 0.5
    claim("Xavier: uniform in ±√(6 / (fan_in + fan_out)), variance 2 / (fan_in + fan_out)",
          weight.abs().max().item() <= bound and abs(weight.var().item() / (2 / 800) - 1) < 0.05)

    cases = {"0.01": 0.01, "Xavier": None, "0.3": 0.3}
    results = {}
    for name, std in cases.items():
        cgrad.manual_seed(4)
        results[name] = depth(std)
        print(f"  weights of deviation {name}: activations {results[name][0][0]:.3g} in layer 1, "
              f"{results[name][0][-1]:.3g} in layer 20")  # fmt: skip
    claim("with 0.01 they die out", results["0.01"][0][-1] < 1e-6)
    claim("with 0.3 they saturate", results["0.3"][0][-1] > 0.8)
    claim("with Xavier's they live", 0.05 < results["Xavier"][0][-1] < 0.8)

    picture = figure(10, 4)
    if picture is not None:
        left, right = picture.subplots(1, 2)
        for name, (forward, backward) in results.items():
            label = f"deviation {name}" if name != "Xavier" else name
            left.semilogy(range(1, 21), forward, "o-", ms=3, label=label)
            right.semilogy(range(1, 21), backward, "o-", ms=3, label=label)
        left.set(xlabel="layer", ylabel="deviation of activations", title="forwards")
        right.set(xlabel="layer", ylabel="deviation of gradients", title="backwards")
        left.legend()
        for axes in (left, right):
            axes.set_xticks([1, 5, 10, 15, 20])
        save(picture, given.out, "p13_initialisation")


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
