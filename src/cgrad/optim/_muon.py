"""Muon."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.optim.optimizer import Optimizer, ParamsT

__all__ = ["Muon"]


class Muon(Optimizer):
    """Muon (Jordan et al., 2024): momentum whose matrices are made orthogonal, for 2-d parameters.

    With g the gradient, for a matrix of A rows and B columns::

        b ← b + (1 - momentum) · (g - b)
        u ← g + momentum · (b - g)  (b without nesterov)
        p ← (1 - lr · weight_decay) · p - lr · r · orthogonalized(u)

    where r = √max(1, A / B). The singular values of u are brought near 1 by ``ns_steps``
    iterations X ← a X + (b XXᵀ + c (XXᵀ)²) X, from u over its norm. They run in the dtype of the
    parameter, where PyTorch rounds to bfloat16.

    Args:
        params: matrices, pairs of name and matrix, or groups; see :class:`Optimizer`. Train the
            others, and embeddings, with another optimizer.
        lr: learning rate, a number or a tensor of one element. Default: 1e-3
        weight_decay: shrinks the parameters by 1 - lr · weight_decay. Default: 0.1
        momentum: Default: 0.95
        nesterov: see above. Default: ``True``
        ns_coefficients: a, b, c. Default: (3.4445, -4.775, 2.0315)
        eps: least norm that u is divided by. Default: 1e-7
        ns_steps: iterations, below 100. Default: 5
        adjust_lr_fn: r: ``"original"`` or ``None``: as above; ``"match_rms_adamw"``:
            0.2 · √max(A, B), which suits rates made for AdamW. Default: ``None``

    Raises:
        ValueError: an option is out of range, or a parameter is no matrix.

    Example::

        >>> w = cgrad.eye(2).requires_grad_()
        >>> optimizer = cgrad.optim.Muon([w], lr=0.1, weight_decay=0.0)
        >>> w.sum().backward()
        >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not lr >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not momentum >= 0.0:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        for param in self.param_groups[-1]["params"]:
            if param.dim() != 2:
                self.param_groups.pop()
                raise ValueError(
                    "Muon only supports 2D parameters whereas we found a parameter with size: "
                    f"{param.size()}"
                )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; return the closure's loss, if any.

        Args:
            closure: evaluates the model anew, calls ``backward`` and returns the loss.
        """
        loss = self._evaluate(closure)
        with cgrad.no_grad():
            for group in self.param_groups:
                if group["ns_steps"] >= 100:
                    raise ValueError(
                        "Number of steps must be less than 100 for computational efficiency"
                    )
                if len(group["ns_coefficients"]) != 3:
                    raise ValueError("Coefficients must be a tuple of exactly 3 values")
                for param in group["params"]:
                    if param.grad is not None:
                        self._update(param, param.grad, group)
        return loss

    def _update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        if grad.is_sparse:
            raise RuntimeError("Muon does not support sparse gradients")
        state = self.state[param]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = cgrad.zeros_like(grad)
        buffer, momentum, rate = state["momentum_buffer"], group["momentum"], float(group["lr"])
        buffer.lerp_(grad, 1 - momentum)
        update = grad.lerp(buffer, momentum) if group["nesterov"] else buffer
        update = _orthogonalized(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rows, columns = param.shape
        if group["adjust_lr_fn"] == "match_rms_adamw":
            ratio = 0.2 * math.sqrt(max(rows, columns))
        else:
            ratio = math.sqrt(max(1, rows / columns)) if columns else 1.0
        param.mul_(1 - rate * group["weight_decay"]).sub_(update * (rate * ratio))


def _orthogonalized(
    x: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Tensor:
    """The matrix with singular values near 1 in place of its own (Newton and Schulz)."""
    a, b, c = coefficients
    tall = x.shape[0] > x.shape[1]
    x = x.t() if tall else x  # the smaller of the two products
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.t()
        x = cgrad.addmm(x, cgrad.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.t() if tall else x
