"""DistributedSampler: the share that one of several processes has in a dataset."""
from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cgrad.utils.data.sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th index, from the ``rank``-th on, of an order all ranks agree on.

    All ranks get equally many: the order is continued from its front, or cut with ``drop_last``.
    The order depends on ``seed`` and the epoch alone, and is PyTorch's.

    Args:
        dataset: anything with a length.
        num_replicas: how many processes share it. Default: 1, as there are no process groups
        rank: which of them this is. Default: 0
        shuffle: order the indices at random. Default: ``True``
        seed: the same in all processes. Default: 0
        drop_last: leave out the last indices instead of repeating the first. Default: ``False``

    Raises:
        ValueError: ``rank`` is not in [0, num_replicas).

    Example::

        >>> from cgrad.utils.data.distributed import DistributedSampler
        >>> [list(DistributedSampler(range(5), 2, rank, shuffle=False)) for rank in (0, 1)]
        [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.num_replicas = 1 if num_replicas is None else num_replicas
        self.rank = 0 if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval "
                             f"[0, {self.num_replicas - 1}]")
        self.dataset = dataset
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed
        length = len(dataset)
        self.num_samples = (length // self.num_replicas if drop_last
                            else math.ceil(length / self.num_replicas))
        self.total_size = self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[int]:
        length = len(self.dataset)
        order = (_permutation(length, self.seed + self.epoch) if self.shuffle
                 else list(range(length)))
        if length and len(order) < self.total_size:
            order = (order * math.ceil(self.total_size / length))
        return iter(order[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of another epoch; to be called in every process before each epoch."""
        self.epoch = epoch


def _permutation(n: int, seed: int) -> list[int]:
    """PyTorch's ``randperm`` for a seed: Fisher and Yates with the words of a Mersenne twister."""
    words = np.random.RandomState(seed % 2**32).randint(2**32, size=max(n - 1, 0), dtype=np.uint32)
    order = list(range(n))
    left = n - np.arange(len(words), dtype=np.uint64)
    for i, step in enumerate((words.astype(np.uint64) % left).tolist()):
        order[i], order[i + step] = order[i + step], order[i]
    return order
