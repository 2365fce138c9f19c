"""Stochastic gradient descent."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine.optim import rule
from cgrad.optim._fused import FusedOptimizer, check_options
from cgrad.optim.optimizer import ParamsT

__all__ = ["SGD"]


class SGD(FusedOptimizer):
    """Stochastic gradient descent, with momentum if wanted.

    With g the gradient (its negative to maximize) plus weight_decay · p::

        b ← g at the first step, then momentum · b + (1 - dampening) · g
        p ← p - lr · b                     (g instead of b without momentum)
        p ← p - lr · (g + momentum · b)    (nesterov)

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: learning rate, a number or a tensor of one element. Default: 1e-3
        momentum: Default: 0
        dampening: Default: 0
        weight_decay: factor of the squared-norm penalty. Default: 0
        nesterov: needs a momentum and zero dampening. Default: ``False``
        maximize: ascend instead. Default: ``False``
        foreach, fused: accepted for compatibility; every step is one fused call.
        differentiable: not supported.

    Raises:
        ValueError: an option is out of range.

    Example::

        >>> x = cgrad.tensor([1.0], requires_grad=True)
        >>> optimizer = cgrad.optim.SGD([x], lr=0.1)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> round(x.item(), 4)
        0.8
    """

    _rule = rule("sgd")
    _numbers = ()

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_options(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _keys(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            group["maximize"], group["lr"], group["weight_decay"], False, group["momentum"],
            group["dampening"], group["nesterov"],
        )  # fmt: skip

    def _start(self, group: dict[str, Any], param: cgrad.Tensor, kept: dict[str, Any]) -> None:
        kept["momentum_buffer"] = cgrad.empty_like(param)  # the first step sets it
