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


def add_product(product):
    def function(c, a, b, beta=1, alpha=1):
        scaled = 0 if beta == 0 else beta * c
        return np.broadcast_to(scaled, product(a, b).shape) + alpha * product(a, b)
    return function


def sums(name, product, c, a, b, smaller, wrong):
    """A case of addmm's kind: broadcast summand, beta and alpha, beta = 0."""
    return Case(name, add_product(product), [
        Sample(T(*c), T(*a), T(*b)), Sample(T(*smaller), T(*a), T(*b), beta=2, alpha=3),
        Sample(T(*c), T(*a), T(*b), beta=0), Sample(T(*c), T(*a), T(*b), alpha=0)],
        dtypes=NUMBERS, inplace=True, errors=[
            Bad((T(*c), T(*a), T(*wrong)), RuntimeError, "(?i)" + name[-2:]),
            Bad((T(*c, dtype="float64"), T(*a), T(*b)), RuntimeError, name + ".*dtype"),
            Bad((T(7, *c), T(*a), T(*b)), RuntimeError, ".")])


def einsum(equation, *shapes, **options):
    """One case for each equation, so that a failure names it."""
    return Case(f"einsum:{equation}", lambda *a: np.einsum(equation, *a),
                [Sample(*(T(*s) for s in shapes))],
                call=lambda xp, *a: xp.einsum(equation, *a), method=False,
                dtypes=(*FLOATS, "int64"), **options)


