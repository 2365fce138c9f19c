"""Views, copies, joins."""
from __future__ import annotations

import numpy as np

from op_families.spec import EVERY, FLOATS, Bad, Case, Sample, T

OUT_OF_RANGE = "(?i)dimension out of range"


def case(name, numpy, samples, **options):
    """Moves elements of any dtype, computes nothing."""
    return Case(name, numpy, samples, **{"dtypes": EVERY, **options})


def shape_of(args):
    return tuple(args[0]) if args and isinstance(args[0], (tuple, list)) else tuple(args)


def expand(x, *sizes):
    sizes = shape_of(sizes)
    lead = len(sizes) - x.ndim
    return np.broadcast_to(x, [x.shape[i - lead] if n == -1 else n for i, n in enumerate(sizes)])


def flatten(x, start_dim=0, end_dim=-1):
    if x.ndim == 0:
        return x.reshape(1)
    a, b = start_dim % x.ndim, end_dim % x.ndim
    return x.reshape(*x.shape[:a], int(np.prod(x.shape[a:b + 1])), *x.shape[b + 1:])


def squeeze(x, dim=None):
    if dim is None:
        return np.squeeze(x)
    dims = (dim,) if isinstance(dim, int) else dim
    return np.squeeze(x, tuple(d for d in dims if x.ndim and x.shape[d] == 1))


