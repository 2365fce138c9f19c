"""Exponential families."""
from __future__ import annotations

import cgrad
from cgrad import Tensor
from cgrad.distributions.distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """Distributions with density h(x) exp(θ · t(x) - A(θ)).

    A subclass that gives the natural parameters θ and the function A has entropy and divergence
    (:func:`kl_divergence` of two distributions of its class) from derivatives of A: Bregman
    divergences (Nielsen and Nock, 2010).
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError(f"{type(self).__name__}._natural_params")

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}._log_normalizer")

    @property
    def _mean_carrier_measure(self) -> float | Tensor:
        # The expectation of log h(x).
        raise NotImplementedError(f"{type(self).__name__}._mean_carrier_measure")

    def _normalizer_and_slopes(self) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        # A(θ), and each parameter with the derivative of A; with history if parameters have one.
        with cgrad.enable_grad():
            params = list(self._natural_params)
            recorded = any(p.requires_grad for p in params)
            params = [p if p.requires_grad else p.detach().requires_grad_() for p in params]
            normalizer = self._log_normalizer(*params)
            slopes = cgrad.autograd.grad(normalizer.sum(), params, create_graph=recorded)
        if not recorded:
            normalizer, params = normalizer.detach(), [p.detach() for p in params]
        return normalizer, list(zip(params, slopes))

    def entropy(self) -> Tensor:
        """A(θ) - θ · ∇A(θ) - E log h"""
        normalizer, terms = self._normalizer_and_slopes()
        result = normalizer - self._mean_carrier_measure
        for param, slope in terms:
            result = result - (param * slope).reshape(self._batch_shape + (-1,)).sum(-1)
        return result
