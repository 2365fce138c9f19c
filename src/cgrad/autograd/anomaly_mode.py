"""Finding where the first NaN comes from."""

from __future__ import annotations

import warnings
from typing import Any

from cgrad._engine import tracing as _tracing

__all__ = ["detect_anomaly", "set_detect_anomaly"]


class set_detect_anomaly:
    """Switch anomaly mode on or off, for good or as a context manager.

    While it is on each recorded operation remembers the line that called it, and ``backward``
    raises RuntimeError at the first NaN: it names the operation and the line of the program,
    whether NaN came up in the forward pass or in the derivative. It costs time and memory.

    Args:
        mode: on or off.
        check_nan: look for NaN; without it only errors inside ``backward`` name their line.

    Example::

        >>> with cgrad.autograd.set_detect_anomaly(True):
        ...     cgrad.is_anomaly_enabled()
        True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = _tracing.anomaly()
        _tracing.set_anomaly(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: Any) -> None:
        _tracing.set_anomaly(*self._before)


class detect_anomaly:
    """Context manager of anomaly mode; see :class:`set_detect_anomaly`.

    Example::

        >>> x = cgrad.tensor([-1.0], requires_grad=True)
        >>> with cgrad.autograd.set_detect_anomaly(True):
        ...     x.sqrt().sum().backward()
        Traceback (most recent call last):
        RuntimeError: Function 'SqrtBackward0' returned nan values...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan
        self._before = _tracing.anomaly()
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.", stacklevel=2)

    def __enter__(self) -> None:
        self._before = _tracing.anomaly()
        _tracing.set_anomaly(True, self._check_nan)

    def __exit__(self, *exc: Any) -> None:
        _tracing.set_anomaly(*self._before)
