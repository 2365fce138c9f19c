"""1. Matrix gradients: forms derived by hand equal what the engine computes.

For z = W x + b and s = uᵀ f(z), with δ = u ∘ f′(z): ∂s/∂b = δ, ∂s/∂W = δ xᵀ, ∂s/∂x = Wᵀ δ, ∂s/∂u
= f(z). The gradient of a number has the shape of what it is taken with respect to (the shape
convention). The Jacobian of an elementwise function is diagonal, that of z by x is W.
"""
import sys

from common import claim, start

import cgrad


def run(given):
    double = cgrad.float64
    W = cgrad.randn(4, 3, dtype=double, requires_grad=True)
    b = cgrad.randn(4, dtype=double, requires_grad=True)
    u = cgrad.randn(4, dtype=double, requires_grad=True)
    x = cgrad.randn(3, dtype=double, requires_grad=True)

    z = W @ x + b
    s = u @ z.tanh()
    s.backward()

    with cgrad.no_grad():
        delta = u * (1 - z.tanh() ** 2)
        by_hand = {"W": (W, cgrad.outer(delta, x)), "b": (b, delta), "x": (x, W.T @ delta),
                   "u": (u, z.tanh())}  # fmt: skip
    print(f"  s = {s.item():.6f}")
    for name, (leaf, expected) in by_hand.items():
        off = (leaf.grad - expected).abs().max().item()
        shape = tuple(leaf.grad.shape)
        print(f"  ds/d{name}: shape {shape}, differs from the formula by {off:.1e}")
        claim(f"ds/d{name} has the shape of {name} and the value derived by hand",
              leaf.grad.shape == leaf.shape and off < 1e-14)  # fmt: skip

    of_tanh = cgrad.autograd.functional.jacobian(cgrad.tanh, z.detach())
    claim("the Jacobian of an elementwise function is diagonal, with f'(z) on the diagonal",
          cgrad.allclose(of_tanh, cgrad.diag(1 - z.detach().tanh() ** 2)))  # fmt: skip
    of_z = cgrad.autograd.functional.jacobian(lambda x: W.detach() @ x + b.detach(), x.detach())
    claim("the Jacobian of W x + b by x is W", cgrad.allclose(of_z, W.detach()))


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
