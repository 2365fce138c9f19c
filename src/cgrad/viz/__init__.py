"""Pictures of what happens in a computation and in training.

Nothing is loaded before it is used. The modules bear an underscore, for a module ``graph`` would
take the place of the function of that name.
"""
from __future__ import annotations

import importlib
from typing import Any

__all__: list[str] = []

# Name -> the module that has it.
_WHERE: dict[str, str] = {}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(f"cgrad.viz.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'cgrad.viz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
