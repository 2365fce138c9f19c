"""Events of a profile, their sums, and the table of both."""
from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "read"]


@dataclass
class Interval:
    """From when to when, in microseconds of ``time.perf_counter``."""

    start: float
    end: float

    def elapsed_us(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(eq=False, repr=False)
class FunctionEvent:
    """One call of something: times in microseconds, memory in bytes.

    Attributes:
        name, id, thread: what, its number, the thread's number in the system.
        kind: "operation", "rule" (a derivative), "function" (a custom one's forward),
            "accumulate", "module" or "range".
        time_range: ``start`` and ``end``.
        cpu_memory_usage: bytes allocated less bytes freed meanwhile.
        cpu_parent, cpu_children: the event around it, and those directly inside.
        forward: of a derivative rule, the event of the operation it belongs to, if it is known.
        module: path of the innermost module at work, or "".
        input_shapes, stack: where they were noted.
    """

    id: int
    name: str
    kind: str
    time_range: Interval
    thread: int
    cpu_memory_usage: int = 0
    bytes_after: int = 0
    module: str = ""
    input_shapes: list[list[int]] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)
    cpu_parent: FunctionEvent | None = None
    cpu_children: list[FunctionEvent] = field(default_factory=list)
    forward: FunctionEvent | None = None
    count: int = 1

    @property
    def key(self) -> str:
        """The name."""
        return self.name

    @property
    def is_user_annotation(self) -> bool:
        """Whether the program gave it its name."""
        return self.kind == "range"

    @property
    def cpu_time_total(self) -> float:
        """Microseconds from its start to its end."""
        return self.time_range.elapsed_us()

    cpu_time = cpu_time_total

    @property
    def self_cpu_time_total(self) -> float:
        """The same without the events inside."""
        return self.cpu_time_total - sum(c.cpu_time_total for c in self.cpu_children)

    @property
    def self_cpu_memory_usage(self) -> int:
        """Bytes allocated less those freed, without the events inside."""
        return self.cpu_memory_usage - sum(c.cpu_memory_usage for c in self.cpu_children)

    def __repr__(self) -> str:
        return (f"<FunctionEvent id={self.id} name={self.name}"
                f" cpu_time={_time(self.cpu_time_total)}"
                f" cpu_children={[c.id for c in self.cpu_children]}"
                f" input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage}>")


