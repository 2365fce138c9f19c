"""Time and memory by operation and by module, forwards and backwards.

::

    from cgrad.profiler import profile, record_function

    with profile(record_shapes=True, profile_memory=True) as prof:
        with record_function("loss"):
            loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    print(prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=10))
    print(prof.modules().table())
    prof.export_chrome_trace("trace.json")      # for chrome://tracing or ui.perfetto.dev

What is noted: every operation of the engine's table, those that others call included; every
derivative rule, under the name that ``grad_fn`` has, with the operation and module it belongs to;
calls of modules, custom functions, steps of optimizers, batches of loaders, and what
:func:`record_function` names. The time of a call includes what it calls, its *self* time does not.
Of the thread that starts the profiler, not of others; kernels that the thread pool shares count for
the operation. Noting an event takes some tenths of a microsecond, which count for the event around
it.
"""
from __future__ import annotations

import functools
import json
import os
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from enum import Enum
from types import TracebackType
from typing import Any

from cgrad._engine.profile import Recorder
from cgrad._engine.table import begin_range, end_range
from cgrad.profiler._events import EventList, FunctionEvent, FunctionEventAvg, read
from cgrad.profiler._modules import ModuleTimes, module_times
from cgrad.profiler._trace import write_chrome_trace

__all__ = [
    "EventList", "FunctionEvent", "FunctionEventAvg", "ModuleTimes", "ProfilerAction",
    "ProfilerActivity", "profile", "record_function", "schedule", "supported_activities",
    "tensorboard_trace_handler",
]  # fmt: skip


class ProfilerActivity(Enum):
    """What may be profiled; there is nothing but the CPU here."""

    CPU = 0
    CUDA = 1
    XPU = 2
    MTIA = 3


