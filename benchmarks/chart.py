"""Draws the results of a run as a picture."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from harness import amount

COLORS = {
    "cgrad": "#d62728", "python": "#7f7f7f", "micrograd": "#8c564b", "numpy": "#1f77b4",
    "autograd": "#9467bd", "torch": "#ff7f0e", "jax": "#2ca02c",
}  # fmt: skip


def draw(report: dict[str, Any], path: Path) -> None:
    """One group of bars a case: times and sizes relative to cgrad's, on a logarithmic scale."""
    rows: list[tuple[str, str, float, str]] = []  # library, title, ratio, label
    places: list[float] = []
    ticks: list[tuple[float, str]] = []
    place = 0.0
    for case in report["cases"]:
        found = {k: v for k, v in case["results"].items() if "ratio" in v}
        if len(found) < 2:
            continue  # nobody to compare with
        first = place
        for library, result in found.items():
            value = amount(result["median"], case["unit"])
            if library != "cgrad":
                value = f"{result['ratio']:.3g}×   {value}"
            rows.append((library, case["title"], result["ratio"], value))
            places.append(place)
            place += 1
        ticks.append(((first + place - 1) / 2, wrap(case["title"])))
        place += 1.2
    if not rows:
        return
    figure = Figure(figsize=(10, 1.2 + 0.19 * place), layout="constrained")
    axes = figure.subplots()
    ratios = [row[2] for row in rows]
    for y, (library, _, ratio, text) in zip(places, rows):
        axes.barh(y, ratio - 1, left=1, color=COLORS[library], height=0.85)
        axes.text(max(ratio, 1) * 1.06, y, f"{library}  {text}", va="center", fontsize=7.5)
    axes.set_xscale("log")
    axes.set_xlim(min(0.5, *ratios) / 1.5, max(ratios) * 15)
    axes.axvline(1, color=COLORS["cgrad"], linewidth=1)
    axes.set_yticks([y for y, _ in ticks], [text for _, text in ticks], fontsize=8.5)
    axes.set_ylim(place - 0.7, -1)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_xlabel("relative to cgrad (the line), logarithmic: to the right slower or larger")
    title = f"{report['machine']}; {report['threads']} thread(s); {report['date']}"
    axes.set_title(title, fontsize=9)
    figure.savefig(path, dpi=130)


def wrap(title: str) -> str:
    """Break a title in lines that fit beside the bars."""
    lines = [""]
    for word in title.split():
        if len(lines[-1]) + len(word) > 30:
            lines.append("")
        lines[-1] += f"{word} "
    return "\n".join(lines)
