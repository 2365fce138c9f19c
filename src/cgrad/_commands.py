"""What ``python -m cgrad`` does: see __main__.py."""
from __future__ import annotations

import json
import math
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import cgrad
import cgrad.nn.functional as F
from cgrad import Tensor, nn
from cgrad.optim import Adam

# -- info -------------------------------------------------------------------------------------


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def facts() -> dict[str, Any]:
    """What ``info`` shows."""
    from importlib.metadata import PackageNotFoundError, version

    from cgrad._engine.threads import blas_core

    try:
        openblas = version("scipy-openblas32")
    except PackageNotFoundError:
        openblas = "of unknown version"
    simd: list[str] = []
    config: Any = np.show_config(mode="dicts")
    for kind, names in config["SIMD Extensions"].items():
        simd += [] if kind == "not found" else names
    folder = Path(cgrad.__file__).parent
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.suffix in (".so", ".pyd"))
    return {
        "cgrad": str(cgrad.__version__),
        "at": str(folder),
        "compiled": f"{size / 1e6:.1f} MB",
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "system": platform.platform(),
        "processor": processor(),
        "features": simd,
        "threads": cgrad.get_num_threads(),
        "BLAS": f"OpenBLAS, scipy-openblas32 {openblas}",
        "BLAS core": blas_core(),
    }


def info(as_json: bool) -> int:
    """Print versions, BLAS, threads and features of the processor."""
    known = facts()
    if as_json:
        print(json.dumps(known, indent=2))
        return 0
    for name, value in known.items():
        text = " ".join(value) if isinstance(value, list) else str(value)
        print(f"{name:>10}  {text}")
    return 0


# -- check ------------------------------------------------------------------------------------

Check = Callable[[], str]


class Wrong(Exception):
    """A result that is not what it should be."""


def close(what: str, got: Tensor | float, expected: Any, tolerance: float) -> None:
    """Raise Wrong where a result is farther from the expected one, relative to its size."""
    a = np.asarray(got.detach().numpy() if isinstance(got, Tensor) else got, np.float64)
    b = np.asarray(expected, np.float64)
    if a.shape != b.shape:
        raise Wrong(f"{what} has the shape {a.shape}, not {b.shape}")
    scale = max(1.0, float(np.abs(b).max(initial=0)))
    off = float(np.abs(a - b).max(initial=0)) / scale
    if not off <= tolerance:
        raise Wrong(f"{what} is off by {off:.2g} (allowed: {tolerance:.2g})")


def values() -> str:
    """Elementwise functions, reductions and indexing against NumPy."""
    rng = np.random.default_rng(0)
    count = 0
    for dtype, tolerance in ((np.float32, 1e-5), (np.float64, 1e-13)):
        for shape in ((), (0,), (7,), (33, 65), (5, 1, 4), (300, 1000)):
            a: Any = rng.normal(size=shape).astype(dtype)
            x = cgrad.tensor(a)
            for name in ("exp", "tanh", "sin", "cos", "abs", "square", "floor", "sign"):
                ours, theirs = getattr(cgrad, name)(x), getattr(np, name)(a)
                close(f"{name} of {shape}", ours, theirs, tolerance)
                count += 1
            close(f"log of {shape}", (x.abs() + 1).log(), np.log(np.abs(a) + 1), tolerance)
            close(f"sum of {shape}", x.sum(), a.sum(dtype=np.float64), 1e-5)
            close(f"product of {shape}", x * x - x / 3, a * a - a / 3, tolerance)
            count += 3
    a = rng.normal(size=(6, 5, 4))
    x = cgrad.tensor(a)
    close("a slice", x[1:, ::2, [0, 3]], a[1:, ::2, [0, 3]], 0)
    close("a transpose", x.transpose(0, 2).contiguous(), a.transpose(2, 1, 0), 0)
    close("a softmax", x.softmax(1), np.exp(a) / np.exp(a).sum(1, keepdims=True), 1e-13)
    return f"{count + 3} results"


