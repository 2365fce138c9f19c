"""Padding in all modes."""
from __future__ import annotations

import numpy as np

from op_families.shape import case
from op_families.spec import FLOATS, Bad, Sample, T


def pairs(x, sizes):
    """Sizes from the last dimension on as (before, after) from the first."""
    found = list(zip(sizes[::2], sizes[1::2]))[::-1]
    return [(0, 0)] * (x.ndim - len(found)) + found


def constant(x, sizes, mode="constant", value=0):
    y = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pairs(x, sizes)))]
    return np.pad(y, [(max(a, 0), max(b, 0)) for a, b in pairs(x, sizes)],
                  constant_values=value or 0)


def padded(mode):
    return lambda x, sizes, _: np.pad(x, pairs(x, sizes), mode)


def samples(mode):
    return [Sample(T(2, 5), (2, 1), mode), Sample(T(2, 2, 4), (0, 3), mode),
            Sample(T(1, 3, 4), (1, 2, 2, 0), mode),
            Sample(T(1, 2, 3, 3, 2), (1, 0, 1, 1, 0, 2), mode)]


CASES = [
    case("nn.functional.pad", constant, [
        Sample(T(3, 4), (1, 2)), Sample(T(3, 4), (1, 0, 0, 2), "constant", 2),
        Sample(T(3, 4), (-1, 2, 1, -1)), Sample(T(3), (0, 0)), Sample(T(0, 2), (1, 1, 2, 0))],
        method=False, errors=[
            Bad((T(3), (1,)), RuntimeError, "divisible by 2"),
            Bad((T(3), (1, 1, 1, 1)), RuntimeError, "two times"),
            Bad((T(3), (-2, -2)), RuntimeError, "negative output size"),
            Bad((T(3, 3), (1, 1), "mirror"), NotImplementedError, "mode"),
            Bad((T(3), (1, 1), "reflect"), NotImplementedError, "2D, 3D")]),
    *(case(f"nn.functional.pad:{mode}", padded(name), samples(mode), method=False, dtypes=FLOATS,
           errors=[Bad((T(2, 3), (4, 0), mode), RuntimeError, "pad|Pad")] * (mode != "replicate"))
      for mode, name in (("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap"))),
]
