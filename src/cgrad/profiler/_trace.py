"""Writing events in the Trace Event Format of Chrome, which Perfetto reads too.

The format: "Trace Event Format" by Nat Duca and Dan Sinclair (Google, 2016). Names of categories
and arguments are those of PyTorch's traces.
"""
from __future__ import annotations

import gzip
import json
import os
import threading
from pathlib import Path
from typing import Any

from cgrad.profiler._events import EventList

__all__ = ["write_chrome_trace"]

CATEGORIES = {"operation": "cpu_op", "rule": "cpu_op", "function": "cpu_op", "accumulate": "cpu_op",
              "module": "python_function", "range": "user_annotation"}  # fmt: skip


def trace_events(events: EventList, memory: bool, shapes: bool) -> list[dict[str, Any]]:
    """The events as dictionaries of the format; times in microseconds."""
    process = os.getpid()
    threads = {event.thread for event in events} or {threading.get_native_id()}
    written: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "pid": process, "tid": 0, "args": {"name": "python"}}
    ]
    for thread in sorted(threads):
        written.append({"ph": "M", "name": "thread_name", "pid": process, "tid": thread,
                        "args": {"name": f"thread {thread}"}})  # fmt: skip
    for i, event in enumerate(events):
        place = {"pid": process, "tid": event.thread}
        args: dict[str, Any] = {"External id": i}
        if shapes and event.input_shapes:
            args["Input Dims"] = event.input_shapes
        if event.module and event.kind != "module":
            args["Module"] = event.module
        if event.stack:
            args["Call stack"] = event.stack
        if memory:
            args["Bytes"] = event.cpu_memory_usage
        start = event.time_range.start
        written.append({"ph": "X", "cat": CATEGORIES[event.kind], "name": event.name, **place,
                        "ts": start, "dur": event.cpu_time_total, "args": args})  # fmt: skip
        if event.forward is not None:
            flow = {"cat": "fwdbwd", "name": "fwdbwd", "id": i}
            written.append({"ph": "s", **flow, "pid": process, "tid": event.forward.thread,
                            "ts": event.forward.time_range.start})  # fmt: skip
            written.append({"ph": "f", "bp": "e", **flow, **place, "ts": start})
    if memory:
        for event in sorted(events, key=lambda event: event.time_range.end):
            written.append({"ph": "C", "name": "memory", "pid": process, "tid": event.thread,
                            "ts": event.time_range.end,
                            "args": {"bytes": event.bytes_after}})  # fmt: skip
    return written


def write_chrome_trace(
    events: EventList, path: str | os.PathLike[str], memory: bool, shapes: bool,
    metadata: dict[str, Any],
) -> None:  # fmt: skip
    """Write a trace; see :meth:`profile.export_chrome_trace`."""
    content = {"schemaVersion": 1, "displayTimeUnit": "ms", **metadata,
               "traceEvents": trace_events(events, memory, shapes)}  # fmt: skip
    data = json.dumps(content).encode()
    Path(path).write_bytes(gzip.compress(data) if str(path).endswith(".gz") else data)
