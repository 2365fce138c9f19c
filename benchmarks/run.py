"""Measure cgrad against other libraries on this machine.

    python benchmarks/run.py                           all cases, some minutes
    python benchmarks/run.py --quick                   all but the longest, about one minute
    python benchmarks/run.py --only scalar mlp         cases whose name contains one of these
    python benchmarks/run.py --only ops                every operation, against PyTorch
    python benchmarks/run.py --peers torch numpy       only against these
    python benchmarks/run.py --threads 1 2             with one thread, then with two
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
        harness.serve(options.worker, options.threads[0])
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
    print(describe_machine())
    print(", ".join(f"{name} {versions[name]}" for name in libraries))
    if "OPENBLAS_CORETYPE" in os.environ:
        print(f"OPENBLAS_CORETYPE={os.environ['OPENBLAS_CORETYPE']} is set: cgrad does not choose")
    if missing:
        print(f"left out, not installed: {', '.join(missing)}")

    effort = harness.QUICK if options.quick else harness.FULL
    entries = []
    for threads in options.threads:
        if len(options.threads) > 1:
            print(f"\n=== {threads} thread(s)")
        names = [n for n in chosen if not (CASES[n].apart and threads != options.threads[0])]
        results = measure_all([CASES[name] for name in names], libraries, threads, effort)
        entries += [as_json(CASES[name], threads, found) for name, found in results.items()]

    report = {
        "machine": describe_machine(), "threads": options.threads, "quick": options.quick,
        "date": time.strftime("%Y-%m-%d %H:%M"), "python": platform.python_version(),
        "versions": versions, "cases": entries,
    }  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "benchmark.json").write_text(json.dumps(report, indent=1) + "\n")
    written = [str(options.out / "benchmark.json")]
    try:
        import chart
    except ImportError:
        print("\nno chart: matplotlib is not installed")
    else:
        for threads in options.threads:
            name = "benchmark.png" if threads == options.threads[0] else f"benchmark-{threads}.png"
            chart.draw(report, threads, options.out / name)
            written.append(str(options.out / name))
    print(f"\n{time.perf_counter() - start:.0f} s; written: {', '.join(written)}")
    failed = [case["name"] for case in entries
              if any("error" in result for result in case["results"].values())]  # fmt: skip
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def measure_all(
    cases: list[Any], libraries: list[str], threads: int, effort: harness.Effort
) -> dict[str, dict[str, Measured]]:
    """Measure cases one after the other, each in a process of every library, and print them."""
    results = {}
    workers: dict[str, Worker] = {}
    try:
        for case in cases:
            taking_part = [library for library in libraries if library in case.builders]
            if case.apart:
                rounds = 1 if case.unit == "B" or effort is harness.QUICK else 5
                found = harness.measure_apart(case.name, taking_part, threads, rounds)
            else:
                for library in taking_part:
                    if library not in workers:
                        workers[library] = Worker(library, threads)
                found = harness.measure(case.name, {n: workers[n] for n in taking_part}, effort)
            results[case.name] = {lib: scaled(result, case.per) for lib, result in found.items()}
            print_case(case, results[case.name])
    finally:
        for worker in workers.values():
            worker.close()
    return results


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    peers = [name for name in LIBRARIES if name != "cgrad"]
    add("--only", nargs="+", metavar="NAME", help="cases whose name contains one of these")
    add("--peers", nargs="*", choices=peers, metavar="LIBRARY",
        help=f"of {', '.join(peers)} (all that are installed; compile, which is torch.compile and "
        "takes minutes, only if named)")  # fmt: skip
    processors = os.cpu_count() or 1
    add("--threads", type=int, nargs="+", metavar="N", default=sorted({1, processors}),
        help=f"threads of every library (1 and {processors}; --quick: 1)")  # fmt: skip
    add("--quick", action="store_true", help="about one minute for everything")
    add("--out", type=Path, default=RESULTS, metavar="DIR", help="where to write (%(default)s)")
    add("--list", action="store_true", help="list the cases")
    add("--worker", choices=list(LIBRARIES), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.quick and "--threads" not in (argv or sys.argv):
        options.threads = [1]
    if options.peers is None:
        options.peers = [name for name in peers if name != "compile"]
    if not all(1 <= n <= processors for n in options.threads):
        parser.error(f"--threads: between 1 and {processors}")
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
        if library == "limit" and own and not own.error:
            ratio = f"{result.median / own.median:8.1%} of it reached"
        elif library != "cgrad" and own and not own.error:
            ratio = f"{result.median / own.median:8.3g} x cgrad"
        print(f"  {library:10}{amount(result.median, case.unit):>10}  {spread:6}{ratio}".rstrip())
    sys.stdout.flush()


def as_json(case: Any, threads: int, found: dict[str, Measured]) -> dict[str, Any]:
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
            "threads": threads, "results": results}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
