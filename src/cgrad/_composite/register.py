"""How a composed function becomes public, and checks that many of them need."""
from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from cgrad._engine.face import renaming
from cgrad._engine.strided import store
from cgrad._tensor.tensor import Tensor, attach, attach_inplace

F = TypeVar("F", bound=Callable[..., Any])

PUBLIC: dict[str, Callable[..., Any]] = {}      # name -> function of the package


def public(
    *aliases: str, module: bool = True, method: bool = True, inplace: bool = False,
    renamed: dict[str, str | None] | None = None,
) -> Callable[[F], F]:
    """Enter a function under its own name and `aliases`.

    Args:
        aliases: further names.
        module: as ``cgrad.name``.
        method: as ``Tensor.name``.
        inplace: as ``Tensor.name_``, which writes the result into the first argument.
        renamed: further names of arguments, see :func:`cgrad._engine.face.renaming`.
    """
    def enter(original: F) -> F:
        function = renaming(original, renamed)
        for name in (function.__name__, *aliases):
            if module:
                PUBLIC[name] = function
            if method:
                attach(name, function)
            if inplace:
                attach_inplace(name + "_", function)
        return original
    return enter


def dimension(dim: int, ndim: int, name: str) -> int:
    """`dim` counted from the front, or an IndexError that names the function."""
    n = ndim or 1
    if not -n <= dim < n:
        raise IndexError(f"{name}: Dimension out of range (expected to be in range of "
                         f"[{-n}, {n - 1}], but got {dim})")
    return dim % n


def check_tensor(name: str, input: object) -> None:
    """Raise a TypeError that names the function unless `input` is a Tensor."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' must be Tensor, not {type(input).__name__}")


def check_tensors(name: str, **arguments: object) -> None:
    """Raise a TypeError that names function and argument unless all of these are Tensors."""
    for argument, value in arguments.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}(): argument '{argument}' must be Tensor, not "
                            f"{type(value).__name__}")


def integers(value: object, name: str, argument: str) -> tuple[int, ...]:
    """One int or a sequence of them as a tuple, or a TypeError that names function and argument."""
    if isinstance(value, int):
        return (value,)
    if isinstance(value, Tensor) and not value.ndim:
        return (int(value),)
    if not isinstance(value, Iterable) or isinstance(value, (str, dict)):
        raise TypeError(f"{name}(): argument '{argument}' must be tuple of ints, not "
                        f"{type(value).__name__}")
    found = tuple(value)
    for x in found:
        if isinstance(x, float) or not hasattr(x, "__index__"):
            raise TypeError(f"{name}(): argument '{argument}' must be tuple of ints, but found "
                            f"element of type {type(x).__name__}")
    return tuple(operator.index(x) for x in found)


def stored(result: Tensor, out: Tensor | None, name: str) -> Tensor:
    """The result of the function `name`, written into the tensor `out=` if there is one."""
    return result if out is None else store(out, result, name)


def stored_all(kind: Any, name: str, results: Iterable[Tensor], out: Any) -> Any:
    """A named tuple of results, written into the tensors of `out=` if there are any."""
    if out is not None:
        found = tuple(results)
        if not isinstance(out, (tuple, list)) or len(out) != len(found):
            raise TypeError(f"{name}(): argument 'out' must be a tuple of {len(found)} Tensors")
        results = (stored(y, to, name) for y, to in zip(found, out))
    return kind(*results)
