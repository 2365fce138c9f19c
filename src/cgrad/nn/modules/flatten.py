"""Changing the shape between layers."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad import Tensor
from cgrad.nn.modules.module import Module

__all__ = ["Flatten", "Unflatten"]


class Flatten(Module):
    """Merge the dimensions ``start_dim`` to ``end_dim`` (inclusive) into one.

    Args:
        start_dim: first dimension to merge. Default: 1, which keeps the batch
        end_dim: last dimension to merge. Default: -1

    Example::

        >>> cgrad.nn.Flatten()(cgrad.zeros(32, 1, 5, 5)).shape == (32, 25)
        True
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Cut one dimension into several.

    Args:
        dim: the dimension that is cut; its name in PyTorch's named tensors does not exist here.
        unflattened_size: the sizes it is cut into; one of them may be -1.

    Example::

        >>> cgrad.nn.Unflatten(1, (2, 5))(cgrad.zeros(3, 10)).shape == (3, 2, 5)
        True
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        if not isinstance(dim, int):
            raise TypeError(f"Unflatten: dim must be int, not {type(dim).__name__}: dimensions "
                            "have no names here")
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError("unflattened_size must be a tuple of ints, but found type "
                            f"{type(unflattened_size).__name__}")
        for index, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                raise TypeError("unflattened_size must be tuple of ints, but found element of "
                                f"type {type(size).__name__} at pos {index}")
        self.dim = dim
        self.unflattened_size: Any = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
