"""PyTorch's compiler, which does nothing here: functions are returned as they are."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cgrad.settings import compile

__all__ = ["compile", "disable", "is_compiling", "is_dynamo_compiling", "reset"]


def disable(fn: Callable[..., Any] | None = None, recursive: bool = True, *,
            reason: str | None = None) -> Any:
    """The function itself; a decorator, with or without arguments."""
    return fn if fn is not None else lambda function: function


def is_compiling() -> bool:
    """False."""
    return False


def is_dynamo_compiling() -> bool:
    """False."""
    return False


def reset() -> None:
    """Nothing is kept that could be reset."""
