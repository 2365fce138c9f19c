"""Tools around training: datasets and loaders (:mod:`cgrad.utils.data`), hook handles."""
from cgrad.utils import data, hooks

__all__ = ["data", "hooks"]
