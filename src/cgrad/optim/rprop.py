"""Rprop."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine.optim import rule
from cgrad.optim._fused import FusedOptimizer, check_options
from cgrad.optim.optimizer import ParamsT

__all__ = ["Rprop"]


class Rprop(FusedOptimizer):
    """Resilient backpropagation (Riedmiller and Braun, 1993), for gradients of the whole data.

    Every element has a step of its own, lr at first. With g the gradient (its negative to
    maximize)::

        step ← step · η⁺ where g has kept its sign, step · η⁻ where it has changed (then g ← 0),
               between the least and the greatest step
        p ← p - sign(g) · step

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: the first step. Default: 1e-2
        etas: (η⁻, η⁺). Default: (0.5, 1.2)
        step_sizes: the least and the greatest step. Default: (1e-6, 50)
        maximize: ascend instead. Default: ``False``
        capturable, foreach: accepted for compatibility; every step is one fused call.
        differentiable: not supported.

    Raises:
        ValueError: an option is out of range.

    Example::

        >>> x = cgrad.tensor([1.0], requires_grad=True)
        >>> optimizer = cgrad.optim.Rprop([x], lr=0.1)
        >>> (x * x).sum().backward()
        >>> optimizer.step()
    """

    _rule = rule("rprop")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_options(lr=lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": tuple(etas),
            "step_sizes": tuple(step_sizes),
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _keys(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return ("prev", "step_size")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            group["maximize"], group["lr"], 0.0, False, *group["etas"], *group["step_sizes"],
        )  # fmt: skip

    def _start(self, group: dict[str, Any], param: cgrad.Tensor, kept: dict[str, Any]) -> None:
        super()._start(group, param, kept)
        kept["step_size"].fill_(float(group["lr"]))
