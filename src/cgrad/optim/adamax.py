"""Adamax."""
from __future__ import annotations

from typing import Any

from cgrad import Tensor
from cgrad._engine.optim import rule
from cgrad.optim._fused import FusedOptimizer, check_options
from cgrad.optim.optimizer import ParamsT

__all__ = ["Adamax"]


class Adamax(FusedOptimizer):
    """Adamax (Kingma and Ba, 2014): Adam with the infinity norm.

    With g the gradient (its negative to maximize) plus weight_decay · p, at step t::

        m ← β1 · m + (1 - β1) · g
        u ← max(β2 · u, |g| + eps)
        p ← p - lr / (1 - β1ᵗ) · m / u

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: learning rate, a number or a tensor of one element. Default: 2e-3
        betas: (β1, β2). Default: (0.9, 0.999)
        eps: keeps the quotient finite. Default: 1e-8
        weight_decay: factor of the squared-norm penalty. Default: 0
        maximize: ascend instead. Default: ``False``
        capturable, foreach: accepted for compatibility; every step is one fused call.
        differentiable: not supported.

    Raises:
        ValueError: an option is out of range.

    Example::

        >>> x = cgrad.tensor([1.0], requires_grad=True)
        >>> optimizer = cgrad.optim.Adamax([x], lr=0.1)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
    """

    _rule = rule("adamax")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _keys(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return ("exp_avg", "exp_inf")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            group["maximize"], group["lr"], group["weight_decay"], False, *group["betas"],
            group["eps"],
        )  # fmt: skip
