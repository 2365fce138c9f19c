"""9. The numeric gradient check: (f(x+h) - f(x-h)) / 2h, for tests only.

The two-sided difference is off by about h²: much better than the one-sided one, off by about h.
Too small an h is worse again, for then rounding rules. ``gradcheck`` compares every entry of the
Jacobian with it; a wrong derivative is named with input, index and both values.
"""
import sys

from common import claim, figure, save, start

import cgrad


class Wrong(cgrad.autograd.Function):
    """x² with a derivative that is wrong for negative x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, upstream):
        (x,) = ctx.saved_tensors
        return upstream * 2 * x.abs()


def run(given):
    x = cgrad.tensor(0.7, dtype=cgrad.float64)
    exact = x.cos().item()
    steps = [10.0**-k for k in range(1, 13)]
    one = [abs((((x + h).sin() - x.sin()) / h).item() - exact) for h in steps]
    two = [abs((((x + h).sin() - (x - h).sin()) / (2 * h)).item() - exact) for h in steps]
    print("  h        one-sided error   two-sided error")
    for h, a, b in zip(steps, one, two):
        print(f"  {h:.0e}    {a:.1e}           {b:.1e}")
    claim("at h = 1e-4 the two-sided difference is more than 1000 times closer",
          two[3] * 1000 < one[3])  # fmt: skip
    claim("at h = 1e-12 rounding has made it worse than at 1e-4", two[11] > two[3])

    a = cgrad.randn(3, 2, dtype=cgrad.float64, requires_grad=True)
    claim("gradcheck and gradgradcheck accept tanh(a) @ a.T",
          cgrad.autograd.gradcheck(lambda a: a.tanh() @ a.T, (a,))
          and cgrad.autograd.gradgradcheck(lambda a: a.tanh() @ a.T, (a,)))  # fmt: skip
    b = cgrad.tensor([1.0, -2.0], dtype=cgrad.float64, requires_grad=True)
    try:
        cgrad.autograd.gradcheck(Wrong.apply, (b,))
        found = ""
    except RuntimeError as error:
        found = str(error)
        print("  " + found.replace("\n", "\n  "))
    claim("gradcheck finds the wrong derivative", "numerical" in found.lower())

    picture = figure(6, 4)
    if picture is not None:
        axes = picture.subplots()
        axes.loglog(steps, one, "o-", label="(f(x+h) - f(x)) / h")
        axes.loglog(steps, two, "s-", label="(f(x+h) - f(x-h)) / 2h")
        axes.axvline(1e-4, color="0.6", lw=0.8, label="h = 1e-4, where they are compared")
        axes.set(xlabel="h", ylabel="error of the derivative of sin at 0.7",
                 title="numeric derivatives")  # fmt: skip
        axes.legend()
        save(picture, given.out, "p09_gradient_check")


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
