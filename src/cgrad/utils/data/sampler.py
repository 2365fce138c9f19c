"""Samplers: in which order a DataLoader visits a dataset."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import cgrad
from cgrad import Tensor

__all__ = [
    "BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler",
    "WeightedRandomSampler",
]  # fmt: skip

T_co = TypeVar("T_co", covariant=True)

_AT_ONCE = 1 << 16  # draws with replacement: num_samples=10**10 is how one asks for endless epochs


class Sampler(Generic[T_co]):
    """Base class: a subclass defines ``__iter__`` over indices, and ``__len__`` if it can.

    Example::

        >>> class Backwards(cgrad.utils.data.Sampler):
        ...     def __init__(self, data):
        ...         self.data = data
        ...     def __iter__(self):
        ...         return iter(range(len(self.data) - 1, -1, -1))
        >>> list(Backwards("abc"))
        [2, 1, 0]
    """

    def __init__(self, data_source: Any = None) -> None:
        pass

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError


class _WholeEpoch(Sampler[int]):
    """Samplers that know all indices of an epoch at its start, as one tensor."""

    def _order(self) -> Tensor:
        raise NotImplementedError

    def __iter__(self) -> Iterator[int]:
        return iter(self._order().tolist())


class SequentialSampler(_WholeEpoch):
    """0, 1, …, len(data_source) - 1.

    Args:
        data_source: anything with a length.

    Example::

        >>> list(cgrad.utils.data.SequentialSampler("abc"))
        [0, 1, 2]
    """

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def _order(self) -> Tensor:
        return cgrad.arange(len(self.data_source))

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Indices in random order: a permutation, or draws with replacement.

    Args:
        data_source: anything with a length.
        replacement: draw each index anew. Default: ``False``
        num_samples: how many to draw; beyond the length further permutations follow.
            Default: the length
        generator: where the numbers come from. Default: the global one

    Raises:
        TypeError: ``replacement`` is not a bool.
        ValueError: ``num_samples`` is not a positive integer, or the dataset is empty.

    Example::

        >>> sorted(cgrad.utils.data.RandomSampler(range(4)))
        [0, 1, 2, 3]
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got {replacement=}")
        _check_positive("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many indices an epoch has; follows a dataset that grows."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def _pieces(self) -> Iterator[Tensor]:
        length, left = len(self.data_source), self.num_samples
        if not length:
            raise ValueError("cannot draw samples from an empty dataset")
        while left > 0:
            if self.replacement:
                size = (min(left, _AT_ONCE),)
                piece = cgrad.randint(0, length, size, generator=self.generator)
            else:
                piece = cgrad.randperm(length, generator=self.generator)[:left]
            yield piece
            left -= len(piece)

    def _order(self) -> Tensor | None:
        if self.num_samples > max(_AT_ONCE, len(self.data_source)):
            return None
        pieces = list(self._pieces())
        return pieces[0] if len(pieces) == 1 else cgrad.cat(pieces)

    def __iter__(self) -> Iterator[int]:
        return (i for piece in self._pieces() for i in piece.tolist())

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """Given indices in a new random order each time.

    Args:
        indices: a sequence of them.
        generator: where the permutation comes from. Default: the global one

    Example::

        >>> sorted(cgrad.utils.data.SubsetRandomSampler([7, 3, 5]))
        [3, 5, 7]
    """

    indices: Sequence[int]

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        order = cgrad.randperm(len(self.indices), generator=self.generator)
        return map(self.indices.__getitem__, order.tolist())

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(_WholeEpoch):
    """Indices drawn with probabilities proportional to weights.

    Args:
        weights: one for each sample of the dataset; they need not add up to 1.
        num_samples: how many to draw.
        replacement: an index may be drawn more than once. Default: ``True``
        generator: where the numbers come from. Default: the global one

    Raises:
        ValueError: ``num_samples`` is not a positive integer, ``replacement`` not a bool, or the
            weights do not have one dimension.

    Example::

        >>> list(cgrad.utils.data.WeightedRandomSampler([0.0, 2.0, 0.0], 4))
        [1, 1, 1, 1]
    """

    weights: Tensor

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        generator: Any = None,
    ) -> None:
        _check_positive("num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got {replacement=}")
        self.weights = cgrad.as_tensor(weights, dtype=cgrad.float64)
        if self.weights.dim() != 1:
            raise ValueError("weights should be a 1d sequence but given weights have shape "
                             f"{tuple(self.weights.shape)}")
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def _order(self) -> Tensor:
        return cgrad.multinomial(self.weights, self.num_samples, self.replacement,
                                 generator=self.generator)

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[Any]]):
    """Lists of ``batch_size`` indices of another sampler.

    Args:
        sampler: any iterable of indices.
        batch_size: how many make a batch.
        drop_last: leave out a last batch that is smaller.

    Raises:
        ValueError: ``batch_size`` is not a positive integer or ``drop_last`` not a bool.

    Example::

        >>> order = cgrad.utils.data.SequentialSampler(range(5))
        >>> list(cgrad.utils.data.BatchSampler(order, 2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        _check_positive("batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got {drop_last=}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[Any]]:
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


def _check_positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value!r}")


def epoch_order(sampler: Any) -> Tensor | None:
    """Draw all indices of an epoch as one int64 tensor, the same that iterating would give.

    Returns None for samplers of other kinds, also for subclasses with an ``__iter__`` of their
    own, and for epochs that are drawn piece by piece.
    """
    if getattr(type(sampler), "__iter__", None) in _WHOLE:
        return sampler._order()
    return None


_WHOLE = (SequentialSampler.__iter__, RandomSampler.__iter__, _WholeEpoch.__iter__)
