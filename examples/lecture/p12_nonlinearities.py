"""12. Nonlinearities, each with its derivative from the engine.

tanh(x) = 2 · sigmoid(2x) - 1: one is the other, shifted and stretched. The picture shows sigmoid,
tanh, hard tanh, the family of ReLU and today's smooth ones, with the derivatives the engine
computes.
"""
import sys

from common import claim, plot, start

import cgrad
import cgrad.nn.functional as F
from cgrad import nn, viz

FUNCTIONS = {
    "sigmoid": cgrad.sigmoid, "tanh": cgrad.tanh, "hardtanh": F.hardtanh, "softsign": F.softsign,
    "relu": F.relu, "leaky_relu (0.1)": lambda x: F.leaky_relu(x, 0.1),
    "prelu (0.25)": lambda x: F.prelu(x, cgrad.tensor(0.25, dtype=x.dtype)), "relu6": F.relu6,
    "elu": F.elu, "selu": F.selu, "celu (2)": lambda x: F.celu(x, 2.0), "softplus": F.softplus,
    "gelu": F.gelu, "gelu (tanh)": lambda x: F.gelu(x, "tanh"), "silu": F.silu, "mish": F.mish,
    "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish, "logsigmoid": F.logsigmoid,
    "softshrink": F.softshrink, "hardshrink": F.hardshrink, "tanhshrink": F.tanhshrink,
}  # fmt: skip


def run(given):
    x = cgrad.linspace(-4, 4, 801, dtype=cgrad.float64, requires_grad=True)
    claim("tanh(x) = 2 sigmoid(2x) - 1", cgrad.allclose(x.tanh(), 2 * (2 * x).sigmoid() - 1))
    for name, function in FUNCTIONS.items():
        y = function(x)
        (slope,) = cgrad.autograd.grad(y.sum(), x)
        h = 1e-5
        with cgrad.no_grad():
            numeric = (function(x + h) - function(x - h)) / (2 * h)
        smooth = (numeric - slope).abs() < 1e-4
        claim(f"{name}: the derivative is that of differences (but for kinks and jumps)",
              int((~smooth).sum()) <= 4)  # fmt: skip
    z = cgrad.randn(3, 5, dtype=cgrad.float64)
    claim("softmax sums to 1 and log_softmax is its logarithm",
          cgrad.allclose(z.softmax(1).sum(1), cgrad.ones(3, dtype=z.dtype))
          and cgrad.allclose(z.softmax(1).log(), z.log_softmax(1)))  # fmt: skip
    layers = [nn.Sigmoid(), nn.Tanh(), nn.Hardtanh(), nn.ReLU(), nn.ELU(), nn.GELU(), nn.SiLU(),
              nn.Mish(), nn.Softplus(), nn.Hardswish()]  # fmt: skip
    claim("layers give what the functions give", all(
        cgrad.equal(layer(x), FUNCTIONS[type(layer).__name__.lower()](x)) for layer in layers))

    plot(lambda: viz.activations(FUNCTIONS, low=-7, high=7), given.out, "p12_nonlinearities")


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