def split(x, size, dim=0):
    n = x.shape[dim]
    sizes = size if isinstance(size, list) else [size] * (n // size) + [n % size] * (n % size > 0)
    return np.split(x, np.cumsum(sizes)[:-1], dim)


def chunk(x, chunks, dim=0):
    return split(x, -(-x.shape[dim] // chunks), dim)


def unbind(x, dim=0):
    return [np.take(x, i, dim) for i in range(x.shape[dim])]


def transpose(x, a, b):
    return np.swapaxes(x, a, b) if x.ndim else x


RESHAPES = [
    Sample(T(3, 4), 2, 6), Sample(T(3, 4), (4, -1)), Sample(T(3, 4), -1), Sample(T(), 1, 1),
    Sample(T(1), ()), Sample(T(0, 3), 3, 0), Sample(T(0, 3), (0, 5)),
]
WRONG_SIZE = [
    Bad((T(2, 3), (4,)), RuntimeError, r"(shape '\[4\]'|4).*(size )?6"),
    Bad((T(2, 3), (-1, -1)), RuntimeError, "(?i)only one dimension can be inferred"),
    Bad((T(2, 3), (-1, 4)), RuntimeError, "-1, 4.*6"),
]
TWO_DIMS = [Sample(T(3, 4), 0, 1), Sample(T(2, 3, 2), -1, 0), Sample(T(), 0, -1), Sample(
    T(0, 3), 0, 1), Sample(T(2, 3), 1, 1)]
JOIN = [
    Sample([T(2, 3), T(4, 3)]), Sample([T(2, 3), T(2, 1)], 1), Sample([T(3)]),
    Sample([T(2, 0), T(2, 3)], dim=-1), Sample((T(2, 3), T(1, 3), T(2, 3)), 0),
]

CASES = [
    case("reshape", lambda x, *s: x.reshape(shape_of(s)), RESHAPES,
         call=lambda xp, x, *s: xp.reshape(x, shape_of(s)), errors=WRONG_SIZE),
    case("view", lambda x, *s: x.reshape(shape_of(s)), RESHAPES,
         call=lambda xp, x, *s: x.reshape(x.shape).contiguous().view(*s), errors=WRONG_SIZE,
         method=False, covers=("reshape",)),
    case("unflatten", lambda x, dim, sizes: x.reshape(
        *x.shape[:dim % x.ndim], *sizes, *x.shape[dim % x.ndim + 1:]), [
            Sample(T(2, 6), 1, (3, 2)), Sample(T(6), -1, (2, -1))],
         errors=[Bad((T(6), 1, (2, 3)), IndexError, OUT_OF_RANGE)]),
    case("ravel", np.ravel, [Sample(T(3, 4)), Sample(T()), Sample(T(0, 2))]),
    case("flatten", flatten, [
        Sample(T(2, 3, 2)), Sample(T(2, 3, 2), 1), Sample(T(2, 3, 2), 0, 1), Sample(T()),
        Sample(T(2, 0)), Sample(T(3))],
        errors=[Bad((T(2, 3), 1, 0), RuntimeError, "flatten"),
                Bad((T(2, 3), 2), IndexError, OUT_OF_RANGE)]),
    case("transpose", transpose, TWO_DIMS, errors=[Bad((T(2, 3), 0, 2), IndexError, OUT_OF_RANGE)]),
    case("swapaxes", transpose, TWO_DIMS), case("swapdims", transpose, TWO_DIMS),
    case("t", np.transpose, [Sample(T(3, 4)), Sample(T(3)), Sample(T())],
         errors=[Bad((T(2, 3, 4),), RuntimeError, r"t\(\)")]),
    case("permute", lambda x, dims: np.transpose(x, dims), [
        Sample(T(2, 3, 4), (2, 0, 1)), Sample(T(3, 4), (-1, 0)), Sample(T(), ()),
        Sample(T(0, 3), (1, 0))],
        errors=[Bad((T(2, 3), (0, 0)), RuntimeError, "(?i)permute|duplicate"),
                Bad((T(2, 3), (0,)), RuntimeError, "permute"),
                Bad((T(2, 3), (0, 2)), IndexError, OUT_OF_RANGE)]),
    case("movedim", np.moveaxis, [
        Sample(T(2, 3, 4), 0, 2), Sample(T(2, 3, 4), (0, 1), (1, -1)), Sample(T(2, 3, 4), -1, 0)],
        errors=[Bad((T(2, 3), 0, 2), IndexError, OUT_OF_RANGE),
                Bad((T(2, 3), (0, 0), (0, 1)), RuntimeError, "movedim")]),
    case("expand", expand, [
        Sample(T(3, 1), 3, 4), Sample(T(3, 1), (2, -1, 4)), Sample(T(), 2, 2), Sample(T(1), 0),
        Sample(T(3), 3)], call=lambda xp, x, *s: x.expand(*s), method=False,
        errors=[Bad((T(2, 3), 4, 3), RuntimeError, "expand"),
                Bad((T(2, 3), 3), RuntimeError, "expand")]),
    case("broadcast_to", np.broadcast_to, [Sample(T(3, 1), (2, 3, 4)), Sample(T(), (3,))],
         covers=("expand",)),
    case("squeeze", squeeze, [
        Sample(T(1, 3, 1)), Sample(T(1, 3, 1), 0), Sample(T(1, 3, 1), -1), Sample(T(1, 3), 1),
        Sample(T(1, 3, 1), (0, 2)), Sample(T(), 0)],
        errors=[Bad((T(2, 3), 2), IndexError, OUT_OF_RANGE)]),
    case("unsqueeze", np.expand_dims, [Sample(T(3), 0), Sample(T(3, 2), -1), Sample(T(), 0),
                                       Sample(T(0, 3), 1)],
         errors=[Bad((T(2, 3), 3), IndexError, OUT_OF_RANGE)]),
    case("contiguous", np.ascontiguousarray, [Sample(T(3, 4)), Sample(T(0, 2))],
         call=lambda xp, x: x.contiguous(), method=False, covers=("clone",)),
    case("contiguous:transposed", np.transpose, [Sample(T(3, 4))],
         call=lambda xp, x: x.t().contiguous(), method=False, covers=("clone",)),
    case("detach", np.copy, [Sample(T(3, 4)), Sample(T())], grad=False,
         call=lambda xp, x: x.detach(), method=False),
    case("to", lambda x: x.astype("float64"), [Sample(T(3, 4)), Sample(T(0, 2)), Sample(T())],
         call=lambda xp, x: x.to(xp.float64), result="float64", method=False),
    case("to:int32", lambda x: x.astype("int32"), [Sample(T(3, 4)), Sample(T())], grad=False,
         call=lambda xp, x: x.to(xp.int32), result="int32", method=False),
    case("to:bool", lambda x: x.astype(bool), [Sample(T(3, 4))], grad=False,
         call=lambda xp, x: x.bool(), result="bool", method=False),
    case("narrow", lambda x, dim, start, n: np.take(x, range(start, start + n), dim), [
        Sample(T(4, 3), 0, 1, 2), Sample(T(4, 3), -1, 0, 3), Sample(T(4), 0, 4, 0)],
        covers=("slice",),
        errors=[Bad((T(4), 0, 3, 2), RuntimeError, "narrow|start.*length")]),
    case("split", split, [
        Sample(T(5, 2), 2), Sample(T(5, 2), [1, 4]), Sample(T(2, 4), 3, 1), Sample(T(4), 4)],
        covers=("slice",), errors=[
            Bad((T(5), [2, 2]), RuntimeError, "split"), Bad((T(5), 0), RuntimeError, "split"),
            Bad((T(5), 2, 1), IndexError, OUT_OF_RANGE)]),
    case("chunk", chunk, [Sample(T(5, 2), 2), Sample(T(2, 4), 4, 1), Sample(T(3), 5)],
         covers=("slice",), errors=[Bad((T(5), 0), RuntimeError, "chunk")]),
    case("unbind", unbind, [Sample(T(3, 2)), Sample(T(3, 2), 1), Sample(T(0, 2, grad=False))],
         covers=("slice",), errors=[Bad((T(5), 1), IndexError, OUT_OF_RANGE)]),
    case("cat", lambda xs, dim=0: np.concatenate(xs, dim), JOIN, method=False, errors=[
        Bad(([],), (RuntimeError, ValueError), "cat.*non-empty|non-empty"),
        Bad(([T(2, 3), T(2, 2)],), RuntimeError, "(?i)sizes of tensors must match|cat"),
        Bad(([T(2), T(2, 2)],), RuntimeError, "(?i)dimensions"),
        Bad(([T(2), T(2)], 1), IndexError, OUT_OF_RANGE), Bad(([1, 2],), TypeError, "cat")]),
    case("stack", lambda xs, dim=0: np.stack(xs, dim), [
        Sample([T(2, 3), T(2, 3)]), Sample([T(2, 3), T(2, 3)], 1), Sample([T(), T()]),
        Sample([T(2, 3), T(2, 3)], dim=-1), Sample([T(0, 2)])], method=False, covers=("cat",),
        errors=[Bad(([],), RuntimeError, "stack"),
                Bad(([T(2), T(3)],), RuntimeError, "stack")]),
    case("hstack", np.hstack, [Sample([T(2), T(3)]), Sample([T(2, 1), T(2, 3)]), Sample(
        [T(), T()])], method=False, covers=("cat",)),
    case("vstack", np.vstack, [Sample([T(3), T(3)]), Sample([T(2, 3), T(1, 3)])], method=False,
         covers=("cat",)),
    case("tile", np.tile, [Sample(T(2, 3), (2, 1)), Sample(T(3), (2, 2)), Sample(T(2, 3), (2,))],
         covers=("cat",)),
    case("repeat", lambda x, *n: np.tile(x, n), [Sample(T(2, 3), 2, 1), Sample(T(3), 2, 2)],
         call=lambda xp, x, *n: x.repeat(*n), method=False, covers=("cat",),
         errors=[Bad((T(2, 3), 2), RuntimeError, "(?i)repeat")]),
    case("broadcast_tensors", np.broadcast_arrays, [Sample(T(3, 1), T(4)), Sample(T(), T(2))],
         method=False, covers=("expand",)),
    case("flatten:view", lambda x: x.T.reshape(-1), [Sample(T(3, 4))], method=False,
         call=lambda xp, x: x.t().flatten(), dtypes=FLOATS, covers=("permute", "reshape", "clone")),
]

ALIASES = {"concat": "cat", "concatenate": "cat", "moveaxis": "movedim"}
