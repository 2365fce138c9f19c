"""Numbers and arrays as short text for a picture."""
from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cgrad import Tensor

BLOCK = 1 << 18        # elements that are converted to float64 at once
SMALL = 16             # elements up to which a tensor is written out


class Summary(NamedTuple):
    """A tensor in words: on a card, in full, on an edge; and its only element if it has one."""

    short: str
    long: str
    tiny: str = ""
    number: float | None = None


def text(x: float, digits: int = 4) -> str:
    """A number with so many significant digits and a real minus sign."""
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    if x == int(x) and abs(x) < 1e6:
        return str(int(x)).replace("-", "−")
    s = f"{x:.{digits}g}"
    if "e" in s:
        front, power = s.split("e")
        s = f"{front}e{int(power)}"
    return s.replace("-", "−")


def shape_text(shape: tuple[int, ...], dtype: Any) -> str:
    """``32×64 float32``, ``3 elements int64``, ``scalar float32``."""
    if not shape:
        return f"scalar {dtype.name}"
    size = "×".join(map(str, shape))
    if len(shape) == 1:
        size += " elements" if shape[0] != 1 else " element"
    return f"{size} {dtype.name}"


def norm_text(norm: float) -> str:
    """``‖0.42‖``"""
    return f"‖{text(norm)}‖"


def _written_out(a: np.ndarray) -> str:
    if a.ndim == 0:
        return text(float(a))
    return "[" + ", ".join(_written_out(part) for part in a) + "]"


def array_of(tensor: Any) -> np.ndarray:
    """The numbers of a tensor; of a sparse gradient those that it holds."""
    if not isinstance(tensor, Tensor):
        tensor = tensor.coalesce().values()
    return tensor.detach().numpy()


def _moments(a: np.ndarray) -> tuple[float, float, float]:
    """Mean, standard deviation and norm of finite numbers, in float64 without a copy of it all."""
    with np.errstate(all="ignore"):
        return _float64_moments(a)


def _float64_moments(a: np.ndarray) -> tuple[float, float, float]:
    if a.size <= BLOCK:
        x = a.astype(np.float64)
        mean = float(x.sum()) / x.size
        d = x - mean
        return mean, math.sqrt(float(d @ d) / x.size), math.sqrt(float(x @ x))
    total = squares = 0.0
    for k in range(0, a.size, BLOCK):
        x = a[k:k + BLOCK].astype(np.float64)
        total += float(x.sum())
        squares += float(x @ x)
    mean = total / a.size
    return mean, math.sqrt(max(squares / a.size - mean * mean, 0.0)), math.sqrt(squares)


def summary(tensor: Any, gradient: bool = False) -> Summary:
    """What a card and the details say about the value, or the gradient, of a node."""
    a = array_of(tensor)
    sparse = "" if isinstance(tensor, Tensor) else f"sparse, {len(a)} rows: "
    if a.size == 0:
        return Summary("empty", "no elements")
    if a.size == 1:
        x = float(a.reshape(-1)[0])
        return Summary(text(x), sparse + text(x), text(x), x)
    if a.dtype == bool:
        share = f"{np.count_nonzero(a) / a.size:.1%} true"
        return Summary(share, _written_out(a) if a.size <= SMALL else share)
    full = _written_out(a) + "; " if a.size <= SMALL else ""
    flat = a.reshape(-1)
    low, high = float(flat.min()), float(flat.max())       # NaN if there is one
    bad = 0
    if not math.isfinite(high - low):
        finite = np.isfinite(flat)
        bad = flat.size - int(np.count_nonzero(finite))
        kept = flat[finite]
        if kept.size == 0:
            return Summary("not finite", f"{sparse}{full}no finite element")
        low, high = float(kept.min()), float(kept.max())
    else:
        kept = flat
    mean, spread, size = _moments(kept)
    if abs(mean) < 1e-6 * spread:
        mean = 0.0                   # what rounding has left
    norm = norm_text(size)
    short = full[:-2] if full and len(full) <= 22 else (
        norm if gradient else f"{text(mean, 3)} ± {text(spread, 3)}")
    long = (f"{sparse}{full}mean {text(mean)}, standard deviation {text(spread)}, "
            f"from {text(low)} to {text(high)}, norm {text(size)}")
    if low == high and not bad:
        same = f"all {text(low)}"
        short = short if full and short == full[:-2] else norm if gradient else same
        long = f"{sparse}{full}{same}, norm {text(size)}"
    zeros = flat.size - int(np.count_nonzero(flat))
    if zeros:
        long += f", {zeros / flat.size:.0%} zeros" if zeros > 1 else ", one zero"
    if bad:
        short = f"{bad} not finite"
        nan = int(np.count_nonzero(np.isnan(flat)))
        long += f", {nan} NaN, {bad - nan} infinite"
    return Summary(short, long, norm)
