"""What is not the time of one statement: threads, memory, growth.

    python benchmarks/scaling.py        # prints a Markdown table; PyTorch's memory if installed

Every measurement runs in a process of its own.
"""
from __future__ import annotations

import importlib.util
import os
import resource
import statistics
import subprocess
import sys
import threading
import time

MEMORY_CASES = ["mlp-4-64-64-2", "mlp-784-128-10", "mlp-784-512-512-10", "cnn-1-16-32",
                "transformer"]  # fmt: skip


def main() -> int:
    if len(sys.argv) > 1:
        globals()[sys.argv[1]](*sys.argv[2:])
        return 0
    print("| | |\n|---|---|")
    one, two = (min(float(ask("growth", length)) for _ in range(3)) for length in ("1000", "1e7"))
    print(f"| an operation in a chain of 10³ and of 10⁷ | {one:.0f} and {two:.0f} ns |")
    print(f"| memory after 10³ and 10⁵ steps of an MLP 4-16-1 | {ask('steps')} MB |")
    print(f"| two models trained in two Python threads, of the serial time | {ask('threads')} |")
    print(f"| two kernel threads on one processor, of the time of one | {ask('one_processor')} |")
    libraries = ["cgrad", *(["torch"] if importlib.util.find_spec("torch") else [])]
    for name in MEMORY_CASES:
        found = [f"{library} {ask('peak', library, name)} MB" for library in libraries]
        print(f"| peak memory of {name}, beyond the data and the parameters | {', '.join(found)} |")
    return 0


def ask(*words: str) -> str:
    """Run a measurement of this file in a fresh process."""
    command = [sys.executable, __file__, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def growth(length: str) -> None:
    import cgrad

    x, w = (cgrad.tensor(1.0, requires_grad=True) for _ in range(2))
    count = int(float(length))
    repetitions = max(1, 1_000_000 // count)

    def run() -> None:
        y = x
        for _ in range(count):
            y = y * w
        y.backward()
        x.grad = w.grad = None

    run()
    start = time.perf_counter()
    for _ in range(repetitions):
        run()
    print((time.perf_counter() - start) / repetitions / count * 1e9)


def steps() -> None:
    from networks import tensors

    step = tensors("cgrad", [4, 16, 1], 8, "Adam")
    found = []
    for count in (1_000, 99_000):
        for _ in range(count):
            step()
        found.append(f"{resident() / 1e6:.1f}")
    print(" and ".join(found))


def threads() -> None:
    import cgrad
    from networks import tensors

    cgrad.set_num_threads(1)
    models = [tensors("cgrad", [784, 512, 512, 10], 128, "SGD") for _ in range(2)]

    def train(step) -> None:
        for _ in range(60):
            step()

    ratios = []
    for step in models:
        step()
    for _ in range(7):
        start = time.perf_counter()
        for step in models:
            train(step)
        serial = time.perf_counter() - start
        both = [threading.Thread(target=train, args=(step,)) for step in models]
        start = time.perf_counter()
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        ratios.append((time.perf_counter() - start) / serial)
    print(f"{statistics.median(ratios):.2f}")


def one_processor() -> None:
    import cgrad
    from networks import tensors

    step = tensors("cgrad", [784, 512, 512, 10], 128, "SGD")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    ratios = []
    for _ in range(50):              # short and in pairs: other work on the machine meets both
        times = {}
        for count in (1, 2):
            cgrad.set_num_threads(count)
            step()
            start = time.perf_counter()
            for _ in range(4):
                step()
            times[count] = time.perf_counter() - start
        ratios.append(times[2] / times[1])
    print(f"{statistics.median(ratios):.2f}")


def peak(library: str, name: str) -> None:
    import suite

    suite.begin(library, 1)
    statement, names = suite.CASES[name].build(library)
    before = resident()
    for _ in range(20):
        exec(statement, names)
    print(f"{(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / 1e6:.1f}")


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
