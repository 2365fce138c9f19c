"""How a case is measured: one process for each library, asked in turn, A B A B.

The parent starts a worker for each library (``run.py --worker NAME``) and talks to it over pipes,
one line of JSON a question and one an answer. A worker prepares a case (builds it, warms it up,
finds out how often to repeat it so that one measurement lasts long enough) and then measures it
whenever it is asked to, once. The parent asks the workers of all libraries in turn, round after
round, so that whatever else the machine does meets all of them alike.
"""
from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
import timeit
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

# library: the package that must be installed for it
LIBRARIES = {
    "cgrad": "cgrad", "python": None, "micrograd": "micrograd", "numpy": "numpy",
    "autograd": "autograd", "torch": "torch", "compile": "torch", "jax": "jax", "limit": None,
}  # fmt: skip

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip


def version(library: str) -> str | None:
    """Return the version of a library, or None where it is not installed."""
    package = LIBRARIES[library]
    if library == "limit":
        return "of this machine"
    if package is None:
        return ".".join(map(str, sys.version_info[:3]))
    if importlib.util.find_spec(package) is None:
        return None
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(working copy)"


@dataclass
class Effort:
    """How long and how often to measure."""

    seconds: float  # what one measurement should last at least
    rounds: int  # measurements of each library
    budget: float  # seconds for all rounds of one library in one case; slow cases get fewer

    def rounds_for(self, seconds: float) -> int:
        return max(3, min(self.rounds, int(self.budget / max(seconds, 1e-9))))


FULL = Effort(seconds=0.05, rounds=15, budget=4.0)
QUICK = Effort(seconds=0.01, rounds=5, budget=0.4)


