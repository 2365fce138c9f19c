"""The older names of :mod:`cgrad.profiler`."""
from __future__ import annotations

from types import TracebackType
from typing import Any

from cgrad import profiler
from cgrad.profiler import EventList, FunctionEvent, FunctionEventAvg, record_function

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "profile", "record_function"]


class profile:
    """Like :class:`cgrad.profiler.profile`, without a schedule; the tables are its own methods.

    Args:
        enabled: ``False`` makes it do nothing. Default: ``True``
        record_shapes, profile_memory, with_stack, with_flops, with_modules: as there.
        use_cuda, use_cpu, use_kineto, use_device: accepted; there is the CPU only.

    Example::

        >>> with cgrad.autograd.profiler.profile() as prof:
        ...     y = cgrad.ones(2) * 3
        >>> [row.key for row in prof.key_averages()]
        ['fill', 'mul']
    """

    def __init__(
        self, enabled: bool = True, *, use_cuda: bool = False, use_device: str | None = None,
        record_shapes: bool = False, with_flops: bool = False, profile_memory: bool = False,
        with_stack: bool = False, with_modules: bool = False, use_kineto: bool = False,
        use_cpu: bool = True,
    ) -> None:  # fmt: skip
        self.enabled = enabled
        self._profile = profiler.profile(
            record_shapes=record_shapes, profile_memory=profile_memory, with_stack=with_stack,
            with_flops=with_flops, with_modules=with_modules,
            use_cuda=use_cuda or use_device == "cuda",
        )  # fmt: skip

    def __enter__(self) -> profile | None:
        if not self.enabled:
            return None
        self._profile.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self.enabled:
            self._profile.stop()

    @property
    def function_events(self) -> EventList:
        """All events."""
        return self._profile.events()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all events, each counted once."""
        return self._profile.events().self_cpu_time_total

    def key_averages(self, *args: Any, **kwargs: Any) -> EventList:
        """Sums over the events of one name; see :meth:`cgrad.profiler.profile.key_averages`."""
        return self._profile.key_averages(*args, **kwargs)

    def total_average(self) -> FunctionEventAvg:
        """The sum over all events."""
        return self._profile.events().total_average()

    def table(self, *args: Any, **kwargs: Any) -> str:
        """The events as a text."""
        return self._profile.events().table(*args, **kwargs)

    def export_chrome_trace(self, path: str) -> None:
        """Write a trace; see :meth:`cgrad.profiler.profile.export_chrome_trace`."""
        self._profile.export_chrome_trace(path)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write stacks; see :meth:`cgrad.profiler.profile.export_stacks`."""
        self._profile.export_stacks(path, metric)
