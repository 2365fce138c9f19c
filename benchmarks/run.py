"""Measure cgrad against other libraries on this machine.

    python benchmarks/run.py                           all cases, some minutes
    python benchmarks/run.py --quick                   all but the longest, about one minute
    python benchmarks/run.py --only scalar mlp         cases whose name contains one of these
    python benchmarks/run.py --only ops                every operation, against PyTorch
    python benchmarks/run.py --peers torch numpy       only against these
    python benchmarks/run.py --list                    names and titles of the cases

Prints a table, and writes benchmark.json and benchmark.png. See benchmarks/README.md.
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import harness
from harness import LIBRARIES, Measured, Worker, amount

RESULTS = Path(__file__).resolve().parent / "results"


def main(argv: list[str] | None = None) -> int:
    options = parse(argv)
    if options.worker:
        harness.serve(options.worker, options.threads)
        return 0
    from suite import CASES

    if options.list:
        for case in CASES.values():
            print(f"{case.name:28} {case.title}")
        return 0
    chosen = select(CASES, options.only)
    if options.quick:
        chosen = [name for name in chosen if not CASES[name].slow]
    versions = {name: harness.version(name) for name in ["cgrad", *options.peers]}
    if versions["cgrad"] is None:
        print("run.py: cgrad is not installed: pip install .", file=sys.stderr)
        return 1
    missing = [name for name, found in versions.items() if not found]
    libraries = [name for name, found in versions.items() if found]
    start = time.perf_counter()
    print(f"{describe_machine()}; {options.threads} thread(s)")
    print(", ".join(f"{name} {versions[name]}" for name in libraries))
    if "OPENBLAS_CORETYPE" in os.environ:
        print(f"OPENBLAS_CORETYPE={os.environ['OPENBLAS_CORETYPE']} is set: cgrad does not choose")
    if missing:
        print(f"left out, not installed: {', '.join(missing)}")

    effort = harness.QUICK if options.quick else harness.FULL
    results = {}
    workers: dict[str, Worker] = {}
    try:
        for name in chosen:
            case = CASES[name]
            taking_part = [library for library in libraries if library in case.builders]
            if case.apart:
                rounds = 1 if case.unit == "B" or options.quick else 5
                found = harness.measure_apart(name, taking_part, options.threads, rounds)
            else:
                for library in taking_part:
                    if library not in workers:
                        workers[library] = Worker(library, options.threads)
                found = harness.measure(name, {lib: workers[lib] for lib in taking_part}, effort)
            results[name] = {lib: scaled(result, case.per) for lib, result in found.items()}
            print_case(case, results[name])
    finally:
        for worker in workers.values():
            worker.close()

    report = {
        "machine": describe_machine(), "threads": options.threads, "quick": options.quick,
        "date": time.strftime("%Y-%m-%d %H:%M"), "versions": versions,
        "cases": [as_json(CASES[name], found) for name, found in results.items()],
    }  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "benchmark.json").write_text(json.dumps(report, indent=1) + "\n")
    written = [str(options.out / "benchmark.json")]
    try:
        import chart
    except ImportError:
        print("\nno chart: matplotlib is not installed")
    else:
        chart.draw(report, options.out / "benchmark.png")
        written.append(str(options.out / "benchmark.png"))
    print(f"\n{time.perf_counter() - start:.0f} s; written: {', '.join(written)}")
    failed = [name for name, found in results.items() if any(m.error for m in found.values())]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    peers = [name for name in LIBRARIES if name != "cgrad"]
    add("--only", nargs="+", metavar="NAME", help="cases whose name contains one of these")
    add("--peers", nargs="*", choices=peers, default=peers, metavar="LIBRARY",
        help=f"of {', '.join(peers)} (all that are installed)")  # fmt: skip
    add("--threads", type=int, default=1, help="to compute with, for all libraries (1)")
    add("--quick", action="store_true", help="about one minute for everything")
    add("--out", type=Path, default=RESULTS, metavar="DIR", help="where to write (%(default)s)")
    add("--list", action="store_true", help="list the cases")
    add("--worker", choices=list(LIBRARIES), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if not 1 <= options.threads <= (os.cpu_count() or 1):
        parser.error(f"--threads: between 1 and {os.cpu_count()}")
    return options


def select(cases: dict[str, Any], wanted: list[str] | None) -> list[str]:
    """Return the names of the cases that contain one of the wanted strings, or are in the group."""
    if not wanted:
        return [name for name, case in cases.items() if not case.group]
    chosen = []
    for part in (part for text in wanted for part in text.split(",")):
        found = [name for name, case in cases.items() if part in name or part == case.group]
        if not found:
            print(f"run.py: no case named like {part!r}; see --list", file=sys.stderr)
            raise SystemExit(2)
        chosen += found
    return [name for name in cases if name in chosen]


def describe_machine() -> str:
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} processors, {platform.system()} {platform.machine()}"


# -- results ----------------------------------------------------------------------------------


def scaled(result: Measured, per: int) -> Measured:
    if result.error:
        return result
    return Measured(
        result.median / per, result.low / per, result.high / per, [s / per for s in result.samples]
    )


def print_case(case: Any, found: dict[str, Measured]) -> None:
    own = found.get("cgrad")
    if case.group == "ops" and not any(result.error for result in found.values()):
        peer = found.get("torch")
        ratio = f"{amount(peer.median, 's'):>12}{peer.median / own.median:8.3g} x" if peer else ""
        print(f"{case.title:44}{amount(own.median, 's'):>10}{ratio}", flush=True)
        return
    print(f"\n{case.title}  [{case.name}]")
    for library, result in found.items():
        if result.error:
            print(f"  {library:10} failed: {result.error}")
            continue
        spread = f"± {result.spread:.0%}" if len(result.samples) > 1 else ""
        ratio = ""
        if library != "cgrad" and own and not own.error:
            ratio = f"{result.median / own.median:8.3g} x cgrad"
        print(f"  {library:10}{amount(result.median, case.unit):>10}  {spread:6}{ratio}".rstrip())
    sys.stdout.flush()


def as_json(case: Any, found: dict[str, Measured]) -> dict[str, Any]:
    def one(result: Measured) -> dict[str, Any]:
        if result.error:
            return {"error": result.error}
        own = found.get("cgrad")
        values = {"median": result.median, "low": result.low, "high": result.high,
                  "samples": result.samples}  # fmt: skip
        if own and not own.error:
            values["ratio"] = result.median / own.median
        return values

    results = {library: one(result) for library, result in found.items()}
    return {"name": case.name, "title": case.title, "unit": case.unit, "group": case.group,
            "results": results}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
