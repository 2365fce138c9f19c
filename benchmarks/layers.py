"""Single layers and operations: forward and backward, inference, and functions for scipy."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import limit
from cases import Case, Program, case, package

BOTH = "forward and backward"


def layer(name: str, title: str, make: Callable[[Any], tuple], *, compiles: bool = True) -> Case:
    """A case of ``make(library's package) -> (function, inputs)``, with gradients of everything.

    The function is a module or a function of the inputs; what it returns is summed.
    """
    this = case(name, f"{title}, {BOTH}")

    @this.on("cgrad", "torch", *["compile"] * compiles)
    def _(library: str) -> Program:
        xp = package(library)
        xp.manual_seed(0)
        function, inputs = make(xp)
        differentiable = [x for x in inputs if x.requires_grad]
        if hasattr(function, "parameters"):
            differentiable += function.parameters()
        call = xp.compile(function) if library == "compile" else function

        def run() -> None:
            y = call(*inputs)
            y = y[0] if isinstance(y, tuple) else y
            (y if y.ndim == 0 else y.sum()).backward()
            for x in differentiable:
                x.grad = None

        return "run()", {"run": run}

    return this


# -- recurrent networks and the Transformer ---------------------------------------------------

BATCH, STEPS, INPUTS, HIDDEN = 16, 50, 64, 128


def recurrent(name: str, gates: int) -> None:
    def make(xp: Any) -> tuple:
        network = getattr(xp.nn, name)(INPUTS, HIDDEN, batch_first=True)
        return network, [xp.randn(BATCH, STEPS, INPUTS, requires_grad=True)]

    sizes = f"{BATCH}×{STEPS}×{INPUTS}→{HIDDEN}"
    this = layer(name.lower(), f"{name} {sizes}", make, compiles=False)
    limit.of_flops(this, 3 * 2 * BATCH * STEPS * gates * HIDDEN * (INPUTS + HIDDEN))


recurrent("LSTM", 4)
recurrent("GRU", 3)


def encoder(xp: Any) -> tuple:
    network = xp.nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, batch_first=True)
    return network, [xp.randn(16, 64, 64, requires_grad=True)]


transformer = layer(
    "transformer", "Transformer encoder layer 16×64×64, 4 heads, feed-forward 256", encoder
)
limit.of_flops(transformer, 3 * 2 * 16 * 64 * (4 * 64 * 64 + 2 * 64 * 64 + 2 * 64 * 256))


# -- normalisation, loss ------------------------------------------------------------------------


def normalisation(xp: Any) -> tuple:
    return xp.nn.LayerNorm(512), [xp.randn(256, 512, requires_grad=True)]


# Read x, write y; read the gradient and x, write the gradient of x.
limit.of_bytes(layer("layernorm", "LayerNorm 256×512", normalisation), 5 * 256 * 512 * 4)


def classification(xp: Any) -> tuple:
    scores = xp.randn(256, 1000, requires_grad=True)
    return xp.nn.functional.cross_entropy, [scores, xp.randint(1000, (256,))]


# Read the scores twice, write their gradient.
limit.of_bytes(layer("cross-entropy", "cross_entropy 256×1000", classification), 3 * 256 * 1000 * 4)


# -- one matrix product -------------------------------------------------------------------------

SIZE = 1024
product = case("matmul-1024", f"matrix product of {SIZE}×{SIZE}, float32")
limit.of_flops(product, 2 * SIZE**3)


@product.on("cgrad", "torch")
def _(library: str) -> Program:
    xp = package(library)
    return "a @ b", {name: xp.randn(SIZE, SIZE) for name in "ab"}


@product.on("numpy")
def _(library: str) -> Program:
    rng = np.random.default_rng(0)
    return "a @ b", {name: rng.standard_normal((SIZE, SIZE), np.float32) for name in "ab"}


@product.on("jax")
def _(library: str) -> Program:
    import jax

    rng = np.random.default_rng(0)
    a, b = (jax.numpy.asarray(rng.standard_normal((SIZE, SIZE), np.float32)) for _ in "ab")
    names = {"f": jax.jit(jax.numpy.matmul), "a": a, "b": b, "wait": jax.block_until_ready}
    return "wait(f(a, b))", names


# -- sparse gradients ---------------------------------------------------------------------------

ROWS, WIDTH, IDS = 100_000, 100, 2_560
sparse = case(
    "embedding-sparse-adam", f"Embedding {ROWS:,}×{WIDTH}, {IDS:,} ids, step with SparseAdam"
)
# The rows, their gradient and both moments, read and written.
limit.of_bytes(sparse, 8 * IDS * WIDTH * 4)


@sparse.on("cgrad", "torch")
def _(library: str) -> Program:
    xp, optim = package(library), package(library, "optim")
    table = xp.nn.Embedding(ROWS, WIDTH, sparse=True)
    optimizer = optim.SparseAdam(table.parameters(), lr=1e-3)
    ids = xp.from_numpy(np.random.default_rng(0).integers(0, ROWS, IDS))

    def step() -> None:
        optimizer.zero_grad()
        table(ids).sum().backward()
        optimizer.step()

    return "step()", {"step": step}


# -- without gradients, and for scipy -----------------------------------------------------------

inference = case("inference-mlp-4-16-1", "MLP 4-16-1, batch 1, inference under no_grad")
limit.of_calls(inference, 3)


@inference.on("cgrad", "torch")
def _(library: str) -> Program:
    xp = package(library)
    nn = xp.nn
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    xp.set_grad_enabled(False)  # until the next case begins
    return "model(x)", {"model": model, "x": xp.randn(1, 4)}


@inference.on("numpy")
def _(library: str) -> Program:
    rng = np.random.default_rng(0)
    sizes = [(4, 16), (16,), (16, 1), (1,)]
    w1, b1, w2, b2 = (rng.standard_normal(size, np.float32) for size in sizes)
    model = lambda x: np.maximum(x @ w1 + b1, 0) @ w2 + b2
    return "model(x)", {"model": model, "x": rng.standard_normal((1, 4), np.float32)}


evaluation = case(
    "scipy-evaluation", "value and gradient of Rosenbrock's function, as scipy asks for them"
)


@evaluation.on("cgrad", "torch")
def _(library: str) -> Program:
    xp = package(library)

    def value_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        p = xp.from_numpy(x).requires_grad_()
        a, b = p
        value = (1 - a) ** 2 + 100 * (b - a * a) ** 2
        value.backward()
        return value.item(), p.grad.numpy()

    return "f(x)", {"f": value_and_gradient, "x": np.array([-1.2, 1.0])}


@evaluation.on("autograd")
def _(library: str) -> Program:
    import autograd

    def value(x: Any) -> Any:
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] * x[0]) ** 2

    return "f(x)", {"f": autograd.value_and_grad(value), "x": np.array([-1.2, 1.0])}
