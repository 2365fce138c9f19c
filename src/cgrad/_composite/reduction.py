"""Reductions composed of those of the table."""
from __future__ import annotations

from collections import namedtuple

from cgrad._composite.register import public
from cgrad._engine.face import public as _op
from cgrad._tensor.tensor import Tensor

_Extreme = {name: namedtuple(name, ["values", "indices"]) for name in ("max", "min")}


def _extreme(name, input, dim, keepdim):
    if dim is None:
        return _op["a" + name](input)
    if isinstance(dim, Tensor):
        return _op[name + "imum"](input, dim)
    index = _op["arg" + name](input, dim, keepdim=True)
    if input.ndim == 0:
        return _Extreme[name](input.clone(), index)
    values = _op["gather"](input, dim, index)
    if not keepdim:
        values, index = values.squeeze(dim), index.squeeze(dim)
    return _Extreme[name](values, index)


@public()
def max(input, dim=None, keepdim=False):
    """max(input) -> Tensor; max(input, dim, keepdim=False) -> (values, indices); max(input, other)

    Largest element; with `dim` a named tuple of the largest elements along it and their (first)
    positions; with a tensor as second argument :func:`maximum`.  NaN wins.  The gradient goes to
    the chosen position; without `dim` equal elements share it evenly.
    """
    return _extreme("max", input, dim, keepdim)


@public()
def min(input, dim=None, keepdim=False):
    """min(input) -> Tensor; min(input, dim, keepdim=False) -> (values, indices); min(input, other)

    Smallest element, as :func:`max`.
    """
    return _extreme("min", input, dim, keepdim)
