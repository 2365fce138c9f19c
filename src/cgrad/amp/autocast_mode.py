"""autocast, which changes nothing: operations compute in the types of their arguments."""
from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from cgrad._engine.handle import dtype as _dtype

__all__ = [
    "autocast", "custom_bwd", "custom_fwd", "is_autocast_available", "is_autocast_cache_enabled",
    "is_autocast_enabled",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])

_DEVICES = ("cpu", "cuda", "hip", "hpu", "ipu", "meta", "mps", "mtia", "privateuseone", "xla",
            "xpu")


class autocast:
    """A block, or a decorated function, that PyTorch would compute in half precision.

    Here it computes as without it, in float32, whatever type is asked for: programs run unchanged,
    with more exact results.

    Args:
        device_type: "cpu", "cuda" or another kind of device; all mean the same.
        dtype: any floating-point type; accepted. Default: none
        enabled, cache_enabled: accepted.

    Raises:
        ValueError: ``device_type`` is not a string.
        RuntimeError: it is no kind of device, or ``dtype`` is no floating-point type.

    Example::

        >>> with cgrad.autocast("cpu"):
        ...     (cgrad.ones(2, 2) @ cgrad.ones(2, 2)).dtype
        cgrad.float32
    """

    def __init__(
        self,
        device_type: str,
        dtype: _dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError("autocast: expected `device_type` of type `str`, got: "
                             f"`{type(device_type)}`")
        if device_type.partition(":")[0] not in _DEVICES:
            raise RuntimeError(f"autocast: expected one of {', '.join(_DEVICES)} device type, got "
                               f"{device_type!r}")
        if dtype is not None and not (isinstance(dtype, _dtype) and dtype.is_floating_point):
            raise RuntimeError(f"autocast: dtype must be a floating-point type, got {dtype!r}")
        self.device = device_type
        self.fast_dtype = dtype
        self._enabled = False
        self._cache_enabled = bool(cache_enabled)

    def __enter__(self) -> autocast:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def __call__(self, function: F) -> F:
        return function


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """False.

    Example::

        >>> cgrad.is_autocast_enabled("cpu")
        False
    """
    return False


def is_autocast_cache_enabled() -> bool:
    """False.

    Example::

        >>> cgrad.is_autocast_cache_enabled()
        False
    """
    return False


def is_autocast_available(device_type: str) -> bool:
    """False.

    Example::

        >>> cgrad.is_autocast_available("cpu")
        False
    """
    return False


def custom_fwd(
    fwd: F | None = None, *, device_type: str = "cuda", cast_inputs: _dtype | None = None
) -> Any:
    """The ``forward`` of a custom function, as it is; a decorator, with or without arguments.

    Args:
        fwd: the function.
        device_type, cast_inputs: accepted; inputs are cast in an autocast block, and there is none
            that is enabled.
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    return fwd


def custom_bwd(bwd: F | None = None, *, device_type: str = "cuda") -> Any:
    """The ``backward`` of a custom function, as it is; a decorator, with or without arguments."""
    return functools.partial(custom_bwd, device_type=device_type) if bwd is None else bwd
