"""Adagrad."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import cgrad
from cgrad.optim.optimizer import Optimizer

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer, 2011).

    With g the gradient (its negative to maximize) plus weight_decay · p, at step t::

        s ← s + g²
        p ← p - lr / (1 + (t - 1) · lr_decay) · g / (√s + eps)

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: learning rate. Default: 1e-2
        lr_decay: Default: 0
        weight_decay: factor of the squared-norm penalty. Default: 0
        initial_accumulator_value: s before the first step. Default: 0
        eps: keeps the quotient finite. Default: 1e-10
        maximize: ascend instead. Default: ``False``
        foreach, differentiable, fused: accepted for compatibility.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
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
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not lr_decay >= 0.0:
            raise ValueError(f"Invalid lr_decay value: {lr_decay}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if not initial_accumulator_value >= 0.0:
            raise ValueError(
                f"Invalid initial_accumulator_value value: {initial_accumulator_value}"
            )
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
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
                state = self.state[param]
                state["step"] = cgrad.tensor(0.0)
                state["sum"] = cgrad.full_like(param, group["initial_accumulator_value"]).detach()

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
        state = self.state[param]
        if not state:
            # A group added later: PyTorch has no state for it either.
            state["step"] = cgrad.tensor(0.0)
            state["sum"] = cgrad.full_like(param, group["initial_accumulator_value"]).detach()
        state["step"] += 1
        decay = group["weight_decay"]
        if grad.is_sparse:
            if decay != 0:
                raise RuntimeError("weight_decay option is not compatible with sparse gradients")
            grad = grad.to_dense()  # rows without a gradient stay as they are
        if group["maximize"]:
            grad = -grad
        if decay != 0:
            grad = grad + decay * param
        rate = float(group["lr"]) / (1 + (float(state["step"]) - 1) * group["lr_decay"])
        total = state["sum"]
        total += grad * grad
        param.sub_(rate * (grad / (total.sqrt() + group["eps"])))
