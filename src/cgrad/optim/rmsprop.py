"""RMSprop."""
from __future__ import annotations

from typing import Any

from cgrad import Tensor
from cgrad._engine.optim import rule
from cgrad.optim._fused import FusedOptimizer, check_options
from cgrad.optim.optimizer import ParamsT

__all__ = ["RMSprop"]


class RMSprop(FusedOptimizer):
    """RMSprop (Tieleman and Hinton, 2012), centered as by Graves (2013) if wanted.

    With g the gradient (its negative to maximize) plus weight_decay · p::

        v ← alpha · v + (1 - alpha) · g²
        a ← alpha · a + (1 - alpha) · g       (centered)
        d ← √v + eps                          (centered: √(v - a²) + eps)
        p ← p - lr · g / d                    (with momentum: b ← momentum · b + g / d, p - lr · b)

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: learning rate, a number or a tensor of one element. Default: 1e-2
        alpha: smoothing factor. Default: 0.99
        eps: keeps the quotient finite. Default: 1e-8
        weight_decay: factor of the squared-norm penalty. Default: 0
        momentum: Default: 0
        centered: divide by the estimated deviation. Default: ``False``
        maximize: ascend instead. Default: ``False``
        capturable, foreach: accepted for compatibility; every step is one fused call.
        differentiable: not supported.

    Raises:
        ValueError: an option is out of range.

    Example::

        >>> w = cgrad.tensor([1.0], requires_grad=True)
        >>> optimizer = cgrad.optim.RMSprop([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.item() < 1
        True
    """

    _rule = rule("rmsprop")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _keys(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return (
            "square_avg",
            "momentum_buffer" if group["momentum"] > 0 else None,
            "grad_avg" if group["centered"] else None,
        )

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            group["maximize"], group["lr"], group["weight_decay"], False, group["alpha"],
            group["eps"], group["momentum"],
        )  # fmt: skip
