"""Adadelta."""
from __future__ import annotations

from typing import Any

from cgrad import Tensor
from cgrad._engine.optim import rule
from cgrad.optim._fused import FusedOptimizer, check_options
from cgrad.optim.optimizer import ParamsT

__all__ = ["Adadelta"]


class Adadelta(FusedOptimizer):
    """Adadelta (Zeiler, 2012).

    With g the gradient (its negative to maximize) plus weight_decay · p::

        v ← rho · v + (1 - rho) · g²
        x ← g · √(u + eps) / √(v + eps)
        u ← rho · u + (1 - rho) · x²
        p ← p - lr · x

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: learning rate, a number or a tensor of one element. Default: 1.0
        rho: smoothing factor. Default: 0.9
        eps: keeps the quotient finite. Default: 1e-6
        weight_decay: factor of the squared-norm penalty. Default: 0
        maximize: ascend instead. Default: ``False``
        capturable, foreach: accepted for compatibility; every step is one fused call.
        differentiable: not supported.

    Raises:
        ValueError: an option is out of range.

    Example::

        >>> x = cgrad.tensor([1.0], requires_grad=True)
        >>> optimizer = cgrad.optim.Adadelta([x], lr=0.1)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
    """

    _rule = rule("adadelta")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)
        if rho > 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "capturable": capturable,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _keys(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return ("square_avg", "acc_delta")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            group["maximize"], group["lr"], group["weight_decay"], False, group["rho"],
            group["eps"],
        )  # fmt: skip
