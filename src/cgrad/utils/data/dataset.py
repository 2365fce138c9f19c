"""Datasets: what a DataLoader reads."""
from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import cgrad
from cgrad import Tensor

__all__ = ["Dataset", "Subset", "TensorDataset", "random_split"]


class Dataset:
    """Base class: a subclass defines ``__getitem__`` and, for most samplers, ``__len__``."""

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __class_getitem__(cls, item: Any) -> type:
        return cls  # Dataset[int] in annotations of programs


class TensorDataset(Dataset):
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


class Subset(Dataset):
    """The samples of a dataset at given indices.

    Args:
        dataset: where they are taken from.
        indices: which, in this order.
    """

    def __init__(self, dataset: Dataset, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: Sequence[int]) -> list:
        """Return several samples, together where the dataset can."""
        chosen = [self.indices[i] for i in indices]
        if hasattr(self.dataset, "__getitems__"):
            return self.dataset.__getitems__(chosen)
        return [self.dataset[i] for i in chosen]


def _index_tensor(indices: Any) -> Tensor:
    return cgrad.from_numpy(np.array(indices, dtype=np.int64))


def batch_reader(dataset: Any) -> Callable[[Tensor], list[Tensor]] | None:
    """Return a function from an int64 tensor of indices to a batch, for datasets in memory.

    It takes one index operation per tensor. A subclass that computes its samples in a
    ``__getitem__`` of its own has none.
    """
    getitem = getattr(type(dataset), "__getitem__", None)
    if getitem is TensorDataset.__getitem__:
        tensors = dataset.tensors
        return lambda indices: [tensor[indices] for tensor in tensors]
    if getitem is Subset.__getitem__:
        read = batch_reader(dataset.dataset)
        if read is not None:
            chosen = _index_tensor(dataset.indices)
            return lambda indices: read(chosen[indices])
    return None


def random_split(
    dataset: Dataset, lengths: Sequence[int | float], generator: Any = None
) -> list[Subset]:
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
    total = len(dataset)  # type: ignore[arg-type]
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
    parts, start = [], 0
    for length in lengths:
        parts.append(Subset(dataset, order[start : start + int(length)]))
        start += int(length)
    return parts
