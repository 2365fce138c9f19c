"""Time and memory by module."""
from __future__ import annotations

from dataclasses import dataclass

from cgrad.profiler._events import EventList, FunctionEvent, _aligned, _bytes, _time

__all__ = ["ModuleTime", "ModuleTimes", "module_times"]


@dataclass
class ModuleTime:
    """What a module took; times in microseconds, memory in bytes.

    Attributes:
        path, kind: class of the outermost module and the attributes that lead here; its class.
        calls: of the module.
        forward, self_forward: in its calls; without the modules inside.
        backward, self_backward: in derivative rules of operations that it has called; without
            those of the modules inside.
        memory: what its calls have left allocated, the graph for backward included.
    """

    path: str
    kind: str
    depth: int
    calls: int = 0
    forward: float = 0.0
    self_forward: float = 0.0
    backward: float = 0.0
    self_backward: float = 0.0
    memory: int = 0


class ModuleTimes(list[ModuleTime]):
    """Modules in the order of their first calls, those inside after the one around."""

    def table(self, time_unit: str | None = None) -> str:
        """The modules as a text, those inside set in."""
        rows = [["Module", "Class", "# of Calls", "Forward", "Self forward", "Backward",
                 "Self backward", "Memory"]]  # fmt: skip
        for m in self:
            times = (m.forward, m.self_forward, m.backward, m.self_backward)
            rows.append(["  " * m.depth + (m.path.rpartition(".")[2] if m.depth else m.path),
                         m.kind, str(m.calls), *(_time(t, time_unit) for t in times),
                         _bytes(m.memory)])  # fmt: skip
        width = max(len(row[0]) for row in rows)
        for row in rows:
            row[0] = row[0].ljust(width)
        return "\n".join([*_aligned(rows), ""])

    def __str__(self) -> str:
        return self.table()


def module_times(events: EventList, modules: list[tuple[str, str, int]]) -> ModuleTimes:
    """Sum events up by module; modules: path, class and place of the one around."""
    # A path may be noted at several places: in other cycles of a schedule.
    around = {path: modules[outer][0] if outer >= 0 else "" for path, _, outer in modules}
    kinds = {path: kind for path, kind, _ in modules}
    children: dict[str, list[str]] = {}
    for path, outer in around.items():
        children.setdefault(outer, []).append(path)
    times: dict[str, ModuleTime] = {}

    def enter(path: str, depth: int) -> None:
        times[path] = ModuleTime(path, kinds[path], depth)
        for child in children.get(path, ()):
            enter(child, depth + 1)

    for path in children.get("", ()):
        enter(path, 0)
    for event in events:
        if event.kind == "module":
            row = times[event.module]
            row.calls += 1
            row.forward += event.cpu_time_total
            row.memory += event.cpu_memory_usage
            row.self_forward += event.cpu_time_total - _inside(event)
        elif event.kind == "rule" and event.module and not _within_rule(event):
            times[event.module].self_backward += event.cpu_time_total
            path = event.module
            while path:
                times[path].backward += event.cpu_time_total
                path = around[path]
    return ModuleTimes(times.values())


def _inside(event: FunctionEvent) -> float:
    """Time in calls of modules within an event, the outermost ones."""
    return sum(child.cpu_time_total if child.kind == "module" else _inside(child)
               for child in event.cpu_children)  # fmt: skip


def _within_rule(event: FunctionEvent) -> bool:
    outer = event.cpu_parent
    while outer is not None and outer.kind != "rule":
        outer = outer.cpu_parent
    return outer is not None
