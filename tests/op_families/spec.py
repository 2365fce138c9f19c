"""What a row of the table is made of.

A `Case` is one public operation: how to call it, what NumPy says about it, and samples of its
arguments.  A `Sample` is one argument list, in which `T(2, 3)` stands for a tensor of that shape,
to be drawn from a domain in whatever dtype and layout a test asks for; everything else is passed
as it is.  Rows name functions instead of holding them, so that the same table drives cgrad, and
PyTorch where it is installed.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FLOATS = ("float32", "float64")
INTS = ("int8", "int16", "int32", "int64", "uint8")
NUMBERS = FLOATS + INTS
EVERY = (*NUMBERS, "bool")


class T:
    """A tensor argument: shape, domain ("" is the case's), dtype ("" is the test's)."""

    def __init__(self, *shape, domain="", dtype="", grad=True):
        self.shape, self.domain, self.dtype, self.grad = shape, domain, dtype, grad

    def __repr__(self):
        return "x".join(map(str, self.shape)) + self.dtype[:1] if self.shape else "0d"


class Sample:
    """Arguments of one call."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs

    def __repr__(self):
        words = [_word(a) for a in self.args] + [f"{k}={_word(v)}" for k, v in self.kwargs.items()]
        return ",".join(words) or "nothing"

    def tensors(self):
        """The T among the arguments, those in lists too, in order."""
        for a in [*self.args, *self.kwargs.values()]:
            if isinstance(a, T):
                yield a
            elif isinstance(a, (list, tuple)):
                yield from (x for x in a if isinstance(x, T))

    def fill(self, values):
        """(args, kwargs) with each T replaced by the next of `values`."""
        values = iter(values)

        def replace(a):
            if isinstance(a, T):
                return next(values)
            if isinstance(a, (list, tuple)) and any(isinstance(x, T) for x in a):
                return type(a)(replace(x) for x in a)
            return a
        return [replace(a) for a in self.args], {k: replace(v) for k, v in self.kwargs.items()}


def _word(a):
    if isinstance(a, (list, tuple)):
        return "(" + " ".join(_word(x) for x in a) + ")"
    return str(a).replace("Ellipsis", "...").replace("None", "-")


@dataclass
class Bad:
    """Arguments that must be refused: exception and a regular expression for its message."""

    args: tuple
    error: type | tuple
    match: str
    kwargs: dict = field(default_factory=dict)
    torch: bool = True            # PyTorch refuses it with the same class


@dataclass
class Case:
    """One public operation; see the fields."""

    name: str                     # "exp", "nn.functional.gelu"; after a ":" what is special
    numpy: Callable | None        # the same on arrays; None: values are not compared
    samples: list
    call: Callable | None = None  # (xp, *args, **kwargs); default: the function called `name`
    domain: str = "real"          # see `draw`
    dtypes: tuple = NUMBERS       # of the inputs that have no dtype of their own
    result: Any = "same"          # "same", "float", "sum", a dtype's name, dtype -> name, or a
                                  # tuple of these for several results
    grad: bool = True             # has a derivative in float64
    second: bool = True           # ... and a second derivative
    inplace: bool = False         # has a form with an underscore
    method: bool = True           # is a method of Tensor too
    covers: tuple = ()            # further operations of the table that it runs
    errors: list = field(default_factory=list)
    tolerance: float = 1.0        # times the tolerance of the dtype
    torch: bool = True            # compare with PyTorch; where not, docs/differences.md says why
    bench: Sample | None = None   # arguments for the benchmark; default: the first sample, larger

    def __repr__(self):
        return self.name

    @property
    def label(self):
        """The operation's name without its module."""
        return self.name.split(":")[0].rsplit(".", 1)[-1]

    def function(self, xp):
        """The callable of this case in a package; None if the package does not have it."""
        if self.call is not None:
            return lambda *args, **kwargs: self.call(xp, *args, **kwargs)
        found = xp
        for part in self.name.split(":")[0].split("."):
            found = getattr(found, part, None)
        return found

    def result_dtype(self, dtype, position=0):
        """The name of the dtype of a result for inputs of `dtype`."""
        rule = self.result
        if isinstance(rule, tuple):
            rule = rule[min(position, len(rule) - 1)]
        if callable(rule):
            return rule(dtype)
        if rule == "float":
            return dtype if dtype in FLOATS else "float32"
        if rule == "sum":
            return dtype if dtype in FLOATS else "int64"
        return dtype if rule == "same" else rule

    def expected(self, sample, arrays):
        """NumPy's results as a list; what is or becomes floating is computed in float64."""
        widen = [a.dtype.kind == "f" or (self.result == "float" and not t.dtype)
                 for a, t in zip(arrays, sample.tensors())]
        wide = [a.astype(np.float64) if w else a for a, w in zip(arrays, widen)]
        args, kwargs = sample.fill(wide)
        with np.errstate(all="ignore"):
            out = self.numpy(*args, **kwargs)
        return [np.asarray(y) for y in (out if isinstance(out, (tuple, list)) else [out])]

    def draw(self, sample, dtype, rng):
        """Arrays for the tensors of a sample."""
        return [draw(t.shape, t.domain or self.domain, t.dtype or dtype, rng)
                for t in sample.tensors()]

    def bench_sample(self):
        """Arguments for the benchmark: vectors of 1,000, matrices of 64 by 64, or as given."""
        if self.bench is not None:
            return self.bench
        first = self.samples[0]
        grown = [T(*((64,) * 2 if len(t.shape) == 2 else (1000,) if len(t.shape) == 1
                     else t.shape), domain=t.domain, dtype=t.dtype, grad=t.grad)
                 for t in first.tensors()]
        args, kwargs = first.fill(grown)
        return Sample(*args, **kwargs)


