"""Write the measured figures into README.md and docs/performance.md.

    python benchmarks/run.py --peers python micrograd numpy autograd torch compile jax limit
    python benchmarks/scaling.py > benchmarks/results/scaling.md
    python benchmarks/where.py > benchmarks/results/where.md
    python benchmarks/report.py                   # from benchmarks/results

Replaces what stands between marks like ``<!-- figures -->`` and ``<!-- end of figures -->``, and
nothing else; what has not been measured stays as it is.
"""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from harness import amount

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results"
TITLES = {
    "cgrad": "cgrad", "torch": "PyTorch", "compile": "torch.compile", "jax": "JAX (jit)",
    "numpy": "NumPy", "autograd": "HIPS autograd", "micrograd": "micrograd",
    "python": "plain Python",
}  # fmt: skip
PACKAGES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX", "autograd": "HIPS autograd",
            "micrograd": "micrograd"}  # fmt: skip
# What the README shows; everything is in docs/performance.md.
CHOSEN = [
    "scalar-multiply", "scalar-chain", "moons", "vector-multiply", "tanh-1e6", "mlp-4-16-1",
    "mlp-4-64-64-2-adam", "mlp-784-512-512-10", "cnn-1-16-32", "lstm", "gru", "transformer",
    "embedding-sparse-adam", "inference-mlp-4-16-1", "loader-10000x5", "import", "node-bytes",
]  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS, metavar="DIR",
                        help="where the others have written (%(default)s)")  # fmt: skip
    options = parser.parse_args(argv)
    try:
        report = json.loads((options.results / "benchmark.json").read_text())
    except OSError as error:
        print(f"report.py: {error}; run benchmarks/run.py first", file=sys.stderr)
        return 1
    threads = sorted({case["threads"] for case in report["cases"]})
    readme = f"{described(report)}\n\nOne thread:\n\n{table(report, threads[0], CHOSEN)}\n"
    replace(ROOT / "README.md", "figures", readme)
    parts = [described(report)]
    for count in threads:
        parts += [f"## {count} thread{'s' * (count > 1)}", table(report, count, limit=count == 1)]
    page = ROOT / "docs" / "performance.md"
    replace(page, "figures", "\n\n".join(parts) + "\n")
    for name in ("scaling", "where"):
        file = options.results / f"{name}.md"
        if file.exists():
            replace(page, name, file.read_text(encoding="utf-8").strip() + "\n")
    return 0


def described(report: dict[str, Any]) -> str:
    """The machine, the versions and the date, in a sentence."""
    versions = [f"{PACKAGES[name]} {version}" for name, version in report["versions"].items()
                if name in PACKAGES and version]  # fmt: skip
    return (f"Measured {report['date'][:10]} on {report['machine']}, with Python "
            f"{report['python']}, {', '.join(versions)}; medians of interleaved runs.")  # fmt: skip


def table(
    report: dict[str, Any], threads: int, names: list[str] | None = None, *, limit: bool = False
) -> str:
    """A Markdown table, a row for each case; the fastest is in bold."""
    cases = [case for case in report["cases"]
             if case["threads"] == threads and (case["name"] in names if names else
                                                not case["group"])]  # fmt: skip
    if names:
        cases.sort(key=lambda case: names.index(case["name"]))
    taking_part = {library for case in cases for library in case["results"]}
    columns = [library for library in TITLES if library in taking_part]
    heads = [TITLES[library] for library in columns] + ["of the limit"] * limit
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for case in cases:
        found = {lib: r["median"] for lib, r in case["results"].items() if "median" in r}
        best = min((found[lib] for lib in columns if lib in found), default=0)
        cells = []
        for library in columns:
            text = amount(found[library], case["unit"]) if library in found else ""
            cells.append(f"**{text}**" if text and found[library] == best else text)
        if limit:
            reached = found["limit"] / found["cgrad"] if {"limit", "cgrad"} <= found.keys() else 0
            cells.append(f"{reached:.0%}" if reached else "")
        lines.append(f"| {case['title']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def replace(path: Path, name: str, text: str) -> None:
    """Put the text between the two marks of this name."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, rest = path.read_text(encoding="utf-8").split(begin, 1)
    after = rest.split(end, 1)[1]
    path.write_text(f"{before}{begin}\n{text}{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
