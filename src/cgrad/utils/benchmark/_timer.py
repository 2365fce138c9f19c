"""Timer and Measurement: repeated runs of a statement by the standard library's timeit."""
from __future__ import annotations

import enum
import math
import statistics
import timeit
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import Any

import cgrad

__all__ = ["Language", "Measurement", "Timer", "scaled"]

_UNITS = [(1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")]


class Language(enum.Enum):
    """What a statement is written in; only Python can be run."""

    PYTHON = 0
    CPP = 1


def scaled(seconds: float) -> tuple[str, float]:
    """The unit in which a time has one to three digits before the point, and its size."""
    for size, unit in _UNITS:
        if seconds >= size:
            return unit, size
    return _UNITS[-1][1], _UNITS[-1][0]


class Measurement:
    """Times of a statement.

    Args:
        number_per_run: how often the statement ran in each measured time.
        raw_times: the measured times, in seconds.
        task_spec: the :class:`Timer` they come from.
    """

    def __init__(self, number_per_run: int, raw_times: Sequence[float], task_spec: Timer) -> None:
        self.number_per_run = number_per_run
        self.raw_times = list(raw_times)
        self.task_spec = task_spec

    @property
    def times(self) -> list[float]:
        """Seconds for one run of the statement, for each measured time."""
        return [time / self.number_per_run for time in self.raw_times]

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.mean(self.times)

    @property
    def median(self) -> float:
        """Their median."""
        return statistics.median(self.times)

    @property
    def iqr(self) -> float:
        """The distance between their quartiles."""
        if len(self.raw_times) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.times, n=4, method="inclusive")
        return high - low

    @property
    def has_warnings(self) -> bool:
        """Whether the times spread by more than a tenth of the median."""
        return self.iqr > 0.1 * self.median

    @property
    def significant_figures(self) -> int:
        """How many digits of the median the spread leaves, at least 1."""
        error = self.iqr / 1.35 / math.sqrt(len(self.raw_times))
        if not error:
            return 3
        return max(1, min(3, int(math.log10(self.median / error))))

    @property
    def title(self) -> str:
        """What was measured."""
        return self.task_spec.title

    def __getattr__(self, name: str) -> Any:
        if name in ("label", "sub_label", "description", "env", "num_threads", "stmt", "setup"):
            return getattr(self.task_spec, name)
        raise AttributeError(f"'Measurement' object has no attribute {name!r}")

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """Join measurements of the same statement, label, environment and number of threads."""
        groups: dict[Any, list[Measurement]] = {}
        for m in measurements:
            groups.setdefault((m.task_spec.key, m.number_per_run), []).append(m)
        return [Measurement(group[0].number_per_run, [t for m in group for t in m.raw_times],
                            group[0].task_spec) for group in groups.values()]

    def __repr__(self) -> str:
        unit, size = scaled(self.median)
        n = len(self.raw_times)
        lines = [f"<{type(self).__module__.rpartition('.')[0]}.{type(self).__name__}>", self.title]
        if n == 1:
            lines.append(f"  {self.median / size:.2f} {unit}")
        else:
            lines.append(f"  Median: {self.median / size:.2f} {unit}")
            lines.append(f"  IQR:    {self.iqr / size:.2f} {unit}")
        runs = "run" if self.number_per_run == 1 else "runs"
        lines.append(f"  {n} measurement{'s' if n > 1 else ''}, {self.number_per_run} {runs} per "
                     f"measurement, {self.task_spec.num_threads} thread"
                     f"{'s' if self.task_spec.num_threads > 1 else ''}")
        if self.has_warnings:
            lines.append("  WARNING: the times spread by more than 10 % of the median")
        return "\n".join(lines)


class Timer:
    """Measures how long a statement takes, with a given number of threads.

    Args:
        stmt: the statement, as text. Default: "pass"
        setup: what runs before each measurement, and is not measured. Default: "pass"
        global_setup: for C++; accepted if empty.
        timer: the clock. Default: ``time.perf_counter``
        globals: the names in the statement. Default: ``{"cgrad": cgrad, "torch": cgrad}``
        label, sub_label, description, env: for tables of :class:`Compare`.
        num_threads: of cgrad, while measuring. Default: 1
        language: Python.

    Raises:
        ValueError: the statement is C++.

    Example::

        >>> from cgrad.utils.benchmark import Timer
        >>> x = cgrad.ones(8)
        >>> m = Timer("x + x", globals={"x": x}).timeit(100)
        >>> m.number_per_run, 0 < m.median < 1
        (100, True)
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = perf_counter,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Language | str = Language.PYTHON,
    ) -> None:
        if language not in (Language.PYTHON, "py", "python") or global_setup:
            raise ValueError("Timer: only statements in Python can be measured")
        self.stmt, self.setup = stmt, setup
        self.label, self.sub_label, self.description = label, sub_label, description
        self.env, self.num_threads = env, num_threads
        names = {"cgrad": cgrad, "torch": cgrad, **(globals or {})}
        self._timer = timeit.Timer(stmt, setup, timer, names)

    @property
    def key(self) -> tuple[Any, ...]:
        """What two measurements of the same thing have in common."""
        return (self.stmt, self.setup, self.label, self.sub_label, self.description, self.env,
                self.num_threads)

    @property
    def title(self) -> str:
        """The label, or the statement."""
        name = self.label or (self.stmt if "\n" not in self.stmt else "stmt:")
        return name + (f": {self.sub_label}" if self.sub_label else "")

    def _measure(self, number: int) -> float:
        before = cgrad.get_num_threads()
        cgrad.set_num_threads(self.num_threads)
        try:
            return max(self._timer.timeit(number), 1e-9)
        finally:
            cgrad.set_num_threads(before)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """Run the statement ``number`` times, after a few to warm up."""
        self._measure(max(number // 100, 2))
        return Measurement(number, [self._measure(number)], self)

    def repeat(self, repeat: int = -1, number: int = -1) -> None:
        """Raises NotImplementedError: use :meth:`blocked_autorange`."""
        raise NotImplementedError("Timer.repeat: use Timer.blocked_autorange")

    def _number(self, seconds: float) -> int:
        number = 1
        while True:
            time = self._measure(number)
            if time > seconds or number >= 10**9:
                return number
            number *= 10 if time < seconds / 20 else 2

    def autorange(self, callback: Callable[[int, float], Any] | None = None) -> Measurement:
        """Run the statement as often as takes 0.2 seconds."""
        number = self._number(0.2)
        time = self._measure(number)
        if callback is not None:
            callback(number, time)
        return Measurement(number, [time], self)

    def blocked_autorange(
        self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Measure blocks of runs until ``min_run_time`` seconds have passed.

        Args:
            callback: called with the number of runs and the time of each block. Default: none
            min_run_time: seconds. Default: 0.2
        """
        number = self._number(min(min_run_time / 1000, 1e-2))
        times: list[float] = []
        while sum(times) < min_run_time:
            times.append(self._measure(number))
            if callback is not None:
                callback(number, times[-1])
        return Measurement(number, times, self)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable[[int, float], Any] | None = None,
    ) -> Measurement:
        """Measure blocks of runs until the spread is under a part of the median.

        Args:
            threshold: the part. Default: 0.1
            min_run_time, max_run_time: seconds to run at least and at most.
            callback: called with the number of runs and the time of each block. Default: none
        """
        number = self._number(min(min_run_time / 10, 1e-2))
        times: list[float] = []
        while True:
            times.append(self._measure(number))
            if callback is not None:
                callback(number, times[-1])
            found = Measurement(number, times, self)
            total = sum(times)
            calm = len(times) > 3 and found.iqr < threshold * found.median
            if total >= max_run_time or (total >= min_run_time and calm):
                return found
