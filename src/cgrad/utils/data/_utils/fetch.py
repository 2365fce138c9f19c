"""Reading one batch of a dataset, in this process or in a worker."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cgrad
from cgrad.utils.data._utils.collate import default_collate
from cgrad.utils.data.dataset import IterableDataset, batch_reader, in_memory

__all__ = ["make_reader"]


def make_reader(
    dataset: Any, batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool
) -> Callable[[Any], Any]:
    """A function from what the sampler yields to what the loader yields.

    Args:
        dataset: of any kind; an iterable one raises StopIteration when it has ended.
        batched: the sampler yields lists (or tensors) of indices.
        collate_fn: joins a list of samples, or converts a single one.
        drop_last: a last batch that an iterable dataset cannot fill is left out.
    """
    if isinstance(dataset, IterableDataset):
        return _iterable_reader(iter(dataset), batched, collate_fn, drop_last)
    if not batched:
        return lambda index: collate_fn(dataset[index])
    if collate_fn is default_collate and in_memory(dataset):
        gather = batch_reader(dataset)
        return lambda indices: gather(_tensor(indices))

    def read(indices: Any) -> Any:
        if isinstance(indices, cgrad.Tensor):
            indices = indices.tolist()
        if callable(getattr(dataset, "__getitems__", None)):
            return collate_fn(dataset.__getitems__(indices))
        return collate_fn([dataset[index] for index in indices])

    return read


def _tensor(indices: Any) -> cgrad.Tensor:
    if isinstance(indices, cgrad.Tensor):
        return indices
    return cgrad.tensor(indices, dtype=cgrad.int64)


def _iterable_reader(
    samples: Iterator[Any], batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool
) -> Callable[[Any], Any]:
    ended = False

    def read(indices: Any) -> Any:
        nonlocal ended
        if not batched:
            return collate_fn(next(samples))
        if ended:
            raise StopIteration
        batch = []
        for _ in indices:
            try:
                batch.append(next(samples))
            except StopIteration:
                ended = True
                break
        if not batch or (drop_last and len(batch) < len(indices)):
            raise StopIteration
        return collate_fn(batch)

    return read
