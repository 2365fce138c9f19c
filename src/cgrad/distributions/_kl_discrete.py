"""Divergences of discrete distributions, and of those made of others."""
from __future__ import annotations

import cgrad
from cgrad import Tensor
from cgrad.distributions.bernoulli import Bernoulli
from cgrad.distributions.binomial import Binomial
from cgrad.distributions.categorical import Categorical
from cgrad.distributions.geometric import Geometric
from cgrad.distributions.independent import Independent
from cgrad.distributions.kl import kl_divergence, register_kl
from cgrad.distributions.one_hot_categorical import OneHotCategorical
from cgrad.distributions.poisson import Poisson
from cgrad.distributions.utils import sum_rightmost


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    # log p(1) = -softplus(-logits), log p(0) = -softplus(logits); 0 log 0 = 0.
    softplus = cgrad.nn.functional.softplus
    one = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    zero = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    one = cgrad.where(q.probs == 0, cgrad.inf, one).masked_fill(p.probs == 0, 0)
    zero = cgrad.where(q.probs == 1, cgrad.inf, zero).masked_fill(p.probs == 1, 0)
    return one + zero


@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Tensor:
    terms = p.probs * (p.logits - q.logits)
    terms = cgrad.where(q.probs == 0, cgrad.inf, terms)
    return cgrad.where(p.probs == 0, 0.0, terms).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    return kl_divergence(p._categorical, q._categorical)


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Tensor:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not "
                                  "implemented")
    one = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return cgrad.where(p.total_count > q.total_count, cgrad.inf, p.total_count * one)


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate.xlogy(p.rate / q.rate) - (p.rate - q.rate)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence: Independent with different "
                                  "reinterpreted_batch_ndims")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
