"""Draws of Gamma and Dirichlet variables as functions of their concentrations.

The derivative is the implicit one (Figurnov, Mohamed and Mnih, 2018): the draw moves so that the
probability of a lesser one stays, dz/da = -(dF/da) / (dF/dz).  It has relative errors below 1e-8.
It cannot be derived again.
"""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine.implicit import beta_slope, gamma_slope
from cgrad._engine.random import source
from cgrad.autograd.function import once_differentiable
from cgrad.distributions.utils import tiny

LEAST = 1e-300           # logarithms of draws stay finite


def _log_gamma(concentration: Tensor) -> Any:
    """Logarithms of standard Gamma draws in float64, a NumPy array: no underflow.

    A draw at concentration a is one at a + 1 times u^(1/a) (Marsaglia and Tsang, 2000).
    """
    import numpy as np

    a = concentration.detach().double().numpy()
    draw = source(None)._numpy()
    small = a < 1
    logs = np.log(np.maximum(draw.standard_gamma(np.where(small, a + 1, a)), LEAST))
    if small.any():
        u = draw.standard_exponential(a.shape)
        logs = np.where(small, logs - u / np.where(small, a, 1), logs)
    return logs


class StandardGamma(cgrad.autograd.Function):
    """A draw with the given concentration and rate 1, at least the least normal number."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        import numpy as np

        with np.errstate(under="ignore"):
            draw = cgrad.from_numpy(np.asarray(np.exp(_log_gamma(concentration))))
        draw = draw.to(concentration.dtype).clamp_(min=tiny(concentration))
        ctx.save_for_backward(concentration, draw)
        return draw

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        concentration, draw = ctx.saved_tensors
        return grad * gamma_slope(concentration.double(), draw.double()).to(grad.dtype)


class DirichletDraw(cgrad.autograd.Function):
    """A draw over the last dimension.

    Where one concentration grows, its coordinate x moves as a Beta variable does, and the others
    shrink in proportion.
    """

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        logs = cgrad.from_numpy(_log_gamma(concentration))
        draw = logs.softmax(-1).to(concentration.dtype)
        ctx.save_for_backward(concentration, draw)
        return draw

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        concentration, draw = ctx.saved_tensors
        a, x = concentration.double(), draw.double()
        rest = a.flip(-1) if a.shape[-1] == 2 else a.sum(-1, keepdim=True) - a
        slope = beta_slope(a, rest.clamp(min=1e-300), x.clamp(max=1 - 1e-16)).to(grad.dtype)
        return slope * (grad - (draw * grad).sum(-1, keepdim=True))
