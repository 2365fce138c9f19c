"""7. General graphs: both directions visit each operation once, so their cost grows in a line.

Graphs of 10³ to 10⁷ operations: each step is a weighted mean of the value before and of one of the
hundred before that. The time for one operation, forwards and backwards, stays about the same (the
smallest graphs lie in the processor's cache). A graph may be as deep as memory allows, since the
sweep does not recurse.
"""
import os
import sys
import time
from collections import deque

import numpy as np
from common import claim, figure, save, start

import cgrad
from cgrad._engine.backward import rule_calls

BYTES = 450  # of memory for an operation: its row, and its place in the sweep


def build(operations, rng):
    """A graph of operations (3 for a step) on random earlier values: leaf and result."""
    leaf = value = cgrad.tensor(0.5, dtype=cgrad.float64, requires_grad=True)
    recent = deque([leaf], maxlen=100)
    steps = operations // 3
    back = rng.integers(0, np.minimum(np.arange(steps), 99) + 1).tolist()
    for k in back:
        value = value * 0.7 + recent[-1 - k] * 0.3
        recent.append(value)
    return leaf, value, 3 * steps


def measure(operations, rng):
    """Nanoseconds for an operation forwards and backwards; checks the derivative."""
    begin = time.process_time_ns()
    leaf, result, operations = build(operations, rng)
    middle = time.process_time_ns()
    calls = rule_calls()
    result.backward()
    end = time.process_time_ns()
    calls = rule_calls() - calls
    right = abs(leaf.grad.item() - 1) < 1e-6  # means of means: all weights sum to 1
    return (middle - begin) / operations, (end - middle) / operations, calls == operations, right


def free_memory():
    """Bytes, as far as the system tells."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 0


def run(given):
    rng = np.random.default_rng(given.seed)
    sizes = [10**k for k in range(3, 5 if given.quick else 8)]
    if sizes[-1] * BYTES > free_memory():
        print(f"  10⁷ operations take {10**7 * BYTES / 1e9:.1f} GB, which are not free: up to 10⁶")
        sizes = [n for n in sizes if n < 10**7]
    forward, backward = [], []
    for n in sizes:
        # Of small graphs the quickest of several: the first one finds nothing in the cache.
        tries = [measure(n, rng) for _ in range(max(1, min(20, 2 * 10**6 // n)))]
        forward.append(min(t[0] for t in tries))
        backward.append(min(t[1] for t in tries))
        print(f"  {n:>10,} operations: {forward[-1]:4.0f} ns each forwards (Python included), "
              f"{backward[-1]:4.0f} ns backwards")  # fmt: skip
        claim("each operation is visited once", all(t[2] for t in tries))
        claim("the derivative is that of a mean of means, 1", all(t[3] for t in tries))
    picture = figure(6, 4)
    if picture is not None:
        axes = picture.subplots()
        axes.semilogx(sizes, forward, "o-", label="forwards")
        axes.semilogx(sizes, backward, "s-", label="backwards")
        axes.set(xlabel="operations in the graph", ylabel="nanoseconds for one", ylim=(0, None),
                 title="the cost grows in a line")  # fmt: skip
        axes.legend()
        save(picture, given.out, "p07_general_graphs")


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
