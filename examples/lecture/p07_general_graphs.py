"""7. General graphs: both directions visit each operation once, so their cost grows in a line.

Graphs of 10³ to 10⁶ steps, each of the value before and of one of the hundred before that: the
time for one operation, forwards and backwards, stays about the same. A graph may be as deep as
memory allows, since the sweep does not recurse.
"""
import sys
import time
from collections import deque

import numpy as np
from common import claim, figure, save, start

import cgrad
from cgrad._engine.backward import rule_calls


def build(n, rng):
    """A graph of n operations on random earlier values; the result."""
    leaf = value = cgrad.tensor(0.5, requires_grad=True)
    recent = deque([leaf], maxlen=100)
    back = rng.integers(0, np.minimum(np.arange(n), 99) + 1, (n,)).tolist()
    for i in range(n):
        other = recent[-1 - back[i]]
        value = value * 0.7 + other * 0.3 if i % 2 else value + other * 0.01
        recent.append(value)
    return leaf, value


def run(given):
    rng = np.random.default_rng(given.seed)
    sizes = [1000, 10_000] if given.quick else [1000, 10_000, 100_000, 1_000_000]
    forward, backward = [], []
    for n in sizes:
        start_time = time.perf_counter()
        leaf, result = build(n, rng)
        middle = time.perf_counter()
        calls = rule_calls()
        result.backward()
        end = time.perf_counter()
        calls = rule_calls() - calls
        forward.append((middle - start_time) / n * 1e9)
        backward.append((end - middle) / calls * 1e9)
        print(f"  {n:>9,} steps: {forward[-1]:5.0f} ns a step forwards (Python included), "
              f"{calls:,} derivatives of {backward[-1]:4.0f} ns")  # fmt: skip
        claim("each operation is visited once, at most 3 for a step", calls <= 3 * n)
        claim("the derivative is finite", leaf.grad.isfinite().item())
        del leaf, result
    picture = figure(6, 4)
    if picture is not None:
        axes = picture.subplots()
        axes.semilogx(sizes, forward, "o-", label="forwards, a step")
        axes.semilogx(sizes, backward, "s-", label="backwards, an operation")
        axes.set(xlabel="steps of the graph", ylabel="nanoseconds", ylim=(0, None),
                 title="cost grows in a line")  # fmt: skip
        axes.legend()
        save(picture, given.out, "p07_general_graphs")


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
