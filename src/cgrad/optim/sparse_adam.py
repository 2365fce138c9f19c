"""Adam for sparse gradients."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine.optim import rule
from cgrad.optim._fused import FusedOptimizer, check_options
from cgrad.optim.optimizer import Optimizer, ParamsT

__all__ = ["SparseAdam"]


class SparseAdam(FusedOptimizer):
    """Adam for sparse gradients: only the rows that a gradient holds are updated.

    The averages of other rows stay as they are, where :class:`Adam` would let them decay. Gradients
    are sparse for ``nn.Embedding(..., sparse=True)``.

    Args:
        params: tensors, pairs of name and tensor, or groups; see :class:`Optimizer`.
        lr: learning rate, a number or a tensor of one element. Default: 1e-3
        betas: (β1, β2). Default: (0.9, 0.999)
        eps: keeps the quotient finite. Default: 1e-8
        maximize: ascend instead. Default: ``False``

    Raises:
        ValueError: an option is out of range.
        RuntimeError: at a step, if a gradient is dense.

    Example::

        >>> table = cgrad.nn.Embedding(1000, 4, sparse=True)
        >>> optimizer = cgrad.optim.SparseAdam(table.parameters())
        >>> table(cgrad.tensor([3, 5, 3])).sum().backward()
        >>> optimizer.step()
    """

    _rule = rule("sparse_adam")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        check_options(lr=lr, eps=eps, betas=betas)
        if lr == 0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if eps == 0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _keys(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            group.get("maximize", False), group["lr"], 0.0, False, *group["betas"], group["eps"],
        )  # fmt: skip

    def _start(self, group: dict[str, Any], param: cgrad.Tensor, kept: dict[str, Any]) -> None:
        super()._start(group, param, kept)
        kept["step"] = 0

    def __setstate__(self, state: dict[str, Any]) -> None:
        Optimizer.__setstate__(self, state)  # the count of steps is a Python number
