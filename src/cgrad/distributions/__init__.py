"""Probability distributions: PyTorch's ``torch.distributions``, loaded when first used.

A file for each distribution.  Samples come from cgrad's generator (:func:`cgrad.manual_seed`);
``rsample`` is differentiable with respect to the parameters.
"""
from cgrad.distributions import _kl_continuous, _kl_discrete, constraints, kl, utils  # noqa: F401
from cgrad.distributions.bernoulli import Bernoulli
from cgrad.distributions.categorical import Categorical
from cgrad.distributions.distribution import Distribution
from cgrad.distributions.exp_family import ExponentialFamily
from cgrad.distributions.independent import Independent
from cgrad.distributions.kl import kl_divergence, register_kl
from cgrad.distributions.normal import Normal

__all__ = [
    "Bernoulli", "Categorical", "Distribution", "ExponentialFamily", "Independent", "Normal",
    "constraints", "kl", "kl_divergence", "register_kl", "utils",
]  # fmt: skip
