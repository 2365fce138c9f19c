"""Control flow as functions, and one operation on each of many tensors."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cgrad
from cgrad import Tensor

__all__ = ["cond", "foreach", "while_loop"]


def cond(
    pred: Any,
    true_fn: Callable[..., Any],
    false_fn: Callable[..., Any],
    operands: Sequence[Any] = (),
) -> Any:
    """``true_fn(*operands)`` where ``pred`` holds, else ``false_fn(*operands)``.

    Args:
        pred: a bool, or a tensor of one element.
        true_fn, false_fn: functions of the operands.
        operands: what they are called with. Default: nothing

    Raises:
        RuntimeError: ``pred`` has several elements, or is no bool.

    Example::

        >>> x = cgrad.tensor(2.0)
        >>> cgrad.cond(x > 1, lambda x: x.log(), lambda x: -x, (x,))
        tensor(0.6931)
    """
    return (true_fn if _truth(pred, "cond") else false_fn)(*operands)


def while_loop(
    cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Sequence[Any]
) -> tuple[Any, ...]:
    """Call ``body_fn`` on its own results as long as ``cond_fn`` of them holds.

    Args:
        cond_fn: takes the values, gives a bool or a tensor of one element.
        body_fn: takes the values, gives as many new ones.
        carried_inputs: the values at first.

    Raises:
        RuntimeError: ``body_fn`` returns another number of values.

    Example::

        >>> cgrad.while_loop(lambda n, s: n > 0, lambda n, s: (n - 1, s + n), (3, 0))
        (0, 6)
    """
    values = tuple(carried_inputs)
    while _truth(cond_fn(*values), "while_loop"):
        result = body_fn(*values)
        result = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        if len(result) != len(values):
            raise RuntimeError(f"while_loop: body_fn returned {len(result)} values for "
                               f"{len(values)} carried inputs")
        values = result
    return values


def _truth(value: Any, name: str) -> bool:
    if isinstance(value, Tensor) and value.numel() != 1:
        raise RuntimeError(f"{name}: the condition must have one element, but has shape "
                           f"{tuple(value.shape)}")
    if not isinstance(value, (bool, Tensor)):
        raise RuntimeError(f"{name}: the condition must be a bool or a tensor, not "
                           f"{type(value).__name__}")
    return bool(value)


def foreach(name: str) -> Callable[..., Any]:
    """The function ``cgrad._foreach_…``: a method of Tensor on each tensor of a list.

    Further arguments that are lists or tuples are taken apart, one member for each tensor. Forms
    that end in an underscore work in place and return None. They are loops: nothing is fused.

    Raises:
        AttributeError: there is no such method.

    Example::

        >>> cgrad._foreach_mul([cgrad.ones(2), cgrad.ones(1)], [2.0, 3.0])
        [tensor([2., 2.]), tensor([3.])]
    """
    method = name.removeprefix("_foreach_")
    if method == "norm":
        call: Any = cgrad.linalg.vector_norm
    else:
        call = getattr(Tensor, method, None)
    if not callable(call) or method.startswith("_"):
        raise AttributeError(f"module 'cgrad' has no attribute {name!r}")
    inplace = method.endswith("_")
    scaled = method.rstrip("_") in ("addcmul", "addcdiv")

    def each(self: Sequence[Tensor], *args: Any, **kwargs: Any) -> list[Any] | None:
        n = len(self)

        def take(value: Any, i: int) -> Any:
            if not isinstance(value, (list, tuple)):
                return value
            if len(value) != n:
                raise RuntimeError(f"{name}: lists of {n} and {len(value)} members")
            return value[i]

        results = []
        for i, tensor in enumerate(self):
            own = [take(value, i) for value in args]
            named = {key: take(value, i) for key, value in kwargs.items()}
            if scaled and len(own) == 3:
                named["value"] = own.pop()
            results.append(call(tensor, *own, **named))
        return None if inplace else results

    each.__name__ = each.__qualname__ = name
    return each
