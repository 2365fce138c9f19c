"""The text of a tensor: ``repr(t)`` and its options.

The layout is PyTorch's (and so almost NumPy's): one number format for all elements, chosen
from the values shown; aligned columns; the middle of a large tensor left out; then what cannot
be seen from the numbers: shape when empty, dtype when not the default one, `requires_grad` or
the name of `grad_fn`. Reads the tensor only through NumPy, so it records nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cgrad._engine.handle import get_default_dtype

__all__ = ["set_printoptions", "tensor_repr"]

# Thresholds beyond which decimals would be all zeros or run off the line.
_SCI_RATIO = 1e3
_SCI_MAX = 1e8
_SCI_MIN = 1e-4


@dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = _Options()

_PROFILES: dict[str, dict[str, float]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed, for the whole process.

    An option left at ``None`` keeps its value, except `sci_mode`, for which ``None`` is a value.

    Args:
        precision: digits after the point (default 4).
        threshold: number of elements above which a tensor is summarized (default 1000).
        edgeitems: elements shown at each end of a summarized dimension (default 3).
        linewidth: characters a line (default 80).
        profile: ``"default"``, ``"short"`` (precision 2, edgeitems 2) or ``"full"`` (never
            summarize), set before the other options.
        sci_mode: always (``True``) or never (``False``) use scientific notation; ``None``
            (default) uses it where values span more than a factor of 1000, exceed 1e8 or fall
            below 1e-4.

    Raises:
        ValueError: unknown `profile`.

    Example::

        >>> cgrad.set_printoptions(precision=2)
        >>> cgrad.tensor([1.12345])
        tensor([1.12])
        >>> cgrad.set_printoptions(profile="default")
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(
                f"set_printoptions: unknown profile {profile!r}; "
                f"expected one of {', '.join(map(repr, _PROFILES))}"
            )
        for name, value in _PROFILES[profile].items():
            setattr(_options, name, value)
    if precision is not None:
        _options.precision = precision
    if threshold is not None:
        _options.threshold = threshold
    if edgeitems is not None:
        _options.edgeitems = edgeitems
    if linewidth is not None:
        _options.linewidth = linewidth
    _options.sci_mode = sci_mode


class _NumberFormat:
    """The format shared by all elements of a tensor; `shown` holds those to be printed."""

    def __init__(self, shown: np.ndarray) -> None:
        self.floating = shown.dtype.kind == "f"
        self.scientific = False
        self.integral = True  # floats without a fraction print as "1."
        self.width = 1
        if not self.floating:
            self.width = max((len(str(v)) for v in shown.ravel().tolist()), default=1)
            return
        # Zeros and non-finite values have no say in the format (as in PyTorch).
        values = shown[np.isfinite(shown) & (shown != 0)].astype(np.float64)
        if values.size == 0:
            return
        magnitude = np.abs(values)
        low, high = float(magnitude.min()), float(magnitude.max())
        self.integral = bool((values == np.ceil(values)).all())
        if _options.sci_mode is None:
            self.scientific = high > _SCI_RATIO * low or high > _SCI_MAX or low < _SCI_MIN
        else:
            self.scientific = _options.sci_mode
        self.width = max(len(self._number(v)) for v in values.tolist())

    def _number(self, value: Any) -> str:
        if not self.floating:
            return str(value)
        if self.scientific:
            return f"{value:.{_options.precision}e}"
        if self.integral:
            return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"
        return f"{value:.{_options.precision}f}"

    def __call__(self, value: Any) -> str:
        return self._number(value).rjust(self.width)


def _edges(array: np.ndarray) -> np.ndarray:
    """The elements a summary shows: both ends of every dimension."""
    for axis, length in enumerate(array.shape):
        edge = _options.edgeitems
        if length > 2 * edge:
            kept = list(range(edge)) + list(range(length - edge, length))
            array = array.take(kept, axis=axis)
    return array


def _row(array: np.ndarray, indent: int, summarize: bool, number: _NumberFormat) -> str:
    """One innermost dimension, broken into lines of at most `linewidth` characters."""
    edge = _options.edgeitems
    if summarize and edge == 0:
        items = ["..."]
    elif summarize and len(array) > 2 * edge:
        head, tail = array[:edge].tolist(), array[-edge:].tolist()
        items = [number(v) for v in head] + [" ..."] + [number(v) for v in tail]
    else:
        items = [number(v) for v in array.tolist()]
    per_line = max(1, (_options.linewidth - indent) // (number.width + 2))
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _nested(array: np.ndarray, indent: int, summarize: bool, number: _NumberFormat) -> str:
    if array.ndim == 0:
        return number(array.item())
    if array.ndim == 1:
        return _row(array, indent, summarize, number)
    edge = _options.edgeitems
    if summarize and len(array) > 2 * edge:
        shown = [*range(edge), None, *range(len(array) - edge, len(array))]
    else:
        shown = list(range(len(array)))
    blocks = [
        "..." if i is None else _nested(array[i], indent + 1, summarize, number) for i in shown
    ]
    # A blank line more between blocks for every dimension above a matrix.
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(blocks) + "]"


def _values_text(array: np.ndarray, indent: int) -> str:
    if array.size == 0:
        return "[]"
    summarize = array.size > _options.threshold
    number = _NumberFormat(_edges(array) if summarize else array)
    return _nested(array, indent, summarize, number)


def _gradient_suffix(t: Any) -> str | None:
    try:
        grad_fn = t.grad_fn
    except RuntimeError:
        # A view changed in place where that was not allowed: printing must still work.
        return "grad_fn=<Invalid>"
    if grad_fn is not None:
        return f"grad_fn=<{grad_fn.name()}>"
    return "requires_grad=True" if t.requires_grad else None


def tensor_repr(t: Any) -> str:
    """The text ``repr(t)`` gives, for example ``tensor([1., 2.], requires_grad=True)``.

    A subclass other than `Parameter` shows its own name in the place of ``tensor``.
    """
    kind = type(t).__name__
    prefix = "tensor(" if kind in ("Tensor", "Parameter") else f"{kind}("
    indent = len(prefix)
    array = t.detach().numpy()

    suffixes = []
    hidden = _options.edgeitems == 0 and array.size > _options.threshold
    if hidden or (array.size == 0 and array.ndim != 1):
        suffixes.append(f"size={array.shape}")
    name = array.dtype.name
    # A reader takes 1. for the default dtype, 1 for int64, True for bool.  An empty tensor has no
    # values to tell its dtype by: only the default one is assumed.
    default = get_default_dtype().name
    if name != default and (array.size == 0 or name not in ("int64", "bool")):
        suffixes.append(f"dtype=cgrad.{name}")
    gradient = _gradient_suffix(t)
    if gradient is not None:
        suffixes.append(gradient)

    text = prefix + _values_text(array, indent)
    used = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if used + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            used = indent + len(suffix)
        else:
            text += ", " + suffix
            used += len(suffix) + 2
    return text + ")"
