"""The limit of a case: what this machine needs at least, as one more library, "limit".

It takes its turn like the others, so its times are of the same minutes.  Matrix work is held
against as many floating point operations done in registers, memory-bound work against a copy that
moves as many bytes, tiny operations against a call of a C function that does nothing.
"""
from __future__ import annotations

import ctypes
import functools
import operator
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from cases import Case, Program, case_threads

SOURCE = Path(__file__).with_name("limit.c")


@functools.cache
def compiled() -> ctypes.CDLL | None:
    """The routines of limit.c for this processor; None without a C compiler."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "limit.so"
        command = [compiler, "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC",
                   str(SOURCE), "-o", str(library)]  # fmt: skip
        try:
            subprocess.run(command, check=True, capture_output=True)
            found = ctypes.CDLL(str(library))
        except (OSError, subprocess.CalledProcessError):
            return None
    found.multiply_add.argtypes = [ctypes.c_size_t]
    found.multiply_add.restype = ctypes.c_float
    found.flops_per_round.restype = ctypes.c_size_t
    return found


def of_flops(case: Case, flops: float) -> None:
    """So many floating point operations (float32; a multiply-add counts as two) at full speed."""

    @case.on("limit")
    def _(library: str) -> Program | None:
        routines = compiled()
        if routines is None:
            return None
        threads = case_threads()
        rounds = max(1, round(flops / threads / routines.flops_per_round()))
        return spread([functools.partial(routines.multiply_add, rounds)] * threads)


def of_bytes(case: Case, moved: float) -> None:
    """So many bytes read or written, as a copy of half as many moves them."""

    @case.on("limit")
    def _(library: str) -> Program:
        threads = case_threads()
        size = max(1, int(moved / 2 / threads))
        return spread([
            functools.partial(np.copyto, np.empty(size, np.uint8), np.ones(size, np.uint8))
            for _ in range(threads)
        ])


def of_calls(case: Case, calls: int = 1) -> None:
    """So many calls of a C function of two arguments that does nothing."""

    @case.on("limit")
    def _(library: str) -> Program:
        return "; ".join(["f(a, b)"] * calls), {"f": operator.is_, "a": 1.5, "b": 2.5}


def spread(works: list[Callable[[], Any]]) -> Program:
    """A statement that runs all the works at once, each in a thread."""
    if len(works) == 1:
        return "work()", {"work": works[0]}
    pool = ThreadPoolExecutor(len(works) - 1)

    def run() -> None:
        others = [pool.submit(work) for work in works[1:]]
        works[0]()
        for other in others:
            other.result()

    return "run()", {"run": run}
