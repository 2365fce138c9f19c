"""The cases of the suite: what is measured, and each library's program for it.

A case has a builder for each library that takes part. A builder gets the library's name, makes the
data, and returns a statement with the names in it, which is what is timed: nothing but the work
itself stands in the statement. None says that the library cannot do it. Where several libraries
have the same interface, they run the same program. Builders of cases marked ``apart`` return their
figure themselves, from a process of their own.
"""
from __future__ import annotations

import importlib
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

Program = tuple[str, dict[str, Any]]
TESTS = str(Path(__file__).resolve().parents[1] / "tests")


@dataclass
class Case:
    name: str
    title: str
    per: int = 1  # the figure is for one of so many equal parts of the statement
    unit: str = "s"  # or "B"
    apart: bool = False
    slow: bool = False  # left out by --quick
    group: str = ""  # "ops": only when asked for
    builders: dict[str, Callable[[str], Any]] = field(default_factory=dict)

    def build(self, library: str) -> Any:
        return self.builders[library](library)

    def on(self, *libraries: str) -> Callable:
        """Register a builder for these libraries."""

        def register(builder: Callable[[str], Any]) -> Callable[[str], Any]:
            self.builders.update(dict.fromkeys(libraries, builder))
            return builder

        return register


CASES: dict[str, Case] = {}


def case(name: str, title: str, **options: Any) -> Case:
    CASES[name] = Case(name, title, **options)
    return CASES[name]


_threads = 1


def case_threads() -> int:
    """The number of threads that this process is to compute with."""
    return _threads


def begin(library: str, threads: int) -> None:
    """Before a case is built: what a case may have left otherwise."""
    global _threads
    _threads = threads
    if library in ("cgrad", "torch", "compile"):
        package(library).set_num_threads(threads)
        package(library).set_grad_enabled(True)


def package(library: str, submodule: str = "") -> Any:
    """The package of a library, or a module in it; "compile" is PyTorch with torch.compile."""
    name = "torch" if library == "compile" else library
    return importlib.import_module(f"{name}.{submodule}" if submodule else name)


# -- scalars ----------------------------------------------------------------------------------


def scalar_type(library: str) -> tuple[Callable, Callable]:
    """Return functions that make a constant and a parameter out of a number."""
    if library == "micrograd":
        from micrograd.engine import Value

        return Value, Value
    if library == "python":
        sys.path.append(TESTS)
        from reference import Value

        return Value, Value
    xp = importlib.import_module(library)
    return xp.tensor, lambda x: xp.tensor(x, requires_grad=True)


product = case("scalar-multiply", "a * b, scalars, recorded")


@product.on("cgrad", "python", "micrograd", "torch")
def _(library: str) -> Program:
    _, parameter = scalar_type(library)
    return "a * b", {"a": parameter(1.25), "b": parameter(0.75)}


@product.on("numpy")
def _(library: str) -> Program:
    return "a * b", {"a": np.array(1.25, np.float32), "b": np.array(0.75, np.float32)}


times_number = case("scalar-times-number", "a * 1.5, a Python number, recorded")


@times_number.on("cgrad", "python", "micrograd", "torch")
def _(library: str) -> Program:
    _, parameter = scalar_type(library)
    return "a * 1.5", {"a": parameter(1.25)}


def chain(library: str, length: int) -> Program:
    """Multiply by the same parameter again and again, then take the gradients."""
    _, parameter = scalar_type(library)
    zero = 0.0 if library in ("micrograd", "python") else None
    x, w = parameter(1.0), parameter(1.0)
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 20 * length))  # micrograd needs it

    def run() -> None:
        y = x
        for _ in range(length):
            y = y * w
        y.backward()
        x.grad = w.grad = zero

    return "run()", {"run": run}


chain_1000 = case(
    "scalar-chain", "chain of 1,000 scalar products, build and sweep, an operation", per=1000
)


@chain_1000.on("cgrad", "python", "micrograd", "torch")
def _(library: str) -> Program:
    return chain(library, 1000)


@chain_1000.on("autograd")
def _(library: str) -> Program:
    import autograd

    def product(x: float, w: float) -> float:
        for _ in range(1000):
            x = x * w
        return x

    return "run(1.0, 1.0)", {"run": autograd.grad(product, (0, 1))}


for _power in range(3, 8):
    case(
        f"chain-length-1e{_power}", f"chain of 10^{_power}, build, sweep and free, an operation",
        per=10**_power, slow=_power == 7,
    ).on("cgrad")(lambda library, length=10**_power: _deep_chain(length))  # fmt: skip


def _deep_chain(length: int) -> Program:
    import cgrad

    x, w = (cgrad.tensor(1.0, requires_grad=True) for _ in range(2))

    def run() -> None:
        y = x
        for _ in range(length):
            y = y * w
        y.backward()
        x.grad = w.grad = None

    return "run()", {"run": run}


moons = case("moons", "training step on moons, scalar by scalar (MLP 2-16-16-1, 100 points)")


