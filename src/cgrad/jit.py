"""There is no compiler of programs: what asks for one raises and says what to do instead."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

__all__ = [
    "Final", "ScriptModule", "annotate", "export", "freeze", "ignore", "is_scripting", "is_tracing",
    "load", "save", "script", "script_method", "trace", "unused",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])


def _raise(name: str, instead: str) -> NoReturn:
    raise RuntimeError(f"cgrad.jit.{name}: cgrad runs programs as they are and compiles none; "
                       f"{instead}")


def script(obj: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: leave ``script`` out, and functions and modules run as they are."""
    _raise("script", "leave script() or the decorator @script out, or use cgrad.compile, which "
           "returns its function")


def trace(func: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: call the function or module itself."""
    _raise("trace", "call the function or module itself, or use cgrad.compile, which returns its "
           "function")


def script_method(fn: Any) -> NoReturn:
    """Raises RuntimeError: leave the decorator out."""
    _raise("script_method", "leave the decorator @script_method out")


class ScriptModule:
    """Raises RuntimeError when made: use :class:`cgrad.nn.Module`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _raise("ScriptModule", "derive from cgrad.nn.Module")


def annotate(the_type: Any, the_value: Any) -> Any:
    """``the_value`` itself."""
    return the_value


def freeze(mod: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: use ``mod.eval()``."""
    _raise("freeze", "use mod.eval()")


def save(m: Any, f: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: save the ``state_dict()``."""
    _raise("save", "save a model's state_dict() by cgrad.save")


def load(f: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: programs in files are not run."""
    _raise("load", "files that hold programs are not read; load a state_dict by cgrad.load")


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The function itself; a decorator, with or without arguments."""
    return drop if callable(drop) else lambda function: function


def unused(fn: F) -> F:
    """The function itself."""
    return fn


def export(fn: F) -> F:
    """The function itself."""
    return fn


def is_scripting() -> bool:
    """False."""
    return False


def is_tracing() -> bool:
    """False."""
    return False
