"""Matrix products."""
from __future__ import annotations

import numpy as np

from op_families.spec import FLOATS, NUMBERS, Bad, Case, Sample, T


def pairs(*shapes):
    return [Sample(T(*a), T(*b)) for a, b in shapes]


def linear(x, w, b=0.0):
    return x @ w.T + b


CASES = [
    Case("matmul", np.matmul, pairs(
        ((3, 4), (4, 2)), ((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 2)), ((2, 3, 4), (2, 4, 2)),
        ((2, 3, 4), (4, 2)), ((3, 4), (2, 4, 2)), ((2, 1, 3, 4), (5, 4, 2)), ((4,), (2, 4, 3)),
        ((2, 3, 4), (4,)), ((1, 1), (1, 1)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0,), (0,)),
        ((2, 0, 3), (3, 4))), dtypes=NUMBERS, covers=("permute", "reshape"), errors=[
            Bad((T(2, 3), T(2, 3)), RuntimeError, "matmul|mm.*2.*3"),
            Bad((T(3), T()), RuntimeError, "(?i)matmul|1D|0D"),
            Bad((T(2, 3, 4), T(3, 4, 2)), RuntimeError, "matmul|batch"),
            Bad((T(2, 3), T(3, 2, dtype="float64")), RuntimeError, "(?i)dtype")]),
    Case("mm", np.matmul, pairs(((3, 4), (4, 2)), ((1, 5), (5, 1)), ((0, 3), (3, 0))), errors=[
        Bad((T(2, 3), T(2, 3)), RuntimeError, "mm"), Bad((T(2), T(2)), RuntimeError, "mm")]),
    Case("bmm", np.matmul, pairs(((2, 3, 4), (2, 4, 2)), ((0, 3, 4), (0, 4, 2))), errors=[
        Bad((T(2, 3), T(3, 2)), RuntimeError, "bmm"),
        Bad((T(2, 3, 4), T(3, 4, 2)), RuntimeError, "bmm")]),
    Case("mv", np.matmul, pairs(((3, 4), (4,)), ((0, 4), (4,))), errors=[
        Bad((T(2, 3), T(2)), RuntimeError, "mv")]),
    Case("dot", np.dot, pairs(((4,), (4,)), ((0,), (0,))), errors=[
        Bad((T(2), T(3)), RuntimeError, "dot"), Bad((T(2, 2), T(2, 2)), RuntimeError, "dot")]),
    Case("outer", np.outer, pairs(((3,), (4,)), ((0,), (2,))), errors=[
        Bad((T(2, 2), T(2)), RuntimeError, "outer")]),
    Case("addmm", lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b), [
        Sample(T(3, 2), T(3, 4), T(4, 2)), Sample(T(2), T(3, 4), T(4, 2), beta=2, alpha=3)],
        errors=[Bad((T(2, 2), T(2, 3), T(2, 3)), RuntimeError, "mm")]),
    Case("nn.functional.linear", linear, [
        Sample(T(3, 4), T(2, 4), T(2)), Sample(T(3, 4), T(2, 4)), Sample(T(4), T(2, 4), T(2)),
        Sample(T(2, 3, 4), T(5, 4), T(5)), Sample(T(0, 4), T(2, 4), T(2)),
        Sample(T(2, 3, 4), T(5, 4), bias=None)], dtypes=FLOATS, method=False,
        errors=[Bad((T(2, 3), T(4, 2)), RuntimeError, "linear|mat1")]),
]
CASES[-1].numpy = lambda x, w, b=0.0, bias=None: linear(x, w, b)