def gradients() -> str:
    """Derivatives against differences, and the one of a whole network."""
    cgrad.manual_seed(0)
    x = cgrad.randn(3, 4, dtype=cgrad.float64, requires_grad=True)
    w = cgrad.randn(5, 4, dtype=cgrad.float64, requires_grad=True)
    functions: dict[str, Callable[..., Tensor]] = {
        "tanh": lambda x, w: x.tanh() * w[:3],
        "linear": lambda x, w: F.linear(x, w),
        "softmax": lambda x, w: x.softmax(1) @ w.T,
        "layer_norm": lambda x, w: F.layer_norm(x, (4,), w[0], w[1]),
        "conv1d": lambda x, w: F.conv1d(x.reshape(1, 3, 4), w[:3, :3].reshape(1, 3, 3), padding=1),
        "logsumexp": lambda x, w: (x @ w.T).logsumexp(1),
        "indexing": lambda x, w: x[[0, 2, 0]] * w[1:4],
    }
    for name, function in functions.items():
        for checker in (cgrad.autograd.gradcheck, cgrad.autograd.gradgradcheck):
            if not checker(function, (x, w), raise_exception=False):
                raise Wrong(f"{checker.__name__} of {name} fails")
    a = cgrad.tensor(1.0, requires_grad=True)
    b = cgrad.tensor(2.0, requires_grad=True)
    c = cgrad.tensor(0.0, requires_grad=True)
    f = (a + b) * cgrad.maximum(b, c)
    f.backward()
    close("(a + b) max(b, c)", f, 6, 0)
    for name, leaf, expected in (("a", a, 2), ("b", b, 5), ("c", c, 0)):
        assert leaf.grad is not None
        close(f"its derivative by {name}", leaf.grad, expected, 0)
    return f"{2 * len(functions) + 1} functions"


def blas() -> str:
    """Matrix products of many shapes against NumPy, and the speed of a large one."""
    rng = np.random.default_rng(0)
    for dtype, tolerance in ((np.float32, 2e-5), (np.float64, 1e-12)):
        for m, k, n in ((1, 1, 1), (3, 0, 2), (5, 7, 3), (64, 64, 64), (129, 65, 33), (1, 300, 99)):
            a: Any = rng.normal(size=(m, k)).astype(dtype)
            b: Any = rng.normal(size=(k, n)).astype(dtype)
            x, y = cgrad.tensor(a), cgrad.tensor(b)
            close(f"({m}, {k}) @ ({k}, {n})", x @ y, a @ b, tolerance)
            turned = cgrad.tensor(np.ascontiguousarray(a.T)).T @ cgrad.tensor(b.T.copy()).T
            close("a product of transposes", turned, a @ b, tolerance)
    x = cgrad.rand(512, 512)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        x @ x
        times.append(time.perf_counter() - start)
    return f"{2 * 512**3 / min(times) / 1e9:.0f} GFLOP/s in float32"


def threads() -> str:
    """The same bits with one thread and with all."""
    everyone = cgrad.get_num_threads()
    cgrad.manual_seed(0)
    x, w = cgrad.randn(400, 300), cgrad.randn(300, 500)
    results = []
    try:
        for count in {1, 2, everyone}:
            cgrad.set_num_threads(count)
            y = (x @ w).tanh().requires_grad_()
            (y * y).sum().backward()
            assert y.grad is not None
            results.append((count, y.detach().numpy().tobytes(), y.grad.numpy().tobytes()))
    finally:
        cgrad.set_num_threads(everyone)
    for count, *bits in results[1:]:
        if bits != list(results[0][1:]):
            raise Wrong(f"{count} threads give other bits than {results[0][0]}")
    return f"up to {max(2, everyone)}"


