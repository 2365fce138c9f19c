"""A module called with other parameters than its own."""
from __future__ import annotations

import warnings
from typing import Any

from cgrad import Tensor, func
from cgrad.nn.modules.module import Module

__all__ = ["functional_call"]


def functional_call(
    module: Module,
    parameters_and_buffers: dict[str, Tensor],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Deprecated place of :func:`cgrad.func.functional_call`."""
    warnings.warn("`nn.utils.stateless.functional_call` is deprecated in favor of "
                  "`func.functional_call`.", FutureWarning, stacklevel=2)  # fmt: skip
    return func.functional_call(module, parameters_and_buffers, args, kwargs,
                                tie_weights=tie_weights, strict=strict)  # fmt: skip
