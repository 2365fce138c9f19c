"""Datasets: what a DataLoader reads."""
from __future__ import annotations

import bisect
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

import numpy as np

import cgrad
from cgrad import Tensor

__all__ = [
    "ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "StackDataset", "Subset",
    "TensorDataset", "random_split",
]  # fmt: skip

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """Base class: a subclass defines ``__getitem__`` and, for most samplers, ``__len__``.

    A subclass may also define ``__getitems__``, which takes a list of indices and returns a list
    of samples; loaders then ask for a whole batch at once.  ``a + b`` is a :class:`ConcatDataset`.

    Example::

        >>> class Squares(cgrad.utils.data.Dataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, i):
        ...         return i * i
        >>> [list(batch) for batch in cgrad.utils.data.DataLoader(Squares(), batch_size=2)]
        [[tensor(0), tensor(1)], [tensor(4)]]
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Dataset[T_co]) -> ConcatDataset[T_co]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Base class of datasets that are read from front to end: a subclass defines ``__iter__``.

    With workers each of them iterates over a copy of its own, so a dataset that is not to be
    delivered several times has to take its share: see :func:`get_worker_info`.
    ``a + b`` is a :class:`ChainDataset`.

    Example::

        >>> class Count(cgrad.utils.data.IterableDataset):
        ...     def __iter__(self):
        ...         return iter(range(5))
        >>> [b.tolist() for b in cgrad.utils.data.DataLoader(Count(), batch_size=2)]
        [[0, 1], [2, 3], [4]]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError("Subclasses of IterableDataset should implement __iter__.")

    def __add__(self, other: Dataset[T_co]) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors of the same length; a sample is a tuple of one row of each.

    Args:
        *tensors: of any shapes with the same first dimension.

    Raises:
        AssertionError: the first dimensions differ.

    Example::

        >>> data = cgrad.utils.data.TensorDataset(cgrad.arange(3.0), cgrad.arange(3))
        >>> len(data), [value.item() for value in data[2]]
        (3, [2.0, 2])
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        if any(len(tensor) != len(tensors[0]) for tensor in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, ...]]:
        """Return several samples; the rows are views of one gathered tensor each."""
        if type(self).__getitem__ is not TensorDataset.__getitem__:
            return [self[index] for index in indices]
        rows = self[_index_tensor(indices)]
        return list(zip(*(tensor.unbind(0) for tensor in rows)))


class StackDataset(Dataset[Any]):
    """Several datasets side by side: a sample is a tuple of one sample of each.

    Args:
        *args: datasets of the same length; samples are tuples.
        **kwargs: datasets by name instead; samples are dictionaries.

    Raises:
        ValueError: the lengths differ, there is no dataset, or both forms are used.

    Example::

        >>> from cgrad.utils.data import StackDataset
        >>> StackDataset([1, 2], ["a", "b"])[1], StackDataset(x=[1, 2], y="ab")[0]
        ((2, 'b'), {'x': 1, 'y': 'a'})
    """

    datasets: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("Supported either ``tuple``- (via ``args``) or ``dict``- (via "
                             "``kwargs``) like input/output, but both types are given.")
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")
        self.datasets = args or kwargs
        lengths = {len(dataset) for dataset in args or kwargs.values()}
        if len(lengths) > 1:
            raise ValueError(f"Size mismatch between datasets: lengths {sorted(lengths)}")
        (self._length,) = lengths

    def _each(self, function: Callable[[Any], Any]) -> Any:
        if isinstance(self.datasets, dict):
            return {key: function(dataset) for key, dataset in self.datasets.items()}
        return tuple(function(dataset) for dataset in self.datasets)

    def __getitem__(self, index: Any) -> Any:
        return self._each(lambda dataset: dataset[index])

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return several samples, together where a dataset can."""
        groups = self._each(lambda dataset: _samples(dataset, indices))
        if isinstance(groups, dict):
            return [dict(zip(groups, sample)) for sample in zip(*groups.values())]
        return list(zip(*groups))

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[T_co]):
    """Datasets one after the other.

    Args:
        datasets: they have lengths; none is an :class:`IterableDataset`.

    Raises:
        AssertionError: there is no dataset, or one is iterable only.
        ValueError: a negative index is beyond the front.

    Example::

        >>> data = cgrad.utils.data.ConcatDataset(["abc", "de"])
        >>> len(data), data[3], data[-3], data.cumulative_sizes
        (5, 'd', 'c', [3, 5])
    """

    datasets: list[Any]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = self.cumsum(self.datasets)

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        """Return the lengths, added up from the first."""
        return list(accumulate(map(len, sequence)))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: Any) -> T_co:
        if idx < 0:
            if -idx > len(self):
                raise ValueError("absolute value of index should not exceed dataset length: "
                                 f"index {idx}, length {len(self)}")
            idx += len(self)
        elif idx >= len(self):
            raise IndexError(f"index {idx} is out of range of a dataset of length {len(self)}")
        which = bisect.bisect_right(self.cumulative_sizes, idx)
        return self.datasets[which][idx - (self.cumulative_sizes[which - 1] if which else 0)]

    @property
    def cummulative_sizes(self) -> list[int]:
        """The old spelling of ``cumulative_sizes``."""
        warnings.warn("cummulative_sizes attribute is renamed to cumulative_sizes",
                      DeprecationWarning, stacklevel=2)
        return self.cumulative_sizes