@moons.on("cgrad", "python", "micrograd", "torch")
def _(library: str) -> Program:
    """micrograd's demonstration: the same program for every type of scalar."""
    constant, parameter = scalar_type(library)
    zero = 0.0 if library in ("micrograd", "python") else None
    rng = np.random.default_rng(1337)
    points, labels = make_moons(rng, 100)
    sizes = [2, 16, 16, 1]
    layers = [
        [
            ([parameter(w) for w in rng.uniform(-1, 1, inputs).tolist()], parameter(0.0))
            for _ in range(outputs)
        ]
        for inputs, outputs in pairwise(sizes)
    ]
    parameters = [p for layer in layers for weights, bias in layer for p in (*weights, bias)]

    def network(x: list) -> Any:
        for layer in layers:
            x = [sum((wi * xi for wi, xi in zip(weights, x)), bias) for weights, bias in layer]
            if layer is not layers[-1]:
                x = [value.relu() for value in x]
        return x[0]

    def step() -> None:
        scores = [network([constant(x) for x in point]) for point in points]
        losses = [(1 + -label * score).relu() for label, score in zip(labels, scores)]
        data_loss = sum(losses) * (1.0 / len(losses))
        penalty = 1e-4 * sum(p * p for p in parameters)
        for p in parameters:
            p.grad = zero
        (data_loss + penalty).backward()
        for p in parameters:
            p.data -= 0.05 * p.grad

    return "step()", {"step": step}


def make_moons(rng: np.random.Generator, count: int) -> tuple[list, list]:
    angle = np.pi * rng.random(count)
    label = rng.choice([-1.0, 1.0], count)
    x = np.cos(angle) * label + (label < 0)
    y = np.sin(angle) * label + (label < 0) * 0.5
    points = np.stack([x, y], 1) + rng.normal(0, 0.1, (count, 2))
    return points.tolist(), label.tolist()


# -- vectors ----------------------------------------------------------------------------------

vector = case("vector-multiply", "v * w, 1,000 numbers, recorded (NumPy: not recorded)")


@vector.on("cgrad", "torch")
def _(library: str) -> Program:
    xp = importlib.import_module(library)
    return "v * w", {name: xp.randn(1000, requires_grad=True) for name in "vw"}


@vector.on("numpy")
def _(library: str) -> Program:
    rng = np.random.default_rng(0)
    return "v * w", {name: rng.standard_normal(1000, np.float32) for name in "vw"}


def tanh_sum(size: int) -> None:
    power = len(str(size)) - 1
    this = case(f"tanh-1e{power}", f"tanh(v*v + v).sum() on 10^{power}, forward and backward")

    @this.on("cgrad", "torch", "compile")
    def _(library: str) -> Program:
        xp = package(library)
        v = xp.randn(size, requires_grad=True)

        def forward() -> Any:
            return (v * v + v).tanh().sum()

        if library == "compile":
            forward = xp.compile(forward)

        def run() -> None:
            forward().backward()
            v.grad = None

        return "run()", {"run": run}

    @this.on("numpy")
    def _(library: str) -> Program:
        v = np.random.default_rng(0).standard_normal(size, np.float32)
        u, t, grad = np.empty_like(v), np.empty_like(v), np.empty_like(v)

        def run() -> tuple:
            np.multiply(v, v, out=u)
            np.add(u, v, out=u)
            np.tanh(u, out=t)
            value = np.add.reduce(t)
            np.multiply(t, t, out=t)
            np.subtract(1, t, out=t)
            np.add(v, v, out=grad)
            np.add(grad, 1, out=grad)
            np.multiply(grad, t, out=grad)
            return value, grad

        return "run()", {"run": run}

    @this.on("jax")
    def _(library: str) -> Program:
        import jax

        v = jax.numpy.asarray(np.random.default_rng(0).standard_normal(size, np.float32))
        run = jax.jit(jax.value_and_grad(lambda v: jax.numpy.tanh(v * v + v).sum()))
        return "wait(run(v))", {"run": run, "v": v, "wait": jax.block_until_ready}

    @this.on("autograd")
    def _(library: str) -> Program:
        import autograd

        v = np.random.default_rng(0).standard_normal(size, np.float32)
        run = autograd.value_and_grad(lambda v: autograd.numpy.sum(autograd.numpy.tanh(v * v + v)))
        return "run(v)", {"run": run, "v": v}


tanh_sum(10**3)
tanh_sum(10**6)


# -- start-up and memory ------------------------------------------------------------------------

importing = case("import", "import, beyond NumPy", apart=True)


@importing.on("cgrad", "autograd", "torch", "jax")
def _(library: str) -> float:
    code = (
        "import numpy, time; start = time.perf_counter(); "
        f"import {library}; print(time.perf_counter() - start)"
    )
    run = lambda: subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    return statistics.median(float(run()) for _ in range(3))


memory = case("node-bytes", "memory of a recorded scalar product", unit="B", apart=True)


@memory.on("cgrad", "python", "micrograd", "torch")
def _(library: str) -> float:
    return grown_by_chain(library, resident_bytes)


@memory.on("autograd")
def _(library: str) -> float:
    import autograd

    found = []

    def product(x: float) -> float:
        for _ in range(1000):
            x = x * 1.0001
        before = resident_bytes()
        for _ in range(100_000):
            x = x * 1.0001
        found.append((resident_bytes() - before) / 100_000)
        return x

    autograd.grad(product)(1.0)
    return found[0]


counted = case("node-bytes-counted", "the same, by the engine's own count", unit="B", apart=True)


@counted.on("cgrad")
def _(library: str) -> float:
    import cgrad._engine.memory
    import cgrad._engine.rows

    engine = cgrad._engine
    memory, rows = engine.memory, engine.rows
    count_bytes = lambda: memory.live_bytes() + rows.live_rows() * rows.row_bytes()
    return grown_by_chain(library, count_bytes)


def grown_by_chain(library: str, count_bytes: Callable[[], int]) -> float:
    """Return by how much a count grows with each product of a long chain that is kept."""
    _, parameter = scalar_type(library)
    w = parameter(1.0)
    y = w
    for _ in range(1000):
        y = y * w
    before, length = count_bytes(), 200_000
    for _ in range(length):
        y = y * w
    return (count_bytes() - before) / length


def resident_bytes() -> int:
    """Return the memory of this process, on systems that do not tell: its peak so far."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
