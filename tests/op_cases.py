"""The one table of operation cases: tests, gradient checks and benchmarks are made from it.

To add an operation, add a row to its family in `op_families/`; spec.py there explains the fields.
`tests/test_complete.py` fails for an operation of the engine that no row runs.
"""
from __future__ import annotations

import importlib
import pkgutil
import zlib

import numpy as np

import op_families
from op_families.spec import EVERY, FLOATS, INTS, NUMBERS, Bad, Case, Sample, T, draw

__all__ = ["ALIASES", "CASES", "ELSEWHERE", "EVERY", "FLOATS", "INTERNAL", "INTS", "LAYOUTS",
           "NUMBERS", "Bad", "Case", "Sample", "T", "arguments", "draw_all", "draw_bad",
           "make_tensor", "recorded"]

FAMILIES = [importlib.import_module(f"op_families.{module.name}")
            for module in pkgutil.iter_modules(op_families.__path__) if module.name != "spec"]
CASES = [case for family in FAMILIES for case in getattr(family, "CASES", [])]

# Second names of an operation -> its name in the table of cases.
ALIASES = {k: v for family in FAMILIES for k, v in getattr(family, "ALIASES", {}).items()}

# Public functions without a row -> the test that has them, or why no value can be compared.
ELSEWHERE = {k: v for family in FAMILIES for k, v in getattr(family, "ELSEWHERE", {}).items()}

# Operations of the table without a public function of their own -> the case that runs them.
INTERNAL = {k: v for family in FAMILIES for k, v in getattr(family, "INTERNAL", {}).items()}

LAYOUTS = ("contiguous", "transposed", "strided", "offset", "expanded")


def make_tensor(xp, array, layout="contiguous"):
    """A tensor of the library `xp` with the elements of `array`, in a layout of memory.

    "expanded" repeats the first entry of the first dimension with stride 0.
    """
    array = np.asarray(array)
    if array.ndim == 0:
        return xp.tensor(array)
    if layout == "transposed":
        return xp.tensor(array.T.copy()).permute(tuple(reversed(range(array.ndim))))
    if layout == "strided":
        wide = np.zeros([2 * n for n in array.shape], array.dtype)
        view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
        view[...] = array
        return xp.from_numpy(view)
    if layout == "offset":
        long = np.zeros(array.size + 3, array.dtype)
        long[3:] = array.ravel()
        return xp.from_numpy(long[3:].reshape(array.shape))
    if layout == "expanded" and array.shape[0] > 1:
        return xp.tensor(array[:1].copy()).expand(array.shape)
    return xp.tensor(array.copy())


def arguments(xp, sample, arrays, layout="contiguous"):
    """(args, kwargs) of a sample with the tensors made of `arrays`."""
    return sample.fill([make_tensor(xp, a, layout) for a in arrays])


def draw_all(case, dtype):
    """(sample, arrays) for each sample of a case; the same numbers in every run."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    return [(sample, case.draw(sample, dtype, rng)) for sample in case.samples]


def draw_bad(bad):
    """(sample, arrays) of arguments that must be refused."""
    sample, rng = Sample(*bad.args, **bad.kwargs), np.random.default_rng(0)
    return sample, [draw(t.shape, t.domain or "real", t.dtype or "float32", rng)
                    for t in sample.tensors()]


def recorded(xp, sample, arrays):
    """(args, kwargs, leaves) with the differentiable inputs as leaves that require a gradient."""
    tensors = [make_tensor(xp, a) for a in arrays]
    leaves = [x.requires_grad_() for x, t, a in zip(tensors, sample.tensors(), arrays)
              if t.grad and a.dtype.kind == "f"]
    return (*sample.fill(tensors), leaves)
