"""Special functions: the names of ``torch.special``.

Each works elementwise on a tensor (or broadcasts several), converts integers to the default
floating point dtype, and is differentiable as often as wanted where it says nothing else.
"""

from __future__ import annotations

import math
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._composite.register import check_tensor
from cgrad._engine.parametric import store
from cgrad._engine.special import functions as _op

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc",
    "gammaincc", "gammaln", "i0", "i0e", "i1", "i1e", "log1p", "log_ndtr", "log_softmax", "logit",
    "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round", "sinc", "softmax",
    "xlog1py", "xlogy", "zeta",
]  # fmt: skip

# Those of the package under their other names.
digamma = psi = cgrad.digamma
erf, erfc, erfinv = cgrad.erf, cgrad.erfc, cgrad.erfinv
exp2, expit, expm1, log1p = cgrad.exp2, cgrad.sigmoid, cgrad.expm1, cgrad.log1p
gammaln, multigammaln = cgrad.lgamma, cgrad.mvlgamma
gammainc, gammaincc = cgrad.igamma, cgrad.igammac
i0, logit, polygamma, sinc = cgrad.i0, cgrad.logit, cgrad.polygamma, cgrad.sinc
round, xlogy = cgrad.round, cgrad.xlogy
logsumexp = cgrad.logsumexp


def softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """exp(x_i) / Σ_j exp(x_j) along ``dim``, computed without overflow.

    Example::

        >>> cgrad.special.softmax(cgrad.zeros(2), dim=0)
        tensor([0.5000, 0.5000])
    """
    return cgrad.softmax(input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """x_i - log Σ_j exp(x_j) along ``dim``, computed without overflow.

    Example::

        >>> cgrad.special.log_softmax(cgrad.zeros(2), dim=0)
        tensor([-0.6931, -0.6931])
    """
    return cgrad.log_softmax(input, dim, dtype=dtype)


def entr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-x log x: the entropy's term; 0 at 0 and -inf for negative x.

    Example::

        >>> cgrad.special.entr(cgrad.tensor([0.0, 0.5, 1.0]))
        tensor([0.0000, 0.3466, -0.0000])
    """
    return _op["entr"](input, out=out)


def erfcx(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """exp(x²) erfc(x), the scaled complementary error function: no underflow for large x.

    Example::

        >>> cgrad.special.erfcx(cgrad.tensor([0.0, 10.0]))
        tensor([1.0000, 0.0561])
    """
    return _op["erfcx"](input, out=out)


def ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Distribution function of the standard normal distribution, erfc(-x / √2) / 2.

    Example::

        >>> cgrad.special.ndtr(cgrad.tensor([-1.96, 0.0, 1.96]))
        tensor([0.0250, 0.5000, 0.9750])
    """
    check_tensor("ndtr", input)
    return store(0.5 * cgrad.erfc(input * -math.sqrt(0.5)), out, "ndtr")


def log_ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of :func:`ndtr`, accurate in both tails.

    Example::

        >>> cgrad.special.log_ndtr(cgrad.tensor([0.0, -30.0]))
        tensor([  -0.6931, -454.3213])
    """
    return _op["log_ndtr"](input, out=out)


def ndtri(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse of :func:`ndtr`: the quantiles of the standard normal distribution.

    Example::

        >>> cgrad.special.ndtri(cgrad.tensor([0.5, 0.975]))
        tensor([0.0000, 1.9600])
    """
    return _op["ndtri"](input, out=out)


def i0e(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """exp(-abs(x)) I₀(x): :func:`i0` scaled, without overflow.

    Example::

        >>> cgrad.special.i0e(cgrad.tensor([0.0, 1.0]))
        tensor([1.0000, 0.4658])
    """
    return _op["i0e"](input, out=out)


def i1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Modified Bessel function of the first kind, order 1.

    Example::

        >>> cgrad.special.i1(cgrad.tensor([0.0, 1.0]))
        tensor([0.0000, 0.5652])
    """
    return _op["i1"](input, out=out)


def i1e(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """exp(-abs(x)) I₁(x): :func:`i1` scaled, without overflow.

    Example::

        >>> cgrad.special.i1e(cgrad.tensor([0.0, 1.0]))
        tensor([0.0000, 0.2079])
    """
    return _op["i1e"](input, out=out)


def xlog1py(
    input: Tensor | float, other: Tensor | float, *, out: Tensor | None = None
) -> Tensor:
    """x log(1 + y); 0 where x is 0, unless y is NaN.

    Example::

        >>> cgrad.special.xlog1py(cgrad.tensor([0.0, 1.0]), cgrad.tensor([-1.0, 1.0]))
        tensor([0.0000, 0.6931])
    """
    return _op["xlog1py"](input, other, out=out)


def zeta(input: Tensor | float, other: Tensor | float, *, out: Tensor | None = None) -> Tensor:
    """Hurwitz's zeta function Σ_k (q + k)^-x over k ≥ 0.

    Args:
        input: the exponent x; NaN below 1. The function is not differentiable with respect to it.
        other: q.

    Example::

        >>> cgrad.special.zeta(cgrad.tensor([2.0]), cgrad.tensor([1.0]))
        tensor([1.6449])
    """
    return _op["zeta"](input, other, out=out)
