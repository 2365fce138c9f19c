"""Averaged stochastic gradient descent."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine.optim import rule
from cgrad.optim._fused import FusedOptimizer, check_options
from cgrad.optim.optimizer import ParamsT

__all__ = ["ASGD"]


class ASGD(FusedOptimizer):
    """Averaged stochastic gradient descent (Polyak and Juditsky, 1992).

    With g the gradient (its negative to maximize) plus weight_decay · p, at step t::

        p ← (1 - lambd · η) · p - η · g
        a ← a + μ · (p - a)                            state "ax": the average
        η ← lr / (1 + lambd · lr · t)^alpha
        μ ← 1 / max(1, t - t0)

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: learning rate, a number or a tensor of one element. Default: 1e-2
        lambd: decay. Default: 1e-4
        alpha: power in the rate. Default: 0.75
        t0: the step at which averaging starts. Default: 1e6
        weight_decay: factor of the squared-norm penalty. Default: 0
        maximize: ascend instead. Default: ``False``
        capturable, foreach: accepted for compatibility; every step is one fused call.
        differentiable: not supported.

    Raises:
        ValueError: an option is out of range.

    Example::

        >>> x = cgrad.tensor([1.0], requires_grad=True)
        >>> optimizer = cgrad.optim.ASGD([x], lr=0.1)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
    """

    _rule = rule("asgd")
    _numbers = ("step", "eta", "mu")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_options(lr=lr, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _keys(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return ("ax",)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            group["maximize"], group["lr"], group["weight_decay"], False, group["lambd"],
            group["alpha"], group["t0"],
        )  # fmt: skip

    def _start(self, group: dict[str, Any], param: cgrad.Tensor, kept: dict[str, Any]) -> None:
        super()._start(group, param, kept)
        kept["eta"] = cgrad.tensor(float(group["lr"]))
        kept["mu"] = cgrad.tensor(1.0)
