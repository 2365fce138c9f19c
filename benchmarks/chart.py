"""Draws the results of a run as a picture."""
from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from harness import amount

COLORS = {
    "cgrad": "#d62728", "python": "#7f7f7f", "micrograd": "#8c564b", "numpy": "#1f77b4",
    "autograd": "#9467bd", "torch": "#ff7f0e", "compile": "#bcbd22", "jax": "#2ca02c",
    "limit": "#000000",
}  # fmt: skip


def draw(report: dict[str, Any], threads: int, path: Path) -> None:
    """Draw what was compared with other libraries, the operations as points, the rest as bars."""
    compared = [case for case in report["cases"] if case["threads"] == threads
                and sum("ratio" in result for result in case["results"].values()) > 1]  # fmt: skip
    operations = [case for case in compared if case["group"] == "ops"]
    if not compared:
        return
    if operations:
        figure = points(operations)
    else:
        figure = bars(compared)
    title = f"{report['machine']}; {threads} thread(s); {report['date']}"
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, dpi=130)


def bars(cases: list[dict[str, Any]]) -> Figure:
    """One group of bars a case: times and sizes relative to cgrad's, on a logarithmic scale."""
    count = sum(len(case["results"]) + 1.2 for case in cases)
    figure = Figure(figsize=(10, 1.2 + 0.19 * count), layout="constrained")
    axes = figure.subplots()
    place, ticks, largest, least = 0.0, [], 1.0, 0.5
    for case in cases:
        first = place
        for library, result in case["results"].items():
            if "ratio" not in result:
                continue
            ratio, text = result["ratio"], amount(result["median"], case["unit"])
            if library != "cgrad":
                text = f"{ratio:.3g}×   {text}"
            axes.barh(place, ratio - 1, left=1, color=COLORS[library], height=0.85)
            axes.text(max(ratio, 1) * 1.06, place, f"{library}  {text}", va="center", fontsize=7.5)
            largest, least = max(largest, ratio), min(least, ratio)
            place += 1
        ticks.append(((first + place - 1) / 2, wrap(case["title"])))
        place += 1.2
    axes.set_yticks([y for y, _ in ticks], [text for _, text in ticks], fontsize=8.5)
    axes.set_ylim(place - 0.7, -1)
    axes.set_xlim(least / 1.5, largest * 15)
    scale(axes, "relative to cgrad (the line), logarithmic: to the right slower or larger")
    return figure


def points(cases: list[dict[str, Any]], height: int = 60) -> Figure:
    """PyTorch's time relative to cgrad's for each operation, in columns of `height` rows."""
    cases = sorted(cases, key=lambda case: case["results"]["torch"]["ratio"])
    columns = [cases[i : i + height] for i in range(0, len(cases), height)]
    size = (3.6 * len(columns) + 1.5, 1 + 0.15 * max(map(len, columns)))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(1, len(columns), sharex=True, squeeze=False)
    for axes, column in zip(grid[0], columns):
        ratios = [case["results"]["torch"]["ratio"] for case in column]
        axes.hlines(range(len(column)), 1, ratios, color=COLORS["torch"], linewidth=1)
        axes.plot(ratios, range(len(column)), "o", color=COLORS["torch"], markersize=3.5)
        axes.set_yticks(range(len(column)), [case["title"] for case in column], fontsize=6.5)
        axes.set_ylim(height if len(columns) > 1 else len(column), -1)
        scale(axes, "PyTorch's time / cgrad's")
    return figure


def scale(axes: Any, label: str) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1, color=COLORS["cgrad"], linewidth=1)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_xlabel(label, fontsize=8.5)


def wrap(title: str) -> str:
    """Break a title in lines that fit beside the bars."""
    return textwrap.fill(title, 32)
