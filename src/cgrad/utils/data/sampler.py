"""Samplers: in which order a DataLoader visits a dataset."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import cgrad
from cgrad import Tensor

__all__ = ["BatchSampler", "RandomSampler", "Sampler", "SequentialSampler"]


class Sampler:
    """Base class: a subclass defines ``__iter__`` over indices, and ``__len__`` if it can."""

    def __init__(self, data_source: Any = None) -> None:
        pass

    def __iter__(self) -> Iterator:
        raise NotImplementedError

    def __class_getitem__(cls, item: Any) -> type:
        return cls  # Sampler[int] in annotations of programs


class SequentialSampler(Sampler):
    """0, 1, …, len(data_source) - 1.

    Args:
        data_source: anything with a length.
    """

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def _order(self) -> Tensor:
        return cgrad.arange(len(self.data_source))

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """Indices in random order: a permutation, or draws with replacement.

    Args:
        data_source: anything with a length.
        replacement: draw each index anew. Default: ``False``
        num_samples: how many to draw. Default: the length
        generator: where the numbers come from. Default: the global one

    Raises:
        TypeError: ``replacement`` is not a bool.
        ValueError: ``num_samples`` is not a positive integer.
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got {replacement=}")
        self.data_source = data_source
        self.replacement = replacement
        self.generator = generator
        self._num_samples = num_samples
        if num_samples is not None and (not isinstance(num_samples, int) or num_samples <= 0):
            raise ValueError(
                f"num_samples should be a positive integer value, but got {num_samples=}"
            )

    @property
    def num_samples(self) -> int:
        """How many indices an epoch has; follows a dataset that grows."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def _order(self) -> Tensor:
        length, count = len(self.data_source), self.num_samples
        if not length:
            raise ValueError("cannot draw samples from an empty dataset")
        if self.replacement:
            return cgrad.randint(0, length, (count,), generator=self.generator)
        order = cgrad.randperm(length, generator=self.generator)
        while len(order) < count:
            order = cgrad.cat([order, cgrad.randperm(length, generator=self.generator)])
        return order[:count]

    def __iter__(self) -> Iterator[int]:
        return iter(self._order().tolist())

    def __len__(self) -> int:
        return self.num_samples


def epoch_order(sampler: Any) -> Tensor | None:
    """Draw all indices of an epoch as one int64 tensor, the same that iterating would give.

    Returns None for samplers of other kinds, also for subclasses with an ``__iter__`` of their
    own.
    """
    if getattr(type(sampler), "__iter__", None) in _WHOLE:
        return sampler._order()
    return None


_WHOLE = (SequentialSampler.__iter__, RandomSampler.__iter__)


class BatchSampler(Sampler):
    """Lists of ``batch_size`` indices of another sampler.

    Args:
        sampler: any iterable of indices.
        batch_size: how many make a batch.
        drop_last: leave out a last batch that is smaller.

    Raises:
        ValueError: ``batch_size`` is not a positive integer or ``drop_last`` not a bool.
    """

    def __init__(self, sampler: Iterable, batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(
                f"batch_size should be a positive integer value, but got {batch_size=}"
            )
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got {drop_last=}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list]:
        batch = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return full + (1 if rest and not self.drop_last else 0)
