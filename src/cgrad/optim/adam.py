"""Adam, and AdamW with decoupled weight decay."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import cgrad
from cgrad._engine.optim import adam_step
from cgrad.optim.optimizer import Optimizer

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2014).

    With g the gradient (its negative to maximize) plus weight_decay · p, at step t::

        m ← β1 · m + (1 - β1) · g
        v ← β2 · v + (1 - β2) · g²
        p ← p - lr · (m / (1 - β1ᵗ)) / (√(v / (1 - β2ᵗ)) + eps)

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: learning rate. Default: 1e-3
        betas: (β1, β2). Default: (0.9, 0.999)
        eps: keeps the quotient finite. Default: 1e-8
        weight_decay: factor of the squared-norm penalty. Default: 0
        amsgrad: divide by the largest v so far (Reddi et al., 2018). Default: ``False``
        maximize: ascend instead. Default: ``False``
        decoupled_weight_decay: shrink p by 1 - lr · weight_decay instead of adding to g, which
            is AdamW. Default: ``False``
        foreach, capturable, differentiable, fused: accepted for compatibility; every step is
            one fused call.

    Raises:
        ValueError: an option is out of range.

    Example::

        >>> x = cgrad.tensor([1.0], requires_grad=True)
        >>> optimizer = cgrad.optim.Adam([x], lr=0.1)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> round(x.item(), 4)
        0.9
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for i, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for values in self.state.values():
            step = values.get("step") if isinstance(values, dict) else None
            if step is not None and not isinstance(step, cgrad.Tensor):
                values["step"] = cgrad.tensor(float(step))

    def _start(self, param: cgrad.Tensor, amsgrad: bool) -> dict[str, Any]:
        state = self.state[param]
        state["step"] = cgrad.tensor(0.0)
        state["exp_avg"] = cgrad.zeros_like(param)
        state["exp_avg_sq"] = cgrad.zeros_like(param)
        if amsgrad:
            state["max_exp_avg_sq"] = cgrad.zeros_like(param)
        return state

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; return the closure's loss, if any."""
        loss = self._evaluate(closure)
        for group in self.param_groups:
            amsgrad = group["amsgrad"]
            params, grads, averages, squares, maxima, steps = [], [], [], [], [], []
            for param in group["params"]:
                grad = param.grad
                if grad is None:
                    continue
                if grad.is_sparse:
                    raise RuntimeError(
                        f"{type(self).__name__} does not support sparse gradients, please consider "
                        "SparseAdam instead"
                    )
                state = self.state[param] or self._start(param, amsgrad)
                count = state["step"]
                count += 1
                params.append(param)
                grads.append(grad)
                averages.append(state["exp_avg"])
                squares.append(state["exp_avg_sq"])
                steps.append(int(count))
                if amsgrad:
                    maxima.append(state["max_exp_avg_sq"])
            if params:
                beta1, beta2 = group["betas"]
                adam_step(
                    params, grads, averages, squares, maxima if amsgrad else None, steps,
                    float(group["lr"]), float(beta1), float(beta2), float(group["eps"]),
                    float(group["weight_decay"]), group["decoupled_weight_decay"],
                    group["maximize"],
                )  # fmt: skip
        return loss


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters directly (Loshchilov and Hutter, 2019).

    ``p ← (1 - lr · weight_decay) · p`` comes before the update of :class:`Adam`, and g is the
    gradient alone.

    Args:
        params, lr, betas, eps, amsgrad, maximize: as for :class:`Adam`.
        weight_decay: Default: 1e-2
        foreach, capturable, differentiable, fused: accepted for compatibility.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused,
            decoupled_weight_decay=True,
        )  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True  # whatever the loaded state says