@dataclass
class Measured:
    """The result of one case for one library; times in seconds, sizes in bytes."""

    median: float = float("nan")
    low: float = float("nan")  # quartiles
    high: float = float("nan")
    samples: list[float] = field(default_factory=list)
    error: str = ""

    @classmethod
    def of(cls, samples: list[float]) -> Measured:
        if len(samples) == 1:
            return cls(*samples * 3, samples)
        low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
        return cls(median, low, high, samples)

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles, relative to the median."""
        return (self.high - self.low) / 2 / self.median if self.median else 0.0


def amount(value: float, unit: str) -> str:
    """Write a time or size with three digits and the unit that suits it."""
    if unit == "B":
        return f"{value:.0f} B"
    for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if value * factor >= 0.9995:
            return f"{value * factor:#.3g} {name}".replace(". ", " ")
    return f"{value * 1e9:#.3g} ns".replace(". ", " ")


# -- the parent -------------------------------------------------------------------------------


class Worker:
    """The parent's end of one library's process."""

    def __init__(self, library: str, threads: int) -> None:
        self.library = library
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "run.py"), "--worker", library, "--threads", str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(threads),
        )  # fmt: skip

    def ask(self, **question: Any) -> Any:
        """Ask and return the answer; raises RuntimeError with the worker's error."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"the process of {self.library} ended ({self.process.wait()})")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def settle(self) -> None:
        """Wait until no thread of the process runs, a second at most.

        After a product, threads of OpenBLAS and OpenMP wait awake for the next one, up to a tenth
        of a second: that long the library measured next would not have the processors to itself.
        """
        tasks = Path(f"/proc/{self.process.pid}/task")
        if not tasks.exists():  # a system that does not tell
            time.sleep(0.2)
            return
        for _ in range(200):
            states = (f.read_text().rpartition(")")[2].split()[0] for f in tasks.glob("*/stat"))
            try:
                if "R" not in states:
                    return
            except OSError:
                pass  # a thread ended between the two calls
            time.sleep(0.005)

    def close(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


def environment(threads: int) -> dict[str, str]:
    """Return the environment of a process that is to compute with so many threads."""
    values = {name: str(threads) for name in _THREAD_VARIABLES}
    # Some peers read the number of processors instead; the affinity set in ``serve`` binds those.
    values["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    values["JAX_PLATFORMS"] = "cpu"
    paths = [str(HERE), *sys.path[1:]]
    return {**os.environ, **values, "PYTHONPATH": os.pathsep.join(paths)}


def measure(case: str, workers: dict[str, Worker], effort: Effort) -> dict[str, Measured]:
    """Measure one case in several workers, in turn."""
    results: dict[str, Measured] = {}
    rounds = {}
    for library, worker in workers.items():
        try:
            seconds = worker.ask(prepare=case, seconds=effort.seconds)
            worker.settle()
            if seconds is not None:
                rounds[library] = effort.rounds_for(seconds)
        except RuntimeError as error:
            results[library] = Measured(error=str(error))
    samples: dict[str, list[float]] = {library: [] for library in rounds}
    for i in range(max(rounds.values(), default=0)):
        for library, wanted in rounds.items():
            if i < wanted and library not in results:
                try:
                    samples[library].append(workers[library].ask(measure=case))
                    workers[library].settle()
                except RuntimeError as error:
                    results[library] = Measured(error=str(error))
    for library in samples:
        if library not in results:
            results[library] = Measured.of(samples[library])
    return {library: results[library] for library in workers if library in results}


def measure_apart(case: str, libraries: list[str], threads: int, rounds: int) -> dict:
    """Measure one case in a fresh process for each sample: import time, memory."""
    results: dict[str, Measured] = {}
    samples: dict[str, list[float]] = {library: [] for library in libraries}
    for _ in range(rounds):
        for library in libraries:
            if library in results:
                continue
            worker = Worker(library, threads)
            try:
                samples[library].append(worker.ask(once=case))
            except RuntimeError as error:
                results[library] = Measured(error=str(error))
            finally:
                worker.close()
    for library in libraries:
        if library not in results:
            results[library] = Measured.of(samples[library])
    return {library: results[library] for library in libraries}


# -- the worker -------------------------------------------------------------------------------


def serve(library: str, threads: int) -> None:
    """Answer the parent's questions until it closes the pipe."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not come between the answers
    if hasattr(os, "sched_setaffinity"):
        # Also libraries with thread pools of their own making get no more processors than asked.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    state: dict[str, Any] = {"library": library, "threads": threads, "timer": None}
    for line in sys.stdin:
        try:
            reply = {"value": _answer(state, json.loads(line))}
        except Exception as error:
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(reply), file=answers, flush=True)
    answers.flush()
    os._exit(0)  # taking graphs of a million objects apart can overflow a peer's stack


def _answer(state: dict[str, Any], question: dict[str, Any]) -> float | None:
    import suite

    if "once" in question:
        return suite.CASES[question["once"]].build(state["library"])
    if "prepare" in question:
        suite.begin(state["library"], state["threads"])
        state["timer"] = None  # the last case's memory goes first
        program = suite.CASES[question["prepare"]].build(state["library"])
        if program is None:
            return None  # the library cannot do this
        statement, names = program
        # timeit switches the garbage collector off; programs run with it, so do we.
        timer = timeit.Timer(statement, "import gc; gc.enable()", globals=names)
        state["loops"], seconds = _calibrate(timer, question["seconds"])
        state["timer"] = timer
        return seconds
    # The others have measured meanwhile, and their data lie in the caches: a tenth, at least one
    # repetition, is not counted.
    state["timer"].timeit(max(1, state["loops"] // 10))
    return state["timer"].timeit(state["loops"]) / state["loops"]


def _calibrate(timer: timeit.Timer, wanted: float) -> tuple[int, float]:
    """Warm up and return (repetitions in a measurement, seconds of a measurement)."""
    timer.timeit(1)
    loops = 1
    while True:
        seconds = timer.timeit(loops)
        if seconds >= wanted:
            return loops, seconds
        # Aim a little beyond, but do not trust the first, short measurements too far.
        factor = 1.2 * wanted / max(seconds, 1e-9)
        loops = max(loops + 1, int(loops * min(factor, 10)))
