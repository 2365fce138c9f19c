"""Tools around training: datasets and loaders (:mod:`cgrad.utils.data`), hook handles."""
from importlib import import_module

__all__ = ["benchmark", "checkpoint", "data", "dlpack", "hooks", "summary", "tensorboard"]


def __getattr__(name: str) -> object:
    # Loaded when first used: nn needs the hook handles alone.
    if name == "summary":
        return import_module("cgrad.utils._summary").summary
    if name in __all__ or name == "_pytree":
        return import_module(f"cgrad.utils.{name}")
    raise AttributeError(f"module 'cgrad.utils' has no attribute {name!r}")
