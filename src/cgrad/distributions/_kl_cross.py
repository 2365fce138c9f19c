"""Divergences of distributions of different families.

All are -H(p) - E log q with x from p; the expectation needs few properties of p: its mean and
variance, E log x, E e^(-t x).  It is infinite where p gives weight to what q excludes.
"""
from __future__ import annotations

import math
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.distributions.bernoulli import Bernoulli
from cgrad.distributions.beta import Beta
from cgrad.distributions.binomial import Binomial
from cgrad.distributions.continuous_bernoulli import ContinuousBernoulli
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.exponential import Exponential
from cgrad.distributions.gamma import Gamma
from cgrad.distributions.gumbel import Gumbel
from cgrad.distributions.kl import register_kl
from cgrad.distributions.laplace import Laplace
from cgrad.distributions.normal import Normal
from cgrad.distributions.pareto import Pareto
from cgrad.distributions.poisson import Poisson
from cgrad.distributions.uniform import Uniform
from cgrad.distributions.utils import EULER, HALF_LOG_2PI


def _outside(p: Distribution, low: Any, high: Any = None) -> Tensor | None:
    # Where a uniform p reaches beyond the support of q.
    if not isinstance(p, Uniform):
        return None
    outside = p.low < low
    return outside if high is None else outside | (p.high > high)


def _divergence(p: Distribution, expected: Tensor, outside: Tensor | None = None) -> Tensor:
    result = -p.entropy() - expected
    return result if outside is None else cgrad.where(outside, cgrad.inf, result)


# ---------------------------------------------------------------------------------------------
# Expectations under p

def _x_log_x(x: Tensor) -> Tensor:
    return x.xlogy(x)


def _mean_log(p: Any) -> Tensor:
    """E log x"""
    if isinstance(p, Beta):
        return p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    if isinstance(p, Exponential):
        return -p.rate.log() - EULER
    if isinstance(p, Pareto):
        return p.scale.log() + p.alpha.reciprocal()
    return (_x_log_x(p.high) - _x_log_x(p.low)) / (p.high - p.low) - 1


def _laplace_transform(p: Any, t: Tensor) -> Tensor:
    """E e^(-t x)"""
    if isinstance(p, Exponential):
        return p.rate / (p.rate + t)
    if isinstance(p, Gamma):
        return (-p.concentration * (t / p.rate).log1p()).exp()
    if isinstance(p, Normal):
        return (-t * p.loc + 0.5 * (t * p.scale).square()).exp()
    return ((-t * p.low).exp() - (-t * p.high).exp()) / (t * (p.high - p.low))


# ---------------------------------------------------------------------------------------------
# Finite ones, by q

def _to_normal(p: Any, q: Normal) -> Tensor:
    distance = (p.variance + (p.mean - q.loc).square()) / q.scale.square()
    return _divergence(p, -0.5 * distance - q.scale.log() - HALF_LOG_2PI)


def _to_exponential(p: Any, q: Exponential) -> Tensor:
    return _divergence(p, q.rate.log() - q.rate * p.mean, _outside(p, 0))


def _to_gamma(p: Any, q: Gamma) -> Tensor:
    a = q.concentration
    expected = a * q.rate.log() + (a - 1) * _mean_log(p) - q.rate * p.mean - a.lgamma()
    return _divergence(p, expected, _outside(p, 0))


def _to_gumbel(p: Any, q: Gumbel) -> Tensor:
    t = q.scale.reciprocal()
    rest = (t * q.loc).exp() * _laplace_transform(p, t)
    return _divergence(p, t * (q.loc - p.mean) - rest - q.scale.log())


def _to_continuous_bernoulli(p: Any, q: ContinuousBernoulli) -> Tensor:
    expected = p.mean * q.logits + (-q.probs).log1p() + q._cont_bern_log_norm()
    return _divergence(p, expected, _outside(p, 0, 1))


def _to_uniform(p: Any, q: Uniform) -> Tensor:
    # p on [0, 1]
    return _divergence(p, -(q.high - q.low).log(), (q.low > 0) | (q.high < 1))


def _enter(rule: Any, q: type, *ps: type) -> None:
    for p in ps:
        register_kl(p, q)(rule)


_enter(_to_normal, Normal, Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto,
       Uniform)
_enter(_to_exponential, Exponential, Beta, ContinuousBernoulli, Gamma, Pareto, Uniform)
_enter(_to_gamma, Gamma, Beta, Exponential, Pareto, Uniform)
_enter(_to_gumbel, Gumbel, Exponential, Gamma, Normal, Uniform)
_enter(_to_continuous_bernoulli, ContinuousBernoulli, Beta, Uniform)
_enter(_to_uniform, Uniform, Beta, ContinuousBernoulli)


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    # E abs(x - loc): the mean of a folded normal number
    shift = p.loc - q.loc
    z = shift / p.scale
    distance = (p.scale * math.sqrt(2 / math.pi) * (-0.5 * z.square()).exp()
                + shift * (z * math.sqrt(0.5)).erf())
    return _divergence(p, -(2 * q.scale).log() - distance / q.scale)


@register_kl(Uniform, Beta)
def _uniform_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    low, high = 1 - p.low, 1 - p.high
    mean_log_rest = (_x_log_x(low) - _x_log_x(high)) / (p.high - p.low) - 1
    constant = (a + b).lgamma() - a.lgamma() - b.lgamma()
    expected = (a - 1) * _mean_log(p) + (b - 1) * mean_log_rest + constant
    return _divergence(p, expected, _outside(p, 0, 1))


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Uniform, q: Pareto) -> Tensor:
    expected = q.alpha.log() + q.alpha * q.scale.log() - (q.alpha + 1) * _mean_log(p)
    return _divergence(p, expected, _outside(p, q.scale))


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return _divergence(p, p.probs.xlogy(q.rate) - q.rate)


# ---------------------------------------------------------------------------------------------
# Infinite ones

def _infinite(p: Distribution, q: Distribution) -> Tensor:
    dtype = p.mean.dtype
    shape = cgrad.broadcast_shapes(p.batch_shape, q.batch_shape)
    return cgrad.full(shape, cgrad.inf, dtype=dtype)


_enter(_infinite, Beta, Exponential, Gamma, Gumbel, Laplace, Normal, Pareto)
_enter(_infinite, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Normal, Pareto)
_enter(_infinite, Uniform, Exponential, Gamma, Gumbel, Laplace, Normal, Pareto)
_enter(_infinite, Pareto, Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Normal)
_enter(_infinite, Exponential, Gumbel, Laplace, Normal)
_enter(_infinite, Gamma, Gumbel, Laplace, Normal)
_enter(_infinite, Bernoulli, Poisson)
_enter(_infinite, Binomial, Poisson)
