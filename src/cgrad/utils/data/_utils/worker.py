"""The processes that read samples for a DataLoader.

Each worker has two pipes of its own: tasks come in by one, batches leave by the other, in the
order of the tasks.  No lock or queue is shared, so the death of one process at any point stops
none of the others; what it leaves is a closed pipe.
"""
from __future__ import annotations

import os
import pickle
import queue
import random
import signal
import threading
import traceback
import weakref
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from multiprocessing.reduction import ForkingPickler
from typing import Any

__all__ = ["Ended", "RemoteError", "Worker", "WorkerInfo", "get_worker_info", "stop_workers"]

_GRACE = 5.0            # seconds a worker has to end what it is doing when the loader stops
_LOOK_FOR_PARENT = 2.0  # seconds between looks whether the main process still lives


class Ended:
    """The answer of a worker whose iterable dataset has no more samples."""


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker knows of itself.

    Attributes:
        id: 0 to num_workers - 1.
        num_workers: how many there are.
        seed: of this worker's generators in this epoch: the loader's base seed plus ``id``.
        dataset: this worker's copy.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Return what a worker of a DataLoader knows of itself, and None in the main process.

    Iterable datasets take their share by it.

    Example::

        >>> class Count(cgrad.utils.data.IterableDataset):
        ...     def __iter__(self):
        ...         info = cgrad.utils.data.get_worker_info()
        ...         return iter(range(info.id, 6, info.num_workers) if info else range(6))
        >>> [b.tolist() for b in cgrad.utils.data.DataLoader(Count(), batch_size=3)]
        [[0, 1, 2], [3, 4, 5]]
    """
    return _info


class RemoteError:
    """An exception on its way from a worker: its class, where it can travel, and the traceback."""

    def __init__(self, error: BaseException, where: str) -> None:
        self.kind: Any = type(error)
        self.name = type(error).__name__
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self.message = f"Caught {self.name} {where}.\nOriginal {text}"
        if issubclass(self.kind, StopIteration):
            self.kind = None         # raised from the loader it would look like its end
        try:
            pickle.dumps(self.kind)
        except Exception:
            self.kind = None

    def reraise(self) -> None:
        """Raise an exception of the same class whose message has the worker's traceback.

        A class that is not made from one message, or cannot be sent, becomes RuntimeError.
        """
        error: BaseException | None = None
        if self.kind is not None:
            message = _Text(self.message) if issubclass(self.kind, KeyError) else self.message
            try:
                error = self.kind(message)
            except Exception:
                error = None
        if not isinstance(error, BaseException):
            error = RuntimeError(self.message)
        raise error from None


class _Text(str):
    """A message that KeyError, which shows the repr of its argument, shows line by line."""

    def __repr__(self) -> str:
        return str(self)


# -- in the worker ---------------------------------------------------------------------------------


def _seed(base_seed: int, worker_id: int) -> None:
    import numpy as np

    import cgrad

    random.seed(base_seed + worker_id)
    cgrad.manual_seed(base_seed + worker_id)
    words = [worker_id, base_seed % 2**32, base_seed >> 32, 0]
    np.random.seed(np.random.SeedSequence(words).generate_state(4))


def _receive(tasks: Connection, waiting: queue.SimpleQueue[Any], epoch: list[int]) -> None:
    """A thread: take in tasks at once, and end the process when the main process is gone."""
    parent = os.getppid()
    while True:
        try:
            if tasks.poll(_LOOK_FOR_PARENT):
                task = tasks.recv()
                epoch[0] = task[0]
                waiting.put(task)
            elif os.getppid() != parent:
                os._exit(1)
        except (EOFError, OSError):
            if os.getppid() != parent:
                os._exit(1)          # perhaps in the middle of a long sample: nobody wants it
            waiting.put(None)
            return


def main(
    tasks: Connection, results: Connection, dataset: Any, reader: tuple[Any, ...],
    base_seed: int, init_fn: Any, worker_id: int, num_workers: int,
) -> None:
    """What a worker does: for each task (epoch, indices) send (epoch, batch or RemoteError)."""
    global _info
    import cgrad
    from cgrad.utils.data._utils.fetch import make_reader

    # An interrupt of the terminal goes to all processes; it is the main process that decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    newest = [-1]
    threading.Thread(target=_receive, args=(tasks, waiting, newest), daemon=True).start()
    where = f"in DataLoader worker process {worker_id}"
    failure: RemoteError | None = None
    cgrad.set_num_threads(1)
    _seed(base_seed, worker_id)
    _info = WorkerInfo(worker_id, num_workers, base_seed + worker_id, dataset)
    try:
        if init_fn is not None:
            init_fn(worker_id)
    except Exception as error:
        failure = RemoteError(error, where)
    current, read, ended = -1, None, False
    while True:
        task = waiting.get()
        if task is None:
            return
        epoch, indices = task
        if epoch < newest[0]:
            continue                 # of an epoch that was left early
        if epoch != current:
            current, read, ended = epoch, None, False
        if ended:
            continue
        answer: Any
        try:
            if failure is None:
                if read is None:
                    read = make_reader(dataset, *reader)
                answer = read(indices)
            else:
                answer = failure
        except StopIteration as error:
            if reader_ends(dataset):
                answer, ended = Ended(), True
            else:
                answer = RemoteError(error, where)
        except Exception as error:
            answer = RemoteError(error, where)
        try:
            data = ForkingPickler.dumps((epoch, answer))
        except Exception as error:
            data = ForkingPickler.dumps((epoch, RemoteError(error, where)))
        del answer
        try:
            results.send_bytes(data)
        except OSError:
            return                   # the loader has stopped
        del data


def reader_ends(dataset: Any) -> bool:
    """Whether StopIteration means that the dataset has no more samples."""
    from cgrad.utils.data.dataset import IterableDataset

    return isinstance(dataset, IterableDataset)


# -- in the main process ---------------------------------------------------------------------------

_open: weakref.WeakSet[Connection] = weakref.WeakSet()     # the main process's ends


def _close_inherited() -> None:
    # A child made by fork has copies of all ends; a pipe is closed when its last copy is.
    for connection in list(_open):
        connection.close()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_inherited)


class Worker:
    """The main process's view of one worker."""

    def __init__(self, context: Any, worker_id: int, *arguments: Any) -> None:
        self.id = worker_id
        task_end, self.tasks = context.Pipe(duplex=False)
        self.results, result_end = context.Pipe(duplex=False)
        _open.add(self.tasks)
        _open.add(self.results)
        try:
            self.process = context.Process(
                target=main, args=(task_end, result_end, *arguments), daemon=True,
                name=f"DataLoader worker {worker_id}")
            self.process.start()
        except BaseException:
            self.close()
            raise
        finally:
            task_end.close()
            result_end.close()

    def send(self, task: tuple[int, Any]) -> None:
        """Hand over a task; where the worker is gone, `receive` will say so."""
        with suppress(OSError):
            self.tasks.send(task)

    def receive(self) -> tuple[int, Any]:
        """The next result, once there is one.

        Raises:
            RuntimeError: the worker has died.
        """
        try:
            if not self.results.poll():
                wait_for([self.results, self.process.sentinel])
                if not self.results.poll():
                    raise EOFError
            data = self.results.recv_bytes()
        except (EOFError, OSError):
            raise RuntimeError(self.epitaph()) from None
        return pickle.loads(data)

    def epitaph(self) -> str:
        """How the worker ended."""
        self.process.join(_GRACE)
        code = self.process.exitcode
        text = f"DataLoader worker (pid(s) {self.process.pid}) exited unexpectedly"
        if code is None:
            return text
        if code >= 0:
            return (f"{text}: worker {self.id} ended with exit code {code}; what it printed may "
                    "say why")
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
        return f"{text}: worker {self.id} was killed by signal {name}{hint}"

    def close(self) -> None:
        """Close the pipes, which ends the worker after what it is doing."""
        self.tasks.close()
        self.results.close()


def stop_workers(workers: list[Worker], owner: int) -> None:
    """End all workers; those that take longer than a few seconds are killed."""
    if os.getpid() != owner:
        return                       # a child of the main process has no business with them
    for worker in workers:
        worker.close()
    running = [worker.process for worker in workers if worker.process.exitcode is None]
    if running and not _wait_all(running, _GRACE):
        for process in running:
            process.terminate()
        if not _wait_all(running, 1.0):
            for process in running:
                process.kill()
    for worker in workers:
        worker.process.join(1.0)
    workers.clear()


def _wait_all(processes: list[Any], seconds: float) -> bool:
    """Wait until all have ended; False when the time was not enough."""
    from time import monotonic

    deadline = monotonic() + seconds
    left = {process.sentinel for process in processes}
    while left:
        ready = wait_for(left, max(deadline - monotonic(), 0))
        if not ready:
            return False
        left -= set(ready)
    return True


