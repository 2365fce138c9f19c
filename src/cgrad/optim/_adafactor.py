"""Adafactor."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine.optim import rule
from cgrad.optim._fused import FusedOptimizer
from cgrad.optim.optimizer import ParamsT

__all__ = ["Adafactor"]


class Adafactor(FusedOptimizer):
    """Adafactor (Shazeer and Stern, 2018): little memory, steps relative to the parameters.

    Of the mean square v of a matrix's gradient only the means of its rows and of its columns are
    kept, R and C; other parameters keep v itself. With g the gradient (its negative to maximize),
    at step t and w = t^beta2_decay::

        R ← R + w · (mean over a row of g² - R),  C alike;  v = R · C / mean(R)
        u = g / √max(v, ε1²),  then u ← u / max(1, rms(u) / d)
        p ← (1 - lr · weight_decay) · p - max(ε2, rms(p)) · min(lr, 1 / √t) · u

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: greatest relative step. Default: 1e-2
        beta2_decay: at most 0; see above. Default: -0.8
        eps: (ε1, ε2); None for the first is the resolution of the dtype. Default: (None, 1e-3)
        d: from this size on an update is clipped; at least 1. Default: 1.0
        weight_decay: shrinks the parameters. Default: 0.0
        foreach: accepted for compatibility; every step is one fused call.
        maximize: ascend instead. Default: ``False``

    Raises:
        ValueError: an option is out of range.

    Example::

        >>> x = cgrad.tensor([1.0], requires_grad=True)
        >>> optimizer = cgrad.optim.Adafactor([x], lr=0.1)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
        >>> round(x.item(), 4)
        0.9
    """

    _rule = rule("adafactor")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        if isinstance(lr, cgrad.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not lr >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": tuple(eps),
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _keys(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return ("row_var", "col_var", "variance")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        eps1, eps2 = group["eps"]
        return (
            group["maximize"], group["lr"], group["weight_decay"], True, group["beta2_decay"],
            -1.0 if eps1 is None else eps1, eps2, group["d"],
        )  # fmt: skip

    def _start(self, group: dict[str, Any], param: cgrad.Tensor, kept: dict[str, Any]) -> None:
        kept["step"] = cgrad.tensor(0.0)
        if param.dim() > 1:
            kept["row_var"] = param.new_zeros(*param.shape[:-1], 1)
            kept["col_var"] = param.new_zeros(*param.shape[:-2], 1, param.shape[-1])
        else:
            kept["variance"] = cgrad.zeros_like(param)
