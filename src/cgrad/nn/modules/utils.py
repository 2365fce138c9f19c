"""Small helpers of the layers."""
from __future__ import annotations

import collections.abc
from inspect import cleandoc
from itertools import repeat
from typing import Any

__all__ = [
    "_ntuple", "_pair", "_quadruple", "_single", "_triple",
    "consume_prefix_in_state_dict_if_present",
]  # fmt: skip


def _ntuple(n: int, name: str = "parse") -> Any:
    """A function that makes n-tuples: of a number its repetition, of an iterable its entries."""

    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, collections.abc.Iterable) else tuple(repeat(x, n))

    parse.__name__ = name
    return parse


_single = _ntuple(1, "_single")
_pair = _ntuple(2, "_pair")
_triple = _ntuple(3, "_triple")
_quadruple = _ntuple(4, "_quadruple")


_SHAPES = {1: "(N, C, L) or (C, L)", 2: "(N, C, H, W) or (C, H, W)",
           3: "(N, C, D, H, W) or (C, D, H, W)"}  # fmt: skip


def documented(
    base: type, n: int, layer: str, channels: int = 2, size: int = 4, input: str = "{x}",
    shape: str = "",
) -> str:
    """The docstring of `base` with the shape of its input in n dimensions, and an example.

    The example calls `layer`, where {n} stands for n, with zeros {x} of shape (1, 2, 4, ...); the
    result has the shape (1, channels, size, ...).
    """
    x = f"cgrad.zeros(1, 2{', 4' * n})"
    call = f"cgrad.nn.{layer.format(n=n)}({input.format(n=n, x=x)})"
    return f"""{cleandoc(base.__doc__ or "")}

Shape:
    - Input: {shape or _SHAPES[n]}.

Example::

    >>> {call}.shape
    cgrad.Size({[1, channels, *[size] * n]})
"""


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Take ``prefix`` away from the names in a state, in place, where they begin with it.

    A state saved from a wrapped model (``DataParallel``, whose names begin with ``module.``) then
    loads into the model itself.

    Args:
        state_dict: what ``state_dict()`` returned.
        prefix: what to take away, with the dot.

    Example::

        >>> state = {"module.weight": 1, "bias": 2}
        >>> consume_prefix_in_state_dict_if_present(state, "module.")
        >>> sorted(state)
        ['bias', 'weight']
    """
    for key in [key for key in state_dict if key.startswith(prefix)]:
        state_dict[key[len(prefix) :]] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", None)
    if metadata is not None:
        for key in list(metadata):
            if key and (key == prefix.replace(".", "") or key.startswith(prefix)):
                metadata[key[len(prefix) :]] = metadata.pop(key)
