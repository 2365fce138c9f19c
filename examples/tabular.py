"""Predict how far cars go on a gallon, with honest error bars: an ensemble of small networks.

    python examples/tabular.py

The table, 392 cars of 1970 to 1982 with seven columns each (Auto MPG, UCI machine learning
repository), comes with the package mlxtend. A quarter is held out. Ten networks are trained, each
to give a mean and a variance (Gaussian log-likelihood); together they are a mixture, whose variance
is what the networks expect by themselves plus how much they disagree (Lakshminarayanan et al.,
"Simple and scalable predictive uncertainty estimation using deep ensembles", 2017).

After some seconds it prints an error of about 2.9 miles per gallon on the held-out cars (a linear
fit: 3.3), and that 85 to 90 of 100 of them lie inside the 90 % intervals. It writes
runs/tabular.png: predictions with their intervals, how often intervals of every size are right, and
how the mixture and the mean of each network go on outside the range of the data.

    python examples/tabular.py --data FILE    another table: CSV with a header, target last

Needs tqdm, matplotlib and mlxtend: pip install "cgrad[examples]".
"""
from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from math import sqrt
from pathlib import Path

import numpy as np

import cgrad
import cgrad.nn.functional as F
from cgrad import nn
from cgrad.distributions import Normal
from cgrad.optim import AdamW
from cgrad.optim.lr_scheduler import OneCycleLR
from cgrad.utils.data import DataLoader, TensorDataset
from support import Problem, options, positive, start

CARS = ("cylinders", "displacement", "horsepower", "weight (pounds)", "acceleration", "year",
        "origin")  # fmt: skip


def load_table(path: str | None) -> tuple[np.ndarray, np.ndarray, list[str], str]:
    """Columns, target, and their names."""
    if path is None:
        if not find_spec("mlxtend"):
            raise Problem("the table comes with mlxtend: pip install mlxtend; or give --data FILE")
        from mlxtend.data import autompg_data

        columns, target = autompg_data()
        columns = columns[:, :7].astype(float)
        whole = np.isfinite(columns).all(1)
        return columns[whole], target[whole].astype(float), list(CARS), "miles per gallon"
    lines = Path(path).read_text("utf-8").splitlines()
    try:
        names = [name.strip() for name in lines[0].split(",")]
        lines = [line for line in lines[1:] if line.strip()]
        table = np.array([[float(v) for v in line.split(",")] for line in lines])
        if table.ndim != 2 or table.shape[1] != len(names) or len(names) < 2:
            raise ValueError("every line should have as many numbers as the header has names")
    except (ValueError, IndexError) as error:
        raise Problem(f"{path} is no table of numbers: {error}") from None
    table = table[np.isfinite(table).all(1)]
    if len(table) < 40:
        raise Problem(f"{path} has {len(table)} whole lines; at least 40 are needed")
    return table[:, :-1], table[:, -1], names[:-1], names[-1]


class Regression(nn.Module):
    """A mean and a variance for each row."""

    def __init__(self, columns: int, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(columns, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 2),
        )  # fmt: skip

    def forward(self, x: cgrad.Tensor) -> tuple[cgrad.Tensor, cgrad.Tensor]:
        mean, spread = self.layers(x).unbind(1)
        return mean, F.softplus(spread) + 1e-3