class ChainDataset(IterableDataset[Any]):
    """Iterable datasets one after the other.

    Args:
        datasets: each an :class:`IterableDataset`; others are an AssertionError when reached.

    Example::

        >>> class Count(cgrad.utils.data.IterableDataset):
        ...     def __iter__(self):
        ...         return iter(range(2))
        >>> list(cgrad.utils.data.ChainDataset([Count(), Count()]))
        [0, 1, 0, 1]
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def _checked(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError("ChainDataset only supports IterableDataset, but got "
                                     f"{type(dataset).__name__}")
            yield dataset

    def __iter__(self) -> Iterator[Any]:
        for dataset in self._checked():
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self._checked())


class Subset(Dataset[T_co]):
    """The samples of a dataset at given indices.

    Args:
        dataset: where they are taken from.
        indices: which, in this order.

    Example::

        >>> cgrad.utils.data.Subset("abcde", [4, 0])[0]
        'e'
    """

    dataset: Any
    indices: Sequence[int]

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, idx: Any) -> T_co:
        if isinstance(idx, list):
            return self.dataset[[self.indices[i] for i in idx]]
        return self.dataset[self.indices[idx]]

    def __getitems__(self, indices: Sequence[int]) -> list[T_co]:
        """Return several samples, together where the dataset can."""
        return _samples(self.dataset, [self.indices[i] for i in indices])

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_rows"}

    def _index_rows(self) -> Tensor:
        """``indices`` as a tensor; a list is converted again only when it has changed."""
        if type(self.indices) is not list:
            return _index_tensor(self.indices)
        kept = self.__dict__.get("_rows")
        if kept is None or kept[0] != self.indices:
            kept = self.__dict__["_rows"] = (self.indices.copy(), _index_tensor(self.indices))
        return kept[1]


def _samples(dataset: Any, indices: Sequence[int]) -> list[Any]:
    """The samples at several indices, together where the dataset can."""
    get = getattr(dataset, "__getitems__", None)
    if not callable(get):
        return [dataset[i] for i in indices]
    samples = get(indices)
    if len(samples) != len(indices):
        raise ValueError(f"{type(dataset).__name__}.__getitems__ returned {len(samples)} samples "
                         f"for {len(indices)} indices")
    return samples


def _index_tensor(indices: Any) -> Tensor:
    if isinstance(indices, Tensor):
        return indices.to(cgrad.int64)
    return cgrad.from_numpy(np.array(indices, dtype=np.int64))


def in_memory(dataset: Any) -> bool:
    """Whether a dataset is tensors, or indices into such a dataset: one operation reads a batch.

    A subclass that computes its samples in a ``__getitem__`` or ``__getitems__`` of its own is
    not.
    """
    kind = type(dataset)
    methods = getattr(kind, "__getitem__", None), getattr(kind, "__getitems__", None)
    if methods == (Subset.__getitem__, Subset.__getitems__):
        return in_memory(dataset.dataset)
    return methods == (TensorDataset.__getitem__, TensorDataset.__getitems__)


def batch_reader(dataset: Any) -> Callable[[Tensor], list[Tensor]]:
    """Return a function from an int64 tensor of indices to a batch, for datasets in memory.

    It takes one index operation per tensor, and one more for each :class:`Subset`.
    """
    if isinstance(dataset, TensorDataset):
        tensors = dataset.tensors
        return lambda indices: [tensor[indices] for tensor in tensors]
    read, chosen = batch_reader(dataset.dataset), dataset._index_rows()
    return lambda indices: read(chosen[indices])


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Any = None
) -> list[Subset[Any]]:
    """Split a dataset at random into parts that do not overlap.

    Args:
        dataset: what to split.
        lengths: of the parts, adding up to ``len(dataset)``; or fractions, adding up to 1, of
            which the first parts get the samples that rounding leaves over.
        generator: where the permutation comes from. Default: the global one

    Raises:
        ValueError: the lengths or fractions do not add up, or a fraction is out of range.

    Example::

        >>> data = cgrad.utils.data.TensorDataset(cgrad.arange(10))
        >>> [len(part) for part in cgrad.utils.data.random_split(data, [0.8, 0.2])]
        [8, 2]
    """
    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        for i, fraction in enumerate(lengths):
            if not 0 <= fraction <= 1:
                raise ValueError(f"Fraction at index {i} is not between 0 and 1")
        counts = [math.floor(total * fraction) for fraction in lengths]
        for i in range(total - sum(counts)):
            counts[i % len(counts)] += 1
        for i, count in enumerate(counts):
            if count == 0:
                warnings.warn(
                    f"Length of split at index {i} is 0. This might result in an empty dataset.",
                    stacklevel=2,
                )
        lengths = counts
    if sum(lengths) != total:
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    order = cgrad.randperm(total, generator=generator).tolist()
    ends = list(accumulate(int(length) for length in lengths))
    return [Subset(dataset, order[end - int(n) : end]) for n, end in zip(lengths, ends)]
