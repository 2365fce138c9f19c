"""Switches of PyTorch's that have one setting here: they accept it, and say which it is.

All of them are names of the package: ``cgrad.use_deterministic_algorithms`` and so on.
"""
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from cgrad._composite.properties import UntypedStorage
from cgrad._composite.register import check_tensor
from cgrad._engine.tracing import anomaly as _anomaly
from cgrad._tensor.size import cpu as _cpu
from cgrad._tensor.size import device as _device
from cgrad._tensor.tensor import Tensor

__all__ = [
    "are_deterministic_algorithms_enabled", "compile", "get_default_device",
    "get_deterministic_debug_mode", "get_float32_matmul_precision", "get_num_interop_threads",
    "is_anomaly_check_nan_enabled", "is_anomaly_enabled",
    "is_deterministic_algorithms_warn_only_enabled", "is_inference", "is_storage",
    "set_default_device", "set_deterministic_debug_mode", "set_float32_matmul_precision",
    "set_flush_denormal", "set_num_interop_threads", "use_deterministic_algorithms",
]  # fmt: skip

_DEBUG_MODES = ("default", "warn", "error")
_PRECISIONS = ("highest", "high", "medium")
_state: dict[str, Any] = {"debug_mode": 0, "precision": "highest", "interop_threads": 1}


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted: every operation gives the same bits each time, whatever is set here.

    Example::

        >>> cgrad.use_deterministic_algorithms(True)
        >>> cgrad.are_deterministic_algorithms_enabled()
        True
        >>> cgrad.use_deterministic_algorithms(False)
    """
    if not isinstance(mode, bool):
        raise TypeError("use_deterministic_algorithms(): argument 'mode' must be bool, not "
                        f"{type(mode).__name__}")
    _state["debug_mode"] = (1 if warn_only else 2) if mode else 0


def are_deterministic_algorithms_enabled() -> bool:
    """What :func:`use_deterministic_algorithms` was given last.

    Example::

        >>> cgrad.are_deterministic_algorithms_enabled()
        False
    """
    return bool(_state["debug_mode"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether :func:`use_deterministic_algorithms` was called with `warn_only`.

    Example::

        >>> cgrad.is_deterministic_algorithms_warn_only_enabled()
        False
    """
    return bool(_state["debug_mode"] == 1)


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Another form of :func:`use_deterministic_algorithms`: "default", "warn" or "error".

    Example::

        >>> cgrad.set_deterministic_debug_mode("default")
    """
    known: tuple[Any, ...] = _DEBUG_MODES if isinstance(debug_mode, str) else (0, 1, 2)
    if debug_mode not in known:
        expected = "`default`, `warn`, `error`" if known is _DEBUG_MODES else "0, 1, or 2"
        raise RuntimeError("set_deterministic_debug_mode(): invalid value of debug_mode, expected "
                           f"one of {expected}, but got {debug_mode}")
    _state["debug_mode"] = known.index(debug_mode)


def get_deterministic_debug_mode() -> int:
    """0 for "default", 1 for "warn", 2 for "error".

    Example::

        >>> cgrad.get_deterministic_debug_mode()
        0
    """
    return int(_state["debug_mode"])


def set_default_device(device: Any) -> None:
    """Accepts the CPU, which is the only device.

    Raises:
        RuntimeError: another device.

    Example::

        >>> cgrad.set_default_device("cpu")
    """
    if device is not None and str(device).partition(":")[0] != "cpu":
        raise RuntimeError(f"set_default_device(): device {str(device)!r}: cgrad computes on the "
                           "CPU only; use 'cpu' (cgrad.cuda.is_available() is False)")


def get_default_device() -> _device:
    """The CPU.

    Example::

        >>> cgrad.get_default_device()
        device(type='cpu')
    """
    return _cpu


def set_float32_matmul_precision(precision: str) -> None:
    """Accepts "highest", "high" and "medium"; products of float32 always have all its bits.

    Example::

        >>> cgrad.set_float32_matmul_precision("highest")
    """
    if precision not in _PRECISIONS:
        warnings.warn(f"{precision} is not one of 'highest', 'high', or 'medium'; the current "
                      "set_float32_matmul_precision call has no effect.", stacklevel=2)
        return
    _state["precision"] = precision


def get_float32_matmul_precision() -> str:
    """What :func:`set_float32_matmul_precision` was given last; "highest" at first.

    Example::

        >>> cgrad.get_float32_matmul_precision()
        'highest'
    """
    return str(_state["precision"])


def set_flush_denormal(mode: bool) -> bool:
    """False: subnormal numbers are never flushed to zero.

    Example::

        >>> cgrad.set_flush_denormal(False)
        False
    """
    if not isinstance(mode, bool):
        raise RuntimeError(f"flush_denormal expects a bool, but got {type(mode).__name__}")
    return False


def set_num_interop_threads(n: int) -> None:
    """Accepted: operations run one after the other; see ``cgrad.set_num_threads`` for inside.

    Example::

        >>> cgrad.set_num_interop_threads(cgrad.get_num_interop_threads())
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise RuntimeError(f"set_num_interop_threads expects an int, but got {type(n).__name__}")
    if n <= 0:
        raise RuntimeError("set_num_interop_threads expects a positive integer")
    _state["interop_threads"] = n


def get_num_interop_threads() -> int:
    """What :func:`set_num_interop_threads` was given last; 1 at first.

    Example::

        >>> cgrad.get_num_interop_threads()
        1
    """
    return int(_state["interop_threads"])


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on; see ``cgrad.autograd.detect_anomaly``.

    Example::

        >>> cgrad.is_anomaly_enabled()
        False
    """
    return bool(_anomaly()[0])


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode looks for NaN.

    Example::

        >>> cgrad.is_anomaly_check_nan_enabled()
        True
    """
    return bool(_anomaly()[1])


def is_inference(input: Tensor) -> bool:
    """Whether a tensor was made in inference mode.

    Example::

        >>> with cgrad.inference_mode():
        ...     x = cgrad.ones(2)
        >>> cgrad.is_inference(x)
        True
    """
    check_tensor("is_inference", input)
    return input.is_inference()


def is_storage(obj: Any) -> bool:
    """Whether an object is the memory of a tensor, as ``Tensor.untyped_storage()`` gives it.

    Example::

        >>> cgrad.is_storage(cgrad.zeros(2))
        False
    """
    return isinstance(obj, UntypedStorage)


def _assert(condition: bool, message: str) -> None:
    # As in PyTorch, whose tracers understand it; programs import it.
    assert condition, message


def compile(
    model: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
    **kwargs: Any,
) -> Any:
    """The function or module itself: nothing is compiled, and results are the same.

    Also a decorator, with or without arguments, all of which are accepted.

    Example::

        >>> @cgrad.compile
        ... def double(x):
        ...     return 2 * x
        >>> double(cgrad.ones(2))
        tensor([2., 2.])
    """
    return model if model is not None else lambda function: function
