"""Modules whose parameters are not filled."""
from __future__ import annotations

import inspect
from typing import Any

from cgrad.nn.modules.module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """Make a module for whose parameters values will be set later.

    Small modules are filled here all the same: drawing numbers costs less than finding out which
    layers would do it. What the caller may rely on is that all parameters exist.

    Args:
        module_cls: a class that takes ``device``.
        args, kwargs: of its constructor.

    Raises:
        RuntimeError: it is no module class, or takes no ``device``.

    Example::

        >>> cgrad.nn.utils.skip_init(cgrad.nn.Linear, 2, 3).weight.shape
        cgrad.Size([3, 2])
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    return module_cls(*args, **kwargs)
