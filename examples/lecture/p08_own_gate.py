"""8. A new gate: forward and backward supplied by the user, and differentiable twice.

Softplus, log(1 + eˣ), has the derivative sigmoid(x). Written with ``autograd.Function``, its
backward is made of operations, so that the engine can differentiate it again.
"""
import sys

from common import claim, start

import cgrad


class Softplus(cgrad.autograd.Function):
    """log(1 + e^x), without overflow."""

    @staticmethod
    def forward(x):
        return x.clamp(min=0) + (1 + (-x.abs()).exp()).log()

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, upstream):
        (x,) = ctx.saved_tensors
        return upstream * cgrad.sigmoid(x)


def run(given):
    x = cgrad.linspace(-5, 5, 11, dtype=cgrad.float64, requires_grad=True)
    y = Softplus.apply(x)
    claim("the value is that of the library",
          cgrad.allclose(y, cgrad.nn.functional.softplus(x)))  # fmt: skip
    (first,) = cgrad.autograd.grad(y.sum(), x, create_graph=True)
    claim("the first derivative is sigmoid(x)", cgrad.allclose(first, x.sigmoid()))
    (second,) = cgrad.autograd.grad(first.sum(), x)
    s = x.detach().sigmoid()
    claim("the second, through our backward, is s (1 - s)", cgrad.allclose(second, s * (1 - s)))
    claim("both pass the numeric check", cgrad.autograd.gradcheck(Softplus.apply, (x,))
          and cgrad.autograd.gradgradcheck(Softplus.apply, (x,)))  # fmt: skip


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