@dataclass
class FunctionEventAvg:
    """Sums over events of one key; times in microseconds, memory in bytes."""

    key: str
    count: int = 0
    cpu_time_total: float = 0.0
    self_cpu_time_total: float = 0.0
    cpu_memory_usage: int = 0
    self_cpu_memory_usage: int = 0
    input_shapes: list[list[int]] | None = None
    stack: list[str] = field(default_factory=list)
    module: str | None = None
    is_user_annotation: bool = False

    @property
    def cpu_time(self) -> float:
        """Microseconds a call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    def add(self, event: FunctionEvent | FunctionEventAvg) -> None:
        """Count one more."""
        self.count += event.count
        self.cpu_time_total += event.cpu_time_total
        self.self_cpu_time_total += event.self_cpu_time_total
        self.cpu_memory_usage += event.cpu_memory_usage
        self.self_cpu_memory_usage += event.self_cpu_memory_usage


def read(
    noted: list[tuple[Any, ...]], modules: list[tuple[str, str, int]], memory: bool, thread: int
) -> EventList:
    """Events from what a recorder has noted."""
    events = EventList(profile_memory=memory)
    for i, (kind, name, start, end, before, after, parent, link, module, shapes, stack) in (
        enumerate(noted)
    ):
        event = FunctionEvent(
            id=i, name=f"nn.Module: {name}" if kind == "module" else name, kind=kind,
            time_range=Interval(start / 1000, end / 1000), thread=thread,
            cpu_memory_usage=after - before, bytes_after=after,
            module=modules[module][0] if module >= 0 else "",
            input_shapes=[list(shape) for shape in shapes], stack=list(stack),
            forward=events[link] if link >= 0 else None,
        )  # fmt: skip
        if parent >= 0:
            event.cpu_parent = events[parent]
            events[parent].cpu_children.append(event)
        events.append(event)
    return events


SORTABLE = ("count", "cpu_memory_usage", "cpu_time", "cpu_time_total", "key",
            "self_cpu_memory_usage", "self_cpu_time_total")  # fmt: skip


class EventList(list):
    """A list of events, or of sums over them, with a table."""

    def __init__(self, events: Any = (), *, profile_memory: bool = False) -> None:
        super().__init__(events)
        self.profile_memory = profile_memory

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all events, each counted once."""
        return sum(event.self_cpu_time_total for event in self)

    def key_averages(
        self, group_by_input_shapes: bool = False, group_by_stack_n: int = 0,
        group_by_overload_name: bool = False, group_by_module: bool = False,
    ) -> EventList:  # fmt: skip
        """Sums over the events of one name, in the order of first calls; see :class:`profile`."""
        found: dict[Any, FunctionEventAvg] = {}
        for event in self:
            key: tuple[Any, ...] = (event.name, event.is_user_annotation)
            if group_by_input_shapes:
                key += (str(event.input_shapes),)
            if group_by_stack_n:
                key += tuple(event.stack[:group_by_stack_n])
            if group_by_module:
                key += (event.module,)
            row = found.get(key)
            if row is None:
                row = found[key] = FunctionEventAvg(
                    event.name,
                    input_shapes=event.input_shapes if group_by_input_shapes else None,
                    stack=event.stack[:group_by_stack_n] if group_by_stack_n else [],
                    module=event.module if group_by_module else None,
                    is_user_annotation=event.is_user_annotation,
                )
            row.add(event)
        return EventList(found.values(), profile_memory=self.profile_memory)

    def total_average(self) -> FunctionEventAvg:
        """The sum over all of them."""
        total = FunctionEventAvg("Total")
        for event in self:
            total.add(event)
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """The rows as a text.

        Args:
            sort_by: attribute that the rows fall by: ``cpu_time``, ``cpu_time_total``,
                ``self_cpu_time_total``, ``cpu_memory_usage``, ``self_cpu_memory_usage``, ``count``;
                or ``key``. Default: as they are
            row_limit: most rows; -1: all. Default: 100
            max_src_column_width, max_name_column_width, max_shapes_column_width: characters.
            header: a line above. Default: none
            top_level_events_only: leave out what happens inside of others. Default: ``False``
            time_unit: ``"s"``, ``"ms"`` or ``"us"`` for all. Default: as fits each

        Raises:
            AttributeError: nothing can be sorted by ``sort_by``.
            ValueError: an unknown unit.
        """
        rows = list(self)
        if top_level_events_only:
            rows = [row for row in rows if getattr(row, "cpu_parent", None) is None]
        if sort_by is not None:
            if sort_by not in SORTABLE:
                raise AttributeError(f"table: cannot sort by {sort_by!r}, only by "
                                     + ", ".join(SORTABLE))  # fmt: skip
            rows.sort(key=lambda row: getattr(row, sort_by), reverse=sort_by != "key")
        total = self.self_cpu_time_total
        if row_limit >= 0:
            rows = rows[:row_limit]
        titles = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
        if self.profile_memory:
            titles += ["CPU Mem", "Self CPU Mem"]
        titles.append("# of Calls")
        shapes = any(row.input_shapes for row in rows)
        stacks = any(row.stack for row in rows)
        modules = any(row.module for row in rows)
        titles += ["Input Shapes"] * shapes + ["Module"] * modules + ["Source Location"] * stacks
        table = [titles]
        for row in rows:
            cells = [_cut(row.key, max_name_column_width)]
            for value in (row.self_cpu_time_total, row.cpu_time_total):
                cells += [f"{100 * value / total if total else 0:.2f}%", _time(value, time_unit)]
            cells.append(_time(row.cpu_time, time_unit))
            if self.profile_memory:
                cells += [_bytes(row.cpu_memory_usage), _bytes(row.self_cpu_memory_usage)]
            cells.append(str(row.count))
            if shapes:
                cells.append(_cut(str(row.input_shapes or []), max_shapes_column_width))
            if modules:
                cells.append(_cut(row.module or "", max_name_column_width))
            if stacks:
                cells.append(_cut(row.stack[0] if row.stack else "", max_src_column_width))
            table.append(cells)
        lines = _aligned(table)
        if header is not None:
            lines.insert(0, header)
        return "\n".join([*lines, f"Self CPU time total: {_time(total, time_unit)}", ""])

    def __str__(self) -> str:
        return self.table()

    def export_stacks(self, path: str | os.PathLike[str], metric: str) -> None:
        """Write stacks for flame graphs; see :meth:`profile.export_stacks`."""
        if metric not in ("self_cpu_time_total", "self_cuda_time_total"):
            raise ValueError(f"metric should be one of: self_cpu_time_total, not {metric!r}")
        with open(path, "w", encoding="utf-8") as file:
            for event in self:
                value = int(event.self_cpu_time_total)
                if event.stack and value > 0:
                    lines = [line.translate({32: 95, 59: 95}) for line in reversed(event.stack)]
                    file.write(";".join([*lines, event.name.replace(" ", "_")]) + f" {value}\n")


def _aligned(table: list[list[str]]) -> list[str]:
    """Lines of a table with a title row: columns to the right, rules around."""
    widths = [max(map(len, column)) for column in zip(*table)]
    rule = "  ".join("-" * width for width in widths)
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(cells, widths)) for cells in table]
    return [rule, lines[0], rule, *lines[1:], rule]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width or width < 4 else text[: width - 3] + "..."


def _time(us: float, unit: str | None = None) -> str:
    if unit not in (None, "s", "ms", "us"):
        raise ValueError(f'invalid time_unit value - received {unit}, use "s", "ms", or "us"')
    if unit == "s" or (unit is None and us >= 1e6):
        return f"{us / 1e6:.3f}s"
    if unit == "ms" or (unit is None and us >= 1e3):
        return f"{us / 1e3:.3f}ms"
    return f"{us:.3f}us"


def _bytes(n: int) -> str:
    for size, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if abs(n) >= size:
            return f"{n / size:.2f} {name}"
    return f"{n} B"
