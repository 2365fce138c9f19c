"""Pictures of what happens in a computation and in training.

Nothing is loaded before it is used. The modules bear an underscore, for a module ``graph`` would
take the place of the function of that name.
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cgrad.viz._activations import activations
    from cgrad.viz._curves import History, curves
    from cgrad.viz._gradients import GradientNorms, gradients
    from cgrad.viz._lr_finder import RateSweep, lr_finder

__all__ = [
    "GradientNorms", "History", "RateSweep", "activations", "curves", "gradients", "lr_finder",
]  # fmt: skip

# Name -> the module that has it.
_WHERE: dict[str, str] = {
    "GradientNorms": "_gradients",
    "History": "_curves",
    "RateSweep": "_lr_finder",
    "activations": "_activations",
    "curves": "_curves",
    "gradients": "_gradients",
    "lr_finder": "_lr_finder",
}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"cgrad.viz.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'cgrad.viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
