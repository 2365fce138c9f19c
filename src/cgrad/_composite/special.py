"""Special functions composed of those of the table."""
from __future__ import annotations

import math

from cgrad._composite.register import check_tensor, public
from cgrad._engine.face import public as _op
from cgrad._engine.parametric import store
from cgrad._tensor.tensor import Tensor, attach_inplace


@public(inplace=True)
def mvlgamma(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """mvlgamma(input, p) -> Tensor

    Logarithm of the multivariate gamma function of dimension p,
    p (p - 1) / 4 log(pi) + sum over j < p of log Gamma(x - j / 2).
    Raises RuntimeError for p < 1.

    Example::

        >>> cgrad.mvlgamma(cgrad.tensor([2.0, 3.0]), 1)
        tensor([0.0000, 0.6931])
    """
    check_tensor("mvlgamma", input)
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, but got {p}")
    y = _op["lgamma"](input)
    for j in range(1, p):
        y = y + _op["lgamma"](input - j / 2)
    return store(y + p * (p - 1) / 4 * math.log(math.pi), out, "mvlgamma")


attach_inplace("logit_", _op["logit"])
attach_inplace("polygamma_", Tensor.polygamma)