@cgrad.no_grad()
def predict(models: list[Regression], x: cgrad.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the mixture: what its parts expect, and that between their means."""
    means, variances = zip(*(model(x) for model in models))
    stacked = cgrad.stack(means)
    variance = cgrad.stack(variances).mean(0) + stacked.var(0, correction=0)
    return stacked.mean(0).numpy(), variance.numpy()


def run(given: argparse.Namespace) -> None:
    from tqdm import tqdm

    columns, target, names, unit = load_table(given.data)
    order = np.random.default_rng(0).permutation(len(target))
    columns, target = columns[order], target[order]
    known = 3 * len(target) // 4
    center, spread = columns[:known].mean(0), columns[:known].std(0) + 1e-12
    offset, scale = target[:known].mean(), target[:known].std() + 1e-12
    x = cgrad.from_numpy(((columns - center) / spread).astype(np.float32))
    y = cgrad.from_numpy(((target - offset) / scale).astype(np.float32))

    count = 3 if given.fast else given.networks
    epochs = min(given.epochs, 40) if given.fast else given.epochs
    models = []
    with tqdm(total=count * epochs, unit="epoch") as bar:
        for i in range(count):
            bar.set_description(f"network {i + 1}/{count}", refresh=False)
            model = Regression(columns.shape[1], 32)
            loader = DataLoader(TensorDataset(x[:known], y[:known]), batch_size=32, shuffle=True)
            optimizer = AdamW(model.parameters(), lr=given.lr, weight_decay=1.0)
            schedule = OneCycleLR(optimizer, given.lr, total_steps=epochs * len(loader))
            for _ in range(epochs):
                for batch, answer in loader:
                    mean, variance = model(batch)
                    loss = F.gaussian_nll_loss(mean, answer, variance)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    schedule.step()
                bar.set_postfix_str(f"loss {loss.item():.2f}", refresh=False)
                bar.update()
            models.append(model.eval())

    mean, variance = predict(models, x[known:])
    mean, deviation = mean * scale + offset, np.sqrt(variance) * scale
    truth = target[known:]
    ones = np.ones((len(target), 1))
    design = np.hstack([columns, ones])
    fit = design[known:] @ np.linalg.lstsq(design[:known], target[:known], rcond=None)[0]
    shares = np.linspace(0.05, 0.95, 19)
    wide = Normal(0.0, 1.0).icdf(cgrad.from_numpy(0.5 + shares / 2)).numpy()
    inside = np.array([(abs(truth - mean) <= w * deviation).mean() for w in wide])
    error, linear = (sqrt(((truth - guess) ** 2).mean()) for guess in (mean, fit))
    draw(models, x[known:], truth, mean, deviation, shares, inside, center, spread, offset, scale,
         names, unit, given.out)  # fmt: skip
    print(f"error (root mean square) on {len(truth)} held-out rows: {error:.2f} {unit} "
          f"(a linear fit: {linear:.2f})\n"
          f"inside the 90 % intervals: {inside[np.argmin(abs(shares - 0.9))]:.0%}; "
          f"see {given.out}")  # fmt: skip


def draw(models, x, truth, mean, deviation, shares, inside, center, spread, offset, scale, names,
         unit, path) -> None:  # fmt: skip
    """Draw predictions with intervals, the calibration, and uncertainty beyond the data."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 4.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    left.errorbar(truth, mean, yerr=1.645 * deviation, fmt="o", ms=3, lw=0.8, alpha=0.6,
                  label="prediction, 90 % interval")  # fmt: skip
    ends = [min(truth.min(), mean.min()), max(truth.max(), mean.max())]
    left.plot(ends, ends, color="0.4", lw=1, label="right")
    left.set(xlabel=f"measured ({unit})", ylabel=f"predicted ({unit})", title="held-out rows")
    left.legend(fontsize=9)

    middle.plot([0, 100], [0, 100], color="0.4", lw=1, label="ideal")
    middle.plot(100 * shares, 100 * inside, "o-", ms=4, label="ensemble")
    middle.set(xlabel="interval should hold (% of rows)", ylabel="interval does hold (%)",
               title="are the intervals right?", aspect="equal")  # fmt: skip
    middle.legend(fontsize=9)

    # One row of average values, whose column with the largest effect goes far beyond the data.
    column = next((i for i, name in enumerate(names) if "weight" in name), 0)
    seen = x.numpy()[:, column]
    more = (seen.max() - seen.min()) / 2
    line = np.linspace(seen.min() - more, seen.max() + more, 200)
    rows = np.zeros((200, len(names)), np.float32)
    rows[:, column] = line
    guess, variance = predict(models, cgrad.from_numpy(rows))
    axis, value = line * spread[column] + center[column], guess * scale + offset
    band = 1.645 * np.sqrt(variance) * scale
    right.fill_between(axis, value - band, value + band, color="C0", lw=0, alpha=0.35,
                       label="90 % interval")  # fmt: skip
    for model in models:
        alone = predict([model], cgrad.from_numpy(rows))[0] * scale + offset
        right.plot(axis, alone, color="C1", lw=0.8)
    right.plot([], [], color="C1", lw=0.8, label="one network")
    right.plot(axis, value, color="0.2", lw=1.2, ls="--", label="mean of all")
    seen = seen * spread[column] + center[column]
    right.plot(seen, np.full(len(seen), right.get_ylim()[0]), "|", color="0.3", ms=8,
               label="held-out rows")  # fmt: skip
    right.set(xlabel=names[column], ylabel=unit, title="an average row, changed in one column")
    right.set_ylim(top=right.get_ylim()[1] + 0.2 * np.ptp(right.get_ylim()))  # for the legend
    right.legend(fontsize=9, loc="upper center", ncols=2)
    figure.savefig(path, dpi=110)


def main(argv: list[str] | None = None) -> int:
    parser = options("tabular.py", __doc__, epochs=60, out="runs/tabular.png")
    add = parser.add_argument
    add("--data", metavar="FILE", help="CSV with a header, target last (mlxtend's cars)")
    add("--networks", type=positive(int), default=10, help="in the ensemble (%(default)s)")
    add("--lr", type=positive(float), default=3e-3, help="highest learning rate (%(default)s)")
    return start(run, parser, argv)


if __name__ == "__main__":
    sys.exit(main())
