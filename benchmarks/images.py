"""A convolutional network on small images: forward and backward."""
from __future__ import annotations

from typing import Any

import numpy as np

import limit
from cases import Program, case, package

cnn = case("cnn-1-16-32", "CNN 1-16-32 on 64 images of 28 by 28, forward and backward")


# Forward, both gradients of the second convolution, the weights' of the first; the linear layer.
limit.of_flops(cnn, 64 * (2 * 28 * 28 * 16 * 9 * 2 + 3 * 14 * 14 * 32 * 16 * 9 * 2 + 3 * 15680 * 2))


@cnn.on("cgrad", "torch", "compile")
def _(library: str) -> Program:
    """Two times convolution 3 by 3, ReLU, maximum of 2 by 2; then a linear classifier."""
    xp, functional = package(library), package(library, "nn.functional")
    rng = np.random.default_rng(0)

    def parameter(*shape: int) -> Any:
        scale = 1 / np.sqrt(np.prod(shape[1:]))
        values = xp.from_numpy(rng.standard_normal(shape, np.float32) * np.float32(scale))
        return values.requires_grad_()

    x = xp.from_numpy(rng.standard_normal((64, 1, 28, 28), np.float32))
    t = xp.from_numpy(rng.integers(0, 10, 64))
    w1, b1, w2, b2 = parameter(16, 1, 3, 3), parameter(16), parameter(32, 16, 3, 3), parameter(32)
    w3, b3 = parameter(10, 32 * 7 * 7), parameter(10)
    parameters = [w1, b1, w2, b2, w3, b3]

    def forward() -> Any:
        y = functional.max_pool2d(functional.conv2d(x, w1, b1, padding=1).relu(), 2)
        y = functional.max_pool2d(functional.conv2d(y, w2, b2, padding=1).relu(), 2)
        return functional.cross_entropy(functional.linear(y.flatten(1), w3, b3), t)

    if library == "compile":
        forward = xp.compile(forward)

    def step() -> None:
        loss = forward()
        for p in parameters:
            p.grad = None
        loss.backward()

    return "step()", {"step": step}
