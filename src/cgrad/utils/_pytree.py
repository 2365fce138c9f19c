"""Nested tuples, lists and dictionaries taken apart into leaves, and put together again.

The names are those of the module of PyTorch that programs import.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = [
    "TreeSpec", "tree_flatten", "tree_leaves", "tree_map", "tree_map_only", "tree_structure",
    "tree_unflatten",
]  # fmt: skip


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of nested tuples, lists and dictionaries, and how to put them back."""
    if isinstance(tree, (tuple, list, dict)):
        values = list(tree.values()) if isinstance(tree, dict) else list(tree)
        parts = [flatten(v) for v in values]
        leaves = [x for part, _ in parts for x in part]

        def rebuild(new: list[Any]) -> Any:
            new, made = list(new), []
            for part, build in parts:
                made.append(build(new[:len(part)]))
                del new[:len(part)]
            if isinstance(tree, dict):
                return type(tree)(zip(tree, made))
            return type(tree)(*made) if hasattr(tree, "_fields") else type(tree)(made)

        return leaves, rebuild
    return [tree], lambda new: new[0]


class TreeSpec:
    """How a tree was made of its leaves."""

    def __init__(self, tree: Any) -> None:
        leaves, self._build = flatten(tree)
        self.num_leaves = len(leaves)

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree with other leaves.

        Raises:
            ValueError: there are more or fewer than it has.
        """
        given = list(leaves)
        if len(given) != self.num_leaves:
            raise ValueError(f"unflatten(): the tree has {self.num_leaves} leaves, but "
                             f"{len(given)} were given")
        return self._build(given)


def tree_flatten(tree: Any) -> tuple[list[Any], TreeSpec]:
    """The leaves, and what :func:`tree_unflatten` needs.

    Example::

        >>> leaves, spec = tree_flatten({"a": [1, (2,)]})
        >>> leaves, tree_unflatten([3, 4], spec)
        ([1, 2], {'a': [3, (4,)]})
    """
    return flatten(tree)[0], TreeSpec(tree)


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of a :func:`tree_flatten` with other leaves."""
    return treespec.unflatten(leaves)


def tree_leaves(tree: Any) -> list[Any]:
    """The leaves in order."""
    return flatten(tree)[0]


def tree_structure(tree: Any) -> TreeSpec:
    """How the tree is made of its leaves."""
    return TreeSpec(tree)


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any) -> Any:
    """The tree with `func` of each leaf, and of the leaves at its place in `rests`."""
    leaves, build = flatten(tree)
    return build([func(*x) for x in zip(leaves, *(flatten(r)[0] for r in rests), strict=True)])


def tree_map_only(kind: Any, func: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with `func` of each leaf that is an instance of `kind`."""
    return tree_map(lambda x: func(x) if isinstance(x, kind) else x, tree)
