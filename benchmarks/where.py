"""Where the instructions of three statements go, by part of the program.

    python benchmarks/where.py          # needs valgrind

Runs each statement under callgrind with two numbers of repetitions; the difference is free of
start-up.  For docs/performance.md.  Valgrind has no AVX-512, so kernels take their AVX2 forms here.
"""
from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

STATEMENTS = {
    "a * b": ("one scalar multiplication, recorded", 20_000),
    "v * w": ("one multiplication of 1,000 numbers, recorded", 20_000),
    "step()": ("one step of SGD, MLP 4-16-1, batch 8", 1_000),
}
TESTS = Path(__file__).resolve().parents[1] / "tests"
PROGRAM = """
import gc, sys
sys.path.append({tests!r})
from instructions import examples
names = examples()[{statement!r}]
exec('def run(n):\\n    for _ in range(n): {statement}', names)
gc.disable()
names['run']({warm})
names['run']({repetitions})
"""


def counted(statement: str, warm: int, repetitions: int) -> Counter[str]:
    """Instructions by part of the program."""
    program = PROGRAM.format(
        statement=statement, warm=warm, repetitions=repetitions, tests=str(TESTS)
    )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable, "-c",
             program], check=True, capture_output=True,
            # NumPy's OpenBLAS would wait for work in a thread of its own, and be counted.
            env={**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        text = out.read_text()
    names: dict[str, dict[str, str]] = {"ob": {}, "fn": {}}
    now = {"ob": "", "fn": ""}
    found: Counter[str] = Counter()
    called = False
    for line in text.splitlines():
        if match := re.match(r"(c?)(ob|fn)=(\(\d+\))(?: (.*))?$", line):
            callee, kind, number, name = match.groups()
            if name:
                names[kind][number] = name
            if not callee:
                now[kind] = names[kind][number]
        elif line.startswith("calls="):
            called = True                      # the next line is the callee's cost
        elif match := re.match(r"[+*-]?\d* (\d+)$", line):
            if not called:
                found[part(now["ob"], now["fn"])] += int(match[1])
            called = False
    return found


def part(path: str, function: str) -> str:
    """What a function of an object file belongs to."""
    if "/cgrad/" in path:
        # Cython's names: lengths before the parts, as in __pyx_f_5cgrad_7_engine_4rows_release.
        if match := re.search(r"_5cgrad_7(_engine|_tensor)_(\d+)(\w+)", function):
            return f"{match[1]}/{match[3][:int(match[2])]}"
        if function.startswith("cg_"):
            return "_kernels"
        return "Cython's own"
    for word, name in (("/numpy/", "NumPy's loops"), ("openblas", "OpenBLAS"),
                       ("python", "the interpreter"), ("libc", "the C library"),
                       ("libm", "the C library"), ("/ld-", "the C library")):  # fmt: skip
        if word in path:
            return name
    return "other"


def main() -> int:
    for statement, (title, repetitions) in STATEMENTS.items():
        first = counted(statement, repetitions, repetitions)
        second = counted(statement, repetitions, 3 * repetitions)
        each = {name: (second[name] - first[name]) / (2 * repetitions) for name in second}
        total = sum(each.values())
        print(f"\n`{statement}`, {title}: {total:,.0f} instructions\n\n| part | instructions | |")
        print("|---|---|---|")
        for name, count in sorted(each.items(), key=lambda item: -item[1]):
            if count >= 0.01 * total:
                print(f"| {name} | {count:,.0f} | {count / total:.0%} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
