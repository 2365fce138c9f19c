"""11. Vectorisation: one matrix product instead of a loop over word vectors.

500 vectors of 300 numbers, each multiplied by a 5×300 matrix: in a loop, and as one product of
the matrix with all vectors as columns. Both through the engine, values and gradients.
"""
import sys
import time

from common import claim, start

import cgrad


def looped(W, vectors):
    return cgrad.stack([W @ v for v in vectors], dim=1)


def at_once(W, table):
    return W @ table


def seconds(function, repeats):
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return min(times)


def run(given):
    W = cgrad.rand(5, 300, requires_grad=True)
    table = cgrad.rand(300, 500)
    vectors = [column.contiguous() for column in table.unbind(1)]
    claim("both give the same", cgrad.allclose(looped(W, vectors), at_once(W, table), atol=1e-4))
    repeats = 3 if given.quick else 30
    loop = seconds(lambda: looped(W, vectors).sum().backward(), repeats)
    once = seconds(lambda: at_once(W, table).sum().backward(), repeats)
    print(f"  loop {loop * 1e6:,.0f} µs, one product {once * 1e6:,.0f} µs: {loop / once:.0f} times "
          "faster, values and gradients")  # fmt: skip
    claim("one product is faster by more than a factor of 3", loop > 3 * once)


def main(argv=None):
    return start(__doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
