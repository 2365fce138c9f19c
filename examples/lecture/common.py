"""What the scripts of the lecture share: options, claims that are checked, pictures."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import cgrad


def claim(what: str, holds: bool) -> None:
    """Print what has been shown; stop if it does not hold."""
    print(f"  {'holds' if holds else 'DOES NOT HOLD'}: {what}", flush=True)
    if not holds:
        raise SystemExit(1)


def start(doc: str, run: Callable, argv: list[str] | None, *options: tuple) -> int:
    """Parse the options that all scripts have, and those given; run; return the exit status."""
    parser = argparse.ArgumentParser(description=doc.strip().splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="in small, for a look or a test")
    add("--seed", type=int, default=0, help="of random numbers (%(default)s)")
    add("--out", default="runs/lecture", metavar="DIR", help="folder for pictures (%(default)s)")
    for name, settings in options:
        add(name, **settings)
    given = parser.parse_args(argv)
    cgrad.manual_seed(given.seed)
    print(doc.strip().splitlines()[0], flush=True)
    try:
        run(given)
    except OSError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    return 0


def figure(width: float, height: float):
    """A figure of matplotlib, or None where that is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print('  (no picture: pip install "cgrad[examples]")')
        return None
    return Figure(figsize=(width, height), layout="constrained")


def plot(make: Callable, folder: str, name: str) -> None:
    """Write the picture that a function makes, where matplotlib is installed."""
    try:
        picture = make()
    except ImportError:
        print('  (no picture: pip install "cgrad[examples]")')
        return
    save(picture, folder, name)


def save(picture, folder: str, name: str) -> None:
    """Write a picture into the folder."""
    path = Path(folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path, dpi=110)
    print(f"  picture: {path}")


def draw(graph, folder: str, name: str) -> None:
    """Write the picture of a graph into the folder, to look at (SVG) and to play (HTML)."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for ending in ("svg", "html"):
        print(f"  picture: {graph.save(Path(folder) / f'{name}.{ending}')}")
