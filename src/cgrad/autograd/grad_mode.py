"""Whether operations are recorded: `no_grad`, `enable_grad`, `set_grad_enabled`, `inference_mode`.

The flags belong to the thread and live in the engine, where recording an operation reads them
without Python. Each class here is a context manager and a decorator. One object may be entered
again while it is active, so the flags to restore are kept on a stack and never in one slot.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar, overload

from cgrad._engine import table as _table
from cgrad._engine.mode import Mode, new_enable_grad, new_no_grad, quick, switches

__all__ = [
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
]

F = TypeVar("F", bound=Callable[..., Any])


def is_grad_enabled() -> bool:
    """``True`` if operations of this thread are being recorded for differentiation.

    Example::

        >>> with cgrad.no_grad():
        ...     cgrad.is_grad_enabled()
        False
    """
    return bool(_table.grad_mode())


def is_inference_mode_enabled() -> bool:
    """``True`` inside `inference_mode` (in this thread).

    Example::

        >>> with cgrad.inference_mode():
        ...     cgrad.is_inference_mode_enabled()
        True
    """
    return bool(_table.inference_mode_flag())


class _Mode(Mode):
    """A context manager over the thread's two flags that also decorates functions."""

    __slots__ = ()

    def clone(self) -> _Mode:
        """A fresh object with the same setting: each call of a decorated function has its own."""
        return type(self)()

    def __call__(self, function: F) -> F:
        return _decorate(self, function)

    def __reduce__(self) -> tuple:
        return _copy, (type(self), self.recording, self.inference, getattr(self, "__dict__", {}))


def _copy(cls: type[_Mode], recording: int, inference: int, attributes: dict[str, Any]) -> _Mode:
    mode = cls.__new__(cls)
    mode.recording, mode.inference = recording, inference
    for name, value in attributes.items():
        setattr(mode, name, value)
    return mode


def _decorate(mode: _Mode, function: F) -> F:
    if inspect.isclass(function):
        raise TypeError(
            f"{type(mode).__name__} cannot decorate the class {function.__name__}: it would be "
            "unclear which methods are meant; decorate the methods"
        )
    if inspect.isgeneratorfunction(function):
        return _decorate_generator(mode, function)

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with mode.clone():
            return function(*args, **kwargs)

    return run  # type: ignore[return-value]


def _decorate_generator(mode: _Mode, function: F) -> F:
    # The mode holds while the generator's own body runs, and not while it is suspended: then
    # its caller runs, whose mode is its own.
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        body = function(*args, **kwargs)
        try:
            with mode.clone():
                item = next(body)
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    with mode.clone():
                        body.close()
                    raise
                except BaseException as error:
                    with mode.clone():
                        item = body.throw(error)
                else:
                    with mode.clone():
                        item = body.send(sent)
        except StopIteration as stop:
            return stop.value

    return run  # type: ignore[return-value]


class no_grad(_Mode):
    """Context manager and decorator: operations inside are not recorded.

    Results have ``requires_grad=False`` even where inputs require gradients, and no graph keeps
    memory. Functions that create tensors still obey their own ``requires_grad`` argument. Only
    the current thread is affected. Decorates functions, methods and generator functions, with
    or without parentheses.

    Example::

        >>> x = cgrad.tensor([1.0], requires_grad=True)
        >>> with cgrad.no_grad():
        ...     y = x * 2
        >>> y.requires_grad
        False
        >>> @cgrad.no_grad()
        ... def double(x):
        ...     return x * 2
        >>> double(x).requires_grad
        False
    """

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
        @overload
        def __new__(cls, function: None = None) -> no_grad: ...

        def __new__(cls, function: Any = None) -> Any: ...

    else:
        __new__ = staticmethod(new_no_grad)


quick(no_grad, False)


class enable_grad(_Mode):
    """Context manager and decorator: operations inside are recorded.

    Undoes `no_grad` or `set_grad_enabled` for a while; inside `inference_mode` it has no effect
    on tensors made there. Only the current thread is affected.

    Example::

        >>> x = cgrad.tensor([1.0], requires_grad=True)
        >>> with cgrad.no_grad():
        ...     with cgrad.enable_grad():
        ...         y = x * 2
        >>> y.requires_grad
        True
    """

    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
        @overload
        def __new__(cls, function: None = None) -> enable_grad: ...

        def __new__(cls, function: Any = None) -> Any: ...

    else:
        __new__ = staticmethod(new_enable_grad)


quick(enable_grad, True)


class set_grad_enabled(_Mode):
    """Switch recording on or off, as a statement, a context manager or a decorator.

    Takes effect when called; used with ``with``, the former mode comes back at the end. Only the
    current thread is affected.

    Args:
        mode: record operations (``True``) or not (``False``).

    Example::

        >>> x = cgrad.tensor([1.0], requires_grad=True)
        >>> with cgrad.set_grad_enabled(False):
        ...     y = x * 2
        >>> y.requires_grad
        False
        >>> _ = cgrad.set_grad_enabled(True)
        >>> (x * 2).requires_grad
        True
    """

    def __init__(self, mode: bool) -> None:
        self.mode = bool(mode)
        self.recording = 1 + self.mode
        # Set at once, for use as a statement. What the first `with` restores, and what a
        # decorator puts back, is the mode before this call.
        self._first: int | None = switches()
        self._apply()

    def clone(self) -> set_grad_enabled:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        super().__enter__()
        if self._first is not None:
            self.before, self._first = self._first, None

    def __call__(self, function: F) -> F:
        if self._first is not None:
            _table.set_grad_mode(bool(self._first & 1))
            self._first = None
        return super().__call__(function)

    def __repr__(self) -> str:
        return f"set_grad_enabled(mode={self.mode})"


class inference_mode(_Mode):
    """Context manager and decorator for code whose results will never be differentiated.

    As `no_grad`, and in addition tensors made inside are marked: `Tensor.is_inference` is
    ``True`` for them, and an operation recorded later that would have to save one of them raises
    `RuntimeError` (clone it outside first). ``inference_mode(False)`` restores recording inside
    an outer `inference_mode`. Only the current thread is affected.

    Args:
        mode: enter (``True``, default) or leave (``False``) inference mode; or a function to
            decorate, when used without parentheses.

    Example::

        >>> x = cgrad.ones(3, requires_grad=True)
        >>> with cgrad.inference_mode():
        ...     y = x * x
        >>> y.requires_grad
        False
        >>> @cgrad.inference_mode()
        ... def predict(x):
        ...     return x * 2
        >>> predict(x).requires_grad
        False
    """

    def __new__(cls, mode: Any = True) -> Any:
        if isinstance(mode, bool):
            return super().__new__(cls)
        return cls()(mode)

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode
        self.recording, self.inference = 2 - bool(mode), 1 + bool(mode)

    def clone(self) -> inference_mode:
        return type(self)(self.mode)

    def __repr__(self) -> str:
        return f"inference_mode(mode={self.mode})"
