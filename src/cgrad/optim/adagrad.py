"""Adagrad."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine.optim import rule
from cgrad.optim._fused import FusedOptimizer, check_options
from cgrad.optim.optimizer import ParamsT

__all__ = ["Adagrad"]


class Adagrad(FusedOptimizer):
    """Adagrad (Duchi, Hazan and Singer, 2011).

    With g the gradient (its negative to maximize) plus weight_decay · p, at step t::

        s ← s + g²
        p ← p - lr / (1 + (t - 1) · lr_decay) · g / (√s + eps)

    Of a sparse gradient (``nn.Embedding(..., sparse=True)``) only its rows are updated.

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: learning rate, a number or a tensor of one element. Default: 1e-2
        lr_decay: Default: 0
        weight_decay: factor of the squared-norm penalty. Default: 0
        initial_accumulator_value: s before the first step. Default: 0
        eps: keeps the quotient finite. Default: 1e-10
        maximize: ascend instead. Default: ``False``
        foreach, fused: accepted for compatibility; every step is one fused call.
        differentiable: not supported.

    Raises:
        ValueError: an option is out of range.

    Example::

        >>> w = cgrad.tensor([1.0], requires_grad=True)
        >>> optimizer = cgrad.optim.Adagrad([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.item() < 1
        True
    """

    _rule = rule("adagrad")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_options(
            lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, eps=eps,
        )  # fmt: skip
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                self._start(group, param, self.state[param])

    def _keys(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return ("sum",)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            group["maximize"], group["lr"], group["weight_decay"], False, group["lr_decay"],
            group["eps"],
        )  # fmt: skip

    def _start(self, group: dict[str, Any], param: cgrad.Tensor, kept: dict[str, Any]) -> None:
        kept["step"] = cgrad.tensor(0.0)
        kept["sum"] = cgrad.full_like(param, group["initial_accumulator_value"]).detach()
