"""The protocol by which other types take over functions, for functions of the program's own.

cgrad's functions do not ask for ``__torch_function__``; a function that calls
:func:`has_torch_function` and :func:`handle_torch_function` itself works as in PyTorch.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cgrad import Tensor

__all__ = ["handle_torch_function", "has_torch_function", "is_tensor_like"]


def is_tensor_like(inp: Any) -> bool:
    """Whether an object is a tensor, or has ``__torch_function__``."""
    return isinstance(inp, Tensor) or hasattr(inp, "__torch_function__")


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether one of the arguments has a type with ``__torch_function__``.

    Example::

        >>> cgrad.overrides.has_torch_function((cgrad.ones(2), 3))
        False
    """
    return any(hasattr(type(arg), "__torch_function__") for arg in relevant_args)


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """Ask the arguments' types, subclasses first and then from the left, for the result.

    Args:
        public_api: the function that was called.
        relevant_args: its arguments that may take over.
        *args, **kwargs: all arguments of the call.

    Raises:
        TypeError: all of them return ``NotImplemented``.
    """
    asked: list[Any] = []
    for arg in relevant_args:
        kind = type(arg)
        if not hasattr(kind, "__torch_function__") or kind in map(type, asked):
            continue
        place = next((i for i, other in enumerate(asked) if issubclass(kind, type(other))),
                     len(asked))
        asked.insert(place, arg)
    types = tuple(map(type, asked))
    for arg in asked:
        result = arg.__torch_function__(public_api, types, args, kwargs)
        if result is not NotImplemented:
            return result
    name = f"{getattr(public_api, '__module__', '')}.{getattr(public_api, '__name__', public_api)}"
    raise TypeError(f"no implementation found for {name!r} on types that implement "
                    f"__torch_function__: {[kind.__name__ for kind in types]}")
