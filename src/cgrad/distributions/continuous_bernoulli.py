"""The continuous Bernoulli distribution."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Size, Tensor
from cgrad.distributions import constraints
from cgrad.distributions.bernoulli import log_loss
from cgrad.distributions.exp_family import ExponentialFamily
from cgrad.distributions.utils import (
    NONE,
    Shape,
    broadcast_all,
    clamp_probs,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(ExponentialFamily):
    """Density proportional to probs^x (1 - probs)^(1 - x) on [0, 1]: what the cross entropy of a
    pixel in (0, 1) is the likelihood of (Loaiza-Ganem and Cunningham, 2019).

    Args:
        probs: in (0, 1), not the mean; either this or `logits`.
        logits: log(probs / (1 - probs)).
        lims: between these the functions, of the form 0/0 at 1/2, are Taylor series.
            Default: (0.499, 0.501)

    Raises:
        ValueError: not exactly one of `probs` and `logits` is given, or probs outside [0, 1].

    Example::

        >>> cgrad.distributions.ContinuousBernoulli(0.5).mean
        tensor(0.5000)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    _mean_carrier_measure = 0
    has_rsample = True

    def __init__(self, probs: Tensor | float | None = None, logits: Tensor | float | None = None,
                 lims: tuple[float, float] = (0.499, 0.501),
                 validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("ContinuousBernoulli: Either `probs` or `logits` must be specified, "
                             "but not both.")
        if probs is not None:
            (self.probs,) = broadcast_all(probs)
            check = type(self)._validate_args if validate_args is None else validate_args
            if check and not bool(constraints.unit_interval.check(self.probs).all()):
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        else:
            (self.logits,) = broadcast_all(logits)
        self._lims = lims
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def _param(self) -> Tensor:
        return self.probs if "probs" in self.__dict__ else self.logits

    def expand(self, batch_shape: Shape,
               _instance: ContinuousBernoulli | None = None) -> ContinuousBernoulli:
        """The same distributions with a larger batch."""
        new = self._expanded(ContinuousBernoulli, batch_shape, _instance, "probs", "logits")
        new._lims = self._lims
        return new

    @lazy_property
    def logits(self) -> Tensor:
        """log(probs / (1 - probs))"""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """The parameter, moved inside (0, 1)."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    @property
    def param_shape(self) -> Size:
        """Shape of the parameter."""
        return self._param.shape

    def _cut(self) -> tuple[Tensor, Tensor]:
        # Where probs is outside the limits, and probs with a limit in its place elsewhere.
        low, high = self._lims
        outside = (self.probs <= low) | (self.probs > high)
        return outside, cgrad.where(outside, self.probs, low)

    def _cont_bern_log_norm(self) -> Tensor:
        # log(2 artanh(1 - 2p) / (1 - 2p)), its even series in p - 1/2 near 1/2
        outside, p = self._cut()
        logit = (-p).log1p() - p.log()
        exact = logit.abs().log() - (1 - 2 * p).abs().log()
        x = (self.probs - 0.5).square()
        series = 0.6931471805599453 + (4.0 / 3.0 + 104.0 / 45.0 * x) * x
        return cgrad.where(outside, exact, series)

    @property
    def mean(self) -> Tensor:
        """p / (2p - 1) + 1 / (2 artanh(1 - 2p))"""
        outside, p = self._cut()
        exact = p / (2.0 * p - 1.0) + 1.0 / ((-p).log1p() - p.log())
        x = self.probs - 0.5
        series = 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.square()) * x
        return cgrad.where(outside, exact, series)

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self.variance.sqrt()

    @property
    def variance(self) -> Tensor:
        """p (p - 1) / (1 - 2p)² + 1 / (2 artanh(1 - 2p))²"""
        outside, p = self._cut()
        exact = (p * (p - 1.0) / (1.0 - 2.0 * p).square()
                 + 1.0 / ((-p).log1p() - p.log()).square())
        x = (self.probs - 0.5).square()
        series = 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x
        return cgrad.where(outside, exact, series)

    def sample(self, sample_shape: Shape = NONE) -> Tensor:
        """Draw, without history."""
        with cgrad.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Shape = NONE) -> Tensor:
        """The quantile of a uniform number."""
        return self.icdf(cgrad.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        """Logarithm of the density at `value`."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -log_loss(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value: Tensor) -> Tensor:
        """Probability of a draw of at most `value`."""
        if self._validate_args:
            self._validate_sample(value)
        outside, p = self._cut()
        exact = ((p.pow(value) * (1.0 - p).pow(1.0 - value) + p - 1.0) / (2.0 * p - 1.0))
        inside = cgrad.where(outside, exact, value)
        inside = cgrad.where(value <= 0.0, 0.0, inside)
        return cgrad.where(value >= 1.0, 1.0, inside)

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile of a probability."""
        outside, p = self._cut()
        exact = (((-p + value * (2.0 * p - 1.0)).log1p() - (-p).log1p())
                 / (p.log() - (-p).log1p()))
        return cgrad.where(outside, exact, value)

    def entropy(self) -> Tensor:
        """-log(1 - p) - mean · logit(p) - log of the normalizer"""
        p = self.probs
        zero, one = (-p).log1p(), p.log()
        return self.mean * (zero - one) - self._cont_bern_log_norm() - zero

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return (self.logits,)

    def _log_normalizer(self, x: Any) -> Tensor:  # type: ignore[override]
        outside = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        cut = cgrad.where(outside, x, self._lims[0] - 0.5)
        exact = (cut.expm1().abs()).log() - cut.abs().log()
        series = 0.5 * x + x.square() / 24.0 - x.pow(4) / 2880.0
        return cgrad.where(outside, exact, series)
