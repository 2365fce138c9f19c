"""Tools around training: datasets and loaders (:mod:`cgrad.utils.data`), hook handles."""
from importlib import import_module

__all__ = ["benchmark", "checkpoint", "data", "dlpack", "hooks", "tensorboard"]


def __getattr__(name: str) -> object:
    # Loaded when first used: nn needs the hook handles alone.
    if name in __all__:
        return import_module(f"cgrad.utils.{name}")
    raise AttributeError(f"module 'cgrad.utils' has no attribute {name!r}")
