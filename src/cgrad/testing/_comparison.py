"""assert_close: whether values agree to rounding, and where they do not."""
from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import cgrad
from cgrad import Tensor

__all__ = ["assert_allclose", "assert_close"]

_TOLERANCES = {"float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}     # relative, absolute

Message = str | Callable[[str], str] | None


class _Differ(Exception):
    """Two parts are not close: what is to be said, and where they are."""

    def __init__(self, text: str, place: tuple[Any, ...] = (), kind: Any = AssertionError) -> None:
        super().__init__(text)
        self.text, self.place, self.kind = text, place, kind


class _Options:
    def __init__(self, rtol: float | None, atol: float | None, **flags: bool) -> None:
        if (rtol is None) != (atol is None):
            given, missing = ("rtol", "atol") if atol is None else ("atol", "rtol")
            raise ValueError(f"assert_close: rtol and atol must both be specified or both be "
                             f"unspecified, but got {given} without {missing}")
        self.rtol, self.atol = rtol, atol
        self.flags = flags

    def tolerances(self, *dtypes: str) -> tuple[float, float]:
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        found = [_TOLERANCES.get(dtype, (0.0, 0.0)) for dtype in dtypes]
        return max(r for r, _ in found), max(a for _, a in found)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Message = None,
) -> None:
    """Check that ``|actual - expected| <= atol + rtol |expected|`` for all elements.

    Infinities are close to themselves alone. Sequences and mappings are compared member by member.

    Args:
        actual, expected: tensors, NumPy arrays, numbers, None, or sequences and mappings of them.
        allow_subclasses: types may be subclasses of each other. Default: ``True``
        rtol, atol: tolerances, both or neither. Default: by dtype, 1.3e-6 and 1e-5 for float32,
            1e-7 and 1e-7 for float64 and Python floats, 0 for integers and bool; for two dtypes the
            larger ones
        equal_nan: NaN is close to NaN. Default: ``False``
        check_dtype: dtypes must be equal. Default: ``True``
        check_stride: strides must be equal. Default: ``False``
        check_device, check_layout: accepted; there is one device and one layout.
        msg: the message instead, or a function of the message. Default: none

    Raises:
        AssertionError: they are not close; the message says where, and by how much.
        TypeError: values of these types cannot be compared.
        ValueError: only one of ``rtol`` and ``atol`` is given.

    Example::

        >>> cgrad.testing.assert_close(cgrad.tensor([1.0, 2.0]), cgrad.tensor([1.0, 2.1]))
        Traceback (most recent call last):
        AssertionError: Tensor-likes are not close!
        <BLANKLINE>
        Mismatched elements: 1 / 2 (50.0%)
        Greatest absolute difference: 0.09999990463256836 at index (1,) (up to 1e-05 allowed)
        Greatest relative difference: 0.04761900380253792 at index (1,) (up to 1.3e-06 allowed)
    """
    options = _Options(rtol, atol, equal_nan=equal_nan, check_dtype=check_dtype,
                       check_stride=check_stride, allow_subclasses=allow_subclasses)
    try:
        _compare(actual, expected, options, ())
    except _Differ as error:
        text = error.text
        if error.place:
            text += "\n\nThe failure occurred for item " + "".join(f"[{k!r}]" for k in error.place)
        if error.kind is AssertionError and msg is not None:
            text = msg(text) if callable(msg) else msg
        raise error.kind(text) from None


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The older form of :func:`assert_close`, which does not compare dtypes. Deprecated."""
    warnings.warn("assert_allclose() is deprecated; use cgrad.testing.assert_close() instead",
                  FutureWarning, stacklevel=2)
    actual, expected = (x if isinstance(x, Tensor) else cgrad.as_tensor(x)
                        for x in (actual, expected))
    if rtol is None and atol is None:
        rtol, atol = _Options(None, None).tolerances(_name(actual.dtype), _name(expected.dtype))
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False,
                 msg=msg or None)


def _name(dtype: Any) -> str:
    return str(dtype).rpartition(".")[2]


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _compare(actual: Any, expected: Any, options: _Options, place: tuple[Any, ...]) -> None:
    if _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            raise _Differ(f"The length of the sequences mismatch: {len(actual)} != "
                          f"{len(expected)}", place)
        for i, (a, b) in enumerate(zip(actual, expected)):
            _compare(a, b, options, (*place, i))
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        missing = [key for key in expected if key not in actual]
        added = [key for key in actual if key not in expected]
        if missing or added:
            raise _Differ("The keys of the mappings do not match:\n"
                          f"Missing keys in the actual mapping: {sorted(missing, key=repr)}\n"
                          f"Additional keys in the actual mapping: {sorted(added, key=repr)}",
                          place)
        for key in expected:
            _compare(actual[key], expected[key], options, (*place, key))
    elif actual is None or expected is None:
        if actual is not expected:
            raise _Differ(f"None mismatch: {actual!r} is not {expected!r}", place)
    elif _are(actual, expected, (bool, np.bool_)):
        if bool(actual) != bool(expected):
            raise _Differ(f"Booleans mismatch: {actual} is not {expected}", place)
    elif _are(actual, expected, (int, float, np.number)):
        _compare_numbers(actual, expected, options, place)
    else:
        _compare_tensors(actual, expected, options, place)


def _are(actual: Any, expected: Any, types: tuple[type, ...]) -> bool:
    if isinstance(actual, types) and isinstance(expected, types):
        return types[0] is bool or not isinstance(actual, bool) or not isinstance(expected, bool)
    return False


def _compare_numbers(
    actual: Any, expected: Any, options: _Options, place: tuple[Any, ...]
) -> None:
    a, b = (x.item() if isinstance(x, np.generic) else x for x in (actual, expected))
    kinds = ["float64" if isinstance(x, float) else "int64" for x in (a, b)]
    if options.flags["check_dtype"] and type(a) is not type(b):
        raise _Differ(f"The (d)types do not match: {type(a)} != {type(b)}", place)
    rtol, atol = options.tolerances(*kinds)
    difference = abs(a - b)
    if a == b or difference <= atol + rtol * abs(b) < float("inf"):
        return
    if options.flags["equal_nan"] and a != a and b != b:
        return
    if rtol == atol == 0:
        text = f"Scalars are not equal!\n\nExpected {b} but got {a}."
    else:
        text = f"Scalars are not close!\n\nExpected {b} but got {a}."
    relative = difference / abs(b) if b else float("inf") if difference else 0.0
    text += f"\nAbsolute difference: {difference}{_allowed(atol)}"
    text += f"\nRelative difference: {relative}{_allowed(rtol)}"
    raise _Differ(text, place)


def _allowed(tolerance: float) -> str:
    return f" (up to {tolerance} allowed)" if tolerance else ""


def _compare_tensors(
    actual: Any, expected: Any, options: _Options, place: tuple[Any, ...]
) -> None:
    kinds = type(actual), type(expected)
    related = issubclass(kinds[0], kinds[1]) or issubclass(kinds[1], kinds[0])
    likes = (Tensor, np.ndarray, np.generic, int, float)
    if (not all(isinstance(x, likes) for x in (actual, expected))
            or not (related if options.flags["allow_subclasses"] else kinds[0] is kinds[1])):
        raise _Differ(f"No comparison pair was able to handle inputs of type {kinds[0]} and "
                      f"{kinds[1]}.", place, TypeError)
    a, b = (x if isinstance(x, Tensor) else cgrad.as_tensor(x) for x in (actual, expected))
    checks = [("shape", a.shape, b.shape, True),
              ("dtype", a.dtype, b.dtype, options.flags["check_dtype"]),
              ("stride()", a.stride(), b.stride(), options.flags["check_stride"])]
    for name, mine, theirs, wanted in checks:
        if wanted and mine != theirs:
            raise _Differ(f"The values for attribute '{name}' do not match: {mine} != {theirs}.",
                          place)
    rtol, atol = options.tolerances(_name(a.dtype), _name(b.dtype))
    _compare_values(a.detach().numpy(), b.detach().numpy(), rtol, atol,
                    options.flags["equal_nan"], place)


def _compare_values(
    a: np.ndarray, b: np.ndarray, rtol: float, atol: float, equal_nan: bool,
    place: tuple[Any, ...],
) -> None:
    if a.dtype.kind == b.dtype.kind == "f":
        wide = np.promote_types(a.dtype, b.dtype)
        a, b = a.astype(wide, copy=False), b.astype(wide, copy=False)
    elif a.dtype.kind == "f" or b.dtype.kind == "f" or rtol or atol:
        a, b = a.astype(np.float64), b.astype(np.float64)
    else:
        a, b = a.astype(np.int64), b.astype(np.int64)
    with np.errstate(all="ignore"):
        equal = a == b
        if a.dtype.kind == "f":
            difference = np.abs(a - b)
            limit = atol + rtol * np.abs(b).astype(np.float64)
            equal |= (difference <= limit) & np.isfinite(b)
            if equal_nan:
                equal |= np.isnan(a) & np.isnan(b)
        else:
            difference = np.where(a > b, a - b, b - a).astype(np.uint64)
        if equal.all():
            return
        relative = difference / np.abs(b)
    wrong = ~equal
    count, total = int(wrong.sum()), int(wrong.size)
    kind = "equal" if rtol == atol == 0 else "close"
    what = "Scalars" if a.ndim == 0 else "Tensor-likes"
    text = f"{what} are not {kind}!\n"
    if a.ndim == 0:
        text += f"\nExpected {b.item()} but got {a.item()}."
        text += f"\nAbsolute difference: {difference.item()}{_allowed(atol)}"
        text += f"\nRelative difference: {relative.item()}{_allowed(rtol)}"
        raise _Differ(text, place)
    text += f"\nMismatched elements: {count} / {total} ({count / total:.1%})"
    for name, values, limit in (("absolute", difference, atol), ("relative", relative, rtol)):
        worst = np.argmax(np.where(wrong, np.nan_to_num(values, nan=np.inf), -1.0))
        index = tuple(int(i) for i in np.unravel_index(worst, values.shape))
        text += (f"\nGreatest {name} difference: {values[index].item()} at index {index}"
                 f"{_allowed(limit)}")
    raise _Differ(text, place)
