"""What the optimizers share whose step is one call of the engine."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cgrad
from cgrad._engine.optim import fused_step
from cgrad.optim.optimizer import Optimizer, ParamsT

_WORDS = {"lr": "learning rate", "eps": "epsilon value"}


def check_options(**options: Any) -> None:
    """Raise ValueError for an option that is negative or no number; betas must be below 1."""
    for name, value in options.items():
        if name == "betas":
            for i, beta in enumerate(value):
                if not 0.0 <= beta < 1.0:
                    raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
            continue
        if isinstance(value, cgrad.Tensor) and value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element")
        if not value >= 0.0:
            raise ValueError(f"Invalid {_WORDS.get(name, f'{name} value')}: {value}")


class FusedOptimizer(Optimizer):
    """An optimizer whose step is one call of the engine for each group.

    A subclass names its update rule (see ``_kernels/optim.h``), and says which tensors and numbers
    the rule keeps for a parameter, how they start, and what the rule's options are.
    """

    _rule = -1
    _numbers: tuple[str, ...] = ("step",)

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        if defaults.get("fused"):
            if defaults.get("differentiable"):
                raise RuntimeError("`fused` does not support `differentiable`")
            if defaults.get("foreach"):
                raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
        if (
            isinstance(defaults["lr"], cgrad.Tensor)
            and defaults.get("foreach")
            and not defaults.get("capturable")
        ):
            raise ValueError(
                "lr as a Tensor is not supported for capturable=False and foreach=True"
            )
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        self._check_differentiable(self.param_groups[-1])

    def _check_differentiable(self, group: dict[str, Any]) -> None:
        if group.get("differentiable"):
            raise NotImplementedError(
                f"{type(self).__name__}: differentiable=True is not supported: a step writes into "
                "the parameters without a history. Write the update with operations of "
                "tensors, and cgrad.func.functional_call, to differentiate through it."
            )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for kept in self.state.values():
            # States of older versions count in Python numbers.
            for name in self._numbers if isinstance(kept, dict) else ():
                if name in kept and not isinstance(kept[name], cgrad.Tensor):
                    kept[name] = cgrad.tensor(float(kept[name]))

    def _keys(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        raise NotImplementedError

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        raise NotImplementedError

    def _start(self, group: dict[str, Any], param: cgrad.Tensor, kept: dict[str, Any]) -> None:
        """Fill a parameter's state before its first step: zeros, and a step count."""
        kept["step"] = cgrad.tensor(0.0)
        for key in self._keys(group):
            if key is not None:
                kept[key] = cgrad.zeros_like(param)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; return the closure's loss, if any.

        Args:
            closure: evaluates the model anew, calls ``backward`` and returns the loss.
        """
        loss = self._evaluate(closure)
        for group in self.param_groups:
            self._check_differentiable(group)
            fused_step(
                self._rule, type(self).__name__, group["params"], self.state,
                partial(self._start, group), self._keys(group), self._numbers,
                self._options(group),
            )  # fmt: skip
        return loss
