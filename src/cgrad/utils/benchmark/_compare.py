"""Compare: a table of measurements."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cgrad.utils.benchmark._timer import Measurement, scaled

__all__ = ["Compare"]


class Compare:
    """A table: a row for each ``sub_label``, a column for each ``description``.

    Args:
        results: measurements; those of the same statement are joined.

    Example::

        >>> from cgrad.utils.benchmark import Compare, Timer
        >>> times = [Timer("x + 1", f"x = cgrad.ones({n})", label="add", sub_label=str(n),
        ...                description="cgrad").timeit(10) for n in (1, 1000)]
        >>> print(str(Compare(times)).splitlines()[0])
        [-- add --]
    """

    def __init__(self, results: Iterable[Measurement]) -> None:
        self._results = list(results)
        self._trim = False

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Add measurements."""
        self._results.extend(results)

    def trim_significant_figures(self) -> None:
        """Show no more digits than the spread of the times allows."""
        self._trim = True

    def colorize(self, rowwise: bool = False) -> None:
        """Accepted: tables have no colors."""

    def highlight_warnings(self) -> None:
        """Accepted: measurements that spread are marked in any case."""

    def print(self) -> None:
        """Print the table."""
        print(self)

    def __str__(self) -> str:
        merged = Measurement.merge(self._results)
        labels = list(dict.fromkeys(m.task_spec.label or m.task_spec.stmt for m in merged))
        return "\n\n".join(
            self._table(label, [m for m in merged
                                if (m.task_spec.label or m.task_spec.stmt) == label])
            for label in labels)

    def _table(self, label: str, found: list[Measurement]) -> str:
        columns = list(dict.fromkeys(m.task_spec.description or "" for m in found))
        unit, size = scaled(min(m.median for m in found))
        lines: list[list[str]] = []
        for threads in sorted({m.task_spec.num_threads for m in found}):
            lines.append([f"{threads} thread{'s' if threads > 1 else ''}:"])
            rows: dict[Any, dict[str, Measurement]] = {}
            for m in found:
                spec = m.task_spec
                if spec.num_threads == threads:
                    key = (spec.env or "", spec.sub_label or spec.stmt)
                    rows.setdefault(key, {})[spec.description or ""] = m
            for (env, name), row in rows.items():
                cells = [self._cell(row[c], size) if c in row else "" for c in columns]
                lines.append([f"  {name}" + (f" ({env})" if env else ""), *cells])
        table = [["", *columns], *lines]
        widths = [max(len(line[i]) for line in table if i < len(line))
                  for i in range(len(columns) + 1)]
        shown = ["  |  ".join([line[0].ljust(widths[0]),
                               *(c.rjust(w) for c, w in zip(line[1:], widths[1:]))]).rstrip()
                 for line in table]
        return "\n".join([f"[-- {label} --]", *shown, "", f"Times are in {_WORDS[unit]} ({unit})."])

    def _cell(self, m: Measurement, size: float) -> str:
        value = m.median / size
        text = f"{value:.{m.significant_figures}g}" if self._trim else f"{value:.1f}"
        if "e" in text:
            text = f"{float(text):.0f}"
        return text + (" (!)" if m.has_warnings else "")


_WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
