"""Memory formats of convolutions: accepted, without effect."""
from __future__ import annotations

from typing import Any, TypeVar

from cgrad.nn.modules.module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]

M = TypeVar("M", bound=Module)


def convert_conv2d_weight_memory_format(module: M, memory_format: Any) -> M:
    """Return the module: weights of 2d convolutions stay in the order they are in.

    Example::

        >>> layer = cgrad.nn.Conv2d(1, 2, 3)
        >>> cgrad.nn.utils.convert_conv2d_weight_memory_format(layer, cgrad.channels_last) is layer
        True
    """
    return module


def convert_conv3d_weight_memory_format(module: M, memory_format: Any) -> M:
    """Return the module: weights of 3d convolutions stay in the order they are in.

    Example::

        >>> layer = cgrad.nn.Conv3d(1, 2, 3)
        >>> same = cgrad.nn.utils.convert_conv3d_weight_memory_format(layer, cgrad.channels_last_3d)
        >>> same is layer
        True
    """
    return module
