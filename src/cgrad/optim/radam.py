"""RAdam."""
from __future__ import annotations

from typing import Any

from cgrad import Tensor
from cgrad._engine.optim import rule
from cgrad.optim._fused import FusedOptimizer, check_options
from cgrad.optim.optimizer import ParamsT

__all__ = ["RAdam"]


class RAdam(FusedOptimizer):
    """RAdam (Liu et al., 2019): Adam whose rate is rectified while v is unreliable.

    With g the gradient (its negative to maximize) plus weight_decay · p, m and v as for
    :class:`Adam`, R = 2 / (1 - β2) - 1 and r = R - 2 · t · β2ᵗ / (1 - β2ᵗ)::

        a ← m / (1 - β1ᵗ)
        p ← p - lr · a · √(1 - β2ᵗ) / (√v + eps)
              · √((r - 4)(r - 2) R / ((R - 4)(R - 2) r))      where r > 5
        p ← p - lr · a                                        elsewhere

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: learning rate, a number or a tensor of one element. Default: 1e-3
        betas: (β1, β2). Default: (0.9, 0.999)
        eps: keeps the quotient finite. Default: 1e-8
        weight_decay: factor of the squared-norm penalty. Default: 0
        decoupled_weight_decay: shrink p by 1 - lr · weight_decay instead of adding to g.
            Default: ``False``
        maximize: ascend instead. Default: ``False``
        capturable, foreach: accepted for compatibility; every step is one fused call.
        differentiable: not supported.

    Raises:
        ValueError: an option is out of range.

    Example::

        >>> x = cgrad.tensor([1.0], requires_grad=True)
        >>> optimizer = cgrad.optim.RAdam([x], lr=0.1)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
    """

    _rule = rule("radam")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _keys(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            group["maximize"], group["lr"], group["weight_decay"],
            group["decoupled_weight_decay"], *group["betas"], group["eps"],
        )  # fmt: skip
