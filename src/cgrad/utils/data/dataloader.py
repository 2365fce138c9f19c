"""DataLoader: batches of a dataset, one epoch for each iteration over it."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import cgrad
from cgrad import Tensor
from cgrad.utils.data.dataset import batch_reader
from cgrad.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    epoch_order,
)

__all__ = ["DataLoader", "default_collate"]


def default_collate(batch: Sequence) -> Any:
    """Join samples into a batch.

    Tensors and NumPy arrays of one shape are stacked, numbers become a tensor (float64 for
    Python floats), strings stay a list; tuples, lists, named tuples and mappings are joined
    member by member.

    Raises:
        RuntimeError: samples differ in length or shape.
        TypeError: samples are of a type that has no batch.

    Example::

        >>> default_collate([(cgrad.zeros(2), 0), (cgrad.ones(2), 1)])[1].tolist()
        [0, 1]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return cgrad.stack(list(batch), 0)
    if isinstance(first, (np.ndarray, np.generic)):
        return cgrad.as_tensor(np.stack([np.asarray(item) for item in batch]))
    if isinstance(first, float):
        return cgrad.tensor(batch, dtype=cgrad.float64)
    if isinstance(first, int):
        return cgrad.tensor(batch)
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Mapping):
        joined = {key: default_collate([item[key] for item in batch]) for key in first}
        try:
            return type(first)(joined)  # type: ignore[call-arg]
        except TypeError:
            return joined
    if isinstance(first, Sequence):
        if any(len(item) != len(first) for item in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        members = [default_collate(list(group)) for group in zip(*batch)]
        if hasattr(first, "_fields"):
            return type(first)(*members)
        return members
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, "
        f"dicts or lists; found {type(first)}"
    )


class DataLoader:
    """Iterate over a dataset in batches.

    A :class:`TensorDataset`, or a :class:`Subset` of one, is read by one index operation per
    tensor and batch; other datasets sample by sample. Everything happens in this process.

    Args:
        dataset: has ``__getitem__`` and ``__len__``.
        batch_size: samples in a batch; None gives single samples. Default: 1
        shuffle: visit the samples in a new random order each epoch. Default: ``False``
        sampler: an iterable of indices to use instead. Default: none
        batch_sampler: an iterable of lists of indices; replaces the four options of batches.
            Default: none
        num_workers, pin_memory, timeout, worker_init_fn, multiprocessing_context,
            prefetch_factor, persistent_workers, pin_memory_device, in_order: accepted for
            compatibility; they change nothing.
        collate_fn: joins a list of samples. Default: :func:`default_collate`
        drop_last: leave out a last batch that is smaller. Default: ``False``
        generator: where the random order comes from. Default: the global one

    Raises:
        ValueError: options exclude each other, or one is out of range.

    Example::

        >>> data = cgrad.utils.data.TensorDataset(cgrad.arange(5))
        >>> [batch.tolist() for (batch,) in cgrad.utils.data.DataLoader(data, batch_size=2)]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable | None = None,
        batch_sampler: Iterable | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if num_workers < 0:
            raise ValueError(
                "num_workers option should be non-negative; use num_workers=0 to disable "
                "multiprocessing."
            )
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, "
                    "sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive "
                "with drop_last"
            )
        if sampler is None:
            if shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.num_workers = num_workers
        self.pin_memory = pin_memory
        self.collate_fn = default_collate if collate_fn is None else collate_fn
        self._collates = collate_fn is not None

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator:
        if self.batch_sampler is None:
            return self._samples()
        if self.collate_fn is default_collate:
            read = batch_reader(self.dataset)
            if read is not None:
                return map(read, self._batches())
        return self._collated()

    def _samples(self) -> Iterator:
        for index in self.sampler:
            sample = self.dataset[index]
            yield self.collate_fn(sample) if self._collates else sample

    def _collated(self) -> Iterator:
        dataset = self.dataset
        for batch in self.batch_sampler:  # type: ignore[union-attr]
            if hasattr(dataset, "__getitems__"):
                samples = dataset.__getitems__(batch)
            else:
                samples = [dataset[index] for index in batch]
            yield self.collate_fn(samples)

    def _batches(self) -> Iterator[Tensor]:
        """The indices of each batch as a tensor, from one drawing of the whole epoch if we can."""
        size = self.batch_size
        order = None if size is None else epoch_order(self.sampler)
        if size is None or order is None:
            for batch in self.batch_sampler:  # type: ignore[union-attr]
                yield cgrad.tensor(batch, dtype=cgrad.int64)
            return
        end = len(order)
        if self.drop_last:
            end -= end % size
        for start in range(0, end, size):
            yield order[start : start + size]