def draw(shape, domain, dtype, rng):
    """Random numbers of a domain.  Distances to kinks are far above a difference quotient's step.

    real: of both signs, away from 0 and from integers and halves; positive: 0.3 to 2.3; unit:
    -0.9 to 0.9 away from 0; above1: 1.1 to 3; nonzero: magnitude 0.5 to 2; distinct: no two
    alike; below:n: indices 0 to n-1; permuted: 0, 1, 2, ... along the first dimension, changed so
    that no line of any dimension has a repetition; probability: 0 to 1;
    sign: 1 or -1; labels: rows of different classes, ended by a -1.
    In integer dtypes the domains hold small integers, so that products stay in range.
    """
    size = int(np.prod(shape, dtype=int))
    if domain.startswith("below:"):
        return rng.integers(0, int(domain[6:]), shape).astype(dtype)
    if domain == "labels":
        # In each row different classes in any order, cut off by a -1
        rows = [rng.permutation(shape[-1]) for _ in range(size // shape[-1])]
        for row in rows:
            row[rng.integers(0, shape[-1])] = -1
        return np.reshape(rows, shape).astype(dtype)
    if domain == "permuted":
        # A Latin square's corner: (i + j) mod n
        return (np.indices(shape).sum(0) % max(*shape, 1)).astype(dtype)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype in INTS:
        low = {"positive": 1, "above1": 1, "nonzero": 1, "unit": 0, "probability": 0}.get(domain)
        high = {"unit": 2, "probability": 2}.get(domain, 4)
        if domain == "distinct":
            return (rng.permutation(size) + 1).reshape(shape).astype(dtype)
        if low is None:
            low = 0 if dtype == "uint8" else -3
        a = rng.integers(low, high, shape)
        if domain == "nonzero" and dtype != "uint8":
            a = a * rng.choice([-1, 1], shape)
        return np.asarray(a).astype(dtype)
    sign = rng.choice([-1.0, 1.0], shape)
    u = rng.uniform(0.0, 1.0, shape)
    a = {
        "real": lambda: sign * (rng.integers(0, 4, shape) / 2 + 0.1 + 0.3 * u),
        "positive": lambda: 0.3 + 2 * u,
        "unit": lambda: sign * (0.1 + 0.8 * u),
        "above1": lambda: 1.1 + 1.9 * u,
        "nonzero": lambda: sign * (0.5 + 1.5 * u),
        "distinct": lambda: (rng.permutation(size).reshape(shape) - size / 2 + 0.2 + 0.3 * u) / 2,
        "probability": lambda: 0.05 + 0.9 * u,
        "sign": lambda: sign,
    }[domain]()
    return np.asarray(a).astype(dtype)


UNARY_SHAPES = [Sample(T(3, 4)), Sample(T()), Sample(T(0, 3)), Sample(T(2, 1, 3))]
BINARY_SHAPES = [
    Sample(T(3, 4), T(3, 4)), Sample(T(3, 4), T(4)), Sample(T(3, 1), T(2, 1, 4)),
    Sample(T(), T(2, 3)), Sample(T(2), T()), Sample(T(), T()), Sample(T(0, 3), T(1, 3)),
]


def unary(name, numpy, **options):
    """A case of one tensor, elementwise, with an in-place form."""
    case = Case(name, numpy, **{"samples": UNARY_SHAPES, "inplace": True, **options})
    if ":" not in name:
        case.errors = [Bad(([1.0],), TypeError, case.label), *case.errors]
    return case


def binary(name, numpy, **options):
    """A case of two tensors that broadcast, with an in-place form."""
    more = options.pop("more", [])
    said = options.pop("said", None)      # the operation that a message names
    case = Case(name, numpy, **{"samples": BINARY_SHAPES + more, "inplace": True, **options})
    if ":" not in name:
        kind = "bool" if "float32" not in case.dtypes else "float32"
        bad = (T(2, 3, dtype=kind), T(4, dtype=kind))
        case.errors = [Bad(bad, RuntimeError, rf"{said or case.label}.*2, 3.*4"), *case.errors]
    return case
