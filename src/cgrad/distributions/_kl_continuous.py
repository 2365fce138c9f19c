"""Divergences of continuous distributions of one family."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.distributions._matrix import log_diagonal, mahalanobis, trace_of_product
from cgrad.distributions.beta import Beta
from cgrad.distributions.cauchy import Cauchy
from cgrad.distributions.continuous_bernoulli import ContinuousBernoulli
from cgrad.distributions.dirichlet import Dirichlet
from cgrad.distributions.exp_family import ExponentialFamily
from cgrad.distributions.exponential import Exponential
from cgrad.distributions.gamma import Gamma
from cgrad.distributions.gumbel import Gumbel
from cgrad.distributions.half_normal import HalfNormal
from cgrad.distributions.kl import kl_divergence, register_kl
from cgrad.distributions.laplace import Laplace
from cgrad.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from cgrad.distributions.multivariate_normal import MultivariateNormal
from cgrad.distributions.normal import Normal
from cgrad.distributions.pareto import Pareto
from cgrad.distributions.transformed_distribution import TransformedDistribution
from cgrad.distributions.uniform import Uniform
from cgrad.distributions.utils import EULER


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale).square()
    shift = ((p.loc - q.loc) / q.scale).square()
    return 0.5 * (ratio + shift - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: HalfNormal, q: HalfNormal) -> Tensor:
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Tensor:
    ratio = p.scale / q.scale
    distance = (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * (-distance / p.scale).exp() - 1


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    # Chyzak and Nielsen (2019)
    square = (p.scale + q.scale).square() + (p.loc - q.loc).square()
    return square.log() - (4 * p.scale * q.scale).log()


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - 1 - ratio.log()


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    return (b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma() + (a - b) * a.digamma()
            + (q.rate - p.rate) * (a / p.rate))


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Tensor:
    return kl_divergence(p._dirichlet, q._dirichlet)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    constants = total.lgamma() - b.sum(-1).lgamma() + (b.lgamma() - a.lgamma()).sum(-1)
    return constants + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: ContinuousBernoulli, q: ContinuousBernoulli) -> Tensor:
    return (p.mean * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
            + p._cont_bern_log_norm() - q._cont_bern_log_norm())


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Gumbel, q: Gumbel) -> Tensor:
    ratio, shift = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return (-ratio.log() + shift + ratio * EULER + ((1 + ratio).lgamma() - shift).exp()
            - (1 + EULER))


@register_kl(Pareto, Pareto)
def _pareto(p: Pareto, q: Pareto) -> Tensor:
    ratio = q.alpha / p.alpha
    result = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return cgrad.where(p.scale < q.scale, cgrad.inf, result)


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Tensor:
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return cgrad.where((q.low > p.low) | (q.high < p.high), cgrad.inf, result)


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: ExponentialFamily, q: ExponentialFamily) -> Tensor:
    # The Bregman divergence of the log normalizer.
    if type(p) is not type(q):
        raise NotImplementedError(
            f"The cross KL-divergence between different exponential families "
            f"({type(p).__name__}, {type(q).__name__}) cannot be computed using Bregman "
            "divergences")
    normalizer, terms = p._normalizer_and_slopes()
    theirs = q._natural_params
    result = q._log_normalizer(*theirs) - normalizer
    for (param, slope), other in zip(terms, theirs):
        product = (other - param) * slope
        result = result - product.reshape(result.shape + (-1,)).sum(-1)
    return result


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    # A bijection changes nothing.
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("kl_divergence: TransformedDistribution with different "
                                  "transforms or event shapes")
    return kl_divergence(p.base_dist, q.base_dist)


# ---------------------------------------------------------------------------------------------
# Normal vectors: (log det Σq - log det Σp + tr Σq⁻¹Σp + distance² - D) / 2

def _normal_vectors(p: Any, q: Any, parts: Callable[[Any, Any], Tensor]) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ValueError("KL-divergence between two normal distributions with different event "
                         f"shapes cannot be computed: {p.event_shape} and {q.event_shape}")
    return 0.5 * (parts(p, q) - p.event_shape[0])


def _log_det(d: Any) -> Tensor:
    if isinstance(d, LowRankMultivariateNormal):
        return d._log_det()
    return 2 * log_diagonal(d._unbroadcasted_scale_tril)


def _root(d: Any) -> Tensor:
    # A matrix R with Σ = R Rᵀ
    if isinstance(d, LowRankMultivariateNormal):
        diag = d._unbroadcasted_cov_diag.sqrt().diag_embed()
        factor = d._unbroadcasted_cov_factor
        batch = cgrad.broadcast_shapes(diag.shape[:-2], factor.shape[:-2])
        return cgrad.cat([factor.expand((*batch, -1, -1)), diag.expand((*batch, -1, -1))], -1)
    return d._unbroadcasted_scale_tril


def _against_full(p: Any, q: MultivariateNormal) -> Tensor:
    tril = q._unbroadcasted_scale_tril
    solved = cgrad.linalg.solve_triangular(tril, _root(p), upper=False)
    return (_log_det(q) - _log_det(p) + trace_of_product(solved)
            + mahalanobis(tril, q.loc - p.loc))


def _against_low_rank(p: Any, q: LowRankMultivariateNormal) -> Tensor:
    root, diag = _root(p), q._unbroadcasted_cov_diag.unsqueeze(-1)
    inner = (q._unbroadcasted_cov_factor / diag).mT @ root
    solved = cgrad.linalg.solve_triangular(q._capacitance_tril, inner, upper=False)
    trace = (root.square() / diag).sum((-2, -1)) - trace_of_product(solved)
    return _log_det(q) - _log_det(p) + trace + q._distance(q.loc - p.loc)


@register_kl(MultivariateNormal, MultivariateNormal)
def _full_full(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    return _normal_vectors(p, q, _against_full)


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _low_full(p: LowRankMultivariateNormal, q: MultivariateNormal) -> Tensor:
    return _normal_vectors(p, q, _against_full)


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _full_low(p: MultivariateNormal, q: LowRankMultivariateNormal) -> Tensor:
    return _normal_vectors(p, q, _against_low_rank)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _low_low(p: LowRankMultivariateNormal, q: LowRankMultivariateNormal) -> Tensor:
    return _normal_vectors(p, q, _against_low_rank)


