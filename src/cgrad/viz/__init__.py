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
    from cgrad.viz._graph import GraphPicture, graph
    from cgrad.viz._lr_finder import RateSweep, lr_finder
    from cgrad.viz._recording import record

__all__ = [
    "GradientNorms", "GraphPicture", "History", "RateSweep", "activations", "curves", "gradients",
    "graph", "lr_finder", "record",
]  # fmt: skip

# Name -> the module that has it.
_WHERE: dict[str, str] = {
    "GradientNorms": "_gradients",
    "GraphPicture": "_graph",
    "History": "_curves",
    "RateSweep": "_lr_finder",
    "activations": "_activations",
    "curves": "_curves",
    "gradients": "_gradients",
    "graph": "_graph",
    "lr_finder": "_lr_finder",
    "record": "_recording",
}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"cgrad.viz.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'cgrad.viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