class ProfilerAction(Enum):
    """What to do in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities() -> set[ProfilerActivity]:
    """The activities that can be profiled: the CPU's.

    Example::

        >>> cgrad.profiler.supported_activities()
        {<ProfilerActivity.CPU: 0>}
    """
    return {ProfilerActivity.CPU}


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:  # fmt: skip
    """Choose the steps to note: ``skip_first``, then cycles of ``wait``, ``warmup`` and ``active``.

    Args:
        wait: steps of each cycle in which nothing is noted.
        warmup: steps that are noted and thrown away.
        active: steps that are kept; after them ``on_trace_ready`` is called.
        repeat: how many cycles; 0: until the end. Default: 0
        skip_first: steps before the first cycle. Default: 0
        skip_first_wait: not 0: the first cycle does not wait. Default: 0

    Raises:
        AssertionError: ``active`` is not above 0, or another number below 0.

    Example::

        >>> plan = cgrad.profiler.schedule(wait=1, warmup=1, active=2)
        >>> [plan(step).name for step in range(5)]
        ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    if not (min(wait, warmup, repeat, skip_first) >= 0 and active > 0):
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), "
            f"warmup={warmup} (need >= 0), active={active} (need > 0), "
            f"repeat={repeat} (need >= 0), skip_first={skip_first} (need >= 0)."
        )
    cycle = wait + warmup + active

    def plan(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        step -= skip_first
        if step < 0:
            return ProfilerAction.NONE
        if skip_first_wait:
            step += wait
        if repeat and step // cycle >= repeat:
            return ProfilerAction.NONE
        place = step % cycle
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    return plan


class record_function:
    """Give a part of the program a name in the profile: a context, or a decorator.

    Args:
        name: of the event.
        args: added to the name in brackets. Default: none

    Example::

        >>> with cgrad.profiler.profile() as prof:
        ...     with cgrad.profiler.record_function("square"):
        ...         y = cgrad.ones(3) ** 2
        >>> [e.name for e in prof.events()]
        ['square', 'fill', 'square']
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self.args = args
        self._event = -1

    def __enter__(self) -> record_function:
        self._event = begin_range(self.name if self.args is None else f"{self.name} ({self.args})")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        end_range(self._event)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def named(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)

        return named


class _OptimizerSteps:
    """Makes the steps of all optimizers events, by hooks, while it is entered."""

    def __init__(self) -> None:
        self._begun: dict[tuple[int, int], int] = {}
        self._handles: list[Any] = []

    def enter(self) -> None:
        from cgrad.optim import optimizer

        self._handles = [optimizer.register_optimizer_step_pre_hook(self._before),
                         optimizer.register_optimizer_step_post_hook(self._after)]  # fmt: skip

    def leave(self) -> None:
        for handle in self._handles:
            handle.remove()

    def _before(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        place = threading.get_ident(), id(optimizer)
        self._begun[place] = begin_range(f"Optimizer.step#{type(optimizer).__name__}.step")

    def _after(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        end_range(self._begun.pop((threading.get_ident(), id(optimizer)), -1))


class profile:
    """Notes time and memory of what its thread does, until it is left.

    Args:
        activities: among :class:`ProfilerActivity`; others than the CPU's are warned of. Default:
            the CPU's
        schedule: function from the number of the step to a :class:`ProfilerAction`; see
            :func:`schedule`. :meth:`step` then goes between the steps. Default: note everything
        on_trace_ready: called with the profiler when a cycle of the schedule, or all, is over.
        record_shapes: note the shapes of inputs. Default: ``False``
        profile_memory: show memory in tables and traces: what was allocated less what was freed
            during a call, in the sizes of the allocator's blocks. Default: ``False``
        with_stack: note the lines of the program outside this package, innermost first; takes
            several microseconds an event. Default: ``False``
        with_flops: accepted with a warning; floating point operations are not counted.
        with_modules: accepted; modules are always noted.
        acc_events: keep the events of all cycles of the schedule. Default: ``False``

    Raises:
        AssertionError: no activity that there is here.
        RuntimeError: a profiler runs in this thread already, or it is stopped in another.

    Example::

        >>> model = cgrad.nn.Sequential(cgrad.nn.Linear(4, 8), cgrad.nn.ReLU())
        >>> with cgrad.profiler.profile() as prof:
        ...     model(cgrad.ones(2, 4)).sum().backward()
        >>> averages = prof.key_averages()
        >>> [(row.key, row.count) for row in averages if "inear" in row.key]
        [('linear', 1), ('LinearBackward0', 1)]
        >>> print(averages.table(sort_by="cpu_time_total"))  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        acc_events: bool = False,
        use_cuda: bool | None = None,
    ) -> None:
        chosen = supported_activities() if activities is None else set(activities)
        if ProfilerActivity.CPU not in chosen:
            raise AssertionError("No valid profiler activities found")
        if use_cuda or ProfilerActivity.CUDA in chosen:
            warnings.warn("CUDA is not available, disabling CUDA profiling", stacklevel=2)
        if with_flops:
            warnings.warn("with_flops: floating point operations are not counted", stacklevel=2)
        self.activities = chosen
        self.profile_memory = profile_memory
        self.record_shapes = record_shapes
        self.with_stack = with_stack
        self.acc_events = acc_events
        self.schedule = schedule or (lambda step: ProfilerAction.RECORD)
        self.on_trace_ready = on_trace_ready
        self.step_num = 0
        self.current_action = self.schedule(0)
        self._steps = schedule is not None
        self._step_event = -1
        self._recorder = Recorder(record_shapes, with_stack)
        self._attached = False
        self._optimizers = _OptimizerSteps()
        self._events: EventList | None = None
        self._modules: list[tuple[str, str, int]] = []
        self._metadata: dict[str, Any] = {}

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.stop()

    def start(self) -> None:
        """Begin, as entering the context does."""
        self._go(self.current_action)

    def stop(self) -> None:
        """End, as leaving the context does; what was being noted is ready then."""
        noting = self._attached and self.current_action != ProfilerAction.WARMUP
        self._leave()
        if noting:
            self._ready()

    def step(self) -> None:
        """Say that a step of the loop is over: the schedule decides about the next one."""
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        end_range(self._step_event)
        if before == ProfilerAction.RECORD_AND_SAVE:
            self._leave()
            self._ready()
        elif before == ProfilerAction.WARMUP and self.current_action != ProfilerAction.WARMUP:
            self._leave()
        self._go(self.current_action)

    def _go(self, action: ProfilerAction) -> None:
        if action == ProfilerAction.NONE:
            self._leave()
        elif not self._attached:
            self._recorder.clear()
            self._recorder.attach()
            self._attached = True
            self._optimizers.enter()
        if self._attached and self._steps:
            self._step_event = begin_range(f"ProfilerStep#{self.step_num}")

    def _leave(self) -> None:
        if self._attached:
            self._recorder.detach()
            self._attached = False
            self._optimizers.leave()

    def _ready(self) -> None:
        modules = self._recorder.modules_noted()
        events = read(self._recorder.events_noted(), modules, self.profile_memory,
                      threading.get_native_id())  # fmt: skip
        if self.acc_events and self._events is not None:
            # The modules of another cycle have other places.
            shift = len(self._modules)
            modules = [(path, kind, around + shift if around >= 0 else -1)
                       for path, kind, around in modules]  # fmt: skip
            events = EventList([*self._events, *events], profile_memory=self.profile_memory)
            modules = self._modules + modules
        self._events, self._modules = events, modules
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def _noted(self) -> EventList:
        if self._events is None:
            raise AssertionError("Profiler didn't finish running" if self._attached else
                                 "Profiler must be initialized before: nothing was noted")
        return self._events

    def events(self) -> EventList:
        """All events noted, in the order they began."""
        return self._noted()

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
        group_by_overload_name: bool = False, group_by_module: bool = False,
    ) -> EventList:  # fmt: skip
        """Sums over the events of one name.

        Args:
            group_by_input_shape: and of the same shapes; see ``record_shapes``. Default: ``False``
            group_by_stack_n: and of the same so many innermost lines of the program; see
                ``with_stack``. Default: 0
            group_by_overload_name: accepted; names have no overloads here.
            group_by_module: and of the same module. Default: ``False``

        Returns:
            EventList: of :class:`FunctionEventAvg`; ``.table(sort_by=…)`` is their table.
        """
        return self._noted().key_averages(group_by_input_shape, group_by_stack_n,
                                          group_by_overload_name, group_by_module)  # fmt: skip

    def modules(self) -> ModuleTimes:
        """Time and memory by module, forwards and backwards.

        Example::

            >>> model = cgrad.nn.Sequential(cgrad.nn.Linear(4, 8), cgrad.nn.ReLU())
            >>> with cgrad.profiler.profile() as prof:
            ...     model(cgrad.ones(2, 4)).sum().backward()
            >>> [(m.path, m.kind, m.calls) for m in prof.modules()][1:]
            [('Sequential.0', 'Linear', 1), ('Sequential.1', 'ReLU', 1)]
        """
        return module_times(self._noted(), self._modules)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events for chrome://tracing or Perfetto: JSON in the Trace Event Format.

        A path that ends in ``.gz`` is compressed.
        """
        write_chrome_trace(self._noted(), path, self.profile_memory, self.record_shapes,
                           self._metadata)  # fmt: skip

    def export_stacks(
        self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total"
    ) -> None:
        """Write a line for each stack of program lines, with its microseconds: for flame graphs.

        Raises:
            AssertionError: the profiler was not made ``with_stack=True``.
        """
        if not self.with_stack:
            raise AssertionError("export_stacks() requires with_stack=True")
        self._noted().export_stacks(path, metric)

    def add_metadata(self, key: str, value: str) -> None:
        """Put a string into the traces that are written."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Put a value, given as JSON, into the traces that are written."""
        self._metadata[key] = json.loads(value)


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """What writes each trace into a folder, as ``on_trace_ready`` of :class:`profile`.

    Args:
        dir_name: the folder; it is made.
        worker_name: first part of the file names. Default: host and process
        use_gzip: compress. Default: ``False``

    Example::

        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> handler = cgrad.profiler.tensorboard_trace_handler(folder)
        >>> with cgrad.profiler.profile(on_trace_ready=handler):
        ...     y = cgrad.ones(2) * 2
        >>> import os
        >>> len(os.listdir(folder))
        1
    """
    worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"

    def write(prof: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        name = f"{worker}.{time.time_ns()}.pt.trace.json" + (".gz" if use_gzip else "")
        prof.export_chrome_trace(os.path.join(dir_name, name))

    return write