def training() -> str:
    """A small network learns what it should, and its weights survive a file."""
    import tempfile

    *_, (model, accuracy) = spirals(1500, 1)
    if accuracy < 0.9:
        raise Wrong(f"the network gets {accuracy:.0%} of the points right after 1500 steps")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights"
        cgrad.save(model.state_dict(), file)
        for name, tensor in cgrad.load(file).items():
            close(f"{name} read from a file", tensor, model.state_dict()[name].numpy(), 0)
    return f"{accuracy:.0%} of the points right"


def check(count: int | None) -> int:
    """Run all checks; 0 if they pass."""
    if count:
        cgrad.set_num_threads(count)
    start = time.perf_counter()
    failed = 0
    for test in (values, gradients, blas, threads, training):
        print(f"{test.__name__:>10}  ", end="", flush=True)
        try:
            print(f"well: {test()}", flush=True)
        except Exception as error:  # whatever a broken installation raises is what is asked for
            failed += 1
            kind = "" if isinstance(error, Wrong) else f"{type(error).__name__}: "
            print(f"WRONG: {kind}{error}", flush=True)
    seconds = time.perf_counter() - start
    print(f"cgrad {cgrad.__version__}: " + (f"{failed} of 5 checks failed" if failed else
                                            f"all is well ({seconds:.1f} s)"))  # fmt: skip
    return 1 if failed else 0


# -- demo -------------------------------------------------------------------------------------


def spirals(steps: int, seed: int) -> Iterator[tuple[nn.Module, float]]:
    """Train a network to tell two spirals apart; yields it and its accuracy after each step."""
    cgrad.manual_seed(seed)
    turn = cgrad.linspace(0.1, 1.0, 200) * 4 * math.pi
    arm = cgrad.stack([turn.cos(), turn.sin()], dim=1) * (turn / 12.6).unsqueeze(1)
    points = cgrad.cat([arm, -arm]) + 0.02 * cgrad.randn(400, 2)
    classes = (cgrad.arange(400) >= 200).float()
    model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(),
                          nn.Linear(32, 1))  # fmt: skip
    optimizer = Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        some = cgrad.randint(0, 400, (64,))
        loss = F.binary_cross_entropy_with_logits(model(points[some]).squeeze(1), classes[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with cgrad.no_grad():
            right = (model(points).squeeze(1) > 0) == classes.bool()
        yield model, right.float().mean().item()


def picture(model: nn.Module) -> str:
    """What the network makes of the plane, in characters."""
    across = cgrad.linspace(-1.05, 1.05, 64)
    down = cgrad.linspace(1.05, -1.05, 24)
    y, x = cgrad.meshgrid(down, across, indexing="ij")
    with cgrad.no_grad():
        chance = model(cgrad.stack([x, y], dim=2)).squeeze(2).sigmoid()
    shades = " .:-=+*#%@"
    rows = (chance * 9.999).long().tolist()
    return "\n".join("".join(shades[level] for level in row) for row in rows)


def demo(steps: int, seed: int) -> int:
    """Train the network on the spirals, with a progress bar, and draw what it learned."""
    print("Two spirals, 200 points each: a network 2-32-32-1 learns to tell them apart", flush=True)
    start = time.perf_counter()
    progress: Any = None
    try:
        from tqdm import tqdm  # type: ignore[import-untyped]

        progress = tqdm(total=steps, unit="step")
    except ImportError:
        pass
    model: nn.Module | None = None
    for i, now in enumerate(spirals(steps, seed), 1):
        model, accuracy = now
        if progress is not None:
            progress.update()
            if i % 50 == 0:
                progress.set_postfix_str(f"{accuracy:.0%} right", refresh=False)
        elif i % max(1, steps // 10) == 0:
            print(f"step {i}: {accuracy:.0%} right", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - start
    if progress is not None:
        progress.close()
    assert model is not None
    print(picture(model))
    print(f"{accuracy:.1%} of the points right after {steps} steps in {seconds:.1f} s "
          f"({seconds / steps * 1e6:.0f} µs a step, its measurement included)")  # fmt: skip
    return 0
