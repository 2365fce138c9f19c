"""14. Optimizers: SGD with a well chosen rate often suffices; adaptive ones need less choosing.

Each optimizer starts at the same point of Rosenbrock's valley, (1 - x)² + 100 (y - x²)², whose
floor is flat and bent. Plain SGD must go slowly, or it leaves the valley; momentum and adaptive
rates go faster; L-BFGS, which estimates the curvature, arrives after some thirty steps.
"""
import sys

from common import claim, figure, save, start

import cgrad

KINDS = {
    "SGD": (cgrad.optim.SGD, {"lr": 1e-3}),
    "SGD, momentum": (cgrad.optim.SGD, {"lr": 1e-3, "momentum": 0.9}),
    "SGD, Nesterov": (cgrad.optim.SGD, {"lr": 1e-3, "momentum": 0.9, "nesterov": True}),
    "Adagrad": (cgrad.optim.Adagrad, {"lr": 1.0}),
    "Adadelta": (cgrad.optim.Adadelta, {"lr": 0.2}),
    "RMSprop": (cgrad.optim.RMSprop, {"lr": 5e-3}),
    "Adam": (cgrad.optim.Adam, {"lr": 0.1}),
    "AdamW": (cgrad.optim.AdamW, {"lr": 0.1, "weight_decay": 0.0}),
    "Adamax": (cgrad.optim.Adamax, {"lr": 1.0}),
    "NAdam": (cgrad.optim.NAdam, {"lr": 2e-2}),
    "RAdam": (cgrad.optim.RAdam, {"lr": 5e-3}),
    "L-BFGS": (cgrad.optim.LBFGS, {"line_search_fn": "strong_wolfe", "max_iter": 1,
                                    "max_eval": 25}),
}


def valley(p):
    x, y = p
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def descend(kind, options, steps):
    """The points an optimizer visits."""
    p = cgrad.tensor([-1.2, 1.0], dtype=cgrad.float64, requires_grad=True)
    optimizer = kind([p], **options)

    def closure():
        optimizer.zero_grad()
        loss = valley(p)
        loss.backward()
        return loss

    points = [p.tolist()]
    for _ in range(steps):
        optimizer.step(closure)
        points.append(p.tolist())
    return points


def arrives(name, rate, steps):
    """Whether an optimizer with this rate gets below 0.5."""
    kind, options = KINDS[name]
    end = descend(kind, {**options, "lr": rate}, steps)[-1]
    return valley(cgrad.tensor(end, dtype=cgrad.float64)).item() < 0.5  # False for NaN


def run(given):
    steps = 500 if given.quick else 2000
    paths = {name: descend(kind, options, steps) for name, (kind, options) in KINDS.items()}
    ends = {}
    for name, points in paths.items():
        values = [valley(cgrad.tensor(p, dtype=cgrad.float64)).item() for p in points]
        ends[name] = values[-1]
        there = next((i for i, v in enumerate(values) if v < 1e-3), None)
        print(f"  {name:15} {values[-1]:.2e} after {steps} steps; below 0.001 "
              + (f"after {there}" if there is not None else "not reached"))  # fmt: skip
    claim("every optimizer has come down the valley", max(ends.values()) < valley_start() / 4)
    claim("momentum is faster than plain SGD", ends["SGD, momentum"] < ends["SGD"])
    claim("L-BFGS is there", ends["L-BFGS"] < 1e-8)

    rates = [m * 10.0**k for k in range(-5, 2) for m in ((1,) if given.quick else (1, 2, 5))]
    work = {name: [rate for rate in rates if arrives(name, rate, steps)]
            for name in ("SGD", "SGD, momentum", "Adam")}  # fmt: skip
    for name, good in work.items():
        print(f"  {name} gets below 0.5 with the rates " + ", ".join(f"{rate:g}" for rate in good))
    claim("Adam arrives with more rates than SGD", len(work["Adam"]) > len(work["SGD"]))

    w = cgrad.tensor([3.0], dtype=cgrad.float64, requires_grad=True)
    optimizer = cgrad.optim.Adam([w], lr=0.1)
    (w * w).sum().backward()
    optimizer.step()
    claim("Adam's first step is as long as its rate, whatever the gradient (Kingma and Ba, 2015)",
          abs(w.item() - 2.9) < 1e-6)  # fmt: skip

    picture = figure(11, 7.5)
    if picture is not None:
        x, y = cgrad.meshgrid(cgrad.linspace(-1.6, 1.6, 120), cgrad.linspace(-0.8, 2.1, 120),
                              indexing="xy")  # fmt: skip
        height = valley((x, y)).log10().numpy()
        for axes, (name, points) in zip(picture.subplots(3, 4, sharex=True, sharey=True).flat,
                                        paths.items()):  # fmt: skip
            axes.contourf(x.numpy(), y.numpy(), height, 20, cmap="Greys")
            axes.plot(*zip(*points), ".-", ms=3, lw=0.8, color="C3")
            axes.plot(1, 1, "*", color="C0", ms=10)
            axes.set(title=name, xlim=(-1.6, 1.6), ylim=(-0.8, 2.1))
        picture.supxlabel("x")
        picture.supylabel("y")
        picture.suptitle(f"{steps} steps in Rosenbrock's valley")
        save(picture, given.out, "p14_optimizers")


def valley_start():
    return valley(cgrad.tensor([-1.2, 1.0])).item()


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
