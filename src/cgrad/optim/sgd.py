"""Stochastic gradient descent."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import cgrad
from cgrad._engine.optim import sgd_step
from cgrad.optim.optimizer import Optimizer

__all__ = ["SGD"]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    With g the gradient (its negative to maximize) plus weight_decay · p::

        b ← g at the first step, then momentum · b + (1 - dampening) · g
        p ← p - lr · b                     (g instead of b without momentum)
        p ← p - lr · (g + momentum · b)    (nesterov)

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: learning rate. Default: 1e-3
        momentum: Default: 0
        dampening: Default: 0
        weight_decay: factor of the squared-norm penalty. Default: 0
        nesterov: needs a momentum and zero dampening. Default: ``False``
        maximize: ascend instead. Default: ``False``
        foreach, differentiable, fused: accepted for compatibility; every step is one fused call.

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

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
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
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not momentum >= 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
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

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; return the closure's loss, if any."""
        loss = self._evaluate(closure)
        for group in self.param_groups:
            params, grads, buffers, first = [], [], [], []
            momentum = float(group["momentum"])
            for param in group["params"]:
                grad = param.grad
                if grad is None:
                    continue
                if grad.is_sparse:
                    if momentum == 0 and group["weight_decay"] == 0:
                        _sparse_step(param, grad, group)
                        continue
                    grad = grad.to_dense()
                params.append(param)
                grads.append(grad)
                if momentum != 0:
                    state = self.state[param]
                    buffer = state.get("momentum_buffer")
                    first.append(buffer is None)
                    if buffer is None:
                        buffer = state["momentum_buffer"] = cgrad.empty_like(param)
                    buffers.append(buffer)
            if params:
                sgd_step(
                    params, grads, buffers if momentum != 0 else None, float(group["lr"]),
                    momentum, float(group["dampening"]), float(group["weight_decay"]),
                    group["nesterov"], group["maximize"], first,
                )  # fmt: skip
        return loss


def _sparse_step(param: Any, grad: Any, group: dict[str, Any]) -> None:
    # Only the rows that were looked up.
    rate = float(group["lr"]) * (1 if group["maximize"] else -1)
    with cgrad.no_grad():
        param.index_add_(0, grad._indices()[0].long(), grad._values() * rate)
