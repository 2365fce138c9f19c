"""Probability distributions: PyTorch's ``torch.distributions``, loaded when first used.

A file for each distribution.  Samples come from cgrad's generator (:func:`cgrad.manual_seed`);
``rsample`` is differentiable with respect to the parameters.
"""
from cgrad.distributions import (  # noqa: F401
    _kl_continuous,
    _kl_cross,
    _kl_discrete,
    constraint_registry,
    constraints,
    kl,
    transforms,
    utils,
)
from cgrad.distributions.bernoulli import Bernoulli
from cgrad.distributions.beta import Beta
from cgrad.distributions.binomial import Binomial
from cgrad.distributions.categorical import Categorical
from cgrad.distributions.cauchy import Cauchy
from cgrad.distributions.chi2 import Chi2
from cgrad.distributions.constraint_registry import biject_to, transform_to
from cgrad.distributions.continuous_bernoulli import ContinuousBernoulli
from cgrad.distributions.dirichlet import Dirichlet
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.exp_family import ExponentialFamily
from cgrad.distributions.exponential import Exponential
from cgrad.distributions.fishersnedecor import FisherSnedecor
from cgrad.distributions.gamma import Gamma
from cgrad.distributions.generalized_pareto import GeneralizedPareto
from cgrad.distributions.geometric import Geometric
from cgrad.distributions.gumbel import Gumbel
from cgrad.distributions.half_cauchy import HalfCauchy
from cgrad.distributions.half_normal import HalfNormal
from cgrad.distributions.independent import Independent
from cgrad.distributions.inverse_gamma import InverseGamma
from cgrad.distributions.kl import kl_divergence, register_kl
from cgrad.distributions.kumaraswamy import Kumaraswamy
from cgrad.distributions.laplace import Laplace
from cgrad.distributions.lkj_cholesky import LKJCholesky
from cgrad.distributions.log_normal import LogNormal
from cgrad.distributions.logistic_normal import LogisticNormal
from cgrad.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from cgrad.distributions.mixture_same_family import MixtureSameFamily
from cgrad.distributions.multinomial import Multinomial
from cgrad.distributions.multivariate_normal import MultivariateNormal
from cgrad.distributions.negative_binomial import NegativeBinomial
from cgrad.distributions.normal import Normal
from cgrad.distributions.one_hot_categorical import (
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
)
from cgrad.distributions.pareto import Pareto
from cgrad.distributions.poisson import Poisson
from cgrad.distributions.relaxed_bernoulli import RelaxedBernoulli
from cgrad.distributions.relaxed_categorical import RelaxedOneHotCategorical
from cgrad.distributions.studentT import StudentT
from cgrad.distributions.transformed_distribution import TransformedDistribution
from cgrad.distributions.transforms import (
    AbsTransform,
    AffineTransform,
    CatTransform,
    ComposeTransform,
    CorrCholeskyTransform,
    CumulativeDistributionTransform,
    ExpTransform,
    IndependentTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    PowerTransform,
    ReshapeTransform,
    SigmoidTransform,
    SoftmaxTransform,
    SoftplusTransform,
    StackTransform,
    StickBreakingTransform,
    TanhTransform,
    Transform,
    identity_transform,
)
from cgrad.distributions.uniform import Uniform
from cgrad.distributions.von_mises import VonMises
from cgrad.distributions.weibull import Weibull
from cgrad.distributions.wishart import Wishart

__all__ = [
    "AbsTransform", "AffineTransform", "Bernoulli", "Beta", "Binomial", "CatTransform",
    "Categorical", "Cauchy", "Chi2", "ComposeTransform", "ContinuousBernoulli",
    "CorrCholeskyTransform", "CumulativeDistributionTransform", "Dirichlet", "Distribution",
    "ExpTransform", "Exponential", "ExponentialFamily", "FisherSnedecor", "Gamma",
    "GeneralizedPareto", "Geometric", "Gumbel", "HalfCauchy", "HalfNormal", "Independent",
    "IndependentTransform", "InverseGamma", "Kumaraswamy", "LKJCholesky", "Laplace",
    "LogNormal", "LogisticNormal", "LowRankMultivariateNormal", "LowerCholeskyTransform",
    "MixtureSameFamily", "Multinomial", "MultivariateNormal", "NegativeBinomial", "Normal",
    "OneHotCategorical", "OneHotCategoricalStraightThrough", "Pareto", "Poisson",
    "PositiveDefiniteTransform", "PowerTransform", "RelaxedBernoulli",
    "RelaxedOneHotCategorical", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform",
    "SoftplusTransform", "StackTransform", "StickBreakingTransform", "StudentT",
    "TanhTransform", "Transform", "TransformedDistribution", "Uniform", "VonMises", "Weibull",
    "Wishart", "biject_to", "constraint_registry", "constraints", "identity_transform", "kl",
    "kl_divergence", "register_kl", "transform_to", "transforms", "utils",
]  # fmt: skip
