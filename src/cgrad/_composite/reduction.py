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


@public()
def norm(input, p="fro", dim=None, keepdim=False, *, dtype=None):
    """norm(input, p="fro", dim=None, keepdim=False) -> Tensor

    The p-norm (sum |x|^p)^(1/p) over `dim`; "fro" is p = 2; inf and -inf give the largest and the
    smallest magnitude, 0 counts what is not 0.  The gradient of the 2-norm at 0 is 0.
    """
    x = input if dtype is None else input.to(dtype)
    if not x.dtype.is_floating_point:
        raise RuntimeError("norm(): the dtype for the input should be floating point or complex, "
                           f"but got {x.dtype}")
    if p is None or p == "fro" or p == 2:
        square = (x * x).sum(dim, keepdim)
        # sqrt has an infinite slope at 0: there the norm is taken as constant
        positive = square > 0
        return _op["where"](positive, _op["where"](positive, square, 1.0).sqrt(),
                            square.detach().sqrt())
    if isinstance(p, str):
        raise RuntimeError(f"norm: unsupported norm {p!r}")
    x = x.abs()
    if p == float("inf"):
        return x.amax(() if dim is None else dim, keepdim)
    if p == -float("inf"):
        return x.amin(() if dim is None else dim, keepdim)
    if p == 0:
        return _op["where"](x != 0, x * 0 + 1, x).sum(dim, keepdim)     # zero gradient
    if p == 1:
        return x.sum(dim, keepdim)
    return (x ** p).sum(dim, keepdim) ** (1 / p)
