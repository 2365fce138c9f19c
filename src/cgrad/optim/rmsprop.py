"""RMSprop."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import cgrad
from cgrad.optim.optimizer import Optimizer

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton, 2012), centered as by Graves (2013) if wanted.

    With g the gradient (its negative to maximize) plus weight_decay · p::

        v ← alpha · v + (1 - alpha) · g²
        a ← alpha · a + (1 - alpha) · g       (centered)
        d ← √v + eps                          (centered: √(v - a²) + eps)
        p ← p - lr · g / d                    (with momentum: b ← momentum · b + g / d, p - lr · b)

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: learning rate. Default: 1e-2
        alpha: smoothing factor. Default: 0.99
        eps: keeps the quotient finite. Default: 1e-8
        weight_decay: factor of the squared-norm penalty. Default: 0
        momentum: Default: 0
        centered: divide by the estimated deviation. Default: ``False``
        maximize: ascend instead. Default: ``False``
        capturable, foreach, differentiable: accepted for compatibility.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
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
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        if not momentum >= 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if not alpha >= 0.0:
            raise ValueError(f"Invalid alpha value: {alpha}")
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

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; return the closure's loss, if any."""
        loss = self._evaluate(closure)
        with cgrad.no_grad():
            for group in self.param_groups:
                for param in group["params"]:
                    if param.grad is not None:
                        self._update(param, param.grad, group)
        return loss

    def _update(self, param: Any, grad: Any, group: dict[str, Any]) -> None:
        if grad.is_sparse:
            raise RuntimeError("RMSprop does not support sparse gradients")
        alpha, momentum = group["alpha"], group["momentum"]
        state = self.state[param]
        if not state:
            state["step"] = cgrad.tensor(0.0)
            state["square_avg"] = cgrad.zeros_like(param).detach()
            if momentum > 0:
                state["momentum_buffer"] = cgrad.zeros_like(param).detach()
            if group["centered"]:
                state["grad_avg"] = cgrad.zeros_like(param).detach()
        state["step"] += 1
        if group["maximize"]:
            grad = -grad
        if group["weight_decay"] != 0:
            grad = grad + group["weight_decay"] * param
        square = state["square_avg"]
        square.mul_(alpha).add_((1 - alpha) * (grad * grad))
        spread = square
        if group["centered"]:
            mean = state["grad_avg"]
            mean.mul_(alpha).add_((1 - alpha) * grad)
            spread = square - mean * mean
        move = grad / (spread.sqrt() + group["eps"])
        if momentum > 0:
            move = state["momentum_buffer"].mul_(momentum).add_(move)
        param.sub_(float(group["lr"]) * move)
