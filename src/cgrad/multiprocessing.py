"""Python's ``multiprocessing``, and ``spawn``; tensors travel between processes by pickle.

A tensor that is sent arrives as a copy: no memory is shared.
"""
from __future__ import annotations

import multiprocessing
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing import *  # noqa: F403
from multiprocessing.connection import wait as _wait
from typing import Any

__all__ = [
    *multiprocessing.__all__, "ProcessContext", "ProcessExitedException",
    "ProcessRaisedException", "get_all_sharing_strategies", "get_sharing_strategy",
    "set_sharing_strategy", "spawn", "start_processes",
]  # fmt: skip


class ProcessRaisedException(Exception):
    """A process ended by an exception, whose traceback is the message."""

    def __init__(self, msg: str, error_index: int, error_pid: int) -> None:
        super().__init__(msg)
        self.msg = msg
        self.error_index = error_index
        self.error_pid = error_pid


class ProcessExitedException(Exception):
    """A process was killed or ended with an exit code."""

    def __init__(
        self,
        msg: str,
        error_index: int,
        error_pid: int,
        exit_code: int,
        signal_name: str | None = None,
    ) -> None:
        super().__init__(msg)
        self.msg = msg
        self.error_index = error_index
        self.error_pid = error_pid
        self.exit_code = exit_code
        self.signal_name = signal_name


def get_all_sharing_strategies() -> set[str]:
    """The one there is: "file_descriptor", which stands for sending by pickle."""
    return {"file_descriptor"}


def get_sharing_strategy() -> str:
    """"file_descriptor"."""
    return "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepts PyTorch's strategies, without effect: tensors are copied.

    Raises:
        ValueError: it is no strategy.
    """
    if new_strategy not in ("file_descriptor", "file_system"):
        raise ValueError(f"set_sharing_strategy: unknown strategy {new_strategy!r}; expected "
                         "'file_descriptor' or 'file_system'")


def _call(fn: Callable[..., Any], index: int, args: tuple[Any, ...], errors: Any) -> None:
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass                              # of the terminal; the parent has it too
    except Exception:
        errors.send(traceback.format_exc())
        sys.exit(1)


class ProcessContext:
    """Processes that :func:`start_processes` has started."""

    def __init__(self, processes: list[Any], errors: list[Any]) -> None:
        self.processes = processes
        self._errors = errors

    def pids(self) -> list[int]:
        """The numbers of the processes in the system."""
        return [process.pid for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait until a process has failed or all have ended; True when all have ended.

        When one has failed the others are terminated.

        Raises:
            ProcessRaisedException: a process ended by an exception.
            ProcessExitedException: a process was killed or has an exit code.
        """
        running = {process.sentinel for process in self.processes if process.exitcode is None}
        if running and all(process.exitcode in (None, 0) for process in self.processes):
            _wait(running, timeout)
        codes = [process.exitcode for process in self.processes]
        failed = [i for i, code in enumerate(codes) if code]
        if not failed:
            return None not in codes
        for process in self.processes:
            if process.is_alive():
                process.terminate()
        for process in self.processes:
            process.join(grace_period if grace_period is not None else 30)
            if process.is_alive():
                process.kill()
                process.join()
        self._report(failed[0])
        return True

    def _report(self, index: int) -> None:
        process, errors = self.processes[index], self._errors[index]
        try:
            text = errors.recv() if errors.poll() else None
        except EOFError:
            text = None
        if text is not None:
            raise ProcessRaisedException(
                f"\n\n-- Process {index} terminated with the following error:\n{text}", index,
                process.pid)
        code = process.exitcode
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = f"<Unknown signal {-code}>"
            raise ProcessExitedException(f"process {index} terminated with signal {name}", index,
                                         process.pid, code, name)
        raise ProcessExitedException(f"process {index} terminated with exit code {code}", index,
                                     process.pid, code)


def start_processes(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Call ``fn(i, *args)`` in ``nprocs`` processes, i from 0 on; see :func:`spawn`."""
    context = multiprocessing.get_context(start_method)
    processes: list[Any] = []
    errors = []
    for i in range(nprocs):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(  # type: ignore[attr-defined]
            target=_call, args=(fn, i, args, sender), daemon=daemon)
        process.start()
        sender.close()
        processes.append(process)
        errors.append(receiver)
    started = ProcessContext(processes, errors)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Call ``fn(i, *args)`` in new processes, and wait for them.

    Args:
        fn: a function of a module, called with the number of the process and ``args``.
        args: further arguments. Default: none
        nprocs: how many processes. Default: 1
        join: wait for them; otherwise a :class:`ProcessContext` is returned. Default: ``True``
        daemon: end them with this process. Default: ``False``
        start_method: "spawn", "fork" or "forkserver". Default: "spawn"

    Raises:
        ProcessRaisedException: a process ended by an exception; the others are terminated.
        ProcessExitedException: a process was killed or has an exit code.
    """
    return start_processes(fn, args, nprocs, join, daemon, start_method)
