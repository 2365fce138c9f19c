"""4. Backpropagation is the chain rule with shared work done once.

In a chain y = x, y ← y · y repeated n times, the number of paths from the result to x is 2ⁿ. The
engine visits each recorded operation once: it sums what comes back to it before it goes on.
"""
import sys

from common import claim, start

import cgrad
from cgrad._engine.backward import rule_calls


def run(given):
    for n in (5, 20, 60):
        x = cgrad.tensor(1.0, dtype=cgrad.float64, requires_grad=True)
        y = x
        for _ in range(n):
            y = y * y
        before = rule_calls()
        y.backward()
        calls = rule_calls() - before
        print(f"  {n} products: {2**n:.3g} paths, {calls} derivatives computed")
        claim("as many derivatives as operations", calls == n)
        claim("and the derivative of x to the power of 2ⁿ at 1, 2ⁿ", x.grad.item() == 2.0**n)


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
