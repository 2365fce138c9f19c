"""DataLoader: batches of a dataset, one epoch for each iteration over it."""
from __future__ import annotations

import itertools
import math
import multiprocessing
import os
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait as wait_for
from time import monotonic
from typing import Any, Generic, TypeVar

import cgrad
from cgrad._engine.table import begin_range, end_range
from cgrad.utils.data._utils.collate import default_collate, default_convert
from cgrad.utils.data._utils.fetch import make_reader
from cgrad.utils.data._utils.worker import (
    Ended,
    RemoteError,
    Worker,
    get_worker_info,
    stop_workers,
)
from cgrad.utils.data.dataset import IterableDataset, in_memory
from cgrad.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    epoch_order,
)

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)

_FIXED = {"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"}


class _Endless(Sampler[None]):
    """What an iterable dataset is asked with: it knows itself when to end."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class DataLoader(Generic[T_co]):
    """Iterate over a dataset in batches.

    A :class:`TensorDataset`, or a :class:`Subset` of one, is read by one index operation per
    tensor and batch; other datasets sample by sample.

    With ``num_workers`` the samples are read by as many processes, which live for one epoch (or
    for as long as the loader, with ``persistent_workers``). An exception in a worker is raised
    here, with the class and the traceback it had there; the death of a worker is a RuntimeError.
    Leaving a loop early ends the workers. Worker ``i`` starts with Python's, NumPy's and cgrad's
    generators seeded from a number that is drawn for each epoch, plus ``i``.

    Args:
        dataset: has ``__getitem__`` and ``__len__``, or is an :class:`IterableDataset`.
        batch_size: samples in a batch; None gives single samples. Default: 1
        shuffle: visit the samples in a new random order each epoch. Default: ``False``
        sampler: an iterable of indices to use instead. Default: none
        batch_sampler: an iterable of lists of indices; replaces the four options of batches.
            Default: none
        num_workers: processes that read samples; 0 reads in this one. Default: 0
        collate_fn: joins a list of samples. Default: :func:`default_collate`, and
            :func:`default_convert` for single samples
        pin_memory: accepted; memory is the CPU's. Default: ``False``
        drop_last: leave out a last batch that is smaller. Default: ``False``
        timeout: seconds to wait for a batch of a worker; 0 waits for ever. Default: 0
        worker_init_fn: called in each worker with its number before the first sample.
            Default: none
        multiprocessing_context: a start method ("fork", "spawn", "forkserver") or a context of
            ``multiprocessing``. Default: that module's own
        generator: where the random order and the seeds of workers come from.
            Default: the global one
        prefetch_factor: batches that each worker may be ahead. Default: 2 with workers
        persistent_workers: keep the workers between epochs. Default: ``False``
        pin_memory_device: accepted.
        in_order: with workers, give batches in the order of the sampler rather than as they are
            ready. Default: ``True``

    Raises:
        ValueError: options exclude each other, or one is out of range.

    Example::

        >>> data = cgrad.utils.data.TensorDataset(cgrad.arange(5))
        >>> [batch.tolist() for (batch,) in cgrad.utils.data.DataLoader(data, batch_size=2)]
        [[0, 1], [2, 3], [4]]
    """

    dataset: Any
    batch_size: int | None
    num_workers: int
    pin_memory: bool
    drop_last: bool
    timeout: float
    sampler: Any
    pin_memory_device: str
    prefetch_factor: int | None
    _initialized = False
    _iterator: _WorkersIterator | None = None

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
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
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError(
                "prefetch_factor option could only be specified in multiprocessing. Let "
                "num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
            )
        if prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")
        iterable = isinstance(dataset, IterableDataset)
        if iterable:
            for name, value in (("shuffle", shuffle or None), ("sampler", sampler),
                                ("batch_sampler", batch_sampler)):
                if value is not None:
                    raise ValueError(f"DataLoader with IterableDataset: expected unspecified "
                                     f"{name} option, but got {name}={value}")
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
            if iterable:
                sampler = _Endless()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._told_length: int | None = None
        self._initialized = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._initialized and name in _FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is "
                             "initialized")
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self) -> Any:
        """How processes are started; None stands for the default of ``multiprocessing``."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        if context is not None and self.num_workers == 0:
            raise ValueError("multiprocessing_context can only be used with multi-process loading "
                             "(num_workers > 0), but got num_workers=0")
        if isinstance(context, str):
            known = multiprocessing.get_all_start_methods()
            if context not in known:
                raise ValueError("multiprocessing_context option should specify a valid start "
                                 f"method in {known!r}, but got {context!r}")
            context = multiprocessing.get_context(context)
        elif context is not None and not isinstance(context, multiprocessing.context.BaseContext):
            raise TypeError("multiprocessing_context option should be a valid context object or a "
                            f"string specifying the start method, but got {context!r}")
        self._context = context

    def __len__(self) -> int:
        """The number of batches in an epoch; of an iterable dataset, what its length promises."""
        if not isinstance(self.dataset, IterableDataset):
            return len(self._index_sampler)
        self._told_length = length = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else math.ceil(length / self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        if self.num_workers == 0:
            return _Iterator(self)
        if self.persistent_workers and self._iterator is not None and self._iterator.alive():
            self._iterator.start_epoch(self)
            return self._iterator
        iterator = _WorkersIterator(self)
        if self.persistent_workers:
            self._iterator = iterator
        return iterator

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_iterator"}

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def _tasks(self) -> Iterator[Any]:
        """What is read for each batch: an index, a list of them, or a tensor for data in memory.

        For data in memory all batches of the epoch are cut from one drawing, if the sampler can.
        """
        if (self.batch_size is None or type(self.batch_sampler) is not BatchSampler
                or self.collate_fn is not default_collate or not in_memory(self.dataset)):
            return iter(self._index_sampler)
        order = epoch_order(self.batch_sampler.sampler)
        if order is None:
            return iter(self.batch_sampler)
        size = self.batch_size
        end = len(order) - (len(order) % size if self.drop_last else 0)
        return (order[start : start + size] for start in range(0, end, size))

    def _base_seed(self) -> int:
        return int(cgrad.empty((), dtype=cgrad.int64).random_(generator=self.generator).item())


class _Iterator:
    """An epoch in this process."""

    _hint = ""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._base_seed = loader._base_seed()     # drawn with and without workers: the same order
        self._start(loader)
        self._read = make_reader(loader.dataset, loader._auto_collation, loader.collate_fn,
                                 loader.drop_last)

    def _start(self, loader: DataLoader[Any]) -> None:
        self._dataset = loader.dataset
        self._iterable = isinstance(loader.dataset, IterableDataset)
        self._index_sampler = loader._index_sampler
        self._todo = loader._tasks()
        self._told_length = loader._told_length
        self._yielded = 0

    def __iter__(self) -> _Iterator:
        return self

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __next__(self) -> Any:
        event = begin_range(f"enumerate(DataLoader)#{type(self).__name__}.__next__")
        try:
            batch = self._next()
        finally:
            end_range(event)
        self._yielded += 1
        if self._iterable and self._told_length is not None and self._yielded > self._told_length:
            warnings.warn(
                f"Length of IterableDataset {self._dataset} was reported to be "
                f"{self._told_length} (when accessing len(dataloader)), but {self._yielded} "
                f"samples have been fetched. {self._hint}", stacklevel=2)
        return batch

    def _next(self) -> Any:
        task = next(self._todo)
        try:
            return self._read(task)
        except StopIteration:
            if self._iterable:
                raise
            raise RuntimeError(f"{type(self._dataset).__name__} raised StopIteration for the "
                               f"indices {task!r}") from None


class _WorkersIterator(_Iterator):
    """An epoch, or with persistent workers several, read by other processes.

    Tasks go round the workers, and each answers in the order it was asked: so the next batch is
    the next answer of the worker that comes first in `_pending`.
    """

    _hint = ("Every worker iterates over the whole dataset unless it takes its share by "
             "get_worker_info().")

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._base_seed = loader._base_seed()
        self._timeout = loader.timeout or None
        self._in_order = loader.in_order
        self._persistent = loader.persistent_workers
        self._ahead = max(loader.prefetch_factor or 1, 1)
        self._epoch = -1
        self._workers: list[Worker] = []
        self._stop = weakref.finalize(self, stop_workers, self._workers, os.getpid())
        context = loader.multiprocessing_context or multiprocessing.get_context()
        reader = (loader._auto_collation, loader.collate_fn, loader.drop_last)
        try:
            for i in range(loader.num_workers):
                self._workers.append(Worker(
                    context, i, loader.dataset, reader, self._base_seed, loader.worker_init_fn, i,
                    loader.num_workers))
            self.start_epoch(loader)
        except BaseException:
            self._stop()
            raise

    def alive(self) -> bool:
        """Whether the workers have not been stopped."""
        return self._stop.alive

    def start_epoch(self, loader: DataLoader[Any]) -> None:
        """Give out the first tasks; answers to what is left of the epoch before are dropped."""
        self._start(loader)
        self._epoch += 1
        self._active = [True] * len(self._workers)
        self._load = [0] * len(self._workers)
        self._turn = 0
        self._pending: deque[int] = deque()
        for _ in range(self._ahead * len(self._workers)):
            self._put()

    def _put(self) -> None:
        """Give the next task to the next worker that can take one."""
        for _ in range(len(self._workers)):
            worker, self._turn = self._turn, (self._turn + 1) % len(self._workers)
            if self._active[worker] and (self._in_order or self._load[worker] < self._ahead):
                break
        else:
            return
        try:
            task = next(self._todo)
        except StopIteration:
            return
        self._pending.append(worker)
        self._load[worker] += 1
        self._workers[worker].send((self._epoch, task))

    def _next(self) -> Any:
        while True:
            while self._pending and not self._active[self._pending[0]]:
                self._pending.popleft()
            if not self._pending:
                if not self._persistent:
                    self._stop()
                raise StopIteration
            worker, answer = self._receive()
            self._pending.remove(worker)
            self._load[worker] -= 1
            if isinstance(answer, Ended):
                self._active[worker] = False
            self._put()
            if isinstance(answer, RemoteError):
                answer.reraise()
            if not isinstance(answer, Ended):
                return answer

    def _receive(self) -> tuple[int, Any]:
        """The number of a worker and its next answer in this epoch."""
        deadline = None if self._timeout is None else monotonic() + self._timeout
        while True:
            asked = [self._pending[0]] if self._in_order else set(self._pending)
            sources: dict[Any, int] = {}
            for i in asked:
                sources[self._workers[i].results] = i
                sources[self._workers[i].process.sentinel] = i
            ready = wait_for(
                list(sources), None if deadline is None else max(deadline - monotonic(), 0))
            if not ready:
                raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
            worker = self._workers[sources[ready[0]]]
            try:
                epoch, answer = worker.receive()
            except BaseException:
                # A death, or an interrupt in the middle of an answer.
                self._stop()
                raise
            if epoch == self._epoch:
                return worker.id, answer
