"""Training steps of fully connected networks, in each library's best plain form."""
from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import limit
from cases import Program, case, package

# name: layers, batch, which optimizer's step ends it ("": it ends with the gradients)
STEPS = {
    "mlp-4-16-1": ([4, 16, 1], 8, "SGD"),
    "mlp-4-64-64-2": ([4, 64, 64, 2], 32, ""),
    "mlp-4-64-64-2-adam": ([4, 64, 64, 2], 32, "Adam"),
    "mlp-784-128-10": ([784, 128, 10], 64, ""),
    "mlp-784-512-512-10": ([784, 512, 512, 10], 128, ""),
    "mlp-784-512-512-10-adam": ([784, 512, 512, 10], 128, "Adam"),
}
RATE = 0.01
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's, as everywhere


def data(sizes: list[int], batch: int) -> tuple[np.ndarray, np.ndarray, list]:
    """Return inputs, targets (numbers for one output, classes otherwise) and parameters."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, sizes[0]), np.float32)
    if sizes[-1] == 1:
        t = rng.standard_normal((batch, 1), np.float32)
    else:
        t = rng.integers(0, sizes[-1], batch)
    parameters = [
        (rng.standard_normal((m, n), np.float32) / np.float32(np.sqrt(m)), np.zeros(n, np.float32))
        for m, n in pairwise(sizes)
    ]
    return x, t, parameters


def tensors(library: str, sizes: list[int], batch: int, update: str) -> Callable[[], Any]:
    """cgrad and PyTorch: the same program."""
    xp, nn = package(library), package(library, "nn")
    x, t, _ = data(sizes, batch)
    x, t = xp.from_numpy(x), xp.from_numpy(t)
    layers: list = []
    for m, n in pairwise(sizes):
        layers += [nn.Linear(m, n), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = getattr(package(library, "optim"), update or "SGD")(model.parameters(), lr=RATE)
    loss_function = nn.functional.mse_loss if sizes[-1] == 1 else nn.functional.cross_entropy

    def forward() -> Any:
        return loss_function(model(x), t)

    if library == "compile":
        forward = xp.compile(forward)

    def step() -> None:
        loss = forward()
        optimizer.zero_grad()
        loss.backward()
        if update:
            optimizer.step()

    return step


def by_hand(library: str, sizes: list[int], batch: int, update: str) -> Callable[[], Any]:
    """NumPy: no array is allocated in a step, no intermediate computed twice."""
    x, t, parameters = data(sizes, batch)
    weights, biases = map(list, zip(*parameters))
    values = [x, *(np.empty((batch, n), np.float32) for n in sizes[1:])]
    deltas = [None, *(np.empty((batch, n), np.float32) for n in sizes[1:])]
    weight_grads = [np.empty_like(w) for w in weights]
    bias_grads = [np.empty_like(b) for b in biases]
    last = len(weights)
    moments = [[np.zeros_like(a) for a in arrays] for arrays in (weights, weights, biases, biases)]
    rows = np.arange(batch)
    column = np.empty((batch, 1), np.float32)
    count = 0

    def squared_error() -> float:
        delta = np.subtract(values[last], t, out=deltas[last])
        loss = np.vdot(delta, delta) / batch
        np.multiply(delta, 2 / batch, out=delta)
        return loss

    def cross_entropy() -> float:
        scores, delta = values[last], deltas[last]
        np.maximum.reduce(scores, 1, keepdims=True, out=column)
        np.subtract(scores, column, out=scores)
        np.exp(scores, out=delta)
        np.add.reduce(delta, 1, keepdims=True, out=column)
        loss = (np.add.reduce(np.log(column), None) - np.add.reduce(scores[rows, t])) / batch
        np.divide(delta, column, out=delta)
        delta[rows, t] -= 1
        np.multiply(delta, 1 / batch, out=delta)
        return loss

    loss_and_delta = squared_error if sizes[-1] == 1 else cross_entropy

    def step() -> float:
        for i in range(last):
            y = np.dot(values[i], weights[i], out=values[i + 1])
            np.add(y, biases[i], out=y)
            if i + 1 < last:
                np.maximum(y, 0, out=y)
        loss = loss_and_delta()
        for i in range(last - 1, -1, -1):
            delta = deltas[i + 1]
            np.dot(values[i].T, delta, out=weight_grads[i])
            np.add.reduce(delta, 0, out=bias_grads[i])
            if i:
                below = np.dot(delta, weights[i].T, out=deltas[i])
                np.multiply(below, np.sign(values[i], out=values[i]), out=below)  # ReLU's slope
        if update == "SGD":
            for i in range(last):
                for p, grad in ((weights[i], weight_grads[i]), (biases[i], bias_grads[i])):
                    np.multiply(grad, RATE, out=grad)
                    np.subtract(p, grad, out=p)
        elif update == "Adam":
            adam()
        return loss

    def adam() -> None:
        nonlocal count
        count += 1
        rate = RATE / (1 - BETA1**count)
        root = 1 / np.sqrt(1 - BETA2**count)
        for p, grad, m, v in (*zip(weights, weight_grads, moments[0], moments[1]),
                              *zip(biases, bias_grads, moments[2], moments[3])):  # fmt: skip
            np.multiply(m, BETA1, out=m)
            m += (1 - BETA1) * grad
            np.multiply(v, BETA2, out=v)
            np.multiply(grad, grad, out=grad)
            np.multiply(grad, 1 - BETA2, out=grad)
            np.add(v, grad, out=v)
            np.sqrt(v, out=grad)
            np.multiply(grad, root, out=grad)
            np.add(grad, EPSILON, out=grad)
            np.divide(m, grad, out=grad)
            np.multiply(grad, rate, out=grad)
            np.subtract(p, grad, out=p)

    return step


def loss_of(xp: Any, sizes: list[int]) -> Callable:
    """Return the loss as a function of the parameters, in jax.numpy or autograd.numpy."""

    def loss(parameters: list, x: Any, t: Any) -> Any:
        *hidden, (w, b) = parameters
        for weight, bias in hidden:
            x = xp.maximum(xp.dot(x, weight) + bias, 0)
        y = xp.dot(x, w) + b
        if sizes[-1] == 1:
            return xp.mean((y - t) ** 2)
        y = y - xp.max(y, axis=1, keepdims=True)
        chosen = y[xp.arange(len(t)), t]
        return xp.mean(xp.log(xp.sum(xp.exp(y), axis=1)) - chosen)

    return loss


def jitted(library: str, sizes: list[int], batch: int, update: str) -> Callable[[], Any]:
    import jax

    jnp = jax.numpy
    x, t, parameters = data(sizes, batch)
    x, t, parameters = jax.tree.map(jnp.asarray, (x, t, parameters))
    value_and_grad = jax.value_and_grad(loss_of(jnp, sizes))
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state = (parameters, zeros, zeros, jnp.zeros(()))

    @jax.jit
    def compiled(state: tuple, x: Any, t: Any) -> tuple:
        parameters, m, v, count = state
        loss, grads = value_and_grad(parameters, x, t)
        if not update:
            return loss, grads
        if update == "SGD":
            return loss, (jax.tree.map(lambda p, g: p - RATE * g, parameters, grads), m, v, count)
        count = count + 1
        m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, grads)
        v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, grads)
        rate, root = RATE / (1 - BETA1**count), 1 / jnp.sqrt(1 - BETA2**count)
        change = lambda p, m, v: p - rate * m / (jnp.sqrt(v) * root + EPSILON)
        return loss, (jax.tree.map(change, parameters, m, v), m, v, count)

    def step() -> None:
        nonlocal state
        loss, result = compiled(state, x, t)
        if update:
            state = result
        jax.block_until_ready((loss, result))

    return step


def traced(library: str, sizes: list[int], batch: int, update: str) -> Callable[[], Any]:
    import autograd

    x, t, parameters = data(sizes, batch)
    value_and_grad = autograd.value_and_grad(loss_of(autograd.numpy, sizes))

    def step() -> None:
        _, grads = value_and_grad(parameters, x, t)
        if update:
            for pair, grad_pair in zip(parameters, grads):
                for p, grad in zip(pair, grad_pair):
                    p -= RATE * grad

    return step


def register(name: str, sizes: list[int], batch: int, update: str) -> None:
    what = f"training step with {update}" if update else "forward and backward"
    this = case(name, f"MLP {'-'.join(map(str, sizes))}, batch {batch}, {what}")
    makers = {"cgrad": tensors, "torch": tensors, "compile": tensors, "numpy": by_hand,
              "jax": jitted, "autograd": traced}  # fmt: skip
    if update == "Adam":
        del makers["autograd"]
    for library, make in makers.items():

        @this.on(library)
        def _(library: str, make: Callable = make) -> Program:
            return "step()", {"step": make(library, sizes, batch, update)}

    # Forward, gradients of the weights, and of every layer's input but the first's.
    products = [2 * batch * m * n for m, n in pairwise(sizes)]
    limit.of_flops(this, 3 * sum(products) - products[0])


for _name, _step in STEPS.items():
    register(_name, *_step)
