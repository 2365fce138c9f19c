"""One case for each row of the table that drives the tests (tests/op_cases.py).

An operation with a derivative is timed forward and backward, from the same tensors each time;
another one forward only. PyTorch runs the same call where it has the operation.
"""
from __future__ import annotations

import importlib
import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from cases import CASES, TESTS, Program, case

if TESTS not in sys.path:
    sys.path.append(TESTS)
import op_cases

__all__ = ["CASES"]


def program(library: str, row: op_cases.Case) -> Program | None:
    """Return a call of the operation, with the sweep where it has a derivative."""
    xp = importlib.import_module(library)
    call = row.function(xp)
    if call is None:
        return None  # this library does not have it
    dtype = "float32" if "float32" in row.dtypes else row.dtypes[0]
    args, kwargs = arguments(xp, row, dtype, row.bench_sample())
    try:
        call(*args, **kwargs)
    except (RuntimeError, IndexError, ValueError):
        # Its arguments cannot be enlarged one by one.
        args, kwargs = arguments(xp, row, dtype, row.samples[0])
    if row.grad and dtype == "float32":
        tensors = [x for x in flat([args, list(kwargs.values())]) if isinstance(x, xp.Tensor)]
        for tensor, described in zip(tensors, row.samples[0].tensors()):
            if described.grad and tensor.is_floating_point():
                tensor.requires_grad_()
        outputs = [y for y in flat(call(*args, **kwargs)) if getattr(y, "requires_grad", False)]
        if outputs:
            return "run()", {"run": with_sweep(xp, call, args, kwargs, outputs[0])}
    return "call(*args, **kwargs)", {"call": call, "args": args, "kwargs": kwargs}


def arguments(xp: Any, row: op_cases.Case, dtype: str, sample: op_cases.Sample) -> tuple:
    rng = np.random.default_rng(zlib.crc32(row.name.encode()))
    return op_cases.arguments(xp, sample, row.draw(sample, dtype, rng))


def with_sweep(xp: Any, call: Callable, args: list, kwargs: dict, example: Any) -> Callable:
    gradient = xp.ones_like(example).detach()
    single = isinstance(call(*args, **kwargs), xp.Tensor)

    def run() -> None:
        y = call(*args, **kwargs)
        if not single:
            y = next(y for y in flat(y) if y.requires_grad)
        y.backward(gradient)

    return run


def flat(values: Any) -> list:
    """Return what is in nested lists and tuples, in order."""
    if isinstance(values, (list, tuple)):
        return [x for value in values for x in flat(value)]
    return [values]


def register(row: op_cases.Case) -> None:
    libraries = ["cgrad", "torch"] if row.torch else ["cgrad"]
    case(f"op-{row.name}", row.name, group="ops").on(*libraries)(
        lambda library: program(library, row)
    )


for _row in op_cases.CASES:
    register(_row)