CASES += [
    sums("addmv", np.matmul, (3,), (3, 4), (4,), (), (3,)),
    sums("addbmm", lambda a, b: (a @ b).sum(0), (3, 2), (5, 3, 4), (5, 4, 2), (2,), (4, 4, 2)),
    sums("baddbmm", np.matmul, (5, 3, 2), (5, 3, 4), (5, 4, 2), (3, 2), (5, 3, 2)),
    Case("addr", add_product(np.outer), [
        Sample(T(3, 4), T(3), T(4)), Sample(T(4), T(3), T(4), beta=2, alpha=3),
        Sample(T(3, 4), T(3), T(4), beta=0)], dtypes=NUMBERS, inplace=True, errors=[
            Bad((T(3, 4), T(3, 1), T(4)), RuntimeError, "addr.*3, 1")]),
    Case("vdot", np.dot, pairs(((4,), (4,)), ((0,), (0,))), errors=[
        Bad((T(2), T(3)), RuntimeError, "dot")]),
    Case("inner", np.inner, pairs(((4,), (4,)), ((2, 4), (3, 4)), ((2, 3, 4), (4,)), ((), (3,)),
                                  ((4,), (2, 3, 4)), ((0, 2), (3, 2))), dtypes=NUMBERS, errors=[
        Bad((T(2, 3), T(2, 4)), RuntimeError, "inner.*2, 3.*2, 4"),
        Bad((T(2), T(2, dtype="float64")), RuntimeError, "inner.*dtype")]),
    Case("trace", np.trace, [Sample(T(3, 4)), Sample(T(4, 4)), Sample(T(0, 2))], dtypes=FLOATS,
         errors=[Bad((T(3),), RuntimeError, "trace.*1")]),
    Case("kron", np.kron, pairs(((2, 3), (3, 2)), ((2,), (3,)), ((2, 2), (3,)), ((), (2, 2)),
                                ((2, 1, 3), (1, 2)), ((0, 2), (2, 2))), dtypes=NUMBERS),
    Case("cross", lambda a, b, dim=-1: np.moveaxis(np.cross(np.moveaxis(a, dim, -1),
                                                            np.moveaxis(b, dim, -1)), -1, dim),
         [Sample(T(3), T(3)), Sample(T(2, 3), T(2, 3), 1), Sample(T(3, 2), T(3, 1), dim=0),
          Sample(T(0, 3), T(0, 3), dim=-1)], dtypes=NUMBERS, errors=[
             Bad((T(2, 4), T(2, 4)), RuntimeError, "cross"),
             Bad((T(2, 3), T(2, 3), 0), RuntimeError, "cross.*2, 3")]),
    Case("tensordot", lambda a, b, dims=2: np.tensordot(a, b, dims), [
        Sample(T(2, 3, 4), T(3, 4, 5)), Sample(T(2, 3), T(4), dims=0),
        Sample(T(2, 3, 4), T(4, 5, 2), dims=([2, 0], [0, 2])), Sample(T(3), T(3), 1)],
        dtypes=NUMBERS, method=False, errors=[
            Bad((T(2, 3), T(4, 5), 1), RuntimeError, "tensordot.*3.*4"),
            Bad((T(2), T(2), 2), RuntimeError, "tensordot"),
            Bad((T(2, 2), T(2, 2), ([0, 1], [0])), RuntimeError, "tensordot.*length")]),
    Case("bilinear", lambda a, b, w, c=0.0: np.einsum("...i,kij,...j->...k", a, w, b) + c, [
        Sample(T(4, 2), T(4, 3), T(5, 2, 3), T(5)), Sample(T(2), T(3), T(5, 2, 3)),
        Sample(T(2, 4, 2), T(2, 4, 3), T(1, 2, 3), T(1))], dtypes=FLOATS, method=False, errors=[
            Bad((T(4, 2), T(3, 3), T(5, 2, 3)), RuntimeError, "bilinear.*4, 2.*3, 3"),
            Bad((T(4, 2), T(4, 3), T(5, 3, 2)), RuntimeError, "bilinear")]),
    Case("einsum", lambda eq, *a: np.einsum(eq, *a), [
        Sample("ik,kj->ij", T(2, 3), T(3, 4)), Sample("i,i", T(3), T(3)),
        Sample("ij->ji", T(2, 3)), Sample("ij,jk,kl->il", T(2, 3), T(3, 4), T(4, 2))],
        dtypes=FLOATS, method=False, errors=[
            Bad(("ij,jk", T(2, 3)), RuntimeError, "einsum.*fewer operands"),
            Bad(("ij", T(2, 3), T(2, 3)), RuntimeError, "einsum.*more operands"),
            Bad(("i", T(2, 3)), RuntimeError, r"einsum.*\(1\).*\(2\)"),
            Bad(("ij,jk", T(2, 3), T(2, 3)), RuntimeError, "einsum.*j.*size"),
            Bad(("ii", T(2, 3)), RuntimeError, "einsum.*repeated"),
            Bad(("ij->ii", T(2, 3)), RuntimeError, "einsum.*more than once"),
            Bad(("ij->k", T(2, 3)), RuntimeError, "einsum.*k.*does not appear"),
            Bad(("i1", T(2, 3)), RuntimeError, "einsum.*a-zA-Z"),
            Bad((T(2, 3), [0, 52]), ValueError, "einsum.*52", torch=False)]),
    einsum("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2)), einsum("ii->i", (3, 3)),
    einsum("iij->j", (3, 3, 2)), einsum("ij,kj->ik", (2, 3), (4, 3)),
    einsum("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)), einsum("ij,ij->", (2, 3), (2, 3)),
    einsum("a...,b...->ab...", (2, 3), (4, 3)), einsum("...a->...", (2, 3)),
    einsum("bn,anm,bm->ba", (2, 3), (4, 3, 5), (2, 5)), einsum("i,j->ji", (2,), (3,)),
    einsum("Ab,bC->AC", (2, 3), (3, 2)), einsum("ij,j", (1, 3), (1,), torch=False),
    einsum("i,i,ij->j", (4,), (4,), (4, 2)), einsum("ab,cd,ef->fdb", (2, 1), (1, 3), (2, 2)),
    Case("einsum:lists", lambda a, b: a @ b, pairs(((2, 3), (3, 4))), method=False,
         call=lambda xp, a, b: xp.einsum(a, [0, 1], b, [1, 2], [0, 2])),
    Case("einsum:diagonal out", lambda a, b: np.einsum("...,i->...i", a, b),
         pairs(((2, 2), (3,))), method=False, call=lambda xp, a, b: xp.einsum(
             a, [...], b, [3], [..., 3])),
]
ALIASES = {"ger": "outer"}
ALIASES |= {"nn.functional.bilinear": "bilinear"}
ELSEWHERE = {"chain_matmul": "linalg.multi_dot"}
