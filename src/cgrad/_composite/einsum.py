"""Sums of products over named dimensions: einsum and tensordot.

An operand is a tensor with a label for each of its dimensions.  Two operands at a time are
contracted by one (batched) matrix product, so no intermediate result is larger than the result of
such a step.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

from cgrad._composite.register import check_tensors, dimension, integers, public, stored
from cgrad._tensor.tensor import Tensor

# A letter's label is its place here; the dimensions of "..." are -1, -2, ... from the right.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Operand:
    """A tensor and the labels of its dimensions, no two alike."""

    __slots__ = ("labels", "tensor")

    def __init__(self, tensor: Tensor, labels: tuple[int, ...]) -> None:
        self.tensor, self.labels = tensor, labels


@public(method=False)
def einsum(*args: Any) -> Tensor:
    """einsum(equation, *operands) -> Tensor

    Sum of products over dimensions named by letters (Einstein's convention).  In
    "ik,kj->ij" each operand has its letters; a letter that the output lacks is summed over.
    A letter twice in one operand takes the diagonal; "..." stands for further dimensions, which
    are broadcast.  Without "->" the output has the letters that appear once, in alphabetical
    order, upper case first, after the dimensions of "...".

    Also ``einsum(op1, [0, 1], op2, [1, 2], [0, 2])``: lists of integers below 52 (or Ellipsis)
    instead of letters.

    Three and more operands are contracted pair by pair, at each step the pair whose result exceeds
    its operands the least (the greedy order of opt_einsum, Smith and Gray 2018).

    Example::

        >>> a, b = cgrad.ones(2, 3), cgrad.ones(3, 4)
        >>> cgrad.einsum("ik,kj->ij", a, b).shape
        cgrad.Size([2, 4])
    """
    equation, operands = _arguments(args)
    for i, x in enumerate(operands):
        if not isinstance(x, Tensor):
            raise TypeError(f"einsum(): operand {i} must be Tensor, not {type(x).__name__}")
    inputs, output = _parse(equation, tuple(x.ndim for x in operands))
    sizes = _sizes(operands, inputs)
    terms = [_distinct(Operand(x, labels), sizes) for x, labels in zip(operands, inputs)]
    while len(terms) > 2:
        i, j = _next_pair(terms, output, sizes)
        right, left = terms.pop(j), terms.pop(i)
        others = set(output).union(*(t.labels for t in terms))
        terms.append(contract(left, right, others))
    if len(terms) == 2:
        result = contract(terms[0], terms[1], set(output))
    else:
        result = _sum_out(terms[0], set(output))     # small integers as int64, like sum
    return result.tensor.permute([result.labels.index(label) for label in output])


def _arguments(args: tuple[Any, ...]) -> tuple[str, Sequence[Tensor]]:
    """(equation, operands) of both forms of a call."""
    if not args:
        raise ValueError("einsum(): must specify the equation string and at least one operand, or "
                         "at least one operand and its subscripts list")
    if isinstance(args[0], str):
        operands = args[1:]
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = tuple(operands[0])
        return args[0], operands
    if len(args) < 2:
        raise ValueError("einsum(): must specify the equation string and at least one operand, or "
                         "at least one operand and its subscripts list")
    pairs = len(args) // 2
    equation = ",".join(_letters(subscripts) for subscripts in args[1:2 * pairs:2])
    if len(args) % 2:
        equation += "->" + _letters(args[-1])
    return equation, args[0:2 * pairs:2]


def _letters(subscripts: Iterable[Any]) -> str:
    word = ""
    for s in subscripts:
        if s is Ellipsis:
            word += "..."
        elif isinstance(s, int) and 0 <= s < len(LETTERS):
            word += LETTERS[s]
        else:
            raise ValueError(f"einsum(): not a valid subscript in a list: {s!r}; expected an "
                             "integer in [0, 52) or Ellipsis")
    return word


@lru_cache(maxsize=512)
def _parse(equation: str, ndims: tuple[int, ...]) -> tuple[list[tuple[int, ...]], list[int]]:
    """Labels of each operand and of the output."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    words = left.split(",")
    if not ndims:
        raise RuntimeError("einsum(): must provide at least one operand")
    if len(words) < len(ndims):
        raise RuntimeError(f"einsum(): more operands were provided than specified in the "
                           f"equation: {len(ndims)} for {equation!r}")
    if len(words) > len(ndims):
        raise RuntimeError(f"einsum(): fewer operands were provided than specified in the "
                           f"equation: {len(ndims)} for {equation!r}")
    inputs = []
    dots = 0                     # the most dimensions that a "..." stands for
    for i, (word, ndim) in enumerate(zip(words, ndims)):
        labels, ellipsis = _labels(word, f"operand {i}")
        more = ndim - len(labels)
        if more < 0 or (more and ellipsis < 0):
            raise RuntimeError(f"einsum(): the number of subscripts in the equation "
                               f"({len(labels)}) does not match the number of dimensions ({ndim}) "
                               f"for operand {i}" + ("" if more else " and no ellipsis was given"))
        if ellipsis >= 0:
            labels[ellipsis:ellipsis] = range(-more, 0)
            dots = max(dots, more)
        inputs.append(tuple(labels))
    used = [label for labels in inputs for label in labels]
    if not arrow:
        output = list(range(-dots, 0)) + sorted(n for n in set(used) if n >= 0
                                                and used.count(n) == 1)
        return inputs, output
    output, ellipsis = _labels(right, "the output")
    for label in output:
        if output.count(label) > 1:
            raise RuntimeError(f"einsum(): output subscript {LETTERS[label]} appears more than "
                               "once in the output")
        if label not in used:
            raise RuntimeError(f"einsum(): output subscript {LETTERS[label]} does not appear in "
                               "the equation for any input operand")
    if ellipsis >= 0:
        output[ellipsis:ellipsis] = range(-dots, 0)
    return inputs, output


def _labels(word: str, where: str) -> tuple[list[int], int]:
    """The labels of the letters of one operand, and where its "..." stands (-1: nowhere)."""
    ellipsis = word.find("...")
    if ellipsis >= 0:
        word = word[:ellipsis] + word[ellipsis + 3:]
    for letter in word:
        if letter not in LETTERS:
            found = "'.' that is not part of one ellipsis" if letter == "." else repr(letter)
            raise RuntimeError(f"einsum(): found {found} for {where}; subscripts must be in "
                               "[a-zA-Z]")
    return [LETTERS.index(letter) for letter in word], ellipsis


def _sizes(operands: Sequence[Tensor], inputs: list[tuple[int, ...]]) -> dict[int, int]:
    """The size of each label; size 1 gives way to any other."""
    sizes: dict[int, int] = {}
    for i, (x, labels) in enumerate(zip(operands, inputs)):
        for label, size in zip(labels, x.shape):
            first = x.shape[labels.index(label)]
            if first != size:
                raise RuntimeError(f"einsum(): subscript {LETTERS[label]} is repeated for operand "
                                   f"{i} of shape {list(x.shape)} but the sizes don't match, "
                                   f"{size} != {first}")
            known = sizes.setdefault(label, size)
            if size != known and size != 1:
                if known != 1:
                    name = LETTERS[label] if label >= 0 else "..."
                    raise RuntimeError(f"einsum(): operands do not broadcast: subscript {name} has "
                                       f"size {size} for operand {i}, but size {known} before; "
                                       f"shapes {[list(t.shape) for t in operands]}")
                sizes[label] = size
    return sizes


def _distinct(term: Operand, sizes: dict[int, int]) -> Operand:
    """Repeated labels become diagonals, dimensions of size 1 that are broadcast go."""
    x, labels = term.tensor, list(term.labels)
    for label in set(labels):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            x = x.diagonal(0, i, j)          # the last dimension now
            del labels[j], labels[i]
            labels.append(label)
    for d in range(len(labels) - 1, -1, -1):
        if x.shape[d] == 1 and sizes[labels[d]] != 1:
            x = x.squeeze(d)
            del labels[d]
    return Operand(x, tuple(labels))


def _next_pair(terms: list[Operand], output: list[int], sizes: dict[int, int]) -> tuple[int, int]:
    """The two operands whose contraction grows the least: size of the result less theirs."""
    best, chosen = None, (0, 1)
    for j in range(1, len(terms)):
        for i in range(j):
            a, b = set(terms[i].labels), set(terms[j].labels)
            others = set(output).union(*(t.labels for n, t in enumerate(terms) if n not in (i, j)))
            growth = (prod(sizes[n] for n in (a | b) & others) - terms[i].tensor.numel()
                      - terms[j].tensor.numel())
            if best is None or growth < best:
                best, chosen = growth, (i, j)
    return chosen


def _sum_out(term: Operand, kept: set[int], dtype: Any = None) -> Operand:
    """Sum over the dimensions whose labels nobody needs."""
    gone = [d for d, label in enumerate(term.labels) if label not in kept]
    if not gone:
        return term
    return Operand(term.tensor.sum(gone, dtype=dtype), tuple(n for n in term.labels if n in kept))


def contract(a: Operand, b: Operand, kept: set[int]) -> Operand:
    """The product of two operands, summed over the labels that are not kept."""
    a = _sum_out(a, kept | set(b.labels), a.tensor.dtype)
    b = _sum_out(b, kept | set(a.labels), b.tensor.dtype)
    both = [n for n in a.labels if n in b.labels]
    batch, summed = [n for n in both if n in kept], [n for n in both if n not in kept]
    left = [n for n in a.labels if n not in both]
    right = [n for n in b.labels if n not in both]
    labels = (*batch, *left, *right)
    size = dict(zip(a.labels, a.tensor.shape)) | dict(zip(b.labels, b.tensor.shape))
    shape = [size[n] for n in labels]
    x = a.tensor.permute([a.labels.index(n) for n in (*batch, *left, *summed)])
    y = b.tensor.permute([b.labels.index(n) for n in (*batch, *summed, *right)])
    if not summed:
        x = x.reshape(shape[:len(batch) + len(left)] + [1] * len(right))
        y = y.reshape([*shape[:len(batch)], *[1] * len(left), *shape[len(batch) + len(left):]])
        return Operand(x * y, labels)
    lead = shape[:len(batch)] if len(batch) <= 6 else [prod(shape[:len(batch)])]
    m, n = prod(size[n] for n in left), prod(size[n] for n in right)
    k = prod(size[n] for n in summed)
    product = x.reshape([*lead, m, k]) @ y.reshape([*lead, k, n])
    return Operand(product.reshape(shape), labels)


@public(method=False)
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Tensor | None = None) -> Tensor:
    """tensordot(a, b, dims=2, out=None) -> Tensor

    Sum of products over several dimensions: the last `dims` ones of `a` with the first `dims` ones
    of `b`, or the pairs of dimensions given as two lists.  The result has the remaining dimensions
    of `a`, then those of `b`.

    Example::

        >>> cgrad.tensordot(cgrad.ones(2, 3), cgrad.ones(3, 4), dims=1)
        tensor([[3., 3., 3., 3.],
                [3., 3., 3., 3.]])
    """
    check_tensors("tensordot", a=a, b=b)
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        dims = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    if a.dtype != b.dtype:
        raise RuntimeError(f"tensordot: both inputs should have same dtype, but got {a.dtype} and "
                           f"{b.dtype}")
    if not isinstance(dims, (list, tuple)) or len(dims) != 2:
        raise TypeError("tensordot(): argument 'dims' must be int or a pair of lists, not "
                        f"{dims!r}")
    da, db = (list(integers(d, "tensordot", "dims")) for d in dims)
    if len(da) != len(db):
        raise RuntimeError(f"tensordot: both dimension lists should have same length, but got "
                           f"{da} and {db}")
    da = [dimension(d, a.ndim, "tensordot") for d in da]
    db = [dimension(d, b.ndim, "tensordot") for d in db]
    if len(set(da)) < len(da) or len(set(db)) < len(db):
        raise RuntimeError(f"tensordot: a dimension appears twice in {da} or {db}")
    for i, j in zip(da, db):
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            raise RuntimeError(f"tensordot: contracted dimensions need to match, but first has "
                               f"size {a.shape[i]} in dim {i} and second has size {b.shape[j]} in "
                               f"dim {j}")
    names_a, names_b = list(range(a.ndim)), list(range(a.ndim, a.ndim + b.ndim))
    for i, j in zip(da, db):
        names_b[j] = names_a[i]
    kept = [n for d, n in enumerate(names_a) if d not in da]
    kept += [n for d, n in enumerate(names_b) if d not in db]
    inputs = [tuple(names_a), tuple(names_b)]
    sizes = _sizes((a, b), inputs)
    left, right = (_distinct(Operand(x, labels), sizes) for x, labels in zip((a, b), inputs))
    result = contract(left, right, set(kept))
    return stored(result.tensor, out, "tensordot")
